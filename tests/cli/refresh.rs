//! A session that renews itself: R40 to R52, R55, R86.

use std::fs;
use std::time::Duration;

use serde_json::json;

use crate::sandbox::{KEY_FILE, SESSION_FILE, Sandbox, ran, start};
use crate::support::faults::{Behaviour, Fault};

const TOKEN_ENDPOINT: &str = "/user_management/authenticate";

/// An expired login.
fn expired() -> (Sandbox, String) {
    let sandbox = Sandbox::new();
    let refresh_token = sandbox.log_in(-10);
    (sandbox, refresh_token)
}

fn raw_session(sandbox: &Sandbox) -> Vec<u8> {
    fs::read(sandbox.home().join(SESSION_FILE)).unwrap()
}

/// How often the provider was asked for tokens.
fn asked(sandbox: &Sandbox) -> usize {
    let requests = sandbox.vault.requests();
    requests
        .iter()
        .filter(|request| request.path == TOKEN_ENDPOINT)
        .count()
}

#[test]
fn an_expired_session_is_renewed_and_saved() {
    let (sandbox, old) = expired();
    sandbox.run_stored("secret list -vvv").exits(0);
    let session = sandbox.session();
    assert!(
        sandbox
            .vault
            .idp(|idp| idp.is_live(session["refresh_token"].as_str().unwrap()))
    );
    assert_ne!(session["refresh_token"], json!(old));
    assert_eq!(
        session["theirs"],
        json!({"kept": true}),
        "what others wrote is kept"
    );
    assert_eq!(session["email"], "person@example.invalid");
    sandbox.run_stored("secret list").exits(0);
    assert_eq!((sandbox.vault.idp(|idp| idp.exchanges), asked(&sandbox)), (1, 1));
}

#[test]
fn a_session_is_renewed_when_less_than_a_minute_is_left() {
    for (seconds, exchanges) in [(50, 1), (90, 0)] {
        let sandbox = Sandbox::new();
        sandbox.log_in(seconds);
        sandbox.run_stored("secret list").exits(0);
        assert_eq!(
            sandbox.vault.idp(|idp| idp.exchanges),
            exchanges,
            "{seconds} s left"
        );
    }
}

#[test]
fn r42_a_token_that_does_not_say_when_it_ends_is_saved_and_used() {
    let (sandbox, _) = expired();
    sandbox.vault.idp(|idp| idp.opaque = true);
    sandbox.run_stored("secret list").exits(0);
    let saved = sandbox.session();
    assert!(
        sandbox
            .vault
            .idp(|idp| idp.is_live(saved["refresh_token"].as_str().unwrap()))
    );
    sandbox.run_stored("secret list").exits(0);
    assert_eq!(
        sandbox.vault.idp(|idp| idp.exchanges),
        1,
        "it is taken to work for a while"
    );
}

