//! Shared by all sources: read a store within limits, and collect usable credentials.

use std::fmt::Display;
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

/// Maximum size of a store, in bytes.
const MAX_STORE: u64 = 1024 * 1024;
/// Maximum size of a file with a lot of other content, in bytes.
const MAX_GROWING: u64 = 16 * 1024 * 1024;

/// The scan of one source.
pub(crate) struct Scan<'a> {
    pub(crate) env: &'a Env,
    keychain: &'a dyn Keychain,
    source: &'static Source,
    /// The credentials to look for.
    filter: Filter,
    discovery: &'a mut Discovery,
}

/// The text of a store, which is read once, so that the validated text is the one that is used.
pub(crate) struct Document {
    pub(crate) place: Place,
    pub(crate) text: Zeroizing<String>,
    /// Whether `text` equals the bytes of the store; otherwise invalid UTF-8 was replaced with U+FFFD.
    exact: bool,
}

impl Document {
    /// The whole text, to be pushed unchanged; `None` if it is not valid UTF-8.
    pub(crate) fn whole(&self) -> Option<SecretValue> {
        self.exact
            .then(|| SecretValue::new(Zeroizing::new(self.text.to_string())))
    }

    /// A text assembled from several items of `place`.
    pub(crate) fn from_text(place: Place, text: String) -> Self {
        Self {
            place,
            text: Zeroizing::new(text),
            exact: true,
        }
    }

    fn has_mark(&self) -> bool {
        self.text.starts_with('\u{feff}')
    }

    /// The text without the byte order mark that some editors add.
    pub(crate) fn body(&self) -> &str {
        self.text.strip_prefix('\u{feff}').unwrap_or(&self.text)
    }
}

/// A store that exists but could not be read.
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

    /// Whether credentials of this provider are requested, so that a message about an entry is
    /// relevant. If all providers are requested, this includes entries without a usable name.
    pub(crate) fn asks_for(&self, provider: &str) -> bool {
        let named = ProviderName::from_tool(provider);
        let wanted = self.filter.provider;
        wanted.is_none_or(|wanted| named.is_some_and(|named| named.as_str() == wanted))
    }

    /// Whether the credentials of all providers are requested.
    pub(crate) fn asks_for_all(&self) -> bool {
        self.filter.provider.is_none()
    }

    /// The directory that `~` stands for in a message.
    pub(crate) fn tilde(&self) -> Option<&'a Path> {
        self.env.tilde()
    }

    /// A path below the home directory.
    pub(crate) fn below_home(&self, path: &str) -> Option<PathBuf> {
        self.env.home.as_ref().map(|home| home.join(path))
    }

    /// Reads a store. A missing file is `None`; any other failure is also reported as a problem.
    pub(crate) fn file(&mut self, path: &Path) -> Option<Document> {
        self.mark_searched(&Place::File(path.to_owned()));
        self.settings_file(path)
    }

    /// As [`file`](Self::file), for a file that grows with the use of its tool.
    pub(crate) fn growing_file(&mut self, path: &Path) -> Option<Document> {
        self.mark_searched(&Place::File(path.to_owned()));
        self.read(path, MAX_GROWING)
    }

    /// As [`file`](Self::file), for a settings file, which is not listed as a searched location.
    pub(crate) fn settings_file(&mut self, path: &Path) -> Option<Document> {
        self.read(path, MAX_STORE)
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

    /// Reads a keychain item by service and account, because several programs store items under the
    /// same service. An error has already been reported as a problem.
    pub(crate) fn item(&mut self, service: &str, account: &str) -> Result<Option<Document>, Unreadable> {
        let place = Place::Keychain {
            service: service.to_owned(),
            account: account.to_owned(),
        };
        if self.keychain.is_asked() {
            self.mark_searched(&place);
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

    /// As [`item`](Self::item), if the tool's settings select the keychain: then a keychain that
    /// cannot be reached is unreadable, not empty.
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
            self.mark_searched(&place);
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

    /// The reason why the keychain cannot be reached, if any.
    pub(crate) fn unreachable_keychain(&self) -> Option<KeychainError> {
        self.keychain.unreachable()
    }

    /// The credentials of this source that were found so far.
    pub(crate) fn own_credentials(&mut self) -> impl Iterator<Item = &mut LocalCredential> {
        let source = self.source.id;
        let found = self.discovery.found.iter_mut();
        found.filter(move |credential| credential.source.id == source)
    }

    /// The accounts of the keychain items with this service.
    pub(crate) fn accounts(&self, service: &str) -> Vec<String> {
        self.keychain.accounts(service)
    }

    /// Reports a document that its tool cannot read because it starts with a byte order mark; returns
    /// whether it does.
    pub(crate) fn refuses_mark(&mut self, document: &Document, tool: &str) -> bool {
        if document.has_mark() {
            let reason = format!("starts with a byte order mark, so {tool} cannot read it");
            self.problem(&document.place, reason);
        }
        document.has_mark()
    }

    /// Parses a document as a JSON object; `null` counts as empty, anything else is a problem.
    pub(crate) fn object<'d>(&mut self, document: &'d Document) -> Option<Object<'d>> {
        self.usable(&document.place, Object::parse(document.body()))
    }

    /// Returns the value of a result, or reports its error as a problem of the store.
    pub(crate) fn usable<T>(&mut self, place: &Place, result: Result<Option<T>, impl Display>) -> Option<T> {
        result.unwrap_or_else(|reason| {
            self.problem(place, reason);
            None
        })
    }

    /// Reports an existing store that cannot be used, once for each reason.
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

    /// Describes an unsupported store, if it exists.
    pub(crate) fn report_store(&mut self, path: &Path, what: &str) {
        if path.exists() {
            let place = escape::home_path(path, self.tilde());
            self.notice(format!("{place} {what}"));
        }
    }

    /// Warns about a skipped entry; `what` must not quote it.
    pub(crate) fn skip(&mut self, place: &Place, what: &str, reason: &str) {
        let place = place.shown(self.tilde());
        self.discovery
            .notices
            .warn(format!("{place}: {what} {reason} and was skipped"));
    }

    /// Creates a credential of this source, to be completed and passed to [`add`](Self::add).
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

    /// Adds an API key, which does not expire.
    pub(crate) fn add_key(&mut self, place: &Place, provider: ProviderName, key: SecretValue) -> bool {
        let credential = self.credential(place, provider, CredentialKind::ApiKey, key);
        self.add(credential)
    }

    /// Adds an access token, with its expiry if it is a JWT. `document` is the whole login that
    /// contains it, if that can be renewed.
    pub(crate) fn add_token(
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
        self.add(LocalCredential {
            document,
            expires_at,
            ..credential
        })
    }

    /// Runs another scan of the same source, without adding or reporting its results.
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

    /// The whole document, to be pushed unchanged. Reports a document that is not valid UTF-8.
    pub(crate) fn whole(&mut self, document: &Document) -> Option<SecretValue> {
        let whole = document.whole();
        if whole.is_none() {
            let place = document.place.shown(self.tilde());
            self.notice(format!(
                "{place} is not valid UTF-8, so it cannot be pushed as a whole"
            ));
        }
        whole
    }

    /// Adds a credential, without whitespace around the value, unless the value cannot be used.
    /// Returns whether it was added.
    pub(crate) fn add(&mut self, mut credential: LocalCredential) -> bool {
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

    fn mark_searched(&mut self, place: &Place) {
        if !self.discovery.searched.contains(place) {
            self.discovery.searched.push(place.clone());
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
