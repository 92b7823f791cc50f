//! What lies on this laptop: the credentials that Claude Code, Codex, OpenCode, Amp and the
//! vendor's own tools keep.
//!
//! One module per tool follows that tool's own rules for where to look. Every source runs
//! whatever happens to the others. Nothing here runs a helper, refreshes a token or contacts a
//! server: a refresh token is single use, and using it would log its owner out.

mod amika;
mod amp;
mod claude;
mod codex;
mod opencode;
pub(crate) mod report;
mod scan;

use std::cmp::Reverse;
use std::fmt;
use std::path::{Path, PathBuf};

use jiff::Timestamp;

use crate::formats::escape;
use crate::provider::CredentialKind::{self, ApiKey, OAuth};
use crate::secret::{SecretName, SecretValue};
use crate::system::env::Env;

use self::scan::Scan;
use crate::system::keychain::Keychain;
use crate::ui::notices::Notices;

/// A place that may hold credentials.
#[derive(Debug)]
pub(crate) struct Source {
    pub(crate) id: &'static str,
    /// The higher one is preferred for a provider.
    pub(crate) priority: u16,
    /// Which credentials it can hold.
    gives: Wanted,
    scan: fn(&mut Scan<'_>),
}

/// Every source.
#[rustfmt::skip]
const SOURCES: [Source; 9] = [
    Source { id: "claude_api", priority: 500, gives: Wanted::only("anthropic", ApiKey), scan: claude::api_key },
    Source { id: "claude_oauth", priority: 400, gives: Wanted::only("anthropic", OAuth), scan: claude::oauth },
    Source { id: "codex", priority: 300, gives: Wanted::of("openai"), scan: codex::login },
    Source { id: "amika_env_cache", priority: 290, gives: Wanted::kind(ApiKey), scan: amika::env_cache },
    Source { id: "amika_keychain", priority: 280, gives: Wanted::kind(ApiKey), scan: amika::keychain },
    Source { id: "amika_oauth", priority: 270, gives: Wanted::kind(OAuth), scan: amika::oauth },
    Source { id: "opencode", priority: 200, gives: Wanted::ANY, scan: opencode::logins },
    Source { id: "amp_secrets", priority: 150, gives: Wanted::of("amp"), scan: amp::secrets },
    Source { id: "amp", priority: 100, gives: Wanted::only("anthropic", ApiKey), scan: amp::old_config },
];

/// Which credentials to look for; `None` is any.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Wanted {
    pub(crate) provider: Option<&'static str>,
    pub(crate) kind: Option<CredentialKind>,
}

impl Wanted {
    pub(crate) const ANY: Self = Self {
        provider: None,
        kind: None,
    };

    pub(crate) const fn of(provider: &'static str) -> Self {
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

    pub(crate) const fn only(provider: &'static str, kind: CredentialKind) -> Self {
        Self {
            provider: Some(provider),
            kind: Some(kind),
        }
    }

    fn overlaps(self, other: Self) -> bool {
        let providers = self.provider.zip(other.provider);
        let kinds = self.kind.zip(other.kind);
        providers.is_none_or(|(one, other)| one == other) && kinds.is_none_or(|(one, other)| one == other)
    }

    fn includes(self, found: &Found) -> bool {
        self.provider
            .is_none_or(|provider| provider == found.provider.as_str())
            && self.kind.is_none_or(|kind| kind == found.kind)
    }
}

/// Whose credential it is: lower case letters, digits and `-`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct ProviderName(String);

impl ProviderName {
    /// Longer names are no provider's.
    const LONGEST: usize = 64;

    /// From the name that a tool gave it: `Claude` is anthropic, `github_copilot` is
    /// github-copilot. `None` for what could not become a variable's name.
    pub(crate) fn named(name: &str) -> Option<Self> {
        let name = name.trim_end_matches('/').to_lowercase();
        let name = name.replace(['_', ' ', '.', '/'], "-");
        let starts_well = name.starts_with(|c: char| c.is_ascii_alphanumeric());
        let rest_is_fine = name.chars().all(|c| c.is_ascii_alphanumeric() || c == '-');
        let name = match name.as_str() {
            "claude" => "anthropic".to_owned(),
            "codex" => "openai".to_owned(),
            _ => name,
        };
        (starts_well && rest_is_fine && name.len() <= Self::LONGEST).then_some(Self(name))
    }

