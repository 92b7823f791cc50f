//! Keeps secrets out of core dumps and panic messages.

use std::io::Write;

/// Disables core dumps, and makes a panic end the program with a fixed message, because the panic's
/// own text may contain a secret.
#[expect(clippy::exit, reason = "after a panic nothing else may run")]
pub(crate) fn apply() {
    forbid_core_dumps();
    std::panic::set_hook(Box::new(|_| {
        let _ = writeln!(
            std::io::stderr(),
            "error: amika crashed; this is a bug, please report it"
        );
        std::process::exit(1)
    }));
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
mod tests;
