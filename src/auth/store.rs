//! The two files with the CLI's own credentials. Other programs by Amika also read and write them, so
//! their location, names and format are fixed, and unknown members are kept.
//!
//! On request, the secret members are stored in an item of the system keyring, and the file refers to
//! it. Only this module knows where they are.

use std::borrow::Cow;
use std::fs;
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use serde_json::{Map, Value, json};
use zeroize::Zeroizing;

use super::source::{CredentialSource, is_sendable};
use crate::error::{Error, Kind, Result};
use crate::formats::json::{JsonError, Object, TimeError};
use crate::formats::{escape, shell};
use crate::secret::SecretValue;
use crate::system::atomic_file::{Save, leftovers, remove_leftovers};
use crate::system::env::Env;
use crate::system::file::{self, FileError};
use crate::system::keychain::{Keychain, KeychainError, SystemKeychain, hex_start};
use crate::system::lock::Lock;
use crate::system::private;

/// The files, with the source that each belongs to.
const FILES: [(CredentialSource, &str); 2] = [
    (CredentialSource::StoredApiKey, "api-key.json"),
    (CredentialSource::Session, "workos-session.json"),
];
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
    directory: PathBuf,
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
#[error("{}: {problem}", escape::path(path))]
pub(crate) struct StoreError {
    path: PathBuf,
    problem: ContentError,
}

