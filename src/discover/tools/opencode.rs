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

use super::{Claimed, marked};
use crate::discover::credential::{LocalCredential, Place, ProviderName, Source};
use crate::discover::layers::{Format, Layers, Node};
use crate::discover::messages;
use crate::discover::overrides::{self, Tool, other_server};
use crate::discover::reader::{Document, Reader};
use crate::discover::report::Report;
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

/// OpenCode's configuration, and what goes before all of its credentials.
struct OpenCode {
    layers: Layers,
    before: Option<Place>,
}

pub(in crate::discover) fn scan(reader: &Reader<'_>, report: &mut Report) {
    let env = reader.env;
    let layers = configuration(reader, report);
    let overrides = overrides::find(&TOOL, env, &layers);
    let before = overrides.first().cloned();
    let opencode = OpenCode { layers, before };
    opencode.configured_keys(report);
    if let Some(directory) = env.xdg_directory_as_set("XDG_DATA_HOME", ".local/share") {
        let directory = directory.join("opencode");
        let found = report.credentials.len();
        opencode.stored(reader, report, &directory.join("auth.json"));
        let nothing = report.credentials.len() == found;
        let database = env.path("OPENCODE_DB").unwrap_or_else(|| "opencode.db".into());
        let text = "may hold logins of OpenCode that amika does not read";
        if report.note_existing(&directory.join(database), text) {
            report
                .notes
                .last_mut()
                .into_iter()
                .for_each(|note| note.is_all = nothing);
        }
        let text = "contains logins of OpenCode at MCP servers, which amika does not push";
        report.note_existing(&directory.join("mcp-auth.json"), text);
    }
    let is_known = report.problems.is_empty();
    for found in &mut report.credentials {
        found.in_use &= is_known;
    }
    report.overrides.push(overrides);
}

/// The configuration, the strongest layer first. In one directory, `opencode.jsonc` goes before
/// `opencode.json`.
fn configuration(reader: &Reader<'_>, report: &mut Report) -> Layers {
    let env = reader.env;
    let mut layers = Layers::default();
    let in_directory = |directory: Option<PathBuf>| {
        let files = ["opencode.jsonc", "opencode.json"].into_iter();
        let files = directory.map(|directory| files.map(move |file| directory.join(file)));
        files.into_iter().flatten()
    };
    let system = match env.platform {
        Platform::Unix => env.system_path("etc/opencode"),
        Platform::MacOs => env.system_path("Library/Application Support/opencode"),
        Platform::Windows => env.path("ProgramData").map(|data| data.join("opencode")),
    };
    for file in in_directory(system) {
        layers.file(reader, report, file, Format::JsonWithComments);
    }
    if let Some(content) = variable(reader, CONFIG_CONTENT) {
        layers.document(report, &content, Format::JsonWithComments);
    }
    let user = env.xdg_directory_as_set("XDG_CONFIG_HOME", ".config");
    let user = user.map(|user| user.join("opencode"));
    let files = in_directory(env.path("OPENCODE_CONFIG_DIR"))
        .chain(in_directory(reader.below_home(".opencode")))
        .chain(env.path("OPENCODE_CONFIG"))
        .chain(in_directory(user.clone()))
        .chain(user.map(|user| user.join("config.json")));
    for file in files {
        layers.file(reader, report, file, Format::JsonWithComments);
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
            match (ProviderName::from_tool(id), literal(key)) {
                (Err(reason), _) => {
                    let label = format!("the key of {}", messages::entry(id, index));
                    report.skip(&place, &label, reason);
                }
                (Ok(provider), Err(reason)) => {
                    let provider = provider.as_str();
                    let text = format!("OpenCode's key for {provider} is options.apiKey, which {reason}");
                    report.note(&place, text);
                }
                (Ok(provider), Ok(key)) => {
                    let (kind, key) = (CredentialKind::ApiKey, SecretValue::new(key.to_owned()));
                    let found = LocalCredential::new(&Source::OPENCODE, &place, provider, kind, key);
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
            let text = "OpenCode does not read this file, because $OPENCODE_AUTH_CONTENT is set";
            report.note_existing(file, text);
        }
        let Some(document) = content.or_else(|| report.store(reader.file(file))) else {
            return;
        };
        let Some(object) = report.object(&document) else {
            return;
        };
        let mut claimed = Claimed::default();
        for (index, (name, raw)) in object.members().enumerate() {
            let label = messages::entry(name, index);
            let found = Object::parse(raw.get()).map_err(|_| "is not an object".to_owned());
            let found = found.and_then(|entry| match entry {
                Some(entry) => self.entry(report, &document, (name, &label), &entry, &mut claimed),
                None => Ok(None),
            });
            match found {
                Ok(found) => found.into_iter().for_each(|found| report.add(found)),
                Err(reason) => report.skip(&document.place, &label, reason),
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
    ) -> Result<Option<LocalCredential>, String> {
        let text = |member| entry.string(member).map_err(|_| "has a member of the wrong type");
        let missing = |member| format!("has no `{member}`");
        let kind = text("type").ok().flatten();
        let (kind, member) = match kind.as_ref().map(SecretValue::expose_secret) {
            Some("api") => (CredentialKind::ApiKey, "key"),
            Some("oauth") => (CredentialKind::OAuth, "access"),
            Some("wellknown") => {
                text("token")?.ok_or_else(|| missing("token"))?;
                let variable = text("key")?.map(|name| messages::quoted(name.expose_secret()));
                let variable = variable.unwrap_or_default();
                let text = format!("{label} contains a token that OpenCode uses as the variable {variable}");
                report.note(&document.place, text);
                return Ok(None);
            }
            None if entry.members().next().is_none() => return Ok(None),
            _ => return Err("has an unknown type".to_owned()),
        };
        let provider = ProviderName::from_tool(name)?;
        let value = match text(member)? {
            Some(value) => value,
            None if entry.has(member) => return Ok(None),
            None => return Err(missing(member)),
        };
        let mut found = LocalCredential::new(&Source::OPENCODE, &document.place, provider, kind, value);
        if kind == CredentialKind::OAuth {
            let expires_at = entry.time("expires");
            let expires_at = expires_at.map_err(|reason| format!("has an `expires` {reason}"))?;
            found.expires_at = expires_at.filter(|at| *at != Timestamp::UNIX_EPOCH);
            let lacking = ["refresh", "expires"]
                .into_iter()
                .find(|member| !entry.has(member));
            found.unusable = lacking.map(|member| format!("it {}", missing(member)));
        }
        found.unusable = marked(document, TITLE).or(found.unusable);
        claimed.claim(&found.provider, label)?;
        let instead = self.key(name).map(|(_, place)| place);
        Ok(Some(self.judged(found, name, instead)))
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

/// The literal key in a setting, or why it is none: OpenCode replaces `{env:NAME}` and `{file:PATH}`
/// anywhere in the text.
fn literal(node: &Node) -> Result<&str, String> {
    let text = node.text().ok_or("is not a string")?.trim();
    let whole = |prefix| {
        let inner = text.strip_prefix(prefix)?.strip_suffix('}')?;
        (!inner.contains('}') && !inner.is_empty()).then(|| messages::quoted(inner))
    };
    if text.is_empty() {
        Err("is empty".to_owned())
    } else if let Some(name) = whole("{env:") {
        Err(format!("refers to the variable {name}"))
    } else if let Some(path) = whole("{file:") {
        Err(format!("refers to the file {path}"))
    } else if text.contains("{env:") || text.contains("{file:") {
        Err("is composed of references".to_owned())
    } else {
        Ok(text)
    }
}
