//! What Claude Code uses before a stored credential: variables, settings, a helper, a profile.
//!
//! Facts from running Claude Code 2.1.330 and 2.1.197 (`claude auth status --json`): a variable
//! counts from the environment or from `env` of a settings file. The settings files, the strongest
//! first: managed, local to the project, of the project, of the user. They go before the
//! environment.

use std::ffi::OsStr;
use std::path::PathBuf;

use super::paths;
use crate::discover::Place;
use crate::discover::scan::Scan;
use crate::formats::json::Object;

/// What a variable means for Claude Code.
#[derive(Clone, Copy)]
enum Meaning {
    /// It selects another service than Anthropic's API.
    Service(&'static str),
    /// It holds a token or key.
    Secret,
    /// It says where Claude Code gets a token or key.
    Reference,
    /// It names a profile.
    Profile,
}
use Meaning::{Profile, Reference, Secret, Service};

/// The variables that go before a stored login, the strongest first.
const BEFORE_LOGIN: [(&str, Meaning); 13] = [
    ("CLAUDE_CODE_USE_BEDROCK", Service("Amazon Bedrock")),
    ("CLAUDE_CODE_USE_VERTEX", Service("Google Vertex AI")),
    ("CLAUDE_CODE_USE_FOUNDRY", Service("Microsoft Foundry")),
    ("CLAUDE_CODE_USE_ANTHROPIC_AWS", Service("Claude on AWS")),
    ("CLAUDE_CODE_USE_MANTLE", Service("Amazon Bedrock (Mantle)")),
    ("CLAUDE_CODE_USE_GATEWAY", Service("a gateway")),
    ("ANTHROPIC_AUTH_TOKEN", Secret),
    ("CLAUDE_CODE_OAUTH_TOKEN", Secret),
    ("CLAUDE_CODE_OAUTH_TOKEN_FILE_DESCRIPTOR", Reference),
    ("ANTHROPIC_API_KEY", Secret),
    ("CLAUDE_CODE_API_KEY_FILE_DESCRIPTOR", Reference),
    ("CLAUDE_CODE_HOST_CREDS_FILE", Reference),
    ("ANTHROPIC_PROFILE", Profile),
];

/// Variables with a secret that does not go before a stored login by itself.
const OTHER_SECRETS: [&str; 8] = [
    "CLAUDE_CODE_OAUTH_REFRESH_TOKEN",
    "ANTHROPIC_IDENTITY_TOKEN",
    "ANTHROPIC_IDENTITY_TOKEN_FILE",
    "AWS_BEARER_TOKEN_BEDROCK",
    "ANTHROPIC_AWS_API_KEY",
    "ANTHROPIC_BEDROCK_MANTLE_API_KEY",
    "ANTHROPIC_FOUNDRY_API_KEY",
    "ANTHROPIC_FOUNDRY_AUTH_TOKEN",
];

/// A settings file, as far as it says how Claude Code signs in.
struct Settings {
    file: PathBuf,
    has_helper: bool,
    /// Names and whether the value is one that counts.
    variables: Vec<(String, Value)>,
}

/// What a variable is set to, without the secret.
#[derive(Clone, Copy, PartialEq)]
enum Value {
    /// Empty, which removes the variable.
    Empty,
    /// A text that means "off" for a switch.
    Off,
    Set,
}

/// Names everything that goes before a stored login, and returns the strongest.
pub(super) fn find(scan: &mut Scan<'_>) -> Option<Place> {
    let layers = layers(scan);
    let helper = layers.iter().find(|layer| layer.has_helper);
    let helper = helper.map(|layer| setting("apiKeyHelper", &layer.file));
    let mut strongest = None;
    for (variable, meaning) in BEFORE_LOGIN {
        if matches!(meaning, Profile)
            && let Some(helper) = &helper
        {
            name_helper(scan, helper);
            strongest.get_or_insert(helper.clone());
        }
        let Some((place, value)) = lookup(scan, &layers, variable) else {
            continue;
        };
        if value == Value::Off && matches!(meaning, Service(_)) {
            continue;
        }
        name_variable(scan, variable, meaning, &place);
        strongest.get_or_insert(place);
    }
    for variable in OTHER_SECRETS {
        if let Some((place, _)) = lookup(scan, &layers, variable) {
            let how = push_command(variable, &place);
            let place = place.shown(scan.env.home.as_deref());
            scan.notice(format!("Claude Code can sign in with {place}; {how}"));
        }
    }
    name_profile(scan);
    strongest
}

fn setting(key: &str, file: &std::path::Path) -> Place {
    Place::Setting {
        key: key.to_owned(),
        file: file.to_owned(),
    }
}

/// Where a variable is set, and to what; `None` when it is unset or empty.
fn lookup(scan: &Scan<'_>, layers: &[Settings], variable: &str) -> Option<(Place, Value)> {
    let layered = layers.iter().find_map(|layer| {
        let (_, value) = layer.variables.iter().rev().find(|(name, _)| name == variable)?;
        Some((setting(&format!("env.{variable}"), &layer.file), *value))
    });
    let (place, value) = layered.or_else(|| {
        let text = scan.env.variable(variable).and_then(OsStr::to_str)?;
        Some((Place::Variable(variable.to_owned()), value_of(text)))
    })?;
    (value != Value::Empty).then_some((place, value))
}

fn value_of(text: &str) -> Value {
    match text.trim().to_ascii_lowercase().as_str() {
        "" => Value::Empty,
        "0" | "false" | "no" | "off" => Value::Off,
        _ => Value::Set,
    }
}

fn name_variable(scan: &mut Scan<'_>, variable: &str, meaning: Meaning, place: &Place) {
    let how = push_command(variable, place);
    let place = place.shown(scan.env.home.as_deref());
    scan.notice(match meaning {
        Service(name) => format!(
            "Claude Code uses {name} ({place}), and no stored login; push what it signs in with under \
             the name of its variable: 'amika secret push NAME'"
        ),
        Secret => format!("Claude Code uses {place} before any stored login; {how}"),
        Reference => format!(
            "Claude Code gets its credential through {place} before any stored login, which amika does \
             not follow; push the credential with 'amika secret push ANTHROPIC_API_KEY'"
        ),
        Profile => format!(
            "Claude Code uses the profile that {place} names before any stored login; a profile's token \
             works for minutes only, so create an API key in the Console and push that with \
             'amika secret claude push --type api_key'"
        ),
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

fn name_helper(scan: &mut Scan<'_>, helper: &Place) {
    let helper = helper.shown(scan.env.home.as_deref());
    scan.notice(format!(
        "Claude Code gets its key from a command ({helper}) before any stored login, and amika does not \
         run it; pipe its output into 'amika secret push ANTHROPIC_API_KEY --yes'"
    ));
}

/// The settings files that are there, the strongest first.
fn layers(scan: &mut Scan<'_>) -> Vec<Settings> {
    let mut files = managed_files(scan);
    if let Some(project) = &scan.env.directory {
        let directory = project.join(".claude");
        files.extend(["settings.local.json", "settings.json"].map(|name| directory.join(name)));
    }
    files.extend(paths::config_directory(scan.env).map(|directory| directory.join("settings.json")));
    let mut seen: Vec<PathBuf> = Vec::new();
    files.retain(|file| {
        let new = !seen.contains(file);
        seen.push(file.clone());
        new
    });
    files.into_iter().filter_map(|file| layer(scan, file)).collect()
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

fn layer(scan: &mut Scan<'_>, file: PathBuf) -> Option<Settings> {
    let document = scan.settings_file(&file)?;
    let settings = scan.object(&document)?;
    let variables = settings.object("env").ok().flatten();
    let variables = variables.iter().flat_map(Object::members);
    let variables = variables.map(|(name, raw)| {
        let text = raw.get();
        // Numbers and booleans become texts.
        let inner = text.strip_prefix('"').and_then(|text| text.strip_suffix('"'));
        (name.to_owned(), value_of(inner.unwrap_or(text)))
    });
    let helper = settings.string("apiKeyHelper");
    Some(Settings {
        has_helper: helper.map_or(true, |helper| helper.is_some()),
        variables: variables.collect(),
        file,
    })
}

/// The profile that Claude Code would use where there is no login.
pub(super) fn implicit_profile(scan: &mut Scan<'_>) -> Option<Place> {
    if scan.env.is_set("ANTHROPIC_PROFILE") {
        return None;
    }
    profile_file(scan).map(Place::File)
}

/// The file with the tokens of the selected profile, if it is there.
fn profile_file(scan: &mut Scan<'_>) -> Option<PathBuf> {
    let directory = paths::profiles(scan.env)?;
    let variable = scan.env.variable("ANTHROPIC_PROFILE").and_then(OsStr::to_str);
    let name = match variable.filter(|name| !name.is_empty()) {
        Some(name) => name.to_owned(),
        None => active_profile(scan, &directory.join("active_config")),
    };
    if name.contains(['/', '\\']) {
        return None;
    }
    let config = scan.settings_file(&directory.join("configs").join(format!("{name}.json")));
    let config = config.as_ref().and_then(|document| scan.object(document));
    let moved = config.and_then(|config| config.object("authentication").ok().flatten());
    let moved = moved.and_then(|method| method.string("credentials_path").ok().flatten());
    let file = match moved {
        Some(path) => scan.env.expand_home(&directory.join(path.expose_secret())),
        None => directory.join("credentials").join(format!("{name}.json")),
    };
    file.is_file().then_some(file)
}

fn active_profile(scan: &mut Scan<'_>, file: &std::path::Path) -> String {
    let active = scan.settings_file(file);
    let name = active.as_ref().map_or("", |document| document.body().trim());
    if name.is_empty() { "default" } else { name }.to_owned()
}

fn name_profile(scan: &mut Scan<'_>) {
    if let Some(file) = profile_file(scan) {
        let place = Place::File(file).shown(scan.env.home.as_deref());
        scan.notice(format!(
            "{place} is an Anthropic Console sign-in, whose token works for minutes only; \
             create an API key in the Console and push that"
        ));
    }
}
