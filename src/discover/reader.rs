//! Reads the files and keychain items of other programs.

use std::borrow::Cow;
use std::path::{Path, PathBuf};

use zeroize::Zeroizing;

use super::credential::Place;
use crate::secret::SecretValue;
use crate::system::env::Env;
use crate::system::file::{self, FileError};
use crate::system::keychain::{self, Keychain};

/// Maximum size of a store, in bytes.
const MAX_STORE: u64 = 1024 * 1024;
/// Maximum size of a file that grows with the use of its tool, in bytes.
const MAX_GROWING: u64 = 16 * 1024 * 1024;

pub(super) const DIRECTORY: &str = "a directory";

/// Where other programs keep their files and items.
pub(super) struct Reader<'a> {
    pub(super) env: &'a Env,
    pub(super) keychain: &'a dyn Keychain,
}

/// A place that was looked at, and what is there.
pub(super) struct Lookup {
    pub(super) place: Place,
    pub(super) content: Content,
}

/// What is at a place.
pub(super) enum Content {
    Absent,
    /// Something that tools take for an absent file: a directory, a dangling link.
    Instead(&'static str),
    Document(Document),
    /// The reason why it cannot be read.
    Unreadable(String),
}

/// The text of a store. It is read once, so the text that is checked is the text that is used.
pub(super) struct Document {
    pub(super) place: Place,
    text: Zeroizing<String>,
    /// Whether `text` equals the bytes of the store; otherwise invalid UTF-8 was replaced with U+FFFD.
    exact: bool,
}

impl Document {
    /// The content of several items of `place` put together.
    pub(super) fn new(place: Place, text: Zeroizing<String>) -> Self {
        Self {
            place,
            text,
            exact: true,
        }
    }

    fn of_file(path: &Path, bytes: &[u8]) -> Self {
        let text = String::from_utf8_lossy(bytes);
        Self {
            place: Place::File(path.to_owned()),
            exact: matches!(text, Cow::Borrowed(_)),
            text: Zeroizing::new(text.into_owned()),
        }
    }

    /// The whole text, to be pushed unchanged; `None` if it is not valid UTF-8.
    pub(super) fn whole(&self) -> Option<SecretValue> {
        self.exact
            .then(|| SecretValue::new(Zeroizing::new(self.text.to_string())))
    }

    pub(super) fn text(&self) -> &str {
        &self.text
    }

    pub(super) fn has_mark(&self) -> bool {
        self.text.starts_with('\u{feff}')
    }

    /// The text without the byte order mark that some editors add.
    pub(super) fn body(&self) -> &str {
        self.text.strip_prefix('\u{feff}').unwrap_or(&self.text)
    }
}

impl Reader<'_> {
    pub(super) fn file(&self, path: &Path) -> Lookup {
        self.file_up_to(path, MAX_STORE)
    }

    /// A file that grows with the use of its tool.
    pub(super) fn growing_file(&self, path: &Path) -> Lookup {
        self.file_up_to(path, MAX_GROWING)
    }

    #[expect(clippy::unused_self, reason = "all files are read through the reader")]
    fn file_up_to(&self, path: &Path, limit: u64) -> Lookup {
        let content = match file::read_if_there(path, limit) {
            Ok(None) => Content::Absent,
            Ok(Some(bytes)) => Content::Document(Document::of_file(path, &bytes)),
            Err(FileError::Directory) => Content::Instead(DIRECTORY),
            Err(_) if is_dangling(path) => Content::Instead("a link to nothing"),
            Err(error) => Content::Unreadable(error.to_string()),
        };
        Lookup {
            place: Place::File(path.to_owned()),
            content,
        }
    }

    /// An item of the keychain. Several programs store items under the same service, so the account
    /// is given, too.
    pub(super) fn item(&self, service: &str, account: &str) -> Lookup {
        of_item(service, account, self.keychain.read(service, account))
    }

    /// As [`item`](Self::item), if the tool's settings select the keychain: then a keychain that
    /// cannot be reached is unreadable, not empty.
    pub(super) fn selected_item(&self, service: &str, account: &str) -> Lookup {
        match self.keychain.unreachable() {
            None => self.item(service, account),
            Some(reason) => of_item(service, account, Err(reason)),
        }
    }

    /// Whether this is another home, whose keychain cannot be read.
    pub(super) fn is_elsewhere(&self) -> bool {
        self.keychain.is_elsewhere()
    }

    /// A path below the home directory.
    pub(super) fn below_home(&self, path: &str) -> Option<PathBuf> {
        self.env.home.as_ref().map(|home| home.join(path))
    }
}

fn of_item(service: &str, account: &str, found: keychain::ItemResult) -> Lookup {
    let place = Place::Keychain {
        service: service.to_owned(),
        account: account.to_owned(),
    };
    let content = match found {
        Ok(None) => Content::Absent,
        Ok(Some(secret)) => {
            let text = Zeroizing::new(secret.expose_secret().to_owned());
            Content::Document(Document::new(place.clone(), text))
        }
        Err(error) => Content::Unreadable(error.to_string()),
    };
    Lookup { place, content }
}

/// Whether a path is a link whose target does not exist. A loop of links is an error instead.
fn is_dangling(path: &Path) -> bool {
    let is_missing = |error: std::io::Error| error.kind() == std::io::ErrorKind::NotFound;
    path.is_symlink() && path.metadata().is_err_and(is_missing)
}
