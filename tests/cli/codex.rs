//! Which credential Codex itself would use.

use std::fs;

use serde_json::{Value, json};

#[cfg(target_os = "linux")]
use crate::sandbox::with_etc;
use crate::sandbox::{CANARY, Ran, Sandbox, ran};

const AUTH: &str = ".codex/auth.json";
const CONFIG: &str = ".codex/config.toml";
const KEY: &str = r#"{"OPENAI_API_KEY":"sk-proj-CANARY"}"#;
#[cfg(target_os = "linux")]
const KEYRING: &str = "cli_auth_credentials_store = \"keyring\"\n";
const EPHEMERAL: &str = "cli_auth_credentials_store = \"ephemeral\"\n";
/// A JSON Web Token without claims.
const JWT: &str = "e30.e30.c2ln";

fn sandbox(files: &[(&str, &str)]) -> Sandbox {
    let sandbox = Sandbox::new();
    for (path, content) in files {
        sandbox.write(path, content.replace("CANARY", CANARY));
    }
    sandbox
}

fn extract(sandbox: &Sandbox, directory: &str, variables: &[(&str, &str)]) -> Ran {
    let directory = sandbox.home().join(directory);
    fs::create_dir_all(&directory).unwrap();
    let mut command = sandbox.command(["secret", "extract", "-o", "json"]);
    command.envs(variables.iter().copied()).current_dir(directory);
    ran(command.output().unwrap())
}

fn in_use(run: &Ran) -> Value {
    run.json()[0]["in_use"].clone()
}

/// R123: variables that override the login are named.
#[test]
fn every_override_of_a_codex_login_is_named() {
    for variable in [
        "CODEX_API_KEY",
        "CODEX_ACCESS_TOKEN",
        "OPENAI_FEDERATION_RULE_ID",
        "OPENAI_IDENTITY_TOKEN_FILE",
    ] {
        let blank = extract(&sandbox(&[(AUTH, KEY)]), ".", &[(variable, " ")]).exits(0);
        assert_eq!(in_use(&blank), json!(true), "{variable}");
        let run = extract(&sandbox(&[(AUTH, KEY)]), ".", &[(variable, CANARY)]).exits(0);
        assert_eq!(in_use(&run), json!(false));
        assert_eq!(run.json()[0]["overridden_by"], format!("${variable}"));
        run.stderr_contains(&format!("${variable}"))
            .stderr_contains("push");
    }
    let run = extract(&sandbox(&[(AUTH, KEY)]), ".", &[("OPENAI_API_KEY", CANARY)]).exits(0);
    assert_eq!(in_use(&run), json!(true));
    run.stderr_contains("does not sign in with it");
}

/// R123: a model provider with its own credential overrides the login.
#[test]
fn another_model_provider_overrides_the_login() {
    for (login, word) in [
        (
            "experimental_bearer_token = \"CANARY\"",
            "a token in the configuration",
        ),
        ("env_key = \"ACME_KEY\"", "push --from-env ACME_KEY"),
        (
            "http_headers = { Authorization = \"Bearer CANARY\" }",
            "headers of",
        ),
        ("auth = { command = \"touch\", args = [\"ran\"] }", "does not run"),
    ] {
        let config = format!("model_provider = \"acme\"\n[model_providers.acme]\n{login}\n");
        let world = sandbox(&[(AUTH, KEY), (CONFIG, &config)]);
        let run = extract(&world, ".", &[]).exits(0).stderr_contains(word);
        assert_eq!(in_use(&run), json!(false), "{login}");
        assert!(!world.home().join("ran").exists());
    }
    let own = "model_provider = \"acme\"\n[model_providers.acme]\nrequires_openai_auth = true\n";
    assert_eq!(
        in_use(&extract(&sandbox(&[(AUTH, KEY), (CONFIG, own)]), ".", &[])),
        json!(true)
    );
    let other = "[model_providers.acme]\nexperimental_bearer_token = \"CANARY\"\n";
    let run = extract(&sandbox(&[(AUTH, KEY), (CONFIG, other)]), ".", &[]).exits(0);
    assert_eq!(in_use(&run), json!(true));
    run.stderr_contains("not selected");
}

