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
        c => Key::Char(c),
    };
    text.chars().map(key).collect()
}
