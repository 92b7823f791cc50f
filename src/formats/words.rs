//! Words of the command line that may be a secret, given in the wrong place.

use std::path::Path;

use super::escape;

const KEY_PREFIXES: &str = "AIza AKIA ASIA SG. at- dckr_pat_ dop_v1_ dp.pt. dp.st. eyJ ghp_ gho_ ghu_ ghs_ ghr_ \
    github_pat_ glpat- gsk_ hf_ hvs. lin_api_ npm_ ops_eyJ phc_ pk_live_ pk_test_ pypi- r8_ rk_live_ rk_test_ \
    sgamp_ shpat_ sk- sk_ sbp_ tvly- whsec_ xai- xapp- xox ya29.";

/// How the keys and tokens of common services begin.
pub(crate) fn key_prefixes() -> impl Iterator<Item = &'static str> {
    KEY_PREFIXES.split(' ')
}

/// Maximum length of a word that an error repeats: of a name in capital letters, and of other words.
const MAX_NAME: usize = 40;
const MAX_WORD: usize = 20;
/// Shown in place of a word that may be a secret.
pub(crate) const HIDDEN: &str = "(not shown, because it may be a secret)";

/// Whether a word may be a key, a token, a password in a URL or an assignment. Such a word never becomes
/// the name of a secret, and no message repeats it.
pub(crate) fn may_be_secret(word: &str) -> bool {
    let has = |class: fn(&u8) -> bool| word.as_bytes().iter().any(class);
    let is_mixed = has(u8::is_ascii_digit) && has(u8::is_ascii_uppercase) && has(u8::is_ascii_lowercase);
    let is_empty_assignment = || word.strip_suffix('=').is_some_and(is_constant);
    has_key_prefix(word)
        || (word.len() >= 20 && is_mixed)
        || is_hexadecimal(word)
        || word.contains("://")
        || word.contains('@')
        || word
            .split_once("eyJ")
            .is_some_and(|(_, rest)| rest.matches('.').count() >= 2)
        || (word.contains('=') && !is_empty_assignment())
}

/// A prefix of a key, and then 16 or more characters of a key with a digit.
pub(crate) fn has_key_prefix(word: &str) -> bool {
    // Most names are too short or have no digit, so that no prefix needs to be compared.
    if word.len() <= 16 || !word.bytes().any(|byte| byte.is_ascii_digit()) {
        return false;
    }
    let rests = key_prefixes().filter_map(|prefix| word.strip_prefix(prefix));
    let is_key_character = |c: &char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-');
    let mut runs = rests.map(|rest| rest.chars().take_while(is_key_character).collect::<String>());
    runs.any(|run| run.len() >= 16 && run.contains(|c: char| c.is_ascii_digit()))
}

/// 32 or more hexadecimal digits, also in groups as in a UUID.
fn is_hexadecimal(word: &str) -> bool {
    let digits = word.bytes().filter(|&byte| byte != b'-');
    word.bytes().all(|byte| byte.is_ascii_hexdigit() || byte == b'-') && digits.count() >= 32
}

/// Whether a word is written as environment variables are: `^[A-Z_][A-Z0-9_]*$`.
pub(crate) fn is_constant(word: &str) -> bool {
    word.starts_with(|c: char| c.is_ascii_uppercase() || c == '_')
        && word
            .bytes()
            .all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b'_')
}

/// A name or pattern of the command line in quotes, or `instead` if it may be a secret.
pub(crate) fn quoted(word: &str, instead: &str) -> String {
    if is_plain(word) {
        format!("\"{word}\"")
    } else {
        instead.to_owned()
    }
}

/// Whether a name or pattern is certainly no secret: a short word of letters, or a name in capitals.
pub(crate) fn is_plain(word: &str) -> bool {
    let is_wildcard = |c: char| matches!(c, '*' | '?');
    let capital = |c: char| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_';
    let small = |c: char| c.is_ascii_lowercase() || "_-.".contains(c);
    let is_name = word.len() <= MAX_NAME && word.chars().all(|c| capital(c) || is_wildcard(c));
    let is_word = word.len() <= MAX_WORD && word.chars().all(|c| small(c) || is_wildcard(c));
    !word.is_empty() && (is_name || is_word) && !may_be_secret(word)
}

