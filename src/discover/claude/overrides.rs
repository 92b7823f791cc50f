//! What Claude Code uses before a stored credential: variables, settings, a helper, a profile.
//!
//! Facts from running Claude Code 2.1.331 (`claude auth status`, and the headers of `claude -p`
//! against a server on loopback): a variable counts from the environment or from `env` of a settings
//! file. The settings files, the strongest first: managed, local to the project, of the project, of
//! the user. They go before the environment. From a project, a setup token and a profile do not
//! count. A stored API key goes before a profile and before a workload identity; a stored login does
//! not.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use super::{paths, profile};
use crate::discover::Place;
use crate::discover::scan::Scan;
use crate::formats::json::Object;

/// What a setting means for Claude Code.
#[derive(Clone, Copy)]
enum Meaning {
    /// A switch for another service than Anthropic's API.
    Service(&'static str),
    /// A token or key.
    Secret,
    /// A token or key that Claude Code does not take from a project's settings.
    OwnSecret,
    /// Where Claude Code gets a token or key.
    Reference,
    /// A command that prints a key: a member of the settings, and no variable.
    Helper,
}
use Meaning::{Helper, OwnSecret, Reference, Secret, Service};

/// What goes before a stored login and before a stored API key, the strongest first.
const OVERRIDES: [(&str, Meaning); 13] = [
    ("CLAUDE_CODE_USE_BEDROCK", Service("Amazon Bedrock")),
    ("CLAUDE_CODE_USE_VERTEX", Service("Google Vertex AI")),
    ("CLAUDE_CODE_USE_FOUNDRY", Service("Microsoft Foundry")),
    ("CLAUDE_CODE_USE_ANTHROPIC_AWS", Service("Claude on AWS")),
    (
        "CLAUDE_CODE_USE_ANTHROPIC_GOOGLE_CLOUD",
        Service("Claude on Google Cloud"),
    ),
    ("CLAUDE_CODE_USE_MANTLE", Service("Amazon Bedrock (Mantle)")),
    ("ANTHROPIC_AUTH_TOKEN", Secret),
    ("ANTHROPIC_API_KEY", Secret),
    ("CLAUDE_CODE_API_KEY_FILE_DESCRIPTOR", Reference),
    (HELPER, Helper),
    ("CLAUDE_CODE_OAUTH_TOKEN", OwnSecret),
    ("CLAUDE_CODE_OAUTH_TOKEN_FILE_DESCRIPTOR", Reference),
    ("CLAUDE_CODE_HOST_CREDS_FILE", Reference),
];
const HELPER: &str = "apiKeyHelper";
const PROFILE: &str = "ANTHROPIC_PROFILE";

/// Commands of the settings that get credentials of other services.
const OTHER_COMMANDS: [&str; 4] = [
    "awsAuthRefresh",
    "awsCredentialExport",
    "gcpAuthRefresh",
    "proxyAuthHelper",
];

/// Variables that may have to do with a sign-in and do not go before a stored login by themselves.
const OTHER_VARIABLES: [&str; 9] = [
    "CLAUDE_CODE_USE_GATEWAY",
    "CLAUDE_CODE_OAUTH_REFRESH_TOKEN",
    "ANTHROPIC_IDENTITY_TOKEN",
    "ANTHROPIC_IDENTITY_TOKEN_FILE",
    "AWS_BEARER_TOKEN_BEDROCK",
    "ANTHROPIC_AWS_API_KEY",
    "ANTHROPIC_BEDROCK_MANTLE_API_KEY",
    "ANTHROPIC_FOUNDRY_API_KEY",
    "ANTHROPIC_FOUNDRY_AUTH_TOKEN",
];

/// What Claude Code uses before its stored credentials.
pub(super) struct Overrides {
    /// It goes before a stored login and before a stored API key.
    pub(super) of_all: Option<Place>,
    /// It goes before a stored login, and a stored API key goes before it.
    pub(super) of_login: Option<Place>,
}

/// A settings file, as far as it says how Claude Code signs in.
pub(super) struct Settings {
    file: PathBuf,
    /// Whether it is the file of a project, and not also the user's.
    of_project: bool,
    has_helper: bool,
    profile: Option<String>,
    /// Names and whether the value is one that counts.
    variables: Vec<(String, Value)>,
}

/// What a variable is set to, without the secret.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum Value {
    /// Empty or blank, which removes the variable.
    Empty,
    /// A text that means "off" for a switch.
    Off,
    /// A text that means "on" for a switch.
    On,
    /// Any other text.
    Text,
}

