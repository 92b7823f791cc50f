//! The one door to the system's keychain: Keychain on macOS, Credential Manager on Windows, the
//! Secret Service elsewhere.
//!
//! A keychain may ask the person to unlock it, and a broken one may never answer. So it is
//! touched only when a source asks, once for each item, and for a few seconds altogether.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use keyring_core::Error;
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use crate::secret::SecretValue;
use crate::system::env::{Env, Platform};

/// How long all keychain calls of one command may take together.
const LIMIT: Duration = Duration::from_secs(3);
const TOO_LATE: &str = "did not answer within 3 seconds; is the keychain locked?";
/// Claude Code writes its items with this program, so reading them with it opens no dialog
/// (Claude Code 2.1.330, the shipped program).
const SECURITY: &str = "/usr/bin/security";
/// What `security` exits with when there is no such item.
const NOT_FOUND: i32 = 44;

/// What a keychain says of an item.
#[derive(Clone)]
pub(crate) enum Lookup {
    Found(SecretValue),
    Absent,
    /// It may be there: the keychain is locked, or does not answer, or holds no text.
    Unreadable(String),
}

pub(crate) trait Keychain {
    /// The one item of this service and account.
    fn read(&self, service: &str, account: &str) -> Lookup;

    /// The accounts that have an item of this service, as far as the keychain tells.
    fn accounts(&self, service: &str) -> Vec<String>;

    /// Whether it is asked at all.
    fn is_asked(&self) -> bool {
        true
    }

    /// Why no item can be read, if that is known before one is asked for.
    fn unreachable(&self) -> Option<String> {
        None
    }
}

/// No keychain at all.
pub(crate) struct NoKeychain;

impl Keychain for NoKeychain {
    fn read(&self, _: &str, _: &str) -> Lookup {
        Lookup::Absent
    }

    fn accounts(&self, _: &str) -> Vec<String> {
        Vec::new()
    }

    fn is_asked(&self) -> bool {
        false
    }
}

/// Which keychain there is, and whether it may be asked.
#[derive(Debug, Clone)]
pub(crate) struct Access {
    platform: Platform,
    allowed: bool,
    home: Option<PathBuf>,
}

impl Access {
    /// `AMIKA_KEYCHAIN=off` keeps this process away from every keychain.
    pub(crate) fn from_env(env: &Env) -> Self {
        Self {
            platform: env.platform,
            allowed: env
                .variable("AMIKA_KEYCHAIN")
                .is_none_or(|setting| setting != "off"),
            home: env.home.clone(),
        }
    }
}

/// The system's own.
pub(crate) struct SystemKeychain {
    access: Access,
    /// Set by the first call.
    deadline: Cell<Option<Instant>>,
    seen: RefCell<HashMap<(String, String), Lookup>>,
}

impl SystemKeychain {
    pub(crate) fn new(access: Access) -> Self {
        Self {
            access,
            deadline: Cell::new(None),
            seen: RefCell::new(HashMap::new()),
        }
    }

    /// Stores an item of ours, or says why not.
    pub(crate) fn write(&self, service: &str, account: &str, secret: &SecretValue) -> Result<(), String> {
        let secret = secret.clone();
        self.change(service, account, move |entry| {
            entry.set_secret(secret.expose_secret().as_bytes())
        })
    }

    /// Removes an item of ours; one that is not there is removed already.
    pub(crate) fn delete(&self, service: &str, account: &str) -> Result<(), String> {
        self.change(service, account, |entry| match entry.delete_credential() {
            Err(Error::NoEntry) => Ok(()),
            done => done,
        })
    }

    fn change(
        &self,
        service: &str,
        account: &str,
        work: impl FnOnce(&keyring::Entry) -> keyring::Result<()> + Send + 'static,
    ) -> Result<(), String> {
        if !self.access.allowed {
            return Err("AMIKA_KEYCHAIN is off".to_owned());
        }
        let item = (service.to_owned(), account.to_owned());
        self.seen.borrow_mut().remove(&item);
        let (service, account) = item;
        let done = self.within_limit(move || {
            let entry = entry(&service, &account).map_err(|_| "there is no keyring here".to_owned())?;
            work(&entry).map_err(|error| match explain(&error) {
                Lookup::Unreadable(reason) => reason,
                Lookup::Absent | Lookup::Found(_) => "there is no keyring here".to_owned(),
            })
        });
        done.unwrap_or_else(|| Err(TOO_LATE.to_owned()))
    }

    /// Runs `work` on a thread that is left behind when the time is up.
    fn within_limit<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> Option<T> {
        let (sender, receiver) = mpsc::channel();
        let deadline = self.deadline.get().unwrap_or_else(|| Instant::now() + LIMIT);
        self.deadline.set(Some(deadline));
        let left = deadline.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return None;
        }
        std::thread::spawn(move || sender.send(work()));
        receiver.recv_timeout(left).ok()
    }
}

