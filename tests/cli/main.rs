//! The real binary against the in-process vault, as a user would meet it.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on shall stop")]

mod api;
mod auth;
#[cfg(unix)]
mod credential;
mod delete;
mod extract;
mod input;
#[cfg(target_os = "linux")]
mod keyring;
mod outcomes;
mod process;
mod provider;
mod proxy;
mod push;
mod refresh;
mod replace;
mod sandbox;
#[cfg(target_os = "linux")]
mod save;
#[cfg(unix)]
mod terminal;
#[cfg(target_os = "linux")]
mod tls;
mod zoo;

#[path = "../support/mod.rs"]
mod support;
