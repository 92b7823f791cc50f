//! The credential that the CLI sends to the API: R36, R37, R52, R53, R62.

use crate::sandbox::{CANARY, HOME, KEY_FILE, SESSION_FILE, Sandbox, ran};
use crate::support::vault::API_KEY;

/// R36, R121: a blank key is an error without any request; a final newline is removed.
#[test]
fn a_blank_key_is_an_error_and_a_final_newline_is_not() {
    let sandbox = Sandbox::new();
    for (key, code) in [
        ("", 3),
        ("  ", 3),
        ("a\tb", 3),
        ("a b", 3),
        ("a\u{1}b", 3),
        ("a\u{7f}", 3),
        ("schlüssel", 3),
        (&format!("{API_KEY}\n"), 0),
    ] {
        let run = ran(sandbox
            .bare_command(["secret", "list"])
            .env("AMIKA_API_KEY", key)
            .output()
            .unwrap())
        .exits(code);
        assert!(code == 0 || run.stderr.contains("AMIKA_API_KEY"));
        // R121: the program refuses it, not the server.
        assert_eq!(sandbox.vault.requests().is_empty(), code == 3, "{key:?}");
    }
}

#[test]
fn without_a_credential_every_way_to_log_in_is_named() {
    let sandbox = Sandbox::new();
    sandbox
        .run_stored("secret list")
        .exits(3)
        .stderr_contains("Not logged in")
        .stderr_contains("AMIKA_API_KEY")
        .stderr_contains("--api-key-file")
        .stderr_contains("amika auth login");
    assert!(sandbox.vault.requests().is_empty());
}

#[test]
fn stored_credentials_are_used_in_their_order() {
    let sandbox = Sandbox::new();
    sandbox.log_in(3600);
    let bearer = |sandbox: &Sandbox| {
        sandbox.run_stored("secret list").exits(0);
        let seen = sandbox.vault.requests().pop().unwrap();
        seen.headers["authorization"].to_str().unwrap().to_owned()
    };
    let token = sandbox.session()["access_token"].as_str().unwrap().to_owned();
    assert_eq!(bearer(&sandbox), format!("Bearer {token}"));
    sandbox.store_key(API_KEY, &sandbox.vault.origin());
    assert_eq!(bearer(&sandbox), format!("Bearer {API_KEY}"));
}

/// R37: a broken key file is a warning, and the session is used.
#[test]
fn a_broken_key_file_does_not_block_the_session() {
    let sandbox = Sandbox::new();
    sandbox.log_in(3600);
    for broken in [
        "",
        "{",
        "[]",
        "null",
        r#"{"key":7}"#,
        r#"{"key":""}"#,
        r#"{"key":"two words"}"#,
        CANARY,
    ] {
        sandbox.write(KEY_FILE, broken);
        sandbox
            .run_stored("secret list")
            .exits(0)
            .stderr_contains("ignoring unreadable API key file");
    }
}

/// R52: a malformed session file means not logged in, without any request.
#[test]
fn a_malformed_session_file_means_not_logged_in() {
    let sandbox = Sandbox::new();
    for broken in [
        "{}",
        "null",
        "[]",
        r#"{"access_token":7}"#,
        &format!("\"{CANARY}\""),
    ] {
        sandbox.write(SESSION_FILE, broken);
        sandbox
            .run_stored("secret list")
            .exits(3)
            .stderr_contains("Not logged in")
            .stderr_contains("ignoring unreadable session file");
    }
    assert!(sandbox.vault.requests().is_empty());
}

/// R53: a stored credential is only used for the origin it was created for.
#[test]
fn a_stored_credential_is_only_used_for_its_origin() {
    let sandbox = Sandbox::new();
    let without_origin = format!(r#"{{"key":"{API_KEY}","stored_at":"2026-01-01T00:00:00Z"}}"#);
    sandbox.write(KEY_FILE, without_origin);
    for _ in 0..2 {
        sandbox
            .run_stored("secret list")
            .exits(3)
            .stderr_contains("belongs to another server");
        sandbox.store_key(API_KEY, "https://app.amika.dev");
    }
    assert!(sandbox.vault.requests().is_empty());
}

/// R62: without a home directory `AMIKA_API_KEY` still works.
#[test]
fn without_a_home_the_environment_key_still_works() {
    let sandbox = Sandbox::new();
    ran(sandbox
        .command(["secret", "list"])
        .env_remove(HOME)
        .output()
        .unwrap())
    .exits(0);
    ran(sandbox
        .command(["secret", "list"])
        .env("XDG_STATE_HOME", "relative")
        .output()
        .unwrap())
    .exits(0);
    sandbox.write("state", "a file");
    ran(sandbox
        .bare_command(["secret", "list"])
        .env("AMIKA_STATE_DIRECTORY", "state")
        .output()
        .unwrap())
    .exits(8);
}

/// R131: an empty `HOME` counts as unset, not as the working directory.
#[test]
fn an_empty_home_is_not_the_working_directory() {
    let sandbox = Sandbox::new();
    sandbox.store_key(API_KEY, &sandbox.vault.origin());
    let mut status = sandbox.bare_command(["auth", "status"]);
    let with_home = ran(status.output().unwrap()).exits(0);
    assert!(with_home.stdout.contains("stored API key"));
    let without = ran(status.env(HOME, "").output().unwrap()).exits(3);
    assert!(!without.stdout.contains("stored API key"), "{}", without.stdout);
}

#[test]
fn a_key_for_another_server_does_not_hide_the_login_for_this_one() {
    let sandbox = Sandbox::new();
    sandbox.log_in(3600);
    let origin = sandbox.vault.origin();
    for (key, origin) in [(API_KEY, "https://app.amika.dev"), (" ", &origin)] {
        sandbox.store_key(key, origin);
        sandbox.run_stored("secret list").exits(0);
        sandbox
            .run_stored("auth status")
            .exits(0)
            .stdout_contains("Logged in as");
    }
}
