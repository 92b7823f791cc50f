//! The settings files of Claude Code, as far as they say how it signs in.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use super::paths;
use crate::discover::scan::Scan;
use crate::discover::types::Place;
use crate::formats::json::Object;

pub(super) const HELPER: &str = "apiKeyHelper";
pub(super) const PROFILE: &str = "ANTHROPIC_PROFILE";

/// Commands of the settings that get credentials of other services.
const OTHER_COMMANDS: [&str; 4] = [
    "awsAuthRefresh",
    "awsCredentialExport",
    "gcpAuthRefresh",
    "proxyAuthHelper",
];

/// A settings file, as far as it says how Claude Code signs in.
pub(super) struct Settings {
    file: PathBuf,
    /// Whether it is the file of a project, and not also the user's.
    pub(super) of_project: bool,
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

/// The layers that are not only a project's.
pub(super) fn own(layers: &[Settings]) -> impl Iterator<Item = &Settings> {
    layers.iter().filter(|layer| !layer.of_project)
}

impl Settings {
    pub(super) fn variable(&self, variable: &str) -> Option<(Place, Value)> {
        let (_, value) = self.variables.iter().rev().find(|(name, _)| name == variable)?;
        Some((setting(&format!("env.{variable}"), &self.file), *value))
    }
}

fn setting(key: &str, file: &Path) -> Place {
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

pub(super) fn helper(layers: &[Settings]) -> Option<(Place, Value)> {
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

/// The settings files that are there, the strongest first.
pub(super) fn read_layers(scan: &mut Scan<'_>) -> Vec<Settings> {
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
