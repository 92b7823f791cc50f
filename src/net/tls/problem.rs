//! Explains why a TLS connection failed.

use std::error::Error;
use std::io;

use jiff::Timestamp;
use rustls::pki_types::UnixTime;
use rustls::{AlertDescription, CertificateError, InvalidMessage, OtherError};

use crate::formats::escape;

const SET_CLOCK: &str =
    "if the clock of this machine is wrong, set it; otherwise the server needs a new certificate";
const ADDRESS: &str = "check AMIKA_API_URL; a proxy or login page may be in between";
const METHODS: &str = "the server needs TLS 1.2 or 1.3 with the default ciphers; or it asks for a client \
    certificate, and amika has none";
const TRUST: &str = "to trust it, set SSL_CERT_FILE to a PEM file with the certificate of the authority, such as \
    that of a company proxy, or with the self-signed one";
const NOT_A_SERVER: &str = "create the server's certificate with basicConstraints=CA:FALSE; \
    'openssl req -x509' needs -addext for that";

/// Returns the TLS problem among the causes of a failed request, if there is one, to follow
/// `cannot connect to HOST: `, and a hint. `is_local` tells whether the server is on loopback, where
/// plain http is allowed. An error that is not listed is never shown in its `Debug` form.
pub(crate) fn explain(error: &(dyn Error + 'static), is_local: bool) -> Option<(String, &'static str)> {
    Some(match find(error)? {
        rustls::Error::InvalidCertificate(error) => certificate(error),
        rustls::Error::InvalidMessage(InvalidMessage::InvalidContentType) if is_local => (
            "this port does not speak TLS; did you mean http://?".to_owned(),
            "set AMIKA_API_URL to the address with http://",
        ),
        rustls::Error::InvalidMessage(_) => {
            let what = "this port does not speak TLS";
            (what.to_owned(), "check the port in AMIKA_API_URL")
        }
        rustls::Error::PeerIncompatible(_)
        | rustls::Error::AlertReceived(
            AlertDescription::CertificateRequired
            | AlertDescription::HandshakeFailure
            | AlertDescription::ProtocolVersion,
        ) => ("the server refuses the TLS handshake".to_owned(), METHODS),
        rustls::Error::AlertReceived(alert) => {
            let what = format!("the server ended the TLS handshake (alert {})", u8::from(*alert));
            (what, ADDRESS)
        }
        rustls::Error::Other(other) => (format!("TLS failed: {}", inner(other)), ADDRESS),
        _ => ("TLS failed".to_owned(), ADDRESS),
    })
}

/// Returns the error of rustls. The source of an I/O error is not the error that it contains.
fn find<'e>(error: &'e (dyn Error + 'static)) -> Option<&'e rustls::Error> {
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
        CertificateError::ExpiredContext { time, not_after } => {
            let (now, end) = (date(*time), date(*not_after));
            (
                format!("its certificate expired on {end}, and today is {now}"),
                SET_CLOCK,
            )
        }
        CertificateError::NotValidYetContext { time, not_before } => {
            let (now, start) = (date(*time), date(*not_before));
            let what = format!("its certificate is not valid before {start}, and today is {now}");
            (what, SET_CLOCK)
        }
        CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
            ("its certificate is for another host name".to_owned(), ADDRESS)
        }
        // A bad signature, or one of another kind, means that a trusted certificate has only the name of
        // the issuer, as with self-signed certificates for `localhost`.
        CertificateError::UnknownIssuer
        | CertificateError::BadSignature
        | CertificateError::UnsupportedSignatureAlgorithmContext { .. }
        | CertificateError::UnsupportedSignatureAlgorithmForPublicKeyContext { .. } => (
            "its certificate is self-signed, or from an authority that this machine does not trust"
                .to_owned(),
            TRUST,
        ),
        CertificateError::Other(other) if inner(other) == "CaUsedAsEndEntity" => (
            "its certificate is that of a certificate authority, which cannot identify a server".to_owned(),
            NOT_A_SERVER,
        ),
        CertificateError::Other(other) => (
            format!("its certificate cannot be verified: {}", inner(other)),
            ADDRESS,
        ),
        _ => ("its certificate cannot be verified".to_owned(), ADDRESS),
    }
}

/// The message of an error of another library. `Display` of [`OtherError`] would be its `Debug` form.
fn inner(error: &OtherError) -> String {
    escape::escape(&error.0.to_string()).into_owned()
}

/// The date of a time, such as `2026-11-25`.
fn date(time: UnixTime) -> String {
    let seconds = i64::try_from(time.as_secs()).unwrap_or(i64::MAX);
    let time = Timestamp::from_second(seconds).unwrap_or(Timestamp::MAX);
    time.strftime("%F").to_string()
}
