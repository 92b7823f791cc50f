//! Which credential the CLI itself uses, found afresh for every command.
//!
//! The first of: `AMIKA_API_KEY`; the stored API key; the login session. A stored credential is
//! bound to the origin it was made for and is never sent to another.

use std::fmt;

use crate::error::{Error, Kind, Result};
use crate::net::origin::Origin;
use crate::secret::SecretValue;
use crate::system::env::Env;
use crate::ui::notices::Notices;

use super::backend::OutOfReach;
use super::session::{LiveSession, Trouble, is_usable};
use super::store::{Session, Store};
use super::workos::Workos;

const THREE_WAYS: &str = "set AMIKA_API_KEY, or store a key with 'amika auth login --api-key-file FILE', \
     or log in with 'amika auth login'";
const ANOTHER_SERVER: &str = "set AMIKA_API_KEY for this server, or unset AMIKA_API_URL";
pub(crate) const LOG_IN_AGAIN: &str = "log in again: 'amika auth logout', then 'amika auth login'";

/// Where a credential came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Source {
    Environment,
    StoredApiKey,
    Session,
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Environment => "AMIKA_API_KEY",
            Self::StoredApiKey => "the stored API key",
            Self::Session => "the login session",
        })
    }
}

/// What authorises the requests of this process, and where it came from.
pub(crate) struct ApiCredential {
    pub(crate) source: Source,
    bearer: Bearer,
}

enum Bearer {
    Key(SecretValue),
    Session(Box<LiveSession>),
}

impl ApiCredential {
    pub(crate) fn of(session: LiveSession) -> Self {
        Self {
            source: Source::Session,
            bearer: Bearer::Session(Box::new(session)),
        }
    }

    /// What to send; for a session a token that works for a while yet.
    pub(crate) async fn bearer(&self) -> Result<SecretValue> {
        match &self.bearer {
            Bearer::Key(key) => Ok(key.clone()),
            Bearer::Session(session) => check_characters(&session.bearer(None).await?, "the login session"),
        }
    }

    /// Another bearer in place of one that the API refused, if there can be one.
    pub(crate) async fn instead_of(&self, refused: &SecretValue) -> Option<Result<SecretValue>> {
        match &self.bearer {
            Bearer::Key(_) => None,
            Bearer::Session(session) => Some(session.bearer(Some(refused)).await),
        }
    }

    /// To be called at the end of a command, whatever became of it.
    pub(crate) async fn settle(&self) -> Trouble {
        match &self.bearer {
            Bearer::Key(_) => Trouble::default(),
            Bearer::Session(session) => session.settle().await,
        }
    }
}

/// Finds the credential for `origin`; `notices` gets a warning for a file that had to be
/// passed over, or that others may read.
pub(crate) fn find(env: &Env, origin: &Origin, notices: &mut Notices) -> Result<ApiCredential> {
    let key = |source, key| ApiCredential {
        source,
        bearer: Bearer::Key(key),
    };
    if let Some(found) = environment_key(env)? {
        return Ok(key(Source::Environment, found));
    }
    let Some(store) = Store::locate(env) else {
        return Err(Error::new(
            Kind::Credential,
            "Not logged in, and there is no home directory to look in",
        )
        .hint(THREE_WAYS));
    };
    store.tidy();
    let mut problems = Vec::new();
    let mut hint = THREE_WAYS;
    match stored_key(&store, origin) {
        Usable::Yes(found) => {
            store
                .exposed()
                .into_iter()
                .for_each(|exposed| notices.warn(exposed));
            return Ok(key(Source::StoredApiKey, found));
        }
        Usable::Absent => {}
        Usable::Foreign(foreign) => {
            hint = ANOTHER_SERVER;
            problems.push(foreign);
        }
        Usable::Unreadable(reason) | Usable::OutOfReach(reason) => {
            problems.push(format!("ignoring unreadable API key file: {reason}"));
        }
    }
    match stored_session(&store, origin) {
        Usable::Yes(session) if session.refresh_token.is_some() || is_usable(&session, None, (env.now)()) => {
            problems
                .into_iter()
                .chain(store.exposed())
                .for_each(|problem| notices.warn(problem));
            let workos = Workos::from_env(env)?;
            let live = LiveSession::new(store, workos, origin.clone(), env.now, session);
            return Ok(ApiCredential::of(live));
        }
        Usable::Yes(_) => problems.push("the login session has expired".to_owned()),
        Usable::Absent => {}
        Usable::Foreign(foreign) => {
            hint = ANOTHER_SERVER;
            problems.push(foreign);
        }
        Usable::Unreadable(reason) | Usable::OutOfReach(reason) => {
            problems.push(format!("ignoring unreadable session file: {reason}"));
        }
    }
    let message = if problems.is_empty() {
        "Not logged in".to_owned()
    } else {
        format!("Not logged in ({})", problems.join("; "))
    };
    Err(Error::new(Kind::Credential, message).hint(hint))
}

