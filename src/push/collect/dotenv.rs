//! Reads the subset of `.env` syntax on which node's dotenv, python-dotenv and docker compose agree.
//!
//! The three readers agree on most lines. A line on which they differ is refused with an explanation,
//! because any choice would be wrong for users of another reader. With interpolation off, they agree
//! on these rules:
//!
//! - Without quotes, a value runs to the end of the line or to a `#` with a space before it, and
//!   blanks around it are removed. node cuts at any `#`, compose at no `#` after a tab.
//! - In single quotes everything is literal. python-dotenv resolves `\\` and `\'` there.
//! - In double quotes `\n` and `\r` are resolved. python-dotenv and compose resolve more.
//! - After a closing quote only a comment may follow.
//!
//! Sources: `lib/main.js` of dotenv 17 and 18, `parser.py` of python-dotenv 1.2, `dotenv/parser.go`
//! of compose-go v2. dotenvy reads the ordinary lines, which it reads as these three do. `value` reads
//! the others, on which dotenvy differs from them or they from each other.

use std::borrow::Cow;

use memchr::{memchr, memchr_iter};

use super::json;
use super::line::{Fault, Line, ReadValue, is_base64_tail, is_name};
use super::text::{end_of_line, first_line, forbidden_byte};
use super::value::{self, Difference};
use crate::push::kinds;
use crate::secret::{SecretName, SecretValue};

/// Whitespace that all three readers accept after `export`.
const BLANK: [char; 2] = [' ', '\t'];
/// Maximum length of the ordinary lines that dotenvy reads at once, in bytes: it keeps their values.
const MAX_RUN: usize = 64 * 1024;

/// Parses `text`, whose line breaks are all `\n`. `file` is its path as a word of a command. With
/// `literal`, a reference is a value like any other.
pub(super) fn parse<'a>(text: &'a str, file: &'a str, literal: bool) -> impl Iterator<Item = Line<'a>> {
    let is_json = text.trim_start().starts_with('{');
    let json = is_json.then(|| {
        let message = "invalid line: expected KEY=VALUE; this looks like JSON";
        Line::new(1, None, Err(Fault::new("json", message, json::hint(file))))
    });
    let rest = if is_json { "" } else { text };
    json.into_iter().chain(Lines {
        text,
        rest,
        number: 1,
        ordinary: None,
        suits_docker: None,
        literal,
    })
}

struct Lines<'a> {
    text: &'a str,
    /// What is not read yet, from line `number` on.
    rest: &'a str,
    number: usize,
    /// A run of ordinary lines.
    ordinary: Option<dotenvy::Iter<&'a [u8]>>,
    /// Whether the Docker format reads the whole file as it is meant; `None` until it is needed.
    suits_docker: Option<bool>,
    literal: bool,
}

impl<'a> Iterator for Lines<'a> {
    type Item = Line<'a>;

    fn next(&mut self) -> Option<Line<'a>> {
        loop {
            if let Some(line) = self.ordinary.as_mut().and_then(Iterator::next) {
                self.number += 1;
                let (name, content) = match line {
                    Ok((name, value)) => (Some(name.into()), Ok((SecretValue::new(value), None))),
                    // Its error contains the line.
                    Err(_) => (None, Err(Fault::no_assignment("put the value in quotes"))),
                };
                return Some(Line::new(self.number - 1, name, content));
            }
            self.ordinary = None;
            if self.rest.is_empty() {
                return None;
            }
            let run = ordinary_lines(self.rest);
            if run > 0 {
                self.ordinary = Some(dotenvy::from_read_iter(&self.rest.as_bytes()[..run]));
                self.rest = &self.rest[run..];
            } else if let Some(line) = self.next_other() {
                return Some(line);
            }
        }
    }
}

impl<'a> Lines<'a> {
    /// Reads a line that is not ordinary; `None` if it is blank or a comment.
    fn next_other(&mut self) -> Option<Line<'a>> {
        let number = self.number;
        let first = first_line(self.rest);
        let content = first.trim();
        let is_comment = content.is_empty() || content.starts_with('#');
        let (name, length, mut read) = if is_comment {
            let fault = content
                .contains(value::LINE_SEPARATORS)
                .then(separator_in_comment);
            (None, end_of_line(self.rest), fault.map(Err))
        } else {
            match split_name(first) {
                Ok((name, start)) => {
                    let (length, read) = self.read_value(name, start);
                    (Some(name), length, Some(read))
                }
                Err(fault) => (None, end_of_line(self.rest), Some(Err(fault))),
            }
        };
        let lines = &self.rest[..length];
        if let Some(fault) = forbidden_byte(lines, name) {
            read = Some(Err(fault));
        }
        self.number += memchr_iter(b'\n', lines.as_bytes()).count();
        self.rest = &self.rest[length..];
        Some(Line::new(number, name.map(Cow::Borrowed), read?))
    }

    /// Reads the value at offset `start` of the rest. Returns its end as well.
    fn read_value(&mut self, name: &str, start: usize) -> (usize, Result<ReadValue, Fault>) {
        let (length, read) = value::scan(&self.rest[start..]);
        let line = first_line(&self.rest[start..]).trim();
        let read = match read {
            // The `#` belongs to a reference, which is refused like every other.
            Err(Difference::Hash) if !self.literal && kinds::of(line).is_some() => {
                Ok((SecretValue::new(line.to_owned()), None))
            }
            Err(reason) => {
                let is_hash = reason == Difference::Hash;
                let docker = is_hash && *self.suits_docker.get_or_insert_with(|| suits_docker(self.text));
                Err(reason.fault(name, docker))
            }
            Ok(read) => Ok(read),
        };
        (start + length, read)
    }
}

