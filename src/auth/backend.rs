//! Where the secret part of a stored credential is: in its file, or in the system's keyring.

use std::path::Path;

use serde_json::{Map, Value, json};

use crate::formats::escape;
use crate::formats::json::Object;
use crate::secret::SecretValue;
use crate::system::keychain::{Access, Keychain, Lookup, SystemKeychain, hex_start};

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

/// The keyring that holds the secret part does not give it: it is locked, or is another one.
#[derive(Debug, thiserror::Error)]
#[error("it is stored in the system keyring, which {0}")]
pub(crate) struct KeyringUnavailable(String);

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
        match self.keychain.read(SERVICE, &self.account) {
            Lookup::Found(secret) => Ok(secret),
            Lookup::Absent => Err(KeyringUnavailable("has no such item here".to_owned())),
            Lookup::Unreadable(reason) => Err(KeyringUnavailable(reason)),
        }
    }

    pub(crate) fn delete(&self) -> Result<(), String> {
        self.keychain.delete(SERVICE, &self.account)
    }
}

/// Puts the secret part where it belongs; `into_file` is how it goes into the file. The text says
/// why it went there although the keyring was asked for.
pub(crate) fn keep(
    keeper: CredentialBackend,
    file: &Path,
    access: &Access,
    fields: &mut Map<String, Value>,
    secret: &SecretValue,
    into_file: impl FnOnce(&mut Map<String, Value>),
) -> Option<String> {
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
            Some(format!(
                "the system keyring cannot store it ({reason}); it was stored in {}, readable only by you",
                escape::path(file)
            ))
        }
    }
}
