//! The real binary against the in-process vault, as a user would meet it.
//!
//! Tests that need a home of their own run where `HOME` says what that is.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on shall stop")]

#[cfg(target_os = "linux")]
mod also;
#[cfg(target_os = "linux")]
mod amp;
mod api;
#[cfg(unix)]
mod auth;
mod batch;
mod canary;
mod check;
#[cfg(unix)]
mod claude;
#[cfg(unix)]
mod codex;
#[cfg(target_os = "linux")]
mod completions;
mod contract;
#[cfg(unix)]
mod credential;
mod delete;
mod env_files;
#[cfg(unix)]
mod extract;
mod guarantees;
mod input;
#[cfg(target_os = "linux")]
mod install;
#[cfg(target_os = "linux")]
mod job;
#[cfg(target_os = "linux")]
mod keyring;
#[cfg(unix)]
mod mistakes;
#[cfg(target_os = "linux")]
mod nginx;
#[cfg(unix)]
mod opencode;
mod outcomes;
mod process;
#[cfg(unix)]
mod prompt;
#[cfg(unix)]
mod provider;
mod proxy;
mod push;
#[cfg(unix)]
mod push_notices;
#[cfg(unix)]
mod recovery;
#[cfg(unix)]
mod redaction;
#[cfg(unix)]
mod refresh;
#[cfg(unix)]
mod replace;
#[cfg(unix)]
mod replace_signals;
mod sandbox;
#[cfg(target_os = "linux")]
mod save;
mod silence;
#[cfg(unix)]
mod tables;
#[cfg(unix)]
mod terminal;
#[cfg(target_os = "linux")]
mod tls;
#[cfg(target_os = "linux")]
mod trust;
mod usage;
#[cfg(unix)]
mod zoo;

#[path = "../support/mod.rs"]
mod support;
