//! Checks that a text is a credential that another machine can use. Runs before any request.

use jiff::Timestamp;
use zeroize::Zeroizing;

use crate::error::{Error, Result};
use crate::formats::escape;
use crate::formats::json::{JsonError, Object};
use crate::formats::jwt::{self, Expiry};
use crate::provider::{CredentialKind, Provider};
use crate::secret::{MAX_VALUE, SecretValue};
use crate::ui::notices::Notices;

/// A credential that passed every check.
#[derive(Debug)]
pub(crate) struct Credential {
    /// The value to upload: the key, or the login byte for byte.
    pub(crate) value: SecretValue,
    /// The secrets in a login, which a server may echo individually.
    inner: Vec<SecretValue>,
    pub(crate) has_refresh_token: bool,
    /// The expiry, for messages; empty if it is not known.
    pub(crate) expiry: String,
    /// The names of other secrets in the same file.
    pub(crate) others: Vec<String>,
    /// Notices and warnings to show before it is sent.
    pub(crate) notices: Notices,
}

impl Credential {
    /// The secrets to redact in texts of a server.
    pub(crate) fn secrets(&self) -> impl Iterator<Item = &SecretValue> {
        self.inner.iter().chain([&self.value])
    }
}

/// Infers the type of a value: JSON, even if invalid, is a login, and anything else an API key.
pub(crate) fn infer(value: &str) -> CredentialKind {
    if body(value).trim_start().starts_with(['{', '[']) {
        CredentialKind::OAuth
    } else {
        CredentialKind::ApiKey
    }
}

/// Removes the byte order mark that some editors add.
fn body(value: &str) -> &str {
    value.strip_prefix('\u{feff}').unwrap_or(value)
}

/// Validates `value` from `place`; exit 4 if it cannot be used.
pub(crate) fn check(
    provider: &Provider,
    kind: CredentialKind,
    value: &SecretValue,
    place: &str,
    now: Timestamp,
) -> Result<Credential> {
    if value.expose_secret().len() > MAX_VALUE {
        return Err(Error::input(format!(
            "{place}: the credential is larger than 1 MiB"
        )));
    }
    match kind {
        CredentialKind::OAuth => check_login(provider, value, place, now),
        CredentialKind::ApiKey => check_key(provider, value.expose_secret(), place),
    }
}

/// What to do about a login that cannot be used.
fn login_hint(provider: &Provider, text: &str) -> String {
    if !text.trim_start().starts_with('{') {
        return "for an API key, use --type api_key".to_owned();
    }
    format!(
        "log in with {} again; a stored API key is found by 'amika secret {} push --type api_key'",
        provider.title, provider.id
    )
}

fn check_login(provider: &Provider, value: &SecretValue, place: &str, now: Timestamp) -> Result<Credential> {
    let text = body(value.expose_secret());
    let hint = login_hint(provider, text);
    let refuse = |reason: &str| Error::input(format!("{place}: {reason}")).hint(&hint);
    let invalid = |reason: JsonError| refuse(&format!("OAuth credentials must be valid JSON: {reason}"));
    let outer = Object::parse(text).map_err(invalid)?;
    let (object, member) = provider.access_token;
    let login = match &outer {
        Some(outer) => outer.object(object).map_err(invalid)?,
        None => None,
    };
    let token = match &login {
        Some(login) => login.string(member).map_err(invalid)?,
        None => None,
    };
    let (Some(login), Some(token)) = (login, token) else {
        return Err(refuse(&format!(
            "it contains no {} login (`{object}.{member}`)",
            provider.title
        )));
    };
    let refresh_token = login.string(provider.refresh_token).ok().flatten();
    let expires_at = match provider.expires_at {
        Some(member) => login.time(member).ok().flatten(),
        None => match jwt::expiry(token.expose_secret()) {
            Expiry::At(at) => Some(at),
            Expiry::Never | Expiry::NotAJwt | Expiry::Invalid => None,
        },
    };
    let refresh_ends = provider.refresh_expires_at;
    let refresh_ends = refresh_ends.and_then(|member| login.time(member).ok().flatten());
    let expired = expires_at.filter(|at| *at <= now && refresh_token.is_none());
    if let Some(at) = expired {
        return Err(refuse(&format!(
            "the login expired at {at:.0} and has no refresh token to renew it with"
        )));
    }
    if let Some(at) = refresh_ends.filter(|at| *at <= now) {
        return Err(refuse(&format!("the login's refresh token expired at {at:.0}")));
    }
    let has_refresh_token = refresh_token.is_some();
    let mut inner: Vec<_> = std::iter::once(token).chain(refresh_token).collect();
    let names = provider.other_secrets.iter();
    let others = names.filter_map(|name| other_secret(outer.as_ref()?, name, &mut inner));
    let others = others.collect();
    Ok(Credential {
        value: value.clone(),
        inner,
        has_refresh_token,
        expiry: expiry_text(expires_at, refresh_ends, now),
        others,
        notices: Notices::default(),
    })
}

