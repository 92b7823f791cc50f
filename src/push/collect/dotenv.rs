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
//! of compose-go v2. This module finds where a value ends and refuses values read differently;
//! dotenvy removes the quotes and resolves the escapes.

use memchr::memchr_iter;
use zeroize::Zeroizing;

use super::entry::{Entry, Fault, Parsed, Warning, bad_name};
use super::lines::{end_of_line, first_line};
use super::value::{self, Value};
use crate::secret::{SecretName, SecretValue};

/// Whitespace that all three readers accept after `export`, and that YAML accepts around a name.
const BLANK: [char; 2] = [' ', '\t'];

/// Parses `text`, whose line breaks are all `\n`.
pub(crate) fn parse(text: &str) -> Parsed {
    let mut parsed = Parsed::default();
    if text.trim_start().starts_with('{') {
        let fault = Fault::new(1, "invalid line: expected KEY=VALUE; this looks like JSON");
        parsed.faults.push(fault.hint("try --env-format json"));
        return parsed;
    }
    let mut rest = text;
    let mut line = 1;
    while !rest.is_empty() {
        let full_line = &rest[..end_of_line(rest)];
        let content = full_line.trim();
        let consumed = if content.is_empty() || content.starts_with('#') {
            if content.contains(value::LINE_SEPARATORS) {
                parsed.faults.push(separator_in_comment(line));
            }
            full_line.len()
        } else {
            read_assignment(rest, line, &mut parsed)
        };
        line += memchr_iter(b'\n', &rest.as_bytes()[..consumed]).count();
        rest = &rest[consumed..];
    }
    parsed
}

/// Parses the assignment at the start of `text` and returns its length in bytes, including its line
/// break.
fn read_assignment(text: &str, line: usize, parsed: &mut Parsed) -> usize {
    let (name, start) = match split_name(first_line(text), line) {
        Ok(found) => found,
        Err(fault) => {
            parsed.faults.push(fault);
            return end_of_line(text);
        }
    };
    let Value {
        content,
        length,
        has_variable,
    } = match value::scan(&text[start..]) {
        Ok(value) => value,
        Err(problem) => {
            let message = format!("invalid line: {}", problem.message(name));
            parsed
                .faults
                .push(Fault::new(line, message).hint(problem.hint(name)));
            return start + problem.length();
        }
    };
    let value = match content {
        value::Content::Plain(value) => Some(SecretValue::new(value.to_owned())),
        value::Content::Quoted(quoted) => resolve(name, &quoted),
    };
    let Some(value) = value else {
        let message = format!("invalid line: cannot read the value of {name}");
        parsed.faults.push(Fault::new(line, message));
        return start + length;
    };
    if has_variable {
        let message = format!("'$' in {name} is kept literally; variables are not expanded");
        parsed.warnings.push(Warning {
            line,
            name: name.to_owned(),
            message,
        });
    }
    parsed.entries.push(Entry {
        line,
        name: name.to_owned(),
        value,
    });
    start + length
}

/// The name of an assignment, and the byte offset directly after its `=`.
fn split_name(first_line: &str, line: usize) -> Result<(&str, usize), Fault> {
    if let Some(fault) = yaml(first_line, line) {
        return Err(fault);
    }
    let Some((before, after)) = first_line.split_once('=') else {
        return Err(Fault::new(line, "invalid line: expected KEY=VALUE")
            .hint("a value that spans lines must be quoted; a comment starts with '#'"));
    };
    let before = before.trim_start_matches(value::BLANKS);
    // python-dotenv reads `export =` as an assignment without a name.
    let name = match before.strip_prefix("export") {
        Some(exported) if exported.starts_with(BLANK) => exported,
        _ => before,
    };
    let name = name.trim_matches(value::BLANKS);
    if is_base64_tail(name, after) {
        return Err(bad_name(line, ""));
    }
    if !SecretName::is_environment(name) {
        return Err(bad_name(line, name));
    }
    Ok((name, first_line.len() - after.len()))
}

