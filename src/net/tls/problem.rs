//! Explains why a TLS connection failed.

use std::error::Error;
use std::io;

use rustls::{AlertDescription, CertificateError, OtherError};

use crate::formats::escape;

const SET_CLOCK: &str =
    "if the clock of this machine is wrong, set it; otherwise the server needs a new certificate";
const ADDRESS: &str = "check AMIKA_API_URL; a proxy or login page may be in between";
const NO_TLS: &str = "check the port in AMIKA_API_URL; for a server on this machine, http:// is allowed, too";
const METHODS: &str = "the server needs TLS 1.2 or 1.3 with the default ciphers; or it asks for a client \
    certificate, and amika has none";
const TRUST: &str = "to trust it, set SSL_CERT_FILE to a PEM file with the certificate of the authority, such as \
    that of a company proxy, or with the self-signed one";
const NOT_A_SERVER: &str = "create the server's certificate with basicConstraints=CA:FALSE; \
    'openssl req -x509' needs -addext for that";

/// Returns what is wrong with a TLS handshake, to follow `cannot connect to HOST: `, and a hint. `None`
/// after the handshake, when the request may have been carried out: the connection was lost, not refused.
/// The message never contains the `Debug` form of an error.
pub(crate) fn explain(error: &rustls::Error, in_handshake: bool) -> Option<(String, &'static str)> {
    // TLS 1.3 lets the client go on before the server refuses it.
    const NO_CLIENT_CERTIFICATE: rustls::Error =
        rustls::Error::AlertReceived(AlertDescription::CertificateRequired);
    if !in_handshake && *error != NO_CLIENT_CERTIFICATE {
        return None;
    }
    Some(match error {
        rustls::Error::InvalidCertificate(error) => certificate(error),
        rustls::Error::InvalidMessage(_) => ("this port does not speak TLS".into(), NO_TLS),
        rustls::Error::PeerIncompatible(_)
        | rustls::Error::AlertReceived(
            AlertDescription::CertificateRequired
            | AlertDescription::HandshakeFailure
            | AlertDescription::ProtocolVersion,
        ) => ("the server refuses the TLS handshake".into(), METHODS),
        rustls::Error::AlertReceived(alert) => {
            let what = format!("the server ended the TLS handshake (alert {})", u8::from(*alert));
            (what, ADDRESS)
        }
        rustls::Error::Other(other) => (format!("TLS failed: {}", inner(other)), ADDRESS),
        _ => ("TLS failed".into(), ADDRESS),
    })
}

/// Returns the error of rustls among the causes of a failed request. It may be inside an I/O error, whose
/// source is not the error that it contains.
pub(crate) fn find<'e>(error: &'e (dyn Error + 'static)) -> Option<&'e rustls::Error> {
    std::iter::successors(Some(error), |error| (*error).source()).find_map(|error| {
        let inside = error.downcast_ref::<io::Error>().and_then(io::Error::get_ref);
        error
            .downcast_ref()
            .or_else(|| inside.and_then(|inside| find(inside)))
    })
}

/// Explains a problem of the server's certificate.
fn certificate(error: &CertificateError) -> (String, &'static str) {
    match error {
        // The verifier of Windows gives no context.
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => {
            ("its certificate has expired".into(), SET_CLOCK)
        }
        CertificateError::NotValidYetContext { .. } => ("its certificate is not valid yet".into(), SET_CLOCK),
        CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
            ("its certificate is for another host name".into(), ADDRESS)
        }
        // A bad signature, or one of another kind, means that a trusted certificate has only the name of
        // the issuer, as with self-signed certificates for `localhost`.
        CertificateError::UnknownIssuer
        | CertificateError::BadSignature
        | CertificateError::UnsupportedSignatureAlgorithmContext { .. }
        | CertificateError::UnsupportedSignatureAlgorithmForPublicKeyContext { .. } => (
            "its certificate is self-signed, or from an authority that this machine does not trust".into(),
            TRUST,
        ),
        CertificateError::Other(other) if inner(other) == "CaUsedAsEndEntity" => (
            "its certificate is that of a certificate authority, which cannot identify a server".into(),
            NOT_A_SERVER,
        ),
        CertificateError::Other(other) => (
            format!("its certificate cannot be verified: {}", inner(other)),
            ADDRESS,
        ),
        _ => ("its certificate cannot be verified".into(), ADDRESS),
    }
}

/// The message of an error of another library. `Display` of [`OtherError`] would be its `Debug` form.
fn inner(error: &OtherError) -> String {
    escape::escape(&error.0.to_string()).into_owned()
}
