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
use std::path::PathBuf;

use jiff::Timestamp;
use serde_json::value::RawValue;

use super::shared::{Claimed, claim, state_in};
use crate::discover::credential::{LocalCredential, Place, ProviderName, Source, State};
use crate::discover::layers::{Format, Layers, Node};
use crate::discover::messages;
use crate::discover::overrides::{self, Tool, other_server};
use crate::discover::reader::{Document, Reader};
use crate::discover::report::{RemarkLevel, Report};
use crate::formats::json::Object;
use crate::provider::CredentialKind;
use crate::secret::SecretValue;

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
    preferences: Some("ai.opencode.managed"),
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
    let before = overrides.first();
    let opencode = OpenCode { layers, before };
    opencode.configured_keys(report);
    let mut is_local = true;
    if let Some(directory) = env.directory_in("XDG_DATA_HOME", ".local/share") {
        let directory = directory.join("opencode");
        let found = report.credentials.len();
        if let Some(document) = stored(reader, report, directory.join("auth.json")) {
            opencode.entries(report, &document);
            // The server of a `wellknown` entry adds configuration, which may have other keys.
            is_local = !document.text().contains("\"wellknown\"");
        }
        let nothing = report.credentials.len() == found;
        let database = env.path("OPENCODE_DB").unwrap_or_else(|| "opencode.db".into());
        let database = directory.join(database);
        if database.is_file() {
            let level = if nothing {
                RemarkLevel::Main
            } else {
                RemarkLevel::Detail
            };
            let text = "may hold logins of OpenCode that amika does not read";
            report.remark(level, &Place::File(database), text);
        }
        let text = "contains logins of OpenCode at MCP servers, which amika does not push";
        report.note_existing(directory.join("mcp-auth.json"), text);
    }
    let is_known = is_local && report.problems.is_empty();
    for found in &mut report.credentials {
        found.in_use &= is_known && !found.is_unusable();
    }
    report.overrides.push(overrides);
}

/// The configuration, the strongest layer first. In one directory, `opencode.jsonc` goes before
/// `opencode.json`.
fn configuration(reader: &Reader<'_>, report: &mut Report) -> Layers {
    let env = reader.env;
    let mut layers = Layers::default();
    let in_directory = |directory: Option<PathBuf>| {
        let files = ["opencode.jsonc", "opencode.json"];
        let directory = directory.into_iter();
        directory.flat_map(move |directory| files.map(|file| directory.join(file)))
    };
    for file in in_directory(reader.machine_path("opencode")) {
        layers.file(reader, report, file, Format::JsonWithComments);
    }
    if let Some(content) = variable(reader, CONFIG_CONTENT) {
        layers.document(report, &content, Format::JsonWithComments);
    }
    let user = env.directory_in("XDG_CONFIG_HOME", ".config");
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
    let text = SecretValue::new(text.to_string_lossy().into_owned());
    Some(Document::new(Place::Variable(name.to_owned()), text))
}

