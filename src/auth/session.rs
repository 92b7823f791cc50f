//! A login session that refreshes its access token.
//!
//! A refresh token works once, and the reply contains the next one, so the login is lost if the
//! reply is lost or cannot be saved. Therefore only one process refreshes at a time. It reads the
//! stored session again when it holds the lock, and ensures that the result can be saved before
//! requesting it.

use std::sync::Arc;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use tokio::sync::Mutex;
use tokio::time::timeout;

use super::source::{CredentialSource, LOG_IN_AGAIN, check_origin};
use super::store::{CredentialBackend, Session, Store};
use super::workos::{ProviderError, Tokens, Workos};
use crate::error::{Error, Kind, Result};
use crate::formats::jwt::{self, Expiry};
use crate::net::origin::ServerOrigin;
use crate::secret::SecretValue;
use crate::system::lock::Lock;

/// Minimum remaining lifetime of a token; otherwise it is refreshed before use.
const MIN_LIFETIME: SignedDuration = SignedDuration::from_secs(60);
/// Assumed lifetime of a token without an expiry.
const DEFAULT_LIFETIME: SignedDuration = SignedDuration::from_secs(300);
/// How long an interrupted command waits for a running refresh.
const FINISH_TIMEOUT: Duration = Duration::from_secs(10);

/// The session of this process.
pub(crate) struct LiveSession {
    refresher: Refresher,
    /// Locked during a refresh, whose task holds the lock.
    current: Arc<Mutex<Current>>,
}

struct Current {
    session: Session,
    report: RefreshReport,
}

/// The report about the last refresh at the end of a command.
#[derive(Default)]
pub(crate) struct RefreshReport {
    /// The error if the refreshed session could not be saved.
    pub(crate) unsaved: Option<Error>,
    /// The outcome of a refresh that was running when the command was interrupted.
    pub(crate) interrupted: Option<&'static str>,
}

impl LiveSession {
    pub(crate) fn new(refresher: Refresher, session: Session) -> Self {
        refresher.know_tokens(&session);
        let report = RefreshReport::default();
        Self {
            refresher,
            current: Arc::new(Mutex::new(Current { session, report })),
        }
    }

    /// Returns an access token that is valid for at least a minute. `refused` is a token that the API
    /// rejected although it seemed valid; it is not used again.
    pub(crate) async fn bearer(&self, refused: Option<&SecretValue>) -> Result<SecretValue> {
        let mut current = Arc::clone(&self.current).lock_owned().await;
        if current.session.is_usable(refused, (self.refresher.now)()) {
            return Ok(current.session.access_token.clone());
        }
        let lock = self.refresher.store.lock().await?;
        let (renewal, refused) = (self.refresher.clone(), refused.cloned());
        // A task of its own saves the result even if the command is interrupted, because the refresh token
        // is spent. It holds the session until then.
        let task = tokio::spawn(async move {
            let refreshed = renewal.refresh(refused.as_ref(), &lock).await;
            current.report.interrupted = Some(match refreshed {
                Ok(_) => "the stored login was refreshed",
                Err(_) => "the stored login was not refreshed",
            });
            let (session, unsaved) = refreshed?;
            current.session = session;
            current.report.unsaved = unsaved;
            Ok(current.session.access_token.clone())
        });
        task.await.unwrap_or_else(|error| {
            Err(Error::new(Kind::State, "the refresh of the login was interrupted").because(error))
        })
    }

    /// Waits for a refresh that is still running, and reports what went wrong.
    pub(crate) async fn finish_refresh(&self) -> RefreshReport {
        let under_way = self.current.try_lock().is_err();
        match timeout(FINISH_TIMEOUT, self.current.lock()).await {
            Ok(mut current) => {
                let report = std::mem::take(&mut current.report);
                RefreshReport {
                    interrupted: report.interrupted.filter(|_| under_way),
                    ..report
                }
            }
            // A refresh that takes longer has probably not reached the provider.
            Err(_) => RefreshReport {
                unsaved: None,
                interrupted: Some("a refresh of the stored login was not completed"),
            },
        }
    }
}

impl Session {
    /// Whether the access token can be sent.
    pub(crate) fn is_usable(&self, refused: Option<&SecretValue>, now: Timestamp) -> bool {
        refused != Some(&self.access_token) && self.expires_at.duration_since(now) >= MIN_LIFETIME
    }

    /// Whether the access token cannot be sent and not be refreshed.
    pub(crate) fn has_ended(&self, now: Timestamp) -> bool {
        self.refresh_token.is_none() && !self.is_usable(None, now)
    }

