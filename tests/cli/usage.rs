//! Errors in the command line, and their format.

use crate::sandbox::{Sandbox, ran};

#[test]
fn the_command_that_was_meant_is_suggested() {
    let sandbox = Sandbox::new();
    for (line, said) in [
        ("secret psuh", "unknown command \"psuh\"; did you mean \"push\"?"),
        (
            "psuh",
            "unknown command \"psuh\"; did you mean \"amika secret push\"?",
        ),
        ("login", "did you mean \"amika auth login\"?"),
        ("push A=1", "did you mean \"amika secret push\"?"),
        ("secret set", "did you mean \"push\"?"),
        (
            "secret get A",
            "unknown command \"get\"; no command prints a stored value\n  hint: 'amika secret list' shows the names",
        ),
        ("get A", "'amika secret list' shows the names"),
        ("secret claude show", "no command prints a stored value"),
        ("secret codex add", "did you mean \"push\"?"),
        ("check", "did you mean \"amika secret check\"?"),
        ("help secret psh", "did you mean \"push\"?"),
        (
            "help secret push x",
            "'amika secret push' has no commands\n  hint: see 'amika secret push --help'",
        ),
        ("help secret claud", "did you mean \"claude\"?"),
        (
            "secret push --scop org",
            "unknown option \"--scop\"; did you mean \"--scope\"?",
        ),
        (
            "secret push --o",
            "unknown option \"--o\"\n  hint: see 'amika secret push --help'",
        ),
        (
            "secret push --dryrun",
            "unknown option \"--dryrun\"; did you mean \"--dry-run\"?",
        ),
        ("xyzzy", "commands: secret, auth"),
    ] {
        sandbox.run(line).exits(2).stderr_contains(said);
    }
}

#[test]
fn an_invalid_value_lists_the_valid_ones() {
    let sandbox = Sandbox::new();
    for (line, said) in [
        (
            "secret push A=1 --scope organization",
            "invalid value \"organization\" for --scope (user, org)",
        ),
        (
            "secret extract --scope org",
            "missing --push\n  hint: usage: amika secret extract --push --scope <SCOPE>",
        ),
        ("secret push A=1 --from-file", "--from-file needs a value"),
        (
            "secret claude push --value a --from-file b",
            "--value cannot be used with --from-file",
        ),
        (
            "secret list -o yaml",
            "invalid value \"yaml\" for --output (text, json, json-pretty)",
        ),
    ] {
        sandbox.run(line).exits(2).stderr_contains(said);
    }
}

/// An unexpected argument is named unless it could be a secret; for a file, the error suggests the
/// option.
#[test]
fn an_unexpected_argument_is_named() {
    let sandbox = Sandbox::new();
    sandbox.write("key.txt", "x");
    for (line, said) in [
        (
            "secret list FOO",
            "unexpected argument \"FOO\"\n  hint: see 'amika secret list --help'",
        ),
        ("secret list database", "unexpected argument \"database\""),
        (
            "secret list c4n4ryX",
            "unexpected argument after 'amika secret list'",
        ),
        (
            "secret codex push key.txt",
            "unexpected argument \"key.txt\"\n  hint: to read a file, use --from-file key.txt",
        ),
        ("auth login key.txt", "to read a file, use --api-key-file key.txt"),
        ("secret check key.txt", "to read a file, use --file key.txt"),
        ("auth logout key.txt", "hint: see 'amika auth logout --help'"),
    ] {
        sandbox.run(line).exits(2).stderr_contains(said);
    }
}

/// A setting with fixed values refuses any other.
#[test]
fn a_setting_with_an_unknown_value_is_refused() {
    let sandbox = Sandbox::new();
    for (variable, value, line, code) in [
        ("AMIKA_KEYCHAIN", "of", "secret list", 2),
        ("AMIKA_KEYCHAIN", "0", "secret extract", 2),
        ("AMIKA_KEYCHAIN", "no", "auth status", 2),
        ("AMIKA_KEYCHAIN", "no", "secret list --help", 0),
        ("AMIKA_KEYCHAIN", "no", "version", 0),
        ("AMIKA_KEYCHAIN", "OFF", "secret list", 0),
        ("AMIKA_KEYCHAIN", "on", "version", 0),
        ("AMIKA_KEYCHAIN", "", "version", 0),
        ("AMIKA_HTTP_TIMEOUT", "31", "secret list", 2),
    ] {
        let mut command = sandbox.command(line.split_whitespace());
        let ran = ran(command.env(variable, value).output().unwrap()).exits(code);
        if code == 2 {
            let said = format!("error: {variable} must be ");
            assert!(
                ran.stderr.starts_with(&said),
                "{variable}={value}: {}",
                ran.stderr
            );
        }
    }
}

