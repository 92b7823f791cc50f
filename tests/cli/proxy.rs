//! Proxies: R79, R117, R157.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::mpsc::{Receiver, channel};

use crate::sandbox::{CANARY, ClosedPort, Sandbox, ran};

/// Handles each connection with `serve`, on a thread that ends with the test run.
pub(crate) fn listen(serve: impl Fn(TcpStream) + Send + 'static) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || listener.incoming().flatten().for_each(serve));
    address
}

/// The head of an HTTP request, line by line.
pub(crate) fn head(stream: impl Read) -> Vec<String> {
    let lines = BufReader::new(stream).lines().map_while(Result::ok);
    lines.take_while(|line| !line.is_empty()).collect()
}

/// A proxy that refuses with 407 and records its requests.
fn proxy() -> (SocketAddr, Receiver<Vec<String>>) {
    refusing("407 Proxy Authentication Required")
}

/// A proxy that answers every request with this status and records it.
fn refusing(status: &'static str) -> (SocketAddr, Receiver<Vec<String>>) {
    let (sender, asked) = channel();
    let address = listen(move |mut stream| {
        sender.send(head(&stream)).unwrap();
        let refusal = format!("HTTP/1.1 {status}\r\ncontent-length: 0\r\n\r\n");
        // The client may have closed the connection.
        let _ = stream.write_all(refusal.as_bytes());
    });
    (address, asked)
}

/// R79: the proxy from the environment is used, and its password is never shown.
#[test]
fn a_proxy_is_used_and_its_password_never_shown() {
    let sandbox = Sandbox::new();
    let (address, asked) = proxy();
    let with_proxy = |origin: &str, no_proxy: &str| {
        let mut command = sandbox.command(["secret", "list", "-v"]);
        command
            .env("AMIKA_API_URL", origin)
            .env("HTTPS_PROXY", format!("http://user:{CANARY}@{address}"))
            .env("HTTP_PROXY", format!("http://user:{CANARY}@{address}"))
            .env("NO_PROXY", no_proxy);
        ran(command.output().unwrap())
    };
    with_proxy("https://vault.invalid", "")
        .exits(6)
        .stderr_contains("proxy");
    assert_eq!(
        asked.try_iter().next().unwrap()[0],
        "CONNECT vault.invalid:443 HTTP/1.1"
    );
    asked.try_iter().for_each(drop);
    let closed = ClosedPort::new();
    with_proxy(&format!("https://{}", closed.address()), "127.0.0.1").exits(6);
    // Plain http to loopback does not use the proxy.
    with_proxy(&sandbox.vault.origin(), "").exits(0);
    assert!(asked.try_iter().next().is_none());
}

/// R117: an invalid proxy variable is exit 2 and named, and nothing is sent directly.
#[test]
fn a_malformed_proxy_variable_is_refused() {
    let sandbox = Sandbox::new();
    let (target, asked) = proxy();
    // On Windows, variable names are case-insensitive.
    let lower_case = if cfg!(windows) {
        "HTTPS_PROXY"
    } else {
        "https_proxy"
    };
    for variable in ["HTTPS_PROXY", lower_case, "ALL_PROXY"] {
        for (value, problem) in [
            (format!("socks5://{CANARY}@127.0.0.1:1"), "SOCKS"),
            (format!("http://u:{CANARY}@127.0.0.1:99999"), "not a valid"),
            (format!("http://{CANARY} x"), "blank"),
            (format!("http://DOM\\u:{CANARY}@127.0.0.1:1"), "backslash"),
            (format!("http://u:{CANARY}@:3128"), "not a valid"),
            ("://".to_owned(), "not a valid"),
        ] {
            let mut command = sandbox.command(["secret", "list"]);
            command
                .env("AMIKA_API_URL", format!("https://{target}"))
                .env(variable, value);
            ran(command.output().unwrap())
                .exits(2)
                .stderr_contains(variable)
                .stderr_contains(problem)
                .stderr_contains("http://USER:PASSWORD@HOST:PORT");
        }
    }
    assert!(asked.try_iter().next().is_none());
}

