//! OpenCode 1.18: keys in its configuration, and `auth.json` in its XDG data directory on every
//! system. OpenCode 2 stores its credentials in a database, which is not read.
//!
//! Facts from running OpenCode 1.18.33 (`/config/providers` of its server): a key in the configuration
//! goes before `auth.json`. The configuration is merged; the strongest layer is the system's, then
//! `OPENCODE_CONFIG_CONTENT`, `OPENCODE_CONFIG_DIR`, `~/.opencode`, `OPENCODE_CONFIG` and the user's
//! files. Entries of `auth.json` are `api` (`key`), `oauth` (`access`, `expires` in milliseconds, 0 for
//! never) and `wellknown`, whose `key` is the name of a variable, not a secret.
//! `OPENCODE_AUTH_CONTENT` replaces the file unless it is invalid JSON. A relative XDG directory is
//! followed.

use std::collections::BTreeMap;
use std::path::Path;
use std::rc::Rc;

use jiff::Timestamp;
use serde_json::value::RawValue;
use zeroize::Zeroizing;

use super::Claimed;
use crate::discover::credential::{Filter, LocalCredential, ProviderName};
use crate::discover::layers::{Format, Layers, Node};
use crate::discover::note::{self, About, Reason, Reference};
use crate::discover::overrides::{self, Overrides, Tool, other_server};
use crate::discover::place::Place;
use crate::discover::reader::{Document, Reader};
use crate::discover::report::Report;
use crate::discover::sources;
use crate::formats::json::Object;
use crate::provider::CredentialKind;
use crate::secret::SecretValue;
use crate::system::env::Platform;

const TITLE: &str = "OpenCode";
const AUTH_CONTENT: &str = "OPENCODE_AUTH_CONTENT";
const CONFIG_CONTENT: &str = "OPENCODE_CONFIG_CONTENT";
const TOOL: Tool = Tool {
    title: TITLE,
    prefixes: &["OPENCODE_"],
    followed: &[
        "provider",
        "OPENCODE_CONFIG",
        "OPENCODE_DB",
        CONFIG_CONTENT,
        AUTH_CONTENT,
    ],
    domains: &[],
    project_files: &[
        "opencode.json",
        "opencode.jsonc",
        ".opencode/opencode.json",
        ".opencode/opencode.jsonc",
    ],
};
const ABOUT: Filter = Filter::ANY;

/// OpenCode's configuration, and what goes before all of its credentials.
struct OpenCode {
    layers: Layers,
    /// `options.apiKey` of each provider.
    keys: BTreeMap<String, Place>,
    before: Option<Place>,
}

pub(in crate::discover) fn scan(reader: &Reader<'_>) -> Report {
    let env = reader.env;
    let mut report = Report::default();
    let mut layers = configuration(reader);
    report.problems.append(&mut layers.problems);
    let off = env.variable("OPENCODE_DISABLE_PROJECT_CONFIG");
    let off = off.is_some_and(|off| off == "1" || off.eq_ignore_ascii_case("true"));
    let tool = Tool {
        project_files: if off { &[] } else { TOOL.project_files },
        ..TOOL
    };
    let overrides = Overrides::find(&tool, env, &layers);
    let mut opencode = OpenCode {
        layers,
        keys: BTreeMap::new(),
        before: overrides.first().cloned(),
    };
    opencode.configured_keys(&mut report);
    if let Some(directory) = env.xdg_directory_as_set("XDG_DATA_HOME", ".local/share") {
        let directory = directory.join("opencode");
        let found = report.credentials.len();
        opencode.stored(reader, &mut report, &directory);
        let nothing = report.credentials.len() == found;
        let database = env.path("OPENCODE_DB").unwrap_or_else(|| "opencode.db".into());
        report.note_existing(&directory.join(database), About::OpenCodeDatabase(nothing));
        report.note_existing(&directory.join("mcp-auth.json"), About::McpLogins(TITLE));
    }
    if !report.problems.is_empty() {
        report
            .credentials
            .iter_mut()
            .for_each(|found| found.in_use = false);
    }
    report.overrides.push(overrides);
    report
}

