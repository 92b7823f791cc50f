//! The two files with the CLI's own credentials. Other programs by Amika also read and write them, so
//! their location, names and format are fixed, and unknown fields are kept.
//!
//! On request, the secret part is stored in the system keyring, and the file refers to it.

mod error;

use std::borrow::Cow;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use serde_json::{Map, Value, json};
use zeroize::Zeroizing;

pub(crate) use self::error::{ContentError, Remainder, StoreError};
use super::backend::{CredentialBackend, Item, KeyringUnavailable, StoredInFile, store_secret};
use super::source::{Source, is_sendable};
use crate::error::{Error, Kind, Result};
use crate::formats::json::{JsonError, Object};
use crate::formats::{escape, shell};
use crate::secret::SecretValue;
use crate::system::atomic_file::{Save, leftovers, remove_leftovers};
use crate::system::env::Env;
use crate::system::file;
use crate::system::keychain::Access;
use crate::system::lock::Lock;
use crate::system::trust;

const API_KEY: &str = "api-key.json";
const SESSION: &str = "workos-session.json";
/// Maximum size of a credential file, in bytes.
const MAX_FILE: u64 = 1024 * 1024;
/// The directory of the credential files.
#[derive(Debug, Clone)]
pub(crate) struct Store {
    directory: PathBuf,
    keychain: Access,
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
    /// The storage of its tokens.
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

/// The reason why a file, or the item that it refers to, contains no credential.
enum Fault {
    Content(ContentError),
    KeyringUnavailable(KeyringUnavailable),
}

impl<T: Into<ContentError>> From<T> for Fault {
    fn from(error: T) -> Self {
        Self::Content(error.into())
    }
}

/// A file removed by `logout`.
pub(crate) struct Cleared {
    pub(crate) source: Source,
    /// Whether it could not be read.
    pub(crate) unreadable: bool,
    /// What remains of the credential.
    pub(crate) remainder: Option<Remainder>,
}

impl Store {
    /// Uses `$AMIKA_STATE_DIRECTORY`, or `$XDG_STATE_HOME/amika`, or `~/.local/state/amika`, on every
    /// platform.
    pub(crate) fn locate(env: &Env) -> Option<Self> {
        let directory = match env.path("AMIKA_STATE_DIRECTORY") {
            Some(path) => path,
            None => env.xdg_directory("XDG_STATE_HOME", ".local/state")?.join("amika"),
        };
        Some(Self {
            directory,
            keychain: Access::from_env(env),
        })
    }

    /// As [`locate`](Self::locate), for commands that require the directory.
    pub(crate) fn require(env: &Env) -> Result<Self> {
        Self::locate(env).ok_or_else(|| {
            Error::new(Kind::State, "there is no home directory to store a credential in")
                .hint("set HOME or AMIKA_STATE_DIRECTORY, or use AMIKA_API_KEY")
        })
    }

    /// Reads the stored API key; `None` if there is no file.
    pub(crate) fn api_key(&self) -> std::result::Result<Option<ApiKey>, StoreError> {
        self.read(API_KEY, |object| {
            let key = match CredentialBackend::from_file(object) {
                CredentialBackend::File => required(object.string("key")?, "key")?,
                CredentialBackend::Keyring => self.item(API_KEY).read().map_err(Fault::KeyringUnavailable)?,
            };
            let key = SecretValue::new(key.expose_secret().trim().to_owned());
            if !is_sendable(&key) {
                return Err(ContentError::Characters("key").into());
            }
            Ok(ApiKey {
                key,
                api_url: plain(object, "api_url")?,
            })
        })
    }

