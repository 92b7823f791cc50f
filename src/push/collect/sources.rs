//! The sources of a push on the command line, their filters, and the formats of files.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::ValueEnum;

use super::line::Line;
use super::pattern::Pattern;
use super::{docker, dotenv, json};

/// Maximum size of a file or of standard input, in bytes.
pub(super) const MAX_FILE: u64 = 10 * 1024 * 1024;

/// The sources and filters given on the command line.
pub(crate) struct Sources<'a> {
    /// `NAME=VALUE` or `NAME`.
    pub(crate) secrets: &'a [OsString],
    /// `NAME=PATH`.
    pub(crate) value_files: &'a [OsString],
    /// Names of environment variables, or patterns.
    pub(crate) from_env: Vec<Pattern>,
    pub(crate) from_file: &'a [PathBuf],
    pub(crate) format: EnvFormat,
    /// Names or patterns to keep; when empty, all are kept.
    pub(crate) only: Vec<Pattern>,
    /// Names or patterns to leave out.
    pub(crate) exclude: Vec<Pattern>,
    /// Whether a value that does not look like a secret is pushed as it is.
    pub(crate) literal: bool,
    /// Whether to take only what the repository references, under the secrets' own names.
    pub(crate) referenced: bool,
}

impl Sources<'_> {
    pub(super) fn is_empty(&self) -> bool {
        self.secrets.is_empty()
            && self.value_files.is_empty()
            && self.from_env.is_empty()
            && self.from_file.is_empty()
    }
}

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