/// The messages continue a sentence that begins with the name of the file.
#[derive(Debug, thiserror::Error)]
enum ContentError {
    #[error(transparent)]
    File(#[from] FileError),
    #[error("{0}")]
    Invalid(&'static str),
    #[error(transparent)]
    Json(#[from] JsonError),
    #[error("has no `{0}`")]
    Missing(&'static str),
    #[error("has an `expires_at` {0}")]
    Expiry(#[from] TimeError),
    #[error("it is stored in the system keyring, which has no such item here")]
    NoItem,
    #[error("it is stored in the system keyring, which cannot be read: {0}")]
    Keychain(#[from] KeychainError),
}

impl StoreError {
    /// Whether the credential may be readable later, or with another keyring.
    pub(crate) fn is_temporary(&self) -> bool {
        matches!(self.problem, ContentError::NoItem | ContentError::Keychain(_))
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
            if !is_sendable(&key) {
                return Err(ContentError::Invalid(
                    "`key` contains spaces or invalid characters",
                ));
            }
            let api_url = plain(file, "api_url")?;
            Ok(ApiKey { key, api_url })
        })
    }

    /// Reads the login session.
    pub(crate) fn session(&self) -> StoredResult<Session> {
        self.read(CredentialSource::Session, |file, secrets, backend| {
            Ok(Session {
                access_token: required(secrets.string("access_token")?, "access_token")?,
                refresh_token: secrets.string("refresh_token")?,
                expires_at: required(file.time("expires_at")?, "expires_at")?,
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
        parse: impl FnOnce(&Object<'_>, &Object<'_>, CredentialBackend) -> std::result::Result<T, ContentError>,
    ) -> StoredResult<T> {
        let path = self.path(source);
        let read = || {
            let Some(content) = file::read_if_there(&path, MAX_FILE)? else {
                return Ok(None);
            };
            let text = std::str::from_utf8(&content);
            let text = text.map_err(|_| ContentError::Invalid("is not valid UTF-8"))?;
            let file = Object::parse(text)?.ok_or(ContentError::Invalid("is null"))?;
            if !file.has(IN_KEYRING) {
                return parse(&file, &file, CredentialBackend::File).map(Some);
            }
            let item = self.item(source).read()?.ok_or(ContentError::NoItem)?;
            let secrets = Object::parse(item.expose_secret())?.ok_or(ContentError::NoItem)?;
            parse(&file, &secrets, CredentialBackend::Keyring).map(Some)
        };
        read().map_err(|problem| StoreError { path, problem })
    }

    /// The directory of the files.
    pub(crate) fn directory(&self) -> &Path {
        &self.directory
    }

    /// The file of a source. Sources without one get the directory.
    pub(crate) fn path(&self, source: CredentialSource) -> PathBuf {
        let file = FILES.iter().find(|(other, _)| *other == source);
        file.map_or_else(|| self.directory.clone(), |(_, name)| self.directory.join(name))
    }

    fn paths(&self) -> impl Iterator<Item = PathBuf> {
        FILES.iter().map(|(_, name)| self.directory.join(name))
    }

    /// Refuses a directory or file that another user owns or may change, or that cannot be examined.
    pub(crate) fn check_trust(&self) -> Result<()> {
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
        let item = self.item(source);
        if backend == CredentialBackend::Keyring {
            item.prove_writable().map_err(not_in_keyring)?;
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
            item,
        })
    }

    /// Removes both files, even if unreadable, and the keyring items. Returns what was removed, and the
    /// error if something remains.
    pub(crate) fn clear(&self, _lock: &Lock) -> (Vec<Cleared>, Result<()>) {
        let mut cleared = Vec::new();
        let mut remains = Ok(());
        for (source, _) in FILES {
            let path = self.path(source);
            let Ok(metadata) = path.symlink_metadata() else {
                continue;
            };
            let unreadable = match source {
                CredentialSource::Session => is_unreadable(&self.session()),
                _ => is_unreadable(&self.api_key()),
            };
            let item = self.item(source);
            let deleted = match self.read(source, |file, _, _| Ok(file.has(IN_KEYRING))) {
                Ok(Some(false) | None) => Ok(()),
                Ok(Some(true)) => item.delete(),
                Err(error) if error.is_temporary() => item.delete(),
                // The file may refer to an item.
                Err(_) => item.delete().or(Ok(())),
            };
            let removed = fs::remove_file(&path).map_err(|error| {
                let (path, owner) = (escape::path(&path), private::owner(&path));
                Error::new(Kind::State, format!("{path} cannot be removed (owner {owner})")).because(error)
            });
            if removed.is_ok() {
                cleared.push(Cleared {
                    source,
                    unreadable,
                    was_link: metadata.is_symlink(),
                });
            }
            remains = remains
                .and(deleted.map_err(|error| item.not_deleted(error)))
                .and(removed);
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

    /// Each directory has its own items, with a hash of its real path in their account.
    fn item(&self, source: CredentialSource) -> KeyringItem {
        let directory = self.directory.canonicalize();
        let directory = directory.unwrap_or_else(|_| self.directory.clone());
        let path = self.path(source);
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let hash = hex_start(directory.as_os_str().as_encoded_bytes(), 16);
        KeyringItem {
            keychain: self.keychain.clone(),
            account: format!("{name}|{hash}"),
        }
    }
}

/// A credential file that is about to be replaced.
pub(crate) struct PreparedFile {
    save: Save,
    path: PathBuf,
    fields: Map<String, Value>,
    backend: CredentialBackend,
    item: KeyringItem,
}

impl PreparedFile {
    /// Saves an API key.
    pub(crate) fn save_api_key(self, key: &ApiKey, now: Timestamp, lock: &Lock) -> Result<()> {
        let secrets = [("key", Some(key.key.expose_secret()))];
        let now = now.to_string();
        let plain = [("stored_at", Some(&now)), ("api_url", key.api_url.as_ref())];
        self.finish(&secrets, &plain, lock)
    }

    /// Saves a session.
    pub(crate) fn save_session(self, session: &Session, lock: &Lock) -> Result<()> {
        let refresh_token = session.refresh_token.as_ref().map(SecretValue::expose_secret);
        let secrets = [
            ("access_token", Some(session.access_token.expose_secret())),
            ("refresh_token", refresh_token),
        ];
        let expires_at = session.expires_at.to_string();
        let plain = [
            ("user_id", session.user_id.as_ref()),
            ("email", session.email.as_ref()),
            ("organization_id", session.organization_id.as_ref()),
            ("api_url", session.api_url.as_ref()),
            ("expires_at", Some(&expires_at)),
        ];
        self.finish(&secrets, &plain, lock)
    }

    /// Replaces these members; one without a value is removed, because it may be of another person.
    fn finish(
        mut self,
        secrets: &[(&str, Option<&str>)],
        plain: &[(&str, Option<&String>)],
        lock: &Lock,
    ) -> Result<()> {
        let was_in_keyring = self.fields.remove(IN_KEYRING).is_some();
        let in_keyring = self.backend == CredentialBackend::Keyring;
        if in_keyring {
            let item: Map<String, Value> = secrets
                .iter()
                .map(|(name, value)| ((*name).to_owned(), json!(value)))
                .collect();
            let item = SecretValue::new(Value::Object(item).to_string());
            self.item.write(&item).map_err(not_in_keyring)?;
            self.fields
                .insert(IN_KEYRING.to_owned(), json!(self.item.account));
        }
        let secrets = secrets
            .iter()
            .map(|(name, value)| (*name, value.filter(|_| !in_keyring)));
        let plain = plain
            .iter()
            .map(|(name, value)| (*name, value.map(String::as_str)));
        for (name, value) in secrets.chain(plain) {
            match value {
                Some(value) => self.fields.insert(name.to_owned(), json!(value)),
                None => self.fields.remove(name),
            };
        }
        let content = to_bytes(&self.fields);
        // A prepared save can still fail, and the login would be lost, so it is tried once more.
        let saved = self.save.finish(&content);
        saved
            .or_else(|_| Save::prepare(&self.path, content.len(), lock)?.finish(&content))
            .map_err(|error| unsaved(&self.path, error))?;
        if was_in_keyring && !in_keyring {
            // An item that cannot be deleted is no longer used.
            let _ = self.item.delete();
        }
        Ok(())
    }
}

/// The keyring item that belongs to a file.
struct KeyringItem {
    keychain: SystemKeychain,
    account: String,
}

impl KeyringItem {
    fn read(&self) -> std::result::Result<Option<SecretValue>, KeychainError> {
        self.keychain.read(SERVICE, &self.account)
    }

    fn write(&self, secret: &SecretValue) -> std::result::Result<(), KeychainError> {
        self.keychain.write(SERVICE, &self.account, secret)
    }

    fn delete(&self) -> std::result::Result<(), KeychainError> {
        self.keychain.delete(SERVICE, &self.account)
    }

    /// Writes and removes an item of its own, because a refresh token must not be spent if its successor
    /// cannot be stored.
    fn prove_writable(&self) -> std::result::Result<(), KeychainError> {
        let account = format!("{}|probe", self.account);
        let probe = SecretValue::new("probe".to_owned());
        self.keychain.write(SERVICE, &account, &probe)?;
        self.keychain.delete(SERVICE, &account)
    }

    fn not_deleted(&self, error: KeychainError) -> Error {
        let message = format!(
            "the item {SERVICE} ({}) of the system keyring could not be removed",
            self.account
        );
        Error::new(Kind::State, message)
            .because(error)
            .hint("unlock the keyring and remove the item there")
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

fn is_unreadable<T>(read: &StoredResult<T>) -> bool {
    read.as_ref().is_err_and(|error| !error.is_temporary())
}

fn unsaved(path: &Path, error: anyhow::Error) -> Error {
    Error::new(Kind::State, format!("{} cannot be saved", escape::path(path)))
        .because(error)
        .hint("free up space or make it writable, or use AMIKA_API_KEY")
}

fn required<T>(value: Option<T>, name: &'static str) -> std::result::Result<T, ContentError> {
    value.ok_or(ContentError::Missing(name))
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
