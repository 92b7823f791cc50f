//! What discovery finds: credentials, their places, their providers and the kinds of stores.

use std::borrow::Cow;
use std::path::{Path, PathBuf};

use jiff::Timestamp;

use crate::formats::{escape, words};
use crate::provider::CredentialKind::{self, ApiKey, OAuth};
use crate::provider::{CLAUDE, CODEX, Provider};
use crate::secret::{SecretName, SecretValue};

/// A kind of store that may hold credentials: a row of the table of sources.
#[derive(Debug)]
pub(crate) struct Source {
    /// The identifier in JSON output.
    pub(crate) id: &'static str,
    /// Sources with a higher number are preferred.
    pub(crate) priority: u16,
    /// The credentials that it can hold.
    pub(super) holds: Filter,
}

impl Source {
    pub(super) const CLAUDE_API: Self = Self::new("claude_api", 500, Some("anthropic"), Some(ApiKey));
    pub(super) const CLAUDE_OAUTH: Self = Self::new("claude_oauth", 400, Some("anthropic"), Some(OAuth));
    pub(super) const CODEX: Self = Self::new("codex", 300, Some("openai"), None);
    pub(super) const AMIKA_ENV_CACHE: Self = Self::new("amika_env_cache", 290, None, Some(ApiKey));
    pub(super) const AMIKA_KEYCHAIN: Self = Self::new("amika_keychain", 280, None, Some(ApiKey));
    pub(super) const AMIKA_OAUTH: Self = Self::new("amika_oauth", 270, None, Some(OAuth));
    pub(super) const OPENCODE: Self = Self::new("opencode", 200, None, None);
    pub(super) const AMP_SECRETS: Self = Self::new("amp_secrets", 150, Some("amp"), None);
    pub(super) const AMP: Self = Self::new("amp", 100, None, Some(ApiKey));
    /// What Claude Code does not read, such as the files of its older versions, ranks below what it uses.
    pub(super) const UNUSED_CLAUDE_API: Self =
        Self::new("claude_api", Self::UNUSED, Some("anthropic"), Some(ApiKey));
    pub(super) const UNUSED_CLAUDE_OAUTH: Self =
        Self::new("claude_oauth", Self::UNUSED, Some("anthropic"), Some(OAuth));
    const UNUSED: u16 = 399;

    const fn new(
        id: &'static str,
        priority: u16,
        provider: Option<&'static str>,
        kind: Option<CredentialKind>,
    ) -> Self {
        let holds = Filter::new(provider, kind);
        Self { id, priority, holds }
    }

    /// Whether its tool does not read it.
    pub(super) fn is_unused(&self) -> bool {
        self.priority == Self::UNUSED
    }
}

/// The credentials to look for, or that a source can hold; `None` is any.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Filter {
    pub(crate) provider: Option<&'static str>,
    pub(crate) kind: Option<CredentialKind>,
}

impl Filter {
    pub(crate) const ANY: Self = Self::new(None, None);

    pub(crate) const fn new(provider: Option<&'static str>, kind: Option<CredentialKind>) -> Self {
        Self { provider, kind }
    }

    /// Whether it may include a credential of this provider and kind; `None` is any.
    pub(super) fn includes(self, provider: Option<&str>, kind: Option<CredentialKind>) -> bool {
        let providers = self.provider.zip(provider);
        let kinds = self.kind.zip(kind);
        providers.is_none_or(|(one, other)| one == other) && kinds.is_none_or(|(one, other)| one == other)
    }
}

/// The location of a credential or setting.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) enum Place {
    File(PathBuf),
    Keychain {
        service: String,
        account: String,
    },
    Variable(String),
    /// A member of a configuration file, such as `apiKeyHelper`.
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
            Self::Variable(name) => format!("${}", escape::escape(name)),
            Self::Setting { key, file } => {
                format!("{} in {}", escape::escape(key), escape::home_path(file, home))
            }
        }
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

    pub(super) const fn known(name: &'static str) -> Self {
        Self(Cow::Borrowed(name))
    }

    /// Normalises a tool's name of a provider: `Claude` is anthropic, `github_copilot` is
    /// github-copilot. Fails if it cannot become the name of a secret.
    pub(crate) fn from_tool(name: &str) -> Result<Self, &'static str> {
        let is_secret = words::may_be_secret(name);
        let name = name.trim_end_matches('/').to_ascii_lowercase();
        let name = name.replace(['_', ' ', '.', '/'], "-");
        if is_secret || SecretName::inline(&name).is_none() || name.len() > Self::MAX_LENGTH {
            return Err("has an invalid provider name");
        }
        Ok(match Provider::with_id(&name) {
            Some(tool) => Self::known(tool.discovered_as),
            None => Self(Cow::Owned(name)),
        })
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }

    /// The names of the secrets for a key of this provider.
    pub(crate) fn secret_names(&self) -> Vec<SecretName> {
        let own = format!("{}_API_KEY", self.0.to_uppercase().replace('-', "_"));
        let names = match Provider::discovered(&self.0) {
            Some(provider) => provider.secret_names,
            None => &[own.as_str()],
        };
        names.iter().filter_map(|name| SecretName::inline(name)).collect()
    }
}

