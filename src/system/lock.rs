//! A lock file, so that one process at a time changes the credential files.

use std::fs::{File, OpenOptions, TryLockError};
use std::io;
use std::path::Path;
use std::time::Duration;

use tokio::time::{Instant, sleep};

use crate::error::{Error, Kind, Result};
use crate::formats::escape;
use crate::system::atomic_file::make_private;
use crate::system::file;

const NAME: &str = "amika.lock";
/// How long to wait for another process.
const WAIT_TIMEOUT: Duration = Duration::from_secs(15);
const RETRY_PAUSE: Duration = Duration::from_millis(20);

/// Allows changing the files of a directory, until it is dropped. The system releases it when the
/// process ends, however it ends.
pub(crate) struct Lock {
    _file: File,
}

impl Lock {
    /// Waits for it; exit 6 when another process keeps it too long, exit 8 when the directory
    /// cannot be written to.
    pub(crate) async fn wait(directory: &Path) -> Result<Self> {
        let unusable = |error: io::Error| {
            let reason = file::reason(&error);
            Error::new(Kind::State, reason)
                .context(format!("{} cannot be written to", escape::path(directory)))
                .hint("make it writable, or set AMIKA_STATE_DIRECTORY, or use AMIKA_API_KEY")
        };
        make_private(directory).map_err(unusable)?;
        let file = open(directory).map_err(unusable)?;
        let deadline = Instant::now() + WAIT_TIMEOUT;
        loop {
            match file.try_lock() {
                Ok(()) => return Ok(Self { _file: file }),
                Err(TryLockError::Error(error)) => return Err(unusable(error)),
                Err(TryLockError::WouldBlock) if Instant::now() < deadline => sleep(RETRY_PAUSE).await,
                Err(TryLockError::WouldBlock) => {
                    let message = "another amika process has locked the stored login for 15 seconds";
                    return Err(Error::new(Kind::Unreachable, message).hint("stop it, then try again"));
                }
            }
        }
    }

    /// Takes it if no process has it.
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
    let not_regular = || io::Error::other(format!("{NAME} is not a regular file; remove it"));
    if path.symlink_metadata().is_ok_and(|metadata| !metadata.is_file()) {
        return Err(not_regular());
    }
    let file = options.open(path)?;
    if file.metadata()?.is_file() {
        Ok(file)
    } else {
        Err(not_regular())
    }
}
