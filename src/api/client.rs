//! The client of the secrets API: one method for each endpoint.

use std::collections::HashMap;

use bytes::Bytes;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use reqwest::{Method, StatusCode};
use serde::Serialize;
use serde_json::{Value, json};
use zeroize::Zeroizing;

use super::request::{ApiRequest, Repeat};
use super::transport::{Api, ApiResult};
use super::types::{NewSecret, SecretSummary, ServerText};
use crate::error::{Error, Kind, Result};
use crate::formats::words;
use crate::net::withhold::Carried;
use crate::secret::{Scope, SecretName, SecretValue};

pub(super) const BASE: &str = "/api/v0beta1/secrets";
/// Encodes everything but the unreserved characters of RFC 3986.
const SEGMENT: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');

/// Maximum length of an id, in bytes.
const MAX_ID: usize = 256;

/// Path segments of the API, which are not valid as ids.
const RESERVED_IDS: [&str; 4] = ["claude", "codex", "opencode", "ssh-public-keys"];

impl Api {
    /// Lists the generic secrets of all scopes that are visible to the caller.
    pub(crate) async fn list_secrets(&self, repeat: Repeat) -> ApiResult<Vec<SecretSummary>> {
        let request = ApiRequest {
            repeat,
            ..ApiRequest::new(Method::GET, BASE)
        };
        self.list(&request, "a list of secrets").await
    }

    /// Creates a secret and returns its id. Not retried here: the batch decides about retries.
    pub(crate) async fn create_secret(
        &self,
        name: &SecretName,
        value: &SecretValue,
        scope: Scope,
    ) -> ApiResult<String> {
        let body = NewSecret {
            name: name.as_str(),
            value: value.expose_secret(),
            kind: None,
            scope,
        };
        self.create(BASE, &body, value, Repeat::Never).await
    }

    /// Sends a create and returns the id from the response, if that confirms it.
    pub(super) async fn create(
        &self,
        path: &str,
        new: &NewSecret<'_>,
        value: &SecretValue,
        repeat: Repeat,
    ) -> ApiResult<String> {
        self.known_secrets.add_value(value);
        let carried = Carried {
            value,
            name: new.name,
        };
        let request = ApiRequest {
            body: Some(json_body(new, value)),
            repeat,
            name: Some(new.name),
            scope: Some(new.scope),
            carried: Some(carried),
            ..ApiRequest::new(Method::POST, path)
        };
        let answer = self.send(&request).await?;
        let expected = "a confirmation that it was created";
        let reply = self.confirmed(&request, &answer, expected)?;
        match (reply.id, answer.status) {
            (Some(Value::String(id)), StatusCode::OK | StatusCode::CREATED) if !id.is_empty() => {
                Ok(self.known_secrets.show(&id, Some(carried)))
            }
            _ => Err(self.not_the_api(&answer, expected)),
        }
    }

    /// Replaces the value of a secret. Not retried here: the batch decides about retries.
    pub(crate) async fn update_secret(
        &self,
        id: &str,
        name: &SecretName,
        value: &SecretValue,
        scope: Scope,
    ) -> ApiResult<()> {
        self.known_secrets.add_value(value);
        let (path, name) = (secret_path(id)?, name.as_str());
        let body = HashMap::from([("value", value.expose_secret())]);
        let request = ApiRequest {
            body: Some(json_body(&body, value)),
            repeat: Repeat::Never,
            id: Some(id),
            name: Some(name),
            scope: Some(scope),
            carried: Some(Carried { value, name }),
            ..ApiRequest::new(Method::PUT, &path)
        };
        self.update(&request).await.map(drop)
    }

    /// Changes the name or the description of a secret; an empty description removes it. Returns the time
    /// of the change, if the server tells it.
    pub(crate) async fn edit_secret(
        &self,
        id: &str,
        name: Option<&str>,
        description: Option<&str>,
    ) -> ApiResult<Option<ServerText>> {
        let path = secret_path(id)?;
        let description =
            description.map(|text| ("description", json!(Some(text).filter(|text| !text.is_empty()))));
        let members = name.map(|name| ("name", json!(name))).into_iter();
        let body: Value = members.chain(description).collect();
        let request = ApiRequest {
            body: Some(body.to_string().into()),
            id: Some(id),
            name,
            ..ApiRequest::new(Method::PUT, &path)
        };
        self.update(&request).await
    }

