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
use crate::discover::note::{self, About, Reason};
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
/// Members of a model provider with a credential of its own.
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
    let mut report = Report::default();
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
    overrides.named.extend(codex.other_model_provider());
    let is_known = codex.stored_login(&mut report);
    let is_known = is_known && report.problems.is_empty();
    let server = codex.server();
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
        layers.file(reader, file, Format::Toml);
    }
    layers.file(reader, home.join(".env"), Format::Dotenv);
    layers
}

impl Codex<'_> {
    /// The selected model provider, and the setting that selects it.
    fn model_provider(&self) -> Option<(Cow<'_, str>, Place)> {
        let (id, place) = self.layers.get(&[MODEL_PROVIDER])?;
        Some((id.as_variable(), place)).filter(|(id, _)| !id.trim().is_empty() && id != "openai")
    }

    /// A member of a model provider.
    fn member(&self, provider: &str, name: &str) -> Option<&Node> {
        self.layers
            .get(&["model_providers", provider, name])
            .map(|(node, _)| node)
    }

    /// The setting that selects a model provider, unless that is `OpenAI` itself.
    fn other_model_provider(&self) -> Option<Place> {
        let (id, place) = self.model_provider()?;
        let address = self.member(&id, "base_url").map(Node::as_variable);
        let is_own = address.is_some_and(|address| other_server(&address, TOOL.domains).is_none());
        let has_login = self
            .member(&id, "requires_openai_auth")
            .is_some_and(Node::is_true);
        let has_credential = OWN_CREDENTIALS
            .iter()
            .any(|name| self.member(&id, name).is_some());
        (!is_own || !has_login || has_credential).then_some(place)
    }

    /// The host that a stored key belongs to, if the configuration names another one than `OpenAI`'s.
    fn server(&self) -> Option<String> {
        let id = self.model_provider().map_or("openai".into(), |(id, _)| id);
        // A provider with a credential of its own does not use the stored key, unless older versions
        // took that key for the variable.
        let is_other = |node: &Node| node.text() != Some("OPENAI_API_KEY");
        let has_credential = OWN_CREDENTIALS
            .iter()
            .any(|name| self.member(&id, name).is_some_and(is_other));
        let of_provider = self.member(&id, "base_url").filter(|_| !has_credential);
        let of_setting = self.layers.get(&["openai_base_url"]).map(|(node, _)| node);
        let addresses = of_provider
            .into_iter()
            .chain(of_setting)
            .map(|node| node.as_variable().into_owned());
        let variable = self.layers.variable(self.reader.env, "OPENAI_BASE_URL");
        addresses
            .chain(variable)
            .find_map(|address| other_server(&address, TOOL.domains))
    }

    /// Adds the login of the store that the configuration selects. Returns whether it is known that no
    /// other store goes before it.
    fn stored_login(&self, report: &mut Report) -> bool {
        let setting = self.layers.get(&[STORE]);
        let store = setting
            .as_ref()
            .map_or("file".into(), |(store, _)| store.as_variable());
        let place = setting
            .as_ref()
            .map_or(Place::File(self.home.clone()), |(_, place)| place.clone());
        let unused_file = |report: &mut Report| report.note_existing(&self.auth_file(), About::UnusedFile);
        match &*store {
            "file" => {
                if !self.in_file(report) {
                    self.note_encrypted(report);
                }
            }
            "keyring" => {
                if self.encrypts {
                    self.note_encrypted(report);
                } else {
                    self.in_keyring(report);
                }
                unused_file(report);
            }
            // Codex uses the file if the keyring has no login or cannot be reached.
            "auto" if self.encrypts => {
                let is_encrypted = self.note_encrypted(report);
                self.in_file(report);
                return !is_encrypted;
            }
            "auto" => {
                let reason = self
                    .reader
                    .unreachable_keychain()
                    .filter(|_| self.auth_file().is_file());
                if let Some(reason) = reason {
                    report.note(&place, About::NoKeychain(TITLE, reason.to_string()));
                    self.in_file(report);
                    return false;
                }
                if self.in_keyring(report) {
                    unused_file(report);
                } else {
                    self.in_file(report);
                }
            }
            "ephemeral" => {
                report.note(&place, About::InMemory);
                unused_file(report);
            }
            _ => {
                report.problem(
                    &place,
                    ABOUT,
                    "is not a store that Codex knows, so Codex does not start",
                );
                self.in_file(report);
            }
        }
        true
    }

    fn auth_file(&self) -> PathBuf {
        self.home.join("auth.json")
    }

    /// Adds the login in the file. Returns whether the file exists, because then Codex uses it.
    fn in_file(&self, report: &mut Report) -> bool {
        let document = report.store(self.reader.file(&self.auth_file()), ABOUT);
        self.add(report, document.as_deref())
    }

    /// Adds the login in the keyring. Returns whether there is an item for this home.
    fn in_keyring(&self, report: &mut Report) -> bool {
        // If the directory does not exist, there is no login and no real path to hash.
        let real = self.home.canonicalize().unwrap_or_else(|_| self.home.clone());
        let account = format!("cli|{}", hex_start(real.as_os_str().as_encoded_bytes(), 16));
        let item = report.selected_item(self.reader, "Codex Auth", &account, ABOUT);
        self.add(report, item.as_deref())
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
    let Some(object) = report.object(document, ABOUT) else {
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
    let other = |report: &mut Report, method| report.note(place, About::OtherMethod(method));
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
        "bedrockApiKey" | "bedrockAccessKeys" => other(report, "keys for Amazon Bedrock"),
        "agentIdentity" => other(report, "an agent identity"),
        "headers" => other(report, "headers of its own"),
        _ => other(report, "an unknown method"),
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
