//! The parts of a secret: its validated name, its value, its scope.

use std::borrow::Borrow;
use std::fmt;

use serde::{Deserialize, Deserializer, Serialize};
use zeroize::Zeroizing;

/// Replaces a value in output. Its width does not depend on the value.
const MASK: &str = "********";
/// Minimum length, in characters, of a value whose last characters are shown.
const MIN_LENGTH_FOR_TAIL: usize = 24;
const TAIL: usize = 4;

/// Maximum size of a value, in bytes.
pub(crate) const MAX_VALUE: usize = 1024 * 1024;

/// The value of a secret. Its memory is zeroed on drop. It implements neither `Display` nor
/// `Serialize`: it can only be read with [`expose_secret`](Self::expose_secret), so that
/// `grep expose_secret` finds every use.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct SecretValue(Zeroizing<String>);

impl SecretValue {
    pub(crate) fn new(value: impl Into<Zeroizing<String>>) -> Self {
        Self(value.into())
    }

    pub(crate) fn expose_secret(&self) -> &str {
        &self.0
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// A mask of fixed width, which does not reveal the length. At a terminal, the mask of a long
    /// value ends with its last characters, so that keys can be distinguished.
    pub(crate) fn masked(&self, at_terminal: bool) -> String {
        let length = self.0.chars().count();
        if !at_terminal || length < MIN_LENGTH_FOR_TAIL {
            return MASK.to_owned();
        }
        let tail = self.0.chars().skip(length - TAIL);
        MASK.chars().skip(TAIL).chain(tail).collect()
    }
}

impl<'de> Deserialize<'de> for SecretValue {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer).map(Self::new)
    }
}

impl fmt::Debug for SecretValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SecretValue(redacted)")
    }
}

/// A validated name: ASCII, without characters that have a meaning in a shell, a terminal or a URL.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct SecretName(Box<str>);

impl SecretName {
    /// Parses a name that is valid for an environment variable.
    pub(crate) fn environment(name: &str) -> Option<Self> {
        Self::is_environment(name).then(|| Self(name.into()))
    }

    /// Whether the name is valid for an environment variable: `[A-Za-z_][A-Za-z0-9_]*`.
    pub(crate) fn is_environment(name: &str) -> bool {
        let starts_well = name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_');
        starts_well
            && name
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
    }

    /// Parses a name given on the command line. It may also begin with a digit and contain `-` and
    /// `.`, because secrets with names like `my-claude-key` exist.
    pub(crate) fn inline(name: &str) -> Option<Self> {
        let starts_well = name.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '_');
        let rest_is_fine = name
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.'));
        (starts_well && rest_is_fine).then(|| Self(name.into()))
    }

    /// The name of a tool's login in tables and reports, such as `Claude login`. No generic secret
    /// can have it.
    pub(crate) fn of_login(tool: &str) -> Self {
        Self(format!("{tool} login").into())
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

impl Borrow<str> for SecretName {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for SecretName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Who can use a stored secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Scope {
    /// Only you
    User,
    /// Everyone in the organisation
    Org,
}

impl Scope {
    /// All scopes of the API.
    pub(crate) const ALL: [Self; 2] = [Self::User, Self::Org];

    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::User => "user",
            Self::Org => "org",
        }
    }

    /// Whether other people use it, too. A provider has only one credential in such a scope.
    pub(crate) fn is_shared(self) -> bool {
        self != Self::User
    }

    pub(crate) fn other(self) -> Self {
        match self {
            Self::User => Self::Org,
            Self::Org => Self::User,
        }
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// R96: the debug output of a secret does not contain its value.
    #[test]
    fn debug_output_is_redacted() {
        let value = SecretValue::new("hunter2".to_owned());
        assert_eq!(format!("{value:?}"), "SecretValue(redacted)");
    }

    proptest! {
        /// R93: a mask has a fixed width and shows at most four characters.
        #[test]
        fn a_mask_has_a_fixed_width_and_a_short_tail(value in "\\PC{0,60}") {
            let secret = SecretValue::new(value.clone());
            prop_assert_eq!(secret.masked(false), "********");
            let masked = secret.masked(true);
            let characters: Vec<char> = value.chars().collect();
            let expected = match characters.len() {
                0..24 => "********".to_owned(),
                length => format!("****{}", characters[length - 4..].iter().collect::<String>()),
            };
            prop_assert_eq!(masked, expected);
        }

        /// R9: an accepted name contains only letters, digits and `_-.`.
        #[test]
        fn accepted_names_hold_only_plain_characters(name in any::<String>()) {
            if let Some(name) = SecretName::inline(&name) {
                prop_assert!(name.as_str().bytes().all(|b| b.is_ascii_alphanumeric() || b"_-.".contains(&b)));
            }
            if let Some(name) = SecretName::environment(&name) {
                prop_assert!(SecretName::inline(name.as_str()).is_some());
            }
        }
    }

    /// R9: examples of accepted and refused names.
    #[test]
    fn names_are_accepted_or_refused_by_example() {
        for good in ["A", "_x", "DATABASE_URL", "a1"] {
            assert!(SecretName::environment(good).is_some(), "{good}");
        }
        for bad in ["", "1A", "A-B", "A.B", "A B", "Ä", "A\n"] {
            assert!(SecretName::environment(bad).is_none(), "{bad:?}");
        }
        for good in ["my-claude-key", "1A", "a.b"] {
            assert!(SecretName::inline(good).is_some(), "{good}");
        }
        for bad in ["", "..", "-x", "a/b", "a\u{202e}b"] {
            assert!(SecretName::inline(bad).is_none(), "{bad:?}");
        }
    }
}
