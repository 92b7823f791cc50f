//! Replaces a private file so that, whatever happens, the old or the new content is there whole.
//!
//! The content goes into a new file beside the old one (mode 0600), is brought to the disk, and
//! takes the old one's name in one step. [`Save::prepare`] does all of that which can fail before
//! the content exists: a single-use token is worth nothing if its successor cannot be kept.

use std::fs;
use std::io::{self, Seek, Write};
use std::path::{Path, PathBuf};

use tempfile::NamedTempFile;

use crate::system::lock::Lock;

#[cfg(not(unix))]
pub(crate) use self::elsewhere::make_private;
#[cfg(not(unix))]
use self::elsewhere::{is_mine, sync_directory};

/// What the names of unfinished files start with.
const PREFIX: &str = ".amika-unfinished-";

/// A file about to be replaced.
pub(crate) struct Save {
    unfinished: NamedTempFile,
    target: PathBuf,
}

impl Save {
    /// Makes the directory (mode 0700) and the new file with `room` bytes on the disk, so that
    /// [`finish`](Self::finish) has little left that can fail. Removes what a killed process left.
    pub(crate) fn prepare(path: &Path, room: usize, lock: &Lock) -> io::Result<Self> {
        let target = resolve(path)?;
        if target == path {
            make_private(parent(path))?;
        }
        let directory = parent(&target);
        remove_leftovers(directory, lock);
        let mut unfinished = tempfile::Builder::new().prefix(PREFIX).tempfile_in(directory)?;
        unfinished.write_all(&vec![b' '; room])?;
        unfinished.as_file().sync_all()?;
        Ok(Self { unfinished, target })
    }

    /// Writes the content and puts it in the old file's place.
    pub(crate) fn finish(mut self, content: &[u8]) -> io::Result<()> {
        self.unfinished.rewind()?;
        self.unfinished.write_all(content)?;
        self.unfinished.as_file().set_len(content.len() as u64)?;
        self.unfinished.as_file().sync_all()?;
        self.unfinished
            .persist(&self.target)
            .map_err(|failed| failed.error)?;
        sync_directory(parent(&self.target))
    }
}

fn parent(path: &Path) -> &Path {
    path.parent().unwrap_or(Path::new("."))
}

/// Where the file really is: a link that somebody made on purpose stays, and its target is
/// replaced, if it is ours.
fn resolve(path: &Path) -> io::Result<PathBuf> {
    if !path.is_symlink() {
        return Ok(path.to_owned());
    }
    let target = path.canonicalize()?;
    if is_mine(&target)? {
        return Ok(target);
    }
    let message = "is a link to a file of another user";
    Err(io::Error::new(io::ErrorKind::PermissionDenied, message))
}

/// Removes unfinished files. A process that saves holds the lock, so while we hold it they can only be
/// those of a process that was killed.
pub(crate) fn remove_leftovers(directory: &Path, _lock: &Lock) {
    for path in leftovers(directory) {
        // What cannot be removed now is tried again next time.
        let _ = fs::remove_file(path);
    }
}

/// The unfinished files in a directory.
pub(crate) fn leftovers(directory: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(directory).into_iter().flatten().flatten();
    let unfinished = entries.filter(|entry| entry.file_name().to_string_lossy().starts_with(PREFIX));
    unfinished.map(|entry| entry.path()).collect()
}

/// Makes a directory that only its owner can look into, or makes it one.
#[cfg(unix)]
pub(crate) fn make_private(directory: &Path) -> io::Result<()> {
    use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
    fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(directory)?;
    if is_mine(directory)? && fs::metadata(directory)?.permissions().mode() & 0o077 != 0 {
        fs::set_permissions(directory, fs::Permissions::from_mode(0o700))?;
    }
    Ok(())
}

#[cfg(unix)]
fn is_mine(path: &Path) -> io::Result<bool> {
    use std::os::unix::fs::MetadataExt;
    Ok(fs::metadata(path)?.uid() == rustix::process::geteuid().as_raw())
}

#[cfg(unix)]
fn sync_directory(directory: &Path) -> io::Result<()> {
    fs::File::open(directory)?.sync_all()
}

/// Elsewhere a user's profile is private, and a rename needs no help.
#[cfg(not(unix))]
mod elsewhere {
    use std::fs;
    use std::io;
    use std::path::Path;

