//! `amika secret extract`: OpenCode's configuration and `auth.json`. The expected results
//! are those of OpenCode 1.18.33 with the same files (`/config/providers` of its server).

use std::fs;
use std::process::Command;

use serde_json::{Value, json};

use crate::sandbox::{CANARY, Ran, Sandbox, native, ran};

const AUTH: &str = ".local/share/opencode/auth.json";
const CONFIG: &str = ".config/opencode/opencode.json";
const DATABASE: &str = ".local/share/opencode/opencode.db";

fn extract(sandbox: &Sandbox) -> Command {
    sandbox.command(["secret", "extract", "--all", "-o", "json"])
}

fn finish(command: &mut Command) -> Ran {
    ran(command.output().unwrap()).exits(0)
}

fn api(id: &str) -> String {
    format!(r#"{{"{id}":{{"type":"api","key":"auth-{CANARY}"}}}}"#)
}

/// A configuration with this text as the key of the provider groq.
fn configuration(key: &str) -> String {
    json!({ "provider": { "groq": { "options": { "apiKey": key } } } }).to_string()
}

/// `origin`, `state`, `in_use` and `overridden_by` of every row.
fn rows(run: &Ran) -> Vec<[Value; 4]> {
    let rows = run.json();
    let fields = ["origin", "state", "in_use", "overridden_by"];
    let rows = rows.as_array().unwrap().iter();
    rows.map(|row| fields.map(|field| row[field].clone())).collect()
}

/// R123: a key in the configuration overrides the one in `auth.json`.
#[test]
fn a_configured_key_overrides_the_stored_key() {
    let sandbox = Sandbox::new();
    sandbox.write(AUTH, api("groq"));
    sandbox.write(CONFIG, configuration(&format!(" cfg-{CANARY}\n")));
    let run = finish(&mut extract(&sandbox));
    let (config, auth) = (sandbox.path(CONFIG), sandbox.path(AUTH));
    assert_eq!(
        rows(&run),
        [
            [json!(config), json!("chosen"), json!(true), Value::Null],
            [json!(auth), json!("outranked"), json!(false), json!(config)],
        ]
    );
    sandbox.run("secret extract --push --yes").exits(0);
    let pushed = sandbox.vault.value("GROQ_API_KEY", "user");
    assert_eq!(
        pushed,
        Some(format!("cfg-{CANARY}")),
        "without surrounding whitespace"
    );
}

/// R123: a provider that the configuration disables is not in use.
#[test]
fn a_provider_that_is_switched_off_is_not_in_use() {
    for (configuration, by) in [
        (r#"{"disabled_providers":["groq"]}"#, Some("disabled_providers")),
        (r#"{"enabled_providers":["openai"]}"#, Some("enabled_providers")),
        (
            r#"{"disabled_providers":["openai"],"enabled_providers":["groq"]}"#,
            None,
        ),
    ] {
        let sandbox = Sandbox::new();
        sandbox.write(AUTH, api("groq"));
        sandbox.write(CONFIG, configuration);
        let run = finish(&mut extract(&sandbox));
        let file: std::path::PathBuf = sandbox.home().join(CONFIG).components().collect();
        let by = by.map(|key| format!("{key} in {}", file.display()));
        assert_eq!(
            rows(&run)[0][2..],
            [json!(by.is_none()), json!(by)],
            "{configuration}"
        );
    }
}

/// R124: if OpenCode rejects its configuration and does not start, `in_use` is unknown.
#[test]
fn a_configuration_that_opencode_rejects_is_reported() {
    for (content, code) in [
        ("{\"provider\":".to_owned(), 4),
        (configuration("").replace("\"\"", "7"), 0),
    ] {
        let sandbox = Sandbox::new();
        sandbox.write(AUTH, api("groq"));
        sandbox.write(CONFIG, &content);
        let run = ran(extract(&sandbox).output().unwrap()).exits(code);
        assert_eq!(rows(&run)[0][2], Value::Null, "{content}");
        run.stderr_contains("opencode.json");
    }
}

/// R125: an entry without a member that OpenCode requires is reported, and not in use.
#[test]
fn an_entry_that_opencode_does_not_use_is_reported() {
    for (entry, found, word) in [
        (
            r#"{"type":"oauth","access":"CANARY","expires":0}"#,
            true,
            "`refresh`",
        ),
        (
            r#"{"type":"oauth","access":"CANARY","refresh":"r"}"#,
            true,
            "`expires`",
        ),
        (r#"{"type":"oauth","refresh":"r","expires":0}"#, false, "`access`"),
        (r#"{"type":"api"}"#, false, "`key`"),
    ] {
        let sandbox = Sandbox::new();
        sandbox.write(AUTH, format!(r#"{{"groq":{}}}"#, entry.replace("CANARY", CANARY)));
        let run = finish(&mut extract(&sandbox)).stderr_contains(word);
        let in_use: Vec<_> = rows(&run).into_iter().map(|[_, _, in_use, _]| in_use).collect();
        let expected: Vec<_> = found.then_some(json!(false)).into_iter().collect();
        assert_eq!(in_use, expected, "{entry}");
    }
}

/// R123, R128: the strongest layer of the configuration applies, in OpenCode's order.
#[test]
fn every_layer_of_the_configuration_is_read_in_order() {
    let sandbox = Sandbox::new();
    fs::create_dir_all(sandbox.home().join("project/.git")).unwrap();
    fs::create_dir_all(sandbox.home().join("project/inner")).unwrap();
    // The weakest first. Each layer is added to the previous ones.
    let layers = [
        ".config/opencode/config.json",
        ".config/opencode/opencode.json",
        ".config/opencode/opencode.jsonc",
        "custom.json",
        "project/opencode.json",
        "project/opencode.jsonc",
        "project/inner/opencode.json",
        "project/inner/.opencode/opencode.json",
        "project/.opencode/opencode.jsonc",
        ".opencode/opencode.json",
        "directory/opencode.json",
    ];
    for layer in layers {
        sandbox.write(
            layer,
            format!(
                "// mine\n{},",
                configuration(CANARY).trim_end_matches('}').to_owned() + "}},},}"
            )
            .trim_end_matches(','),
        );
        let run = finish(
            extract(&sandbox)
                .current_dir(sandbox.home().join("project/inner"))
                .env("OPENCODE_CONFIG", sandbox.home().join("custom.json"))
                .env("OPENCODE_CONFIG_DIR", sandbox.home().join("directory")),
        );
        let origins: Vec<_> = rows(&run).into_iter().map(|[origin, ..]| origin).collect();
        assert_eq!(origins, [json!(sandbox.path(layer))]);
    }
    let run = finish(
        extract(&sandbox)
            .env("OPENCODE_CONFIG_CONTENT", configuration(CANARY))
            .current_dir(sandbox.home().join("project/inner")),
    );
    assert_eq!(rows(&run)[0][0], "$OPENCODE_CONFIG_CONTENT");
    let run = finish(
        extract(&sandbox)
            .env("OPENCODE_DISABLE_PROJECT_CONFIG", "1")
            .current_dir(sandbox.home().join("project/inner")),
    );
    assert_eq!(rows(&run)[0][0], json!(sandbox.path(".opencode/opencode.json")));
}

/// R123: a reference is reported with the command to push its target.
#[test]
fn a_reference_is_reported_and_not_resolved() {
    for (key, named) in [
        ("{env:MY_GROQ}", "amika secret push --from-env MY_GROQ"),
        (
            "{file:keys/groq}",
            "amika secret push GROQ_API_KEY --yes < ~/.config/opencode/keys/groq",
        ),
        ("{file:~/groq}", "< ~/groq"),
        ("x{env:MY_GROQ}", "composed of references"),
        ("", "which is empty"),
    ] {
        let sandbox = Sandbox::new();
        sandbox.write(AUTH, api("groq"));
        sandbox.write(CONFIG, configuration(key));
        sandbox.write(".config/opencode/keys/groq", CANARY);
        sandbox.run("secret extract").exits(0).stderr_contains(named);
        let run = sandbox.run("secret extract -o json").exits(0);
        let rows = rows(&run);
        assert_eq!(rows.len(), 1, "{key}");
        assert_eq!(rows[0][2..], [json!(false), json!(sandbox.path(CONFIG))], "{key}");
    }
}

/// R128: every entry of `auth.json` is listed or reported.
#[test]
fn unusable_entries_are_reported() {
    for (entries, named) in [
        (
            r#"{"groq":{"type":"later","key":"CANARY"}}"#,
            "the entry \\\"groq\\\" has an unknown type",
        ),
        (r#"{"groq":{"key":"CANARY"}}"#, "\\\"groq\\\" has an unknown type"),
        (r#"{"groq":"CANARY"}"#, "\\\"groq\\\" is not an object"),
        (
            r#"{"größe":{"type":"api","key":"CANARY"}}"#,
            "größe\\\" has an invalid provider name",
        ),
        (
            r#"{"sk-or-CANARY$":{"type":"api","key":"x"},"$":{"type":"api","key":"x"}}"#,
            "\\\"$\\\" has an invalid provider name",
        ),
        (
            r#"{"https://x.example":{"type":"wellknown","key":"X_TOKEN","token":"CANARY"}}"#,
            "amika secret push X_TOKEN",
        ),
    ] {
        let sandbox = Sandbox::new();
        sandbox.write(AUTH, entries.replace("CANARY", CANARY));
        sandbox
            .run("secret extract -o json")
            .exits(0)
            .stderr_contains(named);
    }
}

/// R128: if two ids map to the same secret name, the skipped one is reported.
#[test]
fn ids_that_map_to_the_same_name_are_reported() {
    let sandbox = Sandbox::new();
    let entry = |key: &str| format!(r#"{{"type":"api","key":"{key}-{CANARY}"}}"#);
    sandbox.write(
        AUTH,
        format!(r#"{{"groq":{},"groq/":{}}}"#, entry("a"), entry("b")),
    );
    let run = sandbox
        .run("secret extract --all")
        .exits(0)
        .stderr_contains("the entry \"groq/\" maps to the same secret as the entry \"groq\"");
    assert_eq!(run.stdout.matches("GROQ_API_KEY").count(), 1);
}

/// R123: `OPENCODE_AUTH_CONTENT` replaces the file, unless it is invalid JSON.
#[test]
fn the_variable_replaces_the_file_unless_it_is_broken() {
    let sandbox = Sandbox::new();
    sandbox.write(AUTH, api("groq"));
    let with = |content: &str| {
        let mut command = extract(&sandbox);
        ran(command.env("OPENCODE_AUTH_CONTENT", content).output().unwrap())
    };
    let run = with(&api("mistral")).exits(0).stderr_contains("does not read");
    assert_eq!(run.json()[0]["name"], "MISTRAL_API_KEY");
    assert_eq!(run.json().as_array().unwrap().len(), 1);
    let run = with(&format!("{{{CANARY}"))
        .exits(4)
        .stderr_contains("reads auth.json instead");
    assert_eq!(run.json()[0]["name"], "GROQ_API_KEY");
}

/// R124: relative XDG directories are followed, as by OpenCode.
#[test]
fn relative_directories_are_followed() {
    let sandbox = Sandbox::new();
    sandbox.write("data/opencode/auth.json", api("groq"));
    let run = finish(extract(&sandbox).env("XDG_DATA_HOME", "data"));
    assert_eq!(rows(&run)[0][0], json!(native("data/opencode/auth.json")));
}

/// R128: the database, in which OpenCode 2 stores its logins, is named if `auth.json` has none.
#[test]
fn a_database_is_named_if_there_is_nothing_else() {
    let sandbox = Sandbox::new();
    sandbox.write(DATABASE, "SQLite format 3\0");
    let notice = "opencode.db may hold logins of OpenCode that amika does not read";
    sandbox.run("secret extract").exits(0).stderr_contains(notice);
    sandbox.write(AUTH, api("groq"));
    assert_eq!(sandbox.run("secret extract").exits(0).stderr, "");
}
