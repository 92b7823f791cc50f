//! Amp: `secrets.json` in its XDG data directory, or the keyring if its settings select it; and the
//! configuration file of older versions.
//!
//! Facts from running Amp 0.0.1790142911: the file maps `apiKey@<url>` to a key or, after an OAuth
//! login, to a JWT. The URL is that of the managed settings, of `AMP_URL`, or of the user's settings, in this
//! order. The default URL may lack the final slash that its entry has; any other URL is used as written. In
//! the keyring, the service is `amp.cli.apiKey` and the account is the host of the URL. With native storage
//! on, a key in the file still goes first. A relative XDG directory is followed. Current versions do not read
//! `~/.amp/config.json`.

use serde_json::json;
use url::Url;

use super::shared::{settle, state_in};
use crate::discover::credential::{LocalCredential, Place, ProviderName, Source};
use crate::discover::layers::{Format, Layers};
use crate::discover::messages;
use crate::discover::overrides::{self, Tool, other_server};
use crate::discover::reader::{Document, Reader};
use crate::discover::report::Report;
use crate::formats::jwt::{self, Expiry};
use crate::provider::CredentialKind;
use crate::secret::SecretValue;

const DEFAULT_URL: &str = "https://ampcode.com/";
const URL: &str = "amp.url";
const KEYRING: &str = "amp.experimental.cli.nativeSecretsStorage.enabled";

const TOOL: Tool = Tool {
    title: "Amp",
    prefixes: &["AMP_"],
    followed: &["AMP_URL", "AMP_SETTINGS_FILE", URL, KEYRING],
    domains: &["ampcode.com"],
    preferences: None,
    project_files: &[".amp/settings.json", ".amp/settings.jsonc"],
};

pub(in crate::discover) fn scan(reader: &Reader<'_>, report: &mut Report) {
    report.about = Source::AMP_SECRETS.holds;
    let layers = settings(reader, report);
    let overrides = overrides::find(&TOOL, reader.env, &layers);
    let url = layers.get(&[URL]).map(|(url, _)| url.as_variable());
    // Only the default address is normalised.
    let url = url.filter(|url| !url.is_empty() && *url != DEFAULT_URL.trim_end_matches('/'));
    let url = url.unwrap_or(DEFAULT_URL.into());
    if let Some(directory) = reader.env.directory_in("XDG_DATA_HOME", ".local/share")
        && let Some(document) = report.store(reader.file(&directory.join("amp/secrets.json")))
    {
        entries(report, &document, &url);
    }
    let is_native = layers.get(&[KEYRING]).is_some_and(|(on, _)| on.is_true());
    let address = Url::parse(&url).ok().filter(|_| is_native);
    if let Some(host) = address.as_ref().and_then(Url::host_str)
        && let Some(item) = report.store(reader.selected_item("amp.cli.apiKey", host))
        && let Some(key) = item.whole()
    {
        add(report, &item, key);
    }
    let server = other_server(&url, TOOL.domains);
    let (is_known, found) = (report.problems.is_empty(), &mut report.credentials);
    settle(found, is_known, overrides.first(), server.as_ref());
    report.overrides.push(overrides);
    old_config(reader, report);
}

/// The settings, the strongest first: the machine's file, the variable with the address, the person's file.
/// A missing `AMP_SETTINGS_FILE` is not a problem.
fn settings(reader: &Reader<'_>, report: &mut Report) -> Layers {
    let mut layers = Layers::default();
    if let Some(file) = reader.machine_path("ampcode/managed-settings.json") {
        layers.file(reader, report, file, Format::JsonWithComments);
    }
    if let Some(url) = reader.env.path("AMP_URL") {
        let setting = SecretValue::new(json!({ URL: url.to_string_lossy() }).to_string());
        let setting = Document::new(Place::Variable("AMP_URL".to_owned()), setting);
        layers.document(report, &setting, Format::Json);
    }
    let directory = reader.env.directory_in("XDG_CONFIG_HOME", ".config");
    let files = ["amp/settings.json", "amp/settings.jsonc"].into_iter();
    let mut files = files.filter_map(|file| Some(directory.as_ref()?.join(file)));
    // Amp reads the first one that exists.
    let first = files.find(|file| file.symlink_metadata().is_ok());
    if let Some(file) = reader.env.path("AMP_SETTINGS_FILE").or(first) {
        layers.file(reader, report, file, Format::JsonWithComments);
    }
    layers
}

