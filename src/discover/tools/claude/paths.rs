//! The paths and keychain items of Claude Code's configuration and secrets.
//!
//! Facts from running Claude Code 2.1.330 on Linux and Windows, and from the shipped program for
//! macOS. The configuration directory is `CLAUDE_CONFIG_DIR` or `~/.claude`; the one for secrets
//! can be moved separately with `CLAUDE_SECURESTORAGE_CONFIG_DIR`.

use std::ffi::OsStr;
use std::path::PathBuf;

use icu_normalizer::ComposingNormalizerBorrowed;

use crate::system::env::{Env, Platform};
use crate::system::keychain::hex_start;

/// The service of the Keychain items, without suffixes.
const SERVICE: &str = "Claude Code";

/// The service of the item with an API key.
pub(super) fn key_service(env: &Env) -> String {
    format!("{SERVICE}{}{}", oauth_suffix(env), suffix(env))
}

/// The service of the item with the OAuth login.
pub(super) fn login_service(env: &Env) -> String {
    format!("{SERVICE}{}-credentials{}", oauth_suffix(env), suffix(env))
}

/// Claude Code's global configuration; the older path takes precedence if it exists.
pub(super) fn global_config(env: &Env) -> Option<PathBuf> {
    let older = config_directory(env)?.join(".config.json");
    let newer = format!(".claude{}.json", oauth_suffix(env));
    let newer = env.directory_in("CLAUDE_CONFIG_DIR", "")?.join(newer);
    Some(if older.is_file() { older } else { newer })
}

/// The suffix of files and items of an installation with its own sign-in server.
fn oauth_suffix(env: &Env) -> &'static str {
    if env.is_set("CLAUDE_CODE_CUSTOM_OAUTH_URL") {
        "-custom-oauth"
    } else {
        ""
    }
}

/// The directory of the configuration. To Claude Code 2.1.331 an empty `CLAUDE_CONFIG_DIR` means the working
/// directory, where nothing is read.
pub(super) fn config_directory(env: &Env) -> Option<PathBuf> {
    env.directory_in("CLAUDE_CONFIG_DIR", ".claude")
}

/// The value of the variable that moves the directory of the secrets. If the variable for secrets alone is
/// empty, they are in the default directory.
fn secure_setting(env: &Env) -> Option<&OsStr> {
    env.variable("CLAUDE_SECURESTORAGE_CONFIG_DIR")
        .or_else(|| env.variable("CLAUDE_CONFIG_DIR"))
        .filter(|directory| !directory.is_empty())
}

/// The directory of the secrets.
pub(super) fn secure_directory(env: &Env) -> Option<PathBuf> {
    let named = secure_setting(env).map(PathBuf::from);
    named.or_else(|| Some(env.home.as_ref()?.join(".claude")))
}

/// The suffix of the services of a moved directory: a hash of the variable's value in Unicode NFC.
fn suffix(env: &Env) -> String {
    let Some(directory) = secure_setting(env) else {
        return String::new();
    };
    let text = directory.to_string_lossy();
    let text = ComposingNormalizerBorrowed::new_nfc().normalize(&text);
    format!("-{}", hex_start(text.as_bytes(), 8))
}

/// The account of the keychain items: the name of the user, if it has only plain characters. On Windows it
/// is the same for every user.
pub(super) fn account(env: &Env) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
    let name = env.user_name().to_str().unwrap_or_default();
    let is_used = env.platform != Platform::Windows && !name.is_empty() && name.chars().all(is_plain);
    String::from(if is_used { name } else { "claude-code-user" })
}

/// The directory of the Anthropic profiles, which Claude Code shares with the SDKs.
pub(super) fn profiles(env: &Env) -> Option<PathBuf> {
    let named = env.path("ANTHROPIC_CONFIG_DIR");
    named.or_else(|| match env.platform {
        Platform::Windows => Some(env.directory_in("APPDATA", "AppData/Roaming")?.join("Anthropic")),
        _ => Some(env.xdg_directory("XDG_CONFIG_HOME", ".config")?.join("anthropic")),
    })
}

/// The directory of the managed settings, which only administrators can change.
pub(super) fn managed(env: &Env) -> Option<PathBuf> {
    env.system_path(match env.platform {
        Platform::MacOs => "Library/Application Support/ClaudeCode",
        Platform::Windows => "Program Files/ClaudeCode",
        Platform::Unix => "etc/claude-code",
    })
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    fn env(variables: &[(&str, &str)]) -> Env {
        Env::fake(Path::new("/Users/fix"), variables, Platform::MacOs)
    }

    #[test]
    fn the_suffix_is_a_hash_of_the_variables_own_text() {
        let suffix_of = |variables: &[(&str, &str)]| suffix(&env(variables));
        assert_eq!(suffix_of(&[]), "");
        assert_eq!(suffix_of(&[("CLAUDE_CONFIG_DIR", "")]), "");
        // Observed with Claude Code 2.1.330.
        assert_eq!(suffix_of(&[("CLAUDE_CONFIG_DIR", "C:/cfg2/")]), "-9a02e4b9");
        let moved_apart = [
            ("CLAUDE_CONFIG_DIR", "/a"),
            ("CLAUDE_SECURESTORAGE_CONFIG_DIR", "C:/cfg2/"),
        ];
        assert_eq!(suffix_of(&moved_apart), "-9a02e4b9");
        let back_to_default = [
            ("CLAUDE_CONFIG_DIR", "/a"),
            ("CLAUDE_SECURESTORAGE_CONFIG_DIR", ""),
        ];
        assert_eq!(suffix_of(&back_to_default), "");
        let composed = suffix_of(&[("CLAUDE_CONFIG_DIR", "/\u{e9}")]);
        assert_eq!(suffix_of(&[("CLAUDE_CONFIG_DIR", "/e\u{301}")]), composed);
    }

    #[test]
    fn the_account_is_a_plain_user_name() {
        assert_eq!(account(&env(&[("USER", "jo.doe-1_x")])), "jo.doe-1_x");
        assert_eq!(account(&env(&[("USER", "jo doe")])), "claude-code-user");
        assert_eq!(account(&env(&[])), "fix");
    }
}
