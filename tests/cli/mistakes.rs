//! Common mistakes and the exact messages of the program, recorded in
//! `tests/cli/mistakes.txt` by `UPDATE_MISTAKES=1 cargo test --test cli mistakes`.

use std::fmt::Write;

use crate::sandbox::Sandbox;

const MISTAKES: &[&str] = &[
    "psuh",
    "login",
    "push A=1",
    "secret psuh A=1",
    "secret set A=1",
    "secret get A",
    "secret delete",
    "secret delete NO_SUCH_SECRET --yes",
    "secret push",
    "secret push .env",
    "secret list FOO",
    "help secret psh",
    "secret push A=1",
    "secret push A= --yes",
    "secret push 1A!=x --yes",
    "secret push A=1 --scope organization",
    "secret push A=1 --scop org",
    "secret push --from-file missing.env --yes",
    "secret push --from-env NOT_SET --yes",
    "secret push -o json A=1",
    "secret claude push --type key",
    "completions tcsh",
];

#[test]
#[expect(clippy::disallowed_methods, reason = "a variable selects writing the file")]
fn everyday_mistakes_are_explained() {
    let sandbox = Sandbox::new();
    let mut transcript = String::new();
    for line in MISTAKES {
        let ran = sandbox.run(line);
        let said = (ran.stdout + &ran.stderr).replace(&sandbox.vault.origin(), "http://VAULT");
        let said = said.replace(&sandbox.home().display().to_string(), "HOME");
        writeln!(transcript, "$ amika {line}\n{said}(exit {})\n", ran.code).unwrap();
    }
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cli/mistakes.txt");
    if std::env::var_os("UPDATE_MISTAKES").is_some() {
        std::fs::write(&path, &transcript).unwrap();
    }
    let written = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        written == transcript,
        "tests/cli/mistakes.txt is out of date:\n{transcript}"
    );
}
