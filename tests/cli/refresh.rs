//! Refreshing a session: R40 to R52, R55, R86.

use std::fs;
use std::process::Child;
use std::time::Instant;

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

/// A command whose refresh gets no reply until the vault releases it.
fn refreshing(command: [&str; 2]) -> (Sandbox, Child) {
    let (sandbox, _) = expired();
    sandbox.vault.idp(|idp| idp.replays = false);
    sandbox
        .vault
        .fault(Fault::on("POST", TOKEN_ENDPOINT).does(Behaviour::Hold));
    let child = start(&mut sandbox.bare_command(command));
    sandbox.vault.wait_for("POST", 1);
    (sandbox, child)
}

fn raw_session(sandbox: &Sandbox) -> Vec<u8> {
    fs::read(sandbox.home().join(SESSION_FILE)).unwrap()
}

/// Checks that the session file has the refresh token for the next exchange.
#[track_caller]
fn assert_is_saved(sandbox: &Sandbox) {
    let session = sandbox.session();
    let token = session["refresh_token"].as_str().unwrap();
    assert!(sandbox.vault.idp(|idp| idp.is_live(token)));
}

/// The number of token requests to the provider.
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
    assert_is_saved(&sandbox);
    let session = sandbox.session();
    assert_ne!(session["refresh_token"], json!(old));
    assert_eq!(
        session["theirs"],
        json!({"kept": true}),
        "unknown members are kept"
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

/// R42: an access token that states no expiry is saved and used.
#[test]
fn an_access_token_without_expiry_is_saved_and_used() {
    let (sandbox, _) = expired();
    sandbox.vault.idp(|idp| idp.opaque = true);
    sandbox.run_stored("secret list").exits(0);
    assert_is_saved(&sandbox);
    sandbox.run_stored("secret list").exits(0);
    assert_eq!(
        sandbox.vault.idp(|idp| idp.exchanges),
        1,
        "it is assumed to be valid for a while"
    );
}

/// R42: a reply without an access token still saves its refresh token.
#[test]
fn a_reply_without_an_access_token_still_saves_the_refresh_token() {
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
fn a_fast_clock_does_not_refresh_in_every_command() {
    let (sandbox, _) = expired();
    sandbox.vault.idp(|idp| idp.lifetime = 10);
    for _ in 0..2 {
        sandbox.run_stored("secret push A=1 B=1 C=1 --yes").exits(0);
    }
    assert_eq!(sandbox.vault.idp(|idp| idp.exchanges), 1);
}

#[test]
fn a_refresh_does_not_reset_the_retry_count() {
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

/// R108, R106: a write whose reply was lost stays in doubt if its retry needs a refresh that fails.
#[test]
fn a_failed_refresh_does_not_hide_that_a_write_may_have_been_carried_out() {
    for (method, line) in [
        ("DELETE", "secret delete A --yes"),
        ("PUT", "secret push A=2 --yes"),
    ] {
        let sandbox = Sandbox::new();
        sandbox.vault.seed("A", "1", "user");
        sandbox.log_in(3600);
        sandbox
            .vault
            .fault(Fault::on(method, "").does(Behaviour::ResetAfter));
        sandbox.vault.fault(Fault::on(method, "").fails(401, "no"));
        sandbox.vault.fault(
            Fault::on("POST", TOKEN_ENDPOINT)
                .json(400, r#"{"code":"x"}"#)
                .always(),
        );
        sandbox.run_stored(line).exits(5);
    }
}

/// R101: the next command removes the leftovers of a killed save.
#[test]
fn leftovers_of_a_killed_save_are_removed_by_the_next_command() {
    let sandbox = Sandbox::new();
    sandbox.log_in(3600);
    let leftover = sandbox.write(".local/state/amika/.amika-unfinished-x", "half");
    sandbox.run_stored("secret list").exits(0);
    assert!(!leftover.exists());
}

/// R43: a reply without a refresh token keeps the old one.
#[test]
fn a_reply_without_a_refresh_token_keeps_the_old_one() {
    let (sandbox, old) = expired();
    sandbox.vault.idp(|idp| idp.omits_refresh_token = true);
    sandbox.run_stored("secret list").exits(0);
    assert_eq!(sandbox.session()["refresh_token"], json!(old));
}

/// R47: an exchange whose reply was lost is repeated while the provider accepts it.
#[test]
fn an_exchange_whose_reply_was_lost_is_repeated() {
    for behaviour in [Behaviour::ResetAfter, Behaviour::Truncate] {
        let (sandbox, _) = expired();
        sandbox
            .vault
            .fault(Fault::on("POST", TOKEN_ENDPOINT).does(behaviour));
        sandbox.run_stored("secret list").exits(0);
        assert_eq!((sandbox.vault.idp(|idp| idp.exchanges), asked(&sandbox)), (1, 2));
    }
}

/// R48: a refused refresh token is exit 3, and the session file is kept.
#[test]
fn a_refresh_token_used_elsewhere_means_logging_in_again() {
    let (sandbox, _) = expired();
    sandbox.vault.idp(crate::support::idp::Idp::revoke);
    let before = raw_session(&sandbox);
    sandbox
        .run_stored("secret list")
        .exits(3)
        .stderr_contains("the login session has ended")
        .stderr_contains("amika auth login");
    assert_eq!(raw_session(&sandbox), before);
    assert_eq!(asked(&sandbox), 1);
    // Other refusals of the provider do not mean that the login has ended.
    sandbox
        .vault
        .fault(Fault::on("POST", TOKEN_ENDPOINT).json(400, r#"{"code":"x","message":"said"}"#));
    sandbox
        .run_stored("secret list")
        .exits(6)
        .stderr_contains("refused (x): said")
        .stderr_contains("is kept");
    assert_eq!(raw_session(&sandbox), before);
}

/// R49: errors of the provider leave the session file unchanged.
#[test]
fn provider_errors_leave_the_session_file_unchanged() {
    for fault in [
        Fault::on("POST", TOKEN_ENDPOINT).fails(408, "no"),
        Fault::on("POST", TOKEN_ENDPOINT).fails(429, "no"),
        Fault::on("POST", TOKEN_ENDPOINT).fails(500, "no"),
        Fault::on("POST", TOKEN_ENDPOINT).html(200),
        Fault::on("POST", TOKEN_ENDPOINT).html(400),
        Fault::on("POST", TOKEN_ENDPOINT).json(200, "[]"),
        Fault::on("POST", TOKEN_ENDPOINT).does(Behaviour::ResetBefore),
        Fault::on("POST", TOKEN_ENDPOINT).does(Behaviour::Unannounced(64 * 1024 * 1024)),
    ] {
        let (sandbox, _) = expired();
        let before = raw_session(&sandbox);
        sandbox.vault.fault(fault.clone().always());
        sandbox
            .run_stored("secret list")
            .exits(6)
            .stderr_contains("is kept");
        assert_eq!(raw_session(&sandbox), before);
        assert!(asked(&sandbox) > 1, "the exchange was retried");

        let (sandbox, _) = expired();
        sandbox.vault.fault(fault.times(2));
        sandbox.run_stored("secret list").exits(0);
    }
}

/// R50: a request to a provider that hangs times out.
#[test]
fn a_hanging_provider_times_out() {
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

/// R51: a redirect of the provider is not followed.
#[test]
fn a_redirect_of_the_provider_is_not_followed() {
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

/// R55: an access token that the API rejects is refreshed once.
#[test]
fn a_rejected_access_token_is_refreshed_once() {
    let sandbox = Sandbox::new();
    sandbox.log_in(3600);
    let token = sandbox.session()["access_token"].as_str().unwrap().to_owned();
    sandbox.vault.revoke_token(&token);
    sandbox.run_stored("secret push A=1 --yes").exits(0);
    assert_eq!(sandbox.vault.idp(|idp| idp.exchanges), 1);
    // After a second rejection, the command fails.
    sandbox
        .vault
        .fault(Fault::on("GET", "/secrets").fails(401, "revoked").always());
    sandbox
        .run_stored("secret list")
        .exits(3)
        .stderr_contains("the login session was rejected (401)");
    assert_eq!(sandbox.vault.idp(|idp| idp.exchanges), 2);
}

/// R86: a token that ends during a push is refreshed on the way.
#[test]
fn a_long_push_refreshes_its_token_on_the_way() {
    let sandbox = Sandbox::new();
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
fn the_provider_url_can_only_be_changed_to_loopback() {
    let (sandbox, _) = expired();
    for url in ["https://evil.example", "http://10.0.0.1", "nonsense"] {
        let mut list = sandbox.bare_command(["secret", "list"]);
        ran(list.env("AMIKA_WORKOS_URL", url).output().unwrap())
            .exits(2)
            .stderr_contains("AMIKA_WORKOS_URL");
    }
}

/// R53: a login for another server that replaces the expired one in the meantime is not used.
#[test]
fn a_login_for_another_server_that_appears_during_a_refresh_is_not_used() {
    let (sandbox, child) = refreshing(["secret", "list"]);
    sandbox.log_in(3600);
    let mut session = sandbox.session();
    session["api_url"] = json!("https://other.example");
    sandbox.write(SESSION_FILE, session.to_string());
    sandbox.vault.idp(crate::support::idp::Idp::revoke);
    sandbox.vault.release();
    ran(child.wait_with_output().unwrap())
        .exits(3)
        .stderr_contains("belongs to another server");
    assert_eq!(sandbox.vault.count("GET"), 0);
}

/// R45: eight processes that refresh at once make one exchange.
#[test]
fn eight_processes_make_one_exchange() {
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
fn a_refresh_by_another_program_is_noticed() {
    let (sandbox, child) = refreshing(["secret", "list"]);
    // The other program does not use the lock, and has invalidated our token.
    sandbox.log_in(3600);
    sandbox.vault.release();
    ran(child.wait_with_output().unwrap()).exits(0);
    assert_eq!(sandbox.vault.idp(|idp| idp.exchanges), 0);
}

/// R46: a killed lock holder does not block others.
#[test]
fn a_killed_lock_holder_does_not_block_others() {
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

/// R46: the wait for a hanging lock holder is bounded.
#[test]
fn the_wait_for_a_hanging_lock_holder_is_bounded() {
    let (sandbox, _) = expired();
    let before = raw_session(&sandbox);
    let lock = fs::File::create(sandbox.home().join(".local/state/amika/amika.lock")).unwrap();
    lock.lock().unwrap();
    let started = Instant::now();
    sandbox
        .run_stored("secret list")
        .exits(6)
        .stderr_contains("another amika process has locked the stored login for 15 seconds");
    let waited = started.elapsed().as_secs();
    assert!((15..30).contains(&waited), "{waited} s");
    assert_eq!((raw_session(&sandbox), asked(&sandbox)), (before, 0));
    // A valid session needs no lock.
    sandbox.log_in(3600);
    sandbox.run_stored("secret list").exits(0);
}

#[cfg(unix)]
mod unix {
    use std::os::unix::fs::{PermissionsExt, symlink};

    use super::*;
    use crate::sandbox::{Ran, send_signal};

    #[test]
    fn ctrl_c_during_a_refresh_still_saves_its_result() {
        for command in [["secret", "list"], ["auth", "login"]] {
            // On a busy machine, the reply may arrive before the signal.
            let runs: Vec<_> = (0..5).map(|_| stopped_in_the_middle(command)).collect();
            let is_heard =
                |run: &Ran| run.code == 130 && run.stderr.contains("the stored login was refreshed\n");
            assert!(runs.iter().any(is_heard), "{runs:?}");
        }
    }

    /// R109: an interrupt after a finished refresh does not mention the refresh.
    #[test]
    fn ctrl_c_after_a_refresh_does_not_mention_it() {
        let (sandbox, _) = expired();
        sandbox.vault.fault(Fault::on("GET", "").does(Behaviour::Hang));
        let child = start(&mut sandbox.bare_command(["secret", "list"]));
        sandbox.vault.wait_for("GET", 1);
        send_signal(&child, "INT");
        let run = ran(child.wait_with_output().unwrap()).exits(130);
        assert!(
            run.stderr
                .ends_with("error: interrupted; nothing was changed in the vault\n")
                && !run.stderr.contains("refreshed"),
            "{run:?}"
        );
    }

    /// Runs a command that receives the signal and then the reply to its refresh.
    fn stopped_in_the_middle(command: [&str; 2]) -> Ran {
        let (sandbox, child) = refreshing(command);
        send_signal(&child, "INT");
        sandbox.vault.release();
        let run = ran(child.wait_with_output().unwrap());
        assert_is_saved(&sandbox);
        run
    }

    /// R38: a credential file readable by others is reported, and its mode is fixed when it is saved.
    #[test]
    fn a_file_that_others_may_read_is_reported_and_repaired() {
        let (sandbox, _) = expired();
        let path = sandbox.home().join(SESSION_FILE);
        fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
        sandbox
            .run_stored("secret list")
            .exits(0)
            .stderr_contains("is readable by other users");
        assert_eq!(path.metadata().unwrap().permissions().mode() & 0o777, 0o600);
        let directory = path.parent().unwrap().metadata().unwrap();
        assert_eq!(directory.permissions().mode() & 0o777, 0o700);
        let run = sandbox.run_stored("secret list").exits(0);
        assert_eq!(run.stderr, "");
    }

    /// R44: a session file behind a link is replaced at its target.
    #[test]
    fn a_session_behind_a_link_is_replaced_at_its_target() {
        let (sandbox, _) = expired();
        let path = sandbox.home().join(SESSION_FILE);
        fs::rename(&path, sandbox.home().join("real.json")).unwrap();
        symlink(sandbox.home().join("real.json"), &path).unwrap();
        sandbox.run_stored("secret list").exits(0);
        assert!(path.is_symlink());
        assert_is_saved(&sandbox);
    }
}

/// R52, R62: unusable stores do not affect `AMIKA_API_KEY`.
#[test]
fn unusable_stores_do_not_affect_a_key_in_the_environment() {
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
