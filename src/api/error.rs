//! Errors of API calls, and whether the call may have been carried out nevertheless.

use std::time::Duration;

use crate::auth::source::CredentialSource;
use crate::error::{Error, Kind};
use crate::formats::escape;
use crate::net::client::{Broken, Stage};
use crate::net::retry;

/// The kind of failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Failure {
    /// No request was sent, for example because there is no usable credential.
    NotSent,
    /// The connection failed before a complete response arrived.
    Broken(Stage),
    /// The server responded with an error status.
    Status(u16),
    /// The server asks to wait longer than a command may.
    Busy(u16),
    /// The response did not come from the API.
    NotTheApi(u16),
}

/// A failed call. Its messages contain no secrets and are safe to print.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{error}")]
pub(crate) struct ApiError {
    failure: Failure,
    /// Whether the call may have been carried out nevertheless.
    pub(crate) in_doubt: bool,
    /// Whether the body was an error of the API rather than a page of a proxy.
    is_of_api: bool,
    /// The wait that the server asked for.
    pub(crate) retry_after: Option<Duration>,
    /// Message, hint and trace id.
    pub(super) error: Box<Error>,
}

impl ApiError {
    fn new(failure: Failure, in_doubt: bool, error: Error) -> Self {
        Self {
            failure,
            in_doubt,
            is_of_api: false,
            retry_after: None,
            error: Box::new(error),
        }
    }

    /// A response that did not come from the API.
    pub(super) fn not_the_api(status: u16, message: String, hint: &str) -> Self {
        let error = Error::new(Kind::Contract, message).hint(hint);
        Self::new(Failure::NotTheApi(status), true, error)
    }

    /// A response with an error status to a request with the credential from `source`. `details` is
    /// the message of the server.
    pub(super) fn from_status(
        status: u16,
        is_of_api: bool,
        source: CredentialSource,
        details: Option<&str>,
    ) -> Self {
        let rejected = format!("{source} was rejected");
        let (kind, what, hint) = match status {
            401 => (Kind::Credential, rejected.as_str(), source.rejected_hint()),
            403 => (
                Kind::Refused,
                "not allowed",
                "ask an administrator of your organisation",
            ),
            404 => (
                Kind::Refused,
                "not found",
                "it may have been deleted; the list command shows what exists",
            ),
            409 => (
                Kind::Refused,
                "already exists",
                "someone may have created it in the meantime; try again",
            ),
            413 => (
                Kind::Refused,
                "too large for the API",
                "store large data elsewhere",
            ),
            429 => (
                Kind::Unreachable,
                "too many requests",
                "wait a moment and try again",
            ),
            408 | 500..=599 => (Kind::Unreachable, "the API failed", "try again in a moment"),
            _ => (
                Kind::Refused,
                "refused",
                "fix the reported problem and run the command again",
            ),
        };
        // A gateway can respond with 5xx although the request was carried out. A server without the
        // method (501) has done nothing.
        let in_doubt = status == 408 || (status >= 500 && status != 501);
        let details = details.map_or_else(String::new, |details| format!(": {details}"));
        let error = Error::new(kind, format!("{what} ({status}){details}")).hint(hint);
        Self {
            is_of_api,
            ..Self::new(Failure::Status(status), in_doubt, error)
        }
    }

    #[must_use]
    pub(super) fn trace_id(mut self, trace_id: Option<String>) -> Self {
        self.error.trace_id = trace_id;
        self
    }

    /// Adds the wait that the server asked for.
    #[must_use]
    pub(super) fn with_retry_after(mut self, wait: Option<Duration>) -> Self {
        self.retry_after = wait;
        if let (Failure::Status(status), Some(wait)) = (self.failure, wait)
            && wait > retry::MAX_RETRY_AFTER
        {
            let minutes = usize::try_from(wait.as_secs().div_ceil(60)).unwrap_or(usize::MAX);
            let minutes = escape::count(minutes, "minute");
            self.failure = Failure::Busy(status);
            self.error.message += &["; it asks to wait ", &minutes].concat();
            self.error.hint = Some("run the command again after that".to_owned());
        }
        self
    }

