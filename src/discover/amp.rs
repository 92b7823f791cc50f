//! Amp: `secrets.json` in its XDG data directory, or the keyring where its settings say so; and
//! the configuration file that older versions wrote.
//!
//! Facts from running Amp 0.0.1790142911: the file maps `apiKey@<url>` to a key or, after an OAuth
//! login, to a JWT. The default URL is spelled with or without its slash, any other is used as it
//! is written. In the keyring the service is `amp.cli.apiKey` and the account the URL's host.

use std::path::PathBuf;

use jsonc_parser::{JsonValue, ParseOptions};
use url::Url;

use super::scan::{Document, Scan};
use super::{Place, ProviderName};
use crate::formats::json::Object;
use crate::formats::jwt::{self, Expiry};
use crate::secret::SecretValue;

const DEFAULT_URL: &str = "https://ampcode.com/";

/// What of Amp's settings decides where its key is.
#[derive(Default)]
struct Settings {
    url: Option<String>,
    keyring: bool,
}

pub(crate) fn secrets(scan: &mut Scan<'_>) {
    let settings = settings(scan);
    let url = scan.env.variable("AMP_URL").and_then(|url| url.to_str());
    let url = url.filter(|url| !url.is_empty()).map(str::to_owned);
    let url = url.or(settings.url).unwrap_or_else(|| DEFAULT_URL.to_owned());

    if settings.keyring {
        let host = Url::parse(&url)
            .ok()
            .and_then(|url| url.host_str().map(str::to_owned));
        if let Some(Ok(Some(item))) = host.map(|host| scan.item("amp.cli.apiKey", &host)) {
            let key = item.whole().filter(|key| !key.is_empty());
            if let Some(key) = key {
                keep(scan, &item.place, key);
            }
        }
        return;
    }
    let Some(directory) = scan.env.xdg_directory("XDG_DATA_HOME", ".local/share") else {
        return;
    };
    let Some(document) = scan.file(&directory.join("amp/secrets.json")) else {
        return;
    };
    let Some(object) = scan.object(&document) else {
        return;
    };
    let mut names = vec![format!("apiKey@{url}")];
    if url.trim_end_matches('/') == DEFAULT_URL.trim_end_matches('/') {
        names = vec![
            format!("apiKey@{DEFAULT_URL}"),
            format!("apiKey@{}", DEFAULT_URL.trim_end_matches('/')),
        ];
    }
    for name in names {
        // The name holds the URL, which is the person's own, so a reason must not repeat it.
        let key = object
            .string(&name)
            .map_err(|_| "`apiKey@…` is not a string".to_owned());
        if let Some(key) = scan.usable(&document.place, key) {
            keep(scan, &document.place, key);
        }
    }
}

fn keep(scan: &mut Scan<'_>, place: &Place, key: SecretValue) {
    let Some(provider) = ProviderName::named("amp") else {
        return;
    };
    if jwt::expiry(key.expose_secret()) == Expiry::NotAJwt {
        scan.keep_key(place, provider, key);
    } else {
        scan.keep_token(place, provider, key, None);
    }
}

/// The settings file, with comments allowed. Its own place, if it is named and missing, is no
/// problem of ours.
fn settings(scan: &mut Scan<'_>) -> Settings {
    let candidates: Vec<PathBuf> = if let Some(path) = scan.env.path("AMP_SETTINGS_FILE") {
        vec![path]
    } else {
        let directory = scan.env.xdg_directory("XDG_CONFIG_HOME", ".config");
        let names = ["settings.json", "settings.jsonc"];
        let paths = directory.map(|directory| names.map(|name| directory.join("amp").join(name)));
        paths.map(Vec::from).unwrap_or_default()
    };
    for path in candidates {
        if let Some(document) = scan.settings_file(&path) {
            let parsed = parse_settings(&document);
            return scan.usable(&document.place, parsed).unwrap_or_default();
        }
    }
    Settings::default()
}

fn parse_settings(document: &Document) -> Result<Option<Settings>, String> {
    let parsed = jsonc_parser::parse_to_value(document.body(), &ParseOptions::default());
    match parsed.map_err(|_| "is not valid JSON with comments".to_owned())? {
        None | Some(JsonValue::Null) => Ok(None),
        Some(JsonValue::Object(settings)) => Ok(Some(Settings {
            url: settings
                .get_string("amp.url")
                .filter(|url| !url.is_empty())
                .map(ToString::to_string),
            keyring: settings.get_boolean("amp.experimental.cli.nativeSecretsStorage.enabled") == Some(true),
        })),
        Some(_) => Err("is not a JSON object".to_owned()),
    }
}

/// `~/.amp/config.json`, where older versions kept a key for Anthropic.
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
    let mut keys = first_of(scan, &document, &object, &TOP);
    for (name, members) in NESTED {
        if keys.is_none() {
            let inner = scan.usable(&document.place, object.object(name));
            keys = inner.and_then(|inner| first_of(scan, &document, &inner, members));
        }
    }
    if let Some(key) = keys {
        scan.keep_key(&document.place, ProviderName::anthropic(), key);
    }
}

/// The first of these members that holds text.
fn first_of(
    scan: &mut Scan<'_>,
    document: &Document,
    object: &Object<'_>,
    names: &[&str],
) -> Option<SecretValue> {
    names
        .iter()
        .find_map(|name| scan.usable(&document.place, object.string(name)))
}
