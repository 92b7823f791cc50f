//! An assignment in a file, and what can be wrong with it.

use std::borrow::Cow;

use crate::formats::words;
use crate::secret::{SecretName, SecretValue};

/// Maximum length of a name in a file, in bytes.
const MAX_NAME: usize = 256;
/// The way out for a value that a format cannot hold, as the end of a hint.
pub(super) const OR_FILE: &str = "or push the value alone with `amika secret push --value-file NAME=FILE`";

/// One assignment, or what is wrong with a line.
pub(super) struct Line<'a> {
    /// Counted from 1.
    pub(super) number: usize,
    /// A valid name of a variable; `None` if the line has none.
    pub(super) name: Option<Cow<'a, str>>,
    pub(super) content: Result<ReadValue, Fault>,
}

/// A value, and what may be unintended about it.
pub(super) type ReadValue = (SecretValue, Option<Oddity>);

impl<'a> Line<'a> {
    pub(super) fn new(number: usize, name: Option<Cow<'a, str>>, content: Result<ReadValue, Fault>) -> Self {
        Self {
            number,
            name,
            content,
        }
    }
}

/// Something about a value that may be unintended.
pub(super) enum Oddity {
    /// It holds `$NAME`, `${NAME}` or `$(COMMAND)`, which other tools would expand.
    Variable,
    /// It is in quotes, which are part of it in the Docker format.
    Quotes,
}

/// The reason why a line cannot be used. Never quotes the line, which may contain a secret.
pub(super) struct Fault {
    /// The same for all lines with this problem.
    pub(super) kind: &'static str,
    pub(super) message: Cow<'static, str>,
    pub(super) hint: Cow<'static, str>,
}

impl Fault {
    pub(super) fn new(
        kind: &'static str,
        message: impl Into<Cow<'static, str>>,
        hint: impl Into<Cow<'static, str>>,
    ) -> Self {
        let (message, hint) = (message.into(), hint.into());
        Self { kind, message, hint }
    }

    /// The fault of a line without `=`.
    pub(super) fn no_assignment(hint: &'static str) -> Self {
        Self::new("assignment", "invalid line: expected KEY=VALUE", hint)
    }

    /// The fault for a name that is not valid for a variable. It is shown only if it is certainly no
    /// secret, because the text before an `=` may be part of a value.
    pub(super) fn bad_name(name: &str) -> Self {
        let shown = words::quoted(name, "the name before '='");
        Self::new(
            "name",
            format!("invalid line: {shown} is not a valid variable name"),
            "a name has letters, digits and '_', and does not start with a digit; for a value that spans \
             lines, use --value-file NAME=FILE; `amika secret push NAME` also takes names with '-' and '.'",
        )
    }
}

/// Whether a file may set a variable of this name. A name that looks like a key is refused.
pub(super) fn is_name(text: &str) -> bool {
    SecretName::is_environment(text) && text.len() <= MAX_NAME && !words::has_key_prefix(text)
}

/// Whether `name=rest` is the last line of base64 text that lost its quotes. The `=` of its padding
/// would turn a piece of a key into a name.
pub(super) fn is_base64_tail(name: &str, rest: &str) -> bool {
    let padding = rest.trim_end();
    let has = |class: fn(&u8) -> bool| name.as_bytes().iter().any(class);
    matches!(padding, "" | "=")
        && (name.len() >= 16 || padding == "=" || (name.len() + 1).is_multiple_of(4))
        && has(u8::is_ascii_lowercase)
        && (has(u8::is_ascii_uppercase) || has(u8::is_ascii_digit))
        && !name.contains('_')
}