    /// Replaces whether the call is in doubt, because of its other attempts.
    #[must_use]
    pub(super) fn with_doubt(mut self, in_doubt: bool) -> Self {
        self.in_doubt = in_doubt;
        self
    }

    /// The kind of the failure, also of a call in doubt.
    pub(crate) fn kind(&self) -> Kind {
        self.error.kind
    }

    /// The status of the response, if there was one.
    pub(crate) fn status(&self) -> Option<u16> {
        match self.failure {
            Failure::Status(status) | Failure::Busy(status) | Failure::NotTheApi(status) => Some(status),
            Failure::NotSent | Failure::Broken(_) => None,
        }
    }

    pub(crate) fn message(&self) -> &str {
        &self.error.message
    }

    /// The status or the message, for `--verbose`.
    pub(super) fn outcome(&self) -> String {
        self.status()
            .map_or_else(|| self.error.message.clone(), |status| status.to_string())
    }

    /// Whether the API itself reports that the resource does not exist.
    pub(crate) fn is_not_found(&self) -> bool {
        self.failure == Failure::Status(404) && self.is_of_api
    }

    /// Whether the server lacks the endpoint and responds as to an unknown path or method.
    pub(crate) fn is_missing_endpoint(&self) -> bool {
        matches!(self.failure, Failure::Status(404 | 405 | 501)) && !self.is_not_found()
    }

    /// Whether the server refused the request because of a rate limit.
    pub(crate) fn is_rate_limit(&self) -> bool {
        matches!(self.failure, Failure::Status(status) if retry::is_rate_limit(status))
    }

    /// Whether the API is unavailable: the connection failed, or a gateway cannot reach it.
    pub(crate) fn is_outage(&self) -> bool {
        match self.failure {
            Failure::Broken(stage) => {
                matches!(stage, Stage::Connecting | Stage::Waiting | Stage::Answering)
            }
            Failure::Status(status) => retry::is_outage(status),
            _ => false,
        }
    }

    pub(crate) fn is_timeout(&self) -> bool {
        self.failure == Failure::Broken(Stage::TimedOut)
    }

    /// Whether a retry may succeed. Not after a timeout, which has used up the time limit of the call.
    pub(crate) fn is_transient(&self) -> bool {
        match self.failure {
            Failure::Broken(stage) => matches!(stage, Stage::Connecting | Stage::Waiting),
            Failure::Status(status) => retry::is_transient(status),
            _ => false,
        }
    }

    /// Whether every other call would fail in the same way, so that the command must stop.
    pub(crate) fn is_fatal(&self) -> bool {
        matches!(
            self.failure,
            Failure::NotSent
                | Failure::Broken(Stage::Handshake | Stage::TooLarge)
                | Failure::NotTheApi(_)
                | Failure::Busy(_)
                | Failure::Status(401)
        )
    }
}

impl From<Broken> for ApiError {
    fn from(Broken { stage, message, hint }: Broken) -> Self {
        let in_doubt = !matches!(stage, Stage::Handshake | Stage::Connecting);
        let kind = match stage {
            Stage::Answering | Stage::TooLarge => Kind::Contract,
            _ => Kind::Unreachable,
        };
        let error = Error::new(kind, message).maybe_hint(hint.map(str::to_owned));
        Self::new(Failure::Broken(stage), in_doubt, error)
    }
}

/// An error before the request, such as of refreshing the login.
impl From<Error> for ApiError {
    fn from(error: Error) -> Self {
        Self::new(Failure::NotSent, false, error)
    }
}

impl From<ApiError> for Error {
    fn from(ApiError { in_doubt, error, .. }: ApiError) -> Self {
        if in_doubt {
            error.with_kind(Kind::Partial)
        } else {
            *error
        }
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
        Self::new(
            Failure::Broken(Stage::TimedOut),
            true,
            Error::new(Kind::Unreachable, "no answer"),
        )
    }
}

#[cfg(test)]
mod tests;
