//! Parses one value of a `.env` file, refusing values that the common readers interpret differently.

use memchr::memchr_iter;
use zeroize::Zeroizing;

use super::lines::{end_of_line, first_line};

/// Characters that end a line in JavaScript but not in Python.
pub(super) const LINE_SEPARATORS: [char; 2] = ['\u{2028}', '\u{2029}'];
/// Whitespace that all readers remove around a name and before a value.
pub(super) const BLANKS: [char; 5] = [' ', '\t', '\u{b}', '\u{c}', '\u{a0}'];
/// The end of a hint that works for every value.
const FROM_FILE: &str = "or read it from a separate file:";

/// A value that all readers interpret in the same way.
pub(super) struct Value<'a> {
    pub(super) content: Content<'a>,
    /// Length in bytes, including the line break that ends it.
    pub(super) length: usize,
    /// Whether it contains `$NAME` or `${NAME}`, which other tools would expand.
    pub(super) has_variable: bool,
}

pub(super) enum Content<'a> {
    /// The final value.
    Plain(&'a str),
    /// A quoted value with escapes, rewritten so that dotenvy resolves them as all readers do.
    Quoted(Zeroizing<String>),
}

/// Why readers disagree about a value or cannot parse it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Reason {
    HashWithoutSpace,
    HashAfterTab,
    HashFirst,
    Backtick,
    /// A Unicode line separator in a value with quotes or a comment.
    LineSeparator,
    UnusualSpace(char),
    TextAfterQuote,
    Unclosed(char),
    /// This escape in single quotes.
    SingleEscape(char),
    /// This escape in double quotes.
    DoubleEscape(char),
}

/// A refused value.
pub(super) struct Problem {
    reason: Reason,
    /// Number of bytes to skip before parsing continues.
    length: usize,
}

impl Problem {
    pub(super) fn length(&self) -> usize {
        self.length
    }

    /// Describes the problem and how tools differ, without quoting the value.
    pub(super) fn message(&self, name: &str) -> String {
        match self.reason {
            Reason::HashWithoutSpace => format!(
                "the value of {name} has a '#' without a space before it; some tools start a comment there, \
                 others keep it"
            ),
            Reason::HashAfterTab => format!(
                "the value of {name} has a tab before '#'; some tools start a comment there, others keep it"
            ),
            Reason::HashFirst => format!(
                "the value of {name} begins with '#'; some tools read a comment and an empty value, others keep it"
            ),
            Reason::Backtick => format!(
                "the value of {name} begins with a backtick; some tools treat it as a quote, others keep it"
            ),
            Reason::LineSeparator => format!(
                "the line of {name} has a Unicode line separator (U+2028 or U+2029), which some tools treat as \
                 the end of the line"
            ),
            Reason::UnusualSpace(c) => format!(
                "the value of {name} begins or ends with U+{:04X}; some tools remove it, others keep it",
                u32::from(c)
            ),
            Reason::TextAfterQuote => format!(
                "text follows the closing quote of {name}; some tools keep the quotes and the text, \
                 others refuse the line"
            ),
            Reason::Unclosed(quote) => format!(
                "the quote {quote} of {name} is never closed; some tools keep it, others refuse the line"
            ),
            Reason::SingleEscape(c) => format!(
                "the value of {name} has \\{c} in single quotes; some tools drop the backslash, others keep it"
            ),
            Reason::DoubleEscape(c) => format!(
                "the value of {name} has \\{c} in double quotes; some tools resolve the escape, \
                 others keep the backslash"
            ),
        }
    }

    /// Suggests how to write the value unambiguously.
    pub(super) fn hint(&self, name: &str) -> String {
        let from_file = format!("{FROM_FILE} amika secret push {name} --yes < FILE");
        match self.reason {
            Reason::HashWithoutSpace => {
                "to keep the '#', put the value in quotes; to start a comment, put a space before it"
                    .to_owned()
            }
            Reason::HashAfterTab => {
                "to start a comment, put a space before the '#'; to keep it, put the value in quotes"
                    .to_owned()
            }
            Reason::HashFirst => {
                format!("to keep it, put the value in quotes; for an empty value, write {name}= alone")
            }
            Reason::Backtick => {
                "to keep it, put the value in single quotes; otherwise use quotes in place of backticks"
                    .to_owned()
            }
            Reason::LineSeparator => {
                "remove it; to keep it, put the value in quotes and remove the comment".to_owned()
            }
            Reason::UnusualSpace(_) => "to keep it, put the value in quotes; otherwise remove it".to_owned(),
            Reason::TextAfterQuote => format!(
                "to keep the quotes, put the whole value in the other kind of quotes, as in \"it's\"; \
                 to add a comment, start it with ' #'; {from_file}"
            ),
            Reason::Unclosed(_) => {
                format!("close it; to keep it, put the whole value in the other kind of quotes; {from_file}")
            }
            Reason::SingleEscape('\'') => {
                format!("for a single quote, put the value in double quotes, as in \"it's\"; {from_file}")
            }
            Reason::SingleEscape(_) => {
                format!("without quotes, every backslash on the line is kept; {from_file}")
            }
            Reason::DoubleEscape('t') => {
                format!("for a tab, type one; for a backslash, use single quotes; {from_file}")
            }
            Reason::DoubleEscape(_) => {
                format!("in single quotes, write the character without the backslash; {from_file}")
            }
        }
    }
}

/// Parses the value at the start of `text`, which begins directly after `=`.
pub(super) fn scan(text: &str) -> Result<Value<'_>, Problem> {
    let first_line = first_line(text);
    let value = first_line.trim_start_matches(BLANKS);
    let start = first_line.len() - value.len();
    match value.chars().next() {
        Some(quote @ ('\'' | '"')) => quoted(text, start, quote),
        _ => plain(text, value),
    }
}

