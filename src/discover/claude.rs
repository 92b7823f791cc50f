//! Claude Code 2.1: the API key of a Console login, and the OAuth login of a subscription.
//!
//! Facts from running Claude Code 2.1.330 on Linux, and from the shipped program for macOS. The
//! configuration directory is `CLAUDE_CONFIG_DIR` or `~/.claude`; the one for secrets can be moved
//! apart with `CLAUDE_SECURESTORAGE_CONFIG_DIR`. On macOS the Keychain comes before the files.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use icu_normalizer::ComposingNormalizerBorrowed;

use super::scan::{Document, Scan, Unreadable};
use super::{LocalCredential, Place, ProviderName};
use crate::provider::CredentialKind;
use crate::system::env::{Env, Platform};
use crate::system::keychain::hex_start;

/// The service of the Keychain items, before their suffixes.
const SERVICE: &str = "Claude Code";
/// The members of a configuration file that may hold an API key, the preferred first.
const KEY_MEMBERS: [&str; 4] = ["primaryApiKey", "apiKey", "anthropicApiKey", "customApiKey"];
/// A login without this scope is one that Claude Code itself does not use.
const NEEDED_SCOPE: &str = "user:inference";

/// The API key: the Keychain's, then the files'.
pub(crate) fn api_key(scan: &mut Scan<'_>) {
    if scan.env.platform == Platform::MacOs {
        let service = format!("{SERVICE}{}", suffix(scan.env));
        let item = scan.item(&service, &account(scan.env)).ok().flatten();
        let key = item.as_ref().and_then(Document::whole);
        if let (Some(item), Some(key)) = (item, key.filter(|key| !key.is_empty())) {
            scan.keep_key(&item.place, ProviderName::anthropic(), key);
        }
    }
    let own = scan
        .below_home(".claude.json.api")
        .and_then(|path| scan.file(&path));
    let global = global_config(scan.env).and_then(|path| scan.growing_file(&path));
    for document in own.iter().chain(&global) {
        key_in(scan, document);
    }
    say_what_is_not_read(scan);
}

fn key_in(scan: &mut Scan<'_>, document: &Document) {
    let Some(object) = scan.object(document) else {
        return;
    };
    let key = KEY_MEMBERS.iter().find_map(|member| {
        scan.usable(&document.place, object.string(member))
            .filter(|key| key.expose_secret().starts_with("sk-ant-"))
    });
    if let Some(key) = key {
        scan.keep_key(&document.place, ProviderName::anthropic(), key);
    }
}

/// Claude Code's global configuration; the older place wins where it is still there.
fn global_config(env: &Env) -> Option<PathBuf> {
    let directory = env.path("CLAUDE_CONFIG_DIR");
    let older = config_directory(env)?.join(".config.json");
    if older.is_file() {
        return Some(older);
    }
    let newer = directory.or_else(|| env.home.clone())?;
    Some(newer.join(".claude.json"))
}

fn config_directory(env: &Env) -> Option<PathBuf> {
    env.path("CLAUDE_CONFIG_DIR")
        .or_else(|| Some(env.home.as_ref()?.join(".claude")))
}

/// The OAuth login: the Keychain's, then the files'.
pub(crate) fn oauth(scan: &mut Scan<'_>) {
    if scan.env.platform == Platform::MacOs {
        let service = format!("{SERVICE}-credentials{}", suffix(scan.env));
        let own = account(scan.env);
        let mut items = Vec::new();
        match scan.item(&service, &own) {
            Err(Unreadable) => {}
            Ok(Some(item)) => items.push(item),
            // Older versions and other programs used other accounts; the SOURCE column names them.
            Ok(None) => {
                let others = scan.accounts(&service);
                let others = others.iter().filter(|account| **account != own);
                items.extend(others.filter_map(|account| scan.item(&service, account).ok().flatten()));
            }
        }
        for item in &items {
            login_in(scan, item);
        }
    } else if scan.env.platform == Platform::Windows
        && scan
            .env
            .variable("CLAUDE_CODE_FORCE_WINDOWS_CREDMAN")
            .is_some_and(|on| on == "1")
    {
        scan.notice(
            "Claude Code keeps its login in the Windows Credential Manager, which amika does not read; \
             run Claude Code once without CLAUDE_CODE_FORCE_WINDOWS_CREDMAN and log in"
                .to_owned(),
        );
    }
    let own = secure_directory(scan.env).map(|directory| directory.join(".credentials.json"));
    let other = scan.below_home(".claude-oauth-credentials.json");
    for path in own.into_iter().chain(other) {
        if let Some(document) = scan.file(&path) {
            login_in(scan, &document);
        }
    }
}

fn login_in(scan: &mut Scan<'_>, document: &Document) {
    let place = &document.place;
    let Some(object) = scan.object(document) else {
        return;
    };
    let Some(login) = scan.usable(place, object.object("claudeAiOauth")) else {
        return;
    };
    // A login that was revoked stays behind with an empty token: that is no login.
    let Some(token) = scan.usable(place, login.string("accessToken")) else {
        return;
    };
    let what = "the Claude login";
    if let Some(scopes) = login.strings("scopes")
        && scopes.iter().all(|scope| scope != NEEDED_SCOPE)
    {
        return scan.skip(place, what, "lacks the scope user:inference");
    }
    match login.time("expiresAt") {
        Err(reason) => scan.skip(place, what, &format!("has an `expiresAt` {reason}")),
        Ok(expires_at) => {
            let credential = scan.credential(place, ProviderName::anthropic(), CredentialKind::OAuth, token);
            scan.keep(LocalCredential {
                document: document.whole(),
                expires_at,
                ..credential
            });
        }
    }
}

