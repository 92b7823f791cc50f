//! The local stores of other tools by Amika: flat objects that map a secret's name to its value.

use super::label::{self, Claimed};
use super::scan::Scan;
use super::types::ProviderName;
use crate::formats::escape;
use crate::provider::CredentialKind;
use crate::secret::SecretValue;

pub(crate) fn env_cache(scan: &mut Scan<'_>) {
    store(
        scan,
        "XDG_CACHE_HOME",
        ".cache",
        "env-cache.json",
        CredentialKind::ApiKey,
    );
}

pub(crate) fn keychain(scan: &mut Scan<'_>) {
    store(
        scan,
        "XDG_DATA_HOME",
        ".local/share",
        "keychain.json",
        CredentialKind::ApiKey,
    );
}

pub(crate) fn oauth(scan: &mut Scan<'_>) {
    store(
        scan,
        "XDG_STATE_HOME",
        ".local/state",
        "oauth.json",
        CredentialKind::OAuth,
    );
}

/// Adds entries named like a provider's key, in upper or lower case, and reports all others.
fn store(scan: &mut Scan<'_>, variable: &str, fallback: &str, file: &str, kind: CredentialKind) {
    let Some(directory) = scan.env.xdg_directory(variable, fallback) else {
        return;
    };
    let Some(document) = scan.file(&directory.join("amika").join(file)) else {
        return;
    };
    let Some(object) = scan.object(&document) else {
        return;
    };
    let place = &document.place;
    let mut claimed = Claimed::default();
    let mut others = Vec::new();
    for (index, (name, raw)) in object.members().enumerate() {
        if matches!(raw.get(), "null" | "{}") {
            continue;
        }
        let what = label::entry(name, index);
        let upper = name.to_ascii_uppercase();
        let provider = upper.strip_suffix("_API_KEY");
        if !scan.asks_for(provider.unwrap_or_default()) {
            continue;
        }
        let provider = provider.and_then(ProviderName::from_tool);
        let value = serde_json::from_str::<SecretValue>(raw.get()).ok();
        let (Some(provider), Some(value)) = (provider, value) else {
            others.push(what);
            continue;
        };
        if value.expose_secret().trim().is_empty() {
            continue;
        }
        if let Some(first) = claimed.by(&provider, &what) {
            scan.skip(place, &what, &format!("maps to the same secret as {first}"));
            continue;
        }
        match kind {
            CredentialKind::ApiKey => scan.add_key(place, provider, value),
            CredentialKind::OAuth => scan.add_token(place, provider, value, None),
        };
    }
    if !others.is_empty() {
        let place = place.shown(scan.tilde());
        scan.notice(format!(
            "{place}: skipped, not keys named NAME_API_KEY: {}",
            escape::first_of(&others)
        ));
    }
}
