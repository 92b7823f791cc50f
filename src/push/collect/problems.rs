//! Collects every problem with the input, so that one run reports them all.

use std::collections::HashMap;

use crate::error::{Error, Kind, Result};

/// Maximum number of problems of one kind that are shown; the rest are only counted.
const MAX_SHOWN: usize = 20;

/// The problems found so far.
#[derive(Debug, Default)]
pub(crate) struct Problems {
    shown: Vec<Error>,
    /// How many problems of each kind there are.
    counts: HashMap<&'static str, usize>,
}

impl Problems {
    pub(crate) fn push(&mut self, error: Error) {
        self.push_kind("", || error);
    }

    /// Adds one of many problems of the same kind.
    pub(crate) fn push_kind(&mut self, kind: &'static str, error: impl FnOnce() -> Error) {
        let count = self.counts.entry(kind).or_default();
        *count += 1;
        if *count <= MAX_SHOWN {
            self.shown.push(error());
        }
    }

    /// Returns the value, or records the error as a problem and returns `None`.
    pub(crate) fn check<T>(&mut self, result: Result<T>) -> Option<T> {
        result.map_err(|error| self.push(error)).ok()
    }

    /// Whether the command line itself is wrong.
    pub(crate) fn has_usage(&self) -> bool {
        self.shown.iter().any(|error| error.kind == Kind::Usage)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.shown.is_empty()
    }

    /// Combines all problems into one error. Command-line problems come first and set the exit code.
    pub(crate) fn into_result(mut self) -> Result<()> {
        let counts = self.counts.values();
        let not_shown: usize = counts.map(|count| count.saturating_sub(MAX_SHOWN)).sum();
        if not_shown > 0 {
            let message = format!("{not_shown} more problems are not shown");
            self.shown.push(Error::input(message));
        }
        self.shown.sort_by_key(|error| error.kind != Kind::Usage);
        let mut errors = self.shown.into_iter();
        errors
            .next()
            .map_or(Ok(()), |first| Err(first.beside(errors.collect())))
    }
}
