//! Parses one value of a `.env` file, refusing values that the common readers interpret differently.

use memchr::memchr_iter;
use zeroize::Zeroizing;

use super::line::{Fault, OR_FILE, Oddity, ReadValue};
use super::text::{end_of_line, first_line};
use crate::secret::SecretValue;

/// Characters that end a line in JavaScript but not in Python.
pub(super) const LINE_SEPARATORS: [char; 2] = ['\u{2028}', '\u{2029}'];
/// Whitespace that all readers remove around a name and before a value.
pub(super) const BLANKS: [char; 5] = [' ', '\t', '\u{b}', '\u{c}', '\u{a0}'];

/// Why readers disagree on a value, or some of them cannot parse it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Difference {
    /// A `#` that only some readers take for a comment.
    Hash,
    Backtick,
    /// Whitespace that only some readers remove, or take for the end of the line.
    Space(char),
    TextAfterQuote,
    Unclosed(char),
    /// This character after a backslash, in these quotes.
    Escape {
        quote: char,
        next: char,
    },
}

impl Difference {
    /// Describes how tools differ and how to write the value unambiguously, without quoting it.
    /// `docker` is whether the file can be read in the Docker format instead.
    pub(super) fn fault(self, name: &str, docker: bool) -> Fault {
        let or_docker = if docker {
            ", or use --env-format docker, which keeps every line as it is"
        } else {
            ""
        };
        let (kind, what, differ, hint) = match self {
            Self::Hash => (
                "#",
                format!("the value of {name} has a '#' at its start or without a space before it"),
                "some tools start a comment there, others keep it",
                format!("to keep the '#', put the value in quotes{or_docker}; put a comment on its own line"),
            ),
            Self::Backtick => (
                "`",
                format!("the value of {name} begins with a backtick"),
                "some tools treat it as a quote, others keep it",
                "to keep it, put the value in single quotes; otherwise use quotes in place of backticks"
                    .to_owned(),
            ),
            Self::Space(c) => (
                "space",
                format!("the line of {name} has a U+{:04X}", u32::from(c)),
                "some tools remove it or end the line there, others keep it",
                "remove it; to keep it, put the value in quotes, without a comment after it".to_owned(),
            ),
            Self::TextAfterQuote => (
                "text",
                format!("text follows the closing quote of {name}"),
                "some tools keep the quotes and the text, others refuse the line",
                format!(
                    "to keep the quotes, put the whole value in the other kind of quotes, as in \"it's\"; \
                     to add a comment, start it with ' #'; {OR_FILE}"
                ),
            ),
            Self::Unclosed(quote) => (
                "open",
                format!("the quote {quote} of {name} is never closed"),
                "some tools keep it, others refuse the line",
                format!("close it; to keep it, put the whole value in the other kind of quotes; {OR_FILE}"),
            ),
            Self::Escape { quote, next } => {
                let (quotes, hint) = if quote == '"' {
                    (
                        "double",
                        "in single quotes, write the character without the backslash, and type a tab as it is",
                    )
                } else {
                    (
                        "single",
                        "for a single quote, put the value in double quotes, as in \"it's\"; without quotes, every \
                         backslash is kept",
                    )
                };
                (
                    "escape",
                    format!("the value of {name} has \\{next} in {quotes} quotes"),
                    "some tools drop or resolve the backslash, others keep it",
                    format!("{hint}; {OR_FILE}"),
                )
            }
        };
        Fault::new(kind, format!("invalid line: {what}; {differ}"), hint)
    }
}

/// Parses the value at the start of `text`, which begins directly after `=`. Also returns the number of
/// bytes after which parsing continues.
pub(super) fn scan(text: &str) -> (usize, Result<ReadValue, Difference>) {
    let first_line = first_line(text);
    let value = first_line.trim_start_matches(BLANKS);
    let start = first_line.len() - value.len();
    match value.chars().next() {
        Some(quote @ ('\'' | '"')) => quoted(text, start, quote),
        _ => (end_of_line(text), plain(text, value)),
    }
}

/// Parses an unquoted value: up to a comment or the end of the line, without surrounding whitespace.
fn plain(text: &str, value: &str) -> Result<ReadValue, Difference> {
    // node also splits at Unicode line separators, and looks for comments and quotes on each line.
    let separator = value
        .find(LINE_SEPARATORS)
        .and_then(|at| value[at..].chars().next());
    if let Some(c) = separator.filter(|_| value.contains(['#', '\'', '"', '`'])) {
        return Err(Difference::Space(c));
    }
    let before_comment = match value.split_once('#') {
        None => value,
        Some((before, _)) if before.ends_with(' ') => before,
        Some(_) => return Err(Difference::Hash),
    };
    let value = before_comment.trim_end_matches(is_trailing_space);
    // compose removes fewer kinds of whitespace before a value than after it.
    let first = value.chars().next().filter(|c| c.is_whitespace());
    let edges = [value.chars().next(), value.chars().next_back()];
    let unusual = edges.into_iter().flatten().find(|&c| is_unusual_space(c));
    if let Some(c) = first.or(unusual) {
        return Err(Difference::Space(c));
    }
    if value.starts_with('`') && node_reads_as_quotes(text, value) {
        return Err(Difference::Backtick);
    }
    Ok((SecretValue::new(value.to_owned()), variable(value)))
}

