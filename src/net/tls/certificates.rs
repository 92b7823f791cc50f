//! The trusted certificates of a Unix system: a bundle file, and a directory of single files that is
//! read only if the bundle does not contain the issuer.

use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use memchr::memmem::{self, Finder};
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{verify_server_cert_signed_by_trust_anchor, verify_server_name};
use rustls::crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::{CertificateError, DigitallySignedStruct, OtherError, RootCertStore, SignatureScheme};
use webpki::EndEntityCert;

use super::problem::CertificateFinding;

use crate::error::{Error, Kind, Result};
use crate::formats::escape;
use crate::system::env::Env;
use crate::system::file::read_bounded;

/// Maximum size of a bundle, in bytes. Debian's has 220 KB.
const MAX_BUNDLE: u64 = 16 * 1024 * 1024;
/// The markers around a certificate in PEM (RFC 7468).
const BEGIN: &[u8] = b"-----BEGIN CERTIFICATE-----";
const END: &[u8] = b"-----END CERTIFICATE-----";

/// The bundle and directories with trusted certificates.
#[derive(Debug, Clone, Default)]
pub(crate) struct Location {
    bundle: Option<PathBuf>,
    directories: Vec<PathBuf>,
}

impl Location {
    /// Reads `SSL_CERT_FILE` and `SSL_CERT_DIR`, the variables of OpenSSL. Either one replaces the
    /// system's certificates.
    pub(crate) fn from_env(env: &Env) -> Self {
        let directories = env.path("SSL_CERT_DIR").unwrap_or_default();
        Self {
            bundle: env.path("SSL_CERT_FILE"),
            directories: split_paths(&directories),
        }
    }

    /// Validates the locations in the environment, or finds the system's bundle and directories.
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
        Err(error) => crate::error::reason(&error),
    };
    let message = format!("SSL_CERT_FILE {}: {problem}", escape::path(path));
    Err(Error::usage(message).hint("set it to a file of trusted certificates in PEM format, or unset it"))
}

/// Verifies a server's certificate with the system's certificates, which are read when first needed.
#[derive(Debug)]
pub(crate) struct Verifier {
    location: Location,
    provider: Arc<CryptoProvider>,
    bundle: OnceLock<Vec<CertificateDer<'static>>>,
    directories: OnceLock<Vec<CertificateDer<'static>>>,
}

impl Verifier {
    pub(crate) fn new(location: Location, provider: Arc<CryptoProvider>) -> Self {
        Self {
            location,
            provider,
            bundle: OnceLock::new(),
            directories: OnceLock::new(),
        }
    }

    /// The certificates of the bundle.
    pub(crate) fn bundle(&self) -> &[CertificateDer<'static>] {
        self.bundle.get_or_init(|| {
            self.location
                .bundle
                .iter()
                .flat_map(|path| read_file(path))
                .collect()
        })
    }

    /// The certificates in the files of the directories.
    fn directories(&self) -> &[CertificateDer<'static>] {
        self.directories.get_or_init(|| {
            let directories = self.location.directories.iter();
            let entries = directories.filter_map(|path| path.read_dir().ok()).flatten();
            entries
                .flatten()
                .flat_map(|entry| read_file(&entry.path()))
                .collect()
        })
    }

    /// Replaces an error by a more specific one, if there is one.
    fn specify(&self, error: rustls::Error, end_entity: &CertificateDer<'_>) -> rustls::Error {
        let finding = match &error {
            error if is_untrusted(error) => {
                let is_self_signed = EndEntityCert::try_from(end_entity)
                    .is_ok_and(|certificate| certificate.issuer() == certificate.subject());
                if self.bundle().is_empty() && self.directories().is_empty() {
                    CertificateFinding::NothingTrusted
                } else if is_self_signed {
                    CertificateFinding::SelfSigned
                } else {
                    return CertificateError::UnknownIssuer.into();
                }
            }
            rustls::Error::InvalidCertificate(CertificateError::Other(other))
                if other.0.downcast_ref() == Some(&webpki::Error::CaUsedAsEndEntity) =>
            {
                CertificateFinding::OfAuthority
            }
            _ => return error,
        };
        CertificateError::Other(OtherError(Arc::new(finding))).into()
    }

