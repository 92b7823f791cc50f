//! Responses that look valid but are not from the API.

#[cfg(target_os = "linux")]
use crate::replace::run_shell;
use crate::sandbox::{CANARY, Sandbox};
use crate::support::faults::{Behaviour, Fault};

const SECRETS: &str = "/api/v0beta1/secrets";

/// R10: the last of two values wins, and the warning names both lines.
#[test]
fn a_name_given_twice_takes_the_last_value_and_names_both_lines() {
    let sandbox = Sandbox::new();
    sandbox.write("x.env", format!("A=1{CANARY}\nB=2\n\nA=3{CANARY}\n"));
    sandbox
        .run("secret push --from-file x.env --yes")
        .exits(0)
        .stderr_contains("A is given more than once")
        .stderr_contains("x.env:1")
        .stderr_contains("x.env:4");
    assert_eq!(sandbox.vault.value("A", "user"), Some(format!("3{CANARY}")));
    assert_eq!(sandbox.vault.value("B", "user").as_deref(), Some("2"));
}

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

/// R69: a truncated or malformed list is exit 7, and nothing is written.
#[test]
fn a_malformed_list_stops_before_the_first_write() {
    for body in ["", "[", "[{\"id\":1}]", "[{}]", "{\"data\":[]}", "[]]", "nul"] {
        let sandbox = Sandbox::new();
        sandbox
            .vault
            .fault(Fault::on("GET", SECRETS).json(200, body).always());
        sandbox.run("secret push A=1 --yes").exits(7);
        assert_eq!(sandbox.vault.count("POST"), 0, "{body:?}");
    }
}

/// R77: JSON with another content type is an error in every command.
#[test]
fn a_success_with_the_wrong_content_type_is_an_error() {
    for kind in [
        "text/html",
        "text/plain",
        "application/octet-stream",
        "application/jsonx",
    ] {
        let sandbox = Sandbox::new();
        sandbox
            .vault
            .fault(Fault::on("GET", SECRETS).does(Behaviour::Mislabel(kind)).always());
        sandbox.run("secret list").exits(7);
        sandbox.run("secret push A=1 --yes").exits(7);
        assert_eq!(sandbox.vault.count("POST"), 0, "{kind}");
        sandbox.run("secret claude list").exits(0);

        let sandbox = Sandbox::new();
        sandbox.vault.fault(
            Fault::on("POST", SECRETS)
                .does(Behaviour::Mislabel(kind))
                .always(),
        );
        let ran = sandbox.run("secret push A=1 --yes");
        assert_ne!((ran.code, sandbox.vault.count("POST") > 1), (0, true), "{kind}");
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
