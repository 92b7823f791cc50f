//! The secrets that a push may write.

use std::fmt;
use std::path::Path;
use std::rc::Rc;

use crate::formats::shell;
use crate::provider::Provider;
use crate::secret::{SecretName, SecretValue};
use crate::system::file::is_stdin;
use crate::system::given::place;

/// A value to push, what it becomes in the vault, and its origin.
#[derive(Debug)]
pub(crate) struct Candidate {
    pub(crate) name: SecretName,
    pub(crate) form: Form,
    pub(crate) value: SecretValue,
    pub(crate) origin: Origin,
}

/// What a value becomes in the vault.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Form {
    /// A generic secret with the candidate's name.
    Secret,
    /// The credential of a provider, with the provider's default name for a login.
    Login(&'static Provider),
}

impl Candidate {
    /// The masked value for a table. A login is masked whole, because it ends as every JSON object does.
    pub(crate) fn masked(&self, at_terminal: bool) -> String {
        self.value
            .masked(at_terminal && matches!(self.form, Form::Secret))
    }

    pub(crate) fn secret(name: SecretName, value: SecretValue, origin: Origin) -> Self {
        Self {
            name,
            form: Form::Secret,
            value,
            origin,
        }
    }

    /// The login of a provider's tool, whole, as it is stored for a sandbox.
    pub(crate) fn login(provider: &'static Provider, value: SecretValue, origin: Origin) -> Self {
        Self {
            name: SecretName::of_login(provider.title),
            form: Form::Login(provider),
            value,
            origin,
        }
    }
}

impl Form {
    /// Its name in JSON.
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
    Prompt,
    /// A file that is the value as a whole, standard input, or another program's store.
    Place(String),
    Variable(String),
    File {
        path: Rc<Path>,
        line: usize,
    },
}

impl Origin {
    /// The precedence of the source: a value replaces one of a lower precedence.
    pub(crate) fn precedence(&self) -> u8 {
        match self {
            Self::File { .. } => 0,
            Self::Argument(_) | Self::Prompt | Self::Place(_) => 1,
            Self::Variable(_) => 2,
        }
    }

    /// Whether both are lines of one file, or come from the same kind of other source.
    pub(crate) fn is_same_source(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::File { path, .. }, Self::File { path: other, .. }) => path == other,
            _ => std::mem::discriminant(self) == std::mem::discriminant(other),
        }
    }

    /// How a message about the value of `name` begins.
    pub(crate) fn value_of(&self, name: &SecretName) -> String {
        match self {
            Self::File { .. } => format!("{self}: the value of {name}"),
            Self::Variable(_) => format!("environment variable \"{name}\""),
            _ => format!("the value of {name} ({self})"),
        }
    }

    /// The file with the value, as a word of a command; `None` if it cannot be read again, because it is not
    /// on disk.
    pub(crate) fn file_word(&self) -> Option<String> {
        match self {
            Self::File { path, .. } if !is_stdin(path) && path.is_file() => Some(shell::path(path, None)),
            _ => None,
        }
    }
}

/// Whether `amika` itself reads this variable. A file or a pattern never pushes one.
pub(crate) fn is_own_setting(name: &str) -> bool {
    name.get(..6)
        .is_some_and(|start| start.eq_ignore_ascii_case("AMIKA_"))
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Argument(position) => write!(f, "argument {position}"),
            Self::Prompt => f.write_str("the prompt"),
            Self::Variable(name) => write!(f, "${name}"),
            Self::Place(place) => f.write_str(place),
            Self::File { path, line } => write!(f, "{}:{line}", place(path)),
        }
    }
}
