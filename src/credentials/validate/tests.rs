use super::*;
use crate::formats::jwt::tests::token;
use crate::provider::PROVIDERS;
use proptest::prelude::*;

const NOW: &str = "2026-11-23T12:00:00Z";

fn checked(provider: &Provider, kind: CredentialKind, value: &str) -> Result<Checked> {
    let value = SecretValue::new(value.to_owned());
    check(provider, Some(kind), value, "here", false, NOW.parse().unwrap())
}

#[test]
fn a_login_without_a_token_is_refused() {
    for bad in ["", "null", "[]", "{", "hunter2", "{}", r#"{"tokens":{}}"#] {
        let error = checked(&CLAUDE, CredentialKind::OAuth, bad).unwrap_err();
        assert_eq!(error.kind.exit_code(), 4, "{bad}");
        assert!(!error.to_string().contains("hunter2"));
    }
    for bad in [
        "null",
        "{}",
        "7",
        r#"{"accessToken":""}"#,
        r#"{"accessToken":["hunter2"]}"#,
    ] {
        let file = format!(r#"{{"claudeAiOauth":{bad}}}"#);
        let error = checked(&CLAUDE, CredentialKind::OAuth, &file).unwrap_err();
        assert!(!error.to_string().contains("hunter2"), "{bad}");
    }
}

/// R141: the type of a given value is inferred from its form.
#[test]
fn the_type_of_a_value_is_inferred() {
    for (provider, value, kind) in [
        (&CLAUDE, "{}", CredentialKind::OAuth),
        (&CLAUDE, "sk-ant-oat01-x", CredentialKind::OAuth),
        (&CLAUDE, "sk-ant-api03-x", CredentialKind::ApiKey),
        (&CODEX, "at-0123456789abcdefghij\n", CredentialKind::OAuth),
        (&CODEX, "sk-ant-oat01-x", CredentialKind::ApiKey),
        (&CODEX, "sk-x", CredentialKind::ApiKey),
    ] {
        assert_eq!(infer(provider, value), kind, "{value}");
    }
}

/// R141: a key or token of another kind or provider is refused with the command that stores it.
#[test]
fn a_token_of_another_kind_is_refused() {
    let chatgpt = token(r#"{"iss":"https://auth.openai.com"}"#);
    for (provider, value, command) in [
        (&CLAUDE, "sk-ant-oat01-x", "claude push --setup-token"),
        (&CODEX, "sk-ant-api03-x", "claude push --type api_key"),
        (&CLAUDE, "sk-proj-x", "codex push --type api_key"),
        (
            &CODEX,
            "at-0123456789abcdefghij",
            "codex push --type oauth --value -",
        ),
        (&CODEX, &chatgpt, "codex push --type oauth"),
        (
            &CLAUDE,
            "ghp_0123456789abcdefghijabcdefghij012345",
            "secret push NAME",
        ),
        (&CODEX, "AKIAIOSFODNN7EXAMPLE", "secret push NAME"),
    ] {
        let error = checked(provider, CredentialKind::ApiKey, value).unwrap_err();
        assert!(error.hint.unwrap().contains(command), "{value}");
        let literal = SecretValue::new(value.to_owned());
        let now = NOW.parse().unwrap();
        assert!(check(provider, Some(CredentialKind::ApiKey), literal, "here", true, now).is_ok());
    }
}

/// R164: a setup token becomes the login file that Claude Code reads.
#[test]
fn a_setup_token_becomes_a_login() {
    let login = checked(&CLAUDE, CredentialKind::OAuth, " sk-ant-oat01-ab\ncd\n").unwrap();
    let expected = r#"{"claudeAiOauth":{"accessToken":"sk-ant-oat01-abcd","refreshToken":null,"expiresAt":1826971200000,"scopes":["user:inference"]}}"#;
    assert_eq!(login.value.expose_secret(), expected);
    assert!(!login.is_renewable && login.expiry.contains("at most"));
    for bad in ["sk-ant-oat01-", "sk-ant-oat01-\u{1b}[2J", "sk-ant-oat02-x"] {
        assert!(checked(&CLAUDE, CredentialKind::OAuth, bad).is_err(), "{bad:?}");
    }
}

/// R127: other secrets in the file of a login are named, whatever their type; empty members are not.
#[test]
fn other_secrets_in_the_file_are_named() {
    let file = |others: &str| format!(r#"{{"claudeAiOauth":{{"accessToken":"a"}}{others}}}"#);
    for (others, named) in [
        ("", None),
        (
            r#","mcpOAuth":{},"slackTag":"","designOauth":null,"theme":"x""#,
            None,
        ),
        (r#","slackTag":["hunter2"]"#, Some("slackTag")),
        (
            r#","trustedDeviceToken":"hunter2","mcpOAuth":{"github|1":{},"linear|2":7}"#,
            Some("mcpOAuth (github, linear), trustedDeviceToken"),
        ),
    ] {
        let warning = others_warning(&CLAUDE, &file(others), "here");
        let expected = named.map(|named| format!("here contains other secrets that are pushed too: {named}"));
        assert_eq!(warning, expected, "{others}");
    }
    let token = r#"{"personal_access_token":"at-hunter2"}"#;
    assert_eq!(others_warning(&CODEX, token, "here"), None);
}

/// R152: a value without the form of its type is not worth restoring.
#[test]
fn a_stored_value_has_the_form_of_its_type() {
    for (kind, value, has) in [
        (CredentialKind::ApiKey, "key\n", true),
        (CredentialKind::ApiKey, "", false),
        (CredentialKind::ApiKey, " \n", false),
        (CredentialKind::ApiKey, "two words", false),
        (CredentialKind::ApiKey, r#"{"a":1}"#, false),
        (CredentialKind::OAuth, r#"{"a":1}"#, true),
        (CredentialKind::OAuth, "{}", false),
        (CredentialKind::OAuth, "null", false),
        (CredentialKind::OAuth, "key", false),
    ] {
        assert_eq!(
            has_form(kind, &SecretValue::new(value.to_owned())),
            has,
            "{value:?}"
        );
    }
}

#[test]
fn a_key_with_whitespace_is_refused() {
    for bad in [
        "",
        "\n",
        "a b",
        "a\nb",
        "a\n\n",
        "a\u{1b}[2J",
        "a\u{200b}",
        r#"{"a":1}"#,
        "a\0",
    ] {
        assert!(checked(&CLAUDE, CredentialKind::ApiKey, bad).is_err(), "{bad:?}");
    }
    for (value, key) in [
        ("sk-ant-1\n", "sk-ant-1"),
        ("sk-ant-1\r\n", "sk-ant-1"),
        ("x", "x"),
        // Gateways have keys of these forms.
        ("sk-or-v1-0123456789abcdef", "sk-or-v1-0123456789abcdef"),
        ("eyJ0123456789abcdefgh", "eyJ0123456789abcdefgh"),
    ] {
        let checked = checked(&CLAUDE, CredentialKind::ApiKey, value).unwrap();
        assert_eq!(checked.value.expose_secret(), key);
    }
}

/// R141: a provider's own key is no key of another service, whatever provider is added.
#[test]
fn a_key_of_an_added_provider_is_its_own() {
    let provider = Provider {
        id: "gemini",
        key_prefixes: &["AIza"],
        ..CLAUDE
    };
    let key = "AIzaSyA0123456789abcdefghij";
    assert!(checked(&provider, CredentialKind::ApiKey, key).is_ok());
    assert!(checked(&CLAUDE, CredentialKind::ApiKey, key).is_err());
}

proptest! {
    #[test]
    fn any_text_is_refused_without_panic_or_quote(text in "[a-z{}\"\\[\\]:, ]{12,40}", any in any::<String>()) {
        for provider in &PROVIDERS {
            for kind in [CredentialKind::OAuth, CredentialKind::ApiKey] {
                let _ = checked(provider, kind, &any);
                if let Err(error) = checked(provider, kind, &text) {
                    prop_assert!(!error.to_string().contains(&text));
                }
            }
        }
    }
}
