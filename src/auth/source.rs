//! The sources of the CLI's credential, and the checks before it is sent.

use std::fmt;

use crate::error::{Error, Kind, Result};
use crate::net::origin::ServerOrigin;
use crate::secret::SecretValue;

pub(crate) const LOG_IN_AGAIN: &str = "log in again: `amika auth logout`, then `amika auth login`";

/// The source of a credential.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum CredentialSource {
    /// A key that is checked against the API before it is stored.
    NewApiKey,
    Environment,
    StoredApiKey,
    Session,
}

impl CredentialSource {
    /// The sources in order of precedence; the first usable credential is used.
    pub(crate) const BY_PRECEDENCE: [Self; 3] = [Self::Environment, Self::StoredApiKey, Self::Session];

    /// What is stored, as in `stored session`.
    pub(crate) fn noun(self) -> &'static str {
        match self {
            Self::Session => "session",
            Self::NewApiKey | Self::Environment | Self::StoredApiKey => "API key",
        }
    }

    /// The hint if the API does not accept the credential.
    pub(crate) fn rejected_hint(self) -> &'static str {
        match self {
            Self::Environment => {
                "it may be revoked, expired or for another server; set AMIKA_API_KEY to a valid key"
            }
            Self::NewApiKey => "check that it was copied completely and belongs to this API",
            Self::StoredApiKey | Self::Session => LOG_IN_AGAIN,
        }
    }
}

impl fmt::Display for CredentialSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NewApiKey => "this API key",
            Self::Environment => "AMIKA_API_KEY",
            Self::StoredApiKey => "the stored API key",
            Self::Session => "the login session",
        })
    }
}

/// Returns the key or token if it can be sent in a header: only visible ASCII is allowed. `source` is
/// its name in the error.
pub(crate) fn check_characters(key: SecretValue, source: &str) -> Result<SecretValue> {
    if !key.is_empty() && key.expose_secret().bytes().all(|byte| byte.is_ascii_graphic()) {
        return Ok(key);
    }
    let message = format!("{source} contains spaces or invalid characters");
    Err(Error::new(Kind::Credential, message)
        .hint("check that it was copied completely, and nothing else with it"))
}

/// What to do about a stored credential that was created for another server.
pub(crate) const OTHER_SERVER_HINT: &str = "set AMIKA_API_KEY for this server, or unset AMIKA_API_URL";

/// Refuses to send a credential that was created for `api_url` to another origin.
pub(crate) fn check_origin(
    credential: CredentialSource,
    api_url: Option<&str>,
    origin: &ServerOrigin,
) -> Result<()> {
    let belongs = match api_url {
        None => origin.is_default(),
        Some(url) => ServerOrigin::parse("api_url", url).is_ok_and(|made_for| made_for == *origin),
    };
    if belongs {
        return Ok(());
    }
    let message = format!("{credential} belongs to another server than {origin} and is not sent to it");
    Err(Error::new(Kind::Credential, message).hint(OTHER_SERVER_HINT))
}
