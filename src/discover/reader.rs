//! Reads the files and keychain items of other programs.

use std::borrow::Cow;
use std::path::{Path, PathBuf};

use super::credential::Place;
use crate::secret::SecretValue;
use crate::system::env::{Env, Platform};
use crate::system::file::{self, FileError};
use crate::system::keychain::{Keychain, KeychainError};

/// Maximum size of a file, in bytes. Claude Code's global configuration grows with use.
const MAX_FILE: u64 = 16 * 1024 * 1024;

/// Access to the files and keychain items of other programs.
pub(super) struct Reader<'a> {
    pub(super) env: &'a Env,
    /// `None` for another home directory, whose keychain cannot be read.
    pub(super) keychain: Option<&'a dyn Keychain>,
}

/// A place that was looked at, and what is there.
pub(super) struct Lookup {
    pub(super) place: Place,
    pub(super) content: Content,
}

/// What is at a place.
pub(super) enum Content {
    Absent,
    /// A directory, which the tools treat as an absent file.
    Directory,
    /// Something else without a credential, for this reason.
    Nothing(&'static str),
    Document(Document),
    /// Something that cannot be read, for this reason.
    Unreadable(String),
}

/// The text of a store. It is read once, so the text that is checked is the text that is used.
pub(super) struct Document {
    pub(super) place: Place,
    text: SecretValue,
    /// Whether `text` equals the bytes of the store; otherwise invalid UTF-8 was replaced with U+FFFD.
    exact: bool,
}

impl Document {
    pub(super) fn new(place: Place, text: SecretValue) -> Self {
        let exact = true;
        Self { place, text, exact }
    }

    /// The whole text, to be pushed unchanged; `None` if it is not valid UTF-8.
    pub(super) fn whole(&self) -> Option<SecretValue> {
        self.exact.then(|| self.text.clone())
    }

    pub(super) fn text(&self) -> &str {
        self.text.expose_secret()
    }

    /// The text without the byte order mark that some editors add.
    pub(super) fn body(&self) -> &str {
        let text = self.text();
        text.strip_prefix('\u{feff}').unwrap_or(text)
    }
}

impl Reader<'_> {
    #[expect(clippy::unused_self, reason = "all files are read through the reader")]
    pub(super) fn file(&self, path: &Path) -> Lookup {
        let place = Place::File(path.to_owned());
        let content = match file::read_if_there(path, MAX_FILE) {
            Ok(None) => Content::Absent,
            Ok(Some(bytes)) => {
                let text = String::from_utf8_lossy(&bytes);
                Content::Document(Document {
                    place: place.clone(),
                    exact: matches!(text, Cow::Borrowed(_)),
                    text: SecretValue::new(text.into_owned()),
                })
            }
            Err(FileError::Directory) => Content::Directory,
            Err(error) if error.is_missing() => {
                Content::Nothing("this is a dangling link, so there is no credential in it")
            }
            Err(error) => Content::Unreadable(error.to_string()),
        };
        Lookup { place, content }
    }

    /// An item of the keychain. Several programs store items under the same service, so the account is
    /// needed, too.
    pub(super) fn item(&self, service: &str, account: &str) -> Lookup {
        let place = Place::Keychain {
            service: service.to_owned(),
            account: account.to_owned(),
        };
        let read = self.keychain.map(|keychain| keychain.read(service, account));
        let content = match read.unwrap_or(Ok(None)) {
            Ok(None) => Content::Absent,
            Ok(Some(text)) => Content::Document(Document::new(place.clone(), text)),
            Err(error) => Content::Unreadable(error.to_string()),
        };
        Lookup { place, content }
    }

    /// As [`item`](Self::item), for a tool whose settings select the keychain: if the keychain cannot be
    /// reached, the item is unreadable, not absent. The keychain of another home directory is not read.
    pub(super) fn selected_item(&self, service: &str, account: &str) -> Lookup {
        let mut lookup = self.item(service, account);
        if self.keychain.is_none() {
            let why = "the settings select this, and keychains are not read with --homedir";
            lookup.content = Content::Nothing(why);
        } else if let Some(reason) = self.unreachable() {
            lookup.content = Content::Unreadable(reason.to_string());
        }
        lookup
    }

    /// Why no item can be read, if that is known in advance.
    pub(super) fn unreachable(&self) -> Option<KeychainError> {
        self.keychain?.unreachable()
    }

    /// A path below the directory of machine-wide settings.
    pub(super) fn machine_path(&self, path: &str) -> Option<PathBuf> {
        let parent = match self.env.platform {
            Platform::Unix => self.env.system_path("etc"),
            Platform::MacOs => self.env.system_path("Library/Application Support"),
            Platform::Windows => self.env.path("ProgramData"),
        };
        Some(parent?.join(path))
    }

    /// A path below the home directory.
    pub(super) fn below_home(&self, path: &str) -> Option<PathBuf> {
        self.env.home.as_ref().map(|home| home.join(path))
    }
}
