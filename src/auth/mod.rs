//! Which credential the CLI itself uses, found afresh for every command.
//!
//! The first of: `AMIKA_API_KEY`; the stored API key; the login session. A stored credential is
//! bound to the origin it was made for and is never sent to another.

mod store;

use std::fmt;

use jiff::{SignedDuration, Timestamp};

use crate::env::Env;
use crate::error::{Error, Kind, Result};
use crate::origin::Origin;
use crate::secret::SecretValue;

pub use self::store::Store;
use self::store::Stored;

const THREE_WAYS: &str = "set AMIKA_API_KEY, or store a key with 'amika auth login --api-key-file FILE', \
     or log in with 'amika auth login'";
/// A token with less time left than this is not worth starting with.
const MARGIN: SignedDuration = SignedDuration::from_secs(60);

/// Where a credential came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Source {
    Environment,
    StoredApiKey,
    Session,
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Environment => "AMIKA_API_KEY",
            Self::StoredApiKey => "the stored API key",
            Self::Session => "the login session",
        })
    }
}

/// What authorises a request, and where it came from.
#[derive(Debug)]
pub struct Credential {
    pub bearer: SecretValue,
    pub source: Source,
}

/// Finds the credential for `origin`; `warn` hears of files that had to be passed over.
pub fn find(env: &Env, origin: &Origin, mut warn: impl FnMut(String)) -> Result<Credential> {
    if let Some(key) = environment_key(env)? {
        return Ok(Credential {
            bearer: key,
            source: Source::Environment,
        });
    }
    let Some(store) = Store::locate(env) else {
        return Err(Error::new(
            Kind::Credential,
            "Not logged in, and there is no home directory to look in",
        )
        .hint(THREE_WAYS));
    };
    let mut problems = Vec::new();
    match store.api_key() {
        Ok(Some(stored)) => {
            check_origin(&stored, origin, "the stored API key")?;
            let bearer = check_characters(stored.secret.expose(), "the stored API key")?;
            return Ok(Credential {
                bearer,
                source: Source::StoredApiKey,
            });
        }
        Ok(None) => {}
        Err(reason) => problems.push(format!("ignoring unreadable API key file: {reason:#}")),
    }
    match store.session() {
        Ok(Some(stored)) => {
            check_origin(&stored, origin, "the login session")?;
            if stored.expires_at.is_some_and(|at| is_fresh(at, (env.now)())) {
                problems.into_iter().for_each(&mut warn);
                let bearer = check_characters(stored.secret.expose(), "the login session")?;
                return Ok(Credential {
                    bearer,
                    source: Source::Session,
                });
            }
            problems.push("the login session has expired".to_owned());
        }
        Ok(None) => {}
        Err(reason) => problems.push(format!("ignoring unreadable session file: {reason:#}")),
    }
    let message = if problems.is_empty() {
        "Not logged in".to_owned()
    } else {
        format!("Not logged in ({})", problems.join("; "))
    };
    Err(Error::new(Kind::Credential, message).hint(THREE_WAYS))
}

/// `AMIKA_API_KEY` without blanks at its ends. Set but blank is an error: it is meant to hold a
/// key, and falling back to another credential would surprise.
fn environment_key(env: &Env) -> Result<Option<SecretValue>> {
    let Some(raw) = env.variable("AMIKA_API_KEY") else {
        return Ok(None);
    };
    let text = raw.to_str().map(str::trim).unwrap_or_default();
    if text.is_empty() {
        return Err(
            Error::new(Kind::Credential, "AMIKA_API_KEY is set but holds no key")
                .hint("give it a value, or unset it to use a stored credential"),
        );
    }
    check_characters(text, "AMIKA_API_KEY").map(Some)
}

/// A bearer goes into a header: visible ASCII only.
fn check_characters(key: &str, source: &str) -> Result<SecretValue> {
    if key.bytes().all(|byte| byte.is_ascii_graphic()) {
        Ok(SecretValue::new(key.to_owned()))
    } else {
        let message = format!("{source} holds spaces or characters that no key has");
        Err(Error::new(Kind::Credential, message).hint("was it copied whole, and only it?"))
    }
}

fn check_origin(stored: &Stored, origin: &Origin, what: &str) -> Result<()> {
    let belongs = match &stored.api_url {
        None => origin.is_default(),
        Some(url) => Origin::parse("api_url", url).is_ok_and(|made_for| made_for == *origin),
    };
    if belongs {
        return Ok(());
    }
    Err(Error::new(
        Kind::Credential,
        format!("{what} was made for another server than {origin} and is not sent there"),
    )
    .hint("set AMIKA_API_KEY for this server, or unset AMIKA_API_URL"))
}

fn is_fresh(expires_at: Timestamp, now: Timestamp) -> bool {
    expires_at.duration_since(now) >= MARGIN
}