/// The state of a credential among those of its provider.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum State {
    /// The one with the highest priority that works.
    Chosen,
    /// It works, but the one at this place is chosen.
    Outranked(Place),
    /// An access token past its expiry.
    Expired,
    /// It cannot be used by its own tool or in a sandbox, for this reason.
    Unusable(String),
}

impl State {
    /// The word in JSON output and in tables.
    pub(crate) fn as_str(&self) -> &'static str {
        match self {
            Self::Chosen => "chosen",
            Self::Outranked(_) => "outranked",
            Self::Expired => "expired",
            Self::Unusable(_) => "unusable",
        }
    }
}

/// The form in which a credential works in a sandbox.
#[derive(Debug, Clone, Copy)]
pub(crate) enum PushedAs {
    /// A generic secret under each of its names.
    Secret,
    /// The credential of this provider's tool.
    Login(&'static Provider),
}

/// A credential that was found on this machine.
#[derive(Debug)]
pub(crate) struct LocalCredential {
    pub(crate) provider: ProviderName,
    pub(crate) kind: CredentialKind,
    /// The API key or access token.
    pub(crate) value: SecretValue,
    /// The whole stored login if it is Claude Code's or Codex's own: only these work in a sandbox.
    pub(crate) document: Option<SecretValue>,
    pub(crate) source: &'static Source,
    pub(crate) place: Place,
    /// When the API key or access token expires.
    pub(crate) expires_at: Option<Timestamp>,
    pub(crate) state: State,
    /// Whether a login has a refresh token that has not ended.
    pub(crate) renewable: bool,
    /// The host that a key belongs to, if that is not the vendor's own.
    pub(crate) server: Option<String>,
    /// Whether the tool that owns the store is known to use this credential now.
    pub(crate) in_use: bool,
    /// What its tool may use instead.
    pub(crate) overridden_by: Option<Place>,
}

impl LocalCredential {
    /// A credential of which nothing else is known yet.
    pub(super) fn new(
        source: &'static Source,
        place: &Place,
        provider: ProviderName,
        kind: CredentialKind,
        value: SecretValue,
    ) -> Self {
        Self {
            provider,
            kind,
            value,
            document: None,
            source,
            place: place.clone(),
            expires_at: None,
            state: State::Chosen,
            renewable: false,
            server: None,
            in_use: false,
            overridden_by: None,
        }
    }

    pub(super) fn is_unusable(&self) -> bool {
        matches!(self.state, State::Unusable(_))
    }

    /// The tool whose own login this is.
    pub(crate) fn login_of(&self) -> Option<&'static Provider> {
        self.document.as_ref()?;
        Provider::discovered(self.provider.as_str())
    }

    /// The names to show: `Claude login`, or those of the secrets.
    pub(crate) fn names(&self) -> Vec<String> {
        if let Some(provider) = self.login_of() {
            return vec![format!("{} login", provider.title)];
        }
        let names = self.provider.secret_names();
        names.iter().map(SecretName::to_string).collect()
    }

    /// Formats its location, with the server that a key belongs to if that is not the vendor's.
    pub(crate) fn shown_place(&self, home: Option<&Path>) -> String {
        let place = self.place.shown(home);
        match &self.server {
            Some(server) => format!("{place}, for {}", escape::escape(server)),
            None => place,
        }
    }

    /// Whether it would be pushed if it were chosen.
    pub(crate) fn could_be_pushed(&self) -> bool {
        self.server.is_none() && matches!(self.state, State::Chosen | State::Outranked(_))
    }

    /// The form in which it is pushed, if it is.
    pub(crate) fn pushed_as(&self) -> Option<PushedAs> {
        if self.state != State::Chosen || self.server.is_some() {
            return None;
        }
        match self.kind {
            ApiKey => Some(PushedAs::Secret),
            OAuth => self.login_of().map(PushedAs::Login),
        }
    }
}

/// An existing store that could not be read.
#[derive(Debug)]
pub(crate) struct StoreProblem {
    pub(crate) place: Place,
    /// Never quotes the content of the store.
    pub(crate) reason: String,
    /// The credentials that may be missing because of it.
    pub(super) about: Filter,
}

impl StoreProblem {
    /// Formats the warning, with `~` for `home`.
    pub(crate) fn shown(&self, home: Option<&Path>) -> String {
        let place = self.place.shown(home);
        match self.place {
            // Scripts match "failed to parse credentials file".
            Place::File(_) | Place::Setting { .. } => {
                format!("failed to parse credentials file {place}: {}", self.reason)
            }
            _ => format!("failed to read {place}: {}", self.reason),
        }
    }
}
