//! Certificate verification: R78. `SSL_CERT_FILE` is supported on Linux; other systems use their own
//! trust store.

use std::io::Write;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair};
use rustls::pki_types::{CertificateDer, PrivatePkcs8KeyDer};

use crate::proxy::{head, listen};
use crate::sandbox::{Ran, Sandbox, ran};

/// A TLS server for `localhost` with an empty vault, and its certificate as PEM.
fn tls_vault(expires: (i32, u8, u8)) -> (SocketAddr, String) {
    let key = KeyPair::generate().unwrap();
    let mut parameters = CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
    parameters.not_after = rcgen::date_time_ymd(expires.0, expires.1, expires.2);
    let certificate = parameters.self_signed(&key).unwrap();
    (serve(vec![certificate.der().clone()], &key), certificate.pem())
}

/// A TLS server with this certificate chain, its own certificate first.
fn serve(chain: Vec<CertificateDer<'static>>, key: &KeyPair) -> SocketAddr {
    let private = PrivatePkcs8KeyDer::from(key.serialize_der()).into();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(chain, private)
        .unwrap();
    let config = Arc::new(config);
    listen(move |stream| {
        let connection = rustls::ServerConnection::new(Arc::clone(&config)).unwrap();
        let mut stream = rustls::StreamOwned::new(connection, stream);
        // A client that does not trust the certificate ends the handshake.
        if !head(&mut stream).is_empty() {
            let answer = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 2\r\n\r\n[]";
            stream.write_all(answer.as_bytes()).unwrap();
        }
    })
}

/// The parameters of a CA certificate.
fn authority(name: &str) -> CertificateParams {
    let mut parameters = CertificateParams::new(Vec::new()).unwrap();
    parameters.distinguished_name.push(DnType::CommonName, name);
    parameters.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    parameters
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
    // A certificate for another name.
    list_over_tls(&sandbox, &format!("https://{good}"), &trusted)
        .exits(6)
        .stderr_contains("certificate");
    // A certificate from an unknown authority.
    let (_, other) = tls_vault((2999, 1, 1));
    let other = sandbox.write("other.pem", other);
    list_over_tls(&sandbox, &origin, &other)
        .exits(6)
        .stderr_contains("certificate");
    // An expired certificate.
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

/// R78: the root behind an intermediate certificate is found among many, in a bundle or in a
/// directory.
#[test]
fn a_root_is_found_behind_an_intermediate_certificate() {
    let sandbox = Sandbox::new();
    let [root_key, middle_key, key] = [(); 3].map(|()| KeyPair::generate().unwrap());
    let root = authority("Company root").self_signed(&root_key).unwrap();
    let root_issuer = Issuer::new(authority("Company root"), root_key);
    let middle = authority("Company servers")
        .signed_by(&middle_key, &root_issuer)
        .unwrap();
    let middle_issuer = Issuer::new(authority("Company servers"), middle_key);
    let parameters = CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
    let server = parameters.signed_by(&key, &middle_issuer).unwrap();
    let vault = serve(vec![server.der().clone(), middle.der().clone()], &key);
    let origin = format!("https://localhost:{}", vault.port());

    let others: Vec<_> = (0..20)
        .map(|n| {
            authority(&format!("Other {n}"))
                .self_signed(&KeyPair::generate().unwrap())
                .unwrap()
                .pem()
        })
        .collect();
    let unknown = sandbox.write("others.pem", others.concat());
    list_over_tls(&sandbox, &origin, &unknown)
        .exits(6)
        .stderr_contains("certificate");
    let known = sandbox.write("all.pem", others.concat() + &root.pem());
    list_over_tls(&sandbox, &origin, &known).exits(0);
    // An intermediate certificate may itself be trusted.
    let middle = sandbox.write("middle.pem", middle.pem());
    list_over_tls(&sandbox, &origin, &middle).exits(0);
    sandbox.write("certificates/root.pem", root.pem());
    let mut command = sandbox.command(["secret", "list"]);
    command
        .env("AMIKA_API_URL", &origin)
        .env("SSL_CERT_FILE", unknown)
        .env("SSL_CERT_DIR", sandbox.home().join("certificates"));
    ran(command.output().unwrap()).exits(0);
}

/// R117: an `SSL_CERT_FILE` that is missing or not a regular file is exit 2 and named.
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
    // For plain http, `SSL_CERT_FILE` is ignored.
    let mut command = sandbox.command(["secret", "list"]);
    command.env("SSL_CERT_FILE", sandbox.home().join("missing.pem"));
    ran(command.output().unwrap()).exits(0);
}
