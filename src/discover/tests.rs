//! Tests of other platforms' rules and of keychains, which the black-box tests cannot cover on every
//! system.

use std::fs;

use jiff::Timestamp;
use tempfile::TempDir;

use super::types::ProviderName;
use super::*;
use crate::formats::jwt::tests::token;
use crate::provider::CredentialKind;
use crate::secret::{SecretName, SecretValue};
use crate::system::env::Platform;
use crate::system::keychain::NoKeychain;
use crate::system::keychain::tests::MemoryKeychain;

const LOGIN: &str = r#"{"claudeAiOauth":{"accessToken":"sk-ant-oat01-item","refreshToken":"r","expiresAt":1826984857063,"scopes":["user:inference"]}}"#;

struct Home {
    root: TempDir,
    variables: Vec<(&'static str, String)>,
    platform: Platform,
}

impl Home {
    fn new(platform: Platform) -> Self {
        Self {
            root: TempDir::new().unwrap(),
            variables: vec![("USER", "fix".to_owned())],
            platform,
        }
    }

    fn with(self, path: &str, content: &str) -> Self {
        let path = self.root.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
        self
    }

    fn variable(mut self, name: &'static str, value: &str) -> Self {
        self.variables.push((name, value.to_owned()));
        self
    }

    fn discover(&self, keychain: &dyn Keychain) -> Discovery {
        let variables: Vec<_> = self.variables.iter().map(|(n, v)| (*n, v.as_str())).collect();
        discover(
            &Env::fake(self.root.path(), &variables, self.platform),
            keychain,
            Filter::ANY,
        )
    }
}

/// The sources, values and states of the found credentials, in order.
fn seen(discovery: &Discovery) -> Vec<(&'static str, &str, State)> {
    let found = discovery.found.iter();
    found
        .map(|found| (found.source.id, found.value.expose_secret(), found.state))
        .collect()
}

#[test]
fn sources_are_in_order_of_priority() {
    let priorities: Vec<_> = SOURCES.iter().map(|scanner| scanner.source.priority).collect();
    assert_eq!(priorities, [500, 400, 300, 290, 280, 270, 200, 150, 100]);
}

/// R30: provider names are converted to variable names, or refused.
#[test]
fn provider_names_become_variable_names() {
    for (name, secret) in [
        ("openrouter", "OPENROUTER_API_KEY"),
        ("github-copilot", "GITHUB_COPILOT_API_KEY"),
        ("GitHub_Copilot", "GITHUB_COPILOT_API_KEY"),
        ("z.ai coding", "Z_AI_CODING_API_KEY"),
        ("cloudflare/workers", "CLOUDFLARE_WORKERS_API_KEY"),
        ("groq/", "GROQ_API_KEY"),
        ("302ai", "302AI_API_KEY"),
    ] {
        let names = ProviderName::from_tool(name).unwrap().secret_names();
        assert_eq!(
            names.iter().map(SecretName::as_str).collect::<Vec<_>>(),
            [secret],
            "{name}"
        );
    }
    for (name, provider) in [("Claude", "anthropic"), ("codex", "openai")] {
        assert_eq!(ProviderName::from_tool(name).unwrap().as_str(), provider);
        assert_eq!(ProviderName::from_tool(name).unwrap().secret_names().len(), 2);
    }
    let long = "a".repeat(65);
    for bad in [
        "",
        "-",
        "_",
        "a\nb",
        "a\u{1b}[2J",
        "größe",
        "a$(id)",
        "a'b",
        "https://x",
        &long,
    ] {
        assert!(ProviderName::from_tool(bad).is_none(), "{bad:?}");
    }
}

#[test]
fn on_macos_the_keychain_comes_before_the_files() {
    let home = Home::new(Platform::MacOs)
        .with(".claude/.credentials.json", &LOGIN.replace("item", "file"))
        .with(".claude.json", r#"{"primaryApiKey":"sk-ant-api03-file"}"#);
    let keychain = MemoryKeychain::default()
        .with("Claude Code-credentials", "fix", LOGIN)
        .with("Claude Code-credentials", "unknown", r#"{"mcpOAuth":{}}"#)
        .with("Claude Code", "fix", "sk-ant-api03-item");
    let discovery = home.discover(&keychain);
    assert_eq!(
        seen(&discovery),
        [
            ("claude_api", "sk-ant-api03-item", State::Chosen),
            ("claude_api", "sk-ant-api03-file", State::Outranked),
            ("claude_oauth", "sk-ant-oat01-item", State::Outranked),
            ("claude_oauth", "sk-ant-oat01-file", State::Outranked),
        ]
    );
    assert_eq!(
        discovery.found[2].document.as_ref().unwrap().expose_secret(),
        LOGIN
    );
    let mut reads = keychain.reads.borrow().clone();
    reads.sort();
    reads.dedup();
    assert_eq!(
        reads,
        ["Claude Code-credentials/fix", "Claude Code/fix"],
        "no other account is read if the user's own exists"
    );
    assert!(discovery.problems.is_empty());
}

#[test]
fn other_keychain_accounts_are_searched_only_when_the_own_one_is_empty() {
    let keychain = MemoryKeychain::default()
        .with("Claude Code-credentials", "unknown", r#"{"mcpOAuth":{"a":1}}"#)
        .with("Claude Code-credentials", "default", LOGIN);
    let discovery = Home::new(Platform::MacOs).discover(&keychain);
    assert_eq!(
        seen(&discovery),
        [("claude_oauth", "sk-ant-oat01-item", State::Chosen)]
    );
    let place = discovery.found[0].place.shown(None);
    assert_eq!(place, "keychain item Claude Code-credentials (default)");
}

#[test]
fn a_moved_directory_has_its_own_keychain_items() {
    let home = Home::new(Platform::MacOs).variable("CLAUDE_CONFIG_DIR", "C:/cfg2/");
    let keychain = MemoryKeychain::default()
        .with("Claude Code-credentials", "fix", &LOGIN.replace("item", "other"))
        .with("Claude Code-credentials-9a02e4b9", "fix", LOGIN);
    assert_eq!(seen(&home.discover(&keychain))[0].1, "sk-ant-oat01-item");
}

#[test]
fn an_unreadable_keychain_is_not_reported_as_absent() {
    let home = Home::new(Platform::MacOs).with(".claude/.credentials.json", LOGIN);
    let keychain = MemoryKeychain::default().locked("Claude Code-credentials", "fix");
    let discovery = home.discover(&keychain);
    assert_eq!(discovery.found.len(), 1, "the file is used");
    assert_eq!(
        discovery.problems[0].shown(None),
        "failed to read keychain item Claude Code-credentials (fix): it is locked, or access was refused"
    );
}

#[test]
fn no_keychain_is_read_if_no_source_needs_one() {
    let home = Home::new(Platform::Unix).with(".codex/auth.json", r#"{"OPENAI_API_KEY":"k"}"#);
    let keychain = MemoryKeychain::default().with("Codex Auth", "any", "{}");
    home.discover(&keychain);
    assert!(keychain.reads.borrow().is_empty());
}

#[test]
fn codex_uses_the_configured_store() {
    let file = r#"{"OPENAI_API_KEY":"file"}"#;
    for (store, features, expected) in [
        ("", "", vec!["file"]),
        ("file", "", vec!["file"]),
        ("keyring", "", vec!["item"]),
        ("auto", "", vec!["item"]),
        ("auto", "secret_auth_storage = true", vec!["file"]),
        ("keyring", "secret_auth_storage = true", vec![]),
        ("ephemeral", "", vec![]),
        ("unheard-of", "", vec!["file"]),
    ] {
        let setting = if store.is_empty() {
            String::new()
        } else {
            format!("cli_auth_credentials_store = \"{store}\"\n")
        };
        let home = Home::new(Platform::Unix)
            .with(".codex/auth.json", file)
            .with(".codex/config.toml", &format!("{setting}[features]\n{features}"));
        let real = home.root.path().join(".codex").canonicalize().unwrap();
        let account = format!(
            "cli|{}",
            crate::system::keychain::hex_start(real.to_str().unwrap().as_bytes(), 16)
        );
        let keychain = MemoryKeychain::default().with("Codex Auth", &account, r#"{"OPENAI_API_KEY":"item"}"#);
        let discovery = home.discover(&keychain);
        let values: Vec<_> = seen(&discovery).iter().map(|(_, value, _)| *value).collect();
        assert_eq!(values, expected, "{store} {features}");
        assert_eq!(
            discovery.problems.len(),
            usize::from(store == "unheard-of"),
            "{store}"
        );
    }
}

#[test]
fn codex_auto_falls_back_to_the_file() {
    let home = Home::new(Platform::Unix)
        .with(".codex/auth.json", r#"{"OPENAI_API_KEY":"file"}"#)
        .with(".codex/config.toml", "cli_auth_credentials_store = \"auto\"");
    assert_eq!(seen(&home.discover(&NoKeychain))[0].1, "file");
}

#[test]
fn an_unsupported_codex_login_is_explained() {
    let auth = |content: &str| Home::new(Platform::Unix).with(".codex/auth.json", content);
    let encrypted =
        Home::new(Platform::Windows).with(".codex/secrets/codex_auth.age", "age-encryption.org/v1");
    for (home, notice) in [
        (encrypted, "encrypted in ~"),
        (
            auth(r#"{"personal_access_token":"at-1","OPENAI_API_KEY":"k"}"#),
            "a personal access token",
        ),
        (
            auth(r#"{"bedrock_api_key":{"api_key":"k","region":"r"}}"#),
            "Amazon Bedrock",
        ),
        (
            auth(r#"{"auth_mode":"agentIdentity","agent_identity":"j"}"#),
            "an agent identity",
        ),
        (
            auth(r#"{"auth_mode":"later","OPENAI_API_KEY":"k"}"#),
            "unknown method",
        ),
    ] {
        let discovery = home.discover(&NoKeychain);
        assert!(discovery.found.is_empty());
        let (_, first) = discovery.notices.iter().next().unwrap();
        assert!(first.contains(notice), "{first}");
    }
}

#[test]
fn codex_uses_the_login_of_its_mode() {
    let jwt = token(r#"{"exp":1826984857}"#);
    let tokens = format!(r#""tokens":{{"id_token":"{jwt}","access_token":"{jwt}","refresh_token":"r"}}"#);
    for (content, kind, value) in [
        (
            format!(r#"{{"auth_mode":"chatgpt","OPENAI_API_KEY":"k",{tokens}}}"#),
            CredentialKind::OAuth,
            &*jwt,
        ),
        (
            format!(r#"{{"OPENAI_API_KEY":null,{tokens}}}"#),
            CredentialKind::OAuth,
            &jwt,
        ),
        (
            format!(r#"{{"OPENAI_API_KEY":"",{tokens}}}"#),
            CredentialKind::OAuth,
            &jwt,
        ),
        (
            format!(r#"{{"auth_mode":"apikey","OPENAI_API_KEY":"k",{tokens}}}"#),
            CredentialKind::ApiKey,
            "k",
        ),
        (
            format!(r#"{{"OPENAI_API_KEY":"k",{tokens}}}"#),
            CredentialKind::ApiKey,
            "k",
        ),
        (
            r#"{"OPENAI_API_KEY":"k"}"#.to_owned(),
            CredentialKind::ApiKey,
            "k",
        ),
    ] {
        let home = Home::new(Platform::Unix).with(".codex/auth.json", &content);
        let discovery = home.discover(&NoKeychain);
        let found = &discovery.found[0];
        assert_eq!(
            (found.kind, found.value.expose_secret()),
            (kind, value),
            "{content}"
        );
        let whole = found.document.as_ref().map(SecretValue::expose_secret);
        assert_eq!(whole, (kind == CredentialKind::OAuth).then_some(content.as_str()));
        let expiry = (kind == CredentialKind::OAuth).then(|| Timestamp::from_second(1_826_984_857).unwrap());
        assert_eq!(found.expires_at, expiry);
    }
}

#[test]
fn amp_uses_the_keyring_where_its_settings_say_so() {
    let settings = r#"{ // mine
        "amp.experimental.cli.nativeSecretsStorage.enabled": true,
    }"#;
    let home = Home::new(Platform::Unix)
        .with(".config/amp/settings.json", settings)
        .with(
            ".local/share/amp/secrets.json",
            r#"{"apiKey@https://other.example/":"file"}"#,
        );
    let keychain = MemoryKeychain::default().with("amp.cli.apiKey", "ampcode.com", "sgamp_user_1");
    assert_eq!(
        seen(&home.discover(&keychain)),
        [("amp_secrets", "sgamp_user_1", State::Chosen)]
    );
}

#[test]
fn an_expired_token_ranks_last_and_stays_visible() {
    let expired = LOGIN.replace("1826984857063", "1700000000000");
    let home = Home::new(Platform::Unix)
        .with(".claude/.credentials.json", &expired)
        .with(
            ".local/share/opencode/auth.json",
            r#"{"anthropic":{"type":"api","key":"sk-ant-k"}}"#,
        );
    assert_eq!(
        seen(&home.discover(&NoKeychain)),
        [
            ("claude_oauth", "sk-ant-oat01-item", State::Expired),
            ("opencode", "sk-ant-k", State::Chosen),
        ]
    );
}

#[test]
fn deeply_nested_settings_do_not_overflow_the_stack() {
    let deep = format!("{{\"a\":{}1{}}}", "[".repeat(200_000), "]".repeat(200_000));
    let home = Home::new(Platform::Unix)
        .with(".config/amp/settings.json", &deep)
        .with(".claude/settings.json", &deep)
        .with(
            ".codex/config.toml",
            &format!("a = {}1{}", "[".repeat(200_000), "]".repeat(200_000)),
        );
    let discovery = home.discover(&NoKeychain);
    assert!(discovery.found.is_empty());
    assert_eq!(discovery.problems.len(), 2, "{:?}", discovery.problems);
}
