//! The Secret Service, on Linux and every other Unix but macOS.

/// Whether there is a Secret Service; without a session bus there is none.
pub(super) fn is_available() -> bool {
    keyring::Entry::store_status().is_ok()
}

/// Items are found by service and account.
pub(super) fn target(_service: &str, _account: &str) -> Option<String> {
    None
}
