//! Faults of the API and the network: R54–R86.

use std::time::Duration;

use crate::sandbox::{CANARY, ClosedPort, Sandbox, ran};
use crate::support::faults::{Behaviour, Fault};
use crate::support::vault::{API_KEY, Vault};

const SECRETS: &str = "/api/v0beta1/secrets";

/// R64: a server without the list endpoint is not the API.
#[test]
fn a_server_without_the_list_is_not_the_api() {
    let sandbox = Sandbox::new();
    for line in ["secret list", "secret push A=1 --yes", "secret claude list"] {
        sandbox.vault.fault(Fault::on("GET", "").html(404));
        sandbox
            .run(line)
            .exits(7)
            .stderr_contains("does not look like the API");
    }
    assert_eq!(sandbox.vault.count("POST"), 0);
}

#[test]
fn requests_are_as_documented() {
    let sandbox = Sandbox::new();
    sandbox.run("secret push A=1 --yes").exits(0);
    for request in sandbox.vault.requests() {
        let header = |name: &str| {
            request
                .headers
                .get(name)
                .map(|value| value.to_str().unwrap().to_owned())
        };
        assert_eq!(header("authorization"), Some(format!("Bearer {API_KEY}")));
        assert_eq!(
            header("user-agent"),
            Some(format!("amika/{}", env!("CARGO_PKG_VERSION")))
        );
        assert_eq!(header("accept-encoding"), None);
    }
}

/// R54: plain http to another machine, other schemes and user information are refused.
#[test]
fn an_unsafe_api_url_is_refused() {
    let sandbox = Sandbox::new();
    for origin in [
        "http://example.com",
        &format!("https://u:{CANARY}@example.com"),
        "ftp://127.0.0.1",
    ] {
        ran(sandbox
            .command(["secret", "list"])
            .env("AMIKA_API_URL", origin)
            .output()
            .unwrap())
        .exits(2)
        .stderr_contains("AMIKA_API_URL");
    }
}

/// R57: a redirect with any status is not followed, and the error names only its origin.
#[test]
fn redirects_are_not_followed() {
    for status in [301, 302, 303, 307, 308] {
        let (sandbox, elsewhere) = (Sandbox::new(), Vault::start());
        let target = format!("{}/login?token=x", elsewhere.origin());
        sandbox
            .vault
            .fault(Fault::on("POST", SECRETS).redirect(status, &target).always());
        ran(sandbox
            .command(["secret", "push", &format!("A={CANARY}"), "--yes"])
            .output()
            .unwrap())
        .exits(7)
        .stdout_contains(&format!(
            "redirects to {}, which was not followed",
            elsewhere.origin()
        ));
        sandbox
            .vault
            .fault(Fault::on("GET", SECRETS).redirect(status, &target));
        sandbox
            .run("secret list")
            .exits(7)
            .stderr_contains("redirects to");
        assert!(elsewhere.requests().is_empty());
    }
}

/// R63: a captive portal's page does not confirm a write.
#[test]
fn a_captive_portal_page_is_not_a_success() {
    let sandbox = Sandbox::new();
    sandbox.vault.fault(Fault::on("POST", SECRETS).html(200).always());
    let ran = sandbox
        .run("secret push A=1 --yes")
        .exits(5)
        .stdout_contains("unknown: ");
    assert!(!ran.stdout.contains("Created"));
}

/// R63: a create is confirmed by an id and, if the response contains a name, the same name.
#[test]
fn a_create_is_confirmed_by_an_id_and_the_same_name() {
    for body in [
        r#"{"name":"A"}"#,
        r#"{"id":"","name":"A"}"#,
        r#"{"id":"x","name":"B"}"#,
        "null",
        "[]",
        "{",
    ] {
        let sandbox = Sandbox::new();
        sandbox
            .vault
            .fault(Fault::on("POST", SECRETS).json(201, body).always());
        sandbox.run("secret push A=1 --yes").exits(5);
    }
}

