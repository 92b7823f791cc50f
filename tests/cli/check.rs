//! `amika secret check` and `push --referenced`: the secrets that a repository references.

use crate::sandbox::{CANARY, Ran, Sandbox, ran};
use crate::support::faults::Fault;

use serde_json::json;

const CONFIG: &str = "\
# which secrets this repository needs
[env]
DATABASE_URL = { secret = \"database-url\" }
API_KEY = { secret = \"API_KEY\" }
MODE = \"production\"

[other]
x = { secret = \"not-an-environment-variable\" }
";

/// A sandbox whose home is a repository with this configuration.
fn with_config(config: &str) -> Sandbox {
    let sandbox = Sandbox::new();
    sandbox.write(".amika/config.toml", config);
    sandbox
}

/// The table lists every reference; a missing one is exit 1 with the command to add it.
#[test]
fn check_lists_missing_secrets_and_how_to_add_them() {
    let sandbox = with_config(CONFIG);
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
      hint: add with `amika secret push database-url`
    ");
    // The suggested command, with a value from standard input.
    sandbox
        .run_with("secret push database-url --yes", CANARY)
        .exits(0);
    sandbox.run("secret check").exits(0);
}

/// The hint adds each missing secret; a name that no secret can have is to be changed in the file.
#[test]
fn the_hint_of_a_check_fits_every_missing_name() {
    let sandbox = Sandbox::new();
    let add = "hint: add with `amika secret push good`";
    let change = "names may only contain letters, digits, '_', '-' and '.': change the others in the file\n";
    for (config, hint) in [
        ("A = { secret = \"good\" }\n", format!("{add}\n")),
        (
            "A = { secret = \"good\" }\nB = { secret = \"my-key\" }\n",
            format!("{add}, `amika secret push my-key`\n"),
        ),
        ("A = { secret = \"my secret\" }\n", format!("hint: {change}")),
        (
            "A = { secret = \"good\" }\nB = { secret = \"my secret\" }\nC = { secret = \"good\" }\n",
            format!("{add}; {change}"),
        ),
    ] {
        sandbox.write(".amika/config.toml", format!("[env]\n{config}"));
        sandbox.run("secret check").exits(1).stderr_contains(&hint);
    }
}

/// R149: a missing secret has a code of its own, and a list that is refused another exit code.
#[test]
fn missing_and_forbidden_are_told_apart() {
    let sandbox = with_config(CONFIG);
    let ran = sandbox.run("secret check -o json").exits(1);
    let error = ran.error();
    assert_eq!(error["code"], "missing");
    sandbox
        .vault
        .fault(Fault::on("GET", "/secrets").fails(403, "no").always());
    let ran = sandbox.run("secret check -o json").exits(3);
    let error = ran.error();
    assert_eq!(error["code"], "credential");
}

/// The JSON output is an array even if nothing is missing or referenced.
#[test]
fn check_prints_a_json_array() {
    let sandbox = with_config(CONFIG);
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

/// R148: the configuration is read in the root of the git repository, outside of one in the working
/// directory, and nowhere else.
#[test]
fn check_reads_the_configuration_that_the_vendor_reads() {
    let sandbox = Sandbox::new();
    let check_in = |directory: &str| -> Ran {
        std::fs::create_dir_all(sandbox.path(directory)).unwrap();
        let mut command = sandbox.command(["secret", "check"]);
        ran(command.current_dir(sandbox.path(directory)).output().unwrap())
    };
    sandbox.write(
        "repo/.amika/config.toml",
        "[env]\nA = { secret = \"of-the-root\" }\n",
    );
    sandbox.write(
        "repo/sub/.amika/config.toml",
        "[env]\nA = { secret = \"nested\" }\n",
    );
    // Not a repository: only the working directory counts.
    check_in("repo/sub").exits(1).stderr_contains("nested");
    check_in("repo/sub/deep")
        .exits(4)
        .stderr_contains("~/repo/sub/deep/.amika/config.toml");
    // A repository, and a worktree, whose .git is a file.
    sandbox.write("repo/.git", "gitdir: elsewhere\n");
    check_in("repo/sub").exits(1).stderr_contains("of-the-root");
    check_in("repo/sub/deep").exits(1).stderr_contains("of-the-root");
    // Neither the home's nor a parent's configuration counts.
    sandbox.write(".amika/config.toml", "[env]\nA = { secret = \"of-the-home\" }\n");
    sandbox.write("other/.git/HEAD", "");
    check_in("other")
        .exits(4)
        .stderr_contains("no ~/other/.amika/config.toml");
    sandbox
        .run("secret check --file=~/repo/.amika/config.toml")
        .exits(1)
        .stderr_contains("of-the-root");
}

/// R148: what makes the vendor skip the section is reported with file, line, column and name, never with
/// a value.
#[test]
fn check_is_not_green_if_the_section_would_be_skipped() {
    let sandbox = Sandbox::new();
    for (content, said) in [
        (
            format!("[env]\nA = {CANARY}\n"),
            "config.toml:2:5: not valid TOML",
        ),
        (
            format!("\u{feff}[env]\nA = {CANARY}\n"),
            "config.toml:2:5: not valid TOML",
        ),
        (
            format!("\u{feff}A = {CANARY}\n"),
            "config.toml:1:5: not valid TOML",
        ),
        (format!("[env]\nA = \"{CANARY}\n"), "config.toml:2:"),
        (
            format!("[env]\nA = {{ secret = [\"{CANARY}\"] }}\n"),
            "config.toml:2:5: A is not of the form { secret",
        ),
        (
            format!("[env]\nA = {{ secrets = \"{CANARY}\" }}\n"),
            "config.toml:2:5: A is not of the form { secret",
        ),
        (
            format!("[env]\nB = \"x\"\nA = {{ secret = \"{CANARY}\", scope = \"org\" }}\n"),
            "config.toml:3:5: A is not of the form { secret",
        ),
        (
            "[env]\nA = { secret = \"\" }\n".to_owned(),
            "config.toml:2:5: A is not of the form",
        ),
        (
            "[env]\nPORT = 3000\n".to_owned(),
            "config.toml:2:8: PORT is neither a string nor",
        ),
        (
            "[env]\nON = true\n".to_owned(),
            "config.toml:2:6: ON is neither a string nor",
        ),
        (
            format!("[env]\nlower_name = {{ secret = \"{CANARY}\" }}\n"),
            "config.toml:2:1: \"lower_name\" does not consist of capital letters",
        ),
        (
            format!("[env]\nOK = \"1\"\nAPI-KEY = {{ secret = \"{CANARY}\" }}\n"),
            "config.toml:3:1: ",
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
            .run("secret push A=1 --referenced --yes")
            .exits(4)
            .stderr_contains(said);
    }
    assert_eq!(sandbox.vault.writes(), 0);
}

/// R148: `push --referenced` pushes what is referenced, new or changed, under the names of the secrets;
/// with `--if-missing` only what is missing.
#[test]
fn push_referenced_uses_the_names_of_the_secrets() {
    let sandbox = with_config(CONFIG);
    sandbox.vault.seed("API_KEY", "before", "user");
    sandbox.write(".env", "DATABASE_URL=1\nAPI_KEY=2\nUNRELATED=3\n");
    sandbox
        .run("secret push --referenced --if-missing --from-file .env --yes")
        .exits(0)
        .stderr_contains("pushing DATABASE_URL as database-url")
        .stderr_contains("notice: skipped (not referenced in .amika/config.toml): UNRELATED\n")
        .stdout_contains("Created 1");
    assert_eq!(sandbox.vault.value("database-url", "user").as_deref(), Some("1"));
    assert_eq!(sandbox.vault.value("API_KEY", "user").as_deref(), Some("before"));
    sandbox.run("secret check").exits(0);
    // A rotated value is an update of the secret that sandboxes get.
    sandbox.write(".env", "DATABASE_URL=rotated\n");
    sandbox
        .run("secret push --referenced --from-file .env --yes")
        .exits(0);
    assert_eq!(
        sandbox.vault.value("database-url", "user").as_deref(),
        Some("rotated")
    );
    assert_eq!(sandbox.vault.stored("generic").len(), 2);
}

/// R148: a source may name the secret instead of the variable, and one secret may have several variables.
#[test]
fn push_referenced_takes_either_name_and_says_which_value_is_not_used() {
    let sandbox = with_config(
        "[env]\nA = { secret = \"shared\" }\nB = { secret = \"shared\" }\nC = { secret = \"own-name\" }\n",
    );
    sandbox
        .run("secret push own-name=3 B=1 --referenced --yes")
        .exits(0);
    assert_eq!(sandbox.vault.value("shared", "user").as_deref(), Some("1"));
    assert_eq!(sandbox.vault.value("own-name", "user").as_deref(), Some("3"));
    sandbox
        .run("secret push A=2 B=1 --referenced --yes")
        .exits(0)
        .stderr_contains("warning: shared gets the value of A, not that of B");
    assert_eq!(sandbox.vault.value("shared", "user").as_deref(), Some("2"));
}

/// R10, R148: a name that is given twice is a warning, whether or not anything references it.
#[test]
fn push_referenced_warns_about_names_that_are_given_twice() {
    let sandbox = with_config(CONFIG);
    let mut command = sandbox.command([
        "secret",
        "push",
        "--referenced",
        "--from-env",
        "UNRELATED,DATABASE_URL,UNRELATED,DATABASE_URL",
        "--yes",
    ]);
    command.env("UNRELATED", "1").env("DATABASE_URL", "2");
    ran(command.output().unwrap())
        .exits(0)
        .stderr_contains("warning: UNRELATED is given more than once, first at $UNRELATED and last at $UNRELATED; the last wins")
        .stderr_contains("warning: DATABASE_URL is given more than once");
    assert_eq!(sandbox.vault.value("database-url", "user").as_deref(), Some("2"));
}

/// R148: without a source and a terminal, `--referenced` is a usage error, and the environment is not read.
#[test]
fn push_referenced_needs_a_source() {
    let sandbox = with_config(CONFIG);
    let mut command = sandbox.command(["secret", "push", "--referenced", "--yes"]);
    ran(command.env("API_KEY", CANARY).output().unwrap())
        .exits(2)
        .stderr_contains("no secrets provided");
    assert!(sandbox.vault.requests().is_empty());
    sandbox
        .run("secret push --referenced X=1 --yes")
        .exits(0)
        .stderr_contains("warning: database-url is missing from the vault and from the given sources")
        .stderr_contains("not referenced in .amika/config.toml): X\n");
    sandbox
        .run("secret push DATABASE_URL=1 --referenced --strict --yes")
        .exits(4)
        .stderr_contains("error: API_KEY is missing from the vault and from the given sources");
    assert!(sandbox.vault.stored("generic").is_empty());
}

/// R148: a push of a variable that sandboxes get under another name says so.
#[test]
fn a_push_says_which_secret_a_variable_gets_its_value_from() {
    let sandbox = with_config(CONFIG);
    sandbox
        .run("secret push DATABASE_URL=1 API_KEY=2 --yes")
        .exits(0)
        .stderr_contains("notice: DATABASE_URL gets its value from the secret \"database-url\"");
    let quiet = sandbox.run("secret push API_KEY=2 OTHER=3 --yes").exits(0);
    assert!(!quiet.stderr.contains("gets its value"), "{}", quiet.stderr);
}