    /// Reads the login session; `None` if there is no file.
    pub(crate) fn session(&self) -> std::result::Result<Option<Session>, StoreError> {
        self.read(SESSION, |object| {
            let backend = CredentialBackend::from_file(object);
            let kept;
            let tokens = if backend == CredentialBackend::Keyring {
                kept = self.item(SESSION).read().map_err(Fault::KeyringUnavailable)?;
                &Object::parse(kept.expose_secret())?.ok_or(ContentError::NoSessionInItem)?
            } else {
                object
            };
            let expires_at = object.time("expires_at")?;
            Ok(Session {
                access_token: required(tokens.string("access_token")?, "access_token")?,
                refresh_token: tokens.string("refresh_token")?,
                expires_at: required(expires_at, "expires_at")?,
                user_id: plain(object, "user_id")?,
                email: plain(object, "email")?,
                organization_id: plain(object, "organization_id")?,
                api_url: plain(object, "api_url")?,
                backend,
            })
        })
    }

    pub(crate) fn api_key_path(&self) -> PathBuf {
        self.directory.join(API_KEY)
    }

    pub(super) fn keychain(&self) -> &Access {
        &self.keychain
    }

    pub(crate) fn session_path(&self) -> PathBuf {
        self.directory.join(SESSION)
    }

    /// Refuses a directory or file of another user, and a directory that others may write to.
    pub(crate) fn check_trust(&self) -> Result<()> {
        trust::check_directory(&self.directory)
            .and_then(|()| trust::check_file(&self.api_key_path()))
            .and_then(|()| trust::check_file(&self.session_path()))
            .map_err(|untrusted| Error::new(Kind::State, untrusted.to_string()).hint(untrusted.hint()))
    }

