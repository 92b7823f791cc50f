//! Properties that hold for any input, checked with random input. This file is compiled as part of
//! the program, because it calls private functions.

use std::fs;

use crate::discover::{Filter, discover};
use crate::formats::escape;
use crate::formats::shell::Shell;
use crate::net::retry;
use crate::provider::{CredentialKind, PROVIDERS};
use crate::push::collect::{EnvFormat, Sources, collect};
use crate::secret::SecretValue;
use crate::system::env::Env;

/// A value in the middle of every input, which no message may contain. A name cannot have its hyphens.
const MARK: &str = "sk-hunter2-c4n4ry";

/// Every file that credential discovery reads.
const CREDENTIAL_FILES: [&str; 14] = [
    ".config/opencode/opencode.json",
    ".claude.json.api",
    ".claude.json",
    ".claude/.credentials.json",
    ".claude/settings.json",
    ".codex/auth.json",
    ".codex/config.toml",
    ".cache/amika/env-cache.json",
    ".local/share/amika/keychain.json",
    ".local/state/amika/oauth.json",
    ".local/share/opencode/auth.json",
    ".local/share/amp/secrets.json",
    ".config/amp/settings.json",
    ".amp/config.json",
];

/// R3 to R8: a file of secrets gives valid names and values, or problems that quote nothing.
pub(crate) fn env_file(data: &[u8]) {
    let home = tempfile::tempdir().expect("a directory can be made");
    let path = home.path().join("x.env");
    fs::write(&path, marked(data)).expect("a file can be written");
    let env = Env::system().elsewhere(home.path());
    let runtime = tokio::runtime::Builder::new_current_thread().build();
    let runtime = runtime.expect("a runtime can be made");
    for format in [EnvFormat::Dotenv, EnvFormat::Docker, EnvFormat::Json] {
        let sources = Sources {
            secrets: &[],
            value_files: &[],
            from_env: Vec::new(),
            from_file: std::slice::from_ref(&path),
            format,
            only: Vec::new(),
            exclude: Vec::new(),
            literal: false,
            referenced: false,
        };
        let collected = runtime.block_on(collect(&sources, &env, false, &|_| {}));
        for (name, (value, _)) in &collected.secrets {
            let name = name.as_str().as_bytes();
            let plain = |byte: &u8| byte.is_ascii_alphanumeric() || *byte == b'_';
            assert!(name.iter().all(plain) && !name[0].is_ascii_digit());
            let value = value.expose_secret();
            assert!(!value.is_empty() && !value.contains('\0'));
        }
        if let Err(error) = collected.problems.into_result() {
            quotes_nothing(&format!("{error:?}"));
        }
        for (_, message) in collected.notices.iter() {
            quotes_nothing(message);
        }
    }
}

/// R22, R23: whatever the files of other programs contain, no message quotes them.
pub(crate) fn credential_files(data: &[u8]) {
    let home = tempfile::tempdir().expect("a directory can be made");
    let content = marked(data);
    for file in CREDENTIAL_FILES {
        let path = home.path().join(file);
        let folder = path.parent().expect("it is below the home");
        fs::create_dir_all(folder).expect("a directory can be made");
        fs::write(path, &content).expect("a file can be written");
    }
    let env = Env::system().elsewhere(home.path());
    let discovery = discover(&env, None, Filter::ANY);
    let messages = discovery.messages(&discovery.credentials, None, true);
    for (_, message) in messages.iter() {
        quotes_nothing(message);
    }
    let Ok(text) = String::from_utf8(content) else {
        return;
    };
    for provider in &PROVIDERS {
        for kind in [CredentialKind::OAuth, CredentialKind::ApiKey] {
            let value = SecretValue::new(text.clone());
            let now = (env.now)();
            let checked =
                crate::credentials::validate::check(provider, Some(kind), value, "here", false, now);
            match checked {
                Ok(credential) => quotes_nothing(&credential.expiry),
                Err(error) => quotes_nothing(&format!("{error:?}")),
            }
        }
    }
}

