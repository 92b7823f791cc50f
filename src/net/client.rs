//! The HTTP client: no redirects, timeouts, limited response sizes, and messages for failed
//! connections.

use std::error::Error as _;
use std::time::Duration;

use reqwest::header::{CONTENT_TYPE, HeaderMap, LOCATION};
use reqwest::redirect;
use zeroize::Zeroizing;

use crate::error::{Error, Kind, Result, without_error_code};
use crate::formats::escape;
use crate::net::origin::Origin;
use crate::net::proxy::{FORM, ProxySettings};
use crate::net::tls::{self, TrustStore};
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
    /// The response is too large.
    TooLarge,
}

/// A request without a complete response.
#[derive(Debug)]
pub(crate) struct Broken {
    pub(crate) stage: Stage,
    pub(crate) message: String,
    pub(crate) hint: Option<String>,
}

impl Broken {
    /// Takes the cause from the end of the chain of sources, because reqwest's own message contains
    /// little but the URL.
    pub(crate) fn new(error: &reqwest::Error, origin: &Origin) -> Self {
        let sources = std::iter::successors(error.source(), |cause| (*cause).source());
        let causes: Vec<_> = sources.map(|cause| cause.to_string().to_lowercase()).collect();
        let cause = causes.last().map_or("", |cause| without_error_code(cause));
        let cause = escape::escape(cause);
        let (stage, message, hint) = if let Some((what, hint)) = tls::explain(error, origin.is_loopback()) {
            let (_, message, _) = no_connection(&causes, &what, origin);
            (Stage::Handshake, message, Some(hint.to_owned()))
        } else if error.is_connect() {
            no_connection(
                &causes,
                if error.is_timeout() { "timed out" } else { &cause },
                origin,
            )
        } else if error.is_timeout() {
            let hint = "the server or a proxy may be overloaded; try again in a moment";
            (
                Stage::TimedOut,
                format!("{origin} did not answer in time"),
                Some(hint.to_owned()),
            )
        } else if error.is_body() || error.is_decode() {
            (
                Stage::Answering,
                format!("the response from {origin} ended early"),
                None,
            )
        } else {
            (
                Stage::Waiting,
                format!("lost the connection to {origin}: {cause}"),
                None,
            )
        };
        Self { stage, message, hint }
    }
}

/// Describes a failed connection, and what to do about it. `causes` are the lower-case messages of the
/// error's chain of sources, the only way in which reqwest distinguishes errors of the proxy, name
/// resolution and TLS.
fn no_connection(causes: &[String], cause: &str, origin: &Origin) -> (Stage, String, Option<String>) {
    const CHECK: &str = "check the network, HTTPS_PROXY and AMIKA_API_URL";
    const CHECK_PROXY: &str = "check the address in HTTPS_PROXY, or add the host to NO_PROXY";
    let says = |text: &str| causes.iter().any(|cause| cause.contains(text));
    // A proxy that is asked again with the same password may lock the account.
    if says("tunnel error: proxy authorization required") {
        let message = "the proxy (HTTPS_PROXY) asks for a user name and password, or refuses them (407)";
        let hint = format!("set HTTPS_PROXY to {FORM}");
        return (Stage::Handshake, message.to_owned(), Some(hint));
    }
    // Any other status than 200.
    if says("tunnel error: unsuccessful") {
        let message = format!("the proxy (HTTPS_PROXY) refuses to connect to {origin}");
        let hint = format!(
            "if it wants a login, set HTTPS_PROXY to {FORM}; NO_PROXY names hosts to reach without it"
        );
        return (Stage::Handshake, message, Some(hint));
    }
    let (message, hint) = if says("failed to create underlying connection") {
        (
            format!("cannot connect to the proxy (HTTPS_PROXY): {cause}"),
            Some(CHECK_PROXY),
        )
    } else if says("tunnel error") {
        (
            format!("the proxy (HTTPS_PROXY) cannot reach {origin}: {cause}"),
            Some(CHECK_PROXY),
        )
    } else if says("dns error") {
        (format!("cannot resolve {}: {cause}", origin.host()), Some(CHECK))
    } else {
        let is_down = says("connection refused") && origin.is_loopback();
        let hint = is_down.then_some("check that the server is running, and the port in AMIKA_API_URL");
        let hint = hint.unwrap_or(CHECK);
        (format!("cannot connect to {origin}: {cause}"), Some(hint))
    };
    (Stage::Connecting, message, hint.map(str::to_owned))
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
            Vec::new()
        } else {
            self.trust.warnings()
        }
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
    builder = match settings.proxy.as_ref().map(|proxy| proxy.for_port(origin.port())) {
        None if connects => builder,
        Some(Some(proxy)) if connects => builder.proxy(proxy),
        _ => builder.no_proxy(),
    };
    builder
        .build()
        .map_err(|error| Error::new(Kind::Unreachable, "failed to set up TLS").because(error.without_url()))
}

