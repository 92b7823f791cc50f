//! `amika secret claude|codex push, list, delete`.

use std::fs;

use serde_json::{Value, json};

use crate::sandbox::{CANARY, Ran, Sandbox, feed, ran};
use crate::support::faults::{Behaviour, Fault};
use crate::support::idp::now;

/// The two providers, with a login as written by each tool and its file.
fn logins() -> [(&'static str, &'static str, String); 2] {
    // A JWT with the claims {"exp":32503680000}.
    let jwt = format!("e30.eyJleHAiOjMyNTAzNjgwMDAwfQ.{CANARY}");
    [
        (
            "claude",
            ".claude/.credentials.json",
            format!(
                r#"{{"claudeAiOauth":{{"accessToken":"sk-ant-oat01-{CANARY}","refreshToken":"sk-ant-ort01-{CANARY}","expiresAt":32503680000000,"scopes":["user:inference"]}},"organizationUuid":"ö"}}"#
            ),
        ),
        (
            "codex",
            ".codex/auth.json",
            format!(
                "{{\n  \"auth_mode\": \"chatgpt\",\n  \"OPENAI_API_KEY\": null,\n  \"tokens\": {{\n    \"id_token\": \"e30.e30.c2ln\",\n    \"access_token\": \"{jwt}\",\n    \"refresh_token\": \"{CANARY}\"\n  }}\n}}\n"
            ),
        ),
    ]
}

/// The only credential in the vault: name, kind, scope, value.
fn only(sandbox: &Sandbox, provider: &str) -> [String; 4] {
    let stored = sandbox.vault.stored(provider);
    assert_eq!(stored.len(), 1);
    let only = stored[0].clone();
    [only.name, only.kind, only.scope, only.value]
}

/// R33, R34: the login of this machine arrives byte for byte, and it is said that both ends share it. Claude
/// Code and Codex cannot read a file with a byte order mark.
#[test]
fn a_stored_login_is_pushed_byte_for_byte() {
    for (provider, path, login) in logins() {
        let title = if provider == "claude" {
            "Claude OAuth"
        } else {
            "Codex OAuth"
        };
        let lines = [
            format!("secret {provider} push --type oauth"),
            format!("secret {provider} push --from-file ~/{path}"),
            format!("secret {provider} push --from-file={path} --type oauth"),
            format!("secrets {provider} push --yes"),
        ];
        for line in lines {
            let sandbox = Sandbox::new();
            sandbox.write(path, &login);
            let run = sandbox
                .run(&line)
                .exits(0)
                .stdout_contains(&format!("Created {title} in user scope"))
                .stderr_contains("will share one login")
                .stderr_contains("or logs out")
                .stderr_contains(&format!("amika secret {provider} push --new-login"));
            assert_eq!(run.stderr.contains("--setup-token"), provider == "claude");
            assert_eq!(only(&sandbox, provider), [title, "oauth", "user", &login]);
        }
        let marked = format!("\u{feff}{login}");
        for line in [
            "--from-file -",
            "--from-file /dev/stdin",
            "--value -",
            "--value - --type oauth",
        ] {
            let sandbox = Sandbox::new();
            let line = format!("secret {provider} push {line}");
            sandbox
                .run_with(&line, &marked)
                .exits(4)
                .stderr_contains("byte order mark");
            sandbox.run_with(&line, &login).exits(0);
            assert_eq!(
                only(&sandbox, provider)[3],
                login,
                "the value from standard input is complete"
            );
        }
    }
}