#[test]
fn r42_a_reply_without_an_access_token_still_gives_its_refresh_token() {
    let (sandbox, _) = expired();
    let reply = Fault::on("POST", TOKEN_ENDPOINT).json(200, r#"{"refresh_token":"the-next-one"}"#);
    sandbox.vault.fault(reply);
    sandbox
        .run_stored("secret list")
        .exits(7)
        .stderr_contains("without an access token");
    assert_eq!(sandbox.session()["refresh_token"], "the-next-one");
}

#[test]
fn a_clock_that_is_fast_does_not_spend_a_token_for_each_command() {
    let (sandbox, _) = expired();
    sandbox.vault.idp(|idp| idp.lifetime = 10);
    for _ in 0..2 {
        sandbox.run_stored("secret push A=1 B=1 C=1 --yes").exits(0);
    }
    assert_eq!(sandbox.vault.idp(|idp| idp.exchanges), 1);
}

#[test]
fn a_renewal_between_two_troubles_does_not_make_retries_endless() {
    let sandbox = Sandbox::new();
    sandbox.log_in(3600);
    for fault in [
        Fault::on("GET", "/secrets").fails(503, "no").times(2),
        Fault::on("GET", "/secrets").fails(401, "no"),
        Fault::on("GET", "/secrets").fails(503, "no").always(),
    ] {
        sandbox.vault.fault(fault);
    }
    sandbox.run_stored("secret list").exits(6);
}

#[test]
fn r101_leftovers_are_cleared_at_the_next_start() {
    let sandbox = Sandbox::new();
    sandbox.log_in(3600);
    let leftover = sandbox.write(".local/state/amika/.amika-unfinished-x", "half");
    sandbox.run_stored("secret list").exits(0);
    assert!(!leftover.exists());
}

#[test]
fn r43_a_reply_without_a_refresh_token_leaves_the_old_one() {
    let (sandbox, old) = expired();
    sandbox.vault.idp(|idp| idp.omits_refresh_token = true);
    sandbox.run_stored("secret list").exits(0);
    assert_eq!(sandbox.session()["refresh_token"], json!(old));
}

#[test]
fn r47_a_lost_reply_is_asked_for_again() {
    for behaviour in [Behaviour::ResetAfter, Behaviour::Truncate] {
        let (sandbox, _) = expired();
        sandbox
            .vault
            .fault(Fault::on("POST", TOKEN_ENDPOINT).does(behaviour));
        sandbox.run_stored("secret list").exits(0);
        assert_eq!((sandbox.vault.idp(|idp| idp.exchanges), asked(&sandbox)), (1, 2));
    }
}

#[test]
fn r48_a_token_that_was_used_elsewhere_means_logged_out() {
    let (sandbox, _) = expired();
    sandbox.vault.idp(crate::support::idp::Idp::revoke);
    let before = raw_session(&sandbox);
    sandbox
        .run_stored("secret list")
        .exits(3)
        .stderr_contains("the login session is over")
        .stderr_contains("amika auth login");
    assert_eq!(raw_session(&sandbox), before);
    assert_eq!(asked(&sandbox), 1);
    // Only that: anything else that the provider refuses is no reason to forget the login.
    sandbox
        .vault
        .fault(Fault::on("POST", TOKEN_ENDPOINT).json(400, r#"{"code":"x","message":"said"}"#));
    sandbox
        .run_stored("secret list")
        .exits(6)
        .stderr_contains("refused (x): said")
        .stderr_contains("kept as it is");
    assert_eq!(raw_session(&sandbox), before);
}

#[test]
fn r49_trouble_at_the_provider_keeps_the_session_byte_for_byte() {
    for fault in [
        Fault::on("POST", TOKEN_ENDPOINT).fails(408, "no"),
        Fault::on("POST", TOKEN_ENDPOINT).fails(429, "no"),
        Fault::on("POST", TOKEN_ENDPOINT).fails(500, "no"),
        Fault::on("POST", TOKEN_ENDPOINT).html(200),
        Fault::on("POST", TOKEN_ENDPOINT).html(400),
        Fault::on("POST", TOKEN_ENDPOINT).json(200, "[]"),
        Fault::on("POST", TOKEN_ENDPOINT).does(Behaviour::ResetBefore),
        Fault::on("POST", TOKEN_ENDPOINT).does(Behaviour::Endless),
    ] {
        let (sandbox, _) = expired();
        let before = raw_session(&sandbox);
        sandbox.vault.fault(fault.clone().always());
        sandbox
            .run_stored("secret list")
            .exits(6)
            .stderr_contains("kept as it is");
        assert_eq!(raw_session(&sandbox), before);
        assert!(asked(&sandbox) > 1, "it was tried again");

        let (sandbox, _) = expired();
        sandbox.vault.fault(fault.times(2));
        sandbox.run_stored("secret list").exits(0);
    }
}

#[test]
fn r50_a_provider_that_hangs_does_not_hang_us() {
    let (sandbox, _) = expired();
    let before = raw_session(&sandbox);
    sandbox
        .vault
        .fault(Fault::on("POST", TOKEN_ENDPOINT).does(Behaviour::Hang).always());
    let mut list = sandbox.bare_command(["secret", "list"]);
    ran(list.env("AMIKA_HTTP_TIMEOUT", "1").output().unwrap())
        .exits(6)
        .stderr_contains("did not answer in time");
    assert_eq!(raw_session(&sandbox), before);
}

#[test]
fn r51_a_redirect_from_the_provider_is_never_followed() {
    let other = Sandbox::new();
    for status in [302, 307, 308] {
        let (sandbox, _) = expired();
        let target = format!("{}/{}", other.vault.origin(), "stolen");
        sandbox
            .vault
            .fault(Fault::on("POST", TOKEN_ENDPOINT).redirect(status, &target));
        sandbox
            .run_stored("secret list")
            .exits(7)
            .stderr_contains("which was not followed");
    }
    assert!(other.vault.requests().is_empty());
}

#[test]
fn r55_a_refused_token_is_renewed_once() {
    let sandbox = Sandbox::new();
    sandbox.log_in(3600);
    let token = sandbox.session()["access_token"].as_str().unwrap().to_owned();
    sandbox.vault.revoke_token(&token);
    sandbox.run_stored("secret push A=1 --yes").exits(0);
    assert_eq!(sandbox.vault.idp(|idp| idp.exchanges), 1);
    // Refused again, it is over.
    sandbox
        .vault
        .fault(Fault::on("GET", "/secrets").fails(401, "revoked").always());
    sandbox
        .run_stored("secret list")
        .exits(3)
        .stderr_contains("the login session was rejected (401)");
    assert_eq!(sandbox.vault.idp(|idp| idp.exchanges), 2);
}

#[test]
fn r86_a_long_push_renews_on_the_way() {
    let sandbox = Sandbox::new();
    sandbox.vault.idp(|idp| idp.lifetime = 3600);
    sandbox.log_in(3600);
    let token = sandbox.session()["access_token"].as_str().unwrap().to_owned();
    let lines: Vec<_> = (0..200).map(|n| format!("NAME_{n}=value")).collect();
    sandbox.write(".env", lines.join("\n"));
    // The hundredth write is held until the token has been revoked.
    sandbox
        .vault
        .fault(Fault::on("POST", "/secrets").skip(100).does(Behaviour::Hold));
    let child = start(&mut sandbox.bare_command(["secret", "push", "--from-file", ".env", "--yes"]));
    sandbox.vault.wait_for("POST", 101);
    sandbox.vault.revoke_token(&token);
    sandbox.vault.release();
    ran(child.wait_with_output().unwrap())
        .exits(0)
        .stdout_contains("Created 200");
    assert_eq!(sandbox.vault.idp(|idp| idp.exchanges), 1);
}

#[test]
fn a_session_for_another_server_is_not_renewed_either() {
    let (sandbox, _) = expired();
    let mut list = sandbox.bare_command(["secret", "list"]);
    ran(list.env("AMIKA_API_URL", "http://127.0.0.1:9").output().unwrap())
        .exits(3)
        .stderr_contains("another server");
    assert!(sandbox.vault.requests().is_empty());
}

#[test]
fn the_provider_moves_within_this_machine_only() {
    let (sandbox, _) = expired();
    for url in ["https://evil.example", "http://10.0.0.1", "nonsense"] {
        let mut list = sandbox.bare_command(["secret", "list"]);
        ran(list.env("AMIKA_WORKOS_URL", url).output().unwrap())
            .exits(2)
            .stderr_contains("AMIKA_WORKOS_URL");
    }
}

#[test]
fn r45_eight_processes_exchange_once() {
    let (sandbox, _) = expired();
    sandbox.vault.idp(|idp| idp.replays = false);
    let children: Vec<_> = (0..8)
        .map(|_| start(&mut sandbox.bare_command(["secret", "list"])))
        .collect();
    for child in children {
        ran(child.wait_with_output().unwrap()).exits(0);
    }
    assert_eq!((sandbox.vault.idp(|idp| idp.exchanges), asked(&sandbox)), (1, 1));
}

#[test]
fn another_program_that_renews_in_between_is_noticed() {
    let (sandbox, _) = expired();
    sandbox.vault.idp(|idp| idp.replays = false);
    sandbox
        .vault
        .fault(Fault::on("POST", TOKEN_ENDPOINT).does(Behaviour::Hold));
    let child = start(&mut sandbox.bare_command(["secret", "list"]));
    sandbox.vault.wait_for("POST", 1);
    // It knows nothing of our lock; our token is worthless now.
    sandbox.log_in(3600);
    sandbox.vault.release();
    ran(child.wait_with_output().unwrap()).exits(0);
    assert_eq!(sandbox.vault.idp(|idp| idp.exchanges), 0);
}

#[cfg(unix)]
mod unix {
    use std::os::unix::fs::{PermissionsExt, symlink};

    use super::*;
    use crate::sandbox::send_signal;

    #[test]
    fn r46_a_killed_lock_holder_stops_nobody() {
        let (sandbox, _) = expired();
        sandbox
            .vault
            .fault(Fault::on("POST", TOKEN_ENDPOINT).does(Behaviour::Hang));
        let mut holder = start(&mut sandbox.bare_command(["secret", "list"]));
        sandbox.vault.wait_for("POST", 1);
        let waiting: Vec<_> = (0..7)
            .map(|_| start(&mut sandbox.bare_command(["secret", "list"])))
            .collect();
        holder.kill().unwrap();
        holder.wait().unwrap();
        for child in waiting {
            ran(child.wait_with_output().unwrap()).exits(0);
        }
        assert_eq!(sandbox.vault.idp(|idp| idp.exchanges), 1);
        let left = fs::read_dir(sandbox.home().join(".local/state/amika")).unwrap();
        let names: Vec<_> = left
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        assert!(
            names.iter().all(|name| !name.contains("unfinished")),
            "R101: {names:?}"
        );
    }

    #[test]
    fn r46_a_lock_holder_that_hangs_is_not_waited_for_for_ever() {
        let (sandbox, _) = expired();
        let before = raw_session(&sandbox);
        let lock = fs::File::create(sandbox.home().join(".local/state/amika/amika.lock")).unwrap();
        lock.lock().unwrap();
        sandbox
            .run_stored("secret list")
            .exits(6)
            .stderr_contains("another amika has been changing the stored login for 15 seconds");
        assert_eq!((raw_session(&sandbox), asked(&sandbox)), (before, 0));
        // A session that still works needs no lock.
        sandbox.log_in(3600);
        sandbox.run_stored("secret list").exits(0);
    }

    #[test]
    fn ctrl_c_during_a_renewal_saves_what_it_brought() {
        for command in [["secret", "list"], ["auth", "login"]] {
            stopped_in_the_middle(command);
        }
    }

    fn stopped_in_the_middle(command: [&str; 2]) {
        let (sandbox, _) = expired();
        sandbox.vault.idp(|idp| idp.replays = false);
        sandbox
            .vault
            .fault(Fault::on("POST", TOKEN_ENDPOINT).does(Behaviour::Hold));
        let child = start(&mut sandbox.bare_command(command));
        sandbox.vault.wait_for("POST", 1);
        send_signal(&child, "INT");
        sandbox.vault.release();
        ran(child.wait_with_output().unwrap()).exits(130);
        let saved = sandbox.session();
        assert!(
            sandbox
                .vault
                .idp(|idp| idp.is_live(saved["refresh_token"].as_str().unwrap()))
        );
    }

    #[test]
    fn r38_a_file_that_others_may_read_is_warned_about_and_repaired() {
        let (sandbox, _) = expired();
        let path = sandbox.home().join(SESSION_FILE);
        fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
        sandbox
            .run_stored("secret list")
            .exits(0)
            .stderr_contains("can be read by other users");
        assert_eq!(path.metadata().unwrap().permissions().mode() & 0o777, 0o600);
        let directory = path.parent().unwrap().metadata().unwrap();
        assert_eq!(directory.permissions().mode() & 0o777, 0o700);
        let run = sandbox.run_stored("secret list").exits(0);
        assert_eq!(run.stderr, "");
    }

    #[test]
    fn r44_a_session_behind_a_link_is_replaced_there() {
        let (sandbox, _) = expired();
        let path = sandbox.home().join(SESSION_FILE);
        fs::rename(&path, sandbox.home().join("real.json")).unwrap();
        symlink(sandbox.home().join("real.json"), &path).unwrap();
        sandbox.run_stored("secret list").exits(0);
        assert!(path.is_symlink());
        let saved = sandbox.session();
        assert!(
            sandbox
                .vault
                .idp(|idp| idp.is_live(saved["refresh_token"].as_str().unwrap()))
        );
    }
}

#[test]
fn r52_r62_stores_that_cannot_be_used_leave_the_environments_key() {
    let sandbox = Sandbox::new();
    sandbox.write(KEY_FILE, "{");
    sandbox.write(SESSION_FILE, "[]");
    sandbox.run("secret list").exits(0);
    sandbox
        .run_stored("secret list")
        .exits(3)
        .stderr_contains("ignoring unreadable session file");
    assert_eq!(asked(&sandbox), 0);
}

#[test]
fn a_slow_provider_is_waited_for() {
    let (sandbox, _) = expired();
    let slow = Fault::on("POST", TOKEN_ENDPOINT).delay(Duration::from_millis(300));
    sandbox.vault.fault(slow);
    sandbox.run_stored("secret list").exits(0);
}
