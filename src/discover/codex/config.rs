//! Codex's configuration, merged from all of its layers.
//!
//! Facts from running Codex 0.169.0 (`codex login status`), from the weakest layer to the
//! strongest: `/etc/codex/config.toml`, `$CODEX_HOME/config.toml`, `.codex/config.toml` of a
//! project that the user's file trusts (from its root down to the working directory), and
//! `/etc/codex/managed_config.toml`.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde::de::IgnoredAny;

use crate::discover::scan::Scan;
use crate::discover::types::{LocalCredential, Place};
use crate::formats::json::Object;
use crate::provider::CredentialKind;
use crate::system::env::{Env, Platform};

/// The content of a file that affects the sign-in.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Layer {
    cli_auth_credentials_store: Option<String>,
    forced_login_method: Option<String>,
    forced_chatgpt_workspace_id: Option<Texts>,
    model_provider: Option<String>,
    profile: Option<String>,
    model_providers: BTreeMap<String, ModelProvider>,
    projects: BTreeMap<String, Project>,
    features: Features,
}

/// A string, or a list of strings.
#[derive(Deserialize)]
#[serde(untagged)]
enum Texts {
    One(String),
    Several(Vec<String>),
}

impl Texts {
    fn into_vec(self) -> Vec<String> {
        match self {
            Self::One(text) => vec![text],
            Self::Several(texts) => texts,
        }
    }
}

