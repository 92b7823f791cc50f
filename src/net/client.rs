//! The HTTP client: no redirects, timeouts, limited response sizes, and messages for failed
//! connections.

use std::error::Error as _;
use std::time::Duration;

use reqwest::StatusCode;
use reqwest::header::{CONTENT_TYPE, HeaderMap, LOCATION};
use reqwest::redirect;
use zeroize::Zeroizing;

use crate::error::{Error, Kind, Result, without_error_code};
use crate::formats::escape;
use crate::net::origin::Origin;
use crate::net::proxy::{self, ProxySettings};
use crate::net::tls::{self, TlsProblem, TrustStore};
use crate::net::withhold::{Carried, KnownSecrets};
use crate::system::env::Env;

const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// Maximum timeout of one request, in seconds; `AMIKA_HTTP_TIMEOUT` can only shorten it.
const LONGEST_REQUEST: u64 = 30;

/// The stage at which a request failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stage {
    /// Before the request was sent.
    Connecting,
    /// Before the request was sent: TLS failed or a proxy refused, and a retry would not help.
    Handshake,
    /// The request was sent, but timed out.
    TimedOut,
    /// The request was sent, but the connection was lost.
    Waiting,
    /// The response ended early.
    Answering,
}

/// A request without a complete response.
#[derive(Debug)]
pub(crate) struct Broken {
    pub(crate) stage: Stage,
    pub(crate) message: String,
    /// A hint, if there is one.
    pub(crate) hint: Option<String>,
}

impl Broken {
    /// Takes the cause from the end of the chain of sources, because reqwest's own message contains
    /// little but the URL.
    pub(crate) fn new(error: &reqwest::Error, origin: &Origin) -> Self {
        let mut causes = Vec::new();
        let mut source = error.source();
        while let Some(inner) = source {
            causes.push(inner.to_string().to_lowercase());
            source = inner.source();
        }
        let cause = causes.last().map_or("", |cause| without_error_code(cause));
        let cause = escape::escape(cause);
        if let Some(TlsProblem { what, hint }) = tls::explain(error, origin.is_loopback()) {
            return Self {
                stage: Stage::Handshake,
                message: connect_message(&causes, &what, &origin.to_string()),
                hint: Some(hint),
            };
        }
        if error.is_connect() {
            let what = if error.is_timeout() { "timed out" } else { &cause };
            let says = |text: &&str| causes.iter().any(|cause| cause.contains(text));
            // A proxy that is asked again with the same password may lock the account.
            let is_refused = [PROXY_WANTS_LOGIN, PROXY_REFUSES].iter().any(says);
            return Self {
                stage: if is_refused {
                    Stage::Handshake
                } else {
                    Stage::Connecting
                },
                message: connect_message(&causes, what, &origin.to_string()),
                hint: connect_hint(&causes, origin),
            };
        }
        let (stage, message) = if error.is_timeout() {
            (Stage::TimedOut, format!("{origin} did not answer in time"))
        } else if error.is_body() || error.is_decode() {
            (
                Stage::Answering,
                format!("the response from {origin} ended early"),
            )
        } else {
            (
                Stage::Waiting,
                format!("lost the connection to {origin}: {cause}"),
            )
        };
        Self {
            stage,
            message,
            hint: None,
        }
    }
}

/// Describes a failed connection. `causes` are the lower-case messages of the error's chain of
/// sources, the only way in which reqwest distinguishes errors of the proxy, name resolution and
/// TLS.
fn connect_message(causes: &[String], cause: &str, origin: &str) -> String {
    let says = |text: &str| causes.iter().any(|cause| cause.contains(text));
    if says("failed to create underlying connection") {
        return format!("cannot connect to the proxy (HTTPS_PROXY): {cause}");
    }
    if says(PROXY_WANTS_LOGIN) {
        return "the proxy (HTTPS_PROXY) asks for a user name and password, or refuses them (407)".to_owned();
    }
    if says(PROXY_REFUSES) {
        return format!("the proxy (HTTPS_PROXY) refuses to connect to {origin}");
    }
    if says("tunnel error") {
        return format!("the proxy (HTTPS_PROXY) cannot reach {origin}: {cause}");
    }
    if says("dns error") {
        let host = url::Url::parse(origin).ok();
        let host = host.as_ref().and_then(url::Url::host_str).unwrap_or(origin);
        return format!("cannot resolve {host}: {cause}");
    }
    format!("cannot connect to {origin}: {cause}")
}

