use super::*;

/// An input of the state machine: a reply, a list, or a signal.
#[derive(Clone)]
enum Input {
    StepReply(StepReply),
    Listed(Listed),
    Signal,
}
use Input::Signal;

fn ok(id: &str) -> Input {
    Input::StepReply(StepReply::Done(id.to_owned()))
}

const REFUSED: Input = Input::StepReply(StepReply::Refused);
const BUSY: Input = Input::StepReply(StepReply::Busy);
const TAKEN: Input = Input::StepReply(StepReply::Taken);
const LOST: Input = Input::StepReply(StepReply::Unknown);
const EMPTY: Input = Input::Listed(Listed::Empty);
const STALE: Input = Input::Listed(Listed::Old);
const OTHER: Input = Input::Listed(Listed::Other);
const UNREADABLE: Input = Input::Listed(Listed::Unreadable);
const UNDECIDED: Input = Input::Listed(Listed::Undecided);

fn new_listed() -> Input {
    Input::Listed(Listed::New("new".to_owned()))
}

fn restored_listed() -> Input {
    Input::Listed(Listed::Restored("back".to_owned()))
}

/// Runs the events in order, repeating the last one until the end.
fn end((mut decisions, mut next): (Decisions, NextStep), events: &[Input]) -> Ending {
    let last = events.last().expect("at least one event");
    let forever = events.iter().chain(std::iter::repeat_n(last, 50));
    for input in forever {
        if let ReplaceStep::Finish(ending) = next.step {
            return ending;
        }
        match input.clone() {
            Signal => decisions.interrupt(),
            Input::StepReply(reply) => {
                assert_ne!(next.step, ReplaceStep::List);
                next = decisions.replied(reply);
            }
            Input::Listed(listed) => {
                assert_eq!(next.step, ReplaceStep::List);
                next = decisions.listed(listed);
            }
        }
    }
    panic!("no end after fifty events: {next:?}");
}

/// R103, R104, R109: each row is a sequence of events and the final state of a replacement.
#[test]
fn a_replacement_ends_as_the_table_says() {
    let stored = || Ending::Stored("new".to_owned());
    let restored = || Ending::Restored("back".to_owned());
    let (done, new, back) = (ok(""), ok("new"), ok("back"));
    let table: Vec<(Vec<Input>, Ending)> = vec![
        (vec![done.clone(), new.clone()], stored()),
        (vec![REFUSED], Ending::Unchanged),
        (vec![BUSY], Ending::Unchanged),
        // A delete without a reply.
        (vec![LOST, STALE], Ending::DeletionUnknown),
        (vec![LOST, UNREADABLE], Ending::DeletionUnknown),
        (vec![LOST, UNDECIDED], Ending::DeletionUnknown),
        (vec![LOST, OTHER], Ending::TakenByOther),
        (vec![LOST, STALE, STALE, EMPTY, new.clone()], stored()),
        // A create without a reply, and stale lists.
        (vec![done.clone(), LOST, new_listed()], stored()),
        (vec![done.clone(), LOST, STALE, new.clone()], stored()),
        (vec![done.clone(), LOST, UNREADABLE, new_listed()], stored()),
        (vec![done.clone(), LOST, OTHER], Ending::TakenByOther),
        (vec![done.clone(), LOST, EMPTY, TAKEN, new_listed()], stored()),
        (vec![done.clone(), LOST, EMPTY, REFUSED, back.clone()], restored()),
        (
            vec![done.clone(), LOST, EMPTY, REFUSED, TAKEN, new_listed()],
            stored(),
        ),
        (vec![done.clone(), LOST, EMPTY, REFUSED, REFUSED], Ending::Unknown),
        // A refused create.
        (vec![done.clone(), REFUSED, back.clone()], restored()),
        (vec![done.clone(), BUSY, BUSY, BUSY, back.clone()], restored()),
        (vec![done.clone(), REFUSED, REFUSED], Ending::Lost),
        (vec![done.clone(), REFUSED, BUSY], Ending::Lost),
        (vec![done.clone(), REFUSED, LOST, restored_listed()], restored()),
        (vec![done.clone(), REFUSED, LOST, STALE, back.clone()], restored()),
        (vec![done.clone(), REFUSED, LOST, OTHER], Ending::TakenByOther),
        (vec![done.clone(), REFUSED, LOST, UNDECIDED], Ending::Unknown),
        (vec![done.clone(), REFUSED, TAKEN, UNREADABLE], Ending::Unknown),
        // A name that is taken after the delete.
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
            vec![done.clone(), Signal, LOST, UNREADABLE, TAKEN, new_listed()],
            stored(),
        ),
    ];
    for (row, (events, ending)) in table.into_iter().enumerate() {
        assert_eq!(end(Decisions::replace(true), &events), ending, "row {row}");
    }
}

