//! Reads the Windows console without echo.

use std::io;
use std::time::{Duration, Instant};

use console::{Key, Term};
use zeroize::Zeroizing;

/// Time within which keys of one paste follow each other. An Enter that arrives so soon is a part of it;
/// a person who is that fast presses Enter again.
const PASTE_GAP: Duration = Duration::from_millis(10);

/// Shows `prompt` and returns what is typed up to Enter, Ctrl-D or Ctrl-Z, in the form in which a terminal
/// sends it. No key is read ahead, because the next prompt could not have it.
pub(crate) fn read_typed(prompt: impl Fn() -> io::Result<()>) -> io::Result<Zeroizing<Vec<u8>>> {
    prompt()?;
    let term = Term::stderr();
    let mut typed = Zeroizing::new(Vec::with_capacity(64 * 1024));
    let mut before: Option<Instant> = None;
    loop {
        let key = term.read_key()?;
        let is_pasted = before.is_some_and(|before| before.elapsed() < PASTE_GAP);
        before = Some(Instant::now());
        match character(&key) {
            None => {}
            Some('\r') if !is_pasted => return Ok(typed),
            Some('\u{4}' | '\u{1a}') => return Ok(typed),
            Some(c) => typed.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes()),
        }
    }
}

/// The character of a key; `None` for a modifier such as Shift, which the console reports before the key
/// that it modifies.
fn character(key: &Key) -> Option<char> {
    Some(match key {
        Key::Shift | Key::Alt | Key::Unknown => return None,
        Key::Enter | Key::Char('\n') => '\r',
        Key::Backspace => '\u{8}',
        Key::Tab => '\t',
        Key::Char(c) => *c,
        // Another key, such as an arrow, is refused as a control character.
        _ => '\u{1b}',
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// R130: the console reports Shift as a separate key before a capital letter; an arrow is no character.
    #[test]
    fn keys_are_characters() {
        for modifier in [Key::Shift, Key::Alt, Key::Unknown] {
            assert_eq!(character(&modifier), None, "{modifier:?}");
        }
        assert_eq!(character(&Key::Char('A')), Some('A'));
        assert_eq!(character(&Key::Backspace), Some('\u{8}'));
        assert_eq!(character(&Key::ArrowLeft), Some('\u{1b}'));
    }
}