/// The error says if the proxy is down, or if the port does not use TLS.
#[test]
fn a_failed_connection_names_its_cause() {
    let sandbox = Sandbox::new();
    let down = listen(drop);
    let mut command = sandbox.command(["secret", "list"]);
    command
        .env("AMIKA_API_URL", "https://vault.invalid")
        .env("HTTPS_PROXY", format!("http://{down}"));
    ran(command.output().unwrap()).exits(6).stderr_contains("proxy");

    let plain = sandbox.vault.origin().replace("http://", "https://");
    let mut command = sandbox.command(["secret", "list"]);
    ran(command.env("AMIKA_API_URL", plain).output().unwrap())
        .exits(6)
        .stderr_contains("this port does not speak TLS");
}

/// What cannot be connected to is named with what to check.
#[test]
fn a_refused_connection_says_what_to_check() {
    let sandbox = Sandbox::new();
    let closed = ClosedPort::new();
    let list = |origin: &str, proxy: Option<&str>| {
        let mut command = sandbox.command(["secret", "list"]);
        command.env("AMIKA_API_URL", origin);
        command.envs(proxy.map(|proxy| ("HTTPS_PROXY", proxy)));
        ran(command.output().unwrap()).exits(6).stderr
    };
    let address = format!("http://{}", closed.address());
    assert_eq!(
        list(&address, None),
        format!(
            "error: cannot connect to {address}: connection refused\n  \
             hint: check that the server is running, and the port in AMIKA_API_URL\n"
        )
    );
    assert_eq!(
        list("https://vault.invalid", Some(&address)),
        "error: cannot connect to the proxy (HTTPS_PROXY): connection refused\n  \
         hint: check the address in HTTPS_PROXY, or add the host to NO_PROXY\n"
    );
}

/// R157: a proxy that refuses is asked once, because another try may lock the account, and the error
/// says what to set.
#[test]
fn a_proxy_that_refuses_is_asked_once() {
    for (status, message) in [
        (
            "407 Proxy Authentication Required",
            "asks for a user name and password, or refuses them (407)",
        ),
        ("403 Forbidden", "refuses to connect to https://vault.invalid"),
    ] {
        for line in ["secret list", "secret push A=1 B=1 --yes"] {
            let sandbox = Sandbox::new();
            let (address, asked) = refusing(status);
            let mut command = sandbox.command(line.split(' '));
            command
                .env("AMIKA_API_URL", "https://vault.invalid")
                .env("HTTPS_PROXY", format!("http://user:{CANARY}@{address}"));
            ran(command.output().unwrap())
                .exits(6)
                .stderr_contains(&format!("the proxy (HTTPS_PROXY) {message}"))
                .stderr_contains("http://USER:PASSWORD@HOST:PORT");
            assert_eq!(asked.try_iter().count(), 1, "{status}: {line}");
        }
    }
}

/// R157: so it is for the identity provider.
#[test]
fn a_proxy_that_refuses_is_asked_once_for_a_refresh() {
    let sandbox = Sandbox::new();
    sandbox.log_in(-10);
    let (address, asked) = proxy();
    let mut command = sandbox.bare_command(["secret", "list"]);
    command
        .env_remove("AMIKA_WORKOS_URL")
        .env("HTTPS_PROXY", format!("http://user:{CANARY}@{address}"));
    ran(command.output().unwrap())
        .exits(6)
        .stderr_contains("error: the login cannot be refreshed now: the proxy (HTTPS_PROXY) asks")
        .stderr_contains("hint: set HTTPS_PROXY to http://USER:PASSWORD@HOST:PORT");
    assert_eq!(asked.try_iter().count(), 1);
}

