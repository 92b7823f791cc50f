//! The Secret Service, on Linux and every Unix except macOS.

use std::sync::LazyLock;

use dbus_secret_service_keyring_store::Store;

/// Whether the Secret Service could be made the default store.
static CONNECTED: LazyLock<bool> = LazyLock::new(|| {
    Store::new()
        .map(|store| keyring_core::set_default_store(store))
        .is_ok()
});

/// Whether the Secret Service may be available; without a session bus it is not.
pub(super) fn is_available() -> bool {
    *CONNECTED
}

/// Items are found by service and account.
pub(super) fn target(_service: &str, _account: &str) -> Option<String> {
    None
}
