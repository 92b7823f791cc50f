//! Where the secret part of a stored credential is: in its file, or in the system's keyring.

use std::path::{Path, PathBuf};

use serde_json::{Map, Value, json};

use crate::formats::escape;
use crate::formats::json::Object;
use crate::secret::SecretValue;
use crate::system::keychain::{Access, Keychain, KeychainError, SystemKeychain, hex_start};

/// The service of our keyring items.
const SERVICE: &str = "amika";
/// The member of a file whose secret part is in the keyring; its value is the item's account.
const MEMBER: &str = "keyring";

/// Where the secret part of a credential is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum CredentialBackend {
    /// In the file, readable by you alone
    File,
    /// In the system's keyring; the file says so
    Keyring,
}

impl CredentialBackend {
    /// As the file says.
    pub(crate) fn of(object: &Object<'_>) -> Self {
        if object.has(MEMBER) {
            Self::Keyring
        } else {
            Self::File
        }
    }
}

/// The keyring that holds the secret part is locked, or is another one than before.
#[derive(Debug, thiserror::Error)]
pub(crate) enum KeyringUnavailable {
    #[error("it is stored in the system keyring, which has no such item here")]
    NoItem,
    #[error("it is stored in the system keyring, which {0}")]
    Keychain(#[from] KeychainError),
}

/// The secret part was stored in the file, because the keyring that was chosen did not take it.
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
    /// Each directory has items of its own, named by a hash of its real path.
    pub(crate) fn of(file: &Path, access: &Access) -> Self {
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

/// Puts the secret part where it belongs; `into_file` is how it goes into the file, which is also
/// where it is stored if the keyring does not take it.
pub(crate) fn keep(
    keeper: CredentialBackend,
    file: &Path,
    access: &Access,
    fields: &mut Map<String, Value>,
    secret: &SecretValue,
    into_file: impl FnOnce(&mut Map<String, Value>),
) -> Option<StoredInFile> {
    let was_in_keyring = fields.remove(MEMBER).is_some();
    let Item { keychain, account } = Item::of(file, access);
    if keeper == CredentialBackend::File {
        if was_in_keyring {
            // An item that is left behind is not used any more.
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
