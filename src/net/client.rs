//! The HTTP client: no redirects, timeouts, limited response sizes, and messages for failed
//! connections.

use std::error::Error as _;
use std::time::Duration;

use reqwest::header::{CONTENT_TYPE, HeaderMap, LOCATION};
use reqwest::redirect;
use zeroize::Zeroizing;

use crate::error::{Error, Kind, Result, without_error_code};
use crate::formats::escape;
use crate::net::origin::ServerOrigin;
use crate::net::proxy::ProxySettings;
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
    pub(crate) hint: Option<&'static str>,
}

impl Broken {
    /// Takes the cause from the end of the chain of sources, because reqwest's own message contains
    /// little but the URL.
    pub(crate) fn new(error: &reqwest::Error, origin: &ServerOrigin) -> Self {
        let sources = std::iter::successors(error.source(), |cause| (*cause).source());
        let causes: Vec<_> = sources.map(|cause| cause.to_string().to_lowercase()).collect();
        let cause = causes.last().map_or("", |cause| without_error_code(cause));
        let cause = escape::escape(cause);
        let of_tls = tls::find(error);
        let refused = of_tls.and_then(|problem| tls::explain(problem, error.is_connect()));
        let (stage, message, hint) = if let Some((what, hint)) = refused {
            (
                Stage::Handshake,
                no_connection(&causes, &what, origin).1,
                Some(hint),
            )
        } else if error.is_connect() {
            let cause = if error.is_timeout() { "timed out" } else { &cause };
            let (stage, message, hint) = no_connection(&causes, cause, origin);
            (stage, message, Some(hint))
        } else if error.is_timeout() {
            let message = format!("{origin} did not answer in time");
            let hint = "the server or a proxy may be overloaded; try again in a moment";
            (Stage::TimedOut, message, Some(hint))
        } else if error.is_body() || error.is_decode() {
            let message = format!("the response from {origin} ended early");
            (Stage::Answering, message, None)
        } else {
            let cause = if of_tls.is_some() { "TLS failed" } else { &cause };
            let message = format!("lost the connection to {origin}: {cause}");
            (Stage::Waiting, message, None)
        };
        Self { stage, message, hint }
    }
}

/// Describes a failed connection, and what to do about it. `causes` are the lower-case messages of the
/// error's chain of sources, the only way in which reqwest distinguishes errors of the proxy, name
/// resolution and TLS.
fn no_connection(causes: &[String], cause: &str, origin: &ServerOrigin) -> (Stage, String, &'static str) {
    const CHECK: &str = "check the network, HTTPS_PROXY and AMIKA_API_URL";
    const CHECK_PROXY: &str = "check the address in HTTPS_PROXY, or add the host to NO_PROXY";
    const SET_PROXY: &str = "set HTTPS_PROXY to http://USER:PASSWORD@HOST:PORT (both percent-encoded), or \
        name the host in NO_PROXY to connect without it";
    const CHECK_SERVER: &str = "check that the server is running, and the port in AMIKA_API_URL";
    let says = |text: &str| causes.iter().any(|cause| cause.contains(text));
    let (what, hint) = if says("tunnel error: proxy authorization required") {
        // A proxy that is asked again with the same password may lock the account.
        let message = "the proxy (HTTPS_PROXY) asks for a user name and password, or refuses them (407)";
        return (Stage::Handshake, message.to_owned(), SET_PROXY);
    } else if says("tunnel error: unsuccessful") {
        // Any other status than 200.
        let message = format!("the proxy (HTTPS_PROXY) refuses to connect to {origin}");
        return (Stage::Handshake, message, SET_PROXY);
    } else if says("failed to create underlying connection") {
        (
            "cannot connect to the proxy (HTTPS_PROXY)".to_owned(),
            CHECK_PROXY,
        )
    } else if says("tunnel error") {
        (
            format!("the proxy (HTTPS_PROXY) cannot reach {origin}"),
            CHECK_PROXY,
        )
    } else if says("dns error") {
        (format!("cannot resolve {}", origin.host()), CHECK)
    } else {
        let is_down = says("connection refused") && origin.is_loopback();
        let hint = if is_down { CHECK_SERVER } else { CHECK };
        (format!("cannot connect to {origin}"), hint)
    };
    (Stage::Connecting, format!("{what}: {cause}"), hint)
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
                let rule = format!("must be a number of seconds from 1 to {LONGEST_REQUEST}");
                return Err(Error::usage(format!("AMIKA_HTTP_TIMEOUT {rule}")));
            }
        };
        Ok(Self {
            timeout: Duration::from_secs(seconds),
            trust: TrustStore::from_env(env),
            proxy: ProxySettings::from_env(env)?,
        })
    }

    /// Warnings about settings for this origin that are ignored.
    pub(crate) fn warnings(&self, origin: &ServerOrigin) -> Vec<String> {
        if origin.is_plain_http() {
            return Vec::new();
        }
        self.trust.warnings()
    }
}

