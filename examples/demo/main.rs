//! Runs the everyday commands of the real program against a vault inside this process:
//! `cargo run --example demo`.
#![expect(
    clippy::print_stdout,
    clippy::disallowed_methods,
    reason = "it builds the program and prints what it does"
)]

use std::path::PathBuf;
use std::process::Command;

mod story;
#[path = "../../tests/support/mod.rs"]
mod support;

use story::Story;

fn main() {
    println!("# Building amika, which takes a minute or two the first time.");
    let story = Story::new(build());
    println!(
        "# A vault is running on {}; here is a .env file:\n{}",
        story.vault.origin(),
        story::ENV_FILE
    );
    for step in story::STEPS {
        println!("# {}\n$ {}", step.title, step.line());
        let ran = story.run(step);
        println!("{}(exit {})\n", ran.output, ran.code);
    }
    println!("# The contents of the vault, byte for byte:");
    for family in ["generic", "claude", "codex"] {
        for stored in story.vault.stored(family) {
            println!("{} ({}) = {}", stored.name, stored.scope, stored.value);
        }
    }
}

/// Builds the program, because Cargo does not build it for an example, and returns its path.
fn build() -> PathBuf {
    let example = std::env::current_exe().expect("this program has a path");
    let target = example
        .ancestors()
        .nth(2)
        .expect("examples are in target/PROFILE/examples");
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = Command::new(cargo);
    command
        // Building this example as well selects the features of the dependencies that are already
        // built; for the program alone, Cargo would build the dependencies again.
        .args(["build", "--locked", "--bin", "amika", "--example", "demo"])
        .current_dir(env!("CARGO_MANIFEST_DIR"));
    if target.ends_with("release") {
        command.arg("--release");
    }
    assert!(
        command.status().is_ok_and(|status| status.success()),
        "amika builds"
    );
    target.join(format!("amika{}", std::env::consts::EXE_SUFFIX))
}
