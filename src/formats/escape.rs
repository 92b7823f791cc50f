//! Escapes text from files, servers and arguments for output.

use std::borrow::Cow;
use std::path::Path;

/// Whether a character can move the cursor, hide text or reorder it: C0, C1, DEL, line separators,
/// bidirectional controls, zero-width characters.
pub(crate) fn is_hostile(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}

/// A text of a server in a hint, without the backticks that mark a command.
pub(crate) fn no_command(text: &str) -> String {
    text.replace('`', "'")
}

/// Returns `text` on one line, with every hostile character escaped as in `\n` or `\u{1b}`.
pub(crate) fn escape(text: &str) -> Cow<'_, str> {
    if !text.contains(is_hostile) {
        return Cow::Borrowed(text);
    }
    let mut shown = String::with_capacity(text.len() + 8);
    for c in text.chars() {
        if is_hostile(c) {
            shown.extend(c.escape_default());
        } else {
            shown.push(c);
        }
    }
    Cow::Owned(shown)
}

/// As [`escape`], but keeps line breaks, for our own multi-line messages.
pub(crate) fn escape_lines(text: &str) -> Cow<'_, str> {
    let lines: Vec<_> = text.split('\n').map(escape).collect();
    lines.join("\n").into()
}

/// Escapes a path for output. On Windows, slashes are shown as backslashes.
pub(crate) fn path(path: &Path) -> String {
    let shown = escape(&path.to_string_lossy()).into_owned();
    if cfg!(windows) {
        shown.replace('/', "\\")
    } else {
        shown
    }
}

/// As [`path`], with `~` for the home directory.
pub(crate) fn home_path(full: &Path, home: Option<&Path>) -> String {
    match home.and_then(|home| full.strip_prefix(home).ok()) {
        Some(rest) if !rest.as_os_str().is_empty() => path(&Path::new("~").join(rest)),
        _ => path(full),
    }
}

/// Lists the first of many names and the number of the rest.
pub(crate) fn first_of<S: std::borrow::Borrow<str>>(names: &[S]) -> String {
    const SHOWN: usize = 10;
    let first = names[..names.len().min(SHOWN)].join(", ");
    match names.len().saturating_sub(SHOWN) {
        0 => first,
        more => format!("{first} and {more} more"),
    }
}

/// `1 secret`, `2 secrets`.
pub(crate) fn count(n: usize, noun: &str) -> String {
    format!("{n} {noun}{}", if n == 1 { "" } else { "s" })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        /// R94: escaped text contains no hostile character.
        #[test]
        fn hostile_characters_are_escaped(text in any::<String>()) {
            prop_assert!(!escape(&text).chars().any(is_hostile));
            prop_assert!(!escape_lines(&text).chars().any(|c| is_hostile(c) && c != '\n'));
        }
    }

    /// R94, R121: every control, bidirectional control and zero-width character of Unicode, listed by
    /// its number.
    #[test]
    fn every_hostile_character_is_escaped() {
        let controls = (0..0x20).chain(0x7f..0xa0);
        let bidirectional = [0x061c, 0x200e, 0x200f];
        let embeddings = (0x202a..=0x202e).chain(0x2066..=0x2069);
        let separators = [0x2028, 0x2029];
        let invisible = [
            0x00ad, 0x180e, 0x200b, 0x200c, 0x200d, 0x2060, 0x2061, 0x2064, 0xfeff,
        ];
        let tags = [0xe0001, 0xe0041, 0xe007f];
        let all = controls.chain(bidirectional).chain(embeddings);
        for number in all.chain(separators).chain(invisible).chain(tags) {
            let c = char::from_u32(number).unwrap();
            let shown = escape(&format!("a{c}b")).into_owned();
            assert!(!shown.contains(c) && shown.contains('\\'), "U+{number:04X}");
        }
    }

    #[test]
    fn plain_text_is_untouched() {
        assert_eq!(escape("größe ☃"), "größe ☃");
        assert_eq!(escape("a\x1b[2Jb\u{202e}c\n"), "a\\u{1b}[2Jb\\u{202e}c\\n");
    }

    #[test]
    fn only_paths_below_the_home_directory_are_shortened() {
        let shown = |full| home_path(Path::new(full), Some(Path::new("/home/me")));
        let below = shown("/home/me/.env");
        assert_eq!(below.replace('\\', "/"), "~/.env");
        assert_eq!(shown("/home/me").replace('\\', "/"), "/home/me");
        assert_eq!(shown("/home/men").replace('\\', "/"), "/home/men");
    }
}
