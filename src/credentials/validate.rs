//! Checks that a text is a credential that another machine can use. Runs before anything is sent.

use jiff::{SignedDuration, Timestamp};
use serde_json::json;
use zeroize::Zeroizing;

use crate::error::{Error, Result};
use crate::formats::json::Object;
use crate::formats::login::{self, Login, Unusable};
use crate::formats::token::{self, Token};
use crate::formats::{escape, words};
use crate::provider::{CLAUDE, CODEX, CredentialKind, Provider};
use crate::secret::{MAX_VALUE, SecretValue};

/// How long a setup token of Claude Code lasts from the day it is made.
const SETUP_TOKEN_LIFETIME: SignedDuration = SignedDuration::from_hours(365 * 24);
const SETUP_TOKEN: &str = "sk-ant-oat01-";

/// A credential that passed every check.
#[derive(Debug)]
pub(crate) struct Checked {
    pub(crate) kind: CredentialKind,
    /// The value to upload: the key, the login byte for byte, or the login made of a token.
    pub(crate) value: SecretValue,
    /// Whether every machine that has the login may renew it.
    pub(crate) is_renewable: bool,
    /// The expiry, for messages; empty if it is not known.
    pub(crate) expiry: String,
    /// The warning about other secrets in the same file.
    pub(crate) others: Option<String>,
}

impl Checked {
    /// A credential that does not expire, as far as is known.
    fn new(kind: CredentialKind, value: SecretValue) -> Self {
        Self {
            kind,
            value,
            is_renewable: false,
            expiry: String::new(),
            others: None,
        }
    }
}

/// Infers the type of a value: JSON, even if invalid, is a login, and so is a token that the provider's
/// tool accepts as one. Anything else is an API key.
pub(crate) fn infer(provider: &Provider, value: &str) -> CredentialKind {
    if begins_as_json(value) || is_login_token(provider, value.trim()) {
        CredentialKind::OAuth
    } else {
        CredentialKind::ApiKey
    }
}

fn begins_as_json(value: &str) -> bool {
    let value = value.trim_start_matches('\u{feff}').trim_start();
    value.starts_with(['{', '['])
}

/// Whether the provider's tool accepts the token in place of a login.
fn is_login_token(provider: &Provider, token: &str) -> bool {
    let accepted = [Token::ClaudeAccess, Token::CodexAccess];
    token::recognise(token).is_some_and(|token| accepted.contains(&token) && token.provider() == provider.id)
}

/// Whether a stored value has the form of its type, so that it is worth restoring.
pub(crate) fn has_form(kind: CredentialKind, value: &SecretValue) -> bool {
    let text = value.expose_secret().trim_end();
    let object = Object::parse(text).ok().flatten();
    match kind {
        CredentialKind::OAuth => object.is_some_and(|object| object.members().next().is_some()),
        CredentialKind::ApiKey => !text.is_empty() && object.is_none() && !has_invalid_characters(text),
    }
}

/// Checks `value` from `place`; exit 4 if it cannot be used. `literal` accepts keys and tokens of
/// another kind or provider.
pub(crate) fn check(
    provider: &Provider,
    kind: Option<CredentialKind>,
    value: SecretValue,
    place: &str,
    literal: bool,
    now: Timestamp,
) -> Result<Checked> {
    if value.expose_secret().len() > MAX_VALUE {
        let message = format!("{place}: the credential is larger than 1 MiB");
        return Err(Error::input(message).hint("check that this is the file of a login or an API key"));
    }
    match kind.unwrap_or_else(|| infer(provider, value.expose_secret())) {
        CredentialKind::OAuth if is_login_token(provider, value.expose_secret().trim()) => {
            check_token(provider, &value, place, now)
        }
        CredentialKind::OAuth => check_login(provider, value, place, now),
        CredentialKind::ApiKey => check_key(provider, value.expose_secret(), place, literal),
    }
}

/// Checks a token that the tool accepts in place of a login, and makes the file that the tool reads.
///
/// Claude Code 2.1.332 sends a setup token in this form and leaves the file as it is; Codex 0.171.0 reads
/// a personal access token in this one.
pub(crate) fn check_token(
    provider: &Provider,
    value: &SecretValue,
    place: &str,
    now: Timestamp,
) -> Result<Checked> {
    // The tools print a token on several lines if the terminal is narrow.
    let token: Zeroizing<String> = Zeroizing::new(value.expose_secret().split_whitespace().collect());
    let (file, expiry) = if provider.id == CODEX.id {
        (json!({ "personal_access_token": *token }), String::new())
    } else {
        let rest = token.strip_prefix(SETUP_TOKEN).unwrap_or_default();
        let is_of_token = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-');
        if rest.is_empty() || !rest.chars().all(is_of_token) {
            let message = format!("{place}: this is no setup token, which begins with {SETUP_TOKEN}");
            return Err(Error::input(message)
                .hint("copy what `claude setup-token` prints, completely and nothing else with it"));
        }
        let expires_at = now + SETUP_TOKEN_LIFETIME;
        let login = json!({
            "accessToken": *token,
            "refreshToken": null,
            "expiresAt": expires_at.as_millisecond(),
            "scopes": ["user:inference"],
        });
        let expiry = format!("works for at most a year, until {expires_at:.0}");
        (json!({ CLAUDE.access_token.0: login }), expiry)
    };
    let value = SecretValue::new(Zeroizing::new(file.to_string()));
    Ok(Checked {
        expiry,
        ..Checked::new(CredentialKind::OAuth, value)
    })
}

