//! The credential that this process sends to the API: a key, or the access token of a login.

use super::session::{LiveSession, RefreshReport};
use super::source::{Source, check_characters};
use crate::error::Result;
use crate::net::withhold::KnownSecrets;
use crate::secret::SecretValue;

/// The credential that this process sends to the API.
pub(crate) struct ApiCredential {
    pub(crate) source: Source,
    /// Whose it is: an email address, or where the key comes from.
    pub(crate) account: String,
    bearer: Bearer,
}

enum Bearer {
    Key(SecretValue, KnownSecrets),
    Session(Box<LiveSession>),
}

impl ApiCredential {
    pub(crate) fn from_key(source: Source, account: String, key: SecretValue) -> Self {
        let known = KnownSecrets::default();
        known.add(&key);
        Self {
            source,
            account,
            bearer: Bearer::Key(key, known),
        }
    }

    pub(crate) fn from_session(account: String, session: LiveSession) -> Self {
        Self {
            source: Source::Session,
            account,
            bearer: Bearer::Session(Box::new(session)),
        }
    }

    /// The secrets that a text of a server must not quote.
    pub(crate) fn known_secrets(&self) -> &KnownSecrets {
        match &self.bearer {
            Bearer::Key(_, known) => known,
            Bearer::Session(session) => session.known_secrets(),
        }
    }

    /// Returns the token to send. A session refreshes its token if it is about to expire.
    pub(crate) async fn bearer(&self) -> Result<SecretValue> {
        match &self.bearer {
            Bearer::Key(key, _) => Ok(key.clone()),
            Bearer::Session(session) => check_characters(&session.bearer(None).await?, "the login session"),
        }
    }

    /// Returns a new token after the API rejected this one; `None` for an API key.
    pub(crate) async fn refresh_after_401(&self, refused: &SecretValue) -> Option<Result<SecretValue>> {
        match &self.bearer {
            Bearer::Key(..) => None,
            Bearer::Session(session) => Some(session.bearer(Some(refused)).await),
        }
    }

    /// Completes a refresh of the login; called at the end of every command.
    pub(crate) async fn finish_refresh(&self) -> RefreshReport {
        match &self.bearer {
            Bearer::Key(..) => RefreshReport::default(),
            Bearer::Session(session) => session.finish_refresh().await,
        }
    }
}