/// Creates a client for one origin.
pub(crate) fn client(settings: &ClientSettings, origin: &ServerOrigin) -> Result<reqwest::Client> {
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
    origin: &ServerOrigin,
) -> std::result::Result<Zeroizing<Vec<u8>>, Broken> {
    let mut body = Zeroizing::new(Vec::new());
    let broken = |error| Broken::new(&error, origin);
    while let Some(chunk) = response.chunk().await.map_err(broken)? {
        if body.len() + chunk.len() > limit {
            let (stage, limit) = (Stage::TooLarge, limit / 1024 / 1024);
            let message = format!("the response from {origin} is larger than {limit} MiB");
            return Err(Broken {
                stage,
                message,
                hint: None,
            });
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}

/// Says what is wrong with a response that neither is a success nor an error that HTTP defines as final.
/// A redirect is never followed, because that could send the secret and the key to another server; its
/// target is named as an origin, without the path, which may contain anything.
pub(crate) fn unexpected(
    response: &reqwest::Response,
    origin: &ServerOrigin,
    known: &KnownSecrets,
    carried: Option<Carried<'_>>,
) -> Option<String> {
    let target = || {
        let location = response.headers().get(LOCATION)?.to_str().ok()?;
        let own = url::Url::parse(&origin.at("/")).ok()?;
        let target = own.join(location).ok()?.origin();
        if target == own.origin() {
            return Some("another path of its own".to_owned());
        }
        let is_shown = known.show(location, carried) == location;
        is_shown.then(|| known.show_line(&target.ascii_serialization(), carried))
    };
    match response.status().as_u16() {
        200..=299 | 400..=599 => None,
        301 | 302 | 303 | 307 | 308 => {
            let target = target().unwrap_or_else(|| "an address that is not shown".to_owned());
            Some(format!("{origin} redirects to {target}, which was not followed"))
        }
        status => Some(format!("{origin} answered with status {status}")),
    }
}

pub(crate) fn is_json(headers: &HeaderMap) -> bool {
    let kind = headers.get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok());
    let kind = kind.unwrap_or_default().to_ascii_lowercase();
    let essence = kind.split(';').next().unwrap_or_default().trim();
    essence == "application/json" || (essence.starts_with("application/") && essence.ends_with("+json"))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The message names a host that cannot be resolved.
    #[test]
    fn an_unknown_host_is_named() {
        let causes = ["client error (connect)", "dns error", "no such host"].map(str::to_owned);
        let origin = ServerOrigin::parse("X", "https://vault.example:8443").unwrap();
        let (_, message, _) = no_connection(&causes, "no such host", &origin);
        assert_eq!(message, "cannot resolve vault.example: no such host");
    }

    #[test]
    fn json_content_types_are_recognised() {
        for (kind, expected) in [
            ("application/json; charset=utf-8", true),
            ("application/problem+json", true),
            ("text/html", false),
        ] {
            let headers = HeaderMap::from_iter([(CONTENT_TYPE, kind.parse().unwrap())]);
            assert_eq!(is_json(&headers), expected, "{kind}");
        }
    }
}
