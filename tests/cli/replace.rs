//! `--force`: whatever fails, one of the two credentials is stored in the end. R83.

use crate::sandbox::{CANARY, Ran, Sandbox};
use crate::support::faults::{Behaviour, Fault};

pub(crate) const FORCE: &str = "secret claude push --value new-c4n4ry --force";
pub(crate) const CREATE: &str = "/secrets/claude";

/// A vault with an old credential, and a bystander with another name that must never be changed.
pub(crate) fn sandbox() -> (Sandbox, String) {
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

/// The values stored after the command, except for the bystander.
#[track_caller]
pub(crate) fn stored_values(sandbox: &Sandbox) -> Vec<String> {
    let mut stored = sandbox.vault.stored("claude");
    let bystander = stored
        .iter()
        .position(|stored| stored.name == "bystander")
        .unwrap();
    assert_eq!(stored.remove(bystander).value, "theirs");
    stored.into_iter().map(|stored| stored.value).collect()
}

pub(crate) fn old() -> Vec<String> {
    vec![format!("old-{CANARY}")]
}

pub(crate) fn new() -> Vec<String> {
    vec![format!("new-{CANARY}")]
}

/// Checks that the old credential was restored and that the error says so.
#[track_caller]
pub(crate) fn assert_restored(sandbox: &Sandbox, run: Ran, code: i32) {
    run.exits(code).stderr_contains("was restored as");
    assert_eq!(stored_values(sandbox), old());
}

#[test]
fn force_replaces_the_credential_with_the_same_name() {
    let (sandbox, id) = sandbox();
    sandbox
        .run(FORCE)
        .exits(0)
        .stdout_contains("Updated Claude API Key in user scope")
        .stderr_contains(&format!("replaced Claude API Key ({id})"));
    assert_eq!(stored_values(&sandbox), new());
    let json = sandbox.run(&format!("{FORCE} -o json")).exits(0).json();
    assert_eq!(json["status"], "updated");
    // Without a credential to replace, a new one is created.
    sandbox
        .run(&format!("{FORCE} --name fresh"))
        .exits(0)
        .stdout_contains("Created fresh");
}

#[test]
fn in_org_scope_the_only_credential_is_replaced() {
    let (sandbox, _) = sandbox();
    sandbox
        .vault
        .seed_credential("claude", "Team", "oauth", "org", r#"{"a":"old"}"#);
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
    assert_eq!(stored_values(&sandbox).len(), 2);
}

#[test]
fn a_refused_create_restores_the_old_credential() {
    for status in [400, 403, 413, 422] {
        let (sandbox, _) = sandbox();
        sandbox.vault.fault(Fault::on("POST", CREATE).fails(status, "no"));
        let run = sandbox.run(FORCE);
        assert_restored(&sandbox, run, 5);
    }
}

#[test]
fn after_any_fault_one_of_the_two_credentials_is_stored() {
    for behaviour in [Behaviour::ResetBefore, Behaviour::ResetAfter, Behaviour::Truncate] {
        for (method, path) in [("POST", CREATE), ("DELETE", "")] {
            let (sandbox, _) = sandbox();
            sandbox
                .vault
                .fault(Fault::on(method, path).does(behaviour.clone()));
            sandbox.run(FORCE).exits(0);
            assert_eq!(stored_values(&sandbox), new());
        }
    }
    let (sandbox, _) = sandbox();
    sandbox
        .vault
        .fault(Fault::on("POST", CREATE).fails(500, "no").times(4));
    let run = sandbox.run(FORCE);
    assert_restored(&sandbox, run, 5);
}

#[test]
fn a_create_with_an_invalid_reply_is_looked_up() {
    let (sandbox, _) = sandbox();
    sandbox.vault.fault(Fault::on("POST", CREATE).html(200).times(3));
    let run = sandbox.run(FORCE);
    assert_restored(&sandbox, run, 5);
}

#[test]
fn a_refused_delete_changes_nothing() {
    let (sandbox, _) = sandbox();
    sandbox.vault.fault(Fault::on("DELETE", "").fails(403, "no"));
    sandbox.run(FORCE).exits(1).stderr_contains("is untouched");
    assert_eq!(stored_values(&sandbox), old());
    assert_eq!(sandbox.vault.stored("claude").len(), 2);
}

#[test]
fn a_delete_that_was_not_sent_leaves_the_old_credential() {
    let (sandbox, _) = sandbox();
    sandbox
        .vault
        .fault(Fault::on("DELETE", "").fails(401, "revoked").always());
    sandbox
        .vault
        .fault(Fault::on("GET", "").skip(1).fails(401, "revoked").always());
    let run = sandbox.run(FORCE).exits(3).stderr_contains("is untouched");
    assert!(!run.stderr.contains("was deleted"), "{}", run.stderr);
    assert_eq!(stored_values(&sandbox), old());
}

#[test]
fn a_delete_without_a_reply_is_not_reported_as_done() {
    let (sandbox, _) = sandbox();
    sandbox
        .vault
        .fault(Fault::on("DELETE", "").does(Behaviour::ResetBefore).always());
    sandbox
        .run(FORCE)
        .exits(5)
        .stderr_contains("may or may not have been deleted")
        .stderr_contains("restore it with: `amika secret claude push --from-file");
    assert_eq!(stored_values(&sandbox), old());
    assert_eq!(kept_values(&sandbox), old());
}

#[test]
fn a_create_without_a_reply_is_not_reported_as_refused() {
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
fn without_a_backup_nothing_is_deleted_unasked() {
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
    assert_eq!(stored_values(&sandbox), old());
    assert_eq!(sandbox.vault.count("DELETE"), 0);
    sandbox
        .run(&format!("{FORCE} --yes"))
        .exits(0)
        .stderr_contains("cannot be fetched");
    assert_eq!(stored_values(&sandbox), new());
}

/// R83, R110: a value that could not be restored is in a private file, and the suggested command
/// restores it.
#[test]
fn when_nothing_can_be_stored_the_old_value_is_kept_in_a_file() {
    let (sandbox, _) = sandbox();
    sandbox
        .vault
        .fault(Fault::on("POST", CREATE).fails(403, "no").times(2));
    let run = sandbox
        .run(FORCE)
        .exits(5)
        .stderr_contains("neither the new nor the old");
    assert_eq!(kept_values(&sandbox), old());
    assert!(stored_values(&sandbox).is_empty());
    let listed = sandbox.run("secret claude list").exits(0);
    assert_eq!(command_in(&listed.stderr), command_in(&run.stderr));
    run_shell(&sandbox, &command_in(&run.stderr)).exits(0);
    assert_eq!(stored_values(&sandbox), old());
    assert!(kept_values(&sandbox).is_empty());
    assert!(
        !sandbox
            .run("secret claude list")
            .exits(0)
            .stderr
            .contains("restore it")
    );
}

/// The backups in the state directory, which must be private and have short names.
pub(crate) fn kept_values(sandbox: &Sandbox) -> Vec<String> {
    let state = std::fs::read_dir(sandbox.home().join(".local/state/amika"));
    let entries = state.into_iter().flatten().flatten();
    let directories = entries.filter(|entry| entry.path().is_dir());
    directories
        .map(|directory| {
            assert!(directory.file_name().len() < 100);
            let value = directory.path().join("value");
            #[cfg(unix)]
            for (path, mode) in [(directory.path(), 0o700), (value.clone(), 0o600)] {
                let metadata = std::fs::metadata(path).unwrap();
                assert_eq!(std::os::unix::fs::MetadataExt::mode(&metadata) & 0o777, mode);
            }
            std::fs::read_to_string(value).unwrap()
        })
        .collect()
}

/// The suggested command to restore the old value.
#[track_caller]
pub(crate) fn command_in(stderr: &str) -> String {
    let (_, command) = stderr.split_once("restore it with: `").expect(stderr);
    command.split('`').next().unwrap().to_owned()
}

/// Runs a suggested command without a shell, on Windows.
#[cfg(windows)]
pub(crate) fn run_shell(sandbox: &Sandbox, line: &str) -> Ran {
    sandbox.run(&line.strip_prefix("amika ").unwrap().replace('\'', ""))
}

/// Runs a suggested command in a shell.
#[cfg(unix)]
pub(crate) fn run_shell(sandbox: &Sandbox, line: &str) -> Ran {
    crate::sandbox::ran(sandbox.shell("sh", line).output().unwrap())
}

/// R103: a confirmed DELETE is trusted even if a list still shows the old id: the new credential is created, or, if every
/// create is refused, the old one is restored, not reported as untouched.
#[test]
fn a_confirmed_delete_is_trusted_despite_a_stale_list() {
    for (create, lists) in [
        (Fault::on("POST", CREATE).does(Behaviour::ResetBefore), 1),
        (Fault::on("POST", CREATE).fails(503, "busy").times(3), 9),
    ] {
        let (sandbox, id) = sandbox();
        let value = format!(r#"{{"value":"{}"}}"#, old()[0]);
        let reveal = Fault::on("POST", &format!("/{id}/reveal")).always();
        sandbox.vault.fault(reveal.json(200, &value));
        let stale = format!(r#"[{{"id":"{id}","name":"Claude API Key","type":"api_key","scope":"user"}}]"#);
        let list = Fault::on("GET", CREATE).skip(1).times(lists);
        sandbox.vault.fault(list.json(200, &stale));
        sandbox.vault.fault(create);
        let run = sandbox.run(FORCE);
        if lists > 1 {
            assert_restored(&sandbox, run, 5);
            continue;
        }
        run.exits(0).stdout_contains("Updated");
        assert_eq!(stored_values(&sandbox), new());
        assert!(kept_values(&sandbox).is_empty());
    }
}

/// R104: a restored credential whose reply was lost is not mistaken for the new one.
#[test]
fn a_restore_without_a_reply_is_not_reported_as_updated() {
    let (sandbox, _) = sandbox();
    sandbox
        .vault
        .fault(Fault::on("POST", CREATE).fails(500, "no").times(3));
    sandbox
        .vault
        .fault(Fault::on("POST", CREATE).does(Behaviour::ResetAfter));
    let run = sandbox.run(FORCE);
    assert!(run.stdout.is_empty(), "{}", run.stdout);
    assert_restored(&sandbox, run, 5);
}

/// R103: a DELETE that is carried out but answered with 504 is noticed, and the replacement
/// goes on.
#[test]
fn a_delete_behind_a_gateway_timeout_is_noticed() {
    let (sandbox, _) = sandbox();
    sandbox
        .vault
        .fault(Fault::on("DELETE", "").fails(504, "late").times(2));
    sandbox
        .vault
        .fault(Fault::on("DELETE", "").fails(504, "late").after_handling());
    sandbox.run(FORCE).exits(0);
    assert_eq!(stored_values(&sandbox), new());
}

/// R103: a DELETE that finds nothing, because another writer was faster, does not end the replacement.
#[test]
fn a_replacement_goes_on_if_the_old_credential_is_gone() {
    let (sandbox, _) = sandbox();
    let delete = Fault::on("DELETE", "").fails(404, "no such secret");
    sandbox.vault.fault(delete.after_handling());
    sandbox.run(FORCE).exits(0);
    assert_eq!(stored_values(&sandbox), new());
    assert!(kept_values(&sandbox).is_empty());
}

/// R108: a DELETE whose reply was lost and whose repeat is refused may have been carried out: if a list shows
/// that it was, the replacement goes on; otherwise it is unknown, and the old value is kept.
#[test]
fn a_delete_that_is_refused_after_a_lost_reply_is_looked_up() {
    for (lost, code, values) in [
        (Behaviour::ResetAfter, 0, new()),
        (Behaviour::ResetBefore, 5, old()),
    ] {
        let (sandbox, _) = sandbox();
        sandbox.vault.fault(Fault::on("DELETE", "").does(lost));
        sandbox
            .vault
            .fault(Fault::on("DELETE", "").fails(403, "no").always());
        sandbox.run(FORCE).exits(code);
        assert_eq!(stored_values(&sandbox), values);
        assert_eq!(kept_values(&sandbox).len(), usize::from(code == 5));
    }
}

/// R105: after a lost create, a credential with our name and another value belongs to another writer.
#[test]
fn a_credential_of_another_writer_is_not_mistaken_for_ours() {
    for reply in [500, 503] {
        let sandbox = Sandbox::new();
        sandbox.vault.fault(Fault::on("GET", CREATE).json(200, "[]"));
        sandbox
            .vault
            .seed_credential("claude", "Claude API Key", "api_key", "user", "theirs");
        sandbox
            .vault
            .fault(Fault::on("POST", CREATE).fails(reply, "lost"));
        sandbox
            .run("secret claude push --value new-c4n4ry")
            .exits(5)
            .stderr_contains("someone else stored");
        assert_eq!(sandbox.vault.stored("claude")[0].value, "theirs");
    }
}

/// R152: a revealed value that is empty, or has not the form of its type, is no backup: nothing is deleted.
#[test]
fn a_reveal_of_something_else_is_no_backup() {
    for (kind, value) in [
        ("api_key", r#""""#),
        ("api_key", r#"" ""#),
        ("api_key", r#""not found or so""#),
        ("api_key", r#""{\"claudeAiOauth\":{}}""#),
        ("oauth", r#""""#),
        ("oauth", r#""{}""#),
        ("oauth", r#""[]""#),
        ("oauth", r#""sk-ant-x""#),
        ("api_key", "null"),
        ("api_key", "7"),
    ] {
        let sandbox = Sandbox::new();
        sandbox
            .vault
            .seed_credential("claude", "mine", kind, "user", "old-c4n4ry");
        let body = format!(r#"{{"value":{value}}}"#);
        sandbox
            .vault
            .fault(Fault::on("POST", "/reveal").json(200, &body).always());
        for line in [FORCE, &format!("{FORCE} --yes")] {
            sandbox
                .run(&format!("{line} --name mine"))
                .exits(7)
                .stderr_contains("nothing was deleted");
        }
        assert_eq!(sandbox.vault.count("DELETE"), 0, "{value}");
        assert_eq!(sandbox.vault.stored("claude")[0].value, "old-c4n4ry");
    }
}

/// R111: after a transient failure to fetch the old value, nothing is deleted, even with `--yes`.
#[test]
fn a_transient_failure_of_the_reveal_deletes_nothing() {
    type Script = fn(Fault) -> Fault;
    let cases: [(Script, i32); 5] = [
        (|fault| fault.fails(500, "no"), 6),
        (
            |fault| fault.fails(429, "slow down").header("retry-after", "0"),
            6,
        ),
        (|fault| fault.does(Behaviour::ResetBefore), 6),
        (|fault| fault.redirect(302, "https://elsewhere.invalid/"), 7),
        (|fault| fault.html(200), 7),
    ];
    for (script, code) in cases {
        let (sandbox, _) = sandbox();
        sandbox.vault.fault(script(Fault::on("POST", "/reveal").always()));
        sandbox
            .run(&format!("{FORCE} --yes"))
            .exits(code)
            .stderr_contains("nothing was deleted");
        assert_eq!(sandbox.vault.count("DELETE"), 0);
    }
    for status in [403, 404, 405, 501] {
        let (sandbox, _) = sandbox();
        sandbox
            .vault
            .fault(Fault::on("POST", "/reveal").fails(status, "no").always());
        sandbox.run(&format!("{FORCE} --yes")).exits(0);
        assert_eq!(stored_values(&sandbox), new());
    }
}
