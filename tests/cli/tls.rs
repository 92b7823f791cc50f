//! Certificate verification: R78, R158.

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

/// A self-signed certificate for these hosts, and its key.
pub(crate) fn certificate(hosts: &[&str]) -> (rcgen::Certificate, KeyPair) {
    let hosts: Vec<_> = hosts.iter().map(|&host| host.to_owned()).collect();
    let key = KeyPair::generate().unwrap();
    let parameters = CertificateParams::new(hosts).unwrap();
    (parameters.self_signed(&key).unwrap(), key)
}

/// A TLS server with this certificate chain, its own certificate first.
pub(crate) fn serve(chain: Vec<CertificateDer<'static>>, key: &KeyPair) -> SocketAddr {
    serve_to(chain, key, None)
}

/// As [`serve`], but requires a client certificate from `issuer`, if there is one. TLS breaks after a create.
fn serve_to(
    chain: Vec<CertificateDer<'static>>,
    key: &KeyPair,
    issuer: Option<CertificateDer<'static>>,
) -> SocketAddr {
    let private = PrivatePkcs8KeyDer::from(key.serialize_der()).into();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = rustls::ServerConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .unwrap();
    let builder = match issuer {
        None => builder.with_no_client_auth(),
        Some(issuer) => {
            let mut roots = rustls::RootCertStore::empty();
            roots.add(issuer).unwrap();
            let roots = Arc::new(roots);
            let verifier = rustls::server::WebPkiClientVerifier::builder_with_provider(roots, provider);
            builder.with_client_cert_verifier(verifier.build().unwrap())
        }
    };
    let config = Arc::new(builder.with_single_cert(chain, private).unwrap());
    listen(move |stream| {
        let connection = rustls::ServerConnection::new(Arc::clone(&config)).unwrap();
        let mut stream = rustls::StreamOwned::new(connection, stream);
        let head = head(&mut stream);
        // A client that does not trust the certificate ends the handshake.
        let is_refused = head.is_empty();
        let is_create = head.first().is_some_and(|line| line.starts_with("POST "));
        if is_create {
            stream.sock.write_all(b"no record of TLS").unwrap();
        }
        if is_refused || is_create {
            // Unread data would reset the connection before the alert is received.
            stream.sock.shutdown(std::net::Shutdown::Write).unwrap();
            let _ = std::io::copy(&mut stream.sock, &mut std::io::sink());
        } else {
            let answer = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 2\r\n\r\n[]";
            stream.write_all(answer.as_bytes()).unwrap();
        }
    })
}

/// The parameters of a certificate for `localhost`.
fn for_localhost() -> CertificateParams {
    CertificateParams::new(vec!["localhost".to_owned()]).unwrap()
}

/// Starts a server that sends these bytes to every client, and returns its URL.
fn answering(bytes: &'static [u8]) -> String {
    let server = listen(move |mut stream| {
        stream.write_all(bytes).unwrap();
        stream.shutdown(std::net::Shutdown::Write).unwrap();
        let _ = std::io::copy(&mut stream, &mut std::io::sink());
    });
    format!("https://localhost:{}", server.port())
}

/// The parameters of a CA certificate.
fn authority(name: &str) -> CertificateParams {
    let mut parameters = CertificateParams::new(Vec::new()).unwrap();
    parameters.distinguished_name.push(DnType::CommonName, name);
    parameters.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    parameters
}

