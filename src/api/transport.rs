//! How a request is sent, and what its answer is taken for: retries, time-outs, limits, and words
//! for every refusal.

use std::fmt;
use std::time::Duration;

use bytes::Bytes;
use reqwest::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderValue, RETRY_AFTER};
use reqwest::{Method, StatusCode};
use serde::de::DeserializeOwned;
use tokio::time::Instant;
use zeroize::Zeroizing;

use super::client::{Api, ApiResult};
use super::error::{ApiError, Effect};
use super::types;
use crate::error::Kind;
use crate::net::client::{self, BadBody, Broken};
use crate::net::retry::{self, API_CALL, Tries};
use crate::secret::SecretValue;

/// The largest answer read, in bytes.
const MAX_ANSWER: usize = 4 * 1024 * 1024;
/// The most of an error's body that is read, in bytes. Its message is cut to a line anyway.
const MAX_ERROR_BODY: usize = 16 * 1024;
const NOT_THE_API_HINT: &str = "is AMIKA_API_URL right, and is there a proxy or login page in between?";

/// What `--verbose` tells about one request. Holds nothing secret.
pub(crate) struct RequestLine {
    pub(crate) method: Method,
    pub(crate) path: String,
    /// The status, or why there was none.
    pub(crate) result: std::result::Result<u16, String>,
    pub(crate) elapsed: Duration,
    pub(crate) trace_id: Option<String>,
}

impl fmt::Display for RequestLine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} ", self.method, self.path)?;
        match &self.result {
            Ok(status) => write!(f, "{status}")?,
            Err(reason) => f.write_str(reason)?,
        }
        write!(f, " {} ms", self.elapsed.as_millis())?;
        match &self.trace_id {
            Some(id) => write!(f, " trace {id}"),
            None => Ok(()),
        }
    }
}

/// Who sends a request again after it failed.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Repeat {
    /// `send`, after every transient failure: the request may be carried out twice.
    Safe,
    /// `send`, but only when the request was certainly not carried out.
    Unsent,
    /// The caller, which knows more: every failure is returned at once.
    Never,
}

pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) is_json: bool,
    body: Zeroizing<Vec<u8>>,
    trace_id: Option<String>,
}

impl Answer {
    fn no_content(trace_id: Option<String>) -> Self {
        Self {
            status: StatusCode::NO_CONTENT,
            is_json: false,
            body: Zeroizing::default(),
            trace_id,
        }
    }

    fn shown_trace_id(&self, api: &Api) -> Option<String> {
        self.trace_id.as_ref().map(|id| api.server_text(id))
    }
}

impl Api {
    /// Sends a request, again where that is safe and could help, and gives a 2xx answer.
    pub(crate) async fn send(
        &self,
        method: Method,
        path: &str,
        body: Option<Bytes>,
        repeat: Repeat,
    ) -> ApiResult<Answer> {
        let mut in_doubt = false;
        let mut bearer = self.authority.bearer().await.map_err(ApiError::from)?;
        let mut may_renew = true;
        let mut tries = Tries::new(API_CALL);
        loop {
            let sent = tries.run(self.send_observed(&method, path, body.clone(), &bearer));
            let error = match sent.await {
                Some(Ok(answer)) => return Ok(answer),
                Some(Err(error)) => error,
                None => ApiError::timed_out(format!("{} did not answer in time", self.origin)),
            };
            // A token may be refused although it looks valid: revoked, or the clock is wrong.
            if error.status == Some(401)
                && may_renew
                && let Some(other) = self.authority.refresh_after_401(&bearer).await
            {
                may_renew = false;
                bearer = other?;
                continue;
            }
            // A delete that was repeated because its first answer was lost finds nothing left.
            if method == Method::DELETE && in_doubt && error.status == Some(404) {
                return Ok(Answer::no_content(error.trace_id));
            }
            in_doubt |= error.effect == Effect::Unknown;
            let repeatable = match repeat {
                Repeat::Safe => true,
                Repeat::Unsent => error.effect == Effect::None,
                Repeat::Never => false,
            };
            if !repeatable || !error.is_transient() || !tries.pause(error.retry_after).await {
                let effect = if in_doubt { Effect::Unknown } else { Effect::None };
                return Err(ApiError { effect, ..error });
            }
        }
    }

