//! OpenCode's database, `opencode.db`: the `credential` table of OpenCode 2, and the `account`
//! table of logins at OpenCode's console.
//!
//! Facts from OpenCode 1.18.33: every version 1.18 creates the database, but its command line does
//! not use the `credential` table. `OPENCODE_DB` moves it. Of several rows for one provider, the
//! active one is used, or the newest (anomalyco/opencode,
//! `20260805200742_import_legacy_credentials.ts`).

use std::cmp::Reverse;
use std::fs::File;
use std::path::Path;

use jiff::Timestamp;

use super::super::label::{self, Claimed};
use super::super::scan::Scan;
use super::super::types::{LocalCredential, Place, ProviderName};
use crate::formats::json::Object;
use crate::formats::sqlite::{Database, Malformed, Row, Value};
use crate::provider::CredentialKind;
use crate::secret::SecretValue;
use crate::system::file;

/// Adds the credentials in the database; an empty one is not reported.
pub(super) fn credentials(scan: &mut Scan<'_>, directory: &Path) {
    let named = scan.env.path("OPENCODE_DB");
    let path = named.map_or_else(|| directory.join("opencode.db"), |path| directory.join(path));
    let Some(file) = scan.open_database(&path) else {
        return;
    };
    // An empty file is a valid, empty database.
    if file.metadata().is_ok_and(|metadata| metadata.len() == 0) {
        return;
    }
    let mut log = path.clone().into_os_string();
    log.push("-wal");
    let log = file::open_if_there(Path::new(&log)).ok().flatten();
    let place = Place::File(path);
    let shown = place.shown(scan.tilde());
    let Ok((rows, accounts)) = tables(file, log) else {
        return scan.notice(format!(
            "{shown}, where OpenCode 2 stores its logins, cannot be read as an SQLite database; \
             push a key with 'amika secret push NAME'"
        ));
    };
    add_rows(scan, &place, rows);
    if accounts > 0 && scan.asks_for_all() {
        scan.notice(format!(
            "OpenCode is logged in to its console ({shown}), which amika does not push; \
             log in again where it is needed with 'opencode console login'"
        ));
    }
}

/// The rows of `credential`, and the number of rows of `account`.
fn tables(file: File, log: Option<File>) -> Result<(Vec<Row>, usize), Malformed> {
    let mut database = Database::open(file, log)?;
    let rows = database.table("credential")?.unwrap_or_default();
    let accounts = database.table("account")?.unwrap_or_default();
    Ok((rows, accounts.len()))
}

/// Adds one credential per provider, and reports the others.
fn add_rows(scan: &mut Scan<'_>, place: &Place, mut rows: Vec<Row>) {
    rows.sort_by_key(|row| Reverse((integer(row, "active") == Some(1), integer(row, "time_updated"))));
    let mut claimed = Claimed::default();
    for (index, row) in rows.iter().enumerate() {
        let id = text(row, "integration_id").map_or("", SecretValue::expose_secret);
        if !scan.asks_for(id) {
            continue;
        }
        let what = label::entry(id, index);
        let Some(provider) = ProviderName::from_tool(id) else {
            scan.skip(place, &what, "has an invalid provider name");
            continue;
        };
        let value = text(row, "value").map_or("", SecretValue::expose_secret);
        let Ok(Some(value)) = Object::parse(value) else {
            scan.skip(place, &what, "contains no JSON object");
            continue;
        };
        if let Some(first) = claimed.by(&provider, &what) {
            let reason = format!("maps to the same secret as {first}, which is newer or active,");
            scan.skip(place, &what, &reason);
            continue;
        }
        add_value(scan, place, provider, &what, &value);
    }
}

fn add_value(scan: &mut Scan<'_>, place: &Place, provider: ProviderName, what: &str, value: &Object<'_>) {
    let kind = value.string("type").ok().flatten();
    let (kind, member) = match kind.as_ref().map(SecretValue::expose_secret) {
        Some("key") => (CredentialKind::ApiKey, "key"),
        Some("oauth") => (CredentialKind::OAuth, "access"),
        _ => return scan.skip(place, what, "has an unknown type"),
    };
    let Ok(Some(secret)) = value.string(member) else {
        return scan.skip(place, what, "contains no key");
    };
    let expires_at = match value.time("expires") {
        Ok(at) => at.filter(|at| kind == CredentialKind::OAuth && *at != Timestamp::UNIX_EPOCH),
        Err(reason) => return scan.skip(place, what, &format!("has an `expires` {reason}")),
    };
    let credential = scan.credential(place, provider, kind, secret);
    // OpenCode 2 uses it, OpenCode 1.18 does not.
    scan.add(LocalCredential {
        expires_at,
        ..credential
    });
}

fn text<'r>(row: &'r Row, column: &str) -> Option<&'r SecretValue> {
    match row.get(column) {
        Some(Value::Text(text)) => Some(text),
        _ => None,
    }
}

fn integer(row: &Row, column: &str) -> Option<i64> {
    match row.get(column) {
        Some(Value::Integer(number)) => Some(*number),
        _ => None,
    }
}