impl Keychain for SystemKeychain {
    fn is_asked(&self) -> bool {
        self.access.allowed
    }

    fn unreachable(&self) -> Option<String> {
        if !self.access.allowed {
            return Some("AMIKA_KEYCHAIN is off".to_owned());
        }
        let reachable = self.within_limit(available);
        match reachable {
            Some(true) => None,
            Some(false) => Some("there is no keyring service here; is there a session bus?".to_owned()),
            None => Some(TOO_LATE.to_owned()),
        }
    }

    fn read(&self, service: &str, account: &str) -> Lookup {
        if !self.access.allowed {
            return Lookup::Absent;
        }
        let item = (service.to_owned(), account.to_owned());
        if let Some(lookup) = self.seen.borrow().get(&item) {
            return lookup.clone();
        }
        let (service, account) = item.clone();
        let claude_code = self.access.platform == Platform::MacOs && service.starts_with("Claude Code");
        let home = self.access.home.clone();
        let lookup = self.within_limit(move || {
            if claude_code {
                read_with_security(&service, &account, home.as_deref())
            } else {
                read_item(&service, &account)
            }
        });
        let lookup = lookup.unwrap_or_else(|| Lookup::Unreadable(TOO_LATE.to_owned()));
        self.seen.borrow_mut().insert(item, lookup.clone());
        lookup
    }

    fn accounts(&self, service: &str) -> Vec<String> {
        if !self.access.allowed {
            return Vec::new();
        }
        let service = service.to_owned();
        self.within_limit(move || find_accounts(&service))
            .unwrap_or_default()
    }
}

/// The first characters of a SHA-256 in hex, as items are named by.
pub(crate) fn hex_start(bytes: &[u8], length: usize) -> String {
    let hash = Sha256::digest(bytes);
    let hex = hash.iter().map(|byte| format!("{byte:02x}"));
    hex.collect::<String>().chars().take(length).collect()
}

/// Whether there is a keychain here: without a session bus there is none, which is no error.
fn available() -> bool {
    keyring::Entry::store_status().is_ok()
}

#[expect(clippy::disallowed_methods, reason = "this is the door to the keychain")]
fn entry(service: &str, account: &str) -> keyring::Result<keyring::Entry> {
    keyring::Entry::new(service, account)
}

fn read_item(service: &str, account: &str) -> Lookup {
    if !available() {
        return Lookup::Absent;
    }
    match entry(service, account).and_then(|entry| entry.get_secret()) {
        // Two collections may hold the same item: the first that opens will do.
        Err(Error::Ambiguous(entries)) => {
            let opened = entries.iter().find_map(|entry| entry.get_secret().ok());
            opened.map_or_else(|| explain(&Error::NoEntry), text)
        }
        Err(error) => explain(&error),
        Ok(secret) => text(secret),
    }
}

/// Errors by kind only: some of them carry the secret.
fn explain(error: &Error) -> Lookup {
    match error {
        Error::NoEntry | Error::NoDefaultStore => Lookup::Absent,
        Error::NoStorageAccess(_) => Lookup::Unreadable("is locked, or access was refused".to_owned()),
        _ => Lookup::Unreadable("the keychain failed to read it".to_owned()),
    }
}

fn text(secret: Vec<u8>) -> Lookup {
    decode(&Zeroizing::new(secret)).map_or_else(
        || Lookup::Unreadable("does not hold text".to_owned()),
        Lookup::Found,
    )
}

/// UTF-8, or the UTF-16LE that keyring libraries write on Windows.
fn decode(secret: &[u8]) -> Option<SecretValue> {
    let utf8 = std::str::from_utf8(secret).ok();
    if let Some(text) = utf8.filter(|text| !text.contains('\0')) {
        return Some(SecretValue::new(text.to_owned()));
    }
    let (units, []) = secret.as_chunks::<2>() else {
        return None;
    };
    let units: Zeroizing<Vec<u16>> =
        Zeroizing::new(units.iter().map(|pair| u16::from_le_bytes(*pair)).collect());
    String::from_utf16(&units).ok().map(SecretValue::new)
}

fn find_accounts(service: &str) -> Vec<String> {
    if !available() {
        return Vec::new();
    }
    let found = keyring_core::Entry::search(&HashMap::from([("service", service)]));
    let entries = found.unwrap_or_default();
    let accounts = entries.iter().filter_map(keyring_core::Entry::get_specifiers);
    accounts.map(|(_, account)| account).collect()
}

/// Reads an item that Claude Code wrote, with the program that it was written with.
fn read_with_security(service: &str, account: &str, home: Option<&Path>) -> Lookup {
    let child = Command::new(SECURITY)
        .args(["find-generic-password", "-a", account, "-w", "-s", service])
        .env_clear()
        .envs(home.map(|home| ("HOME", home)))
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn();
    let Ok(mut child) = child else {
        return Lookup::Absent;
    };
    let mut output = Zeroizing::new(Vec::new());
    let read = child
        .stdout
        .take()
        .map(|mut stdout| stdout.read_to_end(&mut output));
    match (read, child.wait().ok().and_then(|status| status.code())) {
        (Some(Ok(_)), Some(0)) => printed_by_security(&output),
        (_, Some(NOT_FOUND)) => Lookup::Absent,
        _ => Lookup::Unreadable("is locked, or access was refused".to_owned()),
    }
}

