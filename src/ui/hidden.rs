//! A value that is typed or pasted without being shown.

use std::io;

use zeroize::Zeroizing;

use crate::error::{Error, Result};
use crate::secret::{MAX_VALUE, SecretValue};
use crate::ui::keyboard::{Key, Keys};

/// The result of a hidden prompt.
pub(crate) struct Hidden {
    text: Zeroizing<String>,
    /// Something that cannot be part of a value was typed, so the text is not what the person meant.
    mistyped: Option<&'static str>,
}

const CONTROL: &str = "the value contains a control character";
const NOT_UTF8: &str = "the value is not valid UTF-8";

/// Shows `prompt` and reads up to Enter. Lines that arrive at once are part of a paste and are kept.
pub(crate) fn read_hidden(keys: &mut impl Keys, prompt: impl Fn() -> io::Result<()>) -> io::Result<Hidden> {
    prompt()?;
    let mut text = Zeroizing::new(String::with_capacity(64 * 1024));
    let mut mistyped = None;
    loop {
        match keys.next()? {
            // A value that is too large is refused later, so the rest of it is not kept.
            Key::Char(_) | Key::Paste(_) if text.len() > MAX_VALUE => {}
            Key::Char(c) => text.push(c),
            Key::Paste(pasted) => {
                let forbidden = |c: char| c.is_control() && c != '\n' && c != '\t';
                if pasted.contains(forbidden) {
                    mistyped = Some(CONTROL);
                }
                text.push_str(&pasted);
            }
            Key::Enter if keys.follows_at_once()? => text.push('\n'),
            Key::Enter | Key::EndOfInput => break,
            Key::Backspace => {
                text.pop();
            }
            Key::ClearLine => text.clear(),
            Key::ClearWord => {
                let word = text.trim_end().rfind(char::is_whitespace).map_or(0, |at| at + 1);
                text.truncate(word);
            }
            Key::Resumed => prompt()?,
            Key::Control => mistyped = Some(CONTROL),
            Key::NotUtf8 => mistyped = Some(NOT_UTF8),
        }
    }
    // As for standard input, one line break at the end is not part of the value.
    if text.ends_with('\n') {
        text.pop();
    }
    Ok(Hidden { text, mistyped })
}

impl Hidden {
    /// Whether only Enter was pressed.
    pub(crate) fn is_empty(&self) -> bool {
        self.text.is_empty() && self.mistyped.is_none()
    }

    /// The number of lines, shown if there are several.
    pub(crate) fn lines(&self) -> usize {
        self.text.split('\n').count()
    }

    /// `from_file` is the command that takes the value from a file instead.
    pub(crate) fn into_value(self, from_file: &str) -> Result<SecretValue> {
        if let Some(mistyped) = self.mistyped {
            return Err(
                Error::input(mistyped).hint(format!("read this value from a file with '{from_file}'"))
            );
        }
        if self.text.trim().is_empty() {
            return Err(Error::input("no value entered").hint(format!(
                "type or paste the value and press Enter, or read it from a file with '{from_file}'"
            )));
        }
        Ok(SecretValue::new(self.text.as_str().to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Bursts of keys; within a burst, keys follow each other at once.
    struct Bursts(Vec<Vec<Key>>);

    impl Keys for Bursts {
        fn next(&mut self) -> io::Result<Key> {
            while self.0.first().is_some_and(Vec::is_empty) {
                self.0.remove(0);
            }
            Ok(match self.0.first_mut() {
                Some(burst) => burst.remove(0),
                None => Key::EndOfInput,
            })
        }

        fn follows_at_once(&mut self) -> io::Result<bool> {
            Ok(self.0.first().is_some_and(|burst| !burst.is_empty()))
        }
    }

    /// Converts `text` to keys; control characters become the keys that send them.
    fn typed(text: &str) -> Vec<Key> {
        let key = |c| match c {
            '\n' => Key::Enter,
            '\u{4}' => Key::EndOfInput,
            '\u{8}' => Key::Backspace,
            c => Key::Char(c),
        };
        text.chars().map(key).collect()
    }

    fn read(bursts: Vec<Vec<Key>>) -> Hidden {
        read_hidden(&mut Bursts(bursts), || Ok(())).unwrap()
    }

    /// R133: a paste arrives whole, with and without brackets.
    #[test]
    fn a_pasted_value_keeps_all_its_lines() {
        let value = |bursts| {
            read(bursts)
                .into_value("amika …")
                .unwrap()
                .expose_secret()
                .to_owned()
        };
        assert_eq!(value(vec![typed("a\nb\n\nc\n"), typed("never")]), "a\nb\n\nc");
        let pasted = Key::Paste(Zeroizing::new("a\nb\n".to_owned()));
        assert_eq!(value(vec![vec![pasted], typed("\n")]), "a\nb");
        assert_eq!(read(vec![typed("a\nb\nc\n")]).lines(), 3);
        assert_eq!(value(vec![typed("one\n"), typed("y\n")]), "one");
        assert_eq!(
            value(vec![typed("gr\u{f6}x\u{8}\u{8}\u{f6}\u{df}e\n")]),
            "gr\u{f6}\u{df}e"
        );
        let mut words = typed("one two ");
        words.push(Key::ClearWord);
        words.extend(typed("2\n"));
        assert_eq!(value(vec![words]), "one 2");
    }

    /// R130: a control character is refused, not stored.
    #[test]
    fn control_characters_and_empty_values_are_refused() {
        for keys in [
            vec![Key::Char('a'), Key::Control],
            vec![Key::Control, Key::Char('a')],
        ] {
            let error = read(vec![keys]).into_value("amika …").err().unwrap();
            assert!(error.to_string().contains("control character"));
        }
        let escape = Key::Paste(Zeroizing::new("a\u{1b}[31m".to_owned()));
        assert!(read(vec![vec![escape]]).into_value("amika …").is_err());
        let latin1 = read(vec![vec![Key::Char('a'), Key::NotUtf8, Key::Enter]]);
        let error = latin1.into_value("amika …").err().unwrap();
        assert_eq!(error.to_string(), "the value is not valid UTF-8");
        for keys in [vec![Key::EndOfInput], vec![Key::Enter], typed(" \n")] {
            let error = read(vec![keys]).into_value("amika …").err().unwrap();
            assert_eq!(error.to_string(), "no value entered");
        }
    }
}
