//! Which credential the CLI itself uses. It is looked up anew for every command.
//!
//! In order of precedence: `AMIKA_API_KEY`, the stored API key, the login session. A stored credential
//! is only sent to the origin for which it was created. No other module knows the order.

use std::fmt;
use std::path::PathBuf;

use jiff::Timestamp;

use super::session::{LiveSession, RefreshReport, is_usable};
use super::store::{Session, Store, StoreError};
use super::workos::Workos;
use crate::error::{Error, Kind, Result};
use crate::net::origin::Origin;
use crate::net::redact::KnownSecrets;
use crate::secret::SecretValue;
use crate::system::env::Env;
use crate::ui::notices::Notices;

const THREE_WAYS: &str = "set AMIKA_API_KEY, or store a key with 'amika auth login --api-key-file FILE', \
     or log in with 'amika auth login'";
const ANOTHER_SERVER: &str = "set AMIKA_API_KEY for this server, or unset AMIKA_API_URL";
pub(crate) const LOG_IN_AGAIN: &str = "log in again: 'amika auth logout', then 'amika auth login'";

/// Where a credential came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Source {
    /// A key that is about to be stored, and is first checked against the API.
    NewApiKey,
    Environment,
    StoredApiKey,
    Session,
}

impl Source {
    /// The first source with a usable credential is used.
    pub(crate) const BY_PRECEDENCE: [Self; 3] = [Self::Environment, Self::StoredApiKey, Self::Session];

    /// What to do when the API does not accept the credential.
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

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NewApiKey => "this API key",
            Self::Environment => "AMIKA_API_KEY",
            Self::StoredApiKey => "the stored API key",
            Self::Session => "the login session",
        })
    }
}

/// The credential that this process sends to the API.
pub(crate) struct ApiCredential {
    pub(crate) source: Source,
    bearer: Bearer,
}

enum Bearer {
    Key(SecretValue, KnownSecrets),
    Session(Box<LiveSession>),
}

impl ApiCredential {
    pub(crate) fn from_key(source: Source, key: SecretValue) -> Self {
        let known = KnownSecrets::default();
        known.learn(&key);
        Self {
            source,
            bearer: Bearer::Key(key, known),
        }
    }

    pub(crate) fn from_session(session: LiveSession) -> Self {
        Self {
            source: Source::Session,
            bearer: Bearer::Session(Box::new(session)),
        }
    }

    /// The secrets to remove from every text of a server.
    pub(crate) fn known_secrets(&self) -> &KnownSecrets {
        match &self.bearer {
            Bearer::Key(_, known) => known,
            Bearer::Session(session) => session.known_secrets(),
        }
    }

    /// The token to send. That of a session is refreshed if it is about to expire.
    pub(crate) async fn bearer(&self) -> Result<SecretValue> {
        match &self.bearer {
            Bearer::Key(key, _) => Ok(key.clone()),
            Bearer::Session(session) => check_characters(&session.bearer(None).await?, "the login session"),
        }
    }

    /// A new token after the API rejected this one; `None` for an API key.
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

/// What a source holds.
pub(crate) enum Finding {
    Absent,
    Key(SecretValue),
    Session(Box<Session>),
    /// There is a credential that cannot be used.
    Unusable(Problem),
}

/// Why the credential of a source cannot be used.
pub(crate) enum Problem {
    Expired(Timestamp),
    /// It is for another server.
    OtherServer(String),
    Unreadable(String),
    /// It is in a keyring that is locked or not available.
    KeyringUnavailable(String),
}

/// Looks for credentials in the order of precedence.
pub(crate) struct Resolver<'a> {
    env: &'a Env,
    origin: &'a Origin,
    pub(crate) store: Option<Store>,
}

impl<'a> Resolver<'a> {
    /// Also removes the leftovers of a killed save.
    pub(crate) fn new(env: &'a Env, origin: &'a Origin) -> Self {
        let store = Store::locate(env);
        if let Some(store) = &store {
            store.remove_leftovers();
        }
        Self { env, origin, store }
    }

    /// Reads a source. Fails if the state directory is not trusted.
    pub(crate) fn look_up(&self, source: Source) -> Result<Finding> {
        if source == Source::Environment {
            return Ok(environment_key(self.env)?.map_or(Finding::Absent, Finding::Key));
        }
        let Some(store) = &self.store else {
            return Ok(Finding::Absent);
        };
        store.check_trust()?;
        Ok(match source {
            Source::NewApiKey | Source::Environment => Finding::Absent,
            Source::StoredApiKey => self.stored_key(store),
            Source::Session => self.stored_session(store),
        })
    }

    /// The file behind a source, for showing.
    pub(crate) fn path(&self, source: Source) -> Option<PathBuf> {
        let store = self.store.as_ref()?;
        match source {
            Source::NewApiKey | Source::Environment => None,
            Source::StoredApiKey => Some(store.api_key_path()),
            Source::Session => Some(store.session_path()),
        }
    }