#[test]
fn an_api_key_comes_from_the_variable_then_from_the_stores() {
    for (provider, variable, title) in [
        ("claude", "ANTHROPIC_API_KEY", "Claude API Key"),
        ("codex", "OPENAI_API_KEY", "Codex API Key"),
        ("codex", "CODEX_API_KEY", "Codex API Key"),
    ] {
        let sandbox = Sandbox::new();
        let stores = format!(
            r#"{{"anthropic":{{"type":"api","key":"stored-{CANARY}"}},"openai":{{"type":"api","key":"stored-{CANARY}"}}}}"#
        );
        let push = ["secret", provider, "push", "--type", "api_key"];
        ran(sandbox.command(push).output().unwrap())
            .exits(4)
            .stderr_contains(&format!("No {} credentials found", &title[..6].trim_end()))
            .stderr_contains("_API_KEY environment variable is not set");
        sandbox.write(".local/share/opencode/auth.json", stores);
        ran(sandbox.command(push).output().unwrap()).exits(0);
        assert_eq!(
            only(&sandbox, provider),
            [title, "api_key", "user", &format!("stored-{CANARY}")]
        );
        let named = [&push[..], &["--name", "other", "--scope", "org", "-o", "json"]].concat();
        let run = sandbox
            .command(named)
            .env(variable, format!("key-{CANARY}"))
            .output();
        let run = ran(run.unwrap()).exits(0).json();
        assert_eq!(run["status"], "created");
        assert_eq!(
            (&run["name"], &run["scope"], &run["type"]),
            (&json!("other"), &json!("org"), &json!("api_key"))
        );
        assert_eq!(sandbox.vault.stored(provider)[1].value, format!("key-{CANARY}"));
    }
}

#[test]
fn a_given_value_needs_no_type() {
    let sandbox = Sandbox::new();
    sandbox
        .run(&format!("secret claude push --value sk-ant-{CANARY}"))
        .exits(0)
        .stdout_contains("Claude API Key");
    sandbox
        .run_with(
            "secret codex push --value - --name b",
            format!("sk-proj-{CANARY}\n"),
        )
        .exits(0);
    assert_eq!(only(&sandbox, "codex")[3], format!("sk-proj-{CANARY}"));
    sandbox.run("secret claude push --value x --from-file y").exits(2);
}

/// R141: a key with quotes, a name or a variable around it is refused.
#[test]
fn a_key_with_what_was_copied_along_with_it_is_refused() {
    let sandbox = Sandbox::new();
    for input in [
        "\"c4n4ry\"",
        "'c4n4ry'",
        "OPENAI_API_KEY=c4n4ry",
        "$OPENAI_API_KEY",
    ] {
        for line in [
            "secret codex push --value -",
            "secret claude push --type api_key --from-file -",
        ] {
            let ran = sandbox.run_with(line, input).exits(4);
            assert!(
                ran.stderr.contains("contains spaces or invalid characters"),
                "{}",
                ran.stderr
            );
        }
    }
    assert_eq!(sandbox.vault.writes(), 0);
    sandbox
        .run_with("secret codex push --value -", "a2V5LXdpdGgtcGFkZGluZw==")
        .exits(0);
}

