//! Proxies: R79.

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
    let (sender, asked) = channel();
    let address = listen(move |mut stream| {
        sender.send(head(&stream)).unwrap();
        let refusal = "HTTP/1.1 407 Proxy Authentication Required\r\ncontent-length: 0\r\n\r\n";
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
        for value in [
            format!("socks5://{CANARY}@127.0.0.1:1"),
            format!("http://u:{CANARY}@127.0.0.1:99999"),
            format!("http://{CANARY} x"),
            "://".to_owned(),
        ] {
            let mut command = sandbox.command(["secret", "list"]);
            command
                .env("AMIKA_API_URL", format!("https://{target}"))
                .env(variable, value);
            ran(command.output().unwrap()).exits(2).stderr_contains(variable);
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

    let closed = ClosedPort::new();
    let mut command = sandbox.command(["secret", "list"]);
    command
        .env("AMIKA_API_URL", "https://vault.invalid")
        .env("HTTPS_PROXY", format!("http://{}", closed.address()));
    ran(command.output().unwrap())
        .exits(6)
        .stderr_contains("cannot connect to the proxy (HTTPS_PROXY)");

    let plain = sandbox.vault.origin().replace("http://", "https://");
    let mut command = sandbox.command(["secret", "list"]);
    ran(command.env("AMIKA_API_URL", plain).output().unwrap())
        .exits(6)
        .stderr_contains("this port does not speak TLS; did you mean http://?");
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
