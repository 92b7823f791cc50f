//! `push --new-login`, with a shell script in place of the tool.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::Command;

use expectrl::Expect;
use expectrl::session::OsSession;

use crate::replace::run_shell;
use crate::sandbox::Sandbox;
use crate::support::faults::{Behaviour, Fault};
use crate::terminal::{shell, text};

/// The tools: command, arguments of the login, variable and file of its directory, file of this machine.
const TOOLS: [[&str; 5]; 2] = [
    [
        "claude",
        "auth login",
        "CLAUDE_CONFIG_DIR",
        ".credentials.json",
        ".claude/.credentials.json",
    ],
    [
        "codex",
        "login --device-auth -c cli_auth_credentials_store=\"file\"",
        "CODEX_HOME",
        "auth.json",
        ".codex/auth.json",
    ],
];

/// A login that the tool stores.
fn login(provider: &str, mark: &str) -> String {
    if provider == "claude" {
        format!(
            r#"{{"claudeAiOauth":{{"accessToken":"sk-ant-oat01-c4n4ry-{mark}","refreshToken":"c4n4ry-{mark}","expiresAt":32503680000000,"scopes":["user:inference"]}}}}"#
        )
    } else {
        format!(
            "{{\n  \"tokens\": {{\"id_token\": \"e30.e30.c2ln\", \"access_token\": \"c4n4ry-{mark}\", \"refresh_token\": \"c4n4ry\"}}\n}}\n"
        )
    }
}

/// A machine with logins of its own, on which the tools run `script` to log in. `$DIR` is the directory of
/// the login, `$FILE` its file, `$NEW` a file with a new login.
fn machine(script: &str) -> Sandbox {
    let sandbox = Sandbox::new();
    for [tool, _, variable, file, own] in TOOLS {
        sandbox.write(own, login(tool, "own"));
        sandbox.write(&format!("new-{tool}"), login(tool, "new"));
        let script = format!(
            "#!/bin/sh\necho ran >> \"$HOME/ran\"\nDIR=${variable} FILE=$DIR/{file} NEW=$HOME/new-{tool}\n{script}\n"
        );
        let path = sandbox.write(&format!("bin/{tool}"), script);
        fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
    }
    sandbox
}

const STORES: &str = "cat \"$NEW\" > \"$FILE\"";

/// Runs a push at a terminal, with the tools in PATH.
fn push(sandbox: &Sandbox, arguments: &str) -> OsSession {
    shell(
        sandbox,
        &format!("PATH=$PWD/bin:/usr/bin:/bin amika secret {arguments}; echo code $?"),
    )
}

fn ran(sandbox: &Sandbox) -> bool {
    sandbox.home().join("ran").exists()
}

/// The directories of new logins.
fn kept(sandbox: &Sandbox) -> Vec<PathBuf> {
    let state = fs::read_dir(sandbox.home().join(".local/state/amika"));
    let entries = state.into_iter().flatten().map(|entry| entry.unwrap().path());
    entries.filter(|path| path.is_dir()).collect()
}

