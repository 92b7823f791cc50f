//! The endpoints for provider credentials. There is no update: a credential is replaced by deleting it
//! and creating a new one.

use reqwest::{Method, StatusCode};
use serde::Deserialize;

use super::client::{BASE, encoded_id};
use super::request::{ApiRequest, Repeat};
use super::transport::{Api, ApiResult};
use super::types::{NewSecret, ServerText};
use crate::provider::{CredentialKind, Provider};
use crate::secret::{Scope, SecretValue};

/// A stored credential without its value. Type and scope are text, so that an unknown one does not
/// make a list fail.
#[derive(Clone, Deserialize)]
pub(crate) struct CredentialSummary {
    pub(crate) id: ServerText,
    pub(crate) name: ServerText,
    #[serde(rename = "type")]
    pub(crate) kind: Option<ServerText>,
    pub(crate) scope: ServerText,
}

/// A credential to store.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct NewCredential {
    pub(crate) name: String,
    pub(crate) kind: CredentialKind,
    pub(crate) scope: Scope,
    pub(crate) value: SecretValue,
}

#[derive(Deserialize)]
struct Revealed {
    value: SecretValue,
}

impl Api {
    /// Lists the provider's credentials of all scopes that are visible to the caller.
    pub(crate) async fn list_credentials(&self, provider: &Provider) -> ApiResult<Vec<CredentialSummary>> {
        let path = path(provider);
        let request = ApiRequest::new(Method::GET, &path);
        self.list(&request, "a list of credentials").await
    }

    /// Creates a credential and returns its id. Not retried if it may have been carried out.
    pub(crate) async fn create_credential(
        &self,
        provider: &Provider,
        new: &NewCredential,
    ) -> ApiResult<String> {
        let body = NewSecret {
            name: &new.name,
            value: new.value.expose_secret(),
            kind: Some(new.kind),
            scope: new.scope,
        };
        self.create(&path(provider), &body, &new.value, Repeat::Unsent)
            .await
    }

    pub(crate) async fn delete_credential(&self, provider: &Provider, id: &str) -> ApiResult<()> {
        let path = format!("{}/{}", path(provider), encoded_id(id)?);
        self.delete(&path, id).await
    }

    /// Fetches the value of a stored credential. The server may write an audit entry, so this is only
    /// called if the value is needed.
    pub(crate) async fn reveal_credential(&self, provider: &Provider, id: &str) -> ApiResult<SecretValue> {
        let path = format!("{}/{}/reveal", path(provider), encoded_id(id)?);
        let request = ApiRequest {
            is_write: false,
            ..ApiRequest::new(Method::POST, &path)
        };
        let answer = self.send(&request).await?;
        if answer.status != StatusCode::OK {
            return Err(self.not_the_api(&answer, "the stored value"));
        }
        let Revealed { value } = self.parse(&answer, "the stored value")?;
        self.known_secrets.add_value(&value);
        Ok(value)
    }
}

fn path(provider: &Provider) -> String {
    format!("{BASE}/{}", provider.id)
}
