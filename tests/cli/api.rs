//! Faults of the API and the network: R54–R86.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::sandbox::{CANARY, ClosedPort, Ran, Sandbox, ran, ran_within};
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

/// R57: a redirect with any status is not followed, and the error names only its origin. The effect of
/// a redirected write is unknown.
#[test]
fn redirects_are_not_followed() {
    for status in [301, 302, 303, 307, 308] {
        let (sandbox, elsewhere) = (Sandbox::new(), Vault::start());
        let target = format!("{}/login?token=x", elsewhere.origin());
        let said = format!("redirects to {}, which was not followed", elsewhere.origin());
        sandbox
            .vault
            .fault(Fault::on("POST", SECRETS).redirect(status, &target).always());
        ran(sandbox
            .command(["secret", "push", &format!("A={CANARY}"), "--yes"])
            .output()
            .unwrap())
        .exits(5)
        .stdout_contains(&said)
        .stdout_contains("unknown");
        let id = sandbox.vault.seed("B", "1", "user");
        sandbox
            .vault
            .fault(Fault::on("DELETE", &id).redirect(status, &target));
        sandbox
            .run("secret delete B --yes")
            .exits(5)
            .stderr_contains(&said)
            .stderr_contains("may or may not have been deleted");
        sandbox
            .vault
            .fault(Fault::on("GET", SECRETS).redirect(status, &target));
        sandbox.run("secret list").exits(7).stderr_contains(&said);
        assert!(elsewhere.requests().is_empty());
    }
    // The target may be the same server, or not be named at all.
    for (target, said) in [
        (
            &*format!("{SECRETS}/?value={CANARY}"),
            "to another path of its own,",
        ),
        (
            &*format!("https://{CANARY}.example"),
            "to an address that is not shown,",
        ),
        ("https://", "to an address that is not shown,"),
    ] {
        let sandbox = Sandbox::new();
        sandbox
            .vault
            .fault(Fault::on("POST", SECRETS).redirect(307, target).always());
        let run = sandbox.run(&format!("secret push A={CANARY} --yes")).exits(5);
        assert!(run.stdout.contains(&format!("redirects {said} which")), "{run:?}");
    }
    // Not modified, and a choice, are no redirects.
    for status in [300, 304] {
        let sandbox = Sandbox::new();
        sandbox
            .vault
            .fault(Fault::on("GET", SECRETS).redirect(status, "https://vault.invalid"));
        let ran = sandbox.run("secret list").exits(7);
        assert!(
            ran.stderr.contains(&format!("answered with status {status}")),
            "{}",
            ran.stderr
        );
        assert!(!ran.stderr.contains("redirect"), "{}", ran.stderr);
    }
}

