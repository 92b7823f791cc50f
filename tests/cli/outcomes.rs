//! Reports of batches that end half-way: R82, R88.

use crate::sandbox::Sandbox;
use crate::support::faults::Fault;
use serde_json::json;

const SECRETS: &str = "/api/v0beta1/secrets";

/// R82: the JSON report has the outcome of every secret and the counts.
#[test]
fn json_reports_every_outcome_and_its_count() {
    let sandbox = Sandbox::new();
    sandbox
        .vault
        .fault(Fault::on("POST", SECRETS).skip(1).fails(400, "no"));
    sandbox
        .vault
        .fault(Fault::on("POST", SECRETS).skip(1).fails(401, "revoked").always());
    let ran = sandbox
        .run("secret push A=1 B=1 C=1 D=1 --jobs 1 --yes -o json")
        .exits(5);
    let results = ran.json();
    let statuses: Vec<_> = results["results"]
        .as_array()
        .unwrap()
        .iter()
        .map(|r| r["status"].clone())
        .collect();
    assert_eq!(statuses, ["created", "failed", "failed", "not attempted"]);
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
        [1, 0, 0, 2, 0, 1].map(|n| json!(n))
    );
    let error: serde_json::Value = serde_json::from_str(&ran.stderr).unwrap();
    assert_eq!(error["error"]["code"], "partial");
}

/// R88: after a signal, the table has the outcome of each secret.
#[cfg(unix)]
#[test]
fn a_signal_ends_a_push_with_a_table_of_outcomes() {
    use crate::sandbox::{ran, send_signal, start};
    use crate::support::faults::Behaviour;

    for (signal, code) in [("INT", 130), ("TERM", 143)] {
        let sandbox = Sandbox::new();
        sandbox
            .vault
            .fault(Fault::on("POST", SECRETS).skip(1).does(Behaviour::Hold));
        let child =
            start(&mut sandbox.command(["secret", "push", "A=1", "B=1", "C=1", "--jobs", "1", "--yes"]));
        sandbox.vault.wait_for("POST", 2);
        send_signal(&child, signal);
        ran(child.wait_with_output().unwrap())
            .exits(code)
            .stdout_contains("A     created")
            .stdout_contains("B     unknown")
            .stdout_contains("C     not attempted")
            .stderr_contains("1 stored, 1 unknown, 1 not stored");
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
        let ran = sandbox.run("secret push A=1 B=1 --jobs 1 --yes -o json").exits(5);
        assert_eq!(ran.json()["results"][1]["status"], "unknown", "{reply}");
        assert_eq!(sandbox.vault.value("B", "user").as_deref(), Some("1"));
    }
}
