//! Keys in OpenCode's configuration, `provider.<id>.options.apiKey`, which override those in
//! `auth.json`.
//!
//! The order of the layers is that of OpenCode 1.18.33, from the shipped program, confirmed by
//! running it with a different key in each: user, `OPENCODE_CONFIG`, project from the outermost
//! directory to the working directory, `.opencode` directories from the innermost outwards,
//! `~/.opencode`, `OPENCODE_CONFIG_DIR`, `OPENCODE_CONFIG_CONTENT`, system. Later layers override
//! earlier ones. In one directory, `opencode.jsonc` overrides `opencode.json`. `disabled_providers`
//! and `enabled_providers` select the providers that are used.

use std::path::{Path, PathBuf};

use jsonc_parser::{JsonObject, JsonValue};
use zeroize::Zeroizing;

use super::super::label;
use super::super::scan::Scan;
use super::super::types::Place;
use crate::formats::json::parse_with_comments;
use crate::secret::SecretValue;
use crate::system::env::{Env, Platform};

/// A provider's key in the configuration.
pub(super) struct ConfiguredKey {
    /// The id of the provider in the configuration.
    pub(super) id: String,
    /// The file or variable with the configuration.
    pub(super) place: Place,
    pub(super) key: Key,
}

/// The value of the key.
pub(super) enum Key {
    Literal(SecretValue),
    /// `{env:NAME}`
    Variable(String),
    /// `{file:PATH}`
    File(PathBuf),
    /// References within other text.
    Composed,
}

/// The merged layers; the strongest layer that sets a value applies.
#[derive(Default)]
pub(super) struct Configuration {
    pub(super) keys: Vec<ConfiguredKey>,
    disabled: Option<ProviderList>,
    enabled: Option<ProviderList>,
    /// Whether OpenCode rejects the configuration and does not start.
    pub(super) is_refused: bool,
}

/// The provider ids in a setting.
struct ProviderList {
    ids: Vec<String>,
    place: Place,
}

impl Configuration {
    pub(super) fn read(scan: &mut Scan<'_>) -> Self {
        let mut configuration = Self::default();
        for path in files_below_content(scan.env) {
            configuration.read_file(scan, &path);
        }
        let content = scan.env.variable("OPENCODE_CONFIG_CONTENT");
        if let Some(content) = content.filter(|content| !content.is_empty()) {
            let text = Zeroizing::new(content.to_string_lossy().into_owned());
            let place = Place::Variable("OPENCODE_CONFIG_CONTENT".to_owned());
            let directory = scan.env.directory.clone().unwrap_or_default();
            configuration.add_layer(scan, &text, &place, &directory);
        }
        for path in system_files(scan.env) {
            configuration.read_file(scan, &path);
        }
        configuration
    }

    /// The setting that disables a provider, if any.
    pub(super) fn excludes(&self, id: &str) -> Option<&Place> {
        let has = |list: &&ProviderList| list.ids.iter().any(|other| other == id);
        let disabled = self.disabled.as_ref().filter(has);
        let excluded = disabled.or_else(|| self.enabled.as_ref().filter(|list| !has(list)));
        excluded.map(|list| &list.place)
    }

    fn read_file(&mut self, scan: &mut Scan<'_>, path: &Path) {
        let Some(document) = scan.settings_file(path) else {
            return;
        };
        let directory = path.parent().unwrap_or(Path::new(""));
        self.add_layer(scan, document.body(), &document.place, directory);
    }

    /// Adds a layer, which overrides the weaker ones.
    fn add_layer(&mut self, scan: &mut Scan<'_>, text: &str, place: &Place, directory: &Path) {
        match parse_with_comments(text) {
            Ok(Some(layer)) => self.merge(scan, layer, place, directory),
            Ok(None) => {}
            Err(error) => {
                self.is_refused = true;
                scan.problem(place, error);
            }
        }
    }

