//! The origin of the API: scheme, host and port, validated so that a key is not sent elsewhere.

use std::fmt;

use url::{Host, Url};

use crate::error::{Error, Result};
use crate::system::env::Env;

pub(crate) const DEFAULT: &str = "https://app.amika.dev";

/// A validated origin: `https`, or `http` to loopback.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ServerOrigin(Url);

impl ServerOrigin {
    /// The origin in `AMIKA_API_URL`, or that of the hosted API.
    pub(crate) fn from_env(env: &Env) -> Result<Self> {
        Self::parse("AMIKA_API_URL", env.setting("AMIKA_API_URL")?.unwrap_or(DEFAULT))
    }

    /// Refuses a text that is not an origin, without repeating it, because it may contain a password.
    pub(crate) fn parse(setting: &str, text: &str) -> Result<Self> {
        let url = Url::parse(text.trim()).ok();
        // `localhost:3000` is a URL with the scheme `localhost`.
        let origin = url
            .filter(|url| matches!(url.scheme(), "https" | "http"))
            .map(Self);
        let problem = match &origin {
            None => " is not an https URL",
            Some(Self(url)) if !url.username().is_empty() || url.password().is_some() => {
                " contains a user name or password"
            }
            Some(Self(url)) if url.path() != "/" || url.query().is_some() || url.fragment().is_some() => {
                " contains more than scheme, host and port"
            }
            Some(origin) if origin.is_plain_http() && !origin.is_loopback() => {
                ": http is allowed only for localhost"
            }
            Some(origin) => return Ok(origin.clone()),
        };
        Err(Error::usage(format!("{setting}{problem}")).hint(format!("use an origin such as {DEFAULT}")))
    }

    pub(crate) fn is_default(&self) -> bool {
        Self::parse("", DEFAULT).is_ok_and(|default| default == *self)
    }

    pub(crate) fn is_plain_http(&self) -> bool {
        self.0.scheme() == "http"
    }

    pub(crate) fn is_loopback(&self) -> bool {
        is_loopback(&self.0)
    }

    pub(crate) fn host(&self) -> &str {
        self.0.host_str().unwrap_or_default()
    }

    pub(crate) fn port(&self) -> u16 {
        self.0.port_or_known_default().unwrap_or_default()
    }

    /// The URL of an absolute, already percent-encoded path.
    pub(crate) fn at(&self, path: &str) -> String {
        format!("{self}{path}")
    }
}

/// Whether the host of a URL is this machine.
pub(crate) fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}

impl fmt::Display for ServerOrigin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0.as_str().trim_end_matches('/'))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// R54: only https, or http to loopback, without user, path or query.
    #[test]
    fn only_safe_origins_are_accepted() {
        for good in [
            "https://app.amika.dev",
            "https://x.example:8443/",
            "http://127.0.0.1:1",
            "http://127.9.9.9",
            "http://[::1]:80",
            "http://localhost:3000",
        ] {
            assert!(ServerOrigin::parse("X", good).is_ok(), "{good}");
        }
        for bad in ["localhost:3000", "app.amika.dev:443", "mailto:u@x", "ftp://x/y"] {
            let error = ServerOrigin::parse("X", bad).unwrap_err();
            assert_eq!(error.to_string(), "X is not an https URL", "{bad}");
        }
        for bad in [
            "",
            "app.amika.dev",
            "ftp://x",
            "file:///etc",
            "http://example.com",
            "http://localhost.evil.example",
            "http://127.0.0.1.evil.example",
            "http://10.0.0.1",
            "http://0.0.0.0",
            "http://[::]",
            "http://[2001:db8::1]",
            "http://[::ffff:10.0.0.1]",
            "https://u:hunter2@x.example",
            "https://u@x.example",
            "https://:hunter2@x.example",
            "https://x.example/#f",
            "https://x.example/?q",
            "https://x.example/api",
        ] {
            let error = ServerOrigin::parse("X", bad).unwrap_err();
            assert_eq!(error.kind.exit_code(), 2, "{bad}");
            assert!(!error.to_string().contains("hunter2"));
        }
    }

    #[test]
    fn the_default_is_recognised_in_every_spelling() {
        for text in [DEFAULT, "https://APP.amika.dev:443/"] {
            assert!(ServerOrigin::parse("X", text).unwrap().is_default(), "{text}");
        }
    }
}