/// R63: an update is confirmed by 204, or 200 with an object.
#[test]
fn an_update_is_confirmed_by_an_object_or_204() {
    for (status, body, code) in [
        (200, "{}", 0),
        (204, "", 0),
        (200, "null", 5),
        (200, "<html>", 5),
        (202, "{}", 5),
    ] {
        let sandbox = Sandbox::new();
        sandbox.vault.seed("A", "0", "user");
        sandbox
            .vault
            .fault(Fault::on("PUT", "").json(status, body).always());
        sandbox.run("secret push A=1 --yes").exits(code);
    }
}

/// R64: a list in another format stops the command before any write.
#[test]
fn an_invalid_list_stops_before_any_write() {
    for fault in [
        Fault::on("GET", SECRETS).json(200, "null"),
        Fault::on("GET", SECRETS).json(200, "{}"),
        Fault::on("GET", SECRETS).json(204, ""),
        Fault::on("GET", SECRETS).json(200, r#"[{"name":"A"}]"#),
        Fault::on("GET", SECRETS).html(200),
        Fault::on("GET", SECRETS).does(Behaviour::Mislabel("text/plain")),
        Fault::on("GET", SECRETS).does(Behaviour::Unannounced(64 * 1024 * 1024)),
        Fault::on("GET", SECRETS).does(Behaviour::Truncate),
        Fault::on("GET", SECRETS)
            .json(200, "\u{1f}\u{8b}bomb")
            .header("content-encoding", "gzip"),
    ] {
        let sandbox = Sandbox::new();
        sandbox.vault.seed("B", "1", "user");
        sandbox.vault.fault(fault.always());
        sandbox.run("secret push A=1 --yes").exits(7);
        assert_eq!(sandbox.vault.count("POST"), 0);
    }
}

#[test]
fn unknown_fields_and_scopes_do_not_fail_a_list() {
    let sandbox = Sandbox::new();
    let body = r#"[{"id":"1","name":"A","scope":"team","new":{}},{"id":"2","name":"B","scope":"user"}]"#;
    sandbox.vault.fault(Fault::on("GET", SECRETS).json(200, body));
    sandbox.run("secret list").exits(0).stdout_contains("team");
}

/// R66: a response that hangs or trickles in times out.
#[test]
fn a_slow_response_times_out() {
    for behaviour in [Behaviour::Hang, Behaviour::Drip] {
        let sandbox = Sandbox::new();
        sandbox
            .vault
            .fault(Fault::on("GET", SECRETS).does(behaviour).always());
        ran(sandbox
            .command(["secret", "list"])
            .env("AMIKA_HTTP_TIMEOUT", "1")
            .output()
            .unwrap())
        .exits(6)
        .stderr_contains("did not answer in time");
        assert_eq!(sandbox.vault.count("GET"), 1);
    }
}

/// R67: reads are tried three times.
#[test]
fn reads_are_retried_and_then_given_up() {
    let sandbox = Sandbox::new();
    sandbox
        .vault
        .fault(Fault::on("GET", SECRETS).does(Behaviour::ResetBefore).times(2));
    sandbox.run("secret list").exits(0);
    sandbox
        .vault
        .fault(Fault::on("GET", SECRETS).does(Behaviour::ResetBefore).always());
    sandbox.run("secret list").exits(6);
    let closed = ClosedPort::new();
    ran(sandbox
        .command(["secret", "list"])
        .env("AMIKA_API_URL", format!("http://{}", closed.address()))
        .output()
        .unwrap())
    .exits(6)
    .stderr_contains("cannot connect");
}

/// R68: a create whose reply was lost is looked up in the list, and is unknown if that fails.
#[test]
fn a_create_whose_reply_was_lost_is_found_in_the_list() {
    for behaviour in [Behaviour::ResetAfter, Behaviour::ResetBefore, Behaviour::Truncate] {
        let sandbox = Sandbox::new();
        sandbox.vault.fault(Fault::on("POST", SECRETS).does(behaviour));
        sandbox
            .run("secret push A=1 --yes")
            .exits(0)
            .stdout_contains("Created 1");
        assert_eq!(sandbox.vault.stored("generic").len(), 1);
    }
    let sandbox = Sandbox::new();
    sandbox
        .vault
        .fault(Fault::on("POST", SECRETS).does(Behaviour::ResetAfter));
    sandbox.vault.fault(
        Fault::on("GET", SECRETS)
            .skip(1)
            .does(Behaviour::ResetBefore)
            .always(),
    );
    sandbox
        .run("secret push A=1 --yes")
        .exits(5)
        .stdout_contains("unknown: ");
}

/// R68: an update whose replies were lost is unknown.
#[test]
fn an_update_whose_reply_was_lost_is_unknown() {
    let sandbox = Sandbox::new();
    sandbox.vault.seed("A", "0", "user");
    sandbox
        .vault
        .fault(Fault::on("PUT", "").does(Behaviour::ResetAfter).always());
    sandbox
        .run("secret push A=1 --yes")
        .exits(5)
        .stdout_contains("unknown: ");
    assert_eq!(sandbox.vault.count("PUT"), 3);
}

/// R68: without `Retry-After`, the pauses before the second and third attempt are at least 50 and
/// 100 ms.
#[test]
fn a_retry_without_retry_after_waits() {
    let sandbox = Sandbox::new();
    sandbox
        .vault
        .fault(Fault::on("GET", "/secrets").fails(500, "no").times(2));
    let started = std::time::Instant::now();
    sandbox.run("secret list").exits(0);
    assert!(started.elapsed().as_millis() >= 150, "{:?}", started.elapsed());
    assert_eq!(sandbox.vault.count("GET"), 3);
}

/// R70: 429 is retried with any `Retry-After`.
#[test]
fn too_many_requests_are_retried_after_the_wait() {
    for wait in [
        "0",
        "1",
        "-3",
        "99999999999999999999",
        "soon",
        "Sun, 06 Nov 1994 08:49:37 GMT",
    ] {
        let sandbox = Sandbox::new();
        for method in ["GET", "POST"] {
            sandbox.vault.fault(
                Fault::on(method, SECRETS)
                    .fails(429, "slow down")
                    .header("retry-after", wait),
            );
        }
        sandbox
            .run("secret push A=1 --yes")
            .exits(0)
            .stdout_contains("Created 1");
        assert_eq!(sandbox.vault.count("POST"), 2);
    }
    let sandbox = Sandbox::new();
    sandbox
        .vault
        .fault(Fault::on("GET", SECRETS).fails(429, "slow down").always());
    sandbox
        .run("secret list")
        .exits(6)
        .stderr_contains("too many requests (429): slow down");
    assert_eq!(sandbox.vault.count("GET"), 3);
}

#[test]
fn every_tenth_request_refused_still_stores_all() {
    let sandbox = Sandbox::new();
    sandbox.write(
        ".env",
        (0..1000)
            .map(|n| format!("NAME_{n}={n}"))
            .collect::<Vec<_>>()
            .join("\n"),
    );
    sandbox
        .vault
        .fault(Fault::on("POST", SECRETS).fails(429, "slow down").every(10));
    sandbox
        .run("secret push --from-file .env --yes")
        .exits(0)
        .stdout_contains("Created 1000");
    assert_eq!(sandbox.vault.stored("generic").len(), 1000);
}

/// R71, R121: 5xx responses are retried, and no secret is created twice.
#[test]
fn server_errors_are_retried_without_duplicates() {
    for status in [500, 502, 503, 504] {
        let sandbox = Sandbox::new();
        sandbox.vault.seed("OLD", "0", "user");
        for (method, path) in [("GET", SECRETS), ("PUT", ""), ("POST", SECRETS)] {
            sandbox.vault.fault(Fault::on(method, path).html(status));
        }
        sandbox
            .vault
            .fault(Fault::on("POST", SECRETS).html(status).after_handling());
        sandbox
            .run("secret push OLD=1 A=1 --yes")
            .exits(0)
            .stdout_contains("Created 1, updated 1");
        assert_eq!(sandbox.vault.stored("generic").len(), 2);

        sandbox
            .vault
            .fault(Fault::on("POST", SECRETS).fails(status, "down").always());
        sandbox
            .run("secret push B=1 --yes")
            .exits(5)
            .stdout_contains("unknown: the API failed");
        assert_eq!(sandbox.vault.stored("generic").len(), 2);
    }
}

/// R71: a secret stored by the last attempt is not reported as failed.
#[test]
fn a_create_stored_by_the_last_try_is_reported_as_created() {
    let sandbox = Sandbox::new();
    sandbox.vault.fault(Fault::on("POST", SECRETS).html(500).times(2));
    sandbox
        .vault
        .fault(Fault::on("POST", SECRETS).html(500).after_handling());
    sandbox
        .run("secret push A=1 --yes")
        .exits(0)
        .stdout_contains("Created 1");
}

/// R73: a rejected key stops the batch even if another write succeeds later.
#[test]
fn a_rejected_key_stops_the_batch_despite_a_late_success() {
    let sandbox = Sandbox::new();
    sandbox
        .vault
        .fault(Fault::on("POST", SECRETS).of("A").fails(401, "revoked"));
    sandbox
        .vault
        .fault(Fault::on("POST", SECRETS).delay(Duration::from_secs(1)).always());
    sandbox
        .run("secret push A=1 B=1 C=1 D=1 E=1 F=1 G=1 H=1 I=1 J=1 --yes")
        .exits(5)
        .stdout_contains("Created 7, failed 1, not attempted 2");
    assert_eq!(sandbox.vault.count("POST"), 8);
}

/// R72: a refusal is not retried and does not stop the other secrets.
#[test]
fn a_refusal_is_not_retried_and_the_others_go_on() {
    for status in [400, 403, 404, 413, 422] {
        let sandbox = Sandbox::new();
        sandbox
            .vault
            .fault(Fault::on("POST", SECRETS).fails(status, "no"));
        sandbox
            .run("secret push A=1 B=1 C=1 --yes")
            .exits(5)
            .stdout_contains("Created 2, failed 1")
            .stderr_contains("error: 1 not stored");
        assert_eq!(sandbox.vault.count("POST"), 3);
        sandbox
            .vault
            .fault(Fault::on("POST", SECRETS).fails(status, "no").always());
        sandbox
            .run("secret push D=1 E=1 --yes")
            .exits(1)
            .stderr_contains("error: 2 not stored: ");
    }
}

/// R55, R73: a rejected key is named by its source.
#[test]
fn a_rejected_key_is_named_by_its_source() {
    let sandbox = Sandbox::new();
    sandbox
        .vault
        .fault(Fault::on("GET", SECRETS).fails(401, "bad key"));
    sandbox
        .run("secret list")
        .exits(3)
        .stderr_contains("AMIKA_API_KEY was rejected (401)");
    sandbox
        .vault
        .fault(Fault::on("POST", SECRETS).fails(401, "bad key").always());
    sandbox
        .run("secret push A=1 B=1 C=1 D=1 E=1 F=1 G=1 H=1 I=1 --yes")
        .exits(3)
        .stdout_contains("not attempted");
}

/// R75: a server message is truncated and escaped, and the trace id is shown.
#[test]
fn server_messages_are_cut_and_escaped() {
    let sandbox = Sandbox::new();
    let message = format!("bad\u{1b}[2J\u{202e}{}", "x".repeat(1_000_000));
    sandbox.vault.fault(
        Fault::on("GET", SECRETS)
            .fails(400, &message)
            .header("x-trace-id", "t-1"),
    );
    let ran = sandbox
        .run("secret list")
        .exits(1)
        .stderr_contains("bad\\u{1b}[2J\\u{202e}xxx")
        .stderr_contains("trace id: t-1");
    assert!(ran.stderr.len() < 500);
    for (body, said) in [
        (r#"{"code":"no_way"}"#, "no_way"),
        ("{}", "refused (400)"),
        ("[]", "refused (400)"),
    ] {
        sandbox.vault.fault(Fault::on("GET", SECRETS).json(400, body));
        sandbox.run("secret list").exits(1).stderr_contains(said);
    }
    sandbox
        .vault
        .fault(Fault::on("GET", SECRETS).json(400, r#"{"message":"m","trace_id":"t-2"}"#));
    let ran = sandbox.run("secret list -o json").exits(1);
    let error: serde_json::Value = serde_json::from_str(&ran.stderr).unwrap();
    assert_eq!(error["error"]["trace_id"], "t-2");
}

/// R80: an id that could reach another resource is not used.
#[test]
fn a_hostile_id_from_the_server_is_refused() {
    let sandbox = Sandbox::new();
    for (n, id) in ["../../admin", "claude", "a/b", "x?y", "x#y", ".."]
        .into_iter()
        .enumerate()
    {
        let name = format!("N{n}");
        sandbox.vault.seed_with_id(id, &name, "0", "user");
        sandbox
            .run(&format!("secret push {name}=1 --yes"))
            .exits(7)
            .stdout_contains("was not used");
    }
    assert_eq!(sandbox.vault.count("PUT"), 0);
}

/// R85: a name that another writer creates meanwhile is updated, not duplicated.
#[test]
fn a_name_created_meanwhile_is_updated() {
    let sandbox = Sandbox::new();
    // Another writer creates the name after the list request.
    sandbox.vault.seed("A", "theirs", "user");
    sandbox.vault.fault(Fault::on("GET", SECRETS).json(200, "[]"));
    sandbox
        .run("secret push A=ours --yes")
        .exits(0)
        .stdout_contains("Updated 1");
    assert_eq!(sandbox.vault.value("A", "user").as_deref(), Some("ours"));
}

#[test]
fn a_secret_deleted_meanwhile_is_created() {
    let sandbox = Sandbox::new();
    let listed = r#"[{"id":"gone","name":"A","scope":"user"}]"#;
    sandbox.vault.fault(Fault::on("GET", SECRETS).json(200, listed));
    sandbox
        .run("secret push A=1 --yes")
        .exits(0)
        .stdout_contains("Created 1");
}

/// R84: running the same command again completes what a fault left undone.
#[test]
fn repeating_the_command_after_any_fault_converges() {
    let faults = [
        Fault::on("*", "").fails(500, "x").every(5),
        Fault::on("POST", "").does(Behaviour::ResetAfter).every(2),
        Fault::on("*", "").does(Behaviour::ResetBefore).every(4),
        Fault::on("POST", "").html(200).every(2),
        Fault::on("*", "").fails(429, "x").every(2),
        Fault::on("POST", "").does(Behaviour::Truncate).every(2),
    ];
    for fault in faults {
        let sandbox = Sandbox::new();
        sandbox.write(
            ".env",
            (0..20)
                .map(|n| format!("N{n}=v{n}"))
                .collect::<Vec<_>>()
                .join("\n"),
        );
        sandbox.vault.fault(fault.delay(Duration::ZERO));
        let mut last = None;
        let done = (0..20).any(|_| {
            last = Some(sandbox.run("secret push --from-file .env --yes"));
            last.as_ref().is_some_and(|ran| ran.code == 0)
        });
        assert!(done, "{last:?}");
        let mut stored = sandbox.vault.stored("generic");
        stored.sort_by(|a, b| a.name.cmp(&b.name));
        stored.dedup_by(|a, b| a.name == b.name);
        assert_eq!(stored.len(), 20);
        assert_eq!(sandbox.vault.stored("generic").len(), 20);
        assert!(stored.iter().all(|s| s.value == s.name.replace('N', "v")));
    }
}
