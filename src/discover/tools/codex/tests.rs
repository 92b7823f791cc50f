use crate::discover::tests::*;
use crate::formats::jwt::tests::token;
use crate::secret::SecretValue;
use crate::system::keychain::hex_start;
use crate::system::keychain::tests::MemoryKeychain;

#[test]
fn the_configured_store_is_used() {
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
        let setting = match store {
            "" => String::new(),
            store => format!("cli_auth_credentials_store = \"{store}\"\n"),
        };
        let home = Home::new(&[
            (CODEX, r#"{"OPENAI_API_KEY":"file"}"#),
            (CODEX_CONFIG, &format!("{setting}[features]\n{features}")),
        ]);
        let real = home.root.path().join(".codex").canonicalize().unwrap();
        let hash = hex_start(real.to_str().unwrap().as_bytes(), 16);
        let item = r#"{"OPENAI_API_KEY":"item"}"#;
        let keychain = MemoryKeychain::default().with("Codex Auth", &format!("cli|{hash}"), item);
        let report = home.discover_with(Some(&keychain));
        let values = report.credentials.iter().map(|found| found.value.expose_secret());
        assert_eq!(values.collect::<Vec<_>>(), expected, "{store} {features}");
        let problems = usize::from(store == "unheard-of");
        assert_eq!(report.problems.len(), problems, "{store}");
    }
}

/// R124: of several layers, the strongest selects Codex's store.
#[test]
fn the_strongest_layer_selects_the_store() {
    let setting = |store: &str| match store {
        "" => String::new(),
        store => format!("cli_auth_credentials_store = \"{store}\"\n"),
    };
    for (system, user, managed, found) in [
        ("ephemeral", "", "", false),
        ("ephemeral", "file", "", true),
        ("", "ephemeral", "file", true),
        ("", "file", "ephemeral", false),
        ("", "", "", true),
    ] {
        let [system, user, managed] = [system, user, managed].map(setting);
        let layers = [
            ("root/etc/codex/config.toml", &*system),
            (CODEX_CONFIG, &*user),
            ("root/etc/codex/managed_config.toml", &*managed),
        ];
        let home = Home::new(&[(CODEX, CODEX_KEY)]).with(&layers);
        let expected: &[&str] = if found { &[CODEX_USED] } else { &[] };
        assert_rows(&home, expected);
        assert_eq!(
            home.said(true).contains("does not use this file"),
            !found,
            "{layers:?}"
        );
    }
}

