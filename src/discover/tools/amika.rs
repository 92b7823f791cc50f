//! The local stores of other tools by Amika: flat objects that map a secret's name to its value.

use super::Claimed;
use crate::discover::credential::{LocalCredential, ProviderName, Source};
use crate::discover::note::{self, About, Flaw};
use crate::discover::reader::{Document, Reader};
use crate::discover::report::Report;
use crate::discover::sources;
use crate::provider::CredentialKind;
use crate::secret::SecretValue;

pub(in crate::discover) fn scan(reader: &Reader<'_>) -> Report {
    let mut report = Report::default();
    for (variable, fallback, file, source) in [
        (
            "XDG_CACHE_HOME",
            ".cache",
            "amika/env-cache.json",
            &sources::AMIKA_ENV_CACHE,
        ),
        (
            "XDG_DATA_HOME",
            ".local/share",
            "amika/keychain.json",
            &sources::AMIKA_KEYCHAIN,
        ),
        (
            "XDG_STATE_HOME",
            ".local/state",
            "amika/oauth.json",
            &sources::AMIKA_OAUTH,
        ),
    ] {
        report.about = source.holds;
        let path = reader
            .env
            .xdg_directory(variable, fallback)
            .map(|directory| directory.join(file));
        let document = path.and_then(|path| report.store(reader.file(&path)));
        if let Some(document) = document {
            entries(&mut report, &document, source);
        }
    }
    report
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
        let label = note::entry(name, index);
        let upper = name.to_ascii_uppercase();
        let provider = match upper.strip_suffix("_API_KEY") {
            _ if upper.starts_with("AMIKA_") => Err(Flaw::OwnName),
            Some(provider) => ProviderName::from_tool(provider),
            None => Err(Flaw::ProviderName),
        };
        match (provider, serde_json::from_str::<SecretValue>(raw.get())) {
            _ if matches!(raw.get(), "null" | "{}") => {}
            (Err(Flaw::OwnName), _) => report.skip(place, label, Flaw::OwnName),
            (Ok(_), Ok(value)) if value.expose_secret().trim().is_empty() => {}
            (Ok(provider), Ok(value)) => {
                if let Err(reason) = claimed.claim(&provider, &label) {
                    report.skip(place, label, reason);
                    continue;
                }
                let kind = source.holds.kind.unwrap_or(CredentialKind::ApiKey);
                report.add_token(LocalCredential::new(source, place, provider, kind, value));
            }
            _ => others.push(label),
        }
    }
    if !others.is_empty() {
        report.note(place, About::NotKeys(others));
    }
}
