//! What the rules of several tools have in common.

use std::collections::HashMap;

use jiff::Timestamp;

use crate::discover::credential::{LocalCredential, Place, ProviderName, Source, State};
use crate::discover::reader::Document;
use crate::discover::report::Report;
use crate::formats::login::{self, Unusable};
use crate::provider::{CredentialKind, Provider};
use crate::secret::SecretValue;
use crate::system::keychain::KeychainError;

/// The entries of one store that were used as credentials, by provider.
pub(super) type Claimed = HashMap<ProviderName, String>;

/// Records the entry `label` as the credential of `provider`; fails if there is one already.
pub(super) fn claim(claimed: &mut Claimed, provider: &ProviderName, label: &str) -> Result<(), String> {
    if let Some(first) = claimed.get(provider) {
        return Err(format!("maps to the same secret as {first}"));
    }
    claimed.insert(provider.clone(), label.to_owned());
    Ok(())
}

/// Sets the server of these credentials, and which of them the tool uses: the first that works, unless `before`
/// goes before all of them. Unless `is_known`, something else may. Returns what goes before any further one.
pub(super) fn settle(
    credentials: &mut [LocalCredential],
    is_known: bool,
    before: Option<Place>,
    server: Option<&String>,
) -> Option<Place> {
    let mut used = before;
    for found in credentials {
        found.server = server.cloned();
        found.overridden_by.clone_from(&used);
        if !found.is_unusable() && !found.source.is_unused() {
            found.in_use = is_known && used.is_none();
            used.get_or_insert_with(|| found.place.clone());
        }
    }
    used
}

pub(super) fn no_keychain(tool: &str, reason: &KeychainError) -> String {
    format!("{tool} prefers the keychain to its file, and it could not be reached: {reason}")
}

/// The state of a credential in a file: unusable if the file begins with a byte order mark.
pub(super) fn state_in(document: &Document, tool: &'static str) -> State {
    if document.text().starts_with('\u{feff}') {
        State::Unusable(Unusable::ByteOrderMark(tool).to_string())
    } else {
        State::Chosen
    }
}

/// Adds the login of Claude Code or Codex with this access token, judged as its tool would.
pub(super) fn add_login(
    report: &mut Report,
    source: &'static Source,
    provider: &'static Provider,
    document: &Document,
    token: SecretValue,
    now: Timestamp,
) {
    let label = format!("the {} login", provider.title);
    let Some(whole) = document.whole() else {
        return report.skip(&document.place, &label, "is not valid UTF-8");
    };
    let name = ProviderName::known(provider.discovered_as);
    let mut found = LocalCredential::new(source, &document.place, name, CredentialKind::OAuth, token);
    found.document = Some(whole);
    match login::read(provider, document.text(), now) {
        Ok(login) => {
            found.renewable = login.refresh_token.is_some();
            found.expires_at = login.expires_at;
        }
        Err(Unusable::Expired(at)) if at <= now => found.expires_at = Some(at),
        Err(Unusable::Time(member, reason)) => {
            return report.skip(&document.place, &label, format!("has an `{member}` {reason}"));
        }
        Err(reason) => found.state = State::Unusable(reason.to_string()),
    }
    report.add(found);
}
