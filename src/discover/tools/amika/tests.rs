use crate::discover::tests::*;

#[test]
fn the_stored_keys_are_found() {
    assert_found(&[(
        &[
            (
                ".cache/amika/env-cache.json",
                r#"{"groq_Api_key":" a ","PORT":"1"}"#,
            ),
            (".local/share/amika/keychain.json", r#"{"GROQ_API_KEY":"b"}"#),
            (".local/state/amika/oauth.json", r#"{"CLAUDE_API_KEY":"c"}"#),
        ],
        &[
            "amika_env_cache a chosen secret",
            "amika_keychain b outranked -",
            "amika_oauth c chosen -",
        ],
    )]);
}

/// R128: whatever is not listed is said, with its key, and never with a value.
#[test]
fn nothing_is_dropped_without_a_word() {
    assert_said(
        ".cache/amika/env-cache.json",
        &[(r#"{"PORT":"VALUE"}"#, "not keys: the entry \"PORT\"")],
    );
}
