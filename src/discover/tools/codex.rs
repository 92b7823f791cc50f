//! Codex: one login, in the store that its configuration selects.
//!
//! Facts from running Codex 0.171.0 (`codex login status`): `$CODEX_HOME` (default `~/.codex`) contains
//! `config.toml`, `auth.json` and `.env`. The configuration is merged from `/etc/codex/config.toml`,
//! the user's file and `/etc/codex/managed_config.toml`, the last being the strongest;
//! `/etc/codex/requirements.toml` can refuse a login. `cli_auth_credentials_store` defaults to `file`.
//! A keyring item is used only if it is selected, and belongs to one home: its account is a hash of the
//! home's real path. `auth.json` needs `tokens.id_token`, a JWT, and `tokens.refresh_token`, which may
//! be empty, and no byte order mark.

use std::path::PathBuf;

use jiff::Timestamp;

use super::add_login;
use crate::discover::credential::{Filter, LocalCredential, ProviderName};
use crate::discover::layers::{Format, Layers, Node};
use crate::discover::note::{Note, Reason, Unread};
use crate::discover::overrides::{self, Overrides, Tool, other_server};
use crate::discover::place::Place;
use crate::discover::reader::{Document, Reader};
use crate::discover::report::{Report, existing};
use crate::discover::sources;
use crate::formats::json::Object;
use crate::provider::{CODEX, CredentialKind};
use crate::system::env::Platform;
use crate::system::keychain::hex_start;

const TITLE: &str = "Codex";
const TOOL: Tool = Tool {
    title: TITLE,
    prefixes: &["OPENAI_", "CODEX_", "SPIFFE_"],
    followed: &["CODEX_HOME", STORE, MODEL_PROVIDER],
    domains: overrides::OPENAI,
    project_files: &[".codex/config.toml"],
};
const STORE: &str = "cli_auth_credentials_store";
const MODEL_PROVIDER: &str = "model_provider";
/// Members of a model provider with a credential of its own.
const OWN_CREDENTIALS: [&str; 3] = ["experimental_bearer_token", "auth", "env_key"];
const ABOUT: Filter = Filter::provider(CODEX.discovered_as);
/// Stores of Codex with other secrets than its login.
const OTHER_STORES: [&str; 5] = [
    ".credentials.json",
    "gateway_oauth.json",
    "secrets/local.age",
    "secrets/mcp_oauth.age",
    "secrets/gateway_oauth.age",
];

/// The location of Codex's stores, and its configuration.
struct Codex<'a> {
    reader: &'a Reader<'a>,
    home: PathBuf,
    layers: Layers,
    /// Whether the keyring store is a file encrypted with a key in the keyring.
    encrypts: bool,
}

pub(in crate::discover) fn scan(reader: &Reader<'_>) -> Report {
    let mut report = Report::default();
    let env = reader.env;
    let Some(home) = env.path("CODEX_HOME").or_else(|| reader.below_home(".codex")) else {
        return report;
    };
    if env.is_set("CODEX_HOME") && !home.is_dir() {
        report.note(Note::NoCodexHome);
    }
    let layers = configuration(reader, &mut report, &home);
    let encrypts = layers.is_true(&["features", "secret_auth_storage"]);
    let codex = Codex {
        reader,
        home,
        layers,
        encrypts: encrypts.unwrap_or(env.platform == Platform::Windows),
    };
    let mut overrides = Overrides::find(&TOOL, env, &codex.layers);
    overrides.named.extend(codex.other_model_provider());
    let is_known = codex.stored_login(&mut report);
    let is_known = is_known && !codex.layers.is_broken && report.problems.is_empty();
    let server = codex.server();
    for login in &mut report.credentials {
        login.in_use = is_known && overrides.first().is_none() && login.unusable.is_none();
        login.overridden_by = overrides.first().cloned();
        if login.kind == CredentialKind::ApiKey {
            login.server.clone_from(&server);
        }
    }
    codex.note_other_stores(&mut report);
    report.notes.extend(overrides.into_notes(TITLE));
    report
}

/// The configuration, the strongest file first, and the variables of `.env`.
fn configuration(reader: &Reader<'_>, report: &mut Report, home: &std::path::Path) -> Layers {
    let env = reader.env;
    let system = |name| match env.platform {
        Platform::Windows => env
            .system_path("ProgramData/OpenAI/Codex")
            .map(|path| path.join(name)),
        Platform::MacOs | Platform::Unix => env.system_path("etc/codex").map(|path| path.join(name)),
    };
    let managed = match env.platform {
        Platform::Windows => Some(home.join("managed_config.toml")),
        Platform::MacOs | Platform::Unix => system("managed_config.toml"),
    };
    let user = Some(home.join("config.toml"));
    let mut layers = Layers::new(ABOUT);
    let files = [system("requirements.toml"), managed, user, system("config.toml")];
    for file in files.into_iter().flatten() {
        layers.file(reader, report, file, Format::Toml);
    }
    layers.file(reader, report, home.join(".env"), Format::Dotenv);
    layers
}

