//! TLS with the cryptography of `ring` and the trusted certificates of the operating system.

use std::sync::Arc;

use rustls::ClientConfig;
use rustls::client::danger::ServerCertVerifier;
use rustls::crypto::CryptoProvider;

use crate::error::{Error, Kind, Result};
use crate::system::env::Env;

#[cfg(all(unix, not(target_vendor = "apple")))]
mod certificates;
mod problem;

pub(crate) use self::problem::{TlsProblem, explain};

/// The location of trusted certificates, from the environment.
#[derive(Debug, Clone)]
pub(crate) struct TrustStore {
    #[cfg(all(unix, not(target_vendor = "apple")))]
    location: certificates::Location,
}

impl TrustStore {
    /// Does not access the file system.
    #[cfg(all(unix, not(target_vendor = "apple")))]
    pub(crate) fn from_env(env: &Env) -> Self {
        Self {
            location: certificates::Location::from_env(env),
        }
    }

    /// The system's own trust store is used, regardless of variables.
    #[cfg(not(all(unix, not(target_vendor = "apple"))))]
    pub(crate) fn from_env(_: &Env) -> Self {
        Self {}
    }

    /// The configuration of a client. `connects` means that a TLS connection will be opened, so that
    /// the certificates are located now and read on a thread while the connection opens.
    pub(crate) fn client_config(&self, connects: bool) -> Result<ClientConfig> {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let verifier = self.verifier(Arc::clone(&provider), connects)?;
        let mut config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(setup_error)?
            .dangerous()
            .with_custom_certificate_verifier(verifier)
            .with_no_client_auth();
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        Ok(config)
    }

    #[cfg(all(unix, not(target_vendor = "apple")))]
    fn verifier(&self, provider: Arc<CryptoProvider>, connects: bool) -> Result<Arc<dyn ServerCertVerifier>> {
        let location = if connects {
            self.location.locate()?
        } else {
            self.location.clone()
        };
        let verifier = Arc::new(certificates::Verifier::new(location, provider));
        if connects {
            let early = Arc::clone(&verifier);
            std::thread::spawn(move || {
                early.bundle();
            });
        }
        Ok(verifier)
    }

    #[cfg(not(all(unix, not(target_vendor = "apple"))))]
    #[expect(clippy::unused_self, reason = "it has a field on other systems")]
    fn verifier(&self, provider: Arc<CryptoProvider>, _: bool) -> Result<Arc<dyn ServerCertVerifier>> {
        let verifier = rustls_platform_verifier::Verifier::new(provider).map_err(setup_error)?;
        Ok(Arc::new(verifier))
    }
}

fn setup_error(error: rustls::Error) -> Error {
    Error::new(Kind::Unreachable, "failed to set up TLS").because(error)
}
