//! Claude Code 2.1: the API key of a Console login, and the login of a subscription.
//!
//! Facts from running Claude Code 2.1.332 on Linux, and from the shipped program for macOS: on macOS,
//! the Keychain goes before the files. A login goes before an API key that Claude Code stored itself.
//! Settings are read from managed files, the server's file and the user's file, in this order; then come
//! the variables in the global configuration, and then the environment. A login without the scope
//! `user:inference`, or in a file with a byte order mark, counts as logged out.

mod paths;

use std::ffi::OsStr;
use std::path::PathBuf;

use super::shared::{add_login, no_keychain, settle};
use crate::discover::credential::{LocalCredential, Place, ProviderName, Source};
use crate::discover::layers::{Format, Layers, files_in};
use crate::discover::messages;
use crate::discover::overrides::{self, Tool, other_server};
use crate::discover::reader::{Content, Lookup, Reader};
use crate::discover::report::Report;
use crate::formats::json::Object;
use crate::provider::{CLAUDE, CredentialKind};
use crate::secret::SecretValue;
use crate::system::env::{Env, Platform};

const TITLE: &str = "Claude Code";
const TOOL: Tool = Tool {
    title: TITLE,
    prefixes: &["ANTHROPIC_", "CLAUDE"],
    followed: &["env"],
    domains: overrides::ANTHROPIC,
    preferences: Some("com.anthropic.claudecode"),
    project_files: &[".claude/settings.json", ".claude/settings.local.json"],
};
/// The member of the global configuration with the feature flags.
const FLAGS: &str = "cachedGrowthBookFeatures";
/// Members of the global configuration from which older versions read an API key.
const LEGACY_KEYS: [&str; 3] = ["apiKey", "anthropicApiKey", "customApiKey"];

pub(in crate::discover) fn scan(reader: &Reader<'_>, report: &mut Report) {
    let env = reader.env;
    let layers = settings(reader, report);
    let mut overrides = overrides::find(&TOOL, env, &layers);
    // To Claude Code 2.1.331 an empty one means the working directory, where nothing is read.
    if env.variable("CLAUDE_CONFIG_DIR").is_some_and(OsStr::is_empty) {
        let place = Place::Variable("CLAUDE_CONFIG_DIR".to_owned());
        overrides.named.push(place);
    }
    if let Some(profile) = profile(reader) {
        let text = "a sign-in at the Anthropic Console, whose token ends within minutes; create an API key there \
                    and push that";
        report.note_existing(profile.clone(), text);
        overrides.named.push(Place::File(profile));
    }
    let is_known = logins(reader, report, is_in_keychain(env, &layers)) && report.problems.is_empty();
    let before = overrides.first();
    let used = settle(&mut report.credentials, is_known, before.clone(), None);
    let first_key = report.credentials.len();
    keys(reader, report);
    let is_known = is_known && report.problems.is_empty() && !report.skipped;
    let keys = &mut report.credentials[first_key..];
    let server = layers.variable(env, "ANTHROPIC_BASE_URL");
    let server = server.and_then(|address| other_server(&address, TOOL.domains));
    settle(keys, is_known, used.clone(), server.as_ref());
    let may_be_used = |key: &&LocalCredential| !key.is_unusable() && !key.source.is_unused();
    let key = keys.iter().find(may_be_used).filter(|_| used != before);
    if let Some(place) = key.map(|key| key.place.clone()) {
        let text = "Claude Code itself uses its login, not this key; `amika secret claude push --type oauth` \
                    pushes the login";
        report.note(&place, text);
    }
    report.overrides.push(overrides);
}

/// The settings, the strongest first: managed by the machine, from Claude Code's server, the user's, and what
/// the global configuration sets.
fn settings(reader: &Reader<'_>, report: &mut Report) -> Layers {
    let mut files = Vec::new();
    if let Some(directory) = paths::managed(reader.env) {
        files.push(directory.join("managed-settings.json"));
        files.extend(files_in(&directory.join("managed-settings.d"), "json"));
        files.reverse();
    }
    if let Some(directory) = paths::config_directory(reader.env) {
        files.extend(["remote-settings.json", "settings.json"].map(|name| directory.join(name)));
    }
    let mut layers = Layers::default();
    for file in files {
        layers.file(reader, report, file, Format::Json);
    }
    // A directory in its place counts as absent.
    if let Some(file) = paths::global_config(reader.env).filter(|file| !file.is_dir()) {
        layers.file(reader, report, file, Format::JsonMembers(&["env", FLAGS]));
    }
    layers
}

/// A profile of the Anthropic SDKs, which Claude Code shares: a Console sign-in or a workload identity.
fn profile(reader: &Reader<'_>) -> Option<PathBuf> {
    let directory = paths::profiles(reader.env)?;
    let first = |name| files_in(&directory.join(name), "json").into_iter().next();
    first("credentials").or_else(|| first("configs"))
}

/// Whether Claude Code keeps its login in the keychain, and in the file only if the keychain has no item: on
/// Windows, a feature flag decides (2.1.252, the shipped program).
fn is_in_keychain(env: &Env, layers: &Layers) -> bool {
    let flag = || layers.get(&[FLAGS, "tengu_windows_credman"]);
    match env.platform {
        Platform::Unix => false,
        Platform::MacOs => true,
        Platform::Windows => flag().is_some_and(|(flag, _)| flag.is_true()),
    }
}

