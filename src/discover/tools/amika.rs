//! The local stores of other tools by Amika: flat objects that map a secret's name to its value.

use super::Claimed;
use crate::discover::credential::{LocalCredential, ProviderName, Source};
use crate::discover::note::{self, Note, Reason};
use crate::discover::reader::{Document, Reader};
use crate::discover::report::Report;
use crate::discover::sources;
use crate::provider::CredentialKind;
use crate::secret::SecretValue;

pub(in crate::discover) fn scan(reader: &Reader<'_>) -> Report {
    let mut report = Report::default();
    let mut store = |variable, fallback, file, source: &'static Source, kind| {
        if let Some(directory) = reader.env.xdg_directory(variable, fallback) {
            let path = directory.join("amika").join(file);
            let document = report.store(reader.file(&path), source.holds);
            if let Some(document) = document {
                entries(&mut report, &document, source, kind);
            }
        }
    };
    let (key, token) = (CredentialKind::ApiKey, CredentialKind::OAuth);
    store(
        "XDG_CACHE_HOME",
        ".cache",
        "env-cache.json",
        &sources::AMIKA_ENV_CACHE,
        key,
    );
    store(
        "XDG_DATA_HOME",
        ".local/share",
        "keychain.json",
        &sources::AMIKA_KEYCHAIN,
        key,
    );
    store(
        "XDG_STATE_HOME",
        ".local/state",
        "oauth.json",
        &sources::AMIKA_OAUTH,
        token,
    );
    report
}

/// Adds entries named like a provider's key, in upper or lower case, and notes all others.
fn entries(report: &mut Report, document: &Document, source: &'static Source, kind: CredentialKind) {
    let place = &document.place;
    let Some(object) = report.object(document, source.holds) else {
        return;
    };
    let mut claimed = Claimed::default();
    let mut others = Vec::new();
    for (index, (name, raw)) in object.members().enumerate() {
        if matches!(raw.get(), "null" | "{}") {
            continue;
        }
        let label = note::entry(name, index);
        let upper = name.to_ascii_uppercase();
        let provider = match upper.strip_suffix("_API_KEY") {
            _ if upper.starts_with("AMIKA_") => Err(Reason::OwnName),
            Some(provider) => ProviderName::from_tool(provider),
            None => Err(Reason::ProviderName),
        };
        let value = serde_json::from_str::<SecretValue>(raw.get());
        let (provider, value) = match (provider, value) {
            (Err(Reason::OwnName), _) => {
                report.skip(place, label, Reason::OwnName);
                continue;
            }
            (Ok(provider), Ok(value)) => (provider, value),
            _ => {
                others.push(label);
                continue;
            }
        };
        if value.expose_secret().trim().is_empty() {
            continue;
        }
        if let Err(reason) = claimed.claim(&provider, &label) {
            report.skip(place, label, reason);
            continue;
        }
        let credential = LocalCredential::new(source, place, provider, kind, value);
        match kind {
            CredentialKind::ApiKey => report.add(credential),
            CredentialKind::OAuth => report.add_token(credential),
        }
    }
    if !others.is_empty() {
        report.note(Note::NotKeys {
            place: place.clone(),
            entries: others,
        });
    }
}
