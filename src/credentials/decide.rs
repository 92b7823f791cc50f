//! The decisions of storing or replacing a credential, as a state machine without effects.
//!
//! The API has no update and allows one credential per name (one per provider in org scope), so the
//! old credential must be deleted before the new one can be created. [`Decisions`] is told what
//! every request led to and says what to do next; `replace.rs` does it.

/// How many times a create is sent, and how many times the old credential is put back.
const MAX_CREATES: u32 = 3;
const MAX_PUT_BACKS: u32 = 5;
/// How many times the vault is looked at for the effect of one unanswered request.
const MAX_LOOKS: u32 = 6;
const MAX_LOOKS_INTERRUPTED: u32 = 2;

/// What to do next, after waiting for the `wait`-th back-off (0: at once).
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
    /// List the credentials, and compare the values of those in question.
    Look,
    Finish(Ending),
}

/// How it ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Ending {
    /// The new credential is stored under this id.
    Stored(String),
    /// The old credential was not deleted.
    Untouched,
    /// The deletion got no answer and may still be carried out.
    DeletionUnknown,
    /// The old credential was deleted and put back under this id.
    Restored(String),
    /// Nothing was to be replaced, and the server says that the name is taken.
    Taken,
    /// Somebody else stored a credential there meanwhile.
    TakenByOther,
    /// Nothing was to be replaced, and the new credential is not stored.
    NotStored,
    /// Whether the new credential is stored is not known; an old one is deleted.
    Unknown,
    /// The old credential is deleted, and no other is stored.
    Lost,
}

/// What a request led to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Reply {
    /// Carried out; for a create, under this id.
    Done(String),
    /// Not carried out, and another try would not help.
    Refused,
    /// Not carried out; another try may help.
    Busy,
    /// Not carried out: a credential of this name exists (409).
    Taken,
    /// It may have been carried out.
    Unknown,
}

/// What a look at the vault showed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Seen {
    /// The vault could not be listed.
    Unreadable,
    /// No credential is there.
    Empty,
    /// The old credential is listed under its old id.
    OldListed,
    /// Another credential is there, which is neither the new one nor the old one put back.
    Other,
    /// A credential is there whose value could not be compared.
    Undecided,
    /// The old credential, put back under this id.
    PutBack(String),
    /// The new credential, under this id.
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

#[derive(Debug)]
pub(super) struct Decisions {
    phase: Phase,
    replacing: bool,
    has_backup: bool,
    interrupted: bool,
    /// A create of the new credential may have been carried out without an answer.
    creation_in_doubt: bool,
    creates: u32,
    put_backs: u32,
    looks: u32,
}

impl Decisions {
    /// Store a credential where none is.
    pub(super) fn store() -> (Self, Next) {
        let mut decisions = Self::new(Phase::Creating, false, false);
        let next = decisions.create(0);
        (decisions, next)
    }

    /// Replace a credential. `has_backup` tells whether its value is known and can be put back.
    pub(super) fn replace(has_backup: bool) -> (Self, Next) {
        (
            Self::new(Phase::Deleting, true, has_backup),
            at_once(Step::Delete),
        )
    }

    fn new(phase: Phase, replacing: bool, has_backup: bool) -> Self {
        Self {
            phase,
            replacing,
            has_backup,
            interrupted: false,
            creation_in_doubt: false,
            creates: 0,
            put_backs: 0,
            looks: 0,
        }
    }

    /// A signal came: from now on the old credential is put back instead of storing the new one.
    pub(super) fn interrupt(&mut self) {
        self.interrupted = true;
    }

    /// Whether the old credential is being put back, which no signal stops.
    pub(super) fn is_putting_back(&self) -> bool {
        matches!(self.phase, Phase::PuttingBack | Phase::CheckingPutBack)
    }

