//! What Codex uses before its stored login: variables, and a model provider with its own login.
//!
//! Facts from running Codex 0.169.0: `CODEX_API_KEY` (for `codex exec`) and `CODEX_ACCESS_TOKEN`
//! go before every store; `OPENAI_API_KEY` is not a login by itself.

use super::config::{Config, ProviderLogin, Setting};
use crate::discover::Place;
use crate::discover::scan::Scan;
use crate::formats::escape;

/// Names everything that goes before the stored login, and returns the strongest.
pub(super) fn find(scan: &mut Scan<'_>, config: &Config) -> Option<Place> {
    let provider = selected_provider(scan, config);
    name_other_providers(scan, config);
    let mut strongest = provider;
    for (variable, what) in [
        ("CODEX_ACCESS_TOKEN", "before any stored login"),
        ("CODEX_API_KEY", "for 'codex exec' before any stored login"),
    ] {
        if scan.env.is_set(variable) {
            let command = if variable == "CODEX_API_KEY" {
                "amika secret codex push --type api_key"
            } else {
                "amika secret push --from-env CODEX_ACCESS_TOKEN"
            };
            scan.notice(format!("Codex uses ${variable} {what}; push it with '{command}'"));
            strongest.get_or_insert(Place::Variable(variable.to_owned()));
        }
    }
    if scan.env.is_set("OPENAI_API_KEY") {
        scan.notice(
            "$OPENAI_API_KEY is set, and Codex does not sign in with it by itself; push it with \
             'amika secret codex push --type api_key'"
                .to_owned(),
        );
    }
    for variable in ["OPENAI_FEDERATION_RULE_ID", "OPENAI_IDENTITY_TOKEN_FILE"] {
        if scan.env.is_set(variable) {
            scan.notice(format!(
                "${variable} is set, so Codex can sign in with a workload identity, which amika does not follow"
            ));
        }
    }
    if let Some(profile) = &config.profile {
        let place = profile.place().shown(scan.env.home.as_deref());
        scan.notice(format!(
            "{place} is refused by Codex 0.169 and later, which does not start with it; use --profile"
        ));
    }
    strongest
}

/// The selected model provider, if it does not sign in with Codex's login.
fn selected_provider(scan: &mut Scan<'_>, config: &Config) -> Option<Place> {
    let selected = config.model_provider.as_ref()?;
    let login = match config.model_providers.get(&selected.value) {
        Some((login, _)) => login.clone(),
        None if selected.value == "openai" => ProviderLogin::Codex,
        None => ProviderLogin::Nothing,
    };
    let place = selected.place().shown(scan.env.home.as_deref());
    let how = match login {
        ProviderLogin::Codex => return None,
        ProviderLogin::Token => {
            "a token in the configuration; push that with 'amika secret push NAME'".to_owned()
        }
        ProviderLogin::Variable(name) if name.contains(|c: char| !c.is_ascii_alphanumeric() && c != '_') => {
            "a variable; push that with 'amika secret push NAME'".to_owned()
        }
        ProviderLogin::Variable(name) => {
            format!("${name}; push that with 'amika secret push --from-env {name}'")
        }
        ProviderLogin::Command => {
            "the output of a command, which amika does not run; push that with 'amika secret push NAME'"
                .to_owned()
        }
        ProviderLogin::Nothing => "nothing that Codex stores".to_owned(),
    };
    scan.notice(format!(
        "Codex uses another model provider ({place}), which signs in with {how}"
    ));
    Some(selected.place())
}

/// Names the tokens in the configuration that belong to providers which are not selected.
fn name_other_providers(scan: &mut Scan<'_>, config: &Config) {
    let selected = config
        .model_provider
        .as_ref()
        .map(|provider| provider.value.as_str());
    for (name, (login, file)) in &config.model_providers {
        if matches!(login, ProviderLogin::Token) && selected != Some(name) {
            let file = escape::home_path(file, scan.env.home.as_deref());
            scan.notice(format!(
                "{file} holds a token for the model provider {}, which is not selected; push it with \
                 'amika secret push NAME'",
                escape::escape(name)
            ));
        }
    }
}

/// Names a login that `forced_login_method` does not allow.
pub(super) fn name_refused(scan: &mut Scan<'_>, forced: Option<&Setting>) {
    let Some(forced) = forced else { return };
    let refused = |place: &Option<Place>| *place == Some(forced.place());
    if scan.own_credentials().any(|login| refused(&login.overridden_by)) {
        let place = forced.place().shown(scan.env.home.as_deref());
        scan.notice(format!(
            "{place} does not allow Codex's stored login, so Codex is not logged in with it; run 'codex login'"
        ));
    }
}
