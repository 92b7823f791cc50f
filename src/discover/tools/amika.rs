//! The local stores of other tools by Amika: flat objects that map a secret's name to its value.

use super::Claimed;
use crate::discover::credential::{LocalCredential, OWN_NAME, ProviderName, Source};
use crate::discover::messages;
use crate::discover::reader::{Document, Reader};
use crate::discover::report::Report;
use crate::provider::CredentialKind;
use crate::secret::SecretValue;

pub(in crate::discover) fn scan(reader: &Reader<'_>, report: &mut Report) {
    let xdg = |variable, fallback| reader.env.xdg_directory(variable, fallback);
    for (directory, file, source) in [
        (
            xdg("XDG_CACHE_HOME", ".cache"),
            "env-cache.json",
            &Source::AMIKA_ENV_CACHE,
        ),
        (
            xdg("XDG_DATA_HOME", ".local/share"),
            "keychain.json",
            &Source::AMIKA_KEYCHAIN,
        ),
        (
            xdg("XDG_STATE_HOME", ".local/state"),
            "oauth.json",
            &Source::AMIKA_OAUTH,
        ),
    ] {
        report.about = source.holds;
        let path = directory.map(|directory| directory.join("amika").join(file));
        if let Some(document) = path.and_then(|path| report.store(reader.file(&path))) {
            entries(report, &document, source);
        }
    }
}

/// Adds entries named like a provider's key, in upper or lower case, and notes all others.
fn entries(report: &mut Report, document: &Document, source: &'static Source) {
    let place = &document.place;
    let Some(object) = report.object(document) else {
        return;
    };
    let mut claimed = Claimed::default();
    let mut others = Vec::new();
    for (index, (name, raw)) in object.members().enumerate() {
        if matches!(raw.get(), "null" | "{}") {
            continue;
        }
        let label = messages::entry(name, index);
        let upper = name.to_ascii_uppercase();
        if upper.starts_with("AMIKA_") {
            report.skip(place, &label, OWN_NAME);
            continue;
        }
        let provider = upper.strip_suffix("_API_KEY").map(ProviderName::from_tool);
        match (provider, serde_json::from_str::<SecretValue>(raw.get())) {
            (Some(Ok(_)), Ok(value)) if value.expose_secret().trim().is_empty() => {}
            (Some(Ok(provider)), Ok(value)) => {
                if let Err(reason) = claimed.claim(&provider, &label) {
                    report.skip(place, &label, reason);
                    continue;
                }
                let kind = source.holds.kind.unwrap_or(CredentialKind::ApiKey);
                report.add_token(LocalCredential::new(source, place, provider, kind, value));
            }
            _ => others.push(label),
        }
    }
    report.skip_others(place, &others);
}
