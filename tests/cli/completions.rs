//! Completion scripts in real shells, and the manual pages.

use std::time::Duration;

use expectrl::session::OsSession;
use expectrl::{Expect, Session};

use crate::sandbox::{CANARY, Sandbox, around, has_tools};

const TIMEOUT: Duration = Duration::from_secs(30);

/// The command that starts each shell without this machine's configuration, and the line that loads
/// the script and sets the prompt `ready>`, which the line itself does not contain.
const SHELLS: [(&str, &[&str], &str); 3] = [
    (
        "bash",
        &["--norc", "--noprofile", "-i"],
        "source ./script; PS1='rea''dy> '",
    ),
    (
        "zsh",
        &["-f", "-i"],
        "autoload -U compinit; compinit -u -D; source ./script; PS1='rea''dy> '",
    ),
    (
        "fish",
        &["--no-config", "-i"],
        "source ./script; function fish_prompt; echo -n 'rea''dy> '; end",
    ),
];

/// A sandbox with the completion script, if the shell is installed.
fn with_script(shell: &str) -> Option<Sandbox> {
    if !has_tools(&[shell]) {
        return None;
    }
    let sandbox = Sandbox::new();
    let script = sandbox.run(&format!("completions {shell}")).exits(0).stdout;
    sandbox.write("script", script);
    Some(sandbox)
}

