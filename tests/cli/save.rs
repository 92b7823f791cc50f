//! Faults injected into every system call of a save: R39, R40, R41. Skipped with a message if strace
//! is not permitted.

use std::process::Command;

use crate::sandbox::{Ran, SESSION_FILE, Sandbox, around, has_tools, ran, skip};
use crate::support::faults::Fault;

/// The system calls of a save.
const CALLS: &str =
    "/^(openat|mkdir(at)?|f?chmod(at)?|flock|write|lseek|ftruncate|fsync|rename(at2?)?|unlink(at)?)$";

fn can_trace() -> bool {
    if !has_tools(&["strace"]) {
        return false;
    }
    let traced = Command::new("strace").args(["-o", "/dev/null", "true"]).output();
    let permitted = traced.unwrap().status.success();
    if !permitted {
        skip("strace is not permitted here");
    }
    permitted
}

/// An expired login.
fn expired() -> Sandbox {
    let sandbox = Sandbox::new();
    sandbox.log_in(-10);
    sandbox
}

/// `secret list` under strace with these options.
fn traced(sandbox: &Sandbox, options: &[&str]) -> std::process::Output {
    trace(sandbox, &sandbox.bare_command(["secret", "list"]), options)
}

/// A command under strace.
fn trace(sandbox: &Sandbox, command: &Command, options: &[&str]) -> std::process::Output {
    let trace = sandbox.path("trace");
    let output = ["-y", "-o", trace.to_str().unwrap()];
    let mut strace = around(command, "strace", &[&output[..], options].concat());
    strace.output().unwrap()
}

/// The system calls on the state directory while a session is renewed: the name, and its index among
/// the calls with that name.
fn calls() -> Vec<(String, usize)> {
    let sandbox = expired();
    let output = traced(&sandbox, &["-e", &format!("trace={CALLS}")]);
    ran(output).exits(0);
    let trace = std::fs::read_to_string(sandbox.home().join("trace")).unwrap();
    let mut counts = std::collections::HashMap::<String, usize>::new();
    let mut calls = Vec::new();
    for line in trace.lines() {
        let Some((name, rest)) = line.split_once('(') else {
            continue;
        };
        let count = counts.entry(name.to_owned()).or_default();
        *count += 1;
        if rest.contains("/state/amika") {
            calls.push((name.to_owned(), *count));
        }
    }
    assert!(
        calls.iter().any(|(name, _)| name.starts_with("rename")) && calls.len() > 10,
        "{calls:?}"
    );
    calls
}

/// Checks that the session file is complete, and has the successor of a used refresh token.
fn check(sandbox: &Sandbox, case: &str, code: i32) {
    let session = sandbox.session();
    let token = session["refresh_token"].as_str().unwrap_or_default().to_owned();
    let (exchanges, live) = sandbox.vault.idp(|idp| (idp.exchanges, idp.is_live(&token)));
    assert!(live, "{case}: {exchanges} exchanges, exit {code}");
    assert!(matches!(code, 0 | 3 | 8), "{case}: exit {code}");
    assert!(
        code == 0 || exchanges == 0,
        "{case}: spent for nothing, exit {code}"
    );
}

/// R39, R40: an error at any system call of a save leaves a complete session.
#[test]
fn an_error_at_any_call_of_a_save_loses_no_session() {
    if !can_trace() {
        return;
    }
    for (name, number) in calls() {
        for error in ["ENOSPC", "EIO", "EROFS"] {
            let sandbox = expired();
            let inject = format!("inject={name}:error={error}:when={number}");
            let output = traced(&sandbox, &["-e", &format!("trace={name}"), "-e", &inject]);
            let run: Ran = ran(output);
            check(&sandbox, &format!("{inject}: {}", run.stderr), run.code);
        }
    }
}

/// R39: a kill at any system call of a save leaves a complete session.
#[test]
fn a_kill_at_any_call_of_a_save_loses_no_session() {
    if !can_trace() {
        return;
    }
    for (name, number) in calls() {
        let sandbox = expired();
        let inject = format!("inject={name}:signal=SIGKILL:when={number}");
        traced(&sandbox, &["-e", &format!("trace={name}"), "-e", &inject]);
        assert!(
            sandbox.session()["refresh_token"].is_string(),
            "{inject}: the file is whole"
        );
        // The provider returns the same tokens again, and leftovers are removed.
        let run = sandbox.run_stored("secret list");
        assert_eq!(run.code, 0, "{inject}: {}", run.stderr);
        check(&sandbox, &inject, 0);
        let directory = sandbox.home().join(SESSION_FILE);
        let left = std::fs::read_dir(directory.parent().unwrap()).unwrap().count();
        assert_eq!(left, 2, "{inject}: the session and the lock");
    }
}

