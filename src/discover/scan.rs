//! What every source does alike: look at a place, read it within bounds, and keep what is usable.

use std::fmt::Display;
use std::fs::File;
use std::path::{Path, PathBuf};

use zeroize::Zeroizing;

use super::types::{Discovery, Filter, LocalCredential, Place, Problem, ProviderName, Source, State};
use crate::formats::escape;
use crate::formats::json::Object;
use crate::formats::jwt;
use crate::provider::CredentialKind;
use crate::secret::{MAX_VALUE, SecretValue};
use crate::system::env::Env;
use crate::system::file;
use crate::system::keychain::{Keychain, KeychainError};

/// The largest store read, in bytes.
const MAX_STORE: u64 = 1024 * 1024;
/// The largest file read that holds much else besides a credential, in bytes.
const MAX_GROWING: u64 = 16 * 1024 * 1024;

/// One source being looked through.
pub(crate) struct Scan<'a> {
    pub(crate) env: &'a Env,
    keychain: &'a dyn Keychain,
    source: &'static Source,
    /// Which credentials are asked for.
    filter: Filter,
    discovery: &'a mut Discovery,
}

/// The text of a store, read once: what is checked is what is used.
pub(crate) struct Document {
    pub(crate) place: Place,
    pub(crate) text: Zeroizing<String>,
    /// Whether `text` is the store's bytes; a byte that is no UTF-8 shows as U+FFFD.
    exact: bool,
}

impl Document {
    /// All of it, to be handed on as it is.
    pub(crate) fn whole(&self) -> Option<SecretValue> {
        self.exact
            .then(|| SecretValue::new(Zeroizing::new(self.text.to_string())))
    }

    /// A text that was put together from several items of `place`.
    pub(crate) fn from_text(place: Place, text: String) -> Self {
        Self {
            place,
            text: Zeroizing::new(text),
            exact: true,
        }
    }

    /// Whether it starts with a byte order mark.
    fn has_mark(&self) -> bool {
        self.text.starts_with('\u{feff}')
    }

    /// Without the byte order mark that some editors put in front.
    pub(crate) fn body(&self) -> &str {
        self.text.strip_prefix('\u{feff}').unwrap_or(&self.text)
    }
}

/// A store that is there and could not be read.
pub(crate) struct Unreadable;

impl<'a> Scan<'a> {
    pub(crate) fn new(
        env: &'a Env,
        keychain: &'a dyn Keychain,
        source: &'static Source,
        filter: Filter,
        discovery: &'a mut Discovery,
    ) -> Self {
        Self {
            env,
            keychain,
            source,
            filter,
            discovery,
        }
    }

    /// Whether an entry with this provider's name is asked for, and so worth a message. One without a
    /// usable name is, where every provider is asked for.
    pub(crate) fn asks_for(&self, provider: &str) -> bool {
        let named = ProviderName::named(provider);
        let wanted = self.filter.provider;
        wanted.is_none_or(|wanted| named.is_some_and(|named| named.as_str() == wanted))
    }

    /// Whether the credentials of every provider are asked for.
    pub(crate) fn asks_for_all(&self) -> bool {
        self.filter.provider.is_none()
    }

    /// A path below the home directory.
    pub(crate) fn below_home(&self, path: &str) -> Option<PathBuf> {
        self.env.home.as_ref().map(|home| home.join(path))
    }

    /// Reads a store; nothing there is nothing found, everything else that fails is a problem.
    pub(crate) fn file(&mut self, path: &Path) -> Option<Document> {
        self.look_at(&Place::File(path.to_owned()));
        self.settings_file(path)
    }

    /// As [`file`](Self::file), for one that grows with everything its tool does.
    pub(crate) fn growing_file(&mut self, path: &Path) -> Option<Document> {
        self.look_at(&Place::File(path.to_owned()));
        self.read(path, MAX_GROWING)
    }

    /// As [`file`](Self::file), for a file that only says where the credentials are.
    pub(crate) fn settings_file(&mut self, path: &Path) -> Option<Document> {
        self.read(path, MAX_STORE)
    }

    /// Opens a database, which may be larger than what is read of it.
    pub(crate) fn open_database(&mut self, path: &Path) -> Option<File> {
        let place = Place::File(path.to_owned());
        self.look_at(&place);
        self.usable(&place, file::open_if_there(path))
    }