    /// Sends a request once, and tells `--verbose` about it.
    async fn send_observed(
        &self,
        method: &Method,
        path: &str,
        body: Option<Bytes>,
        bearer: &SecretValue,
    ) -> ApiResult<Answer> {
        let started = Instant::now();
        let result = self.send_once(method, path, body, bearer).await;
        self.report(method, path, &result, started.elapsed());
        result
    }

    /// Tells `--verbose` about one request.
    fn report(&self, method: &Method, path: &str, result: &ApiResult<Answer>, elapsed: Duration) {
        let Some(observe) = &self.observe else {
            return;
        };
        observe(&RequestLine {
            method: method.clone(),
            path: self.without_secrets(path),
            result: match result {
                Ok(answer) => Ok(answer.status.as_u16()),
                Err(error) => error.status.ok_or_else(|| error.message.clone()),
            },
            elapsed,
            trace_id: match result {
                Ok(answer) => answer.shown_trace_id(self),
                Err(error) => error.trace_id.clone(),
            },
        });
    }

    async fn send_once(
        &self,
        method: &Method,
        path: &str,
        body: Option<Bytes>,
        bearer: &SecretValue,
    ) -> ApiResult<Answer> {
        let mut request = self
            .http
            .request(method.clone(), self.origin.at(path))
            .header(ACCEPT, "application/json")
            .header(AUTHORIZATION, self.header_of(bearer)?);
        if let Some(body) = body {
            request = request.header(CONTENT_TYPE, "application/json").body(body);
        }
        let response = request
            .send()
            .await
            .map_err(|error| ApiError::broken(Broken::new(&error, &self.origin)))?;

        let status = response.status();
        let headers = response.headers().clone();
        let trace_id = headers
            .get("x-trace-id")
            .and_then(|id| id.to_str().ok())
            .map(str::to_owned);
        if status.is_redirection() {
            return Err(ApiError {
                status: Some(status.as_u16()),
                trace_id: trace_id.map(|id| self.server_text(&id)),
                ..self.redirected(&headers)
            });
        }
        if !client::is_http_status(status) {
            let message = format!("{} answered with status {}", self.origin, status.as_u16());
            return Err(ApiError {
                trace_id: trace_id.map(|id| self.server_text(&id)),
                ..ApiError::contract(Effect::Unknown, message).hint(NOT_THE_API_HINT)
            });
        }
        // The body of an error is only quoted: its start is enough, and a broken one does no harm.
        let body = if status.is_success() {
            client::read_body(response, MAX_ANSWER, &self.origin).await
        } else {
            Ok(client::read_start(response, MAX_ERROR_BODY).await)
        };
        let body = match body {
            Ok(body) => body,
            Err(BadBody::Broken(broken)) => return Err(ApiError::broken(broken)),
            Err(BadBody::TooLarge) => {
                let message = format!("the answer of {} is larger than 4 MiB", self.origin);
                return Err(ApiError::contract(Effect::Unknown, message));
            }
        };
        if !(200..600).contains(&status.as_u16()) {
            let message = format!(
                "{} answered {}, which is no HTTP status",
                self.origin,
                status.as_u16()
            );
            return Err(ApiError {
                status: Some(status.as_u16()),
                ..ApiError::contract(Effect::Unknown, message)
            });
        }
        let answer = Answer {
            status,
            is_json: client::is_json(&headers),
            body,
            trace_id,
        };
        if status.is_success() {
            Ok(answer)
        } else {
            Err(self.refused(&answer, &headers))
        }
    }

    fn header_of(&self, bearer: &SecretValue) -> ApiResult<HeaderValue> {
        let text = Zeroizing::new(format!("Bearer {}", bearer.expose_secret()));
        let mut value = HeaderValue::from_str(&text).map_err(|_| {
            let message = format!("{} contains invalid characters", self.authority.source);
            ApiError::new(Kind::Credential, Effect::None, message)
        })?;
        value.set_sensitive(true);
        Ok(value)
    }

    /// A redirect is never followed: it would carry the secret, and the key, somewhere else.
    fn redirected(&self, headers: &HeaderMap) -> ApiError {
        let target = client::redirect_target(headers, &self.origin);
        let target = target.map_or_else(|| "elsewhere".to_owned(), |target| self.server_text(&target));
        ApiError::contract(
            Effect::None,
            format!("{} redirects to {target}, which was not followed", self.origin),
        )
        .hint("if the API has moved, set AMIKA_API_URL; otherwise a proxy or login page is in the way")
    }