/// Adds the stored logins, beginning with the one that Claude Code uses. Returns whether it is known
/// that no store before them has another one.
fn logins(reader: &Reader<'_>, report: &mut Report, in_keychain: bool) -> bool {
    let env = reader.env;
    report.about = Source::CLAUDE_OAUTH.holds;
    let (service, own) = (paths::login_service(env), paths::account(env));
    let mut is_known = true;
    let mut file_source = &Source::CLAUDE_OAUTH;
    let mut others = Vec::new();
    if in_keychain {
        let item = reader.item(&service, &own);
        if let Some(reason) = reader.unreachable() {
            is_known = false;
            report.note(&item.place, no_keychain(TITLE, &reason));
        }
        if matches!(item.content, Content::Absent) {
            let keychain = reader.keychain;
            others = keychain.map_or_else(Vec::new, |keychain| keychain.accounts(&service));
            others.retain(|account| *account != own);
        }
        if login_in(reader, report, &Source::CLAUDE_OAUTH, item) {
            file_source = &Source::UNUSED_CLAUDE_OAUTH;
        }
        // In the Credential Manager a long login is split into parts, and this item says into how many.
        if env.platform == Platform::Windows {
            let parts = reader.item(&service, &format!("{own}#m"));
            if matches!(parts.content, Content::Document(_)) {
                report.problem(&parts.place, "is split into parts, which amika does not read");
            }
        }
    }
    if let Some(directory) = paths::secure_directory(env) {
        let file = reader.file(&directory.join(".credentials.json"));
        login_in(reader, report, file_source, file);
    }
    // Older versions and other programs used other accounts, which the SOURCE column shows.
    for account in others {
        let item = reader.item(&service, &account);
        login_in(reader, report, &Source::UNUSED_CLAUDE_OAUTH, item);
    }
    if let Some(file) = reader.below_home(".claude-oauth-credentials.json") {
        login_in(reader, report, &Source::UNUSED_CLAUDE_OAUTH, reader.file(&file));
    }
    is_known
}

/// Adds the login in a store, if there is one. Returns whether the store has an object.
fn login_in(reader: &Reader<'_>, report: &mut Report, source: &'static Source, store: Lookup) -> bool {
    let Some(document) = report.store(store) else {
        return false;
    };
    let Some(object) = report.object(&document) else {
        return false;
    };
    let place = &document.place;
    let Some(login) = report.usable(place, object.object(CLAUDE.access_token.0)) else {
        note_other_secrets(report, place, &object);
        return true;
    };
    let token = login.string(CLAUDE.access_token.1);
    match report.usable(place, token.map(Some)) {
        Some(Some(token)) => add_login(report, source, &CLAUDE, &document, token, (reader.env.now)()),
        Some(None) if login.has(CLAUDE.access_token.1) => {
            let why = login.string("loginEnded").ok().flatten();
            let why = why.map(|why| format!(" ({})", messages::quoted(why.expose_secret())));
            let why = why.unwrap_or_default();
            let text = format!("the login has ended{why}; log in again with Claude Code");
            report.note(place, text);
        }
        _ => {}
    }
    true
}

/// Notes the other secrets in a store without a login.
fn note_other_secrets(report: &mut Report, place: &Place, store: &Object<'_>) {
    let mut members = CLAUDE.other_secrets.to_vec();
    members.retain(|name| store.has(name));
    if !members.is_empty() && !store.has(CLAUDE.access_token.0) {
        let members = members.join(", ");
        let text = format!("contains no login of Claude Code, only other secrets: {members}");
        report.note(place, text);
    }
}

/// Adds the stored API keys, beginning with the one that Claude Code uses.
fn keys(reader: &Reader<'_>, report: &mut Report) {
    report.about = Source::CLAUDE_API.holds;
    if reader.env.platform == Platform::MacOs {
        let item = reader.item(&paths::key_service(reader.env), &paths::account(reader.env));
        if let Some(item) = report.store(item)
            && let Some(key) = item.whole()
        {
            add_key(report, &Source::CLAUDE_API, &item.place, key);
        }
    }
    if let Some(file) = paths::global_config(reader.env) {
        key_in(report, &Source::CLAUDE_API, reader.file(&file));
    }
    if let Some(file) = reader.below_home(".claude.json.api") {
        key_in(report, &Source::UNUSED_CLAUDE_API, reader.file(&file));
    }
}

/// Adds the API key in a configuration file.
fn key_in(report: &mut Report, source: &'static Source, store: Lookup) {
    let Some(document) = report.store(store) else {
        return;
    };
    let Some(object) = report.object(&document) else {
        return;
    };
    let place = &document.place;
    let key = report.usable(place, object.string("primaryApiKey"));
    if let Some(key) = key.filter(|key| !key.expose_secret().trim().is_empty()) {
        return add_key(report, source, place, key);
    }
    // Only keys of Anthropic are taken from here; those of gateways have no common form.
    let is_of_anthropic = |key: &SecretValue| key.expose_secret().trim_start().starts_with("sk-ant-");
    for member in LEGACY_KEYS {
        let key = report.usable(place, object.string(member));
        if let Some(key) = key.filter(is_of_anthropic) {
            return add_key(report, &Source::UNUSED_CLAUDE_API, place, key);
        }
    }
}

fn add_key(report: &mut Report, source: &'static Source, place: &Place, key: SecretValue) {
    let (provider, kind) = (ProviderName::ANTHROPIC, CredentialKind::ApiKey);
    report.add(LocalCredential::new(source, place, provider, kind, key));
}

#[cfg(test)]
mod tests;
