//! Claude Code 2.1: the API key of a Console login, and the OAuth login of a subscription.
//!
//! Facts from running Claude Code 2.1.331 on Linux, and from the shipped program for macOS. On macOS,
//! the Keychain takes precedence over the files. A login takes precedence over an API key that Claude
//! Code stored itself, and [`overrides`] take precedence over both.

mod credman;
mod overrides;
mod paths;
mod profile;
mod settings;

use super::scan::{Document, Scan, Unreadable};
use super::types::{LocalCredential, Place, ProviderName};
use crate::formats::json::Object;
use crate::provider::{CLAUDE, CredentialKind};
use crate::secret::SecretValue;
use crate::system::env::Platform;

use self::paths::{account, global_config, key_service, login_service, secure_directory};

/// Members of the global configuration from which older versions read an API key.
const LEGACY_KEY_MEMBERS: [&str; 3] = ["apiKey", "anthropicApiKey", "customApiKey"];
/// The scope that Claude Code requires in a login.
const NEEDED_SCOPE: &str = "user:inference";

/// The login that Claude Code uses instead of a stored API key.
enum Login {
    Absent,
    Used(Place),
    /// The store could not be read.
    Unknown,
}

/// A stored API key.
struct StoredKey {
    place: Place,
    key: SecretValue,
    /// Whether only older versions read its location.
    legacy: bool,
}

/// Adds the API keys, that of the Keychain first.
pub(crate) fn api_key(scan: &mut Scan<'_>) {
    let overrides = overrides::find(scan);
    let found = scan.preview(stored_logins);
    let used = found.found.iter().find(|login| is_used(login));
    let login = match used {
        // A key overrides a profile, and a profile overrides a login.
        Some(login) if overrides.of_login.is_none() => Login::Used(login.place.clone()),
        Some(_) => Login::Absent,
        None if found.problems.is_empty() => Login::Absent,
        None => Login::Unknown,
    };
    let mut first = None;
    for StoredKey { place, key, legacy } in stored_keys(scan) {
        let instead = match (&overrides.of_all, &login) {
            (Some(other), _) | (None, Login::Used(other)) => Some(other),
            (None, Login::Absent | Login::Unknown) => first.as_ref(),
        };
        let unknown = instead.is_none() && matches!(login, Login::Unknown) && !legacy;
        let credential = scan.credential(&place, ProviderName::ANTHROPIC, CredentialKind::ApiKey, key);
        let credential = LocalCredential {
            legacy,
            in_use: (!unknown).then_some(instead.is_none() && !legacy),
            overridden_by: instead.cloned(),
            ..credential
        };
        if overrides.of_all.is_none() && first.is_none() && !legacy {
            report_login_in_use(scan, &place, &login);
        }
        if scan.add(credential) {
            first.get_or_insert(place.clone());
            if legacy {
                report_legacy(scan, &place);
            }
        }
    }
}

/// All stored API keys, beginning with the one that Claude Code uses.
fn stored_keys(scan: &mut Scan<'_>) -> Vec<StoredKey> {
    let mut keys = Vec::new();
    if scan.env.platform == Platform::MacOs {
        let item = scan
            .item(&key_service(scan.env), &account(scan.env))
            .ok()
            .flatten();
        let key = item.as_ref().and_then(Document::whole);
        if let (Some(item), Some(key)) = (item, key.filter(|key| !key.is_empty())) {
            keys.push(StoredKey {
                place: item.place,
                key,
                legacy: false,
            });
        }
    }
    let global = global_config(scan.env).and_then(|path| scan.growing_file(&path));
    keys.extend(global.and_then(|document| key_in(scan, &document)));
    let oldest = scan.below_home(".claude.json.api");
    let oldest = oldest.and_then(|path| scan.file(&path));
    let oldest = oldest.and_then(|document| key_in(scan, &document));
    keys.extend(oldest.map(|key| StoredKey { legacy: true, ..key }));
    keys
}

fn report_login_in_use(scan: &mut Scan<'_>, key: &Place, login: &Login) {
    if let Login::Used(login) = login {
        let home = scan.tilde();
        let (key, login) = (key.shown(home), login.shown(home));
        scan.notice(format!(
            "Claude Code itself uses the login in {login}, not the API key in {key}; \
             'amika secret claude push --type oauth' pushes the login"
        ));
    }
}

fn report_legacy(scan: &mut Scan<'_>, place: &Place) {
    let place = place.shown(scan.tilde());
    scan.notice(format!(
        "{place} contains a credential of an older version, which Claude Code 2.1 does not use"
    ));
}

/// The API key in a configuration file.
fn key_in(scan: &mut Scan<'_>, document: &Document) -> Option<StoredKey> {
    let object = scan.object(document)?;
    let place = &document.place;
    let key = scan.usable(place, object.string("primaryApiKey"));
    if let Some(key) = key.filter(|key| !key.expose_secret().trim().is_empty()) {
        if !is_of_anthropic(&key) {
            let place = place.shown(scan.tilde());
            scan.notice(format!(
                "the primaryApiKey in {place} does not look like a key of Anthropic's own API; Claude Code \
                 uses it nevertheless, as the key of a gateway"
            ));
        }
        return Some(StoredKey {
            place: place.clone(),
            key,
            legacy: false,
        });
    }
    let key = LEGACY_KEY_MEMBERS
        .iter()
        .find_map(|member| scan.usable(place, object.string(member)).filter(is_of_anthropic));
    key.map(|key| StoredKey {
        place: place.clone(),
        key,
        legacy: true,
    })
}

