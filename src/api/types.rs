//! What goes over the wire, and nothing else. Unknown fields are ignored, optional ones may be
//! missing: the API is young.

use serde::{Deserialize, Serialize};

use crate::secret::Scope;

/// A stored secret without its value. `scope` stays text, so that a scope invented later does
/// not fail a list.
#[derive(Debug, Clone, Deserialize, Serialize)]
pub struct SecretSummary {
    pub id: String,
    pub name: String,
    pub scope: String,
    #[serde(default)]
    pub description: Option<String>,
    #[serde(default)]
    pub updated_at: Option<String>,
}

#[derive(Serialize)]
pub struct CreateSecret<'a> {
    pub name: &'a str,
    pub value: &'a str,
    pub scope: Scope,
}

#[derive(Serialize)]
pub struct UpdateSecret<'a> {
    pub value: &'a str,
}

/// The answer to a create. A server that names what it stored must name what was sent.
#[derive(Deserialize)]
pub struct Created {
    pub id: String,
    #[serde(default)]
    pub name: Option<String>,
}

/// The error envelope: newer endpoints say `code` where older ones say `error_code`.
#[derive(Deserialize)]
pub struct ErrorEnvelope {
    #[serde(default, alias = "error_code")]
    pub code: Option<String>,
    #[serde(default)]
    pub message: Option<String>,
    #[serde(default)]
    pub trace_id: Option<String>,
}
