//! A backup of a credential's value on this machine, from before it is deleted until the new one is
//! stored. If the program is killed in between, the value can be restored.
//!
//! A backup is two files in the state directory: `credential-HASH.value` contains the value byte for
//! byte, `credential-HASH.json` describes it. A hash is used because ids may exceed `NAME_MAX`.

use std::fs::{self, File};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::api::NewCredential;
use crate::auth::store::Store;
use crate::error::{Error, Kind, Result};
use crate::formats::{escape, shell};
use crate::provider::{CredentialKind, Provider};
use crate::secret::Scope;
use crate::system::atomic_file::Save;
use crate::system::env::Env;
use crate::system::file;
use crate::system::keychain::hex_start;

const PREFIX: &str = "credential-";
const VALUE: &str = "value";
/// Maximum size of a description, in bytes.
const MAX_DESCRIPTION: u64 = 1024 * 1024;

/// The description of a backup, without the value.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Description {
    pub(crate) provider: String,
    pub(crate) id: String,
    pub(crate) name: String,
    #[serde(rename = "type")]
    pub(crate) kind: CredentialKind,
    pub(crate) scope: Scope,
    pub(crate) api_url: String,
}

/// A backup. Its file is locked while it is in use, so that no other process reports it.
#[derive(Debug)]
pub(crate) struct Kept {
    value: PathBuf,
    _lock: Option<File>,
}

impl Kept {
    /// Saves the value of the credential `id` and syncs it to disk; exit 8 if that fails.
    pub(crate) async fn save(
        env: &Env,
        provider: &Provider,
        id: &str,
        api_url: &str,
        backup: &NewCredential,
    ) -> Result<Self> {
        let nothing_deleted = |error: Error| {
            let message = format!(
                "the old credential cannot be saved on this machine ({error:#}); nothing was deleted"
            );
            Error::new(Kind::State, message)
                .hint("set AMIKA_STATE_DIRECTORY to a writable directory with free space")
        };
        let store = Store::locate(env).ok_or_else(|| {
            nothing_deleted(Error::new(
                Kind::State,
                "HOME and AMIKA_STATE_DIRECTORY are not set",
            ))
        })?;
        let lock = store.lock().await.map_err(nothing_deleted)?;
        let description = Description {
            provider: provider.id.to_owned(),
            id: id.to_owned(),
            name: backup.name.clone(),
            kind: backup.kind,
            scope: backup.scope,
            api_url: api_url.to_owned(),
        };
        let value = store.directory().join(file_name(provider, id, api_url));
        let described = serde_json::to_vec_pretty(&description).unwrap_or_default();
        let contents = [
            (value.with_extension("json"), described.as_slice()),
            (value.clone(), backup.value.expose_secret().as_bytes()),
        ];
        for (path, content) in contents {
            let saved = Save::prepare(&path, content.len(), &lock).and_then(|save| save.finish(content));
            if let Err(error) = saved {
                remove(&value);
                let error = Error::new(Kind::State, escape::path(&path)).because(error);
                return Err(nothing_deleted(error));
            }
        }
        let in_use = File::open(&value).ok().filter(|file| file.try_lock().is_ok());
        drop(lock);
        Ok(Self { value, _lock: in_use })
    }

    /// Opens the backup given on the command line, with its description.
    pub(crate) fn at(path: &Path) -> Option<(Self, Description)> {
        let name = path.file_name()?.to_str()?;
        if !name.starts_with(PREFIX) || path.extension()? != VALUE {
            return None;
        }
        let description = describe(path)?;
        let value = path.to_owned();
        Some((Self { value, _lock: None }, description))
    }

    pub(crate) fn path(&self) -> &Path {
        &self.value
    }

    /// Removes the files after the credential is restored or replaced.
    pub(crate) fn remove(self) {
        remove(&self.value);
    }
}

/// The backups for this provider that earlier commands left behind.
pub(crate) fn left_behind(env: &Env, provider: &Provider) -> Vec<(PathBuf, Option<Description>)> {
    let Some(store) = Store::locate(env) else {
        return Vec::new();
    };
    let entries = fs::read_dir(store.directory()).into_iter().flatten().flatten();
    let mut left: Vec<_> = entries
        .map(|entry| entry.path())
        .filter(|path| {
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            name.starts_with(PREFIX) && path.extension().is_some_and(|extension| extension == VALUE)
        })
        .filter(|path| !is_in_use(path))
        .map(|path| (path.clone(), describe(&path)))
        .filter(|(_, description)| {
            let other = |description: &Description| description.provider != provider.id;
            !description.as_ref().is_some_and(other)
        })
        .collect();
    left.sort_by(|one, other| one.0.cmp(&other.0));
    left
}

/// The command to restore a backup. Name, type and scope are read from its description.
pub(crate) fn command(provider: &Provider, path: &Path, api_url: Option<&str>) -> String {
    let path = shell::path(path, None);
    let command = format!("amika secret {} push --from-file {path}", provider.id);
    match api_url {
        Some(url) => shell::with_variable("AMIKA_API_URL", url, &command),
        None => command,
    }
}

fn file_name(provider: &Provider, id: &str, api_url: &str) -> String {
    let replaced = format!("{}\n{id}\n{api_url}", provider.id);
    format!("{PREFIX}{}.{VALUE}", hex_start(replaced.as_bytes(), 16))
}

fn describe(value: &Path) -> Option<Description> {
    let content = file::read_bounded(&value.with_extension("json"), MAX_DESCRIPTION).ok()?;
    serde_json::from_slice(&content).ok()
}

/// Whether a running process has locked the file.
fn is_in_use(path: &Path) -> bool {
    let is_file = path.symlink_metadata().is_ok_and(|metadata| metadata.is_file());
    is_file && File::open(path).is_ok_and(|file| matches!(file.try_lock(), Err(fs::TryLockError::WouldBlock)))
}

/// Removes the value first, because a description alone is not reported as a backup.
fn remove(value: &Path) {
    // The next command reports a file that cannot be removed.
    let _ = fs::remove_file(value);
    let _ = fs::remove_file(value.with_extension("json"));
}
