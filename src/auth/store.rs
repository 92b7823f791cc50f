//! The two files with the CLI's own credentials. Other programs by Amika also read and write them, so
//! their location, names and format are fixed, and unknown members are kept.
//!
//! On request, the secret members are stored in an item of the system keyring, and the file refers to
//! it. Only this module knows where they are.

use std::borrow::Cow;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, anyhow};
use jiff::Timestamp;
use serde_json::{Map, Value, json};
use zeroize::Zeroizing;

use super::source::{CredentialSource, check_characters};
use crate::error::{Error, Kind, Result};
use crate::formats::json::{JsonError, Object};
use crate::formats::{escape, shell};
use crate::secret::SecretValue;
use crate::system::atomic_file::{Save, leftovers, remove_leftovers};
use crate::system::env::Env;
use crate::system::file;
use crate::system::keychain::{Keychain, KeychainError, SystemKeychain, hex_start};
use crate::system::lock::Lock;
use crate::system::private;

/// The sources that have a file.
const STORED: [CredentialSource; 2] = [CredentialSource::StoredApiKey, CredentialSource::Session];
/// The member of a file that says that its secret members are in the keyring.
const IN_KEYRING: &str = "keyring";
/// The service of the keyring items.
const SERVICE: &str = "amika";
/// Maximum size of a credential file, in bytes.
const MAX_FILE: u64 = 1024 * 1024;
/// Space reserved for a new credential beyond the size of the old one, in bytes.
const ROOM_TO_GROW: usize = 16 * 1024;

/// The directory of the credential files.
#[derive(Debug, Clone)]
pub(crate) struct Store {
    pub(crate) directory: PathBuf,
    keychain: SystemKeychain,
    /// The home directory that contains it, if the program runs under `sudo`.
    sudo_home: Option<PathBuf>,
}

/// The storage of the secret members of a credential.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum CredentialBackend {
    /// In the file, readable by you alone
    File,
    /// In the system keyring; the file refers to it
    Keyring,
}

/// The stored API key.
pub(crate) struct ApiKey {
    pub(crate) key: SecretValue,
    /// The origin it was made for; files of other programs lack it.
    pub(crate) api_url: Option<String>,
}

/// A login session.
#[derive(Debug, Clone)]
pub(crate) struct Session {
    pub(crate) access_token: SecretValue,
    /// Can be used once. Without it, the session ends when its access token expires.
    pub(crate) refresh_token: Option<SecretValue>,
    pub(crate) expires_at: Timestamp,
    pub(crate) user_id: Option<String>,
    pub(crate) email: Option<String>,
    pub(crate) organization_id: Option<String>,
    /// The origin it was made for; files of other programs lack it.
    pub(crate) api_url: Option<String>,
    pub(crate) backend: CredentialBackend,
}

impl Session {
    /// Whose it is, escaped.
    pub(crate) fn account(&self) -> Cow<'_, str> {
        self.email
            .as_deref()
            .map_or_else(|| "an account without an email address".into(), escape::escape)
    }
}

/// Why a stored credential cannot be read. The message names the file and the member, and never quotes
/// the content.
#[derive(Debug, thiserror::Error)]
#[error("{}: {problem:#}", escape::path(path))]
pub(crate) struct StoreError {
    path: PathBuf,
    problem: anyhow::Error,
}

impl StoreError {
    /// Whether the credential may be readable later, or with another keyring.
    pub(crate) fn is_temporary(&self) -> bool {
        self.problem.is::<KeychainError>()
    }
}

impl From<StoreError> for Error {
    fn from(error: StoreError) -> Self {
        Self::new(Kind::Credential, error.to_string())
    }
}

/// `None` if there is no file.
pub(crate) type StoredResult<T> = std::result::Result<Option<T>, StoreError>;

/// A file removed by `logout`.
pub(crate) struct Cleared {
    pub(crate) source: CredentialSource,
    /// Whether it could not be read.
    pub(crate) unreadable: bool,
    /// Whether it was a link, whose target is still there.
    pub(crate) was_link: bool,
}

