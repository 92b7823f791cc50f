//! The trusted certificates of a Unix system: one bundle file, and a directory of single files that
//! is read only when the bundle does not know the issuer.

use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{CertificateError, DigitallySignedStruct, RootCertStore, SignatureScheme};

use crate::error::{Error, Kind, Result};
use crate::formats::escape;
use crate::system::env::Env;
use crate::system::file::read_bounded;

/// The largest bundle that is read, in bytes. Debian's has 220 KB.
const MAX_BUNDLE: u64 = 16 * 1024 * 1024;

/// Files and directories that hold trusted certificates.
#[derive(Debug, Clone, Default)]
pub(crate) struct Location {
    bundle: Option<PathBuf>,
    directories: Vec<PathBuf>,
}

impl Location {
    /// `SSL_CERT_FILE` and `SSL_CERT_DIR`, the variables of OpenSSL. Either one replaces what the
    /// system would offer.
    pub(crate) fn from_env(env: &Env) -> Self {
        let directories = env.path("SSL_CERT_DIR").unwrap_or_default();
        Self {
            bundle: env.path("SSL_CERT_FILE"),
            directories: split_paths(&directories),
        }
    }

    /// Checks what the environment names, or finds the system's own bundle and directories.
    pub(crate) fn locate(&self) -> Result<Self> {
        if let Some(bundle) = &self.bundle {
            check_bundle(bundle)?;
        } else if self.directories.is_empty() {
            let system = openssl_probe::probe();
            if system.cert_file.is_none() && system.cert_dir.is_empty() {
                let message = "this machine has no trusted certificates";
                return Err(Error::new(Kind::Unreachable, message)
                    .hint("install the package ca-certificates, or set SSL_CERT_FILE to a bundle"));
            }
            return Ok(Self {
                bundle: system.cert_file,
                directories: system.cert_dir,
            });
        }
        Ok(self.clone())
    }
}

fn split_paths(list: &Path) -> Vec<PathBuf> {
    std::env::split_paths(list)
        .filter(|path| !path.as_os_str().is_empty())
        .collect()
}

fn check_bundle(path: &Path) -> Result<()> {
    let problem = match path.metadata() {
        Ok(metadata) if metadata.is_file() => return Ok(()),
        Ok(_) => "is not a regular file".to_owned(),
        Err(error) => crate::system::file::reason(&error),
    };
    let message = format!("SSL_CERT_FILE {}: {problem}", escape::path(path));
    Err(Error::usage(message).hint("set it to a file of trusted certificates in PEM format, or unset it"))
}

/// Checks a server's certificate against the system's, which are read at the first need.
#[derive(Debug)]
pub(crate) struct Verifier {
    location: Location,
    provider: Arc<CryptoProvider>,
    from_bundle: OnceLock<Loaded>,
    from_everything: OnceLock<Loaded>,
}

type Loaded = std::result::Result<Arc<WebPkiServerVerifier>, rustls::Error>;

impl Verifier {
    pub(crate) fn new(location: Location, provider: Arc<CryptoProvider>) -> Self {
        Self {
            location,
            provider,
            from_bundle: OnceLock::new(),
            from_everything: OnceLock::new(),
        }
    }

    /// Reads the bundle; where there is none, the directories.
    pub(crate) fn load(&self) -> &Loaded {
        self.from_bundle.get_or_init(|| {
            let mut roots = RootCertStore::empty();
            match &self.location.bundle {
                Some(bundle) => add_file(&mut roots, bundle),
                None => self.add_directories(&mut roots),
            }
            self.verifier_for(roots)
        })
    }

    /// Reads the bundle and the directories.
    fn load_everything(&self) -> &Loaded {
        self.from_everything.get_or_init(|| {
            let mut roots = RootCertStore::empty();
            if let Some(bundle) = &self.location.bundle {
                add_file(&mut roots, bundle);
            }
            self.add_directories(&mut roots);
            self.verifier_for(roots)
        })
    }

    fn add_directories(&self, roots: &mut RootCertStore) {
        let entries = self.location.directories.iter();
        let entries = entries
            .filter_map(|directory| directory.read_dir().ok())
            .flatten();
        for entry in entries.flatten() {
            add_file(roots, &entry.path());
        }
    }

    fn verifier_for(&self, roots: RootCertStore) -> Loaded {
        if roots.is_empty() {
            let message = "no trusted certificate could be read; set SSL_CERT_FILE to a bundle";
            return Err(rustls::Error::General(message.to_owned()));
        }
        WebPkiServerVerifier::builder_with_provider(Arc::new(roots), Arc::clone(&self.provider))
            .build()
            .map_err(|error| rustls::Error::General(error.to_string()))
    }
}

/// Adds every certificate of a PEM file. A file that cannot be read adds nothing: a directory may
/// hold other things than certificates.
fn add_file(roots: &mut RootCertStore, path: &Path) {
    let Ok(text) = read_bounded(path, MAX_BUNDLE) else {
        return;
    };
    roots.add_parsable_certificates(CertificateDer::pem_slice_iter(&text).flatten());
}

impl ServerCertVerifier for Verifier {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> std::result::Result<ServerCertVerified, rustls::Error> {
        let verify = |loaded: &Loaded| {
            let verifier = loaded.as_ref().map_err(Clone::clone)?;
            verifier.verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now)
        };
        let verified = verify(self.load());
        let unknown = matches!(
            verified,
            Err(rustls::Error::InvalidCertificate(CertificateError::UnknownIssuer))
        );
        if unknown && self.location.bundle.is_some() && !self.location.directories.is_empty() {
            return verify(self.load_everything());
        }
        verified
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> std::result::Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls12_signature(message, certificate, signature, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> std::result::Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls13_signature(message, certificate, signature, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider
            .signature_verification_algorithms
            .supported_schemes()
    }
}
