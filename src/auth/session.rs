//! A login session that renews itself.
//!
//! A refresh token works once, and its successor comes in the reply: whoever loses the reply, or
//! cannot save it, has lost the login. So one process at a time renews; it looks again at what is
//! stored once it is alone; and it makes sure that the result can be saved before it asks for it.

use std::cell::{Cell, RefCell};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use tokio::sync::{Mutex, oneshot};
use tokio::task::JoinHandle;
use tokio::time::timeout;

use super::resolve::{LOG_IN_AGAIN, check_origin};
use super::store::{Session, Store};
use super::workos::{Failure, Tokens, Workos};
use crate::error::{Error, Kind, Result};
use crate::formats::jwt::{self, Expiry};
use crate::net::origin::Origin;
use crate::secret::SecretValue;
use crate::system::lock::Lock;
use crate::ui::notices::Notices;

/// A token with less time left than this is not worth starting with.
const MARGIN: SignedDuration = SignedDuration::from_secs(60);
/// How long a token is taken to work that does not say so.
const UNSTATED: SignedDuration = SignedDuration::from_secs(300);
/// How long a command that is stopped waits for a renewal that is on its way.
const PARTING: Duration = Duration::from_secs(10);

/// The session of this process.
pub(crate) struct LiveSession {
    store: Store,
    workos: Workos,
    origin: Origin,
    now: fn() -> Timestamp,
    current: RefCell<Session>,
    /// One renewal at a time.
    gate: Mutex<()>,
    /// The last renewal, which goes on when the command that wanted it is stopped.
    renewal: Cell<Option<JoinHandle<()>>>,
    trouble: RefCell<Trouble>,
}

/// What a renewal left to be told at the end.
#[derive(Default)]
pub(crate) struct Trouble {
    /// The renewed session could not be saved.
    pub(crate) unsaved: Option<Error>,
    pub(crate) notices: Notices,
}

impl LiveSession {
    pub(crate) fn new(
        store: Store,
        workos: Workos,
        origin: Origin,
        now: fn() -> Timestamp,
        session: Session,
    ) -> Self {
        Self {
            store,
            workos,
            origin,
            now,
            current: RefCell::new(session),
            gate: Mutex::new(()),
            renewal: Cell::new(None),
            trouble: RefCell::default(),
        }
    }

    /// A token that works for a while, renewed where needed. `refused` is one that the API did
    /// not accept although it looked valid: any other is better.
    pub(crate) async fn bearer(&self, refused: Option<&SecretValue>) -> Result<SecretValue> {
        let usable = || is_usable(&self.current.borrow(), refused, (self.now)());
        if usable() {
            return Ok(self.current.borrow().access_token.clone());
        }
        let _only = self.gate.lock().await;
        // Another request of this process may have renewed it meanwhile.
        if !usable() {
            let renewed = self.renew(refused.cloned()).await?;
            *self.current.borrow_mut() = renewed;
        }
        Ok(self.current.borrow().access_token.clone())
    }

    /// Waits for a renewal that was cut loose, and tells what went wrong.
    pub(crate) async fn settle(&self) -> Trouble {
        if let Some(renewal) = self.renewal.take() {
            // One that takes longer has most likely not reached the provider.
            let _ = timeout(PARTING, renewal).await;
        }
        self.trouble.take()
    }

    async fn renew(&self, refused: Option<SecretValue>) -> Result<Session> {
        let renewal = Renewal {
            lock: self.store.lock().await?,
            store: self.store.clone(),
            workos: self.workos.clone(),
            origin: self.origin.clone(),
            now: self.now,
            refused,
        };
        // On a task of its own: once the token is spent, the result is saved even when whoever
        // wanted it has been told to stop.
        let (sender, receiver) = oneshot::channel();
        self.renewal.set(Some(tokio::spawn(async move {
            let _ = sender.send(renewal.run().await);
        })));
        let renewed = receiver
            .await
            .unwrap_or_else(|_| Err(Error::new(Kind::State, "the renewal of the login was cut short")))?;
        let mut trouble = self.trouble.borrow_mut();
        trouble.unsaved = renewed.unsaved;
        if let Some(fallback) = renewed.fallback {
            trouble.notices.warn(fallback);
        }
        Ok(renewed.session)
    }
}

/// Whether a session's token can be sent.
pub(crate) fn is_usable(session: &Session, refused: Option<&SecretValue>, now: Timestamp) -> bool {
    refused != Some(&session.access_token) && session.expires_at.duration_since(now) >= MARGIN
}

/// One renewal, alone among all processes for as long as it holds the lock.
struct Renewal {
    lock: Lock,
    store: Store,
    workos: Workos,
    origin: Origin,
    now: fn() -> Timestamp,
    refused: Option<SecretValue>,
}