/// The shells that are installed, each with a sandbox that has its script.
fn installed_shells() -> impl Iterator<Item = (Sandbox, &'static str, &'static [&'static str], &'static str)>
{
    SHELLS
        .into_iter()
        .filter_map(|(shell, arguments, load)| Some((with_script(shell)?, shell, arguments, load)))
}

/// A session of the shell that has loaded the script, with the sandbox's vault.
fn interactive(sandbox: &Sandbox, shell: &str, arguments: &[&str], load: &str) -> OsSession {
    // The test's terminal starts without echo; bash would not show the completed text.
    let line = format!("stty echo; exec {shell} {}", arguments.join(" "));
    let mut command = sandbox.shell("sh", &line);
    command.env("TERM", "xterm").env("ZEBRA_COLOUR", "striped");
    let mut session = Session::spawn(command).unwrap();
    session.set_expect_timeout(Some(TIMEOUT));
    session.send_line(load).unwrap();
    expect(&mut session, "ready>", shell);
    session
}

#[test]
fn completion_scripts_have_no_syntax_error() {
    for (sandbox, shell, ..) in installed_shells() {
        let amika = sandbox.command([""; 0]);
        let checked = around(&amika, shell, &["-n", "script"]).output().unwrap();
        let said = String::from_utf8_lossy(&checked.stderr).into_owned();
        assert!(checked.status.success() && said.is_empty(), "{shell}: {said}");
    }
}

#[test]
fn a_tab_completes_commands_and_variables() {
    for (sandbox, shell, arguments, load) in installed_shells() {
        let mut session = interactive(&sandbox, shell, arguments, load);
        session.send("amika sec\t").unwrap();
        expect(&mut session, "secret", shell);
        session.send("push --from-env ZEBRA\t").unwrap();
        expect(&mut session, "_COLOUR", shell);
    }
}

/// Prompts work in every shell, each of which handles the terminal differently.
#[test]
fn a_value_is_typed_and_confirmed_in_every_shell() {
    for (sandbox, shell, arguments, load) in installed_shells() {
        let mut session = interactive(&sandbox, shell, arguments, load);
        session.send("amika secret push KEY\r").unwrap();
        expect(&mut session, "Value of KEY: ", shell);
        session.send(format!("{CANARY} value\r")).unwrap();
        expect(&mut session, "Create 1 in user scope of ", shell);
        session.send("y\r").unwrap();
        expect(&mut session, "Created 1 in user scope", shell);
        expect(&mut session, "ready>", shell);
        assert_eq!(
            sandbox.vault.value("KEY", "user"),
            Some(format!("{CANARY} value")),
            "{shell}"
        );
    }
}

fn expect(session: &mut OsSession, text: &str, shell: &str) {
    let found = session.expect(text);
    assert!(found.is_ok(), "{shell}: no {text:?}: {:?}", found.err());
}

/// Requests completions as the bash script does.
fn offered(sandbox: &Sandbox, words: &[&str]) -> Vec<String> {
    let mut command = sandbox.command(["--", "amika"]);
    let output = command
        .args(words)
        .env("AMIKA_COMPLETE", "bash")
        .env("_CLAP_COMPLETE_INDEX", words.len().to_string())
        .env("_CLAP_COMPLETE_COMP_TYPE", "9")
        .env("_CLAP_COMPLETE_SPACE", "false")
        .env("_CLAP_IFS", "\n")
        .env("ZEBRA_COLOUR", "striped")
        .output()
        .unwrap();
    let offered = String::from_utf8(output.stdout).unwrap();
    offered.lines().map(|line| line.trim().to_owned()).collect()
}

#[test]
fn each_value_is_completed_by_its_kind() {
    let sandbox = Sandbox::new();
    sandbox.write("settings.env", "");
    assert_eq!(
        offered(&sandbox, &["secret", "push", "--from-file", "sett"]),
        ["settings.env"]
    );
    assert_eq!(
        offered(&sandbox, &["secret", "push", "--from-file=sett"]),
        ["--from-file=settings.env"]
    );
    assert_eq!(
        offered(&sandbox, &["secret", "push", "--from-file", "~/sett"]),
        ["~/settings.env"]
    );
    let variables = offered(&sandbox, &["secret", "push", "--from-env", "HOME,ZEB"]);
    assert_eq!(variables, ["HOME,ZEBRA_COLOUR"]);
    assert_eq!(offered(&sandbox, &["secret", "push", "--scope", "o"]), ["org"]);
    assert_eq!(offered(&sandbox, &["secret", "claude", "pu"]), ["push"]);
    // A name has no completions, and in particular no programs.
    assert!(offered(&sandbox, &["secret", "push", "l"]).is_empty());
    // Hidden commands are never completed.
    assert!(offered(&sandbox, &["open"]).is_empty());
    // An alias is understood, but not offered beside its command.
    assert_eq!(offered(&sandbox, &["completion"]), ["completions"]);
    assert_eq!(offered(&sandbox, &["secrets", "l"]), ["list"]);
    assert_eq!(offered(&sandbox, &["secrets", "ls", "--sc"]), ["--scope"]);
    let commands = offered(&sandbox, &["secret", ""]);
    assert!(
        !commands.contains(&"ls".to_owned()) && !commands.contains(&"rm".to_owned()),
        "{commands:?}"
    );
    // Global options are offered only after a dash, and the commands of help are.
    assert!(
        !commands.iter().any(|word| word.starts_with("--o")),
        "{commands:?}"
    );
    assert!(offered(&sandbox, &["secret", "list", "--"]).contains(&"--output".to_owned()));
    assert_eq!(offered(&sandbox, &["help", "secret", "pu"]), ["push"]);
}

/// R160: a variable for another program, or of a person, does not turn a command into a completion.
#[test]
fn only_the_script_asks_for_completions() {
    let sandbox = Sandbox::new();
    for shell in ["x", "", "0", "bash", "/bin/zsh"] {
        let mut command = sandbox.command(["secret", "push", "A=1", "--yes"]);
        let ran = crate::sandbox::ran(command.env("AMIKA_COMPLETE", shell).output().unwrap()).exits(0);
        assert!(!ran.stdout.is_empty(), "{shell}");
    }
    let mut command = sandbox.command(["--", "amika", "sec"]);
    let refused = command.env("AMIKA_COMPLETE", "x").output().unwrap();
    assert_eq!(refused.status.code(), Some(2));
}

/// R160: no control character of a name reaches the terminal.
#[test]
fn completion_prints_no_control_characters() {
    let sandbox = Sandbox::new();
    std::fs::write(sandbox.home().join("evil\u{1b}[31m.env"), "").unwrap();
    std::fs::write(sandbox.home().join("evil\u{202e}.env"), "").unwrap();
    std::fs::write(sandbox.home().join("evilbutplain.env"), "").unwrap();
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        for line in ["--from-env EVIL", "--from-file evil"] {
            let mut command = sandbox.command(["--", "amika", "secret", "push"]);
            let output = command
                .args(line.split(' '))
                .env("AMIKA_COMPLETE", shell)
                .env("EVIL\u{1b}[2J", "x")
                .env("EVIL_PLAIN", "x")
                .output()
                .unwrap();
            let said = String::from_utf8(output.stdout).unwrap();
            assert!(said.to_lowercase().contains("plain"), "{shell}: {said}");
            assert!(!said.contains(['\u{1b}', '\u{202e}']), "{shell}: {said:?}");
        }
    }
}

