//! A world, generated from its seed alone.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use fastrand::Rng;
use serde_json::json;

use crate::events::{Event, events};

/// One run of the program, with the contents of the vault and the `events` during the run.
#[derive(Debug, Clone)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a flag of the command line or of the server"
)]
pub(crate) struct World {
    pub(crate) seed: u64,
    pub(crate) command: Command,
    pub(crate) scope: &'static str,
    pub(crate) json: bool,
    pub(crate) verbose: bool,
    pub(crate) yes: bool,
    /// Whether the scope is on the command line; only user scope can be left out.
    pub(crate) scope_given: bool,
    /// `secret push --if-missing`.
    pub(crate) if_missing: bool,
    /// The values that a second push of the same names writes at the same time, with a key of its own.
    pub(crate) twin: Option<Vec<(String, String)>>,
    /// The stored session; without one, the program uses an API key.
    pub(crate) login: Option<Login>,
    /// The server accepts duplicate names of generic secrets.
    pub(crate) lenient: bool,
    /// Lists of provider credentials omit their types.
    pub(crate) types_hidden: bool,
    /// A deleted value can still be revealed.
    pub(crate) reveals_deleted: bool,
    /// The initial contents of the vault.
    pub(crate) stored: Vec<Entry>,
    pub(crate) events: Vec<Event>,
}

/// The name of a Claude login in reports.
pub(crate) const CLAUDE_LOGIN: &str = "Claude login";

/// The tokens of a session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Login {
    pub(crate) access_token: String,
    pub(crate) refresh_token: String,
    /// Whether the access token must be renewed before the first request.
    pub(crate) expired: bool,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Command {
    /// `secret push`: names and values.
    Push(Vec<(String, String)>),
    /// `secret extract --push`: the key in the store of Codex, and the login in that of Claude Code.
    Extract { key: String, login: Option<String> },
    /// `secret check`: the names that the repository references.
    Check(Vec<String>),
    /// `secret claude|codex push --force`.
    Replace(Credential),
    /// `secret claude|codex push`.
    Store(Credential),
    /// `secret delete`.
    Delete(Vec<String>),
    /// `secret claude|codex delete`, by id.
    DeleteCredentials {
        provider: &'static str,
        ids: Vec<String>,
    },
    /// `secret claude|codex delete --name`.
    DeleteNamed { provider: &'static str, name: String },
    /// `secret list`, or `secret claude|codex list`.
    List(&'static str),
}

/// A provider credential that the command stores.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Credential {
    pub(crate) provider: &'static str,
    pub(crate) name: String,
    pub(crate) value: String,
    /// `oauth` or `api_key`.
    pub(crate) kind: &'static str,
}

/// A stored secret or credential.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Entry {
    pub(crate) id: String,
    /// `generic`, `claude` or `codex`.
    pub(crate) family: &'static str,
    pub(crate) name: String,
    pub(crate) scope: &'static str,
    pub(crate) value: String,
    /// `oauth` or `api_key`; empty for a generic secret.
    pub(crate) kind: String,
}

impl World {
    pub(crate) fn new(seed: u64) -> Self {
        let mut rng = Rng::with_seed(seed);
        let rng = &mut rng;
        let scope = if rng.u8(..4) == 0 { "org" } else { "user" };
        let mut stored = Stored::default();
        let command = command(rng, scope, &mut stored);
        let is_push = matches!(command, Command::Push(_));
        let login = (rng.u8(..4) == 0).then(|| Login {
            access_token: token(rng, 3600),
            refresh_token: key(rng),
            expired: rng.u8(..3) > 0,
        });
        let mut world = Self {
            seed,
            command,
            scope,
            json: rng.bool(),
            verbose: rng.u8(..4) == 0,
            yes: rng.u8(..4) > 0,
            scope_given: scope == "org" || rng.bool(),
            if_missing: is_push && rng.u8(..3) == 0,
            twin: None,
            login,
            lenient: rng.u8(..4) == 0,
            types_hidden: rng.u8(..4) == 0,
            reveals_deleted: rng.u8(..4) == 0,
            stored: stored.0,
            events: Vec::new(),
        };
        if is_push && rng.u8(..5) == 0 {
            let names = world.names().into_iter();
            world.twin = Some(names.map(|name| (name, value(rng))).collect());
        }
        world.events = events(&world, rng);
        world
    }

    /// Describes the world, one line per entry and event.
    pub(crate) fn story(&self) -> String {
        let mut flags = self.clone();
        let lines = flags.stored.drain(..).map(|entry| format!("stored {entry:?}\n"));
        let lines: String = lines
            .chain(self.events.iter().map(|event| format!("event {event:?}\n")))
            .collect();
        flags.events.clear();
        format!("{flags:?}\n{lines}")
    }

