//! Amp: `secrets.json` in its XDG data directory, or the keyring if its settings select it; and the
//! configuration file of older versions.
//!
//! Facts from running Amp 0.0.1790142911: the file maps `apiKey@<url>` to a key or, after an OAuth
//! login, to a JWT. `AMP_URL` may have the default URL with or without its final slash, which the
//! entry has; any other URL is used as written. In the keyring, the service is `amp.cli.apiKey` and
//! the account is the host of the URL. With native storage on, a key in the file still goes first. A
//! relative XDG directory is followed. `~/.amp/config.json` is not read by current versions.

use url::Url;

use crate::discover::credential::{LocalCredential, ProviderName};
use crate::discover::layers::{Format, Layers, Node};
use crate::discover::note::{self, Note, Reason};
use crate::discover::overrides::{Overrides, Tool, other_server};
use crate::discover::place::Place;
use crate::discover::reader::{Document, Reader};
use crate::discover::report::Report;
use crate::discover::sources;
use crate::formats::json::Object;
use crate::formats::jwt::{self, Expiry};
use crate::provider::CredentialKind;
use crate::secret::SecretValue;

const DEFAULT_URL: &str = "https://ampcode.com/";
const KEYRING: &str = "amp.experimental.cli.nativeSecretsStorage.enabled";

const TOOL: Tool = Tool {
    title: "Amp",
    prefixes: &["AMP_"],
    followed: &["AMP_URL", "AMP_SETTINGS_FILE", "amp.url", KEYRING],
    domains: &["ampcode.com"],
    project_files: &[".amp/settings.json", ".amp/settings.jsonc"],
};

pub(in crate::discover) fn scan(reader: &Reader<'_>) -> Report {
    let mut report = Report::default();
    let layers = settings(reader, &mut report);
    let overrides = Overrides::find(&TOOL, reader.env, &layers);
    let url = url(reader, &layers);
    if let Some(directory) = reader.env.xdg_directory_as_set("XDG_DATA_HOME", ".local/share") {
        let lookup = reader.file(&directory.join("amp/secrets.json"));
        if let Some(document) = report.store(lookup, sources::AMP_SECRETS.holds) {
            entries(&mut report, &document, &url);
        }
    }
    if layers.is_true(&[KEYRING]) == Some(true) {
        keyring_item(reader, &mut report, &url);
    }
    let server = other_server(&url, TOOL.domains);
    let mut used = overrides.first().cloned();
    let known = report.problems.is_empty();
    for key in report.credentials.iter_mut().filter(|key| key.unusable.is_none()) {
        key.in_use = used.is_none() && known;
        key.overridden_by.clone_from(&used);
        key.server.clone_from(&server);
        used.get_or_insert_with(|| key.place.clone());
    }
    report.notes.extend(overrides.into_notes(TOOL.title));
    old_config(reader, &mut report);
    report
}

/// The settings file, which may have comments. A missing `AMP_SETTINGS_FILE` is not a problem.
fn settings(reader: &Reader<'_>, report: &mut Report) -> Layers {
    let mut layers = Layers::new(sources::AMP_SECRETS.holds);
    let named = reader.env.path("AMP_SETTINGS_FILE");
    let default = || {
        let directory = reader
            .env
            .xdg_directory_as_set("XDG_CONFIG_HOME", ".config")?
            .join("amp");
        let paths = ["settings.json", "settings.jsonc"].map(|name| directory.join(name));
        paths.iter().find(|path| path.exists()).or(paths.first()).cloned()
    };
    if let Some(path) = named.or_else(default) {
        layers.file(reader, report, path, Format::JsonWithComments);
    }
    layers
}

/// `AMP_URL`, or `amp.url` of the settings, or the default URL. Only the default one is normalised.
fn url(reader: &Reader<'_>, layers: &Layers) -> String {
    let variable = reader.env.variable("AMP_URL").and_then(|url| url.to_str());
    let setting = layers.get(&["amp.url"]).and_then(|(url, _)| Node::text(url));
    let url = variable
        .filter(|url| !url.is_empty())
        .or(setting)
        .filter(|url| !url.is_empty());
    match url {
        Some(url) if url != DEFAULT_URL.trim_end_matches('/') => url.to_owned(),
        _ => DEFAULT_URL.to_owned(),
    }
}