/// Whether it has the format of a key for Anthropic's own API; keys of gateways have any format.
fn is_of_anthropic(key: &SecretValue) -> bool {
    let key = key.expose_secret().trim_start();
    CLAUDE.key_prefixes.iter().any(|prefix| key.starts_with(prefix))
}

/// Adds the OAuth logins, that of the Keychain first.
pub(crate) fn oauth(scan: &mut Scan<'_>) {
    let overrides = overrides::find(scan);
    let before = overrides.of_all.or(overrides.of_login);
    let found = scan.preview(stored_logins);
    let used = found.found.iter().find(|login| is_used(login));
    let used = used.map(|login| login.place.clone());
    let unknown = !found.problems.is_empty();
    stored_logins(scan);
    for login in scan.own_credentials() {
        let is_used = used.as_ref() == Some(&login.place) && !login.legacy;
        let other = used.as_ref().filter(|_| !is_used);
        login.overridden_by = before.as_ref().or(other).cloned();
        login.in_use = if before.is_some() || login.legacy {
            Some(false)
        } else {
            (!unknown).then_some(is_used)
        };
    }
    let legacy = scan.own_credentials().filter(|login| login.legacy);
    let legacy: Vec<_> = legacy.map(|login| login.place.clone()).collect();
    for place in legacy {
        report_legacy(scan, &place);
    }
}

/// Whether Claude Code would use this login if nothing overrode it.
fn is_used(login: &LocalCredential) -> bool {
    !login.legacy
}

/// Adds the stored logins, beginning with the one that Claude Code uses.
fn stored_logins(scan: &mut Scan<'_>) {
    let mut others = Vec::new();
    if scan.env.platform == Platform::MacOs {
        let service = login_service(scan.env);
        let own = account(scan.env);
        if let Some(reason) = scan.unreachable_keychain() {
            scan.notice(format!(
                "the Keychain, where Claude Code stores its login, was not read: {reason}"
            ));
        }
        match scan.item(&service, &own) {
            Err(Unreadable) => {}
            Ok(Some(item)) => login_in(scan, &item, false),
            Ok(None) => {
                let accounts = scan.accounts(&service);
                others.extend(accounts.into_iter().filter(|account| *account != own));
            }
        }
    } else if scan.env.platform == Platform::Windows
        && credman::is_selected(scan)
        && let Some(item) = credman::login(scan)
    {
        login_in(scan, &item, false);
    }
    if let Some(directory) = secure_directory(scan.env)
        && let Some(document) = scan.file(&directory.join(".credentials.json"))
    {
        login_in(scan, &document, false);
    }
    // Older versions and other programs used other accounts, which the SOURCE column shows.
    for account in others {
        if let Ok(Some(item)) = scan.item(&login_service(scan.env), &account) {
            login_in(scan, &item, true);
        }
    }
    if let Some(path) = scan.below_home(".claude-oauth-credentials.json")
        && let Some(document) = scan.file(&path)
    {
        login_in(scan, &document, true);
    }
}

fn login_in(scan: &mut Scan<'_>, document: &Document, legacy: bool) {
    let place = &document.place;
    if scan.refuses_mark(document, "Claude Code") {
        return;
    }
    let Some(object) = scan.object(document) else {
        return;
    };
    let Some(login) = scan.usable(place, object.object(CLAUDE.access_token.0)) else {
        return report_other_secrets(scan, place, &object);
    };
    // After a login is revoked, an empty token remains, which is not a login.
    let Some(token) = scan.usable(place, login.string(CLAUDE.access_token.1)) else {
        return;
    };
    let what = "the Claude login";
    if !login.list_has("scopes", NEEDED_SCOPE) {
        let reason = "lacks the scope user:inference, which Claude Code needs (log in again to get it),";
        return scan.skip(place, what, reason);
    }
    match login.time("expiresAt") {
        Err(reason) => scan.skip(place, what, &format!("has an `expiresAt` {reason}")),
        Ok(expires_at) => {
            let renewable = Some(is_renewable(scan, &login));
            let whole = scan.whole(document);
            let credential = scan.credential(place, ProviderName::ANTHROPIC, CredentialKind::OAuth, token);
            scan.add(LocalCredential {
                document: whole,
                expires_at,
                renewable,
                legacy,
                ..credential
            });
        }
    }
}

/// Reports the other secrets in a store without a login.
fn report_other_secrets(scan: &mut Scan<'_>, place: &Place, store: &Object<'_>) {
    let held = CLAUDE.other_secrets.iter().filter(|name| store.has(name));
    let held: Vec<_> = held.copied().collect();
    if !held.is_empty() && !store.has(CLAUDE.access_token.0) {
        let place = place.shown(scan.tilde());
        scan.notice(format!(
            "{place} contains no login of Claude Code, only other secrets: {}",
            held.join(", ")
        ));
    }
}

/// Whether there is a refresh token that has not expired.
fn is_renewable(scan: &Scan<'_>, login: &Object<'_>) -> bool {
    let ends = login.time("refreshTokenExpiresAt").ok().flatten();
    let ended = ends.is_some_and(|at| at <= (scan.env.now)());
    !ended
        && login
            .string(CLAUDE.refresh_token)
            .is_ok_and(|token| token.is_some())
}
