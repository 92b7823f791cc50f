//! Reads a terminal without echo.

use std::io;
use std::time::Duration;

use memchr::memmem::rfind;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::{Errno, read};
use rustix::process::{Signal, kill_current_process_group};
use rustix::stdio::stdin;
use rustix::termios::{InputModes, LocalModes, OptionalActions, SpecialCodeIndex, tcgetattr, tcsetattr};
use tokio::signal::unix::{SignalKind, signal};
use tokio::time::timeout;
use zeroize::Zeroizing;

use crate::secret::MAX_VALUE;
use crate::ui::hidden::{PASTE_END, PASTE_START};

/// Maximum time between two lines of one paste, in nanoseconds.
const PASTE_GAP: i64 = 150_000_000;
/// Time after which the program goes on if Ctrl-Z did not stop it, because there is no job control.
const WITHOUT_JOB_CONTROL: Duration = Duration::from_secs(1);
/// The value that disables a special character (`_POSIX_VDISABLE`).
const DISABLED: u8 = if cfg!(target_vendor = "apple") { 0xff } else { 0 };
const CTRL_D: u8 = 0x04;
const CTRL_Z: u8 = 0x1a;

/// Shows `prompt` without echo, and returns what is typed up to Enter or Ctrl-D. Lines that arrive at once
/// are one paste. The caller restores the terminal's settings.
///
/// Ctrl-C still sends a signal. Ctrl-Z is read as a key, because a shell that resumes a program enables
/// the echo.
pub(crate) fn read_typed(prompt: impl Fn() -> io::Result<()>) -> io::Result<Zeroizing<Vec<u8>>> {
    let before = tcgetattr(stdin())?;
    let mut hidden = before.clone();
    hidden
        .local_modes
        .remove(LocalModes::ICANON | LocalModes::ECHO | LocalModes::ECHONL | LocalModes::IEXTEN);
    hidden
        .input_modes
        .remove(InputModes::ICRNL | InputModes::INLCR | InputModes::IGNCR | InputModes::IXON);
    hidden.special_codes[SpecialCodeIndex::VMIN] = 1;
    hidden.special_codes[SpecialCodeIndex::VTIME] = 0;
    hidden.special_codes[SpecialCodeIndex::VSUSP] = DISABLED;
    // What was typed ahead is dropped.
    tcsetattr(stdin(), OptionalActions::Flush, &hidden)?;
    prompt()?;
    let mut typed = Zeroizing::new(Vec::with_capacity(64 * 1024));
    let mut pasting = false;
    while let Some(chunk) = next_chunk()? {
        let seen = typed.len();
        typed.extend_from_slice(&chunk);
        // A mark may have arrived in two parts.
        let new = &typed[seen.saturating_sub(PASTE_START.len() - 1)..];
        let [start, end] = [PASTE_START, PASTE_END].map(|mark| rfind(new, mark.as_bytes()));
        if start != end {
            pasting = start > end;
        }
        match typed.last() {
            Some(&CTRL_D) if !pasting => {
                typed.pop();
                break;
            }
            Some(&CTRL_Z) if !pasting => {
                typed.pop();
                tcsetattr(stdin(), OptionalActions::Now, &before)?;
                stop_until_continued()?;
                tcsetattr(stdin(), OptionalActions::Now, &hidden)?;
                prompt()?;
            }
            Some(b'\r' | b'\n') if !pasting && !more_follows()? => {
                let enter = if typed.ends_with(b"\r\n") { 2 } else { 1 };
                let end = typed.len() - enter;
                typed.truncate(end);
                break;
            }
            _ => {}
        }
        // A value that is too large is refused later, so the middle of it is not kept.
        if typed.len() > 2 * MAX_VALUE {
            let end = typed.len() - PASTE_END.len();
            typed.drain(MAX_VALUE + 1..end);
        }
    }
    Ok(typed)
}

/// The next bytes; `None` at the end of input.
fn next_chunk() -> io::Result<Option<Zeroizing<Vec<u8>>>> {
    let mut chunk = Zeroizing::new(vec![0; 4096]);
    loop {
        match read(stdin(), &mut chunk[..]) {
            Err(Errno::INTR) => {}
            // The other end of the terminal was closed.
            Ok(0) | Err(Errno::IO) => return Ok(None),
            result => {
                chunk.truncate(result?);
                return Ok(Some(chunk));
            }
        }
    }
}

fn more_follows() -> io::Result<bool> {
    let stdin = stdin();
    let mut waiting = [PollFd::new(&stdin, PollFlags::IN)];
    let time = Timespec {
        tv_sec: 0,
        tv_nsec: PASTE_GAP,
    };
    match poll(&mut waiting, Some(&time)) {
        Err(Errno::INTR) => Ok(false),
        result => Ok(result? > 0),
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
