//! The errors of keychains.

/// The messages follow a colon, and never quote an item.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum KeychainError {
    #[error("AMIKA_KEYCHAIN is off")]
    Disabled,
    #[error("no keyring service is available; is a session bus running?")]
    NoService,
    #[error("no keyring is available")]
    NoStore,
    #[error("no answer in time; is the keychain locked?")]
    TimedOut,
    #[error("it is locked, or access was refused")]
    Locked,
    /// The limit in bytes: 2,560 in the Credential Manager of Windows.
    #[error("an item can have at most {0} bytes")]
    TooLong(u32),
    #[error("it is not text")]
    NotText,
    #[error("the keychain failed to read it")]
    Failed,
    #[error("/usr/bin/security does not start")]
    NoSecurityProgram,
    #[error("the Keychain is locked, and no dialog can be shown here")]
    DialogImpossible,
    #[error("the dialog of the Keychain was cancelled")]
    DialogCancelled,
    #[error("access was denied")]
    Denied,
    #[error("there is no such Keychain")]
    NoSuchKeychain,
    #[error("the Keychain failed to read it")]
    SecurityFailed,
}
