use super::*;
use crate::ui::keyboard::script::{at_terminal, typed_slowly};

/// The answer to a question, and what was shown.
fn answer(keys: &str) -> (bool, String) {
    at_terminal(|term| confirm("Go on?", &mut typed_slowly(keys), term))
}

/// R91: only y and yes are yes.
#[test]
fn a_question_is_answered_with_yes_or_no() {
    for (keys, yes) in [
        ("y\n", true),
        ("Yes\n", true),
        (" y \n", true),
        ("n\n", false),
        ("No\n", false),
        ("\n", false),
        ("y\u{1b}", false),
        ("y\u{4}", false),
        // The answer is corrected, with Backspace, Ctrl-U and Ctrl-W.
        ("yx\u{8}\n", true),
        ("\u{8}y\n", true),
        ("y\u{8}\n", false),
        ("nope\u{15}y\n", true),
        ("nope\u{17}y\n", true),
        // Keys without a meaning here, and control characters, are ignored.
        ("↑y\u{7}\n", true),
        // An answer that is neither is asked for again.
        ("maybe\ny\n", true),
        ("maybe\n\n", false),
    ] {
        assert_eq!(answer(keys).0, yes, "{keys:?}");
    }
}

#[test]
fn an_answer_is_shown_while_it_is_typed() {
    assert_eq!(answer("yes\n").1, "Go on? [y/N] yes\n");
    assert_eq!(answer("\u{1b}").1, "Go on? [y/N] \n");
    assert_eq!(
        answer("maybe\nn\n").1,
        "Go on? [y/N] maybe\nPlease answer y or n: n\n"
    );
    // A shell that continues the program has left the cursor on another line.
    assert_eq!(answer("ye\u{1a}s\n").1, "Go on? [y/N] yeGo on? [y/N] yes\n");
    // Wide characters are removed with both of their columns.
    let (_, shown) = answer("漢\u{8}\n");
    assert_eq!(shown, "Go on? [y/N] 漢\u{1b}[2D\u{1b}[0K\n");
    assert!(!answer("\u{7}\n").1.contains('\u{7}'));
}
