//! Codex: one login, in the store that its configuration selects.
//!
//! Facts from running Codex 0.169.0: `$CODEX_HOME` (default `~/.codex`) contains `config.toml` and
//! `auth.json`; `cli_auth_credentials_store` defaults to `file`. A keyring item is used only if the
//! setting selects it, and belongs to one home: its account is a hash of the home's real path.

mod config;
mod overrides;

use std::path::PathBuf;

use jiff::Timestamp;

use super::scan::{Document, Scan, Unreadable};
use super::types::{LocalCredential, Place, ProviderName};
use crate::formats::json::{JsonError, Object};
use crate::formats::jwt::{self, Expiry};
use crate::provider::CODEX;
use crate::secret::SecretValue;
use crate::system::env::Platform;
use crate::system::keychain::hex_start;

use self::config::Config;

/// Stores of Codex with other secrets than its login.
const OTHER_STORES: [&str; 5] = [
    ".credentials.json",
    "gateway_oauth.json",
    "secrets/local.age",
    "secrets/mcp_oauth.age",
    "secrets/gateway_oauth.age",
];

/// The location of Codex's stores, and its configuration.
struct Codex {
    home: PathBuf,
    config: Config,
    /// Whether the keyring store is a file encrypted with a key in the keyring.
    encrypts: bool,
}

/// Whether Codex uses the login that was read.
#[derive(Clone, Copy, PartialEq)]
enum Used {
    Yes,
    /// Unknown, because a store with precedence could not be read.
    Unknown,
}

pub(crate) fn login(scan: &mut Scan<'_>) {
    let Some(home) = scan.env.path("CODEX_HOME").or_else(|| scan.below_home(".codex")) else {
        return;
    };
    if scan.env.is_set("CODEX_HOME") && !home.is_dir() {
        scan.notice(
            "CODEX_HOME points to a directory that does not exist, so Codex does not start".to_owned(),
        );
    }
    let config = Config::read(scan, &home);
    let encrypts = config.secret_auth_storage;
    let codex = Codex {
        home,
        config,
        encrypts: encrypts.unwrap_or(scan.env.platform == Platform::Windows),
    };
    let before = overrides::find(scan, &codex.config);
    let used = codex.stored_login(scan);
    let is_refused = codex.config.is_refused;
    for login in scan.own_credentials() {
        let forbidden = codex.config.forbids(login);
        let other = before.clone().or(forbidden);
        login.in_use = match (&other, used) {
            _ if is_refused => None,
            (Some(_), _) => Some(false),
            (None, Used::Yes) => Some(true),
            (None, Used::Unknown) => None,
        };
        login.overridden_by = other;
    }
    overrides::report_forbidden(scan, &codex.config);
    for store in OTHER_STORES {
        let what = "contains other logins of Codex, such as those of MCP servers, which amika does not push";
        scan.report_store(&codex.home.join(store), what);
    }
}

impl Codex {
    fn auth_file(&self) -> PathBuf {
        self.home.join("auth.json")
    }

    fn encrypted_file(&self) -> PathBuf {
        self.home.join("secrets").join("codex_auth.age")
    }

    /// Adds the login of the store that the configuration selects.
    fn stored_login(&self, scan: &mut Scan<'_>) -> Used {
        let store = self.config.store.as_ref();
        match store.map(|store| store.value.as_str()) {
            Some("ephemeral") => {
                scan.notice("Codex keeps its login in memory only, so there is none to read".to_owned());
                self.report_unused_file(scan);
                Used::Yes
            }
            Some("keyring") => {
                if self.encrypts {
                    self.report_encrypted(scan);
                } else {
                    // An unreachable keyring is already reported.
                    let _ = self.in_keyring(scan);
                }
                self.report_unused_file(scan);
                Used::Yes
            }
            Some("auto") => self.in_keyring_or_file(scan),
            other => {
                if let (Some(store), Some(other)) = (store, other)
                    && other != "file"
                {
                    let reason = "is not a store that Codex knows, so Codex does not start";
                    scan.problem(&store.place(), reason);
                    self.in_file(scan);
                    return Used::Unknown;
                }
                if !self.in_file(scan) {
                    self.report_encrypted(scan);
                }
                Used::Yes
            }
        }
    }

