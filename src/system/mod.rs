//! Everything that asks the operating system: environment, files, locks, signals, browser, keychain.

pub mod atomic_file;
pub mod browser;
pub mod env;
pub mod file;
pub mod hardening;
pub mod keychain;
pub mod lock;
pub mod signals;
