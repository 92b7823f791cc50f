//! Names for entries of other tools' files in messages.

use std::collections::HashMap;

use super::types::ProviderName;
use crate::formats::escape;

/// Maximum length of an entry's name in a message, in characters; longer ones may be keys.
const MAX_SHOWN: usize = 64;
/// Prefixes of API keys and tokens of common providers.
const KEY_PREFIXES: [&str; 12] = [
    "sk-",
    "sk_",
    "sgamp_",
    "ghp_",
    "gho_",
    "ghu_",
    "ghs_",
    "github_pat_",
    "AIza",
    "gsk_",
    "xai-",
    "eyJ",
];

/// Returns an entry's name in quotes, or its position if the name may be a secret.
pub(super) fn entry(name: &str, index: usize) -> String {
    let may_be_secret = name.chars().count() > MAX_SHOWN
        || KEY_PREFIXES.iter().any(|prefix| name.starts_with(prefix))
        // A URL with user information.
        || name.contains("://") && name.contains('@');
    if may_be_secret || name.is_empty() {
        format!("entry {}", index + 1)
    } else {
        format!("the entry \"{}\"", escape::escape(name))
    }
}

/// The entries of one store that were used as credentials, by provider.
#[derive(Default)]
pub(super) struct Claimed(HashMap<String, String>);

impl Claimed {
    /// Records the entry `label` as the credential of `provider`. Returns the label of an earlier
    /// entry for the same provider, if there is one.
    pub(super) fn by(&mut self, provider: &ProviderName, label: &str) -> Option<&str> {
        if self.0.contains_key(provider.as_str()) {
            return self.0.get(provider.as_str()).map(String::as_str);
        }
        self.0.insert(provider.as_str().to_owned(), label.to_owned());
        None
    }
}
