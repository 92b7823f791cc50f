//! Fits text to the width of a terminal, in columns.

use console::{measure_text_width, truncate_str};

/// Breaks each line of `text` between words where it is wider than `width`. A command in backticks
/// stays on one line, so that it can be copied; it, and a long word, may be wider.
pub(crate) fn wrap(text: &str, width: usize) -> Vec<String> {
    text.split('\n').flat_map(|line| wrap_line(line, width)).collect()
}

fn wrap_line(line: &str, width: usize) -> Vec<String> {
    // No text has more columns than bytes, and counting bytes is faster.
    if line.len() <= width || measure_text_width(line) <= width {
        return vec![line.to_owned()];
    }
    let text = line.trim_start_matches(' ');
    let indent = &line[..line.len() - text.len()];
    let mut lines: Vec<String> = Vec::new();
    for word in words(text) {
        match lines.last_mut() {
            Some(line) if measure_text_width(line) + 1 + measure_text_width(word) <= width => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(format!("{indent}{word}")),
        }
    }
    lines
}

/// The words of `text`, where a command in backticks is a part of one word.
fn words(text: &str) -> impl Iterator<Item = &str> {
    let mut in_command = false;
    text.split(move |c| {
        in_command ^= c == '`';
        c == ' ' && !in_command
    })
}

/// Shortens `text` to `width`, replacing its middle with `…`. More is kept of the end, which tells
/// paths apart.
pub(crate) fn cut_middle(text: &str, width: usize) -> String {
    if measure_text_width(text) <= width {
        return text.to_owned();
    }
    let before = truncate_str(text, width.saturating_sub(1) / 3, "").into_owned();
    let room = width.saturating_sub(measure_text_width(&before) + 1);
    let tails = text.char_indices().map(|(start, _)| &text[start..]);
    let mut fitting = tails.skip_while(|tail| measure_text_width(tail) > room);
    format!("{before}…{}", fitting.next().unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_and_commands_stay_whole() {
        for (text, width, lines) in [
            ("one two three", 13, &["one two three"][..]),
            ("one two three", 12, &["one two", "three"]),
            ("one two three", 3, &["one", "two", "three"]),
            ("unbreakable word", 4, &["unbreakable", "word"]),
            ("  a list item", 9, &["  a list", "  item"]),
            ("first\n\nsecond line", 8, &["first", "", "second", "line"]),
            (
                "log in with `amika auth login`, then go on",
                22,
                &["log in with", "`amika auth login`,", "then go on"],
            ),
            (
                "run (`amika secret delete --id 'a b' --yes`) now",
                10,
                &["run", "(`amika secret delete --id 'a b' --yes`)", "now"],
            ),
            (
                "the organisation's key `chmod 600 'x y'` fits",
                22,
                &["the organisation's key", "`chmod 600 'x y'` fits"],
            ),
            ("漢字 漢字", 8, &["漢字", "漢字"]),
        ] {
            assert_eq!(wrap(text, width), lines, "{text} at {width}");
        }
    }

    #[test]
    fn the_middle_is_cut() {
        let path = "~/projects/amika/settings/.env:12";
        assert_eq!(cut_middle(path, 20), "~/proj…tings/.env:12");
        assert_eq!(cut_middle(path, 33), path);
        assert_eq!(cut_middle("漢字漢字漢字", 7), "漢…漢字");
        for width in 1..33 {
            assert!(measure_text_width(&cut_middle(path, width)) <= width, "{width}");
        }
    }
}
