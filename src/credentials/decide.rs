//! Decides how a credential is stored or replaced: a state machine without side effects.
//!
//! The API has no update and allows one credential per name (one per provider in org scope), so the
//! old credential must be deleted before the new one can be created. [`Decisions`] receives the result
//! of every request and returns the next step; `replace.rs` performs it.

/// Maximum number of creates of the new credential, and of attempts to restore the old one.
const MAX_CREATES: u32 = 3;
const MAX_RESTORES: u32 = 5;
/// Maximum number of lists that look for the effect of one request without a reply.
const MAX_LISTS: u32 = 6;
const MAX_LISTS_INTERRUPTED: u32 = 2;

/// The next step, after the `wait`-th back-off (0: at once).
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct NextStep {
    pub(super) wait: u32,
    pub(super) step: ReplaceStep,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum ReplaceStep {
    Delete,
    Create,
    Restore,
    /// List the credentials, and compare the values where names and types are not enough.
    List,
    Finish(Ending),
}

/// The final state.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Ending {
    /// The new credential is stored under this id.
    Stored(String),
    /// Nothing was changed.
    Unchanged,
    /// The delete got no reply and may still be carried out.
    DeletionUnknown,
    /// The old credential was deleted and restored under this id.
    Restored(String),
    /// There was nothing to replace, but the server says that the name is taken.
    Taken,
    /// Another writer stored a credential in its place meanwhile.
    TakenByOther,
    /// It is unknown whether the new credential is stored; an old one is deleted.
    Unknown,
    /// The old credential is deleted, and neither credential is stored.
    Lost,
}

/// The result of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum StepReply {
    /// Carried out; for a create, with the id.
    Done(String),
    /// Not carried out, and a retry would not help.
    Refused,
    /// Not carried out; a retry may help.
    Busy,
    /// Not carried out, because a credential with this name exists (409).
    Taken,
    /// It may have been carried out.
    Unknown,
}

/// The state of the vault, from a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Listed {
    /// The vault could not be listed.
    Unreadable,
    /// There is no credential in this place.
    Empty,
    /// The old credential is listed under its old id.
    Old,
    /// There is another credential, neither the new one nor the restored old one.
    Other,
    /// There is a credential whose value could not be compared.
    Undecided,
    /// The old credential was restored under this id.
    Restored(String),
    /// The new credential is stored under this id.
    New(String),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    Deleting,
    CheckingDeletion,
    Creating,
    CheckingCreation,
    Restoring,
    CheckingRestore,
}

/// What is known about the credential to replace.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum OldCredential {
    /// There is none.
    Absent,
    /// Its value could not be fetched.
    WithoutValue,
    /// Its value is known, so it can be restored.
    WithValue,
}

#[derive(Debug)]
pub(super) struct Decisions {
    phase: Phase,
    old: OldCredential,
    interrupted: bool,
    /// Whether a create of the new credential without a reply may have been carried out.
    creation_in_doubt: bool,
    creates: u32,
    restores: u32,
    lists: u32,
}

impl Decisions {
    /// Starts creating a credential where there is none.
    pub(super) fn create_only() -> (Self, NextStep) {
        let mut decisions = Self::new(Phase::Creating, OldCredential::Absent);
        let next = decisions.create(0);
        (decisions, next)
    }

    /// Starts replacing a credential. `has_backup` tells whether the old one can be restored.
    pub(super) fn replace(has_backup: bool) -> (Self, NextStep) {
        let old = if has_backup {
            OldCredential::WithValue
        } else {
            OldCredential::WithoutValue
        };
        (Self::new(Phase::Deleting, old), after(0, ReplaceStep::Delete))
    }

    fn new(phase: Phase, old: OldCredential) -> Self {
        Self {
            phase,
            old,
            interrupted: false,
            creation_in_doubt: false,
            creates: 0,
            restores: 0,
            lists: 0,
        }
    }

    /// Handles a signal: from now on the old credential is restored, if it can be, instead of storing the
    /// new one.
    pub(super) fn interrupt(&mut self) {
        self.interrupted = true;
    }

    /// Whether signals do not stop the step: there is no credential while the old one is being restored or,
    /// without its value, until the new one is stored.
    pub(super) fn must_go_on(&self) -> bool {
        match self.phase {
            Phase::Deleting | Phase::CheckingDeletion => false,
            Phase::Creating | Phase::CheckingCreation => self.old == OldCredential::WithoutValue,
            Phase::Restoring | Phase::CheckingRestore => true,
        }
    }

