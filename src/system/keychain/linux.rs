//! The Secret Service, on Linux and every other Unix but macOS.

use std::sync::LazyLock;

use dbus_secret_service_keyring_store::Store;

/// Whether the Secret Service could be made the default store.
static CONNECTED: LazyLock<bool> = LazyLock::new(|| {
    Store::new()
        .map(|store| keyring_core::set_default_store(store))
        .is_ok()
});

/// Whether there is a Secret Service; without a session bus there is none.
pub(super) fn is_available() -> bool {
    *CONNECTED
}

/// Items are found by service and account.
pub(super) fn target(_service: &str, _account: &str) -> Option<String> {
    None
}