fn check_login(provider: &Provider, value: SecretValue, place: &str, now: Timestamp) -> Result<Checked> {
    let text = value.expose_secret();
    let login = login::read(provider, text, now).map_err(|reason| {
        Error::input(format!("{place}: {reason}")).hint(login_hint(provider, text, &reason))
    })?;
    let expiry = expiry_text(&login, now);
    Ok(Checked {
        is_renewable: login.refresh_token.is_some(),
        expiry,
        others: others_warning(provider, text, place),
        ..Checked::new(CredentialKind::OAuth, value)
    })
}

/// What to do about a login that the tool would not use.
fn login_hint(provider: &Provider, text: &str, reason: &Unusable) -> String {
    let Provider { id, tool, .. } = provider;
    match (reason, token::recognise(text.trim())) {
        (Unusable::OfOtherTool(other), _) => match provider.other_with_tool(other) {
            Some(other) => format!("push it with `amika secret {} push --from-file FILE`", other.id),
            None => format!("a login of {other} works in {other} only; log in with {tool} and push that"),
        },
        (Unusable::Json(_), Some(token)) if !token.is_api_key() => {
            format!("this is {}; use `{}`", token.description(), token.command())
        }
        (Unusable::Json(_), _) if !text.trim_start().starts_with('{') => {
            "for an API key, use --type api_key".to_owned()
        }
        _ => format!(
            "log in with {tool} again, or make a login for the sandbox: `amika secret {id} push --new-login`"
        ),
    }
}

/// Describes the expiry of a login and its refresh token; empty if neither is known.
fn expiry_text(login: &Login, now: Timestamp) -> String {
    let access_token = login.expires_at.map(|at| {
        if at <= now {
            format!("expired {at:.0}, renewable")
        } else {
            format!("expires {at:.0}")
        }
    });
    let ends = login.refresh_ends;
    let refresh_token = ends.map(|at| format!("refresh token until {at:.0}"));
    let parts = [access_token, refresh_token].into_iter().flatten();
    parts.collect::<Vec<_>>().join(", ")
}

/// The warning about other secrets in the file of a login.
pub(crate) fn others_warning(provider: &Provider, text: &str, place: &str) -> Option<String> {
    let file = Object::parse(text).ok().flatten()?;
    // Without a login, a token in place of it is the login itself.
    let members = provider
        .other_secrets
        .iter()
        .filter(|_| file.has(provider.access_token.0));
    let others: Vec<_> = members.filter_map(|name| other_secret(&file, name)).collect();
    (!others.is_empty()).then(|| {
        let others = others.join(", ");
        format!("{place} contains other secrets that are pushed too: {others}")
    })
}

/// Describes a member next to the login that has other secrets, such as `mcpOAuth (github, linear)`.
fn other_secret(file: &Object<'_>, name: &str) -> Option<String> {
    let Ok(object) = file.object(name) else {
        return (file.string(name) != Ok(None)).then(|| name.to_owned());
    };
    // Claude Code names an entry after its server, followed by `|` and a hash.
    let entries = object?;
    let entries = entries
        .members()
        .map(|(entry, _)| entry.split('|').next().unwrap_or(entry));
    let servers: Vec<_> = entries.collect();
    (!servers.is_empty()).then(|| format!("{name} ({})", servers.join(", ")))
}

fn check_key(provider: &Provider, value: &str, place: &str, literal: bool) -> Result<Checked> {
    let key = value.strip_suffix("\r\n").or_else(|| value.strip_suffix('\n'));
    let key = key.unwrap_or(value);
    let refuse = |reason: &str, hint: &str| Err(Error::input(format!("{place}: {reason}")).hint(hint));
    if key.is_empty() {
        return refuse("the API key is empty", "check that it was copied completely");
    }
    if begins_as_json(key) {
        return refuse(
            "this is a JSON object, not an API key",
            "pass the key alone; to push a login, leave out --type api_key",
        );
    }
    // These are copied with a key from a shell or a file.
    let has_surroundings = key.starts_with(['"', '\'', '`', '$']) || key.contains("_API_KEY=");
    if has_surroundings || has_invalid_characters(key) {
        return refuse(
            "the API key contains spaces or invalid characters",
            "check that it was copied completely, and nothing else with it",
        );
    }
    let wrong = token::recognise(key).filter(|token| !token.is_api_key() || token.provider() != provider.id);
    if let Some(token) = wrong.filter(|_| !literal) {
        let hint = format!("use `{}`, or add --literal to store it as it is", token.command());
        return refuse(&format!("this is {}", token.description()), &hint);
    }
    let mut of_any = ["sk-", "eyJ"].iter().chain(provider.key_prefixes);
    let may_be_own = of_any.any(|start| key.starts_with(start));
    if words::has_key_prefix(key) && !may_be_own && !literal {
        return refuse(
            "this is a key of another service",
            "store it as a secret with `amika secret push NAME`, or add --literal to store it as it is",
        );
    }
    let value = SecretValue::new(Zeroizing::new(key.to_owned()));
    Ok(Checked::new(CredentialKind::ApiKey, value))
}

fn has_invalid_characters(key: &str) -> bool {
    key.chars().any(|c| c.is_whitespace() || escape::is_hostile(c))
}

#[cfg(test)]
mod tests;
