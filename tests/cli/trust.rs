//! Ownership and permissions of the state directory, and leftovers in it.

use std::fs;
use std::os::unix::fs::{PermissionsExt, chown, lchown, symlink};
use std::process::Command;

use crate::sandbox::{KEY_FILE, Ran, SESSION_FILE, Sandbox, ran, skip, start};
use crate::support::vault::API_KEY;

const STATE: &str = ".local/state/amika";
/// A user id without a name that is neither root nor the user who runs the tests.
const STRANGER: u32 = 54_321;

fn mode(sandbox: &Sandbox, path: &str, mode: u32) {
    fs::set_permissions(sandbox.home().join(path), fs::Permissions::from_mode(mode)).unwrap();
}

fn is_refused(sandbox: &Sandbox, words: &str) {
    for line in [
        "secret list",
        "auth status",
        "auth logout",
        "auth login",
        "secret push A=1 --yes",
    ] {
        let run: Ran = sandbox.run_stored(line).exits(8);
        assert!(run.stderr.contains(words), "{line}: {}", run.stderr);
    }
    assert!(sandbox.vault.requests().is_empty());
    assert_eq!(sandbox.vault.idp(|idp| idp.exchanges), 0);
}

/// R116: a directory that others may write to is not used; with a key in the environment it is
/// ignored.
#[test]
fn a_state_directory_that_others_may_write_to_is_refused() {
    for open in [0o777, 0o770, 0o702] {
        let sandbox = Sandbox::new();
        sandbox.log_in(3600);
        mode(&sandbox, STATE, open);
        is_refused(&sandbox, "is writable by other users");
        assert!(sandbox.home().join(SESSION_FILE).exists());
        sandbox.run("secret list").exits(0);
        sandbox
            .run("auth status")
            .exits(0)
            .stderr_contains("is writable by other users");
        mode(&sandbox, STATE, 0o755);
        sandbox.run_stored("secret list").exits(0);
    }
}

/// R116: a directory, file or link target owned by another user is not used, and the error names the
/// owner.
#[test]
fn state_of_another_user_is_refused() {
    for theirs in [STATE, SESSION_FILE, KEY_FILE] {
        let sandbox = Sandbox::new();
        sandbox.log_in(3600);
        sandbox.write(KEY_FILE, "{}");
        if chown(sandbox.home().join(theirs), Some(STRANGER), None).is_err() {
            skip("only root can give a file away");
            return;
        }
        is_refused(&sandbox, "uid 54321");
    }
    let sandbox = Sandbox::new();
    sandbox.log_in(3600);
    let session = sandbox.home().join(SESSION_FILE);
    let target = sandbox.home().join("theirs");
    fs::rename(&session, &target).unwrap();
    chown(&target, Some(STRANGER), None).unwrap();
    symlink(&target, &session).unwrap();
    is_refused(&sandbox, "uid 54321");
    // A link owned by another user to our file: its owner could change the target.
    chown(&target, Some(rustix::process::geteuid().as_raw()), None).unwrap();
    lchown(&session, Some(STRANGER), None).unwrap();
    is_refused(&sandbox, "uid 54321");
}

/// R116: a lock that is a link or a FIFO is refused without waiting.
#[test]
fn a_lock_that_is_not_a_regular_file_is_refused() {
    for kind in ["fifo", "link", "link to a file", "directory"] {
        let sandbox = Sandbox::new();
        sandbox.log_in(-10);
        let lock = sandbox.home().join(STATE).join("amika.lock");
        let target = sandbox.home().join("target");
        match kind {
            "fifo" => assert!(Command::new("mkfifo").arg(&lock).status().unwrap().success()),
            "link" => symlink(&target, &lock).unwrap(),
            "link to a file" => {
                let file = sandbox.write("file", "");
                symlink(file, &lock).unwrap();
            }
            _ => fs::create_dir(&lock).unwrap(),
        }
        sandbox
            .run_stored("secret list")
            .exits(8)
            .stderr_contains("amika.lock");
        assert!(!target.exists(), "{kind}");
        assert_eq!(sandbox.vault.idp(|idp| idp.exchanges), 0);
    }
}

/// R101: leftovers of a killed save are removed at the next start, also with a key in the environment,
/// but not while another process holds the lock.
#[test]
fn leftovers_are_removed_under_the_lock() {
    let sandbox = Sandbox::new();
    let leftover = sandbox.write(&format!("{STATE}/.amika-unfinished-x"), "half");
    mode(&sandbox, STATE, 0o700);
    let lock = sandbox.write(&format!("{STATE}/amika.lock"), "");
    let held = fs::File::open(&lock).unwrap();
    held.lock().unwrap();
    sandbox.run("secret list").exits(0);
    assert!(leftover.exists(), "another process may be writing it");
    drop(held);
    let mut command = sandbox.bare_command(["secret", "list"]);
    let child = start(command.env("AMIKA_API_KEY", API_KEY));
    ran(child.wait_with_output().unwrap()).exits(0);
    assert!(!leftover.exists());
}

/// R101, R116: leftovers in a directory that others may write to are not touched, and without
/// leftovers no lock is created.
#[test]
fn leftovers_in_an_untrusted_directory_stay() {
    let sandbox = Sandbox::new();
    let leftover = sandbox.write(&format!("{STATE}/.amika-unfinished-x"), "half");
    mode(&sandbox, STATE, 0o777);
    sandbox.run("secret list").exits(0);
    assert!(leftover.exists());
    mode(&sandbox, STATE, 0o700);
    fs::remove_file(&leftover).unwrap();
    sandbox.run("secret list").exits(0);
    let left: Vec<_> = fs::read_dir(sandbox.home().join(STATE)).unwrap().collect();
    assert!(left.is_empty(), "{left:?}");
}
