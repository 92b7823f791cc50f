//! Prompts at a terminal: hidden values, choices and confirmations.

use std::io::Write;

use expectrl::Expect;

use crate::sandbox::{CANARY, Sandbox, ran};
use crate::screen::Screen;
use crate::terminal::{LOGIN, shell, text, wait_until_hidden};

/// Starts a push that prompts for the value of KEY.
fn hidden_prompt(sandbox: &Sandbox) -> expectrl::session::OsSession {
    let mut session = shell(sandbox, "stty echo; amika secret push KEY --yes; echo code $?");
    text(&mut session, "Value of KEY: ");
    session
}

/// R133: a paste with and without bracketed paste, with the line breaks that terminals send.
#[test]
fn a_pasted_multi_line_value_is_stored_whole() {
    for (pasted, stored) in [
        (
            "\x1b[200~c4n4ry 1\rline 2\r\rline 4\x1b[201~\r",
            "c4n4ry 1\nline 2\n\nline 4",
        ),
        (
            "\x1b[200~c4n4ry 1\nline 2\nline 3\nline 4\n\x1b[201~\r",
            "c4n4ry 1\nline 2\nline 3\nline 4",
        ),
        (
            "c4n4ry 1\rline 2\rline 3\rline 4\r",
            "c4n4ry 1\nline 2\nline 3\nline 4",
        ),
        (
            "c4n4ry 1\nline 2\nline 3\nline 4\n",
            "c4n4ry 1\nline 2\nline 3\nline 4",
        ),
        (
            "c4n4ry 1\r\nline 2\r\nline 3\r\nline 4\r\n",
            "c4n4ry 1\nline 2\nline 3\nline 4",
        ),
    ] {
        let sandbox = Sandbox::new();
        let mut session = hidden_prompt(&sandbox);
        session.send(pasted).unwrap();
        let said = text(&mut session, "code 0");
        assert!(said.contains("read 4 lines"), "{pasted:?}: {said}");
        assert!(!said.contains(CANARY), "{said}");
        assert_eq!(
            sandbox.vault.value("KEY", "user").as_deref(),
            Some(stored),
            "{pasted:?}"
        );
    }
}

/// `--from-env` goes before a prompt, so nothing is asked for.
#[test]
fn a_variable_goes_before_a_prompt() {
    let sandbox = Sandbox::new();
    let line = format!("stty echo; KEY={CANARY} amika secret push KEY --from-env KEY --yes; echo code $?");
    let mut session = shell(&sandbox, &line);
    let said = text(&mut session, "code 0");
    assert!(!said.contains("Value of KEY"), "{said}");
    assert_eq!(sandbox.vault.value("KEY", "user").as_deref(), Some(CANARY));
}

/// R146: a pasted block gets the line break that OpenSSH needs at its end, and that is said. One that has it
/// gets no second one, and a single line is not a block.
#[test]
fn a_pasted_block_ends_with_a_line_break() {
    let block = "-----BEGIN X-----\nc4n4ry\n-----END X-----\n";
    for (pasted, stored, is_added) in [
        ("-----BEGIN X-----\rc4n4ry\r-----END X-----", block, true),
        ("-----BEGIN X-----\rc4n4ry\r-----END X-----\r\r", block, false),
        ("-----BEGIN c4n4ry", "-----BEGIN c4n4ry", false),
    ] {
        let sandbox = Sandbox::new();
        let mut session = hidden_prompt(&sandbox);
        session.send(format!("\x1b[200~{pasted}\x1b[201~\r")).unwrap();
        let said = text(&mut session, "code 0");
        assert_eq!(said.contains("added the line break"), is_added, "{said}");
        assert_eq!(sandbox.vault.value("KEY", "user").as_deref(), Some(stored));
    }
}

/// R130, R133: in a paste, Ctrl-D does not end the value and Ctrl-Z does not stop the command; both are
/// refused as characters.
#[test]
fn a_paste_is_not_ended_or_stopped_by_its_characters() {
    for key in ["\x04", "\x1a"] {
        let sandbox = Sandbox::new();
        let mut session = hidden_prompt(&sandbox);
        for part in [&format!("\x1b[200~{CANARY}{key}"), "rest\x1b[201~\r"] {
            session.send(part).unwrap();
            session.flush().unwrap();
        }
        let said = text(&mut session, "code 4");
        assert!(said.contains("control character"), "{said}");
    }
}

