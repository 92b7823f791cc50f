//! A source of keys, and the keys that prompts tell apart.

use std::io;

use zeroize::Zeroizing;

/// A key press or a paste.
pub(crate) enum Key {
    Char(char),
    /// The text of a bracketed paste, with `\n` between lines.
    #[cfg_attr(not(any(unix, test)), expect(dead_code, reason = "consoles mark no pastes"))]
    Paste(Zeroizing<String>),
    Enter,
    Backspace,
    /// Ctrl-U.
    ClearLine,
    Up,
    Down,
    Escape,
    /// Ctrl-D, or the terminal was closed.
    EndOfInput,
    /// Ctrl-W.
    ClearWord,
    /// The program was suspended with Ctrl-Z and continues: the line is no longer the prompt's.
    #[cfg_attr(not(unix), expect(dead_code, reason = "Windows does not suspend programs"))]
    Resumed,
    /// Any other control character or escape sequence.
    Control,
    /// Bytes that are not UTF-8.
    #[cfg_attr(not(any(unix, test)), expect(dead_code, reason = "consoles give characters"))]
    NotUtf8,
}

/// A source of keys.
pub(crate) trait Keys {
    /// Waits for the next key.
    fn next(&mut self) -> io::Result<Key>;
    /// Whether a key follows faster than a person types, so that the text must be a paste.
    fn follows_at_once(&mut self) -> io::Result<bool>;
    /// Drops the keys that follow at once, so that the next prompt does not take them.
    fn discard_typed(&mut self) -> io::Result<()> {
        while self.follows_at_once()? {
            self.next()?;
        }
        Ok(())
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// Keys in bursts: within one burst each follows the one before at once.
    pub(crate) struct Bursts(pub(crate) Vec<Vec<Key>>);

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

    /// The keys that type `text`; control characters stand for what they do at a terminal.
    pub(crate) fn typed(text: &str) -> Vec<Key> {
        let key = |c| match c {
            '\n' => Key::Enter,
            '\u{4}' => Key::EndOfInput,
            '\u{8}' => Key::Backspace,
            '\u{15}' => Key::ClearLine,
            '\u{17}' => Key::ClearWord,
            '\u{1a}' => Key::Resumed,
            '\u{1b}' => Key::Escape,
            '↑' => Key::Up,
            '↓' => Key::Down,
            c => Key::Char(c),
        };
        text.chars().map(key).collect()
    }

    /// The same, with a pause after each key.
    pub(crate) fn typed_slowly(text: &str) -> Bursts {
        Bursts(typed(text).into_iter().map(|key| vec![key]).collect())
    }

    /// What `prompt` writes to its terminal, and what it returns.
    #[cfg(unix)]
    pub(crate) fn at_terminal<T>(prompt: impl FnOnce(&console::Term) -> io::Result<T>) -> (T, String) {
        use std::io::{Read, Seek};
        let mut shown = tempfile::tempfile().unwrap();
        let input = std::fs::File::open("/dev/null").unwrap();
        let term = console::Term::read_write_pair(input, shown.try_clone().unwrap());
        let returned = prompt(&term).unwrap();
        let mut text = String::new();
        shown.rewind().unwrap();
        shown.read_to_string(&mut text).unwrap();
        (returned, text)
    }
}
