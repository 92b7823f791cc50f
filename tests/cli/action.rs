//! The GitHub Action: its push step is run as GitHub runs it.

use std::fs;
use std::path::Path;
use std::process::Command;

use crate::install::script;
use crate::sandbox::{CANARY, Ran, Sandbox, has_tools, ran};
use crate::support::vault::API_KEY;

/// A sandbox, if the tools of the push step are installed.
#[track_caller]
fn with_tools() -> Option<Sandbox> {
    has_tools(&["bash", "jq"]).then(Sandbox::new)
}

/// The push step with these inputs and variables; an input that is not given has its default.
fn step(sandbox: &Sandbox, variables: &[(&str, &str)]) -> Command {
    let amika = sandbox.command([""; 0]);
    let mut step = script("action-push.sh", sandbox);
    step.envs(amika.get_envs().filter_map(|(name, value)| Some((name, value?))))
        .env("INPUT_PROGRAM", amika.get_program())
        .envs(["SCOPE", "API_KEY", "STRICT", "DRY_RUN"].map(|input| (format!("INPUT_{input}"), "")))
        .env("GITHUB_OUTPUT", sandbox.home().join("output"))
        .env("GITHUB_STEP_SUMMARY", sandbox.home().join("summary.md"))
        .envs(variables.iter().copied());
    step
}

fn push(sandbox: &Sandbox, variables: &[(&str, &str)]) -> Ran {
    // Values are in the lines that mask them.
    let mut output = step(sandbox, variables).output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let (masks, rest): (Vec<_>, Vec<_>) = text.lines().partition(|line| line.starts_with("::add-mask::"));
    sandbox.write("masks", masks.join("\n"));
    output.stdout = rest.join("\n").into_bytes();
    ran(output)
}

fn read(sandbox: &Sandbox, file: &str) -> String {
    fs::read_to_string(sandbox.home().join(file)).unwrap()
}

/// The action installs the release to which it belongs.
#[test]
fn the_action_installs_its_own_version() {
    let action = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("action.yml")).unwrap();
    let input = action.split("\n  version:\n").nth(1).unwrap();
    let input = input.split("\n  sha256:").next().unwrap();
    let default = format!("    default: {}", env!("CARGO_PKG_VERSION"));
    assert!(input.lines().any(|line| line == default), "{input}");
    assert!(!input.contains("required"), "{input}");
}

/// The names may be on separate lines, and each line of each value is masked before the push.
#[test]
fn the_action_takes_names_on_several_lines() {
    if !has_tools(&["bash", "jq"]) {
        return;
    }
    let pem = format!("first {CANARY}\nsecond {CANARY}");
    for names in [
        "DATABASE_URL,APP_*",
        "DATABASE_URL\nAPP_*\n",
        "DATABASE_URL\r\nAPP_A, APP_PEM\r\n",
        "\n  DATABASE_URL,\n  APP_*\n",
    ] {
        let sandbox = Sandbox::new();
        let run = push(
            &sandbox,
            &[
                ("INPUT_SECRETS", names),
                ("APP_A", "one-line 100%"),
                ("APP_PEM", &pem),
                ("DATABASE_URL", CANARY),
                ("OTHER", "not-named"),
            ],
        )
        .exits(0);
        assert!(run.stdout.contains("\"created\":3"), "{names:?}: {run:?}");
        assert_eq!(sandbox.vault.value("APP_PEM", "user").as_ref(), Some(&pem));
        let masks = read(&sandbox, "masks");
        let masked: Vec<_> = masks
            .lines()
            .map(|line| line.trim_start_matches("::add-mask::"))
            .collect();
        let (first, second) = pem.split_once('\n').unwrap();
        for value in [API_KEY, "one-line 100%25", first, second, CANARY] {
            assert!(masked.contains(&value), "{names:?}: {masked:?}");
        }
        assert!(!masked.contains(&"not-named"), "{masked:?}");
        assert!(read(&sandbox, "output").contains("\"created\":3"));
        assert!(read(&sandbox, "summary.md").contains("| `APP_A` | created |"));
    }
}

/// The variables through which the action gets its inputs are not pushed, whatever the pattern.
#[test]
fn the_action_never_pushes_its_own_variables() {
    let Some(sandbox) = with_tools() else { return };
    let inputs = [("INPUT_SECRETS", "INPUT_*"), ("INPUT_OF_THE_USER", CANARY)];
    push(&sandbox, &inputs).exits(0);
    let stored = sandbox.vault.stored("generic");
    let names: Vec<_> = stored.iter().map(|secret| secret.name.as_str()).collect();
    assert_eq!(names, ["INPUT_OF_THE_USER"]);
}