    /// The family of secrets that the command operates on.
    pub(crate) fn family(&self) -> &'static str {
        match &self.command {
            Command::Replace(credential) | Command::Store(credential) => credential.provider,
            Command::DeleteCredentials { provider, .. } | Command::DeleteNamed { provider, .. } => provider,
            Command::List(family) => family,
            _ => "generic",
        }
    }

    /// The names and values that the command stores.
    pub(crate) fn wanted(&self) -> Vec<(String, String)> {
        match &self.command {
            Command::Push(pairs) => pairs.clone(),
            Command::Extract { key, login } => {
                let login = login.iter().map(|login| (CLAUDE_LOGIN.to_owned(), login.clone()));
                let keys = ["OPENAI_API_KEY", "CODEX_API_KEY"];
                let keys = keys.map(|name| (name.to_owned(), key.clone()));
                keys.into_iter().chain(login).collect()
            }
            Command::Replace(credential) | Command::Store(credential) => {
                vec![(credential.name.clone(), credential.value.clone())]
            }
            _ => Vec::new(),
        }
    }

    /// The family and the scope of what the command stores under this name.
    pub(crate) fn place(&self, name: &str) -> (&'static str, &'static str) {
        if name == CLAUDE_LOGIN {
            ("claude", "user")
        } else {
            (self.family(), self.scope)
        }
    }

    /// Every value that no output may show.
    pub(crate) fn secrets(&self) -> Vec<String> {
        let stored = self.stored.iter().map(|entry| entry.value.clone());
        let wanted = self.wanted().into_iter().map(|(_, value)| value);
        let login = self.login.iter();
        let tokens = login.flat_map(|login| [login.access_token.clone(), login.refresh_token.clone()]);
        stored
            .chain(wanted)
            .flat_map(|value| inner_values(&value))
            .chain(tokens)
            .collect()
    }

    /// The names in the command's requests.
    pub(crate) fn names(&self) -> Vec<String> {
        match &self.command {
            Command::Delete(names) | Command::Check(names) => names.clone(),
            Command::DeleteCredentials { .. } | Command::DeleteNamed { .. } | Command::List(_) => {
                self.stored.iter().map(|entry| entry.name.clone()).collect()
            }
            _ => self.wanted().into_iter().map(|(name, _)| name).collect(),
        }
    }
}

/// The initial contents of the vault while they are generated.
#[derive(Default)]
struct Stored(Vec<Entry>);

impl Stored {
    fn add(
        &mut self,
        rng: &mut Rng,
        family: &'static str,
        name: &str,
        scope: &'static str,
        kind: &str,
    ) -> String {
        let id = format!("old_{}", self.0.len() + 1);
        self.0.push(Entry {
            id: id.clone(),
            family,
            name: name.to_owned(),
            scope,
            value: match kind {
                "" => value(rng),
                "oauth" => login(family, rng),
                _ => key(rng),
            },
            kind: kind.to_owned(),
        });
        id
    }
}

fn command(rng: &mut Rng, scope: &'static str, stored: &mut Stored) -> Command {
    let provider = *rng.choice(&["claude", "codex"]).unwrap_or(&"claude");
    let count = if rng.u8(..8) == 0 { 40 } else { 5 };
    let names: Vec<String> = (0..count).map(|n| format!("NAME_{n}")).collect();
    match rng.u8(..16) {
        0..=3 => {
            let count = if names.len() > 5 { 40 } else { rng.usize(1..=5) };
            for name in names.iter().filter(|_| rng.bool()).collect::<Vec<_>>() {
                stored.add(rng, "generic", name, scope, "");
            }
            let other = if scope == "org" { "user" } else { "org" };
            if rng.u8(..8) == 0 {
                let name = &names[rng.usize(..count)];
                stored.add(rng, "generic", name, other, "");
            }
            let pairs = names.into_iter().take(count);
            Command::Push(pairs.map(|name| (name, value(rng))).collect())
        }
        4 => {
            if rng.bool() {
                stored.add(rng, "generic", "OPENAI_API_KEY", scope, "");
            }
            let has_login = rng.bool();
            if has_login && rng.bool() {
                let name = *rng.choice(&["Claude OAuth", "Another"]).unwrap_or(&"Another");
                let kind = *rng.choice(&["oauth", "oauth", "api_key"]).unwrap_or(&"oauth");
                stored.add(rng, "claude", name, "user", kind);
            }
            Command::Extract {
                key: key(rng),
                login: has_login.then(|| login("claude", rng)),
            }
        }
        5..=8 => Command::Replace(credential(rng, provider, scope, stored)),
        9 => Command::Store(credential(rng, provider, scope, stored)),
        10 => {
            let count = rng.usize(1..=4);
            for name in names.iter().take(count) {
                stored.add(rng, "generic", name, scope, "");
            }
            Command::Delete(names.into_iter().take(count).collect())
        }
        11 => {
            let ids = (0..rng.usize(1..=3)).map(|n| stored.add(rng, provider, &names[n], "user", "api_key"));
            Command::DeleteCredentials {
                provider,
                ids: ids.collect(),
            }
        }
        12 => {
            stored.add(rng, provider, "Work key", scope, "api_key");
            stored.add(rng, provider, "Another key", "user", "oauth");
            Command::DeleteNamed {
                provider,
                name: "Work key".to_owned(),
            }
        }
        13 | 14 => {
            for name in names.iter().filter(|_| rng.u8(..4) > 0).collect::<Vec<_>>() {
                let scope = if rng.bool() { "org" } else { "user" };
                stored.add(rng, "generic", name, scope, "");
            }
            Command::Check(names)
        }
        _ => {
            let family = *rng.choice(&["generic", "claude", "codex"]).unwrap_or(&"generic");
            for name in names.iter().filter(|_| rng.bool()).collect::<Vec<_>>() {
                let kind = if family == "generic" { "" } else { "api_key" };
                stored.add(rng, family, name, scope, kind);
            }
            Command::List(family)
        }
    }
}

