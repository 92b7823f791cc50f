//! The sources and filters of a push on the command line.

use std::ffi::OsString;
use std::path::PathBuf;

use super::format::EnvFormat;
use super::pattern::Pattern;

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