/// What hyper says if a proxy answers a CONNECT with 407, and with any other status but 200.
const PROXY_WANTS_LOGIN: &str = "tunnel error: proxy authorization required";
const PROXY_REFUSES: &str = "tunnel error: unsuccessful";

/// What to do about a failed connection, if its cause is known; see [`connect_message`].
fn connect_hint(causes: &[String], origin: &Origin) -> Option<String> {
    let says = |text: &str| causes.iter().any(|cause| cause.contains(text));
    if says(PROXY_WANTS_LOGIN) {
        Some(format!("set HTTPS_PROXY to {}", proxy::FORM))
    } else if says(PROXY_REFUSES) {
        Some(format!(
            "if it wants a login, set HTTPS_PROXY to {}; NO_PROXY names hosts to reach without it",
            proxy::FORM
        ))
    } else if says("failed to create underlying connection") || says("tunnel error") {
        Some("check the address in HTTPS_PROXY, or add the host to NO_PROXY".to_owned())
    } else if says("connection refused") && origin.is_loopback() {
        Some("check that the server is running, and the port in AMIKA_API_URL".to_owned())
    } else {
        None
    }
}

/// The settings of HTTP clients in the environment.
#[derive(Debug, Clone)]
pub(crate) struct ClientSettings {
    /// Timeout of one request.
    pub(crate) timeout: Duration,
    trust: TrustStore,
    /// The proxy for https.
    proxy: Option<ProxySettings>,
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
            proxy: ProxySettings::from_env(env)?,
        })
    }

    /// Warnings about settings for this origin that are ignored.
    pub(crate) fn warnings(&self, origin: &Origin) -> Vec<String> {
        if origin.is_plain_http() {
            return Vec::new();
        }
        let proxy = self.proxy.iter().flat_map(ProxySettings::warnings);
        self.trust.warnings().into_iter().chain(proxy).collect()
    }

    /// Limits the timeout of a request to `longest`.
    pub(crate) fn at_most(self, longest: Duration) -> Self {
        Self {
            timeout: self.timeout.min(longest),
            ..self
        }
    }
}

/// Creates a client for one origin.
pub(crate) fn client(settings: &ClientSettings, origin: &Origin) -> Result<reqwest::Client> {
    let connects = !origin.is_plain_http();
    let mut builder = reqwest::Client::builder()
        .user_agent(concat!("amika/", env!("CARGO_PKG_VERSION")))
        .redirect(redirect::Policy::none())
        .referer(false)
        .connect_timeout(CONNECT_TIMEOUT)
        .timeout(settings.timeout)
        .https_only(connects);
    builder = settings.trust.set_up(builder, connects)?;
    // Plain http is only for loopback; a proxy would send it to another machine.
    let proxy = settings.proxy.as_ref().filter(|_| connects);
    builder = match proxy {
        None if connects => builder,
        None => builder.no_proxy(),
        Some(proxy) => match proxy.for_port(origin.port()) {
            Some(proxy) => builder.proxy(proxy),
            None => builder.no_proxy(),
        },
    };
    builder
        .build()
        .map_err(|error| Error::new(Kind::Unreachable, "failed to set up TLS").because(error.without_url()))
}

/// The reason why a response body cannot be used.
pub(crate) enum BadBody {
    TooLarge,
    Broken(Broken),
}

/// Reads a whole body of at most `limit` bytes.
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

/// Reads the start of a body, up to `limit` bytes or to an error.
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

/// Returns the target of a redirect as an origin, without the path, which may contain anything. `None`
/// if the URL may quote a secret.
pub(crate) fn redirect_target(
    headers: &HeaderMap,
    origin: &Origin,
    known: &KnownSecrets,
    carried: Option<Carried<'_>>,
) -> Option<String> {
    let location = headers.get(LOCATION)?.to_str().ok()?;
    if known.show(location, carried) != location {
        return None;
    }
    let target = url::Url::parse(&origin.at("/")).ok()?.join(location).ok()?;
    Some(known.show_line(&target.origin().ascii_serialization(), carried))
}

/// Whether the API can answer with this status: success, or an error that HTTP defines as final.
pub(crate) fn is_final_status(status: StatusCode) -> bool {
    matches!(status.as_u16(), 200..=299 | 400..=599)
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

#[cfg(test)]
mod tests {
    use super::*;

    /// The message names a host that cannot be resolved.
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
