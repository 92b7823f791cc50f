//! The rules of each tool.

pub(super) mod amika;
pub(super) mod amp;
pub(super) mod claude;
pub(super) mod codex;
pub(super) mod opencode;

use std::collections::HashMap;

use jiff::Timestamp;

use super::credential::{LocalCredential, ProviderName, Source};
use super::note::Flaw;
use super::reader::Document;
use super::report::Report;
use crate::formats::login::{self, Unusable};
use crate::provider::{CredentialKind, Provider};
use crate::secret::SecretValue;

/// The entries of one store that were used as credentials, by provider.
#[derive(Default)]
struct Claimed(HashMap<String, String>);

impl Claimed {
    /// Records the entry `label` as the credential of `provider`; fails if there is one already.
    fn claim(&mut self, provider: &ProviderName, label: &str) -> Result<(), Flaw> {
        if let Some(first) = self.0.get(provider.as_str()) {
            return Err(Flaw::SameSecret(first.clone()));
        }
        self.0.insert(provider.as_str().to_owned(), label.to_owned());
        Ok(())
    }
}

/// Adds the login of Claude Code or Codex with this access token, judged as its tool would.
fn add_login(
    report: &mut Report,
    source: &'static Source,
    provider: &'static Provider,
    document: &Document,
    token: SecretValue,
    now: Timestamp,
) {
    let name = ProviderName::of(provider);
    let mut found = LocalCredential::new(source, &document.place, name, CredentialKind::OAuth, token);
    found.document = document.whole();
    if found.document.is_none() {
        found.unusable = Some(Flaw::NotUtf8);
    }
    match login::read(provider, document.text(), now) {
        Ok(login) => {
            found.renewable = login.refresh_token.is_some();
            found.expires_at = login.expires_at;
        }
        Err(Unusable::Expired(at)) if at <= now => found.expires_at = Some(at),
        Err(Unusable::Time(member, reason)) => {
            let label = format!("the {} login", provider.title);
            return report.skip(&document.place, label, Flaw::Time(member, reason));
        }
        Err(reason) => found.unusable = Some(Flaw::Login(reason)),
    }
    report.add(found);
}
