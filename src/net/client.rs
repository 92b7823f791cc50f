//! What every HTTP connection has in common: no redirects, time limits, bounded answers, and words
//! for a connection that failed.

use std::error::Error as _;
use std::fmt::Display;
use std::time::Duration;

use reqwest::StatusCode;
use reqwest::header::{CONTENT_TYPE, HeaderMap, LOCATION};
use reqwest::{Proxy, redirect};
use zeroize::Zeroizing;

use crate::error::{Error, Kind, Result};
use crate::formats::escape;
use crate::net::origin::Origin;
use crate::net::proxy;
use crate::net::redact::KnownSecrets;
use crate::net::tls::TrustStore;
use crate::system::env::Env;

const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// The longest that one request may take, in seconds; `AMIKA_HTTP_TIMEOUT` can only shorten it.
const LONGEST_REQUEST: u64 = 30;
/// The most of a server's own words that is shown, in characters.
const MAX_SERVER_TEXT: usize = 300;

/// How far a request came that got no complete answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stage {
    /// It was never sent.
    Connecting,
    /// It was sent, and the time is up.
    TimedOut,
    /// It was sent, and the connection broke.
    Waiting,
    /// The answer began, and broke off.
    Answering,
}

/// A request that got no complete answer.
#[derive(Debug)]
pub(crate) struct Broken {
    pub(crate) stage: Stage,
    pub(crate) message: String,
}

impl Broken {
    /// reqwest's own text holds the URL and little else; the cause lies at the end of its chain of
    /// sources.
    pub(crate) fn new(error: &reqwest::Error, origin: &impl Display) -> Self {
        let mut causes = Vec::new();
        let mut source = error.source();
        while let Some(inner) = source {
            causes.push(inner.to_string().to_lowercase());
            source = inner.source();
        }
        let cause = causes
            .last()
            .map_or("", |cause| cause.split(" (os error").next().unwrap_or_default());
        let cause = escape::escape(cause);
        let (stage, message) = if error.is_connect() {
            let what = if error.is_timeout() { "timed out" } else { &cause };
            (
                Stage::Connecting,
                connect_message(&causes, what, &origin.to_string()),
            )
        } else if error.is_timeout() {
            (Stage::TimedOut, format!("{origin} did not answer in time"))
        } else if error.is_body() || error.is_decode() {
            (Stage::Answering, format!("the response of {origin} ended early"))
        } else {
            (
                Stage::Waiting,
                format!("lost the connection to {origin}: {cause}"),
            )
        };
        Self { stage, message }
    }
}

/// Why a connection was not made, in words. `causes` are the texts of the error's chain of sources, in
/// lower case: reqwest tells a proxy, a name and TLS apart by them only.
fn connect_message(causes: &[String], cause: &str, origin: &str) -> String {
    let says = |text: &str| causes.iter().any(|cause| cause.contains(text));
    if says("failed to create underlying connection") {
        return format!("cannot connect to the proxy (HTTPS_PROXY): {cause}");
    }
    if says("tunnel error") {
        return format!("the proxy (HTTPS_PROXY) cannot reach {origin}: {cause}");
    }
    if says("dns error") {
        let host = url::Url::parse(origin).ok();
        let host = host.as_ref().and_then(url::Url::host_str).unwrap_or(origin);
        return format!("cannot resolve {host}: {cause}");
    }
    if says("invalidcontenttype") {
        return format!("cannot connect to {origin}: this port does not speak TLS; did you mean http://?");
    }
    format!("cannot connect to {origin}: {cause}")
}

/// What the environment says about every HTTP client.
#[derive(Debug, Clone)]
pub(crate) struct ClientSettings {
    /// How long one request may take.
    pub(crate) timeout: Duration,
    trust: TrustStore,
    /// The proxy for https.
    proxy: Option<Proxy>,
}

impl ClientSettings {
    pub(crate) fn from_env(env: &Env) -> Result<Self> {
        let seconds = match env.setting("AMIKA_HTTP_TIMEOUT")?.map(str::parse) {
            None => LONGEST_REQUEST,
            Some(Ok(seconds)) if (1..=LONGEST_REQUEST).contains(&seconds) => seconds,
            Some(_) => {
                let message =
                    format!("AMIKA_HTTP_TIMEOUT must be a number of seconds from 1 to {LONGEST_REQUEST}");
                return Err(Error::usage(message));
            }
        };
        Ok(Self {
            timeout: Duration::from_secs(seconds),
            trust: TrustStore::from_env(env),
            proxy: proxy::from_env(env)?,
        })
    }

