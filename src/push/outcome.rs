//! The outcome of each secret in a plan, and the error for the whole push.

use std::time::Duration;

use crate::api::ApiError;
use crate::error::{Error, Kind};
use crate::push::plan::{Plan, Step, WhyKept};

/// The outcome of one secret.
#[derive(Debug, Clone)]
pub(crate) enum Outcome {
    Created {
        id: String,
    },
    Updated {
        id: String,
    },
    /// Left as it was.
    Unchanged(WhyKept),
    /// Not stored: the API refused it or could not be reached.
    Failed(ApiError),
    /// The write was sent and may have been carried out. Without an error, a signal stopped it.
    Unknown(Option<ApiError>),
    NotAttempted,
}

impl Outcome {
    pub(crate) fn is_stored(&self) -> bool {
        matches!(self, Self::Created { .. } | Self::Updated { .. })
    }

    /// Whether the secret is in the vault as the push intended.
    pub(crate) fn is_good(&self) -> bool {
        self.is_stored() || matches!(self, Self::Unchanged(_))
    }

    /// Why the secret is not stored, or may not be.
    pub(crate) fn error(&self) -> Option<&ApiError> {
        match self {
            Self::Failed(error) => Some(error),
            Self::Unknown(error) => error.as_ref(),
            _ => None,
        }
    }

    /// Its name in reports.
    pub(crate) fn as_str(&self) -> &'static str {
        match self {
            Self::Created { .. } => "created",
            Self::Updated { .. } => "updated",
            Self::Unchanged(_) => "unchanged",
            Self::Failed(_) => "failed",
            Self::Unknown(_) => "unknown",
            Self::NotAttempted => "not attempted",
        }
    }
}

/// The outcome of a whole plan.
pub(crate) struct Outcomes<'a> {
    pub(crate) plan: &'a Plan,
    /// One for each step of the plan.
    pub(crate) each: Vec<Outcome>,
    /// The signal that interrupted the push.
    pub(crate) stopped_by: Option<Kind>,
}

impl Outcomes<'_> {
    pub(crate) fn rows(&self) -> impl Iterator<Item = (&Step, &Outcome)> {
        self.plan.steps.iter().zip(&self.each)
    }

    pub(crate) fn count(&self, word: &str) -> usize {
        self.each
            .iter()
            .filter(|outcome| outcome.as_str() == word)
            .count()
    }

    /// The error for the command, with what is known of the secrets; `None` if all are in the vault.
    pub(crate) fn error(&self) -> Option<Error> {
        let stored = self.each.iter().filter(|outcome| outcome.is_stored()).count();
        let unknown = self.count("unknown");
        let missing = self.each.iter().filter(|outcome| !outcome.is_good()).count() - unknown;
        let they = if unknown == 1 { "it" } else { "they" };
        let may_be = format!("unknown ({they} may have been stored)");
        let parts = [(stored, "stored"), (missing, "not stored"), (unknown, &may_be)];
        // The report says what is stored. Only the error about a signal repeats it.
        let told = parts.into_iter().skip(usize::from(self.stopped_by.is_none()));
        let told = told
            .filter(|(count, _)| *count > 0)
            .map(|(count, what)| format!("{count} {what}"));
        let message = told.collect::<Vec<_>>().join(", ");
        let again = "run the same command again to continue";
        if let Some(kind) = self.stopped_by {
            return Some(Error::new(kind, format!("interrupted: {message}")).hint(again));
        }
        if missing + unknown == 0 {
            return None;
        }
        let causes = || self.each.iter().filter_map(Outcome::error);
        // A failure that stopped the batch explains more than the others, and the same command again
        // helps only against one of the connection.
        let refused = |error: &ApiError| error.kind() != Kind::Unreachable;
        let cause = causes().max_by_key(|error| (error.is_fatal(), refused(error)));
        if stored + unknown > 0 {
            let cause = cause.filter(|error| refused(error)).cloned().map(Error::from);
            let hint = cause.map_or(Some(again.to_owned()), |cause| cause.hint);
            return Some(Error::new(Kind::Partial, message).maybe_hint(hint));
        }
        Some(cause.map_or_else(
            || Error::new(Kind::Refused, &message),
            |cause| Error::from(cause.clone()).context(&message),
        ))
    }
}

/// Progress of a plan while it is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Progress {
    /// The outcome of a secret is known.
    Finished,
    /// The API does not respond, or asks to wait.
    Waiting { at_most: Duration },
    /// The API limits the number of writes per second.
    SlowedDown,
}