    /// Sends an update. Returns its time, if the reply confirms the update and tells the time.
    async fn update(&self, request: &ApiRequest<'_>) -> ApiResult<Option<ServerText>> {
        let answer = self.send(request).await?;
        let expected = "a confirmation of the update";
        match answer.status {
            StatusCode::NO_CONTENT => Ok(None),
            StatusCode::OK => Ok(self.confirmed(request, &answer, expected)?.updated_at),
            _ => Err(self.not_the_api(&answer, expected)),
        }
    }

    pub(crate) async fn delete_secret(&self, id: &str) -> ApiResult<()> {
        self.delete(&secret_path(id)?, id).await
    }

    pub(super) async fn delete(&self, path: &str, id: &str) -> ApiResult<()> {
        let request = ApiRequest {
            id: Some(id),
            ..ApiRequest::new(Method::DELETE, path)
        };
        let answer = match self.send(&request).await {
            // A retried delete whose first response was lost finds nothing to delete.
            Err(error) if error.is_not_found() && error.in_doubt => return Ok(()),
            answer => answer?,
        };
        let expected = "a confirmation of the deletion";
        match answer.status {
            StatusCode::OK if self.parse::<Value>(&answer, expected)?.is_object() => {
                self.confirmed(&request, &answer, expected).map(drop)
            }
            StatusCode::NO_CONTENT | StatusCode::OK => Ok(()),
            _ => Err(self.not_the_api(&answer, expected)),
        }
    }
}

/// Builds a JSON body whose memory is zeroed when the last clone is dropped.
fn json_body(body: &impl Serialize, value: &SecretValue) -> Bytes {
    // Reserves space for the escaped value, because growing the buffer would leave a copy behind.
    let mut json = Zeroizing::new(Vec::with_capacity(2 * value.expose_secret().len() + 1024));
    serde_json::to_writer(&mut *json, body).expect("strings can be serialised");
    Bytes::from_owner(json)
}

fn secret_path(id: &str) -> ApiResult<String> {
    Ok(format!("{BASE}/{}", encoded_id(id)?))
}

/// Refuses an invalid id on the command line: exit 2.
pub(crate) fn check_id(id: &str) -> Result<()> {
    if is_hostile_id(id) || words::has_key_prefix(id) {
        return Err(
            Error::usage("this is not a valid ID").hint("copy the ID from the output of the list command")
        );
    }
    Ok(())
}

/// Encodes `id` as one path segment. Refuses an id that could address another resource.
pub(super) fn encoded_id(id: &str) -> ApiResult<String> {
    if is_hostile_id(id) {
        let message = "the server sent an invalid ID, which was not used";
        return Err(Error::new(Kind::Contract, message).into());
    }
    Ok(utf8_percent_encode(id, SEGMENT).to_string())
}

fn is_hostile_id(id: &str) -> bool {
    id.is_empty()
        || id.len() > MAX_ID
        || id == "."
        || id.contains("..")
        || id.contains(['/', '\\', '?', '#'])
        || id.contains(crate::formats::escape::is_hostile)
        || RESERVED_IDS.contains(&id)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// R80: an id is encoded as one path segment, or refused.
    #[test]
    fn ids_are_encoded_and_hostile_ones_are_refused() {
        for bad in [
            "", ".", "..", "a/b", "../x", "a?b", "a#b", "a\nb", "claude", "codex", "a\\b",
        ] {
            assert!(encoded_id(bad).is_err(), "{bad:?}");
        }
        assert_eq!(encoded_id("%2e%2e").unwrap(), "%252e%252e");
        assert_eq!(encoded_id("sec_01-a.b~c d").unwrap(), "sec_01-a.b~c%20d");
    }
}