/// R41: if the save fails, this command still uses the new token and warns.
#[test]
fn a_session_that_cannot_be_saved_is_still_used() {
    if !can_trace() {
        return;
    }
    let sandbox = expired();
    let before = sandbox.session();
    // The first sync is of the space reserved before the token is used.
    let output = traced(
        &sandbox,
        &["-e", "trace=fsync", "-e", "inject=fsync:error=EIO:when=2+"],
    );
    ran(output)
        .exits(8)
        .stdout_contains("No secrets")
        .stderr_contains("the login was refreshed for this command, but the result could not be saved")
        .stderr_contains("amika auth login");
    assert_eq!(sandbox.session(), before);
    assert_eq!(sandbox.vault.idp(|idp| idp.exchanges), 1);
}

/// R41, R42: a refresh token that cannot be saved is named as well if the reply has no access token.
#[test]
fn an_unsaved_refresh_token_is_named_without_an_access_token() {
    if !can_trace() {
        return;
    }
    let sandbox = expired();
    let reply = Fault::on("POST", "/user_management/authenticate").json(200, r#"{"refresh_token":"next"}"#);
    sandbox.vault.fault(reply);
    let output = traced(
        &sandbox,
        &["-e", "trace=fsync", "-e", "inject=fsync:error=EIO:when=2+"],
    );
    ran(output)
        .exits(8)
        .stderr_contains("the result could not be saved")
        .stderr_contains("the next command may need a new login");
}

/// R40, R121: no refresh token is used if there is no space for the new session.
#[test]
fn no_refresh_token_is_spent_without_room_to_save() {
    let sandbox = expired();
    let script = "mount -t tmpfs -o size=4k none room && mkdir -m 700 room/amika && \
         cp .local/state/amika/workos-session.json room/amika/ && \
         { AMIKA_STATE_DIRECTORY=$PWD/room/amika amika secret list; code=$?; \
           cmp .local/state/amika/workos-session.json room/amika/workos-session.json && exit $code; }";
    std::fs::create_dir(sandbox.home().join("room")).unwrap();
    let amika = sandbox.bare_command([""; 0]);
    let output = around(&amika, "unshare", &["--mount", "sh", "-c", script]).output();
    let run = output.map(ran);
    match run {
        Ok(run) if !run.stderr.contains("unshare:") && !run.stderr.contains("mount:") => {
            run.exits(8)
                .stderr_contains("cannot be saved")
                .stderr_contains("no space left");
            assert_eq!(sandbox.vault.idp(|idp| idp.exchanges), 0);
        }
        _ => skip("no file system can be mounted here"),
    }
}

/// R39, R121: a completed save survives a power loss: the file is synced before it is renamed, and the
/// directory afterwards.
#[test]
fn a_save_is_flushed_to_disk() {
    if !can_trace() {
        return;
    }
    let sandbox = expired();
    ran(traced(&sandbox, &["-e", "trace=fsync,rename,renameat,renameat2"])).exits(0);
    let trace = std::fs::read_to_string(sandbox.home().join("trace")).unwrap();
    is_durable(&trace, "workos-session.json");
}

/// R110: the old value and its description are synced to disk before the DELETE is sent.
#[test]
fn the_old_value_is_flushed_to_disk_before_the_delete() {
    if !can_trace() {
        return;
    }
    let sandbox = Sandbox::new();
    sandbox
        .vault
        .seed_credential("claude", "Claude API Key", "api_key", "user", "old-c4n4ry");
    let line = "secret claude push --value new-c4n4ry --force";
    let command = sandbox.command(line.split_whitespace());
    let calls = "trace=fsync,rename,renameat,renameat2,write,writev,sendto,sendmsg";
    ran(trace(&sandbox, &command, &["-s", "16", "-e", calls])).exits(0);
    let trace = std::fs::read_to_string(sandbox.home().join("trace")).unwrap();
    let (before, _) = trace.split_once("\"DELETE /api").unwrap();
    for name in ["amika.json", "value"] {
        is_durable(before, name);
    }
    // The directory of the value, after the last file was placed in it.
    let (_, placed) = before.rsplit_once("rename").unwrap();
    assert!(
        placed.contains("/value") && placed.contains("/amika/kept-claude-"),
        "{before}"
    );
}

/// Whether the trace shows that the file was synced and renamed, and its directory synced.
#[track_caller]
fn is_durable(trace: &str, name: &str) {
    let lines: Vec<_> = trace.lines().collect();
    let placed = |line: &&str| line.starts_with("rename") && line.contains(&format!("{name}\""));
    let placed = lines.iter().position(placed).expect(trace);
    let synced = |line: &&&str, what: &str| line.starts_with("fsync") && line.contains(what);
    let (before, after) = lines.split_at(placed);
    assert!(
        before.iter().any(|line| synced(&line, "/.amika-unfinished-")),
        "{trace}"
    );
    assert!(after.iter().any(|line| synced(&line, "/amika>)")), "{trace}");
}