/// The length of the ordinary lines at the start of `text`, in bytes.
fn ordinary_lines(text: &str) -> usize {
    let mut length = 0;
    while length < MAX_RUN && is_ordinary(first_line(&text[length..])) {
        length += end_of_line(&text[length..]);
    }
    length
}

/// Whether a line is `NAME=VALUE` where the value, perhaps in quotes, has no character with a meaning.
fn is_ordinary(line: &str) -> bool {
    let Some(at) = memchr(b'=', line.as_bytes()) else {
        return false;
    };
    let (name, value) = (&line[..at], &line.as_bytes()[at + 1..]);
    let is_value = match value {
        [quote @ (b'\'' | b'"'), inner @ .., last] if quote == last => inner
            .iter()
            .all(|byte| matches!(byte, b' '..=b'~') && !matches!(byte, b'\\' | b'$' | b'`') && byte != quote),
        // `=` alone may be the padding of base64 text.
        _ => {
            value.iter().any(|byte| *byte != b'=')
                && value
                    .iter()
                    .all(|byte| byte.is_ascii_alphanumeric() || b"_./:@%+,~^!?*=&;|-".contains(byte))
        }
    };
    is_value && is_name(name)
}

/// Whether the Docker format, which takes every line as it is, reads each line as the others do: no
/// quotes, no comments behind values and no `export`.
fn suits_docker(text: &str) -> bool {
    let mut lines = text
        .lines()
        .filter(|line| !line.trim().is_empty() && !line.starts_with('#'));
    lines.all(|line| {
        line.split_once('=').is_some_and(|(name, value)| {
            let is_plain = value.trim() == value && !value.starts_with(['\'', '"', '`', '#']);
            let has_comment = value.contains(" #") || value.contains("\t#");
            SecretName::is_environment(name) && is_plain && !has_comment
        })
    })
}

/// The name of an assignment, and the byte offset directly after its `=`.
fn split_name(first_line: &str) -> Result<(&str, usize), Fault> {
    let Some((before, after)) = first_line.split_once('=') else {
        return Err(Fault::no_assignment(
            "a name and its value are joined by '=', not by ':' as in YAML; a value that spans lines must be \
             quoted; a comment starts with '#'",
        ));
    };
    let before = before.trim_start_matches(value::BLANKS);
    // python-dotenv reads `export =` as an assignment without a name.
    let name = match before.strip_prefix("export") {
        Some(exported) if exported.starts_with(value::BLANKS) => exported.trim_start_matches(BLANK),
        _ => before,
    };
    let name = name.trim_end_matches(value::BLANKS);
    if is_base64_tail(name, after) {
        return Err(Fault::bad_name(""));
    }
    if !is_name(name) {
        return Err(Fault::bad_name(name));
    }
    Ok((name, first_line.len() - after.len()))
}

