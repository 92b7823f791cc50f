//! How a call to the API can fail, and what that says about whether it was carried out.

use std::time::Duration;

use crate::error::{Error, Kind};
use crate::net::client::{Broken, Stage};
use crate::net::retry;

/// What is known about a request that did not succeed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Effect {
    /// It did not reach the API, or the API refused it: nothing changed.
    None,
    /// It may have been carried out.
    Unknown,
}

/// A failed call. Its texts are free of secrets and safe to print.
#[derive(Debug, Clone)]
pub(crate) struct ApiError {
    pub(crate) kind: Kind,
    pub(crate) effect: Effect,
    pub(crate) status: Option<u16>,
    /// Whether the API's own error envelope was there, and not some proxy's page.
    pub(crate) enveloped: bool,
    pub(crate) message: String,
    pub(crate) hint: Option<String>,
    pub(crate) trace_id: Option<String>,
    /// Whether the time that one call may take has been used up.
    pub(crate) timed_out: bool,
    /// Whether the connection failed, before the request or after it.
    pub(crate) disconnected: bool,
    /// How long the server asked to wait.
    pub(crate) retry_after: Option<Duration>,
}

impl ApiError {
    pub(crate) fn new(kind: Kind, effect: Effect, message: impl Into<String>) -> Self {
        Self {
            kind,
            effect,
            status: None,
            enveloped: false,
            message: message.into(),
            hint: None,
            trace_id: None,
            timed_out: false,
            disconnected: false,
            retry_after: None,
        }
    }

    pub(crate) fn contract(effect: Effect, message: impl Into<String>) -> Self {
        Self::new(Kind::Contract, effect, message)
    }

    pub(crate) fn hint(self, hint: impl Into<String>) -> Self {
        Self {
            hint: Some(hint.into()),
            ..self
        }
    }

    /// A request whose answer did not come in time.
    pub(crate) fn timed_out(message: impl Into<String>) -> Self {
        Self {
            timed_out: true,
            ..Self::new(Kind::Unreachable, Effect::Unknown, message)
        }
    }

    /// A request that got no complete answer.
    pub(crate) fn broken(broken: Broken) -> Self {
        let Broken { stage, message } = broken;
        let error = match stage {
            Stage::TimedOut => return Self::timed_out(message),
            Stage::Connecting => Self::new(Kind::Unreachable, Effect::None, message)
                .hint("check the network, HTTPS_PROXY and AMIKA_API_URL"),
            Stage::Waiting => Self::new(Kind::Unreachable, Effect::Unknown, message),
            Stage::Answering => Self::contract(Effect::Unknown, message),
        };
        Self {
            disconnected: true,
            ..error
        }
    }

    /// Whether the server refused the request because there are too many.
    pub(crate) fn is_rate_limit(&self) -> bool {
        self.status.is_some_and(retry::is_rate_limit)
    }

    /// Whether the API is away, perhaps for a moment: the connection failed, or a gateway says so.
    pub(crate) fn is_outage(&self) -> bool {
        self.status.map_or(self.disconnected, retry::is_outage)
    }

    /// Whether sending the request again could help. A time-out is final, because it has already
    /// used up the time that a call may take.
    pub(crate) fn is_transient(&self) -> bool {
        match self.status {
            Some(status) => retry::is_transient(status),
            None => self.kind == Kind::Unreachable && !self.timed_out,
        }
    }

    /// Whether every other call would fail in the same way, so that going on is pointless.
    pub(crate) fn is_fatal(&self) -> bool {
        let no_request = self.timed_out && self.effect == Effect::None;
        no_request || !matches!(self.kind, Kind::Refused | Kind::Unreachable)
    }
}

/// A credential that could not be had: no request was made, and another try would end alike.
impl From<Error> for ApiError {
    fn from(error: Error) -> Self {
        Self {
            hint: error.hint.clone(),
            timed_out: true,
            ..Self::new(error.kind, Effect::None, error.to_string())
        }
    }
}

impl From<ApiError> for Error {
    fn from(error: ApiError) -> Self {
        Self {
            hint: error.hint,
            trace_id: error.trace_id,
            ..Self::new(error.kind, error.message)
        }
    }
}
