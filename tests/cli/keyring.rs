//! A real Secret Service with items written by another program.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use crate::sandbox::{
    CANARY, KEY_FILE, Ran, SESSION_FILE, Sandbox, around, has_tools, ran, send_signal, start,
};
use crate::support::idp::TOKEN_MARK;

const TOOLS: [&str; 3] = ["dbus-run-session", "gnome-keyring-daemon", "secret-tool"];

/// Runs a shell script on a separate session bus with an unlocked keyring.
/// Prints a message and returns `None` if the tools are not installed.
fn with_keyring(sandbox: &Sandbox, script: &str) -> Option<Ran> {
    if !has_tools(&TOOLS) {
        return None;
    }
    let runtime = sandbox.home().join("run");
    fs::create_dir(&runtime).unwrap();
    fs::set_permissions(&runtime, fs::Permissions::from_mode(0o700)).unwrap();
    let unlock = "printf pw | gnome-keyring-daemon --unlock --components=secrets >daemon.log 2>&1";
    let amika = sandbox.bare_command([""; 0]);
    let script = format!("{unlock}; {script}");
    let mut command = around(&amika, "dbus-run-session", &["--", "sh", "-c", &script]);
    command
        .env_remove("AMIKA_KEYCHAIN")
        .env("XDG_RUNTIME_DIR", &runtime);
    Some(ran(command.output().unwrap()))
}

/// Stores an item with the attributes that the libraries of Codex and Amp use.
fn store(service: &str, account: &str, secret: &str) -> String {
    format!(
        "printf %s '{secret}' | secret-tool store --label=x service '{service}' username \"{account}\" \
         target default application rust-keyring xdg:schema org.freedesktop.Secret.Generic; "
    )
}

const CODEX_ACCOUNT: &str = "cli|$(printf %s \"$(realpath .codex)\" | sha256sum | cut -c1-16)";

