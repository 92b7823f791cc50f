//! The state of one write: whether it may have been carried out, and what to do after a failure.

use crate::api::ApiError;
use crate::push::outcome::Outcome;
use crate::push::plan::{Action, WhyKept};
use crate::secret::Scope;

/// The next step of a failed write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Followup {
    /// List the vault to see whether it is stored.
    List,
    /// Retry it after all other writes.
    Retry,
    /// Do not retry it.
    GiveUp,
}

pub(super) struct Write {
    /// The id to update; without one the secret is created.
    pub(super) existing: Option<String>,
    /// The scope in which a name that is taken stays unchanged, for `--if-missing`.
    kept_in: Option<Scope>,
    /// Whether an attempt without a reply may have been carried out.
    in_doubt: bool,
    /// Whether such an attempt was a create.
    create_in_doubt: bool,
    /// Failures that count against this write.
    failures: u32,
    /// Number of writes of the batch that were stored when this one last failed.
    stored_at_failure: Option<u32>,
    /// Whether it is no longer retried, unless a list shows that the secret exists.
    given_up: bool,
    /// The outcome if nothing more happens.
    pub(super) outcome: Outcome,
}

impl Write {
    pub(super) fn new(action: &Action, kept_in: Option<Scope>) -> Self {
        Self {
            existing: match action {
                Action::Update { id } => Some(id.clone()),
                _ => None,
            },
            kept_in,
            in_doubt: false,
            create_in_doubt: false,
            failures: 0,
            stored_at_failure: None,
            given_up: false,
            outcome: match action {
                Action::Keep(kept) => Outcome::Unchanged(*kept),
                _ => Outcome::NotAttempted,
            },
        }
    }

    pub(super) fn sent(&mut self) {
        self.outcome = Outcome::Unknown(None);
    }

    pub(super) fn stored(&mut self, id: String) {
        self.outcome = if self.existing.is_none() || self.create_in_doubt {
            Outcome::Created { id }
        } else {
            Outcome::Updated { id }
        };
    }

    /// Counts a failure, and returns the count so far. `stored` is the number of writes that a batch has
    /// stored: a failure that may affect every write counts only if that number has grown since the last one.
    pub(super) fn count_failure(&mut self, error: &ApiError, stored: Option<u32>) -> u32 {
        let is_news = self.stored_at_failure != stored || stored.is_none();
        if is_news || self.needs_list(error) {
            self.failures += 1;
        }
        self.stored_at_failure = stored;
        self.failures
    }

    /// Whether the next step depends on a list of the vault: the id to update is gone, or the name to
    /// create is taken.
    pub(super) fn needs_list(&self, error: &ApiError) -> bool {
        error.status() == Some(if self.existing.is_some() { 404 } else { 409 })
    }

    /// Records a failure; `may_help` tells whether a retry can succeed.
    pub(super) fn fail(&mut self, error: ApiError, may_help: bool) -> Followup {
        let creating = self.existing.is_none();
        let needs_list = self.needs_list(&error);
        let in_doubt = error.in_doubt;
        self.in_doubt |= in_doubt;
        self.create_in_doubt |= in_doubt && creating;
        if needs_list {
            self.existing = None;
        }
        // A create is not repeated after the API said that the name is taken.
        self.given_up = !may_help || (creating && needs_list);
        self.outcome = match self.kept_in {
            _ if self.in_doubt => Outcome::Unknown(Some(error)),
            Some(scope) if needs_list => Outcome::Unchanged(WhyKept::Stored(scope)),
            _ => Outcome::Failed(error),
        };
        if needs_list && self.kept_in.is_some() {
            Followup::GiveUp
        } else if creating && (in_doubt || needs_list) || needs_list && may_help {
            Followup::List
        } else if may_help {
            Followup::Retry
        } else {
            Followup::GiveUp
        }
    }

    /// Records a list of the vault requested after the last failure.
    pub(super) fn listed(&mut self, id: Option<&str>) -> Followup {
        if id.is_some() && self.kept_in.is_some() {
            // An update could overwrite the value of another writer.
            Followup::GiveUp
        } else if let Some(id) = id {
            self.existing = Some(id.to_owned());
            self.given_up = false;
            Followup::Retry
        } else if self.given_up {
            // Not proof that the secret is missing, because a list may be out of date.
            Followup::GiveUp
        } else {
            Followup::Retry
        }
    }
}

#[cfg(test)]
mod tests;
