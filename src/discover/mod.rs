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
pub mod keychain;
mod opencode;
mod scan;
mod value;

use std::cmp::Reverse;
use std::fmt;
use std::path::{Path, PathBuf};

use jiff::Timestamp;

use crate::env::Env;
use crate::secret::{SecretName, SecretValue};
use crate::text;

use self::keychain::Keychain;
use self::scan::Scan;

/// A place that may hold credentials.
#[derive(Debug)]
pub struct Source {
    pub id: &'static str,
    /// The higher one is preferred for a provider.
    pub priority: u16,
    /// The one kind of credential it holds; `None` when it may hold both.
    kind: Option<Kind>,
    scan: fn(&mut Scan<'_>),
}

/// Every source.
#[rustfmt::skip]
const SOURCES: [Source; 9] = [
    Source { id: "claude_api", priority: 500, kind: Some(Kind::ApiKey), scan: claude::api_key },
    Source { id: "claude_oauth", priority: 400, kind: Some(Kind::OAuth), scan: claude::oauth },
    Source { id: "codex", priority: 300, kind: None, scan: codex::login },
    Source { id: "amika_env_cache", priority: 290, kind: Some(Kind::ApiKey), scan: amika::env_cache },
    Source { id: "amika_keychain", priority: 280, kind: Some(Kind::ApiKey), scan: amika::keychain },
    Source { id: "amika_oauth", priority: 270, kind: Some(Kind::OAuth), scan: amika::oauth },
    Source { id: "opencode", priority: 200, kind: None, scan: opencode::logins },
    Source { id: "amp_secrets", priority: 150, kind: None, scan: amp::secrets },
    Source { id: "amp", priority: 100, kind: Some(Kind::ApiKey), scan: amp::old_config },
];

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    ApiKey,
    OAuth,
}

impl Kind {
    /// As the API spells it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::ApiKey => "api_key",
            Self::OAuth => "oauth",
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::ApiKey => "api key",
            Self::OAuth => "oauth",
        })
    }
}

/// Whose credential it is: lower case letters, digits and `-`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Provider(String);

impl Provider {
    /// Longer names are no provider's.
    const LONGEST: usize = 64;

    /// From the name that a tool gave it: `Claude` is anthropic, `github_copilot` is
    /// github-copilot. `None` for what could not become a variable's name.
    pub fn named(name: &str) -> Option<Self> {
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

    pub fn anthropic() -> Self {
        Self("anthropic".to_owned())
    }

    pub fn openai() -> Self {
        Self("openai".to_owned())
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The secrets that this provider's credential becomes.
    pub fn secret_names(&self) -> Vec<SecretName> {
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
pub enum Place {
    File(PathBuf),
    Keychain { service: String, account: String },
    Variable(&'static str),
}

impl Place {
    /// As a person would point at it, with `~` for `home`.
    pub fn shown(&self, home: Option<&Path>) -> String {
        match self {
            Self::File(path) => text::home_path(path, home),
            Self::Keychain { service, account } => {
                text::escape(&format!("keychain item {service} ({account})")).into_owned()
            }
            Self::Variable(name) => format!("${name}"),
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// The one to use for its provider.
    Chosen,
    /// Usable, and this source has a better one.
    OutrankedBy(&'static str),
    /// An access token that no longer works.
    Expired,
}

/// A credential that was found.
#[derive(Debug)]
pub struct Found {
    pub provider: Provider,
    pub kind: Kind,
    /// The API key or access token.
    pub value: SecretValue,
    /// For a tool's own OAuth login, all that it stored, with the refresh token: what another
    /// machine needs to carry on with the login.
    pub document: Option<SecretValue>,
    pub source: &'static Source,
    pub place: Place,
    pub expires_at: Option<Timestamp>,
    pub state: State,
}

/// A store that is there and could not be used.
#[derive(Debug)]
pub struct Problem {
    pub place: Place,
    /// Never quotes the store.
    pub reason: String,
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
pub struct Discovery {
    pub found: Vec<Found>,
    pub problems: Vec<Problem>,
    /// Single entries that were passed over in a store that is otherwise fine, and why.
    pub skipped: Vec<String>,
    /// Stores that we recognise and cannot read, and what to do about them.
    pub notices: Vec<String>,
    /// Every place that was looked at, whether or not something was there.
    pub looked: Vec<Place>,
}

/// Looks at every source. Without `oauth`, access tokens are left out, and stores that hold
/// nothing else are not opened.
pub fn discover(env: &Env, keychain: &dyn Keychain, oauth: bool) -> Discovery {
    let mut discovery = Discovery::default();
    for source in SOURCES
        .iter()
        .filter(|source| oauth || source.kind != Some(Kind::OAuth))
    {
        (source.scan)(&mut Scan::new(env, keychain, source, &mut discovery));
    }
    if !oauth {
        discovery.found.retain(|found| found.kind != Kind::OAuth);
    }
    rank(&mut discovery.found, (env.now)());
    discovery
}

/// Puts the candidates into the order of preference and decides every one's state: the first of
/// a provider that still works is chosen. Within a source the order is the source's own.
fn rank(found: &mut [Found], now: Timestamp) {
    found.sort_by_key(|candidate| Reverse(candidate.source.priority));
    let mut winners: Vec<(Provider, &'static str)> = Vec::new();
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
