//! The proxy in the environment. It is parsed here, because the HTTP client would ignore an invalid
//! value and connect directly.

use reqwest::{NoProxy, Proxy};
use url::Url;

use crate::error::{Error, Result};
use crate::system::env::Env;

/// The variables for the https proxy, in order of precedence.
const VARIABLES: [&str; 4] = ["HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"];

/// The proxy for https; `None` if no variable is set. An invalid value is exit 2; it is not repeated,
/// because it may contain a password.
pub(crate) fn from_env(env: &Env) -> Result<Option<Proxy>> {
    for variable in VARIABLES {
        let Some(text) = env
            .setting(variable)?
            .map(str::trim)
            .filter(|text| !text.is_empty())
        else {
            continue;
        };
        let proxy = address(text).and_then(|url| Proxy::https(url).ok());
        return match proxy {
            Some(proxy) => Ok(Some(proxy.no_proxy(NoProxy::from_env()))),
            None => Err(Error::usage(format!("{variable} is not a valid proxy URL"))
                .hint("set it to http://HOST:PORT, or unset it")),
        };
    }
    Ok(None)
}

/// Parses an http or https URL; `HOST:PORT` alone means http.
fn address(text: &str) -> Option<Url> {
    let url = if text.contains("://") {
        Url::parse(text)
    } else {
        Url::parse(&format!("http://{text}"))
    };
    url.ok()
        .filter(|url| matches!(url.scheme(), "http" | "https") && url.has_host())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// R117: examples of valid and invalid proxy URLs.
    #[test]
    fn only_http_and_https_proxies_are_understood() {
        for good in [
            "http://p:3128",
            "https://u:p%40@p",
            "p:3128",
            "127.0.0.1:1",
            "http://[::1]:1/",
        ] {
            assert!(address(good).is_some(), "{good}");
        }
        for bad in [
            "socks5://p:1",
            "http://",
            "http://p:99999",
            "://p",
            "ftp://p",
            "http://a b:1",
            "[::1",
        ] {
            assert!(address(bad).is_none(), "{bad}");
        }
    }
}
