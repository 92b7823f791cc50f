//! Errors of API calls, and whether the call may have been carried out nevertheless.

use std::time::Duration;

use crate::auth::source::CredentialSource;
use crate::error::{Error, Kind};
use crate::formats::escape;
use crate::net::client::{Broken, Stage};
use crate::net::retry;

/// The known effect of a failed request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Effect {
    /// It did not reach the API, or the API refused it, so nothing changed.
    None,
    /// It may have been carried out.
    Unknown,
}

/// The kind of failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Failure {
    /// No request was sent, for example because there is no usable credential.
    NotSent(Kind),
    /// The connection failed, before or after the request was sent.
    Disconnected,
    /// The response ended early.
    BrokenOff,
    /// The time limit of the call was reached.
    TimedOut,
    /// The server responded with an error status.
    Status {
        status: u16,
        /// Whether the body was an error of the API rather than a page of a proxy.
        enveloped: bool,
        /// The wait that the server asked for.
        retry_after: Option<Duration>,
    },
    /// The response did not come from the API. The status is `None` if it is invalid.
    NotTheApi(Option<u16>),
}

/// A failed call. Its messages contain no secrets and are safe to print.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{message}")]
pub(crate) struct ApiError {
    failure: Failure,
    effect: Effect,
    message: String,
    hint: Option<String>,
    trace_id: Option<String>,
}

impl ApiError {
    fn new(failure: Failure, effect: Effect, message: impl Into<String>) -> Self {
        Self {
            failure,
            effect,
            message: message.into(),
            hint: None,
            trace_id: None,
        }
    }

    /// A request that could not be sent.
    pub(super) fn not_sent(kind: Kind, message: impl Into<String>) -> Self {
        Self::new(Failure::NotSent(kind), Effect::None, message)
    }

    /// A request that timed out.
    pub(super) fn timed_out(message: impl Into<String>) -> Self {
        Self::new(Failure::TimedOut, Effect::Unknown, message)
    }

    /// A response that did not come from the API.
    pub(super) fn not_the_api(status: Option<u16>, message: impl Into<String>) -> Self {
        Self::new(Failure::NotTheApi(status), Effect::Unknown, message)
    }

    /// A response with an error status to a request with the credential from `source`. `details` is
    /// the message of the server.
    pub(super) fn from_status(
        status: u16,
        enveloped: bool,
        source: CredentialSource,
        details: Option<&str>,
    ) -> Self {
        let rejected;
        let (what, hint) = match status {
            401 => {
                rejected = format!("{source} was rejected");
                (rejected.as_str(), source.rejected_hint())
            }
            403 => ("not allowed", "ask an administrator of your organisation"),
            404 => (
                "not found",
                "it may have been deleted; the list command shows what exists",
            ),
            409 => (
                "already exists",
                "someone may have created it in the meantime; try again",
            ),
            413 => ("too large for the API", "store large data elsewhere"),
            429 => ("too many requests", "wait a moment and try again"),
            408 | 500..=599 => ("the API failed", "try again in a moment"),
            _ => ("refused", "fix the reported problem and run the command again"),
        };
        // A gateway can respond with 5xx although the request was carried out. A server without the
        // method (501) has done nothing.
        let effect = if status == 408 || (status >= 500 && status != 501) {
            Effect::Unknown
        } else {
            Effect::None
        };
        let failure = Failure::Status {
            status,
            enveloped,
            retry_after: None,
        };
        let details = details.map_or_else(String::new, |details| format!(": {details}"));
        Self::new(failure, effect, format!("{what} ({status}){details}")).hint(hint)
    }

    #[must_use]
    pub(super) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    #[must_use]
    pub(super) fn trace_id(mut self, trace_id: Option<String>) -> Self {
        self.trace_id = trace_id;
        self
    }

    /// Adds the wait that the server asked for.
    #[must_use]
    pub(super) fn with_retry_after(mut self, wait: Option<Duration>) -> Self {
        if let Failure::Status { retry_after, .. } = &mut self.failure {
            *retry_after = wait;
        }
        if let Some(wait) = wait.filter(|wait| *wait > retry::MAX_RETRY_AFTER) {
            let minutes = wait.as_secs().div_ceil(60);
            self.message = format!(
                "{}; it asks to wait {}",
                self.message,
                escape::count(usize::try_from(minutes).unwrap_or(usize::MAX), "minute")
            );
            self.hint = Some("run the command again after that".to_owned());
        }
        self
    }

    /// Whether the server asks for a longer wait than a command makes.
    fn asks_for_long_wait(&self) -> bool {
        self.retry_after()
            .is_some_and(|wait| wait > retry::MAX_RETRY_AFTER)
    }

    /// Replaces the effect, if earlier attempts of the call have a different one.
    #[must_use]
    pub(crate) fn with_effect(mut self, effect: Effect) -> Self {
        self.effect = effect;
        self
    }

    pub(crate) fn kind(&self) -> Kind {
        match self.failure {
            Failure::NotSent(kind) => kind,
            Failure::Disconnected | Failure::TimedOut => Kind::Unreachable,
            Failure::BrokenOff | Failure::NotTheApi(_) => Kind::Contract,
            Failure::Status { status, .. } => match status {
                401 => Kind::Credential,
                408 | 429 | 500..=599 => Kind::Unreachable,
                _ => Kind::Refused,
            },
        }
    }

