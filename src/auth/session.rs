//! A login session that refreshes its access token.
//!
//! A refresh token works once, and the reply contains the next one, so the login is lost if the
//! reply is lost or cannot be saved. Therefore only one process refreshes at a time. It reads the
//! stored session again when it holds the lock, and ensures that the result can be saved before
//! requesting it.

use std::cell::{Cell, RefCell};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use tokio::sync::{Mutex, oneshot};
use tokio::task::JoinHandle;
use tokio::time::timeout;

use super::backend::StoredInFile;
use super::prepared_session::PreparedSession;
use super::source::{LOG_IN_AGAIN, Source, check_origin};
use super::store::{Session, Store};
use super::workos::{ProviderError, Tokens, Workos};
use crate::error::{Error, Kind, Result};
use crate::formats::jwt::{self, Expiry};
use crate::net::origin::Origin;
use crate::net::withhold::KnownSecrets;
use crate::secret::SecretValue;
use crate::system::lock::Lock;
use crate::ui::notices::Notices;

/// Minimum remaining lifetime of a token; otherwise it is refreshed before use.
const MIN_LIFETIME: SignedDuration = SignedDuration::from_secs(60);
/// Assumed lifetime of a token without an expiry.
const DEFAULT_LIFETIME: SignedDuration = SignedDuration::from_secs(300);
/// How long an interrupted command waits for a running refresh.
const FINISH_TIMEOUT: Duration = Duration::from_secs(10);

/// The session of this process.
pub(crate) struct LiveSession {
    store: Store,
    workos: Workos,
    origin: Origin,
    now: fn() -> Timestamp,
    current: RefCell<Session>,
    /// Held during a refresh.
    gate: Mutex<()>,
    /// The last refresh, which continues if the command is interrupted. It returns the result if that
    /// was not received.
    refresh: Cell<Option<JoinHandle<Option<Result<Refreshed>>>>>,
    report: RefCell<RefreshReport>,
}

/// The report about a refresh at the end of a command.
#[derive(Default)]
pub(crate) struct RefreshReport {
    /// The error if the refreshed session could not be saved.
    pub(crate) unsaved: Option<Error>,
    pub(crate) notices: Notices,
    /// The outcome of a refresh that was running when the command was interrupted.
    pub(crate) interrupted: Option<&'static str>,
}

impl LiveSession {
    pub(crate) fn new(
        store: Store,
        workos: Workos,
        origin: Origin,
        now: fn() -> Timestamp,
        session: Session,
    ) -> Self {
        know_tokens(&workos, &session);
        Self {
            store,
            workos,
            origin,
            now,
            current: RefCell::new(session),
            gate: Mutex::new(()),
            refresh: Cell::new(None),
            report: RefCell::default(),
        }
    }

    /// The secrets that a text of a server must not quote.
    pub(crate) fn known_secrets(&self) -> &KnownSecrets {
        self.workos.known_secrets()
    }

    /// Returns an access token that is valid for at least a minute. `refused` is a token that the API
    /// rejected although it seemed valid; it is not used again.
    pub(crate) async fn bearer(&self, refused: Option<&SecretValue>) -> Result<SecretValue> {
        let usable = || is_usable(&self.current.borrow(), refused, (self.now)());
        if usable() {
            return Ok(self.current.borrow().access_token.clone());
        }
        let _only = self.gate.lock().await;
        // Another request of this process may have refreshed it in the meantime.
        if !usable() {
            let refreshed = self.refresh(refused.cloned()).await?;
            *self.current.borrow_mut() = refreshed;
        }
        Ok(self.current.borrow().access_token.clone())
    }

    /// Waits for a refresh that is still running, and reports what went wrong.
    pub(crate) async fn finish_refresh(&self) -> RefreshReport {
        if let Some(refresh) = self.refresh.take() {
            let under_way = !refresh.is_finished();
            // A refresh that takes longer has probably not reached the provider.
            let finished = timeout(FINISH_TIMEOUT, refresh).await;
            let mut report = self.report.borrow_mut();
            match finished {
                Ok(Ok(Some(Ok(refreshed)))) => {
                    report.interrupted = Some("the stored login was refreshed");
                    report.add(refreshed);
                }
                Ok(_) if !under_way => {}
                Ok(_) => report.interrupted = Some("the stored login was not refreshed"),
                Err(_) => report.interrupted = Some("a refresh of the stored login was not completed"),
            }
        }
        self.report.take()
    }

    async fn refresh(&self, refused: Option<SecretValue>) -> Result<Session> {
        let refresh = Refresh {
            lock: self.store.lock().await?,
            store: self.store.clone(),
            workos: self.workos.clone(),
            origin: self.origin.clone(),
            now: self.now,
            refused,
        };
        // A separate task saves the result even if the command is interrupted, because the refresh
        // token is used.
        let (sender, receiver) = oneshot::channel();
        self.refresh.set(Some(tokio::spawn(async move {
            sender.send(refresh.run().await).err()
        })));
        let refreshed = receiver.await.unwrap_or_else(|_| {
            Err(Error::new(
                Kind::State,
                "the refresh of the login was interrupted",
            ))
        })?;
        let session = refreshed.session.clone();
        self.report.borrow_mut().add(refreshed);
        Ok(session)
    }
}

impl RefreshReport {
    fn add(&mut self, refreshed: Refreshed) {
        self.unsaved = refreshed.unsaved;
        if let Some(fallback) = refreshed.fallback {
            self.notices.warn(fallback.to_string());
        }
    }
}