/// The secret and a line break; as lower-case hex when any byte is not printable ASCII.
fn printed_by_security(output: &[u8]) -> Lookup {
    let Ok(printed) = std::str::from_utf8(output) else {
        return Lookup::Unreadable("does not hold text".to_owned());
    };
    let printed = printed.strip_suffix('\n').unwrap_or(printed);
    match unhex(printed) {
        Some(bytes) => text(bytes),
        None => Lookup::Found(SecretValue::new(printed.to_owned())),
    }
}

fn unhex(text: &str) -> Option<Vec<u8>> {
    let (pairs, []) = text.as_bytes().as_chunks::<2>() else {
        return None;
    };
    let digit = |byte: u8| match byte {
        b'0'..=b'9' => Some(byte - b'0'),
        b'a'..=b'f' => Some(byte - b'a' + 10),
        _ => None,
    };
    let bytes: Option<Vec<u8>> = pairs
        .iter()
        .map(|[high, low]| Some(digit(*high)? << 4 | digit(*low)?))
        .collect();
    bytes.filter(|bytes| !bytes.is_empty())
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// A keychain in memory, which writes down what it was asked for.
    #[derive(Default)]
    pub(crate) struct MemoryKeychain {
        pub(crate) items: Vec<(String, String, Lookup)>,
        pub(crate) reads: RefCell<Vec<String>>,
    }

    impl MemoryKeychain {
        pub(crate) fn with(mut self, service: &str, account: &str, secret: &str) -> Self {
            let secret = Lookup::Found(SecretValue::new(secret.to_owned()));
            self.items.push((service.to_owned(), account.to_owned(), secret));
            self
        }

        pub(crate) fn locked(mut self, service: &str, account: &str) -> Self {
            let locked = Lookup::Unreadable("is locked".to_owned());
            self.items.push((service.to_owned(), account.to_owned(), locked));
            self
        }
    }

    impl Keychain for MemoryKeychain {
        fn read(&self, service: &str, account: &str) -> Lookup {
            self.reads.borrow_mut().push(format!("{service}/{account}"));
            let mut items = self.items.iter();
            let item = items.find(|(s, a, _)| s == service && a == account);
            item.map_or(Lookup::Absent, |(_, _, lookup)| lookup.clone())
        }

        fn accounts(&self, service: &str) -> Vec<String> {
            let items = self.items.iter().filter(|(s, ..)| s == service);
            items.map(|(_, account, _)| account.clone()).collect()
        }
    }

    fn found(lookup: Lookup) -> String {
        match lookup {
            Lookup::Found(secret) => secret.expose_secret().to_owned(),
            Lookup::Absent => "absent".to_owned(),
            Lookup::Unreadable(reason) => format!("unreadable: {reason}"),
        }
    }

    #[test]
    fn what_security_prints() {
        assert_eq!(found(printed_by_security(b"sk-ant-api03-x\n")), "sk-ant-api03-x");
        assert_eq!(found(printed_by_security(b"{\"a\":1}\n")), "{\"a\":1}");
        let hex = "{\"a\":\"ü\"}"
            .bytes()
            .fold(String::new(), |hex, byte| format!("{hex}{byte:02x}"));
        assert_eq!(
            found(printed_by_security(format!("{hex}\n").as_bytes())),
            "{\"a\":\"ü\"}"
        );
        assert_eq!(
            found(printed_by_security(b"ff\n")),
            "unreadable: does not hold text"
        );
        assert_eq!(found(printed_by_security(b"\n")), "");
    }

    #[test]
    fn blobs_of_every_platform() {
        let utf16: Vec<u8> = "{\"ü\":1}".encode_utf16().flat_map(u16::to_le_bytes).collect();
        assert_eq!(decode(&utf16).unwrap().expose_secret(), "{\"ü\":1}");
        assert_eq!(
            decode("{\"ü\":1}".as_bytes()).unwrap().expose_secret(),
            "{\"ü\":1}"
        );
        assert!(decode(&[0xff, 0xff, 0xff]).is_none());
        assert!(decode(&[0x00, 0xd8]).is_none());
    }

    #[test]
    fn a_keychain_that_hangs_costs_three_seconds_once() {
        let keychain = SystemKeychain::new(Access {
            platform: Platform::Unix,
            allowed: true,
            home: None,
        });
        keychain.deadline.set(Some(Instant::now()));
        assert!(keychain.within_limit(|| ()).is_none());
        assert!(found(keychain.read("s", "a")).contains("3 seconds"));
    }
}
