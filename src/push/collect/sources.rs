//! The sources and filters of a push on the command line.

use std::ffi::OsString;
use std::path::PathBuf;

use super::format::EnvFormat;
use super::pattern::Pattern;

/// The sources and filters given on the command line.
pub(crate) struct Sources<'a> {
    /// `NAME=VALUE` or `NAME`.
    pub(crate) secrets: &'a [OsString],
    /// Names of environment variables, or patterns.
    pub(crate) from_env: Vec<Pattern>,
    pub(crate) from_file: &'a [PathBuf],
    pub(crate) format: EnvFormat,
    /// Names or patterns to keep; when empty, all are kept.
    pub(crate) only: Vec<Pattern>,
    /// Names or patterns to leave out.
    pub(crate) exclude: Vec<Pattern>,
}

impl Sources<'_> {
    /// Whether `--only` and `--exclude` keep a name.
    pub(super) fn selects(&self, name: &str) -> bool {
        let matches = |patterns: &[Pattern]| patterns.iter().any(|pattern| pattern.matches(name));
        (self.only.is_empty() || matches(&self.only)) && !matches(&self.exclude)
    }
}
