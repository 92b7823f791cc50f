//! Overrides of Codex's stored login: variables, and a model provider with its own sign-in.
//!
//! Facts from running Codex 0.169.0: the variables of a workload identity, `CODEX_ACCESS_TOKEN` and,
//! for `codex exec`, `CODEX_API_KEY` override every store unless they are blank; `OPENAI_API_KEY`
//! alone is not a login.

use super::config::{Config, ProviderLogin};
use crate::discover::scan::Scan;
use crate::discover::types::Place;
use crate::formats::escape;

/// Variables that override a stored login, the strongest first, and the ends of their messages.
const VARIABLES: [(&str, &str); 4] = [
    (
        "OPENAI_FEDERATION_RULE_ID",
        "for a workload identity, which works only on this machine, instead of any stored login; push an API key",
    ),
    (
        "OPENAI_IDENTITY_TOKEN_FILE",
        "for a workload identity, which works only on this machine, instead of any stored login; push an API key",
    ),
    (
        "CODEX_ACCESS_TOKEN",
        "instead of any stored login; push it with 'amika secret push --from-env CODEX_ACCESS_TOKEN'",
    ),
    (
        "CODEX_API_KEY",
        "for 'codex exec' instead of any stored login; push it with 'amika secret codex push --type api_key'",
    ),
];

/// Reports all overrides of the stored login, and returns the strongest.
pub(super) fn find(scan: &mut Scan<'_>, config: &Config) -> Option<Place> {
    let provider = selected_provider(scan, config);
    report_other_providers(scan, config);
    let mut strongest = provider;
    for (variable, how) in VARIABLES {
        if scan.env.has_text(variable) {
            scan.notice(format!("Codex uses ${variable} {how}"));
            strongest.get_or_insert(Place::Variable(variable.to_owned()));
        }
    }
    if scan.env.has_text("OPENAI_API_KEY") {
        scan.notice(
            "$OPENAI_API_KEY is set, but Codex does not sign in with it; push it with \
             'amika secret codex push --type api_key'"
                .to_owned(),
        );
    }
    if let Some(profile) = &config.profile {
        let place = profile.place().shown(scan.tilde());
        scan.notice(format!(
            "Codex 0.169 and later rejects {place} and does not start; use --profile"
        ));
    }
    strongest
}

/// The selected model provider, if it does not use Codex's login.
fn selected_provider(scan: &mut Scan<'_>, config: &Config) -> Option<Place> {
    let selected = config.model_provider.as_ref()?;
    let login = match config.model_providers.get(&selected.value) {
        Some((login, _)) => login.clone(),
        None if selected.value == "openai" => ProviderLogin::Codex,
        None => ProviderLogin::Nothing,
    };
    let place = selected.place().shown(scan.tilde());
    let how = match login {
        ProviderLogin::Codex => return None,
        ProviderLogin::Token => {
            "a token in the configuration; push it with 'amika secret push NAME'".to_owned()
        }
        ProviderLogin::Variable(name) if name.contains(|c: char| !c.is_ascii_alphanumeric() && c != '_') => {
            "a variable; push it with 'amika secret push NAME'".to_owned()
        }
        ProviderLogin::Variable(name) => {
            format!("${name}; push it with 'amika secret push --from-env {name}'")
        }
        ProviderLogin::Command => {
            "the output of a command, which amika does not run; push it with 'amika secret push NAME'"
                .to_owned()
        }
        ProviderLogin::Headers => {
            "headers of the configuration; push a secret in them with 'amika secret push NAME'".to_owned()
        }
        ProviderLogin::Nothing => "nothing that Codex stores".to_owned(),
    };
    scan.notice(format!(
        "Codex uses another model provider ({place}), which signs in with {how}"
    ));
    Some(selected.place())
}

/// Reports tokens in the configuration for providers that are not selected.
fn report_other_providers(scan: &mut Scan<'_>, config: &Config) {
    let selected = config
        .model_provider
        .as_ref()
        .map(|provider| provider.value.as_str());
    for (name, (login, file)) in &config.model_providers {
        if matches!(login, ProviderLogin::Token) && selected != Some(name) {
            let file = escape::home_path(file, scan.tilde());
            scan.notice(format!(
                "{file} contains a token for the model provider {}, which is not selected; push it with \
                 'amika secret push NAME'",
                escape::escape(name)
            ));
        }
    }
}

/// Reports a login that a setting forbids.
pub(super) fn report_forbidden(scan: &mut Scan<'_>, config: &Config) {
    let forbidden = scan.own_credentials().find_map(|login| config.forbids(login));
    if let Some(setting) = forbidden {
        let setting = setting.shown(scan.tilde());
        scan.notice(format!(
            "{setting} does not allow Codex's stored login, so Codex is not logged in with it; run 'codex login'"
        ));
    }
}
