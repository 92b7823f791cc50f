//! Sends requests and reads responses: retries, time limits, size limits, errors.

use std::rc::Rc;
use std::time::Duration;

use reqwest::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, DATE, HeaderMap, HeaderValue, RETRY_AFTER};
use serde::de::DeserializeOwned;
use tokio::time::{Instant, sleep};
use zeroize::Zeroizing;

use super::error::ApiError;
use super::request::{ApiAnswer, ApiEvent, ApiRequest, Repeat};
use super::types::{ErrorEnvelope, ServerText, WriteReply};
use crate::auth::credential::ApiCredential;
use crate::auth::source::CredentialSource;
use crate::error::{Error, Kind, Result};
use crate::net::client::{self, Broken, ClientSettings};
use crate::net::origin::ServerOrigin;
use crate::net::retry::{self, API_CALL, Tries};
use crate::net::withhold::{Carried, KnownSecrets, WITHHELD};
use crate::secret::SecretValue;
use crate::system::env::Env;

/// Maximum size of a response, in bytes.
const MAX_ANSWER: usize = 4 * 1024 * 1024;
const NOT_THE_API_HINT: &str = "check AMIKA_API_URL; a proxy or login page may be in between";

/// Time after which a person is told what the command waits for.
const PATIENCE: Duration = Duration::from_secs(2);

pub(super) type ApiResult<T> = std::result::Result<T, ApiError>;

