//! The JSON of requests and responses. Unknown fields are ignored and optional ones may be missing.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::request::ApiRequest;
use crate::formats::json::lenient;
use crate::provider::CredentialKind;
use crate::secret::Scope;

/// A text as sent by the server, to compare and to send back. It may quote a secret, so
/// [`Api::shown`](super::Api::shown) must convert it for printing.
#[derive(Clone, PartialEq, Eq, Deserialize)]
#[serde(transparent)]
pub(crate) struct ServerText(String);

impl ServerText {
    pub(crate) fn as_sent(&self) -> &str {
        &self.0
    }
}

impl PartialEq<str> for ServerText {
    fn eq(&self, other: &str) -> bool {
        self.0 == other
    }
}

/// A stored secret without its value. `scope` is text, so that an unknown one does not make a list
/// fail.
#[derive(Clone, Deserialize)]
pub(crate) struct SecretSummary {
    pub(crate) id: ServerText,
    pub(crate) name: ServerText,
    pub(crate) scope: ServerText,
    #[serde(default)]
    pub(crate) description: Option<ServerText>,
    #[serde(default)]
    pub(crate) updated_at: Option<ServerText>,
}

/// The body of a create.
#[derive(Serialize)]
pub(super) struct NewSecret<'a> {
    pub(super) name: &'a str,
    pub(super) value: &'a str,
    /// The type of a provider credential.
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    pub(super) kind: Option<CredentialKind>,
    pub(super) scope: Scope,
}

/// The response to a write. A member that is missing contradicts nothing.
#[derive(Deserialize)]
pub(super) struct WriteReply {
    pub(super) id: Option<Value>,
    name: Option<Value>,
    scope: Option<Value>,
    #[serde(rename = "type")]
    kind: Option<Value>,
    error: Option<Value>,
    error_code: Option<Value>,
    #[serde(default, deserialize_with = "lenient")]
    pub(super) updated_at: Option<ServerText>,
}

impl WriteReply {
    /// Whether it is no error, and about what the request asked for.
    pub(super) fn confirms(&self, request: &ApiRequest<'_>) -> bool {
        let is_error = self.error.is_some() || self.error_code.is_some();
        let same = |said: &Option<Value>, asked: Option<&str>| match (said, asked) {
            (Some(said), Some(asked)) => said == asked,
            _ => true,
        };
        !is_error
            && self.kind.as_ref().is_none_or(|kind| kind != "error")
            && same(&self.id, request.id)
            && same(&self.name, request.name)
            && same(&self.scope, request.scope.map(Scope::as_str))
    }
}

/// The error envelope. Newer endpoints use `code`, older ones `error_code`.
#[derive(Default, Deserialize)]
pub(crate) struct ErrorEnvelope {
    #[serde(default, alias = "error_code")]
    pub(crate) code: Option<String>,
    #[serde(default)]
    pub(crate) message: Option<String>,
    #[serde(default)]
    pub(crate) trace_id: Option<String>,
}