#[test]
fn the_sign_in_method_selects_the_credential() {
    let jwt = token(r#"{"exp":1826984857}"#);
    let tokens = format!(r#""tokens":{{"id_token":"{jwt}","access_token":"{jwt}","refresh_token":"r"}}"#);
    let (login, key) = (
        format!("codex {jwt} chosen codex used"),
        "codex k chosen secret used".to_owned(),
    );
    for (content, expected) in [
        (
            format!(r#"{{"auth_mode":"chatgpt","OPENAI_API_KEY":"k",{tokens}}}"#),
            &login,
        ),
        (format!(r#"{{"OPENAI_API_KEY":null,{tokens}}}"#), &login),
        (format!(r#"{{"OPENAI_API_KEY":"",{tokens}}}"#), &login),
        (
            format!(r#"{{"auth_mode":"apikey","OPENAI_API_KEY":"k",{tokens}}}"#),
            &key,
        ),
        (format!(r#"{{"OPENAI_API_KEY":"k",{tokens}}}"#), &key),
    ] {
        let home = Home::new(&[(CODEX, &content)]);
        assert_rows(&home, &[expected]);
        let found = &home.discover().credentials[0];
        let whole = found.document.as_ref().map(SecretValue::expose_secret);
        assert_eq!(whole, (expected == &login).then_some(&*content));
        assert_eq!(found.expires_at.is_some(), expected == &login);
    }
}

#[test]
fn a_personal_access_token_is_a_login() {
    assert_found(&[(
        &[(CODEX, r#"{"personal_access_token":"at-1"}"#)],
        &["codex at-1 chosen codex used"],
    )]);
}

/// R123: what may go before a stored credential is named, wherever it is set, and the credential is
/// not said to be in use.
#[test]
fn what_may_go_before_a_credential_is_named() {
    for variable in [
        "CODEX_API_KEY",
        "CODEX_ACCESS_TOKEN",
        "OPENAI_FEDERATION_RULE_ID",
        "OPENAI_IDENTITY_TOKEN_SOURCE",
        "OPENAI_SPIFFE_ID",
        "SPIFFE_ID",
        "codex_access_token",
    ] {
        let home = Home::new(&[(CODEX, CODEX_KEY)]).set(&[(variable, "1")]);
        assert_rows(&home, &["codex sk-proj-k chosen secret"]);
        let said = home.said(false);
        let expected = format!("Codex may use something else: ${variable}");
        // On Windows the names of variables have no case.
        assert!(said.eq_ignore_ascii_case(&expected), "{said}");
    }
    for (file, content, named) in [
        (
            CODEX_CONFIG,
            "forced_login_method = \"api\"",
            "forced_login_method in ~/.codex/config.toml",
        ),
        (
            CODEX_CONFIG,
            "forced_chatgpt_workspace_id = \"w\"",
            "forced_chatgpt_workspace_id in",
        ),
        (CODEX_CONFIG, "profile = \"work\"", "profile in"),
        (CODEX_CONFIG, "model_provider = \"ollama\"", "model_provider in"),
        (
            ".codex/.env",
            "OPENAI_FEDERATION_RULE_ID=\n",
            "OPENAI_FEDERATION_RULE_ID in ~/.codex/.env",
        ),
        (
            "root/etc/codex/config.toml",
            "chatgpt_base_url = \"https://x.example\"",
            "chatgpt_base_url in",
        ),
        (
            "root/etc/codex/managed_config.toml",
            "model_provider = \"x\"",
            "root/etc/codex/managed_config.toml",
        ),
        (
            "root/etc/codex/requirements.toml",
            "allowed_login_methods = [\"chatgpt\"]",
            "allowed_login_methods in",
        ),
        (
            "root/etc/codex/requirements.toml",
            "allowed_chatgpt_workspaces = []",
            "allowed_chatgpt_workspaces in",
        ),
    ] {
        let home = Home::new(&[(CODEX, CODEX_KEY), (file, content)]);
        assert_rows(&home, &["codex sk-proj-k chosen secret"]);
        let said = home.said(false);
        assert!(
            said.starts_with("Codex may use something else: ") && said.contains(named),
            "{said}"
        );
    }
}

/// R123: `OPENAI_API_KEY` counts if a model provider takes it.
#[test]
fn a_variable_that_a_model_provider_names_counts() {
    let config = "[model_providers.x]\nenv_key = \"OPENAI_API_KEY\"\n";
    let home = Home::new(&[(CODEX, CODEX_KEY), (CODEX_CONFIG, config)]).set(&[("OPENAI_API_KEY", "k")]);
    assert_rows(&home, &["codex sk-proj-k chosen secret"]);
    assert!(home.said(false).contains("$OPENAI_API_KEY"));
}

/// R123: a key of another server is shown with it, and not pushed under the vendor's names.
#[test]
fn a_key_of_another_server_is_not_pushed() {
    let provider = |members: &str| format!("model_provider = \"p\"\n[model_providers.p]\n{members}\n");
    for (config, server) in [
        (
            "openai_base_url = \"https://x.example/v1\"".to_owned(),
            " @x.example",
        ),
        (
            provider("base_url = \"https://x.example\"\nrequires_openai_auth = true"),
            " @x.example",
        ),
        (provider("base_url = \"https://x.example\""), " @x.example"),
        (
            provider("base_url = \"https://x.example\"\nenv_key = \"OPENAI_API_KEY\""),
            " @x.example",
        ),
        // Such a provider has a key of its own.
        (
            provider("base_url = \"https://x.example\"\nenv_key = \"X_KEY\""),
            "",
        ),
    ] {
        let home = Home::new(&[(CODEX, CODEX_KEY), (CODEX_CONFIG, &config)]);
        let form = if server.is_empty() { "secret" } else { "-" };
        assert_rows(&home, &[&format!("codex sk-proj-k chosen {form}{server}")]);
    }
    let own = provider("base_url = \"https://eu.api.openai.com/v1\"\nrequires_openai_auth = true");
    assert_rows(
        &Home::new(&[(CODEX, CODEX_KEY), (CODEX_CONFIG, &own)]),
        &[CODEX_USED],
    );
    let home = Home::new(&[
        (CODEX, CODEX_KEY),
        (".codex/.env", "OPENAI_BASE_URL=http://127.0.0.1:4000"),
    ]);
    assert_rows(&home, &["codex sk-proj-k chosen - @127.0.0.1:4000"]);
}

/// R125: a login that its tool would not use is shown as unusable, with the reason, and not pushed.
#[test]
fn a_login_that_its_tool_does_not_use_is_unusable() {
    let codex = |members: &str| format!(r#"{{"tokens":{{"access_token":"t"{members}}}}}"#);
    let (id, refresh) = (r#","id_token":"e30.e30.c2ln""#, r#","refresh_token":"r""#);
    assert_unusable(
        CODEX,
        &[
            (codex(refresh), "id_token"),
            (codex(&format!("{refresh},\"id_token\":\"x\"")), "id_token"),
            (codex(id), "refresh_token"),
            (format!("\u{feff}{CODEX_KEY}"), "byte order mark"),
        ],
    );
    assert_rows(
        &Home::new(&[(CODEX, &codex(&format!("{id}{refresh}")))]),
        &["codex t chosen codex used"],
    );
}

/// R128: whatever is not listed is said, with its key, and never with a value.
#[test]
fn nothing_is_dropped_without_a_word() {
    assert_said(
        CODEX,
        &[
            (r#"{"bedrock_api_key":{"api_key":"VALUE"}}"#, "\"bedrockApiKey\""),
            (
                r#"{"auth_mode":"agentIdentity","agent_identity":"VALUE"}"#,
                "\"agentIdentity\"",
            ),
            (r#"{"auth_mode":"later","OPENAI_API_KEY":"VALUE"}"#, "\"later\""),
            (r#"{"auth_mode":"apikey"}"#, "no `OPENAI_API_KEY`"),
            (r#"{"auth_mode":"chatgpt"}"#, "no `tokens.access_token`"),
            (
                r#"{"auth_mode":"chatgpt","tokens":{"access_token":"","refresh_token":"VALUE"}}"#,
                "no `tokens.access_token`",
            ),
        ],
    );
    assert_said(
        CODEX_CONFIG,
        &[
            (
                "[model_providers.a]\nexperimental_bearer_token = \"VALUE\"",
                "contains a token for a model",
            ),
            ("cli_auth_credentials_store = \"ephemeral\"", "in memory only"),
        ],
    );
    assert_said(".codex/gateway_oauth.json", &[("VALUE", "other logins of Codex")]);
    assert_said(".codex/secrets/codex_auth.age", &[("VALUE", "is encrypted")]);
}