/// Parses an unquoted value: up to a comment or the end of the line, without surrounding whitespace.
fn plain<'a>(text: &str, value: &'a str) -> Result<Value<'a>, Problem> {
    let length = end_of_line(text);
    let refuse = |reason| Err(Problem { reason, length });
    // node also splits at Unicode line separators, and looks for comments and quotes on each line.
    if !value.is_ascii() && value.contains(LINE_SEPARATORS) && value.contains(['#', '\'', '"', '`']) {
        return refuse(Reason::LineSeparator);
    }
    let before_comment = match value.find('#') {
        None => value,
        Some(0) => return refuse(Reason::HashFirst),
        Some(at) => match value.as_bytes()[at - 1] {
            b' ' => &value[..at],
            b'\t' => return refuse(Reason::HashAfterTab),
            _ => return refuse(Reason::HashWithoutSpace),
        },
    };
    let value = before_comment.trim_end_matches(is_trailing_space);
    // compose removes fewer kinds of whitespace before a value than after it.
    let first = value.chars().next().filter(|c| c.is_whitespace());
    let edges = [value.chars().next(), value.chars().next_back()];
    let unusual = edges.into_iter().flatten().find(|&c| is_unusual_space(c));
    if let Some(c) = first.or(unusual) {
        return refuse(Reason::UnusualSpace(c));
    }
    if value.starts_with('`') && node_reads_as_quotes(text, value) {
        return refuse(Reason::Backtick);
    }
    Ok(Value {
        content: Content::Plain(value),
        length,
        has_variable: has_variable(value),
    })
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
        let rest = first_line(&body[at + 1..]);
        let behind = rest.trim_start_matches(|c: char| c.is_whitespace() || c == '\u{feff}');
        behind.is_empty() || behind.starts_with('#') || rest.contains(LINE_SEPARATORS)
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
fn quoted(text: &str, start: usize, quote: char) -> Result<Value<'_>, Problem> {
    let body = &text[start + 1..];
    let Some((content, end, reason)) = literal(body, quote).or_else(|| with_escapes(body, quote)) else {
        let reason = Reason::Unclosed(quote);
        // The stray quote may be the only mistake, so parsing continues on the next line.
        let length = end_of_line(text);
        return Err(Problem { reason, length });
    };
    let after = start + 1 + end + 1;
    let length = after + end_of_line(&text[after..]);
    let rest = text[after..length].trim_matches(is_trailing_space);
    let behind = if rest.is_empty() {
        None
    } else if !rest.starts_with('#') {
        Some(Reason::TextAfterQuote)
    } else {
        text[after..length]
            .contains(LINE_SEPARATORS)
            .then_some(Reason::LineSeparator)
    };
    if let Some(behind) = behind {
        // The closing quote may belong to the next line, so parsing continues there.
        let length = end_of_line(text);
        let reason = reason.unwrap_or(behind);
        return Err(Problem { reason, length });
    }
    match reason {
        Some(reason) => Err(Problem { reason, length }),
        None => Ok(Value {
            content,
            length,
            has_variable: quote == '"' && has_variable(&body[..end]),
        }),
    }
}

/// A quoted value, the offset of its closing quote, and the first escape on which readers differ.
type Quoted<'a> = (Content<'a>, usize, Option<Reason>);

/// A value without a backslash before its closing quote, all of which is literal.
fn literal(body: &str, quote: char) -> Option<Quoted<'_>> {
    let end = body.find([quote, '\\'])?;
    let content = Content::Plain(&body[..end]);
    body[end..].starts_with(quote).then_some((content, end, None))
}

/// A value with backslashes; `None` if the quote is never closed.
fn with_escapes(body: &str, quote: char) -> Option<Quoted<'_>> {
    let mut written = Zeroizing::new(String::from(quote));
    let mut reason = None;
    let mut characters = body.char_indices();
    let end = loop {
        match characters.next()? {
            (at, c) if c == quote => break at,
            (_, '\\') => {
                let next = characters.clone().next().map(|(_, next)| next);
                if let Some(next) = next.filter(|&next| differs_after_backslash(quote, next)) {
                    reason.get_or_insert(if quote == '"' {
                        Reason::DoubleEscape(next)
                    } else {
                        Reason::SingleEscape(next)
                    });
                    characters.next();
                } else {
                    write_backslash(&mut written, quote, next, &mut characters);
                }
            }
            (_, '$') if quote == '"' => written.push_str("\\$"),
            (_, c) => written.push(c),
        }
    };
    written.push(quote);
    Some((Content::Quoted(written), end, reason))
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

/// Writes a backslash and the character after it so that dotenvy reads them as the other readers do.
fn write_backslash(
    written: &mut String,
    quote: char,
    next: Option<char>,
    characters: &mut std::str::CharIndices<'_>,
) {
    match (quote, next) {
        // dotenvy does not support `\r`, but keeps a literal carriage return inside a line.
        ('"', Some('r')) => {
            written.push('\r');
            characters.next();
        }
        ('"', Some('n')) => {
            written.push_str("\\n");
            characters.next();
        }
        ('"', _) => written.push_str("\\\\"),
        // Closes the quotes, escapes the backslash outside them, and opens them again.
        _ => written.push_str(r"'\\'"),
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

/// Whether `value` contains `$NAME` or `${NAME}`.
fn has_variable(value: &str) -> bool {
    let starts_name = |next: &u8| next.is_ascii_alphabetic() || matches!(next, b'_' | b'{');
    let value = value.as_bytes();
    memchr_iter(b'$', value).any(|at| value.get(at + 1).is_some_and(starts_name))
}