struct Renewed {
    session: Session,
    /// Why it works for this process only.
    unsaved: Option<Error>,
    /// Why the tokens are not where they were wanted.
    fallback: Option<String>,
}

impl Renewal {
    async fn run(self) -> Result<Renewed> {
        let mut session = self.stored()?;
        loop {
            if is_usable(&session, self.refused.as_ref(), (self.now)()) {
                return Ok(Renewed {
                    session,
                    unsaved: None,
                    fallback: None,
                });
            }
            let Some(refresh_token) = session.refresh_token.clone() else {
                return Err(Error::new(Kind::Credential, "the login session has expired").hint(LOG_IN_AGAIN));
            };
            let prepared = self.store.prepare_session(&self.lock)?;
            let failure = match self.workos.refresh(&refresh_token).await {
                Ok(tokens) => {
                    let without_token = tokens.access_token.is_none();
                    let session = successor(session, tokens, (self.now)());
                    let saved = prepared.finish(&session);
                    if without_token {
                        let message = "the identity provider renewed the login without an access token";
                        return Err(Error::new(Kind::Contract, message).hint("try again in a moment"));
                    }
                    let (unsaved, fallback) = match saved {
                        Ok(fallback) => (None, fallback),
                        Err(error) => (Some(forgotten(error)), None),
                    };
                    return Ok(Renewed {
                        session,
                        unsaved,
                        fallback,
                    });
                }
                Err(failure) => failure,
            };
            // Another program, which does not know our lock, may have used the token first.
            let again = self.stored()?;
            let spent = matches!(&failure, Failure::Refused { code, .. } if code == "invalid_grant");
            if spent && again.refresh_token.as_ref() != Some(&refresh_token) {
                session = again;
                continue;
            }
            return Err(explain(failure));
        }
    }

    /// The session as it is stored now.
    fn stored(&self) -> Result<Session> {
        let session = self.store.session().map_err(|reason| {
            Error::new(Kind::Credential, "Not logged in")
                .because(reason.context("ignoring unreadable session file"))
                .hint(LOG_IN_AGAIN)
        })?;
        let session =
            session.ok_or_else(|| Error::new(Kind::Credential, "Not logged in").hint(LOG_IN_AGAIN))?;
        check_origin(session.api_url.as_deref(), &self.origin, "the login session")?;
        Ok(session)
    }
}

/// The session after an exchange. What the reply leaves out stays as it was.
fn successor(old: Session, tokens: Tokens, now: Timestamp) -> Session {
    let expires_at = match tokens
        .access_token
        .as_ref()
        .map(|token| jwt::expiry(token.expose_secret()))
    {
        // A token that was just made and seems to end at once: it is our clock that is wrong.
        Some(Expiry::At(at)) if at.duration_since(now) >= MARGIN => at,
        Some(_) => now.saturating_add(UNSTATED).unwrap_or(now),
        None => old.expires_at,
    };
    Session {
        access_token: tokens.access_token.unwrap_or(old.access_token),
        refresh_token: tokens.refresh_token.or(old.refresh_token),
        expires_at,
        user_id: tokens.user_id.or(old.user_id),
        email: tokens.email.or(old.email),
        organization_id: tokens.organization_id.or(old.organization_id),
        ..old
    }
}

/// The session of a first login.
pub(crate) fn first(tokens: Tokens, template: Session, now: Timestamp) -> Result<Session> {
    if tokens.access_token.is_none() {
        let message = "the identity provider finished the login without an access token";
        return Err(Error::new(Kind::Contract, message).hint("try again in a moment"));
    }
    Ok(successor(template, tokens, now))
}

fn forgotten(error: Error) -> Error {
    error
        .context("the login was renewed for this command, and the result could not be saved")
        .hint(format!("the next command may need a new login; {LOG_IN_AGAIN}"))
}

/// A failure of the provider, for a person. Only `invalid_grant` means that the login is over.
fn explain(failure: Failure) -> Error {
    match failure {
        Failure::Refused { code, .. } if code == "invalid_grant" => Error::new(
            Kind::Credential,
            "the login session is over: it was revoked, or its refresh token was used elsewhere",
        )
        .hint(LOG_IN_AGAIN),
        Failure::Refused { code, message } => {
            let said = if message.is_empty() {
                String::new()
            } else {
                format!(": {message}")
            };
            let message =
                format!("the login cannot be renewed now: the identity provider refused ({code}){said}");
            Error::new(Kind::Unreachable, message).hint(format!(
                "the login is kept as it is; if this stays so, {LOG_IN_AGAIN}"
            ))
        }
        Failure::Trouble(reason) => Error::new(
            Kind::Unreachable,
            format!("the login cannot be renewed now: {reason}"),
        )
        .hint("the login is kept as it is; try again in a moment"),
        Failure::Stranger(error) => error,
    }
}