    fn stored_key(&self, store: &Store) -> Finding {
        let stored = match store.api_key() {
            Ok(Some(stored)) => stored,
            Ok(None) => return Finding::Absent,
            Err(error) => return Finding::Unusable(error.into()),
        };
        let what = "the stored API key";
        if let Err(bad) = check_characters(&stored.key, what) {
            return Finding::Unusable(Problem::Unreadable(bad.message));
        }
        match check_origin(stored.api_url.as_deref(), self.origin, what) {
            Err(foreign) => Finding::Unusable(Problem::OtherServer(foreign.message)),
            Ok(()) => Finding::Key(stored.key),
        }
    }

    fn stored_session(&self, store: &Store) -> Finding {
        let session = match store.session() {
            Ok(None) => return Finding::Absent,
            Err(error) => return Finding::Unusable(error.into()),
            Ok(Some(session)) => session,
        };
        if let Err(foreign) = check_origin(session.api_url.as_deref(), self.origin, "the login session") {
            return Finding::Unusable(Problem::OtherServer(foreign.message));
        }
        if session.refresh_token.is_none() && !is_usable(&session, None, (self.env.now)()) {
            return Finding::Unusable(Problem::Expired(session.expires_at));
        }
        Finding::Session(Box::new(session))
    }
}

impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::KeyringUnavailable { .. } => Self::KeyringUnavailable(error.to_string()),
            StoreError::Unreadable { .. } => Self::Unreadable(error.to_string()),
        }
    }
}

/// Finds the credential for `origin`. Warns about files that are ignored or readable by others.
pub(crate) fn find(env: &Env, origin: &Origin, notices: &mut Notices) -> Result<ApiCredential> {
    let resolver = Resolver::new(env, origin);
    let mut problems = Vec::new();
    let mut hint = THREE_WAYS;
    for source in Source::BY_PRECEDENCE {
        let found = match resolver.look_up(source)? {
            Finding::Absent => continue,
            Finding::Unusable(problem) => {
                if matches!(problem, Problem::OtherServer(_)) {
                    hint = ANOTHER_SERVER;
                }
                problems.push(ignored(source, problem));
                continue;
            }
            Finding::Key(key) => ApiCredential::from_key(source, key),
            Finding::Session(session) => {
                let Some(store) = resolver.store.clone() else {
                    continue;
                };
                let workos = Workos::from_env(env)?;
                let live = LiveSession::new(store, workos, origin.clone(), env.now, *session);
                ApiCredential::from_session(live)
            }
        };
        for problem in problems {
            notices.warn(problem);
        }
        if source != Source::Environment {
            let exposed = resolver.store.iter().flat_map(Store::exposed);
            exposed.for_each(|exposed| notices.warn(exposed));
        }
        return Ok(found);
    }
    let message = match (resolver.store, problems.is_empty()) {
        (None, _) => "Not logged in, and there is no home directory to look in".to_owned(),
        (_, true) => "Not logged in".to_owned(),
        (_, false) => format!("Not logged in ({})", problems.join("; ")),
    };
    Err(Error::new(Kind::Credential, message).hint(hint))
}

/// The reason why a source was ignored, as text.
fn ignored(source: Source, problem: Problem) -> String {
    let file = match source {
        Source::Session => "session file",
        _ => "API key file",
    };
    match problem {
        Problem::Expired(_) => "the login session has expired".to_owned(),
        Problem::OtherServer(message) => message,
        Problem::Unreadable(reason) | Problem::KeyringUnavailable(reason) => {
            format!("ignoring unreadable {file}: {reason}")
        }
    }
}

/// `AMIKA_API_KEY`, trimmed. It is an error if it is set but blank: silently using another credential
/// would be surprising.
fn environment_key(env: &Env) -> Result<Option<SecretValue>> {
    let Some(raw) = env.variable("AMIKA_API_KEY") else {
        return Ok(None);
    };
    let text = raw.to_str().map(str::trim).unwrap_or_default();
    if text.is_empty() {
        return Err(Error::new(Kind::Credential, "AMIKA_API_KEY is set but empty")
            .hint("set it to a key, or unset it to use the stored credential"));
    }
    check_characters(&SecretValue::new(text.to_owned()), "AMIKA_API_KEY").map(Some)
}

/// Checks a key or token that is sent in a header: only visible ASCII is allowed.
pub(crate) fn check_characters(key: &SecretValue, source: &str) -> Result<SecretValue> {
    if !key.is_empty() && key.expose_secret().bytes().all(|byte| byte.is_ascii_graphic()) {
        Ok(key.clone())
    } else {
        let message = format!("{source} contains spaces or invalid characters");
        Err(Error::new(Kind::Credential, message)
            .hint("check that it was copied completely, and nothing else with it"))
    }
}

/// Refuses to send a credential that was created for `api_url` to another origin.
pub(crate) fn check_origin(api_url: Option<&str>, origin: &Origin, what: &str) -> Result<()> {
    let belongs = match api_url {
        None => origin.is_default(),
        Some(url) => Origin::parse("api_url", url).is_ok_and(|made_for| made_for == *origin),
    };
    if belongs {
        return Ok(());
    }
    Err(Error::new(
        Kind::Credential,
        format!("{what} belongs to another server than {origin} and is not sent to it"),
    )
    .hint(ANOTHER_SERVER))
}
