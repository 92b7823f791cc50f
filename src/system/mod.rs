//! Access to the operating system: environment, files, locks, signals, browser, keychain.

pub(crate) mod atomic_file;
pub(crate) mod browser;
pub(crate) mod env;
pub(crate) mod file;
pub(crate) mod given;
pub(crate) mod hardening;
pub(crate) mod keychain;
pub(crate) mod lock;
pub(crate) mod private;
pub(crate) mod signals;
