//! The terminal while a prompt uses it: saved before, and left as it was found.

use console::Term;

/// Enables bracketed paste, in which the terminal marks the beginning and end of pasted text. The
/// Windows console does not support it, and old versions would print the sequence.
pub(crate) const MARK_PASTES: &str = if cfg!(unix) { "\x1b[?2004h" } else { "" };
const DO_NOT_MARK_PASTES: &str = if cfg!(unix) { "\x1b[?2004l" } else { "" };

/// Restores the terminal's settings and shows the cursor when it is dropped: after an answer, an error
/// or a signal.
pub(crate) struct TerminalGuard {
    #[cfg(unix)]
    saved: Option<rustix::termios::Termios>,
}

impl TerminalGuard {
    pub(crate) fn new() -> Self {
        forget_typed_ahead();
        Self {
            #[cfg(unix)]
            saved: rustix::termios::tcgetattr(rustix::stdio::stdin()).ok(),
        }
    }
}

impl Drop for TerminalGuard {
    fn drop(&mut self) {
        // Errors are ignored here: they mean that the terminal was closed.
        #[cfg(unix)]
        if let Some(saved) = &self.saved {
            use rustix::termios::{OptionalActions, tcsetattr};
            let _ = tcsetattr(rustix::stdio::stdin(), OptionalActions::Now, saved);
        }
        let term = Term::stderr();
        let _ = term.write_str(DO_NOT_MARK_PASTES);
        let _ = term.show_cursor();
    }
}

/// Drops what was typed or pasted before a question was shown, because it cannot be its answer.
pub(crate) fn forget_typed_ahead() {
    #[cfg(unix)]
    {
        use rustix::termios::{QueueSelector, tcflush};
        // An error means that the terminal was closed.
        let _ = tcflush(rustix::stdio::stdin(), QueueSelector::IFlush);
    }
}
