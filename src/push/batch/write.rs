//! One secret on its way to the vault: what its failures leave open, and what comes next.

use crate::api::{ApiError, Effect};
use crate::error::Kind;
use crate::net::retry::{MAX_FAILURES_APART, MAX_TRIES};
use crate::push::outcome::Outcome;
use crate::push::plan::Action;

/// What a failed write waits for.
#[derive(Clone, Copy)]
pub(super) enum Next {
    /// A list of the vault, which shows whether it is stored.
    List,
    /// Another try, before the writes that were never tried.
    RetryFirst,
    /// Another try, after all others.
    Retry,
    /// Nothing.
    GiveUp,
}

pub(super) struct Write {
    /// The id to update; without one the secret is created.
    pub(super) existing: Option<String>,
    /// Whether a create of ours may have been carried out although no answer said so.
    create_in_doubt: bool,
    /// The same of an update.
    update_in_doubt: bool,
    /// Failures that count against this write.
    failures: u32,
    /// How many writes of the batch were stored when this one failed last.
    stored_at_failure: Option<usize>,
    /// No further try, unless a list shows that it is stored.
    given_up: bool,
    error: Option<ApiError>,
}

impl Write {
    pub(super) fn new(action: &Action) -> Self {
        Self {
            existing: match action {
                Action::Update { id } => Some(id.clone()),
                Action::Create => None,
            },
            create_in_doubt: false,
            update_in_doubt: false,
            failures: 0,
            stored_at_failure: None,
            given_up: false,
            error: None,
        }
    }

    /// What the confirmation of this write says.
    pub(super) fn stored(&self, id: String) -> Outcome {
        if self.existing.is_none() || self.create_in_doubt {
            Outcome::Created { id }
        } else {
            Outcome::Updated { id }
        }
    }

    /// Counts a failure of this write alone, and gives how many there were.
    pub(super) fn count_failure(&mut self) -> u32 {
        self.failures += 1;
        self.failures
    }

    /// Counts a failure during an outage, but only while other writes succeed. `false` when it
    /// has failed too often beside them.
    pub(super) fn outlasts_outage(&mut self, stored: usize) -> bool {
        if self.stored_at_failure.replace(stored) != Some(stored) {
            self.failures += 1;
        }
        self.failures < MAX_FAILURES_APART
    }

    /// Whether a look at the vault decides how to go on: the id to update is gone, or the name to
    /// create is taken.
    pub(super) fn needs_list(&self, error: &ApiError) -> bool {
        error.status() == Some(if self.existing.is_some() { 404 } else { 409 })
    }

    /// Takes in a failure, after which another try may help or not.
    pub(super) fn fail(&mut self, error: ApiError, may_help: bool) -> Next {
        let creating = self.existing.is_none();
        let taken = creating && error.status() == Some(409);
        let gone = !creating && error.status() == Some(404);
        let in_doubt = error.effect() == Effect::Unknown;
        let lost = creating && in_doubt;
        self.create_in_doubt |= lost;
        self.update_in_doubt |= !creating && in_doubt;
        if gone {
            self.existing = None;
        }
        self.given_up = !may_help && !gone || (taken && self.failures >= MAX_TRIES);
        // A 429 was not carried out, and has waited longest.
        let refused_for_now = error.status() == Some(429);
        self.error = Some(error);
        if lost || taken || (gone && may_help) {
            Next::List
        } else if !may_help {
            Next::GiveUp
        } else if refused_for_now {
            Next::RetryFirst
        } else {
            Next::Retry
        }
    }

    /// Takes in a list of the vault that was made after the last failure.
    pub(super) fn listed(&mut self, id: Option<&str>) -> Next {
        let taken = self
            .error
            .as_ref()
            .is_some_and(|error| error.status() == Some(409));
        if let Some(id) = id {
            self.existing = Some(id.to_owned());
            self.given_up = false;
            Next::Retry
        } else if self.given_up || taken {
            // A list may be out of date: what it does not show may be stored all the same.
            Next::GiveUp
        } else {
            Next::Retry
        }
    }

    /// Whether the API refused just this secret, which says nothing about the others.
    pub(super) fn is_refused(&self) -> bool {
        self.error
            .as_ref()
            .is_some_and(|error| error.kind() == Kind::Refused)
    }

    /// What is known about a write that ended without being stored.
    pub(super) fn outcome(&self) -> Outcome {
        let Some(error) = &self.error else {
            return Outcome::NotAttempted;
        };
        if self.create_in_doubt || self.update_in_doubt {
            return Outcome::Unknown(Some(error.clone()));
        }
        Outcome::Failed(error.clone())
    }
}
