//! Gemini CLI (`--also gemini`): its API key in the keychain or in `.gemini/.env`.
//!
//! Facts from the shipped program (`@google/gemini-cli` 0.61.0): the keychain item is
//! `gemini-cli-api-key`, account `default-api-key`, with the key in `token.accessToken` of a JSON
//! object. Without a keychain, everything is in `gemini-credentials.json`, encrypted. Older versions
//! stored the Google login in `oauth_creds.json`. `GEMINI_CLI_HOME` moves the home.

use super::aider;
use super::gh::add_unless_overridden;
use super::scan::Scan;
use super::types::ProviderName;

pub(crate) fn api_key(scan: &mut Scan<'_>) {
    let variable = scan.env.is_set("GEMINI_API_KEY").then_some("GEMINI_API_KEY");
    if let Ok(Some(item)) = scan.item("gemini-cli-api-key", "default-api-key")
        && let Some(object) = scan.object(&item)
        && let Some(token) = scan.usable(&item.place, object.object("token"))
        && let Some(key) = scan.usable(&item.place, token.string("accessToken"))
    {
        add_unless_overridden(scan, &item.place, ProviderName::GEMINI, key, variable);
    }
    let home = scan.env.path("GEMINI_CLI_HOME").or_else(|| scan.env.home.clone());
    let Some(directory) = home.map(|home| home.join(".gemini")) else {
        return;
    };
    if let Some(document) = scan.file(&directory.join(".env")) {
        for (name, key) in aider::variables(scan, &document) {
            if name == "GEMINI_API_KEY" {
                add_unless_overridden(scan, &document.place, ProviderName::GEMINI, key, variable);
            }
        }
    }
    for (file, what) in [
        (
            "gemini-credentials.json",
            "is encrypted by Gemini CLI for this machine",
        ),
        ("oauth_creds.json", "is a Google login of Gemini CLI"),
    ] {
        let what =
            format!("{what}, which amika does not push; push a key with 'amika secret push GEMINI_API_KEY'");
        scan.report_store(&directory.join(file), &what);
    }
}
