//! Access to the system's keychain: Keychain on macOS, Credential Manager on Windows, Secret Service
//! on other systems.
//!
//! A keychain may ask the person to unlock it, and a broken one may never respond. It is therefore
//! queried only when needed, and for a few seconds in total.

mod item;
mod security;

use std::path::PathBuf;
use std::sync::{Mutex, PoisonError, mpsc};
use std::time::{Duration, Instant};

use keyring_core::Error;
use ring::digest::{SHA256, digest};

use crate::secret::SecretValue;
use crate::system::env::{Env, Platform};

/// The variable that enables or disables the keychain.
const SETTING: &str = "AMIKA_KEYCHAIN";
/// Time limit for all keychain calls of one command together.
const LIMIT: Duration = Duration::from_secs(3);
/// Time limit if a person at a terminal may have to answer a dialog of the Keychain.
const DIALOG_LIMIT: Duration = Duration::from_secs(60);
/// Time spent in all keychain calls of this process.
static SPENT: Mutex<Duration> = Mutex::new(Duration::ZERO);

/// The result of looking up an item: `None` if there is none. After an error the item may exist.
pub(crate) type ItemResult = Result<Option<SecretValue>, KeychainError>;

/// Why an item cannot be read or changed. The messages follow a colon, and never quote an item.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum KeychainError {
    #[error("AMIKA_KEYCHAIN is off")]
    Disabled,
    #[error("no keyring service is available; is a session bus running?")]
    NoService,
    #[error("it has no such item")]
    NoItem,
    #[error("no answer in time; is the keychain locked?")]
    TimedOut,
    #[error("it is locked, or access was refused")]
    Locked,
    /// The limit in bytes: 2,560 in the Credential Manager of Windows.
    #[error("an item can have at most {0} bytes")]
    TooLong(u32),
    #[error("it is not text")]
    NotText,
    #[error("the keychain failed to read it")]
    Failed,
    /// A failure of `/usr/bin/security` of macOS.
    #[error("{0}")]
    Security(&'static str),
}

pub(crate) trait Keychain {
    /// Looks up the item of this service and account.
    fn read(&self, service: &str, account: &str) -> ItemResult;

    /// The accounts that have an item of this service, if the keychain can list them.
    fn accounts(&self, service: &str) -> Vec<String>;

    /// Why no item can be read, if that is known in advance.
    fn unreachable(&self) -> Option<KeychainError> {
        None
    }
}

/// The operating system's keychain.
#[derive(Debug, Clone)]
pub(crate) struct SystemKeychain {
    platform: Platform,
    allowed: bool,
    /// Time limit for all calls together.
    limit: Duration,
    home: Option<PathBuf>,
}

impl SystemKeychain {
    /// Fails with exit 2 if `AMIKA_KEYCHAIN` is neither `on` nor `off`.
    pub(crate) fn check_setting(env: &Env) -> crate::error::Result<()> {
        match env.setting(SETTING)?.map(str::to_ascii_lowercase).as_deref() {
            None | Some("on" | "off") => Ok(()),
            Some(_) => Err(crate::error::Error::usage(format!("{SETTING} must be on or off"))),
        }
    }

    /// `AMIKA_KEYCHAIN=off` disables all keychain access.
    pub(crate) fn from_env(env: &Env) -> Self {
        let off = env
            .variable(SETTING)
            .is_some_and(|setting| setting.eq_ignore_ascii_case("off"));
        let may_show_dialog = env.platform == Platform::MacOs && env.terminals.stdin && env.terminals.stderr;
        Self {
            platform: env.platform,
            allowed: !off,
            limit: if may_show_dialog { DIALOG_LIMIT } else { LIMIT },
            home: env.home.clone(),
        }
    }

    /// Stores an item, or removes it; succeeds if there is none to remove.
    pub(crate) fn set(
        &self,
        service: &str,
        account: &str,
        secret: Option<&SecretValue>,
    ) -> Result<(), KeychainError> {
        if !self.allowed {
            return Err(KeychainError::Disabled);
        }
        let (service, account, secret) = (service.to_owned(), account.to_owned(), secret.cloned());
        let done = self.within_limit(move || {
            let entry = item::entry(&service, &account).map_err(|_| KeychainError::NoService)?;
            let done = match secret {
                Some(secret) => entry.set_secret(secret.expose_secret().as_bytes()),
                None => match entry.delete_credential() {
                    Err(Error::NoEntry) => Ok(()),
                    done => done,
                },
            };
            done.map_err(|error| item::explain(&error).unwrap_or(KeychainError::NoService))
        });
        done.unwrap_or(Err(KeychainError::TimedOut))
    }

    /// Time left for calls.
    fn left(&self) -> Duration {
        let spent = *SPENT.lock().unwrap_or_else(PoisonError::into_inner);
        self.limit.saturating_sub(spent)
    }

    /// Runs `work` on a thread, and stops waiting for it when the time is up.
    fn within_limit<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> Option<T> {
        let left = self.left();
        if left.is_zero() {
            return None;
        }
        let (sender, receiver) = mpsc::channel();
        let started = Instant::now();
        std::thread::spawn(move || sender.send(work()));
        let answer = receiver.recv_timeout(left).ok();
        *SPENT.lock().unwrap_or_else(PoisonError::into_inner) += started.elapsed();
        answer
    }
}

impl Keychain for SystemKeychain {
    fn unreachable(&self) -> Option<KeychainError> {
        if !self.allowed {
            return Some(KeychainError::Disabled);
        }
        match self.within_limit(item::is_available) {
            Some(true) => None,
            Some(false) => Some(KeychainError::NoService),
            None => Some(KeychainError::TimedOut),
        }
    }

    fn read(&self, service: &str, account: &str) -> ItemResult {
        if !self.allowed {
            return Ok(None);
        }
        let (service, account) = (service.to_owned(), account.to_owned());
        let claude_code = self.platform == Platform::MacOs && service.starts_with("Claude Code");
        let (home, left) = (self.home.clone(), self.left());
        let lookup = self.within_limit(move || {
            if claude_code {
                security::read(&service, &account, home.as_deref(), left)
            } else {
                item::read_item(&service, &account)
            }
        });
        lookup.unwrap_or(Err(KeychainError::TimedOut))
    }

    fn accounts(&self, service: &str) -> Vec<String> {
        if !self.allowed {
            return Vec::new();
        }
        let service = service.to_owned();
        self.within_limit(move || item::find_accounts(&service))
            .unwrap_or_default()
    }
}

/// The first characters of a SHA-256 in hex, used in item names.
pub(crate) fn hex_start(bytes: &[u8], length: usize) -> String {
    let mut hex = hex::encode(digest(&SHA256, bytes));
    hex.truncate(length);
    hex
}

#[cfg(test)]
pub(crate) mod tests;
