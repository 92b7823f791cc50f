//! The types of discovery: providers, places, sources and credentials.

use std::borrow::Cow;
use std::path::{Path, PathBuf};

use jiff::Timestamp;

use crate::formats::escape;
use crate::provider::{CLAUDE, CODEX, CredentialKind, Provider};
use crate::secret::{SecretName, SecretValue};
use crate::ui::notices::Notices;

/// A kind of store that may contain credentials: a row of the table of sources.
#[derive(Debug)]
pub(crate) struct Source {
    /// The identifier in JSON output.
    pub(crate) id: &'static str,
    /// Sources with a higher number are preferred.
    pub(crate) priority: u16,
    /// The credentials that it can contain.
    pub(super) provides: Filter,
    /// Whether a value may contain line breaks, as PEM keys do.
    pub(super) multi_line: bool,
}

/// The credentials to look for, or that a source can contain; `None` is any.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Filter {
    pub(crate) provider: Option<&'static str>,
    pub(crate) kind: Option<CredentialKind>,
}

impl Filter {
    pub(crate) const ANY: Self = Self {
        provider: None,
        kind: None,
    };

    pub(crate) const fn provider(provider: &'static str) -> Self {
        Self {
            provider: Some(provider),
            kind: None,
        }
    }

    pub(crate) const fn kind(kind: CredentialKind) -> Self {
        Self {
            provider: None,
            kind: Some(kind),
        }
    }

    pub(crate) const fn exactly(provider: &'static str, kind: CredentialKind) -> Self {
        Self {
            provider: Some(provider),
            kind: Some(kind),
        }
    }

    pub(super) fn overlaps(self, other: Self) -> bool {
        let providers = self.provider.zip(other.provider);
        let kinds = self.kind.zip(other.kind);
        providers.is_none_or(|(one, other)| one == other) && kinds.is_none_or(|(one, other)| one == other)
    }

    pub(super) fn includes(self, credential: &LocalCredential) -> bool {
        self.provider
            .is_none_or(|provider| provider == credential.provider.as_str())
            && self.kind.is_none_or(|kind| kind == credential.kind)
    }
}

/// The name of a provider: lower-case letters, digits and `-`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct ProviderName(Cow<'static, str>);

impl ProviderName {
    /// Maximum length of a provider's name, in bytes.
    const MAX_LENGTH: usize = 64;

    pub(crate) const AMP: Self = Self::known("amp");
    pub(crate) const ANTHROPIC: Self = Self::known(CLAUDE.discovered_as);
    pub(crate) const OPENAI: Self = Self::known(CODEX.discovered_as);

    const fn known(name: &'static str) -> Self {
        Self(Cow::Borrowed(name))
    }

    /// Normalises a tool's name of a provider: `Claude` is anthropic, `github_copilot` is
    /// github-copilot. `None` if it cannot be converted to a variable name.
    pub(crate) fn from_tool(name: &str) -> Option<Self> {
        let name = name.trim_end_matches('/').to_lowercase();
        let name = name.replace(['_', ' ', '.', '/'], "-");
        let starts_well = name.starts_with(|c: char| c.is_ascii_alphanumeric());
        let rest_is_fine = name.chars().all(|c| c.is_ascii_alphanumeric() || c == '-');
        let is_fine = starts_well && rest_is_fine && name.len() <= Self::MAX_LENGTH;
        is_fine.then(|| match Provider::with_id(&name) {
            Some(tool) => Self::known(tool.discovered_as),
            None => Self(Cow::Owned(name)),
        })
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }

    /// The names of the secrets for a credential of this provider.
    pub(crate) fn secret_names(&self) -> Vec<SecretName> {
        match Provider::discovered(&self.0) {
            Some(provider) => names(provider.secret_names),
            None => names(&[&format!("{}_API_KEY", self.0.to_uppercase().replace('-', "_"))]),
        }
    }
}

fn names(names: &[&str]) -> Vec<SecretName> {
    names.iter().filter_map(|name| SecretName::inline(name)).collect()
}

impl LocalCredential {
    /// The names of the secrets for this credential.
    pub(crate) fn secret_names(&self) -> Vec<SecretName> {
        self.provider.secret_names()
    }
}

/// The location of a credential.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Place {
    File(PathBuf),
    Keychain {
        service: String,
        account: String,
    },
    Variable(String),
    /// A key of a configuration file, such as `apiKeyHelper`.
    Setting {
        key: String,
        file: PathBuf,
    },
}

impl Place {
    /// Formats the location for messages, with `~` for `home`.
    pub(crate) fn shown(&self, home: Option<&Path>) -> String {
        match self {
            Self::File(path) => escape::home_path(path, home),
            Self::Keychain { service, account } => {
                escape::escape(&format!("keychain item {service} ({account})")).into_owned()
            }
            Self::Variable(name) => format!("${name}"),
            Self::Setting { key, file } => {
                format!("{} in {}", escape::escape(key), escape::home_path(file, home))
            }
        }
    }
}

/// The state of a credential among those for the same secrets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum State {
    /// The one with the highest priority that has not expired.
    Chosen,
    /// It has not expired, but another one is chosen.
    Outranked,
    /// An access token past its expiry.
    Expired,
}

/// A credential that was found on this machine.
#[derive(Debug)]
pub(crate) struct LocalCredential {
    pub(crate) provider: ProviderName,
    pub(crate) kind: CredentialKind,
    /// The API key or access token.
    pub(crate) value: SecretValue,
    /// The whole stored login of a tool, including the refresh token, with which another machine can
    /// renew it.
    pub(crate) document: Option<SecretValue>,
    pub(crate) source: &'static Source,
    pub(crate) place: Place,
    /// When the API key or access token expires.
    pub(crate) expires_at: Option<Timestamp>,
    pub(crate) state: State,
    /// Whether a login has a refresh token that has not expired; `None` if unknown.
    pub(crate) renewable: Option<bool>,
    /// Whether only older versions of the tool read this location.
    pub(crate) legacy: bool,
    /// Whether the tool that owns the store would use this credential now; `None` if unknown.
    pub(crate) in_use: Option<bool>,
    /// What the tool uses instead if `in_use` is false, otherwise the credential with higher priority.
    pub(crate) overridden_by: Option<Place>,
}

/// An existing store that could not be used.
#[derive(Debug)]
pub(crate) struct Problem {
    pub(crate) place: Place,
    /// Never quotes the content of the store.
    pub(crate) reason: String,
}

impl Problem {
    /// Formats the warning, with `~` for `home`.
    pub(super) fn shown(&self, home: Option<&Path>) -> String {
        let place = self.place.shown(home);
        match self.place {
            Place::File(_) | Place::Setting { .. } => {
                format!("failed to parse credentials file {place}: {}", self.reason)
            }
            _ => format!("failed to read {place}: {}", self.reason),
        }
    }
}

/// The result of discovery.
#[derive(Debug, Default)]
pub(crate) struct Discovery {
    pub(crate) found: Vec<LocalCredential>,
    pub(crate) problems: Vec<Problem>,
    /// Messages about skipped entries and unsupported stores.
    pub(crate) notices: Notices,
    /// Every location that was read, whether or not it exists.
    pub(crate) searched: Vec<Place>,
}