    pub(crate) fn anthropic() -> Self {
        Self("anthropic".to_owned())
    }

    pub(crate) fn openai() -> Self {
        Self("openai".to_owned())
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }

    /// The secrets that this provider's credential becomes.
    pub(crate) fn secret_names(&self) -> Vec<SecretName> {
        let names = match self.0.as_str() {
            "anthropic" => vec!["ANTHROPIC_API_KEY".to_owned(), "CLAUDE_API_KEY".to_owned()],
            "openai" => vec!["OPENAI_API_KEY".to_owned(), "CODEX_API_KEY".to_owned()],
            other => vec![format!("{}_API_KEY", other.to_uppercase().replace('-', "_"))],
        };
        names.iter().filter_map(|name| SecretName::inline(name)).collect()
    }
}

/// Where a credential was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Place {
    File(PathBuf),
    Keychain { service: String, account: String },
    Variable(&'static str),
}

impl Place {
    /// As a person would point at it, with `~` for `home`.
    pub(crate) fn shown(&self, home: Option<&Path>) -> String {
        match self {
            Self::File(path) => escape::home_path(path, home),
            Self::Keychain { service, account } => {
                escape::escape(&format!("keychain item {service} ({account})")).into_owned()
            }
            Self::Variable(name) => format!("${name}"),
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum State {
    /// The one to use for its provider.
    Chosen,
    /// Usable, and this source has a better one.
    OutrankedBy(&'static str),
    /// An access token that no longer works.
    Expired,
}

/// A credential that was found.
#[derive(Debug)]
pub(crate) struct Found {
    pub(crate) provider: ProviderName,
    pub(crate) kind: CredentialKind,
    /// The API key or access token.
    pub(crate) value: SecretValue,
    /// For a tool's own OAuth login, all that it stored, with the refresh token: what another
    /// machine needs to carry on with the login.
    pub(crate) document: Option<SecretValue>,
    pub(crate) source: &'static Source,
    pub(crate) place: Place,
    pub(crate) expires_at: Option<Timestamp>,
    pub(crate) state: State,
}

/// A store that is there and could not be used.
#[derive(Debug)]
pub(crate) struct Problem {
    pub(crate) place: Place,
    /// Never quotes the store.
    pub(crate) reason: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let place = self.place.shown(None);
        match self.place {
            Place::File(_) => write!(f, "failed to parse credentials file {place}: {}", self.reason),
            _ => write!(f, "failed to read {place}: {}", self.reason),
        }
    }
}

/// All that was found, and all that was in the way.
#[derive(Debug, Default)]
pub(crate) struct Discovery {
    pub(crate) found: Vec<Found>,
    pub(crate) problems: Vec<Problem>,
    /// Entries that were skipped, and stores that are recognised but cannot be read.
    pub(crate) notices: Notices,
    /// Every place that was looked at, whether or not something was there.
    pub(crate) looked: Vec<Place>,
}

/// Looks at every source that may hold what is wanted; the others are not even opened.
pub(crate) fn discover(env: &Env, keychain: &dyn Keychain, wanted: Wanted) -> Discovery {
    let mut discovery = Discovery::default();
    for source in SOURCES.iter().filter(|source| source.gives.overlaps(wanted)) {
        (source.scan)(&mut Scan::new(env, keychain, source, &mut discovery));
    }
    discovery.found.retain(|found| wanted.includes(found));
    rank(&mut discovery.found, (env.now)());
    discovery
}

/// Puts the candidates into the order of preference and decides every one's state: the first of
/// a provider that still works is chosen. Within a source the order is the source's own.
fn rank(found: &mut [Found], now: Timestamp) {
    found.sort_by_key(|candidate| Reverse(candidate.source.priority));
    let mut winners: Vec<(ProviderName, &'static str)> = Vec::new();
    for candidate in found {
        let winner = winners
            .iter()
            .find(|(provider, _)| *provider == candidate.provider);
        candidate.state = if candidate.expires_at.is_some_and(|at| at <= now) {
            State::Expired
        } else if let Some((_, source)) = winner {
            State::OutrankedBy(source)
        } else {
            winners.push((candidate.provider.clone(), candidate.source.id));
            State::Chosen
        };
    }
}

#[cfg(test)]
mod tests;
