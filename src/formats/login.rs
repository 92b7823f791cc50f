//! The login files of Claude Code and Codex, by the rules of the tools: what a tool itself would not
//! use is no login.
//!
//! Facts from running Claude Code 2.1.332 and Codex 0.171.0; those about the Keychain are from the
//! shipped program for macOS.

use jiff::{SignedDuration, Timestamp};
use serde_json::value::RawValue;

use crate::formats::escape;
use crate::formats::json::{JsonError, Object};
use crate::formats::jwt::{self, Expiry};
use crate::provider::{CLAUDE, CODEX, PROVIDERS, Provider};
use crate::secret::SecretValue;

/// Claude Code treats an access token as expired this long before its time.
const EARLY: SignedDuration = SignedDuration::from_mins(5);

/// A login that its tool would use.
#[derive(Debug, Default)]
pub(crate) struct Login {
    pub(crate) refresh_token: Option<SecretValue>,
    /// When the access token expires.
    pub(crate) expires_at: Option<Timestamp>,
    /// When the refresh token ends.
    pub(crate) refresh_ends: Option<Timestamp>,
}

/// Why a tool would not use a text as its login. The messages continue `PLACE: `, and quote nothing.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Unusable {
    #[error("it begins with a byte order mark, so {0} cannot read it")]
    ByteOrderMark(&'static str),
    // Scripts match "OAuth credentials must be valid JSON".
    #[error("OAuth credentials must be valid JSON: {0}")]
    Json(#[from] JsonError),
    #[error("it contains no {0} login (`{1}.{2}`)")]
    Absent(&'static str, &'static str, &'static str),
    #[error("this is a file of {0}")]
    OfOtherTool(&'static str),
    #[error(
        "it is one part of a Keychain entry that Claude Code has split; the rest is only in the Keychain"
    )]
    SplitItem,
    #[error("the login has ended, so {0} is logged out")]
    Ended(&'static str),
    #[error("{0}")]
    Incomplete(&'static str),
    #[error("`{0}` is a time {1}")]
    Time(&'static str, &'static str),
    #[error("the login expired at {0:.0} and has no refresh token to renew it with")]
    Expired(Timestamp),
    #[error("the login's refresh token expired at {0:.0}")]
    RefreshEnded(Timestamp),
}

/// Reads a login as its tool would.
pub(crate) fn read(provider: &Provider, text: &str, now: Timestamp) -> Result<Login, Unusable> {
    if text.starts_with('\u{feff}') {
        return Err(Unusable::ByteOrderMark(provider.tool));
    }
    let (object, member) = provider.access_token;
    let absent = || Unusable::Absent(provider.title, object, member);
    let file = Object::parse(text)?.ok_or_else(absent)?;
    if file.has("keychainOverflow") {
        return Err(Unusable::SplitItem);
    }
    if provider.id == CODEX.id
        && let Some(token) = file.string("personal_access_token")?
    {
        check_characters(&token)?;
        return Ok(Login::default());
    }
    let Some(login) = file.object(object)? else {
        return Err(other_tool(provider, &file).map_or_else(absent, Unusable::OfOtherTool));
    };
    let Some(access_token) = login.string(member)? else {
        return Err(if login.has(member) {
            Unusable::Ended(provider.tool)
        } else {
            absent()
        });
    };
    check_characters(&access_token)?;
    let (login, early) = if provider.id == CLAUDE.id {
        (claude(&login)?, EARLY)
    } else {
        (codex(&file, &login, &access_token)?, SignedDuration::ZERO)
    };
    if let Some(at) = login.refresh_ends.filter(|at| *at <= now) {
        return Err(Unusable::RefreshEnded(at));
    }
    match login.expires_at.filter(|at| *at <= now + early) {
        Some(at) if login.refresh_token.is_none() => Err(Unusable::Expired(at)),
        _ => Ok(login),
    }
}

fn check_characters(token: &SecretValue) -> Result<(), Unusable> {
    let is_bad = |c: char| c.is_whitespace() || escape::is_hostile(c);
    if token.expose_secret().contains(is_bad) {
        let problem = "the access token contains spaces or unprintable characters";
        return Err(Unusable::Incomplete(problem));
    }
    Ok(())
}

fn claude(login: &Object<'_>) -> Result<Login, Unusable> {
    if !login.list_has("scopes", "user:inference") {
        let problem = "it lacks the scope user:inference, without which Claude Code does not use it";
        return Err(Unusable::Incomplete(problem));
    }
    let time = |member| {
        login
            .time(member)
            .map_err(|reason| Unusable::Time(member, reason))
    };
    Ok(Login {
        refresh_token: login.string(CLAUDE.refresh_token)?,
        expires_at: time("expiresAt")?,
        refresh_ends: time("refreshTokenExpiresAt")?,
    })
}

fn codex(file: &Object<'_>, tokens: &Object<'_>, access_token: &SecretValue) -> Result<Login, Unusable> {
    let id_token = tokens.string("id_token")?;
    let last_refresh = file.string("last_refresh")?;
    let problem = if id_token.is_none_or(|token| jwt::expiry(token.expose_secret()) == Expiry::NotAJwt) {
        "`tokens.id_token` is missing or no JWT, so Codex cannot read it"
    } else if !tokens.has(CODEX.refresh_token) {
        "`tokens.refresh_token` is missing, so Codex cannot read it"
    } else if last_refresh.is_some_and(|text| text.expose_secret().parse::<Timestamp>().is_err()) {
        "`last_refresh` is no time, so Codex cannot read it"
    } else {
        let expires_at = match jwt::expiry(access_token.expose_secret()) {
            Expiry::At(at) => Some(at),
            _ => None,
        };
        return Ok(Login {
            refresh_token: tokens.string(CODEX.refresh_token)?,
            expires_at,
            refresh_ends: None,
        });
    };
    Err(Unusable::Incomplete(problem))
}

/// The other tool that this file belongs to.
fn other_tool(provider: &Provider, file: &Object<'_>) -> Option<&'static str> {
    let mut others = PROVIDERS.iter().filter(|other| other.id != provider.id);
    let other = others.find(|other| file.has(other.access_token.0));
    let is_entry = |raw: &RawValue| matches!(Object::parse(raw.get()), Ok(Some(entry)) if entry.has("type"));
    let is_opencode = || file.members().any(|(_, raw)| is_entry(raw));
    let other = other.map(|other| other.tool);
    other.or_else(|| is_opencode().then_some("OpenCode"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: &str = "2026-11-23T12:00:00Z";

    fn claude_login(text: &str) -> Result<Login, Unusable> {
        read(&CLAUDE, text, NOW.parse().unwrap())
    }

    fn codex_login(text: &str) -> Result<Login, Unusable> {
        read(&CODEX, text, NOW.parse().unwrap())
    }

    fn claude_with(members: &str) -> Result<Login, Unusable> {
        claude_login(&format!(
            r#"{{"claudeAiOauth":{{"scopes":["user:inference"],{members}}}}}"#
        ))
    }

    fn codex_with(members: &str) -> Result<Login, Unusable> {
        codex_login(&format!(r#"{{"tokens":{{{members}}}}}"#))
    }

    /// R125: what Claude Code does not use is refused with the reason.
    #[test]
    fn a_claude_login_is_what_claude_code_uses() {
        assert!(claude_with(r#""accessToken":"a""#).is_ok());
        let part = |members: &str| claude_with(members).unwrap_err().to_string();
        assert!(part(r#""accessToken":"""#).contains("has ended"));
        assert!(part(r#""refreshToken":"r""#).contains("contains no Claude login"));
        assert!(part(r#""accessToken":"a b""#).contains("spaces"));
        assert!(part(r#""accessToken":"a","expiresAt":"soon""#).contains("expiresAt"));
        for scopes in [
            "",
            r#","scopes":null"#,
            r#","scopes":[]"#,
            r#","scopes":["user:profile"]"#,
        ] {
            let text = format!(r#"{{"claudeAiOauth":{{"accessToken":"a"{scopes}}}}}"#);
            let error = claude_login(&text).unwrap_err().to_string();
            assert!(
                error.starts_with("it lacks the scope user:inference"),
                "{text}: {error}"
            );
        }
        let split = r#"{"claudeAiOauth":{"accessToken":"a","scopes":["user:inference"]},"keychainOverflow":{"slot":"a","key":"k"}}"#;
        assert_eq!(claude_login(split).unwrap_err(), Unusable::SplitItem);
        let marked = claude_login("\u{feff}{}").unwrap_err();
        assert_eq!(marked, Unusable::ByteOrderMark("Claude Code"));
    }

    /// R125: a login that has expired is one only if it can be renewed.
    #[test]
    fn an_expired_login_must_be_renewable() {
        let expired = r#""accessToken":"a","expiresAt":1700000000000"#;
        assert!(matches!(claude_with(expired), Err(Unusable::Expired(_))));
        // Four minutes before the end.
        let late = r#""accessToken":"a","expiresAt":1795435440000"#;
        assert!(matches!(claude_with(late), Err(Unusable::Expired(_))));
        assert!(claude_with(&format!(r#"{expired},"refreshToken":"r""#)).is_ok());
        let ended = format!(r#"{expired},"refreshToken":"r","refreshTokenExpiresAt":1700000000000"#);
        assert!(matches!(claude_with(&ended), Err(Unusable::RefreshEnded(_))));
    }

    /// R125: what Codex cannot read is refused with the reason.
    #[test]
    fn a_codex_login_is_what_codex_reads() {
        let id = format!(r#""id_token":"{}""#, jwt::tests::token("{}"));
        let at = |exp: &str| {
            format!(
                r#""access_token":"{}""#,
                jwt::tests::token(&format!(r#"{{"exp":{exp}}}"#))
            )
        };
        let refresh = r#""refresh_token":"r""#;
        let now = at("1900000000");
        assert!(codex_with(&format!("{id},{now},{refresh}")).is_ok());
        let problem = |members: String| codex_with(&members).unwrap_err().to_string();
        assert!(problem(format!("{now},{refresh}")).starts_with("`tokens.id_token`"));
        assert!(problem(format!("{id},{now}")).starts_with("`tokens.refresh_token`"));
        let ended = format!(r#"{id},{},"refresh_token":"""#, at("1700000000"));
        assert!(matches!(codex_with(&ended), Err(Unusable::Expired(_))));
        let renewed = format!(r#"{{"last_refresh":"never","tokens":{{{id},{now},{refresh}}}}}"#);
        let error = codex_login(&renewed).unwrap_err().to_string();
        assert!(error.starts_with("`last_refresh` is no time"), "{error}");
        assert!(codex_login(r#"{"personal_access_token":"at-x"}"#).is_ok());
    }

    /// R125: a file of another tool is named as such.
    #[test]
    fn a_file_of_another_tool_is_named() {
        let codex = r#"{"tokens":{"access_token":"a"}}"#;
        assert_eq!(claude_login(codex).unwrap_err(), Unusable::OfOtherTool("Codex"));
        let claude = r#"{"claudeAiOauth":{"accessToken":"a"}}"#;
        assert_eq!(
            codex_login(claude).unwrap_err(),
            Unusable::OfOtherTool("Claude Code")
        );
        let opencode = r#"{"anthropic":{"type":"oauth","access":"a"}}"#;
        assert_eq!(
            claude_login(opencode).unwrap_err(),
            Unusable::OfOtherTool("OpenCode")
        );
    }
}
