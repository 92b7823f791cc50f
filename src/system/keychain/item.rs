//! Reading and decoding one item of the platform's own store.

use std::collections::HashMap;

use keyring_core::Error;
use zeroize::Zeroizing;

use super::{ItemResult, KeychainError};
use crate::secret::SecretValue;

/// Whether the platform's store could be opened.
pub(super) fn is_available() -> bool {
    keyring::Entry::store_status().is_ok()
}

#[expect(clippy::disallowed_methods, reason = "other modules use a Keychain")]
pub(super) fn entry(service: &str, account: &str) -> keyring_core::Result<keyring_core::Entry> {
    if !is_available() {
        return Err(Error::NoDefaultStore);
    }
    // On Windows, Claude Code names its items like this (Claude Code 2.1.330 under Wine); the libraries
    // of other tools name theirs `account.service`, which is the default.
    if cfg!(windows) && service.starts_with("Claude Code") {
        let target = format!("{service}/{account}");
        let modifiers = HashMap::from([("target", target.as_str())]);
        return keyring_core::Entry::new_with_modifiers(service, account, &modifiers);
    }
    keyring_core::Entry::new(service, account)
}

pub(super) fn read_item(service: &str, account: &str) -> ItemResult {
    match entry(service, account).and_then(|entry| entry.get_secret()) {
        // Several collections may contain the same item: use the first one that can be opened.
        Err(Error::Ambiguous(entries)) => {
            let opened = entries.iter().find_map(|entry| entry.get_secret().ok());
            opened.map_or(Ok(None), text)
        }
        Err(error) => explain(&error).map_or(Ok(None), Err),
        Ok(secret) => text(secret),
    }
}

/// Converts an error by its kind only, because some errors contain the secret. `None` if it says that
/// there is no item or no keychain.
pub(super) fn explain(error: &Error) -> Option<KeychainError> {
    match error {
        Error::NoEntry | Error::NoDefaultStore => None,
        Error::NoStorageAccess(_) => Some(KeychainError::Locked),
        Error::TooLong(_, limit) => Some(KeychainError::TooLong(*limit)),
        _ => Some(KeychainError::Failed),
    }
}

pub(super) fn text(secret: Vec<u8>) -> ItemResult {
    let text = decode(&Zeroizing::new(secret)).ok_or(KeychainError::NotText)?;
    Ok(Some(text))
}

/// UTF-8, or the UTF-16LE that keyring libraries write on Windows.
fn decode(secret: &[u8]) -> Option<SecretValue> {
    let utf8 = std::str::from_utf8(secret).ok();
    if let Some(text) = utf8.filter(|text| !text.contains('\0')) {
        return Some(SecretValue::new(text.to_owned()));
    }
    let (units, []) = secret.as_chunks::<2>() else {
        return None;
    };
    let units: Zeroizing<Vec<u16>> =
        Zeroizing::new(units.iter().map(|pair| u16::from_le_bytes(*pair)).collect());
    String::from_utf16(&units).ok().map(SecretValue::new)
}

pub(super) fn find_accounts(service: &str) -> Vec<String> {
    if !is_available() {
        return Vec::new();
    }
    let found = keyring_core::Entry::search(&HashMap::from([("service", service)]));
    let entries = found.unwrap_or_default();
    let accounts = entries.iter().filter_map(keyring_core::Entry::get_specifiers);
    accounts.map(|(_, account)| account).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_blobs_of_every_platform_are_decoded() {
        let utf16: Vec<u8> = "{\"ü\":1}".encode_utf16().flat_map(u16::to_le_bytes).collect();
        assert_eq!(decode(&utf16).unwrap().expose_secret(), "{\"ü\":1}");
        assert_eq!(
            decode("{\"ü\":1}".as_bytes()).unwrap().expose_secret(),
            "{\"ü\":1}"
        );
        assert!(decode(&[0xff, 0xff, 0xff]).is_none());
        assert!(decode(&[0x00, 0xd8]).is_none());
    }
}
