//! The bodies of the vault's answers.

use serde_json::{Value, json};

use crate::world::{Body, Entry};

/// An entry as a list shows it.
pub(crate) fn summary(entry: &Entry) -> Value {
    let Entry {
        id,
        name,
        scope,
        kind,
        ..
    } = entry;
    if entry.family == "generic" {
        json!({ "id": id, "org_id": "org_1", "user_id": "user_1", "name": name, "description": null, "scope": scope, "created_at": "2026-01-01T00:00:00Z", "updated_at": "2026-01-01T00:00:00Z" })
    } else {
        json!({ "id": id, "name": name, "scope": scope, "type": kind })
    }
}

/// The body of a scripted status, and its content type.
pub(crate) fn scripted(body: Body, told: &[String]) -> (String, &'static str) {
    match body {
        Body::Envelope => (
            json!({ "type": "error", "code": "scripted", "message": "scripted" }).to_string(),
            "application/json",
        ),
        Body::Echo(number) => {
            let spelled = told.iter().map(|value| {
                let mut all = crate::spellings::spellings(value);
                let index = number % all.len();
                all.swap_remove(index).1
            });
            let said = spelled.collect::<Vec<_>>().join(" and ");
            (json!({ "type": "error", "error_code": said, "message": format!("bad: {said}"), "trace_id": said }).to_string(), "application/json")
        }
        Body::Html => ("<html>sorry</html>".to_owned(), "text/html"),
        Body::Empty => (String::new(), "text/plain"),
    }
}
