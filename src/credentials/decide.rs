//! The decisions of storing or replacing a credential, as a state machine without effects.
//!
//! The API has no update and allows one credential per name (one per provider in org scope), so the
//! old credential must be deleted before the new one can be created. [`Decisions`] receives the result
//! of every request and returns the next step; `replace.rs` performs it.

/// Maximum number of creates of the new credential, and of attempts to restore the old one.
const MAX_CREATES: u32 = 3;
const MAX_PUT_BACKS: u32 = 5;
/// Maximum number of lists that look for the effect of one request without a reply.
const MAX_LOOKS: u32 = 6;
const MAX_LOOKS_INTERRUPTED: u32 = 2;

/// The next step, after the `wait`-th back-off (0: at once).
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Next {
    pub(super) wait: u32,
    pub(super) step: Step,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Step {
    Delete,
    Create,
    PutBack,
    /// List the credentials, and compare the values where names and types are not enough.
    Look,
    Finish(Ending),
}

/// The final state.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Ending {
    /// The new credential is stored under this id.
    Stored(String),
    /// The old credential was not deleted.
    Untouched,
    /// The delete got no reply and may still be carried out.
    DeletionUnknown,
    /// The old credential was deleted and restored under this id.
    Restored(String),
    /// There was nothing to replace, but the server says that the name is taken.
    Taken,
    /// Another writer stored a credential in its place meanwhile.
    TakenByOther,
    /// There was nothing to replace, and the new credential is not stored.
    NotStored,
    /// It is unknown whether the new credential is stored; an old one is deleted.
    Unknown,
    /// The old credential is deleted, and neither credential is stored.
    Lost,
}

/// The result of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Reply {
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
pub(super) enum Seen {
    /// The vault could not be listed.
    Unreadable,
    /// There is no credential in this place.
    Empty,
    /// The old credential is listed under its old id.
    OldListed,
    /// There is another credential, neither the new one nor the restored old one.
    Other,
    /// There is a credential whose value could not be compared.
    Undecided,
    /// The old credential was restored under this id.
    PutBack(String),
    /// The new credential is stored under this id.
    New(String),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    Deleting,
    CheckingDeletion,
    Creating,
    CheckingCreation,
    PuttingBack,
    CheckingPutBack,
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
    put_backs: u32,
    looks: u32,
}

impl Decisions {
    /// Starts storing a new credential.
    pub(super) fn store() -> (Self, Next) {
        let mut decisions = Self::new(Phase::Creating, OldCredential::Absent);
        let next = decisions.create(0);
        (decisions, next)
    }

    /// Starts replacing a credential. `has_backup` tells whether the old one can be restored.
    pub(super) fn replace(has_backup: bool) -> (Self, Next) {
        let old = if has_backup {
            OldCredential::WithValue
        } else {
            OldCredential::WithoutValue
        };
        (Self::new(Phase::Deleting, old), at_once(Step::Delete))
    }

    fn new(phase: Phase, old: OldCredential) -> Self {
        Self {
            phase,
            old,
            interrupted: false,
            creation_in_doubt: false,
            creates: 0,
            put_backs: 0,
            looks: 0,
        }
    }

    /// Handles a signal: from now on the old credential is restored instead of storing the new one.
    pub(super) fn interrupt(&mut self) {
        self.interrupted = true;
    }

    /// Whether the old credential is being restored, which signals do not stop.
    pub(super) fn is_putting_back(&self) -> bool {
        matches!(self.phase, Phase::PuttingBack | Phase::CheckingPutBack)
    }