/// R125, R127, R141: what the tool would not use, and keys and tokens of another kind, are refused with the
/// reason before any request.
#[test]
fn an_invalid_credential_is_refused_before_any_request() {
    let sandbox = Sandbox::new();
    let expired =
        r#"{"claudeAiOauth":{"accessToken":"c4n4ry","scopes":["user:inference"],"expiresAt":1700000000000}}"#;
    let unscoped = r#"{"claudeAiOauth":{"accessToken":"c4n4ry","refreshToken":"c4n4ry"}}"#;
    let split = r#"{"claudeAiOauth":{"accessToken":"c4n4ry","scopes":["user:inference"]},"keychainOverflow":{"slot":"a","key":"c4n4ry"}}"#;
    let no_id = r#"{"tokens":{"access_token":"c4n4ry","refresh_token":"c4n4ry"}}"#;
    let codex_key = r#"{"auth_mode":"apikey","OPENAI_API_KEY":"c4n4ry"}"#;
    for (provider, arguments, input, part) in [
        (
            "claude",
            "--type oauth",
            "c4n4ry",
            "OAuth credentials must be valid JSON",
        ),
        ("claude", "", "{}", "it contains no Claude login"),
        ("claude", "", expired, "expired at 2023-11-14T22:13:20Z"),
        ("claude", "", unscoped, "lacks the scope user:inference"),
        ("claude", "", split, "split"),
        ("claude", "", no_id, "this is a file of Codex"),
        ("codex", "", no_id, "`tokens.id_token` is missing"),
        ("codex", "", expired, "this is a file of Claude Code"),
        (
            "codex",
            "--type oauth",
            "sk-ant-oat01-c4n4ry",
            "claude push --setup-token",
        ),
        (
            "claude",
            "--type api_key",
            "sk-ant-oat01-c4n4ry",
            "claude push --setup-token",
        ),
        (
            "claude",
            "",
            "sk-proj-c4n4ry",
            "amika secret codex push --type api_key",
        ),
        (
            "codex",
            "",
            "sk-ant-api03-c4n4ry",
            "amika secret claude push --type api_key",
        ),
        (
            "claude",
            "",
            "at-c4n4ry-0123456789-abcdef",
            "amika secret codex push --type oauth",
        ),
        ("codex", "", codex_key, "it contains no Codex login"),
        ("codex", "--type api_key", codex_key, "not an API key"),
        (
            "claude",
            "",
            r#"{"claudeAiOauth":{"accessToken":"c4n4ry"#,
            "must be valid JSON",
        ),
        (
            "claude",
            "--type api_key",
            r#"{"claudeAiOauth":{"accessToken":"c4n4ry"#,
            "not an API key",
        ),
        (
            "codex",
            "",
            "c4n4ry c4n4ry",
            "contains spaces or invalid characters",
        ),
        ("codex", "", "", "is empty"),
    ] {
        let line = format!("secret {provider} push --from-file - {arguments}");
        sandbox.run_with(&line, input).exits(4).stderr_contains(part);
    }
    sandbox
        .run("secret claude push --from-file missing.json")
        .exits(4)
        .stderr_contains("reading credentials file");
    sandbox
        .run("secret claude push --from-file .")
        .exits(4)
        .stderr_contains("is a directory");
    sandbox.write("binary", [0xff, 0xfe]);
    sandbox
        .run("secret claude push --from-file binary")
        .exits(4)
        .stderr_contains("not valid UTF-8");
    sandbox.run("secret claude push --type password").exits(2);
    sandbox.run("secret claude push --scope everyone").exits(2);
    sandbox
        .run("secret claude push --type oauth")
        .exits(4)
        .stderr_contains("No Claude credentials found");
    assert!(sandbox.vault.requests().is_empty());
}

/// R141: the command that a refusal names stores the value; `--literal` stores it as it is.
#[test]
fn a_key_of_another_provider_is_refused_with_the_command_for_it() {
    let key = format!("sk-ant-api03-{CANARY}");
    let sandbox = Sandbox::new();
    sandbox
        .run_with("secret codex push --value -", &key)
        .exits(4)
        .stderr_contains("`amika secret claude push --type api_key --value -`");
    sandbox
        .run_with("secret claude push --type api_key --value -", &key)
        .exits(0);
    assert_eq!(only(&sandbox, "claude")[3], key);
    sandbox
        .run_with("secret codex push --value - --literal", &key)
        .exits(0);
    assert_eq!(only(&sandbox, "codex")[1..], ["api_key", "user", &key]);
}

/// A value that begins with a dash is not taken for an option, and an option not for the value.
#[test]
fn a_value_that_begins_with_a_dash_needs_an_equals_sign() {
    let sandbox = Sandbox::new();
    for line in ["--value -sk-c4n4ry", "--value --force"] {
        sandbox
            .run(&format!("secret claude push {line}"))
            .exits(2)
            .stderr_contains("--value=-x");
    }
    assert!(sandbox.vault.requests().is_empty());
    sandbox.run("secret claude push --value=-sk-c4n4ry").exits(0);
    assert_eq!(only(&sandbox, "claude")[3], "-sk-c4n4ry");
}