/// The configuration, the strongest layer first. In one directory, `opencode.jsonc` goes before
/// `opencode.json`.
fn configuration(reader: &Reader<'_>) -> Layers {
    let env = reader.env;
    let mut layers = Layers::new(ABOUT);
    let system = match env.platform {
        Platform::Unix => env.system_path("etc/opencode"),
        Platform::MacOs => env.system_path("Library/Application Support/opencode"),
        Platform::Windows => env.path("ProgramData").map(|data| data.join("opencode")),
    };
    let directory = |layers: &mut Layers, directory: Option<&Path>| {
        for name in ["opencode.jsonc", "opencode.json"] {
            if let Some(directory) = directory {
                layers.file(reader, directory.join(name), Format::JsonWithComments);
            }
        }
    };
    directory(&mut layers, system.as_deref());
    if let Some(content) = env.variable(CONFIG_CONTENT).filter(|content| !content.is_empty()) {
        let text = Zeroizing::new(content.to_string_lossy().into_owned());
        let document = Document::new(Place::Variable(CONFIG_CONTENT.to_owned()), text);
        layers.document(&document, Format::JsonWithComments);
    }
    directory(&mut layers, env.path("OPENCODE_CONFIG_DIR").as_deref());
    directory(&mut layers, reader.below_home(".opencode").as_deref());
    if let Some(file) = env.path("OPENCODE_CONFIG") {
        layers.file(reader, file, Format::JsonWithComments);
    }
    if let Some(user) = env.xdg_directory_as_set("XDG_CONFIG_HOME", ".config") {
        let user = user.join("opencode");
        directory(&mut layers, Some(&user));
        layers.file(reader, user.join("config.json"), Format::JsonWithComments);
    }
    layers
}

impl OpenCode {
    /// Adds the literal keys in the configuration, and notes the references.
    fn configured_keys(&mut self, report: &mut Report) {
        let mut keys = BTreeMap::new();
        for (providers, place) in self.layers.objects(&["provider"]) {
            for (id, provider) in providers {
                if let Some(key) = provider.get("options").and_then(|options| options.get("apiKey")) {
                    keys.entry(id.clone()).or_insert((key, place.clone()));
                }
            }
        }
        for (index, (id, (key, place))) in keys.iter().enumerate() {
            let provider = match ProviderName::from_tool(id) {
                Ok(provider) => provider,
                Err(reason) => {
                    report.skip(place, format!("the key of {}", note::entry(id, index)), reason);
                    continue;
                }
            };
            match Reference::of(key) {
                Err(to) => report.note(place, About::Reference(provider.as_str().to_owned(), to)),
                Ok(key) => {
                    let key = SecretValue::new(key.to_owned());
                    let kind = CredentialKind::ApiKey;
                    let credential = LocalCredential::new(&sources::OPENCODE, place, provider, kind, key);
                    report.add(self.judge(credential, id, None));
                }
            }
        }
        self.keys = keys.into_iter().map(|(id, (_, place))| (id, place)).collect();
    }

    /// Adds what is stored in `auth.json`, or in the variable that replaces it.
    fn stored(&self, reader: &Reader<'_>, report: &mut Report, directory: &Path) {
        let file = directory.join("auth.json");
        let document = match auth_content(reader, report) {
            Some(document) => {
                report.note_existing(&file, About::Replaced);
                Some(document)
            }
            None => report.store(reader.file(&file), ABOUT),
        };
        let Some(document) = document else {
            return;
        };
        let Some(object) = report.object(&document, ABOUT) else {
            return;
        };
        let mark = document.has_mark();
        let mut claimed = Claimed::default();
        for (index, (name, raw)) in object.members().enumerate() {
            let label = note::entry(name, index);
            let found = match Object::parse(raw.get()) {
                Ok(Some(entry)) => self.entry(report, &document.place, name, &label, &entry, &mut claimed),
                Ok(None) => Ok(None),
                Err(_) => Err(Reason::NotAnObject),
            };
            match found {
                Ok(Some(mut credential)) => {
                    if mark {
                        credential.unusable.get_or_insert(Reason::ByteOrderMark(TITLE));
                    }
                    report.add(credential);
                }
                Ok(None) => {}
                Err(reason) => report.skip(&document.place, label, reason),
            }
        }
    }

