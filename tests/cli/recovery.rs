//! The backup of the old value while a credential is replaced: R110.

use std::path::PathBuf;

use crate::replace::{CREATE, FORCE, command_in, kept_values, old, run_shell, sandbox, stored_values};
use crate::sandbox::{HOME, Ran, Sandbox, ran};
use crate::support::faults::{Behaviour, Fault};

/// What is stored beside a kept value.
const DESCRIPTION: &str = r#"{"provider":"claude","id":"sec_1","name":"mine","type":"api_key","scope":"org","api_url":"https://x.example"}"#;

const KEPT: &str = ".local/state/amika/kept-claude-x";

/// A sandbox with a value that an interrupted replacement kept.
fn with_kept_value() -> (Sandbox, PathBuf) {
    let sandbox = Sandbox::new();
    let description = DESCRIPTION.replace("https://x.example", &sandbox.vault.origin());
    sandbox.write(&format!("{KEPT}/amika.json"), description);
    let value = sandbox.write(&format!("{KEPT}/value"), "sk-ant-api03-c4n4ry");
    (sandbox, value)
}

/// R110: if the old value cannot be saved, nothing is deleted.
#[test]
fn nothing_is_deleted_before_the_old_value_is_safe() {
    let refused = |sandbox: &Sandbox, run: Ran| {
        run.exits(8).stderr_contains("nothing was deleted");
        assert_eq!(sandbox.vault.count("DELETE"), 0);
        assert_eq!(stored_values(sandbox), old());
    };
    let (no_home, _) = sandbox();
    let nowhere = no_home.write("file", "").join("nowhere");
    let mut command = no_home.command(FORCE.split_whitespace());
    refused(&no_home, ran(command.env(HOME, nowhere).output().unwrap()));
    let (not_a_directory, _) = sandbox();
    not_a_directory.write(".local/state", "a file");
    let run = not_a_directory.run(FORCE);
    refused(&not_a_directory, run);
    if cfg!(unix) {
        let (no_room, _) = sandbox();
        let run = run_shell(&no_room, &format!("ulimit -f 0; amika {FORCE}"));
        refused(&no_room, run);
    }
}

/// R110: SIGKILL between the DELETE and the create leaves the backup; the next command names it and
/// suggests a command that restores the value byte for byte.
#[test]
fn a_killed_replacement_is_restored_by_the_suggested_command() {
    use crate::sandbox::start;
    let (sandbox, _) = sandbox();
    let odd = "c4n4ry-no-key-ends-like-this\n\n";
    let id = sandbox
        .vault
        .seed_credential("claude", "it's \u{1b} odd", "api_key", "org", odd);
    let line = format!("{FORCE} --scope org");
    sandbox
        .vault
        .fault(Fault::on("POST", CREATE).does(Behaviour::Hang));
    let mut child = start(&mut sandbox.command(line.split_whitespace()));
    sandbox.vault.wait_for("POST", 2);
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(
        sandbox
            .vault
            .stored("claude")
            .iter()
            .all(|stored| stored.id != id)
    );
    assert_eq!(kept_values(&sandbox), [odd]);
    // A command for the other provider does not mention it.
    let other = sandbox.run("secret codex list").exits(0);
    assert!(!other.stderr.contains("restore it"), "{}", other.stderr);
    let named = sandbox.run("secret claude list").exits(0).stderr_contains(&id);
    run_shell(&sandbox, &command_in(&named.stderr)).exits(0);
    let stored = sandbox.vault.stored("claude");
    let back = stored.iter().find(|stored| stored.scope == "org").unwrap();
    assert_eq!(
        (back.name.as_str(), back.value.as_str()),
        ("it's \u{1b} odd", odd)
    );
    assert!(kept_values(&sandbox).is_empty());
}

/// R110: a second try that cannot save the old value leaves the copy of the first, whose DELETE may still be
/// carried out. A try beside a running one deletes nothing, because the running one will remove the copy.
#[test]
fn another_try_leaves_the_copy_of_the_first() {
    let (sandbox, _) = sandbox();
    let lost = Fault::on("DELETE", "").does(Behaviour::ResetBefore).always();
    sandbox.vault.fault(lost);
    sandbox.run(FORCE).exits(5);
    if cfg!(unix) {
        run_shell(&sandbox, &format!("ulimit -f 0; amika {FORCE}")).exits(8);
        assert_eq!(kept_values(&sandbox), old());
    }
    let before = sandbox.vault.count("DELETE");
    let state = std::fs::read_dir(sandbox.home().join(".local/state/amika")).unwrap();
    let mut descriptions = state.flatten().map(|entry| entry.path().join("amika.json"));
    let in_use = std::fs::File::open(descriptions.find(|path| path.exists()).unwrap()).unwrap();
    in_use.lock().unwrap();
    sandbox
        .run(FORCE)
        .exits(8)
        .stderr_contains("another amika process")
        .stderr_contains("nothing was deleted");
    assert_eq!(sandbox.vault.count("DELETE"), before);
    // Nor does any command name the copy, which may be removed at any moment.
    let listed = sandbox.run("secret claude list").exits(0);
    assert!(!listed.stderr.contains("restore it"), "{}", listed.stderr);
}

