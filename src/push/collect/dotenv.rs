//! `.env` files, by way of dotenvy behind a safe door.
//!
//! Left alone, dotenvy expands `$` (from the process environment, too), takes a backslash in
//! single quotes for an escape when it looks for the end of a line, drops quotes inside a value,
//! and prints whole lines in its errors. So this module finds where each assignment begins and
//! ends, refuses what `.env` readers disagree about, and hands dotenvy one assignment at a time,
//! rewritten so that it can only mean one thing. dotenvy removes the quotes and resolves the
//! escapes; its errors are replaced by ours.

use zeroize::Zeroizing;

use super::{Entry, Fault, Parsed, bad_name};
use crate::secret::{SecretName, SecretValue};

type Result<T> = std::result::Result<T, Fault>;

/// Parses `text`, whose lines end in `\n` alone.
pub(crate) fn parse(text: &str) -> Result<Parsed> {
    let mut parsed = Parsed::default();
    let mut rest = text;
    let mut line = 1;
    while !rest.is_empty() {
        let first_line = rest.lines().next().unwrap_or_default().trim();
        let consumed = if first_line.is_empty() || first_line.starts_with('#') {
            end_of_line(rest)
        } else {
            let assignment = Assignment::scan(rest, line)?;
            if assignment.has_variable {
                let name = assignment.name;
                parsed.warnings.push((
                    line,
                    format!("'$' in {name} is kept as it is; variables are not expanded"),
                ));
            }
            parsed.entries.push(assignment.resolve(line)?);
            assignment.length
        };
        line += rest[..consumed].matches('\n').count();
        rest = &rest[consumed..];
    }
    Ok(parsed)
}

/// One assignment, found but not yet resolved.
struct Assignment<'a> {
    name: &'a str,
    /// The value, quoted so that dotenvy reads it in one way only.
    quoted: Zeroizing<String>,
    /// Whether another tool would expand a variable in it.
    has_variable: bool,
    /// Bytes of the text up to and including the assignment's last line break.
    length: usize,
}

impl<'a> Assignment<'a> {
    fn scan(text: &'a str, line: usize) -> Result<Self> {
        let first_line = text.lines().next().unwrap_or_default();
        let Some((before, after)) = first_line.split_once('=') else {
            return Err(Fault::new(line, "invalid line: expected KEY=VALUE")
                .hint("a value that spans lines must be quoted; a comment starts with '#'"));
        };
        let name = before.trim();
        let name = match name.strip_prefix("export") {
            Some(exported) if exported.starts_with([' ', '\t']) => exported.trim_start(),
            _ => name,
        };
        if SecretName::environment(name).is_none() || is_base64_tail(name, after) {
            return Err(bad_name(line));
        }
        let start = first_line.len() - after.trim_start_matches([' ', '\t']).len();
        let mut value = Value {
            text,
            at: start,
            line,
            quoted: Zeroizing::new(String::new()),
            has_variable: false,
        };
        match value.peek() {
            Some('\'' | '"') => value.quoted_segments()?,
            _ => value.plain(after)?,
        }
        Ok(Self {
            name,
            length: value.at + end_of_line(&text[value.at..]),
            quoted: value.quoted,
            has_variable: value.has_variable,
        })
    }

    fn resolve(&self, line: usize) -> Result<Entry> {
        let assignment = Zeroizing::new(format!("{}={}\n", self.name, *self.quoted));
        let mut values = dotenvy::from_read_iter(assignment.as_bytes());
        match (values.next(), values.next()) {
            (Some(Ok((name, value))), None) => Ok(Entry {
                line,
                name,
                value: SecretValue::new(value),
            }),
            // dotenvy's error holds the line, so it is dropped unseen.
            _ => Err(Fault::new(
                line,
                format!("invalid line: cannot read the value of {}", self.name),
            )
            .hint(
                "in double quotes, a backslash may only stand before n r t \\ \" ' $ or a space; \
                 in single quotes, everything is literal",
            )),
        }
    }
}

/// The scanner of one value: reads `text` from `at`, writes `quoted`.
struct Value<'a> {
    text: &'a str,
    at: usize,
    line: usize,
    quoted: Zeroizing<String>,
    has_variable: bool,
}

