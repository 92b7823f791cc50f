//! Reads the terminal byte by byte.

use std::io;
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::{Errno, read};
use rustix::process::{Signal, kill_current_process_group};
use rustix::stdio::stdin;
use rustix::termios::{
    InputModes, LocalModes, OptionalActions, SpecialCodeIndex, Termios, tcgetattr, tcsetattr,
};
use tokio::signal::unix::{SignalKind, signal};
use tokio::time::timeout;
use zeroize::Zeroizing;

use super::keys::{Key, Keys};

/// Maximum time between two lines of one paste, in milliseconds.
const PASTE_GAP: i64 = 150;
/// Maximum time between two bytes of an escape sequence, in milliseconds.
const SEQUENCE_GAP: i64 = 50;
/// The sequence that ends a bracketed paste.
const PASTE_END: &[u8] = b"\x1b[201~";

/// Time after which the program goes on if Ctrl-Z did not stop it, because there is no job control.
const WITHOUT_JOB_CONTROL: Duration = Duration::from_secs(1);
/// The value that disables a special character (`_POSIX_VDISABLE`).
const DISABLED: u8 = if cfg!(target_vendor = "apple") { 0xff } else { 0 };

/// Standard input, read key by key. The caller restores the terminal's settings.
pub(crate) struct Keyboard {
    /// The terminal's settings before and while keys are read.
    before: Termios,
    settings: Termios,
    buffer: Zeroizing<Vec<u8>>,
    position: usize,
    after_carriage_return: bool,
}

impl Keyboard {
    /// Disables echo and line editing. Ctrl-C still sends a signal, and what was typed ahead is dropped.
    /// Ctrl-Z is read as a key, because a shell that resumes a program enables the echo.
    pub(crate) fn open() -> io::Result<Self> {
        let before = tcgetattr(stdin())?;
        let mut settings = before.clone();
        settings
            .local_modes
            .remove(LocalModes::ICANON | LocalModes::ECHO | LocalModes::ECHONL | LocalModes::IEXTEN);
        settings
            .input_modes
            .remove(InputModes::ICRNL | InputModes::INLCR | InputModes::IGNCR | InputModes::IXON);
        settings.special_codes[SpecialCodeIndex::VMIN] = 1;
        settings.special_codes[SpecialCodeIndex::VTIME] = 0;
        settings.special_codes[SpecialCodeIndex::VSUSP] = DISABLED;
        tcsetattr(stdin(), OptionalActions::Flush, &settings)?;
        Ok(Self {
            before,
            settings,
            buffer: Zeroizing::new(Vec::with_capacity(64 * 1024)),
            position: 0,
            after_carriage_return: false,
        })
    }

    /// Suspends the program as Ctrl-Z normally does, and returns when it is continued.
    fn suspend(&self) -> io::Result<()> {
        tcsetattr(stdin(), OptionalActions::Now, &self.before)?;
        stop_until_continued()?;
        Ok(tcsetattr(stdin(), OptionalActions::Now, &self.settings)?)
    }

    /// The next byte; `None` at the end of input.
    fn byte(&mut self) -> io::Result<Option<u8>> {
        if self.position == self.buffer.len() {
            let mut chunk = Zeroizing::new([0; 4096]);
            let count = loop {
                match read(stdin(), &mut chunk[..]) {
                    Err(Errno::INTR) => {}
                    // The other end of the terminal was closed.
                    Err(Errno::IO) => break 0,
                    result => break result?,
                }
            };
            self.buffer.clear();
            self.buffer.extend_from_slice(&chunk[..count]);
            self.position = 0;
        }
        let byte = self.buffer.get(self.position).copied();
        self.position += usize::from(byte.is_some());
        Ok(byte)
    }

    /// Whether a byte can be read within `milliseconds`.
    fn is_ready(&self, milliseconds: i64) -> io::Result<bool> {
        if self.position < self.buffer.len() {
            return Ok(true);
        }
        let stdin = stdin();
        let mut waiting = [PollFd::new(&stdin, PollFlags::IN)];
        let time = Timespec {
            tv_sec: 0,
            tv_nsec: milliseconds * 1_000_000,
        };
        match poll(&mut waiting, Some(&time)) {
            Err(Errno::INTR) => Ok(false),
            result => Ok(result? > 0),
        }
    }