    /// Verifies that one of `trusted` has issued the server's certificate, directly or through
    /// `intermediates`.
    fn verify_chain(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        trusted: &[CertificateDer<'static>],
        now: UnixTime,
    ) -> std::result::Result<(), rustls::Error> {
        // Parsing every certificate of a bundle takes longer than a TLS handshake, so certificates
        // that do not contain the name of an issuer are skipped.
        let chain = || [end_entity].into_iter().chain(intermediates);
        let chain = chain().filter_map(|certificate| EndEntityCert::try_from(certificate).ok());
        let issuers: Vec<_> = chain
            .map(|certificate| Finder::new(certificate.issuer()).into_owned())
            .collect();
        let candidates = trusted
            .iter()
            .filter(|certificate| issuers.iter().any(|issuer| issuer.find(certificate).is_some()));
        let mut roots = RootCertStore::empty();
        roots.add_parsable_certificates(candidates.cloned());
        verify_server_cert_signed_by_trust_anchor(
            &ParsedCertificate::try_from(end_entity)?,
            &roots,
            intermediates,
            now,
            self.provider.signature_verification_algorithms.all,
        )
    }
}

/// Whether no trusted authority has issued the certificate. A bad signature means that a trusted
/// certificate has only the name of the issuer, as with self-signed certificates for `localhost`.
fn is_untrusted(error: &rustls::Error) -> bool {
    matches!(
        error,
        rustls::Error::InvalidCertificate(CertificateError::UnknownIssuer | CertificateError::BadSignature)
    )
}

/// The certificates in a PEM file. An unreadable file has none, because a directory may contain other
/// files.
fn read_file(path: &Path) -> Vec<CertificateDer<'static>> {
    read_bounded(path, MAX_BUNDLE).map_or_else(|_| Vec::new(), |text| decode(&text))
}

/// The certificates in a PEM text, without those that are not valid Base64.
fn decode(text: &[u8]) -> Vec<CertificateDer<'static>> {
    let ends = Finder::new(END);
    let sections = memmem::find_iter(text, BEGIN).filter_map(|begin| {
        let section = &text[begin + BEGIN.len()..];
        Some(&section[..ends.find(section)?])
    });
    let decoded = sections.filter_map(|section| STANDARD.decode(without_line_ends(section)).ok());
    decoded.map(CertificateDer::from).collect()
}

fn without_line_ends(text: &[u8]) -> Vec<u8> {
    let mut joined = Vec::with_capacity(text.len());
    let mut start = 0;
    for end in memchr::memchr_iter(b'\n', text).chain([text.len()]) {
        joined.extend_from_slice(text[start..end].trim_ascii());
        start = end;
    }
    joined
}

impl ServerCertVerifier for Verifier {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        now: UnixTime,
    ) -> std::result::Result<ServerCertVerified, rustls::Error> {
        let mut verified = self.verify_chain(end_entity, intermediates, self.bundle(), now);
        if verified.as_ref().is_err_and(is_untrusted) {
            verified = self.verify_chain(end_entity, intermediates, self.directories(), now);
        }
        verified.map_err(|error| self.specify(error, end_entity))?;
        verify_server_name(&ParsedCertificate::try_from(end_entity)?, server_name)?;
        Ok(ServerCertVerified::assertion())
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

#[cfg(test)]
mod tests {
    use super::*;

    /// Other text in a bundle does not hide a certificate.
    #[test]
    fn certificates_are_found_among_other_text() {
        let bundle = "# Company root\r\n-----BEGIN CERTIFICATE-----\r\nMAAB\r\nAgME\r\n-----END CERTIFICATE-----\r\n\
            -----BEGIN TRUSTED CERTIFICATE-----\nMAAA\n-----END TRUSTED CERTIFICATE-----\n\
            -----BEGIN CERTIFICATE-----\nno Base64!\n-----END CERTIFICATE-----\n\
            -----BEGIN CERTIFICATE-----\n  MAA=\n-----END CERTIFICATE----------BEGIN CERTIFICATE-----\nMA==\n\
            -----END CERTIFICATE-----\n-----BEGIN CERTIFICATE-----\nMAAA";
        let found: Vec<_> = decode(bundle.as_bytes()).iter().map(|der| der.to_vec()).collect();
        assert_eq!(found, [vec![0x30, 0, 1, 2, 3, 4], vec![0x30, 0], vec![0x30]]);
    }
}
