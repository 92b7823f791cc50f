//! Overrides of Claude Code's stored credentials: variables, settings, a helper, a profile.
//!
//! Facts from running Claude Code 2.1.331 (`claude auth status`, and the headers of `claude -p`
//! against a server on loopback): a variable can be set in the environment or in `env` of a settings
//! file. The settings files, the strongest first, are: managed, local to the project, of the project,
//! of the user. They take precedence over the environment. A setup token and a profile in project
//! settings are ignored. A stored API key, but not a stored login, overrides a profile and a workload
//! identity.

use super::profile;
use super::settings::{self, HELPER, PROFILE, Settings, Value, lookup, trusted};
use crate::discover::scan::Scan;
use crate::discover::types::Place;

/// The meaning of a setting for Claude Code.
#[derive(Clone, Copy)]
enum Meaning {
    /// A switch for another service than Anthropic's API.
    Service(&'static str),
    /// A token or key.
    Secret,
    /// A token or key that Claude Code ignores in project settings.
    OwnSecret,
    /// A reference to a token or key.
    Reference,
    /// A command that prints a key: a member of the settings, not a variable.
    Helper,
}
use Meaning::{Helper, OwnSecret, Reference, Secret, Service};

/// Overrides of a stored login and of a stored API key, the strongest first.
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

/// Variables that can be part of a sign-in, but do not override a stored login by themselves.
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

/// What overrides the stored credentials.
pub(super) struct Overrides {
    /// Overrides a stored login and a stored API key.
    pub(super) of_all: Option<Place>,
    /// Overrides a stored login, but not a stored API key.
    pub(super) of_login: Option<Place>,
}

/// Reports all overrides of the stored credentials.
pub(super) fn find(scan: &mut Scan<'_>) -> Overrides {
    let layers = settings::read_layers(scan);
    let mut of_all = None;
    for (name, meaning) in OVERRIDES {
        let found = match meaning {
            Helper => settings::helper(&layers),
            OwnSecret => {
                report_ignored(scan, &layers, name);
                lookup(scan, trusted(&layers), name)
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
        report_override(scan, name, meaning, &place, counts);
        if counts {
            of_all.get_or_insert(place);
        }
    }
    for variable in OTHER_VARIABLES {
        if let Some((place, value)) = lookup(scan, layers.iter(), variable)
            && value != Value::Off
        {
            report_other(scan, variable, &place);
        }
    }
    report_ignored(scan, &layers, PROFILE);
    Overrides {
        of_all,
        of_login: profile::find(scan, &layers),
    }
}

/// Reports a variable in project settings that Claude Code ignores there.
fn report_ignored(scan: &mut Scan<'_>, layers: &[Settings], variable: &str) {
    let mut project = layers.iter().filter(|layer| layer.of_project);
    let found = project.find_map(|layer| layer.variable(variable));
    if let Some((place, _)) = found.filter(|(_, value)| *value != Value::Empty) {
        let place = place.shown(scan.tilde());
        scan.notice(format!(
            "Claude Code ignores {place}, because it is a project setting"
        ));
    }
}

fn report_override(scan: &mut Scan<'_>, name: &str, meaning: Meaning, place: &Place, counts: bool) {
    let how = push_command(name, place);
    let place = place.shown(scan.tilde());
    scan.notice(match meaning {
        Service(service) if counts => format!(
            "Claude Code uses {service} ({place}) instead of any stored login; push its credential under \
             the name of its variable: 'amika secret push NAME'"
        ),
        Service(service) => {
            format!("{place} has a value that does not enable {service} for Claude Code")
        }
        Secret | OwnSecret => format!("Claude Code uses {place} instead of any stored login; {how}"),
        Reference => format!(
            "Claude Code gets its credential through {place}, which amika does not read, instead of any \
             stored login; push the credential with 'amika secret push ANTHROPIC_API_KEY'"
        ),
        Helper => format!(
            "Claude Code gets its key from a command ({place}) instead of any stored login, but amika does not \
             run it; pipe its output into 'amika secret push ANTHROPIC_API_KEY --yes'"
        ),
    });
}

fn report_other(scan: &mut Scan<'_>, variable: &str, place: &Place) {
    let how = push_command(variable, place);
    let place = place.shown(scan.tilde());
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
        _ => format!("push it with 'amika secret push {variable}', which prompts for the value"),
    }
}