/// R148: what is referenced and in no source is asked for, and Enter skips it.
#[test]
fn referenced_secrets_are_asked_for_and_may_be_skipped() {
    let sandbox = Sandbox::new();
    sandbox.vault.seed("three", "before", "user");
    let config = "[env]\nA = { secret = \"one\" }\nB = { secret = \"two\" }\nC = { secret = \"three\" }\nD = { secret = \"four\" }\n";
    sandbox.write(".amika/config.toml", config);
    let line = "stty echo; amika secret push D=4 --referenced --yes; echo code $?";
    let mut session = shell(&sandbox, line);
    text(&mut session, "Value of one (Enter skips it): ");
    session.send("\r").unwrap();
    text(&mut session, "Value of two (Enter skips it): ");
    session.send("c4n4ry\r").unwrap();
    text(&mut session, "New value of three (Enter keeps it): ");
    session.send("\r").unwrap();
    text(&mut session, "code 0");
    let value = |name: &str| sandbox.vault.value(name, "user");
    assert_eq!(value("one"), None);
    assert_eq!(
        (value("two").as_deref(), value("three").as_deref()),
        (Some("c4n4ry"), Some("before"))
    );
    assert_eq!(value("four").as_deref(), Some("4"));
    // With --if-missing, only what the vault lacks is asked for.
    let mut session = shell(
        &sandbox,
        "stty echo; amika secret push --referenced --if-missing --yes; echo code $?",
    );
    let said = text(&mut session, "Value of one (Enter skips it): ");
    session.send("\r").unwrap();
    let said = said + &text(&mut session, "code 0");
    assert!(!said.contains("three") && !said.contains("two ("), "{said}");
}

/// R148: a variable that is asked for is stored under the name of its secret, which is asked for once.
#[test]
fn a_referenced_variable_is_asked_for_under_the_name_of_its_secret() {
    let sandbox = Sandbox::new();
    sandbox.write(".amika/config.toml", "[env]\nA = { secret = \"one\" }\n");
    let line = "stty echo; amika secret push A B A --only A,B --referenced --yes; echo code $?";
    let mut session = shell(&sandbox, line);
    let said = text(&mut session, "Value of one: ");
    assert!(said.contains("pushing A as one"), "{said}");
    assert!(
        said.contains("skipped (not referenced in .amika/config.toml): B"),
        "{said}"
    );
    session.send("c4n4ry\r").unwrap();
    text(&mut session, "code 0");
    assert_eq!(sandbox.vault.value("one", "user").as_deref(), Some("c4n4ry"));
    assert_eq!(sandbox.vault.stored("generic").len(), 1);
    // Without --referenced, it is said before the question.
    let mut session = shell(&sandbox, "stty echo; amika secret push A --yes; echo code $?");
    let said = text(&mut session, "Value of A: ");
    assert!(
        said.contains("A gets its value from the secret \"one\""),
        "{said}"
    );
}

/// R133: values larger than the terminal's buffer, up to the maximum size.
#[test]
fn a_long_paste_is_stored_whole() {
    for (length, code) in [(64 * 1024, 0), (1024 * 1024, 0), (1024 * 1024 + 1, 4)] {
        let sandbox = Sandbox::new();
        let value = format!("{CANARY}{}", "x".repeat(length - CANARY.len()));
        let mut session = hidden_prompt(&sandbox);
        session.send(format!("\x1b[200~{value}\x1b[201~\r")).unwrap();
        let said = text(&mut session, &format!("code {code}"));
        assert!(!said.contains(CANARY), "{length}");
        assert_eq!(
            said.contains("(the prompt) is larger than 1 MiB"),
            code == 4,
            "{said}"
        );
        assert_eq!(
            sandbox.vault.value("KEY", "user"),
            (code == 0).then_some(value),
            "{length}"
        );
    }
}

/// R133: a paste, and a multi-byte character in it, may arrive in parts.
#[test]
fn a_paste_in_several_parts_is_stored_whole() {
    let sandbox = Sandbox::new();
    let mut session = hidden_prompt(&sandbox);
    for part in [
        &b"\x1b[20"[..],
        b"0~c4n4ry gr\xc3",
        b"\xbcn\rline",
        b" 2\x1b[2",
        b"01~",
        b"\r",
    ] {
        session.send(part).unwrap();
        session.flush().unwrap();
    }
    let said = text(&mut session, "code 0");
    assert!(said.contains("read 2 lines"), "{said}");
    let stored = sandbox.vault.value("KEY", "user");
    assert_eq!(stored.as_deref(), Some("c4n4ry grün\nline 2"));
}

