//! How a call to the API can fail, and what that says about whether it was carried out.

use std::time::Duration;

use crate::error::{Error, Kind};
use crate::net::client::{Broken, Stage};

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

    /// A request that got no complete answer.
    pub(crate) fn broken(broken: Broken) -> Self {
        let Broken { stage, message } = broken;
        match stage {
            Stage::Connecting => Self::new(Kind::Unreachable, Effect::None, message)
                .hint("check the network, HTTPS_PROXY and AMIKA_API_URL"),
            Stage::TimedOut => Self {
                timed_out: true,
                ..Self::new(Kind::Unreachable, Effect::Unknown, message)
            },
            Stage::Waiting => Self::new(Kind::Unreachable, Effect::Unknown, message),
            Stage::Answering => Self::contract(Effect::Unknown, message),
        }
    }

    /// Whether the server said that it is asked too much.
    pub(crate) fn is_throttle(&self) -> bool {
        matches!(self.status, Some(429 | 503))
    }

    /// Whether trying again could help: the connection failed, or the server asked for patience.
    /// A time-out is final, because it has already used up the time a call may take.
    pub(crate) fn is_passing(&self) -> bool {
        match self.status {
            Some(status) => matches!(status, 408 | 429 | 500 | 502 | 503 | 504),
            None => self.kind == Kind::Unreachable && !self.timed_out,
        }
    }

    /// Whether every other call would fail in the same way, so that going on is pointless.
    pub(crate) fn is_fatal(&self) -> bool {
        match self.kind {
            Kind::Credential | Kind::Contract => true,
            Kind::Unreachable => self.status.is_none() && self.effect == Effect::None,
            _ => false,
        }
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
