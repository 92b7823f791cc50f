//! Codex: one login, in the store that its `config.toml` selects.
//!
//! Facts from running Codex 0.169.0: `$CODEX_HOME` (default `~/.codex`) holds `config.toml` and
//! `auth.json`; `cli_auth_credentials_store` is `file` when unset. A keyring item is used only when
//! the setting selects it, and belongs to one home: its account is a hash of the home's real path.

use std::path::{Path, PathBuf};

use serde::Deserialize;

use super::scan::{Document, Scan};
use super::{Place, ProviderName};
use crate::formats::json::Object;
use crate::system::env::Platform;
use crate::system::keychain::hex_start;

/// What of the configuration decides where the login is.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Config {
    cli_auth_credentials_store: Option<String>,
    features: Features,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Features {
    secret_auth_storage: Option<bool>,
}

pub(crate) fn login(scan: &mut Scan<'_>) {
    let Some(home) = scan.env.path("CODEX_HOME").or_else(|| scan.below_home(".codex")) else {
        return;
    };
    let config = config(scan, &home);
    let encrypts = config.features.secret_auth_storage;
    let encrypts = encrypts.unwrap_or(scan.env.platform == Platform::Windows);
    let encrypted = home.join("secrets").join("codex_auth.age");
    let file = home.join("auth.json");
    match config.cli_auth_credentials_store.as_deref() {
        Some("ephemeral") => {
            scan.notice("Codex is set to keep its login in memory only, so there is none to read".to_owned());
        }
        Some("keyring" | "auto") if encrypts && encrypted.is_file() => explain_encrypted(scan, encrypted),
        Some("keyring") if encrypts => {}
        Some("keyring") => {
            in_keyring(scan, &home);
        }
        Some("auto") if !encrypts && in_keyring(scan, &home) => {}
        other => {
            if other.is_some_and(|store| !matches!(store, "file" | "auto")) {
                let place = Place::File(home.join("config.toml"));
                let reason = "`cli_auth_credentials_store` is no store that is known".to_owned();
                scan.problem(place, reason);
            }
            if !in_file(scan, &file) && encrypted.is_file() {
                explain_encrypted(scan, encrypted);
            }
        }
    }
}

/// The configuration; when it cannot be read, that is said, and Codex's defaults hold.
fn config(scan: &mut Scan<'_>, home: &Path) -> Config {
    let Some(document) = scan.settings_file(&home.join("config.toml")) else {
        return Config::default();
    };
    let parsed = toml::from_str(document.body()).map(Some).map_err(|error| {
        // The error's own text shows the line, which may hold a key.
        let before = error.span().and_then(|span| document.body().get(..span.start));
        let line = before.map_or(1, |before| before.matches('\n').count() + 1);
        format!("line {line} is not as expected")
    });
    scan.usable(&document.place, parsed).unwrap_or_default()
}

/// `true` when the file is there, whatever it holds: then it is what Codex uses.
fn in_file(scan: &mut Scan<'_>, path: &Path) -> bool {
    let document = scan.file(path);
    document.is_some_and(|document| {
        login_in(scan, &document);
        true
    })
}

/// `true` when the keyring has an item for this home.
fn in_keyring(scan: &mut Scan<'_>, home: &Path) -> bool {
    let Ok(real) = home.canonicalize() else {
        return false;
    };
    let account = format!("cli|{}", hex_start(real.as_os_str().as_encoded_bytes(), 16));
    let item = scan.item("Codex Auth", &account);
    item.ok().flatten().is_some_and(|item| {
        login_in(scan, &item);
        true
    })
}

fn explain_encrypted(scan: &mut Scan<'_>, path: PathBuf) {
    let place = Place::File(path).shown(scan.env.home.as_deref());
    scan.notice(format!(
        "Codex keeps its login encrypted in {place}, which only Codex can read; set \
         cli_auth_credentials_store = \"file\" in its config.toml and run 'codex login' again"
    ));
}

fn login_in(scan: &mut Scan<'_>, document: &Document) {
    let place = &document.place;
    let Some(object) = scan.object(document) else {
        return;
    };
    let Some(mode) = mode(scan, place, &object) else {
        return;
    };
    match mode.as_str() {
        "apikey" => {
            if let Some(key) = scan.usable(place, object.string("OPENAI_API_KEY")) {
                scan.keep_key(place, ProviderName::openai(), key);
            }
        }
        "chatgpt" | "chatgptAuthTokens" => {
            let tokens = scan.usable(place, object.object("tokens"));
            let token = tokens.and_then(|tokens| scan.usable(place, tokens.string("access_token")));
            if let Some(token) = token {
                scan.keep_token(place, ProviderName::openai(), token, document.whole());
            }
        }
        other => {
            let how = match other {
                "personalAccessToken" => "a personal access token",
                "bedrockApiKey" | "bedrockAccessKeys" => "keys for Amazon Bedrock",
                "agentIdentity" => "an agent identity",
                "headers" => "headers of its own",
                _ => "a method that amika does not know",
            };
            let place = place.shown(scan.env.home.as_deref());
            scan.notice(format!(
                "Codex is signed in with {how} ({place}), which is neither an OpenAI API key nor a \
                 ChatGPT login; push it under a name of its own with 'amika secret push NAME'"
            ));
        }
    }
}

/// How Codex is signed in: what the file says, else the first of what it holds.
fn mode(scan: &mut Scan<'_>, place: &Place, object: &Object<'_>) -> Option<String> {
    match object.string("auth_mode") {
        Ok(Some(mode)) => return Some(mode.expose_secret().to_owned()),
        Ok(None) => {}
        Err(reason) => {
            scan.problem(place.clone(), reason);
            return None;
        }
    }
    let members = [
        ("personal_access_token", "personalAccessToken"),
        ("bedrock_api_key", "bedrockApiKey"),
        ("bedrock_access_keys", "bedrockAccessKeys"),
    ];
    let held = members.iter().find(|(member, _)| object.has(member));
    if let Some((_, mode)) = held {
        return Some((*mode).to_owned());
    }
    // An empty key says as little as none.
    let key = scan.usable(place, object.string("OPENAI_API_KEY"));
    Some(if key.is_some() { "apikey" } else { "chatgpt" }.to_owned())
}
