//! What `secret claude|codex push` asks at a terminal.

use expectrl::Expect;

use crate::sandbox::{CANARY, ClosedPort, Sandbox};
use crate::support::faults::Fault;
use crate::terminal::{shell, text, wait_until_hidden};

const LOGIN: &str = r#"{"claudeAiOauth":{"accessToken":"c4n4ry","refreshToken":"c4n4ry","expiresAt":32503680000000,"scopes":["user:inference"]}}"#;
const OLD: &str = r#"{"old":1}"#;
const WITH_MCP: &str = r#"{"claudeAiOauth":{"accessToken":"c4n4ry","scopes":["user:inference"]},"mcpOAuth":{"github|1":{"accessToken":"c4n4ry"}}}"#;

fn with_login(login: &str) -> Sandbox {
    let sandbox = Sandbox::new();
    sandbox.write(".claude/.credentials.json", login);
    sandbox
}

/// With a login, and a vault that has another one of its name.
fn with_old_credential() -> Sandbox {
    let sandbox = with_login(LOGIN);
    sandbox
        .vault
        .seed_credential("claude", "Claude OAuth", "oauth", "user", OLD);
    sandbox
}

/// The text up to the next question, with wrapped lines joined.
fn question(session: &mut expectrl::session::OsSession) -> String {
    let asked = text(session, "[y/N]");
    asked.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// R34, R150: one candidate is one question, which says that the login is shared; before it, whose vault it
/// is, what ends the login, and the way that does not share it.
#[test]
fn one_candidate_is_one_question() {
    for (answer, code) in [("y", 0), ("n", 1), ("", 1)] {
        let sandbox = with_login(LOGIN);
        let mut session = shell(&sandbox, "amika secret claude push; echo code $?");
        let asked = question(&mut session);
        let end = "Push the Claude login in ~/.claude/.credentials.json (renewable, shared with this laptop)? [y/N]";
        assert!(asked.ends_with(end), "{asked}");
        for part in [
            "user scope of the API key from AMIKA_API_KEY",
            "\"Claude OAuth\"",
            "whichever renews it first, or logs out, ends it for the other",
            "`amika secret claude push --setup-token`",
            "`amika secret claude push --new-login`",
        ] {
            assert!(asked.contains(part), "no {part} in {asked}");
        }
        assert_eq!(sandbox.vault.count("POST"), 0);
        session.send_line(answer).unwrap();
        let rest = text(&mut session, &format!("code {code}"));
        assert!(!rest.contains("[y/N]"), "{rest}");
        let names = sandbox
            .vault
            .stored("claude")
            .into_iter()
            .map(|stored| stored.name);
        let expected: &[&str] = if code == 0 { &["Claude OAuth"] } else { &[] };
        assert_eq!(names.collect::<Vec<_>>(), expected);
    }
}

/// R166: an existing credential is asked about at a terminal. `--yes` does not answer that, `--force` does;
/// without a terminal, or with JSON output, `--force` is named.
#[test]
fn an_existing_credential_is_replaced_only_when_asked() {
    let sandbox = with_old_credential();
    let value = || sandbox.vault.stored("claude").remove(0).value;
    for (line, answer, code, stored) in [
        ("--type oauth", "n", 1, OLD),
        ("--type oauth --yes", "", 1, OLD),
        ("--type oauth", "y", 0, LOGIN),
    ] {
        let mut session = shell(
            &sandbox,
            &format!("amika secret claude push {line}; echo code $?"),
        );
        let asked = question(&mut session);
        assert!(asked.ends_with("Replace \"Claude OAuth\"? [y/N]"), "{asked}");
        assert!(asked.contains("user scope of the API key"), "{asked}");
        session.send_line(answer).unwrap();
        text(&mut session, &format!("code {code}"));
        assert_eq!(value(), stored);
    }
    let line = "amika secret claude push --type oauth --force; echo code $?";
    let asked = text(&mut shell(&sandbox, line), "code 0");
    assert!(!asked.contains("[y/N]"), "{asked}");
    for line in ["--yes", "-o json", "--yes -o json"] {
        sandbox
            .run(&format!("secret claude push --type oauth {line}"))
            .exits(1)
            .stderr_contains("--force");
    }
    let line = "amika secret claude push --type oauth -o json; echo code $?";
    let refused = text(&mut shell(&sandbox, line), "code 1");
    assert!(refused.contains("--force"), "{refused}");
}

/// R166: when it is replaced after a question, the old value is fetched first and put back.
#[test]
fn a_replacement_that_was_asked_for_is_as_safe_as_a_forced_one() {
    let sandbox = with_old_credential();
    sandbox
        .vault
        .fault(Fault::on("POST", "/secrets/claude").fails(403, "no"));
    let mut session = shell(&sandbox, "amika secret claude push --type oauth; echo code $?");
    question(&mut session);
    assert_eq!(
        sandbox.vault.count("POST"),
        0,
        "nothing is revealed before the answer"
    );
    session.send_line("y").unwrap();
    text(&mut session, "code 5");
    assert_eq!(sandbox.vault.stored("claude")[0].value, OLD);
}

/// R111, R150: where the old value cannot be fetched, it is asked whether to delete it without a backup, and
/// from whose vault.
#[test]
fn a_replacement_without_a_backup_is_asked_about() {
    let sandbox = with_old_credential();
    sandbox
        .vault
        .fault(Fault::on("POST", "/reveal").fails(403, "no").always());
    let mut session = shell(
        &sandbox,
        "amika secret claude push --type oauth --force; echo code $?",
    );
    let asked = question(&mut session);
    let end = "Delete Claude OAuth from user scope of the API key from AMIKA_API_KEY";
    assert!(asked.contains(end), "{asked}");
    session.send_line("n").unwrap();
    text(&mut session, "code 1");
    assert_eq!(sandbox.vault.count("DELETE"), 0);
}

/// R167: a login that goes to org scope, or carries other tokens, is asked about at a terminal.
#[test]
fn a_login_for_others_is_asked_about() {
    for (login, line, fact) in [
        (
            LOGIN,
            "--type oauth --scope org",
            "shared with this laptop) for everyone in the organisation?",
        ),
        (
            LOGIN,
            "--from-file .claude/.credentials.json --scope org",
            "everyone",
        ),
        (WITH_MCP, "--type oauth", "pushed too: mcpOAuth (github)"),
        (
            WITH_MCP,
            "--from-file .claude/.credentials.json",
            "pushed too: mcpOAuth (github)",
        ),
    ] {
        let sandbox = with_login(login);
        let push = format!("amika secret claude push {line}");
        let mut session = shell(&sandbox, &format!("{push}; echo code $?"));
        let asked = question(&mut session);
        assert!(asked.contains(fact), "{asked}");
        session.send_line("n").unwrap();
        text(&mut session, "code 1");
        assert_eq!(sandbox.vault.count("POST"), 0);
        let asked = text(
            &mut shell(&sandbox, &format!("{push} --yes; echo code $?")),
            "code 0",
        );
        assert!(!asked.contains("[y/N]"), "{asked}");
    }
    // A key is meant to be shared, and without a terminal the arguments say what is meant.
    let sandbox = with_login(WITH_MCP);
    let key = "amika secret claude push --value key --scope org; echo code $?";
    let asked = text(&mut shell(&sandbox, key), "code 0");
    assert!(!asked.contains("[y/N]"), "{asked}");
    sandbox.run("secret claude push --type oauth").exits(0);
}

/// R151: the login and the connection are checked before a value or a choice is asked for.
#[test]
fn nothing_is_asked_before_the_login_and_the_connection_are_checked() {
    let closed = ClosedPort::new();
    let offline = format!("AMIKA_API_URL=http://{}", closed.address());
    for (before, code) in [
        ("AMIKA_API_KEY=wrong", 3),
        ("AMIKA_API_KEY=", 3),
        (offline.as_str(), 6),
    ] {
        for line in ["--setup-token", "--value -", ""] {
            let sandbox = with_login(LOGIN);
            let line = format!("{before} ANTHROPIC_API_KEY=k amika secret claude push {line}; echo code $?");
            let said = text(&mut shell(&sandbox, &line), &format!("code {code}"));
            for prompt in ["arrow keys", "Token that", "Claude credential: "] {
                assert!(!said.contains(prompt), "{said}");
            }
        }
    }
}

/// An answer such as `y` at the prompt for a name is not taken as the name.
#[test]
fn an_answer_is_not_taken_as_a_name() {
    let sandbox = with_login(LOGIN);
    let line = "ANTHROPIC_API_KEY=k amika secret claude push; echo code $?";
    let mut session = shell(&sandbox, line);
    text(&mut session, "~/.claude/.credentials.json");
    session.send("\r").unwrap();
    for answer in ["y", "No", "2"] {
        text(&mut session, "Name [Claude API Key]");
        session.send_line(answer).unwrap();
        text(&mut session, "not a name");
    }
    text(&mut session, "Name [Claude API Key]");
    session.send_line("").unwrap();
    let asked = question(&mut session);
    assert!(asked.contains("as \"Claude API Key\""), "{asked}");
    session.send_line("y").unwrap();
    text(&mut session, "code 0");
    assert_eq!(sandbox.vault.stored("claude")[0].name, "Claude API Key");
}

/// R164: at a terminal, a setup token is asked for without echo; the variable answers instead.
#[test]
fn a_setup_token_is_typed_without_echo() {
    let sandbox = Sandbox::new();
    let line = "stty echo; amika secret claude push --setup-token; echo code $?";
    let mut session = shell(&sandbox, line);
    text(&mut session, "Token that `claude setup-token` printed: ");
    wait_until_hidden(&session);
    session.send_line(format!("sk-ant-oat01-{CANARY}")).unwrap();
    let said = text(&mut session, "code 0");
    assert!(!said.contains(CANARY), "{said}");
    let variable = format!("CLAUDE_CODE_OAUTH_TOKEN=sk-ant-oat01-{CANARY}2");
    let line = format!("{variable} amika secret claude push --setup-token --name b; echo code $?");
    let said = text(&mut shell(&sandbox, &line), "code 0");
    assert!(!said.contains("Token that"), "{said}");
    assert_eq!(sandbox.vault.stored("claude").len(), 2);
}

/// R164: with the variable set, a pipe without content is not waited for.
#[test]
fn an_idle_pipe_does_not_delay_a_setup_token_in_its_variable() {
    let sandbox = Sandbox::new();
    let mut command = sandbox.command(["secret", "claude", "push", "--setup-token"]);
    command.env("CLAUDE_CODE_OAUTH_TOKEN", format!("sk-ant-oat01-{CANARY}"));
    let mut child = crate::sandbox::start(command.stdin(std::process::Stdio::piped()));
    let held = child.stdin.take();
    crate::sandbox::ran(child.wait_with_output().unwrap()).exits(0);
    drop(held);
    assert_eq!(sandbox.vault.stored("claude").len(), 1);
}