/// R139, R140: a reference or ciphertext is refused with the pipe that works, from every source; a placeholder
/// is a warning.
#[test]
fn a_value_that_is_no_secret_yet_is_refused() {
    let sandbox = Sandbox::new();
    for (value, what, pipe) in [
        (
            "op://Private/claude/key",
            "1Password",
            "op read REFERENCE | amika secret claude push --value -",
        ),
        (
            "ENC[AES256_GCM,data:c4n4ry]",
            "SOPS",
            "amika secret claude push --value -",
        ),
        (
            "$ANSIBLE_VAULT;1.1;AES256\n6162",
            "Ansible Vault",
            "amika secret claude push --value -",
        ),
        (
            r#"{"claudeAiOauth":{"accessToken":"ENC[AES256_GCM,data:x]","scopes":["user:inference"]},"sops":{"mac":"ENC[AES256_GCM,data:x]"}}"#,
            "SOPS",
            "amika secret claude push --value -",
        ),
    ] {
        for options in ["--value -", "--from-file -", "--type api_key --value -"] {
            sandbox
                .run_with(&format!("secret claude push {options}"), value)
                .exits(4)
                .stderr_contains(what)
                .stderr_contains(pipe);
        }
    }
    let mut command = sandbox.command(["secret", "claude", "push", "--type", "api_key"]);
    command.env("ANTHROPIC_API_KEY", "op://Private/claude/key");
    ran(command.output().unwrap())
        .exits(4)
        .stderr_contains("1Password");
    assert!(sandbox.vault.requests().is_empty());
    sandbox
        .run_with(
            "secret claude push --value - --literal",
            "op://Private/claude/key",
        )
        .exits(0);
    sandbox
        .run_with("secret claude push --value - --name b", "your-api-key-here")
        .exits(0)
        .stderr_contains("placeholder");
}

