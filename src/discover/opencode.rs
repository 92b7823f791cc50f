//! OpenCode 1.18: keys in its configuration, and `auth.json` in its XDG data directory on every
//! system. OpenCode 2 stores its credentials in a database, which is not read.
//!
//! Facts from running OpenCode 1.18.33: a key in the configuration overrides `auth.json`, which
//! overrides the providers' variables. Entries of `auth.json` are `api` (`key`), `oauth` (`access`,
//! `expires` in milliseconds, 0 for never) and `wellknown`, whose `key` is the name of a variable, not
//! a secret. `OPENCODE_AUTH_CONTENT` replaces the file unless it is invalid JSON. A relative
//! `XDG_DATA_HOME` is followed.

mod config;

use jiff::Timestamp;
use serde_json::value::RawValue;
use zeroize::Zeroizing;

use self::config::{Configuration, ConfiguredKey, Key};
use super::label::{self, Claimed};
use super::scan::Scan;
use super::types::{LocalCredential, Place, ProviderName};
use crate::formats::escape;
use crate::formats::json::Object;
use crate::provider::CredentialKind;
use crate::secret::{SecretName, SecretValue};

/// The state while OpenCode's stores are read, the strongest first.
struct Reading {
    /// Its keys override all others.
    configuration: Configuration,
    /// The entries that were used as credentials so far, for each store.
    claimed: Claimed,
}

pub(crate) fn logins(scan: &mut Scan<'_>) {
    if scan.asks_for_all() {
        report_variables(scan);
    }
    let configuration = Configuration::read(scan);
    for key in &configuration.keys {
        if scan.asks_for(&key.id) {
            add_configured(scan, &configuration, key);
        }
    }
    let Some(directory) = scan.env.xdg_directory_as_set("XDG_DATA_HOME", ".local/share") else {
        return;
    };
    let directory = directory.join("opencode");
    let mut reading = Reading {
        configuration,
        claimed: Claimed::default(),
    };
    let file = directory.join("auth.json");
    if let Some((place, text)) = auth_content(scan) {
        if file.exists() {
            let file = escape::home_path(&file, scan.tilde());
            scan.notice(format!(
                "$OPENCODE_AUTH_CONTENT is set, so OpenCode does not read {file}"
            ));
        }
        if let Some(object) = scan.usable(&place, Object::parse(&text)) {
            reading.entries(scan, &place, &object);
        }
    } else if let Some(document) = scan.file(&file)
        && let Some(object) = scan.object(&document)
    {
        reading.entries(scan, &document.place, &object);
    }
    if !scan.asks_for_all() {
        return;
    }
    if scan.own_credentials().next().is_none() {
        let named = scan.env.path("OPENCODE_DB");
        let database = directory.join(named.unwrap_or_else(|| "opencode.db".into()));
        scan.report_store(&database, "may hold logins of OpenCode that amika does not read");
    }
    let what = "contains logins of MCP servers for OpenCode, which amika does not push";
    scan.report_store(&directory.join("mcp-auth.json"), what);
}

/// Reports the variables that OpenCode uses if it has no stored key. Those of Anthropic and `OpenAI`
/// are reported with Claude Code and Codex.
fn report_variables(scan: &mut Scan<'_>) {
    for variable in ["OPENCODE_API_KEY", "OPENCODE_CONSOLE_TOKEN", "OPENROUTER_API_KEY"] {
        if scan.env.has_text(variable) {
            scan.notice(format!(
                "OpenCode uses ${variable} if it has no stored key; push it with \
                 'amika secret push --from-env {variable}'"
            ));
        }
    }
}

/// Whether OpenCode uses a provider's credential, and otherwise what overrides or disables it.
fn use_of(configuration: &Configuration, id: &str, instead: Option<&Place>) -> (Option<bool>, Option<Place>) {
    let other = configuration.excludes(id).or(instead).cloned();
    let in_use = (!configuration.is_refused).then_some(other.is_none());
    (in_use, other)
}

/// The text that replaces `auth.json`. If it is invalid JSON, it is reported and the file is used.
fn auth_content(scan: &mut Scan<'_>) -> Option<(Place, Zeroizing<String>)> {
    let text = scan.env.variable("OPENCODE_AUTH_CONTENT")?;
    let text = Zeroizing::new(text.to_string_lossy().into_owned());
    if text.is_empty() {
        return None;
    }
    let place = Place::Variable("OPENCODE_AUTH_CONTENT".to_owned());
    if serde_json::from_str::<&RawValue>(&text).is_err() {
        scan.problem(&place, "is not valid JSON, so OpenCode reads auth.json instead");
        return None;
    }
    Some((place, text))
}

