//! The words of discovery: what is said about stores and entries beside the credentials found.

use std::path::Path;

use super::place::Place;
use crate::formats::escape;
use crate::formats::json::TimeError;
use crate::formats::login::Unusable;
use crate::formats::words;

/// Maximum length of an entry's name in a message, in characters; longer ones may be keys.
const MAX_SHOWN: usize = 64;

/// Why an entry or a login cannot be used. Continues a sentence that begins with what it is about.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Flaw {
    #[error("starts with a byte order mark, so {0} cannot read it")]
    ByteOrderMark(&'static str),
    #[error("has no `{0}`")]
    Missing(&'static str),
    #[error("has a member of the wrong type")]
    WrongType,
    #[error("has an `{0}` {1}")]
    Time(&'static str, TimeError),
    #[error("has an `exp` that is not a time")]
    TokenExpiry,
    #[error("has an unknown type")]
    UnknownType,
    #[error("has an invalid provider name")]
    ProviderName,
    #[error("has a name that amika itself reads")]
    OwnName,
    #[error("is not an object")]
    NotAnObject,
    #[error("maps to the same secret as {0}")]
    SameSecret(String),
    #[error("is not valid UTF-8")]
    NotUtf8,
    #[error("contains a line break or an unprintable character")]
    Unprintable,
    #[error("is larger than 1 MiB")]
    TooLarge,
    #[error("is {0}")]
    Token(&'static str),
    #[error("is not the key that Amp uses, which is the one for its URL (see AMP_URL)")]
    OtherUrl,
    #[error("is a refresh token without its key")]
    RefreshWithoutKey,
    #[error("is for an MCP server")]
    McpServer,
    /// Its words begin with what it is about.
    #[error(transparent)]
    Login(Unusable),
}

/// What is said about a place. It holds no secret.
#[derive(Debug, thiserror::Error)]
pub(crate) enum About {
    #[error("skipped {0}, which {1}")]
    Skipped(String, Flaw),
    #[error("skipped, not keys: {}", escape::first_of(.0))]
    NotKeys(Vec<String>),
    #[error("this is {0}, so there is no credential in it")]
    Instead(&'static str),
    #[error("contains logins of {0} at MCP servers, which amika does not push")]
    McpLogins(&'static str),
    #[error("contains other logins of Codex, such as those at MCP servers, which amika does not push")]
    OtherCodexLogins,
    #[error(
        "Codex's login is encrypted, so that only Codex can read it; set cli_auth_credentials_store = \"file\" \
         in its config.toml and run 'codex login' again"
    )]
    EncryptedLogin,
    /// `true` if `auth.json` has no credential.
    #[error("may hold logins of OpenCode that amika does not read")]
    OpenCodeDatabase(bool),
    #[error(
        "a sign-in at the Anthropic Console, whose token ends within minutes; create an API key there and push that"
    )]
    ConsoleProfile,
    #[error("contains a token for a model provider of Codex, which amika does not push")]
    ModelProviderToken,
    #[error("contains no login of Claude Code, only other secrets: {0}")]
    OtherSecrets(String),
    #[error("the login has ended{0}; log in again with its tool")]
    Ended(String),
    #[error("a credential of an older version, which Claude Code 2.1 does not use")]
    Legacy,
    #[error(
        "Claude Code itself uses its login, not this key; 'amika secret claude push --type oauth' pushes the login"
    )]
    LoginFirst,
    #[error("OpenCode's key for {0} is options.apiKey, {1}")]
    NoKey(String, NoKey),
    #[error("{0} contains a token that OpenCode uses as the variable {1}")]
    WellKnown(String, String),
    #[error("OpenCode does not read this file, because $OPENCODE_AUTH_CONTENT is set")]
    Replaced,
    #[error("Codex does not use this file, because its configuration selects another store")]
    UnusedFile,
    #[error("Codex keeps its login in memory only, so there is none to read")]
    InMemory,
    #[error("this directory does not exist, so Codex does not start")]
    NoHome,
    #[error("{0} prefers the keychain to its file, and it could not be reached: {1}")]
    NoKeychain(&'static str, String),
    #[error("the settings select this, and keychains are not read with --homedir")]
    KeychainOfOtherHome,
    #[error("Codex is signed in by the method {0}, which is neither an OpenAI API key nor a ChatGPT login")]
    OtherMethod(String),
    #[error("`auth_mode` is {0}, and there is no `{1}`, so Codex is not logged in")]
    NoCredential(String, &'static str),
}

/// What a key in OpenCode's configuration is, if it is not a key itself.
#[derive(Debug, thiserror::Error)]
pub(crate) enum NoKey {
    #[error("which refers to the variable {0}")]
    Variable(String),
    #[error("which refers to the file {0}")]
    File(String),
    #[error("which is composed of references")]
    Composed,
    #[error("which is empty")]
    Empty,
    #[error("which is not a string")]
    NotAText,
}

/// Something that is worth a message.
#[derive(Debug)]
pub(crate) struct Remark {
    pub(super) place: Place,
    pub(super) about: About,
}

impl Remark {
    /// The message, with `~` for `home`.
    pub(super) fn words(&self, home: Option<&Path>) -> String {
        format!("{}: {}", self.place.shown(home), self.about)
    }
}

/// A text of a file in quotes, or a word in its place if it may be a secret.
pub(super) fn quoted(text: &str) -> String {
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
        format!("the entry {}", quoted(name))
    }
}

/// Whether a name in a file may be a secret in the wrong place. The address of a server is none, without
/// user information.
fn may_be_secret(name: &str) -> bool {
    let is_address = name.contains("://") && !name.contains('@');
    name.chars().count() > MAX_SHOWN
        || words::KEY_PREFIXES.iter().any(|prefix| name.starts_with(prefix))
        || !is_address && words::may_be_secret(name)
}