impl Value<'_> {
    fn peek(&self) -> Option<char> {
        self.text[self.at..].chars().next()
    }

    fn fault(&self, problem: &str, hint: &'static str) -> Fault {
        Fault::new(self.line, format!("invalid line: {problem}")).hint(hint)
    }

    /// A value without quotes: up to a comment or the end of the line, without blanks around it.
    fn plain(&mut self, after_equals: &str) -> Result<()> {
        const ADVICE: &str = "put the value in single quotes, or use --env-format docker to take it verbatim";
        if after_equals.starts_with(['#', '`']) {
            let problem = "the value starts with a character that some tools drop";
            return Err(self.fault(problem, ADVICE));
        }
        let to_end = self.text[self.at..].lines().next().unwrap_or_default();
        self.at += to_end.len();
        let comment = if to_end.starts_with('#') {
            Some(0)
        } else {
            [" #", "\t#"].iter().filter_map(|mark| to_end.find(mark)).min()
        };
        let value = to_end[..comment.unwrap_or(to_end.len())].trim_end_matches([' ', '\t']);
        if value.contains([' ', '\t']) {
            return Err(self.fault("the value holds a space but is not quoted", ADVICE));
        }
        if value.contains(['\'', '"', '\\']) {
            let problem = "the value holds a quote or a backslash but is not quoted";
            return Err(self.fault(problem, ADVICE));
        }
        self.note_variables(value);
        self.quoted.push('\'');
        self.quoted.push_str(value);
        self.quoted.push('\'');
        Ok(())
    }

    /// One or more quoted parts without anything between them, as a shell would join them:
    /// `'it'\''s'` and `'it'"'"'s'` are how shells write `it's`.
    fn quoted_segments(&mut self) -> Result<()> {
        const ADVICE: &str =
            "write a single quote as \"it's\" or 'it'\\''s'; a comment needs a space before its '#'";
        loop {
            let segment_start = self.at;
            match self.peek() {
                Some('\'') => self.single_quoted()?,
                Some('"') => self.double_quoted()?,
                Some('\\') => self.escaped()?,
                _ => {
                    let rest = self.text[self.at..].lines().next().unwrap_or_default();
                    let blank = rest.trim_start_matches([' ', '\t']);
                    let is_comment = blank.starts_with('#') && blank.len() < rest.len();
                    if blank.is_empty() || is_comment {
                        return Ok(());
                    }
                    return Err(self.fault("text follows the closing quote", ADVICE));
                }
            }
            // `'ab\''` ends after `ab\` for a shell and after `ab'` for some writers of .env files.
            if self.text[segment_start..self.at].ends_with("\\'")
                && self.text[segment_start..].starts_with('\'')
                && self.peek() == Some('\'')
            {
                return Err(self.fault("a backslash before a single quote is ambiguous", ADVICE));
            }
        }
    }

    fn single_quoted(&mut self) -> Result<()> {
        let body = &self.text[self.at + 1..];
        let Some(end) = body.find('\'') else {
            return Err(self.unclosed("'"));
        };
        let body = &body[..end];
        self.quoted.push('\'');
        // Outside of quotes a backslash escapes itself, for all of dotenvy.
        self.quoted.push_str(&Zeroizing::new(body.replace('\\', r"'\\'")));
        self.quoted.push('\'');
        self.at += end + 2;
        Ok(())
    }

    fn double_quoted(&mut self) -> Result<()> {
        let body = &self.text[self.at + 1..];
        self.quoted.push('"');
        let mut characters = body.char_indices();
        while let Some((index, c)) = characters.next() {
            match c {
                '"' => {
                    self.note_variables(&body[..index]);
                    self.quoted.push('"');
                    self.at += index + 2;
                    return Ok(());
                }
                '$' => self.quoted.push_str("\\$"),
                '\\' => match characters.next() {
                    Some((_, 'r')) => self.quoted.push('\r'),
                    Some((_, 't')) => self.quoted.push('\t'),
                    Some((_, escaped)) => self.quoted.extend(['\\', escaped]),
                    None => return Err(self.unclosed("\"")),
                },
                _ => self.quoted.push(c),
            }
        }
        Err(self.unclosed("\""))
    }

    fn escaped(&mut self) -> Result<()> {
        match self.text[self.at + 1..].chars().next() {
            Some(c @ ('\'' | '"' | '\\')) => {
                self.quoted.extend(['\\', c]);
                self.at += 2;
                Ok(())
            }
            _ => Err(self.fault(
                "a backslash follows the closing quote",
                "put the whole value in quotes",
            )),
        }
    }

    fn unclosed(&self, quote: &str) -> Fault {
        self.fault(
            &format!("the quote {quote} is never closed"),
            "close it, or use --env-format docker if the quote belongs to the value",
        )
    }

    /// Remembers whether `part` holds `$NAME` or `${NAME}` without a backslash before it.
    fn note_variables(&mut self, part: &str) {
        let bytes = part.as_bytes();
        self.has_variable |= bytes.windows(2).enumerate().any(|(index, pair)| {
            let starts_name = pair[1].is_ascii_alphabetic() || matches!(pair[1], b'_' | b'{');
            pair[0] == b'$' && starts_name && (index == 0 || bytes[index - 1] != b'\\')
        });
    }
}

