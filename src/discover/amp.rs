//! Amp: `secrets.json` in its XDG data directory, or the keyring if its settings select it; and the
//! configuration file of older versions.
//!
//! Facts from running Amp 0.0.1790142911: the file maps `apiKey@<url>` to a key or, after an OAuth
//! login, to a JWT. `AMP_URL` may have the default URL with or without its final slash, which the
//! entry has; any other URL is used as written. In the keyring, the service is `amp.cli.apiKey` and
//! the account is the host of the URL. `AMP_API_KEY` overrides every store. A relative XDG directory
//! is followed.

use std::path::PathBuf;

use url::Url;

use super::label;
use super::scan::Scan;
use super::types::{LocalCredential, Place, ProviderName};
use crate::formats::json::{Object, parse_with_comments};
use crate::formats::jwt::{self, Expiry};
use crate::provider::CredentialKind;
use crate::secret::SecretValue;

const DEFAULT_URL: &str = "https://ampcode.com/";

/// The settings that determine the location of Amp's key.
#[derive(Default)]
struct Settings {
    url: Option<String>,
    keyring: bool,
}

/// Adds Amp's key from the file, or from the keyring if the settings select it. If both have one, Amp
/// uses that of the file and moves it into the keyring.
pub(crate) fn secrets(scan: &mut Scan<'_>) {
    let settings = settings(scan);
    let url = url(scan, &settings);
    let overridden_by = scan
        .env
        .is_set("AMP_API_KEY")
        .then(|| Place::Variable("AMP_API_KEY".to_owned()));
    let mut amp = Amp { url, overridden_by };
    if let Some(directory) = scan.env.xdg_directory_as_set("XDG_DATA_HOME", ".local/share")
        && let Some(document) = scan.file(&directory.join("amp/secrets.json"))
        && !scan.refuses_mark(&document, "Amp")
        && let Some(object) = scan.object(&document)
    {
        amp.entries(scan, &document.place, &object);
    }
    if settings.keyring {
        amp.item(scan);
    }
    if scan.env.is_set("AMP_API_KEY") {
        scan.notice(
            "Amp uses $AMP_API_KEY instead of a stored key; push it with \
             'amika secret push --from-env AMP_API_KEY'"
                .to_owned(),
        );
    }
}

/// `AMP_URL`, or `amp.url` of the settings, or the default URL. Only the default one is normalised.
fn url(scan: &Scan<'_>, settings: &Settings) -> String {
    let variable = scan.env.variable("AMP_URL").and_then(|url| url.to_str());
    let variable = variable.filter(|url| !url.is_empty()).map(str::to_owned);
    match variable.or_else(|| settings.url.clone()) {
        Some(url) if url != DEFAULT_URL.trim_end_matches('/') => url,
        _ => DEFAULT_URL.to_owned(),
    }
}

/// The URL whose key Amp uses, and what overrides the stored keys.
struct Amp {
    url: String,
    overridden_by: Option<Place>,
}

impl Amp {
    /// Adds the key for the URL in use, and reports every other entry.
    fn entries(&mut self, scan: &mut Scan<'_>, place: &Place, object: &Object<'_>) {
        let own = format!("apiKey@{}", self.url);
        let refresh_token = format!("oauth-refresh-token@{}", self.url);
        // The name contains the URL, which may contain a password, so the message does not repeat it.
        let key = object.string(&own).map_err(|_| "`apiKey@…` is not a string");
        let key = scan.usable(place, key);
        let has_key = key.is_some();
        if let Some(key) = key {
            self.add(scan, place, key);
        }
        for (index, (name, raw)) in object.members().enumerate() {
            // A refresh token belongs to the key for the same URL.
            let is_known = name == own || name == refresh_token && has_key;
            if is_known || matches!(raw.get(), "null" | "\"\"" | "{}") {
                continue;
            }
            let what = label::entry(name, index);
            let reason = match name.split_once('@').map(|(kind, _)| kind) {
                Some("apiKey") => {
                    let url = if self.url == DEFAULT_URL {
                        DEFAULT_URL
                    } else {
                        "another URL"
                    };
                    format!("is not the key that Amp uses, which is the one for {url} (see AMP_URL),")
                }
                Some("oauth-refresh-token") => "is a refresh token without its key".to_owned(),
                Some("mcp-oauth-token" | "mcp-oauth-client-secret") => "is for an MCP server".to_owned(),
                _ => "has an unknown kind".to_owned(),
            };
            scan.skip(place, &what, &reason);
        }
    }

