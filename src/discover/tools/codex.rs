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

use super::shared::{add_login, no_keychain, settle, state_in};
use crate::discover::credential::{LocalCredential, Place, ProviderName, Source};
use crate::discover::layers::{Format, Layers, Node};
use crate::discover::messages;
use crate::discover::overrides::{self, Tool, other_server};
use crate::discover::reader::{Document, Lookup, Reader};
use crate::discover::report::Report;
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
    preferences: Some("com.openai.codex"),
    project_files: &[".codex/config.toml"],
};
const STORE: &str = "cli_auth_credentials_store";
const MODEL_PROVIDER: &str = "model_provider";
/// Members of a model provider that has a credential of its own.
const OWN_CREDENTIALS: [&str; 3] = ["experimental_bearer_token", "auth", "env_key"];
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

pub(in crate::discover) fn scan(reader: &Reader<'_>, report: &mut Report) {
    let env = reader.env;
    let Some(home) = env.directory_in("CODEX_HOME", ".codex") else {
        return;
    };
    let layers = configuration(reader, report, &home);
    let encrypts = layers.get(&["features", "secret_auth_storage"]);
    let encrypts = encrypts.map_or(env.platform == Platform::Windows, |(on, _)| on.is_true());
    let codex = Codex {
        reader,
        home,
        layers,
        encrypts,
    };
    let mut overrides = overrides::find(&TOOL, env, &codex.layers);
    let (provider, server) = codex.other_provider();
    overrides.named.extend(provider);
    let is_known = codex.stored_login(report) && report.problems.is_empty();
    let found = &mut report.credentials;
    // A login stays OpenAI's.
    let server = server.filter(|_| found.iter().all(|found| found.kind == CredentialKind::ApiKey));
    settle(found, is_known, overrides.first(), server.as_ref());
    codex.note_other_stores(report);
    report.overrides.push(overrides);
}

/// The configuration, the strongest file first, and the variables of `.env`.
fn configuration(reader: &Reader<'_>, report: &mut Report, home: &Path) -> Layers {
    let env = reader.env;
    let (system, managed) = match env.platform {
        Platform::Windows => ("ProgramData/OpenAI/Codex", Some(home.join("managed_config.toml"))),
        _ => ("etc/codex", env.system_path("etc/codex/managed_config.toml")),
    };
    let system = |name: &str| Some(env.system_path(system)?.join(name));
    let user = Some(home.join("config.toml"));
    let mut layers = Layers::default();
    let files = [system("requirements.toml"), managed, user, system("config.toml")];
    for file in files.into_iter().flatten() {
        layers.file(reader, report, file, Format::Toml);
    }
    layers.file(reader, report, home.join(".env"), Format::Dotenv);
    layers
}

