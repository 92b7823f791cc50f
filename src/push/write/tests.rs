use super::*;

fn create() -> Write {
    Write::new(&Action::Create, None)
}

fn update() -> Write {
    Write::new(&Action::Update { id: "old".to_owned() }, None)
}

fn status(status: u16) -> ApiError {
    ApiError::of_status(status)
}

fn is_unknown(write: &Write) -> bool {
    match write.outcome {
        Outcome::Unknown(Some(_)) => true,
        Outcome::Failed(_) => false,
        _ => panic!("neither unknown nor failed"),
    }
}

/// R68, R106: the next step after a failure, and whether the write may have been carried out.
#[test]
fn a_failure_decides_the_next_step() {
    for (write, code, may_help, next, unknown) in [
        (create as fn() -> Write, 503, true, Followup::List, true),
        (create, 503, false, Followup::List, true),
        (create, 409, true, Followup::List, false),
        (create, 409, false, Followup::List, false),
        (create, 404, true, Followup::Retry, false),
        (create, 404, false, Followup::GiveUp, false),
        (create, 429, true, Followup::Retry, false),
        (create, 422, false, Followup::GiveUp, false),
        (update, 503, true, Followup::Retry, true),
        (update, 503, false, Followup::GiveUp, true),
        (update, 404, true, Followup::List, false),
        (update, 404, false, Followup::GiveUp, false),
        (update, 409, false, Followup::GiveUp, false),
        (update, 429, true, Followup::Retry, false),
        (update, 429, false, Followup::GiveUp, false),
    ] {
        let mut write = write();
        let kind = if write.existing.is_some() {
            "update"
        } else {
            "create"
        };
        let case = format!("{kind} {code} {may_help}");
        assert_eq!(write.fail(status(code), may_help), next, "{case}");
        assert_eq!(is_unknown(&write), unknown, "{case}");
        // A write stays in doubt if a later attempt is refused.
        write.fail(status(422), false);
        assert_eq!(is_unknown(&write), unknown, "{case}");
    }
    assert!(matches!(create().outcome, Outcome::NotAttempted));
}

/// R106: a list determines whether a write becomes an update, is retried or is given up.
#[test]
fn a_list_determines_the_next_step() {
    for (code, may_help, listed, next) in [
        (503, true, None, Followup::Retry),
        (503, false, None, Followup::GiveUp),
        (503, false, Some("id"), Followup::Retry),
        (409, true, None, Followup::GiveUp),
        (409, true, Some("id"), Followup::Retry),
    ] {
        let mut write = create();
        write.fail(status(code), may_help);
        assert_eq!(write.listed(listed), next, "{code} {may_help} {listed:?}");
        assert_eq!(write.existing.as_deref(), listed);
    }
    let mut gone = update();
    gone.fail(status(404), true);
    assert_eq!(gone.existing, None);
    assert_eq!(gone.listed(None), Followup::Retry);
    // A write that was given up is retried if the list contains it.
    let mut found = create();
    found.fail(status(503), false);
    found.listed(Some("id"));
    found.fail(status(404), true);
    assert_eq!(found.listed(None), Followup::Retry);
}

/// R106: a create whose response was lost is a creation, even if an update confirms it.
#[test]
fn a_confirmed_write_is_created_or_updated() {
    let created = |mut write: Write| {
        write.stored("id".to_owned());
        match write.outcome {
            Outcome::Created { id } => (true, id),
            Outcome::Updated { id } => (false, id),
            _ => panic!("stored"),
        }
    };
    assert_eq!(created(create()), (true, "id".to_owned()));
    assert_eq!(created(update()), (false, "id".to_owned()));
    let mut lost = create();
    lost.fail(status(503), true);
    lost.listed(Some("id"));
    assert!(created(lost).0);
    let mut taken = create();
    taken.fail(status(409), true);
    taken.listed(Some("id"));
    assert!(!created(taken).0);
}

/// R136: failures during an outage count only while other writes succeed; what concerns this write alone
/// counts each time.
#[test]
fn failures_of_one_write_are_counted() {
    let mut write = create();
    let (busy, taken) = (status(502), status(409));
    assert!((0..50).all(|_| write.count_failure(&busy, Some(7)) == 1));
    assert_eq!(write.count_failure(&busy, Some(8)), 2);
    assert_eq!(write.count_failure(&taken, Some(8)), 3);
    let mut only = create();
    assert_eq!(
        (only.count_failure(&busy, None), only.count_failure(&busy, None)),
        (1, 2)
    );
}

#[test]
fn a_write_needs_a_list_when_its_id_is_gone_or_its_name_is_taken() {
    for (code, for_create, for_update) in [(404, false, true), (409, true, false), (500, false, false)] {
        assert_eq!(create().needs_list(&status(code)), for_create, "{code}");
        assert_eq!(update().needs_list(&status(code)), for_update, "{code}");
    }
}

/// R143: with `--if-missing`, a name that is taken stays as it is, and a create in doubt is not repeated
/// as an update.
#[test]
fn a_name_that_is_taken_is_kept() {
    let keeping = || Write::new(&Action::Create, Some(Scope::Org));
    let mut taken = keeping();
    assert_eq!(taken.fail(status(409), true), Followup::GiveUp);
    assert!(matches!(
        taken.outcome,
        Outcome::Unchanged(WhyKept::Stored(Scope::Org))
    ));
    let mut lost = keeping();
    assert_eq!(lost.fail(status(503), true), Followup::List);
    assert_eq!(lost.listed(Some("id")), Followup::GiveUp);
    assert!(is_unknown(&lost) && lost.existing.is_none());
    let mut lost = keeping();
    lost.fail(status(503), true);
    assert_eq!(lost.listed(None), Followup::Retry);
    assert_eq!(lost.fail(status(409), true), Followup::GiveUp);
    assert!(is_unknown(&lost));
}
