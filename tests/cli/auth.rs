//! `amika auth login, status, logout`: R53, R56 to R61.

use std::fs;
use std::path::PathBuf;

use serde_json::json;

use crate::sandbox::{CANARY, KEY_FILE, SESSION_FILE, Sandbox, feed, ran};
use crate::support::faults::Fault;
use crate::support::idp::{Idp, TOKEN_MARK};

const TOKEN_ENDPOINT: &str = "/user_management/authenticate";
const DEVICE_ENDPOINT: &str = "/user_management/authorize/device";

/// R109: Ctrl-C is heard while a new login waits for another process before it is saved.
#[cfg(unix)]
#[test]
fn ctrl_c_ends_the_wait_to_save_a_login() {
    use crate::sandbox::{send_signal, start};

    let sandbox = Sandbox::new();
    let child = start(&mut sandbox.bare_command(["auth", "login", "--no-browser"]));
    sandbox.vault.wait_for("POST", 1);
    let lock = fs::File::create(sandbox.home().join(".local/state/amika/amika.lock")).unwrap();
    lock.lock().unwrap();
    sandbox.vault.wait_for("POST", 3);
    assert!(sandbox.vault.stays_quiet(std::time::Duration::from_millis(500)));
    send_signal(&child, "INT");
    ran(child.wait_with_output().unwrap())
        .exits(130)
        .stderr_contains("interrupted");
    assert!(!sandbox.home().join(SESSION_FILE).exists());
}

#[test]
fn login_status_push_logout() {
    let sandbox = Sandbox::new();
    sandbox
        .run_stored("auth login")
        .exits(0)
        .stdout_contains("Logged in as person@example.invalid")
        .stderr_contains("https://auth.example/device")
        .stderr_contains("enter the code WDJB-MJHT\nWaiting for the login...\n");
    assert_eq!(sandbox.session()["api_url"], sandbox.vault.origin());
    sandbox
        .run_stored("auth status --check")
        .exits(0)
        .stdout_contains("Logged in as person@example.invalid")
        .stdout_contains("org_1")
        .stdout_contains("Accepted by http://");
    let status = sandbox.run_stored("auth status -o json").exits(0).json();
    assert_eq!(status["authenticated"], true);
    assert_eq!(status["method"], "session");
    assert_eq!(
        (&status["email"], &status["org_id"]),
        (&json!("person@example.invalid"), &json!("org_1"))
    );
    assert_eq!(status["warnings"], json!([]));
    sandbox.run_stored("secret push A=1 --yes").exits(0);
    sandbox
        .run_stored("auth logout")
        .exits(0)
        .stdout_contains("Cleared stored login session")
        .stderr_contains("stay valid at the identity provider");
    assert!(!sandbox.home().join(SESSION_FILE).exists());
    sandbox
        .run_stored("auth logout")
        .exits(0)
        .stdout_contains("Already logged out");
    sandbox
        .run_stored("secret list")
        .exits(3)
        .stderr_contains("Not logged in");
}

/// An error in JSON has the commands of its hint, ready to run.
#[test]
fn a_json_error_says_which_commands_come_next() {
    let sandbox = Sandbox::new();
    let run = sandbox.run_stored("secret list -o json").exits(3);
    let error = run.error();
    assert_eq!(error["code"], "credential");
    // Not the form with a placeholder: `amika auth login --api-key-file FILE`.
    assert_eq!(error["next"], json!(["amika auth login"]));
    sandbox.write(".amika/config.toml", "[env]\nA = { secret = \"a\" }\n");
    let run = sandbox.run("secret check -o json").exits(1);
    let error = run.error();
    assert_eq!(error["code"], "missing");
    assert_eq!(error["next"], json!(["amika secret push a"]));
}

