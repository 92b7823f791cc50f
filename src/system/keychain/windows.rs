//! The Credential Manager of Windows.

/// Whether the store could be opened.
pub(super) fn is_available() -> bool {
    keyring::Entry::store_status().is_ok()
}

/// Claude Code names its items `service/account` (Claude Code 2.1.330 under Wine); the libraries
/// of other tools name theirs `account.service`, which is the default.
pub(super) fn target(service: &str, account: &str) -> Option<String> {
    service
        .starts_with("Claude Code")
        .then(|| format!("{service}/{account}"))
}
