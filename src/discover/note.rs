//! The words of discovery: what is said about stores and entries beside the credentials found.

use std::path::Path;

use super::place::Place;
use crate::formats::escape;
use crate::formats::json::{JsonError, TimeError};
use crate::formats::login::Unusable;
use crate::secret::SecretName;

/// Maximum length of an entry's name in a message, in characters; longer ones may be keys.
const MAX_SHOWN: usize = 64;

/// Why an entry or a login cannot be used. Continues a sentence that begins with what it is about.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Reason {
    #[error("starts with a byte order mark, so {0} cannot read it")]
    ByteOrderMark(&'static str),
    #[error(transparent)]
    Login(Unusable),
    #[error("has no `{0}`")]
    Missing(&'static str),
    #[error("has an `{0}` {1}")]
    Time(&'static str, TimeError),
    #[error("has an `exp` that is not a time")]
    TokenExpiry,
    #[error("has an unknown type")]
    Type,
    #[error("has an invalid provider name")]
    ProviderName,
    #[error("has a name that amika itself reads")]
    OwnName,
    #[error("is not an object")]
    NotAnObject,
    #[error("maps to the same secret as {0}")]
    SameSecret(String),
    #[error(": {0}")]
    Json(#[from] JsonError),
    #[error("is not valid UTF-8")]
    NotUtf8,
    #[error("contains a line break or an unprintable character")]
    Unprintable,
    #[error("is larger than 1 MiB")]
    TooLarge,
    #[error("is {0}")]
    Token(&'static str),
    #[error("is not the key that Amp uses, which is the one for its URL (see AMP_URL),")]
    OtherUrl,
    #[error("is a refresh token without its key")]
    RefreshWithoutKey,
    #[error("is for an MCP server")]
    McpServer,
    #[error("has an unknown kind")]
    UnknownKind,
}

/// A store that exists and that amika does not read.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Unread {
    /// Logins of this tool at MCP servers.
    McpLogins(&'static str),
    OtherCodexLogins,
    EncryptedCodexLogin,
    /// `nothing`: `auth.json` has no credential.
    OpenCodeDatabase {
        nothing: bool,
    },
    ConsoleProfile,
    /// The configuration of Codex, with a token for a model provider.
    ModelProviderToken,
    /// A managed file in a format that is not read.
    ManagedSettings(&'static str),
}

/// The value of a key in OpenCode's configuration that is not a key itself.
#[derive(Debug)]
pub(crate) enum Reference {
    Variable(String),
    File(String),
    Composed,
    Empty,
    NotAText,
}

/// Something that is worth a message. It never holds a secret.
#[derive(Debug)]
pub(crate) enum Note {
    /// What a tool may use in place of its stored credentials.
    MayUse {
        tool: &'static str,
        what: Vec<Place>,
    },
    /// Settings of a tool with an unknown meaning.
    UnknownSettings {
        tool: &'static str,
        what: Vec<Place>,
    },
    /// Settings of a project, which are not opened.
    ProjectFiles {
        tool: &'static str,
        files: Vec<Place>,
    },
    Skipped {
        place: Place,
        entry: String,
        reason: Reason,
    },
    /// Entries of amika's files or of the old file of Amp that are not keys.
    NotKeys {
        place: Place,
        entries: Vec<String>,
    },
    /// A directory or a dangling link in place of a file.
    Instead {
        place: Place,
        what: &'static str,
    },
    Unread {
        place: Place,
        what: Unread,
    },
    /// Secrets beside a login, in a file without a login.
    OtherSecrets {
        place: Place,
        members: Vec<&'static str>,
    },
    /// A login that its tool has ended, and why, if it says so.
    Ended {
        place: Place,
        why: Option<String>,
    },
    Legacy {
        place: Place,
    },
    LoginBeforeKey {
        login: Place,
        key: Place,
    },
    GatewayKey {
        place: Place,
    },
    Reference {
        provider: String,
        place: Place,
        to: Reference,
    },
    WellKnown {
        place: Place,
        entry: String,
        variable: Option<SecretName>,
    },
    /// `OPENCODE_AUTH_CONTENT` replaces the file.
    Replaced {
        file: Place,
    },
    /// The settings select another store than this file.
    UnusedFile {
        file: Place,
        setting: Place,
    },
    InMemory,
    NoCodexHome,
    /// The settings select the keychain, which could not be reached, so a file is used.
    NoKeychain {
        tool: &'static str,
        reason: String,
    },
    KeychainOfOtherHome {
        service: String,
    },
    /// A sign-in of Codex that is neither a key nor a login.
    OtherMethod {
        place: Place,
        method: &'static str,
    },
    /// A sign-in without the member that it needs.
    MissingMember {
        place: Place,
        mode: String,
        member: &'static str,
    },
}

impl Note {
    /// Whether it is about nothing.
    pub(super) fn is_empty(&self) -> bool {
        match self {
            Self::MayUse { what, .. } | Self::UnknownSettings { what, .. } => what.is_empty(),
            Self::ProjectFiles { files, .. } => files.is_empty(),
            Self::NotKeys { entries, .. } => entries.is_empty(),
            Self::OtherSecrets { members, .. } => members.is_empty(),
            _ => false,
        }
    }

    /// A name that this program reads is a warning, because pushing it by mistake would hurt.
    pub(super) fn is_warning(&self) -> bool {
        matches!(
            self,
            Self::Skipped {
                reason: Reason::OwnName,
                ..
            }
        )
    }

    /// Whether it is only said if everything is asked for.
    pub(super) fn is_detail(&self) -> bool {
        matches!(self, Self::UnknownSettings { .. } | Self::ProjectFiles { .. })
    }

    /// Whether it is about what may be all that there is of a tool.
    pub(super) fn is_unpushed(&self) -> bool {
        matches!(
            self,
            Self::Unread {
                what: Unread::OpenCodeDatabase { nothing: true },
                ..
            }
        )
    }

    /// The message, with `~` for `home`.
    #[expect(clippy::too_many_lines, reason = "one sentence for each note")]
    pub(super) fn words(&self, home: Option<&Path>) -> String {
        let at = |place: &Place| place.shown(home);
        match self {
            Self::MayUse { tool, what } => format!("{tool} may use something else: {}", list(what, home)),
            Self::UnknownSettings { tool, what } => format!(
                "it is not known whether these change the sign-in of {tool}: {}",
                list(what, home)
            ),
            Self::ProjectFiles { tool, files } => format!(
                "{tool} also reads settings of this project, which amika does not open: {}",
                list(files, home)
            ),
            Self::Skipped { place, entry, reason } => {
                format!("{}: {entry}{}{reason} and was skipped", at(place), gap(reason))
            }
            Self::NotKeys { place, entries } => {
                format!("{}: skipped, not keys: {}", at(place), escape::first_of(entries))
            }
            Self::Instead { place, what } => {
                format!("{} is {what}, so there is no credential in it", at(place))
            }
            Self::Unread { place, what } => format!("{} {}", at(place), unread(*what)),
            Self::OtherSecrets { place, members } => format!(
                "{} contains no login of Claude Code, only other secrets: {}",
                at(place),
                members.join(", ")
            ),
            Self::Ended { place, why } => {
                let why = why.as_ref().map(|why| format!(" ({})", escape::escape(why)));
                let why = why.unwrap_or_default();
                format!(
                    "the login in {} has ended{why}; log in again with its tool",
                    at(place)
                )
            }
            Self::Legacy { place } => format!(
                "{} contains a credential of an older version, which Claude Code 2.1 does not use",
                at(place)
            ),
            Self::LoginBeforeKey { login, key } => format!(
                "Claude Code itself uses the login in {}, not the API key in {}; \
                 'amika secret claude push --type oauth' pushes the login",
                at(login),
                at(key)
            ),
            Self::GatewayKey { place } => format!(
                "the primaryApiKey in {} does not look like a key of Anthropic's own API; Claude Code uses it \
                 nevertheless, as the key of a gateway",
                at(place)
            ),
            Self::Reference { provider, place, to } => format!(
                "OpenCode's key for {provider} is options.apiKey in {}, {}",
                at(place),
                match to {
                    Reference::Variable(name) => format!("which refers to the variable {}", quoted(name)),
                    Reference::File(path) => format!("which refers to the file {}", quoted(path)),
                    Reference::Composed => "which is composed of references".to_owned(),
                    Reference::Empty => "which is empty".to_owned(),
                    Reference::NotAText => "which is not a string".to_owned(),
                }
            ),
            Self::WellKnown {
                place,
                entry,
                variable,
            } => {
                let variable = variable.as_ref().map_or("a variable", SecretName::as_str);
                format!(
                    "{}: {entry} contains a token that OpenCode uses as {variable}",
                    at(place)
                )
            }
            Self::Replaced { file } => {
                format!(
                    "$OPENCODE_AUTH_CONTENT is set, so OpenCode does not read {}",
                    at(file)
                )
            }
            Self::UnusedFile { file, setting } => {
                format!(
                    "{} exists, but Codex does not use it, because of {}",
                    at(file),
                    at(setting)
                )
            }
            Self::InMemory => "Codex keeps its login in memory only, so there is none to read".to_owned(),
            Self::NoCodexHome => {
                "CODEX_HOME points to a directory that does not exist, so Codex does not start".to_owned()
            }
            Self::NoKeychain { tool, reason } => {
                format!("the keychain, which {tool} prefers to its file, could not be reached: {reason}")
            }
            Self::KeychainOfOtherHome { service } => format!(
                "the settings select the keychain item {service}, and keychains are not read with --homedir"
            ),
            Self::OtherMethod { place, method } => format!(
                "Codex is signed in with {method} ({}), which is neither an OpenAI API key nor a ChatGPT login",
                at(place)
            ),
            Self::MissingMember { place, mode, member } => format!(
                "`auth_mode` in {} is {}, and there is no `{member}`, so Codex is not logged in",
                at(place),
                escape::escape(mode)
            ),
        }
    }
}

/// The space before a reason, unless it begins with a colon.
pub(super) fn gap(reason: &Reason) -> &'static str {
    if matches!(reason, Reason::Json(_)) {
        ""
    } else {
        " "
    }
}

fn unread(what: Unread) -> String {
    match what {
        Unread::McpLogins(tool) => {
            format!("contains logins of {tool} at MCP servers, which amika does not push")
        }
        Unread::OtherCodexLogins => {
            "contains other logins of Codex, such as those at MCP servers, which amika does not push"
                .to_owned()
        }
        Unread::EncryptedCodexLogin => "is Codex's login, encrypted so that only Codex can read it; set \
             cli_auth_credentials_store = \"file\" in its config.toml and run 'codex login' again"
            .to_owned(),
        Unread::OpenCodeDatabase { .. } => "may hold logins of OpenCode that amika does not read".to_owned(),
        Unread::ConsoleProfile => "is a sign-in at the Anthropic Console, whose token ends within minutes; \
             create an API key there and push that"
            .to_owned(),
        Unread::ModelProviderToken => {
            "contains a token for a model provider of Codex, which amika does not push".to_owned()
        }
        Unread::ManagedSettings(tool) => {
            format!("is managed configuration of {tool} that amika does not read")
        }
    }
}

fn list(places: &[Place], home: Option<&Path>) -> String {
    let places: Vec<_> = places.iter().map(|place| place.shown(home)).collect();
    escape::first_of(&places)
}

/// A text of a file in quotes, or a word in its place if it may be a secret.
fn quoted(text: &str) -> String {
    if may_be_secret(text) {
        "(not shown)".to_owned()
    } else {
        format!("\"{}\"", escape::escape(text))
    }
}

/// The name of an entry in quotes, or its position if the name may be a secret.
pub(super) fn entry(name: &str, index: usize) -> String {
    if may_be_secret(name) || name.is_empty() {
        format!("entry {}", index + 1)
    } else {
        format!("the entry \"{}\"", escape::escape(name))
    }
}

/// Whether a name in a file may be a secret in the wrong place.
fn may_be_secret(name: &str) -> bool {
    const KEY_PREFIXES: [&str; 8] = ["sk-", "sk_", "sgamp_", "gh", "AIza", "gsk_", "xai-", "eyJ"];
    let has_digit = name.contains(|c: char| c.is_ascii_digit());
    name.chars().count() > MAX_SHOWN
        || KEY_PREFIXES.iter().any(|prefix| name.starts_with(prefix)) && (has_digit || name.starts_with("sk"))
        // A URL with user information.
        || name.contains("://") && name.contains('@')
}
