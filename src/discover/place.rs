//! Where credentials and settings are.

use std::path::{Path, PathBuf};

use crate::formats::escape;

/// The location of a credential or setting.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) enum Place {
    File(PathBuf),
    Keychain {
        service: String,
        account: String,
    },
    Variable(String),
    /// A member of a configuration file, such as `apiKeyHelper`.
    Setting {
        key: String,
        file: PathBuf,
    },
}

impl Place {
    /// The file that a setting is in.
    pub(super) fn whole(self) -> Self {
        match self {
            Self::Setting { file, .. } => Self::File(file),
            other => other,
        }
    }

    /// Formats the location for messages, with `~` for `home`.
    pub(crate) fn shown(&self, home: Option<&Path>) -> String {
        match self {
            Self::File(path) => escape::home_path(path, home),
            Self::Keychain { service, account } => {
                escape::escape(&format!("keychain item {service} ({account})")).into_owned()
            }
            Self::Variable(name) => format!("${}", escape::escape(name)),
            Self::Setting { key, file } => {
                format!("{} in {}", escape::escape(key), escape::home_path(file, home))
            }
        }
    }
}
