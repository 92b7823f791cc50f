//! `amika secret push`: everyday use.

use crate::sandbox::{CANARY, Sandbox, feed, ran};
use crate::support::faults::{Behaviour, Fault};
use serde_json::json;

const SECRETS: &str = "/api/v0beta1/secrets";

#[test]
fn a_file_arrives_byte_for_byte() {
    let sandbox = Sandbox::new();
    sandbox.write(".env", "A=\"x y\"\nB=pa$$word\nexport C=1\n");
    sandbox
        .run("secret push --from-file .env --yes")
        .exits(0)
        .stdout_contains("Created 3 in user scope")
        .stderr_contains(".env:2: '$' in B is kept literally");
    for (name, value) in [("A", "x y"), ("B", "pa$$word"), ("C", "1")] {
        assert_eq!(sandbox.vault.value(name, "user").as_deref(), Some(value));
    }
}

#[test]
fn the_report_has_a_row_for_every_secret() {
    let sandbox = Sandbox::new();
    sandbox.vault.seed("OLD", "before", "user");
    sandbox.write(".env", format!("OLD={CANARY}1\nNEW={CANARY}2\n"));
    let ran = sandbox.run("secret push --from-file .env --yes").exits(0);
    assert_eq!(ran.stderr, "");
    insta::assert_snapshot!(ran.stdout, @r"
    NAME  RESULT
    OLD   updated
    NEW   created

    Created 1, updated 1 in user scope
    ");
    assert_eq!(sandbox.vault.value("OLD", "user"), Some(format!("{CANARY}1")));
}

#[test]
fn json_is_one_value_and_nothing_is_asked() {
    let sandbox = Sandbox::new();
    let id = sandbox.vault.seed("OLD", "x", "user");
    let ran = ran(sandbox
        .command([
            "secrets",
            "push",
            &format!("OLD={CANARY}"),
            &format!("NEW={CANARY}"),
            "--yes",
            "-o",
            "json",
        ])
        .output()
        .unwrap())
    .exits(0);
    assert_eq!(
        ran.json(),
        json!({
            "scope": "user",
            "results": [
                { "name": "OLD", "kind": "secret", "scope": "user", "status": "updated", "id": id },
                { "name": "NEW", "kind": "secret", "scope": "user", "status": "created", "id": "sec_0002" },
            ],
            "created": 1, "updated": 1, "unchanged": 0, "failed": 0, "unknown": 0, "not_attempted": 0,
        })
    );
    assert_eq!(ran.stderr, "");
    sandbox
        .run("secret push A=1 -o json")
        .exits(2)
        .stderr_contains("--yes");
    assert_eq!(sandbox.vault.count("POST"), 1);
}

/// R146: one line loses its line break, and several lines are kept byte for byte.
#[test]
fn a_value_from_stdin_loses_one_newline_and_nothing_else() {
    let sandbox = Sandbox::new();
    for (input, stored, told) in [
        ("a b\n", "a b", true),
        ("a\r\n", "a", true),
        ("-----BEGIN\n$x\n", "-----BEGIN\n$x\n", false),
        ("a\n\n", "a\n\n", false),
        ("a\r\nb\r\n", "a\r\nb\r\n", false),
        ("no newline", "no newline", false),
        (" '\\ \t", " '\\ \t", false),
    ] {
        let ran = sandbox.run_with("secret push KEY --yes", input).exits(0);
        assert_eq!(sandbox.vault.value("KEY", "user").as_deref(), Some(stored));
        assert_eq!(
            ran.stderr.contains("removed one trailing newline"),
            told,
            "{input:?}"
        );
    }
}

/// R10: the stronger source wins, and a duplicate name is reported with both lines.
#[test]
fn stronger_sources_win_and_duplicates_are_named() {
    let sandbox = Sandbox::new();
    sandbox.write("a.env", "A=file\nB=file\nC=first\nC=second\n");
    sandbox.write("b.env", "C=third\n");
    let mut command = sandbox.command([
        "secret",
        "push",
        "--from-file",
        "a.env",
        "--from-file",
        "b.env",
        "--from-env",
        "A",
        "A=inline",
        "B=inline",
        "--yes",
    ]);
    ran(command.env("A", "variable").output().unwrap())
        .exits(0)
        .stderr_contains("C is given more than once, first at a.env:3 and last at b.env:1; the last wins");
    for (name, value) in [("A", "variable"), ("B", "inline"), ("C", "third")] {
        assert_eq!(sandbox.vault.value(name, "user").as_deref(), Some(value));
    }
}

#[test]
fn every_format_from_a_file_and_from_stdin() {
    let sandbox = Sandbox::new();
    for (format, content) in [
        ("dotenv", "A='a b'\n"),
        ("docker", "# comment\nA=a b\n"),
        ("json", "{\"A\": \"a b\"}"),
    ] {
        let name = sandbox.write("secrets", content);
        sandbox
            .run(&format!(
                "secret push --from-file {} --env-format {format} --yes",
                name.display()
            ))
            .exits(0);
        assert_eq!(
            sandbox.vault.value("A", "user").as_deref(),
            Some("a b"),
            "{format}"
        );
        sandbox
            .run_with(
                &format!("secret push --from-file - --env-format {format} --yes"),
                content,
            )
            .exits(0);
    }
}

#[test]
fn dry_run_shows_the_plan_and_writes_nothing() {
    let sandbox = Sandbox::new();
    sandbox.vault.seed("ELSEWHERE", "x", "org");
    sandbox
        .run("secret push NEW=1 --dry-run")
        .exits(0)
        .stdout_contains("NEW   argument 1  ********  create")
        .stdout_contains("\nCreate 1 in user scope of the API key from AMIKA_API_KEY on http://127.0.0.1:")
        .stdout_contains("\nNothing was written.\n");
    let ran = sandbox.run("secret push ELSEWHERE=1 --dry-run -o json").exits(1);
    assert_eq!(ran.json()["plan"][0]["action"], "conflict");
    assert_eq!(sandbox.vault.count("POST") + sandbox.vault.count("PUT"), 0);
}

/// R81: a name that exists only in the other scope is a conflict.
#[test]
fn a_name_in_the_other_scope_only_is_a_conflict() {
    let sandbox = Sandbox::new();
    sandbox.vault.seed("BOTH", "x", "user");
    sandbox.vault.seed("BOTH", "x", "org");
    sandbox.vault.seed("ORG", "x", "org");
    sandbox
        .run("secret push BOTH=1 ORG=1 --yes")
        .exits(1)
        .stderr_contains("ORG exists in org scope only")
        .stderr_contains("--scope org");
    assert_eq!(sandbox.vault.count("PUT"), 0);
    sandbox
        .run("secret push BOTH=1 ORG=1 --scope org --yes")
        .exits(0)
        .stdout_contains("Updated 2 in org scope");
    assert_eq!(sandbox.vault.value("BOTH", "user").as_deref(), Some("x"));
    assert_eq!(sandbox.vault.value("BOTH", "org").as_deref(), Some("1"));
}

/// R84: repeating a push only updates.
#[test]
fn the_same_push_again_only_updates() {
    let sandbox = Sandbox::new();
    sandbox
        .run("secret push A=1 B=2 --yes")
        .exits(0)
        .stdout_contains("Created 2");
    sandbox
        .run("secret push A=1 B=2 --yes")
        .exits(0)
        .stdout_contains("Updated 2");
    assert_eq!(sandbox.vault.stored("generic").len(), 2);
}

/// R91: a piped answer is read.
#[test]
fn a_piped_answer_is_read() {
    let sandbox = Sandbox::new();
    for (answer, code) in [("y\n", 0), ("Yes\n", 0), ("y", 0), ("n\n", 1), ("\n", 1), ("", 2)] {
        sandbox
            .run_with("secret push A=1", answer)
            .exits(code)
            .stderr_contains("1 in user scope of the API key from AMIKA_API_KEY on http://127.0.0.1:");
    }
    assert_eq!(sandbox.vault.count("POST") + sandbox.vault.count("PUT"), 3);
}

/// R91: in CI, nothing is asked.
#[test]
fn in_ci_nothing_is_asked() {
    let sandbox = Sandbox::new();
    feed(
        sandbox.command(["secret", "push", "A=1"]).env("CI", "true"),
        "y\n",
    )
    .exits(2)
    .stderr_contains("cannot ask for confirmation in CI")
    .stderr_contains("--yes");
    assert!(sandbox.vault.requests().is_empty());
}

#[test]
fn verbose_shows_requests_and_no_secrets() {
    let sandbox = Sandbox::new();
    ran(sandbox
        .command(["secret", "push", &format!("A={CANARY}"), "--yes", "-vvv"])
        .env("RUST_LOG", "trace")
        .output()
        .unwrap())
    .exits(0)
    .stderr_contains("> GET /api/v0beta1/secrets 200 ")
    .stderr_contains("> POST /api/v0beta1/secrets 201 ");
}

#[test]
fn two_thousand_secrets_share_few_connections() {
    // R86. A race between opening and returning a connection may open a few more than 64.
    let sandbox = Sandbox::new();
    let lines: Vec<_> = (0..2000).map(|n| format!("NAME_{n}={CANARY}{n}")).collect();
    sandbox.write(".env", lines.join("\n"));
    sandbox
        .run("secret push --from-file .env --yes")
        .exits(0)
        .stdout_contains("Created 2000");
    assert_eq!(sandbox.vault.stored("generic").len(), 2000);
    assert!(sandbox.vault.peak_connections() < 128);
}

/// R10, R115: a name that is given many times is reported once, and the last value counts.
#[test]
fn a_name_given_many_times_is_one_warning() {
    let sandbox = Sandbox::new();
    sandbox.write(".env", "A=1\n".repeat(4999) + "A=last\n");
    let ran = sandbox
        .run("secret push --from-file .env --yes")
        .exits(0)
        .stderr_contains("A is given more than once, first at .env:1 and last at .env:5000; the last wins");
    assert_eq!(ran.stderr.matches("warning").count(), 1);
    assert_eq!(sandbox.vault.value("A", "user").as_deref(), Some("last"));
}

/// R16: `--strict` makes every warning an error, and nothing is written.
#[test]
fn strict_makes_warnings_errors() {
    let sandbox = Sandbox::new();
    sandbox.write(".env", "A=$HOME\nB=1\nB=2\n");
    sandbox
        .run("secret push --from-file .env --yes --strict")
        .exits(4)
        .stderr_contains(".env:1: '$' in A is kept literally")
        .stderr_contains("B is given more than once, first at .env:2 and last at .env:3; the last wins\n")
        .stderr_contains("\n  hint: these are warnings without --strict\n");
    sandbox
        .run("secret push A=1 A=2 --yes --strict")
        .exits(4)
        .stderr_contains("\n  hint: this is a warning without --strict\n");
    assert_eq!(sandbox.vault.writes(), 0);
    sandbox.run("secret push --from-file .env --yes").exits(0);
}

/// R134: a command that a shell would run is named like a variable that it would expand.
#[test]
fn a_command_in_a_value_is_kept_with_a_warning() {
    let sandbox = Sandbox::new();
    sandbox.write(".env", "A=$(cat token)\nB='$(cat token)'\n");
    let ran = sandbox.run("secret push --from-file .env --yes").exits(0);
    assert_eq!(ran.stderr.matches("warning").count(), 1, "{}", ran.stderr);
    assert!(
        ran.stderr
            .starts_with("warning: .env:1: '$' in A is kept literally")
    );
    assert!(!ran.stderr.contains("the same for"), "{}", ran.stderr);
}

/// What is not selected gives no warning, so `--strict` does not fail for it. A bad line still does.
#[test]
fn names_that_are_not_selected_give_no_warnings() {
    let sandbox = Sandbox::new();
    sandbox.write(".env", "A=1\nB=$HOME\nC=\nD=1\nD=2\n");
    for options in ["--only A", "--exclude B,C,D", "--only A --strict"] {
        let line = format!("secret push --from-file .env --yes {options}");
        let ran = sandbox.run(&line).exits(0);
        assert!(!ran.stderr.contains("warning"), "{options}: {}", ran.stderr);
    }
    sandbox.write("docker.env", "A=1\nB='x'\n");
    let line = "secret push --from-file docker.env --env-format docker --yes --strict --only A";
    sandbox.run(line).exits(0);
    sandbox
        .run("secret push --from-file .env --yes --strict --only A,D")
        .exits(4)
        .stderr_contains("error: D is given more than once");
}

/// R122: a line that is left out is no problem, but one that may belong to a selected value is.
#[test]
fn lines_that_are_left_out_are_no_problems() {
    let sandbox = Sandbox::new();
    sandbox.write(".env", "A=1\nB=x#y\nno name\nC='open\nD=a\rb\nE=2\n");
    for options in ["--only A,E", "--exclude B,C,D"] {
        sandbox
            .run(&format!("secret push --from-file .env --yes {options}"))
            .exits(0);
    }
    sandbox
        .run("secret push --from-file .env --yes --only A,B")
        .exits(4)
        .stderr_contains(".env:2: invalid line");
    sandbox.write(".env", "A=-----BEGIN\nbody\n-----END\nB=1\n");
    sandbox
        .run("secret push --from-file .env --yes --only B")
        .exits(0);
    sandbox
        .run("secret push --from-file .env --yes --only A")
        .exits(4)
        .stderr_contains(".env:2: invalid line");
}

/// Secrets are selected by name or pattern after they were collected; whitespace is ignored.
#[test]
fn only_and_exclude_select_names() {
    let sandbox = Sandbox::new();
    sandbox.write(".env", "A=1\nDB_URL=2\nDB_KEY=3\nZ=4\n");
    let mut command = sandbox.command([
        "secret",
        "push",
        "--from-file",
        ".env",
        "--only",
        " A, DB_*,",
        "--exclude",
        "*_KEY",
        "--yes",
    ]);
    ran(command.output().unwrap())
        .exits(0)
        .stdout_contains("Created 2");
    assert_eq!(sandbox.vault.value("DB_URL", "user").as_deref(), Some("2"));
    sandbox
        .run("secret push --from-file .env --only A,MISSING --yes")
        .exits(0)
        .stderr_contains("--only \"MISSING\" matches nothing");
    sandbox
        .run("secret push --from-file .env --only MISSING --yes")
        .exits(4)
        .stderr_contains("no secrets provided");
}

/// R20: a pattern selects every matching variable; whitespace and empty items are ignored.
#[test]
fn variables_are_taken_by_pattern() {
    let sandbox = Sandbox::new();
    let mut command = sandbox.command(["secret", "push", "--from-env", " APP_*, B,", "--yes"]);
    command
        .env("APP_A", "1")
        .env("APP_B", "2")
        .env("APP_EMPTY", "")
        .env("B", "3");
    ran(command.output().unwrap())
        .exits(0)
        .stdout_contains("Created 3")
        .stderr_contains("environment variable \"APP_EMPTY\" is empty and was skipped");
}

/// `--if-missing` writes only secrets that no scope of the vault has, and reports the rest as
/// unchanged.
#[test]
fn if_missing_leaves_existing_secrets_unchanged() {
    let sandbox = Sandbox::new();
    sandbox.vault.seed("OLD", "before", "user");
    sandbox.vault.seed("SHARED", "before", "org");
    let ran = sandbox
        .run("secret push OLD=1 SHARED=1 NEW=1 --if-missing --yes -o json")
        .exits(0);
    let json = ran.json();
    assert_eq!((&json["created"], &json["unchanged"]), (&json!(1), &json!(2)));
    let unchanged = |name: &str, scope: &str| json!({ "name": name, "kind": "secret", "scope": scope, "status": "unchanged" });
    assert_eq!(json["results"][0], unchanged("OLD", "user"));
    assert_eq!(json["results"][1], unchanged("SHARED", "org"));
    assert_eq!(sandbox.vault.value("OLD", "user").as_deref(), Some("before"));
    assert_eq!(sandbox.vault.count("PUT"), 0);
    sandbox
        .run("secret push OLD=1 SHARED=1 --if-missing")
        .exits(0)
        .stdout_contains("OLD     unchanged in user scope\nSHARED  unchanged in org scope\n")
        .stdout_contains("Unchanged 2 in user scope");
}

/// R115: an endless answer through a pipe is read only up to a limit.
#[test]
fn a_piped_answer_is_bounded() {
    let sandbox = Sandbox::new();
    sandbox
        .run_with("secret push A=1", "y".repeat(5_000_000))
        .exits(2)
        .stderr_contains("no valid answer on standard input");
    assert_eq!(sandbox.vault.count("POST"), 0);
}

/// R143: another writer was faster, so the name is taken although the list lacked it.
#[test]
fn if_missing_never_overwrites() {
    let sandbox = Sandbox::new();
    sandbox.vault.seed("A", "theirs", "user");
    sandbox.vault.fault(Fault::on("GET", SECRETS).json(200, "[]"));
    let ran = sandbox
        .run("secret push A=ours B=1 --if-missing --yes -o json")
        .exits(0);
    let json = ran.json();
    assert_eq!(
        json["results"][0],
        json!({ "name": "A", "kind": "secret", "scope": "user", "status": "unchanged" })
    );
    assert_eq!((&json["created"], &json["unchanged"]), (&json!(1), &json!(1)));
    assert_eq!(sandbox.vault.value("A", "user").as_deref(), Some("theirs"));
    assert_eq!(sandbox.vault.count("PUT"), 0);

    // A create whose reply was lost is not repeated as an update.
    let sandbox = Sandbox::new();
    sandbox
        .vault
        .fault(Fault::on("POST", SECRETS).does(Behaviour::ResetAfter));
    sandbox
        .run("secret push A=ours --if-missing --yes")
        .exits(5)
        .stdout_contains("A     unknown: ")
        .stderr_contains("error: 1 unknown (it may have been stored)");
    assert_eq!(sandbox.vault.count("PUT"), 0);
}

/// R144: with an explicit user scope, a secret is created beside the one in org scope.
#[test]
fn an_explicit_user_scope_creates_beside_the_organisations() {
    let sandbox = Sandbox::new();
    sandbox.vault.seed("A", "theirs", "org");
    sandbox
        .run("secret push A=1 --yes")
        .exits(1)
        .stderr_contains("A exists in org scope only; nothing was changed")
        .stderr_contains("--scope org to update there, or --scope user to create another one");
    sandbox
        .run("secret push A=1 --scope user --yes --strict")
        .exits(4)
        .stderr_contains("A exists in org scope too");
    assert_eq!(sandbox.vault.writes(), 0);
    sandbox
        .run("secret push A=1 --scope user --dry-run")
        .exits(0)
        .stdout_contains("create, beside the one in org scope");
    sandbox
        .run("secret push A=1 --scope user --yes")
        .exits(0)
        .stderr_contains("warning: A exists in org scope too")
        .stdout_contains("Created 1 in user scope");
    assert_eq!(sandbox.vault.value("A", "org").as_deref(), Some("theirs"));
    assert_eq!(sandbox.vault.value("A", "user").as_deref(), Some("1"));
    // The other way round it stays a conflict.
    sandbox.vault.seed("B", "mine", "user");
    sandbox
        .run("secret push B=1 --scope org --yes")
        .exits(1)
        .stderr_contains("B exists in user scope only");
}

/// R145: nothing is written if it is not certain which secret an update would change.
#[test]
fn an_ambiguous_name_is_a_conflict() {
    let row = |id: &str, name: &str| json!({ "id": id, "name": name, "scope": "user" });
    for (rows, said) in [
        (
            [row("sec_7", "A"), row("sec_8", "A")],
            "user scope has 2 secrets named A: sec_7, sec_8; nothing was changed",
        ),
        (
            [row("sec_9", "A"), row("sec_9", "Z")],
            "A and Z with the same id, sec_9",
        ),
    ] {
        let sandbox = Sandbox::new();
        let list = serde_json::to_string(&rows).unwrap();
        sandbox
            .vault
            .fault(Fault::on("GET", SECRETS).json(200, &list).always());
        sandbox
            .run("secret push A=1 B=1 --yes")
            .exits(1)
            .stderr_contains(said);
        sandbox.run("secret push B=1 --yes").exits(0);
        assert_eq!(sandbox.vault.writes(), 1);
        sandbox.run("secret push A=1 --if-missing --yes").exits(0);
        assert_eq!(sandbox.vault.writes(), 1);
    }
}

/// R16: conflicts with the vault are reported together with local problems, if the vault can be asked.
#[test]
fn conflicts_and_local_problems_are_reported_together() {
    let sandbox = Sandbox::new();
    sandbox.vault.seed("A", "x", "org");
    sandbox.write(".env", "A=1\nbroken\n");
    let line = "secret push --from-file .env --yes";
    sandbox
        .run(line)
        .exits(4)
        .stderr_contains(".env:2: invalid line")
        .stderr_contains("A exists in org scope only");
    let mut without_key = sandbox.command(line.split(' '));
    without_key.env_remove("AMIKA_API_KEY");
    let ran = ran(without_key.output().unwrap()).exits(4);
    assert!(!ran.stderr.contains("auth login"), "{}", ran.stderr);
    assert_eq!(sandbox.vault.writes(), 0);
}

/// R154: the error says what is known of each secret, and suggests another try only where it can help.
#[test]
fn the_error_says_what_is_known() {
    let create = |name| Fault::on("POST", SECRETS).of(name);
    let sandbox = Sandbox::new();
    sandbox.vault.fault(create("A").fails(503, "down").always());
    let ran = sandbox.run("secret push A=1 --yes").exits(5);
    assert!(
        ran.stderr
            .starts_with("error: 1 unknown (it may have been stored)\n  hint: run the same command again"),
        "{}",
        ran.stderr
    );
    let sandbox = Sandbox::new();
    sandbox.vault.fault(create("A").fails(403, "no"));
    sandbox.vault.fault(create("B").fails(400, "no"));
    let ran = sandbox.run("secret push A=1 B=1 C=1 --yes").exits(5);
    assert!(ran.stderr.starts_with("error: 2 not stored\n"), "{}", ran.stderr);
    assert!(!ran.stderr.contains("same command"), "{}", ran.stderr);
    // All of them were refused.
    let sandbox = Sandbox::new();
    sandbox
        .vault
        .fault(Fault::on("POST", SECRETS).fails(403, "no").always());
    let ran = sandbox.run("secret push A=1 B=1 --yes").exits(1);
    assert!(
        ran.stderr
            .starts_with("error: 2 not stored: not allowed (403): no\n"),
        "{}",
        ran.stderr
    );
    assert!(!ran.stderr.contains("same command"), "{}", ran.stderr);
}
