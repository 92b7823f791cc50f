//! The formats of files with secrets.

use clap::ValueEnum;

use super::line::Line;
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
    /// The assignments of a file, and what is wrong with its lines. `file` is its path as a word of a
    /// command; `literal` is whether values may be references.
    pub(super) fn parse<'a>(
        self,
        text: &'a str,
        file: &'a str,
        literal: bool,
    ) -> Box<dyn Iterator<Item = Line<'a>> + 'a> {
        match self {
            Self::Dotenv => Box::new(dotenv::parse(text, file, literal)),
            Self::Docker => Box::new(docker::parse(text)),
            Self::Json => json::parse(text, file),
        }
    }
}
