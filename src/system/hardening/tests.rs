use std::process::Command;

/// Helper for the next test, which runs this test alone in a second process.
#[test]
#[expect(clippy::disallowed_methods, reason = "a variable tells the child to panic")]
fn panics_when_asked() {
    if let Ok(text) = std::env::var("PANIC_WITH") {
        super::apply();
        panic!("{text}");
    }
}

/// R97, R121: a panic prints a fixed message, without its payload.
#[test]
fn a_panic_prints_only_a_fixed_message() {
    let output = Command::new(std::env::current_exe().unwrap())
        .args([
            "--exact",
            "system::hardening::tests::panics_when_asked",
            "--nocapture",
        ])
        .env("PANIC_WITH", "hunter2")
        .env("RUST_BACKTRACE", "full")
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains("this is a bug"), "{said}");
    assert!(!said.contains("hunter2"), "{said}");
}