/// Describes the expiry of a login and its refresh token; empty if neither is known.
fn expiry_text(expires_at: Option<Timestamp>, refresh_ends: Option<Timestamp>, now: Timestamp) -> String {
    let access_token = expires_at.map(|at| {
        if at <= now {
            format!("expired {at:.0}, renewable")
        } else {
            format!("expires {at:.0}")
        }
    });
    let refresh_token = refresh_ends.map(|at| format!("refresh token until {at:.0}"));
    let parts: Vec<_> = access_token.into_iter().chain(refresh_token).collect();
    parts.join(", ")
}

/// Describes a member next to the login that has other secrets, such as `mcpOAuth (github, linear)`.
fn other_secret(outer: &Object<'_>, name: &str, inner: &mut Vec<SecretValue>) -> Option<String> {
    if let Ok(Some(secret)) = outer.string(name) {
        inner.push(secret);
        return Some(name.to_owned());
    }
    let object = outer.object(name).ok().flatten()?;
    // Claude Code names an entry after its server, followed by `|` and a hash.
    let entries = object.members().map(|(entry, _)| entry);
    let servers: Vec<_> = entries
        .map(|entry| entry.split('|').next().unwrap_or(entry).to_owned())
        .collect();
    collect_strings(&object, inner, 0);
    (!servers.is_empty()).then(|| format!("{name} ({})", servers.join(", ")))
}

/// Returns every string in an object that is long enough to be a secret.
fn collect_strings(object: &Object<'_>, texts: &mut Vec<SecretValue>, depth: usize) {
    const MAX_DEPTH: usize = 8;
    const MIN_LENGTH: usize = 8;
    for (name, _) in object.members() {
        if let Ok(Some(text)) = object.string(name) {
            if text.expose_secret().len() >= MIN_LENGTH {
                texts.push(text);
            }
        } else if depth < MAX_DEPTH
            && let Ok(Some(nested)) = object.object(name)
        {
            collect_strings(&nested, texts, depth + 1);
        }
    }
}