/// Generates a credential to store, and possibly the existing one that it conflicts with.
fn credential(rng: &mut Rng, provider: &'static str, scope: &'static str, stored: &mut Stored) -> Credential {
    let kinds = ["api_key", "api_key", "oauth"];
    let name = "Work key".to_owned();
    if rng.u8(..8) > 0 {
        let held = if scope == "org" && rng.bool() {
            "Another key"
        } else {
            &name
        };
        let kind = kinds[rng.usize(..3)];
        stored.add(rng, provider, held, scope, kind);
    }
    let other_scope = if scope == "org" { "user" } else { "org" };
    stored.add(rng, provider, "Somebody's", other_scope, "api_key");
    let kind = kinds[rng.usize(..3)];
    let value = if kind == "oauth" {
        login(provider, rng)
    } else {
        key(rng)
    };
    Credential {
        provider,
        name,
        value,
        kind,
    }
}

/// A value with characters that every encoding changes, and of which any part is unique.
fn value(rng: &mut Rng) -> String {
    mixed(rng, "/ä +\"&\\'<%=")
}

/// As [`value`], but valid as an API key: printable ASCII without spaces.
pub(crate) fn key(rng: &mut Rng) -> String {
    mixed(rng, "/+&\"<%'=")
}

fn mixed(rng: &mut Rng, specials: &str) -> String {
    let parts = specials.chars().map(|c| format!("{:04x}{c}", rng.u16(..)));
    format!("zq{}{:04x}", parts.collect::<String>(), rng.u16(..))
}

/// Generates the login file of a tool.
fn login(provider: &str, rng: &mut Rng) -> String {
    let (access, refresh) = (token(rng, 3600), key(rng));
    let login = if provider == "claude" {
        json!({ "claudeAiOauth": {
            "accessToken": access, "refreshToken": refresh,
            "expiresAt": 32_503_680_000_000_u64, "scopes": ["user:inference"],
        }})
    } else {
        json!({ "tokens": { "id_token": token(rng, 3600), "access_token": access, "refresh_token": refresh } })
    };
    login.to_string()
}

/// A JWT that expires in the year 3000.
pub(crate) fn token(rng: &mut Rng, serial: u64) -> String {
    let claims = json!({ "exp": 32_503_680_000_u64, "serial": serial, "salt": rng.u64(..) });
    let claims = URL_SAFE_NO_PAD.encode(claims.to_string());
    format!("e30.{claims}.{:016x}{:016x}", rng.u64(..), rng.u64(..))
}

/// The secrets in a value: the tokens of a login, otherwise the value itself.
fn inner_values(value: &str) -> Vec<String> {
    let login: Option<serde_json::Value> = serde_json::from_str(value).ok();
    let objects = login
        .iter()
        .flat_map(|login| [&login["claudeAiOauth"], &login["tokens"]]);
    let names = [
        "accessToken",
        "refreshToken",
        "id_token",
        "access_token",
        "refresh_token",
    ];
    let tokens: Vec<_> = objects
        .flat_map(|object| names.map(|name| object[name].as_str()))
        .flatten()
        .map(str::to_owned)
        .collect();
    if tokens.is_empty() {
        vec![value.to_owned()]
    } else {
        tokens
    }
}