/// Shows events to the person.
type Observer = Box<dyn Fn(ApiEvent<'_>)>;

/// A client for one origin and one credential.
pub(crate) struct Api {
    pub(super) http: reqwest::Client,
    pub(super) origin: ServerOrigin,
    /// Timeout of one request.
    pub(crate) timeout: Duration,
    pub(super) credential: Rc<ApiCredential>,
    /// The secrets that a text of the server must not quote.
    pub(crate) known_secrets: KnownSecrets,
    pub(super) now: fn() -> jiff::Timestamp,
    observer: Observer,
}

impl Api {
    pub(crate) fn new(
        env: &Env,
        origin: ServerOrigin,
        credential: Rc<ApiCredential>,
        observer: Observer,
    ) -> Result<Self> {
        let settings = ClientSettings::from_env(env)?;
        for warning in settings.warnings(&origin) {
            observer(ApiEvent::Ignored(&warning));
        }
        Ok(Self {
            http: client::client(&settings, &origin)?,
            timeout: settings.timeout,
            origin,
            known_secrets: credential.known_secrets.clone(),
            credential,
            now: env.now,
            observer,
        })
    }

    /// Sends a request, with retries if they are safe, and returns a 2xx response. Reports if it takes
    /// a while, unless it belongs to a batch, which reports its own progress.
    pub(super) async fn send(&self, request: &ApiRequest<'_>) -> ApiResult<ApiAnswer> {
        let mut answer = std::pin::pin!(self.send_until_answered(request));
        tokio::select! {
            biased;
            answer = &mut answer => return answer,
            () = sleep(PATIENCE), if request.repeat != Repeat::Never => {}
        }
        (self.observer)(ApiEvent::Waiting(&format!("a reply from {}", self.origin)));
        answer.await
    }

    async fn send_until_answered(&self, request: &ApiRequest<'_>) -> ApiResult<ApiAnswer> {
        // Whether one of the attempts may have been carried out.
        let mut in_doubt = false;
        let mut bearer = self.credential.bearer(None).await?;
        let mut may_renew = true;
        let mut tries = Tries::new(API_CALL);
        loop {
            let error = match self.send_observed(request, &bearer).await {
                Ok(answer) => return Ok(answer),
                Err(error) => error,
            };
            // A token that seems valid may be rejected: it was revoked, or the clock is wrong.
            if error.status() == Some(401) && may_renew {
                may_renew = false;
                let other = self.credential.bearer(Some(&bearer)).await;
                let other = other.map_err(|error| ApiError::from(error).with_doubt(in_doubt))?;
                // An API key cannot be renewed.
                if other != bearer {
                    bearer = other;
                    continue;
                }
            }
            let may_repeat = match request.repeat {
                Repeat::Safe => error.is_transient(),
                Repeat::Unsent => error.is_transient() && !error.in_doubt,
                Repeat::Never => false,
            };
            in_doubt |= error.in_doubt && request.is_write;
            let asked = error.retry_after;
            let Some(wait) = tries.next(asked).filter(|_| may_repeat) else {
                return Err(error.with_doubt(in_doubt));
            };
            if asked.is_some_and(|asked| asked > PATIENCE) {
                let (seconds, origin, outcome) = (wait.as_secs(), &self.origin, error.outcome());
                let what = format!("{seconds} s, as {origin} asks ({outcome})");
                (self.observer)(ApiEvent::Waiting(&what));
            }
            sleep(wait).await;
        }
    }

    /// Sends a request once, and reports it to `--verbose`.
    async fn send_observed(&self, request: &ApiRequest<'_>, bearer: &SecretValue) -> ApiResult<ApiAnswer> {
        let started = Instant::now();
        let result = self.send_once(request, bearer).await;
        let elapsed = started.elapsed().as_millis();
        (self.observer)(ApiEvent::Request(&|| {
            let (outcome, trace_id) = match &result {
                Ok(answer) => (answer.status.as_str().to_owned(), &answer.trace_id),
                Err(failed) => (failed.outcome(), &failed.error.trace_id),
            };
            let path = self.known_secrets.show(request.path, request.carried);
            let trace_id = trace_id.iter().map(|id| format!(" trace {id}"));
            let trace_id: String = trace_id.collect();
            format!("{} {path} {outcome} {elapsed} ms{trace_id}", request.method)
        }));
        result
    }

    async fn send_once(&self, request: &ApiRequest<'_>, bearer: &SecretValue) -> ApiResult<ApiAnswer> {
        let mut sent = self
            .http
            .request(request.method.clone(), self.origin.at(request.path))
            .header(ACCEPT, "application/json")
            .header(AUTHORIZATION, bearer_header(bearer, self.credential.source)?);
        if let Some(body) = &request.body {
            sent = sent.header(CONTENT_TYPE, "application/json").body(body.clone());
        }
        let response = sent
            .send()
            .await
            .map_err(|error| Broken::new(&error, &self.origin))?;
        self.receive(response, request).await
    }

    /// Reads a response. Any status except a success is an error.
    async fn receive(&self, response: reqwest::Response, request: &ApiRequest<'_>) -> ApiResult<ApiAnswer> {
        let carried = request.carried;
        let status = response.status();
        let headers = response.headers().clone();
        let trace_id = headers.get("x-trace-id").and_then(|id| id.to_str().ok());
        let trace_id = trace_id.map(|id| self.known_secrets.show_line(id, carried));
        if let Some(message) = client::unexpected(&response, &self.origin, &self.known_secrets, carried) {
            let unexpected = ApiError::not_the_api(status.as_u16(), message, NOT_THE_API_HINT);
            return Err(unexpected.trace_id(trace_id));
        }
        let body = client::read_body(response, MAX_ANSWER, &self.origin).await;
        // The status of an error says enough without its body.
        let body = if status.is_success() {
            body?
        } else {
            body.unwrap_or_default()
        };
        let answer = ApiAnswer {
            status,
            is_json: client::is_json(&headers),
            body,
            in_doubt: request.is_write,
            trace_id,
        };
        if status.is_success() {
            Ok(answer)
        } else {
            Err(self.refused(&answer, &headers, carried))
        }
    }

    /// The error for a response with an error status, with the message of the server.
    fn refused(&self, answer: &ApiAnswer, headers: &HeaderMap, carried: Option<Carried<'_>>) -> ApiError {
        let status = answer.status.as_u16();
        let ErrorEnvelope {
            code,
            message,
            trace_id,
        } = serde_json::from_slice(&answer.body).unwrap_or_default();
        let enveloped = code.is_some() || message.is_some();
        let show = |text: String| self.known_secrets.show_line(&text, carried);
        let message = message.filter(|message| !message.trim().is_empty()).map(show);
        let code = code.map(show);
        // The code says what a withheld message would have said.
        let details = match (message, code) {
            (Some(message), Some(code)) if message == WITHHELD => Some(format!("{code}: {message}")),
            (message, code) => message.or(code),
        };
        let header = |name| headers.get(name).and_then(|header| header.to_str().ok());
        let retry_after = header(RETRY_AFTER)
            .filter(|_| retry::is_rate_limit(status))
            .and_then(|asked| retry::retry_after(asked, header(DATE), (self.now)()));
        let trace_id = answer.trace_id.clone().or_else(|| trace_id.map(show));
        ApiError::from_status(status, enveloped, self.credential.source, details.as_deref())
            .with_retry_after(retry_after)
            .trace_id(trace_id)
    }

    /// The reply to a write, if it confirms what the request asked for.
    pub(super) fn confirmed(
        &self,
        request: &ApiRequest<'_>,
        answer: &ApiAnswer,
        expected: &str,
    ) -> ApiResult<WriteReply> {
        let reply: WriteReply = self.parse(answer, expected)?;
        if reply.confirms(request) {
            Ok(reply)
        } else {
            Err(self.not_the_api(answer, expected))
        }
    }

    /// Parses the JSON of a 2xx response. Errors of serde are dropped because they quote the input.
    pub(crate) fn parse<T: DeserializeOwned>(&self, answer: &ApiAnswer, expected: &str) -> ApiResult<T> {
        if !answer.is_json {
            return Err(self.not_the_api(answer, expected));
        }
        serde_json::from_slice(&answer.body).map_err(|_| self.not_the_api(answer, expected))
    }

    /// The error for a 2xx response that confirms nothing, such as a captive portal's page.
    pub(crate) fn not_the_api(&self, answer: &ApiAnswer, expected: &str) -> ApiError {
        let status = answer.status.as_u16();
        let message = format!("{} answered {status} without {expected}", self.origin);
        ApiError::not_the_api(status, message, NOT_THE_API_HINT)
            .with_doubt(answer.in_doubt)
            .trace_id(answer.trace_id.clone())
    }

    /// Lists all objects of a kind.
    pub(super) async fn list<T: DeserializeOwned>(
        &self,
        request: &ApiRequest<'_>,
        expected: &str,
    ) -> ApiResult<Vec<T>> {
        match self.send(request).await {
            Ok(answer) => self.parse(&answer, expected),
            // Without the API's own error, the server is not the API.
            Err(error) if error.status() == Some(404) && !error.is_not_found() => {
                let message = format!("{} does not look like the API (404)", self.origin);
                Err(ApiError::not_the_api(404, message, "check AMIKA_API_URL")
                    .with_doubt(false)
                    .trace_id(error.error.trace_id))
            }
            Err(error) => Err(error),
        }
    }

    /// A text of a list as it may be shown.
    pub(crate) fn shown(&self, text: &ServerText) -> String {
        self.known_secrets.show(text.as_sent(), None)
    }
}

/// The header value, marked as sensitive so that `Debug` does not show it and HTTP/2 does not index it.
fn bearer_header(bearer: &SecretValue, source: CredentialSource) -> Result<HeaderValue> {
    let text = Zeroizing::new(format!("Bearer {}", bearer.expose_secret()));
    let mut value = HeaderValue::from_str(&text)
        .map_err(|_| Error::new(Kind::Credential, format!("{source} contains invalid characters")))?;
    value.set_sensitive(true);
    Ok(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// R96, R121: `Debug` of the header does not show the key.
    #[test]
    fn the_bearer_token_is_marked_as_sensitive() {
        let header =
            bearer_header(&SecretValue::new("hunter2".to_owned()), CredentialSource::Session).unwrap();
        assert_eq!(header.as_bytes(), b"Bearer hunter2");
        assert_eq!(format!("{header:?}"), "Sensitive");
        assert!(bearer_header(&SecretValue::new("a\nb".to_owned()), CredentialSource::Session).is_err());
    }
}
