//! The Keychain of macOS, and the Secret Service of other Unix systems.

/// Whether the store could be opened.
pub(super) fn is_available() -> bool {
    keyring::Entry::store_status().is_ok()
}

/// Items are found by service and account.
pub(super) fn target(_service: &str, _account: &str) -> Option<String> {
    None
}
