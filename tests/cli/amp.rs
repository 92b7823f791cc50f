//! `amika secret extract`: the stores of Amp, and the three files of other tools by Amika.

use serde_json::{Value, json};

#[cfg(target_os = "linux")]
use crate::keyring::{store, with_keyring};
use crate::sandbox::{CANARY, Ran, Sandbox, native, ran};

const SECRETS: &str = ".local/share/amp/secrets.json";
const SETTINGS: &str = ".config/amp/settings.json";
const OLD: &str = ".amp/config.json";

fn key(url: &str) -> String {
    format!(r#"{{"apiKey@{url}":"sgamp_user_{CANARY}"}}"#)
}

/// `name`, `origin`, `in_use` and `overridden_by` of every row.
fn rows(run: &Ran) -> Vec<[Value; 4]> {
    let fields = ["name", "origin", "in_use", "overridden_by"];
    let rows = run.json();
    let rows = rows.as_array().unwrap().iter();
    rows.map(|row| fields.map(|field| row[field].clone())).collect()
}

/// R123: Amp compares the URL of a key exactly; a key for another URL is reported.
#[test]
fn only_the_key_for_the_exact_url_is_used() {
    for (stored, variable, found) in [
        ("https://ampcode.com/", "", true),
        ("https://ampcode.com/", "https://ampcode.com", true),
        ("https://ampcode.com", "", false),
        ("http://127.0.0.1:9/", "http://127.0.0.1:9/", true),
        ("http://127.0.0.1:9", "http://127.0.0.1:9/", false),
    ] {
        let sandbox = Sandbox::new();
        sandbox.write(SECRETS, key(stored));
        let mut command = sandbox.command(["secret", "extract", "-o", "json"]);
        let run = ran(command.env("AMP_URL", variable).output().unwrap()).exits(0);
        assert_eq!(rows(&run).len(), usize::from(found), "{stored} {variable}");
        if found {
            assert_eq!(run.stderr, "", "{stored} {variable}");
        } else {
            run.stderr_contains("is not the key that Amp uses");
        }
    }
}

/// R123: `AMP_API_KEY` overrides every store, and is reported with the command to push it.
#[test]
fn a_variable_overrides_the_stored_key() {
    let sandbox = Sandbox::new();
    sandbox.write(SECRETS, key("https://ampcode.com/"));
    let mut command = sandbox.command(["secret", "extract", "-o", "json"]);
    let run = ran(command.env("AMP_API_KEY", CANARY).output().unwrap())
        .exits(0)
        .stderr_contains("amika secret push --from-env AMP_API_KEY");
    assert_eq!(rows(&run)[0][2..], [json!(false), json!("$AMP_API_KEY")]);
    let run = sandbox.run("secret extract -o json").exits(0);
    assert_eq!(rows(&run)[0][2..], [json!(true), Value::Null]);
}

/// R125: a file that Amp itself cannot read is unreadable.
#[test]
fn a_file_with_a_byte_order_mark_is_unreadable() {
    let sandbox = Sandbox::new();
    sandbox.write(SECRETS, format!("\u{feff}{}", key("https://ampcode.com/")));
    let run = sandbox.run("secret extract -o json").exits(4);
    assert_eq!(run.json(), json!([]));
    run.stderr_contains("byte order mark");
}

/// R123: with native storage, the file takes precedence over the keyring.
#[cfg(target_os = "linux")]
#[test]
fn the_file_takes_precedence_over_the_keyring() {
    let sandbox = Sandbox::new();
    sandbox.write(
        SETTINGS,
        r#"{"amp.experimental.cli.nativeSecretsStorage.enabled":true}"#,
    );
    sandbox.write(SECRETS, key("https://ampcode.com/"));
    let script = store("amp.cli.apiKey", "ampcode.com", CANARY)
        + "\"$AMIKA\" secret extract --all -o json; rm .local/share/amp/secrets.json; \"$AMIKA\" secret extract --quiet";
    if let Some(run) = with_keyring(&sandbox, &script) {
        let run = run
            .exits(0)
            .stdout_contains("keychain item amp.cli.apiKey (ampcode.com)");
        let both: Value = serde_json::from_str(run.stdout.lines().next().unwrap()).unwrap();
        let file = json!(sandbox.path(SECRETS));
        assert_eq!(both[0]["origin"], file);
        assert_eq!(
            (&both[1]["in_use"], &both[1]["overridden_by"]),
            (&json!(false), &file)
        );
    }
}

/// R126: a selected keyring that cannot be reached is unreadable.
#[test]
fn a_selected_keyring_that_cannot_be_reached_is_unreadable() {
    let sandbox = Sandbox::new();
    sandbox.write(
        SETTINGS,
        r#"{"amp.experimental.cli.nativeSecretsStorage.enabled":true}"#,
    );
    sandbox
        .run("secret extract")
        .exits(4)
        .stderr_contains("amp.cli.apiKey");
}

/// R128: tokens that cannot be pushed and unknown kinds of entries are reported.
#[test]
fn other_entries_of_amp_are_reported() {
    let sandbox = Sandbox::new();
    sandbox.write(
        SECRETS,
        format!(
            r#"{{"oauth-refresh-token@https://ampcode.com/":"{CANARY}","mcp-oauth-token@x":"{CANARY}","later":"{CANARY}"}}"#
        ),
    );
    sandbox
        .run("secret extract")
        .exits(0)
        .stderr_contains("is a refresh token without its key")
        .stderr_contains("is for an MCP server")
        .stderr_contains("the entry \"later\" has an unknown kind");
}

/// R123: an Amp key in the old file is named like Amp's own, and is not in use: current versions of
/// Amp do not read that file.
#[test]
fn an_amp_key_in_the_old_file_is_named_amp_api_key() {
    let sandbox = Sandbox::new();
    sandbox.write(
        OLD,
        format!(r#"{{"apiKey":"sgamp_user_{CANARY}","auth":{{"token":"sk-ant-{CANARY}"}},"later":1}}"#),
    );
    let run = sandbox
        .run("secret extract -o json")
        .exits(0)
        .stderr_contains("\\\"later\\\"");
    let found: Vec<_> = rows(&run)
        .into_iter()
        .map(|[name, _, in_use, _]| (name, in_use))
        .collect();
    let names = ["AMP_API_KEY", "ANTHROPIC_API_KEY", "CLAUDE_API_KEY"];
    assert_eq!(found, names.map(|name| (json!(name), json!(false))));
}

/// R124: relative XDG directories are followed, as by Amp.
#[test]
fn relative_directories_are_followed() {
    let sandbox = Sandbox::new();
    sandbox.write("data/amp/secrets.json", key("https://x.example/"));
    sandbox.write("config/amp/settings.json", r#"{"amp.url":"https://x.example/"}"#);
    let mut command = sandbox.command(["secret", "extract", "-o", "json"]);
    command
        .env("XDG_DATA_HOME", "data")
        .env("XDG_CONFIG_HOME", "config");
    let run = ran(command.output().unwrap()).exits(0);
    assert_eq!(rows(&run)[0][1], json!(native("data/amp/secrets.json")));
}

/// R128: names are compared case-insensitively, whitespace is trimmed, and other entries are reported.
#[test]
fn skipped_entries_of_key_files_are_reported() {
    let sandbox = Sandbox::new();
    sandbox.write(
        ".cache/amika/env-cache.json",
        format!(
            r#"{{"groq_Api_key":" a-{CANARY}\r\n","GROQ_API_KEY":"b-{CANARY}","PORT":"1","XAI_API_KEY":["{CANARY}"],"B_API_KEY":" ","N":null}}"#
        ),
    );
    let run = sandbox
        .run("secret extract --push --yes")
        .exits(0)
        .stderr_contains("the entry \"GROQ_API_KEY\" maps to the same secret as the entry \"groq_Api_key\"")
        .stderr_contains("the entry \"PORT\", the entry \"XAI_API_KEY\"");
    assert!(!run.stderr.contains("B_API_KEY"), "{}", run.stderr);
    let pushed = sandbox.vault.value("GROQ_API_KEY", "user");
    assert_eq!(pushed, Some(format!("a-{CANARY}")));
}