/// R92: a shell that resumes the program enables the echo; the prompt disables it again.
#[test]
fn a_value_stays_hidden_after_ctrl_z() {
    let sandbox = Sandbox::new();
    let line = "set -m; stty echo; amika secret push KEY --yes; stty echo; fg; echo code $?";
    let mut session = shell(&sandbox, line);
    text(&mut session, "Value of KEY: ");
    wait_until_hidden(&session);
    session.send("\x1a").unwrap();
    text(&mut session, "Value of KEY: ");
    wait_until_hidden(&session);
    session.send_line(CANARY).unwrap();
    let said = text(&mut session, "code 0");
    assert!(!said.contains(CANARY), "{said}");
    assert_eq!(sandbox.vault.value("KEY", "user").as_deref(), Some(CANARY));
}

/// The prompts, and what each shows when it waits.
const PROMPTS: [(&str, &str, &str); 4] = [
    ("amika secret push KEY", "", "Value of KEY: "),
    ("amika secret push KEY=1", "", "[y/N] "),
    ("ANTHROPIC_API_KEY=k amika secret claude push", "", "  login "),
    (
        "ANTHROPIC_API_KEY=k amika secret claude push",
        "\r",
        "Name [Claude API Key]",
    ),
];

/// R161, R87: a signal at a prompt sends nothing and leaves the terminal as it was found.
#[cfg(target_os = "linux")]
#[test]
fn a_signal_at_a_prompt_leaves_the_terminal_as_it_was() {
    for (line, answer, prompt) in PROMPTS {
        for (signal, code) in [("INT", 130), ("QUIT", 130), ("TERM", 143), ("HUP", 143)] {
            let sandbox = Sandbox::new();
            sandbox.write(".claude/.credentials.json", LOGIN);
            let line = format!(
                "stty echo; stty -g > before; sh -c 'echo \"pid $$.\"; export TERM=xterm; {}'; echo code $?; \
                 stty -g > after; echo all-said",
                line.replace("amika", "exec amika")
            );
            let mut session = shell(&sandbox, &line);
            let pid = text(&mut session, ".");
            let pid = pid.trim().trim_matches(|c: char| !c.is_ascii_digit()).to_owned();
            if !answer.is_empty() {
                text(&mut session, "  login ");
                session.send(answer).unwrap();
            }
            text(&mut session, prompt);
            let sent = std::process::Command::new("kill")
                .args(["-s", signal, &pid])
                .status();
            assert!(sent.unwrap().success());
            let said = text(&mut session, &format!("code {code}")) + &text(&mut session, "all-said");
            let read = |name: &str| std::fs::read_to_string(sandbox.home().join(name)).unwrap();
            assert_eq!(read("before"), read("after"), "{signal} at {prompt}");
            if let Some(hidden) = said.rfind("\x1b[?25l") {
                assert!(
                    said.rfind("\x1b[?25h") > Some(hidden),
                    "{signal} at {prompt}: {said:?}"
                );
            }
            assert_eq!(sandbox.vault.count("POST"), 0);
        }
    }
}

/// R161: Ctrl-\ at a prompt ends the program with the terminal as it was; Ctrl-Z at a question or a
/// hidden value stops it the same way.
#[test]
fn ctrl_backslash_and_ctrl_z_leave_the_terminal_as_it_was() {
    for (line, _, prompt) in &PROMPTS[..2] {
        for (key, ends) in [("\x1c", "code 130"), ("\x1a", "code 1")] {
            let sandbox = Sandbox::new();
            let line = format!(
                "set -m; trap : QUIT; stty echo; stty -g > before; {line}; echo code $?; stty -g > after; \
                 echo all-said; kill -9 %1"
            );
            let mut session = shell(&sandbox, &line);
            text(&mut session, prompt);
            session.send(key).unwrap();
            text(&mut session, ends);
            text(&mut session, "all-said");
            let read = |name: &str| std::fs::read_to_string(sandbox.home().join(name)).unwrap();
            assert_eq!(read("before"), read("after"), "{key:?} at {prompt}");
        }
    }
}

