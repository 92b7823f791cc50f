//! The plan on a terminal, whose actions are replaced by results when the push is done.

use crate::sandbox::Sandbox;
use crate::screen::{ROWS, Screen};
use crate::support::faults::{Behaviour, Fault, Reply};

const PUSH: &str = "amika secret push A=1 LONGER=2";

/// A single table shows the actions first and then the results.
#[test]
fn the_results_replace_the_actions_of_the_plan() {
    for columns in [50, 80, 200] {
        let sandbox = Sandbox::new();
        sandbox.vault.seed("A", "before", "user");
        let mut screen = Screen::run(&sandbox, columns, PUSH);
        screen.wait_for("[y/N] ").answer("y\r");
        let seen = screen.ends(0);
        let expected = if columns < 60 {
            "NAME    A\nSOURCE  argument 1\nVALUE   ********\nRESULT  updated\n\n\
             NAME    LONGER\nSOURCE  argument 2\nVALUE   ********\nRESULT  created\n"
        } else {
            "NAME    SOURCE      VALUE     RESULT\n\
             A       argument 1  ********  updated\n\
             LONGER  argument 2  ********  created\n"
        };
        let end =
            "Overwrite 1 and create 1 in user scope? [y/N] y\nCreated 1, Updated 1 in user scope\ncode 0";
        assert_eq!(seen, format!("{expected}{end}"), "{columns}");
        // Only the actions are replaced.
        assert_eq!(screen.printed.matches("LONGER").count(), 1, "{columns}");
    }
}

/// The progress bar between plan and result leaves no trace.
#[test]
fn the_results_replace_the_actions_after_a_progress_bar() {
    let sandbox = Sandbox::new();
    let names = ["A1", "B2", "C3", "D4", "E5", "F6", "G7"];
    let pairs: Vec<_> = names.iter().map(|name| format!("{name}=1")).collect();
    for columns in [50, 80] {
        let line = format!("amika secret push {} --yes", pairs.join(" "));
        let seen = Screen::run(&sandbox, columns, &line).ends(0);
        let result = if columns == 50 { "created" } else { "updated" };
        assert_eq!(seen.matches(result).count(), names.len(), "{seen}");
        assert!(!seen.contains("ACTION") && !seen.contains("create\n"), "{seen}");
        let total = seen.lines().rev().nth(1).unwrap();
        assert!(total.ends_with(" 7 in user scope"), "{seen}");
        if columns == 80 {
            assert_eq!(seen.lines().count(), 1 + names.len() + 2, "{seen}");
        }
    }
}

/// Characters that are typed while the writes run move the cursor within its line only.
#[test]
fn the_result_is_in_place_after_characters_were_typed() {
    let sandbox = Sandbox::new();
    sandbox
        .vault
        .fault(Fault::on("POST", "/secrets").does(Behaviour::Hold));
    let mut screen = Screen::run(&sandbox, 80, &format!("{PUSH} --yes --jobs 1"));
    sandbox.vault.wait_for("POST", 1);
    screen.answer("typed").wait_for("typed");
    sandbox.vault.release();
    let seen = screen.ends(0);
    assert!(
        seen.starts_with(
            "NAME    SOURCE      VALUE     RESULT\n\
             A       argument 1  ********  created\n\
             LONGER  argument 2  ********  created\n"
        ),
        "{seen}"
    );
}

/// A failure is marked in its row, and its reason follows.
#[test]
fn a_failure_is_marked_in_the_plan_and_explained_below() {
    let sandbox = Sandbox::new();
    let refused = Fault::on("POST", "/secrets").fails(400, "not today");
    sandbox.vault.fault(refused);
    let seen = Screen::run(&sandbox, 80, &format!("{PUSH} --yes --jobs 1")).ends(5);
    let lines: Vec<_> = seen.lines().collect();
    assert_eq!(lines[1], "A       argument 1  ********  failed", "{seen}");
    assert_eq!(lines[2], "LONGER  argument 2  ********  created", "{seen}");
    assert!(
        lines[4].starts_with("A     failed: ") && seen.contains("not today"),
        "{seen}"
    );
    assert_eq!(seen.matches("LONGER").count(), 1, "{seen}");
}

/// If the position of the cursor is not known, nothing is overwritten.
#[test]
fn the_plan_is_kept_if_its_position_is_unknown() {
    let tall: Vec<_> = (0..45).map(|n| format!("N{n}=1")).collect();
    for (columns, line) in [
        (80, format!("{PUSH} --yes > out")),
        (80, format!("{PUSH} --yes -v")),
        (80, format!("TERM=dumb {PUSH} --yes")),
        (80, format!("CI=1 {PUSH} --yes")),
        (80, format!("yes | {PUSH}")),
        (80, format!("amika secret push {} --yes", tall.join(" "))),
    ] {
        let sandbox = Sandbox::new();
        let seen = Screen::run(&sandbox, columns, &line).ends(0);
        assert!(
            seen.contains(" create\n") && !seen.contains("RESULT"),
            "{line}: {seen}"
        );
    }
    // The question is two lines long.
    let sandbox = Sandbox::new();
    let mut screen = Screen::run(&sandbox, 36, "amika secret push A=1");
    screen.wait_for("[y/N] ").answer("y\r");
    let seen = screen.ends(0);
    assert!(
        seen.contains("ACTION  create\n") && !seen.contains("RESULT"),
        "{seen}"
    );
}

/// As above, if something happens between the plan and the result.
#[test]
fn the_plan_is_kept_if_the_terminal_has_changed() {
    let start = |question: bool| {
        let sandbox = Sandbox::new();
        sandbox
            .vault
            .fault(Fault::on("POST", "/secrets").does(Behaviour::Hold));
        let yes = if question { "" } else { " --yes" };
        let screen = Screen::run(&sandbox, 80, &format!("set -m; {PUSH}{yes} --jobs 1"));
        (sandbox, screen)
    };
    let left_alone = |seen: &str| {
        assert!(seen.contains("create") && !seen.contains("RESULT"), "{seen}");
    };
    // The size changes.
    let (sandbox, mut screen) = start(true);
    screen.wait_for("[y/N] ");
    let process = screen.session.get_process_mut();
    process.set_window_size(60, ROWS).unwrap();
    screen.answer("y\r");
    sandbox.vault.wait_for("POST", 1);
    sandbox.vault.release();
    left_alone(&screen.ends(0));
    // A line is typed meanwhile.
    let (sandbox, mut screen) = start(false);
    sandbox.vault.wait_for("POST", 1);
    screen.answer("\r").wait_for("\r\n\r\n");
    sandbox.vault.release();
    left_alone(&screen.ends(0));
    // A notice is printed.
    let later = Reply {
        status: 503,
        headers: vec![("retry-after", "2".to_owned())],
        ..Reply::default()
    };
    let sandbox = Sandbox::new();
    sandbox
        .vault
        .fault(Fault::on("POST", "/secrets").does(Behaviour::Reply(later)));
    let mut screen = Screen::run(&sandbox, 80, &format!("{PUSH} --yes"));
    let seen = screen.ends(0);
    assert!(seen.contains("notice: "), "{seen}");
    left_alone(&seen);
    // The program is suspended at the question, and resumed.
    let sandbox = Sandbox::new();
    let mut screen = Screen::run(&sandbox, 80, &format!("set -m; {PUSH}; fg"));
    screen.wait_for("[y/N] ").answer("\x1a");
    screen.wait_for("[y/N] ").answer("y\r");
    left_alone(&screen.ends(0));
}
