//! The credential that this process sends to the API, found once per command.
//!
//! In order of precedence: `AMIKA_API_KEY`, the stored API key, the login session. A stored credential
//! is only sent to the origin for which it was created.

use jiff::Timestamp;

use super::session::{LiveSession, RefreshReport, Refresher};
use super::source::{CredentialSource, OTHER_SERVER_HINT, check_characters, check_origin};
use super::store::{Session, Store, StoreError};
use super::workos::Workos;
use crate::error::{Error, Kind, Result};
use crate::formats::escape;
use crate::net::origin::ServerOrigin;
use crate::net::withhold::KnownSecrets;
use crate::secret::SecretValue;
use crate::system::env::Env;
use crate::ui::notices::Notices;

const LOGIN_HINT: &str = "set AMIKA_API_KEY, or store a key with `amika auth login --api-key-file FILE`, \
     or log in with `amika auth login`";

/// The credential that this process sends to the API.
pub(crate) struct ApiCredential {
    pub(crate) source: CredentialSource,
    /// Whose it is: an email address, or where the key comes from.
    pub(crate) account: String,
    /// The secrets that a text of a server must not quote.
    pub(crate) known_secrets: KnownSecrets,
    bearer: Bearer,
}

enum Bearer {
    Key(SecretValue),
    Session(Box<LiveSession>),
}

impl ApiCredential {
    pub(crate) fn from_key(source: CredentialSource, account: String, key: SecretValue) -> Self {
        let known_secrets = KnownSecrets::default();
        known_secrets.add(&key);
        Self {
            source,
            account,
            known_secrets,
            bearer: Bearer::Key(key),
        }
    }

    /// A session that is saved in `store` after a refresh, for this origin.
    pub(crate) fn from_session(
        session: Session,
        store: Store,
        origin: ServerOrigin,
        env: &Env,
    ) -> Result<Self> {
        let refresher = Refresher {
            store,
            workos: Workos::from_env(env)?,
            origin,
            now: env.now,
        };
        Ok(Self {
            source: CredentialSource::Session,
            account: session.account().into_owned(),
            known_secrets: refresher.workos.known_secrets.clone(),
            bearer: Bearer::Session(Box::new(LiveSession::new(refresher, session))),
        })
    }

    /// Returns the token to send. A session first refreshes one that is about to expire, or that the API
    /// has rejected, which is `refused` then.
    pub(crate) async fn bearer(&self, refused: Option<&SecretValue>) -> Result<SecretValue> {
        match &self.bearer {
            Bearer::Key(key) => Ok(key.clone()),
            Bearer::Session(session) => check_characters(session.bearer(refused).await?, "the login session"),
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

/// A credential that can be used.
pub(crate) enum FoundCredential {
    Key(SecretValue),
    Session(Box<Session>),
}

/// What a source has.
pub(crate) type FindResult = std::result::Result<FoundCredential, UnusableReason>;

/// The reason why a credential cannot be used.
pub(crate) enum UnusableReason {
    Expired(Timestamp),
    OtherServer(Error),
    Stored(StoreError),
}

impl UnusableReason {
    /// What to do if no other credential can be used.
    pub(crate) fn hint(&self) -> Option<&'static str> {
        matches!(self, Self::OtherServer(_)).then_some(OTHER_SERVER_HINT)
    }
}

/// All sources of a credential for one origin.
pub(crate) struct Survey<'a> {
    env: &'a Env,
    origin: &'a ServerOrigin,
    environment_key: Option<SecretValue>,
    pub(crate) store: Option<Store>,
    /// Why the stored credentials are not read.
    pub(crate) untrusted: Option<Error>,
}

impl<'a> Survey<'a> {
    /// Locates the stored credentials, and removes the leftovers of a killed save. Fails if
    /// `AMIKA_API_KEY` cannot be used, because silently using another credential would be surprising.
    pub(crate) fn new(env: &'a Env, origin: &'a ServerOrigin) -> Result<Self> {
        let environment_key = environment_key(env)?;
        let store = Store::locate(env);
        if let Some(store) = &store {
            store.remove_leftovers();
        }
        let untrusted = store.as_ref().and_then(|store| store.check_trust().err());
        Ok(Self {
            env,
            origin,
            environment_key,
            store,
            untrusted,
        })
    }

    /// What the sources have, in order of precedence. Each is read when the iterator reaches it, because
    /// the keyring is not queried for a credential that is not used. Sources without one are left out.
    pub(crate) fn findings(&self) -> impl Iterator<Item = (CredentialSource, FindResult)> {
        CredentialSource::BY_PRECEDENCE
            .into_iter()
            .filter_map(|source| Some((source, self.look_up(source)?)))
    }