/// A path of the command line that does not exist; `None` if it may be a secret instead. It is shown if
/// it begins with `.`, `/` or `~` or has an extension, and no part of it may be a secret.
pub(crate) fn missing_path(path: &Path) -> Option<String> {
    let text = path.to_str()?;
    let is_letter_or_digit = |c: char| c.is_ascii_alphanumeric();
    let extension = path.extension().and_then(|extension| extension.to_str());
    let has_extension = extension.is_some_and(|extension| {
        (1..=10).contains(&extension.len()) && extension.chars().all(is_letter_or_digit)
    });
    let is_path = has_extension || text.starts_with(['.', '/', '~']) || path.is_absolute();
    // A key in base64 may contain slashes, but no dot.
    let is_base64 = |c: char| is_letter_or_digit(c) || "+/=".contains(c);
    let whole = text.chars().all(is_base64) && may_be_secret(text);
    let part = text.split(['/', '\\']).any(may_be_secret) || text.contains("://");
    (is_path && !whole && !part).then(|| escape::path(path))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Words of the kinds that R17 lists, none of which is real.
    const SECRETS: [&str; 26] = [
        "sk-ant-api03-c4n4ry-c4n4ry-c4n4ry",
        "sk-proj-0123456789abcdefghij",
        "sk_live_51H8abcdefghijklmnop",
        "ghp_0123456789abcdefghijabcdefghij012345",
        "github_pat_11ABCDEFG0123456789_abcdefghijklmnop",
        "AKIAIOSFODNN7EXAMPLE",
        "xoxb-1234567890-abcdefghijklmnop",
        "glpat-abcdefghij0123456789",
        "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
        "aB3aB3aB3aB3aB3aB3aB",
        "d41d8cd98f00b204e9800998ecf8427e",
        "D41D8CD98F00B204E9800998ECF8427E0000",
        "550e8400-e29b-41d4-a716-446655440000",
        "postgres://u:hunter2@db/app",
        "https://example.invalid/x",
        "dana@example.invalid",
        "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2ln",
        "eyJx.e.s",
        "c2VjcmV0==",
        "c2VjcmV0Ym9keQ=",
        "my-key=",
        "TOKEN=hunter2",
        "a=b",
        "hf_abcdefghijklmnopqrst0",
        "npm_abcdefghijklmnop0123456789",
        "Zm9vYmFy0123456789ABCDEFzz",
    ];

    /// R17: each kind of key, token, password and assignment is found.
    #[test]
    fn keys_tokens_and_assignments_may_be_secrets() {
        for word in SECRETS {
            assert!(may_be_secret(word), "{word}");
            assert_eq!(quoted(word, "-"), "-", "{word}");
            assert_eq!(missing_path(Path::new(word)), None, "{word}");
        }
    }

    /// R17: names of secrets are names.
    #[test]
    fn names_are_no_secrets() {
        for word in [
            "DATABASE_URL",
            "A",
            "AWS_S3_BUCKET_2_SECRET_ACCESS_KEY_FOR_PRODUCTION",
            "my-claude-key",
            "database-url",
            "sk-",
            "sk-key",
            "sk-my-openai-key-for-production",
            "at-home",
            "pk_test",
            "EMPTY=",
            "_X=",
            "1A",
            "a.b",
            "prod.env",
            "deadbeef",
            "ThisIsALongNameWithoutDigits",
            "Production2024",
        ] {
            assert!(!may_be_secret(word), "{word}");
        }
    }

    /// R17: what an error repeats.
    #[test]
    fn only_plain_words_and_paths_are_repeated() {
        for word in ["DB_*", "API_KEY_2", "my-key", "psuh", "prod.env"] {
            assert_eq!(quoted(word, "-"), format!("\"{word}\""));
        }
        for word in [
            "",
            "hunter2",
            "correct horse battery staple",
            "correct-horse-battery-staple",
            "Hunter",
            "a\u{1b}",
        ] {
            assert_eq!(quoted(word, "-"), "-", "{word}");
        }
        for path in [
            "missing.env",
            "./missing",
            "/tmp/.tmpAb3xYz/missing",
            "../x",
            "conf/my app.env",
            ".env",
            "~/x",
        ] {
            assert!(missing_path(Path::new(path)).is_some(), "{path}");
        }
        for path in [
            "hunter2",
            "correct horse battery staple",
            "pass.word with blanks",
            "/wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEK",
            "./sk-ant-api03-c4n4ry-c4n4ry-c4n4ry.txt",
            "postgres://u:p@h/db.sql",
            "/x/dana:hunter2@db/y.env",
        ] {
            assert_eq!(missing_path(Path::new(path)), None, "{path}");
        }
    }
}
