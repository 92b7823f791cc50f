//! A source of keys, and the keys that prompts distinguish.

use std::io;

use zeroize::Zeroizing;

/// A key press or a paste.
pub(crate) enum Key {
    Char(char),
    /// The text of a bracketed paste, with `\n` between lines.
    #[cfg_attr(
        not(any(unix, test)),
        expect(dead_code, reason = "consoles do not mark pastes")
    )]
    Paste(Zeroizing<String>),
    Enter,
    Backspace,
    /// Ctrl-U.
    ClearLine,
    /// Ctrl-D, or the terminal was closed.
    EndOfInput,
    /// Ctrl-W.
    ClearWord,
    /// The program was suspended with Ctrl-Z and continues: the line is no longer the prompt's.
    #[cfg_attr(
        not(any(unix, test)),
        expect(dead_code, reason = "Windows does not suspend programs")
    )]
    Resumed,
    /// Any other control character or escape sequence.
    Control,
    /// Bytes that are not UTF-8.
    #[cfg_attr(
        not(any(unix, test)),
        expect(dead_code, reason = "consoles return characters")
    )]
    NotUtf8,
}

/// A source of keys.
pub(crate) trait Keys {
    /// Waits for the next key.
    fn next(&mut self) -> io::Result<Key>;
    /// Whether a key follows faster than a person types, so that the text must be a paste.
    fn follows_at_once(&mut self) -> io::Result<bool>;
}
