//! GitHub Copilot CLI (`--also copilot`): its token in the keychain or in `~/.copilot/config.json`.
//!
//! Facts from GitHub's documentation ("Authenticating GitHub Copilot CLI"): `COPILOT_GITHUB_TOKEN`,
//! `GH_TOKEN` and `GITHUB_TOKEN` take precedence; the keychain item has the service `copilot-cli`;
//! without a keychain, the token is in the configuration file, in which `copilot_tokens` (or
//! `copilotTokens`) maps `https://HOST:LOGIN`, which is also the account of the item, to the token.

use jsonc_parser::{JsonObject, JsonValue};

use super::gh::add_unless_overridden;
use super::label;
use super::scan::Scan;
use super::types::ProviderName;
use crate::formats::json::parse_with_comments;
use crate::secret::SecretValue;

pub(crate) fn token(scan: &mut Scan<'_>) {
    let directory = scan
        .env
        .path("COPILOT_HOME")
        .or_else(|| scan.below_home(".copilot"));
    let Some(document) = directory.and_then(|directory| scan.file(&directory.join("config.json"))) else {
        return;
    };
    let place = &document.place;
    let Some(configuration) = scan.usable(place, parse_with_comments(document.body())) else {
        return;
    };
    let variable = ["COPILOT_GITHUB_TOKEN", "GH_TOKEN", "GITHUB_TOKEN"];
    let variable = variable.into_iter().find(|name| scan.env.is_set(name));
    let account = account(&configuration);
    let tokens = either(&configuration, "copilot_tokens", "copilotTokens");
    let mut tokens: Vec<_> = tokens.cloned().into_iter().flatten().collect();
    // The account in use first, because the parser does not keep the order.
    tokens.sort_by_key(|(name, _)| (account.as_deref() != Some(name.as_ref()), name.to_string()));
    let is_empty = tokens.is_empty();
    for (index, (name, token)) in tokens.into_iter().enumerate() {
        let what = label::entry(&name, index);
        match token {
            JsonValue::String(token) if index == 0 => {
                let token = SecretValue::new(token.into_owned());
                add_unless_overridden(scan, place, ProviderName::GITHUB_COPILOT, token, variable);
            }
            _ => scan.skip(place, &what, "is not the token in use"),
        }
    }
    if let (true, Some(account)) = (is_empty, account)
        && let Ok(Some(item)) = scan.selected_item("copilot-cli", &account)
        && let Some(token) = item.whole()
    {
        add_unless_overridden(scan, &item.place, ProviderName::GITHUB_COPILOT, token, variable);
    }
}

/// The account that was used last, as in the keychain.
fn account(configuration: &JsonObject<'_>) -> Option<String> {
    let user = either(configuration, "last_logged_in_user", "lastLoggedInUser")?;
    Some(format!(
        "{}:{}",
        user.get_string("host")?,
        user.get_string("login")?
    ))
}

fn either<'o, 'a>(object: &'o JsonObject<'a>, name: &str, other: &str) -> Option<&'o JsonObject<'a>> {
    object.get_object(name).or_else(|| object.get_object(other))
}