    fn merge(&mut self, scan: &mut Scan<'_>, mut layer: JsonObject<'_>, place: &Place, directory: &Path) {
        self.disabled = provider_list(&layer, "disabled_providers", place).or(self.disabled.take());
        self.enabled = provider_list(&layer, "enabled_providers", place).or(self.enabled.take());
        let providers = layer.take_object("provider").into_iter().flatten();
        let mut providers: Vec<_> = providers.collect();
        // The parser does not keep the order.
        providers.sort_by(|(one, _), (other, _)| one.cmp(other));
        for (index, (id, provider)) in providers.into_iter().enumerate() {
            let key = match api_key(provider) {
                Some(JsonValue::String(key)) => Key::parse(&key, directory, scan.env),
                None | Some(JsonValue::Null) => continue,
                Some(_) => {
                    if scan.asks_for(&id) {
                        let what = format!("options.apiKey of {}", label::entry(&id, index));
                        scan.skip(place, &what, "is not a string");
                    }
                    self.is_refused = true;
                    continue;
                }
            };
            self.keys.retain(|other| other.id != id);
            self.keys.push(ConfiguredKey {
                id: id.into_owned(),
                place: place.clone(),
                key,
            });
        }
    }
}

fn provider_list(layer: &JsonObject<'_>, key: &str, place: &Place) -> Option<ProviderList> {
    let ids = layer.get_array(key)?.iter().filter_map(|id| match id {
        JsonValue::String(id) => Some(id.to_string()),
        _ => None,
    });
    let place = match place {
        Place::File(file) => Place::Setting {
            key: key.to_owned(),
            file: file.clone(),
        },
        other => other.clone(),
    };
    Some(ProviderList {
        ids: ids.collect(),
        place,
    })
}

/// The configuration files that `OPENCODE_CONFIG_CONTENT` overrides, the weakest first.
fn files_below_content(env: &Env) -> Vec<PathBuf> {
    let mut files = Vec::new();
    if let Some(directory) = env.xdg_directory_as_set("XDG_CONFIG_HOME", ".config") {
        let directory = directory.join("opencode");
        files.push(directory.join("config.json"));
        files.extend(both_names(&directory));
    }
    files.extend(env.path("OPENCODE_CONFIG"));
    let project = project_directories(env);
    for directory in project.iter().rev() {
        files.extend(both_names(directory));
    }
    for directory in &project {
        files.extend(both_names(&directory.join(".opencode")));
    }
    if let Some(home) = &env.home {
        files.extend(both_names(&home.join(".opencode")));
    }
    if let Some(directory) = env.path("OPENCODE_CONFIG_DIR") {
        files.extend(both_names(&directory));
    }
    files
}

fn both_names(directory: &Path) -> [PathBuf; 2] {
    ["opencode.json", "opencode.jsonc"].map(|name| directory.join(name))
}

/// The working directory and its parents up to the root of its repository, the innermost first.
fn project_directories(env: &Env) -> Vec<PathBuf> {
    let disabled = env.variable("OPENCODE_DISABLE_PROJECT_CONFIG");
    let disabled = disabled.is_some_and(|on| on == "1" || on.eq_ignore_ascii_case("true"));
    let Some(directory) = env.directory.as_deref().filter(|_| !disabled) else {
        return Vec::new();
    };
    let mut directories = Vec::new();
    for directory in directory.ancestors() {
        directories.push(directory.to_owned());
        if directory.join(".git").exists() {
            break;
        }
    }
    directories
}

/// The system-wide configuration of an administrator, which overrides all other layers.
fn system_files(env: &Env) -> Vec<PathBuf> {
    let directory = match env.platform {
        Platform::Unix => env.system_path("etc/opencode"),
        Platform::MacOs => env.system_path("Library/Application Support/opencode"),
        Platform::Windows => env.path("ProgramData").map(|data| data.join("opencode")),
    };
    directory
        .iter()
        .flat_map(|directory| both_names(directory))
        .collect()
}

fn api_key(provider: JsonValue<'_>) -> Option<JsonValue<'_>> {
    let JsonValue::Object(mut provider) = provider else {
        return None;
    };
    provider.take_object("options")?.take("apiKey")
}

impl Key {
    /// OpenCode replaces `{env:NAME}` and `{file:PATH}` anywhere in the text. A relative path is
    /// relative to the configuration file.
    fn parse(text: &str, directory: &Path, env: &Env) -> Self {
        if !text.contains("{env:") && !text.contains("{file:") {
            return Self::Literal(SecretValue::new(text.to_owned()));
        }
        let whole = |prefix| {
            let inner = text.trim().strip_prefix(prefix)?.strip_suffix('}')?;
            (!inner.contains('}') && !inner.is_empty()).then_some(inner)
        };
        if let Some(name) = whole("{env:") {
            Self::Variable(name.to_owned())
        } else if let Some(path) = whole("{file:") {
            Self::File(directory.join(env.expand_home(Path::new(path))))
        } else {
            Self::Composed
        }
    }
}
