//! A value that is typed or pasted without being shown. What the terminal sends up to Enter is collected
//! first; keys such as Backspace are applied afterwards.

use zeroize::Zeroizing;

use crate::error::{Error, Result};
use crate::secret::SecretValue;

/// The sequences around a paste, which a terminal sends if it was asked to.
pub(crate) const PASTE_START: &str = "\x1b[200~";
pub(crate) const PASTE_END: &str = "\x1b[201~";

/// What was entered at a hidden prompt.
pub(crate) struct Hidden {
    text: Zeroizing<String>,
    /// Something that cannot be part of a value was typed, so the text is not what the person meant.
    mistyped: Option<&'static str>,
}

impl Hidden {
    /// Applies the keys that edit: Backspace, Ctrl-U and Ctrl-W. Every line break becomes `\n`.
    pub(crate) fn new(typed: &[u8]) -> Self {
        let mut text = Zeroizing::new(String::with_capacity(typed.len()));
        let Ok(typed) = std::str::from_utf8(typed) else {
            let mistyped = Some("the value is not valid UTF-8");
            return Self { text, mistyped };
        };
        let mut mistyped = None;
        let typed = Zeroizing::new(typed.replace("\r\n", "\n"));
        let mut rest = typed.as_str();
        let mut pasting = false;
        while let Some(c) = rest.chars().next() {
            let mark = if pasting { PASTE_END } else { PASTE_START };
            if let Some(after) = rest.strip_prefix(mark) {
                pasting = !pasting;
                rest = after;
                continue;
            }
            rest = &rest[c.len_utf8()..];
            match c {
                '\r' => text.push('\n'),
                '\u{8}' | '\u{7f}' if !pasting => drop(text.pop()),
                '\u{15}' if !pasting => text.clear(),
                '\u{17}' if !pasting => {
                    let word = text.trim_end().rfind(char::is_whitespace).map_or(0, |at| at + 1);
                    text.truncate(word);
                }
                c if c.is_control() && c != '\n' && c != '\t' => {
                    mistyped = Some("the value contains a control character");
                }
                c => text.push(c),
            }
        }
        // As for standard input, one line break at the end is not part of the value.
        if text.ends_with('\n') {
            text.pop();
        }
        Self { text, mistyped }
    }

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
                Error::input(mistyped).hint(format!("read this value from a file with `{from_file}`"))
            );
        }
        if self.text.trim().is_empty() {
            return Err(Error::input("no value entered").hint(format!(
                "type or paste the value and press Enter, or read it from a file with `{from_file}`"
            )));
        }
        Ok(SecretValue::new(self.text.as_str().to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn value(typed: &str) -> Result<SecretValue> {
        Hidden::new(typed.as_bytes()).into_value("amika …")
    }

    /// R133: a paste arrives whole, with and without marks, and typing is corrected.
    #[test]
    fn what_was_typed_becomes_the_value() {
        for (typed, expected) in [
            ("one", "one"),
            ("a\rb\r\rc\r", "a\nb\n\nc"),
            ("a\r\nb\r\n", "a\nb"),
            ("\x1b[200~a\rb\r\x1b[201~", "a\nb"),
            ("x\x7fab\x1b[200~c\td\x1b[201~e", "abc\tde"),
            ("gr\u{f6}x\u{8}\u{8}\u{f6}\u{df}e", "gr\u{f6}\u{df}e"),
            ("wrong\u{15}right", "right"),
            ("one two \u{17}2", "one 2"),
            ("\u{7f}\u{17}a", "a"),
        ] {
            assert_eq!(value(typed).unwrap().expose_secret(), expected, "{typed:?}");
        }
        assert_eq!(Hidden::new(b"a\rb\rc\r").lines(), 3);
    }

    /// R130: a control character is refused, not stored; in a paste, that includes the keys that edit.
    #[test]
    fn control_characters_and_empty_values_are_refused() {
        for typed in [
            "a\u{1}",
            "\x1b[Aa",
            "a\x1b",
            "\x1b[200~a\x1b[31m\x1b[201~",
            "\x1b[200~a\u{8}b\x1b[201~",
            "\x1b[200~a\u{15}b\x1b[201~",
            "\x1b[200~a \u{17}b\x1b[201~",
        ] {
            let error = value(typed).err().unwrap();
            assert!(error.to_string().contains("control character"), "{typed:?}");
        }
        let latin1 = Hidden::new(b"gr\xfcn").into_value("amika …").err().unwrap();
        assert_eq!(latin1.to_string(), "the value is not valid UTF-8");
        for typed in ["", " ", "\r", "a\u{15}"] {
            assert_eq!(value(typed).err().unwrap().to_string(), "no value entered");
        }
    }
}
