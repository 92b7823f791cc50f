//! The bodies of the vault's replies.

use serde_json::{Value, json};

use crate::events::{Body, Lie};
use crate::world::Entry;

/// An entry of a list reply.
pub(crate) fn summary(entry: &Entry, without_type: bool) -> Value {
    let Entry {
        id,
        name,
        scope,
        kind,
        ..
    } = entry;
    if entry.family == "generic" {
        json!({ "id": id, "org_id": "org_1", "user_id": "user_1", "name": name, "description": null, "scope": scope, "created_at": "2026-01-01T00:00:00Z", "updated_at": "2026-01-01T00:00:00Z" })
    } else if without_type {
        json!({ "id": id, "name": name, "scope": scope })
    } else {
        json!({ "id": id, "name": name, "scope": scope, "type": kind })
    }
}

/// The body of a success that contradicts the request for this id, name and scope.
pub(crate) fn lied(lie: Lie, [id, name, scope]: &[String; 3]) -> String {
    let other_scope = if scope == "org" { "user" } else { "org" };
    match lie {
        Lie::Error => json!({ "type": "error", "error_code": "no", "message": "no" }).to_string(),
        Lie::Id => json!({ "id": "another", "name": name, "scope": scope }).to_string(),
        Lie::Name => json!({ "id": id, "name": "ANOTHER", "scope": scope }).to_string(),
        Lie::Scope => json!({ "id": id, "name": name, "scope": other_scope }).to_string(),
        Lie::Silence => String::new(),
    }
}

/// A scripted reply without its status.
pub(crate) struct Scripted {
    pub(crate) body: String,
    pub(crate) content_type: &'static str,
    pub(crate) trace_id: String,
}

pub(crate) fn scripted(body: Body, told: &[String]) -> Scripted {
    let plain = |body: String, content_type| Scripted {
        body,
        content_type,
        trace_id: "trace".to_owned(),
    };
    match body {
        Body::Envelope => plain(
            json!({ "type": "error", "code": "scripted", "message": "scripted" }).to_string(),
            "application/json",
        ),
        Body::Echo(number) => {
            let said = echo(number, told);
            let body = json!({ "type": "error", "error_code": said, "message": format!("bad: {said}"), "trace_id": said });
            // A header value is one line of ASCII.
            let ascii = said.bytes().all(|byte| byte.is_ascii_graphic() || byte == b' ');
            Scripted {
                trace_id: if ascii { said } else { "trace".to_owned() },
                ..plain(body.to_string(), "application/json")
            }
        }
        Body::Html => plain("<html>sorry</html>".to_owned(), "text/html"),
        Body::Empty => plain(String::new(), "text/plain"),
    }
}

/// Every value sent so far, in the encoding with this index.
fn echo(number: usize, told: &[String]) -> String {
    let spelled = told.iter().map(|value| {
        let mut all = crate::encodings::encodings(value);
        let index = number % all.len();
        all.swap_remove(index).1
    });
    spelled.collect::<Vec<_>>().join(" and ")
}
