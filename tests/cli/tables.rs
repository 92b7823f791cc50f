//! Tables at terminals of several widths.

use crate::sandbox::Sandbox;
use crate::screen::sized;
use crate::support::faults::Fault;
use crate::terminal::text;

const ENV_FILE: &str = "deployments/production/region-eu-central-1/services/backend/.env";

/// Runs `line` on a terminal with this many columns and returns the output without styles.
fn shown(sandbox: &Sandbox, columns: u16, line: &str, code: i32) -> String {
    let mut session = sized(sandbox, columns, line);
    let shown = text(&mut session, &format!("code {code}"));
    let mut plain = String::new();
    let mut styled = shown.split("\x1b[");
    plain.push_str(styled.next().unwrap_or_default());
    for part in styled {
        plain.push_str(part.split_once('m').map_or(part, |(_, text)| text));
    }
    plain.replace('\r', "")
}

#[test]
fn a_plan_fits_the_terminal() {
    let name = "A_RATHER_LONG_NAME_OF_A_SECRET";
    for columns in [40, 50, 80, 200] {
        let sandbox = Sandbox::new();
        sandbox.write(ENV_FILE, format!("{name}=value\nB=value\n"));
        let line = format!("amika secret push --from-file {ENV_FILE} --dry-run");
        let shown = shown(&sandbox, columns, &line, 0);
        for line in shown.lines() {
            assert!(
                line.chars().count() <= usize::from(columns),
                "{columns}: {line:?}"
            );
        }
        assert!(shown.contains(".env:1"), "{shown}");
        assert_eq!(shown.contains(name), columns != 50, "{columns}: {shown}");
        assert_eq!(shown.contains('…'), columns < 100, "{columns}: {shown}");
        // Below 50 columns, each row is a block.
        assert_eq!(shown.contains("NAME    A_"), columns == 40, "{columns}: {shown}");
    }
}

/// A name of 256 characters takes one line of a list, like any other.
#[test]
fn a_long_name_costs_no_lines() {
    let sandbox = Sandbox::new();
    for number in 0..30 {
        sandbox.vault.seed(&format!("NAME_{number}"), "x", "user");
    }
    sandbox.vault.seed(&"X".repeat(256), "x", "user");
    for columns in [50, 80, 140] {
        let shown = shown(&sandbox, columns, "amika secret list", 0);
        assert_eq!(shown.lines().count(), 33, "{columns}: {shown}");
    }
}

/// Messages are broken between words, and a command stays on one line.
#[test]
fn messages_fit_the_terminal() {
    for columns in [40, 50, 80, 140] {
        let sandbox = Sandbox::new();
        sandbox.write(".codex/auth.json", r#"{"OPENAI_API_KEY":"c4n4ry"}"#);
        let lines = [
            ("unset AMIKA_API_KEY; amika secret list", 3, "`amika auth login`"),
            ("amika secret push", 2, "`amika secret push NAME`"),
            ("amika secret push A=1 --from-file missing.env", 4, "missing.env"),
        ];
        for (line, code, whole) in lines {
            let shown = shown(&sandbox, columns, line, code);
            assert!(shown.contains(whole), "{columns}: {shown}");
            for line in shown.lines().filter(|line| !line.contains('`')) {
                assert!(line.chars().count() <= usize::from(columns), "{line:?}");
            }
            // Every line ends where a word ends.
            let wide = self::shown(&sandbox, 1000, line, code);
            let words = |text: &str| text.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
            assert_eq!(words(&shown), words(&wide), "{columns}");
        }
    }
}

/// R156: a person is told what a command waits for.
#[test]
fn a_long_wait_is_explained_at_a_terminal_only() {
    let sandbox = Sandbox::new();
    let slow = Fault::on("GET", "/secrets").delay(std::time::Duration::from_millis(2600));
    sandbox.vault.fault(slow.always());
    let said = shown(&sandbox, 80, "amika secret list", 0);
    let waiting = format!("notice: waiting for a reply from {}", sandbox.vault.origin());
    assert!(said.contains(&waiting), "{said}");
    let piped = sandbox.run("secret list").exits(0);
    assert_eq!(piped.stderr, "");
}

#[test]
fn times_are_short_at_a_terminal_and_exact_elsewhere() {
    let sandbox = Sandbox::new();
    sandbox.write(
        ".claude/.credentials.json",
        r#"{"claudeAiOauth":{"accessToken":"c4n4ry","expiresAt":1000000000000,"scopes":["user:inference"]}}"#,
    );
    let shown = shown(&sandbox, 120, "amika secret extract", 0);
    assert!(shown.contains("years ago"), "{shown}");
    sandbox
        .run("secret extract")
        .exits(0)
        .stdout_contains("2001-09-09T01:46:40Z");
}

#[test]
fn actions_have_colours_at_a_terminal_only() {
    let sandbox = Sandbox::new();
    sandbox.run("secret push A=1 --yes").exits(0);
    let mut session = sized(&sandbox, 80, "TERM=xterm amika secret push A=2 B=2 --dry-run");
    let shown = text(&mut session, "code 0");
    assert!(
        shown.contains("\x1b[33mupdate") && shown.contains("\x1b[32mcreate"),
        "{shown:?}"
    );
    let piped = sandbox.run("secret push A=2 B=2 --dry-run").exits(0);
    assert!(!piped.stdout.contains('\x1b'), "{piped:?}");
    let forced = sandbox.run("secret push A=2 --dry-run --color always").exits(0);
    assert!(forced.stdout.contains("\x1b[33mupdate"), "{forced:?}");
}

/// Failures are printed even with `--quiet`.
#[test]
fn quiet_prints_the_outcomes_of_a_failed_push() {
    let sandbox = Sandbox::new();
    sandbox
        .vault
        .fault(Fault::on("POST", "/api/v0beta1/secrets").fails(422, "no"));
    sandbox
        .run("-q secret push A=1 --yes")
        .exits(1)
        .stdout_contains("A     failed");
}

#[test]
fn quiet_prints_nothing_on_success() {
    let sandbox = Sandbox::new();
    let id = sandbox
        .vault
        .seed_credential("claude", "mine", "api_key", "user", "x");
    for line in [
        "-q secret push A=1 A=2 --yes",
        "-q secret codex push --value sk-x --name k",
        &format!("-q secret claude delete {id} --yes"),
    ] {
        let ran = sandbox.run(line).exits(0);
        assert_eq!(ran.stdout, "", "{line}");
    }
    sandbox.run("-q secret list").exits(0).stdout_contains("A ");
    sandbox
        .run("-q secret push B=1 --yes -o json")
        .exits(0)
        .stdout_contains("\"created\":1");
}