    /// The session of a new login.
    pub(crate) fn new(
        tokens: Tokens,
        origin: &ServerOrigin,
        backend: CredentialBackend,
        now: Timestamp,
    ) -> Result<Self> {
        let Some(access_token) = tokens.access_token else {
            return Err(no_access_token("finished"));
        };
        Ok(Self {
            expires_at: expiry(&access_token, now),
            access_token,
            refresh_token: tokens.refresh_token,
            user_id: tokens.user_id,
            email: tokens.email,
            organization_id: tokens.organization_id,
            api_url: Some(origin.to_string()),
            backend,
        })
    }

    /// The session after an exchange. Members that the reply omits are kept.
    fn successor(self, tokens: Tokens, now: Timestamp) -> Self {
        let new_expiry = tokens.access_token.as_ref().map(|token| expiry(token, now));
        Self {
            expires_at: new_expiry.unwrap_or(self.expires_at),
            access_token: tokens.access_token.unwrap_or(self.access_token),
            refresh_token: tokens.refresh_token.or(self.refresh_token),
            user_id: tokens.user_id.or(self.user_id),
            email: tokens.email.or(self.email),
            organization_id: tokens.organization_id.or(self.organization_id),
            ..self
        }
    }
}

/// The expiry of a new access token. If it seems to be over, the clock of this machine is wrong.
fn expiry(access_token: &SecretValue, now: Timestamp) -> Timestamp {
    match jwt::expiry(access_token.expose_secret()) {
        Expiry::At(at) if at.duration_since(now) >= MIN_LIFETIME => at,
        _ => now.saturating_add(DEFAULT_LIFETIME).unwrap_or(now),
    }
}

/// What a refresh needs.
#[derive(Clone)]
pub(crate) struct Refresher {
    pub(crate) store: Store,
    pub(crate) workos: Workos,
    pub(crate) origin: ServerOrigin,
    pub(crate) now: fn() -> Timestamp,
}

impl Refresher {
    /// No text of a server may quote these tokens.
    fn know_tokens(&self, session: &Session) {
        let tokens = [Some(&session.access_token), session.refresh_token.as_ref()];
        for token in tokens.into_iter().flatten() {
            self.workos.known_secrets.add(token);
        }
    }

    /// Returns the refreshed session, and the error if it could not be saved; it is then used by this
    /// process only. The lock prevents other processes from refreshing.
    async fn refresh(&self, refused: Option<&SecretValue>, lock: &Lock) -> Result<(Session, Option<Error>)> {
        let mut session = self.stored()?;
        loop {
            if session.is_usable(refused, (self.now)()) {
                return Ok((session, None));
            }
            let Some(refresh_token) = session.refresh_token.clone() else {
                return Err(Error::new(Kind::Credential, "the login session has expired").hint(LOG_IN_AGAIN));
            };
            let file = self
                .store
                .prepare(CredentialSource::Session, session.backend, lock)?;
            let error = match self.workos.refresh(&refresh_token).await {
                Ok(tokens) => {
                    let has_access_token = tokens.access_token.is_some();
                    let session = session.successor(tokens, (self.now)());
                    let saved = file.save_session(&session, lock).map_err(unsaved);
                    if has_access_token {
                        return Ok((session, saved.err()));
                    }
                    return saved.and(Err(no_access_token("refreshed")));
                }
                Err(error) => error,
            };
            // Another program that does not use our lock may have used the token first.
            let again = self.stored()?;
            if !error.is_invalid_grant() || again.refresh_token.as_ref() == Some(&refresh_token) {
                return Err(refresh_error(error));
            }
            session = again;
        }
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
        self.know_tokens(&session);
        check_origin(
            CredentialSource::Session,
            session.api_url.as_deref(),
            &self.origin,
        )?;
        Ok(session)
    }
}

fn no_access_token(done: &str) -> Error {
    let message = format!("the identity provider {done} the login without an access token");
    Error::new(Kind::Contract, message).hint("try again in a moment")
}

fn unsaved(error: Error) -> Error {
    error
        .context("the login was refreshed for this command, but the result could not be saved")
        .hint(format!("the next command may need a new login; {LOG_IN_AGAIN}"))
}

/// The error for a failure of the provider. Only `invalid_grant` means that the login has ended.
fn refresh_error(error: ProviderError) -> Error {
    if error.is_invalid_grant() {
        let message = "the login session has ended: it was revoked, or its refresh token was used elsewhere";
        return Error::new(Kind::Credential, message).hint(LOG_IN_AGAIN);
    }
    let error = match error {
        ProviderError::Refused { .. } => Error::new(Kind::Unreachable, error.to_string()).hint(format!(
            "the stored login is kept; if this persists, {LOG_IN_AGAIN}"
        )),
        ProviderError::Unavailable(reason) => {
            Error::new(Kind::Unreachable, reason).hint("the stored login is kept; try again in a moment")
        }
        ProviderError::Final(error) => error,
    };
    error.context("the login cannot be refreshed now")
}