    fn read(&mut self, path: &Path, limit: u64) -> Option<Document> {
        let place = Place::File(path.to_owned());
        match file::read_if_there(path, limit) {
            Ok(None) => None,
            Ok(Some(bytes)) => Some(match std::str::from_utf8(&bytes) {
                Ok(text) => Document {
                    place,
                    text: Zeroizing::new(text.to_owned()),
                    exact: true,
                },
                Err(_) => Document {
                    place,
                    text: Zeroizing::new(String::from_utf8_lossy(&bytes).into_owned()),
                    exact: false,
                },
            }),
            Err(error) => {
                self.problem(&place, error);
                None
            }
        }
    }

    /// Reads a keychain item, found by service **and** account: several programs put items under
    /// one service.
    /// An error is a problem that has been noted: unreadable is not absent.
    pub(crate) fn item(&mut self, service: &str, account: &str) -> Result<Option<Document>, Unreadable> {
        let place = Place::Keychain {
            service: service.to_owned(),
            account: account.to_owned(),
        };
        if self.keychain.is_asked() {
            self.look_at(&place);
        }
        match self.keychain.read(service, account) {
            Ok(None) => Ok(None),
            Err(error) => {
                self.problem(&place, error);
                Err(Unreadable)
            }
            Ok(Some(secret)) => Ok(Some(Document {
                place,
                text: Zeroizing::new(secret.expose_secret().to_owned()),
                exact: true,
            })),
        }
    }

    /// As [`item`](Self::item), where the tool's settings select the keychain: one that cannot be
    /// reached is unreadable, not empty.
    pub(crate) fn selected_item(
        &mut self,
        service: &str,
        account: &str,
    ) -> Result<Option<Document>, Unreadable> {
        if let Some(reason) = self.keychain.unreachable() {
            let place = Place::Keychain {
                service: service.to_owned(),
                account: account.to_owned(),
            };
            self.look_at(&place);
            self.problem(&place, reason);
            return Err(Unreadable);
        }
        if !self.keychain.is_asked() {
            self.notice(format!(
                "the settings select the keychain item {service}, and keychains are not read with --homedir"
            ));
        }
        self.item(service, account)
    }

    /// Why the keychain cannot be reached.
    pub(crate) fn unreachable_keychain(&self) -> Option<KeychainError> {
        self.keychain.unreachable()
    }

    /// The credentials of this source that were kept so far.
    pub(crate) fn own_credentials(&mut self) -> impl Iterator<Item = &mut LocalCredential> {
        let source = self.source.id;
        let found = self.discovery.found.iter_mut();
        found.filter(move |credential| credential.source.id == source)
    }

    /// The accounts that have a keychain item of this service.
    pub(crate) fn accounts(&self, service: &str) -> Vec<String> {
        self.keychain.accounts(service)
    }

    /// Whether a document starts with a byte order mark, because of which its tool cannot read it;
    /// that is a problem.
    pub(crate) fn refuses_mark(&mut self, document: &Document, tool: &str) -> bool {
        if document.has_mark() {
            let reason = format!("starts with a byte order mark, so {tool} cannot read it");
            self.problem(&document.place, reason);
        }
        document.has_mark()
    }

