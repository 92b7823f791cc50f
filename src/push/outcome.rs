//! The outcome of each secret in a plan, and the error for the whole push.

use std::time::Duration;

use crate::api::ApiError;
use crate::error::{Error, Kind};
use crate::formats::escape;
use crate::secret::Scope;

const AGAIN: &str = "run the same command again to continue";

/// The outcome of one secret.
#[derive(Debug, Clone)]
pub(crate) enum Outcome {
    Created {
        id: String,
    },
    Updated {
        id: String,
    },
    /// Not stored: the API refused it or could not be reached.
    Failed(ApiError),
    /// The write was sent and may have been carried out. Without an error, a signal stopped it.
    Unknown(Option<ApiError>),
    NotAttempted,
}

/// The outcome of the whole plan.
pub(crate) struct Applied {
    pub(crate) scope: Scope,
    /// Name and outcome, in the plan's order.
    pub(crate) outcomes: Vec<(String, Outcome)>,
    /// Names that already existed in the vault and were not written.
    pub(crate) unchanged: Vec<String>,
    /// The signal that interrupted the push.
    pub(crate) stopped_by: Option<Kind>,
}

impl Applied {
    pub(crate) fn count(&self, matches: impl Fn(&Outcome) -> bool) -> usize {
        self.outcomes
            .iter()
            .filter(|(_, outcome)| matches(outcome))
            .count()
    }

    /// The error for the command; `None` when every secret is stored.
    pub(crate) fn error(&self) -> Option<Error> {
        let stored = self.count(Outcome::is_stored);
        let unknown = self.count(|outcome| matches!(outcome, Outcome::Unknown(_)));
        let missing = self.outcomes.len() - stored;
        if let Some(kind) = self.stopped_by {
            let message = format!(
                "stopped; {stored} stored, {unknown} unknown, {} not stored",
                missing - unknown
            );
            return Some(Error::new(kind, message).hint(AGAIN));
        }
        if missing == 0 {
            return None;
        }
        let message = format!(
            "{missing} of {} not stored",
            escape::count(self.outcomes.len(), "secret")
        );
        let errors = || self.outcomes.iter().filter_map(|(_, outcome)| outcome.error());
        let is_the_api = errors().any(|error| error.kind() != Kind::Contract);
        if stored > 0 || (unknown > 0 && is_the_api) {
            return Some(Error::new(Kind::Partial, message).hint(AGAIN));
        }
        // A failure that stopped the batch explains more than the others.
        let cause = errors().max_by_key(|error| error.is_fatal());
        Some(cause.map_or_else(
            || Error::new(Kind::Refused, &message),
            |cause| Error::from(cause.clone()).context(&message),
        ))
    }
}

impl Outcome {
    pub(crate) fn is_stored(&self) -> bool {
        matches!(self, Self::Created { .. } | Self::Updated { .. })
    }

    /// The error because of which the secret is not stored, or may not be.
    pub(crate) fn error(&self) -> Option<&ApiError> {
        match self {
            Self::Failed(error) => Some(error),
            Self::Unknown(error) => error.as_ref(),
            _ => None,
        }
    }
}

/// Progress of a plan while it is carried out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Event {
    /// The outcome of a secret is known.
    Finished,
    /// The API does not respond, or asks to wait.
    Waiting { at_most: Duration },
    /// The API accepts writes again.
    Resumed,
    /// The API limits the number of writes per second.
    SlowedDown,
}