fn separator_in_comment() -> Fault {
    let message = "invalid line: its comment has a Unicode line separator (U+2028 or U+2029), \
                   which some tools treat as the end of the line";
    Fault::new("separator", message, "remove it")
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn values(text: &str) -> Vec<(String, String)> {
        let (entries, faults) = read(text);
        assert!(faults.is_empty(), "{text:?}: {faults:?}");
        entries
    }

    type Faults = Vec<(usize, String)>;

    /// The entries, and the faults with their lines.
    fn read(text: &str) -> (Vec<(String, String)>, Faults) {
        let (mut entries, mut faults) = (Vec::new(), Vec::new());
        for Line {
            number,
            name,
            content,
        } in parse(text, "FILE", false)
        {
            match content {
                Ok((value, _)) => {
                    entries.push((name.unwrap().into_owned(), value.expose_secret().to_owned()));
                }
                Err(fault) => faults.push((number, fault.message.into_owned())),
            }
        }
        (entries, faults)
    }

    #[test]
    fn lines_on_which_the_readers_agree_are_accepted() {
        for (text, expected) in [
            ("A=1", "1"),
            ("export A='two words' # why", "two words"),
            (" A = b c  # note", "b c"),
            ("A=don't", "don't"),
            ("A={\"a\":1}", "{\"a\":1}"),
            ("A=C:\\Users\\x", "C:\\Users\\x"),
            ("A='x'#c", "x"),
            ("A=x\u{a0}", "x"),
            ("A=", ""),
            ("A='l1\nl2 \\ #x\nl3'\n", "l1\nl2 \\ #x\nl3"),
            ("A=\"l1\n# l2\"", "l1\n# l2"),
            ("A=\"a\\nb\\r\\q\"", "a\nb\r\\q"),
            ("A=\"$2a$10$TWov/x\"", "$2a$10$TWov/x"),
            ("A=\"it's\"", "it's"),
            ("A='x'\u{a0}\u{b} # c", "x"),
            ("A='a\u{2028}b'", "a\u{2028}b"),
            ("A=a\u{2028}b", "a\u{2028}b"),
            ("A=`x`:y # c", "`x`:y"),
            ("A=`", "`"),
            ("A=`x` y\n# ` c", "`x` y"),
        ] {
            assert_eq!(values(text), [("A".to_owned(), expected.to_owned())], "{text:?}");
        }
    }

    /// Node reads the lines up to a closing backtick as one value.
    #[test]
    fn a_backtick_that_is_closed_on_a_later_line_is_refused() {
        for text in ["A=`x\nB=2`", "A=`x\nB=2` # c", "A=`x\nB=2`\u{a0}\u{feff}"] {
            let (_, faults) = read(text);
            assert_eq!(faults[0].0, 1, "{text:?}");
            assert!(faults[0].1.contains("begins with a backtick"), "{text:?}");
        }
        assert_eq!(read("A=`x\nB=2`c").0.len(), 2);
    }

    #[test]
    fn lines_on_which_the_readers_differ_are_refused() {
        for text in [
            "A=a#b",
            "A=a\t#b",
            "A=#x",
            "A= # x",
            "A=`x`",
            "A='it''s'",
            "A='it\\'s'",
            "A='a\\\\b'",
            "A=\"a\\tb\"",
            "A=\"\\\"\"",
            "A=\"\\$HOME\"",
            "A=\"open",
            "A='x' y",
            "A=x\u{85}",
            "A='x'\u{85}",
            "A=a\u{2028}'b'",
            "A=a\u{2028} # c",
            "A='x' # c\u{2028}",
            "A=`x` y`",
            "A=`x` y\u{2028}",
            "A=`x\\` y`",
            "A=`x` # c",
        ] {
            let (entries, faults) = read(&format!("Z=1\n{text}\nY=2\n"));
            assert_eq!((faults.len(), faults[0].0, entries.len()), (1, 2, 2), "{text:?}");
            assert!(faults[0].1.contains(" A"), "{faults:?}");
        }
    }

    #[test]
    fn text_that_is_not_an_assignment_never_becomes_a_name() {
        let line_of_base64 = format!("{}=", "c4n4ry_A".repeat(33));
        for text in [
            &line_of_base64,
            "MIIEvQIBADANBg",
            "c4n4ryAbcdefghij0=",
            // The last line of base64 text with 50 characters per line.
            "c4n4ryAbcdef==",
            "A B=1",
            "- A=1",
            "export =1",
            "export\u{a0}=1",
            "A: x",
        ] {
            let (entries, faults) = read(text);
            assert_eq!((entries.len(), faults.len()), (0, 1), "{text}");
        }
    }

    /// The Docker format is suggested only for a file of which it keeps nothing but what is meant.
    #[test]
    fn the_docker_format_is_suggested_where_lines_are_verbatim() {
        let hint = |text: &str| {
            parse(text, "FILE", false)
                .find_map(|line| line.content.err())
                .unwrap()
                .hint
                .into_owned()
        };
        for text in ["A=a#b\nB=c\n", "# c\n\nA=a#b"] {
            assert!(hint(text).contains("--env-format docker"), "{text}");
        }
        for text in [
            "A=a#b\nB='c'\n",
            "A=a#b\nB=c # d",
            "A=a#b\nexport B=c",
            "A=\t#b",
            "A=a#b\nB",
            "A=a#b\nB = c",
        ] {
            assert!(!hint(text).contains("docker"), "{text}");
        }
    }

    proptest! {
        /// dotenvy and the scanner read ordinary lines alike.
        #[test]
        fn ordinary_lines_are_read_like_the_others(line in "A=['\"]?[ -~]{0,8}['\"]?") {
            if is_ordinary(&line) {
                let value = value::scan(&line[2..]).1.ok().unwrap().0;
                prop_assert_eq!(values(&line), [("A".to_owned(), value.expose_secret().to_owned())]);
            }
        }

        #[test]
        fn quoted_values_round_trip(value in "[^'\\\\\u{0}\r]{0,40}") {
            let found = values(&format!("A='{value}'\nB=2\n"));
            prop_assert_eq!(found, [("A".to_owned(), value), ("B".to_owned(), "2".to_owned())]);
        }

        #[test]
        fn any_text_is_read_without_panic(text in "[A='\"\\\\#$ \n\t`{}:ab\u{2028}]{0,60}") {
            read(&text);
        }
    }
}