    /// Returns the next step after the reply to a delete, a create or a restore.
    pub(super) fn replied(&mut self, reply: StepReply) -> NextStep {
        match (self.phase, reply) {
            (Phase::Deleting, StepReply::Done(_)) => self.create_or_restore(),
            (Phase::Deleting, StepReply::Unknown) => self.list_for(Phase::CheckingDeletion),
            (Phase::Deleting, _) => finish(Ending::Unchanged),
            (Phase::Creating, StepReply::Done(id)) => finish(Ending::Stored(id)),
            (Phase::Creating, StepReply::Unknown) => {
                self.creation_in_doubt = true;
                self.list_for(Phase::CheckingCreation)
            }
            (Phase::Creating, StepReply::Taken) if self.is_replacing() || self.creation_in_doubt => {
                self.list_for(Phase::CheckingCreation)
            }
            (Phase::Creating, StepReply::Taken) => finish(Ending::Taken),
            (_, StepReply::Done(id)) => finish(Ending::Restored(id)),
            (_, StepReply::Taken | StepReply::Unknown) => self.list_for(Phase::CheckingRestore),
            (Phase::Restoring, StepReply::Refused) => self.give_up(),
            (_, StepReply::Refused | StepReply::Busy) => self.restore_or_give_up(),
        }
    }

    /// Returns the next step after a list.
    pub(super) fn listed(&mut self, listed: Listed) -> NextStep {
        match (self.phase, listed) {
            (_, Listed::New(id)) => finish(Ending::Stored(id)),
            (Phase::CheckingRestore, Listed::Restored(id)) => finish(Ending::Restored(id)),
            (_, Listed::Other | Listed::Restored(_)) => finish(Ending::TakenByOther),
            (Phase::CheckingDeletion, Listed::Empty) => self.create_or_restore(),
            (Phase::CheckingDeletion, _) => self.list_again(finish(Ending::DeletionUnknown)),
            // The delete was confirmed, so a list that still shows the old id is out of date.
            (Phase::CheckingRestore, Listed::Empty | Listed::Old) => self.restore_or_give_up(),
            (Phase::CheckingRestore, _) => self.list_again(finish(Ending::Unknown)),
            (_, Listed::Empty | Listed::Old) if self.is_stopped() || self.creates >= MAX_CREATES => {
                self.restore_or_give_up()
            }
            (_, Listed::Empty | Listed::Old) => self.create(self.creates),
            (_, Listed::Unreadable | Listed::Undecided) => {
                if self.is_stopped() || self.lists + 1 >= MAX_LISTS {
                    self.restore_or_give_up()
                } else {
                    self.list_again(finish(Ending::Unknown))
                }
            }
        }
    }

    fn is_replacing(&self) -> bool {
        self.old != OldCredential::Absent
    }

    fn is_stopped(&self) -> bool {
        self.interrupted && self.old != OldCredential::WithoutValue
    }

    fn create_or_restore(&mut self) -> NextStep {
        if self.is_stopped() {
            self.restore_or_give_up()
        } else {
            self.create(0)
        }
    }

    fn create(&mut self, wait: u32) -> NextStep {
        self.phase = Phase::Creating;
        self.creates += 1;
        after(wait, ReplaceStep::Create)
    }

    /// Gives up storing the new credential, and restores the old one if possible.
    fn restore_or_give_up(&mut self) -> NextStep {
        if self.old != OldCredential::WithValue || self.restores >= MAX_RESTORES {
            return self.give_up();
        }
        self.phase = Phase::Restoring;
        self.restores += 1;
        after(self.restores - 1, ReplaceStep::Restore)
    }

    fn give_up(&self) -> NextStep {
        finish(if self.creation_in_doubt {
            Ending::Unknown
        } else if self.is_replacing() {
            Ending::Lost
        } else {
            Ending::Unchanged
        })
    }

    fn list_for(&mut self, phase: Phase) -> NextStep {
        self.phase = phase;
        self.lists = 0;
        after(0, ReplaceStep::List)
    }

    fn list_again(&mut self, otherwise: NextStep) -> NextStep {
        self.lists += 1;
        let max = if self.interrupted {
            MAX_LISTS_INTERRUPTED
        } else {
            MAX_LISTS
        };
        if self.lists >= max {
            return otherwise;
        }
        after(self.lists, ReplaceStep::List)
    }
}

fn after(wait: u32, step: ReplaceStep) -> NextStep {
    NextStep { wait, step }
}

fn finish(ending: Ending) -> NextStep {
    after(0, ReplaceStep::Finish(ending))
}

#[cfg(test)]
mod tests;