impl Store {
    /// Uses `$AMIKA_STATE_DIRECTORY`, or `$XDG_STATE_HOME/amika`, or `~/.local/state/amika`, on every
    /// platform.
    pub(crate) fn locate(env: &Env) -> Option<Self> {
        let directory = match env.path("AMIKA_STATE_DIRECTORY") {
            Some(path) => path,
            None => env.xdg_directory("XDG_STATE_HOME", ".local/state")?.join("amika"),
        };
        let home = env.home.as_ref().filter(|home| directory.starts_with(home));
        Some(Self {
            sudo_home: home.filter(|_| env.is_set("SUDO_UID")).cloned(),
            directory,
            keychain: SystemKeychain::from_env(env),
        })
    }

    /// As [`locate`](Self::locate), for commands that require the directory.
    pub(crate) fn require(env: &Env) -> Result<Self> {
        Self::locate(env).ok_or_else(|| {
            Error::new(Kind::State, "there is no home directory to store a credential in")
                .hint("set HOME or AMIKA_STATE_DIRECTORY, or use AMIKA_API_KEY")
        })
    }

    /// Reads the stored API key.
    pub(crate) fn api_key(&self) -> StoredResult<ApiKey> {
        self.read(CredentialSource::StoredApiKey, |file, secrets, _| {
            let key = required(secrets.string("key")?, "key")?;
            let key = SecretValue::new(key.expose_secret().trim().to_owned());
            Ok(ApiKey {
                key: check_characters(key, "`key`")?,
                api_url: plain(file, "api_url")?,
            })
        })
    }

    /// Reads the login session.
    pub(crate) fn session(&self) -> StoredResult<Session> {
        self.read(CredentialSource::Session, |file, secrets, backend| {
            let expires_at = file.time("expires_at");
            let expires_at = expires_at.map_err(|error| anyhow!("has an `expires_at` {error}"))?;
            Ok(Session {
                access_token: required(secrets.string("access_token")?, "access_token")?,
                refresh_token: secrets.string("refresh_token")?,
                expires_at: required(expires_at, "expires_at")?,
                user_id: plain(file, "user_id")?,
                email: plain(file, "email")?,
                organization_id: plain(file, "organization_id")?,
                api_url: plain(file, "api_url")?,
                backend,
            })
        })
    }

    /// Reads a file. `parse` gets the file, and the object that has its secret members.
    fn read<T>(
        &self,
        source: CredentialSource,
        parse: impl FnOnce(&Object<'_>, &Object<'_>, CredentialBackend) -> anyhow::Result<T>,
    ) -> StoredResult<T> {
        let path = self.path(source);
        let read = || {
            let Some(content) = file::read_if_there(&path, MAX_FILE)? else {
                return Ok(None);
            };
            let text = std::str::from_utf8(&content).ok();
            let file = Object::parse(text.context("is not valid UTF-8")?)?.context("is null")?;
            if !file.has(IN_KEYRING) {
                return parse(&file, &file, CredentialBackend::File).map(Some);
            }
            let item = self.keychain.read(SERVICE, &self.account(source));
            // A keychain that cannot be reached counts as empty.
            let absent = || self.keychain.unreachable().unwrap_or(KeychainError::NoItem);
            let item = item
                .and_then(|item| item.ok_or_else(absent))
                .context("it is stored in the system keyring, which cannot be read")?;
            let secrets = Object::parse(item.expose_secret())?.context("is null")?;
            parse(&file, &secrets, CredentialBackend::Keyring).map(Some)
        };
        read().map_err(|problem| StoreError { path, problem })
    }

    /// The file of a stored credential.
    pub(crate) fn path(&self, source: CredentialSource) -> PathBuf {
        self.directory.join(match source {
            CredentialSource::Session => "workos-session.json",
            _ => "api-key.json",
        })
    }

    fn paths(&self) -> impl Iterator<Item = PathBuf> {
        STORED.into_iter().map(|source| self.path(source))
    }

    /// Refuses a directory or file that another user owns or may change, or that cannot be examined.
    pub(crate) fn check_trust(&self) -> Result<()> {
        if self.directory.is_file() {
            let message = format!("{} is not a directory", escape::path(&self.directory));
            return Err(Error::new(Kind::State, message).hint(private::ELSEWHERE));
        }
        let mut paths = std::iter::once(self.directory.clone()).chain(self.paths());
        paths.try_for_each(|path| private::check(&path))
    }

    /// As [`check_trust`](Self::check_trust), for a command that changes the directory.
    pub(crate) fn check_change(&self) -> Result<()> {
        if let Some(home) = &self.sudo_home {
            private::check_home(home)?;
        }
        self.check_trust()
    }

