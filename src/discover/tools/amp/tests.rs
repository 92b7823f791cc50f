use crate::discover::tests::*;
use crate::system::keychain::tests::MemoryKeychain;

/// R124: of the addresses that select Amp's key, the machine's goes before the variable, and that before the
/// person's (run with Amp 0.0.1790142911).
#[test]
fn the_strongest_address_selects_the_key() {
    let key = |name: &str| format!(r#""apiKey@https://{name}.example":"{name}""#);
    let keys = format!("{{{},{},{}}}", key("machine"), key("variable"), key("person"));
    let settings = |name: &str| format!(r#"{{"amp.url":"https://{name}.example"}}"#);
    let (machine, person) = (settings("machine"), settings("person"));
    let found = |home: &Home| home.discover().credentials[0].value.expose_secret().to_owned();
    let mut home = Home::new(&[(AMP, &keys), (AMP_SETTINGS, &person)]);
    assert_eq!(found(&home), "person");
    home = home.set(&[("AMP_URL", "https://variable.example")]);
    assert_eq!(found(&home), "variable");
    home = home.with(&[("root/etc/ampcode/managed-settings.json", &machine)]);
    assert_eq!(found(&home), "machine");
    // An empty address is the default.
    let cleared = [
        ("root/etc/ampcode/managed-settings.json", r#"{"amp.url":""}"#),
        (AMP, AMP_KEY),
    ];
    assert_rows(&home.with(&cleared), &[AMP_USED]);
}

#[test]
fn the_keyring_is_used_if_the_settings_say_so() {
    let settings = "{ // mine\n \"amp.experimental.cli.nativeSecretsStorage.enabled\": true, }";
    let keychain = MemoryKeychain::default().with("amp.cli.apiKey", "ampcode.com", "sgamp_2");
    let home = Home::new(&[(AMP_SETTINGS, settings)]);
    assert_eq!(
        rows(&home.discover_with(Some(&keychain))),
        ["amp_secrets sgamp_2 chosen secret used"]
    );
    // A key in the file goes first.
    let home = home.with(&[(AMP, AMP_KEY)]);
    let both = [AMP_USED, "amp_secrets sgamp_2 outranked -"];
    assert_eq!(rows(&home.discover_with(Some(&keychain))), both);
}

#[test]
fn the_keys_of_older_versions_are_found() {
    assert_found(&[(
        &[(
            ".amp/config.json",
            r#"{"apiKey":"sgamp_2","auth":{"token":"sk-ant-2"}}"#,
        )],
        &["amp sgamp_2 chosen secret", "amp sk-ant-2 chosen secret"],
    )]);
}

/// R123: a key of another server is shown with it, and not pushed under the vendor's names.
#[test]
fn a_key_of_another_server_is_not_pushed() {
    let amp =
        Home::new(&[(AMP, r#"{"apiKey@http://amp.example":"k"}"#)]).set(&[("AMP_URL", "http://amp.example")]);
    assert_rows(&amp, &["amp_secrets k chosen - used @amp.example"]);
}

/// R125: a login that its tool would not use is shown as unusable, with the reason, and not pushed.
#[test]
fn a_login_that_its_tool_does_not_use_is_unusable() {
    assert_unusable(AMP, &[(format!("\u{feff}{AMP_KEY}"), "byte order mark")]);
}

/// R128: whatever is not listed is said, with its key, and never with a value.
#[test]
fn nothing_is_dropped_without_a_word() {
    assert_said(
        AMP,
        &[
            (
                r#"{"apiKey@https://x.example/":"VALUE"}"#,
                "is not the key that Amp uses",
            ),
            (
                r#"{"oauth-refresh-token@https://ampcode.com/":"VALUE"}"#,
                "without its key",
            ),
            (r#"{"mcp-oauth-token@x":"VALUE"}"#, "for an MCP server"),
            (r#"{"later":"VALUE"}"#, "\"later\", which has an unknown type"),
        ],
    );
    assert_said(".amp/config.json", &[(r#"{"later":"VALUE"}"#, "\"later\"")]);
}
