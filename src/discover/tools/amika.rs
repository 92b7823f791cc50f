//! The local stores of other tools by Amika: flat objects that map a secret's name to its value.

use super::shared::{Claimed, claim};
use crate::discover::credential::{LocalCredential, ProviderName, Source};
use crate::discover::messages;
use crate::discover::reader::{Document, Reader};
use crate::discover::report::Report;
use crate::provider::CredentialKind;
use crate::secret::SecretValue;

pub(in crate::discover) fn scan(reader: &Reader<'_>, report: &mut Report) {
    let cache = reader.env.xdg_directory("XDG_CACHE_HOME", ".cache");
    let data = reader.env.xdg_directory("XDG_DATA_HOME", ".local/share");
    let state = reader.env.xdg_directory("XDG_STATE_HOME", ".local/state");
    for (directory, file, source) in [
        (cache, "env-cache.json", &Source::AMIKA_ENV_CACHE),
        (data, "keychain.json", &Source::AMIKA_KEYCHAIN),
        (state, "oauth.json", &Source::AMIKA_OAUTH),
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
        if report.skips_own(place, &label, name) {
            continue;
        }
        let upper = name.to_ascii_uppercase();
        let provider = upper.strip_suffix("_API_KEY").map(ProviderName::from_tool);
        match (provider, serde_json::from_str::<SecretValue>(raw.get())) {
            (Some(Ok(_)), Ok(value)) if value.expose_secret().trim().is_empty() => {}
            (Some(Ok(provider)), Ok(value)) => {
                if let Err(reason) = claim(&mut claimed, &provider, &label) {
                    report.skip(place, &label, reason);
                    continue;
                }
                let kind = source.holds.kind.unwrap_or(CredentialKind::ApiKey);
                report.add(LocalCredential::new(source, place, provider, kind, value));
            }
            _ => others.push(label),
        }
    }
    report.skip_others(place, &others);
}

#[cfg(test)]
mod tests;
