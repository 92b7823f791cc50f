//! Ownership and permissions of the state directory, and leftovers in it.

use std::fs;
use std::os::unix::fs::{PermissionsExt, chown, lchown, symlink};
use std::os::unix::process::CommandExt;
use std::process::Command;

use crate::sandbox::{KEY_FILE, Ran, SESSION_FILE, Sandbox, around, ran, skip, start};
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
    // Only this releases it at once: a process that another test is starting has a copy of the file.
    held.unlock().unwrap();
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

/// R38: a file that others may write to is refused, with a command that fixes it; with a key in the
/// environment that is a warning.
#[test]
fn a_file_that_others_may_write_to_is_refused() {
    for (open, file) in [(0o666, KEY_FILE), (0o620, SESSION_FILE), (0o602, KEY_FILE)] {
        let sandbox = Sandbox::new();
        sandbox.log_in(3600);
        sandbox.write(KEY_FILE, "{}");
        mode(&sandbox, file, open);
        is_refused(&sandbox, "is writable by other users");
        sandbox
            .run("secret list")
            .exits(0)
            .stderr_contains("warning: ")
            .stderr_contains("is writable by other users");
    }
    // The command of the hint works for any name.
    let sandbox = Sandbox::new();
    let state = sandbox.home().join("it's; touch x #\" $(touch y)");
    fs::create_dir(&state).unwrap();
    fs::write(state.join("api-key.json"), format!(r#"{{"key":"{API_KEY}"}}"#)).unwrap();
    fs::set_permissions(state.join("api-key.json"), fs::Permissions::from_mode(0o666)).unwrap();
    let list = || {
        let mut command = sandbox.bare_command(["secret", "list", "-o", "json"]);
        ran(command.env("AMIKA_STATE_DIRECTORY", &state).output().unwrap())
    };
    let error = list().exits(8).error();
    let command = error["next"][0].as_str().unwrap();
    assert!(command.starts_with("chmod go-w "), "{error}");
    let fixed = Command::new("sh")
        .args(["-c", command])
        .current_dir(sandbox.home())
        .status();
    assert!(fixed.unwrap().success(), "{command}");
    // The key belongs to the default server, so it is not used here, but it is read.
    list().exits(3).stderr_contains("another server");
    assert_eq!(
        fs::read_dir(sandbox.home()).unwrap().count(),
        1,
        "only the state directory"
    );
}

/// R134, R155: no command is suggested that would change what other users need.
#[test]
fn no_mode_of_a_shared_place_is_to_be_changed() {
    let sandbox = Sandbox::new();
    for (name, mode) in [("shared", 0o1777), ("open", 0o777)] {
        fs::create_dir(sandbox.path(name)).unwrap();
        fs::set_permissions(sandbox.path(name), fs::Permissions::from_mode(mode)).unwrap();
    }
    std::os::unix::fs::symlink("open", sandbox.path("link")).unwrap();
    for directory in ["shared", "link", "/dev/null"] {
        let mut command = sandbox.bare_command(["auth", "status", "-o", "json"]);
        command.env("AMIKA_STATE_DIRECTORY", sandbox.path(directory));
        let ran = ran(command.output().unwrap());
        assert_ne!(ran.code, 0, "{directory}");
        assert!(!ran.stderr.contains("chmod"), "{directory}: {}", ran.stderr);
    }
}

/// Gives the sandbox to a user without privileges, and runs a command line as that user.
fn run_unprivileged(sandbox: &Sandbox, line: &str) -> Ran {
    let mut command = sandbox.bare_command(line.split_whitespace());
    if rustix::process::geteuid().is_root() {
        let owner = STRANGER.to_string();
        let given = Command::new("chown")
            .args(["-R", &owner])
            .arg(sandbox.home())
            .status();
        assert!(given.unwrap().success());
        command.uid(STRANGER).gid(STRANGER);
    }
    ran(command.output().unwrap())
}

/// R159: `auth logout` does not claim to be logged out if it cannot see or remove what is stored.
#[test]
fn logout_is_true() {
    let sandbox = Sandbox::new();
    sandbox.log_in(3600);
    for hidden in [STATE, ".local/state"] {
        mode(&sandbox, hidden, 0);
        let run = run_unprivileged(&sandbox, "auth logout").exits(8);
        assert!(
            run.stderr.contains("cannot be examined (owner ") && run.stdout.is_empty(),
            "{run:?}"
        );
        mode(&sandbox, hidden, 0o700);
    }
    // What can be seen and not be removed.
    mode(&sandbox, STATE, 0o500);
    run_unprivileged(&sandbox, "auth logout")
        .exits(8)
        .stderr_contains("cannot be written to");
    mode(&sandbox, STATE, 0o700);
    assert!(sandbox.home().join(SESSION_FILE).exists());
    run_unprivileged(&sandbox, "auth logout")
        .exits(0)
        .stdout_contains("Cleared stored login session");
}

/// R159: under sudo, nothing is written to the home of another user.
#[test]
fn sudo_does_not_write_to_the_home_of_another_user() {
    let sandbox = Sandbox::new();
    sandbox.write("key", API_KEY);
    // Without privileges, the home directory of root is that of another user.
    let home = match chown(sandbox.home(), Some(STRANGER), None) {
        Ok(()) => sandbox.home(),
        Err(_) => std::path::Path::new("/"),
    };
    let sudo = |line: &str, uid: &str| {
        let mut command = sandbox.bare_command(line.split_whitespace());
        command.env("HOME", home).env("SUDO_UID", uid);
        ran(command.output().unwrap())
    };
    for line in [
        "auth login --api-key-file key --offline",
        "auth login",
        "auth logout",
    ] {
        sudo(line, "1000")
            .exits(8)
            .stderr_contains("which belongs to another user")
            .stderr_contains("`sudo -H`");
    }
    assert!(!home.join(".local/state/amika").exists());
    sudo("secret list", "1000")
        .exits(3)
        .stderr_contains("Not logged in");
    let mut elsewhere = sandbox.bare_command("auth login --api-key-file key --offline".split(' '));
    elsewhere.env("HOME", home).env("SUDO_UID", "1000");
    let own = tempfile::tempdir().unwrap();
    elsewhere.env("AMIKA_STATE_DIRECTORY", own.path().join("amika"));
    ran(elsewhere.output().unwrap()).exits(0);
    assert!(sandbox.vault.requests().is_empty());
}

/// R159: directories and files can be used whatever the umask was when they were created.
#[test]
fn a_strange_umask_leaves_usable_directories() {
    for umask in ["0177", "0777", "0000"] {
        let sandbox = Sandbox::new();
        sandbox.write("key", API_KEY);
        let login = sandbox.bare_command(["auth", "login", "--api-key-file", "key"]);
        let line = format!("umask {umask}; exec \"$0\" \"$@\"");
        let mut shell = around(&login, "sh", &["-c", &line]);
        ran(shell.output().unwrap()).exits(0);
        for directory in [".local", ".local/state", STATE] {
            let metadata = fs::metadata(sandbox.home().join(directory)).unwrap();
            assert_eq!(
                metadata.permissions().mode() & 0o777,
                0o700,
                "{directory}, {umask}"
            );
        }
        run_unprivileged(&sandbox, "secret list").exits(0);
        run_unprivileged(&sandbox, "auth logout").exits(0);
    }
}

/// R62: without a usable home, a key in the environment works, and all else says what is missing.
#[test]
fn a_home_that_cannot_be_used() {
    let sandbox = Sandbox::new();
    let mut command = sandbox.bare_command(["auth", "login"]);
    if !rustix::process::geteuid().is_root() {
        skip("only root can be a user without a home directory");
        return;
    }
    let homeless = |line: &str, key: bool| {
        let mut command = sandbox.bare_command(line.split_whitespace());
        command
            .env_remove("HOME")
            .uid(STRANGER)
            .gid(STRANGER)
            .current_dir("/");
        if key {
            command.env("AMIKA_API_KEY", API_KEY);
        }
        ran(command.output().unwrap())
    };
    homeless("secret list", true).exits(0);
    homeless("auth login", false)
        .exits(8)
        .stderr_contains("set HOME or AMIKA_STATE_DIRECTORY");
    homeless("secret list", false)
        .exits(3)
        .stderr_contains("there is no home directory to look in");
    // A relative XDG directory is ignored, as its specification says.
    command.env("XDG_STATE_HOME", "relative");
    ran(command.output().unwrap()).exits(0);
    assert!(sandbox.home().join(SESSION_FILE).exists() && !sandbox.home().join("relative").exists());
    // A home that cannot be written to.
    fs::remove_dir_all(sandbox.home().join(".local")).unwrap();
    mode(&sandbox, ".", 0o500);
    let login = run_unprivileged(&sandbox, "auth login");
    login
        .exits(8)
        .stderr_contains("cannot be written to: permission denied");
    let mut list = sandbox.command(["secret", "list"]);
    ran(list.uid(STRANGER).gid(STRANGER).output().unwrap()).exits(0);
}
