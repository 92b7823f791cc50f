//! Responses that do not come from the API or contradict the request, and large amounts of data.

#[cfg(target_os = "linux")]
use crate::replace::run_shell;
use crate::sandbox::Sandbox;
use crate::support::faults::{Behaviour, Fault};

const SECRETS: &str = "/api/v0beta1/secrets";

/// R65, R121: a response over 4 MiB is refused, with and without a content length.
#[test]
fn a_response_is_read_up_to_4_mib() {
    const LIMIT: usize = 4 * 1024 * 1024;
    for (length, code) in [(LIMIT, 0), (LIMIT + 1, 7)] {
        let body = format!("[{}]", " ".repeat(length - 2));
        let announced = Fault::on("GET", SECRETS).json(200, &body);
        let unannounced = Fault::on("GET", SECRETS).does(Behaviour::Unannounced(length));
        for fault in [announced, unannounced] {
            let sandbox = Sandbox::new();
            sandbox.vault.fault(fault.always());
            let ran = sandbox.run("secret list").exits(code);
            assert_eq!(ran.stderr.contains("4 MiB"), code == 7, "{}", ran.stderr);
        }
    }
}

/// R65: an endless list stops a push in bounded memory, before the first write.
#[cfg(target_os = "linux")]
#[test]
fn an_endless_response_is_not_kept_in_memory() {
    let sandbox = Sandbox::new();
    let endless = Behaviour::Unannounced(1024 * 1024 * 1024);
    sandbox
        .vault
        .fault(Fault::on("GET", SECRETS).does(endless).always());
    // 64 MiB, in KiB.
    run_shell(&sandbox, "ulimit -d 65536; amika secret push A=1 --yes")
        .exits(7)
        .stderr_contains("4 MiB");
    assert_eq!(sandbox.vault.count("POST"), 0);
}

/// R64, R69, R77: a list that is cut off, or of another shape or content type, stops before any write.
#[test]
fn an_invalid_list_stops_before_any_write() {
    let list = || Fault::on("GET", SECRETS);
    let bodies = [
        "",
        "[",
        "[]]",
        "[{}]",
        r#"[{"id":1}]"#,
        r#"[{"name":"A"}]"#,
        "{}",
        r#"{"data":[]}"#,
        "null",
        "nul",
    ];
    let types = [
        "text/html",
        "text/plain",
        "application/octet-stream",
        "application/jsonx",
    ];
    let others = [
        list().json(204, ""),
        list().html(200),
        list().does(Behaviour::Truncate),
        list().does(Behaviour::Unannounced(64 * 1024 * 1024)),
        list()
            .json(200, "\u{1f}\u{8b}bomb")
            .header("content-encoding", "gzip"),
    ];
    let faults = bodies.map(|body| list().json(200, body)).into_iter();
    let faults = faults.chain(types.map(|kind| list().does(Behaviour::Mislabel(kind))));
    for fault in faults.chain(others) {
        let sandbox = Sandbox::new();
        sandbox.vault.seed("B", "1", "user");
        sandbox.vault.fault(fault.always());
        for line in ["secret list", "secret push A=1 --yes"] {
            sandbox.run(line).exits(7);
        }
        assert_eq!(sandbox.vault.count("POST"), 0);
    }
}

/// R63, R77: a captive portal's page, or JSON of another content type, confirms no write.
#[test]
fn a_reply_that_is_not_json_confirms_no_write() {
    for reply in [
        Fault::on("POST", SECRETS).html(200),
        Fault::on("POST", SECRETS).does(Behaviour::Mislabel("text/plain")),
    ] {
        let sandbox = Sandbox::new();
        sandbox.vault.fault(reply.always());
        let run = sandbox.run("secret push A=1 --yes").exits(5);
        let run = run.stdout_contains("unknown: ");
        assert!(!run.stdout.contains("Created"), "{run:?}");
    }
}

/// R115: a plan of 200,000 secrets is built and shown within 200 MiB.
#[cfg(target_os = "linux")]
#[test]
fn a_plan_of_200_000_secrets_needs_little_memory() {
    let sandbox = Sandbox::new();
    let lines: Vec<_> = (0..200_000).map(|n| format!("NAME_{n}={n}-v4lu3\n")).collect();
    sandbox.write("x.env", lines.concat());
    let line = "secret push --from-file x.env --dry-run";
    // In KiB.
    let run = run_shell(&sandbox, &format!("ulimit -d 204800; amika {line}")).exits(0);
    assert_eq!(run.stdout.matches("create").count(), 200_000);
}
