//! `--force`: whatever happens, one of the two credentials is there in the end. R83.

use crate::sandbox::{CANARY, Ran, Sandbox};
use crate::support::faults::{Behaviour, Fault};

const FORCE: &str = "secret claude push --value new-c4n4ry --force";
const CREATE: &str = "/secrets/claude";

/// A vault with an old credential, and one of another name that must never be touched.
fn sandbox() -> (Sandbox, String) {
    let sandbox = Sandbox::new();
    sandbox
        .vault
        .seed_credential("claude", "bystander", "oauth", "user", "theirs");
    let old = format!("old-{CANARY}");
    let id = sandbox
        .vault
        .seed_credential("claude", "Claude API Key", "api_key", "user", &old);
    (sandbox, id)
}

/// What stands under the name after the command, the bystander apart.
#[track_caller]
fn standing(sandbox: &Sandbox) -> Vec<String> {
    let mut stored = sandbox.vault.stored("claude");
    let bystander = stored
        .iter()
        .position(|stored| stored.name == "bystander")
        .unwrap();
    assert_eq!(stored.remove(bystander).value, "theirs");
    stored.into_iter().map(|stored| stored.value).collect()
}

fn old() -> Vec<String> {
    vec![format!("old-{CANARY}")]
}

fn new() -> Vec<String> {
    vec![format!("new-{CANARY}")]
}

/// The old one came back, and that is said.
#[track_caller]
fn put_back(sandbox: &Sandbox, run: Ran, code: i32) {
    run.exits(code).stderr_contains("was put back as");
    assert_eq!(standing(sandbox), old());
}

#[test]
fn force_replaces_the_one_of_the_same_name() {
    let (sandbox, id) = sandbox();
    sandbox
        .run(FORCE)
        .exits(0)
        .stdout_contains("Updated Claude API Key in user scope")
        .stderr_contains(&format!("replaced Claude API Key ({id})"));
    assert_eq!(standing(&sandbox), new());
    let json = sandbox.run(&format!("{FORCE} -o json")).exits(0).json();
    assert_eq!(json["status"], "updated");
    // Where there is nothing to replace, it is a creation.
    sandbox
        .run(&format!("{FORCE} --name fresh"))
        .exits(0)
        .stdout_contains("Created fresh");
}

#[test]
fn in_org_scope_the_only_one_is_replaced_whatever_its_name() {
    let (sandbox, _) = sandbox();
    sandbox
        .vault
        .seed_credential("claude", "Team", "oauth", "org", "old");
    sandbox
        .run(&format!("{FORCE} --scope org --name Ours"))
        .exits(0)
        .stderr_contains("replaced Team");
    let org: Vec<_> = sandbox
        .vault
        .stored("claude")
        .into_iter()
        .filter(|s| s.scope == "org")
        .collect();
    assert_eq!((org.len(), org[0].name.as_str()), (1, "Ours"));
    assert_eq!(standing(&sandbox).len(), 2);
}

#[test]
fn r83_a_refused_create_brings_the_old_one_back() {
    for status in [400, 403, 409, 413, 422] {
        let (sandbox, _) = sandbox();
        sandbox.vault.fault(Fault::on("POST", CREATE).fails(status, "no"));
        let run = sandbox.run(FORCE);
        put_back(&sandbox, run, 5);
    }
}

#[test]
fn r83_trouble_on_the_way_ends_with_one_of_the_two() {
    for behaviour in [Behaviour::ResetBefore, Behaviour::ResetAfter, Behaviour::Truncate] {
        for (method, path) in [("POST", CREATE), ("DELETE", "")] {
            let (sandbox, _) = sandbox();
            sandbox
                .vault
                .fault(Fault::on(method, path).does(behaviour.clone()));
            sandbox.run(FORCE).exits(0);
            assert_eq!(standing(&sandbox), new());
        }
    }
    let (sandbox, _) = sandbox();
    sandbox
        .vault
        .fault(Fault::on("POST", CREATE).fails(500, "no").times(4));
    let run = sandbox.run(FORCE);
    put_back(&sandbox, run, 5);
}

#[test]
fn r83_a_create_that_answers_nonsense_is_looked_up() {
    let (sandbox, _) = sandbox();
    sandbox.vault.fault(Fault::on("POST", CREATE).html(200).times(3));
    let run = sandbox.run(FORCE);
    put_back(&sandbox, run, 5);
}