/// R160: names with blanks are escaped, and `--from-file=x` is completed, in every shell.
#[test]
fn files_with_blanks_are_completed() {
    for (sandbox, shell, arguments, load) in installed_shells() {
        sandbox.write("my file $HOME.env", "FILE_KEY=c4n4ry");
        sandbox.write("dir/second file.env", "SECOND_KEY=c4n4ry");
        for typed in [
            "--from-file my\t",
            "--from-file=my\t",
            "--from-file dir/sec\t",
            "--from-file=di\tse\t",
        ] {
            let mut session = interactive(&sandbox, shell, arguments, load);
            session.send(format!("amika secret push --yes {typed}")).unwrap();
            expect(&mut session, ".env", shell);
            session.send("\r").unwrap();
            expect(&mut session, "in user scope", &format!("{shell}: {typed:?}"));
        }
        assert!(
            sandbox.vault.value("FILE_KEY", "user").is_some()
                && sandbox.vault.value("SECOND_KEY", "user").is_some()
        );
    }
}

/// R160: zsh completes at the first TAB from a file in `fpath`, and where the script was sourced before
/// `compinit`.
#[test]
fn zsh_completes_at_the_first_tab() {
    let Some(sandbox) = with_script("zsh") else {
        return;
    };
    let script = std::fs::read(sandbox.path("script")).unwrap();
    sandbox.write("functions/_amika", script);
    for load in [
        "fpath=($PWD/functions $fpath); autoload -U compinit; compinit -u -D; PS1='rea''dy> '",
        "source ./script; autoload -U compinit; compinit -u -D; PS1='rea''dy> '",
        "source <(amika completions zsh); autoload -U compinit; compinit -u -D; PS1='rea''dy> '",
    ] {
        let mut session = interactive(&sandbox, "zsh", &["-f", "-i"], load);
        session.send("amika secret push --from-env ZEBRA\t").unwrap();
        expect(&mut session, "_COLOUR", load);
    }
}

#[test]
fn every_command_has_a_manual_page() {
    let sandbox = Sandbox::new();
    sandbox
        .run("man --out pages")
        .exits(0)
        .stdout_contains("manual pages to .");
    let read = |page: &str| std::fs::read_to_string(sandbox.home().join("pages").join(page)).unwrap();
    for page in [
        "amika.1",
        "amika-secret-push.1",
        "amika-secret-claude-delete.1",
        "amika-auth-login.1",
    ] {
        let text = read(page);
        for part in ["AMIKA_API_KEY", "EXIT STATUS", "130", "Example"] {
            assert!(text.contains(part), "{page} lacks {part}");
        }
        assert!(!text.contains("open\\-browser"), "{page}");
    }
    assert!(!sandbox.home().join("pages/amika-open-browser.1").exists());
    sandbox
        .run("man secret push")
        .exits(0)
        .stdout_contains(".TH AMIKA-SECRET-PUSH");
    for absent in ["nonsense", "open-browser"] {
        sandbox.run(&format!("man {absent}")).exits(2);
    }
}

/// R17: a key in place of the directory is not repeated, whether the pages could be written or not.
#[test]
fn a_key_in_place_of_the_directory_of_pages_is_not_shown() {
    let sandbox = Sandbox::new();
    let key = "sk-ant-api03-c4n4ry0123456789";
    for code in [0, 1] {
        // The sandbox looks for the key in both streams.
        sandbox.run(&format!("man --out {key}")).exits(code);
        std::fs::remove_dir_all(sandbox.home().join(key)).unwrap_or_default();
        sandbox.write(key, "");
    }
}