/// `KEY: value` and `- KEY=value`, which only YAML and node's dotenv accept.
fn yaml(first_line: &str, line: usize) -> Option<Fault> {
    let content = first_line.trim_matches(BLANK);
    let content = content.strip_prefix("export ").unwrap_or(content);
    let (name, of_name) = if content.starts_with("- ") {
        ("", String::new())
    } else {
        let (name, value) = content.split_once(':')?;
        let name = name.trim_end_matches(BLANK);
        if !SecretName::is_environment(name) || !(value.is_empty() || value.starts_with(BLANK)) {
            return None;
        }
        // A lower-case name may be part of a value that lost its quotes.
        let is_constant = !name.contains(|c: char| c.is_ascii_lowercase());
        (
            name,
            if is_constant {
                format!(" of {name}")
            } else {
                String::new()
            },
        )
    };
    let example = if of_name.is_empty() { "KEY" } else { name };
    let message = format!("invalid line: the line{of_name} looks like YAML; expected KEY=VALUE");
    Some(Fault::new(line, message).hint(format!("write {example}=VALUE, without ':' or '-'")))
}

fn separator_in_comment(line: usize) -> Fault {
    let message = "invalid line: its comment has a Unicode line separator (U+2028 or U+2029), \
                   which some tools treat as the end of the line";
    Fault::new(line, message).hint("remove it")
}

/// Uses dotenvy to remove the quotes and resolve the escapes of a value. Its error is discarded
/// because it contains the line.
fn resolve(name: &str, quoted: &str) -> Option<SecretValue> {
    let assignment = Zeroizing::new(format!("{name}={quoted}\n"));
    let mut values = dotenvy::from_read_iter(assignment.as_bytes());
    match (values.next(), values.next()) {
        (Some(Ok((_, value))), None) => Some(SecretValue::new(value)),
        _ => None,
    }
}

/// Whether `name=rest` is the last line of base64 text that lost its quotes. The `=` of its padding
/// would turn a piece of a key into a name.
fn is_base64_tail(name: &str, rest: &str) -> bool {
    let padding = rest.trim_end();
    let has = |class: fn(&u8) -> bool| name.as_bytes().iter().any(class);
    matches!(padding, "" | "=")
        && (name.len() >= 16 || (name.len() + 1 + padding.len()).is_multiple_of(4))
        && has(u8::is_ascii_lowercase)
        && (has(u8::is_ascii_uppercase) || has(u8::is_ascii_digit))
        && !name.contains('_')
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn values(text: &str) -> Vec<(String, String)> {
        let parsed = parse(text);
        let faults: Vec<_> = parsed.faults.iter().map(|fault| &fault.message).collect();
        assert!(faults.is_empty(), "{text:?}: {faults:?}");
        let pair = |entry: Entry| (entry.name, entry.value.expose_secret().to_owned());
        parsed.entries.into_iter().map(pair).collect()
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
            let faults = parse(text).faults;
            assert_eq!(faults[0].line, 1, "{text:?}");
            assert!(faults[0].message.contains("begins with a backtick"), "{text:?}");
        }
        let both = parse("A=`x\nB=2`c").entries;
        assert_eq!(both.len(), 2);
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
            let parsed = parse(&format!("Z=1\n{text}\nY=2\n"));
            assert_eq!(parsed.faults.len(), 1, "{text:?}");
            assert_eq!(parsed.faults[0].line, 2, "{text:?}");
            assert!(
                parsed.faults[0].message.contains(" A"),
                "{}",
                parsed.faults[0].message
            );
            assert_eq!(parsed.entries.len(), 2, "{text:?}");
        }
    }

    #[test]
    fn text_that_is_not_an_assignment_never_becomes_a_name() {
        for text in [
            "MIIEvQIBADANBg",
            "c4n4ryAbcdefghij0=",
            "A B=1",
            "- A=1",
            "export =1",
            "A: x",
        ] {
            let parsed = parse(text);
            assert_eq!((parsed.entries.len(), parsed.faults.len()), (0, 1), "{text}");
        }
    }

    proptest! {
        #[test]
        fn quoted_values_round_trip(value in "[^'\\\\\u{0}\r]{0,40}") {
            let found = values(&format!("A='{value}'\nB=2\n"));
            prop_assert_eq!(found, [("A".to_owned(), value), ("B".to_owned(), "2".to_owned())]);
        }

        #[test]
        fn any_text_is_read_without_panic(text in "[A='\"\\\\#$ \n\t`{}:ab\u{2028}]{0,60}") {
            parse(&text);
        }
    }
}
