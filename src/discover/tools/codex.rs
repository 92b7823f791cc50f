//! Codex: one login, in the store that its configuration selects.
//!
//! Facts from running Codex 0.171.0 (`codex login status`): `$CODEX_HOME` (default `~/.codex`) contains
//! `config.toml`, `auth.json` and `.env`. The configuration is merged from `/etc/codex/config.toml`,
//! the user's file and `/etc/codex/managed_config.toml`, the last being the strongest;
//! `/etc/codex/requirements.toml` can refuse a login. `cli_auth_credentials_store` defaults to `file`.
//! A keyring item is used only if it is selected, and belongs to one home: its account is a hash of the
//! home's real path. `auth.json` needs `tokens.id_token`, a JWT, and `tokens.refresh_token`, which may
//! be empty, and no byte order mark.

use std::borrow::Cow;
use std::path::{Path, PathBuf};

use jiff::Timestamp;

use super::add_login;
use crate::discover::credential::{Filter, LocalCredential, ProviderName};
use crate::discover::layers::{Format, Layers, Node};
use crate::discover::note::{self, About, Flaw};
use crate::discover::overrides::{self, Overrides, Tool, other_server};
use crate::discover::place::Place;
use crate::discover::reader::{Document, Reader};
use crate::discover::report::Report;
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
const MANAGED: &str = "managed_config.toml";
/// Children of a model provider with a credential of its own.
const OWN_CREDENTIALS: [&str; 3] = ["experimental_bearer_token", "auth", "env_key"];
const ABOUT: Filter = Filter::new(Some(CODEX.discovered_as), None);
/// Stores of Codex with other secrets than its login.
const OTHER_STORES: &str = ".credentials.json gateway_oauth.json secrets/local.age secrets/mcp_oauth.age \
                            secrets/gateway_oauth.age";

/// The location of Codex's stores, and its configuration.
struct Codex<'a> {
    reader: &'a Reader<'a>,
    home: PathBuf,
    layers: Layers,
    /// Whether the keyring store is a file encrypted with a key in the keyring.
    encrypts: bool,
}

pub(in crate::discover) fn scan(reader: &Reader<'_>) -> Report {
    let mut report = Report {
        about: ABOUT,
        ..Report::default()
    };
    let env = reader.env;
    let Some(home) = env.path("CODEX_HOME").or_else(|| reader.below_home(".codex")) else {
        return report;
    };
    if env.is_set("CODEX_HOME") && !home.is_dir() {
        report.note(&Place::Variable("CODEX_HOME".to_owned()), About::NoHome);
    }
    let mut layers = configuration(reader, &home);
    report.problems.append(&mut layers.problems);
    let encrypts = layers.is_true(&["features", "secret_auth_storage"]);
    let codex = Codex {
        reader,
        home,
        layers,
        encrypts: encrypts.unwrap_or(env.platform == Platform::Windows),
    };
    let mut overrides = Overrides::find(&TOOL, env, &codex.layers);
    let (provider, server) = codex.other_provider();
    overrides.named.extend(provider);
    let is_known = codex.stored_login(&mut report) && report.problems.is_empty();
    for login in &mut report.credentials {
        login.in_use = is_known && overrides.first().is_none() && login.unusable.is_none();
        login.overridden_by = overrides.first().cloned();
        if login.kind == CredentialKind::ApiKey {
            login.server.clone_from(&server);
        }
    }
    codex.note_other_stores(&mut report);
    report.overrides.push(overrides);
    report
}

/// The configuration, the strongest file first, and the variables of `.env`.
fn configuration(reader: &Reader<'_>, home: &Path) -> Layers {
    let env = reader.env;
    let is_windows = env.platform == Platform::Windows;
    let directory = if is_windows {
        "ProgramData/OpenAI/Codex"
    } else {
        "etc/codex"
    };
    let directory = env.system_path(directory);
    let system = |name| directory.as_ref().map(|directory| directory.join(name));
    let managed = if is_windows {
        Some(home.join(MANAGED))
    } else {
        system(MANAGED)
    };
    let user = Some(home.join("config.toml"));
    let mut layers = Layers::new(ABOUT);
    let files = [system("requirements.toml"), managed, user, system("config.toml")];
    for file in files.into_iter().flatten() {
        layers.file(reader, file, Format::Toml);
    }
    layers.file(reader, home.join(".env"), Format::Dotenv);
    layers
}