    /// Waits for the lock that every change of the directory needs, and removes leftovers of a killed
    /// save.
    pub(crate) async fn lock(&self) -> Result<Lock> {
        self.check_change()?;
        let lock = Lock::wait(&self.directory).await?;
        remove_leftovers(&self.directory, &lock);
        Ok(lock)
    }

    /// Removes leftovers of a killed save, unless a save is in progress.
    pub(crate) fn remove_leftovers(&self) {
        if leftovers(&self.directory).is_empty() || self.check_trust().is_err() {
            return;
        }
        if let Some(lock) = Lock::try_now(&self.directory) {
            remove_leftovers(&self.directory, &lock);
        }
    }

    /// Performs the steps of a save that are likely to fail, before the credential exists.
    pub(crate) fn prepare(
        &self,
        source: CredentialSource,
        backend: CredentialBackend,
        lock: &Lock,
    ) -> Result<PreparedFile> {
        let path = self.path(source);
        let (keychain, account) = (self.keychain.clone(), self.account(source));
        // A refresh token must not be spent if its successor cannot be stored.
        if backend == CredentialBackend::Keyring {
            let probe = format!("{account}|probe");
            let written = keychain.set(SERVICE, &probe, Some(&SecretValue::new("probe".to_owned())));
            let removed = written.and_then(|()| keychain.set(SERVICE, &probe, None));
            removed.map_err(not_in_keyring)?;
        }
        let content = file::read_if_there(&path, MAX_FILE).ok().flatten();
        let fields = content.and_then(|content| serde_json::from_slice(&content).ok());
        let fields: Map<String, Value> = fields.unwrap_or_default();
        let room = to_bytes(&fields).len() + ROOM_TO_GROW;
        let save = Save::prepare(&path, room, lock).map_err(|error| unsaved(&path, error))?;
        Ok(PreparedFile {
            save,
            path,
            fields,
            backend,
            keychain,
            account,
        })
    }

    /// Removes both files, even if unreadable, and the keyring items. Returns what was removed, and the
    /// error if something remains.
    pub(crate) fn clear(&self, _lock: &Lock) -> (Vec<Cleared>, Result<()>) {
        let mut cleared = Vec::new();
        let mut remains = Ok(());
        for source in STORED {
            let path = self.path(source);
            let Ok(metadata) = path.symlink_metadata() else {
                continue;
            };
            let read = match source {
                CredentialSource::Session => self.session().map(drop),
                _ => self.api_key().map(drop),
            };
            let account = self.account(source);
            let delete = || self.keychain.set(SERVICE, &account, None);
            let deleted = match self.read(source, |file, _, _| Ok(file.has(IN_KEYRING))) {
                Ok(Some(false) | None) => Ok(()),
                // A file with another fault may refer to an item, but need not.
                Err(error) if !error.is_temporary() => delete().or(Ok(())),
                Ok(Some(true)) | Err(_) => delete(),
            };
            let deleted = deleted.map_err(|error| {
                let item = format!("the item {SERVICE} ({account}) of the system keyring");
                let error = Error::new(Kind::State, format!("{item} could not be removed")).because(error);
                error.hint("unlock the keyring and remove the item there")
            });
            let removed = fs::remove_file(&path).map_err(|error| {
                let (path, owner) = (escape::path(&path), private::owner(&path));
                Error::new(Kind::State, format!("{path} cannot be removed (owner {owner})")).because(error)
            });
            if removed.is_ok() {
                cleared.push(Cleared {
                    source,
                    unreadable: read.is_err_and(|error| !error.is_temporary()),
                    was_link: metadata.is_symlink(),
                });
            }
            remains = remains.and(deleted).and(removed);
        }
        (cleared, remains)
    }

    /// Whether there is anything that [`clear`](Self::clear) would remove.
    pub(crate) fn is_empty(&self) -> bool {
        !self.paths().any(|path| path.symlink_metadata().is_ok())
    }

    /// Warnings about files that others may read, with the command to fix them.
    pub(crate) fn exposed(&self) -> impl Iterator<Item = String> {
        let open = self.paths().filter(|path| private::is_exposed(path));
        open.map(|path| {
            let shown = escape::path(&path);
            if path.is_symlink() {
                return format!("{shown} is a link to a file that other users can read");
            }
            let path = shell::path(&path, None);
            format!("{shown} is readable by other users; run `chmod 600 {path}`")
        })
    }