/// R165: the tool's own login runs in a private directory, without variables that move the login or sign in;
/// its exit code does not count. What it stored arrives whole; this machine's own login stays as it is.
#[test]
fn a_new_login_is_pushed_whole_and_this_machine_keeps_its_own() {
    for [tool, arguments, variable, _, own] in TOOLS {
        for (stores, exit) in [(STORES, 0), (STORES, 1)] {
            let script = format!(
                "env > \"$HOME/env\"; echo \"$*\" > \"$HOME/args\"; pwd > \"$HOME/cwd\"\n\
                 ls -ld \"$DIR\" > \"$HOME/mode\"; echo on its standard output\n{stores}\nexit {exit}"
            );
            let sandbox = machine(&script);
            let set = "ANTHROPIC_API_KEY=k CLAUDE_SECURESTORAGE_CONFIG_DIR=$PWD/elsewhere CLAUDE_CONFIG_DIR=$PWD/c \
                       CLAUDE_CODE_OAUTH_REFRESH_TOKEN=r CLAUDECODE=1 OPENAI_API_KEY=k CODEX_HOME=$PWD/d \
                       CODEX_ACCESS_TOKEN=t OTHER=kept";
            let line = format!(
                "{set} PATH=$PWD/bin:/usr/bin:/bin amika secret {tool} push --new-login > out; echo code $?"
            );
            let said = text(&mut shell(&sandbox, &line), "code 0");
            assert!(
                said.contains("on its standard output") && !said.contains("[y/N]"),
                "{said}"
            );
            assert!(!said.contains("will share one login"), "{said}");
            let stored = sandbox.vault.stored(tool);
            assert_eq!((stored.len(), &stored[0].kind[..]), (1, "oauth"));
            assert_eq!(stored[0].value, login(tool, "new"));
            let read = |name: &str| fs::read_to_string(sandbox.home().join(name)).unwrap();
            assert_eq!(read(own), login(tool, "own"));
            assert_eq!(read("args").trim(), arguments);
            assert!(read("mode").starts_with("drwx------"), "{}", read("mode"));
            assert!(read("cwd").contains("/.local/state/amika/"), "{}", read("cwd"));
            let printed = read("out");
            assert!(printed.starts_with("Created"), "{printed}");
            let names: Vec<_> = read("env")
                .lines()
                .map(|line| line.split('=').next().unwrap().to_owned())
                .collect();
            let prefixes = ["AMIKA", "ANTHROPIC", "CLAUDE", "CODEX", "OPENAI"];
            let own_names = names
                .iter()
                .filter(|name| prefixes.iter().any(|prefix| name.starts_with(prefix)));
            assert_eq!(own_names.collect::<Vec<_>>(), [variable]);
            assert!(names.contains(&"OTHER".to_owned()) && names.contains(&"HOME".to_owned()));
            assert!(kept(&sandbox).is_empty());
        }
    }
}

/// R165: a tool that is missing, aborted, or stores what it would not use itself is exit 4, whatever its exit
/// code, and nothing is pushed or left.
#[test]
fn without_a_usable_login_nothing_is_pushed() {
    for (script, part) in [
        ("exit 0", "ended without a login"),
        ("exit 143", "ended without a login"),
        (
            "echo '{}' > \"$FILE\"",
            "`claude auth login`: it contains no Claude login",
        ),
        (
            "echo '{\"claudeAiOauth\":{\"accessToken\":\"c4n4ry\"}}' > \"$FILE\"",
            "user:inference",
        ),
        // Not valid UTF-8.
        (
            r#"sed 's/"c4n4ry-new"/"\xff"/' "$NEW" > "$FILE""#,
            "ended without a login",
        ),
    ] {
        let sandbox = machine(script);
        let said = text(&mut push(&sandbox, "claude push --new-login"), "code 4");
        assert!(said.contains(part), "{said}");
        assert_eq!(sandbox.vault.count("POST"), 0);
        assert!(kept(&sandbox).is_empty());
    }
    let sandbox = Sandbox::new();
    sandbox.run("secret claude push --new-login").exits(2);
    for options in ["", "--dry-run"] {
        let said = text(
            &mut push(&sandbox, &format!("claude push --new-login {options}")),
            "code 4",
        );
        assert!(said.contains("Claude Code is not installed"), "{said}");
    }
    assert!(sandbox.vault.requests().is_empty());
}

