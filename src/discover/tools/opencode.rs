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

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use serde_json::value::RawValue;
use zeroize::Zeroizing;

use super::Claimed;
use crate::discover::credential::{Filter, LocalCredential, ProviderName};
use crate::discover::layers::{Format, Layers, Node};
use crate::discover::note::{self, About, Flaw, NoKey};
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
    before: Option<Place>,
}

pub(in crate::discover) fn scan(reader: &Reader<'_>) -> Report {
    let env = reader.env;
    let mut report = Report::default();
    let mut layers = configuration(reader);
    report.problems.append(&mut layers.problems);
    let overrides = Overrides::find(&TOOL, env, &layers);
    let before = overrides.first().cloned();
    let opencode = OpenCode { layers, before };
    opencode.configured_keys(&mut report);
    if let Some(directory) = env.xdg_directory_as_set("XDG_DATA_HOME", ".local/share") {
        let directory = directory.join("opencode");
        let found = report.credentials.len();
        opencode.stored(reader, &mut report, &directory.join("auth.json"));
        let nothing = report.credentials.len() == found;
        let database = env.path("OPENCODE_DB").unwrap_or_else(|| "opencode.db".into());
        report.note_existing(&directory.join(database), About::OpenCodeDatabase(nothing));
        report.note_existing(&directory.join("mcp-auth.json"), About::McpLogins(TITLE));
    }
    let is_known = report.problems.is_empty();
    for found in &mut report.credentials {
        found.in_use &= is_known;
    }
    report.overrides.push(overrides);
    report
}

/// The configuration, the strongest layer first. In one directory, `opencode.jsonc` goes before
/// `opencode.json`.
fn configuration(reader: &Reader<'_>) -> Layers {
    let env = reader.env;
    let mut layers = Layers::new(ABOUT);
    let file = |layers: &mut Layers, file| layers.file(reader, file, Format::JsonWithComments);
    let directory = |layers: &mut Layers, directory: Option<PathBuf>| {
        if let Some(directory) = directory {
            file(layers, directory.join("opencode.jsonc"));
            file(layers, directory.join("opencode.json"));
        }
    };
    let system = match env.platform {
        Platform::Unix => env.system_path("etc/opencode"),
        Platform::MacOs => env.system_path("Library/Application Support/opencode"),
        Platform::Windows => env.path("ProgramData").map(|data| data.join("opencode")),
    };
    directory(&mut layers, system);
    if let Some(content) = variable(reader, CONFIG_CONTENT) {
        layers.document(&content, Format::JsonWithComments);
    }
    directory(&mut layers, env.path("OPENCODE_CONFIG_DIR"));
    directory(&mut layers, reader.below_home(".opencode"));
    if let Some(path) = env.path("OPENCODE_CONFIG") {
        file(&mut layers, path);
    }
    let user = env.xdg_directory_as_set("XDG_CONFIG_HOME", ".config");
    let user = user.map(|user| user.join("opencode"));
    directory(&mut layers, user.clone());
    if let Some(user) = user {
        file(&mut layers, user.join("config.json"));
    }
    layers
}

/// The content of a variable that stands for a file.
fn variable(reader: &Reader<'_>, name: &str) -> Option<Document> {
    let text = reader.env.variable(name).filter(|text| !text.is_empty())?;
    let text = Zeroizing::new(text.to_string_lossy().into_owned());
    Some(Document::new(Place::Variable(name.to_owned()), text))
}

impl OpenCode {
    /// Adds the literal keys in the configuration, and notes the references.
    fn configured_keys(&self, report: &mut Report) {
        let providers = self
            .layers
            .objects(&["provider"])
            .flat_map(|(providers, _)| providers.keys());
        let ids: BTreeSet<_> = providers.collect();
        for (index, id) in ids.into_iter().enumerate() {
            let Some((key, place)) = self.key(id) else {
                continue;
            };
            match (ProviderName::from_tool(id), NoKey::of(key)) {
                (Err(reason), _) => {
                    report.skip(&place, format!("the key of {}", note::entry(id, index)), reason);
                }
                (Ok(provider), Err(to)) => {
                    report.note(&place, About::NoKey(provider.as_str().to_owned(), to));
                }
                (Ok(provider), Ok(key)) => {
                    let (kind, key) = (CredentialKind::ApiKey, SecretValue::new(key.to_owned()));
                    let found = LocalCredential::new(&sources::OPENCODE, &place, provider, kind, key);
                    report.add(self.judged(found, id, None));
                }
            }
        }
    }

    /// `options.apiKey` of a provider, and the layer that holds it.
    fn key(&self, id: &str) -> Option<(&Node, Place)> {
        let (key, place) = self.layers.get(&["provider", id, "options", "apiKey"])?;
        Some((key, place.whole()))
    }