/// Adds the key for the URL, and notes every other entry.
fn entries(report: &mut Report, document: &Document, url: &str) {
    let place = &document.place;
    let Some(object) = report.object(document) else {
        return;
    };
    let own = format!("apiKey@{url}");
    // The name contains the URL, which may contain a password, so the message does not repeat it.
    let key = object.string(&own).map_err(|_| "`apiKey@…` is not a string");
    let key = report.usable(place, key);
    let has_key = key.is_some();
    if let Some(key) = key {
        add(report, document, key);
    }
    let refresh_token = format!("oauth-refresh-token@{url}");
    for (index, (name, raw)) in object.members().enumerate() {
        // A refresh token belongs to the key for the same URL.
        let is_known = name == own || name == refresh_token && has_key;
        if is_known || matches!(raw.get(), "null" | "\"\"" | "{}") {
            continue;
        }
        let reason = match name.split_once('@').map(|(kind, _)| kind) {
            Some("apiKey") => "is not the key that Amp uses, which is the one for its URL (see AMP_URL)",
            Some("oauth-refresh-token") => "is a refresh token without its key",
            Some("mcp-oauth-token" | "mcp-oauth-client-secret") => "is for an MCP server",
            _ => "has an unknown type",
        };
        report.skip(place, &messages::entry(name, index), reason);
    }
}

/// Adds a key, or a login, whose token is a JWT.
fn add(report: &mut Report, document: &Document, key: SecretValue) {
    let kind = match jwt::expiry(key.expose_secret().trim()) {
        Expiry::NotAJwt => CredentialKind::ApiKey,
        _ => CredentialKind::OAuth,
    };
    let (place, provider) = (&document.place, ProviderName::AMP);
    report.add(LocalCredential {
        state: state_in(document, TOOL.title),
        ..LocalCredential::new(&Source::AMP_SECRETS, place, provider, kind, key)
    });
}

/// Adds the first key of each provider in `~/.amp/config.json`.
fn old_config(reader: &Reader<'_>, report: &mut Report) {
    const MEMBERS: &str = "anthropicApiKey anthropic_api_key apiKey api_key accessToken access_token token \
                           auth.anthropicApiKey auth.apiKey auth.token anthropic.apiKey anthropic.token";
    report.about = Source::AMP.holds;
    let path = reader.below_home(".amp/config.json");
    let Some(document) = path.and_then(|path| report.store(reader.file(&path))) else {
        return;
    };
    let place = &document.place;
    let Some(object) = report.object(&document) else {
        return;
    };
    let mut keys = Vec::new();
    for member in MEMBERS.split_whitespace() {
        keys.extend(match member.split_once('.') {
            None => report.usable(place, object.string(member)),
            Some(path) => report.usable(place, object.string_in(path)),
        });
    }
    // Amp's own keys are recognised by their prefix.
    let is_amp = |key: &SecretValue| key.expose_secret().trim_start().starts_with("sgamp_");
    for (provider, own) in [(ProviderName::AMP, true), (ProviderName::ANTHROPIC, false)] {
        if let Some(key) = keys.iter().find(|key| is_amp(key) == own) {
            let (kind, key) = (CredentialKind::ApiKey, key.clone());
            report.add(LocalCredential::new(&Source::AMP, place, provider, kind, key));
        }
    }
    let is_known = |name: &str| MEMBERS.split([' ', '.']).any(|known| known == name);
    let mut others = Vec::new();
    for (index, (name, raw)) in object.members().enumerate() {
        if !is_known(name) && raw.get() != "null" {
            others.push(messages::entry(name, index));
        }
    }
    report.skip_others(place, &others);
}

#[cfg(test)]
mod tests;
