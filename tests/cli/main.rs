//! Runs the real binary against the in-process vault.
#![expect(clippy::unwrap_used, reason = "a failed unwrap fails the test")]

#[cfg(target_os = "linux")]
mod action;
mod api;
#[cfg(unix)]
mod asking;
mod auth;
mod batch;
mod broken_stores;
mod canary;
mod check;
#[cfg(target_os = "linux")]
mod completions;
mod contract;
mod credential;
mod delete;
mod env_files;
mod extract;
mod input;
#[cfg(target_os = "linux")]
mod install;
#[cfg(target_os = "linux")]
mod job;
#[cfg(target_os = "linux")]
mod keyring;
#[cfg(unix)]
mod new_login;
#[cfg(target_os = "linux")]
mod nginx;
#[cfg(unix)]
mod outcomes;
mod process;
#[cfg(unix)]
mod prompt;
mod provider;
mod proxy;
mod push;
mod push_notices;
#[cfg(target_os = "linux")]
mod recipes;
mod recovery;
mod refresh;
#[cfg(target_os = "linux")]
mod release;
mod replace;
#[cfg(unix)]
mod replace_signals;
mod sandbox;
#[cfg(target_os = "linux")]
mod save;
#[cfg(unix)]
mod screen;
mod structure;
#[cfg(target_os = "linux")]
mod suite;
#[cfg(unix)]
mod tables;
#[cfg(unix)]
mod terminal;
#[cfg(target_os = "linux")]
mod tls;
#[cfg(target_os = "linux")]
mod trust;
mod usage;
mod values;
#[cfg(windows)]
mod windows;
mod withheld;

#[path = "../support/mod.rs"]
mod support;
