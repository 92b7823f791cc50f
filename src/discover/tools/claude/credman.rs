//! The Windows Credential Manager, in which Claude Code can store its login.
//!
//! Facts from running Claude Code 2.1.330 under Wine: the item is UTF-8. A login of more than
//! 2,400 bytes is written as base64 in parts of 2,400 characters, `claude-code-user#0` and so on,
//! and `claude-code-user#m` contains `{"n":count,"l":length of the base64}`.

use std::rc::Rc;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use zeroize::Zeroizing;

use super::paths::{global_config, login_service};
use crate::discover::place::Place;
use crate::discover::reader::{Content, Document, Reader};
use crate::discover::report::Report;
use crate::discover::sources;
use crate::formats::json::Object;

const ACCOUNT: &str = "claude-code-user";
/// Maximum number of parts that Claude Code writes.
const MAX_PIECES: u16 = 256;

/// Whether Claude Code stores its login there: because of a variable, or of a feature flag from its
/// server.
pub(super) fn is_selected(reader: &Reader<'_>) -> bool {
    let forced = reader.env.variable("CLAUDE_CODE_FORCE_WINDOWS_CREDMAN");
    if forced.is_some_and(|on| on == "1") {
        return true;
    }
    // The scan of the API key reports a file that cannot be read.
    let Some(Content::Document(document)) =
        global_config(reader.env).map(|path| reader.growing_file(&path).content)
    else {
        return false;
    };
    let config = Object::parse(document.body()).ok().flatten();
    let flags = config.and_then(|config| config.object("cachedGrowthBookFeatures").ok()?);
    flags.is_some_and(|flags| flags.is_true("tengu_windows_credman"))
}

/// Reads the stored login.
pub(super) fn login(reader: &Reader<'_>, report: &mut Report) -> Option<Rc<Document>> {
    let service = login_service(reader.env);
    let about = sources::CLAUDE_OAUTH.holds;
    let problems = report.problems.len();
    let whole = report.store(reader.selected_item(&service, ACCOUNT), about);
    if whole.is_some() || report.problems.len() > problems {
        return whole;
    }
    in_pieces(reader, report, &service)
}

/// Assembles the login from its parts.
fn in_pieces(reader: &Reader<'_>, report: &mut Report, service: &str) -> Option<Rc<Document>> {
    let about = sources::CLAUDE_OAUTH.holds;
    let manifest = report.store(reader.item(service, &format!("{ACCOUNT}#m")), about)?;
    let object = report.object(&manifest, about)?;
    let (count, length) = (object.number("n")?, object.number("l")?);
    let mut encoded = Zeroizing::new(String::new());
    for piece in (0..MAX_PIECES).take_while(|piece| f64::from(*piece) < count) {
        let item = report.store(reader.item(service, &format!("{ACCOUNT}#{piece}")), about);
        encoded.push_str(item.as_ref().map_or("", |item| item.body()));
    }
    let complete = u32::try_from(encoded.len()).is_ok_and(|found| (f64::from(found) - length).abs() < 0.5);
    let bytes = complete
        .then(|| STANDARD.decode(encoded.as_bytes()).ok())
        .flatten();
    let text = bytes.and_then(|bytes| String::from_utf8(bytes).ok());
    let place = Place::Keychain {
        service: service.to_owned(),
        account: ACCOUNT.to_owned(),
    };
    if text.is_none() {
        report.problem(&place, about, "is not complete");
    }
    Some(Rc::new(Document::new(place, Zeroizing::new(text?))))
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
        let tokens = discovery.credentials.iter();
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