/// Adds the key for the URL, and notes every other entry.
fn entries(report: &mut Report, document: &Document, url: &str) {
    let (place, about) = (&document.place, sources::AMP_SECRETS.holds);
    let Some(object) = report.object(document, about) else {
        return;
    };
    let own = format!("apiKey@{url}");
    // The name contains the URL, which may contain a password, so the message does not repeat it.
    let key = object.string(&own).map_err(|_| "`apiKey@…` is not a string");
    let key = report.usable(place, about, key);
    let has_key = key.is_some();
    if let Some(key) = key {
        let unusable = document.has_mark().then_some(Reason::ByteOrderMark("Amp"));
        add(report, place, key, unusable);
    }
    let refresh_token = format!("oauth-refresh-token@{url}");
    for (index, (name, raw)) in object.members().enumerate() {
        // A refresh token belongs to the key for the same URL.
        let is_known = name == own || name == refresh_token && has_key;
        if is_known || matches!(raw.get(), "null" | "\"\"" | "{}") {
            continue;
        }
        let reason = match name.split_once('@').map(|(kind, _)| kind) {
            Some("apiKey") => Reason::OtherUrl,
            Some("oauth-refresh-token") => Reason::RefreshWithoutKey,
            Some("mcp-oauth-token" | "mcp-oauth-client-secret") => Reason::McpServer,
            _ => Reason::UnknownKind,
        };
        report.skip(place, note::entry(name, index), reason);
    }
}

fn keyring_item(reader: &Reader<'_>, report: &mut Report, url: &str) {
    let Some(host) = Url::parse(url)
        .ok()
        .and_then(|url| url.host_str().map(str::to_owned))
    else {
        return;
    };
    let service = "amp.cli.apiKey";
    if !reader.reads_keychain() && reader.unreachable_keychain().is_none() {
        report.note(Note::KeychainOfOtherHome {
            service: service.to_owned(),
        });
    }
    let item = report.store(reader.selected_item(service, &host), sources::AMP_SECRETS.holds);
    if let Some((place, key)) = item.and_then(|item| Some((item.place.clone(), item.whole()?))) {
        add(report, &place, key, None);
    }
}

/// Adds a key, or a login, whose token is a JWT.
fn add(report: &mut Report, place: &Place, key: SecretValue, unusable: Option<Reason>) {
    let is_login = jwt::expiry(key.expose_secret().trim()) != Expiry::NotAJwt;
    let kind = if is_login {
        CredentialKind::OAuth
    } else {
        CredentialKind::ApiKey
    };
    report.add_token(LocalCredential {
        unusable,
        ..LocalCredential::new(&sources::AMP_SECRETS, place, ProviderName::AMP, kind, key)
    });
}

/// Adds the first key of each provider in `~/.amp/config.json`.
fn old_config(reader: &Reader<'_>, report: &mut Report) {
    const TOP: [&str; 7] = [
        "anthropicApiKey",
        "anthropic_api_key",
        "apiKey",
        "api_key",
        "accessToken",
        "access_token",
        "token",
    ];
    const NESTED: [(&str, &[&str]); 2] = [
        ("auth", &["anthropicApiKey", "apiKey", "token"]),
        ("anthropic", &["apiKey", "token"]),
    ];
    let about = sources::AMP.holds;
    let path = reader.below_home(".amp/config.json");
    let Some(document) = path.and_then(|path| report.store(reader.file(&path), about)) else {
        return;
    };
    let place = &document.place;
    let Some(object) = report.object(&document, about) else {
        return;
    };
    let mut keys = strings(report, place, &object, &TOP);
    for (name, members) in NESTED {
        if let Some(inner) = report.usable(place, about, object.object(name)) {
            keys.extend(strings(report, place, &inner, members));
        }
    }
    // Amp's own keys are recognised by their prefix.
    for provider in [ProviderName::AMP, ProviderName::ANTHROPIC] {
        let is_own = |key: &SecretValue| key.expose_secret().trim_start().starts_with("sgamp_");
        let key = keys
            .iter()
            .find(|key| is_own(key) == (provider == ProviderName::AMP));
        if let Some(key) = key {
            let kind = CredentialKind::ApiKey;
            report.add(LocalCredential::new(
                &sources::AMP,
                place,
                provider,
                kind,
                key.clone(),
            ));
        }
    }
    let known = |name: &str| TOP.contains(&name) || NESTED.iter().any(|(nested, _)| *nested == name);
    let others = object.members().enumerate();
    let others = others.filter(|(_, (name, raw))| !known(name) && raw.get() != "null");
    let entries: Vec<_> = others
        .map(|(index, (name, _))| note::entry(name, index))
        .collect();
    if !entries.is_empty() {
        report.note(Note::NotKeys {
            place: place.clone(),
            entries,
        });
    }
}

/// The given members that are strings; others are problems.
fn strings(report: &mut Report, place: &Place, object: &Object<'_>, names: &[&str]) -> Vec<SecretValue> {
    let values = names.iter().map(|name| object.string(name));
    values
        .filter_map(|value| report.usable(place, sources::AMP.holds, value))
        .collect()
}