/// R110: an id longer than the maximum length of a file name works.
#[test]
fn a_credential_with_a_long_id_is_kept_too() {
    let sandbox = Sandbox::new();
    let id = "i".repeat(250);
    sandbox
        .vault
        .seed_credential_with_id(&id, "claude", "Claude API Key", "api_key", "user", "old-c4n4ry");
    sandbox
        .vault
        .fault(Fault::on("POST", CREATE).fails(403, "no").times(2));
    sandbox.run(FORCE).exits(5);
    assert_eq!(kept_values(&sandbox), old());
}

/// R101: what a save of an old value left when it was killed is removed, unless it is still running.
#[test]
fn an_unfinished_copy_of_an_old_value_is_removed() {
    let sandbox = Sandbox::new();
    let state = ".local/state/amika";
    sandbox.write(&format!("{state}/kept-claude-x/amika.json"), DESCRIPTION);
    let unfinished = sandbox.write(
        &format!("{state}/kept-claude-x/.amika-unfinished-x"),
        "old-c4n4ry",
    );
    let lock = std::fs::File::create(sandbox.home().join(state).join("amika.lock")).unwrap();
    lock.lock().unwrap();
    sandbox.run("secret claude list").exits(0);
    assert!(unfinished.exists());
    // Wine 8 reports the second of the two releases that std makes as a failure.
    let _ = lock.unlock();
    sandbox.run("secret claude list").exits(0);
    assert!(!unfinished.parent().unwrap().exists());
}

/// R110: a value whose description cannot be read is named, too, with a command that pushes it.
#[test]
fn a_value_without_a_readable_description_is_named() {
    let sandbox = Sandbox::new();
    let directory = ".local/state/amika/kept-claude-x";
    sandbox.write(&format!("{directory}/amika.json"), "{");
    let value = sandbox.write(&format!("{directory}/value"), "sk-ant-api03-c4n4ry");
    let named = sandbox.run("secret claude list").exits(0).stderr;
    let (_, command) = named.split_once("push it with: `").expect(&named);
    run_shell(&sandbox, command.split('`').next().unwrap()).exits(0);
    assert_eq!(sandbox.vault.stored("claude")[0].value, "sk-ant-api03-c4n4ry");
    assert!(value.exists());
}

/// R110: a relative path finds the description, too.
#[test]
fn a_value_is_restored_by_a_relative_path() {
    let (sandbox, _) = with_kept_value();
    let state = sandbox.home().join(".local/state/amika");
    let push = |provider: &str| {
        let mut command = sandbox.command(["secret", provider, "push", "--from-file", "kept-claude-x/value"]);
        ran(command.current_dir(&state).output().unwrap())
    };
    push("codex")
        .exits(2)
        .stderr_contains("`amika secret claude push`");
    let restored = push("claude").exits(0);
    assert!(!restored.stderr.contains("restore it"), "{}", restored.stderr);
    let stored = sandbox.vault.stored("claude");
    assert_eq!(
        (stored[0].name.as_str(), stored[0].scope.as_str()),
        ("mine", "org")
    );
    assert!(!state.join("kept-claude-x").exists());
}

/// R110: a value stays on this machine while the vault has another one in its place, or the same under another
/// name.
#[test]
fn a_value_is_kept_while_another_is_in_its_place() {
    for (name, stored) in [("mine", "sk-ant-api03-other"), ("theirs", "sk-ant-api03-c4n4ry")] {
        let (sandbox, value) = with_kept_value();
        sandbox
            .vault
            .seed_credential("claude", name, "api_key", "org", stored);
        let push = format!("secret claude push --from-file {KEPT}/value");
        sandbox.run(&push).exits(1).stderr_contains("--force");
        assert!(value.exists());
        // A scope on the command line goes before the one that was meant.
        sandbox.run(&format!("{push} --scope user")).exits(0);
        let pushed = sandbox.vault.stored("claude").pop().unwrap();
        assert_eq!((pushed.name.as_str(), pushed.scope.as_str()), ("mine", "user"));
        assert!(!value.exists());
    }
}

/// R110: the only copy of a credential is not moved to another server.
#[test]
fn a_value_is_not_pushed_to_another_server() {
    let (sandbox, value) = with_kept_value();
    sandbox.write(&format!("{KEPT}/amika.json"), DESCRIPTION);
    sandbox
        .run(&format!("secret claude push --from-file {KEPT}/value"))
        .exits(2)
        .stderr_contains("error: the file contains a credential of https://x.example, not of http://127.")
        .stderr_contains("AMIKA_API_URL");
    assert!(sandbox.vault.stored("claude").is_empty());
    assert!(value.exists());
}

/// R110: only a backup in the state directory, under the name that amika gave it, is removed after it has
/// been restored.
#[test]
fn a_copy_of_a_backup_is_not_removed() {
    for directory in ["saved", "kept-claude-x"] {
        let sandbox = Sandbox::new();
        let value = sandbox.write(&format!("{directory}/value"), "sk-ant-api03-c4n4ry");
        let sibling = sandbox.write(&format!("{directory}/amika.json"), DESCRIPTION);
        let mut command = sandbox.command(["secret", "claude", "push", "--name", "k", "--from-file"]);
        ran(command.arg(&value).output().unwrap()).exits(0);
        assert!(value.exists() && sibling.exists(), "{value:?}");
    }
}