/// Bytes up to and including the next line break.
fn end_of_line(text: &str) -> usize {
    text.find('\n').map_or(text.len(), |at| at + 1)
}

/// Whether `name=rest` is rather the last line of base64 that lost its quotes: its padding would
/// make a name of a piece of a key.
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
        let parsed = parse(text).unwrap_or_else(|fault| panic!("{}: {}", fault.line, fault.message));
        let pair = |entry: Entry| (entry.name, entry.value.expose_secret().to_owned());
        parsed.entries.into_iter().map(pair).collect()
    }

    fn value(text: &str) -> String {
        let mut values = values(text);
        assert_eq!(values.len(), 1, "{text:?}");
        values.remove(0).1
    }

    fn fault(text: &str) -> Fault {
        parse(text)
            .err()
            .unwrap_or_else(|| panic!("{text:?} was accepted"))
    }

    #[test]
    fn ordinary_files_mean_what_they_say() {
        let text =
            "# comment\n\nA=1\nexport B='two words' # why\n C = \"x\\ty\"\nD=a#b\nE= # none\nexport=9\n";
        let expected = [
            ("A", "1"),
            ("B", "two words"),
            ("C", "x\ty"),
            ("D", "a#b"),
            ("E", ""),
            ("export", "9"),
        ];
        let expected = expected.map(|(name, value)| (name.to_owned(), value.to_owned()));
        assert_eq!(values(text), expected);
        assert_eq!(value("A='l1\nl2 \\ #x\nl3'\n"), "l1\nl2 \\ #x\nl3");
        assert_eq!(value("A=\"l1\n# l2\""), "l1\n# l2");
        assert_eq!(value("A='it'\\''s'"), "it's");
        assert_eq!(value("A='it'\"'\"'s'"), "it's");
        assert_eq!(value("A=x\u{a0}"), "x\u{a0}");
    }

    #[test]
    fn a_dollar_is_literal_and_warned_about() {
        for (text, expected, warned) in [
            ("A=ab$cd", "ab$cd", true),
            ("A=\"$2a$10$TWov/x\"", "$2a$10$TWov/x", true),
            ("A=${HOME}", "${HOME}", true),
            ("A=\"\\$HOME\"", "$HOME", false),
            ("A='$HOME'", "$HOME", false),
            ("A=5$", "5$", false),
            ("A=$PATH", "$PATH", true),
        ] {
            assert_eq!(value(text), expected);
            assert_eq!(!parse(text).ok().unwrap().warnings.is_empty(), warned, "{text}");
        }
    }

    #[test]
    fn what_readers_disagree_about_is_refused_with_its_line() {
        for text in [
            "A=a b",
            "A=don't",
            "A={\"a\":1}",
            "A=C:\\Users\\x",
            "A='abc\\''",
            "A='it\\'s'",
            "A=#x",
            "A=`x`",
            "A=\"\\q\"",
            "A=\"open",
            "A='open",
            "A='x'y",
            "A=\"\\",
            "MY-KEY=1",
            "1A=1",
            "=1",
            "A",
            "export A",
        ] {
            let text = format!("OK=1\n{text}\nB='x'\n");
            assert_eq!(fault(&text).line, 2, "{text:?}");
        }
    }

    #[test]
    fn r7_r8_a_fault_never_quotes_the_file() {
        let key = "TUlJRXBBSUJBQUtDQVFFQQ";
        for text in [
            format!("{key}\n"),
            format!("KEY=x\n{key}==\n"),
            format!("{}=\n", &key[..19]),
            format!("A=\"{key}"),
            format!("A=\"{key}\\q\""),
            format!("A='x'{key}"),
            format!("{key}-=1"),
        ] {
            let fault = fault(&text);
            let said = format!("{} {:?}", fault.message, fault.hint);
            assert!(!said.contains(&key[..8]), "{said}");
        }
    }

    proptest! {
        #[test]
        fn any_value_quoted_as_a_writer_would_comes_back(value in "[^\0\r]{0,40}", tail in "[A-Z]{1,5}") {
            let double = value.replace('\\', "\\\\").replace('"', "\\\"").replace('$', "\\$").replace('\n', "\\n");
            let shell = value.replace('\'', "'\\''");
            let python_shell = value.replace('\'', "'\"'\"'");
            for quoted in [format!("\"{double}\""), format!("'{shell}'"), format!("'{python_shell}'")] {
                let text = format!("A={quoted}\nLAST={tail}\n");
                prop_assert_eq!(values(&text), [("A".to_owned(), value.clone()), ("LAST".to_owned(), tail.clone())]);
            }
        }

        #[test]
        fn any_text_is_read_or_refused(text in "[A-C='\"\\\\$# \n{}a]{0,60}") {
            let _ = parse(&text);
        }
    }
}
