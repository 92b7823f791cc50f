//! The settings of Claude Code that affect its sign-in.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use super::paths;
use crate::discover::scan::Scan;
use crate::discover::types::Place;
use crate::formats::json::Object;

pub(super) const HELPER: &str = "apiKeyHelper";
pub(super) const PROFILE: &str = "ANTHROPIC_PROFILE";

/// Commands in the settings that fetch credentials of other services.
const OTHER_COMMANDS: [&str; 4] = [
    "awsAuthRefresh",
    "awsCredentialExport",
    "gcpAuthRefresh",
    "proxyAuthHelper",
];

/// The content of a settings file that affects the sign-in.
pub(super) struct Settings {
    file: PathBuf,
    /// Whether it is a project's file rather than the user's.
    pub(super) of_project: bool,
    has_helper: bool,
    profile: Option<String>,
    /// Names and kinds of values.
    variables: Vec<(String, Value)>,
}

/// The kind of a variable's value.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum Value {
    /// Empty or blank, which removes the variable.
    Empty,
    /// A value that disables a switch.
    Off,
    /// A value that enables a switch.
    On,
    /// Any other value.
    Text,
}

/// The layers without those of a project.
pub(super) fn trusted(layers: &[Settings]) -> impl Iterator<Item = &Settings> {
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

/// The location and kind of a variable's value; `None` if it is unset, empty or blank.
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

/// The value of `ANTHROPIC_PROFILE` and its location.
pub(super) fn named_profile(scan: &Scan<'_>, layers: &[Settings]) -> Option<(Place, String)> {
    let layered = trusted(layers).filter_map(|layer| {
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

/// Reads the settings files, the strongest first.
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
            // In the home directory, the project's file is also the user's.
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

/// The files of the managed settings, beginning with the last one in `managed-settings.d`; then the
/// settings from Claude Code's server.
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

/// Reads a file. Claude Code ignores it if it is not valid JSON or its helper is not a string.
fn layer(scan: &mut Scan<'_>, file: PathBuf, of_project: bool) -> Option<Settings> {
    let document = scan.settings_file(&file)?;
    let settings = scan.object(&document)?;
    let helper = settings.string(HELPER);
    let has_helper = scan.usable(&document.place, helper.map(|helper| Some(helper.is_some())))?;
    for command in OTHER_COMMANDS.into_iter().filter(|command| settings.has(command)) {
        let place = setting(command, &file).shown(scan.tilde());
        scan.notice(format!(
            "{place} is a command that fetches a credential for Claude Code, which amika does not run"
        ));
    }
    let variables = settings.object("env").ok().flatten();
    let profile = variables
        .as_ref()
        .and_then(|variables| variables.string(PROFILE).ok()?);
    let variables = variables.iter().flat_map(Object::members);
    let variables = variables.map(|(name, raw)| {
        let text = raw.get();
        // Numbers and booleans are converted to strings.
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