/// Names everything that goes before the stored credentials.
pub(super) fn find(scan: &mut Scan<'_>) -> Overrides {
    let layers = layers(scan);
    let mut of_all = None;
    for (name, meaning) in OVERRIDES {
        let found = match meaning {
            Helper => helper(&layers),
            OwnSecret => {
                name_ignored(scan, &layers, name);
                lookup(scan, own(&layers), name)
            }
            _ => lookup(scan, layers.iter(), name),
        };
        let Some((place, value)) = found else {
            continue;
        };
        let is_service = matches!(meaning, Service(_));
        if is_service && value == Value::Off {
            continue;
        }
        let counts = !is_service || value == Value::On;
        name_override(scan, name, meaning, &place, counts);
        if counts {
            of_all.get_or_insert(place);
        }
    }
    for variable in OTHER_VARIABLES {
        if let Some((place, value)) = lookup(scan, layers.iter(), variable)
            && value != Value::Off
        {
            name_other(scan, variable, &place);
        }
    }
    name_ignored(scan, &layers, PROFILE);
    Overrides {
        of_all,
        of_login: profile::find(scan, &layers),
    }
}

/// The layers that are not only a project's.
pub(super) fn own(layers: &[Settings]) -> impl Iterator<Item = &Settings> {
    layers.iter().filter(|layer| !layer.of_project)
}

/// Names a variable that a project sets and that Claude Code does not take from a project.
fn name_ignored(scan: &mut Scan<'_>, layers: &[Settings], variable: &str) {
    let mut project = layers.iter().filter(|layer| layer.of_project);
    let found = project.find_map(|layer| layer.variable(variable));
    if let Some((place, _)) = found.filter(|(_, value)| *value != Value::Empty) {
        let place = place.shown(scan.env.home.as_deref());
        scan.notice(format!(
            "Claude Code does not use {place}, because a project sets it"
        ));
    }
}

impl Settings {
    fn variable(&self, variable: &str) -> Option<(Place, Value)> {
        let (_, value) = self.variables.iter().rev().find(|(name, _)| name == variable)?;
        Some((setting(&format!("env.{variable}"), &self.file), *value))
    }
}

pub(super) fn setting(key: &str, file: &Path) -> Place {
    Place::Setting {
        key: key.to_owned(),
        file: file.to_owned(),
    }
}

/// Where a variable is set and to what; `None` when it is unset, empty or blank.
pub(super) fn lookup<'l>(
    scan: &Scan<'_>,
    mut layers: impl Iterator<Item = &'l Settings>,
    variable: &str,
) -> Option<(Place, Value)> {
    let layered = layers.find_map(|layer| layer.variable(variable));
    let found = layered.or_else(|| {
        let text = scan.env.variable(variable).and_then(OsStr::to_str)?;
        Some((Place::Variable(variable.to_owned()), value_of(text)))
    });
    found.filter(|(_, value)| *value != Value::Empty)
}

fn helper(layers: &[Settings]) -> Option<(Place, Value)> {
    let layer = layers.iter().find(|layer| layer.has_helper)?;
    Some((setting(HELPER, &layer.file), Value::Text))
}

/// The profile that `ANTHROPIC_PROFILE` names, and where it does.
pub(super) fn named_profile(scan: &Scan<'_>, layers: &[Settings]) -> Option<(Place, String)> {
    let layered = own(layers).filter_map(|layer| {
        let profile = layer.profile.clone()?;
        Some((setting(&format!("env.{PROFILE}"), &layer.file), profile))
    });
    let variable = scan.env.variable(PROFILE).and_then(OsStr::to_str);
    let variable = variable.map(|name| (Place::Variable(PROFILE.to_owned()), name.to_owned()));
    let mut found = layered.chain(variable);
    found.next().filter(|(_, name)| !name.trim().is_empty())
}

fn value_of(text: &str) -> Value {
    match text.trim().to_ascii_lowercase().as_str() {
        "" => Value::Empty,
        "0" | "false" | "no" | "off" => Value::Off,
        "1" | "true" | "yes" | "on" => Value::On,
        _ => Value::Text,
    }
}

