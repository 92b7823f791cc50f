//! Streams that are closed or full, and what other processes can see: R89, R90, R98, R101.
#![cfg(unix)]

use std::process::Stdio;

use crate::sandbox::{CANARY, Sandbox, ran};

#[test]
fn r89_a_closed_stdout_is_no_panic_and_the_outcome_is_told() {
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

#[cfg(target_os = "linux")]
#[test]
fn r90_a_full_stdout_is_not_success() {
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

#[cfg(target_os = "linux")]
#[test]
fn r98_no_core_dumps() {
    use crate::support::faults::{Behaviour, Fault};

    let sandbox = Sandbox::new();
    sandbox
        .vault
        .fault(Fault::on("GET", "/secrets").does(Behaviour::Hold));
    let child = crate::sandbox::start(&mut sandbox.command(["secret", "list"]));
    sandbox.vault.wait_for("GET", 1);
    let limits = std::fs::read_to_string(format!("/proc/{}/limits", child.id())).unwrap();
    let core = limits
        .lines()
        .find(|line| line.starts_with("Max core file size"))
        .unwrap();
    assert_eq!(core.split_whitespace().nth(4), Some("0"), "{core}");
    sandbox.vault.release();
    ran(child.wait_with_output().unwrap()).exits(0);
}

#[test]
fn r101_r102_a_push_leaves_no_files() {
    let sandbox = Sandbox::new();
    let input = format!("{CANARY}\n");
    sandbox.run_with("secret push A --yes", input).exits(0);
    assert_eq!(std::fs::read_dir(sandbox.home()).unwrap().count(), 0);
}
