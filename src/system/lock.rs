//! One process at a time changes the credential files.

use std::fs::{File, OpenOptions, TryLockError};
use std::io;
use std::path::Path;
use std::time::Duration;

use anyhow::anyhow;
use tokio::time::{Instant, sleep};

use crate::error::{Error, Kind, Result};
use crate::formats::escape;
use crate::system::atomic_file::make_private;
use crate::system::file;

const NAME: &str = "amika.lock";
/// How long to wait for another process.
const LIMIT: Duration = Duration::from_secs(15);
const PAUSE: Duration = Duration::from_millis(20);

/// The right to change the files of a directory, until dropped. The system gives it back when the
/// process ends, however it ends.
pub(crate) struct Lock {
    _file: File,
}

impl Lock {
    /// Waits for it; exit 6 when another process keeps it too long, exit 8 when the directory
    /// cannot be written to.
    pub(crate) async fn wait(directory: &Path) -> Result<Self> {
        let unusable = |error: io::Error| {
            Error::new(
                Kind::State,
                format!("{} cannot be written to", escape::path(directory)),
            )
            .because(anyhow!(file::reason(&error)))
            .hint("make it writable, or set AMIKA_STATE_DIRECTORY, or use AMIKA_API_KEY")
        };
        make_private(directory).map_err(unusable)?;
        let file = open(directory).map_err(unusable)?;
        let deadline = Instant::now() + LIMIT;
        loop {
            match file.try_lock() {
                Ok(()) => return Ok(Self { _file: file }),
                Err(TryLockError::Error(error)) => return Err(unusable(error)),
                Err(TryLockError::WouldBlock) if Instant::now() < deadline => sleep(PAUSE).await,
                Err(TryLockError::WouldBlock) => {
                    let message = "another amika has been changing the stored login for 15 seconds";
                    return Err(Error::new(Kind::Unreachable, message).hint("end it, and try again"));
                }
            }
        }
    }

    /// Takes it if nobody has it.
    pub(crate) fn at_once(directory: &Path) -> Option<Self> {
        let file = open(directory).ok()?;
        file.try_lock().ok()?;
        Some(Self { _file: file })
    }
}

fn open(directory: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.create(true).write(true).truncate(false);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(directory.join(NAME))
}