/// R123: a login is not in use if the configuration excludes its method.
#[test]
fn a_forced_login_method_is_respected() {
    let tokens =
        format!(r#"{{"tokens":{{"id_token":"{JWT}","access_token":"{CANARY}","refresh_token":"r"}}}}"#);
    for (forced, auth, used) in [
        ("chatgpt", KEY, false),
        ("api", KEY, true),
        ("chatgpt", &tokens, true),
        ("api", &tokens, false),
    ] {
        let config = format!("forced_login_method = \"{forced}\"\n");
        let run = extract(&sandbox(&[(AUTH, auth), (CONFIG, &config)]), ".", &[]).exits(0);
        assert_eq!(in_use(&run), json!(used), "{forced}");
        assert_eq!(run.stderr.contains("forced_login_method in"), !used, "{forced}");
    }
}

/// R123: a login is not in use if the configuration requires another workspace.
#[test]
fn a_forced_workspace_is_respected() {
    let tokens = format!(
        r#"{{"tokens":{{"id_token":"{JWT}","access_token":"{CANARY}","refresh_token":"r","account_id":"mine"}}}}"#
    );
    for (workspace, used) in [
        ("\"mine\"", true),
        ("[\"other\", \"mine\"]", true),
        ("\"other\"", false),
    ] {
        let config = format!("forced_chatgpt_workspace_id = {workspace}\n");
        let run = extract(&sandbox(&[(AUTH, &tokens), (CONFIG, &config)]), ".", &[]).exits(0);
        assert_eq!(in_use(&run), json!(used), "{workspace}");
    }
}

/// R124: if Codex rejects its configuration and does not start, `in_use` is unknown.
#[test]
fn a_configuration_that_codex_rejects_is_reported() {
    for (config, code) in [
        ("cli_auth_credentials_store = \"File\"\n", 4),
        ("cli_auth_credentials_store = 7\n", 4),
        ("x =\n", 4),
        ("profile = \"work\"\n", 0),
    ] {
        let run = extract(&sandbox(&[(AUTH, KEY), (CONFIG, config)]), ".", &[]).exits(code);
        assert_eq!(in_use(&run), Value::Null, "{config}");
        run.stderr_contains("config.toml");
    }
}

/// R128: a file that declares a sign-in method but lacks its key or tokens is reported.
#[test]
fn an_incomplete_login_is_reported() {
    for (content, word) in [
        (r#"{"auth_mode":"apikey"}"#, "OPENAI_API_KEY"),
        (
            r#"{"auth_mode":"apikey","OPENAI_API_KEY":null}"#,
            "OPENAI_API_KEY",
        ),
        (r#"{"auth_mode":"chatgpt"}"#, "`tokens`"),
        (r#"{"auth_mode":"","OPENAI_API_KEY":"CANARY"}"#, "unknown method"),
    ] {
        let run = extract(&sandbox(&[(AUTH, content)]), ".", &[]).exits(0);
        assert_eq!(run.json(), json!([]), "{content}");
        run.stderr_contains(word);
    }
    for nothing in [
        "{}",
        r#"{"OPENAI_API_KEY":null}"#,
        r#"{"OPENAI_API_KEY":"","tokens":null}"#,
    ] {
        let run = extract(&sandbox(&[(AUTH, nothing)]), ".", &[]).exits(0);
        assert_eq!((run.json(), run.stderr.as_str()), (json!([]), ""), "{nothing}");
    }
    let tokens =
        format!(r#"{{"tokens":{{"id_token":"{JWT}","access_token":"{CANARY}","refresh_token":"r"}}}}"#);
    extract(&sandbox(&[(AUTH, &tokens)]), ".", &[])
        .exits(0)
        .stderr_contains("last_refresh");
}

/// R126: a selected keyring that cannot be reached is unreadable; the unused file of Codex is reported
/// but not listed.
#[test]
fn a_selected_keyring_that_cannot_be_reached_is_unreadable() {
    // On Windows, Codex stores an encrypted file instead of a keyring item by default.
    let store =
        |name| format!("cli_auth_credentials_store = {name:?}\nfeatures.secret_auth_storage = false\n");
    let world = sandbox(&[(AUTH, KEY), (CONFIG, &store("keyring"))]);
    let run = extract(&world, ".", &[]).exits(4);
    assert_eq!(run.json(), json!([]));
    run.stderr_contains("AMIKA_KEYCHAIN is off")
        .stderr_contains("Codex does not use it");
    let run = extract(
        &world,
        ".",
        &[
            ("AMIKA_KEYCHAIN", "on"),
            ("DBUS_SESSION_BUS_ADDRESS", "unix:path=/nonexistent"),
        ],
    );
    #[cfg(target_os = "linux")]
    run.exits(4).stderr_contains("no keyring service");
    #[cfg(not(target_os = "linux"))]
    drop(run);
    world.run("secret extract --skip-unreadable").exits(0);
    // With `auto`, Codex falls back to the file, but the keyring may contain another login.
    let auto = sandbox(&[(AUTH, KEY), (CONFIG, &store("auto"))]);
    let run = extract(&auto, ".", &[])
        .exits(0)
        .stderr_contains("could not be reached");
    assert_eq!(run.json()[0]["source"], "codex");
    let nothing = sandbox(&[(CONFIG, &store("auto"))]);
    extract(&nothing, ".", &[]).exits(4);
}

/// R124: the configuration of a project applies if the user trusts the project.
#[test]
fn a_trusted_project_selects_the_store() {
    let world = sandbox(&[
        (AUTH, KEY),
        ("repo/.codex/config.toml", EPHEMERAL),
        ("repo/.git/HEAD", ""),
    ]);
    let root = world.home().join("repo");
    fs::create_dir_all(root.join("sub")).unwrap();
    assert_eq!(in_use(&extract(&world, "repo/sub", &[])), json!(true));
    for (level, found) in [("untrusted", true), ("trusted", false)] {
        let trust = format!(
            "[projects.{:?}]\ntrust_level = \"{level}\"\n",
            if cfg!(windows) {
                root.clone()
            } else {
                root.canonicalize().unwrap()
            }
        );
        world.write(CONFIG, trust);
        let run = extract(&world, "repo/sub", &[]).exits(0);
        assert_eq!(run.json().as_array().unwrap().is_empty(), !found, "{level}");
    }
    let run = extract(&world, "repo/sub", &[]);
    run.stderr_contains("in memory only")
        .stderr_contains("Codex does not use it");
}

/// R124: the system-wide configuration is the weakest layer, the managed one the strongest.
#[cfg(target_os = "linux")]
#[test]
fn the_configuration_of_the_machine_selects_the_store() {
    const FILE: &str = "cli_auth_credentials_store = \"file\"\n";
    for (system, user, managed, code, found) in [
        (KEYRING, "", "", 4, false),
        (KEYRING, FILE, "", 0, true),
        ("", KEYRING, FILE, 0, true),
        ("", FILE, KEYRING, 4, false),
        ("", "", EPHEMERAL, 0, false),
    ] {
        let world = sandbox(&[
            (AUTH, KEY),
            (CONFIG, user),
            ("etc/codex/config.toml", system),
            ("etc/codex/managed_config.toml", managed),
        ]);
        let Some(run) = with_etc(&world, &world.command(["secret", "extract", "-o", "json"])) else {
            return;
        };
        let run = run.exits(code);
        let empty = run.json().as_array().unwrap().is_empty();
        assert_eq!(empty, !found, "{system} {user} {managed}");
    }
}

/// R125: a file that Codex cannot read is unreadable.
#[test]
fn a_login_that_codex_cannot_read_is_not_listed() {
    for (content, word) in [
        (
            r#"{"tokens":{"access_token":"CANARY","refresh_token":"r"}}"#,
            "id_token",
        ),
        (
            r#"{"tokens":{"id_token":"CANARY","access_token":"CANARY","refresh_token":"r"}}"#,
            "id_token",
        ),
        (
            r#"{"tokens":{"id_token":"e30.e30.c2ln","access_token":"CANARY"}}"#,
            "refresh_token",
        ),
        (
            r#"{"tokens":{"id_token":"e30.e30.c2ln","access_token":"CANARY","refresh_token":"r"},"last_refresh":"soon"}"#,
            "last_refresh",
        ),
        ("\u{feff}{\"OPENAI_API_KEY\":\"CANARY\"}", "byte order mark"),
    ] {
        let run = extract(&sandbox(&[(AUTH, content)]), ".", &[]).exits(4);
        assert_eq!(run.json(), json!([]), "{content}");
        run.stderr_contains(word);
    }
}
