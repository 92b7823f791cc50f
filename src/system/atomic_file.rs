//! Replaces a private file atomically: after a crash at any point, it has the whole old content or
//! the whole new content.
//!
//! The content is written to a new file in the same directory (mode 0600), synced to the disk, and
//! renamed. [`Save::prepare`] does every step that can fail before the content exists, because a
//! single-use token must not be spent when its successor cannot be saved.

use std::fs;
use std::io::{Seek, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use tempfile::NamedTempFile;

use crate::system::lock::Lock;
use crate::system::private::{is_mine, make_file_private, make_private};

/// The start of an unfinished file's name.
const PREFIX: &str = ".amika-unfinished-";

/// A file about to be replaced.
pub(crate) struct Save {
    unfinished: NamedTempFile,
    target: PathBuf,
}

impl Save {
    /// Creates the directory (mode 0700) and the new file, with `room` bytes reserved on the disk, so
    /// that little is left to fail in [`finish`](Self::finish). Removes the files of a killed process.
    pub(crate) fn prepare(path: &Path, room: usize, lock: &Lock) -> Result<Self> {
        let target = resolve(path)?;
        if target == path {
            make_private(parent(path)).context("its directory cannot be created")?;
        }
        let directory = parent(&target);
        remove_leftovers(directory, lock);
        let mut unfinished = tempfile::Builder::new()
            .prefix(PREFIX)
            .tempfile_in(directory)
            .context("no new file can be created")?;
        make_file_private(unfinished.as_file())?;
        unfinished
            .write_all(&vec![b' '; room])
            .and_then(|()| unfinished.as_file().sync_all())
            .context("no space can be reserved")?;
        Ok(Self { unfinished, target })
    }

    /// Writes the content and renames the new file over the old one.
    pub(crate) fn finish(mut self, content: &[u8]) -> Result<()> {
        self.unfinished.rewind()?;
        self.unfinished.write_all(content)?;
        self.unfinished.as_file().set_len(content.len() as u64)?;
        self.unfinished
            .as_file()
            .sync_all()
            .context("the new file was not written to the disk")?;
        // `persist` of tempfile 3 does not replace a file that another process has open on Windows; this does.
        let (_, unfinished) = self.unfinished.keep()?;
        fs::rename(&unfinished, &self.target)
            .inspect_err(|_| drop(fs::remove_file(&unfinished)))
            .context("the old file cannot be replaced")?;
        // On Windows a rename needs no sync of the directory.
        #[cfg(unix)]
        fs::File::open(parent(&self.target))
            .and_then(|directory| directory.sync_all())
            .context("the directory was not written to the disk")?;
        Ok(())
    }
}

fn parent(path: &Path) -> &Path {
    path.parent().unwrap_or(Path::new("."))
}

/// The file behind `path`: a symbolic link is kept, and its target is replaced if it belongs to this
/// user.
fn resolve(path: &Path) -> Result<PathBuf> {
    if !path.is_symlink() {
        return Ok(path.to_owned());
    }
    let target = path.canonicalize()?;
    if is_mine(&target)? {
        return Ok(target);
    }
    bail!("it is a link to a file of another user")
}

/// Removes unfinished files. A process that saves holds the lock, so while this process holds it, they
/// were left by one that was killed.
pub(crate) fn remove_leftovers(directory: &Path, _lock: &Lock) {
    for path in leftovers(directory) {
        // The next save tries again.
        let _ = fs::remove_file(path);
    }
}

/// The unfinished files in a directory.
pub(crate) fn leftovers(directory: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(directory).into_iter().flatten().flatten();
    let unfinished = entries.filter(|entry| entry.file_name().to_string_lossy().starts_with(PREFIX));
    unfinished.map(|entry| entry.path()).collect()
}

#[cfg(test)]
#[cfg(unix)]
mod tests;
