//! A strict parser for the subset of YAML in settings files of command-line tools: nested mappings by
//! indentation, lists of scalars, and plain or quoted scalars. Anything else (anchors, tags, block
//! scalars, flow mappings, several documents, tabs) is refused with its line. Two simple files do not
//! justify a full YAML parser in the binary.

use zeroize::Zeroizing;

use crate::secret::SecretValue;

/// A scalar with its path of keys. An item of a list has the keys of the list.
pub(crate) struct Entry {
    pub(crate) path: Vec<String>,
    pub(crate) value: SecretValue,
    /// Counted from 1.
    pub(crate) line: usize,
}

/// The number of a line that cannot be parsed, counted from 1.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {0} cannot be parsed")]
pub(crate) struct UnsupportedLine(pub(crate) usize);

/// Returns every scalar of a file, in the order of the file.
pub(crate) fn entries(text: &str) -> Result<Vec<Entry>, UnsupportedLine> {
    let mut entries = Vec::new();
    // The open mappings: the indentation of their keys, and the current key.
    let mut open: Vec<(usize, String)> = Vec::new();
    let mut started = false;
    for (index, line) in text.lines().enumerate() {
        let unsupported = UnsupportedLine(index + 1);
        let line = line.trim_end();
        let content = line.trim_start_matches(' ');
        if content.is_empty() || content.starts_with('#') {
            continue;
        }
        if line == "---" && !started {
            started = true;
            continue;
        }
        started = true;
        let indentation = line.len() - content.len();
        if let Some(item) = content.strip_prefix("- ").or((content == "-").then_some("")) {
            open.retain(|(other, _)| *other <= indentation);
            let value = scalar(item.trim_start()).ok_or(unsupported)?;
            if open.is_empty() {
                return Err(UnsupportedLine(index + 1));
            }
            push(&mut entries, &open, value, index + 1);
            continue;
        }
        open.retain(|(other, _)| *other < indentation);
        let Some((key, rest)) = key(content) else {
            return Err(unsupported);
        };
        open.push((indentation, key));
        let list = rest.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
        let items: Vec<&str> = match list {
            Some(items) => items.split(',').map(str::trim).collect(),
            None => vec![rest],
        };
        for item in items {
            let value = scalar(item).ok_or(UnsupportedLine(index + 1))?;
            push(&mut entries, &open, value, index + 1);
        }
    }
    Ok(entries)
}

/// Adds a scalar, unless it is empty: then the key has no value, or starts a mapping.
fn push(entries: &mut Vec<Entry>, open: &[(usize, String)], value: Zeroizing<String>, line: usize) {
    if !value.is_empty() {
        entries.push(Entry {
            path: open.iter().map(|(_, key)| key.clone()).collect(),
            value: SecretValue::new(value),
            line,
        });
    }
}

/// Splits a line into its key and the text after the colon.
fn key(content: &str) -> Option<(String, &str)> {
    let quote = content.chars().next().filter(|c| matches!(c, '"' | '\''));
    let (key, rest) = if let Some(quote) = quote {
        content[1..].split_once(quote)?
    } else {
        let end = content.find(": ").or(content.strip_suffix(':').map(str::len))?;
        content.split_at(end)
    };
    let rest = rest.strip_prefix(':')?;
    let plain = key
        .chars()
        .all(|c| c.is_alphanumeric() || matches!(c, '.' | '_' | '-' | '@' | '/' | ' ' | ':' | '[' | ']'));
    let starts_well = quote.is_some() || key.starts_with(|c: char| c.is_alphanumeric() || c == '_');
    (plain && starts_well && !key.is_empty()).then(|| (key.to_owned(), rest.trim_start()))
}

/// Parses a scalar on one line, without quotes and comment.
fn scalar(text: &str) -> Option<Zeroizing<String>> {
    let (value, rest) = match text.chars().next() {
        None | Some('#') => ("", ""),
        Some('"') => {
            let (value, rest) = text[1..].split_once('"')?;
            if value.contains('\\') {
                return None;
            }
            (value, rest)
        }
        Some('\'') => {
            let (value, rest) = text[1..].split_once('\'')?;
            // A doubled quote is an escaped quote.
            if rest.starts_with('\'') {
                return None;
            }
            (value, rest)
        }
        Some('&' | '*' | '!' | '|' | '>' | '{' | '[' | '%' | '@' | '`' | ']' | '}' | ',') => return None,
        Some(_) => text.split_once(" #").unwrap_or((text, "")),
    };
    let quoted = text.starts_with(['"', '\'']);
    let comment = rest.trim_start();
    if quoted && !comment.is_empty() && !comment.starts_with('#') {
        return None;
    }
    let value = if quoted { value } else { value.trim_end() };
    let is_mapping = !quoted && (value.contains(": ") || value.ends_with(':') || value.contains('\t'));
    let is_null = !quoted && matches!(value, "null" | "~" | "Null" | "NULL");
    match (is_mapping, is_null) {
        (true, _) => None,
        (_, true) => Some(Zeroizing::new(String::new())),
        _ => Some(Zeroizing::new(value.to_owned())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn read(text: &str) -> Result<Vec<(String, String)>, UnsupportedLine> {
        let shown = |entry: Entry| (entry.path.join(" > "), entry.value.expose_secret().to_owned());
        entries(text).map(|entries| entries.into_iter().map(shown).collect())
    }

    #[test]
    fn hosts_and_lists_are_read() {
        let text = "---\n# mine\ngithub.com:\n    users:\n        octo:\n            oauth_token: gho_1\n        other:\n    git_protocol: https\n    user: octo # active\n\"ghe.example\":\n    oauth_token: 'x y'\nkeys:\n- a=1\n  - \"b=2\"\nempty:\nflow: [c=3, d=4]\nnothing: ~\n";
        let pairs = read(text).unwrap();
        let expected = [
            ("github.com > users > octo > oauth_token", "gho_1"),
            ("github.com > git_protocol", "https"),
            ("github.com > user", "octo"),
            ("ghe.example > oauth_token", "x y"),
            ("keys", "a=1"),
            ("keys", "b=2"),
            ("flow", "c=3"),
            ("flow", "d=4"),
        ];
        assert_eq!(
            pairs,
            expected.map(|(path, value)| (path.to_owned(), value.to_owned()))
        );
    }

    #[test]
    fn unsupported_syntax_is_refused_with_its_line() {
        for bad in [
            "a: &x 1",
            "a: *x",
            "a: |",
            "a: {b: 1}",
            "a: !!str x",
            "- a",
            "a: 'it''s'",
            "a: \"x\\n\"",
            "a: b: c",
            "\ta: 1",
            "just text",
            "a: \"x\" y",
        ] {
            let text = format!("first: 1\n{bad}\n");
            let line = if bad == "- a" {
                Ok(())
            } else {
                Err(UnsupportedLine(2))
            };
            assert_eq!(read(&text).map(|_| ()), line, "{bad}");
        }
        assert_eq!(read("- a").map(|_| ()), Err(UnsupportedLine(1)));
    }

    proptest! {
        #[test]
        fn any_text_is_read_without_panic(text in any::<String>(), yaml in "[a:\\- \n'\"#\\[\\],{}]{0,40}") {
            let _ = entries(&text);
            let _ = entries(&yaml);
        }
    }
}
