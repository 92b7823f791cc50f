//! The local stores of the vendor's own tools: flat objects from a secret's name to its value.

use super::ProviderName;
use super::scan::Scan;
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

/// Keeps what is named like a provider's key; other names and values that are no text belong to
/// something else.
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
    for (name, raw) in object.members() {
        let value = serde_json::from_str::<SecretValue>(raw.get()).ok();
        let Some(value) = value.filter(|value| !value.is_empty()) else {
            continue;
        };
        let Some(provider) = name.strip_suffix("_API_KEY").and_then(ProviderName::named) else {
            continue;
        };
        if kind == CredentialKind::ApiKey {
            scan.keep_key(&document.place, provider, value);
        } else {
            scan.keep_token(&document.place, provider, value, None);
        }
    }
}