    fn escape_sequence(&mut self) -> io::Result<Key> {
        if !self.is_ready(SEQUENCE_GAP)? {
            return Ok(Key::Control);
        }
        let mut sequence = Vec::new();
        match self.byte()? {
            Some(b'[') => {
                while let Some(byte) = self.byte()? {
                    sequence.push(byte);
                    if (0x40..=0x7e).contains(&byte) {
                        break;
                    }
                }
            }
            Some(b'O') => sequence.extend(self.byte()?),
            _ => return Ok(Key::Control),
        }
        match sequence.as_slice() {
            b"200~" => self.paste(),
            _ => Ok(Key::Control),
        }
    }

    /// The pasted text. Terminals send a carriage return for each line break.
    fn paste(&mut self) -> io::Result<Key> {
        let mut bytes = Zeroizing::new(Vec::with_capacity(64 * 1024));
        while let Some(byte) = self.byte()? {
            bytes.push(byte);
            if bytes.ends_with(PASTE_END) {
                let length = bytes.len() - PASTE_END.len();
                bytes.truncate(length);
                break;
            }
        }
        let Ok(text) = std::str::from_utf8(&bytes) else {
            return Ok(Key::NotUtf8);
        };
        let unix = Zeroizing::new(text.replace("\r\n", "\n"));
        Ok(Key::Paste(Zeroizing::new(unix.replace('\r', "\n"))))
    }

    fn character(&mut self, first: u8) -> io::Result<Key> {
        let length = match first {
            0xc2..=0xdf => 2,
            0xe0..=0xef => 3,
            0xf0..=0xf4 => 4,
            _ => 1,
        };
        let mut bytes = Zeroizing::new(vec![first]);
        while bytes.len() < length {
            let Some(byte) = self.byte()? else { break };
            bytes.push(byte);
        }
        let text = std::str::from_utf8(&bytes).ok();
        Ok(match text.and_then(|text| text.chars().next()) {
            None => Key::NotUtf8,
            Some(c) if c.is_control() && c != '\t' => Key::Control,
            Some(c) => Key::Char(c),
        })
    }
}

/// Stops the process group and returns when it is continued. The signal may reach another thread
/// first, so this waits for SIGCONT, which the shell sends after its own change of the settings.
fn stop_until_continued() -> io::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    runtime.block_on(async {
        let mut continued = signal(SignalKind::from_raw(Signal::CONT.as_raw()))?;
        kill_current_process_group(Signal::TSTP)?;
        let _ = timeout(WITHOUT_JOB_CONTROL, continued.recv()).await;
        Ok(())
    })
}

impl Keys for Keyboard {
    fn next(&mut self) -> io::Result<Key> {
        loop {
            let after_carriage_return = std::mem::take(&mut self.after_carriage_return);
            return Ok(match self.byte()? {
                None | Some(0x04) => Key::EndOfInput,
                Some(b'\n') if after_carriage_return => continue,
                Some(b'\n') => Key::Enter,
                Some(b'\r') => {
                    self.after_carriage_return = true;
                    Key::Enter
                }
                Some(0x08 | 0x7f) => Key::Backspace,
                Some(0x15) => Key::ClearLine,
                Some(0x17) => Key::ClearWord,
                Some(0x1a) => {
                    self.suspend()?;
                    Key::Resumed
                }
                Some(0x1b) => self.escape_sequence()?,
                Some(byte) => self.character(byte)?,
            });
        }
    }

    fn follows_at_once(&mut self) -> io::Result<bool> {
        if !self.is_ready(PASTE_GAP)? {
            return Ok(false);
        }
        if self.after_carriage_return {
            // The second half of a line break sent as CR LF is not a key.
            match self.byte()? {
                Some(b'\n') => self.after_carriage_return = false,
                Some(_) => {
                    self.position -= 1;
                    return Ok(true);
                }
                None => return Ok(false),
            }
            return self.is_ready(PASTE_GAP);
        }
        Ok(true)
    }
}
