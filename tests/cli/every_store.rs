//! Each store, setting and variable, in an otherwise empty home, is listed or reported.

use crate::sandbox::{CANARY, Sandbox, ran};

/// Files that contain or select a credential.
const FILES: [(&str, &str); 62] = [
    (
        ".claude/.credentials.json",
        r#"{"claudeAiOauth":{"accessToken":"CANARY","expiresAt":32503680000000,"scopes":["user:inference"]}}"#,
    ),
    (
        ".claude/.credentials.json",
        r#"{"claudeAiOauth":{"accessToken":"CANARY"}}"#,
    ),
    (
        ".claude-oauth-credentials.json",
        r#"{"claudeAiOauth":{"accessToken":"CANARY","scopes":["user:inference"]}}"#,
    ),
    (".claude.json", r#"{"primaryApiKey":"CANARY"}"#),
    (".claude.json", r#"{"apiKey":"sk-ant-CANARY"}"#),
    (".claude.json", r#"{"anthropicApiKey":"sk-ant-CANARY"}"#),
    (".claude.json", r#"{"customApiKey":"sk-ant-CANARY"}"#),
    (".claude.json.api", r#"{"primaryApiKey":"sk-ant-CANARY"}"#),
    (".claude/settings.json", r#"{"apiKeyHelper":"false"}"#),
    (".claude/settings.local.json", r#"{"apiKeyHelper":"false"}"#),
    (
        ".claude/settings.json",
        r#"{"env":{"ANTHROPIC_AUTH_TOKEN":"CANARY"}}"#,
    ),
    (
        ".claude/settings.json",
        r#"{"env":{"CLAUDE_CODE_OAUTH_TOKEN":"CANARY"}}"#,
    ),
    (
        ".claude/remote-settings.json",
        r#"{"env":{"ANTHROPIC_API_KEY":"CANARY"}}"#,
    ),
    (
        ".config/anthropic/credentials/default.json",
        r#"{"access_token":"CANARY"}"#,
    ),
    (".codex/auth.json", r#"{"OPENAI_API_KEY":"CANARY"}"#),
    (".codex/auth.json", r#"{"personal_access_token":"CANARY"}"#),
    (".codex/auth.json", r#"{"bedrock_api_key":{"api_key":"CANARY"}}"#),
    (".codex/secrets/codex_auth.age", "age-encryption.org/v1"),
    (".codex/config.toml", "cli_auth_credentials_store = \"keyring\""),
    (
        ".codex/config.toml",
        "[model_providers.acme]\nexperimental_bearer_token = \"CANARY\"",
    ),
    (".codex/config.toml", "profile = \"work\""),
    (
        ".claude/.credentials.json",
        r#"{"mcpOAuth":{"s|1":{"accessToken":"CANARY"}}}"#,
    ),
    (
        ".claude/settings.json",
        r#"{"env":{"ANTHROPIC_API_KEY":"CANARY"}}"#,
    ),
    (".claude/settings.json", r#"{"env":{"ANTHROPIC_PROFILE":"work"}}"#),
    (".claude/settings.json", r#"{"awsCredentialExport":"false"}"#),
    (".claude/settings.json", r#"{"awsAuthRefresh":"false"}"#),
    (".claude/settings.json", r#"{"gcpAuthRefresh":"false"}"#),
    (".claude/settings.json", r#"{"proxyAuthHelper":"false"}"#),
    (".claude/.config.json", r#"{"primaryApiKey":"CANARY"}"#),
    (
        ".config/anthropic/configs/default.json",
        r#"{"authentication":{"type":"oidc_federation"}}"#,
    ),
    (
        ".codex/auth.json",
        r#"{"tokens":{"id_token":"e30.e30.c2ln","access_token":"CANARY","refresh_token":"CANARY"}}"#,
    ),
    (".codex/auth.json", r#"{"tokens":{"access_token":"CANARY"}}"#),
    (
        ".codex/auth.json",
        r#"{"auth_mode":"agentIdentity","agent_identity":"CANARY"}"#,
    ),
    (
        ".codex/auth.json",
        r#"{"bedrock_access_keys":{"secret_access_key":"CANARY"}}"#,
    ),
    (
        ".codex/.credentials.json",
        r#"{"server":{"access_token":"CANARY"}}"#,
    ),
    (".codex/gateway_oauth.json", r#"{"access_token":"CANARY"}"#),
    (".codex/secrets/local.age", "age-encryption.org/v1"),
    (".codex/secrets/mcp_oauth.age", "age-encryption.org/v1"),
    (".codex/secrets/gateway_oauth.age", "age-encryption.org/v1"),
    (".codex/config.toml", "cli_auth_credentials_store = \"auto\""),
    (".codex/config.toml", "cli_auth_credentials_store = \"ephemeral\""),
    (
        ".codex/config.toml",
        "model_provider = \"acme\"\n[model_providers.acme]\nenv_key = \"ACME_KEY\"",
    ),
    (
        ".local/share/opencode/auth.json",
        r#"{"groq":{"type":"api","key":"CANARY"}}"#,
    ),
    (
        ".local/share/opencode/auth.json",
        r#"{"groq":{"type":"oauth","access":"CANARY","refresh":"CANARY","expires":0}}"#,
    ),
    (
        ".local/share/opencode/auth.json",
        r#"{"https://a.example":{"type":"wellknown","key":"A_TOKEN","token":"CANARY"}}"#,
    ),
    (
        ".local/share/opencode/auth.json",
        r#"{"groq":{"type":"future","key":"CANARY"}}"#,
    ),
    (
        ".local/share/opencode/mcp-auth.json",
        r#"{"s":{"tokens":{"accessToken":"CANARY"}}}"#,
    ),
    (".local/share/opencode/opencode.db", "CANARY"),
    (
        ".config/opencode/opencode.json",
        r#"{"provider":{"groq":{"options":{"apiKey":"CANARY"}}}}"#,
    ),
    (
        ".config/opencode/opencode.jsonc",
        r#"{"provider":{"groq":{"options":{"apiKey":"{env:A_KEY}"}}}}"#,
    ),
    (
        ".local/share/amp/secrets.json",
        r#"{"apiKey@https://ampcode.com/":"CANARY"}"#,
    ),
    (
        ".local/share/amp/secrets.json",
        r#"{"apiKey@https://other.example/":"CANARY"}"#,
    ),
    (
        ".local/share/amp/secrets.json",
        r#"{"oauth-refresh-token@https://ampcode.com/":"CANARY"}"#,
    ),
    (
        ".local/share/amp/secrets.json",
        r#"{"mcp-oauth-token@https://m.example/":"CANARY"}"#,
    ),
    (
        ".local/share/amp/secrets.json",
        r#"{"mcp-oauth-client-secret@https://m.example/":"CANARY"}"#,
    ),
    (
        ".config/amp/settings.json",
        r#"{"amp.experimental.cli.nativeSecretsStorage.enabled":true}"#,
    ),
    (".amp/config.json", r#"{"apiKey":"sgamp_CANARY"}"#),
    (".amp/config.json", r#"{"auth":{"token":"sk-ant-CANARY"}}"#),
    (".cache/amika/env-cache.json", r#"{"GROQ_API_KEY":"CANARY"}"#),
    (
        ".local/share/amika/keychain.json",
        r#"{"CLAUDE_API_KEY":"CANARY"}"#,
    ),
    (".local/state/amika/oauth.json", r#"{"OPENAI_API_KEY":"CANARY"}"#),
    (".local/state/amika/oauth.json", r#"{"OTHER":"CANARY"}"#),
];

const VARIABLES: [&str; 34] = [
    "ANTHROPIC_API_KEY",
    "ANTHROPIC_AUTH_TOKEN",
    "CLAUDE_CODE_OAUTH_TOKEN",
    "CLAUDE_CODE_OAUTH_REFRESH_TOKEN",
    "CLAUDE_CODE_API_KEY_FILE_DESCRIPTOR",
    "CLAUDE_CODE_OAUTH_TOKEN_FILE_DESCRIPTOR",
    "CLAUDE_CODE_HOST_CREDS_FILE",
    "ANTHROPIC_IDENTITY_TOKEN",
    "ANTHROPIC_IDENTITY_TOKEN_FILE",
    "ANTHROPIC_PROFILE",
    "AWS_BEARER_TOKEN_BEDROCK",
    "ANTHROPIC_AWS_API_KEY",
    "ANTHROPIC_BEDROCK_MANTLE_API_KEY",
    "ANTHROPIC_FOUNDRY_API_KEY",
    "ANTHROPIC_FOUNDRY_AUTH_TOKEN",
    "CLAUDE_CODE_USE_BEDROCK",
    "CLAUDE_CODE_USE_VERTEX",
    "CLAUDE_CODE_USE_FOUNDRY",
    "CLAUDE_CODE_USE_ANTHROPIC_AWS",
    "CLAUDE_CODE_USE_MANTLE",
    "CLAUDE_CODE_USE_GATEWAY",
    "CODEX_API_KEY",
    "CODEX_ACCESS_TOKEN",
    "CODEX_HOME",
    "OPENAI_API_KEY",
    "OPENAI_FEDERATION_RULE_ID",
    "OPENAI_IDENTITY_TOKEN_FILE",
    "OPENCODE_AUTH_CONTENT",
    "OPENCODE_CONFIG_CONTENT",
    "OPENCODE_API_KEY",
    "OPENCODE_CONSOLE_TOKEN",
    "OPENROUTER_API_KEY",
    "AMP_API_KEY",
    "CLAUDE_CODE_USE_ANTHROPIC_GOOGLE_CLOUD",
];

/// R123, R128: a file that contains or selects a credential is a row, a notice or a problem.
#[test]
fn every_credential_file_is_reported() {
    for (path, content) in FILES {
        if cfg!(windows)
            && ["\"keyring\"", "\"auto\""]
                .iter()
                .any(|store| content.contains(store))
        {
            // On Windows they select an encrypted file, which does not exist here.
            continue;
        }
        let sandbox = Sandbox::new();
        sandbox.write(path, content.replace("CANARY", CANARY));
        let run = sandbox.run("secret extract -o json");
        let found = !run.json().as_array().unwrap().is_empty();
        assert!(found || !run.stderr.is_empty(), "{path}: {content}");
    }
}

/// R123: a variable that a tool signs in with is a row, a notice or a problem.
#[test]
fn every_credential_variable_is_reported() {
    let empty = Sandbox::new();
    assert_eq!(empty.run("secret extract -o json").exits(0).stderr, "");
    for variable in VARIABLES {
        let mut command = empty.command(["secret", "extract", "-o", "json"]);
        let run = ran(command.env(variable, CANARY).output().unwrap());
        assert!(run.stderr.contains(variable), "{variable}: {run:?}");
    }
}