    /// Waits for the lock of the directory, and removes leftovers of a killed save.
    pub(crate) async fn lock(&self) -> Result<Lock> {
        self.check_trust()?;
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

    /// Stores an API key, in the file if the keyring cannot store it.
    pub(crate) fn save_api_key(
        &self,
        lock: &Lock,
        key: &SecretValue,
        api_url: &str,
        now: Timestamp,
        backend: CredentialBackend,
    ) -> Result<Option<StoredInFile>> {
        let path = self.directory.join(API_KEY);
        let mut fields = stored_fields(&path);
        fields.remove("key");
        let fallback = store_secret(backend, &path, &self.keychain, &mut fields, key, |fields| {
            fields.insert("key".to_owned(), json!(key.expose_secret()));
        });
        fields.insert("stored_at".to_owned(), json!(now.to_string()));
        fields.insert("api_url".to_owned(), json!(api_url));
        let content = to_bytes(&fields);
        Save::prepare(&path, content.len(), lock)
            .and_then(|save| save.finish(&content))
            .map_err(|error| unsaved(&path, error))?;
        Ok(fallback)
    }

    /// The directory of the files.
    pub(crate) fn directory(&self) -> &Path {
        &self.directory
    }

    /// Removes both files, even if unreadable, and our keyring items.
    pub(crate) fn clear(&self, _lock: &Lock) -> Result<Vec<Cleared>> {
        let mut cleared = Vec::new();
        for (file, source) in [(API_KEY, Source::StoredApiKey), (SESSION, Source::Session)] {
            let path = self.directory.join(file);
            let Ok(metadata) = path.symlink_metadata() else {
                continue;
            };
            let mut remainder = metadata.is_symlink().then_some(Remainder::LinkTarget);
            let unreadable = match source {
                Source::Session => is_unreadable(&self.session()),
                _ => is_unreadable(&self.api_key()),
            };
            // An unreadable file may refer to an item.
            let backend = self.read(file, |object| Ok(CredentialBackend::from_file(object)));
            let deleted = match backend {
                Ok(Some(CredentialBackend::File) | None) => Ok(()),
                Ok(Some(CredentialBackend::Keyring)) => self.item(file).delete(),
                Err(_) => self.item(file).delete().or(Ok(())),
            };
            if let Err(reason) = deleted {
                remainder = Some(reason.into());
            }
            fs::remove_file(&path).map_err(|error| {
                let path = escape::path(&path);
                Error::new(Kind::State, format!("{path} cannot be removed")).because(error)
            })?;
            cleared.push(Cleared {
                source,
                unreadable,
                remainder,
            });
        }
        Ok(cleared)
    }

    /// Whether there is anything that [`clear`](Self::clear) would remove.
    pub(crate) fn is_empty(&self) -> bool {
        let there = |file: &&str| self.directory.join(file).symlink_metadata().is_ok();
        ![API_KEY, SESSION].iter().any(there)
    }

    /// Warnings about files that others may read, with the command to fix them.
    pub(crate) fn exposed(&self) -> Vec<String> {
        let paths = [API_KEY, SESSION].map(|file| self.directory.join(file));
        let open = paths.iter().filter(|path| others_may_read(path));
        open.map(|path| {
            format!(
                "{} is readable by other users; run 'chmod 600 {}'",
                escape::path(path),
                shell::path(path, None)
            )
        })
        .collect()
    }

    fn item(&self, file: &str) -> Item {
        Item::for_file(&self.directory.join(file), &self.keychain)
    }

    /// Reads a JSON object. Errors name the file and the member, and never quote the content.
    fn read<T>(
        &self,
        file: &str,
        parse: impl FnOnce(&Object<'_>) -> std::result::Result<T, Fault>,
    ) -> std::result::Result<Option<T>, StoreError> {
        let path = self.directory.join(file);
        let content = match file::read_if_there(&path, MAX_FILE) {
            Ok(Some(content)) => content,
            Ok(None) => return Ok(None),
            Err(error) => {
                let source = error.into();
                return Err(StoreError::Unreadable { path, source });
            }
        };
        let parsed = std::str::from_utf8(&content)
            .map_err(|_| ContentError::NotUtf8.into())
            .and_then(|text| Ok(Object::parse(text)?))
            .and_then(|object| parse(&object.ok_or(ContentError::Null)?));
        parsed.map(Some).map_err(|fault| match fault {
            Fault::Content(source) => StoreError::Unreadable { path, source },
            Fault::KeyringUnavailable(source) => StoreError::KeyringUnavailable { path, source },
        })
    }
}

fn is_unreadable<T>(read: &std::result::Result<T, StoreError>) -> bool {
    matches!(read, Err(StoreError::Unreadable { .. }))
}

#[cfg(unix)]
fn others_may_read(path: &Path) -> bool {
    use std::os::unix::fs::MetadataExt;
    fs::metadata(path).is_ok_and(|metadata| metadata.mode() & 0o077 != 0)
}

/// On other systems, the user's profile is private.
#[cfg(not(unix))]
fn others_may_read(_: &Path) -> bool {
    false
}

pub(super) fn unsaved(path: &Path, error: io::Error) -> Error {
    Error::new(Kind::State, format!("{} cannot be saved", escape::path(path)))
        .because(error)
        .hint("free up space or make it writable, or use AMIKA_API_KEY")
}

/// All members of a file, including those of other programs.
pub(super) fn stored_fields(path: &Path) -> Map<String, Value> {
    let content = file::read_if_there(path, MAX_FILE).ok().flatten();
    let fields = content.and_then(|content| serde_json::from_slice(&content).ok());
    fields.unwrap_or_default()
}

fn required<T>(value: Option<T>, name: &'static str) -> std::result::Result<T, ContentError> {
    value.ok_or(ContentError::Missing(name))
}

/// A member that is not secret.
fn plain(object: &Object<'_>, name: &str) -> std::result::Result<Option<String>, JsonError> {
    Ok(object.string(name)?.map(|text| text.expose_secret().to_owned()))
}

pub(super) fn to_bytes(fields: &Map<String, Value>) -> Zeroizing<Vec<u8>> {
    let mut bytes = serde_json::to_vec_pretty(fields).unwrap_or_default();
    bytes.push(b'\n');
    Zeroizing::new(bytes)
}