/// R157: every usual form in `NO_PROXY` is honoured.
#[cfg(target_os = "linux")]
#[test]
fn every_form_of_no_proxy_is_honoured() {
    let (certificate, key) = crate::tls::certificate(&["localhost", "vault.localhost", "127.0.0.1"]);
    let port = crate::tls::serve(vec![certificate.der().clone()], &key).port();
    let sandbox = Sandbox::new();
    let trusted = sandbox.write("trusted.pem", certificate.pem());
    let (proxy, asked) = proxy();
    for (host, no_proxy, direct) in [
        ("127.0.0.1", "*".to_owned(), true),
        ("localhost", "*".to_owned(), true),
        ("localhost", "other.example, localhost".to_owned(), true),
        ("localhost", format!("localhost:{port}"), true),
        ("localhost", "localhost:1".to_owned(), false),
        ("127.0.0.1", format!("127.0.0.1:{port}"), true),
        ("127.0.0.1", "127.0.0.0/8".to_owned(), true),
        ("127.0.0.1", "10.0.0.0/8,[::1]".to_owned(), false),
        ("localhost", "*.localhost".to_owned(), true),
        ("localhost", "host".to_owned(), false),
    ] {
        let mut command = sandbox.command(["secret", "list"]);
        command
            .env("AMIKA_API_URL", format!("https://{host}:{port}"))
            .env("SSL_CERT_FILE", &trusted)
            .env("HTTPS_PROXY", format!("http://{proxy}"))
            .env("NO_PROXY", &no_proxy);
        ran(command.output().unwrap()).exits(if direct { 0 } else { 6 });
        assert_eq!(
            asked.try_iter().count(),
            usize::from(!direct),
            "{host} {no_proxy}"
        );
    }
}

/// A running tinyproxy with further lines of configuration; it is ended when dropped.
#[cfg(target_os = "linux")]
struct Tinyproxy(std::process::Child, u16);

#[cfg(target_os = "linux")]
impl Tinyproxy {
    fn start(sandbox: &Sandbox, settings: &str) -> Self {
        loop {
            let port = TcpListener::bind("127.0.0.1:0")
                .unwrap()
                .local_addr()
                .unwrap()
                .port();
            let configuration = format!("Port {port}\nListen 127.0.0.1\nAllow 127.0.0.1\n{settings}\n");
            let configuration = sandbox.write("tinyproxy.conf", configuration);
            let mut child = std::process::Command::new("tinyproxy")
                .arg("-d")
                .arg("-c")
                .arg(configuration)
                .stdout(std::process::Stdio::null())
                .stderr(std::process::Stdio::null())
                .spawn()
                .unwrap();
            while child.try_wait().unwrap().is_none() {
                if TcpStream::connect(("127.0.0.1", port)).is_ok() {
                    return Self(child, port);
                }
                std::thread::yield_now();
            }
        }
    }
}

#[cfg(target_os = "linux")]
impl Drop for Tinyproxy {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// R79, R157: a real proxy, with and without a login, and one that does not allow the port.
#[cfg(target_os = "linux")]
#[test]
fn a_real_proxy_connects_or_says_what_is_missing() {
    if !crate::sandbox::has_tools(&["tinyproxy"]) {
        return;
    }
    let (certificate, key) = crate::tls::certificate(&["localhost"]);
    let port = crate::tls::serve(vec![certificate.der().clone()], &key).port();
    let sandbox = Sandbox::new();
    let trusted = sandbox.write("trusted.pem", certificate.pem());
    let list = |proxy: &Tinyproxy, login: &str| {
        let mut command = sandbox.command(["secret", "list"]);
        command
            .env("AMIKA_API_URL", format!("https://localhost:{port}"))
            .env("SSL_CERT_FILE", &trusted)
            .env("HTTPS_PROXY", format!("http://{login}127.0.0.1:{}", proxy.1));
        ran(command.output().unwrap())
    };
    let open = Tinyproxy::start(&sandbox, "");
    list(&open, "").exits(0).stdout_contains("No secrets");
    let closed = Tinyproxy::start(&sandbox, &format!("BasicAuth dana {CANARY}"));
    list(&closed, &format!("dana:{}@", CANARY.replace('4', "%34"))).exits(0);
    // tinyproxy 1.11 answers 407 without a login, and 401 to a wrong one.
    for (login, message) in [
        ("", "asks for a user name and password"),
        ("dana:wrong@", "refuses to connect"),
        (&format!("dan:{CANARY}@"), "refuses to connect"),
    ] {
        list(&closed, login)
            .exits(6)
            .stderr_contains(message)
            .stderr_contains("http://USER:PASSWORD@HOST:PORT");
    }
    let strict = Tinyproxy::start(&sandbox, "ConnectPort 1");
    list(&strict, "")
        .exits(6)
        .stderr_contains("refuses to connect to https://localhost");
}