    /// Adds the key in the keyring. A key in the file overrides it.
    fn item(&mut self, scan: &mut Scan<'_>) {
        let host = Url::parse(&self.url)
            .ok()
            .and_then(|url| url.host_str().map(str::to_owned));
        let Some(Ok(Some(item))) = host.map(|host| scan.selected_item("amp.cli.apiKey", &host)) else {
            return;
        };
        if let Some(key) = item.whole() {
            self.add(scan, &item.place, key);
        }
    }

    /// Adds a key; Amp uses the first one, which overrides the following.
    fn add(&mut self, scan: &mut Scan<'_>, place: &Place, key: SecretValue) {
        let provider = ProviderName::AMP;
        let is_kept = if jwt::expiry(key.expose_secret()) == Expiry::NotAJwt {
            scan.add_key(place, provider, key)
        } else {
            scan.add_token(place, provider, key, None)
        };
        if !is_kept {
            return;
        }
        if let Some(kept) = scan.own_credentials().last() {
            kept.in_use = Some(self.overridden_by.is_none());
            kept.overridden_by.clone_from(&self.overridden_by);
        }
        self.overridden_by.get_or_insert_with(|| place.clone());
    }
}

/// Reads the settings file, which may have comments. A missing `AMP_SETTINGS_FILE` is not a problem.
fn settings(scan: &mut Scan<'_>) -> Settings {
    let candidates: Vec<PathBuf> = if let Some(path) = scan.env.path("AMP_SETTINGS_FILE") {
        vec![path]
    } else {
        let directory = scan.env.xdg_directory_as_set("XDG_CONFIG_HOME", ".config");
        let names = ["settings.json", "settings.jsonc"];
        let paths = directory.map(|directory| names.map(|name| directory.join("amp").join(name)));
        paths.map(Vec::from).unwrap_or_default()
    };
    for path in candidates {
        if let Some(document) = scan.settings_file(&path) {
            let settings = scan.usable(&document.place, parse_with_comments(document.body()));
            return settings.map_or_else(Settings::default, |settings| Settings {
                url: settings
                    .get_string("amp.url")
                    .filter(|url| !url.is_empty())
                    .map(ToString::to_string),
                keyring: settings.get_boolean("amp.experimental.cli.nativeSecretsStorage.enabled")
                    == Some(true),
            });
        }
    }
    Settings::default()
}

/// `~/.amp/config.json`, which stored the keys of older versions and is not read by current ones.
pub(crate) fn old_config(scan: &mut Scan<'_>) {
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
    let Some(path) = scan.below_home(".amp/config.json") else {
        return;
    };
    let Some(document) = scan.file(&path) else {
        return;
    };
    let Some(object) = scan.object(&document) else {
        return;
    };
    let place = &document.place;
    let mut keys: Vec<SecretValue> = Vec::new();
    keys.extend(strings(scan, place, &object, &TOP));
    for (name, members) in NESTED {
        if let Some(inner) = scan.usable(place, object.object(name)) {
            keys.extend(strings(scan, place, &inner, members));
        }
    }
    // Amp's own keys are recognised by their prefix; the first key of each kind is used.
    let (amp, anthropic): (Vec<_>, Vec<_>) = keys
        .into_iter()
        .partition(|key| key.expose_secret().trim_start().starts_with("sgamp_"));
    for (provider, key) in [
        (ProviderName::AMP, amp.into_iter().next()),
        (ProviderName::ANTHROPIC, anthropic.into_iter().next()),
    ] {
        if let Some(key) = key {
            let credential = scan.credential(place, provider, CredentialKind::ApiKey, key);
            scan.add(LocalCredential {
                in_use: Some(false),
                ..credential
            });
        }
    }
    let known = |name: &str| TOP.contains(&name) || NESTED.iter().any(|(nested, _)| *nested == name);
    let others = object.members().enumerate();
    let others = others.filter(|(_, (name, raw))| !known(name) && raw.get() != "null");
    let others: Vec<_> = others
        .map(|(index, (name, _))| label::entry(name, index))
        .collect();
    if !others.is_empty() {
        let place = place.shown(scan.tilde());
        scan.notice(format!("{place}: skipped, not a key: {}", others.join(", ")));
    }
}

/// Returns the given members that are strings; others are problems.
fn strings(scan: &mut Scan<'_>, place: &Place, object: &Object<'_>, names: &[&str]) -> Vec<SecretValue> {
    let values = names.iter().map(|name| object.string(name));
    values.filter_map(|value| scan.usable(place, value)).collect()
}
