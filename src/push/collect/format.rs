//! The formats of files with secrets.

use clap::ValueEnum;

use super::entry::Parsed;
use super::{docker, dotenv, json};

/// The format of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum EnvFormat {
    /// Quotes are removed, `export ` and comments are allowed, `$` is literal
    Dotenv,
    /// Like `docker run --env-file`: everything after the first `=`, verbatim
    Docker,
    /// One object of string values
    Json,
}

impl EnvFormat {
    /// Parses the text of a file.
    pub(super) fn parse(self, text: &str) -> Parsed {
        match self {
            Self::Dotenv => dotenv::parse(text),
            Self::Docker => docker::parse(text),
            Self::Json => json::parse(text),
        }
    }
}