impl Codex<'_> {
    /// The setting that selects a model provider, unless that is `OpenAI` itself.
    fn other_model_provider(&self) -> Option<Place> {
        let (id, place) = self.layers.get(&[MODEL_PROVIDER])?;
        let id = id.as_variable().trim();
        if id.is_empty() || id == "openai" {
            return None;
        }
        let member = |name| {
            self.layers
                .get(&["model_providers", id, name])
                .map(|(node, _)| node)
        };
        let address = member("base_url").map(Node::as_variable);
        let is_own = address.is_some_and(|address| other_server(address, TOOL.domains).is_none());
        let has_login = member("requires_openai_auth").is_some_and(Node::is_true);
        let has_credential = OWN_CREDENTIALS.iter().any(|name| member(name).is_some());
        (!is_own || !has_login || has_credential).then_some(place)
    }

    /// The host that a stored key belongs to, if the configuration names another one than `OpenAI`'s.
    fn server(&self) -> Option<String> {
        let id = self
            .layers
            .text(&[MODEL_PROVIDER])
            .map_or("openai", |(id, _)| id.trim());
        let member = |name| {
            self.layers
                .get(&["model_providers", id, name])
                .map(|(node, _)| node)
        };
        // A provider with a credential of its own does not use the stored key, unless older versions
        // took that key for the variable.
        let has_credential = OWN_CREDENTIALS
            .iter()
            .any(|name| member(name).is_some_and(|value| value.text() != Some("OPENAI_API_KEY")));
        let of_provider = member("base_url")
            .filter(|_| !has_credential)
            .map(|url| url.as_variable().to_owned());
        let setting = self
            .layers
            .text(&["openai_base_url"])
            .map(|(url, _)| url.to_owned());
        let variable = self.layers.variable(self.reader.env, "OPENAI_BASE_URL");
        let mut addresses = of_provider.into_iter().chain(setting).chain(variable);
        addresses.find_map(|address| other_server(&address, TOOL.domains))
    }

    /// Adds the login of the store that the configuration selects. Returns whether it is known that no
    /// other store goes before it.
    fn stored_login(&self, report: &mut Report) -> bool {
        let store = self
            .layers
            .get(&[STORE])
            .map(|(store, place)| (store.as_variable(), place));
        match store {
            None | Some(("file", _)) => {
                if !self.in_file(report) {
                    self.note_encrypted(report);
                }
                true
            }
            Some(("keyring", setting)) => {
                if self.encrypts {
                    self.note_encrypted(report);
                } else {
                    self.in_keyring(report);
                }
                self.note_unused_file(report, &setting);
                true
            }
            Some(("auto", setting)) => self.in_keyring_or_file(report, &setting),
            Some(("ephemeral", setting)) => {
                report.note(Note::InMemory);
                self.note_unused_file(report, &setting);
                true
            }
            Some((_, setting)) => {
                report.problem(
                    &setting,
                    ABOUT,
                    "is not a store that Codex knows, so Codex does not start",
                );
                self.in_file(report);
                false
            }
        }
    }

    /// With `auto`, Codex uses the file if the keyring has no login or cannot be reached.
    fn in_keyring_or_file(&self, report: &mut Report, setting: &Place) -> bool {
        if self.encrypts {
            let is_encrypted = self.note_encrypted(report);
            self.in_file(report);
            return !is_encrypted;
        }
        if let Some(reason) = self
            .reader
            .unreachable_keychain()
            .filter(|_| self.auth_file().is_file())
        {
            report.note(Note::NoKeychain {
                tool: TITLE,
                reason: reason.to_string(),
            });
            self.in_file(report);
            return false;
        }
        if self.in_keyring(report) {
            self.note_unused_file(report, setting);
        } else {
            self.in_file(report);
        }
        true
    }

    fn auth_file(&self) -> PathBuf {
        self.home.join("auth.json")
    }

    /// Adds the login in the file. Returns whether the file exists, because then Codex uses it.
    fn in_file(&self, report: &mut Report) -> bool {
        let document = report.store(self.reader.file(&self.auth_file()), ABOUT);
        document.is_some_and(|document| {
            login_in(report, &document, (self.reader.env.now)());
            true
        })
    }

    /// Adds the login in the keyring. Returns whether there is an item for this home.
    fn in_keyring(&self, report: &mut Report) -> bool {
        // If the directory does not exist, there is no login and no real path to hash.
        let real = self.home.canonicalize().unwrap_or_else(|_| self.home.clone());
        let account = format!("cli|{}", hex_start(real.as_os_str().as_encoded_bytes(), 16));
        let service = "Codex Auth";
        if !self.reader.reads_keychain() && self.reader.unreachable_keychain().is_none() {
            report.note(Note::KeychainOfOtherHome {
                service: service.to_owned(),
            });
        }
        let item = report.store(self.reader.selected_item(service, &account), ABOUT);
        item.is_some_and(|item| {
            login_in(report, &item, (self.reader.env.now)());
            true
        })
    }

    /// Notes the file if the configuration selects another store.
    fn note_unused_file(&self, report: &mut Report, setting: &Place) {
        if let Some(file) = existing(&self.auth_file()) {
            let setting = setting.clone();
            report.note(Note::UnusedFile { file, setting });
        }
    }

    /// Notes the encrypted login, if there is one.
    fn note_encrypted(&self, report: &mut Report) -> bool {
        let file = existing(&self.home.join("secrets/codex_auth.age"));
        let is_there = file.is_some();
        report.notes.extend(file.map(|place| Note::Unread {
            place,
            what: Unread::EncryptedCodexLogin,
        }));
        is_there
    }

    /// Notes stores with other secrets, and tokens in the configuration.
    fn note_other_stores(&self, report: &mut Report) {
        for place in OTHER_STORES
            .iter()
            .filter_map(|store| existing(&self.home.join(store)))
        {
            report.note(Note::Unread {
                place,
                what: Unread::OtherCodexLogins,
            });
        }
        for (providers, place) in self.layers.objects(&["model_providers"]) {
            if providers
                .values()
                .any(|provider| provider.get("experimental_bearer_token").is_some())
            {
                report.note(Note::Unread {
                    place: place.clone(),
                    what: Unread::ModelProviderToken,
                });
            }
        }
    }
}