/// Whether node treats the backtick at the start of `value` as a quote: it does if the value ends
/// with another backtick, or if a later line does.
fn node_reads_as_quotes(text: &str, value: &str) -> bool {
    if value.len() > 1 && value.ends_with('`') {
        return true;
    }
    let Some((_, body)) = text.split_once('`') else {
        return false;
    };
    let ends_line = |at: usize| {
        let is_blank =
            |c: &char| (c.is_whitespace() || *c == '\u{feff}') && *c != '\n' && !LINE_SEPARATORS.contains(c);
        let behind = body[at + 1..].chars().find(|c| !is_blank(c));
        behind.is_none_or(|c| c == '\n' || c == '#' || LINE_SEPARATORS.contains(&c))
    };
    for (at, _) in body.match_indices('`') {
        if ends_line(at) {
            return true;
        }
        // Only an escaped backtick can be part of the quoted text.
        if !body[..at].ends_with('\\') {
            return false;
        }
    }
    false
}

/// Parses a quoted value, which may span lines and be followed by a comment.
fn quoted(text: &str, start: usize, quote: char) -> (usize, Result<ReadValue, Difference>) {
    let body = &text[start + 1..];
    // A stray quote may be the only mistake, or belong to the next line, so parsing continues there.
    let refuse = |reason| (end_of_line(text), Err(reason));
    let Some((value, end, escape)) = unquoted(body, quote) else {
        return refuse(Difference::Unclosed(quote));
    };
    let after = start + 1 + end + 1;
    let length = after + end_of_line(&text[after..]);
    let rest = text[after..length].trim_matches(is_trailing_space);
    let separator = text[after..length].chars().find(|c| LINE_SEPARATORS.contains(c));
    if !rest.is_empty() && !rest.starts_with('#') {
        return refuse(escape.unwrap_or(Difference::TextAfterQuote));
    }
    if let Some(c) = separator.filter(|_| !rest.is_empty()) {
        return refuse(escape.unwrap_or(Difference::Space(c)));
    }
    let oddity = variable(&body[..end]).filter(|_| quote == '"');
    (
        length,
        escape.map_or_else(|| Ok((SecretValue::new(value), oddity)), Err),
    )
}

/// The value up to the closing quote, the offset of that quote, and the first escape on which readers
/// differ; `None` if there is no closing quote.
fn unquoted(body: &str, quote: char) -> Option<(Zeroizing<String>, usize, Option<Difference>)> {
    let mut value = Zeroizing::new(String::new());
    let mut differs = None;
    let mut at = 0;
    loop {
        // What is before the next quote or backslash is literal.
        let special = at + body[at..].find([quote, '\\'])?;
        value.push_str(&body[at..special]);
        if body[special..].starts_with(quote) {
            return Some((value, special, differs));
        }
        let next = body[special + 1..].chars().next()?;
        at = special + 1 + next.len_utf8();
        match next {
            'n' if quote == '"' => value.push('\n'),
            'r' if quote == '"' => value.push('\r'),
            _ if differs_after_backslash(quote, next) => {
                differs.get_or_insert(Difference::Escape { quote, next });
            }
            // The backslash is literal, and so is what follows it.
            _ => {
                value.push('\\');
                at = special + 1;
            }
        }
    }
}

/// Whether readers disagree about a backslash before `next`: python-dotenv resolves `\\` and
/// `\'` in single quotes, and in double quotes also the escapes of C; compose resolves `\$` and
/// octal numbers there. node keeps all of them.
fn differs_after_backslash(quote: char, next: char) -> bool {
    if quote == '\'' {
        matches!(next, '\'' | '\\')
    } else {
        matches!(next, '\'' | '\\' | '"' | 'a' | 'b' | 'f' | 't' | 'v' | '$' | '0')
    }
}

/// Whitespace that all readers remove after a value.
fn is_trailing_space(c: char) -> bool {
    c.is_whitespace() && !is_unusual_space(c)
}

/// Whitespace that only some readers remove around a value.
fn is_unusual_space(c: char) -> bool {
    matches!(c, '\u{1c}'..='\u{1f}' | '\u{85}' | '\u{feff}')
}

/// `value` may contain `$NAME`, `${NAME}` or `$(COMMAND)`.
fn variable(value: &str) -> Option<Oddity> {
    let starts_name = |next: &u8| next.is_ascii_alphabetic() || matches!(next, b'_' | b'{' | b'(');
    let value = value.as_bytes();
    let is_variable = |at: usize| value.get(at + 1).is_some_and(starts_name);
    memchr_iter(b'$', value)
        .any(is_variable)
        .then_some(Oddity::Variable)
}
