//! Reads files of other programs with a limit, and without waiting for a FIFO or a device.

use std::fs::{File, OpenOptions};
use std::io::{self, Read};
use std::path::Path;
use std::time::Duration;

use zeroize::Zeroizing;

use crate::error::reason;

/// Why a file cannot be read.
#[derive(Debug, thiserror::Error)]
pub(crate) enum FileError {
    /// The message already includes the cause, so the cause is not exposed as a source.
    #[error("{}", reason(.0))]
    Io(io::Error),
    #[error("is a directory")]
    Directory,
    #[error("is not a regular file")]
    NotRegular,
    #[error("is larger than {}", size(*.0))]
    TooLarge(u64),
    /// A pipe sent nothing for this time.
    #[error("sent nothing for {} s", .0.as_secs())]
    Silent(Duration),
}

impl FileError {
    /// Whether there is no such file.
    pub(crate) fn is_missing(&self) -> bool {
        matches!(self, Self::Io(error) if error.kind() == io::ErrorKind::NotFound)
    }
}

impl From<io::Error> for FileError {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

/// Formats a size, such as `64 KiB` or `10 MiB`.
fn size(bytes: u64) -> String {
    match bytes / 1024 {
        kib @ 0..1024 => format!("{kib} KiB"),
        kib => format!("{} MiB", kib / 1024),
    }
}

/// Reads a regular file of at most `limit` bytes. It is opened once, so what is checked is what
/// is read; a FIFO, a device or a directory is refused without waiting for it.
pub(crate) fn read_bounded(path: &Path, limit: u64) -> Result<Zeroizing<Vec<u8>>, FileError> {
    // Unix opens a directory, Windows does not.
    if path.is_dir() {
        return Err(FileError::Directory);
    }
    let file = open(path)?;
    let metadata = file.metadata()?;
    if !metadata.is_file() {
        return Err(FileError::NotRegular);
    }
    let mut bytes = Zeroizing::new(Vec::new());
    // A file may grow while it is read.
    if metadata.len() <= limit {
        file.take(limit + 1).read_to_end(&mut bytes)?;
    }
    if metadata.len().max(bytes.len() as u64) > limit {
        return Err(FileError::TooLarge(limit));
    }
    Ok(bytes)
}

/// As [`read_bounded`], but `None` if the file does not exist. A dangling link counts as a file that
/// cannot be read.
pub(crate) fn read_if_there(path: &Path, limit: u64) -> Result<Option<Zeroizing<Vec<u8>>>, FileError> {
    match path.symlink_metadata() {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        _ => read_bounded(path, limit).map(Some),
    }
}

/// Whether a path given on the command line stands for standard input.
pub(crate) fn is_stdin(path: &Path) -> bool {
    path == Path::new("-") || path == Path::new("/dev/stdin")
}

fn open(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt;
        let flags = rustix::fs::OFlags::NONBLOCK | rustix::fs::OFlags::NOCTTY;
        options.custom_flags(flags.bits().cast_signed());
    }
    options.read(true).open(path)
}
