//! Behaviour specific to Windows: consoles that are pipes, and its environment. R129, R130, R131.

use std::fs::{File, OpenOptions};
use std::process::Stdio;

use tokio::net::windows::named_pipe::{NamedPipeServer, ServerOptions};

use crate::sandbox::{CANARY, Sandbox, ran};

/// Both ends of a pipe whose name is like those of mintty (Git Bash).
fn mintty_pipe(direction: &str) -> (NamedPipeServer, File) {
    let process = std::process::id();
    let name = format!(r"\\.\pipe\msys-1888ae32e00d56aa-pty{process}-{direction}-master");
    let server = ServerOptions::new().create(&name).unwrap();
    let client = OpenOptions::new().read(true).write(true).open(&name).unwrap();
    (server, client)
}

/// R130: mintty sends keys only after Enter, so nothing is asked there, and the pipe is not read as a
/// value either.
#[test]
#[ignore = "for a real Windows: under Wine the child does not see the name of its pipe"]
fn nothing_is_asked_in_a_terminal_that_is_a_pipe() {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let _context = runtime.enter();
    let (keys, stdin) = mintty_pipe("from");
    let (_screen, stderr) = mintty_pipe("to");
    let sandbox = Sandbox::new();
    let mut child = sandbox
        .command(["secret", "push", "A", "--yes"])
        .stdin(Stdio::from(stdin))
        .stderr(Stdio::from(stderr))
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    // A read of the keys reports the end of input.
    drop(keys);
    assert_eq!(child.wait().unwrap().code(), Some(2), "usage");
    assert!(sandbox.vault.requests().is_empty());
}

/// R131: the home is `USERPROFILE`, not `HOME`.
#[test]
fn the_home_is_the_users_profile() {
    let sandbox = Sandbox::new();
    let elsewhere = Sandbox::new();
    elsewhere.write(".codex/auth.json", r#"{"OPENAI_API_KEY":"x"}"#);
    let mut command = sandbox.command(["secret", "extract"]);
    ran(command.env("HOME", elsewhere.home()).output().unwrap())
        .exits(0)
        .stdout_contains("No secrets discovered");
    let mut command = sandbox.command(["secret", "extract"]);
    ran(command.env("USERPROFILE", elsewhere.home()).output().unwrap())
        .exits(0)
        .stdout_contains(r"~\.codex\auth.json");
}

/// Windows reports opening a directory as a permission error.
#[test]
fn a_directory_is_reported_as_a_directory() {
    let sandbox = Sandbox::new();
    sandbox.write("folder/file", CANARY);
    sandbox
        .run("secret push --from-file folder --yes")
        .exits(4)
        .stderr_contains("is a directory");
}

/// A path is printed with backslashes only, even if it was given with slashes.
#[test]
fn paths_have_one_kind_of_slash() {
    let sandbox = Sandbox::new();
    let run = sandbox
        .run("secret push --from-file some/folder/x.env --yes")
        .exits(4);
    assert!(run.stderr.contains(r"some\folder\x.env"), "{}", run.stderr);
    sandbox.write(".local/state/amika/api-key.json", "{");
    let run = sandbox.run_stored("auth status");
    assert!(
        run.stderr.contains(r"\.local\state\amika\api-key.json"),
        "{}",
        run.stderr
    );
}
