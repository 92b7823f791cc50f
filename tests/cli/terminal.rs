//! Commands at a terminal: R87, R92.

use expectrl::session::OsSession;
use expectrl::{Expect, Session};
use std::time::{Duration, Instant};

use crate::sandbox::{CANARY, Sandbox};
use crate::support::faults::{Behaviour, Fault};
use crate::support::idp::TOKEN_MARK;

/// Maximum time to wait for an expected event.
const TIMEOUT: Duration = Duration::from_secs(30);

/// Runs a shell line on a new terminal.
pub(crate) fn shell(sandbox: &Sandbox, line: &str) -> OsSession {
    let amika = sandbox.command([""; 0]).get_program().to_owned();
    let mut shell = sandbox.shell("sh", &line.replace("amika", amika.to_str().unwrap()));
    // Nothing of this machine is started, such as a browser.
    shell.env_remove("PATH");
    let mut session = Session::spawn(shell).unwrap();
    session.set_expect_timeout(Some(TIMEOUT));
    session
}

/// Waits until the echo is off, which happens just after a prompt is printed.
pub(crate) fn wait_until_hidden(session: &OsSession) {
    let deadline = Instant::now() + TIMEOUT;
    while session.get_process().get_echo().unwrap() {
        assert!(Instant::now() < deadline, "the echo is still on");
        std::thread::yield_now();
    }
}

pub(crate) fn text(session: &mut OsSession, until: &str) -> String {
    let found = session
        .expect(until)
        .unwrap_or_else(|error| panic!("no {until:?}: {error}"));
    String::from_utf8_lossy(&[found.before(), found.get(0).unwrap()].concat()).into_owned()
}

/// R92: a value is typed without echo.
#[test]
fn a_value_is_typed_without_echo_and_confirmed() {
    let sandbox = Sandbox::new();
    let mut session = shell(&sandbox, "stty echo; amika secret push KEY > out; echo code $?");
    text(&mut session, "Value of KEY");
    wait_until_hidden(&session);
    session
        .send_line(format!("{CANARY} value of some length"))
        .unwrap();
    let plan = text(&mut session, "[y/N]");
    assert!(!plan.contains(CANARY), "{plan}");
    assert!(plan.contains("****ngth"), "{plan}");
    session.send_line("y").unwrap();
    text(&mut session, "code 0");
    let printed = std::fs::read_to_string(sandbox.home().join("out")).unwrap();
    assert!(printed.contains("Created 1 in user scope"), "{printed}");
    assert_eq!(
        sandbox.vault.value("KEY", "user"),
        Some(format!("{CANARY} value of some length"))
    );
}

/// R87: Ctrl-C at a prompt, a question or a choice sends nothing and restores the echo.
#[test]
fn ctrl_c_at_a_prompt_sends_nothing_and_restores_the_echo() {
    for (line, prompt) in [
        ("amika secret push KEY", "Value of KEY"),
        ("amika secret push KEY=1", "[y/N]"),
        (
            "ANTHROPIC_API_KEY=k amika secret claude push",
            "~/.claude/.credentials.json",
        ),
    ] {
        let sandbox = Sandbox::new();
        sandbox.write(".claude/.credentials.json", LOGIN);
        let mut session = shell(
            &sandbox,
            &format!("stty echo; trap : INT; {line}; echo code $?; stty -a; echo all-said"),
        );
        text(&mut session, prompt);
        session.send("\x03").unwrap();
        text(&mut session, "code 130");
        let settings = text(&mut session, "all-said");
        assert!(settings.contains(" echo "), "{settings}");
        assert_eq!(sandbox.vault.count("POST"), 0);
    }
}

pub(crate) const LOGIN: &str = r#"{"claudeAiOauth":{"accessToken":"c4n4ry","scopes":["user:inference"]}}"#;

#[test]
fn a_credential_is_chosen_named_and_confirmed() {
    let sandbox = Sandbox::new();
    sandbox.write(".claude/.credentials.json", LOGIN);
    let mut session = shell(
        &sandbox,
        &format!("ANTHROPIC_API_KEY={CANARY} amika secret claude push; echo code $?"),
    );
    text(&mut session, "Claude credential to push (arrow keys and Enter");
    text(&mut session, "~/.claude/.credentials.json");
    session.send("\x1b[B\r").unwrap();
    text(&mut session, "Name [Claude OAuth]");
    session.send_line("My login").unwrap();
    let asked = text(&mut session, "[y/N]").replace("\r\n", " ");
    assert!(asked.contains("as \"My login\""), "{asked}");
    assert!(
        asked.contains("user scope of the API key from AMIKA_API_KEY"),
        "{asked}"
    );
    session.send_line("y").unwrap();
    text(&mut session, "code 0");
    let stored = sandbox.vault.stored("claude").remove(0);
    assert_eq!((stored.name.as_str(), stored.value.as_str()), ("My login", LOGIN));
}

