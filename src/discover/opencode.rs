//! OpenCode 1.18: `auth.json` in its XDG data directory, on every system.
//!
//! Facts from running OpenCode 1.18.33: entries are `api` (`key`), `oauth` (`access`, `expires` in
//! milliseconds, 0 for never) and `wellknown`, whose `key` is a variable's name and no secret.
//! It skips entries it does not know without a word. `OPENCODE_AUTH_CONTENT` replaces the file.

use jiff::Timestamp;
use zeroize::Zeroizing;

use super::scan::Scan;
use super::{LocalCredential, Place, ProviderName};
use crate::formats::json::Object;
use crate::provider::CredentialKind;
use crate::secret::SecretValue;

pub(crate) fn logins(scan: &mut Scan<'_>) {
    let Some(directory) = scan.env.xdg_directory("XDG_DATA_HOME", ".local/share") else {
        return;
    };
    let directory = directory.join("opencode");
    let variable = scan.env.variable("OPENCODE_AUTH_CONTENT");
    let mut any = false;
    if let Some(text) = variable
        .and_then(|text| text.to_str())
        .filter(|text| !text.is_empty())
    {
        let text = Zeroizing::new(text.to_owned());
        let place = Place::Variable("OPENCODE_AUTH_CONTENT".to_owned());
        let object = scan.usable(&place, Object::parse(&text));
        any |= object.is_some_and(|object| entries(scan, &place, &object));
    } else if let Some(document) = scan.file(&directory.join("auth.json")) {
        let object = scan.object(&document);
        any |= object.is_some_and(|object| entries(scan, &document.place, &object));
    }
    let database = scan
        .env
        .path("OPENCODE_DB")
        .map_or_else(|| directory.join("opencode.db"), |path| directory.join(path));
    // Every OpenCode has this database; it is worth a word only where it may hold the logins.
    if !any && database.is_file() {
        let place = Place::File(database).shown(scan.env.home.as_deref());
        scan.notice(format!(
            "OpenCode 2 keeps its logins in {place}, which amika does not read; push a key with \
             'amika secret push NAME'"
        ));
    }
}

/// Keeps every entry that holds a credential, and says whether there was one.
fn entries(scan: &mut Scan<'_>, place: &Place, object: &Object<'_>) -> bool {
    let mut any = false;
    for (index, (name, raw)) in object.members().enumerate() {
        let Ok(Some(entry)) = Object::parse(raw.get()) else {
            continue;
        };
        let kind = entry.string("type").ok().flatten();
        let (kind, member) = match kind.as_ref().map(SecretValue::expose_secret) {
            Some("api") => (CredentialKind::ApiKey, "key"),
            Some("oauth") => (CredentialKind::OAuth, "access"),
            _ => continue,
        };
        let Some(provider) = ProviderName::named(name) else {
            let what = format!("entry {}", index + 1);
            scan.skip(place, &what, "has a name that no provider has");
            continue;
        };
        let value = match entry.string(member) {
            Ok(Some(value)) => value,
            Ok(None) => continue,
            Err(reason) => {
                scan.skip(place, &format!("the entry for {}:", provider.as_str()), &reason);
                continue;
            }
        };
        let expires_at = match entry.time("expires") {
            Ok(at) if kind == CredentialKind::OAuth => at.filter(|at| *at != Timestamp::UNIX_EPOCH),
            Err(reason) if kind == CredentialKind::OAuth => {
                let what = format!("the entry for {}", provider.as_str());
                scan.skip(place, &what, &format!("has an `expires` {reason}"));
                continue;
            }
            _ => None,
        };
        let credential = scan.credential(place, provider, kind, value);
        any |= scan.keep(LocalCredential {
            expires_at,
            ..credential
        });
    }
    any
}