impl Codex<'_> {
    /// The setting that selects a model provider other than `OpenAI` itself, and the host that the stored
    /// key belongs to because of the configuration.
    fn other_provider(&self) -> (Option<Place>, Option<String>) {
        let selected = self
            .layers
            .get(&[MODEL_PROVIDER])
            .map(|(id, place)| (id.as_variable(), place));
        let selected = selected.filter(|(id, _)| !id.trim().is_empty() && id != "openai");
        let id = selected.as_ref().map_or("openai", |(id, _)| id);
        let member = |name| {
            self.layers
                .get(&["model_providers", id, name])
                .map(|(node, _)| node)
        };
        let mut own = OWN_CREDENTIALS.iter().filter_map(|name| member(*name));
        // A provider with a credential of its own does not use the stored key, unless older versions took
        // that key for the variable.
        let has_own_key = own.clone().any(|node| node.text() != Some("OPENAI_API_KEY"));
        let address = member("base_url").map(Node::as_variable);
        let of_provider = address.clone().filter(|_| !has_own_key);
        let setting = self
            .layers
            .get(&["openai_base_url"])
            .map(|(node, _)| node.as_variable());
        let variable = self
            .layers
            .variable(self.reader.env, "OPENAI_BASE_URL")
            .map(Cow::from);
        let mut addresses = [of_provider, setting, variable].into_iter().flatten();
        let server = addresses.find_map(|address| other_server(&address, TOOL.domains));
        let is_openai = address.is_some_and(|address| other_server(&address, TOOL.domains).is_none())
            && member("requires_openai_auth").is_some_and(Node::is_true)
            && own.next().is_none();
        (selected.filter(|_| !is_openai).map(|(_, place)| place), server)
    }

    /// Adds the login of the store that the configuration selects. Returns whether it is known that no
    /// other store goes before it.
    fn stored_login(&self, report: &mut Report) -> bool {
        let setting = self.layers.get(&[STORE]);
        let setting = setting.map(|(store, place)| (store.as_variable(), place));
        let (store, place) = setting.unwrap_or(("file".into(), Place::File(self.home.clone())));
        let mut is_known = true;
        let mut uses_file = false;
        match (&*store, self.encrypts) {
            ("file", _) => {
                uses_file = true;
                if !self.in_file(report) {
                    self.note_encrypted(report);
                }
            }
            ("keyring", true) => _ = self.note_encrypted(report),
            ("keyring", false) => _ = self.in_keyring(report),
            // Codex uses the file if the keyring has no login or cannot be reached.
            ("auto", encrypts) => {
                let reason = self
                    .reader
                    .unreachable_keychain()
                    .filter(|_| self.auth_file().is_file());
                if encrypts {
                    is_known = !self.note_encrypted(report);
                } else if let Some(reason) = reason {
                    is_known = false;
                    report.note(&place, About::NoKeychain(TITLE, reason.to_string()));
                }
                uses_file = encrypts || !is_known || !self.in_keyring(report);
                if uses_file {
                    self.in_file(report);
                }
            }
            ("ephemeral", _) => report.note(&place, About::InMemory),
            _ => {
                let reason = "is not a store that Codex knows, so Codex does not start";
                report.problem(&place, reason);
                uses_file = self.in_file(report);
            }
        }
        if !uses_file {
            report.note_existing(&self.auth_file(), About::UnusedFile);
        }
        is_known
    }

    fn auth_file(&self) -> PathBuf {
        self.home.join("auth.json")
    }

    /// Adds the login in the file. Returns whether the file exists, because then Codex uses it.
    fn in_file(&self, report: &mut Report) -> bool {
        let document = report.store(self.reader.file(&self.auth_file()));
        self.add(report, document.as_ref())
    }

    /// Adds the login in the keyring. Returns whether there is an item for this home.
    fn in_keyring(&self, report: &mut Report) -> bool {
        // If the directory does not exist, there is no login and no real path to hash.
        let real = self.home.canonicalize().unwrap_or_else(|_| self.home.clone());
        let account = format!("cli|{}", hex_start(real.as_os_str().as_encoded_bytes(), 16));
        let item = report.selected_item(self.reader, "Codex Auth", &account);
        self.add(report, item.as_ref())
    }

    fn add(&self, report: &mut Report, document: Option<&Document>) -> bool {
        if let Some(document) = document {
            login_in(report, document, (self.reader.env.now)());
        }
        document.is_some()
    }

    /// Notes the encrypted login, if there is one.
    fn note_encrypted(&self, report: &mut Report) -> bool {
        report.note_existing(&self.home.join("secrets/codex_auth.age"), About::EncryptedLogin)
    }

    /// Notes stores with other secrets, and tokens in the configuration.
    fn note_other_stores(&self, report: &mut Report) {
        for store in OTHER_STORES.split_whitespace() {
            report.note_existing(&self.home.join(store), About::OtherCodexLogins);
        }
        for (providers, place) in self.layers.objects(&["model_providers"]) {
            let has_token = |provider: &Node| provider.get("experimental_bearer_token").is_some();
            if providers.values().any(has_token) {
                report.note(place, About::ModelProviderToken);
            }
        }
    }
}