/// Returns the error of a list over TLS, which must name the server and not be retried.
fn refusal(sandbox: &Sandbox, origin: &str, trusted: &Path) -> String {
    let mut command = sandbox.command(["secret", "list", "-v"]);
    command.env("AMIKA_API_URL", origin).env("SSL_CERT_FILE", trusted);
    let said = ran(command.output().unwrap()).exits(6).stderr;
    assert_eq!(said.matches("> GET").count(), 1, "{said}");
    let error = said.split("error: ").nth(1).unwrap();
    let start = format!("cannot connect to {origin}: ");
    error
        .strip_prefix(&start)
        .unwrap_or_else(|| panic!("{error}"))
        .to_owned()
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

/// R117, R158: an `SSL_CERT_FILE` that is missing, no regular file, or without a certificate is exit 2
/// and named; one with a byte order mark or other line ends works.
#[test]
fn an_ssl_cert_file_that_cannot_be_used_is_named() {
    let sandbox = Sandbox::new();
    let (vault, pem) = tls_vault((2999, 1, 1));
    let origin = format!("https://localhost:{}", vault.port());
    let fifo = sandbox.home().join("fifo.pem");
    let made = std::process::Command::new("mkfifo").arg(&fifo).status();
    assert!(made.unwrap().success());
    let body: String = pem.lines().filter(|line| !line.starts_with("-----")).collect();
    let der = base64::Engine::decode(&base64::engine::general_purpose::STANDARD, body).unwrap();
    let key = "-----BEGIN PRIVATE KEY-----\nMAAB\n-----END PRIVATE KEY-----\n";
    let junk = "-----BEGIN CERTIFICATE-----\nMAAB\n-----END CERTIFICATE-----\n";
    for (path, problem) in [
        (sandbox.home().join("missing.pem"), "no such file"),
        (sandbox.home().to_owned(), "is a directory"),
        (fifo, "is not a regular file"),
        (
            sandbox.write("der file", &der),
            "is in DER format, not in PEM\n  hint: convert it: `openssl x509 -inform der -in '",
        ),
        (sandbox.write("empty.pem", ""), "contains no certificate"),
        (sandbox.write("key.pem", key), "contains no certificate"),
        (sandbox.write("junk.pem", junk), "contains no certificate"),
    ] {
        list_over_tls(&sandbox, &origin, &path)
            .exits(2)
            .stderr_contains("SSL_CERT_FILE")
            .stderr_contains(problem);
    }
    // R17: a key in place of a path is not repeated.
    let secret = "sk-ant-api03-c4n4ry-c4n4ry-c4n4ry";
    let mut command = sandbox.command(["secret", "list"]);
    command.env("AMIKA_API_URL", &origin);
    command.env("SSL_CERT_FILE", secret).env("SSL_CERT_DIR", secret);
    let run = ran(command.output().unwrap()).exits(2);
    assert!(run.stderr.contains("SSL_CERT_DIR is ignored"), "{run:?}");
    assert!(!run.stderr.contains(secret), "{run:?}");
    for text in [
        format!("\u{feff}{pem}"),
        pem.replace('\n', "\r\n"),
        format!("# Company root\n{junk}{key}{pem}"),
    ] {
        list_over_tls(&sandbox, &origin, &sandbox.write("good.pem", text)).exits(0);
    }
    // For plain http, `SSL_CERT_FILE` is ignored.
    let mut command = sandbox.command(["secret", "list"]);
    command.env("SSL_CERT_FILE", sandbox.home().join("missing.pem"));
    ran(command.output().unwrap()).exits(0);
}

/// R158: a missing directory, or one without a certificate, is ignored with a warning, and the
/// system's certificates are used.
#[cfg(target_os = "linux")]
#[test]
fn a_directory_without_certificates_is_ignored() {
    let sandbox = Sandbox::new();
    let (vault, pem) = tls_vault((2999, 1, 1));
    let origin = format!("https://localhost:{}", vault.port());
    sandbox.write("full/root.pem", &pem);
    sandbox.write("bare/README", "no certificate");
    sandbox.write("etc/ssl/certs/ca-certificates.crt", &pem);
    sandbox.write("etc/hosts", "127.0.0.1 localhost\n");
    let [full, bare, missing] = ["full", "bare", "missing"].map(|name| sandbox.home().join(name));
    let list = |directories: &str| {
        let mut command = sandbox.command(["secret", "list"]);
        command
            .env("AMIKA_API_URL", &origin)
            .env("SSL_CERT_DIR", directories);
        crate::sandbox::with_etc(&sandbox, &command)
    };
    for (directories, ignored) in [
        (bare.display().to_string(), vec![&bare]),
        (missing.display().to_string(), vec![&missing]),
        (format!("{}:{}", bare.display(), full.display()), vec![&bare]),
        (full.display().to_string(), vec![]),
        (":".to_owned(), vec![]),
    ] {
        let Some(run) = list(&directories) else {
            return;
        };
        let run = run.exits(0);
        let warnings = run
            .stderr
            .lines()
            .filter(|line| line.starts_with("warning: SSL_CERT_DIR is ignored"));
        assert_eq!(warnings.count(), ignored.len(), "{}", run.stderr);
        for path in ignored {
            assert!(run.stderr.contains(path.to_str().unwrap()), "{}", run.stderr);
        }
    }
    // Without the system's bundle its directory is read, and without both it is said.
    std::fs::rename(
        sandbox.path("etc/ssl/certs/ca-certificates.crt"),
        sandbox.path("etc/ssl/certs/0a.0"),
    )
    .unwrap();
    assert_eq!(list("").unwrap().exits(0).stderr, "");
    std::fs::remove_file(sandbox.path("etc/ssl/certs/0a.0")).unwrap();
    let message = "this machine has no trusted certificates";
    list(&bare.display().to_string())
        .unwrap()
        .exits(6)
        .stderr_contains(message);
}

/// Each problem of a certificate is explained, with a hint.
#[test]
fn a_certificate_that_cannot_be_used_is_explained() {
    let sandbox = Sandbox::new();
    let key = KeyPair::generate().unwrap();
    let own = |parameters: CertificateParams| {
        let certificate = parameters.self_signed(&key).unwrap();
        let server = serve(vec![certificate.der().clone()], &key);
        (format!("https://localhost:{}", server.port()), certificate.pem())
    };
    let other = authority("Other")
        .self_signed(&KeyPair::generate().unwrap())
        .unwrap();
    let other = sandbox.write("other.pem", other.pem());

    let mut expired = for_localhost();
    expired.not_after = rcgen::date_time_ymd(2001, 1, 31);
    let mut future = for_localhost();
    future.not_before = rcgen::date_time_ymd(2990, 2, 1);
    let elsewhere = CertificateParams::new(vec!["vault.example".to_owned()]).unwrap();
    let mut of_authority = for_localhost();
    of_authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    for (parameters, what, hint) in [
        (expired, "its certificate has expired\n", "set it"),
        (future, "its certificate is not valid yet\n", "set it"),
        (
            elsewhere,
            "its certificate is for another host name\n",
            "check AMIKA_API_URL",
        ),
        (
            of_authority,
            "its certificate is that of a certificate authority, which cannot identify a server\n",
            "basicConstraints=CA:FALSE",
        ),
    ] {
        let (origin, pem) = own(parameters);
        let said = refusal(&sandbox, &origin, &sandbox.write("own.pem", pem));
        assert!(said.starts_with(what), "{said}");
        assert!(said.contains("\n  hint: ") && said.contains(hint), "{said}");
    }

    // Following the hints of the next two makes them work.
    let (origin, pem) = own(for_localhost());
    let untrusted = "its certificate is self-signed, or from an authority that this machine does not trust\n  \
         hint: to trust it, set SSL_CERT_FILE to a PEM file with the certificate of the authority, such as that \
         of a company proxy, or with the self-signed one\n";
    assert_eq!(refusal(&sandbox, &origin, &other), untrusted);
    list_over_tls(&sandbox, &origin, &sandbox.write("own.pem", pem.clone())).exits(0);
    // Another certificate with the same name neither hides the right one, nor its absence.
    let (_, same_name) = tls_vault((2999, 1, 1));
    let same_name = sandbox.write("same_name.pem", same_name);
    assert_eq!(refusal(&sandbox, &origin, &same_name), untrusted);
    let ed25519 = KeyPair::generate_for(&rcgen::PKCS_ED25519).unwrap();
    let same_name_other_kind = for_localhost().self_signed(&ed25519).unwrap().pem();
    let same_name_other_kind = sandbox.write("other_kind.pem", same_name_other_kind);
    assert_eq!(refusal(&sandbox, &origin, &same_name_other_kind), untrusted);
    sandbox.write("certificates/own.pem", pem);
    let mut command = sandbox.command(["secret", "list"]);
    command
        .env("AMIKA_API_URL", &origin)
        .env("SSL_CERT_FILE", same_name)
        .env("SSL_CERT_DIR", sandbox.home().join("certificates"));
    ran(command.output().unwrap()).exits(0);

    let root_key = KeyPair::generate().unwrap();
    let root = authority("Company root").self_signed(&root_key).unwrap();
    let issuer = Issuer::new(authority("Company root"), root_key);
    let server = for_localhost().signed_by(&key, &issuer).unwrap();
    let origin = format!(
        "https://localhost:{}",
        serve(vec![server.der().clone()], &key).port()
    );
    assert_eq!(refusal(&sandbox, &origin, &other), untrusted);
    let root_file = sandbox.write("root.pem", root.pem());
    list_over_tls(&sandbox, &origin, &root_file).exits(0);

    let strict = serve_to(vec![server.der().clone()], &key, Some(root.der().clone()));
    let origin = format!("https://localhost:{}", strict.port());
    let said = refusal(&sandbox, &origin, &root_file);
    assert!(
        said.starts_with("the server refuses the TLS handshake\n"),
        "{said}"
    );
    assert!(
        said.contains("it asks for a client certificate, and amika has none"),
        "{said}"
    );
}

/// R68: a write whose connection breaks within TLS may have been carried out.
#[test]
fn a_write_is_in_doubt_if_tls_breaks_after_it_was_sent() {
    let sandbox = Sandbox::new();
    let (server, pem) = tls_vault((2999, 1, 1));
    let trusted = sandbox.write("trusted.pem", pem);
    let mut command = sandbox.command(["secret", "push", "A=1", "--yes"]);
    command.env("AMIKA_API_URL", format!("https://localhost:{}", server.port()));
    command.env("SSL_CERT_FILE", trusted);
    let run = ran(command.output().unwrap());
    assert!(!run.stderr.contains("not stored"), "{run:?}");
    run.exits(5)
        .stdout_contains("unknown: lost the connection to https://localhost:")
        .stdout_contains(": TLS failed\n");
}

/// A server that does not support TLS, or not a compatible version, is explained.
#[test]
fn a_server_without_usable_tls_is_explained() {
    let sandbox = Sandbox::new();
    let (_, pem) = tls_vault((2999, 1, 1));
    let trusted = sandbox.write("trusted.pem", pem);
    // Alerts of TLS (RFC 8446, section 6): level 2 is fatal, then the number of the description.
    for (bytes, what) in [
        (&b"SSH-2.0-OpenSSH_9.9\r\n"[..], "this port does not speak TLS"),
        (
            &b"\x15\x03\x01\0\x02\x02\x46"[..],
            "the server refuses the TLS handshake\n",
        ),
        (
            &b"\x15\x03\x03\0\x02\x02\x28"[..],
            "the server refuses the TLS handshake\n",
        ),
        (
            &b"\x15\x03\x03\0\x02\x02\x70"[..],
            "the server ended the TLS handshake (alert 112)\n",
        ),
    ] {
        let said = refusal(&sandbox, &answering(bytes), &trusted);
        assert!(said.starts_with(what) && said.contains("\n  hint: "), "{said}");
    }
    let https = sandbox.vault.origin().replace("http:", "https:");
    let said = refusal(&sandbox, &https, &trusted);
    assert!(
        said.starts_with("this port does not speak TLS\n  hint: check the port in AMIKA_API_URL"),
        "{said}"
    );
}
