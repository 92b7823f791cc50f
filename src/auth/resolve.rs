//! Finds the credential that the CLI itself uses, once per command.
//!
//! In order of precedence: `AMIKA_API_KEY`, the stored API key, the login session. A stored credential
//! is only sent to the origin for which it was created.

use std::path::PathBuf;

use jiff::Timestamp;

use super::credential::ApiCredential;
use super::session::{LiveSession, is_usable};
use super::source::{OtherServer, Source, check_characters, check_origin};
use super::store::{Session, Store, StoreError};
use super::workos::Workos;
use crate::error::{Error, Kind, Result};
use crate::formats::escape;
use crate::net::origin::Origin;
use crate::secret::SecretValue;
use crate::system::env::Env;
use crate::ui::notices::Notices;

const LOGIN_HINT: &str = "set AMIKA_API_KEY, or store a key with 'amika auth login --api-key-file FILE', \
     or log in with 'amika auth login'";

/// The content of a source.
pub(crate) enum Finding {
    Absent,
    Key(SecretValue),
    Session(Box<Session>),
    /// A credential that cannot be used.
    Unusable(Problem),
}

/// The reason why a credential cannot be used.
pub(crate) enum Problem {
    Expired(Timestamp),
    OtherServer(OtherServer),
    Stored(StoreError),
}

/// Looks up credentials in order of precedence.
pub(crate) struct Resolver<'a> {
    env: &'a Env,
    origin: &'a Origin,
    pub(crate) store: Option<Store>,
}

impl<'a> Resolver<'a> {
    /// Creates a resolver, and removes the leftovers of a killed save.
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

    /// The file of a source, for messages.
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
        match check_origin(Source::StoredApiKey, stored.api_url.as_deref(), self.origin) {
            Err(error) => Finding::Unusable(Problem::OtherServer(error)),
            Ok(()) => Finding::Key(stored.key),
        }
    }

    fn stored_session(&self, store: &Store) -> Finding {
        let session = match store.session() {
            Ok(None) => return Finding::Absent,
            Err(error) => return Finding::Unusable(error.into()),
            Ok(Some(session)) => session,
        };
        if let Err(error) = check_origin(Source::Session, session.api_url.as_deref(), self.origin) {
            return Finding::Unusable(Problem::OtherServer(error));
        }
        if session.refresh_token.is_none() && !is_usable(&session, None, (self.env.now)()) {
            return Finding::Unusable(Problem::Expired(session.expires_at));
        }
        Finding::Session(Box::new(session))
    }
}

impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Self {
        Self::Stored(error)
    }
}

/// Finds the credential for `origin`. Warns about files that are ignored or readable by other users.
pub(crate) fn find(env: &Env, origin: &Origin, notices: &mut Notices) -> Result<ApiCredential> {
    let resolver = Resolver::new(env, origin);
    let mut problems = Vec::new();
    let mut hint = LOGIN_HINT;
    for source in Source::BY_PRECEDENCE {
        let found = match resolver.look_up(source)? {
            Finding::Absent => continue,
            Finding::Unusable(problem) => {
                if matches!(problem, Problem::OtherServer(_)) {
                    hint = OtherServer::HINT;
                }
                problems.push(ignored(source, problem));
                continue;
            }
            Finding::Key(key) => {
                let place = resolver.path(source).map_or_else(
                    || "AMIKA_API_KEY".to_owned(),
                    |path| escape::home_path(&path, env.tilde()),
                );
                ApiCredential::from_key(source, format!("the API key from {place}"), key)
            }
            Finding::Session(session) => {
                let Some(store) = resolver.store.clone() else {
                    continue;
                };
                let workos = Workos::from_env(env)?;
                let account = session.account().into_owned();
                let live = LiveSession::new(store, workos, origin.clone(), env.now, *session);
                ApiCredential::from_session(account, live)
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

/// Describes why a source was ignored.
fn ignored(source: Source, problem: Problem) -> String {
    let file = match source {
        Source::Session => "session file",
        _ => "API key file",
    };
    match problem {
        Problem::Expired(_) => "the login session has expired".to_owned(),
        Problem::OtherServer(error) => error.to_string(),
        Problem::Stored(error) => format!("ignoring unreadable {file}: {error}"),
    }
}

/// Reads `AMIKA_API_KEY`, trimmed. A blank value is an error, because silently using another
/// credential would be surprising.
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
