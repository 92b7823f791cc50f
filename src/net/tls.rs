//! TLS with the cryptography of `ring`, the verifier of rustls and the certificates that the operating
//! system trusts.

use std::path::{Path, PathBuf};

use reqwest::ClientBuilder;
use rustls::RootCertStore;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;

use crate::error::{Error, Result};
use crate::formats::shell;
use crate::system::env::Env;
use crate::system::file::{self, FileError};
use crate::system::given::unused_place;

mod problem;

pub(crate) use self::problem::{explain, find};

/// Maximum size of a file with certificates, in bytes. Debian's bundle has 220 KB.
const MAX_BUNDLE: u64 = 16 * 1024 * 1024;

/// The certificates to trust that the environment names, with the variables of OpenSSL. On Linux they
/// replace those of the system, as in OpenSSL; elsewhere they are added to them.
#[derive(Debug, Clone)]
pub(crate) struct TrustStore {
    file: Option<PathBuf>,
    directories: Vec<PathBuf>,
}

impl TrustStore {
    /// Does not access the file system.
    pub(crate) fn from_env(env: &Env) -> Self {
        let directories = env.path("SSL_CERT_DIR").unwrap_or_default();
        let directories = std::env::split_paths(&directories);
        Self {
            file: env.path("SSL_CERT_FILE"),
            directories: directories.filter(|path| !path.as_os_str().is_empty()).collect(),
        }
    }

    /// Warnings about directories without a certificate, which are ignored.
    pub(crate) fn warnings(&self) -> Vec<String> {
        let is_empty = |path: &&PathBuf| !in_directory(path).any(|der| is_certificate(&der));
        let empty = self.directories.iter().filter(is_empty);
        empty
            .map(|path| {
                let path = unused_place(path, !path.exists());
                format!("SSL_CERT_DIR is ignored: there is no certificate in {path}")
            })
            .collect()
    }

    /// Sets up the TLS of a client. The certificates are only read for a client that uses TLS.
    pub(crate) fn set_up(&self, builder: ClientBuilder, uses_tls: bool) -> Result<ClientBuilder> {
        // Fails only if an earlier client has done the same.
        let _ = rustls::crypto::ring::default_provider().install_default();
        if !uses_tls {
            return Ok(builder.tls_certs_only([]));
        }
        let mut named = match &self.file {
            Some(path) => read_bundle(path)?,
            None => Vec::new(),
        };
        named.extend(self.directories.iter().flat_map(|path| in_directory(path)));
        named.retain(is_certificate);
        trust(builder, named)
    }
}

/// Trusts these certificates, or those of the system if there are none.
#[cfg(all(unix, not(target_vendor = "apple")))]
fn trust(builder: ClientBuilder, named: Vec<CertificateDer<'static>>) -> Result<ClientBuilder> {
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(if named.is_empty() { of_system() } else { named });
    if roots.is_empty() {
        let message = "this machine has no trusted certificates";
        return Err(Error::new(crate::error::Kind::Unreachable, message)
            .hint("install the package ca-certificates, or set SSL_CERT_FILE to a bundle in PEM format"));
    }
    let mut config = rustls::ClientConfig::builder()
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(builder.tls_backend_preconfigured(config))
}

/// Trusts these certificates in addition to the system, which verifies certificates itself.
#[cfg(not(all(unix, not(target_vendor = "apple"))))]
fn trust(builder: ClientBuilder, named: Vec<CertificateDer<'static>>) -> Result<ClientBuilder> {
    let named = named.into_iter().map(|der| reqwest::Certificate::from_der(&der));
    let named = named.collect::<reqwest::Result<Vec<_>>>();
    let named = named.map_err(|error| Error::usage("a certificate cannot be used").because(error))?;
    Ok(builder.tls_certs_merge(named))
}

/// The certificates of the system: those of its bundle, or of its directories if it has no bundle.
/// Reading both would take twice the time of a TLS handshake.
#[cfg(all(unix, not(target_vendor = "apple")))]
fn of_system() -> Vec<CertificateDer<'static>> {
    let system = openssl_probe::probe();
    let bundle = system.cert_file.map(|path| in_file(&path)).unwrap_or_default();
    if bundle.is_empty() {
        openssl_probe::candidate_cert_dirs()
            .flat_map(in_directory)
            .collect()
    } else {
        bundle
    }
}

/// Reads the bundle in `SSL_CERT_FILE`: exit 2 if there is no certificate in it.
fn read_bundle(path: &Path) -> Result<Vec<CertificateDer<'static>>> {
    let read = file::read_bounded(path, MAX_BUNDLE);
    let shown = unused_place(path, read.as_ref().is_err_and(FileError::is_missing));
    let refuse = |problem: &str| {
        let message = format!("SSL_CERT_FILE {shown}: {problem}");
        Error::usage(message).hint("set it to a file of trusted certificates in PEM format, or unset it")
    };
    let bytes = read.map_err(|reason| refuse(&reason.to_string()))?;
    let certificates = decode(&bytes);
    if !certificates.iter().any(is_certificate) {
        if !is_certificate(&CertificateDer::from(bytes.as_slice())) {
            return Err(refuse("contains no certificate in PEM format"));
        }
        let word = shell::path(path, None);
        return Err(refuse("is in DER format, not in PEM").hint(format!(
            "convert it: `openssl x509 -inform der -in {word} -out {word}.pem`"
        )));
    }
    Ok(certificates)
}

/// The certificates of the files in a directory. Other files are ignored.
fn in_directory(directory: &Path) -> impl Iterator<Item = CertificateDer<'static>> + use<> {
    let entries = std::fs::read_dir(directory).into_iter().flatten().flatten();
    entries.flat_map(|entry| in_file(&entry.path()))
}

/// The certificates in a file; none if it cannot be read.
fn in_file(path: &Path) -> Vec<CertificateDer<'static>> {
    file::read_bounded(path, MAX_BUNDLE).map_or_else(|_| Vec::new(), |bytes| decode(&bytes))
}

/// The certificates in a PEM text, without those that are not valid Base64.
fn decode(text: &[u8]) -> Vec<CertificateDer<'static>> {
    let text = text.strip_prefix(b"\xef\xbb\xbf").unwrap_or(text);
    CertificateDer::pem_slice_iter(text).flatten().collect()
}

fn is_certificate(der: &CertificateDer<'_>) -> bool {
    RootCertStore::empty().add(der.clone().into_owned()).is_ok()
}
