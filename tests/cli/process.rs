//! Closed and full streams, and what other processes can see: R89, R90, R98, R101.

use crate::sandbox::{CANARY, Sandbox};
#[cfg(unix)]
use {crate::sandbox::ran, std::process::Stdio};

/// R89: a closed standard output is exit 141, and the outcome is on stderr.
#[cfg(unix)]
#[test]
fn a_closed_stdout_is_exit_141_with_the_outcome_on_stderr() {
    let sandbox = Sandbox::new();
    for (arguments, told) in [
        (vec!["secret", "push", "A=1", "--yes"], "Created 1 in user scope"),
        (vec!["secret", "list"], ""),
    ] {
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let output = sandbox
            .command(arguments)
            .stdout(Stdio::from(writer))
            .output()
            .unwrap();
        ran(output).exits(141).stderr_contains(told);
    }
    assert!(sandbox.vault.value("A", "user").is_some());
}

/// R90: a full standard output is exit 1.
#[cfg(target_os = "linux")]
#[test]
fn a_full_stdout_is_an_error() {
    let sandbox = Sandbox::new();
    let full = || std::fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
    for arguments in [
        vec!["secret", "push", "A=1", "--yes"],
        vec!["secret", "list"],
        vec!["--help"],
    ] {
        let output = sandbox
            .command(arguments)
            .stdout(Stdio::from(full()))
            .output()
            .unwrap();
        ran(output).exits(1).stderr_contains("writing to standard output");
    }
}

/// R98, R121: core dumps are disabled although the limit allows them, and the memory of the process
/// belongs to root, as Linux does for processes that are not dumpable.
#[cfg(target_os = "linux")]
#[test]
fn core_dumps_are_switched_off() {
    use std::os::unix::fs::MetadataExt;
    use std::os::unix::process::CommandExt;

    use crate::sandbox::{around, skip, start};
    use crate::support::faults::{Behaviour, Fault};
    use rustix::process::{Resource, geteuid, getrlimit};

    const ORDINARY_USER: u32 = 54_321;
    if getrlimit(Resource::Core).maximum == Some(0) {
        skip("core dumps cannot be allowed here");
        return;
    }
    let sandbox = Sandbox::new();
    sandbox
        .vault
        .fault(Fault::on("GET", "/secrets").does(Behaviour::Hold));
    let mut list = sandbox.command(["secret", "list"]);
    list.current_dir("/");
    let raised = "ulimit -S -c $(ulimit -H -c); exec \"$0\" \"$@\"";
    let mut shell = around(&list, "sh", &["-c", raised]);
    let as_ordinary_user = geteuid().is_root() && {
        let mut test = std::process::Command::new("test");
        let test = test.arg("-x").arg(list.get_program()).uid(ORDINARY_USER);
        test.status().unwrap().success()
    };
    if as_ordinary_user {
        shell.uid(ORDINARY_USER).env("HOME", "/nowhere");
    }
    let child = start(&mut shell);
    sandbox.vault.wait_for("GET", 1);
    let process = std::path::PathBuf::from(format!("/proc/{}", child.id()));
    let limits = std::fs::read_to_string(process.join("limits")).unwrap();
    let core = limits
        .lines()
        .find(|line| line.starts_with("Max core file size"))
        .unwrap();
    let [.., soft, hard, _] = core.split_whitespace().collect::<Vec<_>>()[..] else {
        panic!("{core}");
    };
    assert_eq!((soft, hard), ("0", "0"), "{core}");
    assert_eq!(process.join("environ").metadata().unwrap().uid(), 0);
    sandbox.vault.release();
    ran(child.wait_with_output().unwrap()).exits(0);
}

/// R101, R102: a push leaves no file behind.
#[test]
fn a_push_leaves_no_files() {
    let sandbox = Sandbox::new();
    let input = format!("{CANARY}\n");
    sandbox.run_with("secret push A --yes", input).exits(0);
    assert_eq!(std::fs::read_dir(sandbox.home()).unwrap().count(), 0);
}