    /// An answer outside 2xx, in words.
    fn refused(&self, answer: &Answer, headers: &HeaderMap) -> ApiError {
        let status = answer.status.as_u16();
        let envelope = types::ErrorEnvelope::from_start(&answer.body);
        let enveloped = envelope
            .as_ref()
            .is_some_and(|e| e.code.is_some() || e.message.is_some());
        let (code, message, trace_in_body) =
            envelope.map_or((None, None, None), |e| (e.code, e.message, e.trace_id));
        let said = match (message, code) {
            (Some(message), _) if !message.trim().is_empty() => Some(self.server_text(&message)),
            (_, Some(code)) => Some(self.server_text(&code)),
            _ => None,
        };
        let said = said.map_or_else(String::new, |said| format!(": {said}"));
        let (kind, what, hint) = match status {
            401 => (
                Kind::Credential,
                format!("{} was rejected (401)", self.authority.source),
                Some(self.authority.source.rejected_hint()),
            ),
            403 => (
                Kind::Refused,
                "not allowed (403)".to_owned(),
                Some("ask an administrator of your organisation"),
            ),
            404 => (
                Kind::Refused,
                "not found (404)".to_owned(),
                Some("it may have been deleted meanwhile; the list command shows what there is"),
            ),
            409 => (
                Kind::Refused,
                "already exists (409)".to_owned(),
                Some("somebody may have stored it meanwhile; try again"),
            ),
            413 => (
                Kind::Refused,
                "too large for the API (413)".to_owned(),
                Some("a vault is for keys; keep large data elsewhere"),
            ),
            429 => (
                Kind::Unreachable,
                "too many requests (429)".to_owned(),
                Some("wait a little, or lower --jobs"),
            ),
            408 | 500..=599 => (
                Kind::Unreachable,
                format!("the API failed ({status})"),
                Some("try again in a moment"),
            ),
            _ => (
                Kind::Refused,
                format!("refused ({status})"),
                Some("change what the message names, and run the same command again"),
            ),
        };
        ApiError {
            status: Some(status),
            enveloped,
            hint: hint.map(str::to_owned),
            trace_id: answer
                .trace_id
                .clone()
                .or(trace_in_body)
                .map(|id| self.server_text(&id)),
            retry_after: headers
                .get(RETRY_AFTER)
                .filter(|_| retry::is_rate_limit(status))
                .and_then(|header| retry::retry_after(header.to_str().ok()?, (self.now)())),
            // A gateway's 5xx may hide a request that was carried out; a 503 is the same until proven.
            ..ApiError::new(
                kind,
                if status == 408 || status >= 500 {
                    Effect::Unknown
                } else {
                    Effect::None
                },
                format!("{what}{said}"),
            )
        }
    }

    /// Reads a 2xx answer's JSON. serde's own errors quote what they refuse and are dropped.
    pub(crate) fn parse<T: DeserializeOwned>(&self, answer: &Answer, expected: &str) -> ApiResult<T> {
        if !answer.is_json {
            return Err(self.not_the_api(answer, expected));
        }
        serde_json::from_slice(&answer.body).map_err(|_| self.not_the_api(answer, expected))
    }

    /// A 2xx answer that says nothing we can trust, such as a captive portal's page.
    pub(crate) fn not_the_api(&self, answer: &Answer, expected: &str) -> ApiError {
        let message = format!(
            "{} answered {} without {expected}",
            self.origin,
            answer.status.as_u16()
        );
        ApiError {
            status: Some(answer.status.as_u16()),
            trace_id: answer.shown_trace_id(self),
            ..ApiError::contract(Effect::Unknown, message).hint(NOT_THE_API_HINT)
        }
    }

    /// A list that is not there at all: whoever answers is not the API.
    pub(crate) fn list_error(&self, error: ApiError) -> ApiError {
        if error.status != Some(404) || error.enveloped {
            return error;
        }
        let message = format!("{} does not look like the API (404)", self.origin);
        ApiError {
            status: error.status,
            trace_id: error.trace_id,
            ..ApiError::contract(Effect::None, message).hint("is AMIKA_API_URL right?")
        }
    }

    /// A server's text without any known secret, for showing.
    pub(crate) fn without_secrets(&self, text: &str) -> String {
        self.known_secrets.clean(text)
    }

    /// A server's words without any known secret, short and printable.
    fn server_text(&self, text: &str) -> String {
        client::shorten(&self.without_secrets(text))
    }
}
