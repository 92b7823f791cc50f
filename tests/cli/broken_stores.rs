//! Homes with one malformed store and one valid credential, which must be found: R21 to R32.

use std::fs;

#[cfg(unix)]
use crate::replace::run_shell;
use crate::sandbox::{CANARY, Sandbox, native};

const CLAUDE: &str = ".claude/.credentials.json";
const CLAUDE_CONFIG: &str = ".claude.json";
const CODEX: &str = ".codex/auth.json";
const CODEX_CONFIG: &str = ".codex/config.toml";
const OPENCODE: &str = ".local/share/opencode/auth.json";
const AMP: &str = ".local/share/amp/secrets.json";
const AMP_SETTINGS: &str = ".config/amp/settings.json";
const AMP_OLD: &str = ".amp/config.json";
const ENV_CACHE: &str = ".cache/amika/env-cache.json";

/// The expected report of a malformed store.
#[derive(Clone, Copy, PartialEq)]
enum Verdict {
    /// The whole store cannot be used: a warning and exit 4.
    Unreadable,
    /// One entry cannot be used: a warning that names no value.
    Skipped,
    /// It contains something that is not listed: a notice with this text.
    Named(&'static str),
    /// It is empty: no message.
    Nothing,
    /// There is something that tools take for an absent file: a notice.
    Absent,
    /// Its tool would not use it: a row that is not pushed, with this reason.
    Unusable(&'static str),
}
use Verdict::{Absent, Named, Nothing, Skipped, Unreadable, Unusable};

/// Runs extract in a home that `spoil` has changed.
fn check(name: &str, verdict: Verdict, spoil: impl FnOnce(&Sandbox)) {
    let sandbox = Sandbox::new();
    sandbox.write(
        ".local/share/amika/keychain.json",
        r#"{"GOOD_API_KEY":"the good one"}"#,
    );
    spoil(&sandbox);
    let run = sandbox.run("secret extract --all -o json");
    let code = if verdict == Unreadable { 4 } else { 0 };
    assert_eq!(run.code, code, "{name}: {run:?}");
    let found = run.json();
    let names: Vec<_> = found
        .as_array()
        .unwrap()
        .iter()
        .map(|row| row["name"].as_str().unwrap())
        .collect();
    let good = names.iter().filter(|name| **name == "GOOD_API_KEY").count();
    let others = found
        .as_array()
        .unwrap()
        .iter()
        .filter(|row| row["state"] == "unusable")
        .count();
    let unusable = matches!(verdict, Unusable(_));
    assert_eq!(
        (good, others > 0, names.len()),
        (1, unusable, 1 + others),
        "{name}: {names:?}"
    );
    match verdict {
        Unreadable => assert!(
            run.stderr.contains("failed to parse credentials file"),
            "{name}: {run:?}"
        ),
        Skipped => assert!(run.stderr.contains("skipped "), "{name}: {run:?}"),
        Named(text) => assert!(run.stderr.contains(text), "{name}: {run:?}"),
        Nothing => assert_eq!(run.messages(), "", "{name}"),
        Absent => assert!(
            run.stderr.contains("there is no credential in it"),
            "{name}: {run:?}"
        ),
        Unusable(reason) => {
            assert!(
                run.stderr.contains("not pushed: ") && run.stderr.contains(reason),
                "{name}: {run:?}"
            );
        }
    }
    // Every message is one printable line.
    let text = sandbox.run("secret extract --skip-unreadable").exits(0);
    let printable = |c: char| c == '\n' || !c.is_control();
    assert!(
        text.stdout.chars().all(printable) && text.stderr.chars().all(printable),
        "{name}: {text:?}"
    );
}

/// Checks a store with this content, in which `CANARY` becomes the text that no output may contain.
fn content(name: &str, verdict: Verdict, path: &str, content: impl AsRef<[u8]>) {
    let content = match std::str::from_utf8(content.as_ref()) {
        Ok(text) => text.replace("CANARY", CANARY).into_bytes(),
        Err(_) => content.as_ref().to_owned(),
    };
    check(&format!("{name} in {path}"), verdict, |sandbox| {
        sandbox.write(path, content);
    });
}

/// R21, R22: a broken file is unreadable, and no part of it is shown.
#[test]
fn broken_files_are_unreadable_and_never_quoted() {
    for path in [CLAUDE, CLAUDE_CONFIG, CODEX, OPENCODE, AMP, AMP_OLD, ENV_CACHE] {
        content("empty", Unreadable, path, "");
        content("blank", Unreadable, path, " \n\t");
        content(
            "truncated",
            Unreadable,
            path,
            r#"{"a":{"type":"api","key":"CANARY"#,
        );
        content("an array", Unreadable, path, r#"["CANARY"]"#);
        content("a string", Unreadable, path, r#""CANARY""#);
        content("not JSON", Unreadable, path, "key=CANARY");
        content("something after it", Unreadable, path, "{} CANARY");
        content("null", Nothing, path, "null");
        content("nothing in it", Nothing, path, "{}");
        content("only a mark", Unreadable, path, "\u{feff}");
    }
}

/// R22: members of the wrong type are reported.
#[test]
fn members_of_the_wrong_type_are_reported() {
    content(
        "token",
        Unreadable,
        CLAUDE,
        r#"{"claudeAiOauth":{"accessToken":["CANARY"]}}"#,
    );
    content("login", Unreadable, CLAUDE, r#"{"claudeAiOauth":"CANARY"}"#);
    content(
        "key",
        Unreadable,
        CLAUDE_CONFIG,
        r#"{"primaryApiKey":{"a":"CANARY"}}"#,
    );
    content("key", Unreadable, CODEX, r#"{"OPENAI_API_KEY":7}"#);
    content(
        "mode",
        Unreadable,
        CODEX,
        r#"{"auth_mode":["CANARY"],"OPENAI_API_KEY":"CANARY"}"#,
    );
    content(
        "tokens",
        Unreadable,
        CODEX,
        r#"{"auth_mode":"chatgpt","tokens":"CANARY"}"#,
    );
    content(
        "token",
        Unreadable,
        CODEX,
        r#"{"tokens":{"access_token":{"CANARY":1}}}"#,
    );
    content(
        "key",
        Unreadable,
        AMP,
        r#"{"apiKey@https://ampcode.com/":{"CANARY":1}}"#,
    );
    content("key", Unreadable, AMP_OLD, r#"{"apiKey":[1]}"#);
    content("auth", Unreadable, AMP_OLD, r#"{"auth":"CANARY"}"#);
    content(
        "key",
        Skipped,
        OPENCODE,
        r#"{"groq":{"type":"api","key":["CANARY"]}}"#,
    );
    content(
        "number",
        Named("the entry \\\"X_API_KEY\\\""),
        ENV_CACHE,
        r#"{"GROQ_API_KEY":7,"X_API_KEY":["CANARY"]}"#,
    );
}

/// R21: unreadable settings that select the store make it unreadable.
#[test]
fn unreadable_settings_make_the_store_unreadable() {
    content("line", Unreadable, CODEX_CONFIG, "model = \"x\"\nbearer = CANARY");
    content(
        "type",
        Unreadable,
        CODEX_CONFIG,
        "cli_auth_credentials_store = [\"CANARY\"]",
    );
    content(
        "store",
        Unreadable,
        CODEX_CONFIG,
        "cli_auth_credentials_store = \"CANARY\"",
    );
    content("bytes", Unreadable, AMP_SETTINGS, "{ \"amp.url\": \"CANARY");
    content("array", Unreadable, AMP_SETTINGS, "[\"CANARY\"]");
    content(
        "comments",
        Nothing,
        AMP_SETTINGS,
        "{ // CANARY\n \"amp.url\": \"https://x.example\", }",
    );
}

#[test]
fn incomplete_logins_are_not_shown() {
    content(
        "revoked",
        Named("has ended"),
        CLAUDE,
        r#"{"claudeAiOauth":{"accessToken":"","refreshToken":"","expiresAt":0}}"#,
    );
    content(
        "others",
        Named("only other secrets"),
        CLAUDE,
        r#"{"mcpOAuth":{"x":{"accessToken":"CANARY"}}}"#,
    );
    content(
        "tails",
        Nothing,
        CLAUDE_CONFIG,
        r#"{"customApiKeyResponses":{"approved":["CANARY"]}}"#,
    );
    content("prefix", Nothing, CLAUDE_CONFIG, r#"{"apiKey":"CANARY"}"#);
    content(
        "scope",
        Unusable("user:inference"),
        CLAUDE,
        r#"{"claudeAiOauth":{"accessToken":"CANARY","scopes":["user:profile"]}}"#,
    );
    content(
        "no key",
        Nothing,
        CODEX,
        r#"{"OPENAI_API_KEY":null,"tokens":null}"#,
    );
    content(
        "empty",
        Nothing,
        CODEX,
        r#"{"OPENAI_API_KEY":"","tokens":{"access_token":""}}"#,
    );
    content(
        "wellknown",
        Named("uses as the variable"),
        OPENCODE,
        r#"{"https://x.example":{"type":"wellknown","key":"VAR","token":"CANARY"}}"#,
    );
    content(
        "type",
        Skipped,
        OPENCODE,
        r#"{"groq":{"type":"later","key":"CANARY"},"x":"CANARY","y":null,"z":7}"#,
    );
    content(
        "other url",
        Named("is not the key that Amp uses"),
        AMP,
        r#"{"apiKey@https://ampcode.com/x":"CANARY","oauth-refresh-token@https://ampcode.com/":"CANARY"}"#,
    );
}

/// R28, R29: values with control characters or invalid UTF-8 are refused.
#[test]
fn values_with_control_characters_or_wrong_encoding_are_refused() {
    for (name, bytes) in [
        ("NUL", &b"a\\u0000c4n4ry"[..]),
        ("ESC", b"a\\u001b[2Jc4n4ry"),
        ("newline", b"a\\nc4n4ry"),
        ("bidi", "a\u{202e}c4n4ry".as_bytes()),
        ("C1", "a\u{9b}c4n4ry".as_bytes()),
        ("not UTF-8", b"a\xff\xfec4n4ry"),
        ("half a surrogate pair", b"a\\ud800c4n4ry"),
    ] {
        let whole = [&br#"{"groq":{"type":"api","key":""#[..], bytes, br#""}}"#].concat();
        content(name, Skipped, OPENCODE, whole);
    }
    let login = |token: &str| {
        format!(r#"{{"claudeAiOauth":{{"accessToken":"{token}","scopes":["user:inference"]}}}}"#)
    };
    content("escape", Skipped, CLAUDE, login("CANARY\\u001b[2J"));
    // A login is pushed whole, so that its other members count, too.
    let whole = login("CANARY").into_bytes();
    content(
        "not UTF-8",
        Skipped,
        CLAUDE,
        [&whole[..whole.len() - 1], b",\"x\":\"\xff\"}"].concat(),
    );
    content(
        "escape",
        Skipped,
        CODEX,
        r#"{"OPENAI_API_KEY":"CANARY\u001b[2J"}"#,
    );
    content(
        "escape",
        Skipped,
        ENV_CACHE,
        r#"{"GROQ_API_KEY":"CANARY\u001b[2J"}"#,
    );
}

/// R28: a malformed entry does not hide the others in its file.
#[test]
fn a_bad_entry_does_not_hide_the_others_in_its_file() {
    let sandbox = Sandbox::new();
    let entries = [
        &br#"{"a":{"type":"api","key":"x"#[..],
        b"\xff",
        br#""},"b":7,"b\n":{"type":"api","key":"y"},"groq":{"type":"api","key":"good"}}"#,
    ];
    sandbox.write(OPENCODE, entries.concat());
    let run = sandbox.run("secret extract -o json").exits(0);
    assert_eq!(run.json().as_array().unwrap().len(), 1);
    assert_eq!(run.json()[0]["name"], "GROQ_API_KEY");
}

/// R30: entries whose names cannot be converted to variable names are skipped.
#[test]
fn impossible_provider_names_are_skipped() {
    for name in [
        r"a\nb",
        r"a\u001b[2J",
        "größe",
        "a'b",
        "$(id)",
        "https://x.example",
        "",
    ] {
        let entry = format!(r#"{{"{name}":{{"type":"api","key":"CANARY"}}}}"#);
        content(name, Skipped, OPENCODE, entry);
    }
    let long = format!(r#"{{"{}":{{"type":"api","key":"CANARY"}}}}"#, "a".repeat(10_000));
    content("long", Skipped, OPENCODE, long);
}

/// R31: expiry times of any type and size.
#[test]
fn invalid_expiry_times_are_handled() {
    for expiry in [
        "\"soon\"",
        "1e300",
        "-1",
        "1826984857",
        "[]",
        "true",
        "99999999999999999999",
    ] {
        let login = format!(
            r#"{{"claudeAiOauth":{{"accessToken":"CANARY","scopes":["user:inference"],"expiresAt":{expiry}}}}}"#
        );
        content(expiry, Skipped, CLAUDE, login);
        let entry = format!(r#"{{"groq":{{"type":"oauth","access":"CANARY","expires":{expiry}}}}}"#);
        content(expiry, Skipped, OPENCODE, entry);
    }
}

/// R22, R32: unusual but valid files are read.
#[test]
fn unusual_but_valid_files_are_read() {
    let sandbox = Sandbox::new();
    let deep = format!("{}1{}", "[".repeat(200_000), "]".repeat(200_000));
    sandbox.write(
        CLAUDE_CONFIG,
        format!("\u{feff}{{\"projects\":{deep},\"primaryApiKey\":\"sk-ant-{CANARY}\"}}\r\n"),
    );
    sandbox.write(
        CODEX,
        format!(r#"{{"OPENAI_API_KEY":"first","OPENAI_API_KEY":"{CANARY}"}}"#),
    );
    sandbox.write(
        OPENCODE,
        format!(r#"{{"groq/":{{"type":"oauth","access":"{CANARY}","expires":0}}}}"#),
    );
    sandbox.write(AMP, format!(r#"{{"apiKey@https://ampcode.com/":"{CANARY}"}}"#));
    let run = sandbox.run("secret extract -o json").exits(0);
    let rows = run.json();
    let names: Vec<_> = rows
        .as_array()
        .unwrap()
        .iter()
        .map(|row| row["name"].as_str().unwrap())
        .collect();
    let expected = [
        "AMP_API_KEY",
        "ANTHROPIC_API_KEY",
        "CLAUDE_API_KEY",
        "CODEX_API_KEY",
        "GROQ_API_KEY",
        "OPENAI_API_KEY",
    ];
    assert_eq!(names, expected);
    assert_eq!(rows[4]["expires_at"], serde_json::Value::Null);
    sandbox
        .run("secret extract --push --only OPENAI_API_KEY --yes")
        .exits(0);
    assert_eq!(
        sandbox.vault.value("OPENAI_API_KEY", "user").as_deref(),
        Some(CANARY)
    );
}

/// R23: deeply nested files and files over the size limit are refused.
#[test]
fn deep_and_large_files_are_refused() {
    let deep = format!("{}1{}", "[".repeat(200_000), "]".repeat(200_000));
    for path in [CLAUDE, CODEX, OPENCODE, AMP, ENV_CACHE] {
        content("deep", Unreadable, path, &deep);
        content(
            "large",
            Unreadable,
            path,
            format!("{{\"a\":\"{}\"}}", "x".repeat(16 * 1024 * 1024)),
        );
    }
}

/// R24: stores of 100 MB are refused in 64 MiB of memory.
#[cfg(unix)]
#[test]
fn huge_files_are_refused_in_bounded_memory() {
    let sandbox = Sandbox::new();
    for path in [CLAUDE, CLAUDE_CONFIG, CODEX, OPENCODE, AMP, ENV_CACHE] {
        // A sparse file takes no disk space.
        let file = fs::File::create(sandbox.write(path, "")).unwrap();
        file.set_len(100_000_000).unwrap();
    }
    let run = run_shell(&sandbox, "ulimit -d 65536; amika secret extract").exits(4);
    assert_eq!(run.stderr.matches("is larger than").count(), 6, "{}", run.stderr);
}

#[test]
fn a_large_configuration_is_still_read() {
    let sandbox = Sandbox::new();
    let history = "x".repeat(3 * 1024 * 1024);
    sandbox.write(
        CLAUDE_CONFIG,
        format!(r#"{{"history":"{history}","primaryApiKey":"sk-ant-{CANARY}"}}"#),
    );
    sandbox
        .run("secret extract")
        .exits(0)
        .stdout_contains("ANTHROPIC_API_KEY");
}

/// R25: a directory in place of a credential file counts as absent; in place of settings it is unreadable.
#[test]
fn a_directory_in_place_of_a_file_is_absent() {
    for (path, verdict) in [
        (CLAUDE, Absent),
        (CLAUDE_CONFIG, Absent),
        (CODEX, Absent),
        (OPENCODE, Absent),
        (AMP, Absent),
        (AMP_OLD, Absent),
        (ENV_CACHE, Absent),
        (CODEX_CONFIG, Unreadable),
        (AMP_SETTINGS, Unreadable),
    ] {
        check(path, verdict, |sandbox| {
            fs::create_dir_all(sandbox.home().join(path)).unwrap();
        });
    }
}

/// R21: without a terminal, a push stops at an unreadable store.
#[test]
fn an_unattended_push_stops_at_an_unreadable_store() {
    let sandbox = Sandbox::new();
    sandbox.write(CODEX, r#"{"OPENAI_API_KEY":"good"}"#);
    sandbox.write(CLAUDE, "{");
    sandbox
        .run("secret extract --push --yes")
        .exits(4)
        .stderr_contains("nothing was pushed")
        .stderr_contains(&native(CLAUDE).to_string_lossy());
    assert!(sandbox.vault.requests().is_empty());
    sandbox
        .run("secret extract --push --yes --skip-unreadable")
        .exits(0)
        .stdout_contains("Created 2");
}

#[cfg(unix)]
mod unix {
    use std::os::unix::fs::{PermissionsExt, symlink};
    use std::os::unix::process::CommandExt;
    use std::path::Path;

    use super::*;
    use crate::sandbox::ran;

    fn fifo(path: &Path) {
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        let made = std::process::Command::new("mkfifo").arg(path).status().unwrap();
        assert!(made.success());
    }

    fn link(target: &str, path: &Path) {
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        symlink(target, path).unwrap();
    }

    /// R25, R26: FIFOs, devices and looping links are unreadable; a dangling link is an absent file.
    #[test]
    fn fifos_devices_and_link_loops_are_unreadable() {
        for path in [CLAUDE, CODEX, OPENCODE, AMP_SETTINGS, ENV_CACHE] {
            check("FIFO", Unreadable, |sandbox| fifo(&sandbox.home().join(path)));
            check("device", Unreadable, |sandbox| {
                link("/dev/zero", &sandbox.home().join(path));
            });
            let absent = if path == AMP_SETTINGS { Nothing } else { Absent };
            check("dangling link", absent, |sandbox| {
                link("nowhere", &sandbox.home().join(path));
            });
            let name = Path::new(path).file_name().unwrap().to_str().unwrap();
            check("loop", Unreadable, |sandbox| {
                link(name, &sandbox.home().join(path));
            });
        }
        check(".codex is a file", Unreadable, |sandbox| {
            drop(sandbox.write(".codex", ""));
        });
        check(".claude is a FIFO", Unreadable, |sandbox| {
            fifo(&sandbox.home().join(".claude"));
        });
    }

    #[test]
    fn a_link_to_a_file_is_followed() {
        let sandbox = Sandbox::new();
        sandbox.write("dotfiles/auth.json", r#"{"OPENAI_API_KEY":"good"}"#);
        link("../dotfiles/auth.json", &sandbox.home().join(CODEX));
        sandbox
            .run("secret extract")
            .exits(0)
            .stdout_contains("OPENAI_API_KEY");
    }

    /// R27: a file without read permission is a warning, and the search continues.
    #[test]
    fn a_file_without_read_permission_is_unreadable() {
        let sandbox = Sandbox::new();
        sandbox.write(OPENCODE, r#"{"groq":{"type":"api","key":"good"}}"#);
        let closed = sandbox.write(CODEX, r#"{"OPENAI_API_KEY":"x"}"#);
        fs::set_permissions(closed, fs::Permissions::from_mode(0o0)).unwrap();
        let mut command = sandbox.command(["secret", "extract", "-o", "json"]);
        if fs::read(sandbox.home().join(CODEX)).is_ok() {
            // Root can read every file, so the program runs as the user `nobody`, from a directory it
            // can use.
            let program = sandbox.home().join("amika");
            // Copied by another process: a file that this process had open for writing could still
            // be open in the child of another test, and executing it would fail with "text file
            // busy".
            let mut copy = std::process::Command::new("cp");
            copy.arg(command.get_program()).arg(&program);
            assert!(copy.status().unwrap().success());
            fs::set_permissions(sandbox.home(), fs::Permissions::from_mode(0o755)).unwrap();
            let mut unprivileged = std::process::Command::new(program);
            unprivileged
                .args(command.get_args())
                .env_clear()
                .env("HOME", sandbox.home());
            unprivileged.current_dir(sandbox.home()).uid(65534).gid(65534);
            command = unprivileged;
        }
        let run = ran(command.output().unwrap())
            .exits(4)
            .stderr_contains("permission denied");
        assert_eq!(run.json()[0]["name"], "GROQ_API_KEY");
    }
}
