//! Reports of batches that end half-way: R82, R88.

use std::time::Duration;

use crate::sandbox::Sandbox;
use crate::support::faults::Fault;
use serde_json::json;

const SECRETS: &str = "/api/v0beta1/secrets";

/// R82: the JSON report has the outcome of every secret and the counts.
#[test]
fn json_reports_every_outcome_and_its_count() {
    let sandbox = Sandbox::new();
    let create = || Fault::on("POST", SECRETS);
    sandbox.vault.fault(create().of("A"));
    sandbox.vault.fault(create().of("B").fails(400, "no"));
    let slow = Duration::from_secs(1);
    sandbox
        .vault
        .fault(create().fails(401, "revoked").delay(slow).always());
    let ran = sandbox
        .run("secret push A=1 B=1 C=1 D=1 E=1 F=1 G=1 H=1 I=1 J=1 K=1 L=1 --yes -o json")
        .exits(5);
    let results = ran.json();
    let rows = results["results"].as_array().unwrap().iter();
    let statuses: Vec<_> = rows.map(|row| row["status"].as_str().unwrap()).collect();
    let expected = [vec!["created"], vec!["failed"; 10], vec!["not attempted"]].concat();
    assert_eq!(statuses, expected);
    let counts = [
        "created",
        "updated",
        "unchanged",
        "failed",
        "unknown",
        "not_attempted",
    ];
    assert_eq!(
        counts.map(|count| results[count].clone()),
        [1, 0, 0, 10, 0, 1].map(|n| json!(n))
    );
    let error = ran.error();
    assert_eq!(error["code"], "partial");
}

/// R88: after a signal, the table has the outcome of each secret.
#[cfg(unix)]
#[test]
fn a_signal_ends_a_push_with_a_table_of_outcomes() {
    use crate::sandbox::{ran, send_signal, start};
    use crate::support::faults::Behaviour;

    for (signal, code) in [("INT", 130), ("TERM", 143)] {
        let sandbox = Sandbox::new();
        sandbox.vault.fault(Fault::on("POST", SECRETS).of("N01"));
        sandbox
            .vault
            .fault(Fault::on("POST", SECRETS).does(Behaviour::Hold).always());
        let lines: Vec<_> = (1..=20).map(|n| format!("N{n:02}=1\n")).collect();
        sandbox.write(".env", lines.concat());
        let child = start(&mut sandbox.command(["secret", "push", "--from-file", ".env", "--yes"]));
        // Eight at first, and two more after the one that is stored.
        sandbox.vault.wait_for("POST", 10);
        send_signal(&child, signal);
        ran(child.wait_with_output().unwrap())
            .exits(code)
            .stdout_contains("N01   created")
            .stdout_contains("N10   unknown")
            .stdout_contains("N20   not attempted")
            .stderr_contains("1 stored, 10 not stored, 9 unknown (they may have been stored)");
    }
}

/// R106, R108: an update that may have been carried out is unknown if its retry is refused.
#[test]
fn an_update_in_doubt_whose_repetition_fails_is_unknown() {
    for reply in ["refused", "redirected"] {
        let sandbox = Sandbox::new();
        let id = sandbox.vault.seed("B", "old", "user");
        let path = format!("{SECRETS}/{id}");
        let lost = Fault::on("PUT", &path).fails(503, "gone").after_handling();
        sandbox.vault.fault(lost);
        let second = Fault::on("PUT", &path);
        sandbox.vault.fault(match reply {
            "refused" => second.fails(403, "no").always(),
            _ => second.redirect(307, "http://127.0.0.1:9/").always(),
        });
        let ran = sandbox.run("secret push A=1 B=1 --yes -o json").exits(5);
        assert_eq!(ran.json()["results"][1]["status"], "unknown", "{reply}");
        assert_eq!(sandbox.vault.value("B", "user").as_deref(), Some("1"));
    }
}