fn know_tokens(workos: &Workos, session: &Session) {
    workos.known_secrets().add(&session.access_token);
    if let Some(refresh_token) = &session.refresh_token {
        workos.known_secrets().add(refresh_token);
    }
}

/// Whether the access token of a session can be sent.
pub(crate) fn is_usable(session: &Session, refused: Option<&SecretValue>, now: Timestamp) -> bool {
    refused != Some(&session.access_token) && session.expires_at.duration_since(now) >= MIN_LIFETIME
}

/// One refresh. Its lock prevents other processes from refreshing.
struct Refresh {
    lock: Lock,
    store: Store,
    workos: Workos,
    origin: Origin,
    now: fn() -> Timestamp,
    refused: Option<SecretValue>,
}

struct Refreshed {
    session: Session,
    /// The error if the session could not be saved; it is then used by this process only.
    unsaved: Option<Error>,
    /// Set if the tokens are in the file although the keyring was selected.
    fallback: Option<StoredInFile>,
}

impl Refresh {
    async fn run(self) -> Result<Refreshed> {
        let mut session = self.stored()?;
        loop {
            if is_usable(&session, self.refused.as_ref(), (self.now)()) {
                return Ok(Refreshed {
                    session,
                    unsaved: None,
                    fallback: None,
                });
            }
            let Some(refresh_token) = session.refresh_token.clone() else {
                return Err(Error::new(Kind::Credential, "the login session has expired").hint(LOG_IN_AGAIN));
            };
            let prepared = PreparedSession::prepare(&self.store, &self.lock)?;
            let error = match self.workos.refresh(&refresh_token).await {
                Ok(tokens) => return self.save(prepared, session, tokens),
                Err(error) => error,
            };
            // Another program that does not use our lock may have used the token first.
            let again = self.stored()?;
            let spent = matches!(&error, ProviderError::Refused { code, .. } if code == "invalid_grant");
            if !spent || again.refresh_token.as_ref() == Some(&refresh_token) {
                return Err(refresh_error(error));
            }
            session = again;
        }
    }

    /// Saves the result of an exchange. A session that cannot be saved is still used by this process.
    fn save(&self, prepared: PreparedSession, old: Session, tokens: Tokens) -> Result<Refreshed> {
        let has_access_token = tokens.access_token.is_some();
        let session = successor(old, tokens, (self.now)());
        let saved = prepared.finish(&session, &self.lock);
        if !has_access_token {
            let message = "the identity provider refreshed the login without an access token";
            return Err(Error::new(Kind::Contract, message).hint("try again in a moment"));
        }
        let (unsaved, fallback) = match saved {
            Ok(fallback) => (None, fallback),
            Err(error) => (Some(unsaved_error(error)), None),
        };
        Ok(Refreshed {
            session,
            unsaved,
            fallback,
        })
    }

    /// Reads the stored session.
    fn stored(&self) -> Result<Session> {
        let stored = self.store.session().map_err(|error| {
            Error::from(error)
                .context("Not logged in: ignoring unreadable session file")
                .hint(LOG_IN_AGAIN)
        })?;
        let session =
            stored.ok_or_else(|| Error::new(Kind::Credential, "Not logged in").hint(LOG_IN_AGAIN))?;
        know_tokens(&self.workos, &session);
        check_origin(Source::Session, session.api_url.as_deref(), &self.origin)?;
        Ok(session)
    }
}

/// Updates the session after an exchange. Members that the reply omits are kept.
fn successor(old: Session, tokens: Tokens, now: Timestamp) -> Session {
    let expires_at = match tokens
        .access_token
        .as_ref()
        .map(|token| jwt::expiry(token.expose_secret()))
    {
        // If a new token seems to be expired, the clock of this machine is wrong.
        Some(Expiry::At(at)) if at.duration_since(now) >= MIN_LIFETIME => at,
        Some(_) => now.saturating_add(DEFAULT_LIFETIME).unwrap_or(now),
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

/// Creates the session of a new login.
pub(crate) fn new_session(tokens: Tokens, template: Session, now: Timestamp) -> Result<Session> {
    if tokens.access_token.is_none() {
        let message = "the identity provider finished the login without an access token";
        return Err(Error::new(Kind::Contract, message).hint("try again in a moment"));
    }
    Ok(successor(template, tokens, now))
}

fn unsaved_error(error: Error) -> Error {
    error
        .context("the login was refreshed for this command, but the result could not be saved")
        .hint(format!("the next command may need a new login; {LOG_IN_AGAIN}"))
}

/// The error for a failure of the provider. Only `invalid_grant` means that the login has ended.
fn refresh_error(error: ProviderError) -> Error {
    match error {
        ProviderError::Refused { code, .. } if code == "invalid_grant" => Error::new(
            Kind::Credential,
            "the login session has ended: it was revoked, or its refresh token was used elsewhere",
        )
        .hint(LOG_IN_AGAIN),
        ProviderError::Refused { .. } => Error::new(
            Kind::Unreachable,
            format!("the login cannot be refreshed now: {error}"),
        )
        .hint(format!(
            "the stored login is kept; if this persists, {LOG_IN_AGAIN}"
        )),
        ProviderError::Unavailable(reason) => Error::new(
            Kind::Unreachable,
            format!("the login cannot be refreshed now: {reason}"),
        )
        .hint("the stored login is kept; try again in a moment"),
        ProviderError::UnexpectedServer { message, hint } => Error::new(Kind::Contract, message).hint(hint),
        ProviderError::Setup(error) => error,
    }
}
