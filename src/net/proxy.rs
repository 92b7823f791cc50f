//! The proxy in the environment. It is parsed here, because the HTTP client would ignore an invalid
//! value and connect directly.

use reqwest::{NoProxy, Proxy};
use url::Url;

use crate::error::{Error, Result};
use crate::system::env::Env;

/// The form of a proxy that asks for a login.
const FORM: &str = "http://USER:PASSWORD@HOST:PORT (both percent-encoded)";
/// The variables for the https proxy, in order of precedence.
const VARIABLES: [&str; 4] = ["HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"];

/// The proxy for https, and the hosts to reach without it.
#[derive(Debug, Clone)]
pub(crate) struct ProxySettings {
    proxy: Proxy,
    no_proxy: String,
}

impl ProxySettings {
    /// `None` if no variable is set. An invalid value is exit 2; it is not repeated, because it may
    /// contain a password.
    pub(crate) fn from_env(env: &Env) -> Result<Option<Self>> {
        for variable in VARIABLES {
            let text = env.setting(variable)?.map_or("", str::trim);
            if text.is_empty() {
                continue;
            }
            let refuse = |problem: &str| {
                Error::usage(format!("{variable} {problem}")).hint(format!("set it to {FORM}, or unset it"))
            };
            let proxy = Proxy::https(address(text).map_err(refuse)?).map_err(|_| refuse("cannot be used"))?;
            let no_proxy = match env.setting("NO_PROXY")? {
                None => env.setting("no_proxy")?,
                set => set,
            };
            let no_proxy = no_proxy.unwrap_or_default().to_owned();
            return Ok(Some(Self { proxy, no_proxy }));
        }
        Ok(None)
    }

    /// The proxy for connections to this port; `None` if no host needs it.
    pub(crate) fn for_port(&self, port: u16) -> Option<Proxy> {
        let entries = self.no_proxy.split(|c: char| c == ',' || c.is_whitespace());
        if entries.clone().any(|entry| entry == "*") {
            return None;
        }
        let hosts: Vec<_> = entries.filter_map(|entry| without_proxy(entry, port)).collect();
        let hosts = NoProxy::from_string(&hosts.join(","));
        Some(self.proxy.clone().no_proxy(hosts))
    }
}

/// Parses an http or https URL; `HOST:PORT` alone means http. Returns what is wrong with it.
fn address(text: &str) -> std::result::Result<Url, &'static str> {
    let (scheme, rest) = text.split_once("://").unwrap_or(("http", text));
    if scheme.to_ascii_lowercase().starts_with("socks") {
        return Err("names a SOCKS proxy, which amika does not support");
    }
    if text.contains('\\') {
        return Err("contains a backslash; in a user name it is written %5C");
    }
    if text.contains(char::is_whitespace) {
        return Err("contains a blank; in a user name or password it is written %20");
    }
    // The parser would skip further slashes, and take the path for the host.
    let url = Url::parse(&format!("{scheme}://{rest}")).ok();
    let url = url.filter(|url| matches!(url.scheme(), "http" | "https") && !rest.starts_with('/'));
    let url = url.ok_or("is not a valid proxy URL")?;
    // An unencoded `/`, `?` or `#` in a password ends the host.
    if url.path() != "/" || url.query().is_some() || url.fragment().is_some() {
        return Err("contains a path; /, ? and # in a password are written %2F, %3F and %23");
    }
    Ok(url)
}

/// The host, domain or range of an entry of `NO_PROXY` in the form that the HTTP client understands: without
/// a port, brackets and `*`. `None` if the entry is about another port.
fn without_proxy(entry: &str, port: u16) -> Option<&str> {
    let (host, of_port) = match entry.rsplit_once(':') {
        // An IPv6 address has a port only after brackets.
        Some((host, digits)) if !host.contains(':') || host.ends_with(']') => (host, digits.parse().ok()?),
        _ => (entry, port),
    };
    let host = host.trim_start_matches('[').trim_end_matches(']');
    (of_port == port).then(|| host.strip_prefix('*').unwrap_or(host))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// R117, R157: examples of valid and invalid proxy URLs.
    #[test]
    fn only_http_and_https_proxies_are_understood() {
        for (good, host) in [
            ("http://p:3128", "p"),
            ("https://u:p%40@p", "p"),
            ("http://dom%5Cuser:p%2Fw@p:3128/", "p"),
            ("p:3128", "p"),
            ("u:pw@p:3128", "p"),
            ("127.0.0.1:1", "127.0.0.1"),
            ("http://[::1]:1/", "[::1]"),
        ] {
            assert_eq!(address(good).unwrap().host_str(), Some(host), "{good}");
        }
        for (bad, problem) in [
            ("socks5://p:1", "SOCKS"),
            ("socks5h://u:pw@p:1", "SOCKS"),
            ("http://dom\\user:pw@p:1", "%5C"),
            ("http://a b:1", "blank"),
            ("http://us er:pw@p:1", "blank"),
            ("http://u:p/w@p:1", "valid"),
            ("http://u:1/w@p:1", "%2F"),
            ("http://u:1#w@p:1", "%23"),
            ("http://", "valid"),
            ("http://:3128", "valid"),
            ("http:///p:1", "valid"),
            ("http://u:pw@:1", "valid"),
            ("//p:1", "valid"),
            ("http://p:99999", "valid"),
            ("://p", "valid"),
            ("ftp://p", "valid"),
            ("[::1", "valid"),
        ] {
            let said = address(bad).unwrap_err();
            assert!(said.contains(problem), "{bad}: {said}");
        }
    }

    /// R157: every usual form of an entry is honoured for its port.
    #[test]
    fn entries_of_no_proxy_are_understood() {
        for (entry, host) in [
            ("example.com", Some("example.com")),
            (".example.com", Some(".example.com")),
            ("*.example.com", Some(".example.com")),
            ("example.com:443", Some("example.com")),
            ("*.example.com:443", Some(".example.com")),
            ("example.com:8443", None),
            ("10.0.0.0/8", Some("10.0.0.0/8")),
            ("127.0.0.1:443", Some("127.0.0.1")),
            ("::1", Some("::1")),
            ("[::1]", Some("::1")),
            ("[::1]:443", Some("::1")),
            ("[::1]:80", None),
            ("fd00::/8", Some("fd00::/8")),
            ("example.com:https", None),
        ] {
            assert_eq!(without_proxy(entry, 443), host, "{entry}");
        }
    }
}