/// Switches must be true or false, because a misspelt value could cause a write.
#[test]
fn the_action_refuses_unknown_values_of_its_switches() {
    let Some(sandbox) = with_tools() else { return };
    let base = [("INPUT_SECRETS", "APP_A,APP_A"), ("APP_A", CANARY)];
    let with = |input| [&base[..], &[input]].concat();
    for input in ["INPUT_STRICT", "INPUT_DRY_RUN"] {
        let run = push(&sandbox, &with((input, "yes"))).exits(2);
        assert!(run.stdout.contains("::error::the input "), "{run:?}");
    }
    // A name that is given twice is a warning.
    push(&sandbox, &with(("INPUT_STRICT", "true"))).exits(4);
    push(&sandbox, &with(("INPUT_DRY_RUN", "true"))).exits(0);
    assert!(read(&sandbox, "summary.md").contains("| `APP_A` | would create |"));
    assert!(sandbox.vault.stored("generic").is_empty());
    let run = push(&sandbox, &with(("INPUT_STRICT", "false"))).exits(0);
    assert!(
        run.stdout.contains("::warning::APP_A is given more than once"),
        "{run:?}"
    );
    assert_eq!(sandbox.vault.stored("generic").len(), 1);
}

/// Without the input `scope`, a name that only the other scope has is a conflict; with it, one is
/// created beside it.
#[test]
fn the_action_passes_a_scope_only_if_it_was_set() {
    let Some(sandbox) = with_tools() else { return };
    sandbox.run("secret push APP_A=old --scope org --yes").exits(0);
    let inputs = [("INPUT_SECRETS", "APP_A"), ("APP_A", CANARY)];
    push(&sandbox, &inputs).exits(1);
    assert_eq!(sandbox.vault.stored("generic").len(), 1);
    let run = push(&sandbox, &[&inputs[..], &[("INPUT_SCOPE", "org")]].concat()).exits(0);
    assert!(run.stdout.contains("\"updated\":1"), "{run:?}");
}

/// Each problem is an annotation; none tells its reader to type an option, as the reader types inputs.
#[test]
fn the_action_annotates_errors_in_the_words_of_its_inputs() {
    let Some(sandbox) = with_tools() else { return };
    sandbox.run("secret push TAKEN=1 --scope org --yes").exits(0);
    let run = push(&sandbox, &[("INPUT_SECRETS", "ONE_UNSET,TWO_UNSET")]).exits(4);
    for name in ["ONE_UNSET", "TWO_UNSET"] {
        let line = format!("::error::environment variable \"{name}\" is not set");
        assert!(run.stdout.lines().any(|said| said.starts_with(&line)), "{run:?}");
    }
    let conflict = push(&sandbox, &[("INPUT_SECRETS", "TAKEN"), ("TAKEN", CANARY)]).exits(1);
    let none = push(&sandbox, &[("INPUT_SECRETS", "NO_SUCH_*")]).exits(4);
    let twice = [("INPUT_SECRETS", "A,A"), ("A", CANARY), ("INPUT_STRICT", "true")];
    let twice = push(&sandbox, &twice).exits(4);
    let scope = push(
        &sandbox,
        &[("INPUT_SECRETS", "A"), ("A", "1"), ("INPUT_SCOPE", "team")],
    )
    .exits(2);
    for run in [run, conflict, none, twice, scope] {
        let lines: Vec<_> = run
            .stdout
            .lines()
            .filter(|line| line.starts_with("::error::"))
            .collect();
        assert!(!lines.is_empty(), "{run:?}");
        assert!(lines.iter().all(|line| !line.contains("--")), "{lines:?}");
    }
}

/// A missing key is named before anything is run, and with a pull request from a fork its reason.
#[test]
fn the_action_says_when_a_fork_has_no_secrets() {
    let Some(sandbox) = with_tools() else { return };
    let event = |head: &str| {
        let head = serde_json::json!({ "repo": { "full_name": head } });
        let base = serde_json::json!({ "full_name": "us/app" });
        let event = serde_json::json!({ "pull_request": { "head": head }, "repository": base });
        sandbox.write("event.json", event.to_string())
    };
    for (head, from_fork) in [("somebody/app", true), ("us/app", false)] {
        let path = event(head);
        let variables = [
            ("INPUT_SECRETS", "APP_A"),
            ("APP_A", ""),
            ("AMIKA_API_KEY", ""),
            ("GITHUB_EVENT_PATH", path.to_str().unwrap()),
        ];
        let run = push(&sandbox, &variables).exits(2);
        assert!(
            run.stdout.starts_with("::error::AMIKA_API_KEY is empty"),
            "{run:?}"
        );
        assert_eq!(run.stdout.contains("fork"), from_fork, "{run:?}");
    }
    assert!(sandbox.vault.requests().is_empty());
}