/// R155: a text of a server is at most one quoted word of a suggested command.
#[test]
fn no_text_of_a_server_is_a_command_to_run() {
    let sandbox = Sandbox::new();
    let vault = &sandbox.vault;
    let hostile = "`touch PWNED`";
    vault.seed_credential("claude", hostile, "api_key", "org", "sk-ant-api03-old");
    vault.seed_credential_with_id(
        "$(touch PWNED)",
        "claude",
        "Claude API Key",
        "api_key",
        "user",
        "",
    );
    vault.seed_with_id(hostile, "A", "1", "user");
    vault.seed("B", "1", "user");
    vault.seed("C", "1", hostile);
    let push = "secret claude push --type api_key --value sk-ant-api03-new -o json";
    let delete = json!(["amika secret claude delete '$(touch PWNED)'"]);
    for (line, next) in [
        (format!("{push} --scope org"), json!(null)),
        (format!("{push} --force --yes"), delete),
        ("secret edit B --rename A -o json".to_owned(), json!(null)),
        ("secret delete C --yes -o json".to_owned(), json!(null)),
    ] {
        let stderr = sandbox.run(&line).stderr;
        let error: serde_json::Value = serde_json::from_str(stderr.lines().last().unwrap()).unwrap();
        assert!(error["error"]["hint"].is_string(), "{line}: {error}");
        assert_eq!(error["error"]["next"], next, "{line}: {error}");
    }
}