/// R103: if the vault cannot be listed after a create, it is tried six times before the old credential
/// is restored.
#[test]
fn the_old_credential_is_restored_after_six_lists() {
    let mut events = vec![ok(""), LOST];
    events.extend([
        UNREADABLE, UNDECIDED, UNREADABLE, UNDECIDED, UNREADABLE, UNDECIDED,
    ]);
    events.push(ok("back"));
    let ending = end(Decisions::replace(true), &events);
    assert_eq!(ending, Ending::Restored("back".to_owned()));
}

/// R109: signals cut requests short only before the first attempt to restore.
#[test]
fn a_restore_is_not_interrupted() {
    let (mut decisions, _) = Decisions::replace(true);
    let mut steps = vec![decisions.must_go_on()];
    for reply in [
        StepReply::Done(String::new()),
        StepReply::Refused,
        StepReply::Unknown,
        StepReply::Done("back".to_owned()),
    ] {
        decisions.replied(reply);
        steps.push(decisions.must_go_on());
    }
    assert_eq!(steps, [false, false, true, true, true]);
}

/// R104, R111: without a backup, no state claims that the old credential was restored.
#[test]
fn without_a_backup_nothing_is_restored() {
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

/// R83, R109: without a backup, a signal after the delete does not stop the new credential from being stored.
#[test]
fn without_a_backup_the_new_credential_is_stored_after_a_signal() {
    let stored = || Ending::Stored("new".to_owned());
    for (events, ending) in [
        (vec![Signal, ok(""), ok("new")], stored()),
        (vec![Signal, LOST, EMPTY, ok("new")], stored()),
        (vec![Signal, LOST, STALE], Ending::DeletionUnknown),
        (vec![ok(""), Signal, LOST, EMPTY, ok("new")], stored()),
        (vec![ok(""), Signal, LOST, UNREADABLE], Ending::Unknown),
    ] {
        assert_eq!(end(Decisions::replace(false), &events), ending);
    }
}

/// R105: a create in doubt is never reported as refused, and another writer's credential is not ours.
#[test]
fn a_create_ends_as_the_table_says() {
    let table = [
        (vec![ok("new")], Ending::Stored("new".to_owned())),
        (vec![REFUSED], Ending::Unchanged),
        (vec![BUSY], Ending::Unchanged),
        (vec![TAKEN], Ending::Taken),
        (vec![LOST, new_listed()], Ending::Stored("new".to_owned())),
        (vec![LOST, OTHER], Ending::TakenByOther),
        (vec![LOST, EMPTY, TAKEN, OTHER], Ending::TakenByOther),
        (vec![LOST, EMPTY, TAKEN, UNDECIDED], Ending::Unknown),
        (vec![LOST, EMPTY, REFUSED], Ending::Unknown),
        (vec![LOST, UNREADABLE], Ending::Unknown),
        (vec![LOST, EMPTY, LOST, EMPTY, LOST, EMPTY], Ending::Unknown),
    ];
    for (row, (events, ending)) in table.into_iter().enumerate() {
        assert_eq!(end(Decisions::create_only(), &events), ending, "row {row}");
    }
}