#[test]
fn replacing_the_organisations_credential_is_confirmed() {
    let sandbox = Sandbox::new();
    sandbox
        .vault
        .seed_credential("codex", "Team", "api_key", "org", "old");
    // The name may be hostile.
    let hostile = "T\x1b[2Jx";
    let other = Sandbox::new();
    other
        .vault
        .seed_credential("codex", hostile, "api_key", "org", "old");
    let line = "amika secret codex push --value new --scope org --force; echo code $?";
    let mut session = shell(&other, line);
    let asked = text(&mut session, "[y/N]");
    assert!(
        asked.contains("T\\u{1b}[2Jx") && !asked.contains(hostile),
        "{asked:?}"
    );
    let mut session = shell(&sandbox, line);
    text(
        &mut session,
        "Replace the organisation's credential \"Team\"? [y/N]",
    );
    session.send_line("n").unwrap();
    text(&mut session, "code 1");
    assert_eq!(sandbox.vault.stored("codex")[0].value, "old");
}

/// At a terminal, which shows both the result and the error, the message is not repeated.
#[test]
fn status_says_not_logged_in_once() {
    let sandbox = Sandbox::new();
    let mut session = shell(&sandbox, "unset AMIKA_API_KEY; amika auth status; echo code $?");
    let said = text(&mut session, "code 3");
    assert_eq!(said.matches("ogged in").count(), 1, "{said}");
    assert!(said.contains("amika auth login"), "{said}");
}

#[test]
fn a_deletion_is_confirmed() {
    let sandbox = Sandbox::new();
    let id = sandbox
        .vault
        .seed_credential("claude", "mine", "api_key", "user", "x");
    let mut session = shell(
        &sandbox,
        &format!("amika secret claude delete {id}; echo code $?"),
    );
    text(&mut session, "Delete 1 credential");
    session.send_line("y").unwrap();
    text(&mut session, "Deleted credential");
    text(&mut session, "code 0");
}

/// R150: the question of a delete describes each stored credential and names the account; those that no
/// longer exist are no part of it.
#[test]
fn delete_asks_only_about_stored_credentials() {
    let sandbox = Sandbox::new();
    let id = sandbox
        .vault
        .seed_credential("claude", "My login", "oauth", "user", "x");
    let mut session = shell(&sandbox, "amika secret claude delete sec_gone; echo code $?");
    let said = text(&mut session, "code 0");
    assert!(
        said.contains("sec_gone: already deleted, or never stored") && !said.contains("[y/N]"),
        "{said}"
    );
    let mut session = shell(&sandbox, "amika secret claude delete 'My login'; echo code $?");
    let said = text(&mut session, "code 0").replace("\r\n", " ");
    assert!(
        said.contains(&format!("stored: {id}: My login, oauth, user scope")),
        "{said}"
    );
    let account = format!("the API key from AMIKA_API_KEY on {}", sandbox.vault.origin());
    let described = format!("({id}: My login, oauth, user scope)");
    for (line, place) in [
        (format!("delete {id} sec_gone"), format!("of {account}")),
        (
            "delete --name 'My login'".to_owned(),
            format!("in user scope of {account}"),
        ),
    ] {
        let mut session = shell(&sandbox, &format!("amika secret claude {line}; echo code $?"));
        let asked = text(&mut session, "[y/N]").replace("\r\n", " ");
        let question = format!("Delete 1 credential {described} {place}?");
        assert!(asked.contains(&question), "{asked}");
        session.send_line("n").unwrap();
        text(&mut session, "code 1");
    }
    assert_eq!(sandbox.vault.count("DELETE"), 0);
}

