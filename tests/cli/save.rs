//! Faults injected into every system call of a save: R39, R40, R41. Where strace may not trace,
//! that is said and nothing is tested.

use std::process::Command;

use crate::sandbox::{Ran, SESSION_FILE, Sandbox, ran, skip};

/// The calls that a save is made of.
const CALLS: &str =
    "/^(openat|mkdir(at)?|f?chmod(at)?|flock|write|lseek|ftruncate|fsync|rename(at2?)?|unlink(at)?)$";

/// Why strace cannot be used here, if so.
fn missing() -> Option<&'static str> {
    let traced = Command::new("strace").args(["-o", "/dev/null", "true"]).output();
    match traced {
        Ok(output) if output.status.success() => None,
        Ok(_) => Some("strace may not trace here"),
        Err(_) => Some("strace is not installed"),
    }
}

fn skipped() -> bool {
    let Some(why) = missing() else { return false };
    skip(&format!("SKIPPED: {why}, so no faults were injected into a save"));
    true
}

/// An expired login.
fn expired() -> Sandbox {
    let sandbox = Sandbox::new();
    sandbox.log_in(-10);
    sandbox
}

/// `secret list` under strace, with options of its own.
fn traced(sandbox: &Sandbox, options: &[&str]) -> std::process::Output {
    let list = sandbox.bare_command(["secret", "list"]);
    let mut strace = Command::new("strace");
    strace
        .args(["-y", "-o"])
        .arg(sandbox.home().join("trace"))
        .args(options)
        .arg(list.get_program());
    strace
        .args(list.get_args())
        .env_clear()
        .current_dir(sandbox.home());
    strace.env("PATH", "/usr/local/bin:/usr/bin:/bin");
    strace.envs(list.get_envs().filter_map(|(name, value)| Some((name, value?))));
    strace.output().unwrap()
}

/// The calls that touch the state directory while a session is renewed: name, and the how-manieth
/// call of that name it is.
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

/// The session file holds a whole session, and a token that was spent has its successor there.
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

/// R39, R40: an error at any system call of a save leaves a whole session.
#[test]
fn an_error_at_any_call_of_a_save_loses_no_session() {
    if skipped() {
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

/// R39: a kill at any system call of a save leaves a whole session.
#[test]
fn a_kill_at_any_call_of_a_save_loses_no_session() {
    if skipped() {
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
        // The provider gives the same tokens again, and what was left behind is cleared away.
        let run = sandbox.run_stored("secret list");
        assert_eq!(run.code, 0, "{inject}: {}", run.stderr);
        check(&sandbox, &inject, 0);
        let directory = sandbox.home().join(SESSION_FILE);
        let left = std::fs::read_dir(directory.parent().unwrap()).unwrap().count();
        assert_eq!(left, 2, "{inject}: the session and the lock");
    }
}

/// R41: where the save fails, this command still uses the new token and says so.
#[test]
fn a_session_that_cannot_be_saved_still_serves_the_command() {
    if skipped() {
        return;
    }
    let sandbox = expired();
    let before = sandbox.session();
    // The first sync is of the room that is made before the token is spent.
    let output = traced(
        &sandbox,
        &["-e", "trace=fsync", "-e", "inject=fsync:error=EIO:when=2+"],
    );
    ran(output)
        .exits(8)
        .stdout_contains("No secrets")
        .stderr_contains("the login was refreshed for this command, and the result could not be saved")
        .stderr_contains("amika auth login");
    assert_eq!(sandbox.session(), before);
    assert_eq!(sandbox.vault.idp(|idp| idp.exchanges), 1);
}

/// R40, R121: no refresh token is spent where there is no room for the new session.
#[test]
fn no_refresh_token_is_spent_without_room_to_save() {
    let sandbox = expired();
    let script = "mount -t tmpfs -o size=4k none room && mkdir -m 700 room/amika && \
         cp .local/state/amika/workos-session.json room/amika/ && \
         { AMIKA_STATE_DIRECTORY=$PWD/room/amika \"$AMIKA\" secret list; code=$?; \
           cmp .local/state/amika/workos-session.json room/amika/workos-session.json && exit $code; }";
    std::fs::create_dir(sandbox.home().join("room")).unwrap();
    let amika = sandbox.bare_command(["--version"]);
    let mut command = Command::new("unshare");
    command
        .args(["--mount", "sh", "-c", script])
        .env_clear()
        .current_dir(sandbox.home());
    command.env(
        "PATH",
        "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
    );
    command.envs(amika.get_envs().filter_map(|(name, value)| Some((name, value?))));
    let output = command.env("AMIKA", amika.get_program()).output();
    let run = output.map(ran);
    match run {
        Ok(run) if !run.stderr.contains("unshare:") && !run.stderr.contains("mount:") => {
            run.exits(8)
                .stderr_contains("cannot be saved")
                .stderr_contains("no space left");
            assert_eq!(sandbox.vault.idp(|idp| idp.exchanges), 0);
        }
        _ => skip("SKIPPED: no file system can be mounted here"),
    }
}
