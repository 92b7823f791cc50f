//! The modules of the program except its commands, and the properties that the fuzz targets check.
//! They are included by path, because the program has no library.
#![allow(dead_code, unused_imports, reason = "some code is only used by the commands")]

#[path = "../../src/api/mod.rs"]
mod api;
#[path = "../../src/auth/mod.rs"]
mod auth;
#[path = "../../src/credentials/mod.rs"]
mod credentials;
#[path = "../../src/discover/mod.rs"]
mod discover;
#[path = "../../src/error.rs"]
mod error;
#[path = "../../src/formats/mod.rs"]
mod formats;
#[path = "../../src/net/mod.rs"]
mod net;
#[path = "../../src/provider.rs"]
mod provider;
#[path = "../../src/push/mod.rs"]
mod push;
#[path = "../../src/secret.rs"]
mod secret;
#[path = "../../src/system/mod.rs"]
mod system;
#[path = "../../src/ui/mod.rs"]
mod ui;
#[path = "../../tests/support/properties.rs"]
mod properties;

pub fn env_file(data: &[u8]) {
    properties::env_file(data);
}

pub fn credential_files(data: &[u8]) {
    properties::credential_files(data);
}

pub fn session_file(data: &[u8]) {
    properties::session_file(data);
}

pub fn redaction(data: &[u8]) {
    properties::redaction(data);
}

pub fn escaping(data: &[u8]) {
    properties::escaping(data);
}

pub fn retry_after(data: &[u8]) {
    properties::retry_after(data);
}