#[test]
fn the_help_names_the_default_name_of_each_type() {
    let sandbox = Sandbox::new();
    for (provider, names) in [
        (
            "claude",
            ["\"Claude OAuth\" for a login", "\"Claude API Key\" for a key"],
        ),
        (
            "codex",
            ["\"Codex OAuth\" for a login", "\"Codex API Key\" for a key"],
        ),
    ] {
        let help = sandbox
            .run(&format!("secret {provider} push --help"))
            .exits(0)
            .stdout;
        let words = help.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(names.iter().all(|name| words.contains(name)), "{help}");
        // Global options come last, under a separate heading.
        let own = help.find("\nOptions:\n").unwrap();
        let global = help.find("\nGlobal options:\n").unwrap();
        assert!(own < global && !help[own..global].contains("--output"), "{help}");
    }
}

/// Only the value of `-o` makes errors JSON, not another argument `json`.
#[test]
fn only_the_output_option_makes_errors_json() {
    let sandbox = Sandbox::new();
    for line in [
        "psuh json",
        "secret push --env-format json --nonsense",
        "help json",
    ] {
        let ran = sandbox.run(line).exits(2);
        assert!(ran.stderr.starts_with("error: "), "{line}: {}", ran.stderr);
    }
    for line in [
        "psuh -o json",
        "-ojson psuh",
        "--output=json-pretty psuh",
        "-o json",
        "-vo json secret",
    ] {
        let ran = sandbox.run(line).exits(2);
        let error: serde_json::Value = serde_json::from_str(&ran.stderr).unwrap();
        assert_eq!(error["error"]["code"], "usage", "{line}");
    }
}

/// R118: lines of `-v` are also JSON.
#[test]
fn with_json_output_every_line_of_stderr_is_json() {
    let sandbox = Sandbox::new();
    let ran = sandbox.run("-v secret push A=1 A=2 --yes -o json").exits(0);
    assert!(ran.stderr.lines().count() >= 3, "{}", ran.stderr);
    for line in ran.stderr.lines() {
        serde_json::from_str::<serde_json::Value>(line).unwrap_or_else(|_| panic!("not JSON: {line}"));
    }
    assert!(ran.stderr.contains(r#"{"request":{"#), "{}", ran.stderr);
}

/// R114: hostile characters are escaped in JSON, and none are dropped.
#[test]
fn json_output_is_exact() {
    let name = "a\u{7f}b\u{9b}c\u{202e}d\u{200b}e\u{1b}[2Jf\u{e0041}g";
    let sandbox = Sandbox::new();
    sandbox
        .vault
        .seed_credential("claude", name, "api_key", "user", "x");
    for format in ["json", "json-pretty"] {
        let ran = sandbox.run(&format!("secret claude list -o {format}")).exits(0);
        assert_eq!(ran.json()[0]["name"], name);
        assert!(
            ran.stdout
                .bytes()
                .all(|byte| byte == b'\n' || (b' '..0x7f).contains(&byte)),
            "{}",
            ran.stdout
        );
        assert!(
            ran.stdout.contains(r"\u202e") && ran.stdout.contains(r"\udb40\udc41"),
            "{}",
            ran.stdout
        );
    }
}

#[test]
fn help_and_version_are_commands_too() {
    let sandbox = Sandbox::new();
    sandbox
        .run("help secret push")
        .exits(0)
        .stdout_contains("Usage: amika secret push");
    sandbox.run("help").exits(0).stdout_contains("Exit codes:");
    let version = sandbox.run("version -o json").exits(0).json();
    for field in ["version", "commit", "date", "target"] {
        assert!(
            version[field].as_str().is_some_and(|text| !text.is_empty()),
            "{field}"
        );
    }
    sandbox.run("--version").exits(0).stdout_contains("amika ");
    for line in ["secret push --version", "secret -V"] {
        let ran = sandbox.run(line).exits(2).stderr_contains("'amika version'");
        assert!(!ran.stderr.contains("did you mean"), "{}", ran.stderr);
    }
    sandbox.run("-v").exits(2).stderr_contains("Usage: amika");
    for words in ["", "secret", "secrets push", "secret claude delete"] {
        let with_option = sandbox.run(&format!("{words} --help")).exits(0);
        let with_command = sandbox.run(&format!("help {words}")).exits(0);
        assert_eq!(with_command.stdout, with_option.stdout, "{words}");
    }
    let page = sandbox.run("man secret push").exits(0).stdout;
    assert_eq!(sandbox.run("man secrets push").exits(0).stdout, page);
    for line in ["man secret psuh", "help secret psuh", "secret psuh list"] {
        sandbox
            .run(line)
            .exits(2)
            .stderr_contains("unknown command \"psuh\"; did you mean \"push\"?");
    }
    let help = sandbox.run("--help").exits(0).stdout;
    assert!(!help.contains("open-browser"), "{help}");
}