/// What there is of a stored credential.
pub(crate) enum Usable<T> {
    Yes(T),
    Absent,
    /// It was made for another server.
    Foreign(String),
    Unreadable(String),
    /// It is in a keyring that does not give it now.
    OutOfReach(String),
}

impl<T> Usable<T> {
    fn not(reason: &anyhow::Error) -> Self {
        if reason.is::<OutOfReach>() {
            Self::OutOfReach(format!("{reason:#}"))
        } else {
            Self::Unreadable(format!("{reason:#}"))
        }
    }
}

/// The stored API key, if it may be sent to `origin`.
pub(crate) fn stored_key(store: &Store, origin: &Origin) -> Usable<SecretValue> {
    let stored = match store.api_key() {
        Ok(Some(stored)) => stored,
        Ok(None) => return Usable::Absent,
        Err(reason) => return Usable::not(&reason),
    };
    let what = "the stored API key";
    match (
        check_characters(&stored.key, what),
        check_origin(stored.api_url.as_deref(), origin, what),
    ) {
        (Err(bad), _) => Usable::Unreadable(bad.message),
        (_, Err(foreign)) => Usable::Foreign(foreign.message),
        (Ok(key), Ok(())) => Usable::Yes(key),
    }
}

/// The login session, if it may be sent to `origin`. Whether it has expired is another question.
pub(crate) fn stored_session(store: &Store, origin: &Origin) -> Usable<Session> {
    match store.session() {
        Ok(None) => Usable::Absent,
        Err(reason) => Usable::not(&reason),
        Ok(Some(session)) => match check_origin(session.api_url.as_deref(), origin, "the login session") {
            Err(foreign) => Usable::Foreign(foreign.message),
            Ok(()) => Usable::Yes(session),
        },
    }
}

/// `AMIKA_API_KEY` without blanks at its ends. Set but blank is an error: it is meant to hold a
/// key, and falling back to another credential would surprise.
pub(crate) fn environment_key(env: &Env) -> Result<Option<SecretValue>> {
    let Some(raw) = env.variable("AMIKA_API_KEY") else {
        return Ok(None);
    };
    let text = raw.to_str().map(str::trim).unwrap_or_default();
    if text.is_empty() {
        return Err(
            Error::new(Kind::Credential, "AMIKA_API_KEY is set but holds no key")
                .hint("give it a value, or unset it to use a stored credential"),
        );
    }
    check_characters(&SecretValue::new(text.to_owned()), "AMIKA_API_KEY").map(Some)
}

/// A bearer goes into a header: visible ASCII only.
pub(crate) fn check_characters(key: &SecretValue, source: &str) -> Result<SecretValue> {
    if !key.is_empty() && key.expose_secret().bytes().all(|byte| byte.is_ascii_graphic()) {
        Ok(key.clone())
    } else {
        let message = format!("{source} holds spaces or characters that no key has");
        Err(Error::new(Kind::Credential, message).hint("was it copied whole, and only it?"))
    }
}

/// Whether a credential that was made for `api_url` may be sent to `origin`.
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
        format!("{what} was made for another server than {origin} and is not sent there"),
    )
    .hint(ANOTHER_SERVER))
}
