//! Explains why a TLS connection failed.

use std::error::Error;
use std::io;

use jiff::Timestamp;
use jiff::tz::Offset;
use rustls::pki_types::UnixTime;
use rustls::{AlertDescription, CertificateError, InvalidMessage, PeerIncompatible};

use crate::formats::escape;

/// The problem, to follow `cannot connect to HOST: `, and a hint.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct TlsProblem {
    pub(crate) what: String,
    pub(crate) hint: String,
}

/// The result of our own check of a certificate, for which rustls has no error.
#[derive(Debug, thiserror::Error)]
#[cfg_attr(
    not(all(unix, not(target_vendor = "apple"))),
    expect(dead_code, reason = "the system checks certificates there")
)]
pub(crate) enum CertificateFinding {
    #[error("is self-signed")]
    SelfSigned,
    #[error("is that of an authority")]
    OfAuthority,
    #[error("cannot be verified: no trusted certificates could be read")]
    NothingTrusted,
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
        other => (
            format!("TLS failed: {}", escape::escape(&other.to_string())),
            ADDRESS.to_owned(),
        ),
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
        CertificateError::UnknownIssuer => (
            "its certificate comes from an authority that this machine does not trust",
            TRUST_AUTHORITY,
        ),
        CertificateError::Revoked => (
            "its certificate was revoked",
            "the server needs a new certificate",
        ),
        CertificateError::InvalidPurpose | CertificateError::InvalidPurposeContext { .. } => (
            "its certificate is not meant for a server",
            "the server needs a certificate for server authentication",
        ),
        CertificateError::Other(other) => match other.0.downcast_ref() {
            Some(finding) => of_finding(finding),
            None => ("its certificate cannot be checked", ADDRESS),
        },
        other => {
            let reason = escape::escape(&other.to_string()).to_lowercase();
            return (
                format!("its certificate is not valid: {reason}"),
                ADDRESS.to_owned(),
            );
        }
    };
    (what.to_owned(), hint.to_owned())
}

fn of_finding(finding: &CertificateFinding) -> (&'static str, &'static str) {
    match finding {
        CertificateFinding::SelfSigned => ("its certificate is self-signed", TRUST_CERTIFICATE),
        CertificateFinding::OfAuthority => (
            "its certificate is that of a certificate authority, which cannot identify a server",
            "create the server's certificate with basicConstraints=CA:FALSE; \
             'openssl req -x509' needs -addext for that",
        ),
        CertificateFinding::NothingTrusted => (
            "its certificate cannot be verified, because no trusted certificates could be read",
            "install the package ca-certificates, or set SSL_CERT_FILE to a bundle in PEM format",
        ),
    }
}

const TRUST_AUTHORITY: &str = if cfg!(all(unix, not(target_vendor = "apple"))) {
    "to trust it, as for a company proxy, set SSL_CERT_FILE to a PEM file with its certificate"
} else {
    "to trust it, as for a company proxy, add its certificate to the system's trust store"
};
const TRUST_CERTIFICATE: &str = if cfg!(all(unix, not(target_vendor = "apple"))) {
    "to trust it, set SSL_CERT_FILE to a PEM file with this certificate"
} else {
    "to trust it, add this certificate to the system's trust store"
};

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
