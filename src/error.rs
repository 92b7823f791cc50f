//! The errors shown to users, and the exit codes.

use std::fmt;

/// The result of every fallible step of the program.
pub(crate) type Result<T> = std::result::Result<T, Error>;

/// The kind of an error, which determines the exit code. Scripts depend on exit codes: variants may be
/// added, but never renumbered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// The API refused, or the confirmation was declined; nothing was changed.
    Refused,
    /// Standard output could not be written to.
    Output,
    /// The command line is invalid, or a required confirmation cannot be asked for.
    Usage,
    /// There is no usable credential, or the API rejected it.
    Credential,
    /// A local file, variable or value cannot be used.
    Input,
    /// Some writes succeeded, or their outcome is unknown.
    Partial,
    /// The API could not be reached, or kept failing; nothing was changed.
    Unreachable,
    /// The response did not come from the API.
    Contract,
    /// Local state could not be read or saved.
    State,
    /// Standard output was closed.
    ClosedOutput,
    /// Ctrl-C.
    Interrupted,
    /// SIGTERM.
    Terminated,
}

impl Kind {
    /// All kinds, in order of exit codes.
    pub(crate) const ALL: &[Self] = &[
        Self::Refused,
        Self::Output,
        Self::Usage,
        Self::Credential,
        Self::Input,
        Self::Partial,
        Self::Unreachable,
        Self::Contract,
        Self::State,
        Self::Interrupted,
        Self::ClosedOutput,
        Self::Terminated,
    ];

    /// The meaning of the exit code, for help, manual pages and documentation.
    pub(crate) fn meaning(self) -> &'static str {
        match self {
            Self::Refused => "Refused by the API, or not confirmed; nothing was changed",
            Self::Output => "Standard output could not be written",
            Self::Usage => "Invalid usage, or a required confirmation cannot be asked for",
            Self::Credential => "No usable credential, or the API rejected it",
            Self::Input => "A local file, variable or value cannot be used",
            Self::Partial => "Some writes succeeded, or their outcome is unknown",
            Self::Unreachable => "The API could not be reached or kept failing; nothing was changed",
            Self::Contract => "The response did not come from the API",
            Self::State => "Local state could not be read or saved",
            Self::Interrupted => "Interrupted by Ctrl-C",
            Self::ClosedOutput => "Standard output was closed",
            Self::Terminated => "Terminated by SIGTERM",
        }
    }

    /// Whether the command was ended by a signal.
    pub(crate) fn is_signal(self) -> bool {
        matches!(self, Self::Interrupted | Self::Terminated)
    }

    pub(crate) fn exit_code(self) -> u8 {
        match self {
            Self::Refused | Self::Output => 1,
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

    /// The `code` of a JSON error, which is part of the interface.
    pub(crate) fn code(self) -> &'static str {
        match self {
            Self::Refused => "refused",
            Self::Output => "output",
            Self::Usage => "usage",
            Self::Credential => "credential",
            Self::Input => "input",
            Self::Partial => "partial",
            Self::Unreachable => "unreachable",
            Self::Contract => "contract",
            Self::State => "state",
            Self::ClosedOutput => "closed_output",
            Self::Interrupted => "interrupted",
            Self::Terminated => "terminated",
        }
    }
}

/// An error: what happened, and what to do next. Never contains a secret.
#[derive(Debug)]
pub(crate) struct Error {
    pub(crate) kind: Kind,
    pub(crate) message: String,
    pub(crate) hint: Option<String>,
    pub(crate) trace_id: Option<String>,
    /// Whether the message says that nothing was changed.
    unchanged: bool,
    source: Option<anyhow::Error>,
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
            unchanged: false,
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

    /// Adds further errors to this one, which determines the exit code.
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

    /// Adds that nothing was changed.
    #[must_use]
    pub(crate) fn unchanged(mut self) -> Self {
        self.unchanged = true;
        self
    }

    /// Replaces the statement that nothing was changed with what did change.
    #[must_use]
    pub(crate) fn correct_unchanged(mut self, consequence: impl fmt::Display) -> Self {
        if std::mem::take(&mut self.unchanged) {
            self.consequence(consequence)
        } else {
            self
        }
    }

    /// Adds the error that caused this one.
    #[must_use]
    pub(crate) fn because(mut self, source: impl Into<anyhow::Error>) -> Self {
        self.source = Some(source.into());
        self
    }
}

/// Formats the message; `{:#}` includes its causes.
impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)?;
        if self.unchanged {
            f.write_str("; nothing was changed")?;
        }
        match &self.source {
            Some(source) if f.alternate() => write!(f, ": {source:#}"),
            _ => Ok(()),
        }
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.source.as_deref().map(|source| source as _)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_reason_follows_the_message() {
        let error = Error::input("opening env file .env")
            .because(anyhow::anyhow!("no such file"))
            .hint("check the path");
        assert_eq!(error.to_string(), "opening env file .env");
        assert_eq!(format!("{error:#}"), "opening env file .env: no such file");
        let source = std::error::Error::source(&error).unwrap();
        assert_eq!(source.to_string(), "no such file");
        assert_eq!(error.kind.exit_code(), 4);
    }
}
