//! A credential's value on this machine while it is in the vault only or nowhere else: that of an old
//! credential from before it is deleted until the new one is stored, and a new login until it is stored. If
//! the program is killed in between, the value can be pushed again.
//!
//! An old value is two files in the state directory: `credential-HASH.value` contains the value byte for
//! byte, `credential-HASH.json` describes it. A hash is used because ids may exceed `NAME_MAX`. A new login is
//! in `login-PROVIDER-RANDOM/`, the directory of its tool, with its description in `amika.json`.

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
use crate::system::private::{make_private, write_private};

const PREFIX: &str = "credential-";
const VALUE: &str = "value";
/// Start of the names of the directories with a new login, and the description in each.
const LOGIN_PREFIX: &str = "login-";
const LOGIN_DESCRIPTION: &str = "amika.json";
/// Maximum size of a description, in bytes.
const MAX_DESCRIPTION: u64 = 1024 * 1024;

/// The description of a value, without the value itself.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Description {
    pub(crate) provider: String,
    /// The id of an old credential; empty for a new login.
    pub(crate) id: String,
    pub(crate) name: String,
    #[serde(rename = "type")]
    pub(crate) kind: CredentialKind,
    pub(crate) scope: Scope,
    pub(crate) api_url: String,
}

/// A value on this machine. It is locked while it is in use, so that no other process reports it.
#[derive(Debug)]
pub(crate) struct KeptValue {
    value: PathBuf,
    _lock: Option<File>,
}

impl KeptValue {
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
        let state_lock = store.lock().await.map_err(nothing_deleted)?;
        let description = Description {
            provider: provider.id.to_owned(),
            id: id.to_owned(),
            name: backup.name.clone(),
            kind: backup.kind,
            scope: backup.scope,
            api_url: api_url.to_owned(),
        };
        let value = store.directory.join(file_name(provider, id, api_url));
        let described = serde_json::to_vec_pretty(&description).unwrap_or_default();
        let contents = [
            (value.with_extension("json"), described.as_slice()),
            (value.clone(), backup.value.expose_secret().as_bytes()),
        ];
        for (path, content) in contents {
            let saved =
                Save::prepare(&path, content.len(), &state_lock).and_then(|save| save.finish(content));
            if let Err(error) = saved {
                remove(&value);
                let error = Error::new(Kind::State, escape::path(&path)).because(error);
                return Err(nothing_deleted(error));
            }
        }
        Ok(Self::locked(value))
    }

    /// Creates the directory of a new login, which its tool will store there.
    pub(crate) fn for_login(state: &Path, provider: &Provider, description: &Description) -> Result<Self> {
        let created = tempfile::Builder::new()
            .prefix(&format!("{LOGIN_PREFIX}{}-", provider.id))
            .tempdir_in(state)
            .and_then(|created| {
                make_private(created.path())?;
                let described = serde_json::to_vec_pretty(description).unwrap_or_default();
                write_private(&created.path().join(LOGIN_DESCRIPTION), &described)?;
                Ok(created.keep())
            });
        let directory = created.map_err(|error| {
            let message = format!(
                "no directory for the login can be created in {}",
                escape::path(state)
            );
            Error::new(Kind::State, message)
                .because(error)
                .hint("set AMIKA_STATE_DIRECTORY to a writable directory with free space")
        })?;
        Ok(Self::locked(directory.join(provider.login_file_name())))
    }

    fn locked(value: PathBuf) -> Self {
        let file = locked_file(&value).filter(|file| file.try_lock().is_ok());
        Self { value, _lock: file }
    }

    /// The directory of a new login.
    pub(crate) fn directory(&self) -> &Path {
        self.value.parent().unwrap_or(Path::new(""))
    }

    /// Opens the value given on the command line, with its description.
    pub(crate) fn at(path: &Path) -> Option<(Self, Description)> {
        let name = path.file_name()?.to_str()?;
        let is_old_value =
            name.starts_with(PREFIX) && path.extension().is_some_and(|extension| extension == VALUE);
        if !is_old_value && login_directory(path).is_none() {
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

/// The values for this provider that earlier commands left behind.
pub(crate) fn left_behind(env: &Env, provider: &Provider) -> Vec<(PathBuf, Option<Description>)> {
    let Some(store) = Store::locate(env) else {
        return Vec::new();
    };
    let mut left = Vec::new();
    for entry in fs::read_dir(&store.directory).into_iter().flatten().flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        let is_login = name.starts_with(&format!("{LOGIN_PREFIX}{}-", provider.id));
        let mut value = entry.path();
        let is_old =
            name.starts_with(PREFIX) && value.extension().is_some_and(|extension| extension == VALUE);
        if is_login {
            value.push(provider.login_file_name());
        } else if !is_old || !entry.file_type().is_ok_and(|kind| kind.is_file()) {
            continue;
        }
        if is_in_use(&value) {
            continue;
        }
        if !value.is_file() {
            // The tool was killed before it had stored a login.
            remove(&value);
            continue;
        }
        let description = describe(&value);
        if description
            .as_ref()
            .is_none_or(|kept| kept.provider == provider.id)
        {
            left.push((value, description));
        }
    }
    left.sort_by(|one, other| one.0.cmp(&other.0));
    left
}

/// The command to push a value that was left behind. Name, type and scope are read from its description.
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

/// The directory of a new login; `None` if the value is an old one.
pub(crate) fn login_directory(value: &Path) -> Option<&Path> {
    let directory = value.parent()?;
    let name = directory.file_name()?.to_string_lossy();
    (name.starts_with(LOGIN_PREFIX) && directory.join(LOGIN_DESCRIPTION).is_file()).then_some(directory)
}

/// The command to remove a value that was left behind.
pub(crate) fn removal(value: &Path) -> String {
    let (command, path) = match (login_directory(value), cfg!(windows)) {
        (Some(directory), false) => ("rm -r", directory),
        (Some(directory), true) => ("Remove-Item -Recurse", directory),
        (None, false) => ("rm", value),
        (None, true) => ("Remove-Item", value),
    };
    format!("{command} {}", shell::path(path, None))
}

fn description_of(value: &Path) -> PathBuf {
    match login_directory(value) {
        Some(directory) => directory.join(LOGIN_DESCRIPTION),
        None => value.with_extension("json"),
    }
}

fn describe(value: &Path) -> Option<Description> {
    let content = file::read_bounded(&description_of(value), MAX_DESCRIPTION).ok()?;
    serde_json::from_slice(&content).ok()
}

/// The file that is locked while a value is in use: its description, because the tool may replace the file
/// of a login.
fn locked_file(value: &Path) -> Option<File> {
    File::open(description_of(value)).ok()
}

/// Whether a running process has locked the value.
fn is_in_use(value: &Path) -> bool {
    locked_file(value).is_some_and(|file| matches!(file.try_lock(), Err(fs::TryLockError::WouldBlock)))
}

/// Removes the value first, because a description alone is not reported.
fn remove(value: &Path) {
    // The next command reports what cannot be removed.
    if let Some(directory) = login_directory(value) {
        let _ = fs::remove_dir_all(directory);
    } else {
        let _ = fs::remove_file(value);
        let _ = fs::remove_file(value.with_extension("json"));
    }
}