/// What is stored: `auth.json`, or the variable that replaces it unless it is invalid JSON.
fn stored(reader: &Reader<'_>, report: &mut Report, file: PathBuf) -> Option<Document> {
    let is_json = |content: &Document| serde_json::from_str::<&RawValue>(content.text()).is_ok();
    match variable(reader, AUTH_CONTENT) {
        Some(content) if is_json(&content) => {
            let text = "OpenCode does not read this file, because $OPENCODE_AUTH_CONTENT is set";
            report.note_existing(file, text);
            Some(content)
        }
        broken => {
            if let Some(broken) = broken {
                let reason = "is not valid JSON, so OpenCode reads auth.json instead";
                report.problem(&broken.place, reason);
            }
            report.store(reader.file(&file))
        }
    }
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
            let label = format!("the key of {}", messages::entry(id, index));
            if report.skips_own(&place, &label, id) {
                continue;
            }
            let provider = ProviderName::from_tool(id).map_err(str::to_owned);
            match provider.and_then(|provider| Ok((provider, literal(key)?))) {
                Ok((provider, key)) => {
                    let (kind, key) = (CredentialKind::ApiKey, SecretValue::new(key.to_owned()));
                    let found = LocalCredential::new(&Source::OPENCODE, &place, provider, kind, key);
                    report.add(self.judged(found, id, None));
                }
                Err(reason) => report.skip(&place, &label, reason),
            }
        }
    }

    /// `options.apiKey` of a provider, and the layer that holds it.
    fn key(&self, id: &str) -> Option<(&Node, Place)> {
        self.layers
            .objects(&["provider", id, "options"])
            .find_map(|(options, place)| Some((options.get("apiKey")?, place.clone())))
            .filter(|(key, _)| !matches!(key, Node::Other(_)))
    }

    /// Adds the entries of `auth.json`.
    fn entries(&self, report: &mut Report, document: &Document) {
        let Some(object) = report.object(document) else {
            return;
        };
        let place = &document.place;
        let mut claimed = Claimed::default();
        for (index, (name, raw)) in object.members().enumerate() {
            let label = messages::entry(name, index);
            if raw.get() == "null" || report.skips_own(place, &label, name) {
                continue;
            }
            match self.entry(document, (name, &label), raw, &mut claimed) {
                Ok(Some(found)) => report.add(found),
                Ok(None) => {}
                Err(reason) => report.skip(place, &label, reason),
            }
        }
    }

    /// The credential in an entry of `auth.json`; `None` if the entry or its value is empty.
    fn entry(
        &self,
        document: &Document,
        (name, label): (&str, &str),
        raw: &RawValue,
        claimed: &mut Claimed,
    ) -> Result<Option<LocalCredential>, String> {
        let Ok(Some(entry)) = Object::parse(raw.get()) else {
            return Err("is not an object".to_owned());
        };
        let text = |member| entry.string(member).map_err(|_| "has a member of the wrong type");
        let missing = |member| format!("has no `{member}`");
        let kind = text("type").ok().flatten();
        let (kind, member) = match kind.as_ref().map(SecretValue::expose_secret) {
            Some("api") => (CredentialKind::ApiKey, "key"),
            Some("oauth") => (CredentialKind::OAuth, "access"),
            Some("wellknown") => {
                let variable = text("key")?.ok_or_else(|| missing("key"))?;
                let variable = messages::quoted(variable.expose_secret());
                return Err(format!(
                    "has a token that OpenCode uses as the variable {variable}"
                ));
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
        let mut found = LocalCredential {
            state: state_in(document, TITLE),
            ..LocalCredential::new(&Source::OPENCODE, &document.place, provider, kind, value)
        };
        if kind == CredentialKind::OAuth {
            let expires_at = entry.time("expires");
            let expires_at = expires_at.map_err(|reason| format!("has an `expires` {reason}"))?;
            found.expires_at = expires_at.filter(|at| *at != Timestamp::UNIX_EPOCH);
            let mut needed = ["refresh", "expires"].into_iter();
            if let Some(member) = needed.find(|member| !entry.has(member)) {
                found.state = State::Unusable(format!("it {}", missing(member)));
            }
        }
        claim(claimed, &found.provider, label)?;
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
        // OpenCode compares ids exactly, so an id that is spelled differently may belong to no provider.
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

/// The literal key in a setting, or why it has none: OpenCode replaces `{env:NAME}` and `{file:PATH}`
/// anywhere in the text.
fn literal(node: &Node) -> Result<&str, String> {
    let text = node.text().ok_or("is not a string")?.trim();
    let is_literal = !text.contains("{env:") && !text.contains("{file:");
    if is_literal {
        Ok(text)
    } else if text.starts_with('{') && text.find('}') == Some(text.len() - 1) {
        Err(format!("refers to {}", messages::quoted(text)))
    } else {
        Err("is composed of references".to_owned())
    }
}

#[cfg(test)]
mod tests;
