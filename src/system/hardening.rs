//! Keeps secrets out of core dumps and panic messages.

use std::io::Write;

/// Disables core dumps, and makes a panic end the program with a fixed message, because the panic's
/// own text may contain a secret.
pub(crate) fn apply() {
    forbid_core_dumps();
    std::panic::set_hook(Box::new(|_| {
        let _ = writeln!(
            std::io::stderr(),
            "error: amika crashed; this is a bug, please report it"
        );
        end();
    }));
}

#[expect(clippy::exit, reason = "after a panic nothing else may run")]
fn end() -> ! {
    std::process::exit(1)
}

#[cfg(unix)]
fn forbid_core_dumps() {
    use rustix::process::{Resource, Rlimit, setrlimit};
    // If the system refuses, its existing limits stay in force.
    let _ = setrlimit(
        Resource::Core,
        Rlimit {
            current: Some(0),
            maximum: Some(0),
        },
    );
    #[cfg(target_os = "linux")]
    let _ = rustix::process::set_dumpable_behavior(rustix::process::DumpableBehavior::NotDumpable);
}

#[cfg(not(unix))]
fn forbid_core_dumps() {}

#[cfg(test)]
mod tests {
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
}
