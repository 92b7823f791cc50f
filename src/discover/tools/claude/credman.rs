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