/// A service that Codex can use instead of its default one.
#[derive(Default, Deserialize)]
#[serde(default)]
struct ModelProvider {
    experimental_bearer_token: Option<IgnoredAny>,
    env_key: Option<String>,
    auth: Option<IgnoredAny>,
    http_headers: Option<IgnoredAny>,
    env_http_headers: Option<IgnoredAny>,
    requires_openai_auth: Option<bool>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Project {
    trust_level: Option<String>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Features {
    secret_auth_storage: Option<bool>,
}

/// A value and the file that sets it.
#[derive(Clone)]
pub(super) struct Setting<T = String> {
    pub(super) value: T,
    key: &'static str,
    file: PathBuf,
}

impl<T> Setting<T> {
    pub(super) fn place(&self) -> Place {
        Place::Setting {
            key: self.key.to_owned(),
            file: self.file.clone(),
        }
    }
}

/// The sign-in method of a model provider in the configuration.
#[derive(Clone)]
pub(super) enum ProviderLogin {
    /// Codex's own login.
    Codex,
    /// A token in the configuration.
    Token,
    /// The variable with this name.
    Variable(String),
    /// A command.
    Command,
    /// Headers in the configuration.
    Headers,
    /// None.
    Nothing,
}

/// The merged configuration.
#[derive(Default)]
pub(super) struct Config {
    pub(super) store: Option<Setting>,
    pub(super) forced_login_method: Option<Setting>,
    /// The `ChatGPT` workspaces that a login may belong to.
    pub(super) forced_workspaces: Option<Setting<Vec<String>>>,
    pub(super) model_provider: Option<Setting>,
    pub(super) profile: Option<Setting>,
    /// By name, with the file that defines it.
    pub(super) model_providers: BTreeMap<String, (ProviderLogin, PathBuf)>,
    pub(super) secret_auth_storage: Option<bool>,
    /// Whether Codex rejects the configuration and does not start.
    pub(super) is_refused: bool,
}

impl Config {
    /// Reads all layers. A file that cannot be read is reported and skipped.
    pub(super) fn read(scan: &mut Scan<'_>, home: &Path) -> Self {
        let mut config = Self::default();
        if let Some(file) = system_file(scan.env, "config.toml") {
            config.merge(layer(scan, &file), &file);
        }
        let user_file = home.join("config.toml");
        let user = layer(scan, &user_file);
        let projects = user.as_ref().map(|user| &user.projects);
        let projects = projects.map_or_else(Vec::new, |projects| trusted_projects(scan.env, projects, home));
        config.merge(user, &user_file);
        for file in projects {
            config.merge(layer(scan, &file), &file);
        }
        let managed = match scan.env.platform {
            Platform::Windows => Some(home.join("managed_config.toml")),
            _ => system_file(scan.env, "managed_config.toml"),
        };
        if let Some(file) = managed {
            config.merge(layer(scan, &file), &file);
        }
        config
    }

    /// The setting that forbids this login, if any.
    pub(super) fn forbids(&self, login: &LocalCredential) -> Option<Place> {
        let method = self
            .forced_login_method
            .as_ref()
            .filter(|forced| match forced.value.as_str() {
                "chatgpt" => login.kind == CredentialKind::ApiKey,
                "api" => login.kind == CredentialKind::OAuth,
                _ => false,
            });
        let workspaces = self.forced_workspaces.as_ref().filter(|forced| {
            let account = login
                .document
                .as_ref()
                .and_then(|document| account(document.expose_secret()));
            account.is_some_and(|account| !forced.value.contains(&account))
        });
        let method = method.map(Setting::place);
        method.or_else(|| workspaces.map(Setting::place))
    }

    /// Adds a layer, which overrides the weaker ones.
    fn merge(&mut self, layer: Option<Layer>, file: &Path) {
        let Some(layer) = layer else {
            self.is_refused = true;
            return;
        };
        let setting = |key, value: Option<String>| setting(key, value, file);
        let store = setting("cli_auth_credentials_store", layer.cli_auth_credentials_store);
        self.store = store.or(self.store.take());
        let method = setting("forced_login_method", layer.forced_login_method);
        self.forced_login_method = method.or(self.forced_login_method.take());
        let workspaces = layer.forced_chatgpt_workspace_id.map(Texts::into_vec);
        let workspaces = self::setting("forced_chatgpt_workspace_id", workspaces, file);
        self.forced_workspaces = workspaces.or(self.forced_workspaces.take());
        let provider = setting("model_provider", layer.model_provider);
        self.model_provider = provider.or(self.model_provider.take());
        let profile = setting("profile", layer.profile);
        self.is_refused |= profile.is_some();
        self.profile = profile.or(self.profile.take());
        for (name, provider) in layer.model_providers {
            let login = provider.login();
            self.model_providers.insert(name, (login, file.to_owned()));
        }
        let encrypts = layer.features.secret_auth_storage;
        self.secret_auth_storage = encrypts.or(self.secret_auth_storage);
    }
}

/// The `ChatGPT` workspace that a login belongs to.
fn account(login: &str) -> Option<String> {
    let tokens = Object::parse(login).ok()??.object("tokens").ok()??;
    let account = tokens.string("account_id").ok()??;
    Some(account.expose_secret().to_owned())
}

fn setting<T>(key: &'static str, value: Option<T>, file: &Path) -> Option<Setting<T>> {
    let file = file.to_owned();
    value.map(|value| Setting { value, key, file })
}

impl ModelProvider {
    fn login(self) -> ProviderLogin {
        if self.experimental_bearer_token.is_some() {
            ProviderLogin::Token
        } else if self.auth.is_some() {
            ProviderLogin::Command
        } else if let Some(variable) = self.env_key {
            ProviderLogin::Variable(variable)
        } else if self.http_headers.is_some() || self.env_http_headers.is_some() {
            ProviderLogin::Headers
        } else if self.requires_openai_auth == Some(true) {
            ProviderLogin::Codex
        } else {
            ProviderLogin::Nothing
        }
    }
}

/// Reads one file. A missing file sets nothing; `None` if Codex cannot read it.
fn layer(scan: &mut Scan<'_>, file: &Path) -> Option<Layer> {
    let Some(document) = scan.settings_file(file) else {
        return Some(Layer::default());
    };
    let parsed = toml::from_str(document.body()).map(Some).map_err(|error| {
        // The error's own message quotes the line, which may contain a key.
        let before = error.span().and_then(|span| document.body().get(..span.start));
        let line = before.map_or(1, |before| before.matches('\n').count() + 1);
        format!("line {line} cannot be parsed")
    });
    scan.usable(&document.place, parsed)
}

/// A machine-wide file.
fn system_file(env: &Env, name: &str) -> Option<PathBuf> {
    let directory = match env.platform {
        Platform::Windows => "ProgramData/OpenAI/Codex",
        Platform::MacOs | Platform::Unix => "etc/codex",
    };
    env.system_path(directory).map(|directory| directory.join(name))
}

/// The configuration files of the project around the working directory, if the user trusts it, the
/// weakest first.
fn trusted_projects(env: &Env, projects: &BTreeMap<String, Project>, home: &Path) -> Vec<PathBuf> {
    let Some(directory) = env.directory.as_deref() else {
        return Vec::new();
    };
    let root = directory.ancestors().find(|path| path.join(".git").exists());
    let root = root.unwrap_or(directory);
    let is_trusted = |path: &Path| {
        let project = path.to_str().and_then(|path| projects.get(path));
        project.is_some_and(|project| project.trust_level.as_deref() == Some("trusted"))
    };
    if !is_trusted(root) && !is_trusted(directory) {
        return Vec::new();
    }
    let below = directory.ancestors().filter(|path| path.starts_with(root));
    let mut files: Vec<_> = below
        .map(|path| path.join(".codex").join("config.toml"))
        .collect();
    files.reverse();
    files.retain(|file| *file != home.join("config.toml"));
    files
}