    /// The document as a JSON object; `null` is nothing found, anything else a problem.
    pub(crate) fn object<'d>(&mut self, document: &'d Document) -> Option<Object<'d>> {
        self.usable(&document.place, Object::parse(document.body()))
    }

    /// The value of a step that may find nothing, or be a problem of its store.
    pub(crate) fn usable<T>(&mut self, place: &Place, result: Result<Option<T>, impl Display>) -> Option<T> {
        result.unwrap_or_else(|reason| {
            self.problem(place, reason);
            None
        })
    }

    /// Reports a store that is there and cannot be used, once for each reason.
    pub(crate) fn problem(&mut self, place: &Place, reason: impl Display) {
        let reason = reason.to_string();
        let known = |problem: &Problem| problem.place == *place && problem.reason == reason;
        if !self.discovery.problems.iter().any(known) {
            let place = place.clone();
            self.discovery.problems.push(Problem { place, reason });
        }
    }

    pub(crate) fn notice(&mut self, notice: String) {
        self.discovery.notices.notice(notice);
    }

    /// Says of a store that is not read what it is, if it is there.
    pub(crate) fn name_store(&mut self, path: &Path, what: &str) {
        if path.exists() {
            let place = escape::home_path(path, self.env.home.as_deref());
            self.notice(format!("{place} {what}"));
        }
    }

    /// Passes over one entry; `what` names it in words of ours.
    pub(crate) fn skip(&mut self, place: &Place, what: &str, reason: &str) {
        let place = place.shown(self.env.home.as_deref());
        self.discovery
            .notices
            .warn(format!("{place}: {what} {reason} and was skipped"));
    }

    /// A credential of this source, to be completed and given to [`keep`](Self::keep).
    pub(crate) fn credential(
        &self,
        place: &Place,
        provider: ProviderName,
        kind: CredentialKind,
        value: SecretValue,
    ) -> LocalCredential {
        LocalCredential {
            provider,
            kind,
            value,
            document: None,
            source: self.source,
            place: place.clone(),
            expires_at: None,
            state: State::Chosen,
            renewable: None,
            legacy: false,
            in_use: None,
            overridden_by: None,
        }
    }

    /// Keeps an API key, which does not expire.
    pub(crate) fn keep_key(&mut self, place: &Place, provider: ProviderName, key: SecretValue) -> bool {
        let credential = self.credential(place, provider, CredentialKind::ApiKey, key);
        self.keep(credential)
    }

    /// Keeps an access token, with the expiry that it holds if it is a JWT. `document` is the
    /// login that it is part of, if that can be renewed.
    pub(crate) fn keep_token(
        &mut self,
        place: &Place,
        provider: ProviderName,
        token: SecretValue,
        document: Option<SecretValue>,
    ) -> bool {
        let expires_at = match jwt::expiry(token.expose_secret()) {
            jwt::Expiry::At(at) => Some(at),
            jwt::Expiry::Never | jwt::Expiry::NotAJwt => None,
            jwt::Expiry::Invalid => {
                self.skip(place, "the access token", "has an `exp` that is not a time");
                return false;
            }
        };
        let credential = self.credential(place, provider, CredentialKind::OAuth, token);
        self.keep(LocalCredential {
            document,
            expires_at,
            ..credential
        })
    }

    /// What another scan of the same source would find, without keeping or reporting any of it.
    pub(crate) fn preview(&self, scan: impl FnOnce(&mut Scan<'_>)) -> Discovery {
        let mut discovery = Discovery::default();
        scan(&mut Scan::new(
            self.env,
            self.keychain,
            self.source,
            self.filter,
            &mut discovery,
        ));
        discovery
    }

    /// All of a document, to be handed on as it is; one with other bytes than text is named.
    pub(crate) fn whole(&mut self, document: &Document) -> Option<SecretValue> {
        let whole = document.whole();
        if whole.is_none() {
            let place = document.place.shown(self.env.home.as_deref());
            self.notice(format!(
                "{place} is not valid UTF-8, so it cannot be pushed as a whole"
            ));
        }
        whole
    }

    /// Keeps a credential unless its value cannot be used; `true` when it was kept.
    /// Blanks around it are removed.
    pub(crate) fn keep(&mut self, mut credential: LocalCredential) -> bool {
        let trimmed = credential.value.expose_secret().trim();
        if trimmed.len() < credential.value.expose_secret().len() {
            credential.value = SecretValue::new(trimmed.to_owned());
        }
        if credential.value.is_empty() {
            return false;
        }
        if let Some(reason) = unusable(credential.value.expose_secret(), self.source.multi_line) {
            let what = format!("the credential for {}", credential.provider.as_str());
            self.skip(&credential.place, &what, reason);
            return false;
        }
        self.discovery.found.push(credential);
        true
    }

    fn look_at(&mut self, place: &Place) {
        if !self.discovery.looked.contains(place) {
            self.discovery.looked.push(place.clone());
        }
    }
}

fn unusable(value: &str, multi_line: bool) -> Option<&'static str> {
    if value.contains('\u{fffd}') {
        Some("is not valid UTF-8")
    } else if value
        .chars()
        .any(|c| escape::is_hostile(c) && !(multi_line && c == '\n'))
    {
        Some("contains a line break or an unprintable character")
    } else if value.len() > MAX_VALUE {
        Some("is larger than 1 MiB")
    } else {
        None
    }
}
