//! Storage of the secret part of a credential: in its file, or in the system keyring.

use std::path::{Path, PathBuf};

use serde_json::{Map, Value, json};

use crate::formats::escape;
use crate::formats::json::Object;
use crate::secret::SecretValue;
use crate::system::keychain::{Access, Keychain, KeychainError, SystemKeychain, hex_start};

/// The service of our keyring items.
const SERVICE: &str = "amika";
/// The member of a file with the account of the keyring item that has the secret part.
const MEMBER: &str = "keyring";

/// The storage of the secret part of a credential.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum CredentialBackend {
    /// In the file, readable by you alone
    File,
    /// In the system keyring; the file refers to it
    Keyring,
}

impl CredentialBackend {
    /// Reads the storage from the content of a file.
    pub(crate) fn from_file(object: &Object<'_>) -> Self {
        if object.has(MEMBER) {
            Self::Keyring
        } else {
            Self::File
        }
    }
}

/// The keyring with the secret part is locked, or is not the one used before.
#[derive(Debug, thiserror::Error)]
pub(crate) enum KeyringUnavailable {
    #[error("it is stored in the system keyring, which has no such item here")]
    NoItem,
    #[error("it is stored in the system keyring, which cannot be read: {0}")]
    Keychain(#[from] KeychainError),
}

/// The secret part was stored in the file, because the selected keyring could not store it.
#[derive(Debug, thiserror::Error)]
#[error(
    "the system keyring cannot store it ({reason}); it was stored in {}, readable only by you",
    escape::path(file)
)]
pub(crate) struct StoredInFile {
    file: PathBuf,
    reason: KeychainError,
}

/// The keyring item that belongs to one file.
pub(crate) struct Item {
    keychain: SystemKeychain,
    account: String,
}

impl Item {
    /// Each directory has its own items, with a hash of its real path in their account.
    pub(crate) fn for_file(file: &Path, access: &Access) -> Self {
        let directory = file.parent().unwrap_or(Path::new("."));
        let directory = directory.canonicalize().unwrap_or_else(|_| directory.to_owned());
        let name = file.file_name().unwrap_or_default().to_string_lossy();
        let hash = hex_start(directory.as_os_str().as_encoded_bytes(), 16);
        Self {
            keychain: SystemKeychain::new(access.clone()),
            account: format!("{name}|{hash}"),
        }
    }

    pub(crate) fn read(&self) -> Result<SecretValue, KeyringUnavailable> {
        let item = self.keychain.read(SERVICE, &self.account)?;
        item.ok_or(KeyringUnavailable::NoItem)
    }

    pub(crate) fn delete(&self) -> Result<(), KeychainError> {
        self.keychain.delete(SERVICE, &self.account)
    }
}

/// Stores the secret part in the file with `into_file`, or in the keyring. If the keyring cannot store
/// it, it is stored in the file.
pub(crate) fn store_secret(
    backend: CredentialBackend,
    file: &Path,
    access: &Access,
    fields: &mut Map<String, Value>,
    secret: &SecretValue,
    into_file: impl FnOnce(&mut Map<String, Value>),
) -> Option<StoredInFile> {
    let was_in_keyring = fields.remove(MEMBER).is_some();
    let Item { keychain, account } = Item::for_file(file, access);
    if backend == CredentialBackend::File {
        if was_in_keyring {
            // An item that cannot be deleted is no longer used.
            let _ = keychain.delete(SERVICE, &account);
        }
        into_file(fields);
        return None;
    }
    match keychain.write(SERVICE, &account, secret) {
        Ok(()) => {
            fields.insert(MEMBER.to_owned(), json!(account));
            None
        }
        Err(reason) => {
            into_file(fields);
            let file = file.to_owned();
            Some(StoredInFile { file, reason })
        }
    }
}
