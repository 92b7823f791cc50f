//! Explains why a TLS connection failed.

use std::error::Error;
use std::io;

use jiff::Timestamp;
use jiff::tz::Offset;
use rustls::pki_types::UnixTime;
use rustls::{AlertDescription, CertificateError, InvalidMessage, OtherError, PeerIncompatible};

use crate::formats::escape;

/// The problem, to follow `cannot connect to HOST: `, and a hint.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct TlsProblem {
    pub(crate) what: String,
    pub(crate) hint: String,
}

const SET_CLOCK: &str =
    "if the clock of this machine is wrong, set it; otherwise the server needs a new certificate";
const ADDRESS: &str = "check AMIKA_API_URL; a proxy or login page may be in between";

/// Returns the TLS problem among the causes of a failed request, if there is one. `is_local` tells
/// whether the server is on loopback, where plain http is allowed.
pub(crate) fn explain(error: &(dyn Error + 'static), is_local: bool) -> Option<TlsProblem> {
    let (what, hint) = match find(error)? {
        rustls::Error::InvalidCertificate(error) => certificate(error),
        rustls::Error::InvalidMessage(InvalidMessage::InvalidContentType) if is_local => (
            "this port does not speak TLS; did you mean http://?".to_owned(),
            "set AMIKA_API_URL to the address with http://".to_owned(),
        ),
        rustls::Error::InvalidMessage(_) => (
            "this port does not speak TLS".to_owned(),
            "check the port in AMIKA_API_URL".to_owned(),
        ),
        rustls::Error::AlertReceived(AlertDescription::CertificateRequired) => (
            "the server asks for a client certificate, and amika has none".to_owned(),
            "use an address that needs no client certificate".to_owned(),
        ),
        rustls::Error::AlertReceived(AlertDescription::UnrecognisedName) => (
            "the server does not know this host name".to_owned(),
            ADDRESS.to_owned(),
        ),
        rustls::Error::AlertReceived(AlertDescription::ProtocolVersion)
        | rustls::Error::PeerIncompatible(
            PeerIncompatible::ServerDoesNotSupportTls12Or13
            | PeerIncompatible::ServerTlsVersionIsDisabledByOurConfig,
        ) => (
            "the server supports neither TLS 1.2 nor TLS 1.3".to_owned(),
            "enable one of them on the server".to_owned(),
        ),
        rustls::Error::PeerIncompatible(_) => (
            "the server and amika have no encryption method in common".to_owned(),
            "enable the default ciphers of TLS 1.2 or 1.3 on the server".to_owned(),
        ),
        // TLS 1.2 uses the same alert for both.
        rustls::Error::AlertReceived(AlertDescription::HandshakeFailure) => (
            "the server refuses the TLS handshake".to_owned(),
            "it may ask for a client certificate, which amika does not have, or allow only outdated ciphers"
                .to_owned(),
        ),
        rustls::Error::AlertReceived(alert) => (
            format!("the server ended the TLS handshake (alert {})", u8::from(*alert)),
            ADDRESS.to_owned(),
        ),
        rustls::Error::PeerMisbehaved(_) => (
            "the server does not follow the TLS protocol".to_owned(),
            ADDRESS.to_owned(),
        ),
        rustls::Error::General(reason) => (
            format!("TLS failed: {}", escape::escape(reason)),
            ADDRESS.to_owned(),
        ),
        rustls::Error::Other(other) => (format!("TLS failed: {}", inner(other)), ADDRESS.to_owned()),
        _ => ("TLS failed".to_owned(), ADDRESS.to_owned()),
    };
    Some(TlsProblem { what, hint })
}

/// Returns the error of rustls. The source of an I/O error is not the error that it contains.
fn find<'e>(error: &'e (dyn Error + 'static)) -> Option<&'e rustls::Error> {
    let mut next = Some(error);
    while let Some(error) = next {
        let inside = error.downcast_ref::<io::Error>().and_then(io::Error::get_ref);
        let found = error
            .downcast_ref()
            .or_else(|| inside.and_then(|inside| find(inside)));
        if found.is_some() {
            return found;
        }
        next = error.source();
    }
    None
}

/// Explains a problem of the server's certificate.
fn certificate(error: &CertificateError) -> (String, String) {
    let (what, hint) = match error {
        CertificateError::ExpiredContext { time, not_after } => {
            let (now, end) = (date(*time), date(*not_after));
            return (
                format!("its certificate expired on {end}, and today is {now}"),
                SET_CLOCK.to_owned(),
            );
        }
        CertificateError::NotValidYetContext { time, not_before } => {
            let (now, start) = (date(*time), date(*not_before));
            return (
                format!("its certificate is not valid before {start}, and today is {now}"),
                SET_CLOCK.to_owned(),
            );
        }
        CertificateError::NotValidForNameContext { expected, presented } => {
            let expected = expected.to_str();
            return (
                format!("its certificate is {}, not for {expected}", names(presented)),
                ADDRESS.to_owned(),
            );
        }
        CertificateError::Expired => ("its certificate has expired", SET_CLOCK),
        CertificateError::NotValidYet => ("its certificate is not valid yet", SET_CLOCK),
        CertificateError::NotValidForName => ("its certificate is for another host name", ADDRESS),
        // A bad signature, or one of another kind, means that a trusted certificate has only the name of
        // the issuer, as with self-signed certificates for `localhost`.
        CertificateError::UnknownIssuer
        | CertificateError::BadSignature
        | CertificateError::UnsupportedSignatureAlgorithmContext { .. }
        | CertificateError::UnsupportedSignatureAlgorithmForPublicKeyContext { .. } => (
            "its certificate is self-signed, or from an authority that this machine does not trust",
            "to trust it, set SSL_CERT_FILE to a PEM file with the certificate of the authority, such as that \
             of a company proxy, or with the self-signed one",
        ),
        CertificateError::Revoked => (
            "its certificate was revoked",
            "the server needs a new certificate",
        ),
        CertificateError::InvalidPurpose | CertificateError::InvalidPurposeContext { .. } => (
            "its certificate is not meant for a server",
            "the server needs a certificate for server authentication",
        ),
        CertificateError::Other(other) if inner(other) == "CaUsedAsEndEntity" => (
            "its certificate is that of a certificate authority, which cannot identify a server",
            "create the server's certificate with basicConstraints=CA:FALSE; 'openssl req -x509' needs -addext \
             for that",
        ),
        CertificateError::Other(other) => {
            let what = format!("its certificate cannot be verified: {}", inner(other));
            return (what, ADDRESS.to_owned());
        }
        _ => ("its certificate cannot be verified", ADDRESS),
    };
    (what.to_owned(), hint.to_owned())
}

/// The message of an error of another library. `Display` of [`OtherError`] would be its `Debug` form.
fn inner(error: &OtherError) -> String {
    escape::escape(&error.0.to_string()).into_owned()
}

/// The date of a time, such as `2026-11-25`.
fn date(time: UnixTime) -> String {
    let seconds = i64::try_from(time.as_secs()).unwrap_or(i64::MAX);
    let time = Timestamp::from_second(seconds).unwrap_or(Timestamp::MAX);
    Offset::UTC.to_datetime(time).date().to_string()
}

/// Formats the names that rustls lists as `DnsName("a.example")`: `for a.example, b.example`.
fn names(presented: &[String]) -> String {
    const SHOWN: usize = 3;
    let inner = |name: &String| name.split('"').nth(1).unwrap_or(name).to_owned();
    let names: Vec<_> = presented.iter().take(SHOWN).map(inner).collect();
    if names.is_empty() {
        return "for no host name".to_owned();
    }
    let more = if presented.len() > SHOWN {
        " and others"
    } else {
        ""
    };
    escape::escape(&format!("for {}{more}", names.join(", "))).into_owned()
}
