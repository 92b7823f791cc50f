//! Reads the Windows console key by key.

use std::io;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::sync::{LazyLock, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::keys::{Key, Keys};

/// Maximum time between two lines of one paste.
const PASTE_GAP: Duration = Duration::from_millis(150);

/// Shared by all prompts: a key requested by one prompt but not read is delivered to the next.
static READER: LazyLock<Mutex<Reader>> = LazyLock::new(|| Mutex::new(Reader::start()));

/// The console, read key by key.
pub(crate) struct Keyboard(MutexGuard<'static, Reader>);

impl Keyboard {
    #[expect(clippy::unnecessary_wraps, reason = "it can fail on Unix")]
    pub(crate) fn open() -> io::Result<Self> {
        Ok(Self(READER.lock().unwrap_or_else(PoisonError::into_inner)))
    }
}

impl Keys for Keyboard {
    fn next(&mut self) -> io::Result<Key> {
        self.0.request();
        let key = self.0.arrived.take().or_else(|| self.0.keys.recv().ok());
        self.0.is_requested = false;
        key.unwrap_or(Ok(Key::EndOfInput))
    }

    fn follows_at_once(&mut self) -> io::Result<bool> {
        self.0.request();
        if self.0.arrived.is_none() {
            self.0.arrived = match self.0.keys.recv_timeout(PASTE_GAP) {
                Err(RecvTimeoutError::Timeout) => None,
                Err(RecvTimeoutError::Disconnected) => Some(Ok(Key::EndOfInput)),
                Ok(key) => Some(key),
            };
        }
        Ok(self.0.arrived.is_some())
    }
}

/// Reads on its own thread, because the console does not report whether a key is waiting. It reads
/// one key per request, so that keys typed later are left to the shell.
struct Reader {
    requests: Sender<()>,
    keys: Receiver<io::Result<Key>>,
    is_requested: bool,
    /// A key that has been received but not returned yet.
    arrived: Option<io::Result<Key>>,
}

impl Reader {
    fn start() -> Self {
        let (requests, requested) = channel();
        let (sender, keys) = channel();
        std::thread::spawn(move || {
            let term = console::Term::stderr();
            while requested.recv().is_ok() && sender.send(read(&term)).is_ok() {}
        });
        Self {
            requests,
            keys,
            is_requested: false,
            arrived: None,
        }
    }

    fn request(&mut self) {
        if !self.is_requested {
            // A reader that has ended is noticed when its key is received.
            let _ = self.requests.send(());
            self.is_requested = true;
        }
    }
}

fn read(term: &console::Term) -> io::Result<Key> {
    loop {
        if let Some(key) = key(&term.read_key()?) {
            return Ok(key);
        }
    }
}

/// Converts a console key; `None` for a modifier such as Shift, which the console reports before the
/// key that it modifies.
fn key(key: &console::Key) -> Option<Key> {
    Some(match key {
        console::Key::Shift | console::Key::Alt | console::Key::Unknown => return None,
        console::Key::Enter | console::Key::Char('\r' | '\n') => Key::Enter,
        console::Key::Backspace | console::Key::Char('\u{8}' | '\u{7f}') => Key::Backspace,
        console::Key::Tab => Key::Char('\t'),
        // Ctrl-D, or Ctrl-Z, which ends input in Windows shells.
        console::Key::Char('\u{4}' | '\u{1a}') => Key::EndOfInput,
        console::Key::Char('\u{15}') => Key::ClearLine,
        console::Key::Char('\u{17}') => Key::ClearWord,
        console::Key::Char(c) if !c.is_control() => Key::Char(*c),
        _ => Key::Control,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// R130: the console reports Shift as a separate key before a capital letter.
    #[test]
    fn modifiers_are_ignored() {
        for modifier in [console::Key::Shift, console::Key::Alt, console::Key::Unknown] {
            assert!(key(&modifier).is_none(), "{modifier:?}");
        }
        assert!(matches!(key(&console::Key::Char('A')), Some(Key::Char('A'))));
    }

    /// R130: Backspace deletes; other control characters are not part of a value.
    #[test]
    fn control_characters() {
        for backspace in [console::Key::Backspace, console::Key::Char('\u{7f}')] {
            assert!(matches!(key(&backspace), Some(Key::Backspace)), "{backspace:?}");
        }
        for control in [console::Key::ArrowLeft, console::Key::Char('\u{1}')] {
            assert!(matches!(key(&control), Some(Key::Control)), "{control:?}");
        }
    }
}