    /// Adds what is stored in `auth.json`, or in the variable that replaces it unless it is invalid JSON.
    fn stored(&self, reader: &Reader<'_>, report: &mut Report, file: &Path) {
        let content = variable(reader, AUTH_CONTENT);
        let is_json = |content: &Document| serde_json::from_str::<&RawValue>(content.text()).is_ok();
        if let Some(broken) = content.as_ref().filter(|content| !is_json(content)) {
            let reason = "is not valid JSON, so OpenCode reads auth.json instead";
            report.problem(&broken.place, reason);
        }
        let content = content.filter(is_json);
        if content.is_some() {
            report.note_existing(file, About::Replaced);
        }
        let Some(document) = content.or_else(|| report.store(reader.file(file))) else {
            return;
        };
        let Some(object) = report.object(&document) else {
            return;
        };
        let mut claimed = Claimed::default();
        for (index, (name, raw)) in object.members().enumerate() {
            let label = note::entry(name, index);
            let found = Object::parse(raw.get()).map_err(|_| Flaw::NotAnObject);
            let found = found.and_then(|entry| match entry {
                Some(entry) => self.entry(report, &document, (name, &label), &entry, &mut claimed),
                None => Ok(None),
            });
            match found {
                Ok(found) => found.into_iter().for_each(|found| report.add(found)),
                Err(reason) => report.skip(&document.place, label, reason),
            }
        }
    }

    /// The credential in an entry of `auth.json`, if there is one.
    fn entry(
        &self,
        report: &mut Report,
        document: &Document,
        (name, label): (&str, &str),
        entry: &Object<'_>,
        claimed: &mut Claimed,
    ) -> Result<Option<LocalCredential>, Flaw> {
        let text = |member| entry.string(member).map_err(|_| Flaw::WrongType);
        let kind = text("type").ok().flatten();
        let (kind, member) = match kind.as_ref().map(SecretValue::expose_secret) {
            Some("api") => (CredentialKind::ApiKey, "key"),
            Some("oauth") => (CredentialKind::OAuth, "access"),
            Some("wellknown") => {
                text("token")?.ok_or(Flaw::Missing("token"))?;
                let variable = text("key")?.map(|name| note::quoted(name.expose_secret()));
                let about = About::WellKnown(label.to_owned(), variable.unwrap_or_default());
                report.note(&document.place, about);
                return Ok(None);
            }
            None if entry.members().next().is_none() => return Ok(None),
            _ => return Err(Flaw::UnknownType),
        };
        let provider = ProviderName::from_tool(name)?;
        let value = match text(member)? {
            Some(value) => value,
            None if entry.has(member) => return Ok(None),
            None => return Err(Flaw::Missing(member)),
        };
        let mut found = LocalCredential::new(&sources::OPENCODE, &document.place, provider, kind, value);
        if kind == CredentialKind::OAuth {
            let expires_at = entry
                .time("expires")
                .map_err(|reason| Flaw::Time("expires", reason))?;
            found.expires_at = expires_at.filter(|at| *at != Timestamp::UNIX_EPOCH);
            let mut needed = ["refresh", "expires"].into_iter();
            found.unusable = needed.find(|member| !entry.has(member)).map(Flaw::Missing);
        }
        if document.has_mark() {
            found.unusable = Some(Flaw::ByteOrderMark(TITLE));
        }
        claimed.claim(&found.provider, label)?;
        Ok(Some(self.judged(
            found,
            name,
            self.key(name).map(|(_, place)| place),
        )))
    }

    /// Completes a credential: whether OpenCode uses it, and for which server. `instead` is a key that
    /// goes before it.
    fn judged(&self, mut found: LocalCredential, id: &str, instead: Option<Place>) -> LocalCredential {
        let list = |name| self.layers.get(&[name]);
        let disabled = list("disabled_providers").filter(|(list, _)| list.lists(id));
        let disabled = disabled.or_else(|| list("enabled_providers").filter(|(list, _)| !list.lists(id)));
        let other = disabled
            .map(|(_, place)| place)
            .or(instead)
            .or_else(|| self.before.clone());
        // OpenCode compares ids exactly; an id with other spelling may not belong to a provider.
        found.in_use = other.is_none() && found.provider.as_str() == id;
        found.overridden_by = other;
        let domains = match found.provider.as_str() {
            "anthropic" => overrides::ANTHROPIC,
            "openai" => overrides::OPENAI,
            _ => return found,
        };
        let address = self.layers.get(&["provider", id, "options", "baseURL"]);
        found.server = address.and_then(|(address, _)| other_server(&address.as_variable(), domains));
        found
    }
}

impl NoKey {
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
