//! Which credential Claude Code itself would use.

use std::path::Path;

use serde_json::{Value, json};

#[cfg(target_os = "linux")]
use crate::sandbox::with_etc;
use crate::sandbox::{CANARY, Ran, Sandbox, ran};

const LOGIN: &str = ".claude/.credentials.json";
const SETTINGS: &str = ".claude/settings.json";

/// A login as written by Claude Code, with additional `members`.
fn login(members: &str) -> String {
    format!(
        r#"{{"claudeAiOauth":{{"accessToken":"sk-ant-oat01-{CANARY}","refreshToken":"sk-ant-ort01-{CANARY}","expiresAt":32503680000000{members}}}}}"#
    )
}

fn usable_login() -> String {
    login(r#","scopes":["user:profile","user:inference"]"#)
}

fn sandbox(files: &[(&str, &str)]) -> Sandbox {
    let sandbox = Sandbox::new();
    for (path, content) in files {
        sandbox.write(path, content.replace("CANARY", CANARY));
    }
    sandbox
}

fn extract(sandbox: &Sandbox, variables: &[(&str, &str)]) -> Ran {
    let mut command = sandbox.command(["secret", "extract", "--all", "-o", "json"]);
    command.envs(variables.iter().copied());
    ran(command.output().unwrap())
}

/// As [`extract`], in the directory `repo`.
fn extract_in_repo(sandbox: &Sandbox) -> Ran {
    let repo = sandbox.home().join("repo");
    std::fs::create_dir_all(&repo).unwrap();
    let mut command = sandbox.command(["secret", "extract", "--all", "-o", "json"]);
    ran(command.current_dir(repo).output().unwrap())
}

/// `in_use` of the row from `source`, and the file name at the end of its `overridden_by`.
fn usage_of(run: &Ran, source: &str) -> (Value, String) {
    let rows = run.json();
    let rows = rows.as_array().unwrap();
    let row = rows.iter().find(|row| row["source"] == source);
    let row = row.unwrap_or_else(|| panic!("no {source}: {run:?}"));
    let by = row["overridden_by"].as_str().unwrap_or_default();
    let by = by.rsplit(['/', '\\']).next().unwrap_or_default();
    (row["in_use"].clone(), by.to_owned())
}

/// R124: an empty `CLAUDE_CONFIG_DIR` means the working directory (Claude Code 2.1.331), and an empty
/// variable for the directory of secrets means the default one.
#[test]
fn an_empty_configuration_directory_is_the_working_directory() {
    let in_repo = "repo/.credentials.json";
    for (variable, expected) in [
        ("CLAUDE_CONFIG_DIR", in_repo),
        ("CLAUDE_SECURESTORAGE_CONFIG_DIR", LOGIN),
    ] {
        let sandbox = sandbox(&[(in_repo, &usable_login()), (LOGIN, &usable_login())]);
        let mut command = sandbox.command(["secret", "extract", "-o", "json"]);
        command.current_dir(sandbox.home().join("repo")).env(variable, "");
        let rows = ran(command.output().unwrap()).exits(0).json();
        let origin = rows[0]["origin"].as_str().unwrap();
        assert!(Path::new(origin).ends_with(expected), "{variable}: {origin}");
    }
}

/// R123: a variable that overrides the login is named, in the environment and in every settings file,
/// and the row is not in use.
#[test]
fn every_override_of_a_login_is_named() {
    for (variable, value) in [
        ("ANTHROPIC_AUTH_TOKEN", CANARY),
        ("ANTHROPIC_API_KEY", CANARY),
        ("CLAUDE_CODE_OAUTH_TOKEN", CANARY),
        ("CLAUDE_CODE_OAUTH_TOKEN_FILE_DESCRIPTOR", "9"),
        ("CLAUDE_CODE_API_KEY_FILE_DESCRIPTOR", "9"),
        ("CLAUDE_CODE_USE_BEDROCK", "1"),
        ("CLAUDE_CODE_USE_VERTEX", "true"),
        ("CLAUDE_CODE_USE_FOUNDRY", "yes"),
        ("CLAUDE_CODE_USE_ANTHROPIC_GOOGLE_CLOUD", "on"),
    ] {
        let world = sandbox(&[(LOGIN, &usable_login())]);
        let run = extract(&world, &[(variable, value)]).exits(0);
        assert_eq!(
            usage_of(&run, "claude_oauth"),
            (json!(false), format!("${variable}"))
        );
        run.stderr_contains(&format!("${variable}"))
            .stderr_contains("amika secret");
        for settings in [
            SETTINGS,
            "repo/.claude/settings.json",
            "repo/.claude/settings.local.json",
        ] {
            let world = sandbox(&[(LOGIN, &usable_login())]);
            world.write(settings, json!({"env": {variable: value}}).to_string());
            let run = extract_in_repo(&world).exits(0);
            // Claude Code ignores a setup token in project settings.
            let counts = settings == SETTINGS || variable != "CLAUDE_CODE_OAUTH_TOKEN";
            let in_use = usage_of(&run, "claude_oauth").0;
            assert_eq!(in_use, json!(!counts), "{variable} in {settings}");
            run.stderr_contains(&format!("env.{variable} in "));
        }
    }
}

/// R123: of several overrides, the one that Claude Code uses is named.
#[test]
fn the_strongest_override_is_named() {
    const API_KEY: (&str, &str) = ("ANTHROPIC_API_KEY", CANARY);
    const SETUP_TOKEN: (&str, &str) = ("CLAUDE_CODE_OAUTH_TOKEN", CANARY);
    for (variables, strongest) in [
        (
            vec![("ANTHROPIC_AUTH_TOKEN", CANARY), API_KEY],
            "$ANTHROPIC_AUTH_TOKEN",
        ),
        (vec![API_KEY, SETUP_TOKEN], "$ANTHROPIC_API_KEY"),
    ] {
        let world = sandbox(&[(LOGIN, &usable_login())]);
        let run = extract(&world, &variables).exits(0);
        assert_eq!(
            usage_of(&run, "claude_oauth"),
            (json!(false), strongest.to_owned())
        );
    }
    let helper = sandbox(&[
        (LOGIN, &usable_login()),
        (SETTINGS, r#"{"apiKeyHelper":"false"}"#),
    ]);
    let run = extract(&helper, &[SETUP_TOKEN]).exits(0);
    assert_eq!(usage_of(&run, "claude_oauth").1, "settings.json");
    // A setup token in project settings does not hide the one in the environment.
    let world = sandbox(&[(LOGIN, &usable_login())]);
    world.write(
        "repo/.claude/settings.json",
        json!({"env": {"CLAUDE_CODE_OAUTH_TOKEN": CANARY}}).to_string(),
    );
    let mut command = world.command(["secret", "extract", "-o", "json"]);
    command.env("CLAUDE_CODE_OAUTH_TOKEN", CANARY);
    let run = ran(command.current_dir(world.home().join("repo")).output().unwrap());
    assert_eq!(usage_of(&run, "claude_oauth").1, "$CLAUDE_CODE_OAUTH_TOKEN");
}

/// R123: a disabled switch, an empty variable and an empty setting override nothing.
#[test]
fn empty_and_disabled_settings_do_not_override_a_login() {
    for (variable, value) in [
        ("CLAUDE_CODE_USE_BEDROCK", "0"),
        ("CLAUDE_CODE_USE_VERTEX", "false"),
        ("CLAUDE_CODE_USE_FOUNDRY", "enabled"),
        ("CLAUDE_CODE_USE_GATEWAY", "1"),
        ("ANTHROPIC_AUTH_TOKEN", ""),
        ("ANTHROPIC_API_KEY", "  "),
        ("ANTHROPIC_IDENTITY_TOKEN", CANARY),
    ] {
        let world = sandbox(&[(LOGIN, &usable_login())]);
        let run = extract(&world, &[(variable, value)]).exits(0);
        assert_eq!(
            usage_of(&run, "claude_oauth"),
            (json!(true), String::new()),
            "{variable}"
        );
    }
    let emptied = sandbox(&[
        (LOGIN, &usable_login()),
        (SETTINGS, r#"{"env":{"ANTHROPIC_API_KEY":""},"apiKeyHelper":""}"#),
    ]);
    let run = extract(&emptied, &[("ANTHROPIC_API_KEY", CANARY)]).exits(0);
    assert_eq!(usage_of(&run, "claude_oauth").0, json!(true));
}

/// R123: a helper is reported and never run.
#[test]
fn a_helper_overrides_a_login_and_is_not_run() {
    let world = sandbox(&[
        (LOGIN, &usable_login()),
        (SETTINGS, r#"{"apiKeyHelper":"touch ran"}"#),
    ]);
    let run = extract(&world, &[]).exits(0);
    assert_eq!(
        usage_of(&run, "claude_oauth"),
        (json!(false), "settings.json".to_owned())
    );
    run.stderr_contains("apiKeyHelper in ");
    assert!(!world.home().join("ran").exists());
}

/// R123: Claude Code ignores the whole settings file if its helper is not a string.
#[test]
fn a_settings_file_that_claude_code_ignores_sets_nothing() {
    let settings = json!({"apiKeyHelper": 7, "env": {"ANTHROPIC_API_KEY": CANARY}});
    let world = sandbox(&[(LOGIN, &usable_login()), (SETTINGS, &settings.to_string())]);
    let run = extract(&world, &[]).exits(4).stderr_contains("`apiKeyHelper`");
    assert_eq!(usage_of(&run, "claude_oauth").0, json!(true));
}

/// R124: system-wide managed settings are read, and the strongest of them applies.
#[cfg(target_os = "linux")]
#[test]
fn managed_settings_override_a_login() {
    for (path, content, named) in [
        (
            "etc/claude-code/managed-settings.json",
            r#"{"env":{"ANTHROPIC_API_KEY":"CANARY"}}"#,
            "env.ANTHROPIC_API_KEY in /etc/claude-code",
        ),
        (
            "etc/claude-code/managed-settings.json",
            r#"{"apiKeyHelper":"false"}"#,
            "apiKeyHelper in /etc/claude-code",
        ),
        (
            "etc/claude-code/managed-settings.d/10.json",
            r#"{"env":{"ANTHROPIC_AUTH_TOKEN":"CANARY"}}"#,
            "managed-settings.d/10.json",
        ),
    ] {
        let world = sandbox(&[(LOGIN, &usable_login()), (path, content)]);
        let Some(run) = with_etc(&world, &world.command(["secret", "extract", "-o", "json"])) else {
            return;
        };
        let run = run.exits(0).stderr_contains(named);
        assert_eq!(usage_of(&run, "claude_oauth").0, json!(false), "{path}");
        // With `--homedir`, system-wide settings are not read.
        let home = world.home().to_str().unwrap();
        let elsewhere = world.command(["secret", "extract", "-o", "json", "--homedir", home]);
        let run = with_etc(&world, &elsewhere).unwrap().exits(0);
        assert_eq!(usage_of(&run, "claude_oauth").0, json!(true), "{path}");
    }
}

/// R123: the stored key has the higher priority, and a notice says that Claude Code uses the login.
#[test]
fn a_stored_key_beside_a_login_is_not_in_use() {
    let world = sandbox(&[
        (LOGIN, &usable_login()),
        (".claude.json", r#"{"primaryApiKey":"sk-ant-api03-CANARY"}"#),
    ]);
    let run = extract(&world, &[]).exits(0);
    assert_eq!(run.json()[0]["source"], "claude_api");
    assert_eq!(run.json()[0]["state"], "chosen");
    assert_eq!(
        usage_of(&run, "claude_api"),
        (json!(false), ".credentials.json".to_owned())
    );
    assert_eq!(
        usage_of(&run, "claude_oauth"),
        (json!(true), ".claude.json".to_owned())
    );
    let login = "Claude Code itself uses the login in ~/.claude/.credentials.json, not the API key in";
    world
        .run("secret extract")
        .exits(0)
        .stderr_contains(&format!("{login} ~/.claude.json"));
    let run = ran(world
        .command(["secret", "extract", "--no-oauth", "-o", "json"])
        .output()
        .unwrap());
    assert_eq!(usage_of(&run.exits(0), "claude_api").0, json!(false));
}

/// R22, R123: if the login cannot be read, `in_use` of a stored key is null; a key that only older
/// versions read is never in use.
#[test]
fn a_stored_key_beside_an_unreadable_login_may_be_in_use() {
    for (path, in_use) in [(".claude.json", Value::Null), (".claude.json.api", json!(false))] {
        let world = sandbox(&[
            (LOGIN, r#"{"claudeAiOauth": "#),
            (path, r#"{"primaryApiKey":"sk-ant-api03-CANARY"}"#),
        ]);
        let run = extract(&world, &[]).exits(4);
        assert_eq!(usage_of(&run, "claude_api").0, in_use, "{path}");
    }
}

/// R123: a gateway key may have any prefix, and whitespace around it is ignored.
#[test]
fn a_gateway_key_may_have_any_format() {
    let world = sandbox(&[(".claude.json", "{\"primaryApiKey\":\" gateway-CANARY\\n\"}")]);
    let run = extract(&world, &[]).exits(0).stderr_contains("gateway");
    assert_eq!(usage_of(&run, "claude_api"), (json!(true), String::new()));
    world
        .run("secret extract --push --only CLAUDE_API_KEY --yes")
        .exits(0);
    let pushed = world.vault.value("CLAUDE_API_KEY", "user");
    assert_eq!(pushed, Some(format!("gateway-{CANARY}")));
}

/// R123: stores that only older versions read rank below those in use.
#[test]
fn stores_of_older_versions_have_the_lowest_priority() {
    let old_login = usable_login().replace("oat01", "oat00");
    for (path, content) in [
        (".claude.json.api", r#"{"primaryApiKey":"sk-ant-api03-CANARY"}"#),
        (".claude.json", r#"{"apiKey":"sk-ant-api03-CANARY"}"#),
        (".claude.json", r#"{"customApiKey":"sk-ant-api03-CANARY"}"#),
        (".claude-oauth-credentials.json", &old_login),
    ] {
        let alone = sandbox(&[(path, content)]);
        let run = extract(&alone, &[]).exits(0).stderr_contains("older version");
        assert_eq!(run.json()[0]["state"], "chosen", "{path}");
        assert_eq!(run.json()[0]["in_use"], json!(false), "{path}");
        let beside = sandbox(&[(path, content), (LOGIN, &usable_login())]);
        let run = extract(&beside, &[]).exits(0);
        let origin = run.json()[0]["origin"].as_str().unwrap().to_owned();
        assert!(Path::new(&origin).ends_with(LOGIN), "{origin}");
        assert_eq!(run.json()[0]["in_use"], json!(true), "{path}");
        assert!(!run.stderr.contains("itself uses"), "{path}: {}", run.stderr);
    }
}

/// R125: a login that Claude Code cannot use is reported but not listed.
#[test]
fn a_login_that_claude_code_cannot_use_is_not_listed() {
    for (content, code, word) in [
        (login(""), 0, "user:inference"),
        (login(r#","scopes":null"#), 0, "user:inference"),
        (login(r#","scopes":["user:profile"]"#), 0, "user:inference"),
        (login(r#","scopes":"user:inference""#), 0, "user:inference"),
        (format!("\u{feff}{}", usable_login()), 4, "byte order mark"),
    ] {
        let world = sandbox(&[(LOGIN, &content)]);
        let run = extract(&world, &[]).exits(code).stderr_contains(word);
        assert_eq!(run.json(), json!([]), "{content}");
    }
}

/// R127: a login whose refresh token has expired is reported as not renewable.
#[test]
fn an_expired_refresh_token_is_reported() {
    let ended = r#","refreshTokenExpiresAt":1700000000000,"scopes":["user:inference"]"#;
    let world = sandbox(&[(LOGIN, &login(ended))]);
    extract(&world, &[]).exits(0).stderr_contains("cannot be renewed");
    let expired = login(ended).replace("32503680000000", "1700000000000");
    let world = sandbox(&[(LOGIN, &expired)]);
    extract(&world, &[])
        .exits(0)
        .stderr_contains("has expired and cannot be renewed; log in again");
}

/// Tokens of a Console sign-in.
const TOKENS: &str = r#"{"type":"oauth_token","access_token":"CANARY","expires_at":32503680000}"#;
const CONSOLE: &str = r#"{"authentication":{"type":"user_oauth"}}"#;

/// R123, R124: the active profile is found by its name and by its `credentials_path`. A stored login
/// and a stored key override it.
#[test]
fn a_console_profile_is_reported() {
    for files in [
        vec![(".config/anthropic/credentials/default.json", TOKENS)],
        vec![
            (".config/anthropic/active_config", "work\n"),
            (".config/anthropic/configs/work.json", CONSOLE),
            (".config/anthropic/credentials/work.json", TOKENS),
        ],
        vec![
            (
                ".config/anthropic/configs/default.json",
                r#"{"authentication":{"credentials_path":"elsewhere/t.json"}}"#,
            ),
            ("elsewhere/t.json", TOKENS),
        ],
    ] {
        let world = sandbox(&files);
        extract(&world, &[])
            .exits(0)
            .stderr_contains("Anthropic Console sign-in");
        world.write(
            ".claude.json",
            format!(r#"{{"primaryApiKey":"sk-ant-{CANARY}"}}"#),
        );
        assert_eq!(usage_of(&extract(&world, &[]), "claude_api").0, json!(true));
        world.write(LOGIN, usable_login());
        assert_eq!(usage_of(&extract(&world, &[]), "claude_oauth").0, json!(true));
    }
}

/// R123: a profile selected by name overrides a login if it is signed in, and a stored key overrides
/// both.
#[test]
fn a_selected_profile_overrides_a_login() {
    let profile: [(&str, &str); 3] = [
        (LOGIN, &usable_login()),
        (".config/anthropic/configs/work.json", CONSOLE),
        (".config/anthropic/credentials/work.json", TOKENS),
    ];
    let work = [("ANTHROPIC_PROFILE", "work")];
    let world = sandbox(&profile);
    let run = extract(&world, &work).exits(0);
    assert_eq!(
        usage_of(&run, "claude_oauth"),
        (json!(false), "$ANTHROPIC_PROFILE".to_owned())
    );
    assert_eq!(usage_of(&extract(&world, &[]), "claude_oauth").0, json!(true));
    world.write(SETTINGS, r#"{"env":{"ANTHROPIC_PROFILE":"work"}}"#);
    assert_eq!(usage_of(&extract(&world, &[]), "claude_oauth").0, json!(false));
    world.write(
        ".claude.json",
        format!(r#"{{"primaryApiKey":"sk-ant-{CANARY}"}}"#),
    );
    assert_eq!(usage_of(&extract(&world, &[]), "claude_api").0, json!(true));
    for files in [&profile[..1], &profile[..2], &[profile[0], profile[2]]] {
        let run = extract(&sandbox(files), &work).exits(0);
        assert_eq!(usage_of(&run, "claude_oauth").0, json!(true), "{files:?}");
        run.stderr_contains("not signed in");
    }
    let project = sandbox(&profile);
    project.write(
        "repo/.claude/settings.json",
        r#"{"env":{"ANTHROPIC_PROFILE":"work"}}"#,
    );
    let run = extract_in_repo(&project)
        .exits(0)
        .stderr_contains("it is a project setting");
    assert_eq!(usage_of(&run, "claude_oauth").0, json!(true));
}

/// R123: a workload identity overrides a login, and a stored key overrides both.
#[test]
fn a_workload_identity_overrides_a_login() {
    let federation = r#"{"authentication":{"type":"oidc_federation"}}"#;
    let variables = [
        ("ANTHROPIC_IDENTITY_TOKEN", CANARY),
        ("ANTHROPIC_FEDERATION_RULE_ID", "fdrl_1"),
        ("ANTHROPIC_ORGANIZATION_ID", "o"),
    ];
    let of_profile = sandbox(&[
        (LOGIN, &usable_login()),
        (".config/anthropic/configs/default.json", federation),
    ]);
    let of_variables = sandbox(&[(LOGIN, &usable_login())]);
    for (world, variables, by) in [
        (&of_profile, &variables[..0], "default.json"),
        (&of_variables, &variables[..], "$ANTHROPIC_IDENTITY_TOKEN"),
    ] {
        let run = extract(world, variables)
            .exits(0)
            .stderr_contains("workload identity");
        assert_eq!(usage_of(&run, "claude_oauth"), (json!(false), by.to_owned()));
        let key = format!(r#"{{"primaryApiKey":"sk-ant-{CANARY}"}}"#);
        world.write(".claude.json", key);
        assert_eq!(usage_of(&extract(world, variables), "claude_api").0, json!(true));
    }
}

/// R28, R127: a login that is not valid UTF-8 is listed, and reported as impossible to push.
#[test]
fn a_login_that_is_not_utf8_is_reported() {
    let world = sandbox(&[]);
    let mut bytes = login(r#","scopes":["user:inference",7],"subscriptionType":"m?x""#).into_bytes();
    let at = bytes.iter().position(|byte| *byte == b'?').unwrap();
    bytes[at] = 0xe4;
    world.write(LOGIN, bytes);
    let run = extract(&world, &[]).exits(0).stderr_contains("not valid UTF-8");
    assert_eq!(usage_of(&run, "claude_oauth").0, json!(true));
    world
        .run("secret claude push --type oauth")
        .exits(4)
        .stderr_contains("not valid UTF-8");
}