    fn look_up(&self, source: CredentialSource) -> Option<FindResult> {
        if source == CredentialSource::Environment {
            return Some(Ok(FoundCredential::Key(self.environment_key.clone()?)));
        }
        let store = self.store.as_ref().filter(|_| self.untrusted.is_none())?;
        let stored = if source == CredentialSource::Session {
            let session = store.session().transpose()?;
            session.map(|session| {
                (
                    session.api_url.clone(),
                    FoundCredential::Session(Box::new(session)),
                )
            })
        } else {
            let stored = store.api_key().transpose()?;
            stored.map(|stored| (stored.api_url, FoundCredential::Key(stored.key)))
        };
        let stored = stored.map_err(UnusableReason::Stored);
        Some(stored.and_then(|(api_url, found)| self.check(source, api_url.as_deref(), found)))
    }

    /// Accepts a stored credential that was made for this origin and has not ended.
    fn check(&self, source: CredentialSource, api_url: Option<&str>, found: FoundCredential) -> FindResult {
        check_origin(source, api_url, self.origin).map_err(UnusableReason::OtherServer)?;
        match found {
            FoundCredential::Session(session) if session.has_ended((self.env.now)()) => {
                Err(UnusableReason::Expired(session.expires_at))
            }
            found => Ok(found),
        }
    }

    /// The file of a source, for messages; `None` for the environment.
    pub(crate) fn place(&self, source: CredentialSource) -> Option<String> {
        let store = self
            .store
            .as_ref()
            .filter(|_| source != CredentialSource::Environment)?;
        Some(escape::home_path(&store.path(source), self.env.tilde()))
    }

    /// Warnings about what may let other users use the stored credentials.
    pub(crate) fn exposed(&self) -> impl Iterator<Item = String> {
        self.store.iter().flat_map(Store::exposed)
    }
}

/// Finds the credential for `origin`. Warns about files that are ignored or readable by other users.
pub(crate) fn find(env: &Env, origin: &ServerOrigin) -> Result<(ApiCredential, Notices)> {
    let survey = Survey::new(env, origin)?;
    let mut notices = Notices::default();
    let mut hint = LOGIN_HINT;
    for (source, finding) in survey.findings() {
        let credential = match finding {
            Err(problem) => {
                hint = problem.hint().unwrap_or(hint);
                notices.warn(describe(source, problem));
                continue;
            }
            Ok(FoundCredential::Key(key)) => {
                let place = survey.place(source).unwrap_or_else(|| "AMIKA_API_KEY".to_owned());
                ApiCredential::from_key(source, format!("the API key from {place}"), key)
            }
            Ok(FoundCredential::Session(session)) => {
                ApiCredential::from_session(*session, Store::require(env)?, origin.clone(), env)?
            }
        };
        if source != CredentialSource::Environment {
            for exposed in survey.exposed() {
                notices.warn(exposed);
            }
        } else if let Some(untrusted) = &survey.untrusted {
            notices.warn(untrusted.with_hint());
        }
        return Ok((credential, notices));
    }
    if let Some(untrusted) = survey.untrusted {
        return Err(untrusted);
    }
    let ignored: Vec<_> = notices.iter().map(|(_, message)| message).collect();
    let message = match (survey.store, ignored.is_empty()) {
        (None, _) => "Not logged in, and there is no home directory to look in".to_owned(),
        (_, true) => "Not logged in".to_owned(),
        (_, false) => format!("Not logged in ({})", ignored.join("; ")),
    };
    Err(Error::new(Kind::Credential, message).hint(hint))
}

/// Describes why a source was ignored.
fn describe(source: CredentialSource, problem: UnusableReason) -> String {
    match problem {
        UnusableReason::Expired(_) => "the login session has expired".to_owned(),
        UnusableReason::OtherServer(error) => error.to_string(),
        UnusableReason::Stored(error) => format!("ignoring unreadable {} file: {error}", source.noun()),
    }
}

/// Reads `AMIKA_API_KEY`, trimmed. A blank value is an error.
fn environment_key(env: &Env) -> Result<Option<SecretValue>> {
    let Some(raw) = env.variable("AMIKA_API_KEY") else {
        return Ok(None);
    };
    let text = raw.to_str().map(str::trim).unwrap_or_default();
    if text.is_empty() {
        return Err(Error::new(Kind::Credential, "AMIKA_API_KEY is set but empty")
            .hint("set it to a key, or unset it to use the stored credential"));
    }
    check_characters(SecretValue::new(text.to_owned()), "AMIKA_API_KEY").map(Some)
}
