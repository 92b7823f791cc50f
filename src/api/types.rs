//! What goes over the wire, and nothing else. Unknown fields are ignored, optional ones may be
//! missing: the API is young.

use serde::{Deserialize, Serialize};

use crate::secret::Scope;

/// A stored secret without its value. `scope` stays text, so that a scope invented later does
/// not fail a list.
#[derive(Debug, Clone, Deserialize, Serialize)]
pub(crate) struct SecretSummary {
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) scope: String,
    #[serde(default)]
    pub(crate) description: Option<String>,
    #[serde(default)]
    pub(crate) updated_at: Option<String>,
}

#[derive(Serialize)]
pub(crate) struct CreateSecret<'a> {
    pub(crate) name: &'a str,
    pub(crate) value: &'a str,
    pub(crate) scope: Scope,
}

#[derive(Serialize)]
pub(crate) struct UpdateSecret<'a> {
    pub(crate) value: &'a str,
}

/// The answer to a create. A server that names what it stored must name what was sent.
#[derive(Deserialize)]
pub(crate) struct Created {
    pub(crate) id: String,
    #[serde(default)]
    pub(crate) name: Option<String>,
}

/// The error envelope: newer endpoints say `code` where older ones say `error_code`.
#[derive(Deserialize)]
pub(crate) struct ErrorEnvelope {
    #[serde(default, alias = "error_code")]
    pub(crate) code: Option<String>,
    #[serde(default)]
    pub(crate) message: Option<String>,
    #[serde(default)]
    pub(crate) trace_id: Option<String>,
}
