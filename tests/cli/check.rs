//! `amika secret check` and `push --missing`: the secrets that a repository references.

use crate::sandbox::{CANARY, Sandbox, ran};
use serde_json::json;

const CONFIG: &str = "\
# which secrets this repository needs
[env]
DATABASE_URL = { secret = \"database-url\" }
API_KEY = { secret = \"API_KEY\" }
MODE = \"production\"

[other]
X = { secret = \"not-an-environment-variable\" }
";

/// The table lists every reference; a missing one is exit 1 with the command to add it.
#[test]
fn check_lists_missing_secrets_and_how_to_add_them() {
    let sandbox = Sandbox::new();
    sandbox.write(".amika/config.toml", CONFIG);
    sandbox.vault.seed("API_KEY", CANARY, "org");
    let ran = sandbox.run("secret check").exits(1);
    insta::assert_snapshot!(
        ran.stdout.lines().map(|line| line.split_whitespace().collect::<Vec<_>>().join(" ")).collect::<Vec<_>>().join("\n"),
        @r"
    NAME SECRET SCOPE UPDATED STATUS
    DATABASE_URL database-url missing
    API_KEY API_KEY org 2026-11-23T12:00:00Z present
    "
    );
    insta::assert_snapshot!(ran.stderr, @r"
    error: 1 secret is missing: database-url
      hint: add it with 'amika secret push database-url'
    ");
    // The suggested command, with a value from standard input.
    sandbox
        .run_with("secret push database-url --yes", CANARY)
        .exits(0);
    sandbox.run("secret check").exits(0);
}

/// The JSON output is an array even if nothing is missing or referenced.
#[test]
fn check_prints_a_json_array() {
    let sandbox = Sandbox::new();
    sandbox.write(".amika/config.toml", CONFIG);
    sandbox.vault.seed("API_KEY", CANARY, "user");
    let json = sandbox.run("secret check -o json").exits(1).json();
    assert_eq!(
        json[0],
        json!({ "name": "DATABASE_URL", "secret": "database-url", "scope": null, "updated_at": null, "status": "missing" })
    );
    assert_eq!(
        (&json[1]["scope"], &json[1]["status"]),
        (&json!("user"), &json!("present"))
    );
    sandbox.write(".amika/config.toml", "[env]\n");
    let json = sandbox.run("secret check -o json").exits(0).json();
    assert_eq!(json, json!([]));
    sandbox
        .run("secret check")
        .exits(0)
        .stdout_contains("No secrets are referenced");
}

/// The nearest configuration in the working directory or above is read; `--file` selects another.
#[test]
fn check_reads_the_nearest_configuration() {
    let sandbox = Sandbox::new();
    sandbox
        .run("secret check")
        .exits(4)
        .stderr_contains("no .amika/config.toml");
    sandbox.write(".amika/config.toml", CONFIG);
    let deep = sandbox.write("a/b/x", "").parent().unwrap().to_owned();
    let mut command = sandbox.command(["secret", "check"]);
    ran(command.current_dir(&deep).output().unwrap())
        .exits(1)
        .stderr_contains("2 secrets are missing: database-url, API_KEY");
    sandbox.write("a/.amika/config.toml", "[env]\nY = { secret = \"nearer\" }\n");
    let mut command = sandbox.command(["secret", "check"]);
    ran(command.current_dir(&deep).output().unwrap())
        .exits(1)
        .stderr_contains("nearer");
    sandbox
        .run("secret check --file=~/a/.amika/config.toml")
        .exits(1)
        .stderr_contains("nearer");
}

/// Invalid TOML is reported with file, line and column, never with its text.
#[test]
fn check_never_quotes_an_invalid_configuration() {
    let sandbox = Sandbox::new();
    for (content, said) in [
        (
            format!("[env]\nA = {CANARY}\n"),
            "config.toml:2:5: not valid TOML",
        ),
        (format!("[env]\nA = \"{CANARY}\n"), "config.toml:2:"),
        (
            format!("[env]\nA = {{ secret = [\"{CANARY}\"] }}\n"),
            "config.toml:2:16: `secret` of A is not a name",
        ),
        (
            format!("env = \"{CANARY}\"\n"),
            "config.toml:1:7: [env] is not a table",
        ),
        (
            format!("[env]\nA = \"{CANARY}\"\nA = \"{CANARY}\"\n"),
            "config.toml:3:1: not valid TOML",
        ),
    ] {
        sandbox.write(".amika/config.toml", content);
        sandbox.run("secret check").exits(4).stderr_contains(said);
        sandbox
            .run("secret push A=1 --missing --yes")
            .exits(4)
            .stderr_contains(said);
    }
    assert_eq!(sandbox.vault.writes(), 0);
}

/// `push --missing` pushes the referenced secrets that are missing, under the name of the secret.
#[test]
fn push_missing_creates_only_missing_secrets() {
    let sandbox = Sandbox::new();
    sandbox.write(".amika/config.toml", CONFIG);
    sandbox.vault.seed("API_KEY", "before", "org");
    sandbox.write(".env", "DATABASE_URL=1\nAPI_KEY=2\nUNRELATED=3\n");
    sandbox
        .run("secret push --missing --from-file .env --yes")
        .exits(0)
        .stderr_contains("pushing DATABASE_URL as database-url")
        .stdout_contains("Created 1 in user scope");
    assert_eq!(sandbox.vault.value("database-url", "user").as_deref(), Some("1"));
    assert_eq!(sandbox.vault.stored("generic").len(), 2);
    sandbox.run("secret check").exits(0);
    // The reason why there is nothing to push.
    sandbox
        .run("secret push --missing --from-file .env")
        .exits(0)
        .stdout_contains("Nothing to push")
        .stderr_contains("notice: skipped (not referenced in .amika/config.toml): UNRELATED\n")
        .stderr_contains("notice: skipped (already in the vault): API_KEY, DATABASE_URL\n");
    sandbox
        .run("secret push A=1 --if-missing --missing")
        .exits(0)
        .stdout_contains("Nothing to push")
        .stderr_contains("not referenced in .amika/config.toml): A\n");
}

/// With `--strict`, a referenced secret that no source has is an error, and nothing is pushed.
#[test]
fn push_missing_with_strict_fails_if_a_secret_is_in_no_source() {
    let sandbox = Sandbox::new();
    sandbox.write(".amika/config.toml", CONFIG);
    let said = "API_KEY is missing from the vault and from the given sources";
    sandbox
        .run("secret push DATABASE_URL=1 --missing --strict --yes")
        .exits(4)
        .stderr_contains(&format!("error: {said}"));
    assert!(sandbox.vault.stored("generic").is_empty());
    sandbox
        .run("secret push DATABASE_URL=1 --missing --yes")
        .exits(0)
        .stderr_contains(&format!("warning: {said}"));
}

/// Several variables may reference one secret; any of them provides its value.
#[test]
fn push_missing_takes_any_variable_of_a_secret() {
    let sandbox = Sandbox::new();
    sandbox.write(
        ".amika/config.toml",
        "[env]\nA = { secret = \"shared\" }\nB = { secret = \"shared\" }\n",
    );
    let ran = sandbox.run("secret push --missing B=1 --yes").exits(0);
    assert_eq!(sandbox.vault.value("shared", "user").as_deref(), Some("1"));
    assert!(!ran.stderr.contains("warning"), "{}", ran.stderr);
}