/// Adds a literal key in the configuration, and reports a reference with its target.
fn add_configured(scan: &mut Scan<'_>, configuration: &Configuration, configured: &ConfiguredKey) {
    let ConfiguredKey { id, place, key } = configured;
    let Some(provider) = ProviderName::from_tool(id) else {
        let what = format!("the key of {}", label::entry(id, 0));
        return scan.skip(place, &what, "has an invalid provider name");
    };
    let from = match key {
        Key::Literal(key) if !key.expose_secret().trim().is_empty() => {
            let (in_use, overridden_by) = use_of(configuration, id, None);
            let credential = scan.credential(place, provider, CredentialKind::ApiKey, key.clone());
            scan.add(LocalCredential {
                in_use,
                overridden_by,
                ..credential
            });
            return;
        }
        Key::Literal(_) => "which is empty".to_owned(),
        Key::Variable(name) => match SecretName::environment(name) {
            Some(name) => {
                format!("which refers to ${name}; push it with 'amika secret push --from-env {name}'")
            }
            None => "which refers to a variable".to_owned(),
        },
        Key::File(path) => {
            let path = escape::home_path(path, scan.tilde());
            let names = provider.secret_names();
            let name = names.first().map_or("NAME", SecretName::as_str);
            format!("which refers to the file {path}; push it with 'amika secret push {name} --yes < {path}'")
        }
        Key::Composed => "which is composed of references".to_owned(),
    };
    let place = place.shown(scan.tilde());
    scan.notice(format!(
        "OpenCode's key for {} is options.apiKey in {place}, {from}",
        provider.as_str()
    ));
}

impl Reading {
    /// Adds every entry with a credential, and reports all others.
    fn entries(&mut self, scan: &mut Scan<'_>, place: &Place, object: &Object<'_>) {
        for (index, (name, raw)) in object.members().enumerate() {
            if !scan.asks_for(name) {
                continue;
            }
            let what = label::entry(name, index);
            match Object::parse(raw.get()) {
                Ok(Some(entry)) => self.entry(scan, place, name, &what, &entry),
                Ok(None) => {}
                Err(_) => scan.skip(place, &what, "is not an object"),
            }
        }
    }

    fn entry(&mut self, scan: &mut Scan<'_>, place: &Place, name: &str, what: &str, entry: &Object<'_>) {
        let kind = entry.string("type").ok().flatten();
        let (kind, member) = match kind.as_ref().map(SecretValue::expose_secret) {
            Some("api") => (CredentialKind::ApiKey, "key"),
            Some("oauth") => (CredentialKind::OAuth, "access"),
            Some("wellknown") => return report_well_known(scan, place, what, entry),
            None if entry.members().next().is_none() => return,
            _ => return scan.skip(place, what, "has an unknown type"),
        };
        let Some(provider) = ProviderName::from_tool(name) else {
            return scan.skip(place, what, "has an invalid provider name");
        };
        let value = match entry.string(member) {
            Ok(Some(value)) => value,
            Ok(None) if !entry.has(member) => {
                return scan.skip(place, what, &format!("has no `{member}`"));
            }
            Ok(None) => return,
            Err(reason) => return scan.skip(place, &format!("{what}:"), &reason.to_string()),
        };
        let expires_at = match entry.time("expires") {
            Ok(at) if kind == CredentialKind::OAuth => at.filter(|at| *at != Timestamp::UNIX_EPOCH),
            Err(reason) if kind == CredentialKind::OAuth => {
                return scan.skip(place, what, &format!("has an `expires` {reason}"));
            }
            _ => None,
        };
        if let Some(first) = self.claimed.by(&provider, what) {
            let reason = format!("maps to the same secret as {first}");
            return scan.skip(place, what, &reason);
        }
        let configured = self.configuration.keys.iter().find(|key| key.id == name);
        let (in_use, overridden_by) = use_of(&self.configuration, name, configured.map(|key| &key.place));
        let lacks = ["refresh", "expires"]
            .into_iter()
            .find(|member| !entry.has(member));
        let lacks = lacks.filter(|_| kind == CredentialKind::OAuth);
        if let Some(member) = lacks {
            let place = place.shown(scan.tilde());
            scan.notice(format!(
                "{place}: {what} has no `{member}`, so OpenCode does not use it"
            ));
        }
        // OpenCode compares ids exactly; an id with other spelling may not belong to a provider.
        let is_exact = provider.as_str() == name;
        let credential = scan.credential(place, provider, kind, value);
        scan.add(LocalCredential {
            expires_at,
            in_use: match in_use {
                Some(true) if lacks.is_some() => Some(false),
                Some(true) if !is_exact => None,
                in_use => in_use,
            },
            overridden_by,
            ..credential
        });
    }
}

/// A token from an organisation's server, which OpenCode sets as a variable for itself.
fn report_well_known(scan: &mut Scan<'_>, place: &Place, what: &str, entry: &Object<'_>) {
    if !matches!(entry.string("token"), Ok(Some(_))) {
        return scan.skip(place, what, "is a well-known entry without a token");
    }
    let name = entry.string("key").ok().flatten();
    let name = name.and_then(|name| SecretName::environment(name.expose_secret()));
    let name = name.map_or_else(|| "NAME".to_owned(), |name| name.to_string());
    let place = place.shown(scan.tilde());
    scan.notice(format!(
        "{place}: {what} contains a token that OpenCode uses as ${name}; push it with 'amika secret push {name}'"
    ));
}
