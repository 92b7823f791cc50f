//! The secrets that a push may write.

use std::fmt;
use std::path::Path;
use std::rc::Rc;

use crate::formats::escape;
use crate::provider::Provider;
use crate::secret::{SecretName, SecretValue};
use crate::system::file::is_stdin;

/// A value to push, what it becomes in the vault, and its origin.
#[derive(Debug)]
pub(crate) struct Candidate {
    pub(crate) name: SecretName,
    pub(crate) target: Target,
    pub(crate) value: SecretValue,
    pub(crate) origin: Origin,
}

/// What a value becomes in the vault.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Target {
    /// A generic secret with the candidate's name.
    Secret,
    /// The credential of a provider, with the provider's default name for a login.
    Login(&'static Provider),
}

impl Candidate {
    pub(crate) fn secret(name: SecretName, value: SecretValue, origin: Origin) -> Self {
        Self {
            name,
            target: Target::Secret,
            value,
            origin,
        }
    }

    /// The login of a provider's tool, whole, as it is stored for a sandbox.
    pub(crate) fn login(provider: &'static Provider, value: SecretValue, origin: Origin) -> Self {
        Self {
            name: SecretName::of_login(provider.title),
            target: Target::Login(provider),
            value,
            origin,
        }
    }
}

impl Target {
    /// The word for it in JSON.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Secret => "secret",
            Self::Login(provider) => provider.id,
        }
    }
}

/// Where a value was found, for messages.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Origin {
    /// The n-th positional argument, from 1.
    Argument(usize),
    Stdin,
    Prompt,
    Variable(String),
    File {
        path: Rc<Path>,
        line: usize,
    },
    /// Another program's credential store.
    Store(String),
}

impl Origin {
    /// Whether both are lines of the same file.
    pub(crate) fn is_same_file(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::File { path, .. }, Self::File { path: other, .. }) => path == other,
            _ => false,
        }
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Argument(position) => write!(f, "argument {position}"),
            Self::Stdin => f.write_str("standard input"),
            Self::Prompt => f.write_str("prompt"),
            Self::Variable(name) => write!(f, "${name}"),
            Self::Store(place) => f.write_str(place),
            Self::File { path, line } => write!(f, "{}:{line}", shown(path)),
        }
    }
}

/// The name of a file for messages.
pub(crate) fn shown(path: &Path) -> String {
    if is_stdin(path) {
        "standard input".to_owned()
    } else {
        escape::path(path)
    }
}
