//! Scripted keys for the tests of prompts.

use std::io;

use super::keys::{Key, Keys};

/// Bursts of keys; within a burst, keys follow each other at once.
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

/// Converts `text` to keys; control characters become the keys that send them.
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
#[cfg(unix)]
pub(crate) fn typed_slowly(text: &str) -> Bursts {
    Bursts(typed(text).into_iter().map(|key| vec![key]).collect())
}

/// Returns what `prompt` writes to the terminal, and its result.
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
