//! Directories and files that only this user controls. On Windows, the access control list of the
//! user's profile protects them.

use std::fs::{self, Metadata};
use std::io::{self, Write};
use std::path::Path;

use crate::error::{Error, Kind, Result};
use crate::formats::{escape, shell};

/// What to do if the directory of the credential files cannot be used.
pub(crate) const ELSEWHERE: &str =
    "set AMIKA_STATE_DIRECTORY to a directory of your own, or use AMIKA_API_KEY";

/// Accepts a file or directory that belongs to this user or root and that only its owner can write to,
/// or one that does not exist. For a link, both the link and its target are checked.
pub(crate) fn check(path: &Path) -> Result<()> {
    /// The mode bit of directories like `/tmp`.
    const STICKY: u32 = 0o1000;
    let shown = escape::path(path);
    let refuse = |message: String| Error::new(Kind::State, message);
    let link = match path.symlink_metadata() {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => {
            let message = format!("{shown} cannot be examined (owner {})", owner(path));
            return Err(refuse(message).because(error).hint(ELSEWHERE));
        }
        Ok(link) => link,
    };
    let is_link = link.is_symlink();
    for metadata in [Some(link), path.metadata().ok()].into_iter().flatten() {
        let (uid, mode) = owner_and_mode(&metadata);
        let owner = owner_name(uid);
        if uid != own_uid() && uid != 0 {
            let message = format!("{shown} belongs to another user ({owner}), so it is not used");
            return Err(refuse(message).hint(ELSEWHERE));
        }
        if !metadata.is_symlink() && mode & 0o022 != 0 {
            let message = format!("{shown} is writable by other users (owner {owner}), so it is not used");
            // Other users may need write access to /tmp, to a device or to the target of a link.
            let is_shared = is_link || mode & STICKY != 0 || !(metadata.is_file() || metadata.is_dir());
            return Err(refuse(message).hint(if is_shared || uid != own_uid() {
                ELSEWHERE.to_owned()
            } else {
                format!("run `chmod go-w {}`", shell::path(path, None))
            }));
        }
    }
    Ok(())
}

/// Refuses the home directory of another user, which `sudo` may leave in `HOME`.
pub(crate) fn check_home(home: &Path) -> Result<()> {
    if is_mine(home).unwrap_or(true) {
        return Ok(());
    }
    let message = format!(
        "under sudo, nothing is written to {}, which belongs to another user ({})",
        escape::path(home),
        owner(home)
    );
    let hint = "run it without sudo, or with `sudo -H` to use root's own login";
    Err(Error::new(Kind::State, message).hint(hint))
}

/// Whether other users may access a file.
pub(crate) fn is_exposed(path: &Path) -> bool {
    fs::metadata(path).is_ok_and(|metadata| owner_and_mode(&metadata).1 & 0o077 != 0)
}

/// Creates a file with mode 0600, which must not exist.
pub(crate) fn write_private(path: &Path, content: &[u8]) -> io::Result<()> {
    let mut file = fs::File::create_new(path)?;
    #[cfg(unix)]
    make_file_private(&file)?;
    file.write_all(content)?;
    file.sync_all()
}

/// Whether a file or directory belongs to this user.
pub(crate) fn is_mine(path: &Path) -> io::Result<bool> {
    Ok(owner_and_mode(&fs::metadata(path)?).0 == own_uid())
}

/// The owner of the closest part of the path that can be examined, for a message.
pub(crate) fn owner(path: &Path) -> String {
    let mut seen = path.ancestors().filter_map(|path| path.symlink_metadata().ok());
    seen.next().map_or_else(
        || "unknown".to_owned(),
        |metadata| owner_name(owner_and_mode(&metadata).0),
    )
}

/// Creates a directory with mode 0700 and the missing ones above it, or sets that mode on one of this
/// user. The modes do not depend on the umask.
pub(crate) fn make_private(directory: &Path) -> io::Result<()> {
    let missing: Vec<_> = directory
        .ancestors()
        .take_while(|directory| !directory.as_os_str().is_empty() && !directory.exists())
        .collect();
    for directory in missing.into_iter().rev() {
        match create_private(directory) {
            // Another process created it first.
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            created => created?,
        }
    }
    if is_mine(directory)? && is_exposed(directory) {
        set_private(directory)?;
    }
    Ok(())
}

#[cfg(unix)]
fn create_private(directory: &Path) -> io::Result<()> {
    use std::os::unix::fs::DirBuilderExt;
    fs::DirBuilder::new().mode(0o700).create(directory)?;
    set_private(directory)
}

#[cfg(unix)]
fn set_private(directory: &Path) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    fs::set_permissions(directory, fs::Permissions::from_mode(0o700))
}

/// Lets only this user read and write an open file, whatever the umask is.
#[cfg(unix)]
pub(crate) fn make_file_private(file: &fs::File) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    file.set_permissions(fs::Permissions::from_mode(0o600))
}

#[cfg(unix)]
fn own_uid() -> u32 {
    rustix::process::geteuid().as_raw()
}

#[cfg(unix)]
fn owner_and_mode(metadata: &Metadata) -> (u32, u32) {
    use std::os::unix::fs::MetadataExt;
    (metadata.uid(), metadata.mode())
}

/// The owner of a file, for a message.
fn owner_name(uid: u32) -> String {
    if cfg!(unix) {
        format!("uid {uid}")
    } else {
        "unknown".to_owned()
    }
}

#[cfg(not(unix))]
fn create_private(directory: &Path) -> io::Result<()> {
    fs::create_dir(directory)
}

#[cfg(not(unix))]
#[expect(clippy::unnecessary_wraps, reason = "it can fail on Unix")]
fn set_private(_: &Path) -> io::Result<()> {
    Ok(())
}

#[cfg(not(unix))]
#[expect(clippy::unnecessary_wraps, reason = "it can fail on Unix")]
pub(crate) fn make_file_private(_: &fs::File) -> io::Result<()> {
    Ok(())
}

#[cfg(not(unix))]
fn own_uid() -> u32 {
    0
}

#[cfg(not(unix))]
fn owner_and_mode(_: &Metadata) -> (u32, u32) {
    (0, 0o700)
}
