//! Runs each command that a message suggests, and checks its effect.

use std::collections::BTreeSet;
use std::path::Path;

use crate::replace::run_shell;
use crate::sandbox::{CANARY, Sandbox};
use crate::support::vault::API_KEY;

/// A command as in the source, a shell line that applies it, and the value stored afterwards.
struct Hint(&'static str, &'static str, Option<&'static str>);

const LOGIN: &str = r#"{"claudeAiOauth":{"accessToken":"c4n4ry","scopes":["user:inference"]}}"#;
const CODEX: &str = r#"{"OPENAI_API_KEY":"sk-c4n4ry"}"#;
const FROM_FILE: &str = "amika secret push NAME --yes < value.txt";
const FROM_ENV: &str = "NAME=c4n4ry amika secret push --from-env NAME --yes";
const PIPED: &str = "printf c4n4ry | amika secret push NAME --yes";

const HINTS: &[Hint] = &[
    Hint(
        "amika auth login",
        "unset AMIKA_API_KEY; amika auth login --no-browser",
        None,
    ),
    Hint(
        "amika auth login --api-key-file FILE",
        "unset AMIKA_API_KEY; amika auth login --api-key-file key.txt",
        None,
    ),
    Hint("amika auth logout", "amika auth logout", None),
    Hint("amika auth status", "amika auth status", None),
    Hint("amika version", "amika version", None),
    Hint("amika secret list", "amika secret list", None),
    Hint("amika secret check", "amika secret check", None),
    Hint("amika secret extract", "amika secret extract", None),
    Hint(
        "amika secret extract --export",
        "eval \"$(amika secret extract --export)\"; test \"$OPENAI_API_KEY\" = sk-c4n4ry",
        None,
    ),
    Hint("amika secret claude", "amika secret claude list", None),
    Hint("amika secret codex", "amika secret codex list", None),
    Hint("amika secret {} list", "amika secret claude list", None),
    Hint("amika secret delete", "amika secret delete OLD --yes", None),
    Hint("amika secret delete NAME", "amika secret delete OLD --yes", None),
    Hint(
        "amika secret {} delete {id}",
        "amika secret claude delete sec_gone",
        None,
    ),
    Hint(
        "amika secret push",
        "amika secret push NAME=c4n4ry --yes",
        Some(CANARY),
    ),
    Hint("amika secret push NAME", PIPED, Some(CANARY)),
    Hint("amika secret push {}", PIPED, Some(CANARY)),
    Hint("amika secret push {name}", PIPED, Some(CANARY)),
    Hint("amika secret push {variable}", PIPED, Some(CANARY)),
    Hint("amika secret push ANTHROPIC_API_KEY", PIPED, Some(CANARY)),
    Hint("amika secret push ANTHROPIC_API_KEY --yes", PIPED, Some(CANARY)),
    Hint("amika secret push GEMINI_API_KEY", PIPED, Some(CANARY)),
    Hint("amika secret push --help", "amika secret push --help", None),
    Hint("amika secret push {name} --yes < FILE", FROM_FILE, Some(CANARY)),
    Hint("amika secret push {name} --yes < {path}", FROM_FILE, Some(CANARY)),
    Hint("amika secret push --from-env {name}", FROM_ENV, Some(CANARY)),
    Hint("amika secret push --from-env {variable}", FROM_ENV, Some(CANARY)),
    Hint("amika secret push --from-env AMP_API_KEY", FROM_ENV, Some(CANARY)),
    Hint(
        "amika secret push --from-env CODEX_ACCESS_TOKEN",
        FROM_ENV,
        Some(CANARY),
    ),
    Hint(
        "amika secret claude push --type oauth",
        "amika secret claude push --type oauth",
        Some(LOGIN),
    ),
    Hint(
        "amika secret {} push --type oauth",
        "amika secret claude push --type oauth",
        Some(LOGIN),
    ),
    Hint(
        "amika secret claude push --type api_key",
        "ANTHROPIC_API_KEY=sk-ant-c4n4ry amika secret claude push --type api_key",
        Some("sk-ant-c4n4ry"),
    ),
    Hint(
        "amika secret codex push --type api_key",
        "amika secret codex push --type api_key",
        Some("sk-c4n4ry"),
    ),
    Hint(
        "amika secret {} push --type api_key",
        "amika secret codex push --type api_key",
        Some("sk-c4n4ry"),
    ),
    Hint(
        "amika secret {id} push --type api_key",
        "amika secret codex push --type api_key",
        Some("sk-c4n4ry"),
    ),
    Hint(
        "amika secret {id} push --from-file FILE",
        "amika secret claude push --from-file value.txt",
        Some(CANARY),
    ),
    Hint(
        "amika secret {} push --from-file FILE",
        "amika secret claude push --from-file value.txt",
        Some(CANARY),
    ),
    Hint(
        "amika secret {} push",
        "amika secret claude push --from-file value.txt",
        Some(CANARY),
    ),
    // The rest of the command is the backup of an interrupted replacement; see `recovery`.
    Hint(
        "amika secret {} push --from-file {}",
        "amika secret claude push --from-file value.txt",
        Some(CANARY),
    ),
];

/// R134: each command of the table has the intended effect.
#[test]
fn every_suggested_command_works() {
    for Hint(command, line, stored) in HINTS {
        let sandbox = Sandbox::new();
        sandbox.vault.seed("OLD", "old", "user");
        for (file, content) in [
            (".claude/.credentials.json", LOGIN),
            (".codex/auth.json", CODEX),
            ("value.txt", CANARY),
            ("key.txt", API_KEY),
            (".amika/config.toml", "[env]\n"),
        ] {
            sandbox.write(file, content);
        }
        run_shell(&sandbox, line).exits(0);
        let families = ["generic", "claude", "codex"].into_iter();
        let mut values = families.flat_map(|family| sandbox.vault.stored(family));
        if let Some(stored) = stored {
            assert!(values.any(|secret| secret.value == *stored), "{command}");
        }
    }
}

/// R134: the table contains every command that a message in the source suggests.
#[test]
fn every_suggested_command_is_tested() {
    let mut named = BTreeSet::new();
    commands_below(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), &mut named);
    let tested: BTreeSet<_> = HINTS
        .iter()
        .map(|Hint(command, ..)| (*command).to_owned())
        .collect();
    let missing: Vec<_> = named.difference(&tested).collect();
    let unknown: Vec<_> = tested.difference(&named).collect();
    assert!(
        missing.is_empty() && unknown.is_empty(),
        "not tested: {missing:#?}\nnot named: {unknown:#?}"
    );
}

/// The commands in the messages of every file below `directory`. Commands at the start of a line are
/// examples in help texts, not messages.
fn commands_below(directory: &Path, commands: &mut BTreeSet<String>) {
    for entry in std::fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        if path.is_dir() {
            commands_below(&path, commands);
        } else if path.extension().is_some_and(|extension| extension == "rs")
            && name != "tests.rs"
            && name != "docs.rs"
        {
            let text = std::fs::read_to_string(&path).unwrap().replace("\r\n", "\n");
            let code = text.split("#[cfg(test)]\nmod tests {").next().unwrap();
            for line in code.lines().map(str::trim).filter(|line| !line.starts_with("//")) {
                if line.starts_with("amika ") || line.contains("Example") {
                    continue;
                }
                for (start, _) in line.match_indices("amika ") {
                    let command = line[start..]
                        .split(['\'', '"', ';', '\\', '`', ')'])
                        .next()
                        .unwrap()
                        .trim();
                    let word = command.split(' ').nth(1).unwrap_or_default();
                    if ["auth", "secret", "version", "man"].contains(&word) {
                        commands.insert(command.to_owned());
                    }
                }
            }
        }
    }
}
