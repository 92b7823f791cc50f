//! An assignment in a file, and its possible errors.

use std::path::Path;

use crate::error::Error;
use crate::push::candidate::shown;
use crate::secret::{MAX_VALUE, SecretName, SecretValue};

/// An assignment in a file, before its name and value are validated.
pub(super) struct Entry {
    pub(super) line: usize,
    pub(super) name: String,
    pub(super) value: SecretValue,
}

/// The reason why a line cannot be used. Never quotes the line, which may contain a secret.
pub(super) struct Fault {
    pub(super) line: usize,
    pub(super) message: String,
    hint: Option<String>,
}

impl Fault {
    pub(super) fn new(line: usize, message: impl Into<String>) -> Self {
        Self {
            line,
            message: message.into(),
            hint: None,
        }
    }

    pub(super) fn hint(self, hint: impl Into<String>) -> Self {
        Self {
            hint: Some(hint.into()),
            ..self
        }
    }

    pub(super) fn into_error(self, path: &Path) -> Error {
        let error = Error::input(format!("{}:{}: {}", shown(path), self.line, self.message));
        match self.hint {
            Some(hint) => error.hint(hint),
            None => error,
        }
    }
}

/// A warning about the value of `name`.
pub(super) struct Warning {
    pub(super) line: usize,
    pub(super) name: String,
    pub(super) message: String,
}

/// The entries of a file, and the warnings and errors of its lines.
#[derive(Default)]
pub(super) struct Parsed {
    pub(super) entries: Vec<Entry>,
    pub(super) warnings: Vec<Warning>,
    pub(super) faults: Vec<Fault>,
}

/// The error for a name that is not valid for a variable. `name` is shown only if it is valid for a
/// secret, because the text before an `=` may be part of a value.
pub(super) fn bad_name(line: usize, name: &str) -> Fault {
    match SecretName::inline(name).filter(is_plain) {
        Some(name) => Fault::new(
            line,
            format!("invalid line: in a file, \"{name}\" is not a valid name"),
        )
        .hint(format!(
            "use letters, digits and '_' there, or push this one alone: amika secret push {name}"
        )),
        None => Fault::new(
            line,
            "invalid line: the name before '=' is not a valid variable name",
        )
        .hint(
            "a name has letters, digits and '_', and does not start with a digit; if the line belongs to \
             the value before it, quote that value",
        ),
    }
}

/// Whether a name consists of words, such as `database-url`, and does not look like part of a key.
fn is_plain(name: &SecretName) -> bool {
    let name = name.as_str();
    let has = |class: fn(&u8) -> bool| name.as_bytes().iter().any(class);
    let one_case = has(u8::is_ascii_lowercase) != has(u8::is_ascii_uppercase);
    let mut words = name.split(['-', '.', '_']);
    let few_digits = words.all(|word| word.bytes().filter(u8::is_ascii_digit).count() <= 1);
    name.starts_with(|c: char| c.is_ascii_alphabetic()) && one_case && few_digits && name.len() <= 40
}

/// Validates a value from any source. Returns the problem and a hint.
pub(super) fn checked(value: &SecretValue) -> std::result::Result<(), (&'static str, &'static str)> {
    if value.is_empty() {
        Err((
            "is empty",
            "give it a value; 'amika secret delete NAME' removes a secret",
        ))
    } else if value.expose_secret().contains('\0') {
        Err(("contains a NUL byte", "encode the value, for example with base64"))
    } else if value.expose_secret().len() > MAX_VALUE {
        Err(("is larger than 1 MiB", "store large data elsewhere"))
    } else {
        Ok(())
    }
}
