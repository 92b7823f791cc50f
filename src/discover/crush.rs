//! Crush (`--also crush`): `providers.<id>.api_key` of its configuration and of its data file.
//!
//! Facts from its source (charmbracelet/crush `internal/config/load.go`, `config.go`) and its
//! documentation: the data file, which Crush writes, overrides the user's file. `$NAME` and
//! `$(command)` in a key are resolved by Crush. `oauth` next to a key is a login. `crushrc` is a
//! shell script.

use std::path::PathBuf;

use super::label::{self, Claimed};
use super::scan::Scan;
use super::types::{Place, ProviderName};
use crate::formats::json::Object;
use crate::system::env::{Env, Platform};

pub(crate) fn keys(scan: &mut Scan<'_>) {
    let configuration = scan.env.path("CRUSH_GLOBAL_CONFIG").or_else(|| {
        let directory = scan.env.xdg_directory_as_set("XDG_CONFIG_HOME", ".config");
        directory.map(|directory| directory.join("crush"))
    });
    let mut claimed = Claimed::default();
    for directory in [data_directory(scan.env), configuration.clone()] {
        let file = directory.map(|directory| directory.join("crush.json"));
        if let Some(document) = file.and_then(|file| scan.file(&file))
            && let Some(object) = scan.object(&document)
            && let Some(providers) = scan.usable(&document.place, object.object("providers"))
        {
            providers_in(scan, &document.place, &providers, &mut claimed);
        }
    }
    if let Some(directory) = configuration {
        let what = "is a script that may set Crush's keys, which amika does not run; push a key with \
                    'amika secret push NAME'";
        scan.report_store(&directory.join("crushrc"), what);
    }
}

fn data_directory(env: &Env) -> Option<PathBuf> {
    let local = env
        .path("LOCALAPPDATA")
        .filter(|_| env.platform == Platform::Windows);
    let named = env.path("XDG_DATA_HOME").or(local);
    let named = named.map(|directory| directory.join("crush"));
    let default = || env.home.as_ref().map(|home| home.join(".local/share/crush"));
    env.path("CRUSH_GLOBAL_DATA").or(named).or_else(default)
}

fn providers_in(scan: &mut Scan<'_>, place: &Place, providers: &Object<'_>, claimed: &mut Claimed) {
    for (index, (id, _)) in providers.members().enumerate() {
        let what = label::entry(id, index);
        let provider = match providers.object(id) {
            Ok(Some(provider)) => provider,
            Ok(None) => continue,
            Err(_) => {
                scan.skip(place, &what, "is not an object");
                continue;
            }
        };
        if provider.has("oauth") {
            scan.skip(place, &what, "is a login of Crush, which only Crush renews,");
            continue;
        }
        let key = match provider.string("api_key") {
            Ok(Some(key)) => key,
            Ok(None) => continue,
            Err(_) => {
                scan.skip(place, &what, "has an `api_key` that is not a string");
                continue;
            }
        };
        let reason = match ProviderName::from_tool(id) {
            None => "has an invalid provider name".to_owned(),
            Some(_) if key.expose_secret().contains('$') => {
                "refers to a variable or a command for its key".to_owned()
            }
            Some(name) => {
                let Some(first) = claimed.by(&name, &what) else {
                    scan.add_key(place, name, key);
                    continue;
                };
                format!("maps to the same secret as {first}")
            }
        };
        scan.skip(place, &what, &reason);
    }
}
