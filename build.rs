//! Passes the commit and the target to the program, for `amika version`. Works without git.

use std::path::Path;
use std::process::Command;

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    // The log changes with every commit, checkout and rebase.
    if let Some(log) = git(&["rev-parse", "--git-path", "logs/HEAD"])
        && Path::new(&log).exists()
    {
        println!("cargo::rerun-if-changed={log}");
    }
    let unknown = || "unknown".to_owned();
    let commit = git(&["rev-parse", "--short=12", "HEAD"]).unwrap_or_else(unknown);
    let date = git(&["log", "-1", "--format=%cs"]).unwrap_or_else(unknown);
    println!("cargo::rustc-env=AMIKA_BUILD_COMMIT={commit}");
    println!("cargo::rustc-env=AMIKA_BUILD_DATE={date}");
    // Cargo sets TARGET for every build script.
    #[expect(clippy::disallowed_methods, reason = "a build script has no Env")]
    let target = std::env::var("TARGET").unwrap_or_else(|_| unknown());
    println!("cargo::rustc-env=AMIKA_BUILD_TARGET={target}");
}

/// Returns the output of git, unless it is not installed or the package is not the root of a
/// repository.
fn git(arguments: &[&str]) -> Option<String> {
    if !Path::new(".git").exists() {
        return None;
    }
    let output = Command::new("git").args(arguments).output().ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    let text = text.trim();
    (output.status.success() && !text.is_empty()).then(|| text.to_owned())
}