    pub(crate) fn effect(&self) -> Effect {
        self.effect
    }

    /// The status of the response, if there was one.
    pub(crate) fn status(&self) -> Option<u16> {
        match self.failure {
            Failure::Status { status, .. } => Some(status),
            Failure::NotTheApi(status) => status,
            Failure::NotSent(_) | Failure::Disconnected | Failure::BrokenOff | Failure::TimedOut => None,
        }
    }

    pub(crate) fn message(&self) -> &str {
        &self.message
    }

    /// The status or the message, for `--verbose`.
    pub(super) fn outcome(&self) -> String {
        self.status()
            .map_or_else(|| self.message.clone(), |status| status.to_string())
    }

    pub(super) fn shown_trace_id(&self) -> Option<&str> {
        self.trace_id.as_deref()
    }

    /// The wait that the server asked for.
    pub(crate) fn retry_after(&self) -> Option<Duration> {
        match self.failure {
            Failure::Status { retry_after, .. } => retry_after,
            _ => None,
        }
    }

    /// Whether the API itself reports that the resource does not exist.
    pub(crate) fn is_not_found(&self) -> bool {
        matches!(
            self.failure,
            Failure::Status {
                status: 404,
                enveloped: true,
                ..
            }
        )
    }

    /// Whether the server lacks the endpoint and responds as to an unknown path or method.
    pub(crate) fn is_missing_endpoint(&self) -> bool {
        matches!(
            self.failure,
            Failure::Status {
                status: 405 | 501,
                ..
            } | Failure::Status {
                status: 404,
                enveloped: false,
                ..
            }
        )
    }

    /// Whether the server refused the request because of a rate limit.
    pub(crate) fn is_rate_limit(&self) -> bool {
        !self.asks_for_long_wait() && self.status().is_some_and(retry::is_rate_limit)
    }

    /// Whether the API is unavailable: the connection failed, or a gateway cannot reach it.
    pub(crate) fn is_outage(&self) -> bool {
        match self.failure {
            Failure::Disconnected | Failure::BrokenOff => true,
            _ => !self.asks_for_long_wait() && self.status().is_some_and(retry::is_outage),
        }
    }

    pub(crate) fn is_timeout(&self) -> bool {
        self.failure == Failure::TimedOut
    }

    /// Whether a retry may succeed. Not after a timeout, which has used up the time limit of the call.
    pub(crate) fn is_transient(&self) -> bool {
        match self.failure {
            Failure::Disconnected => true,
            _ => !self.asks_for_long_wait() && self.status().is_some_and(retry::is_transient),
        }
    }

    /// Whether every other call would fail in the same way, so that the command must stop.
    pub(crate) fn is_fatal(&self) -> bool {
        match self.failure {
            Failure::NotSent(_) | Failure::NotTheApi(_) => true,
            Failure::Status { status, .. } => status == 401 || self.asks_for_long_wait(),
            Failure::Disconnected | Failure::BrokenOff | Failure::TimedOut => false,
        }
    }
}

impl From<Broken> for ApiError {
    fn from(Broken { stage, message, hint }: Broken) -> Self {
        let mut error = match stage {
            Stage::Handshake => Self::not_sent(Kind::Unreachable, message),
            Stage::TimedOut => Self::timed_out(message),
            Stage::Connecting => Self::new(Failure::Disconnected, Effect::None, message)
                .hint("check the network, HTTPS_PROXY and AMIKA_API_URL"),
            Stage::Waiting => Self::new(Failure::Disconnected, Effect::Unknown, message),
            Stage::Answering => Self::new(Failure::BrokenOff, Effect::Unknown, message),
            Stage::TooLarge => Self::not_the_api(None, message),
        };
        error.hint = hint.or(error.hint);
        error
    }
}

/// Converts the error of a step before the request, such as refreshing the login.
impl From<Error> for ApiError {
    fn from(error: Error) -> Self {
        let mut failed = Self::not_sent(error.kind, format!("{error:#}"));
        failed.hint = error.hint;
        failed
    }
}

impl From<ApiError> for Error {
    fn from(error: ApiError) -> Self {
        let kind = match error.effect {
            Effect::None => error.kind(),
            // Whatever the reason, the command may have changed something.
            Effect::Unknown => Kind::Partial,
        };
        Self::new(kind, error.message)
            .maybe_hint(error.hint)
            .trace_id(error.trace_id)
    }
}

#[cfg(test)]
impl ApiError {
    /// The API's own error with this status, for the tests of what follows from it.
    pub(crate) fn of_status(status: u16) -> Self {
        Self::from_status(status, true, CredentialSource::Environment, None)
    }

    /// A refusal because of a rate limit, with this `Retry-After`.
    pub(crate) fn busy(retry_after: Option<Duration>) -> Self {
        Self::of_status(429).with_retry_after(retry_after)
    }

    /// A request without an answer.
    pub(crate) fn silent() -> Self {
        Self::timed_out("no answer")
    }
}

#[cfg(test)]
mod tests;