/// R165: without a terminal, with JSON output or with contradicting options it is exit 2; `--dry-run` runs
/// nothing.
#[test]
fn the_tool_runs_only_at_a_terminal() {
    let sandbox = machine(STORES);
    let path = format!("{}/bin:/usr/bin:/bin", sandbox.home().display());
    let run = |line: &str| {
        let mut command = sandbox.command(line.split_whitespace());
        crate::sandbox::ran(command.env("PATH", &path).output().unwrap())
    };
    for line in [
        "claude push --new-login",
        "claude push --new-login --yes",
        "codex push --new-login --force",
        "claude push --new-login --setup-token",
        "claude push --new-login --value x",
        "claude push --new-login --from-file x",
        "claude push --new-login --type api_key",
    ] {
        run(&format!("secret {line}")).exits(2);
    }
    text(&mut push(&sandbox, "claude push --new-login -o json"), "code 2");
    run("secret claude push --new-login")
        .exits(2)
        .stderr_contains("`amika secret claude push --setup-token`");
    run("secret claude push --new-login --dry-run")
        .exits(0)
        .stdout_contains("Would push Claude OAuth to user scope")
        .stderr_contains("`claude auth login`");
    text(&mut push(&sandbox, "codex push --new-login --dry-run"), "code 0");
    assert!(!ran(&sandbox) && kept(&sandbox).is_empty());
    assert!(sandbox.vault.requests().is_empty());
}

/// R151, R165 to R167: login, key, an existing credential and org scope are asked about before the tool runs.
#[test]
fn everything_is_asked_before_the_tool_runs() {
    let sandbox = machine(STORES);
    let line =
        "AMIKA_API_KEY=wrong PATH=$PWD/bin:/usr/bin:/bin amika secret claude push --new-login; echo code $?";
    text(&mut shell(&sandbox, line), "code 3");
    let mut session = push(&sandbox, "claude push --new-login --scope org");
    let asked = text(&mut session, "[y/N]");
    assert!(asked.contains("everyone in the organisation"), "{asked}");
    session.send_line("n").unwrap();
    text(&mut session, "code 1");
    let old = r#"{"old":1}"#;
    sandbox
        .vault
        .seed_credential("claude", "Claude OAuth", "oauth", "user", old);
    for options in ["", "--yes"] {
        let mut session = push(&sandbox, &format!("claude push --new-login {options}"));
        text(&mut session, "Replace \"Claude OAuth\"? [y/N]");
        session.send_line("n").unwrap();
        text(&mut session, "code 1");
    }
    assert!(!ran(&sandbox));
    let mut session = push(&sandbox, "claude push --new-login");
    text(&mut session, "[y/N]");
    session.send_line("y").unwrap();
    text(&mut session, "code 0");
    assert_eq!(sandbox.vault.stored("claude")[0].value, login("claude", "new"));
}

/// R165: Ctrl-C ends the tool and is 130, also if the tool exits with 0; another signal is passed on.
#[test]
fn a_signal_ends_the_tool() {
    for script in [
        "sleep 100",
        "trap 'exit 0' INT; sleep 100 & wait",
        "trap '' INT; exec sleep 100",
    ] {
        let sandbox = machine(&format!("echo started\n{script}"));
        let mut session = push(&sandbox, "claude push --new-login");
        session.expect("started").unwrap();
        session.send("\x03").unwrap();
        // The shell of the test ends with the signal, too.
        let _ = session.expect(expectrl::Eof);
        assert_eq!(sandbox.vault.count("POST"), 0);
        assert!(kept(&sandbox).is_empty(), "{script}");
    }
    // A prompt that takes Ctrl-C as a key exits as after a signal.
    let sandbox = machine("exit 130");
    text(&mut push(&sandbox, "claude push --new-login"), "code 130");
    assert!(kept(&sandbox).is_empty());
    let sandbox = machine("echo started; exec sleep 100");
    let line = "trap : INT; PATH=$PWD/bin:/usr/bin:/bin amika secret claude push --new-login; echo code $?";
    let mut session = shell(&sandbox, line);
    text(&mut session, "started");
    session.send("\x03").unwrap();
    text(&mut session, "code 130");
    let line = "PATH=$PWD/bin:/usr/bin:/bin amika secret claude push --new-login < /dev/tty & \
                until [ -e pid ]; do sleep 0.1; done; kill -TERM $!; wait $!; echo code $?";
    let sandbox = machine("echo $$ > \"$HOME/pid\"; exec sleep 100");
    text(&mut shell(&sandbox, line), "code 143");
    let pid = fs::read_to_string(sandbox.home().join("pid")).unwrap();
    let is_running = Command::new("kill").args(["-0", pid.trim()]).output().unwrap();
    assert!(!is_running.status.success(), "the tool goes on");
    assert!(kept(&sandbox).is_empty());
}

