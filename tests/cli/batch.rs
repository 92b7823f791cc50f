//! Batches through outages, lost replies and rate limits: R106, R135, R136.

use crate::sandbox::{Ran, Sandbox, ran};
use crate::support::faults::{Behaviour, Fault};

const SECRETS: &str = "/api/v0beta1/secrets";

/// Pushes `count` secrets from a file.
fn push(sandbox: &Sandbox, count: usize, more: &[(&str, &str)]) -> Ran {
    let lines: Vec<_> = (0..count).map(|n| format!("NAME_{n}=v{n}\n")).collect();
    sandbox.write(".env", lines.concat());
    let mut command = sandbox.command(["secret", "push", "--yes", "--from-file", ".env"]);
    command.envs(more.iter().copied());
    ran(command.output().unwrap())
}

/// R136: a batch waits while its writes fail, and one list resolves every write in doubt.
#[test]
fn a_batch_waits_until_a_gateway_answers_again() {
    for fault in [
        Fault::on("POST", SECRETS).html(502),
        Fault::on("POST", SECRETS).html(503),
        Fault::on("POST", SECRETS).html(504).after_handling(),
        Fault::on("POST", SECRETS).does(Behaviour::ResetBefore),
        Fault::on("POST", SECRETS).does(Behaviour::ResetAfter),
        Fault::on("POST", SECRETS).does(Behaviour::Truncate),
    ] {
        let sandbox = Sandbox::new();
        sandbox.vault.fault(fault.skip(40).times(60));
        push(&sandbox, 200, &[]).exits(0).stdout_contains("Created 200");
        assert_eq!(sandbox.vault.stored("generic").len(), 200);
    }
}

/// R136: several lost replies need one list, not one each.
#[test]
fn one_list_resolves_every_write_in_doubt() {
    let sandbox = Sandbox::new();
    sandbox
        .vault
        .fault(Fault::on("POST", SECRETS).does(Behaviour::ResetAfter).every(20));
    push(&sandbox, 300, &[]).exits(0).stdout_contains("Created 300");
    assert_eq!(sandbox.vault.count("GET"), 2);
}

/// R136: if no write succeeds for the maximum time of a request, the rest is not attempted.
#[test]
fn an_outage_that_lasts_leaves_the_rest_unattempted() {
    for fault in [
        Fault::on("POST", SECRETS).html(502),
        Fault::on("POST", SECRETS).fails(429, "slow down"),
        Fault::on("POST", SECRETS).does(Behaviour::Hang),
    ] {
        let sandbox = Sandbox::new();
        sandbox.vault.fault(fault.skip(40).always());
        let ran = push(&sandbox, 200, &[("AMIKA_HTTP_TIMEOUT", "2")])
            .exits(5)
            .stdout_contains("not attempted");
        assert!(ran.stdout.contains("Created 40"), "{}", ran.stdout);
        assert_eq!(sandbox.vault.stored("generic").len(), 40);
    }
}

/// R136: a single failure is not an outage, so the other writes are sent before the list.
#[test]
fn a_single_lost_reply_does_not_stop_the_other_writes() {
    let sandbox = Sandbox::new();
    sandbox
        .vault
        .fault(Fault::on("POST", SECRETS).does(Behaviour::ResetAfter));
    push(&sandbox, 40, &[]).exits(0);
    let requests = sandbox.vault.requests();
    let methods = requests.iter().map(|request| request.method.as_str());
    let expected = ["GET"].into_iter().chain(["POST"; 40]).chain(["GET", "PUT"]);
    assert!(methods.eq(expected));
}

/// R112, R136: no other write is sent after a request has timed out.
#[test]
fn a_batch_ends_after_a_write_that_times_out() {
    let sandbox = Sandbox::new();
    sandbox
        .vault
        .fault(Fault::on("POST", SECRETS).does(Behaviour::Hang).always());
    push(&sandbox, 9, &[("AMIKA_HTTP_TIMEOUT", "1")])
        .exits(5)
        .stdout_contains("NAME_8  not attempted");
    assert_eq!(sandbox.vault.count("POST"), 8);
}

/// R136: a notice says that the batch waits.
#[test]
fn a_batch_reports_that_it_waits() {
    let sandbox = Sandbox::new();
    sandbox
        .vault
        .fault(Fault::on("POST", SECRETS).html(502).skip(40).always());
    push(&sandbox, 60, &[("AMIKA_HTTP_TIMEOUT", "2")])
        .exits(5)
        .stderr_contains("notice: the API is unavailable");
}

/// R106: if the reply is lost, the list is stale and the retry finds the name taken, it is unknown
/// whether our value is stored.
#[test]
fn a_write_in_doubt_is_never_reported_as_failed() {
    let later = [
        Fault::on("POST", SECRETS).of("A").fails(409, "taken"),
        Fault::on("POST", SECRETS).of("A").fails(400, "no"),
        Fault::on("POST", SECRETS).of("A").fails(403, "no"),
    ];
    for later in later {
        for secrets in ["A=1", "A=1 B=2"] {
            let sandbox = Sandbox::new();
            sandbox
                .vault
                .fault(Fault::on("GET", SECRETS).json(200, "[]").always());
            sandbox
                .vault
                .fault(Fault::on("POST", SECRETS).of("A").does(Behaviour::ResetAfter));
            sandbox.vault.fault(later.clone().always());
            sandbox
                .run(&format!("secret push {secrets} --yes"))
                .exits(5)
                .stdout_contains("A     unknown: ");
        }
    }
}

/// R106: the create is found in the list, but the update with its value is refused.
#[test]
fn a_create_in_doubt_whose_update_is_refused_is_unknown() {
    let sandbox = Sandbox::new();
    sandbox
        .vault
        .fault(Fault::on("POST", SECRETS).html(503).after_handling());
    sandbox
        .vault
        .fault(Fault::on("PUT", "").fails(403, "no").always());
    sandbox
        .run("secret push A=1 --yes")
        .exits(5)
        .stdout_contains("unknown: ");
}

/// R106: an update whose reply was lost and whose retry finds nothing may have been carried out before
/// another writer deleted the secret.
#[test]
fn an_update_in_doubt_that_finds_nothing_is_unknown() {
    let sandbox = Sandbox::new();
    sandbox.vault.seed("A", "old", "user");
    sandbox
        .vault
        .fault(Fault::on("PUT", "").does(Behaviour::ResetAfter));
    sandbox
        .vault
        .fault(Fault::on("PUT", "").fails(404, "not found").always());
    sandbox
        .vault
        .fault(Fault::on("GET", SECRETS).skip(1).fails(403, "no").always());
    sandbox
        .run("secret push A=1 --yes")
        .exits(5)
        .stdout_contains("A     unknown: ");
}
