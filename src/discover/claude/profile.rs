//! Anthropic profiles, which Claude Code shares with the SDKs: a Console sign-in or a workload
//! identity.
//!
//! Facts from running Claude Code 2.1.331: a profile is `configs/NAME.json` and
//! `credentials/NAME.json`, which `authentication.credentials_path` moves (relative to the working
//! directory). A profile selected by `ANTHROPIC_PROFILE` overrides a stored login; that of
//! `active_config` is used if there is no login, or overrides a login if it is a workload identity.

use std::path::{Path, PathBuf};

use super::paths;
use super::settings::{Settings, lookup, named_profile, trusted};
use crate::discover::scan::Scan;
use crate::discover::types::Place;

/// The sign-in method of a profile.
enum Profile {
    /// The tokens of a Console sign-in, in this file.
    Console(PathBuf),
    /// A workload identity of the machine, with this configuration.
    WorkloadIdentity(PathBuf),
}

/// Reports the profile that Claude Code may use, and returns what overrides a stored login.
pub(super) fn find(scan: &mut Scan<'_>, layers: &[Settings]) -> Option<Place> {
    let directory = paths::profiles(scan.env)?;
    let home = scan.tilde();
    if let Some((place, name)) = named_profile(scan, layers) {
        let used = is_configured(&directory, &name) && profile(scan, &directory, &name).is_some();
        let shown = place.shown(home);
        scan.notice(if used {
            format!(
                "Claude Code uses the profile in {shown} instead of any stored login; a profile's token expires \
                 within minutes, so create an API key in the Console and push it with \
                 'amika secret claude push --type api_key'"
            )
        } else {
            format!("{shown} names a profile that is not signed in, so Claude Code does not use it")
        });
        if used {
            return Some(place);
        }
    }
    let of_process = workload_identity(scan, layers);
    if let Some(place) = &of_process {
        let shown = place.shown(home);
        scan.notice(format!(
            "Claude Code signs in with a workload identity ({shown}), which works only on this machine, instead \
             of any stored login; create an API key in the Console and push it"
        ));
        return of_process;
    }
    let active = active_profile(scan, &directory.join("active_config"));
    match profile(scan, &directory, &active)? {
        Profile::Console(file) => {
            let shown = Place::File(file).shown(home);
            scan.notice(format!(
                "{shown} is an Anthropic Console sign-in, whose token expires within minutes; \
                 create an API key in the Console and push it"
            ));
            None
        }
        Profile::WorkloadIdentity(file) => {
            let place = Place::File(file);
            let shown = place.shown(home);
            scan.notice(format!(
                "Claude Code signs in with the workload identity of {shown}, which works only on this machine, \
                 instead of any stored login; create an API key in the Console and push it"
            ));
            Some(place)
        }
    }
}

/// The variable with the identity token, if all variables of a workload identity are set.
fn workload_identity(scan: &Scan<'_>, layers: &[Settings]) -> Option<Place> {
    let set = |variable| lookup(scan, trusted(layers), variable).map(|(place, _)| place);
    set("ANTHROPIC_FEDERATION_RULE_ID")?;
    set("ANTHROPIC_ORGANIZATION_ID")?;
    set("ANTHROPIC_IDENTITY_TOKEN").or_else(|| set("ANTHROPIC_IDENTITY_TOKEN_FILE"))
}

fn configuration(directory: &Path, name: &str) -> PathBuf {
    directory.join("configs").join(format!("{name}.json"))
}

fn is_configured(directory: &Path, name: &str) -> bool {
    configuration(directory, name).is_file()
}

/// The profile with this name, if it is signed in.
fn profile(scan: &mut Scan<'_>, directory: &Path, name: &str) -> Option<Profile> {
    if name.contains(['/', '\\']) {
        return None;
    }
    let file = configuration(directory, name);
    let document = scan.settings_file(&file);
    let config = document.as_ref().and_then(|document| scan.object(document));
    let authentication = config.and_then(|config| config.object("authentication").ok().flatten());
    let text = |member| {
        authentication
            .as_ref()
            .and_then(|method| method.string(member).ok()?)
    };
    if text("type").is_some_and(|method| method.expose_secret() == "oidc_federation") {
        return Some(Profile::WorkloadIdentity(file));
    }
    let tokens = match text("credentials_path") {
        Some(path) => scan
            .env
            .directory
            .clone()
            .unwrap_or_default()
            .join(path.expose_secret()),
        None => directory.join("credentials").join(format!("{name}.json")),
    };
    tokens.is_file().then_some(Profile::Console(tokens))
}

fn active_profile(scan: &mut Scan<'_>, file: &Path) -> String {
    let active = scan.settings_file(file);
    let name = active.as_ref().map_or("", |document| document.body().trim());
    if name.is_empty() { "default" } else { name }.to_owned()
}
