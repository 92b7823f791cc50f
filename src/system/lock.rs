//! A lock file, so that one process at a time changes the credential files.

use std::fs::{File, OpenOptions, TryLockError};
use std::io;
use std::path::Path;
use std::time::Duration;

use tokio::time::{Instant, sleep};

use crate::error::{Error, Kind, Result};
use crate::formats::escape;
use crate::system::private::{make_file_private, make_private};

const NAME: &str = "amika.lock";
/// How long to wait for another process.
const WAIT_TIMEOUT: Duration = Duration::from_secs(15);
const RETRY_PAUSE: Duration = Duration::from_millis(20);

/// The right to change the files of a directory, until this is dropped. The system releases the lock
/// when the process ends, even when it is killed.
pub(crate) struct Lock {
    _file: File,
}

impl Lock {
    /// Takes the lock, waiting for another process that has it.
    pub(crate) async fn wait(directory: &Path) -> Result<Self> {
        let unwritable = |error: io::Error| {
            let message = format!("{} cannot be written to", escape::path(directory));
            let error = Error::new(Kind::State, message).because(error);
            error.hint("make it writable, or set AMIKA_STATE_DIRECTORY, or use AMIKA_API_KEY")
        };
        make_private(directory).map_err(unwritable)?;
        let file = open(directory).map_err(unwritable)?;
        let deadline = Instant::now() + WAIT_TIMEOUT;
        loop {
            match file.try_lock() {
                Ok(()) => return Ok(Self { _file: file }),
                Err(TryLockError::Error(error)) => return Err(unwritable(error)),
                Err(TryLockError::WouldBlock) if Instant::now() < deadline => sleep(RETRY_PAUSE).await,
                Err(TryLockError::WouldBlock) => {
                    let seconds = WAIT_TIMEOUT.as_secs();
                    let message =
                        format!("another amika process has locked the stored login for {seconds} seconds");
                    return Err(Error::new(Kind::Unreachable, message).hint("stop it, then try again"));
                }
            }
        }
    }

    /// Takes the lock, if no process has it.
    pub(crate) fn try_now(directory: &Path) -> Option<Self> {
        let file = open(directory).ok()?;
        file.try_lock().ok()?;
        Some(Self { _file: file })
    }
}

/// Opens the lock file without following a link and without waiting for a FIFO.
fn open(directory: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.create(true).read(true).write(true).truncate(false);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt;
        let flags = rustix::fs::OFlags::NOFOLLOW | rustix::fs::OFlags::NONBLOCK;
        options.mode(0o600).custom_flags(flags.bits().cast_signed());
    }
    let path = directory.join(NAME);
    let existing = path.symlink_metadata();
    if existing.as_ref().is_ok_and(|metadata| !metadata.is_file()) {
        return Err(io::Error::other(format!(
            "{NAME} is not a regular file; remove it"
        )));
    }
    let file = options.open(path)?;
    if existing.is_err() {
        make_file_private(&file)?;
    }
    Ok(file)
}