/// The directory of the secrets, and the variable's text that moved it. Set but empty, the
/// variable for secrets means the default place.
fn secure_setting(env: &Env) -> Option<&OsStr> {
    env.variable("CLAUDE_SECURESTORAGE_CONFIG_DIR")
        .or_else(|| env.variable("CLAUDE_CONFIG_DIR"))
        .filter(|directory| !directory.is_empty())
}

fn secure_directory(env: &Env) -> Option<PathBuf> {
    match secure_setting(env) {
        Some(directory) => Some(PathBuf::from(directory)),
        None => Some(env.home.as_ref()?.join(".claude")),
    }
}

/// What the services of a moved directory end in: a hash of the variable's own text, composed
/// (Unicode NFC) and otherwise as it is.
fn suffix(env: &Env) -> String {
    let Some(directory) = secure_setting(env) else {
        return String::new();
    };
    let text = directory.to_string_lossy();
    let text = ComposingNormalizerBorrowed::new_nfc().normalize(&text);
    format!("-{}", hex_start(text.as_bytes(), 8))
}

/// The account of the Keychain items: the user's name where it is a plain one. Its home carries
/// the name, too, where no variable does.
fn account(env: &Env) -> String {
    let variable = ["USER", "LOGNAME"].iter().find_map(|name| env.variable(name));
    let home = || env.home.as_deref().and_then(Path::file_name);
    let name = variable.or_else(home).and_then(OsStr::to_str).unwrap_or_default();
    let plain = name
        .chars()
        .all(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-'));
    if plain && !name.is_empty() {
        name.to_owned()
    } else {
        "claude-code-user".to_owned()
    }
}

/// Logins of Claude Code that are not in a store of keys: named, never run or read.
fn say_what_is_not_read(scan: &mut Scan<'_>) {
    let home = scan.env.home.clone();
    if let Some(path) = config_directory(scan.env).map(|directory| directory.join("settings.json"))
        && let Some(document) = scan.settings_file(&path)
        && let Some(settings) = scan.object(&document)
    {
        let place = document.place.shown(home.as_deref());
        if settings.has("apiKeyHelper") {
            let helper = Place::Setting {
                key: "apiKeyHelper".to_owned(),
                file: path,
            };
            let helper = helper.shown(home.as_deref());
            scan.notice(format!(
                "Claude Code gets its key from a command ({helper}), which amika does not run; \
                 pipe its output into 'amika secret push ANTHROPIC_API_KEY --yes'"
            ));
        }
        let variables = settings.object("env").ok().flatten();
        if variables.is_some_and(|variables| variables.has("ANTHROPIC_API_KEY")) {
            scan.notice(format!(
                "{place} sets ANTHROPIC_API_KEY for Claude Code, which amika does not read; \
                 push it with 'amika secret push ANTHROPIC_API_KEY'"
            ));
        }
    }
    let profiles = match (scan.env.path("ANTHROPIC_CONFIG_DIR"), scan.env.platform) {
        (Some(directory), _) => Some(directory),
        (None, Platform::Windows) => scan.below_home("AppData/Roaming/Anthropic"),
        _ => (scan.env.xdg_directory("XDG_CONFIG_HOME", ".config")).map(|path| path.join("anthropic")),
    };
    let Some(directory) = profiles.map(|path| path.join("credentials")) else {
        return;
    };
    let profile = scan.env.variable("ANTHROPIC_PROFILE").and_then(OsStr::to_str);
    let file = directory.join(format!("{}.json", profile.unwrap_or("default")));
    if file.is_file() {
        let place = super::Place::File(file).shown(home.as_deref());
        scan.notice(format!(
            "{place} is an Anthropic Console sign-in, whose token works for minutes only; \
             create an API key in the Console and push that"
        ));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn env(variables: &[(&str, &str)]) -> Env {
        Env::fake(Path::new("/Users/fix"), variables, Platform::MacOs)
    }

    #[test]
    fn the_suffix_is_a_hash_of_the_variables_own_text() {
        let suffix_of = |variables: &[(&str, &str)]| suffix(&env(variables));
        assert_eq!(suffix_of(&[]), "");
        assert_eq!(suffix_of(&[("CLAUDE_CONFIG_DIR", "")]), "");
        // Observed with Claude Code 2.1.330.
        assert_eq!(suffix_of(&[("CLAUDE_CONFIG_DIR", "C:/cfg2/")]), "-9a02e4b9");
        let moved_apart = [
            ("CLAUDE_CONFIG_DIR", "/a"),
            ("CLAUDE_SECURESTORAGE_CONFIG_DIR", "C:/cfg2/"),
        ];
        assert_eq!(suffix_of(&moved_apart), "-9a02e4b9");
        let back_to_default = [
            ("CLAUDE_CONFIG_DIR", "/a"),
            ("CLAUDE_SECURESTORAGE_CONFIG_DIR", ""),
        ];
        assert_eq!(suffix_of(&back_to_default), "");
        let composed = suffix_of(&[("CLAUDE_CONFIG_DIR", "/\u{e9}")]);
        assert_eq!(suffix_of(&[("CLAUDE_CONFIG_DIR", "/e\u{301}")]), composed);
    }

    #[test]
    fn the_account_is_a_plain_user_name() {
        assert_eq!(account(&env(&[("USER", "jo.doe-1_x")])), "jo.doe-1_x");
        assert_eq!(account(&env(&[("USER", "jo doe")])), "claude-code-user");
        assert_eq!(account(&env(&[])), "fix");
    }
}