    /// The same with requests that take at most `longest`.
    pub(crate) fn at_most(self, longest: Duration) -> Self {
        Self {
            timeout: self.timeout.min(longest),
            ..self
        }
    }
}

/// A client that talks to one origin and nobody else.
pub(crate) fn client(settings: &ClientSettings, origin: &Origin) -> Result<reqwest::Client> {
    let connects = !origin.is_plain_http();
    let mut builder = reqwest::Client::builder()
        .user_agent(concat!("amika/", env!("CARGO_PKG_VERSION")))
        .redirect(redirect::Policy::none())
        .referer(false)
        .connect_timeout(CONNECT_TIMEOUT)
        .timeout(settings.timeout)
        .https_only(connects)
        .tls_backend_preconfigured(settings.trust.client_config(connects)?);
    if origin.is_plain_http() {
        // Plain http is for this machine only; a proxy would carry it to another.
        builder = builder.no_proxy();
    } else if let Some(proxy) = &settings.proxy {
        builder = builder.proxy(proxy.clone());
    }
    builder
        .build()
        .map_err(|error| Error::new(Kind::Unreachable, "setting up TLS").because(error.without_url()))
}

/// Why an answer's body is of no use.
pub(crate) enum BadBody {
    TooLarge,
    Broken(Broken),
}

/// The whole body, of at most `limit` bytes.
pub(crate) async fn read_body(
    mut response: reqwest::Response,
    limit: usize,
    origin: &Origin,
) -> std::result::Result<Zeroizing<Vec<u8>>, BadBody> {
    let mut body = Zeroizing::new(Vec::new());
    loop {
        match response.chunk().await {
            Ok(Some(chunk)) if body.len() + chunk.len() > limit => return Err(BadBody::TooLarge),
            Ok(Some(chunk)) => body.extend_from_slice(&chunk),
            Ok(None) => return Ok(body),
            Err(error) => return Err(BadBody::Broken(Broken::new(&error, origin))),
        }
    }
}

/// The start of a body, of at most `limit` bytes; what can be had of it.
pub(crate) async fn read_start(mut response: reqwest::Response, limit: usize) -> Zeroizing<Vec<u8>> {
    let mut body = Zeroizing::new(Vec::new());
    while let Ok(Some(chunk)) = response.chunk().await {
        let room = limit - body.len();
        body.extend_from_slice(&chunk[..chunk.len().min(room)]);
        if body.len() == limit {
            break;
        }
    }
    body
}

/// Where a redirect points, as an origin; its path may hold anything. `None` when the address holds
/// a known secret: parsing changes it, so what is left of the secret could not be found afterwards.
pub(crate) fn redirect_target(headers: &HeaderMap, origin: &Origin, known: &KnownSecrets) -> Option<String> {
    let location = headers.get(LOCATION)?.to_str().ok()?;
    if known.clean(location) != location {
        return None;
    }
    let target = url::Url::parse(&origin.at("/")).ok()?.join(location).ok()?;
    Some(shorten(&target.origin().ascii_serialization()))
}

/// Whether a status is one that HTTP defines for a final answer; anything else is not the API.
pub(crate) fn is_http_status(status: StatusCode) -> bool {
    (200..600).contains(&status.as_u16())
}

pub(crate) fn is_json(headers: &HeaderMap) -> bool {
    let kind = headers.get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok());
    kind.is_some_and(is_json_type)
}

fn is_json_type(content_type: &str) -> bool {
    let essence = content_type
        .split(';')
        .next()
        .unwrap_or_default()
        .trim()
        .to_ascii_lowercase();
    essence == "application/json" || (essence.starts_with("application/") && essence.ends_with("+json"))
}

/// The start of a server's text, fit to print on one line.
pub(crate) fn shorten(text: &str) -> String {
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    let escaped = escape::escape(&line);
    if escaped.chars().count() <= MAX_SERVER_TEXT {
        return escaped.into_owned();
    }
    escaped.chars().take(MAX_SERVER_TEXT - 1).chain(['…']).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A host name that does not resolve is named as the problem.
    #[test]
    fn an_unknown_host_is_named() {
        let causes = ["client error (connect)", "dns error", "no such host"].map(str::to_owned);
        let message = connect_message(&causes, "no such host", "https://vault.example:8443");
        assert_eq!(message, "cannot resolve vault.example: no such host");
    }

    #[test]
    fn json_content_types_are_recognised() {
        assert!(is_json_type("application/json; charset=utf-8"));
        assert!(is_json_type("application/problem+json"));
        assert!(!is_json_type("text/html"));
    }
}
