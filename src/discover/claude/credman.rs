//! The Windows Credential Manager, in which Claude Code can store its login.
//!
//! Facts from running Claude Code 2.1.330 under Wine: the item is UTF-8. A login of more than
//! 2,400 bytes is written as base64 in parts of 2,400 characters, `claude-code-user#0` and so on,
//! and `claude-code-user#m` contains `{"n":count,"l":length of the base64}`.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use zeroize::Zeroizing;

use super::paths::{global_config, login_service};
use crate::discover::scan::{Document, Scan};
use crate::discover::types::Place;
use crate::formats::json::Object;

const ACCOUNT: &str = "claude-code-user";
/// Maximum number of parts that Claude Code writes.
const MAX_PIECES: u16 = 256;

/// Whether Claude Code stores its login there: because of a variable, or of a feature flag from its
/// server.
pub(super) fn is_selected(scan: &mut Scan<'_>) -> bool {
    let forced = scan.env.variable("CLAUDE_CODE_FORCE_WINDOWS_CREDMAN");
    if forced.is_some_and(|on| on == "1") {
        return true;
    }
    let Some(document) = global_config(scan.env).and_then(|path| scan.growing_file(&path)) else {
        return false;
    };
    let Ok(Some(config)) = Object::parse(document.body()) else {
        return false;
    };
    let flags = config.object("cachedGrowthBookFeatures").ok().flatten();
    flags.is_some_and(|flags| flags.is_true("tengu_windows_credman"))
}

/// Reads the stored login.
pub(super) fn login(scan: &mut Scan<'_>) -> Option<Document> {
    let service = login_service(scan.env);
    let whole = scan.selected_item(&service, ACCOUNT).ok()?;
    whole.or_else(|| in_pieces(scan, &service))
}

/// Assembles the login from its parts.
fn in_pieces(scan: &mut Scan<'_>, service: &str) -> Option<Document> {
    let manifest = scan.item(service, &format!("{ACCOUNT}#m")).ok().flatten()?;
    let object = scan.object(&manifest)?;
    let member = |name| {
        let number = object.number(name)?;
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "the cast saturates, and values out of range are refused below"
        )]
        let whole = number as u32;
        Some(whole)
    };
    let (count, length) = (member("n")?, member("l")?);
    let mut encoded = Zeroizing::new(String::new());
    for piece in 0..count.min(MAX_PIECES.into()) {
        let item = scan.item(service, &format!("{ACCOUNT}#{piece}")).ok().flatten();
        encoded.push_str(item.as_ref().map_or("", |item| &item.text));
    }
    let complete = u32::try_from(encoded.len()) == Ok(length);
    let bytes = complete
        .then(|| STANDARD.decode(encoded.as_bytes()).ok())
        .flatten();
    let text = bytes.and_then(|bytes| String::from_utf8(bytes).ok());
    let place = Place::Keychain {
        service: service.to_owned(),
        account: ACCOUNT.to_owned(),
    };
    if text.is_none() {
        scan.problem(&place, "is not complete");
    }
    Some(Document::from_text(place, text?))
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::discover::{Filter, discover};
    use crate::secret::SecretValue;
    use crate::system::env::{Env, Platform};
    use crate::system::keychain::tests::MemoryKeychain;

    const SERVICE: &str = "Claude Code-credentials";
    const LOGIN: &str = r#"{"claudeAiOauth":{"accessToken":"sk-ant-oat01-x","refreshToken":"r","expiresAt":1826984857063,"scopes":["user:inference"]}}"#;

    fn pieces(declared: usize) -> MemoryKeychain {
        let encoded = STANDARD.encode(LOGIN);
        let (first, second) = encoded.split_at(40);
        let manifest = format!(r#"{{"n":2,"l":{declared}}}"#);
        MemoryKeychain::default()
            .with(SERVICE, "claude-code-user#m", &manifest)
            .with(SERVICE, "claude-code-user#0", first)
            .with(SERVICE, "claude-code-user#1", second)
    }

    /// The access tokens found, and the number of problems.
    fn found(keychain: &MemoryKeychain, variables: &[(&str, &str)], config: &str) -> (Vec<String>, usize) {
        let home = tempfile::TempDir::new().unwrap();
        fs::write(home.path().join(".claude.json"), config).unwrap();
        let env = Env::fake(home.path(), variables, Platform::Windows);
        let discovery = discover(&env, keychain, Filter::ANY);
        let tokens = discovery.found.iter();
        let tokens = tokens.map(|login| {
            let whole = login.document.as_ref().map(SecretValue::expose_secret);
            assert_eq!(whole, Some(LOGIN));
            login.value.expose_secret().to_owned()
        });
        (tokens.collect(), discovery.problems.len())
    }

    const FORCED: [(&str, &str); 1] = [("CLAUDE_CODE_FORCE_WINDOWS_CREDMAN", "1")];

    #[test]
    fn a_login_is_read_whole_or_in_parts() {
        let token = vec!["sk-ant-oat01-x".to_owned()];
        let whole = MemoryKeychain::default().with(SERVICE, ACCOUNT, LOGIN);
        assert_eq!(found(&whole, &FORCED, "{}"), (token.clone(), 0));
        let length = STANDARD.encode(LOGIN).len();
        assert_eq!(found(&pieces(length), &FORCED, "{}"), (token, 0));
        assert_eq!(found(&pieces(length + 1), &FORCED, "{}"), (vec![], 1));
    }

    #[test]
    fn an_unselected_store_is_not_read() {
        let whole = MemoryKeychain::default().with(SERVICE, ACCOUNT, LOGIN);
        assert_eq!(found(&whole, &[], "{}"), (vec![], 0));
        let flag = r#"{"cachedGrowthBookFeatures":{"tengu_windows_credman":true}}"#;
        assert_eq!(found(&whole, &[], flag).0.len(), 1);
    }
}