/// R126: a credential in a keyring that cannot be reached is not said to be missing there.
#[test]
fn a_keyring_that_is_off_is_named() {
    let sandbox = Sandbox::new();
    sandbox.write(KEY_FILE, r#"{"keyring":"api-key.json|0"}"#);
    sandbox
        .run_stored("auth status")
        .exits(3)
        .stderr_contains("which cannot be read: AMIKA_KEYCHAIN is off");
}

/// With JSON output, a login needs a key file, because the browser login needs a person.
#[test]
fn login_in_json_needs_a_key_file() {
    let sandbox = Sandbox::new();
    let run = sandbox.run_stored("auth login -o json").exits(2);
    assert!(
        run.stdout.is_empty() && run.stderr.contains("--api-key-file"),
        "{run:?}"
    );
    assert!(sandbox.vault.requests().is_empty());
    sandbox.write("key.txt", crate::support::vault::API_KEY);
    let run = sandbox
        .run_stored("auth login --api-key-file key.txt -o json")
        .exits(0);
    let expected = json!({ "authenticated": true, "method": "stored_api_key", "warnings": [] });
    assert_eq!(run.json(), expected);
    assert!(run.stderr.is_empty(), "{}", run.stderr);
}

/// A key is stored only after the API has accepted it, unless `--offline` skips the check.
#[test]
fn a_key_is_checked_before_it_is_stored() {
    let sandbox = Sandbox::new();
    sandbox.write("key.txt", format!("wrong-{CANARY}"));
    sandbox
        .run_stored("auth login --api-key-file key.txt")
        .exits(3)
        .stderr_contains(&sandbox.vault.origin())
        .stderr_contains("this API key was rejected (401)")
        .stderr_contains("nothing was stored");
    assert!(!sandbox.home().join(KEY_FILE).exists());
    sandbox
        .vault
        .fault(Fault::on("GET", "/secrets").fails(503, "busy").times(3));
    sandbox
        .run_stored("auth login --api-key-file key.txt")
        .exits(6)
        .stderr_contains("--offline");
    assert!(!sandbox.home().join(KEY_FILE).exists());
    let asked = sandbox.vault.requests().len();
    sandbox
        .run_stored("auth login --api-key-file key.txt --offline")
        .exits(0)
        .stdout_contains("Stored API key for");
    assert_eq!(sandbox.vault.requests().len(), asked);
    sandbox
        .run_stored("secret list")
        .exits(3)
        .stderr_contains("the stored API key was rejected (401)")
        .stderr_contains("amika auth logout");
    sandbox.run_stored("auth login --offline").exits(2);
}

#[test]
fn a_key_from_a_file_or_standard_input() {
    let sandbox = Sandbox::new();
    let key = crate::support::vault::API_KEY;
    sandbox.write("key.txt", format!("{key}\n"));
    sandbox
        .run_stored("auth login --api-key-file key.txt")
        .exits(0)
        .stdout_contains("Stored API key");
    sandbox
        .run_stored("auth status --check")
        .exits(0)
        .stdout_contains("Authenticated via stored API key");
    let stored: serde_json::Value =
        serde_json::from_slice(&fs::read(sandbox.home().join(KEY_FILE)).unwrap()).unwrap();
    assert_eq!(
        (&stored["key"], &stored["api_url"]),
        (&json!(key), &json!(sandbox.vault.origin()))
    );
    sandbox
        .run_stored("auth login --api-key-file key.txt")
        .exits(1)
        .stderr_contains("already have a stored API key")
        .stderr_contains("amika auth logout");
    sandbox
        .run_stored("auth login")
        .exits(1)
        .stderr_contains("already have a stored API key");
    let logout = sandbox.run_stored("auth logout").exits(0);
    // Unlike those of a session, no tokens stay valid.
    assert_eq!(
        (&*logout.stdout, &*logout.stderr),
        ("Cleared stored API key\n", "")
    );
    let mut login = sandbox.command(["auth", "login", "--api-key-file", "-"]);
    feed(&mut login, format!("  {key}\r\n"))
        .exits(0)
        .stderr_contains("AMIKA_API_KEY is set and takes precedence over stored credentials");
    sandbox.run_stored("secret list").exits(0);
    // With a stored key, no other is read or asked for.
    sandbox
        .run_stored("auth login --api-key-file missing")
        .exits(1)
        .stderr_contains("already have a stored API key");
    sandbox.run_stored("auth logout").exits(0);
    for bad in ["", " ", &format!("{CANARY} {CANARY}"), "a\u{1b}[2J"] {
        let mut login = sandbox.bare_command(["auth", "login", "--api-key-file", "-"]);
        feed(&mut login, bad).exits(4);
    }
    sandbox
        .run_stored("auth login --api-key-file missing")
        .exits(4)
        .stderr_contains("no such file");
}

/// R53: a stored credential is not sent to another server.
#[test]
fn a_stored_credential_is_not_sent_to_another_server() {
    let sandbox = Sandbox::new();
    let other = Sandbox::new();
    sandbox.run_stored("auth login").exits(0);
    for line in ["secret list", "auth status", "auth status --check"] {
        let mut command = sandbox.bare_command(line.split_whitespace());
        let run = command.env("AMIKA_API_URL", other.vault.origin()).output();
        ran(run.unwrap())
            .exits(3)
            .stderr_contains("belongs to another server")
            .stderr_contains("hint: set AMIKA_API_KEY for this server, or unset AMIKA_API_URL");
    }
    assert!(other.vault.requests().is_empty());
}

#[test]
fn a_usable_login_is_not_overwritten_and_an_unusable_one_is() {
    let sandbox = Sandbox::new();
    sandbox.log_in(3600);
    let already = "already have a login as person@example.invalid";
    sandbox
        .run_stored("auth login")
        .exits(1)
        .stderr_contains(already)
        .stderr_contains("auth logout");
    // An expired login that can be renewed is usable.
    sandbox.log_in(-10);
    sandbox.run_stored("auth login").exits(1).stderr_contains(already);
    // A login that cannot be checked is not overwritten.
    sandbox.log_in(-10);
    sandbox
        .vault
        .fault(Fault::on("POST", TOKEN_ENDPOINT).fails(500, "no").times(4));
    sandbox.run_stored("auth login").exits(6);
    sandbox.log_in(-10);
    sandbox.vault.idp(Idp::revoke);
    sandbox.run_stored("auth login").exits(0);
    for broken in ["", "{}", "null", "[]", CANARY] {
        sandbox.write(SESSION_FILE, broken);
        sandbox
            .run_stored("auth login")
            .exits(0)
            .stderr_contains("tored session file is unreadable");
        sandbox.run_stored("secret list").exits(0);
    }
    for unusable in ["{", r#"{"key":"two words"}"#] {
        sandbox.run_stored("auth logout").exits(0);
        sandbox.write(KEY_FILE, unusable);
        sandbox
            .run_stored("auth login")
            .exits(0)
            .stderr_contains("tored API key file is unreadable");
    }
}

/// R58: each outcome of the device flow is explained.
#[test]
fn every_outcome_of_the_device_flow_is_explained() {
    for (code, part) in [
        ("access_denied", "denied in the browser"),
        ("expired_token", "not entered in time"),
        ("sso_required", "single sign-on"),
        ("organization_selection_required", "organisation"),
    ] {
        for body in [
            json!({ "error": code, "error_description": "x" }),
            json!({ "code": code, "message": "x" }),
        ] {
            let sandbox = Sandbox::new();
            sandbox
                .vault
                .fault(Fault::on("POST", TOKEN_ENDPOINT).json(400, &body.to_string()));
            sandbox.run_stored("auth login").exits(3).stderr_contains(part);
            assert!(!sandbox.home().join(SESSION_FILE).exists());
        }
    }
    let sandbox = Sandbox::new();
    sandbox.vault.fault(Fault::on("POST", DEVICE_ENDPOINT).html(503));
    sandbox
        .run_stored("auth login")
        .exits(6)
        .stderr_contains("cannot start the login");
    sandbox
        .vault
        .fault(Fault::on("POST", DEVICE_ENDPOINT).redirect(307, "https://evil.example/x?y"));
    sandbox
        .run_stored("auth login")
        .exits(7)
        .stderr_contains("redirects to https://evil.example, which was not followed");
    sandbox
        .vault
        .fault(Fault::on("POST", DEVICE_ENDPOINT).json(200, "{}"));
    sandbox.run_stored("auth login").exits(6);
    sandbox
        .vault
        .fault(Fault::on("POST", TOKEN_ENDPOINT).json(200, r#"{"refresh_token":"r"}"#));
    sandbox
        .run_stored("auth login")
        .exits(7)
        .stderr_contains("without an access token");
    assert!(!sandbox.home().join(SESSION_FILE).exists());
}

/// R59: the code and the URL of a login are escaped.
#[test]
fn the_code_and_url_of_a_login_are_escaped() {
    let sandbox = Sandbox::new();
    sandbox.vault.idp(|idp| {
        idp.user_code = "A\u{1b}[2J\u{202e}B".to_owned();
        idp.verification_uri = "https://auth.example/\u{1b}]0;x\u{7}".to_owned();
    });
    let run = sandbox
        .run_stored("auth login")
        .exits(0)
        .stderr_contains("A\\u{1b}[2J\\u{202e}B");
    assert!(!run.stderr.contains('\u{1b}') && !run.stderr.contains('\u{202e}'));
}

/// R60: `auth status` names the credential in use and those that it overrides.
#[test]
fn status_names_the_credential_in_use_and_those_it_shadows() {
    let sandbox = Sandbox::new();
    let origin = sandbox.vault.origin();
    sandbox
        .run_stored("auth status")
        .exits(3)
        .stdout_contains("Not logged in")
        .stderr_contains("error: Not logged in\n  hint: run `amika auth login`, or set AMIKA_API_KEY\n");
    let none = sandbox.run_stored("auth status -o json").exits(3).json();
    assert_eq!(
        (&none["authenticated"], &none["method"]),
        (&json!(false), &json!("none"))
    );

    sandbox.log_in(3600);
    sandbox.store_key(&format!("key-{CANARY}"), &origin);
    sandbox
        .run_stored("auth status")
        .exits(0)
        .stdout_contains("Authenticated via stored API key (~/.local/state/amika/api-key.json)")
        .stderr_contains(
            "the stored API key shadows the login session (~/.local/state/amika/workos-session.json)",
        );
    sandbox
        .run("auth status")
        .exits(0)
        .stdout_contains("Authenticated via AMIKA_API_KEY environment variable")
        .stderr_contains("AMIKA_API_KEY shadows stored API key");
    assert_eq!(
        sandbox.run("auth status -o json").exits(0).json()["method"],
        "env_api_key"
    );
    sandbox
        .run_stored("auth status --check")
        .exits(3)
        .stderr_contains("the stored API key was rejected (401)")
        .stdout_contains("Rejected by http://");
    let checked = sandbox.run_stored("auth status --check -o json").exits(3).json();
    assert_eq!(
        (&checked["accepted"], &checked["authenticated"]),
        (&json!(false), &json!(false))
    );
    let checked = sandbox.run("auth status --check -o json").exits(0).json();
    assert_eq!(checked["accepted"], true);
    assert!(sandbox.run_stored("auth status").exits(0).stderr.lines().count() <= 3);

    sandbox.write(KEY_FILE, CANARY);
    sandbox
        .run_stored("auth status")
        .exits(0)
        .stdout_contains("Logged in as")
        .stderr_contains("stored API key file is unreadable")
        .stderr_contains("reading stored API key")
        .stderr_contains("amika auth logout");
    sandbox.write(SESSION_FILE, CANARY);
    sandbox
        .run_stored("auth status")
        .exits(3)
        .stderr_contains("stored session file is unreadable");
    let blank = sandbox
        .bare_command(["auth", "status"])
        .env("AMIKA_API_KEY", " ")
        .output();
    ran(blank.unwrap()).exits(3);
}

/// A login whose access token has ended is told in the past, and one that cannot be renewed is not usable.
#[test]
fn status_tells_an_ended_token_in_the_past() {
    let sandbox = Sandbox::new();
    sandbox.log_in(-10);
    let run = sandbox.run_stored("auth status").exits(0);
    assert!(
        run.stdout.contains("Access token ended ") && !run.stdout.contains("valid until"),
        "{}",
        run.stdout
    );
    sandbox.log_in(3600);
    let run = sandbox.run_stored("auth status").exits(0);
    assert!(run.stdout.contains("Access token valid until "), "{}", run.stdout);
    sandbox.log_in(-10);
    let mut session = sandbox.session();
    session.as_object_mut().unwrap().remove("refresh_token");
    sandbox.write(SESSION_FILE, session.to_string());
    sandbox
        .run_stored("auth status")
        .exits(3)
        .stdout_contains("Not logged in")
        .stderr_contains("the login session ended ");
    assert!(sandbox.vault.requests().is_empty());
}

/// R61: `auth logout` also removes unreadable files.
#[test]
fn logout_removes_files_that_cannot_be_read() {
    let sandbox = Sandbox::new();
    sandbox.write(KEY_FILE, [0xff, 0xfe]);
    sandbox.write(SESSION_FILE, CANARY);
    let json = sandbox.run("auth logout -o json").exits(0);
    assert_eq!(
        json.json(),
        json!({ "cleared_api_key": true, "cleared_session": true })
    );
    for part in [
        "AMIKA_API_KEY is still set",
        "stored session file is unreadable",
        "stored API key file is unreadable",
    ] {
        assert!(json.stderr.contains(part), "{part}: {}", json.stderr);
    }
    let json = sandbox.run_stored("auth logout -o json").exits(0).json();
    assert_eq!(
        json,
        json!({ "cleared_api_key": false, "cleared_session": false })
    );
    assert!(!sandbox.home().join(KEY_FILE).exists());
}

/// R120: a URL from the provider is shown only if it is safe to open.
#[test]
fn an_unsafe_url_of_the_provider_is_not_shown() {
    for address in [
        "http://auth.example/device".to_owned(),
        "http://0.0.0.0/device".to_owned(),
        "http://[2001:db8::1]/device".to_owned(),
        "https://user:pass@auth.example/device".to_owned(),
        "https://user@auth.example/device".to_owned(),
        "javascript:alert(1)".to_owned(),
        "file:///etc/passwd".to_owned(),
        "auth.example".to_owned(),
        format!("https://auth.example/{}", "x".repeat(2048)),
    ] {
        let sandbox = Sandbox::new();
        sandbox.vault.idp(|idp| idp.verification_uri.clone_from(&address));
        let run = sandbox.run_stored("auth login").exits(7);
        assert!(!run.stderr.contains("To log in, open"), "{}", run.stderr);
        assert!(!sandbox.home().join(SESSION_FILE).exists());
    }
    let sandbox = Sandbox::new();
    sandbox
        .vault
        .idp(|idp| idp.verification_uri = "http://127.0.0.1:1/device".to_owned());
    sandbox.run_stored("auth login").exits(0);
}

/// R120: a line break in an e-mail address or organisation does not add a status line.
#[test]
fn a_stored_name_cannot_forge_a_status_line() {
    let sandbox = Sandbox::new();
    sandbox.log_in(3600);
    let mut session = sandbox.session();
    session["email"] = json!("a@b\nAuthenticated via stored API key");
    session["organization_id"] = json!("org\nAuthenticated via stored API key");
    sandbox.write(SESSION_FILE, session.to_string());
    let run = sandbox.run_stored("auth status").exits(0);
    assert!(
        !run.stdout.lines().any(|line| line.starts_with("Authenticated")),
        "{}",
        run.stdout
    );
}

/// R61: `auth logout` removes a link, and says that its target remains.
#[cfg(unix)]
#[test]
fn logout_removes_a_link_and_names_what_remains() {
    let sandbox = Sandbox::new();
    sandbox.log_in(3600);
    let path = sandbox.home().join(SESSION_FILE);
    fs::rename(&path, sandbox.home().join("real")).unwrap();
    std::os::unix::fs::symlink("../../../real", &path).unwrap();
    sandbox
        .run_stored("auth logout")
        .exits(0)
        .stderr_contains("was a symbolic link");
    assert!(!path.is_symlink() && sandbox.home().join("real").exists());
}

/// R62: a file in place of the state directory is exit 8.
#[test]
fn a_file_in_place_of_the_state_directory_is_exit_8() {
    let sandbox = Sandbox::new();
    sandbox.write("state", "");
    let run = |command: &str| {
        let mut command = sandbox.bare_command(command.split_whitespace());
        command.env("AMIKA_STATE_DIRECTORY", "state");
        ran(command.output().unwrap())
    };
    for line in ["auth login", "auth logout", "auth status", "secret list"] {
        run(line).exits(8).stderr_contains("state is not a directory");
    }
    assert!(
        sandbox.vault.requests().is_empty(),
        "no login is begun that could not be kept"
    );
    let mut list = sandbox.command(["secret", "list"]);
    ran(list.env("AMIKA_STATE_DIRECTORY", "state").output().unwrap())
        .exits(0)
        .stderr_contains("warning: state is not a directory");
}

/// R95, R101: tokens and values are only in the files that store them.
#[test]
fn secrets_are_only_in_the_files_that_store_them() {
    let sandbox = Sandbox::new();
    let source = sandbox.write(
        ".codex/auth.json",
        format!(r#"{{"OPENAI_API_KEY":"sk-proj-{CANARY}"}}"#),
    );
    for line in [
        "auth login -vvv",
        "auth status -vvv --check",
        "secret extract --push --yes -vvv",
        "secret codex push --type api_key -vvv",
        "secret codex push --type api_key --force -vvv",
        "secret list -vvv",
        "secret codex list -vvv",
    ] {
        let mut command = sandbox.bare_command(line.split_whitespace());
        ran(command.env("RUST_LOG", "trace").output().unwrap()).exits(0);
    }
    for (mark, place) in [(TOKEN_MARK, sandbox.path(SESSION_FILE)), (CANARY, source)] {
        let contains = |path: &PathBuf| String::from_utf8_lossy(&fs::read(path).unwrap()).contains(mark);
        let found: Vec<_> = sandbox.files().into_iter().filter(contains).collect();
        assert_eq!(found, [place]);
    }
}
