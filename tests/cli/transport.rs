//! What lies between us and the API: TLS and proxies. R78, R79.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, channel};

use crate::sandbox::{CANARY, Ran, Sandbox, ran};

/// Serves each connection with `serve`, on a thread that ends with the test run.
fn listen(serve: impl Fn(TcpStream) + Send + 'static) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || listener.incoming().flatten().for_each(serve));
    address
}

/// The head of an HTTP request, line by line.
fn head(stream: impl Read) -> Vec<String> {
    let lines = BufReader::new(stream).lines().map_while(Result::ok);
    lines.take_while(|line| !line.is_empty()).collect()
}

/// A TLS server for `localhost` with an empty vault, and its certificate in PEM.
fn tls_vault(expires: (i32, u8, u8)) -> (SocketAddr, String) {
    let key = rcgen::KeyPair::generate().unwrap();
    let mut parameters = rcgen::CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
    parameters.not_after = rcgen::date_time_ymd(expires.0, expires.1, expires.2);
    let certificate = parameters.self_signed(&key).unwrap();
    let private = rustls::pki_types::PrivatePkcs8KeyDer::from(key.serialize_der()).into();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate.der().clone()], private)
        .unwrap();
    let config = Arc::new(config);
    let address = listen(move |stream| {
        let connection = rustls::ServerConnection::new(Arc::clone(&config)).unwrap();
        let mut stream = rustls::StreamOwned::new(connection, stream);
        // A client that does not trust us leaves during the handshake.
        if !head(&mut stream).is_empty() {
            let answer = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 2\r\n\r\n[]";
            stream.write_all(answer.as_bytes()).unwrap();
        }
    });
    (address, certificate.pem())
}

fn list_over_tls(sandbox: &Sandbox, origin: &str, trusted: &Path) -> Ran {
    let mut command = sandbox.command(["secret", "list"]);
    command.env("AMIKA_API_URL", origin).env("SSL_CERT_FILE", trusted);
    ran(command.output().unwrap())
}

#[cfg(target_os = "linux")]
#[test]
fn r78_only_a_trusted_and_valid_certificate_is_accepted() {
    let sandbox = Sandbox::new();
    let (good, certificate) = tls_vault((2999, 1, 1));
    let trusted = sandbox.write("trusted.pem", certificate);
    let origin = format!("https://localhost:{}", good.port());
    list_over_tls(&sandbox, &origin, &trusted)
        .exits(0)
        .says("No secrets");
    // The wrong name.
    list_over_tls(&sandbox, &format!("https://{good}"), &trusted)
        .exits(6)
        .complains("certificate");
    // An unknown authority.
    let (_, other) = tls_vault((2999, 1, 1));
    let other = sandbox.write("other.pem", other);
    list_over_tls(&sandbox, &origin, &other)
        .exits(6)
        .complains("certificate");
    // Expired.
    let (expired, certificate) = tls_vault((2001, 1, 1));
    let trusted = sandbox.write("expired.pem", certificate);
    list_over_tls(
        &sandbox,
        &format!("https://localhost:{}", expired.port()),
        &trusted,
    )
    .exits(6)
    .complains("expired");
}

/// A proxy that refuses with 407, and what it was asked.
fn proxy() -> (SocketAddr, Receiver<Vec<String>>) {
    let (sender, asked) = channel();
    let address = listen(move |mut stream| {
        sender.send(head(&stream)).unwrap();
        let refusal = "HTTP/1.1 407 Proxy Authentication Required\r\ncontent-length: 0\r\n\r\n";
        // The client may be gone already.
        let _ = stream.write_all(refusal.as_bytes());
    });
    (address, asked)
}

#[test]
fn r79_a_proxy_is_used_and_its_password_never_shown() {
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
        .complains("proxy");
    assert_eq!(
        asked.try_iter().next().unwrap()[0],
        "CONNECT vault.invalid:443 HTTP/1.1"
    );
    asked.try_iter().for_each(drop);
    let closed = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    with_proxy(&format!("https://{closed}"), "127.0.0.1").exits(6);
    // Plain http to this machine goes nowhere else.
    with_proxy(&sandbox.vault.origin(), "").exits(0);
    assert!(asked.try_iter().next().is_none());
}