fn codex(sandbox: &Sandbox) -> String {
    sandbox.write(".codex/config.toml", "cli_auth_credentials_store = \"keyring\"\n");
    let login = format!(r#"{{"auth_mode":"apikey","OPENAI_API_KEY":"sk-proj-{CANARY}"}}"#);
    store("Codex Auth", CODEX_ACCOUNT, &login)
}

#[test]
fn items_of_codex_and_amp_are_found() {
    let sandbox = Sandbox::new();
    let setting = r#"{"amp.experimental.cli.nativeSecretsStorage.enabled": true}"#;
    sandbox.write(".config/amp/settings.json", setting);
    let mut script = codex(&sandbox);
    script += &store("Codex Auth", "cli|0000000000000000", "of another home");
    script += &store("amp.cli.apiKey", "ampcode.com", &format!("sgamp_user_{CANARY}"));
    script += "exec amika secret extract -o json";
    let Some(run) = with_keyring(&sandbox, &script) else {
        return;
    };
    let rows = run.exits(0).json();
    assert_eq!(rows.as_array().unwrap().len(), 3, "{rows}");
    assert_eq!(rows[0]["origin"], "keychain item amp.cli.apiKey (ampcode.com)");
    assert_eq!(rows[1]["source"], "codex");
    let origin = rows[1]["origin"].as_str().unwrap();
    assert!(origin.starts_with("keychain item Codex Auth (cli|"), "{origin}");
}

/// R121: with `--homedir` no keychain is read, even if the settings there select it.
#[test]
fn another_home_is_read_without_its_keychain() {
    let sandbox = Sandbox::new();
    let script = codex(&sandbox) + "exec amika secret extract --homedir . -o json";
    if let Some(run) = with_keyring(&sandbox, &script) {
        assert_eq!(run.json(), serde_json::json!([]), "{}", run.stderr);
        run.stderr_contains("keychains are not read with --homedir");
    }
}

#[test]
fn a_locked_keyring_is_reported_as_a_problem() {
    let sandbox = Sandbox::new();
    let script = codex(&sandbox)
        // Some versions of the tool crash after locking the keyring.
        + "secret-tool lock >/dev/null 2>&1; exec amika secret extract";
    if let Some(run) = with_keyring(&sandbox, &script) {
        run.exits(4)
            .stderr_contains("failed to read keychain item Codex Auth")
            .stderr_contains("is locked");
    }
}

/// R126: without a session bus the selected keyring is unreadable; with a session bus, a missing item
/// is absent.
#[test]
fn a_keyring_without_a_bus_is_unreadable_and_one_without_an_item_is_empty() {
    let sandbox = Sandbox::new();
    codex(&sandbox);
    let mut extract = sandbox.command(["secret", "extract"]);
    ran(extract.env_remove("AMIKA_KEYCHAIN").output().unwrap())
        .exits(4)
        .stdout_contains("No secrets discovered")
        .stdout_contains("Codex Auth")
        .stderr_contains("no keyring service");
    if let Some(run) = with_keyring(&sandbox, "exec amika secret extract") {
        run.exits(0).stdout_contains("No secrets discovered");
    }
}

#[test]
fn a_login_in_the_keyring_leaves_no_token_in_the_file() {
    let sandbox = Sandbox::new();
    let script = "set -e
        amika auth login --store keyring
        amika auth status --check
        cp .local/state/amika/workos-session.json before.json
        amika secret list
        sed -i 's/\"expires_at\": \"[0-9]*/\"expires_at\": \"2001/' .local/state/amika/workos-session.json
        amika secret list
        secret-tool search --all service amika 2>/dev/null | grep -c '^secret'
        amika auth logout
        secret-tool search --all service amika 2>/dev/null | grep -c '^secret' || true";
    let Some(run) = with_keyring(&sandbox, script) else {
        return;
    };
    let run = run
        .exits(0)
        .stdout_contains("Logged in as person@example.invalid");
    assert!(
        run.stdout.ends_with("1\nCleared stored login session\n0\n"),
        "{}",
        run.stdout
    );
    let file = fs::read_to_string(sandbox.home().join("before.json")).unwrap();
    assert!(
        file.contains("\"keyring\"") && !file.contains(TOKEN_MARK),
        "{file}"
    );
    assert_eq!(
        sandbox.vault.idp(|idp| idp.exchanges),
        1,
        "renewed from the keyring"
    );
}

/// R159: `--store keyring` stores nothing if the keyring cannot store it: without a bus, with a bus that
/// does not answer, with a locked keyring, and with `AMIKA_KEYCHAIN=off`.
#[test]
fn a_login_for_the_keyring_is_never_stored_elsewhere() {
    let sandbox = Sandbox::new();
    sandbox.write("key", crate::support::vault::API_KEY);
    let bus = sandbox.home().join("bus");
    let _silent = std::os::unix::net::UnixListener::bind(&bus).unwrap();
    let silent = format!("unix:path={}", bus.display());
    let lines = [
        "auth login --store keyring",
        "auth login --api-key-file key --store keyring --offline",
    ];
    for line in lines {
        for (variable, value, reason) in [
            ("AMIKA_KEYCHAIN", "off", "AMIKA_KEYCHAIN is off"),
            ("AMIKA_KEYCHAIN", "on", "no keyring service is available"),
            ("DBUS_SESSION_BUS_ADDRESS", &silent, "no answer in time"),
        ] {
            let mut login = sandbox.bare_command(line.split_whitespace());
            login.env_remove("AMIKA_KEYCHAIN").env(variable, value);
            ran(login.output().unwrap())
                .exits(8)
                .stderr_contains("the system keyring cannot store the credential; nothing was stored")
                .stderr_contains(reason);
        }
        let script = format!(
            "{}secret-tool lock >/dev/null 2>&1; exec amika {line}",
            store("other", "other", "x")
        );
        if let Some(run) = with_keyring(&sandbox, &script) {
            run.exits(8).stderr_contains("nothing was stored");
            fs::remove_dir_all(sandbox.home().join("run")).unwrap();
        }
    }
    assert!(!sandbox.home().join(SESSION_FILE).exists() && !sandbox.home().join(KEY_FILE).exists());
    assert!(sandbox.vault.requests().is_empty(), "no login was begun");
}

/// R159: `auth logout` says if it cannot remove an item of the keyring.
#[test]
fn a_key_in_the_keyring_is_used_and_removed_there() {
    let sandbox = Sandbox::new();
    let key = crate::support::vault::API_KEY;
    sandbox.write("key", key);
    let script = "amika auth login --api-key-file key --store keyring && amika secret list";
    let Some(run) = with_keyring(&sandbox, script) else {
        return;
    };
    run.exits(0).stdout_contains("Stored API key");
    let file = fs::read_to_string(sandbox.home().join(KEY_FILE)).unwrap();
    assert!(!file.contains(key), "{file}");
    // Without that keyring, the error says where the key is stored.
    sandbox
        .run_stored("secret list")
        .exits(3)
        .stderr_contains("stored in the system keyring");
    sandbox
        .run_stored("auth logout")
        .exits(8)
        .stdout_contains("Cleared stored API key")
        .stderr_contains("the item amika (api-key.json|")
        .stderr_contains("could not be removed: AMIKA_KEYCHAIN is off");
}

/// R33: a login in the keyring arrives byte for byte.
#[test]
fn a_login_in_the_keyring_is_pushed_byte_for_byte() {
    let sandbox = Sandbox::new();
    sandbox.write(".codex/config.toml", "cli_auth_credentials_store = \"auto\"\n");
    sandbox.write(".codex/auth.json", r#"{"OPENAI_API_KEY":"left behind"}"#);
    let login = format!(
        r#"{{"auth_mode":"chatgpt","tokens":{{"id_token":"e30.e30.c2ln","access_token":"{CANARY}","refresh_token":"{CANARY}"}}}}"#
    );
    let script = format!(
        "{}export AMIKA_API_KEY={}; exec amika secret codex push --type oauth",
        store("Codex Auth", CODEX_ACCOUNT, &login),
        crate::support::vault::API_KEY
    );
    if let Some(run) = with_keyring(&sandbox, &script) {
        run.exits(0).stdout_contains("Created Codex OAuth");
        assert_eq!(sandbox.vault.stored("codex")[0].value, login);
    }
}

#[test]
fn a_login_in_a_locked_keyring_is_reported_as_unavailable() {
    let sandbox = Sandbox::new();
    let script = "amika auth login --store keyring >/dev/null 2>&1
        secret-tool lock >/dev/null 2>&1
        amika auth status
        exec amika auth login";
    if let Some(run) = with_keyring(&sandbox, script) {
        run.exits(1)
            .stdout_contains("Not logged in")
            .stderr_contains("unlock the keyring")
            .stderr_contains("you already have a stored session, which is not available now");
    }
}

/// The keyring is queried on plain threads. With its `tokio` feature, `zbus` would panic there inside the
/// runtime, and `keyring` uses the blocking interface.
#[test]
fn zbus_does_not_use_tokio() {
    let lock = fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.lock")).unwrap();
    let mut packages = lock.split("[[package]]");
    let zbus = packages
        .find(|package| package.contains("name = \"zbus\"\n"))
        .unwrap();
    assert!(zbus.contains("async-io") && !zbus.contains("tokio"), "{zbus}");
}

/// R109: Ctrl-C ends a command whose keyring does not respond.
#[test]
fn ctrl_c_ends_a_command_whose_keyring_hangs() {
    let sandbox = Sandbox::new();
    let bus = sandbox.home().join("bus");
    let silent = std::os::unix::net::UnixListener::bind(&bus).unwrap();
    let session = format!(
        r#"{{"keyring":"x","expires_at":"2099-01-01T00:00:00Z","api_url":"{}"}}"#,
        sandbox.vault.origin()
    );
    sandbox.write(SESSION_FILE, session);
    for line in ["secret list", "auth status", "secret push A=1 --yes"] {
        let mut command = sandbox.bare_command(line.split_whitespace());
        command.env_remove("AMIKA_KEYCHAIN");
        command.env("DBUS_SESSION_BUS_ADDRESS", format!("unix:path={}", bus.display()));
        let mut child = start(&mut command);
        let connection = silent.accept().unwrap();
        send_signal(&child, "INT");
        let status = child.wait().unwrap();
        // Without Ctrl-C, the command would end with another code after three seconds.
        assert_eq!(status.code(), Some(130), "{line}: {status}");
        drop(connection);
    }
    assert!(sandbox.vault.requests().is_empty());
}