#[test]
fn an_empty_answer_is_reported() {
    for keys in ["\r", "\x04", "  \r"] {
        let sandbox = Sandbox::new();
        let mut session = hidden_prompt(&sandbox);
        session.send(keys).unwrap();
        let said = text(&mut session, "code 4");
        assert!(
            said.contains("no value entered") && !said.contains("argument"),
            "{said}"
        );
        assert_eq!(sandbox.vault.writes(), 0);
    }
}

/// R130: Backspace removes a character, in either encoding of terminals; control characters are
/// refused.
#[test]
fn typing_is_corrected_and_control_characters_are_refused() {
    for (keys, stored) in [
        ("abcx\x7f\r", "abc"),
        ("abcx\x08\r", "abc"),
        ("wrong\x15grün€x\x7f\r", "grün€"),
        ("one two\x17\r", "one "),
    ] {
        let sandbox = Sandbox::new();
        let mut session = hidden_prompt(&sandbox);
        session.send(keys).unwrap();
        text(&mut session, "code 0");
        assert_eq!(sandbox.vault.value("KEY", "user").as_deref(), Some(stored));
    }
    for keys in [
        "ab\x01c\r",
        "ab\x1b[Dc\r",
        "ab\x16c\r",
        "\x1b[200~a\x1b[31mb\x1b[201~\r",
    ] {
        let sandbox = Sandbox::new();
        let mut session = hidden_prompt(&sandbox);
        session.send(keys).unwrap();
        let said = text(&mut session, "code 4");
        assert!(
            said.contains("control character") && said.contains("amika secret push --value-file KEY=FILE"),
            "{said}"
        );
        assert_eq!(sandbox.vault.writes(), 0);
    }
    let sandbox = Sandbox::new();
    let mut session = hidden_prompt(&sandbox);
    session.send(b"gr\xfcn\r").unwrap();
    assert!(text(&mut session, "code 4").contains("the value is not valid UTF-8"));
}

#[test]
fn a_confirmation_is_asked_until_the_answer_is_yes_or_no() {
    for (answers, code, stored) in [
        (&["maybe", "y"][..], 0, true),
        (&["yse", "n"], 1, false),
        (&[""], 1, false),
        (&["YES"], 0, true),
    ] {
        let sandbox = Sandbox::new();
        let mut session = shell(&sandbox, "stty echo; amika secret push KEY=1; echo code $?");
        text(&mut session, "Create 1 in user scope of ");
        text(&mut session, "? [y/N] ");
        for (index, answer) in answers.iter().enumerate() {
            if index > 0 {
                text(&mut session, "Please answer y or n: ");
            }
            session.send_line(answer).unwrap();
        }
        let said = text(&mut session, &format!("code {code}"));
        assert_eq!(said.contains("cancelled; nothing was changed"), !stored, "{said}");
        // A long prompt is printed only once.
        assert!(!said.contains("Create 1 in"), "{said}");
        assert_eq!(sandbox.vault.value("KEY", "user").is_some(), stored);
    }
}

#[test]
fn the_question_says_what_will_be_overwritten() {
    let sandbox = Sandbox::new();
    sandbox.run("secret push A=1 B=1 --yes").exits(0);
    let mut session = shell(&sandbox, "amika secret push A=2 B=2 C=2; echo code $?");
    text(&mut session, "Create 1, update 2 in user scope of ");
    session.send("\x04").unwrap();
    text(&mut session, "code 1");
    assert_eq!(sandbox.vault.value("A", "user").as_deref(), Some("1"));
}

#[test]
fn an_entry_is_chosen_or_the_choice_is_cancelled() {
    let start = || {
        let sandbox = Sandbox::new();
        sandbox.write(".claude/.credentials.json", LOGIN);
        let line = format!("ANTHROPIC_API_KEY={CANARY} amika secret claude push; echo code $?");
        let mut session = shell(&sandbox, &line);
        text(&mut session, "arrow keys");
        text(&mut session, "~/.claude/.credentials.json");
        (sandbox, session)
    };
    for keys in ["\x1b[B\r", "j\r", "\t "] {
        let (sandbox, mut session) = start();
        session.send(keys).unwrap();
        text(&mut session, "Name [Claude OAuth]");
        session.send_line("").unwrap();
        text(&mut session, "[y/N]");
        session.send_line("y").unwrap();
        text(&mut session, "code 0");
        assert_eq!(sandbox.vault.stored("claude")[0].value, LOGIN);
    }
    for keys in ["q", "\x1b"] {
        let (sandbox, mut session) = start();
        session.send(keys).unwrap();
        let said = text(&mut session, "code 1");
        assert!(said.contains("cancelled"), "{said}");
        assert_eq!(sandbox.vault.count("POST"), 0);
    }
}