fn name_override(scan: &mut Scan<'_>, name: &str, meaning: Meaning, place: &Place, counts: bool) {
    let how = push_command(name, place);
    let place = place.shown(scan.env.home.as_deref());
    scan.notice(match meaning {
        Service(service) if counts => format!(
            "Claude Code uses {service} ({place}), and no stored login; push what it signs in with under \
             the name of its variable: 'amika secret push NAME'"
        ),
        Service(service) => {
            format!("{place} is set to a text that does not switch on {service} for Claude Code")
        }
        Secret | OwnSecret => format!("Claude Code uses {place} before any stored login; {how}"),
        Reference => format!(
            "Claude Code gets its credential through {place} before any stored login, which amika does \
             not follow; push the credential with 'amika secret push ANTHROPIC_API_KEY'"
        ),
        Helper => format!(
            "Claude Code gets its key from a command ({place}) before any stored login, and amika does not \
             run it; pipe its output into 'amika secret push ANTHROPIC_API_KEY --yes'"
        ),
    });
}

fn name_other(scan: &mut Scan<'_>, variable: &str, place: &Place) {
    let how = push_command(variable, place);
    let place = place.shown(scan.env.home.as_deref());
    scan.notice(if variable == "CLAUDE_CODE_USE_GATEWAY" {
        format!("{place} is set, so Claude Code may sign in to a gateway, which amika does not follow")
    } else {
        format!("Claude Code can sign in with {place}; {how}")
    });
}

fn push_command(variable: &str, place: &Place) -> String {
    match (variable, place) {
        ("ANTHROPIC_API_KEY", Place::Variable(_)) => {
            "push it with 'amika secret claude push --type api_key'".to_owned()
        }
        (_, Place::Variable(_)) => {
            format!("push it with 'amika secret push --from-env {variable}'")
        }
        _ => format!("push it with 'amika secret push {variable}', which asks for the value"),
    }
}

/// The settings files that are there, the strongest first.
fn layers(scan: &mut Scan<'_>) -> Vec<Settings> {
    let user = paths::config_directory(scan.env).map(|directory| directory.join("settings.json"));
    let mut files: Vec<_> = managed_files(scan)
        .into_iter()
        .map(|file| (file, false))
        .collect();
    if let Some(project) = &scan.env.directory {
        let directory = project.join(".claude");
        let own = ["settings.local.json", "settings.json"].map(|name| directory.join(name));
        files.extend(own.into_iter().map(|file| {
            // In the home directory the project's file is the user's.
            let of_project = user.as_ref() != Some(&file);
            (file, of_project)
        }));
    }
    if let Some(user) = user.filter(|user| !files.iter().any(|(file, _)| file == user)) {
        files.push((user, false));
    }
    let read = |(file, of_project)| layer(scan, file, of_project);
    files.into_iter().filter_map(read).collect()
}

/// The managed settings, of which the last file of `managed-settings.d` is the strongest; then
/// those that Claude Code got from its server.
fn managed_files(scan: &Scan<'_>) -> Vec<PathBuf> {
    let mut files = Vec::new();
    if let Some(directory) = paths::managed(scan.env) {
        let entries = std::fs::read_dir(directory.join("managed-settings.d"));
        let entries = entries.into_iter().flatten().flatten().map(|entry| entry.path());
        files.extend(entries.filter(|path| path.extension() == Some(OsStr::new("json"))));
        files.sort();
        files.reverse();
        files.push(directory.join("managed-settings.json"));
    }
    files.extend(paths::config_directory(scan.env).map(|directory| directory.join("remote-settings.json")));
    files
}

/// Claude Code ignores a file that is no JSON or whose helper is no text.
fn layer(scan: &mut Scan<'_>, file: PathBuf, of_project: bool) -> Option<Settings> {
    let document = scan.settings_file(&file)?;
    let settings = scan.object(&document)?;
    let helper = settings.string(HELPER);
    let has_helper = scan.usable(&document.place, helper.map(|helper| Some(helper.is_some())))?;
    for command in OTHER_COMMANDS.into_iter().filter(|command| settings.has(command)) {
        let place = setting(command, &file).shown(scan.env.home.as_deref());
        scan.notice(format!(
            "{place} is a command that gets a credential for Claude Code, which amika does not run"
        ));
    }
    let variables = settings.object("env").ok().flatten();
    let profile = variables
        .as_ref()
        .and_then(|variables| variables.string(PROFILE).ok()?);
    let variables = variables.iter().flat_map(Object::members);
    let variables = variables.map(|(name, raw)| {
        let text = raw.get();
        // Numbers and booleans become texts.
        let inner = text.strip_prefix('"').and_then(|text| text.strip_suffix('"'));
        (name.to_owned(), value_of(inner.unwrap_or(text)))
    });
    Some(Settings {
        of_project,
        has_helper,
        profile: profile.map(|profile| profile.expose_secret().to_owned()),
        variables: variables.collect(),
        file,
    })
}
