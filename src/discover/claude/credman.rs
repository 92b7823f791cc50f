//! The Windows Credential Manager, where Claude Code can keep its login.
//!
//! Facts from running Claude Code 2.1.330 under Wine: the item is UTF-8. A login of more than
//! 2,400 bytes is written as base64 in pieces of 2,400 characters, `claude-code-user#0` and on,
//! and `claude-code-user#m` holds `{"n":count,"l":length of the base64}`.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use zeroize::Zeroizing;

use super::login_in;
use super::paths::{global_config, login_service};
use crate::discover::Place;
use crate::discover::scan::{Document, Scan};
use crate::formats::json::Object;

const ACCOUNT: &str = "claude-code-user";
/// Claude Code writes no more pieces than this.
const MAX_PIECES: u16 = 256;

/// Whether Claude Code keeps its login there: by a variable, or by a feature flag that it got from
/// its server.
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

/// Keeps the login that is stored there.
pub(super) fn login(scan: &mut Scan<'_>) {
    let service = login_service(scan.env);
    match scan.selected_item(&service, ACCOUNT) {
        Err(_) => {}
        Ok(Some(item)) => login_in(scan, &item, false),
        Ok(None) => {
            if let Some(item) = in_pieces(scan, &service) {
                login_in(scan, &item, false);
            }
        }
    }
}

/// The login put together from its pieces.
fn in_pieces(scan: &mut Scan<'_>, service: &str) -> Option<Document> {
    let manifest = scan.item(service, &format!("{ACCOUNT}#m")).ok().flatten()?;
    let object = scan.object(&manifest)?;
    let member = |name| {
        let number = object.number(name)?;
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a cast saturates, and what does not fit is refused below"
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
        scan.problem(place.clone(), "is not complete".to_owned());
    }
    Some(Document::from_text(place, text?))
}