/// What is pasted at one prompt is no answer to the next one.
#[test]
fn what_is_typed_ahead_answers_no_question() {
    let sandbox = Sandbox::new();
    sandbox.write(".claude/.credentials.json", LOGIN);
    let mut session = shell(
        &sandbox,
        "ANTHROPIC_API_KEY=k amika secret claude push; echo code $?",
    );
    text(&mut session, "~/.claude/.credentials.json");
    session.send("\x1b[B\rMine\ny\n").unwrap();
    text(&mut session, "Name [Claude OAuth]");
    session.send("Login\ny\ny\n").unwrap();
    text(&mut session, "as \"Login\"");
    text(&mut session, "[y/N]");
    session.send_line("n").unwrap();
    text(&mut session, "code 1");
    assert_eq!(sandbox.vault.count("POST"), 0);
    let mut session = shell(&sandbox, "amika secret push KEY=1; echo code $?");
    text(&mut session, "[y/N] ");
    session.send("what\ny\n").unwrap();
    text(&mut session, "answer y or n: ");
    session.send_line("n").unwrap();
    text(&mut session, "code 1");
}

/// R91: a single candidate is confirmed with y; the question repeats after an answer other than yes or
/// no.
#[test]
fn piped_answers_choose_and_confirm() {
    let sandbox = Sandbox::new();
    sandbox.write(".claude/.credentials.json", LOGIN);
    sandbox.run_with("secret claude push", "y\n").exits(0);
    assert_eq!(sandbox.vault.stored("claude").len(), 1);
    sandbox
        .run_with("secret claude push --name other", "what\ny\n")
        .exits(0)
        .stderr_contains("Push the Claude login in ~/.claude/.credentials.json? [y/N]")
        .stderr_contains("user scope of the API key from AMIKA_API_KEY");
    sandbox
        .run_with("secret claude push --name third", "n\n")
        .exits(1)
        .stderr_contains("cancelled");
    sandbox
        .run_with("secret claude push --name fourth", "")
        .exits(2)
        .stderr_contains("no answer");
    sandbox.run_with("secret push A=1", "what\ny\n").exits(0);
    sandbox
        .run_with("secret push B=1", "what\n")
        .exits(2)
        .stderr_contains("--yes");
    sandbox
        .run_with("secret push B=1", "no\n")
        .exits(1)
        .stderr_contains("cancelled; nothing was changed");
    assert_eq!(sandbox.vault.value("B", "user"), None);
    // R115: an endless pipe is not read forever.
    let endless = "what\n".repeat(10_000);
    for line in ["secret claude push --name fifth", "secret push B=1"] {
        sandbox
            .run_with(line, &endless)
            .exits(2)
            .stderr_contains("no valid answer on standard input");
    }
}

