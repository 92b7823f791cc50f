//! Warnings and notices that the steps of a command collect, for the command to print.

use std::collections::HashSet;

/// How important a message is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Level {
    /// Good to know; not printed with `--quiet`.
    Notice,
    /// Something that may be unintended.
    Warning,
}

/// Messages in the order in which they were collected, each only once.
#[derive(Debug, Default)]
pub(crate) struct Notices {
    messages: Vec<(Level, String)>,
    seen: HashSet<String>,
}

impl Notices {
    pub(crate) fn warn(&mut self, message: impl Into<String>) {
        self.push(Level::Warning, message.into());
    }

    pub(crate) fn notice(&mut self, message: impl Into<String>) {
        self.push(Level::Notice, message.into());
    }

    /// Removes the warnings, for a command that treats them as errors.
    pub(crate) fn take_warnings(&mut self) -> impl Iterator<Item = String> {
        let warnings = self
            .messages
            .extract_if(.., |(level, _)| *level == Level::Warning);
        warnings.map(|(_, message)| message)
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (Level, &str)> {
        self.messages
            .iter()
            .map(|(level, message)| (*level, message.as_str()))
    }

    fn push(&mut self, level: Level, message: String) {
        if self.seen.insert(message.clone()) {
            self.messages.push((level, message));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_is_kept_once_and_in_order() {
        let mut notices = Notices::default();
        notices.warn("b");
        notices.notice("a");
        notices.warn("b");
        let messages: Vec<_> = notices.iter().collect();
        assert_eq!(messages, [(Level::Warning, "b"), (Level::Notice, "a")]);
    }

    #[test]
    fn only_warnings_are_taken() {
        let mut notices = Notices::default();
        notices.notice("a");
        assert_eq!(notices.take_warnings().count(), 0);
        notices.warn("b");
        notices.warn("c");
        let taken: Vec<_> = notices.take_warnings().collect();
        assert_eq!(taken, ["b", "c"]);
        assert_eq!(notices.iter().collect::<Vec<_>>(), [(Level::Notice, "a")]);
    }
}