#[test]
fn a_refused_delete_changes_nothing() {
    let (sandbox, _) = sandbox();
    sandbox.vault.fault(Fault::on("DELETE", "").fails(403, "no"));
    sandbox.run(FORCE).exits(1).stderr_contains("is untouched");
    assert_eq!(standing(&sandbox), old());
    assert_eq!(sandbox.vault.stored("claude").len(), 2);
}

#[test]
fn a_deletion_that_never_began_leaves_the_old_one_untouched() {
    let (sandbox, _) = sandbox();
    sandbox
        .vault
        .fault(Fault::on("DELETE", "").fails(401, "revoked").always());
    sandbox
        .vault
        .fault(Fault::on("GET", "").skip(1).fails(401, "revoked").always());
    let run = sandbox.run(FORCE).exits(3).stderr_contains("is untouched");
    assert!(!run.stderr.contains("was deleted"), "{}", run.stderr);
    assert_eq!(standing(&sandbox), old());
}

#[test]
fn a_deletion_without_an_answer_is_not_called_done() {
    let (sandbox, _) = sandbox();
    sandbox
        .vault
        .fault(Fault::on("DELETE", "").does(Behaviour::ResetBefore).always());
    sandbox.run(FORCE).exits(6).stderr_contains("is untouched");
    assert_eq!(standing(&sandbox), old());
}

#[test]
fn r68_a_create_without_an_answer_is_not_called_refused() {
    let (sandbox, _) = sandbox();
    sandbox
        .vault
        .fault(Fault::on("POST", CREATE).does(Behaviour::ResetAfter));
    sandbox
        .vault
        .fault(Fault::on("GET", CREATE).skip(1).fails(500, "no").always());
    sandbox
        .run("secret claude push --value new --name fresh")
        .exits(5)
        .stderr_contains("may or may not be stored");
}

#[test]
fn without_a_way_back_nothing_is_deleted_unasked() {
    let (sandbox, _) = sandbox();
    sandbox
        .vault
        .fault(Fault::on("POST", "/reveal").fails(403, "no reveal").always());
    sandbox
        .run(FORCE)
        .exits(1)
        .stderr_contains("cannot be fetched")
        .stderr_contains("nothing was changed")
        .stderr_contains("--yes");
    assert_eq!(standing(&sandbox), old());
    assert_eq!(sandbox.vault.count("DELETE"), 0);
    sandbox
        .run(&format!("{FORCE} --yes"))
        .exits(0)
        .stderr_contains("cannot be fetched");
    assert_eq!(standing(&sandbox), new());
}

#[test]
fn r83_when_nothing_can_be_stored_the_old_value_is_kept_here() {
    let (sandbox, id) = sandbox();
    sandbox
        .vault
        .fault(Fault::on("POST", CREATE).fails(403, "no").always());
    let run = sandbox
        .run(FORCE)
        .exits(5)
        .stderr_contains("neither the new nor the old");
    let name = format!("rescued-claude-{}", id.replace('_', ""));
    assert!(run.stderr.contains(&name), "{}", run.stderr);
    let kept = sandbox.home().join(".local/state/amika").join(name);
    assert_eq!(std::fs::read_to_string(&kept).unwrap(), old()[0]);
    #[cfg(unix)]
    {
        use std::os::unix::fs::MetadataExt;
        assert_eq!(kept.metadata().unwrap().mode() & 0o777, 0o600);
    }
}

#[cfg(unix)]
#[test]
fn r83_ctrl_c_in_the_middle_brings_the_old_one_back() {
    use crate::sandbox::{ran, send_signal, start};
    for signal in ["INT", "TERM", "HUP"] {
        let (sandbox, _) = sandbox();
        sandbox
            .vault
            .fault(Fault::on("POST", CREATE).does(Behaviour::Hang));
        let child = start(&mut sandbox.command(FORCE.split_whitespace()));
        // The reveal is the first POST, the create the second.
        sandbox.vault.wait_for("POST", 2);
        send_signal(&child, signal);
        let run = ran(child.wait_with_output().unwrap());
        put_back(&sandbox, run, if signal == "INT" { 130 } else { 143 });
    }
}