/// If no answer is possible, the credentials are listed once, without a prompt.
#[test]
fn a_choice_without_an_answer_lists_the_credentials_once() {
    let sandbox = Sandbox::new();
    sandbox.write(".codex/auth.json", r#"{"OPENAI_API_KEY":"c4n4ry"}"#);
    let choose = |options: &str, variables: &[(&str, &str)]| {
        let mut command = sandbox.command(["secret", "codex", "push"]);
        command.args(options.split_whitespace());
        command.envs(variables.iter().copied());
        ran(command.output().unwrap()).exits(2).stderr
    };
    let key = ("CODEX_API_KEY", CANARY);
    let notice = "notice: Codex may use something else: $CODEX_API_KEY\n";
    for (options, variables, why) in [
        ("--yes", vec![key], "no answer on standard input"),
        ("", vec![key], "no answer on standard input"),
        (
            "--yes",
            vec![key, ("CI", "true")],
            "cannot ask for a choice in CI (the variable CI is set)",
        ),
    ] {
        assert_eq!(
            choose(options, &variables),
            format!(
                "{notice}error: {why}; found 2 Codex credentials: API key $CODEX_API_KEY; API key ~/.codex/auth.json\n  \
                 hint: choose the first with --type api_key, or pass another with --value - < FILE\n"
            )
        );
    }
    assert!(choose("-o json", &[key]).contains("cannot ask for a choice with --output json; found 2"));
    for (variables, why) in [
        (vec![], "no answer on standard input"),
        (vec![("CI", "false")], "no answer on standard input"),
        (vec![("CI", "0")], "no answer on standard input"),
        (vec![("CI", "")], "no answer on standard input"),
        (
            vec![("CI", "1")],
            "cannot ask for confirmation in CI (the variable CI is set)",
        ),
    ] {
        let said = choose("", &variables);
        let end = format!("error: {why}\n  hint: add --yes to confirm on the command line\n");
        assert!(said.ends_with(&end), "{said}");
    }
    assert_eq!(sandbox.vault.count("POST"), 0);
    // The commands that the hints suggest.
    for options in ["--yes", "--type api_key --name second"] {
        sandbox.run(&format!("secret codex push {options}")).exits(0);
    }
}

/// R7, R20: also at a terminal, every problem is reported together, before any prompt.
#[test]
fn all_problems_are_reported_together_at_a_terminal() {
    for columns in [50, 80, 200] {
        let sandbox = Sandbox::new();
        sandbox.write("a.env", "A=1\nB\nC='x\nD=2\nE=y#x\n");
        let line = "amika secret push --from-file a.env --from-env NOT_SET,NEITHER KEY a/b=1";
        let seen = Screen::run(&sandbox, columns, line).ends(4);
        // The text is wrapped.
        let seen = seen.split_whitespace().collect::<Vec<_>>().join(" ");
        for said in [
            "a.env:2: invalid line: expected KEY=VALUE",
            "a.env:3: invalid line: the quote ' of C is never closed",
            "a.env:5: invalid line: the value of E has a '#'",
            "environment variable \"NOT_SET\" is not set",
            "environment variable \"NEITHER\" is not set",
            "the name in argument 2 is not a valid secret name",
        ] {
            assert_eq!(seen.matches(said).count(), 1, "{columns}: {said}: {seen}");
        }
        assert!(!seen.contains("Value of") && !seen.contains("[y/N]"), "{seen}");
        assert_eq!(sandbox.vault.writes(), 0);
    }
}

/// R133: a pasted key, a choice and a question on terminals with several widths.
#[test]
fn prompts_work_at_every_width() {
    let directory = "a/rather/long/path/to/the/directory/of/claude/code";
    for columns in [50, 80, 200] {
        let sandbox = Sandbox::new();
        let mut screen = Screen::run(&sandbox, columns, "amika secret push TLS_KEY");
        screen.wait_for("Value of TLS_KEY: ");
        screen.answer("\x1b[200~c4n4ry 1\rc4n4ry 2\rc4n4ry 3\r\x1b[201~\r");
        screen
            .wait_for("[y/N] ")
            .answer("wat\r")
            .wait_for("y or n: ")
            .answer("y\r");
        let seen = screen.ends(0);
        assert!(seen.starts_with("Value of TLS_KEY: (read 3 lines)\n"), "{seen}");
        let asked = seen.matches("Create 1 in user scope of ").count();
        assert_eq!(asked, 1, "{seen}");
        assert!(!seen.contains(CANARY), "{seen}");
        let stored = sandbox.vault.value("TLS_KEY", "user");
        assert_eq!(stored.as_deref(), Some("c4n4ry 1\nc4n4ry 2\nc4n4ry 3"));

        sandbox.write(&format!("{directory}/.credentials.json"), LOGIN);
        let line = format!(
            "export CLAUDE_CONFIG_DIR=$PWD/{directory} ANTHROPIC_API_KEY=k; amika secret claude push"
        );
        let mut screen = Screen::run(&sandbox, columns, &line);
        screen
            .wait_for("> ")
            .answer("\x1b[B")
            .wait_for("> ")
            .answer("k")
            .wait_for("> ")
            .answer("q");
        let seen = screen.ends(1);
        // The list is removed whatever the width, but the text above it is kept.
        assert!(seen.contains("cancels)\nerror: cancelled"), "{columns}: {seen}");
        assert_eq!(seen.matches("Claude credential to push").count(), 1, "{seen}");
        assert!(!seen.contains(".credentials.json"), "{columns}: {seen}");
    }
}