impl Codex<'_> {
    /// The setting that selects a model provider other than `OpenAI` itself, and the host to which the
    /// configuration sends the stored key, if that is not the vendor's.
    fn other_provider(&self) -> (Option<Place>, Option<String>) {
        let text = |path: &[&str]| Some(self.layers.get(path)?.0.as_variable());
        let selected = text(&[MODEL_PROVIDER]).filter(|id| !id.trim().is_empty() && id != "openai");
        let id = selected.as_deref().unwrap_or("openai");
        let member = |name| Some(self.layers.get(&["model_providers", id, name])?.0);
        let own: Vec<_> = OWN_CREDENTIALS.into_iter().filter_map(member).collect();
        // A provider with a credential of its own does not use the stored key. With `OPENAI_API_KEY` as its
        // variable it may: older versions took the stored key for that variable.
        let has_own_key = own.iter().any(|node| node.text() != Some("OPENAI_API_KEY"));
        let address = member("base_url").map(Node::as_variable);
        let variable = self.layers.variable(self.reader.env, "OPENAI_BASE_URL");
        let addresses = [
            address.clone().filter(|_| !has_own_key),
            text(&["openai_base_url"]),
            variable.map(Cow::from),
        ];
        let other = |address: Cow<'_, str>| other_server(&address, TOOL.domains);
        let server = addresses.into_iter().flatten().find_map(other);
        let is_openai = address.is_some_and(|address| other(address).is_none())
            && member("requires_openai_auth").is_some_and(Node::is_true)
            && own.is_empty();
        let place = self.layers.get(&[MODEL_PROVIDER]).map(|(_, place)| place);
        (place.filter(|_| selected.is_some() && !is_openai), server)
    }

    /// Adds the login of the store that the configuration selects. Returns whether it is known that no
    /// other store goes before it.
    fn stored_login(&self, report: &mut Report) -> bool {
        let setting = self.layers.get(&[STORE]);
        let setting = setting.map(|(store, place)| (store.as_variable(), place));
        let (store, place) = setting.unwrap_or(("file".into(), Place::File(self.home.clone())));
        let auth_file = self.home.join("auth.json");
        let encrypted = self.home.join("secrets/codex_auth.age");
        let mut is_known = true;
        let uses_file = match (&*store, self.encrypts) {
            ("file", _) => true,
            ("keyring", true) => false,
            ("keyring", false) => {
                self.login_in_keyring(report);
                false
            }
            ("auto", true) => {
                is_known = !encrypted.is_file();
                true
            }
            // Codex uses the file if the keyring has no login or cannot be reached.
            ("auto", false) => {
                let reason = self.reader.unreachable().filter(|_| auth_file.is_file());
                if let Some(reason) = &reason {
                    is_known = false;
                    report.note(&place, no_keychain(TITLE, reason));
                }
                reason.is_some() || !self.login_in_keyring(report)
            }
            ("ephemeral", _) => {
                let text = "Codex keeps its login in memory only, so there is none to read";
                report.note(&place, text);
                false
            }
            _ => {
                let reason = "is not a store that Codex knows, so Codex does not start";
                report.problem(&place, reason);
                true
            }
        };
        if uses_file {
            self.login_in(report, self.reader.file(&auth_file));
        } else {
            let text = "Codex does not use this file, because its configuration selects another store";
            report.note_existing(auth_file, text);
        }
        if self.encrypts && store != "file" || report.credentials.is_empty() {
            let text = "Codex's login is encrypted, so that only Codex can read it; set cli_auth_credentials_store = \
                        \"file\" in its config.toml and run `codex login` again";
            report.note_existing(encrypted, text);
        }
        is_known
    }

    /// Adds the login in the keyring. Returns whether there is an item for this home, which Codex then uses.
    fn login_in_keyring(&self, report: &mut Report) -> bool {
        // If the directory does not exist, there is no login and no real path to hash.
        let real = self.home.canonicalize().unwrap_or_else(|_| self.home.clone());
        let account = format!("cli|{}", hex_start(real.as_os_str().as_encoded_bytes(), 16));
        self.login_in(report, self.reader.selected_item("Codex Auth", &account))
    }

    /// Adds the login in a store. Returns whether the store exists.
    fn login_in(&self, report: &mut Report, store: Lookup) -> bool {
        let document = report.store(store);
        if let Some(document) = &document
            && let Some(object) = report.object(document)
        {
            add(report, document, &object, (self.reader.env.now)());
        }
        document.is_some()
    }

    /// Notes stores with other secrets, and tokens in the configuration.
    fn note_other_stores(&self, report: &mut Report) {
        let text = "contains other logins of Codex, such as those at MCP servers, which amika does not push";
        for store in OTHER_STORES.split_whitespace() {
            report.note_existing(self.home.join(store), text);
        }
        for (providers, place) in self.layers.objects(&["model_providers"]) {
            let has_token = |provider: &Node| provider.get("experimental_bearer_token").is_some();
            if providers.values().any(has_token) {
                let text = "contains a token for a model provider of Codex, which amika does not push";
                report.note(place, text);
            }
        }
    }
}

/// Adds the credential of the sign-in method that is set, or else the first one in the file.
fn add(report: &mut Report, document: &Document, object: &Object<'_>, now: Timestamp) {
    let place = &document.place;
    let Some(mode) = mode(report, place, object) else {
        return;
    };
    let (member, token) = match mode.as_str() {
        "apikey" => ("OPENAI_API_KEY", object.string("OPENAI_API_KEY")),
        "chatgpt" | "chatgptAuthTokens" => ("tokens.access_token", object.string_in(CODEX.access_token)),
        // It does not expire, and is pushed whole like a login.
        "personalAccessToken" => ("personal_access_token", object.string("personal_access_token")),
        _ => {
            let mode = messages::quoted(&mode);
            let text = format!("the sign-in method {mode} has neither an OpenAI API key nor a ChatGPT login");
            return report.note(place, text);
        }
    };
    match report.usable(place, token.map(Some)) {
        Some(Some(key)) if mode == "apikey" => {
            let (provider, kind) = (ProviderName::OPENAI, CredentialKind::ApiKey);
            report.add(LocalCredential {
                state: state_in(document, TITLE),
                ..LocalCredential::new(&Source::CODEX, place, provider, kind, key)
            });
        }
        Some(Some(token)) => add_login(report, &Source::CODEX, &CODEX, document, token, now),
        Some(None) if object.has("auth_mode") => {
            let text = format!("`auth_mode` is set, but there is no `{member}`, so Codex is not logged in");
            report.note(place, text);
        }
        _ => {}
    }
}

/// The sign-in method that the file sets, or else that of the first credential in it.
fn mode(report: &mut Report, place: &Place, object: &Object<'_>) -> Option<String> {
    if object.has("auth_mode") {
        let mode = report.usable(place, object.string("auth_mode").map(Some))?;
        return Some(mode.map_or_else(String::new, |mode| mode.expose_secret().to_owned()));
    }
    let modes = [
        ("personal_access_token", "personalAccessToken"),
        ("bedrock_api_key", "bedrockApiKey"),
        ("bedrock_access_keys", "bedrockAccessKeys"),
    ];
    let mode = modes.iter().find(|(member, _)| object.has(member));
    // An empty key counts as missing; the error of one that is no string is reported where it is read.
    let has_key = !matches!(object.string("OPENAI_API_KEY"), Ok(None));
    let mode = mode.map_or(if has_key { "apikey" } else { "chatgpt" }, |(_, mode)| mode);
    Some(mode.to_owned())
}

#[cfg(test)]
mod tests;