/// The replies to a write that confirm it, and those that do not: bodies without an id, with an error,
/// or about something else than was asked.
const REPLIES: &[(&str, u16, &str, bool)] = &[
    ("POST", 201, r#"{"id":"x"}"#, true),
    (
        "POST",
        200,
        r#"{"id":"x","name":"A","scope":"user","type":"generic","description":null}"#,
        true,
    ),
    ("POST", 201, r#"{"name":"A"}"#, false),
    ("POST", 201, r#"{"id":"","name":"A"}"#, false),
    ("POST", 201, r#"{"id":7}"#, false),
    ("POST", 201, r#"{"id":"x","name":"B"}"#, false),
    ("POST", 201, r#"{"id":"x","scope":"org"}"#, false),
    ("POST", 201, r#"{"id":"x","type":"error"}"#, false),
    ("POST", 201, r#"{"id":"x","error_code":"quota"}"#, false),
    ("POST", 201, "null", false),
    ("POST", 201, "[]", false),
    ("POST", 201, "{", false),
    ("POST", 200, "", false),
    ("POST", 202, r#"{"id":"x"}"#, false),
    ("POST", 204, "", false),
    ("PUT", 204, "", true),
    ("PUT", 200, "{}", true),
    ("PUT", 200, r#"{"id":"ID","name":"A","scope":"user"}"#, true),
    ("PUT", 200, r#"{"id":"other"}"#, false),
    ("PUT", 200, r#"{"id":"ID","name":"B"}"#, false),
    ("PUT", 200, r#"{"id":"ID","scope":"org"}"#, false),
    ("PUT", 200, r#"{"type":"error","message":"no"}"#, false),
    ("PUT", 200, r#"{"error":"no"}"#, false),
    ("PUT", 200, "null", false),
    ("PUT", 200, "[]", false),
    ("PUT", 200, "<html>", false),
    ("PUT", 200, "", false),
    ("PUT", 202, "{}", false),
    ("DELETE", 204, "", true),
    ("DELETE", 200, "{}", true),
    ("DELETE", 200, r#"{"id":"ID","deleted":true}"#, true),
    ("DELETE", 200, "true", true),
    ("DELETE", 200, r#"{"id":"other"}"#, false),
    ("DELETE", 200, r#"{"type":"error","error_code":"in_use"}"#, false),
    ("DELETE", 200, "<html>", false),
    ("DELETE", 200, "", false),
    ("DELETE", 202, "{}", false),
];

/// R63, R153: a write is done if the reply confirms it; any other success means that it is unknown.
#[test]
fn only_a_confirmed_write_is_done() {
    for (method, status, body, confirmed) in REPLIES {
        let sandbox = Sandbox::new();
        let (line, done) = match *method {
            "POST" => ("secret push A=1 --yes", "Created"),
            "PUT" => ("secret push A=1 --yes", "Updated"),
            _ => ("secret delete A --yes", "Deleted"),
        };
        let id = match *method {
            "POST" => String::new(),
            _ => sandbox.vault.seed("A", "0", "user"),
        };
        let reply = Fault::on(method, "").json(*status, &body.replace("ID", &id));
        sandbox.vault.fault(reply.always());
        let ran = sandbox.run(line);
        let case = format!("{method} {status} {body}: {ran:?}");
        assert_eq!(ran.code, if *confirmed { 0 } else { 5 }, "{case}");
        assert_eq!(ran.stdout.contains(done), *confirmed, "{case}");
        let said = format!("{}{}", ran.stdout, ran.stderr);
        let in_doubt = said.contains("unknown") || said.contains("may or may not");
        assert_eq!(in_doubt, !confirmed, "{case}");
    }
}

/// R153: the same for credentials of a provider, whose replies have a type.
#[test]
fn only_a_confirmed_credential_is_stored() {
    for (body, code) in [
        (
            r#"{"id":"x","name":"Claude API Key","scope":"user","type":"api_key"}"#,
            0,
        ),
        (r#"{"id":"x","name":"Other","scope":"user"}"#, 5),
        (r#"{"id":"x","scope":"org"}"#, 5),
        (r#"{"id":"x","type":"error"}"#, 5),
    ] {
        let sandbox = Sandbox::new();
        sandbox
            .vault
            .fault(Fault::on("POST", "/claude").json(201, body).always());
        let run = sandbox.run_with(
            "secret claude push --type api_key --value - -o json",
            "sk-ant-api03-Zq8kT2mWxR5vYb7Nc3Lp9Jd1Hf6Gs4Aa0Ee",
        );
        run.exits(code);
    }
}

#[test]
fn unknown_fields_and_scopes_do_not_fail_a_list() {
    let sandbox = Sandbox::new();
    let body = r#"[{"id":"1","name":"A","scope":"team","new":{}},{"id":"2","name":"B","scope":"user"}]"#;
    sandbox.vault.fault(Fault::on("GET", SECRETS).json(200, body));
    sandbox.run("secret list").exits(0).stdout_contains("team");
}

/// The statuses and milliseconds of the requests that `-v` shows.
fn timings(ran: &Ran) -> Vec<(String, u64)> {
    let lines = ran.stderr.lines().filter_map(|line| line.strip_prefix("> GET "));
    let timing = |line: &str| {
        let words: Vec<_> = line.split(' ').collect();
        let unit = words.iter().position(|word| *word == "ms").unwrap();
        (words[1].to_owned(), words[unit - 1].parse().unwrap())
    };
    lines.map(timing).collect()
}

/// R66, R156: a response that hangs or trickles in ends with the timeout, whatever its status, and is
/// not waited for again if that was the timeout of the call.
#[test]
fn a_slow_response_times_out() {
    for (behaviour, tries, status) in [
        (Behaviour::Hang, 1, "http://127.0.0.1"),
        (Behaviour::Drip(200), 1, "http://127.0.0.1"),
        (Behaviour::Drip(500), 3, "500"),
        (Behaviour::Drip(400), 1, "400"),
    ] {
        let sandbox = Sandbox::new();
        sandbox
            .vault
            .fault(Fault::on("GET", SECRETS).does(behaviour).always());
        let mut command = sandbox.command(["secret", "list", "-v"]);
        let ran = ran_within(command.env("AMIKA_HTTP_TIMEOUT", "1"), Duration::from_secs(20));
        let timings = timings(&ran);
        assert_eq!(timings.len(), tries, "{}", ran.stderr);
        for (outcome, milliseconds) in &timings {
            assert!(outcome.starts_with(status), "{}", ran.stderr);
            assert!((1000..5000).contains(milliseconds), "{}", ran.stderr);
        }
        ran.exits(if status == "400" { 1 } else { 6 });
    }
}

/// R66: without a setting, a request ends after thirty seconds, and is then not repeated: the command
/// ends within a minute, not after three times thirty seconds.
#[test]
fn a_failing_response_that_trickles_in_is_not_repeated() {
    let sandbox = Sandbox::new();
    sandbox
        .vault
        .fault(Fault::on("GET", SECRETS).does(Behaviour::Drip(500)).always());
    let mut command = sandbox.command(["secret", "list", "-v"]);
    let ran = ran_within(&mut command, Duration::from_secs(59)).exits(6);
    let timings = timings(&ran);
    assert!((30_000..35_000).contains(&timings[0].1), "{}", ran.stderr);
    assert_eq!(timings.len(), 1, "{}", ran.stderr);
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

/// R70: the wait that the server asks for is waited out, whatever the clocks say.
#[test]
fn the_wait_that_the_server_asks_for_is_waited_out() {
    const DATE: &str = "Sun, 06 Nov 1994 08:49:30 GMT";
    for (status, retry_after, at_least) in [
        (429, "2", 2000),
        (503, "2", 2000),
        // Two seconds after the `Date` of the response, which is decades ago, and one before it.
        (429, "Sun, 06 Nov 1994 08:49:32 GMT", 2000),
        (429, "Sun, 06 Nov 1994 08:49:29 GMT", 0),
    ] {
        let sandbox = Sandbox::new();
        let fault = Fault::on("GET", SECRETS).fails(status, "slow down");
        let fault = fault.header("date", DATE).header("retry-after", retry_after);
        sandbox.vault.fault(fault);
        let started = std::time::Instant::now();
        sandbox.run("secret list").exits(0);
        let elapsed = started.elapsed().as_millis();
        assert!(
            (at_least..10_000).contains(&elapsed),
            "{status} {retry_after}: {elapsed} ms"
        );
    }
}

/// R70: a wait of more than a minute ends the command at once, and is named.
#[test]
fn a_long_wait_is_not_waited_out() {
    for (retry_after, named) in [
        ("61", "it asks to wait 2 minutes"),
        ("7200", "it asks to wait 120 minutes"),
        ("Sun, 06 Nov 1994 08:59:30 GMT", "it asks to wait 10 minutes"),
    ] {
        for line in ["secret list", "secret push A=1 B=1 --yes"] {
            let sandbox = Sandbox::new();
            let method = if line.contains("push") { "POST" } else { "GET" };
            sandbox.vault.fault(
                Fault::on(method, SECRETS)
                    .fails(429, "slow down")
                    .header("date", "Sun, 06 Nov 1994 08:49:30 GMT")
                    .header("retry-after", retry_after)
                    .always(),
            );
            let mut command = sandbox.command(line.split(' '));
            let ran = ran_within(&mut command, Duration::from_secs(20)).exits(6);
            let said = format!("{}{}", ran.stdout, ran.stderr);
            assert!(said.contains(named), "{said}");
            assert!(sandbox.vault.count(method) <= 2, "{line}");
        }
    }
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
    let error = ran.error();
    assert_eq!(error["trace_id"], "t-2");
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
        sandbox.vault.fault(fault);
        let mut last = None;
        let done = (0..20).any(|_| {
            last = Some(sandbox.run("secret push --from-file .env --yes"));
            last.as_ref().is_some_and(|ran| ran.code == 0)
        });
        assert!(done, "{last:?}");
        let stored = sandbox.vault.stored("generic");
        let values: BTreeMap<_, _> = stored.iter().map(|s| (&s.name, &s.value)).collect();
        assert_eq!((stored.len(), values.len()), (20, 20));
        assert!(
            values
                .iter()
                .all(|(name, value)| **value == name.replace('N', "v"))
        );
    }
}