    /// With `auto`, Codex uses the file if the keyring has no login or cannot be reached.
    fn in_keyring_or_file(&self, scan: &mut Scan<'_>) -> Used {
        if self.encrypts {
            let encrypted = self.report_encrypted(scan);
            self.in_file(scan);
            return if encrypted { Used::Unknown } else { Used::Yes };
        }
        let unreachable = scan.unreachable_keychain();
        let Some(reason) = unreachable.filter(|_| self.auth_file().is_file()) else {
            return match self.in_keyring(scan) {
                Ok(true) => {
                    self.report_unused_file(scan);
                    Used::Yes
                }
                Ok(false) => {
                    self.in_file(scan);
                    Used::Yes
                }
                Err(Unreadable) => {
                    self.in_file(scan);
                    Used::Unknown
                }
            };
        };
        scan.notice(format!(
            "Codex is configured to prefer the keyring to auth.json, but the keyring could not be reached: {reason}"
        ));
        self.in_file(scan);
        Used::Unknown
    }

    /// Adds the login in the file. Returns `true` if the file exists, because then Codex uses it.
    fn in_file(&self, scan: &mut Scan<'_>) -> bool {
        let document = scan.file(&self.auth_file());
        document.is_some_and(|document| {
            login_in(scan, &document);
            true
        })
    }

    /// Adds the login in the keyring. Returns `true` if there is an item for this home.
    fn in_keyring(&self, scan: &mut Scan<'_>) -> Result<bool, Unreadable> {
        // If the directory does not exist, there is no login and no real path to hash.
        let real = self.home.canonicalize().unwrap_or_else(|_| self.home.clone());
        let account = format!("cli|{}", hex_start(real.as_os_str().as_encoded_bytes(), 16));
        let item = scan.selected_item("Codex Auth", &account)?;
        Ok(item.is_some_and(|item| {
            login_in(scan, &item);
            true
        }))
    }

    /// Reports the file, which Codex does not use because another store is selected.
    fn report_unused_file(&self, scan: &mut Scan<'_>) {
        let file = self.auth_file();
        if let Some(store) = self.config.store.as_ref().filter(|_| file.is_file()) {
            let home = scan.tilde();
            let (file, setting) = (Place::File(file).shown(home), store.place().shown(home));
            scan.notice(format!(
                "{file} exists, but Codex does not use it: {setting} selects {}",
                match store.value.as_str() {
                    "ephemeral" => "memory",
                    _ => "the keyring",
                }
            ));
        }
    }

    /// Reports the encrypted login, if there is one.
    fn report_encrypted(&self, scan: &mut Scan<'_>) -> bool {
        let file = self.encrypted_file();
        if !file.is_file() {
            return false;
        }
        let place = Place::File(file).shown(scan.tilde());
        scan.notice(format!(
            "Codex stores its login encrypted in {place}, which only Codex can read; set \
             cli_auth_credentials_store = \"file\" in its config.toml and run 'codex login' again"
        ));
        true
    }
}

