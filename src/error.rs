//! The errors shown to users, and the exit codes.

use std::fmt;
use std::io;
use std::sync::Arc;

use clap::ValueEnum;
use serde::Serialize;

/// The result of every fallible step of the program.
pub(crate) type Result<T> = std::result::Result<T, Error>;

/// The kind of an error, which determines the exit code. Scripts depend on the names, as `code` of a JSON
/// error, and on the exit codes, so neither may change. The comment of each variant is its meaning in help,
/// manual pages and documentation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ValueEnum)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Kind {
    /// Refused by the API, or not confirmed; nothing was changed
    Refused,
    /// A secret that is referenced is not stored
    Missing,
    /// Standard output could not be written to
    Output,
    /// Invalid usage, or a required confirmation cannot be asked for
    Usage,
    /// No usable credential, or the API rejected it
    Credential,
    /// A local file, variable or value cannot be used
    Input,
    /// Some writes succeeded, or their outcome is unknown
    Partial,
    /// The API could not be reached or kept failing; nothing was changed
    Unreachable,
    /// The response did not come from the API
    Contract,
    /// Local state could not be read or saved
    State,
    /// Interrupted by Ctrl-C
    Interrupted,
    /// Standard output was closed
    ClosedOutput,
    /// Terminated by SIGTERM
    Terminated,
}

impl Kind {
    /// Every kind with its meaning.
    pub(crate) fn meanings() -> impl Iterator<Item = (Self, String)> {
        let all = Self::value_variants().iter();
        all.filter_map(|kind| Some((*kind, kind.to_possible_value()?.get_help()?.ansi().to_string())))
    }

    /// Whether the command was ended by a signal.
    pub(crate) fn is_signal(self) -> bool {
        matches!(self, Self::Interrupted | Self::Terminated)
    }

    pub(crate) fn exit_code(self) -> u8 {
        match self {
            Self::Refused | Self::Missing | Self::Output => 1,
            Self::Usage => 2,
            Self::Credential => 3,
            Self::Input => 4,
            Self::Partial => 5,
            Self::Unreachable => 6,
            Self::Contract => 7,
            Self::State => 8,
            Self::Interrupted => 130,
            Self::ClosedOutput => 141,
            Self::Terminated => 143,
        }
    }
}

/// An error: what happened, and what to do next. Never contains a secret.
#[derive(Debug, Clone)]
pub(crate) struct Error {
    pub(crate) kind: Kind,
    pub(crate) message: String,
    /// What to do next. Commands are in backticks, which no command contains:
    /// ``run `amika auth login` again``.
    pub(crate) hint: Option<String>,
    pub(crate) trace_id: Option<String>,
    source: Option<Arc<dyn std::error::Error + Send + Sync>>,
    /// Further errors of the same command.
    pub(crate) others: Vec<Error>,
}

impl Error {
    pub(crate) fn new(kind: Kind, message: impl Into<String>) -> Self {
        Self {
            kind,
            message: message.into(),
            hint: None,
            trace_id: None,
            source: None,
            others: Vec::new(),
        }
    }

    pub(crate) fn usage(message: impl Into<String>) -> Self {
        Self::new(Kind::Usage, message)
    }

    pub(crate) fn input(message: impl Into<String>) -> Self {
        Self::new(Kind::Input, message)
    }

    #[must_use]
    pub(crate) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    #[must_use]
    pub(crate) fn maybe_hint(mut self, hint: Option<String>) -> Self {
        self.hint = hint;
        self
    }

    #[must_use]
    pub(crate) fn trace_id(mut self, trace_id: Option<String>) -> Self {
        self.trace_id = trace_id;
        self
    }

    /// Adds further errors. The exit code stays that of this one.
    #[must_use]
    pub(crate) fn beside(mut self, others: Vec<Error>) -> Self {
        self.others = others;
        self
    }

    #[must_use]
    pub(crate) fn with_kind(mut self, kind: Kind) -> Self {
        self.kind = kind;
        self
    }