    /// Returns the next step after the reply to a delete, a create or a restore.
    pub(super) fn replied(&mut self, reply: Reply) -> Next {
        match (self.phase, reply) {
            (Phase::Deleting, Reply::Done(_)) => self.forward(),
            (Phase::Deleting, Reply::Unknown) => self.look_in(Phase::CheckingDeletion),
            (Phase::Deleting, _) => finish(Ending::Untouched),
            (Phase::Creating, Reply::Done(id)) => finish(Ending::Stored(id)),
            (Phase::Creating, Reply::Unknown) => {
                self.creation_in_doubt = true;
                self.look_in(Phase::CheckingCreation)
            }
            (Phase::Creating, Reply::Taken) if self.is_replacing() || self.creation_in_doubt => {
                self.look_in(Phase::CheckingCreation)
            }
            (Phase::Creating, Reply::Taken) => finish(Ending::Taken),
            (_, Reply::Done(id)) => finish(Ending::Restored(id)),
            (_, Reply::Taken | Reply::Unknown) => self.look_in(Phase::CheckingPutBack),
            (Phase::PuttingBack, Reply::Busy) => self.put_back(),
            (Phase::PuttingBack, Reply::Refused) => self.give_up(),
            (_, Reply::Refused | Reply::Busy) => self.back(),
        }
    }

    /// Returns the next step after a list.
    pub(super) fn saw(&mut self, seen: Seen) -> Next {
        match (self.phase, seen) {
            (_, Seen::New(id)) => finish(Ending::Stored(id)),
            (Phase::CheckingPutBack, Seen::PutBack(id)) => finish(Ending::Restored(id)),
            (_, Seen::Other | Seen::PutBack(_)) => finish(Ending::TakenByOther),
            (Phase::CheckingDeletion, Seen::Empty) => self.forward(),
            (Phase::CheckingDeletion, _) => self.look_again(finish(Ending::DeletionUnknown)),
            // The delete was confirmed, so a list that still shows the old id is out of date.
            (Phase::CheckingPutBack, Seen::Empty | Seen::OldListed) => self.put_back(),
            (Phase::CheckingPutBack, _) => self.look_again(finish(Ending::Unknown)),
            (_, Seen::Empty | Seen::OldListed) if self.interrupted || self.creates >= MAX_CREATES => {
                self.back()
            }
            (_, Seen::Empty | Seen::OldListed) => self.create(self.creates),
            (_, Seen::Unreadable | Seen::Undecided) => {
                if self.interrupted || self.looks + 1 >= MAX_LOOKS {
                    self.back()
                } else {
                    self.look_again(finish(Ending::Unknown))
                }
            }
        }
    }

    fn is_replacing(&self) -> bool {
        self.old != OldCredential::Absent
    }

    fn forward(&mut self) -> Next {
        if self.interrupted {
            self.back()
        } else {
            self.create(0)
        }
    }

    fn create(&mut self, wait: u32) -> Next {
        self.phase = Phase::Creating;
        self.creates += 1;
        Next {
            wait,
            step: Step::Create,
        }
    }

    /// Gives up storing the new credential.
    fn back(&mut self) -> Next {
        if self.old == OldCredential::WithValue {
            return self.put_back();
        }
        self.give_up()
    }

    fn put_back(&mut self) -> Next {
        if self.put_backs >= MAX_PUT_BACKS {
            return self.give_up();
        }
        self.phase = Phase::PuttingBack;
        let wait = self.put_backs;
        self.put_backs += 1;
        Next {
            wait,
            step: Step::PutBack,
        }
    }

    fn give_up(&self) -> Next {
        finish(if self.creation_in_doubt {
            Ending::Unknown
        } else if self.is_replacing() {
            Ending::Lost
        } else {
            Ending::NotStored
        })
    }

    fn look_in(&mut self, phase: Phase) -> Next {
        self.phase = phase;
        self.looks = 0;
        at_once(Step::Look)
    }

    fn look_again(&mut self, otherwise: Next) -> Next {
        self.looks += 1;
        let max = if self.interrupted {
            MAX_LOOKS_INTERRUPTED
        } else {
            MAX_LOOKS
        };
        if self.looks >= max {
            return otherwise;
        }
        Next {
            wait: self.looks,
            step: Step::Look,
        }
    }
}

fn at_once(step: Step) -> Next {
    Next { wait: 0, step }
}

fn finish(ending: Ending) -> Next {
    at_once(Step::Finish(ending))
}

#[cfg(test)]
mod tests;