/// R34: it is said to which server a key belongs, if that is not the vendor's own.
#[test]
fn the_server_of_a_key_is_named() {
    let sandbox = Sandbox::new();
    sandbox.write(".claude.json", r#"{"primaryApiKey":"c4n4ry-key"}"#);
    let settings = r#"{"env":{"ANTHROPIC_BASE_URL":"https://llm.example"}}"#;
    sandbox.write(".claude/settings.json", settings);
    sandbox
        .run("secret claude push --type api_key --dry-run")
        .exits(0)
        .stderr_contains("from ~/.claude.json, for llm.example\n");
}

/// R164: a setup token is stored in the form that Claude Code reads, from wherever it comes.
#[test]
fn a_setup_token_is_stored_as_a_login_of_a_year() {
    let token = format!("sk-ant-oat01-{CANARY}_ab-1");
    let check = |sandbox: &Sandbox, run: Ran| {
        let run = run.exits(0).stderr_contains("at most a year");
        assert!(!run.stderr.contains("share one login"), "{}", run.stderr);
        let [name, kind, scope, value] = only(sandbox, "claude");
        assert_eq!([name, kind, scope], ["Claude OAuth", "oauth", "user"]);
        let value: Value = serde_json::from_str(&value).unwrap();
        let login = &value["claudeAiOauth"];
        assert_eq!(login["accessToken"], token);
        assert_eq!(login["refreshToken"], Value::Null);
        assert_eq!(login["scopes"], json!(["user:inference"]));
        let seconds = login["expiresAt"].as_i64().unwrap() / 1000 - now();
        assert!((seconds - 365 * 86_400).abs() < 3600, "{seconds}");
    };
    for line in [
        "--setup-token",
        "--setup-token --type oauth",
        "--value -",
        "--type oauth --value -",
        "--from-file -",
    ] {
        let sandbox = Sandbox::new();
        let run = sandbox.run_with(&format!("secret claude push {line}"), format!("{token}\n"));
        check(&sandbox, run);
    }
    // A narrow terminal breaks the line.
    let sandbox = Sandbox::new();
    let (start, end) = token.split_at(20);
    let run = sandbox.run_with("secret claude push --setup-token", format!("{start}\n  {end}\n"));
    check(&sandbox, run);
    for line in ["--setup-token", "--type oauth", "--yes"] {
        let sandbox = Sandbox::new();
        let line = format!("secret claude push {line}");
        let mut command = sandbox.command(line.split_whitespace());
        command.env("CLAUDE_CODE_OAUTH_TOKEN", format!("{token}\n"));
        check(&sandbox, ran(command.output().unwrap()));
    }
    // Standard input goes before the variable, and a stored login, too.
    let sandbox = Sandbox::new();
    let mut command = sandbox.command(["secret", "claude", "push", "--setup-token"]);
    command.env("CLAUDE_CODE_OAUTH_TOKEN", "sk-ant-oat01-other");
    let run = feed(&mut command, &token);
    check(&sandbox, run);
    let (_, path, login) = logins()[0].clone();
    let sandbox = Sandbox::new();
    sandbox.write(path, &login);
    let mut command = sandbox.command(["secret", "claude", "push", "--type", "oauth"]);
    command.env("CLAUDE_CODE_OAUTH_TOKEN", &token);
    ran(command.output().unwrap()).exits(0);
    assert_eq!(only(&sandbox, "claude")[3], login);
}

/// R164: what is no setup token is refused before any request.
#[test]
fn anything_but_a_setup_token_is_refused() {
    let sandbox = Sandbox::new();
    for input in [
        "",
        " \n",
        CANARY,
        "sk-ant-api03-c4n4ry",
        "sk-ant-oat01-",
        "sk-ant-oat01-c4n4ry\u{1b}[2J",
    ] {
        sandbox
            .run_with("secret claude push --setup-token", input)
            .exits(4)
            .stderr_contains("setup token");
    }
    for line in [
        "secret codex push --setup-token",
        "secret claude push --setup-token --type api_key",
        "secret claude push --setup-token --value x",
        "secret claude push --setup-token --from-file x",
    ] {
        sandbox.run(line).exits(2);
    }
    assert!(sandbox.vault.requests().is_empty());
}

/// R141: a personal access token of Codex is stored in the form that Codex reads.
#[test]
fn a_personal_access_token_of_codex_is_stored_as_a_login() {
    let token = format!("at-{CANARY}-0123456789-abcdef");
    for line in ["--value -", "--type oauth --value -"] {
        let sandbox = Sandbox::new();
        sandbox
            .run_with(&format!("secret codex push {line}"), format!("{token}\n"))
            .exits(0);
        let file = format!(r#"{{"personal_access_token":"{token}"}}"#);
        assert_eq!(only(&sandbox, "codex"), ["Codex OAuth", "oauth", "user", &file]);
        // The same file is accepted as it is.
        sandbox
            .run_with("secret codex push --value - --name file", &file)
            .exits(0);
        assert_eq!(sandbox.vault.stored("codex")[1].value, file);
    }
}

#[test]
fn without_a_type_the_person_chooses() {
    let (_, path, login) = logins()[0].clone();
    let sandbox = Sandbox::new();
    sandbox.write(path, &login);
    let push = || {
        let mut command = sandbox.command(["secret", "claude", "push"]);
        command.env("ANTHROPIC_API_KEY", CANARY);
        command
    };
    feed(&mut push(), "2\n")
        .exits(0)
        .stderr_contains("1) API key  $ANTHROPIC_API_KEY")
        .stderr_contains("2) login    ~/.claude/.credentials.json");
    assert_eq!(only(&sandbox, "claude")[1], "oauth");
    feed(&mut push(), "3\n").exits(2).stderr_contains("Number [1-2]?");
    feed(&mut push(), "").exits(2).stderr_contains("--type");
    ran(push().env("CI", "true").output().unwrap())
        .exits(2)
        .stderr_contains("--type");
    ran(push().args(["-o", "json"]).output().unwrap()).exits(2);
    ran(push().arg("--yes").output().unwrap()).exits(2);
    // A single candidate needs only a confirmation.
    let push = |arguments: &[&str], input| {
        let line = ["secret", "claude", "push"].iter().chain(arguments);
        feed(&mut sandbox.command(line.copied()), input)
    };
    push(&["--name", "another"], "").exits(2).stderr_contains("--yes");
    push(&["--dry-run"], "").exits(0);
    push(&["--yes", "--name", "other"], "").exits(0);
}

#[test]
fn a_taken_name_needs_force() {
    let sandbox = Sandbox::new();
    let id = sandbox
        .vault
        .seed_credential("claude", "Claude API Key", "api_key", "user", "old");
    let line = "secret claude push --value new";
    sandbox
        .run(line)
        .exits(1)
        .stderr_contains("already have")
        .stderr_contains("--force")
        .stderr_contains(&id);
    sandbox.run(&format!("{line} --name other")).exits(0);
    sandbox.run(&format!("{line} --scope org")).exits(0);
    sandbox
        .run(&format!("{line} --scope org --name third"))
        .exits(1)
        .stderr_contains("you already have an organisation credential for Claude");
    // The name is taken after the list request.
    sandbox
        .vault
        .fault(Fault::on("GET", "/secrets/claude").json(200, "[]"));
    sandbox
        .run(line)
        .exits(1)
        .stderr_contains("already have")
        .stderr_contains("--force");
    assert_eq!(sandbox.vault.stored("claude").len(), 3);
}

#[test]
fn list_and_delete() {
    let sandbox = Sandbox::new();
    sandbox
        .run("secret claude list")
        .exits(0)
        .stdout_contains("No Claude credentials");
    let ids: Vec<_> = ["one", "two", "three"]
        .iter()
        .map(|name| {
            sandbox
                .vault
                .seed_credential("claude", name, "oauth", "user", CANARY)
        })
        .collect();
    sandbox
        .vault
        .seed_credential("claude", "four", "api_key", "org", CANARY);
    sandbox
        .run("secret claude ls")
        .exits(0)
        .stdout_contains("ID")
        .stdout_contains("TYPE")
        .stdout_contains("four")
        .stdout_contains("api_key");
    let listed = sandbox.run("secret claude list -o json").exits(0).json();
    assert_eq!(
        listed[0],
        json!({"id": ids[0], "name": "one", "type": "oauth", "scope": "user"})
    );
    assert_eq!(
        sandbox.run("secret codex list -o json").exits(0).json(),
        json!([])
    );

    sandbox
        .run(&format!("secret claude delete {}", ids[0]))
        .exits(0)
        .stdout_contains(&format!("Deleted credential {}", ids[0]));
    let one = sandbox.run("secret claude rm --name two -o json").exits(0).json();
    assert_eq!(one, json!([{"name": ids[1], "status": "deleted"}]));
    sandbox
        .run("secret claude delete --name two")
        .exits(0)
        .stdout_contains("two: already deleted, or never stored\n");
    let gone = format!("secret claude delete {} {}", ids[2], ids[0]);
    sandbox
        .run(&gone)
        .exits(0)
        .stdout_contains(&format!("Deleted credential {}", ids[2]))
        .stdout_contains(&format!("{}: already deleted", ids[0]));
    sandbox
        .run("secret claude delete sec_none")
        .exits(0)
        .stdout_contains("sec_none: already deleted");
    sandbox.run("secret claude delete").exits(2);
    let several = sandbox.vault.seed_credential("codex", "a", "oauth", "user", "x");
    let more = sandbox.vault.seed_credential("codex", "b", "oauth", "user", "x");
    let both = sandbox
        .run(&format!("secret codex delete {several} {more} -o json"))
        .exits(0)
        .json();
    assert_eq!(both.as_array().unwrap().len(), 2);
}

/// R94, R121: the name of a stored credential is escaped in notices, hints, warnings, errors, prompts
/// and lists.
#[test]
fn a_hostile_name_is_escaped_wherever_it_is_shown() {
    // A bidirectional override, an isolate, a C1 control and a zero-width space.
    const HOSTILE: [char; 4] = ['\u{202e}', '\u{2066}', '\u{9b}', '\u{200b}'];
    let name = format!("odd{}name", HOSTILE.iter().collect::<String>());
    let force = [
        "secret", "claude", "push", "--value", "key", "--force", "--name", "x",
    ];
    let org = ["--scope", "org"];
    let lines: [&[&str]; 6] = [
        &["secret", "claude", "delete", "--name", "oddname"],
        &["secret", "claude", "push", "--value", "key", "--scope", "org"],
        &[&force[..], &org].concat(),
        &[&force[..], &org, &["--yes"]].concat(),
        &["secret", "claude", "list"],
        &["secret", "claude", "delete", "cred_1", "--yes"],
    ];
    for line in lines {
        let sandbox = Sandbox::new();
        sandbox
            .vault
            .seed_credential_with_id("cred_1", "claude", &name, "api_key", "org", "old");
        sandbox
            .vault
            .fault(Fault::on("POST", "/reveal").fails(403, &name).always());
        sandbox
            .vault
            .fault(Fault::on("DELETE", "").fails(403, &name).always());
        let run = ran(sandbox.command(line).output().unwrap());
        let shown = format!("{}{}", run.stdout, run.stderr);
        assert!(shown.contains("\\u{202e}"), "{line:?}: {shown}");
        assert!(!shown.contains(HOSTILE), "{line:?}: {shown:?}");
    }
}

/// R80: ids of credentials that could reach another resource are refused.
#[test]
fn hostile_credential_ids_are_refused() {
    let sandbox = Sandbox::new();
    let long = "a".repeat(10_000);
    for id in [
        "../../secrets/x",
        "..",
        "a/b",
        "a?b",
        "a#b",
        "\u{1b}[2J",
        "a\nb",
        "codex",
        "a\u{202e}b",
        &long,
    ] {
        let run = ran(sandbox
            .command(["secret", "claude", "delete", id])
            .output()
            .unwrap())
        .exits(2);
        assert!(!run.stderr.contains('\u{1b}'));
    }
    for name in ["\u{1b}[2J", "a\nb", "a\u{202e}b", "", " ", &long] {
        let run = sandbox
            .command(["secret", "claude", "push", "--value", "x", "--name", name])
            .output();
        ran(run.unwrap()).exits(2);
    }
    assert!(sandbox.vault.requests().is_empty());

    ran(sandbox
        .command(["secret", "claude", "delete", "%2e%2e"])
        .output()
        .unwrap())
    .exits(0);
    assert_eq!(
        sandbox.vault.requests()[0].path,
        "/api/v0beta1/secrets/claude/%252e%252e"
    );
    let run = sandbox
        .command(["secret", "claude", "delete", "--name", "\u{1b}[2J"])
        .output();
    let run = ran(run.unwrap()).exits(0);
    assert!(run.stdout.contains("\\u{1b}") && !run.stdout.contains('\u{1b}'));
    // In JSON, the name is a string value.
    let run = sandbox
        .command([
            "secret",
            "claude",
            "push",
            "--value",
            "x",
            "--name",
            "../../secrets/x",
        ])
        .output();
    ran(run.unwrap()).exits(0);
    assert_eq!(
        sandbox.vault.requests().last().unwrap().path,
        "/api/v0beta1/secrets/claude"
    );
}

#[test]
fn refusals_are_explained() {
    for (status, code, part) in [
        (400, 1, "refused (400): said"),
        (401, 3, "AMIKA_API_KEY was rejected (401)"),
        (403, 1, "not allowed (403): said"),
        (404, 1, "not found (404)"),
        (500, 5, "may or may not be stored"),
    ] {
        let sandbox = Sandbox::new();
        sandbox
            .vault
            .fault(Fault::on("POST", "/secrets/codex").fails(status, "said").always());
        sandbox
            .run("secret codex push --value x")
            .exits(code)
            .stderr_contains(part);
        assert!(sandbox.vault.stored("codex").is_empty());
    }
}

#[test]
fn reading_a_store_does_not_change_it() {
    let sandbox = Sandbox::new();
    for (provider, path, login) in logins() {
        let path = sandbox.write(path, &login);
        sandbox
            .run(&format!("secret {provider} push --type oauth"))
            .exits(0);
        assert_eq!(fs::read_to_string(path).unwrap(), login);
    }
}

/// R105: if the value of a credential in the vault cannot be compared, it may be ours: nothing is
/// created a second time, and the outcome is unknown.
#[test]
fn a_lost_create_that_cannot_be_compared_is_unknown() {
    let sandbox = Sandbox::new();
    sandbox
        .vault
        .fault(Fault::on("POST", "/secrets/claude").does(Behaviour::ResetAfter));
    sandbox
        .vault
        .fault(Fault::on("POST", "/reveal").fails(403, "no").always());
    sandbox
        .run("secret claude push --value new-c4n4ry")
        .exits(5)
        .stderr_contains("may or may not");
    let requests = sandbox.vault.requests();
    let creates = requests
        .iter()
        .filter(|request| request.method == "POST" && !request.path.ends_with("/reveal"));
    assert_eq!(creates.count(), 1);
}

/// A key that is given as a login leads to the other type.
#[test]
fn a_key_in_place_of_a_login_leads_to_its_type() {
    let sandbox = Sandbox::new();
    sandbox
        .run("secret codex push --type oauth --value sk-x")
        .exits(4)
        .stderr_contains("OAuth credentials must be valid JSON")
        .stderr_contains("\n  hint: for an API key, use --type api_key\n");
    sandbox
        .run("secret codex push --type api_key --value sk-x")
        .exits(0);
}