/// R165, R101: a push that fails after the login keeps it, and this command and the next name the commands
/// to push and to remove it; each of them works.
#[test]
fn a_new_login_that_was_not_stored_is_kept_and_named() {
    for [tool, _, _, _, own] in TOOLS {
        for (fault, code) in [
            (Fault::on("POST", "").fails(403, "no"), 1),
            (Fault::on("POST", "").fails(500, "no").always(), 5),
        ] {
            let sandbox = machine(STORES);
            let unknown = code == 5;
            sandbox.vault.fault(fault);
            let arguments =
                format!("{tool} push --new-login --name it's --scope org --yes").replace("it's", "\"it's\"");
            let said = text(&mut push(&sandbox, &arguments), &format!("code {code}"));
            assert!(said.contains("is kept in"), "{said}");
            let directories = kept(&sandbox);
            assert_eq!(directories.len(), 1);
            let mode = fs::metadata(&directories[0]).unwrap().permissions().mode();
            assert_eq!(mode & 0o777, 0o700);
            // Another command that cleans up leaves it alone.
            sandbox.log_in(3600);
            sandbox.run_stored("secret list").exits(0);
            let named = sandbox.run(&format!("secret {tool} list")).exits(0).stderr;
            let command = |start: &str| {
                let (_, command) = named.split_once(start).expect(&named);
                command.split('`').next().unwrap().to_owned()
            };
            let (push, remove) = (command("push it with: `"), command("remove it with: `"));
            assert!(said.replace("\r\n", " ").contains(&push), "{said}");
            if unknown {
                run_shell(&sandbox, &remove);
            } else {
                run_shell(&sandbox, &push).exits(0);
                let stored = sandbox.vault.stored(tool).remove(0);
                assert_eq!((stored.name.as_str(), stored.scope.as_str()), ("it's", "org"));
                assert_eq!(stored.value, login(tool, "new"));
            }
            assert!(kept(&sandbox).is_empty());
            assert_eq!(
                fs::read_to_string(sandbox.home().join(own)).unwrap(),
                login(tool, "own")
            );
            let quiet = sandbox.run(&format!("secret {tool} list")).exits(0).stderr;
            assert!(!quiet.contains("is kept in"), "{quiet}");
        }
    }
}

/// R165: a signal after the tool's login keeps the login, too.
#[test]
fn a_signal_during_the_push_keeps_the_login() {
    let sandbox = machine(STORES);
    sandbox.vault.fault(
        Fault::on("POST", "/secrets/claude")
            .does(Behaviour::Hang)
            .always(),
    );
    let line = "trap : INT; PATH=$PWD/bin:/usr/bin:/bin amika secret claude push --new-login; echo code $?";
    let mut session = shell(&sandbox, line);
    sandbox.vault.wait_for("POST", 1);
    session.send("\x03").unwrap();
    let said = text(&mut session, "code 130");
    assert!(said.contains("is kept in"), "{said}");
    assert_eq!(kept(&sandbox).len(), 1);
}

/// R165: the directory of a login that was killed before the tool stored anything is removed, but not that of a
/// running one.
#[test]
fn the_directory_of_a_killed_login_is_removed() {
    let sandbox = machine("echo started; exec sleep 100");
    let mut session = push(&sandbox, "claude push --new-login");
    text(&mut session, "started");
    sandbox.run("secret claude list").exits(0);
    assert_eq!(kept(&sandbox).len(), 1);
    drop(session);
    let left = sandbox.home().join(".local/state/amika/kept-claude-left");
    fs::create_dir_all(&left).unwrap();
    let description = r#"{"provider":"claude","id":"","name":"x","type":"oauth","scope":"user","api_url":"https://x.example"}"#;
    fs::write(left.join("amika.json"), description).unwrap();
    sandbox.run("secret claude list").exits(0);
    assert!(!left.exists());
}