/// R52: a stored session is complete, or refused with a message that quotes nothing.
pub(crate) fn session_file(data: &[u8]) {
    let home = tempfile::tempdir().expect("a directory can be made");
    let env = Env::system().elsewhere(home.path());
    let store = crate::auth::store::Store::locate(&env).expect("there is a home");
    fs::create_dir_all(&store.directory).expect("a directory can be made");
    fs::write(
        store.path(crate::auth::source::CredentialSource::Session),
        marked(data),
    )
    .expect("a file can be written");
    fs::write(
        store.path(crate::auth::source::CredentialSource::StoredApiKey),
        marked(data),
    )
    .expect("a file can be written");
    if let Err(error) = store.session() {
        quotes_nothing(&error.to_string());
    }
    if let Err(error) = store.api_key() {
        quotes_nothing(&error.to_string());
    }
}

/// R94: escaped text contains nothing that affects a terminal, and plain text is unchanged.
pub(crate) fn escaping(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let acts = |c: &char| {
        let number = u32::from(*c);
        matches!(number, 0..=0x1f | 0x7f..=0x9f | 0xad | 0x61c | 0x180e | 0x200b..=0x200f)
            || matches!(number, 0x2028..=0x202e | 0x2060..=0x206f | 0xfeff | 0xfff9..=0xfffb)
            || (0xe0000..=0xe007f).contains(&number)
    };
    let shown = escape::escape(&text);
    assert!(!shown.chars().any(|c| acts(&c)), "{shown:?}");
    assert_eq!(text.chars().any(|c| acts(&c)), shown != text, "{text:?}");
    let quoted = Shell::Posix.quoted(&text);
    assert_eq!(quoted[1..quoted.len() - 1].replace("'\\''", "'"), text);
}

/// R70: a `Retry-After` is a wait of at most a year, or nothing.
pub(crate) fn retry_after(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let now = jiff::Timestamp::UNIX_EPOCH;
    if let Some(wait) = retry::retry_after(&text, Some(&text), now) {
        assert!(
            !wait.is_zero() && wait.as_secs() <= 366 * 24 * 3600,
            "{text:?} is {wait:?}"
        );
    }
}

/// Inserts the mark into the middle of the input, in quotes so that it often becomes a value.
fn marked(data: &[u8]) -> Vec<u8> {
    let (before, after) = data.split_at(data.len() / 2);
    [before, b"\"", MARK.as_bytes(), b"\"", after].concat()
}

fn quotes_nothing(message: &str) {
    assert!(!message.contains("hunter2"), "{message}");
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Random bytes, or text made of characters that have a meaning in one of the formats.
    fn input() -> impl Strategy<Value = Vec<u8>> {
        let bytes = proptest::collection::vec(any::<u8>(), 0..60);
        let text = "[\\[\\]{}\"':,=#/$`\\\\a-cA-C0-9\n\r\t é\u{feff}-]{0,80}";
        prop_oneof![bytes, text.prop_map(String::into_bytes)]
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        /// R3 to R8: a file of secrets gives valid names and values, or problems that quote nothing.
        #[test]
        fn a_file_of_secrets_is_read_or_refused_without_a_quote(data in input()) {
            env_file(&data);
        }

        /// R22: whatever a file contains, nothing panics and no value is quoted.
        #[test]
        fn any_credential_file_is_read_without_panic_or_quote(data in input()) {
            credential_files(&data);
        }

        /// R52: a stored session or key is read, or refused without quoting it.
        #[test]
        fn a_stored_session_is_read_or_refused_without_a_quote(data in input()) {
            session_file(&data);
        }
    }

    proptest! {
        /// R94: only characters that affect a terminal are escaped.
        #[test]
        fn escaped_text_does_not_affect_the_terminal(data in any::<String>()) {
            escaping(data.as_bytes());
        }

        /// R70: a `Retry-After` is a wait of at most a year, or nothing.
        #[test]
        fn a_retry_after_is_bounded(data in "[0-9A-Za-z:, +.-]{0,40}") {
            retry_after(data.as_bytes());
        }
    }
}