    pub(crate) fn make_private(directory: &Path) -> io::Result<()> {
        fs::create_dir_all(directory)
    }

    #[expect(clippy::unnecessary_wraps, reason = "it can fail on Unix")]
    pub(crate) fn is_mine(_: &Path) -> io::Result<bool> {
        Ok(true)
    }

    #[expect(clippy::unnecessary_wraps, reason = "it can fail on Unix")]
    pub(crate) fn sync_directory(_: &Path) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
#[cfg(unix)]
mod tests {
    use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};

    use super::*;

    /// A lock for tests in which nobody else writes.
    fn lock() -> Lock {
        Lock::try_now(tempfile::tempdir().unwrap().path()).unwrap()
    }

    fn save(path: &Path, content: &[u8]) -> io::Result<()> {
        Save::prepare(path, content.len(), &lock())?.finish(content)
    }

    fn mode(path: &Path) -> u32 {
        fs::metadata(path).unwrap().mode() & 0o777
    }

    /// R38: file and directory are private, also when they were not before.
    #[test]
    fn what_is_saved_is_private() {
        let root = tempfile::tempdir().unwrap();
        let path = root.path().join("a/b/file.json");
        save(&path, b"one").unwrap();
        assert_eq!((mode(path.parent().unwrap()), mode(&path)), (0o700, 0o600));
        fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
        fs::set_permissions(path.parent().unwrap(), fs::Permissions::from_mode(0o755)).unwrap();
        save(&path, b"two, longer").unwrap();
        assert_eq!((mode(path.parent().unwrap()), mode(&path)), (0o700, 0o600));
        assert_eq!(fs::read(&path).unwrap(), b"two, longer");
    }

    #[test]
    fn more_room_than_content_leaves_no_trace() {
        let root = tempfile::tempdir().unwrap();
        let path = root.path().join("file");
        Save::prepare(&path, 4096, &lock())
            .unwrap()
            .finish(b"short")
            .unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"short");
    }

    /// R44: a link that somebody made on purpose stays.
    #[test]
    fn a_link_stays_and_its_target_is_replaced() {
        let root = tempfile::tempdir().unwrap();
        let (target, link) = (root.path().join("target"), root.path().join("link"));
        fs::write(&target, "old").unwrap();
        symlink(&target, &link).unwrap();
        save(&link, b"new").unwrap();
        assert!(link.is_symlink());
        assert_eq!(fs::read(&target).unwrap(), b"new");
        fs::remove_file(&target).unwrap();
        assert!(save(&link, b"newer").is_err());
    }

    /// R44: a link to a file of another user is not followed.
    #[test]
    fn a_link_to_a_file_of_another_user_is_refused() {
        let root = tempfile::tempdir().unwrap();
        let (target, link) = (root.path().join("target"), root.path().join("link"));
        fs::write(&target, "theirs").unwrap();
        symlink(&target, &link).unwrap();
        // Only root can give a file away.
        if std::os::unix::fs::chown(&target, Some(54_321), None).is_ok() {
            let error = save(&link, b"ours").unwrap_err();
            assert_eq!(error.kind(), io::ErrorKind::PermissionDenied);
            assert_eq!(fs::read(&target).unwrap(), b"theirs");
        }
    }

    #[test]
    fn the_directory_of_a_links_target_is_left_as_it_is() {
        let root = tempfile::tempdir().unwrap();
        let (theirs, ours) = (root.path().join("theirs"), root.path().join("ours"));
        for directory in [&theirs, &ours] {
            fs::create_dir(directory).unwrap();
            fs::set_permissions(directory, fs::Permissions::from_mode(0o755)).unwrap();
        }
        fs::write(theirs.join("file"), "old").unwrap();
        symlink(theirs.join("file"), ours.join("file")).unwrap();
        save(&ours.join("file"), b"new").unwrap();
        assert_eq!(mode(&theirs), 0o755);
    }

    /// R101: the next save removes what a killed one has left.
    #[test]
    fn leftovers_of_a_killed_save_are_cleared() {
        let root = tempfile::tempdir().unwrap();
        let leftover = root.path().join(format!("{PREFIX}x"));
        fs::write(&leftover, "half").unwrap();
        drop(Save::prepare(&root.path().join("file"), 1, &lock()).unwrap());
        assert_eq!(fs::read_dir(root.path()).unwrap().count(), 0);
    }
}
