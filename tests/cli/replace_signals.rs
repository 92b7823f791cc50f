//! Signals during a replacement: R109.

use std::io::{BufRead, BufReader, Read};
use std::time::Duration;

use crate::replace::{CREATE, FORCE, assert_restored, kept_values, new, old, sandbox, stored_values};
use crate::sandbox::{ran, send_signal, start};
use crate::support::faults::{Behaviour, Fault};

/// R109: Ctrl-C during an unanswered DELETE ends the command at once, with the exit code of the
/// signal.
#[test]
fn ctrl_c_during_the_delete_ends_the_command() {
    let (sandbox, _) = sandbox();
    sandbox
        .vault
        .fault(Fault::on("DELETE", "").does(Behaviour::Hang).always());
    let child = start(&mut sandbox.command(FORCE.split_whitespace()));
    sandbox.vault.wait_for("DELETE", 1);
    send_signal(&child, "INT");
    let started = std::time::Instant::now();
    let run = ran(child.wait_with_output().unwrap());
    // It ends within a second, or a few on a busy machine; the request itself may take 30 seconds.
    assert!(started.elapsed().as_secs() < 10, "{:?}", started.elapsed());
    run.exits(130)
        .stderr_contains("interrupted; finishing the replacement")
        .stderr_contains("may or may not have been deleted");
    assert_eq!(kept_values(&sandbox), old());
}

/// R109: a second Ctrl-C does not stop the restore.
#[test]
fn a_second_ctrl_c_does_not_stop_the_restore() {
    let (sandbox, _) = sandbox();
    sandbox
        .vault
        .fault(Fault::on("POST", CREATE).does(Behaviour::Hang));
    sandbox
        .vault
        .fault(Fault::on("POST", CREATE).does(Behaviour::Hold));
    let child = start(&mut sandbox.command(FORCE.split_whitespace()));
    sandbox.vault.wait_for("POST", 2);
    send_signal(&child, "INT");
    // The create is looked up first, then the old credential is restored.
    sandbox.vault.wait_for("POST", 3);
    send_signal(&child, "INT");
    send_signal(&child, "TERM");
    sandbox.vault.release();
    let run = ran(child.wait_with_output().unwrap());
    assert_restored(&sandbox, run, 130);
    assert!(kept_values(&sandbox).is_empty());
}

/// R109: after Ctrl-C during the restore, the command waits for the reply and does not repeat the
/// request.
#[test]
fn ctrl_c_during_the_restore_waits_for_its_reply() {
    let (sandbox, _) = sandbox();
    sandbox.vault.fault(Fault::on("POST", CREATE).fails(422, "no"));
    sandbox
        .vault
        .fault(Fault::on("POST", CREATE).does(Behaviour::Hold));
    let mut child = start(&mut sandbox.command(FORCE.split_whitespace()));
    // The reveal, the create, the restore.
    sandbox.vault.wait_for("POST", 3);
    send_signal(&child, "INT");
    let mut stderr = BufReader::new(child.stderr.take().unwrap());
    let mut lines = stderr.by_ref().lines().map_while(Result::ok);
    assert!(lines.any(|line| line.contains("interrupted; finishing the replacement")));
    // Other requests would be cancelled half a second after the signal.
    assert!(sandbox.vault.stays_quiet(Duration::from_millis(1500)));
    sandbox.vault.release();
    let mut output = child.wait_with_output().unwrap();
    stderr.read_to_end(&mut output.stderr).unwrap();
    assert_restored(&sandbox, ran(output), 130);
    assert_eq!(sandbox.vault.count("POST"), 3);
}

/// R83, R109: an old credential without a backup cannot be restored, so Ctrl-C does not stop the create.
#[test]
fn ctrl_c_without_a_backup_waits_for_the_create() {
    let (sandbox, _) = sandbox();
    sandbox
        .vault
        .fault(Fault::on("POST", "/reveal").fails(403, "no reveal").always());
    sandbox
        .vault
        .fault(Fault::on("POST", CREATE).does(Behaviour::Hold));
    let mut command = sandbox.command(FORCE.split_whitespace());
    let child = start(command.arg("--yes"));
    // The reveal, the create.
    sandbox.vault.wait_for("POST", 2);
    send_signal(&child, "INT");
    // Other requests would be cancelled half a second after the signal.
    assert!(sandbox.vault.stays_quiet(Duration::from_millis(1500)));
    sandbox.vault.release();
    ran(child.wait_with_output().unwrap())
        .exits(130)
        .stderr_contains("interrupted; finishing the replacement")
        .stderr_contains("interrupted; the new credential is stored");
    assert_eq!(stored_values(&sandbox), new());
}

#[test]
fn ctrl_c_in_the_middle_restores_the_old_credential() {
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
        assert_restored(&sandbox, run, if signal == "INT" { 130 } else { 143 });
    }
}

/// R109: Ctrl-C ends the command in every phase before the restore, even if the request of that phase
/// is never answered.
#[test]
fn ctrl_c_ends_the_command_in_every_phase() {
    let hang = |method, path| Fault::on(method, path).does(Behaviour::Hang).always();
    let lost = || Fault::on("DELETE", "").does(Behaviour::ResetAfter).always();
    for (faults, method, count, message) in [
        (vec![hang("GET", CREATE)], "GET", 1, "nothing was changed"),
        (vec![hang("POST", "/reveal")], "POST", 1, "nothing was changed"),
        (
            vec![lost(), hang("GET", CREATE).skip(1)],
            "GET",
            2,
            "may or may not have been deleted",
        ),
    ] {
        let (sandbox, _) = sandbox();
        for fault in faults {
            sandbox.vault.fault(fault);
        }
        let child = start(&mut sandbox.command(FORCE.split_whitespace()));
        sandbox.vault.wait_for(method, count);
        let started = std::time::Instant::now();
        send_signal(&child, "INT");
        ran(child.wait_with_output().unwrap())
            .exits(130)
            .stderr_contains(message);
        // It ends within about a second, or a few on a busy machine; a request may take 30 seconds.
        assert!(
            started.elapsed().as_secs() < 10,
            "{method} {count}: {:?}",
            started.elapsed()
        );
    }
}
