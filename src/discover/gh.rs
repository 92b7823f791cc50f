//! GitHub CLI (`--also gh`): the token for github.com, from `hosts.yml` or the system's keyring.
//!
//! Facts from its source (cli/cli `internal/config/config.go`, cli/go-gh `pkg/auth/auth.go`): the
//! token is that of `GH_TOKEN`, `GITHUB_TOKEN`, `oauth_token` of the host in `hosts.yml`, or the
//! keyring item with the service `gh:HOST`. A value that is not valid UTF-8 is written as
//! `go-keyring-base64:…` (zalando/go-keyring).

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::label;
use super::scan::Scan;
use super::types::{LocalCredential, Place, ProviderName};
use crate::formats::escape;
use crate::formats::yaml;
use crate::provider::CredentialKind;
use crate::secret::SecretValue;
use crate::system::env::Platform;

const HOST: &str = "github.com";
const ENCODED: &str = "go-keyring-base64:";

pub(crate) fn token(scan: &mut Scan<'_>) {
    let directory = scan
        .env
        .path("GH_CONFIG_DIR")
        .or_else(|| match scan.env.platform {
            Platform::Windows if !scan.env.is_set("XDG_CONFIG_HOME") => {
                scan.env.path("AppData").map(|data| data.join("GitHub CLI"))
            }
            _ => {
                let directory = scan.env.xdg_directory_as_set("XDG_CONFIG_HOME", ".config");
                directory.map(|directory| directory.join("gh"))
            }
        });
    let Some(document) = directory.and_then(|directory| scan.file(&directory.join("hosts.yml"))) else {
        return;
    };
    let place = &document.place;
    let entries = yaml::entries(document.body()).map(Some);
    let Some(entries) = scan.usable(place, entries) else {
        return;
    };
    let (mut own, mut user, mut others) = (None, None, Vec::new());
    for (index, entry) in entries.into_iter().enumerate() {
        let path: Vec<&str> = entry.path.iter().map(String::as_str).collect();
        match path.as_slice() {
            [HOST, "oauth_token"] => own = Some(entry.value),
            [HOST, "user"] => user = Some(entry.value),
            [host, "user"] => others.push(label::entry(host, index)),
            _ => {}
        }
    }
    if !others.is_empty() {
        let place = place.shown(scan.tilde());
        scan.notice(format!(
            "{place}: only github.com is read, not {}",
            others.join(", ")
        ));
    }
    if let Some(token) = own {
        add(scan, place, token);
    } else if let Some(user) = user {
        let item = scan.selected_item("gh:github.com", user.expose_secret());
        if let Ok(Some(item)) = item
            && let Some(token) = item.whole()
        {
            add(scan, &item.place, decoded(token));
        }
    }
}

fn add(scan: &mut Scan<'_>, place: &Place, token: SecretValue) {
    let variable = ["GH_TOKEN", "GITHUB_TOKEN"]
        .into_iter()
        .find(|name| scan.env.is_set(name));
    add_unless_overridden(scan, place, ProviderName::GITHUB, token, variable);
}

/// Adds a token, which its tool uses unless a variable is set.
pub(super) fn add_unless_overridden(
    scan: &mut Scan<'_>,
    place: &Place,
    provider: ProviderName,
    token: SecretValue,
    variable: Option<&str>,
) {
    if let Some(name) = variable {
        let place = escape::escape(&place.shown(scan.tilde())).into_owned();
        scan.notice(format!(
            "${name} is used instead of {place}; push it with 'amika secret push --from-env {name}'"
        ));
    }
    let credential = scan.credential(place, provider, CredentialKind::ApiKey, token);
    scan.add(LocalCredential {
        in_use: Some(variable.is_none()),
        overridden_by: variable.map(|name| Place::Variable(name.to_owned())),
        ..credential
    });
}

fn decoded(token: SecretValue) -> SecretValue {
    let encoded = token.expose_secret().strip_prefix(ENCODED);
    let bytes = encoded.and_then(|encoded| STANDARD.decode(encoded).ok());
    let text = bytes.and_then(|bytes| String::from_utf8(bytes).ok());
    text.map_or(token, SecretValue::new)
}
