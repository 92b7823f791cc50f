//! Whose certificate is believed: R78. On Linux alone `SSL_CERT_FILE` can say so; elsewhere the
//! system's own trust store decides.

use std::io::Write;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use crate::proxy::{head, listen};
use crate::sandbox::{Ran, Sandbox, ran};

/// A TLS server for `localhost` with an empty vault, and its certificate in PEM.
fn tls_vault(expires: (i32, u8, u8)) -> (SocketAddr, String) {
    let key = rcgen::KeyPair::generate().unwrap();
    let mut parameters = rcgen::CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
    parameters.not_after = rcgen::date_time_ymd(expires.0, expires.1, expires.2);
    let certificate = parameters.self_signed(&key).unwrap();
    let private = rustls::pki_types::PrivatePkcs8KeyDer::from(key.serialize_der()).into();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
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

/// R78: only a trusted and valid certificate is accepted.
#[test]
fn only_a_trusted_and_valid_certificate_is_accepted() {
    let sandbox = Sandbox::new();
    let (good, certificate) = tls_vault((2999, 1, 1));
    let trusted = sandbox.write("trusted.pem", certificate);
    let origin = format!("https://localhost:{}", good.port());
    list_over_tls(&sandbox, &origin, &trusted)
        .exits(0)
        .stdout_contains("No secrets");
    // The wrong name.
    list_over_tls(&sandbox, &format!("https://{good}"), &trusted)
        .exits(6)
        .stderr_contains("certificate");
    // An unknown authority.
    let (_, other) = tls_vault((2999, 1, 1));
    let other = sandbox.write("other.pem", other);
    list_over_tls(&sandbox, &origin, &other)
        .exits(6)
        .stderr_contains("certificate");
    // Expired.
    let (expired, certificate) = tls_vault((2001, 1, 1));
    let trusted = sandbox.write("expired.pem", certificate);
    list_over_tls(
        &sandbox,
        &format!("https://localhost:{}", expired.port()),
        &trusted,
    )
    .exits(6)
    .stderr_contains("expired");
}

/// R117: an `SSL_CERT_FILE` that is missing, or is no regular file, is exit 2 and named.
#[test]
fn an_ssl_cert_file_that_cannot_be_used_is_named() {
    let sandbox = Sandbox::new();
    let (vault, _) = tls_vault((2999, 1, 1));
    let origin = format!("https://localhost:{}", vault.port());
    let fifo = sandbox.home().join("fifo.pem");
    let made = std::process::Command::new("mkfifo").arg(&fifo).status();
    assert!(made.unwrap().success());
    for (path, problem) in [
        (sandbox.home().join("missing.pem"), "no such file"),
        (sandbox.home().to_owned(), "is not a regular file"),
        (fifo, "is not a regular file"),
    ] {
        list_over_tls(&sandbox, &origin, &path)
            .exits(2)
            .stderr_contains("SSL_CERT_FILE")
            .stderr_contains(problem);
    }
    // Nothing of TLS is looked at for plain http.
    let mut command = sandbox.command(["secret", "list"]);
    command.env("SSL_CERT_FILE", sandbox.home().join("missing.pem"));
    ran(command.output().unwrap()).exits(0);
}