fn login_in(report: &mut Report, document: &Document, now: Timestamp) {
    let place = &document.place;
    let Some(object) = report.object(document) else {
        return;
    };
    let Some((mode, is_explicit)) = mode(report, place, &object) else {
        return;
    };
    let missing = |report: &mut Report, member| {
        if is_explicit {
            report.note(place, About::NoCredential(note::quoted(&mode), member));
        }
    };
    match mode.as_str() {
        "apikey" => match report.usable(place, object.string("OPENAI_API_KEY")) {
            Some(key) => {
                let (provider, kind) = (ProviderName::OPENAI, CredentialKind::ApiKey);
                report.add(LocalCredential {
                    unusable: document.has_mark().then_some(Flaw::ByteOrderMark(TITLE)),
                    ..LocalCredential::new(&sources::CODEX, place, provider, kind, key)
                });
            }
            None => missing(report, "OPENAI_API_KEY"),
        },
        "chatgpt" | "chatgptAuthTokens" => {
            let Some(tokens) = report.usable(place, object.object(CODEX.access_token.0)) else {
                return missing(report, "tokens");
            };
            let Some(token) = report.usable(place, tokens.string(CODEX.access_token.1)) else {
                return;
            };
            add_login(report, &sources::CODEX, &CODEX, document, token, now);
        }
        // It does not expire, and is pushed whole like a login.
        "personalAccessToken" => {
            if let Some(token) = report.usable(place, object.string("personal_access_token")) {
                add_login(report, &sources::CODEX, &CODEX, document, token, now);
            }
        }
        _ => report.note(place, About::OtherMethod(note::quoted(&mode))),
    }
}

/// The sign-in method that the file sets, or else that of the first credential in it; and whether the
/// file sets it.
fn mode(report: &mut Report, place: &Place, object: &Object<'_>) -> Option<(String, bool)> {
    if object.has("auth_mode") {
        let mode = report.usable(place, object.string("auth_mode").map(Some))?;
        return Some((
            mode.map_or_else(String::new, |mode| mode.expose_secret().to_owned()),
            true,
        ));
    }
    let mode = if object.has("personal_access_token") {
        "personalAccessToken"
    } else if object.has("bedrock_api_key") {
        "bedrockApiKey"
    } else if object.has("bedrock_access_keys") {
        "bedrockAccessKeys"
    } else if report.usable(place, object.string("OPENAI_API_KEY")).is_some() {
        // An empty key counts as missing.
        "apikey"
    } else {
        "chatgpt"
    };
    Some((mode.to_owned(), false))
}
