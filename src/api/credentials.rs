//! The endpoints for provider credentials. There is no update: a credential is replaced by deleting it
//! and creating a new one.

use reqwest::{Method, StatusCode};
use serde::{Deserialize, Serialize};

use super::client::{BASE, encoded_id, json_body};
use super::request::{ApiRequest, Repeat};
use super::transport::{Api, ApiResult};
use super::types::ServerText;
use crate::net::withhold::Carried;
use crate::provider::{CredentialKind, Provider};
use crate::secret::{Scope, SecretValue};

/// A stored credential without its value. Type and scope are text, so that an unknown one does not
/// make a list fail.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct CredentialSummary {
    pub(crate) id: ServerText,
    pub(crate) name: ServerText,
    #[serde(rename = "type")]
    pub(crate) kind: Option<ServerText>,
    pub(crate) scope: ServerText,
}

/// A credential to store.
#[derive(Debug, Clone)]
pub(crate) struct NewCredential {
    pub(crate) name: String,
    pub(crate) kind: CredentialKind,
    pub(crate) scope: Scope,
    pub(crate) value: SecretValue,
}

#[derive(Serialize)]
struct CreateCredential<'a> {
    name: &'a str,
    value: &'a str,
    #[serde(rename = "type")]
    kind: CredentialKind,
    scope: Scope,
}

#[derive(Deserialize)]
struct Revealed {
    value: SecretValue,
}

impl Api {
    /// Lists the provider's credentials of all scopes that are visible to the caller.
    pub(crate) async fn list_credentials(&self, provider: &Provider) -> ApiResult<Vec<CredentialSummary>> {
        let answer = self.send(&ApiRequest::read(Method::GET, &path(provider))).await;
        let answer = answer.map_err(|error| self.list_error(error))?;
        self.parse(&answer, "a list of credentials")
    }

    /// Creates a credential and returns its id. Not retried if it may have been carried out.
    pub(crate) async fn create_credential(
        &self,
        provider: &Provider,
        new: &NewCredential,
    ) -> ApiResult<String> {
        self.keep_secret(&new.value);
        let body = CreateCredential {
            name: &new.name,
            value: new.value.expose_secret(),
            kind: new.kind,
            scope: new.scope,
        };
        let body = json_body(&body, &new.value);
        let carried = Carried {
            value: &new.value,
            name: &new.name,
        };
        let path = path(provider);
        let request = ApiRequest {
            repeat: Repeat::Unsent,
            ..ApiRequest::store(Method::POST, &path, body, carried)
        };
        self.create(&request, carried, new.scope).await
    }

    pub(crate) async fn delete_credential(&self, provider: &Provider, id: &str) -> ApiResult<()> {
        let path = format!("{}/{}", path(provider), encoded_id(id)?);
        self.delete(&path, id).await
    }

    /// Fetches the value of a stored credential. The server may write an audit entry, so this is only
    /// called if the value is needed.
    pub(crate) async fn reveal_credential(&self, provider: &Provider, id: &str) -> ApiResult<SecretValue> {
        let path = format!("{}/{}/reveal", path(provider), encoded_id(id)?);
        let answer = self.send(&ApiRequest::read(Method::POST, &path)).await?;
        if answer.status != StatusCode::OK {
            return Err(self.not_the_api(&answer, "the stored value"));
        }
        let Revealed { value } = self.parse(&answer, "the stored value")?;
        self.keep_secret(&value);
        Ok(value)
    }
}

fn path(provider: &Provider) -> String {
    format!("{BASE}/{}", provider.id)
}
