//! Notices of `secret claude|codex push`, and `--dry-run`.

use crate::sandbox::{CANARY, Sandbox, ran};

const FAR: i64 = 32_503_680_000_000;

fn login(refresh_ends: i64) -> String {
    format!(
        r#"{{"claudeAiOauth":{{"accessToken":"sk-ant-oat01-{CANARY}","refreshToken":"sk-ant-ort01-{CANARY}","expiresAt":{FAR},"refreshTokenExpiresAt":{refresh_ends},"scopes":["user:inference"]}},"mcpOAuth":{{"github|0a1b":{{"accessToken":"gho-{CANARY}"}}}}}}"#
    )
}

/// R34, R127, R150: the notices name source, type, both expiries, the other secrets in the file and, if
/// there is a refresh token, who shares it, what ends it, and the ways that do not share; the plan says
/// whose vault it is.
#[test]
fn a_push_describes_beforehand_what_it_sends() {
    let sandbox = Sandbox::new();
    sandbox.write(".claude/.credentials.json", login(FAR));
    let run = sandbox
        .run("secret claude push --type oauth --dry-run")
        .exits(0)
        .stdout_contains("Would push Claude OAuth to user scope")
        .stderr_contains("pushing the Claude login from ~/.claude/.credentials.json")
        .stderr_contains("expires 3000-01-01")
        .stderr_contains("refresh token until 3000-01-01")
        .stderr_contains("mcpOAuth (github)");
    for part in [
        "will share one login",
        "or logs out, ends it for the other",
        "push --setup-token",
        "push --new-login",
    ] {
        assert!(run.stderr.contains(part), "{}", run.stderr);
    }
    assert!(
        run.stdout
            .contains("user scope of the API key from AMIKA_API_KEY"),
        "{}",
        run.stdout
    );
    assert!(sandbox.vault.requests().is_empty());
    let json = sandbox
        .run("secret claude push --type oauth --dry-run -o json")
        .exits(0)
        .json();
    assert_eq!(json["status"], "dry_run");
    let key = sandbox
        .run(&format!("secret claude push --value sk-ant-{CANARY}"))
        .exits(0);
    assert!(!key.stderr.contains("share one login"), "{}", key.stderr);
}

/// R127: a login whose refresh token has expired is refused.
#[test]
fn a_login_with_an_expired_refresh_token_is_refused() {
    let sandbox = Sandbox::new();
    sandbox.write("login.json", login(1_700_000_000_000));
    sandbox
        .run("secret claude push --from-file login.json")
        .exits(4)
        .stderr_contains("refresh token expired at 2023-11-14");
    assert!(sandbox.vault.requests().is_empty());
}

#[test]
fn the_variable_of_an_api_key_is_named_and_codex_prefers_its_own() {
    let sandbox = Sandbox::new();
    let mut command = sandbox.command(["secret", "codex", "push", "--type", "api-key"]);
    command.env("OPENAI_API_KEY", "openai-key");
    command.env("CODEX_API_KEY", format!("codex-{CANARY}"));
    ran(command.output().unwrap())
        .exits(0)
        .stderr_contains("pushing the Codex API key from $CODEX_API_KEY");
    assert_eq!(sandbox.vault.stored("codex")[0].value, format!("codex-{CANARY}"));
}

#[test]
fn without_a_login_the_way_to_push_the_key_is_named() {
    let sandbox = Sandbox::new();
    let push = "secret codex push --type oauth";
    sandbox
        .run(push)
        .exits(4)
        .stderr_contains("not logged in on this machine, or is logged in with an API key")
        .stderr_contains("amika secret codex push --type api_key");
    let key = format!(r#"{{"auth_mode":"apikey","OPENAI_API_KEY":"sk-proj-{CANARY}"}}"#);
    sandbox.write(".codex/auth.json", key);
    sandbox.run(push).exits(4);
    sandbox.run("secret codex push --type api_key").exits(0);
}
