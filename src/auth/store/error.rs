//! Errors of stored credentials. The messages name files and members, and never quote their content.

use std::path::PathBuf;

use crate::auth::backend::KeyringUnavailable;
use crate::error::{Error, Kind};
use crate::formats::escape;
use crate::formats::json::{JsonError, TimeError};
use crate::system::file::FileError;
use crate::system::keychain::KeychainError;

/// An error in reading a credential file.
#[derive(Debug, thiserror::Error)]
pub(crate) enum StoreError {
    #[error("{}: {source}", escape::path(path))]
    Unreadable { path: PathBuf, source: ContentError },
    #[error("{}: {source}", escape::path(path))]
    KeyringUnavailable {
        path: PathBuf,
        source: KeyringUnavailable,
    },
}

impl From<StoreError> for Error {
    fn from(error: StoreError) -> Self {
        Self::new(Kind::Credential, error.to_string())
    }
}

/// An error in the content of a file. The messages continue a sentence that begins with the file name.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ContentError {
    #[error(transparent)]
    File(#[from] FileError),
    #[error("is not valid UTF-8")]
    NotUtf8,
    #[error("is null")]
    Null,
    #[error(transparent)]
    Json(#[from] JsonError),
    #[error("has no `{0}`")]
    Missing(&'static str),
    #[error("`{0}` contains spaces or invalid characters")]
    Characters(&'static str),
    #[error("has an `expires_at` {0}")]
    Expiry(#[from] TimeError),
    #[error("the keyring item contains no session")]
    NoSessionInItem,
}

/// What remains of a removed credential.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Remainder {
    #[error("it was a symbolic link, and the file that it pointed to is still there")]
    LinkTarget,
    #[error("its item in the system keyring could not be removed: {0}")]
    KeyringItem(#[from] KeychainError),
}