/// Reads a whole body of at most `limit` bytes.
pub(crate) async fn read_body(
    mut response: reqwest::Response,
    limit: usize,
    origin: &Origin,
) -> std::result::Result<Zeroizing<Vec<u8>>, Broken> {
    let mut body = Zeroizing::new(Vec::new());
    while let Some(chunk) = response
        .chunk()
        .await
        .map_err(|error| Broken::new(&error, origin))?
    {
        if body.len() + chunk.len() > limit {
            return Err(Broken {
                stage: Stage::TooLarge,
                message: format!(
                    "the response from {origin} is larger than {} MiB",
                    limit / 1024 / 1024
                ),
                hint: None,
            });
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}

/// Says what is wrong with a response that neither is a success nor an error that HTTP defines as final.
/// A redirect is never followed, because that would send the secret and the key to another server; its
/// target is named as an origin, without the path, which may contain anything.
pub(crate) fn unexpected(
    response: &reqwest::Response,
    origin: &Origin,
    known: &KnownSecrets,
    carried: Option<Carried<'_>>,
) -> Option<String> {
    let target = || {
        let location = response.headers().get(LOCATION)?.to_str().ok()?;
        let is_shown = known.show(location, carried) == location;
        let target = url::Url::parse(&origin.at("/")).ok()?.join(location).ok()?;
        is_shown.then(|| known.show_line(&target.origin().ascii_serialization(), carried))
    };
    match response.status().as_u16() {
        200..=299 | 400..=599 => None,
        301 | 302 | 303 | 307 | 308 => {
            let target = target().unwrap_or_else(|| "another server".to_owned());
            Some(format!("{origin} redirects to {target}, which was not followed"))
        }
        status => Some(format!("{origin} answered with status {status}")),
    }
}

pub(crate) fn is_json(headers: &HeaderMap) -> bool {
    let kind = headers.get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok());
    kind.is_some_and(is_json_type)
}

fn is_json_type(content_type: &str) -> bool {
    let essence = content_type.split(';').next().unwrap_or_default();
    let essence = essence.trim().to_ascii_lowercase();
    essence == "application/json" || (essence.starts_with("application/") && essence.ends_with("+json"))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The message names a host that cannot be resolved.
    #[test]
    fn an_unknown_host_is_named() {
        let causes = ["client error (connect)", "dns error", "no such host"].map(str::to_owned);
        let origin = Origin::parse("X", "https://vault.example:8443").unwrap();
        let (_, message, _) = no_connection(&causes, "no such host", &origin);
        assert_eq!(message, "cannot resolve vault.example: no such host");
    }

    #[test]
    fn json_content_types_are_recognised() {
        assert!(is_json_type("application/json; charset=utf-8"));
        assert!(is_json_type("application/problem+json"));
        assert!(!is_json_type("text/html"));
    }
}
