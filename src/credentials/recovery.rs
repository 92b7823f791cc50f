//! Keeps a credential's value on this machine while it could be lost: an old one from before it is deleted
//! until the new one is stored, and a new login until it is stored. If the program is killed in between, the
//! value can be pushed again.
//!
//! Each value has a directory `kept-PROVIDER-HASH` in the state directory, described by `amika.json`.
//! An old value is in `value`, byte for byte. For a new login, it is the directory of the tool, which stores
//! the login in a file of its own.

use std::fs::{self, File, TryLockError};
use std::path::{Path, PathBuf};
use std::process;

use serde::{Deserialize, Serialize};

use crate::auth::store::Store;
use crate::error::{Error, Kind, Result};
use crate::formats::shell;
use crate::net::origin::ServerOrigin;
use crate::provider::{CredentialKind, Provider};
use crate::secret::{Scope, SecretValue};
use crate::system::atomic_file::Save;
use crate::system::env::Env;
use crate::system::file;
use crate::system::keychain::hex_start;
use crate::system::lock::Lock;

const PREFIX: &str = "kept-";
const DESCRIPTION: &str = "amika.json";
const VALUE: &str = "value";
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
    pub(crate) path: PathBuf,
    /// `None` if it cannot be read.
    pub(crate) description: Option<Description>,
    /// Its description, locked.
    lock: Option<File>,
}

impl KeptValue {
    /// Saves a description with the old value, or alone for a new login that the tool will store; exit 8 if
    /// that fails.
    pub(crate) async fn create(
        env: &Env,
        provider: &Provider,
        description: Description,
        old_value: Option<&SecretValue>,
    ) -> Result<Self> {
        let store = Store::require(env)?;
        let lock = store.lock().await?;
        let (owner, file) = match old_value {
            // The same for a second try, which replaces what the first one kept.
            Some(_) => (format!("{}\n{}", description.id, description.api_url), VALUE),
            None => (
                format!("{}\n{}", process::id(), (env.now)()),
                provider.login_file_name(),
            ),
        };
        let directory = format!("{PREFIX}{}-{}", provider.id, hex_start(owner.as_bytes(), 16));
        let directory = store.directory.join(directory);
        if is_in_use(&directory) {
            let message = "another amika process is replacing this credential";
            return Err(Error::new(Kind::State, message).hint("try again when it has ended"));
        }
        let described = serde_json::to_vec_pretty(&description).unwrap_or_default();
        let value = old_value.map(|value| (VALUE, value.expose_secret().as_bytes()));
        let contents = [(DESCRIPTION, described.as_slice())].into_iter().chain(value);
        let saved = || -> anyhow::Result<()> {
            for (name, content) in contents {
                Save::prepare(&directory.join(name), content.len(), &lock)?.finish(content)?;
            }
            // So that the directory survives a loss of power.
            #[cfg(unix)]
            File::open(&store.directory)?.sync_all()?;
            Ok(())
        };
        if let Err(error) = saved() {
            // The value of a first try stays, because its deletion may still be carried out.
            if !directory.join(file).is_file() {
                let _ = fs::remove_dir_all(&directory);
            }
            let message = "the credential cannot be kept on this machine";
            return Err(Error::new(Kind::State, message)
                .because(error)
                .hint("set AMIKA_STATE_DIRECTORY to a writable directory with free space"));
        }
        let described = File::open(directory.join(DESCRIPTION)).ok();
        Ok(Self {
            path: directory.join(file),
            description: Some(description),
            lock: described.filter(|file| file.try_lock().is_ok()),
        })
    }

    /// The value at a path from the command line and its description, if it is a kept value.
    pub(crate) fn at(path: &Path, env: &Env) -> Option<(Self, Description)> {
        let path = path.canonicalize().ok()?;
        let directory = path.parent()?;
        let is_own = directory.file_name()?.to_str()?.starts_with(PREFIX)
            && directory.parent()? == Store::locate(env)?.directory.canonicalize().ok()?
            && path.file_name()? != DESCRIPTION;
        let description = is_own.then(|| describe(directory))??;
        let kept = Self {
            path,
            description: Some(description.clone()),
            lock: None,
        };
        Some((kept, description))
    }

    /// The value that an ended process left in `directory`.
    fn left_in(directory: &Path, provider: &Provider) -> Option<Self> {
        if is_in_use(directory) {
            return None;
        }
        let paths = [VALUE, provider.login_file_name()].map(|name| directory.join(name));
        let path = paths.into_iter().find(|path| path.is_file());
        if path.is_none()
            && let Some(_no_process_creates_it) = Lock::try_now(directory.parent()?)
            && !is_in_use(directory)
        {
            // The process was killed before there was a value.
            let _ = fs::remove_dir_all(directory);
        }
        Some(Self {
            path: path?,
            description: describe(directory),
            lock: None,
        })
    }

    pub(crate) fn directory(&self) -> &Path {
        self.path.parent().unwrap_or(Path::new(""))
    }

    /// The command to push it. Name, type and scope are read from its description.
    pub(crate) fn push_command(&self, provider: &Provider, env: &Env) -> String {
        let path = shell::path(&self.path, None);
        let command = format!("amika secret {} push --from-file {path}", provider.id);
        let origin = ServerOrigin::from_env(env).map(|origin| origin.to_string());
        let api_url = self.description.as_ref().map(|description| &description.api_url);
        match api_url.filter(|url| origin.is_ok_and(|origin| origin != **url)) {
            Some(url) => shell::with_variable("AMIKA_API_URL", url, &command),
            None => command,
        }
    }

    /// The command to remove it.
    pub(crate) fn removal_command(&self) -> String {
        let command = if cfg!(windows) {
            "Remove-Item -Recurse"
        } else {
            "rm -r"
        };
        format!("{command} {}", shell::path(self.directory(), None))
    }

    /// Removes it: the value first, while the lock keeps other processes from reporting it. The next command
    /// reports what cannot be removed.
    pub(crate) fn remove(self) {
        let _ = fs::remove_file(&self.path);
        drop(self.lock);
        let _ = self.path.parent().map(fs::remove_dir_all);
    }
}

/// The values for this provider that earlier commands left behind.
pub(crate) fn left_behind(env: &Env, provider: &Provider) -> Vec<KeptValue> {
    let state = Store::locate(env).map(|store| fs::read_dir(store.directory));
    let directories = state.into_iter().flatten().flatten().flatten();
    let prefix = format!("{PREFIX}{}-", provider.id);
    let mut left: Vec<_> = directories
        .filter(|directory| directory.file_name().to_string_lossy().starts_with(&prefix))
        .filter_map(|directory| KeptValue::left_in(&directory.path(), provider))
        .collect();
    left.sort_by(|one, other| one.path.cmp(&other.path));
    left
}

/// Whether a running process keeps a value there.
fn is_in_use(directory: &Path) -> bool {
    let description = File::open(directory.join(DESCRIPTION));
    description.is_ok_and(|file| matches!(file.try_lock(), Err(TryLockError::WouldBlock)))
}

fn describe(directory: &Path) -> Option<Description> {
    let content = file::read_bounded(&directory.join(DESCRIPTION), MAX_DESCRIPTION).ok()?;
    serde_json::from_slice(&content).ok()
}
