//! Whether a file or directory is under the control of this user alone.

use std::path::{Path, PathBuf};

use crate::formats::{escape, shell};

/// A file or directory that another user controls.
#[cfg_attr(
    not(unix),
    expect(dead_code, reason = "only Unix files have an owner and a mode")
)]
#[derive(Debug, thiserror::Error)]
pub(crate) enum Untrusted {
    #[error("{} belongs to another user ({owner}), so it is not used", escape::path(path))]
    OtherOwner { path: PathBuf, owner: String },
    #[error(
        "{} is writable by other users (owner {owner}), so it is not used",
        escape::path(path)
    )]
    WritableByOthers { path: PathBuf, owner: String },
}

impl Untrusted {
    /// How to fix the ownership or permissions.
    pub(crate) fn hint(&self) -> String {
        match self {
            Self::OtherOwner { .. } => {
                "set AMIKA_STATE_DIRECTORY to a directory of your own, or use AMIKA_API_KEY".to_owned()
            }
            Self::WritableByOthers { path, .. } => {
                format!("run 'chmod go-w {}'", shell::path(path, None))
            }
        }
    }
}

/// Accepts a directory that belongs to this user or root and that only its owner can write to, or one
/// that does not exist.
#[cfg(unix)]
pub(crate) fn check_directory(path: &Path) -> Result<(), Untrusted> {
    use std::os::unix::fs::MetadataExt;
    check_file(path)?;
    match std::fs::metadata(path) {
        Ok(metadata) if metadata.is_dir() && metadata.mode() & 0o022 != 0 => {
            Err(Untrusted::WritableByOthers {
                path: path.to_owned(),
                owner: owner_name(metadata.uid()),
            })
        }
        _ => Ok(()),
    }
}

/// Accepts a file that belongs to this user or root, or one that does not exist. For a link, both the
/// link and its target are checked.
#[cfg(unix)]
pub(crate) fn check_file(path: &Path) -> Result<(), Untrusted> {
    use std::os::unix::fs::MetadataExt;
    let own = rustix::process::geteuid().as_raw();
    for metadata in [path.symlink_metadata(), path.metadata()].into_iter().flatten() {
        let uid = metadata.uid();
        if uid != own && uid != 0 {
            return Err(Untrusted::OtherOwner {
                path: path.to_owned(),
                owner: owner_name(uid),
            });
        }
    }
    Ok(())
}

/// The user's name, or the numeric ID if the user is unknown.
#[cfg(unix)]
fn owner_name(uid: u32) -> String {
    let users = std::fs::read_to_string("/etc/passwd").unwrap_or_default();
    let name = users.lines().find_map(|line| {
        let mut fields = line.split(':');
        let name = fields.next()?;
        (fields.nth(1)? == uid.to_string()).then_some(name)
    });
    name.map_or_else(
        || format!("uid {uid}"),
        |name| format!("{}, uid {uid}", escape::escape(name)),
    )
}

/// On Windows the access control list of the user's profile protects the state directory.
#[cfg(not(unix))]
#[expect(clippy::unnecessary_wraps, reason = "it can fail on Unix")]
pub(crate) fn check_directory(_: &Path) -> Result<(), Untrusted> {
    Ok(())
}

#[cfg(not(unix))]
#[expect(clippy::unnecessary_wraps, reason = "it can fail on Unix")]
pub(crate) fn check_file(_: &Path) -> Result<(), Untrusted> {
    Ok(())
}