    /// Adds what the program was doing: `context: message`.
    #[must_use]
    pub(crate) fn context(mut self, context: impl fmt::Display) -> Self {
        self.message = format!("{context}: {}", self.message);
        self
    }

    /// Adds what the error means for the command: `message; consequence`.
    #[must_use]
    pub(crate) fn consequence(mut self, consequence: impl fmt::Display) -> Self {
        self.message = format!("{}; {consequence}", self.message);
        self
    }

    /// The error with its hint, for a warning.
    pub(crate) fn with_hint(&self) -> String {
        match &self.hint {
            Some(hint) => format!("{self:#}; {hint}"),
            None => format!("{self:#}"),
        }
    }

    /// Adds the error that caused this one.
    #[must_use]
    pub(crate) fn because(mut self, source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        self.source = Some(Arc::from(source.into()));
        self
    }

    /// The commands of the hint that can be run as they are, without a placeholder such as FILE.
    pub(crate) fn next(&self) -> impl Iterator<Item = &str> {
        let commands = self
            .hint
            .iter()
            .flat_map(|hint| hint.split('`').skip(1).step_by(2));
        let is_placeholder = |word: &str| PLACEHOLDERS.split(' ').any(|placeholder| placeholder == word);
        commands.filter(move |command| !command.split([' ', '=']).any(is_placeholder))
    }
}

/// Words of a command that a person replaces.
const PLACEHOLDERS: &str = "COMMAND DIR FILE ID ITEM KEY NAME NEW PATH REFERENCE TEXT VALUE";

/// Formats the message; `{:#}` includes its causes.
impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)?;
        if f.alternate() {
            let causes = std::iter::successors(std::error::Error::source(self), |cause| cause.source());
            for cause in causes {
                match cause.downcast_ref::<io::Error>() {
                    Some(error) => write!(f, ": {}", reason(error))?,
                    None => write!(f, ": {}", without_error_code(&cause.to_string()))?,
                }
            }
        }
        Ok(())
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.source.as_deref().map(|source| source as _)
    }
}

/// The text of an I/O error, without the trailing `(os error N)`.
pub(crate) fn reason(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::NotFound => "no such file".to_owned(),
        io::ErrorKind::PermissionDenied => "permission denied".to_owned(),
        io::ErrorKind::IsADirectory => "is a directory".to_owned(),
        _ => without_error_code(&error.to_string()).to_lowercase(),
    }
}

/// The text of a system error without its number, and without the full stop that Windows adds.
pub(crate) fn without_error_code(text: &str) -> &str {
    let text = text.split(" (os error").next().unwrap_or(text);
    text.strip_suffix('.').unwrap_or(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_reason_follows_the_message() {
        let error = Error::input("opening env file .env")
            .because(io::Error::from_raw_os_error(2))
            .hint("check the path");
        assert_eq!(error.to_string(), "opening env file .env");
        assert_eq!(format!("{error:#}"), "opening env file .env: no such file");
        let source = std::error::Error::source(&error).unwrap();
        assert!(source.is::<io::Error>());
        assert_eq!(error.kind.exit_code(), 4);
    }

    #[test]
    fn the_commands_of_a_hint_are_ready_to_run() {
        for (hint, commands) in [
            ("run `amika auth login` again", &["amika auth login"][..]),
            (
                "log in again: `amika auth logout`, then `amika auth login`",
                &["amika auth logout", "amika auth login"],
            ),
            (
                r"it's here: `amika secret delete --id='it'\''s'`, or wait",
                &[r"amika secret delete --id='it'\''s'"],
            ),
            ("use `amika auth login --api-key-file FILE`", &[]),
            ("your organisation's owner can't, '--from-file -' does", &[]),
        ] {
            assert!(
                Error::usage("x").hint(hint).next().eq(commands.iter().copied()),
                "{hint}"
            );
        }
    }
}