fn login_in(report: &mut Report, document: &Document, now: Timestamp) {
    let place = &document.place;
    let Some(object) = report.object(document, ABOUT) else {
        return;
    };
    let Some((mode, is_explicit)) = mode(report, place, &object) else {
        return;
    };
    let missing = |report: &mut Report, member| {
        if is_explicit {
            let (place, mode) = (place.clone(), mode.clone());
            report.note(Note::MissingMember { place, mode, member });
        }
    };
    let other = |method| Note::OtherMethod {
        place: place.clone(),
        method,
    };
    match mode.as_str() {
        "apikey" => match report.usable(place, ABOUT, object.string("OPENAI_API_KEY")) {
            Some(key) => {
                let (provider, kind) = (ProviderName::OPENAI, CredentialKind::ApiKey);
                report.add(LocalCredential {
                    unusable: document.has_mark().then_some(Reason::ByteOrderMark(TITLE)),
                    ..LocalCredential::new(&sources::CODEX, place, provider, kind, key)
                });
            }
            None => missing(report, "OPENAI_API_KEY"),
        },
        "chatgpt" | "chatgptAuthTokens" => {
            let Some(tokens) = report.usable(place, ABOUT, object.object(CODEX.access_token.0)) else {
                return missing(report, "tokens");
            };
            let Some(token) = report.usable(place, ABOUT, tokens.string(CODEX.access_token.1)) else {
                return;
            };
            add_login(report, &sources::CODEX, &CODEX, document, token, now);
        }
        // It does not expire, and is pushed whole like a login.
        "personalAccessToken" => {
            if let Some(token) = report.usable(place, ABOUT, object.string("personal_access_token")) {
                add_login(report, &sources::CODEX, &CODEX, document, token, now);
            }
        }
        "bedrockApiKey" | "bedrockAccessKeys" => report.note(other("keys for Amazon Bedrock")),
        "agentIdentity" => report.note(other("an agent identity")),
        "headers" => report.note(other("headers of its own")),
        _ => report.note(other("an unknown method")),
    }
}

/// The sign-in method that the file sets, or else that of the first credential in it; and whether the
/// file sets it.
fn mode(report: &mut Report, place: &Place, object: &Object<'_>) -> Option<(String, bool)> {
    if object.has("auth_mode") {
        let mode = report.usable(place, ABOUT, object.string("auth_mode").map(Some))?;
        return Some((
            mode.map_or_else(String::new, |mode| mode.expose_secret().to_owned()),
            true,
        ));
    }
    let members = [
        ("personal_access_token", "personalAccessToken"),
        ("bedrock_api_key", "bedrockApiKey"),
        ("bedrock_access_keys", "bedrockAccessKeys"),
    ];
    let held = members.iter().find(|(member, _)| object.has(member));
    let mode = match held {
        Some((_, mode)) => mode,
        // An empty key counts as missing.
        None if report
            .usable(place, ABOUT, object.string("OPENAI_API_KEY"))
            .is_some() =>
        {
            "apikey"
        }
        None => "chatgpt",
    };
    Some((mode.to_owned(), false))
}