fn check_key(provider: &Provider, value: &str, place: &str) -> Result<Credential> {
    let key = value.strip_suffix("\r\n").or_else(|| value.strip_suffix('\n'));
    let key = key.unwrap_or(value);
    let refuse = |reason: &str, hint: &str| Err(Error::input(format!("{place}: {reason}")).hint(hint));
    if key.is_empty() {
        return refuse("the API key is empty", "check that it was copied completely");
    }
    if infer(key) == CredentialKind::OAuth {
        return refuse(
            "this is a JSON object, not an API key",
            "pass the key alone; to push a login, leave out --type api_key",
        );
    }
    if key.chars().any(|c| c.is_whitespace() || escape::is_hostile(c)) {
        return refuse(
            "the API key contains spaces or invalid characters",
            "check that it was copied completely, and nothing else with it",
        );
    }
    let mut notices = Notices::default();
    if let Some(other) = Provider::from_key(key).filter(|other| other.id != provider.id) {
        notices.warn(format!(
            "this looks like a key for {}, but is pushed to {}",
            other.title, provider.title
        ));
    }
    Ok(Credential {
        value: SecretValue::new(Zeroizing::new(key.to_owned())),
        inner: Vec::new(),
        has_refresh_token: false,
        expiry: String::new(),
        others: Vec::new(),
        notices,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::formats::jwt::tests::token;
    use crate::provider::PROVIDERS;
    use proptest::prelude::*;

    const NOW: &str = "2026-11-23T12:00:00Z";

    fn checked(provider: usize, kind: CredentialKind, value: &str) -> Result<Credential> {
        let value = SecretValue::new(value.to_owned());
        check(&PROVIDERS[provider], kind, &value, "here", NOW.parse().unwrap())
    }

    fn claude(login: &str) -> Result<Credential> {
        checked(
            0,
            CredentialKind::OAuth,
            &format!(r#"{{"claudeAiOauth":{login}}}"#),
        )
    }

    #[test]
    fn a_login_without_a_token_is_refused() {
        for bad in ["", "null", "[]", "{", "hunter2", "{}", r#"{"tokens":{}}"#] {
            let error = checked(0, CredentialKind::OAuth, bad).unwrap_err();
            assert_eq!(error.kind.exit_code(), 4, "{bad}");
            assert!(!error.to_string().contains("hunter2"));
        }
        for bad in [
            "null",
            "{}",
            "7",
            r#"{"accessToken":""}"#,
            r#"{"accessToken":["hunter2"]}"#,
        ] {
            assert!(!claude(bad).unwrap_err().to_string().contains("hunter2"), "{bad}");
        }
        assert!(
            claude(r#"{"accessToken":"a"}"#)
                .unwrap()
                .notices
                .iter()
                .next()
                .is_none()
        );
    }

    #[test]
    fn an_expired_login_without_a_refresh_token_is_refused() {
        let expired = r#""accessToken":"a","expiresAt":1700000000000"#;
        let error = claude(&format!("{{{expired}}}")).unwrap_err();
        assert!(
            error.to_string().contains("expired at 2023-11-14T22:13:20Z"),
            "{error}"
        );
        let login = claude(&format!(r#"{{{expired},"refreshToken":"r"}}"#)).unwrap();
        assert!(login.has_refresh_token && login.expiry.contains("renewable"));
        assert_eq!(login.inner.len(), 2);

        let codex = |claims: &str| {
            let login = format!(r#"{{"tokens":{{"access_token":"{}"}}}}"#, token(claims));
            checked(1, CredentialKind::OAuth, &login)
        };
        assert!(codex(r#"{"exp":1700000000}"#).is_err());
        assert!(codex(r#"{"exp":1900000000}"#).is_ok());
    }

    #[test]
    fn a_key_with_whitespace_is_refused() {
        for bad in [
            "",
            "\n",
            "a b",
            "a\nb",
            "a\n\n",
            "a\u{1b}[2J",
            "a\u{200b}",
            r#"{"a":1}"#,
            "a\0",
        ] {
            assert!(checked(0, CredentialKind::ApiKey, bad).is_err(), "{bad:?}");
        }
        for (value, key) in [
            ("sk-ant-1\n", "sk-ant-1"),
            ("sk-ant-1\r\n", "sk-ant-1"),
            ("x", "x"),
        ] {
            assert_eq!(
                checked(0, CredentialKind::ApiKey, value)
                    .unwrap()
                    .value
                    .expose_secret(),
                key
            );
        }
        let foreign = checked(1, CredentialKind::ApiKey, "sk-ant-1").unwrap();
        assert!(
            foreign
                .notices
                .iter()
                .next()
                .unwrap()
                .1
                .contains("looks like a key for Claude")
        );
        assert!(
            checked(1, CredentialKind::ApiKey, "sk-proj-1")
                .unwrap()
                .notices
                .iter()
                .next()
                .is_none()
        );
    }

    proptest! {
        #[test]
        fn any_text_is_refused_without_panic_or_quote(text in "[a-z{}\"\\[\\]:, ]{12,40}", any in any::<String>()) {
            for provider in 0..PROVIDERS.len() {
                for kind in [CredentialKind::OAuth, CredentialKind::ApiKey] {
                    let _ = checked(provider, kind, &any);
                    if let Err(error) = checked(provider, kind, &text) {
                        prop_assert!(!error.to_string().contains(&text));
                    }
                }
            }
        }
    }
}
