use super::*;
use crate::ui::keyboard::script::{Bursts, at_terminal, typed, typed_slowly};

fn items(count: usize) -> Vec<String> {
    (1..=count).map(|n| format!("entry {n}")).collect()
}

/// Chooses from `count` entries; returns the choice and what was shown.
fn choose(count: usize, keys: &str) -> (Option<usize>, String) {
    let items = items(count);
    at_terminal(|term| Chooser::new("Entry to push", &items).run(&mut typed_slowly(keys), term))
}

#[test]
fn keys_choose_an_entry() {
    for (count, keys, expected) in [
        (3, "\n", Some(0)),
        (3, " ", Some(0)),
        (3, "↓\n", Some(1)),
        (3, "jj\n", Some(2)),
        (3, "\t\n", Some(1)),
        (3, "↓↓↓\n", Some(0)),
        (3, "↑\n", Some(2)),
        (3, "kk\n", Some(1)),
        (3, "↓↑\n", Some(0)),
        (3, "1", Some(0)),
        (3, "3", Some(2)),
        (3, "\u{1b}", None),
        (3, "q", None),
        (3, "\u{4}", None),
        (3, "4x0q", None),
        // Where a second digit is possible, Enter or that digit ends the number.
        (12, "1\n", Some(0)),
        (12, "12", Some(11)),
        (12, "2", Some(1)),
        (12, "13q", None),
        (12, "1\u{8}\n", Some(0)),
        (12, "1\u{8}2", Some(1)),
        (12, "1\u{8}↓\n", Some(1)),
        (10, "10", Some(9)),
        (9, "1", Some(0)),
        (120, "12\n", Some(11)),
        (120, "120", Some(119)),
        (120, "12\u{8}\n", Some(0)),
        (120, "13", Some(12)),
    ] {
        assert_eq!(choose(count, keys).0, expected, "{keys:?} of {count}");
    }
}

#[test]
fn the_list_shows_the_selected_entry_and_what_was_typed() {
    let (_, shown) = choose(2, "↓\n");
    let first = "Entry to push\n> 1) entry 1\n  2) entry 2\n1-2 or ↑ ↓ Enter to choose, Esc or q to cancel\n";
    assert!(shown.starts_with(first), "{shown:?}");
    assert!(shown.contains("  1) entry 1\n> 2) entry 2\n1-2 or"), "{shown:?}");
    assert!(shown.ends_with("> entry 2\n"), "{shown:?}");
    // The three lines of the list are removed, twice.
    assert_eq!(shown.matches("\x1b[2K").count(), 6, "{shown:?}");
    let (_, invalid_key) = choose(2, "x↓q");
    assert_eq!(
        invalid_key.matches("not a choice: 1-2 or").count(),
        1,
        "{invalid_key:?}"
    );
    let (_, number) = choose(12, "1\n");
    assert_eq!(number.matches("\n1_  1-12 or").count(), 1, "{number:?}");
    let (_, resumed) = choose(2, "\u{1a}q");
    assert_eq!(resumed.matches("Entry to push\n").count(), 2, "{resumed:?}");
}

/// An Enter that follows a digit at once does not answer the next question.
#[test]
fn keys_that_follow_a_choice_at_once_are_dropped() {
    let items = items(3);
    for (bursts, choice, left) in [
        (vec![typed("2\n"), typed("y")], 1, 1),
        (vec![typed("x2"), typed("y")], 1, 1),
    ] {
        let mut keys = Bursts(bursts);
        let (chosen, _) = at_terminal(|term| Chooser::new("Entry", &items).run(&mut keys, term));
        assert_eq!(chosen, Some(choice));
        assert_eq!(keys.0.iter().map(Vec::len).sum::<usize>(), left);
    }
}
