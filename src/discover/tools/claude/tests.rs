use crate::discover::tests::*;
use crate::system::env::Platform;
use crate::system::keychain::tests::MemoryKeychain;

#[test]
fn the_stored_credentials_are_found() {
    assert_found(&[
        (
            &[(CLAUDE_CONFIG, r#"{"primaryApiKey":" sk-ant-1\n"}"#)],
            &["claude_api sk-ant-1 chosen secret used"],
        ),
        // The login of Claude Code goes before its key, but the key has the higher priority.
        (
            &[
                (CLAUDE, LOGIN),
                (CLAUDE_CONFIG, r#"{"primaryApiKey":"sk-ant-1"}"#),
            ],
            &[
                "claude_api sk-ant-1 chosen secret",
                "claude_oauth sk-ant-oat01-item outranked - used",
            ],
        ),
        // Leftovers of older versions rank below what is used.
        (
            &[(CLAUDE, LOGIN), (".claude.json.api", r#"{"apiKey":"sk-ant-1"}"#)],
            &[CLAUDE_USED, "claude_api sk-ant-1 outranked -"],
        ),
        (
            &[(".claude.json.api", r#"{"apiKey":"sk-ant-1"}"#)],
            &["claude_api sk-ant-1 chosen secret"],
        ),
        (&[(CLAUDE_CONFIG, r#"{"apiKey":"other"}"#)], &[]),
        (
            &[(CLAUDE_CONFIG, r#"{"primaryApiKey":"gateway"}"#)],
            &["claude_api gateway chosen secret used"],
        ),
        (
            &[(".claude-oauth-credentials.json", LOGIN)],
            &["claude_oauth sk-ant-oat01-item chosen claude"],
        ),
    ]);
}

/// R123: what may go before a stored credential is named, wherever it is set, and the credential is
/// not said to be in use.
#[test]
fn what_may_go_before_a_credential_is_named() {
    for variable in [
        "ANTHROPIC_AUTH_TOKEN",
        "CLAUDE_CODE_OAUTH_TOKEN",
        "ANTHROPIC_CUSTOM_HEADERS",
        "ANTHROPIC_BASE_URL",
        "CLAUDE_CODE_USE_BEDROCK",
        "ANTHROPIC_PROFILE",
        "ANTHROPIC_FEDERATION_RULE_ID",
        "CLAUDE_CODE_SIMPLE",
    ] {
        let tail = format!("Claude Code may use something else: ${variable}");
        let home = Home::new(&[(CLAUDE, LOGIN)]).set(&[(variable, "1")]);
        assert_rows(&home, &["claude_oauth sk-ant-oat01-item chosen claude"]);
        assert_eq!(home.said(false), tail);
        for file in [
            CLAUDE_CONFIG,
            CLAUDE_SETTINGS,
            ".claude/remote-settings.json",
            "root/etc/claude-code/managed-settings.json",
            "root/etc/claude-code/managed-settings.d/10.json",
        ] {
            let settings = format!(r#"{{"env":{{"{variable}":"1"}}}}"#);
            let home = Home::new(&[(CLAUDE, LOGIN), (file, &settings)]);
            assert_rows(&home, &["claude_oauth sk-ant-oat01-item chosen claude"]);
            let said = home.said(false);
            assert!(
                said.contains(&format!("else: env.{variable} in ~/{file}")),
                "{said}"
            );
        }
    }
    for member in ["apiKeyHelper", "forceLoginMethod", "awsAuthRefresh"] {
        let home = Home::new(&[
            (CLAUDE, LOGIN),
            (CLAUDE_SETTINGS, &format!(r#"{{"{member}":"false"}}"#)),
        ]);
        assert_rows(&home, &["claude_oauth sk-ant-oat01-item chosen claude"]);
        assert!(home.said(false).contains(member), "{member}");
    }
}

/// R123: a key of another server is shown with it, and not pushed under the vendor's names.
#[test]
fn a_key_of_another_server_is_not_pushed() {
    let key = (CLAUDE_CONFIG, r#"{"primaryApiKey":"k"}"#);
    let elsewhere = "claude_api k chosen - @g.example:8080";
    let url = ("ANTHROPIC_BASE_URL", "https://user:pass@g.example:8080/v1");
    let home = Home::new(&[key]).set(&[url]);
    assert_rows(&home, &[elsewhere]);
    assert!(home.said(false).contains("belongs to g.example:8080"));
    // The global configuration sets variables, too (run with 2.1.197).
    let config = r#"{"primaryApiKey":"k","env":{"ANTHROPIC_BASE_URL":"https://g.example:8080"}}"#;
    assert_found(&[(&[(CLAUDE_CONFIG, config)], &[elsewhere])]);
    // It does not stand in the way of a key that can be pushed.
    let groq = r#"{"anthropic":{"type":"api","key":"sk-ant-2"}}"#;
    let both = Home::new(&[key, (OPENCODE, groq)]).set(&[url]);
    assert_rows(&both, &[elsewhere, "opencode sk-ant-2 chosen secret used"]);
    // A login stays Anthropic's.
    let login = Home::new(&[(CLAUDE, LOGIN)]).set(&[url]);
    assert_rows(&login, &["claude_oauth sk-ant-oat01-item chosen claude"]);
    // The settings go before the environment, and a blank value unsets it.
    let blank = r#"{"env":{"ANTHROPIC_BASE_URL":""}}"#;
    let unset = Home::new(&[key, (CLAUDE_SETTINGS, blank)]).set(&[url]);
    assert_rows(&unset, &["claude_api k chosen secret used"]);
}

/// R137: an empty variable means the working directory to Claude Code, where nothing is read.
#[test]
fn an_empty_directory_is_not_the_working_directory() {
    let home = Home::new(&[
        (CLAUDE, LOGIN),
        ("project/.credentials.json", &LOGIN.replace("item", "no")),
    ]);
    let home = home.set(&[("CLAUDE_CONFIG_DIR", "")]);
    assert_rows(&home, &["claude_oauth sk-ant-oat01-item chosen claude"]);
}

/// R125: a login that its tool would not use is shown as unusable, with the reason, and not pushed.
#[test]
fn a_login_that_its_tool_does_not_use_is_unusable() {
    let ended = r#""refreshTokenExpiresAt":1700000000000,"scopes""#;
    assert_unusable(
        CLAUDE,
        &[
            (format!("\u{feff}{LOGIN}"), "byte order mark"),
            (LOGIN.replace("user:inference", "user:profile"), "user:inference"),
            (LOGIN.replace("\"scopes\"", "\"other\""), "user:inference"),
            (LOGIN.replace("\"scopes\"", ended), "refresh token expired"),
            (
                LOGIN.replace("}}", "},\"keychainOverflow\":{\"slot\":\"a\"}}"),
                "split",
            ),
        ],
    );
}

/// R25: a login that has ended says so.
#[test]
fn an_ended_login_is_absent() {
    let ended =
        r#"{"claudeAiOauth":{"accessToken":"","refreshToken":"","expiresAt":0,"loginEnded":"time_limit"}}"#;
    let home = Home::new(&[(CLAUDE, ended)]);
    assert_rows(&home, &[]);
    assert!(home.said(false).contains("has ended (\"time_limit\")"));
}

/// R22: a token of the wrong type is a problem, and does not mean that the login has ended.
#[test]
fn a_token_of_the_wrong_type_is_no_ended_login() {
    let said =
        |token: &str| Home::new(&[(CLAUDE, &LOGIN.replace("\"sk-ant-oat01-item\"", token))]).said(true);
    assert!(said("\"\"").ends_with("the login has ended; log in again with Claude Code"));
    assert!(said("7").ends_with("`claudeAiOauth.accessToken` is not a string"));
}

/// R22: a login that is unreadable, or has a time that only its tool understands, leaves open whether the
/// key is used.
#[test]
fn an_unreadable_login_may_be_used() {
    for login in ["{", &LOGIN.replace("1826984857063", "1826984857")] {
        let home = Home::new(&[(CLAUDE, login), (CLAUDE_CONFIG, r#"{"primaryApiKey":"k"}"#)]);
        assert_rows(&home, &["claude_api k chosen secret"]);
    }
}

/// R128: whatever is not listed is said, with its key, and never with a value.
#[test]
fn nothing_is_dropped_without_a_word() {
    assert_said(
        CLAUDE,
        &[(r#"{"mcpOAuth":{"a":"VALUE"}}"#, "only other secrets: mcpOAuth")],
    );
    assert_said(
        ".config/anthropic/credentials/work.json",
        &[("VALUE", "Anthropic Console")],
    );
}

#[test]
fn on_macos_the_keychain_comes_before_the_files() {
    let home = Home::on(Platform::MacOs).with(&[
        (CLAUDE, &LOGIN.replace("item", "file")),
        (CLAUDE_CONFIG, r#"{"primaryApiKey":"sk-ant-api03-file"}"#),
    ]);
    let keychain = MemoryKeychain::default()
        .with("Claude Code-credentials", "fix", LOGIN)
        .with("Claude Code-credentials", "unknown", r#"{"mcpOAuth":{}}"#)
        .with("Claude Code", "fix", "sk-ant-api03-item");
    let report = home.discover_with(Some(&keychain));
    assert_eq!(
        rows(&report),
        [
            "claude_api sk-ant-api03-item chosen secret",
            "claude_api sk-ant-api03-file outranked -",
            "claude_oauth sk-ant-oat01-item outranked - used",
            "claude_oauth sk-ant-oat01-file outranked -",
        ]
    );
    let mut reads = keychain.reads.borrow().clone();
    reads.sort();
    assert_eq!(
        reads,
        ["Claude Code-credentials/fix", "Claude Code/fix"],
        "each item is read once, and no other account's if the user's own exists"
    );
    assert!(report.problems.is_empty());
}

/// R124: Claude Code does not read its file while the Keychain has an item, whatever the item contains.
#[test]
fn a_keychain_item_without_a_login_hides_the_file() {
    let config = (CLAUDE_CONFIG, r#"{"primaryApiKey":"k"}"#);
    let home = Home::on(Platform::MacOs).with(&[(CLAUDE, LOGIN), config]);
    for (item, uses_file) in [
        ("null", true),
        ("{}", false),
        (r#"{"mcpOAuth":{}}"#, false),
        (r#"{"claudeAiOauth":{"accessToken":""}}"#, false),
        (r#"{"claudeAiOauth":{"accessToken":"t","scopes":[]}}"#, false),
    ] {
        let keychain = MemoryKeychain::default().with("Claude Code-credentials", "fix", item);
        let rows = rows(&home.discover_with(Some(&keychain)));
        let (login, key) = if uses_file { (" used", "") } else { ("", " used") };
        assert_eq!(rows[0], format!("claude_api k chosen secret{key}"), "{item}");
        assert_eq!(
            rows.last().unwrap(),
            &format!("claude_oauth sk-ant-oat01-item outranked -{login}"),
            "{item}"
        );
    }
}

#[test]
fn other_keychain_accounts_are_searched_only_when_the_own_one_is_empty() {
    let keychain = MemoryKeychain::default()
        .with("Claude Code-credentials", "unknown", r#"{"mcpOAuth":{"a":1}}"#)
        .with("Claude Code-credentials", "default", LOGIN);
    let report = Home::on(Platform::MacOs).discover_with(Some(&keychain));
    assert_eq!(rows(&report), ["claude_oauth sk-ant-oat01-item chosen claude"]);
    let place = report.credentials[0].place.shown(None);
    assert_eq!(place, "keychain item Claude Code-credentials (default)");
}

#[test]
fn a_moved_directory_has_its_own_keychain_items() {
    let home = Home::on(Platform::MacOs).set(&[("CLAUDE_CONFIG_DIR", "C:/cfg2/")]);
    let keychain = MemoryKeychain::default()
        .with("Claude Code-credentials", "fix", &LOGIN.replace("item", "other"))
        .with("Claude Code-credentials-9a02e4b9", "fix", LOGIN);
    assert_eq!(rows(&home.discover_with(Some(&keychain))), [CLAUDE_USED]);
}

/// R132: a locked keychain is unreadable, not empty.
#[test]
fn a_locked_keychain_is_unreadable() {
    let home = Home::on(Platform::MacOs).with(&[(CLAUDE, LOGIN)]);
    let keychain = MemoryKeychain::default().locked("Claude Code-credentials", "fix");
    let report = home.discover_with(Some(&keychain));
    assert_eq!(
        rows(&report),
        ["claude_oauth sk-ant-oat01-item chosen claude"],
        "the file is read"
    );
    assert_eq!(
        report.problems[0].shown(None),
        "failed to read keychain item Claude Code-credentials (fix): it is locked, or access was refused"
    );
}

/// R124: Claude Code on Windows has its login in the file, or in the Credential Manager if a feature flag says
/// so; a login that is split there is not dropped silently. A variable that selects it is only named.
#[test]
fn the_credential_manager_is_used_if_it_is_selected() {
    const SERVICE: &str = "Claude Code-credentials";
    let keychain = MemoryKeychain::default().with(SERVICE, "claude-code-user", LOGIN);
    let flag = |on: &str| format!(r#"{{"cachedGrowthBookFeatures":{{"tengu_windows_credman":{on}}}}}"#);
    let home = |config: &str| {
        let file = LOGIN.replace("item", "file");
        Home::on(Platform::Windows).with(&[(CLAUDE, &file), (CLAUDE_CONFIG, config)])
    };
    let file = "claude_oauth sk-ant-oat01-file";
    for config in ["{}", &flag("false"), &flag("1")] {
        let report = home(config).discover_with(Some(&keychain));
        assert_eq!(rows(&report)[0], format!("{file} chosen claude used"));
        assert!(keychain.reads.borrow().is_empty());
    }
    let both = [CLAUDE_USED.to_owned(), format!("{file} outranked -")];
    let selected = home(&flag("true"));
    assert_eq!(rows(&selected.discover_with(Some(&keychain))), both);
    let split = MemoryKeychain::default().with(SERVICE, "claude-code-user#m", r#"{"n":2,"l":9}"#);
    let report = selected.discover_with(Some(&split));
    assert_eq!(rows(&report), [format!("{file} chosen claude")]);
    assert!(report.problems[0].shown(None).contains("is split"));
    let forced = home("{}").set(&[("CLAUDE_CODE_FORCE_WINDOWS_CREDMAN", "1")]);
    assert_rows(&forced, &[&format!("{file} chosen claude")]);
    assert!(forced.said(false).ends_with("$CLAUDE_CODE_FORCE_WINDOWS_CREDMAN"));
}