    /// The account of a keyring item. Each directory has its own items, with a hash of its real path.
    fn account(&self, source: CredentialSource) -> String {
        let directory = self.directory.canonicalize();
        let directory = directory.unwrap_or_else(|_| self.directory.clone());
        let path = self.path(source);
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let hash = hex_start(directory.as_os_str().as_encoded_bytes(), 16);
        format!("{name}|{hash}")
    }
}

/// A credential file that is about to be replaced.
pub(crate) struct PreparedFile {
    save: Save,
    path: PathBuf,
    fields: Map<String, Value>,
    backend: CredentialBackend,
    keychain: SystemKeychain,
    /// The account of the keyring item.
    account: String,
}

impl PreparedFile {
    /// Saves an API key.
    pub(crate) fn save_api_key(self, key: &ApiKey, now: Timestamp, lock: &Lock) -> Result<()> {
        let secrets = [("key", json!(key.key.expose_secret()))];
        let plain = [("stored_at", json!(now)), ("api_url", json!(key.api_url))];
        self.finish(&secrets, &plain, lock)
    }

    /// Saves a session.
    pub(crate) fn save_session(self, session: &Session, lock: &Lock) -> Result<()> {
        let refresh_token = session.refresh_token.as_ref().map(SecretValue::expose_secret);
        let secrets = [
            ("access_token", json!(session.access_token.expose_secret())),
            ("refresh_token", json!(refresh_token)),
        ];
        let plain = [
            ("user_id", json!(session.user_id)),
            ("email", json!(session.email)),
            ("organization_id", json!(session.organization_id)),
            ("api_url", json!(session.api_url)),
            ("expires_at", json!(session.expires_at)),
        ];
        self.finish(&secrets, &plain, lock)
    }

    /// Replaces these members; one that is null is removed, because it may be of another person. With the
    /// keyring, the secret ones are not in the file.
    fn finish(mut self, secrets: &[(&str, Value)], plain: &[(&str, Value)], lock: &Lock) -> Result<()> {
        let was_in_keyring = self.fields.remove(IN_KEYRING).is_some();
        let in_keyring = self.backend == CredentialBackend::Keyring;
        for (name, value) in secrets.iter().chain(plain) {
            match value {
                Value::Null => self.fields.remove(*name),
                value => self.fields.insert((*name).to_owned(), value.clone()),
            };
        }
        if in_keyring {
            let item: Value = secrets.iter().cloned().collect();
            let item = SecretValue::new(item.to_string());
            let written = self.keychain.set(SERVICE, &self.account, Some(&item));
            written.map_err(not_in_keyring)?;
            for (name, _) in secrets {
                self.fields.remove(*name);
            }
            self.fields.insert(IN_KEYRING.to_owned(), json!(self.account));
        }
        let content = to_bytes(&self.fields);
        // A prepared save can still fail, and the login would be lost, so it is tried once more.
        let saved = self.save.finish(&content);
        saved
            .or_else(|_| Save::prepare(&self.path, content.len(), lock)?.finish(&content))
            .map_err(|error| unsaved(&self.path, error))?;
        if was_in_keyring && !in_keyring {
            // An item that cannot be deleted is no longer used.
            let _ = self.keychain.set(SERVICE, &self.account, None);
        }
        Ok(())
    }
}

fn not_in_keyring(error: KeychainError) -> Error {
    Error::new(
        Kind::State,
        "the system keyring cannot store the credential; nothing was stored",
    )
    .because(error)
    .hint("unlock the keyring, or choose --store file to store it in a file that only you can read")
}

fn unsaved(path: &Path, error: anyhow::Error) -> Error {
    Error::new(Kind::State, format!("{} cannot be saved", escape::path(path)))
        .because(error)
        .hint("free up space or make it writable, or use AMIKA_API_KEY")
}

fn required<T>(value: Option<T>, name: &str) -> anyhow::Result<T> {
    value.with_context(|| format!("has no `{name}`"))
}

/// A member that is not secret.
fn plain(object: &Object<'_>, name: &str) -> std::result::Result<Option<String>, JsonError> {
    Ok(object.string(name)?.map(|text| text.expose_secret().to_owned()))
}

fn to_bytes(fields: &Map<String, Value>) -> Zeroizing<Vec<u8>> {
    let mut bytes = serde_json::to_vec_pretty(fields).unwrap_or_default();
    bytes.push(b'\n');
    Zeroizing::new(bytes)
}