    /// The credential in an entry of `auth.json`, if there is one.
    fn entry(
        &self,
        report: &mut Report,
        place: &Place,
        name: &str,
        label: &str,
        entry: &Object<'_>,
        claimed: &mut Claimed,
    ) -> Result<Option<LocalCredential>, Reason> {
        let kind = entry.string("type").ok().flatten();
        let (kind, member) = match kind.as_ref().map(SecretValue::expose_secret) {
            Some("api") => (CredentialKind::ApiKey, "key"),
            Some("oauth") => (CredentialKind::OAuth, "access"),
            Some("wellknown") => {
                let variable = entry.string("key").ok().flatten();
                string(entry, "token")?.ok_or(Reason::Missing("token"))?;
                let variable = variable.map_or_else(String::new, |name| note::quoted(name.expose_secret()));
                report.note(place, About::WellKnown(label.to_owned(), variable));
                return Ok(None);
            }
            None if entry.members().next().is_none() => return Ok(None),
            _ => return Err(Reason::UnknownType),
        };
        let provider = ProviderName::from_tool(name)?;
        let Some(value) = string(entry, member)? else {
            return if entry.has(member) {
                Ok(None)
            } else {
                Err(Reason::Missing(member))
            };
        };
        let is_login = kind == CredentialKind::OAuth;
        let expires_at = if is_login {
            entry
                .time("expires")
                .map_err(|reason| Reason::Time("expires", reason))?
        } else {
            None
        };
        claimed.claim(&provider, label)?;
        let mut needed = ["refresh", "expires"].into_iter();
        let missing = needed.find(|member| is_login && !entry.has(member));
        let credential = LocalCredential {
            expires_at: expires_at.filter(|at| *at != Timestamp::UNIX_EPOCH),
            unusable: missing.map(Reason::Missing),
            ..LocalCredential::new(&sources::OPENCODE, place, provider, kind, value)
        };
        Ok(Some(self.judge(credential, name, self.keys.get(name))))
    }

    /// Completes a credential: whether OpenCode uses it, and for which server. `instead` is a key that
    /// goes before it.
    fn judge(&self, credential: LocalCredential, id: &str, instead: Option<&Place>) -> LocalCredential {
        let other = self
            .excluded_by(id)
            .or_else(|| instead.cloned())
            .or_else(|| self.before.clone());
        // OpenCode compares ids exactly; an id with other spelling may not belong to a provider.
        let is_exact = credential.provider.as_str() == id;
        LocalCredential {
            in_use: other.is_none() && is_exact && credential.unusable.is_none(),
            overridden_by: other,
            server: self.server(&credential.provider, id),
            ..credential
        }
    }

    /// The setting that disables a provider, if any.
    fn excluded_by(&self, id: &str) -> Option<Place> {
        let disabled = self
            .layers
            .get(&["disabled_providers"])
            .filter(|(list, _)| list.lists(id));
        let enabled = || {
            self.layers
                .get(&["enabled_providers"])
                .filter(|(list, _)| !list.lists(id))
        };
        disabled.or_else(enabled).map(|(_, place)| place)
    }

    /// The host that the key of a provider with a vendor's name belongs to, if it is another one.
    fn server(&self, provider: &ProviderName, id: &str) -> Option<String> {
        let domains = match provider.as_str() {
            "anthropic" => overrides::ANTHROPIC,
            "openai" => overrides::OPENAI,
            _ => return None,
        };
        let (address, _) = self.layers.get(&["provider", id, "options", "baseURL"])?;
        other_server(&address.as_variable(), domains)
    }
}

/// The text that replaces `auth.json`. If it is invalid JSON, that is a problem, and the file is used.
fn auth_content(reader: &Reader<'_>, report: &mut Report) -> Option<Rc<Document>> {
    let text = reader
        .env
        .variable(AUTH_CONTENT)
        .filter(|text| !text.is_empty())?;
    let text = Zeroizing::new(text.to_string_lossy().into_owned());
    let place = Place::Variable(AUTH_CONTENT.to_owned());
    if serde_json::from_str::<&RawValue>(&text).is_err() {
        report.problem(
            &place,
            ABOUT,
            "is not valid JSON, so OpenCode reads auth.json instead",
        );
        return None;
    }
    Some(Rc::new(Document::new(place, text)))
}

fn string(entry: &Object<'_>, member: &str) -> Result<Option<SecretValue>, Reason> {
    entry.string(member).map_err(|_| Reason::WrongType)
}

impl Reference {
    /// The literal key in a setting, or what it refers to: OpenCode replaces `{env:NAME}` and
    /// `{file:PATH}` anywhere in the text.
    fn of(node: &Node) -> Result<&str, Self> {
        let text = node.text().ok_or(Self::NotAText)?.trim();
        if text.is_empty() {
            return Err(Self::Empty);
        }
        let whole = |prefix| {
            let inner = text.strip_prefix(prefix)?.strip_suffix('}')?;
            (!inner.contains('}') && !inner.is_empty()).then(|| inner.to_owned())
        };
        if let Some(name) = whole("{env:") {
            Err(Self::Variable(note::quoted(&name)))
        } else if let Some(path) = whole("{file:") {
            Err(Self::File(note::quoted(&path)))
        } else if text.contains("{env:") || text.contains("{file:") {
            Err(Self::Composed)
        } else {
            Ok(text)
        }
    }
}