    /// What follows from the reply to a delete, a create or a put-back.
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
            (Phase::Creating, Reply::Taken) if self.replacing || self.creation_in_doubt => {
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

    /// What follows from a look at the vault.
    pub(super) fn saw(&mut self, seen: Seen) -> Next {
        match (self.phase, seen) {
            (_, Seen::New(id)) => finish(Ending::Stored(id)),
            (Phase::CheckingPutBack, Seen::PutBack(id)) => finish(Ending::Restored(id)),
            (_, Seen::Other | Seen::PutBack(_)) => finish(Ending::TakenByOther),
            (Phase::CheckingDeletion, Seen::Empty) => self.forward(),
            (Phase::CheckingDeletion, _) => self.look_again(finish(Ending::DeletionUnknown)),
            // The deletion was confirmed: a list that still shows the old id is out of date.
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

    /// The new credential is given up.
    fn back(&mut self) -> Next {
        if self.replacing && self.has_backup {
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
        } else if self.replacing {
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
mod tests {
    use super::*;

    /// What the machine is told: a reply, a look, or a signal.
    #[derive(Clone)]
    enum Told {
        Reply(Reply),
        Seen(Seen),
        Signal,
    }
    use Told::Signal;

    fn ok(id: &str) -> Told {
        Told::Reply(Reply::Done(id.to_owned()))
    }

    const REFUSED: Told = Told::Reply(Reply::Refused);
    const BUSY: Told = Told::Reply(Reply::Busy);
    const TAKEN: Told = Told::Reply(Reply::Taken);
    const LOST: Told = Told::Reply(Reply::Unknown);
    const EMPTY: Told = Told::Seen(Seen::Empty);
    const STALE: Told = Told::Seen(Seen::OldListed);
    const OTHER: Told = Told::Seen(Seen::Other);
    const UNREADABLE: Told = Told::Seen(Seen::Unreadable);
    const UNDECIDED: Told = Told::Seen(Seen::Undecided);

    fn new_seen() -> Told {
        Told::Seen(Seen::New("new".to_owned()))
    }

    fn back_seen() -> Told {
        Told::Seen(Seen::PutBack("back".to_owned()))
    }

    /// Tells the events in order, the last one again and again until the end.
    fn end((mut decisions, mut next): (Decisions, Next), events: &[Told]) -> Ending {
        let last = events.last().expect("at least one event");
        let forever = events.iter().chain(std::iter::repeat_n(last, 50));
        for told in forever {
            if let Step::Finish(ending) = next.step {
                return ending;
            }
            match told.clone() {
                Signal => decisions.interrupt(),
                Told::Reply(reply) => {
                    assert_ne!(next.step, Step::Look);
                    next = decisions.replied(reply);
                }
                Told::Seen(seen) => {
                    assert_eq!(next.step, Step::Look);
                    next = decisions.saw(seen);
                }
            }
        }
        panic!("no end after fifty events: {next:?}");
    }

    /// R103, R104, R109: each row is one way a replacement can go.
    #[test]
    fn a_replacement_ends_as_the_table_says() {
        let stored = || Ending::Stored("new".to_owned());
        let restored = || Ending::Restored("back".to_owned());
        let (done, new, back) = (ok(""), ok("new"), ok("back"));
        let table: Vec<(Vec<Told>, Ending)> = vec![
            (vec![done.clone(), new.clone()], stored()),
            (vec![REFUSED], Ending::Untouched),
            (vec![BUSY], Ending::Untouched),
            // A deletion without an answer.
            (vec![LOST, STALE], Ending::DeletionUnknown),
            (vec![LOST, UNREADABLE], Ending::DeletionUnknown),
            (vec![LOST, UNDECIDED], Ending::DeletionUnknown),
            (vec![LOST, OTHER], Ending::TakenByOther),
            (vec![LOST, STALE, STALE, EMPTY, new.clone()], stored()),
            // A create without an answer, and lists that are out of date.
            (vec![done.clone(), LOST, new_seen()], stored()),
            (vec![done.clone(), LOST, STALE, new.clone()], stored()),
            (vec![done.clone(), LOST, UNREADABLE, new_seen()], stored()),
            (vec![done.clone(), LOST, OTHER], Ending::TakenByOther),
            (vec![done.clone(), LOST, EMPTY, TAKEN, new_seen()], stored()),
            (vec![done.clone(), LOST, EMPTY, REFUSED, back.clone()], restored()),
            (
                vec![done.clone(), LOST, EMPTY, REFUSED, TAKEN, new_seen()],
                stored(),
            ),
            (vec![done.clone(), LOST, EMPTY, REFUSED, REFUSED], Ending::Unknown),
            // A refused create.
            (vec![done.clone(), REFUSED, back.clone()], restored()),
            (vec![done.clone(), BUSY, BUSY, BUSY, back.clone()], restored()),
            (vec![done.clone(), REFUSED, REFUSED], Ending::Lost),
            (vec![done.clone(), REFUSED, BUSY], Ending::Lost),
            (vec![done.clone(), REFUSED, LOST, back_seen()], restored()),
            (vec![done.clone(), REFUSED, LOST, STALE, back.clone()], restored()),
            (vec![done.clone(), REFUSED, LOST, OTHER], Ending::TakenByOther),
            (vec![done.clone(), REFUSED, LOST, UNDECIDED], Ending::Unknown),
            (vec![done.clone(), REFUSED, TAKEN, UNREADABLE], Ending::Unknown),
            // A name that is taken after the deletion.
            (vec![done.clone(), TAKEN, STALE, new.clone()], stored()),
            (vec![done.clone(), TAKEN, OTHER], Ending::TakenByOther),
            // A signal.
            (vec![Signal, done.clone(), back.clone()], restored()),
            (vec![Signal, LOST, STALE], Ending::DeletionUnknown),
            (vec![Signal, LOST, EMPTY, back.clone()], restored()),
            (
                vec![done.clone(), Signal, LOST, UNREADABLE, back.clone()],
                restored(),
            ),
            (
                vec![done.clone(), Signal, LOST, UNREADABLE, TAKEN, new_seen()],
                stored(),
            ),
        ];
        for (row, (events, ending)) in table.into_iter().enumerate() {
            assert_eq!(end(Decisions::replace(true), &events), ending, "row {row}");
        }
    }

    /// R104, R111: what cannot be put back is never said to be.
    #[test]
    fn without_a_backup_nothing_is_put_back() {
        let done = ok("");
        assert_eq!(
            end(Decisions::replace(false), &[done.clone(), REFUSED]),
            Ending::Lost
        );
        assert_eq!(
            end(Decisions::replace(false), &[done, LOST, UNDECIDED]),
            Ending::Unknown
        );
    }

    /// R105: a create that was in doubt is never called refused, and another's is not ours.
    #[test]
    fn storing_where_nothing_is_ends_as_the_table_says() {
        let table = [
            (vec![ok("new")], Ending::Stored("new".to_owned())),
            (vec![REFUSED], Ending::NotStored),
            (vec![BUSY], Ending::NotStored),
            (vec![TAKEN], Ending::Taken),
            (vec![LOST, new_seen()], Ending::Stored("new".to_owned())),
            (vec![LOST, OTHER], Ending::TakenByOther),
            (vec![LOST, EMPTY, TAKEN, OTHER], Ending::TakenByOther),
            (vec![LOST, EMPTY, TAKEN, UNDECIDED], Ending::Unknown),
            (vec![LOST, EMPTY, REFUSED], Ending::Unknown),
            (vec![LOST, UNREADABLE], Ending::Unknown),
            (vec![LOST, EMPTY, LOST, EMPTY, LOST, EMPTY], Ending::Unknown),
        ];
        for (row, (events, ending)) in table.into_iter().enumerate() {
            assert_eq!(end(Decisions::store(), &events), ending, "row {row}");
        }
    }
}