#[test]
fn an_export_is_not_printed_to_a_terminal() {
    let sandbox = Sandbox::new();
    sandbox.write(".codex/auth.json", r#"{"OPENAI_API_KEY":"c4n4ry"}"#);
    let mut session = shell(&sandbox, "amika secret extract --export; echo code $?");
    let refused = text(&mut session, "code 2");
    assert!(!refused.contains(CANARY), "{refused}");
}

/// R21: at a terminal, the credentials that could be read may be pushed after a confirmation.
#[test]
fn a_person_may_push_despite_an_unreadable_store() {
    let sandbox = Sandbox::new();
    sandbox.write(".codex/auth.json", r#"{"OPENAI_API_KEY":"good"}"#);
    sandbox.write(".claude/.credentials.json", "{");
    let mut session = shell(&sandbox, "amika secret extract --push; echo code $?");
    text(&mut session, "failed to parse credentials file");
    text(&mut session, "[y/N]");
    session.send_line("y").unwrap();
    text(&mut session, "Created 2");
    text(&mut session, "code 4");
}

/// R59, R102: the browser gets the URL and no secret.
#[test]
fn the_browser_gets_no_secret() {
    let sandbox = Sandbox::new();
    let browser = sandbox.write(
        "browser",
        "#!/bin/sh\n{ echo \"$@\"; env; } > seen.new; mv seen.new seen\n",
    );
    std::fs::set_permissions(&browser, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    let shown = "DISPLAY=:9 BROWSER=$PWD/browser DATABASE_URL=c4n4ry";
    let mut session = shell(&sandbox, &format!("{shown} amika auth login; echo code $?"));
    text(&mut session, "enter the code WDJB-MJHT");
    text(&mut session, "Your browser opens");
    text(&mut session, "Logged in as person@example.invalid");
    text(&mut session, "code 0");
    let deadline = Instant::now() + TIMEOUT;
    let seen = loop {
        match std::fs::read_to_string(sandbox.home().join("seen")) {
            Ok(seen) => break seen,
            Err(_) => assert!(Instant::now() < deadline, "no browser was started"),
        }
        std::thread::yield_now();
    };
    assert!(
        seen.starts_with("https://auth.example/device?user_code=WDJB-MJHT\n"),
        "{seen}"
    );
    assert!(seen.contains("DISPLAY=:9"));
    for secret in [CANARY, "AMIKA", TOKEN_MARK] {
        assert!(!seen.contains(secret), "{secret} in {seen}");
    }
}

#[test]
fn no_browser_is_opened_over_ssh_or_in_ci() {
    for situation in [
        "SSH_CONNECTION=x DISPLAY=:9",
        "",
        "DISPLAY=:9 OPTION=--no-browser",
    ] {
        let sandbox = Sandbox::new();
        let line = format!("export {situation} BROWSER=$PWD/missing; amika auth login $OPTION; echo code $?");
        let mut session = shell(&sandbox, &line);
        let shown = text(&mut session, "code 0");
        assert!(
            shown.contains("WDJB-MJHT") && !shown.contains("Your browser opens"),
            "{shown}"
        );
    }
    // Only https is opened.
    let sandbox = Sandbox::new();
    sandbox
        .vault
        .idp(|idp| idp.verification_uri = "file:///etc/passwd".to_owned());
    let mut session = shell(
        &sandbox,
        "DISPLAY=:9 BROWSER=$PWD/missing amika auth login; echo code $?",
    );
    assert!(!text(&mut session, "code 7").contains("Your browser opens"));
}

/// R87: Ctrl-C ends a login.
#[test]
fn ctrl_c_cancels_a_login() {
    let sandbox = Sandbox::new();
    sandbox.vault.idp(|idp| idp.pending = 1000);
    let mut session = shell(&sandbox, "trap : INT; amika auth login; echo code $?");
    text(&mut session, "WDJB-MJHT");
    session.send("\x03").unwrap();
    text(&mut session, "code 130");
}

#[test]
fn with_json_nothing_is_asked_even_at_a_terminal() {
    for line in [
        "amika secret push KEY --yes -o json",
        "amika secret push KEY=1 -o json",
        "amika secret push --from-file -",
    ] {
        let sandbox = Sandbox::new();
        let mut session = shell(&sandbox, &format!("{line}; echo code $?"));
        text(&mut session, "code 2");
        assert!(sandbox.vault.requests().is_empty());
    }
}

/// A bar is drawn at a terminal for more than five writes, unless the output is JSON or every request
/// is shown.
#[test]
fn a_long_push_draws_a_bar() {
    let six = "A=1 B=2 C=3 D=4 E=5 F=6";
    for (secrets, options, bar) in [
        (six, "", Some("0/6")),
        (&six[..19], "", None),
        (six, "-q", None),
        (six, "-v", None),
        (six, "-o json", None),
        (six, "2> err", None),
    ] {
        let sandbox = Sandbox::new();
        // Slow enough for the bar to be drawn several times.
        let slow = Fault::on("POST", "/secrets").delay(Duration::from_millis(600));
        sandbox.vault.fault(slow.always());
        let line = format!("TERM=xterm amika secret push {secrets} --yes {options}; echo code $?");
        let mut session = shell(&sandbox, &line);
        let mut shown = bar.map(|bar| text(&mut session, bar)).unwrap_or_default();
        shown += &text(&mut session, "code 0");
        assert_eq!(
            shown.contains("0/"),
            bar.is_some(),
            "{secrets} {options}: {shown}"
        );
    }
}

/// R136: the bar counts a write once, when its outcome is known, even if it was retried.
#[test]
fn a_retried_write_is_counted_once() {
    let sandbox = Sandbox::new();
    let lost = Fault::on("POST", "/secrets").does(Behaviour::ResetAfter);
    sandbox.vault.fault(lost.every(2));
    for delay in [600, 1200, 1800] {
        let slow = Fault::on("PUT", "").delay(Duration::from_millis(delay));
        sandbox.vault.fault(slow);
    }
    let push = "TERM=xterm amika secret push A=1 B=2 C=3 D=4 E=5 F=6 --yes; echo code $?";
    let mut session = shell(&sandbox, push);
    let shown = text(&mut session, "code 0");
    assert_eq!(sandbox.vault.count("PUT"), 3);
    let before = |part: &str| part.chars().next_back().and_then(|digit| digit.to_digit(10));
    let mut counts: Vec<_> = shown.split("/6 ").filter_map(before).collect();
    // The last part follows the last count.
    counts.pop();
    // Three were confirmed at once, and the others one after the other.
    assert!(
        counts.is_sorted() && counts.contains(&4) && counts.contains(&5),
        "{counts:?}"
    );
    assert!(counts.iter().all(|count| *count <= 6), "{counts:?}");
}
