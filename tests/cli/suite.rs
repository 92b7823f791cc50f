//! The suite itself: what it does without a tool, and at a terminal.

use std::process::Command;

use crate::sandbox::has_tools;

#[test]
#[ignore = "run by the next test"]
fn a_tool_that_nobody_has() {
    has_tools(&["no-such-tool"]);
}

/// R163: a test whose tool is missing fails in CI; elsewhere it is skipped, and the skipped are counted.
#[test]
fn in_ci_a_missing_tool_fails_the_test() {
    let run = |ci: Option<&str>| {
        Command::new(std::env::current_exe().unwrap())
            .args(["--ignored", "--exact", "suite::a_tool_that_nobody_has"])
            .env_remove("CI")
            .envs(ci.map(|value| ("CI", value)))
            .output()
            .unwrap()
    };
    let skipped = run(None);
    assert!(skipped.status.success(), "{skipped:?}");
    let said = String::from_utf8(skipped.stderr).unwrap();
    assert!(
        said.contains("SKIPPED 1: no-such-tool is not installed"),
        "{said}"
    );
    let failed = run(Some("true"));
    assert!(!failed.status.success(), "{failed:?}");
}

/// R162: tests do not depend on the terminal that they are started from, its width and its colours. `.ci/run` runs
/// all of them at one; this one shows it for those of the command line.
#[test]
fn tests_pass_at_any_terminal() {
    if !has_tools(&["script", "stty"]) {
        return;
    }
    let suite = std::env::current_exe().unwrap();
    for (columns, no_color) in [(40, None), (200, Some("1"))] {
        let run = format!("stty columns {columns} rows 24 && exec \"$SUITE\" usage::");
        let run = Command::new("script")
            .args(["--quiet", "--return", "--command", &run, "/dev/null"])
            .env("SUITE", &suite)
            .env("TERM", "xterm-256color")
            .envs(no_color.map(|value| ("NO_COLOR", value)))
            .stdin(std::process::Stdio::null())
            .output()
            .unwrap();
        let said = String::from_utf8(run.stdout).unwrap();
        assert!(run.status.success(), "{said}");
        assert!(!said.contains(" 0 passed"), "{said}");
    }
}
