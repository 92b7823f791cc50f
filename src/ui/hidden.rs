//! A value that is typed or pasted without being shown.

use std::io;

use zeroize::Zeroizing;

use crate::error::{Error, Result};
use crate::secret::{MAX_VALUE, SecretValue};
use crate::ui::keyboard::{Key, Keys};

/// What a hidden prompt read.
pub(crate) struct Hidden {
    text: Zeroizing<String>,
    /// A control character was typed, so the text is not what the person meant.
    has_control: bool,
}

/// Reads up to Enter. Lines that follow at once are pasted and belong to the value.
pub(crate) fn read_hidden(keys: &mut impl Keys) -> io::Result<Hidden> {
    let mut text = Zeroizing::new(String::with_capacity(64 * 1024));
    let mut has_control = false;
    loop {
        match keys.next()? {
            // What is too large is refused later; it need not be kept until then.
            Key::Char(_) | Key::Paste(_) if text.len() > MAX_VALUE => {}
            Key::Char(c) => text.push(c),
            Key::Paste(pasted) => {
                let forbidden = |c: char| c.is_control() && c != '\n' && c != '\t';
                has_control |= pasted.contains(forbidden);
                text.push_str(&pasted);
            }
            Key::Enter if keys.follows_at_once()? => text.push('\n'),
            Key::Enter | Key::EndOfInput => break,
            Key::Backspace => {
                text.pop();
            }
            Key::ClearLine => text.clear(),
            Key::Up | Key::Down | Key::Escape | Key::Control => has_control = true,
        }
    }
    // As for standard input, one line break at the end is not part of the value.
    if text.ends_with('\n') {
        text.pop();
    }
    Ok(Hidden { text, has_control })
}

impl Hidden {
    /// The number of lines, to be shown when there are several.
    pub(crate) fn lines(&self) -> usize {
        self.text.split('\n').count()
    }

    pub(crate) fn into_value(self) -> Result<SecretValue> {
        if self.has_control {
            return Err(Error::input("the value contains a control character").hint(
                "arrow keys and Ctrl combinations are not accepted here; read such a value from a file: \
                 amika secret push NAME --yes < FILE",
            ));
        }
        if self.text.is_empty() {
            return Err(Error::input("no value entered")
                .hint("type or paste the value, then press Enter; or use NAME --yes < FILE"));
        }
        Ok(SecretValue::new(self.text.as_str().to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Keys in bursts: within one burst each follows the one before at once.
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

    fn typed(text: &str) -> Vec<Key> {
        let key = |c| match c {
            '\n' => Key::Enter,
            '\u{8}' => Key::Backspace,
            c => Key::Char(c),
        };
        text.chars().map(key).collect()
    }

    fn read(bursts: Vec<Vec<Key>>) -> Hidden {
        read_hidden(&mut Bursts(bursts)).unwrap()
    }

    /// R133: a paste arrives whole, with and without brackets.
    #[test]
    fn a_pasted_value_keeps_all_its_lines() {
        let value = |bursts| read(bursts).into_value().unwrap().expose_secret().to_owned();
        assert_eq!(value(vec![typed("a\nb\n\nc\n"), typed("never")]), "a\nb\n\nc");
        let pasted = Key::Paste(Zeroizing::new("a\nb\n".to_owned()));
        assert_eq!(value(vec![vec![pasted], typed("\n")]), "a\nb");
        assert_eq!(read(vec![typed("a\nb\nc\n")]).lines(), 3);
        assert_eq!(value(vec![typed("one\n"), typed("y\n")]), "one");
        assert_eq!(
            value(vec![typed("gr\u{f6}x\u{8}\u{8}\u{f6}\u{df}e\n")]),
            "gr\u{f6}\u{df}e"
        );
    }

    /// R130: a control character is refused, not stored.
    #[test]
    fn control_characters_and_nothing_are_refused() {
        for keys in [vec![Key::Char('a'), Key::Control], vec![Key::Up, Key::Char('a')]] {
            let error = read(vec![keys]).into_value().err().unwrap();
            assert!(error.to_string().contains("control character"));
        }
        let escape = Key::Paste(Zeroizing::new("a\u{1b}[31m".to_owned()));
        assert!(read(vec![vec![escape]]).into_value().is_err());
        for keys in [vec![Key::EndOfInput], vec![Key::Enter]] {
            let error = read(vec![keys]).into_value().err().unwrap();
            assert_eq!(error.to_string(), "no value entered");
        }
    }
}