/// The reason why Codex cannot read its login file.
#[derive(Debug, thiserror::Error)]
enum LoginError {
    #[error(transparent)]
    Json(#[from] JsonError),
    #[error("`tokens.id_token` is missing or not a JWT, so Codex cannot read it")]
    IdToken,
    #[error("`tokens.refresh_token` is missing, so Codex cannot read it")]
    RefreshToken,
    #[error("`last_refresh` is not a time, so Codex cannot read it")]
    LastRefresh,
}

/// Checks the members that Codex requires in the file.
fn check_tokens(tokens: &Object<'_>) -> Result<(), LoginError> {
    let id_token = tokens.string("id_token")?;
    let is_jwt = |token: SecretValue| jwt::expiry(token.expose_secret()) != Expiry::NotAJwt;
    if !id_token.is_some_and(is_jwt) {
        return Err(LoginError::IdToken);
    }
    if !tokens.has("refresh_token") {
        return Err(LoginError::RefreshToken);
    }
    Ok(())
}

fn login_in(scan: &mut Scan<'_>, document: &Document) {
    let place = &document.place;
    if scan.refuses_mark(document, "Codex") {
        return;
    }
    let Some(object) = scan.object(document) else {
        return;
    };
    let Some(mode) = mode(scan, place, &object) else {
        return;
    };
    match mode.name.as_str() {
        "apikey" => match scan.usable(place, object.string("OPENAI_API_KEY")) {
            Some(key) => {
                scan.add_key(place, ProviderName::OPENAI, key);
            }
            None => mode.report_missing(scan, place, "OPENAI_API_KEY"),
        },
        "chatgpt" | "chatgptAuthTokens" => chatgpt_login(scan, document, &object, &mode),
        other => {
            let how = match other {
                "personalAccessToken" => "a personal access token",
                "bedrockApiKey" | "bedrockAccessKeys" => "keys for Amazon Bedrock",
                "agentIdentity" => "an agent identity",
                "headers" => "headers of its own",
                _ => "an unknown method",
            };
            let place = place.shown(scan.tilde());
            scan.notice(format!(
                "Codex is signed in with {how} ({place}), which is neither an OpenAI API key nor a \
                 ChatGPT login; push it under another name with 'amika secret push NAME'"
            ));
        }
    }
}

fn chatgpt_login(scan: &mut Scan<'_>, document: &Document, object: &Object<'_>, mode: &Mode) {
    let place = &document.place;
    let Some(tokens) = scan.usable(place, object.object(CODEX.access_token.0)) else {
        return mode.report_missing(scan, place, "tokens");
    };
    let Some(token) = scan.usable(place, tokens.string(CODEX.access_token.1)) else {
        return;
    };
    if let Err(reason) = check_tokens(&tokens).and_then(|()| check_last_refresh(object)) {
        return scan.problem(place, reason);
    }
    if !object.has("last_refresh") {
        let place = place.shown(scan.tilde());
        scan.notice(format!(
            "the login in {place} has no `last_refresh`, without which Codex does not send its token; \
             run 'codex login'"
        ));
    }
    let renewable = tokens
        .string(CODEX.refresh_token)
        .is_ok_and(|token| token.is_some());
    let whole = scan.whole(document);
    if scan.add_token(place, ProviderName::OPENAI, token, whole) {
        let own = scan.own_credentials();
        own.for_each(|login: &mut LocalCredential| login.renewable = Some(renewable));
    }
}

/// Checks that `last_refresh` is a time or missing; Codex rejects a file with anything else.
fn check_last_refresh(object: &Object<'_>) -> Result<(), LoginError> {
    let text = object.string("last_refresh")?;
    match text.map(|text| text.expose_secret().parse::<Timestamp>()) {
        None | Some(Ok(_)) => Ok(()),
        Some(Err(_)) => Err(LoginError::LastRefresh),
    }
}

/// The sign-in method of Codex.
struct Mode {
    name: String,
    /// Whether it is set by `auth_mode` rather than derived from the other members.
    is_explicit: bool,
}

impl Mode {
    /// Reports a missing member that the mode requires, unless the file sets no mode.
    fn report_missing(&self, scan: &mut Scan<'_>, place: &Place, member: &str) {
        if self.is_explicit {
            let place = place.shown(scan.tilde());
            scan.notice(format!(
                "`auth_mode` in {place} is {}, and there is no `{member}`, so Codex is not logged in",
                self.name
            ));
        }
    }
}

/// The mode that the file sets, or that of the first login in it.
fn mode(scan: &mut Scan<'_>, place: &Place, object: &Object<'_>) -> Option<Mode> {
    if object.has("auth_mode") {
        return match object.string("auth_mode") {
            Ok(name) => Some(Mode {
                name: name.map_or_else(String::new, |name| name.expose_secret().to_owned()),
                is_explicit: true,
            }),
            Err(reason) => {
                scan.problem(place, reason);
                None
            }
        };
    }
    let members = [
        ("personal_access_token", "personalAccessToken"),
        ("bedrock_api_key", "bedrockApiKey"),
        ("bedrock_access_keys", "bedrockAccessKeys"),
    ];
    let held = members.iter().find(|(member, _)| object.has(member));
    let name = if let Some((_, name)) = held {
        name
    // An empty key counts as missing.
    } else if scan.usable(place, object.string("OPENAI_API_KEY")).is_some() {
        "apikey"
    } else {
        "chatgpt"
    };
    Some(Mode {
        name: name.to_owned(),
        is_explicit: false,
    })
}
