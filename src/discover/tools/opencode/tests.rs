use crate::discover::tests::*;
use crate::system::env::Platform;

#[test]
fn the_stored_credentials_are_found() {
    assert_found(&[
        // A key in the configuration goes before `auth.json`.
        (
            &[
                (OPENCODE, GROQ),
                (
                    OPENCODE_CONFIG,
                    r#"{"provider":{"groq":{"options":{"apiKey":"cfg"}}}}"#,
                ),
            ],
            &["opencode cfg chosen secret used", "opencode gsk_1 outranked -"],
        ),
        (
            &[
                (OPENCODE, GROQ),
                (
                    OPENCODE_CONFIG,
                    r#"{ /* mine */ "disabled_providers": ["groq"], }"#,
                ),
            ],
            &["opencode gsk_1 chosen secret"],
        ),
        (
            &[
                (OPENCODE, GROQ),
                (
                    OPENCODE_CONFIG,
                    r#"{"enabled_providers":["groq"],"disabled_providers":["xai"]}"#,
                ),
            ],
            &[GROQ_USED],
        ),
        // The login of another tool works only there.
        (
            &[(
                OPENCODE,
                r#"{"groq":{"type":"oauth","access":"t","refresh":"r","expires":0}}"#,
            )],
            &["opencode t chosen - used"],
        ),
        // A token of a login is not a key, whatever its entry says.
        (
            &[(OPENCODE, r#"{"anthropic":{"type":"api","key":"sk-ant-oat01-x"}}"#)],
            &["opencode sk-ant-oat01-x unusable -"],
        ),
    ]);
}

/// R124: OpenCode's layers, the weakest first; each goes before the ones in front of it.
#[test]
fn the_strongest_layer_has_the_key() {
    let layers = [
        ".config/opencode/config.json",
        ".config/opencode/opencode.json",
        ".config/opencode/opencode.jsonc",
        "custom.json",
        ".opencode/opencode.json",
        "directory/opencode.json",
    ];
    let config = r#"{"provider":{"groq":{"options":{"apiKey":"KEY"}}}}"#;
    let mut home = Home::on(Platform::Unix).set(&[
        ("OPENCODE_CONFIG", "~/custom.json"),
        ("OPENCODE_CONFIG_DIR", "~/directory"),
    ]);
    for layer in layers {
        home = home.with(&[(layer, &config.replace("KEY", layer))]);
        assert_eq!(home.discover().credentials[0].value.expose_secret(), layer);
    }
    home = home.set(&[("OPENCODE_CONFIG_CONTENT", &config.replace("KEY", "content"))]);
    assert_eq!(home.discover().credentials[0].value.expose_secret(), "content");
    home = home.with(&[(
        "root/etc/opencode/opencode.json",
        &config.replace("KEY", "system"),
    )]);
    assert_eq!(home.discover().credentials[0].value.expose_secret(), "system");
}

/// R124: the server of a `wellknown` entry adds configuration, which may have another key (run with 1.18.33).
#[test]
fn configuration_of_a_server_makes_it_unknown_what_is_in_use() {
    let server = r#","https://x.example":{"type":"wellknown","key":"X","token":"t"}}"#;
    let content = GROQ.replace("}}", &format!("}}{server}"));
    assert_found(&[(&[(OPENCODE, &content)], &["opencode gsk_1 chosen secret"])]);
}

/// R123: a key of another server is shown with it, and not pushed under the vendor's names.
#[test]
fn a_key_of_another_server_is_not_pushed() {
    let config = r#"{"provider":{"openai":{"options":{"baseURL":"https://x.example"}}}}"#;
    let home = Home::new(&[
        (OPENCODE, &GROQ.replace("groq", "openai")),
        (OPENCODE_CONFIG, config),
    ]);
    assert_rows(&home, &["opencode gsk_1 chosen - used @x.example"]);
}

/// R125: a login that its tool would not use is shown as unusable, with the reason, and not pushed.
#[test]
fn a_login_that_its_tool_does_not_use_is_unusable() {
    assert_unusable(
        OPENCODE,
        &[
            (
                r#"{"groq":{"type":"oauth","access":"t","expires":0}}"#.to_owned(),
                "`refresh`",
            ),
            (
                r#"{"groq":{"type":"oauth","access":"t","refresh":"r"}}"#.to_owned(),
                "`expires`",
            ),
            (format!("\u{feff}{GROQ}"), "byte order mark"),
        ],
    );
}

/// R128: whatever is not listed is said, with its key, and never with a value.
#[test]
fn nothing_is_dropped_without_a_word() {
    assert_said(
        OPENCODE,
        &[
            (
                r#"{"groq":{"type":"later","key":"VALUE"}}"#,
                "the entry \"groq\", which has an unknown type",
            ),
            (r#"{"groq":"VALUE"}"#, "\"groq\", which is not an object"),
            (
                r#"{"größe":{"type":"api","key":"VALUE"}}"#,
                "größe\", which has an invalid provider name",
            ),
            (r#"{"sk-or-1":{"type":"api","key":"$"}}"#, ""),
            (r#"{"groq":{"type":"api"}}"#, "has no `key`"),
            (
                r#"{"groq":{"type":"oauth","access":"VALUE","refresh":"r","expires":-1}}"#,
                "that is no number of milliseconds since 1970",
            ),
            (
                r#"{"https://x.example":{"type":"wellknown","key":"X","token":"VALUE"}}"#,
                "uses as the variable \"X\"",
            ),
            (
                r#"{"groq":{"type":"api","key":"a"},"groq/":{"type":"api","key":"VALUE"}}"#,
                "the entry \"groq/\", which maps to the same secret as the entry \"groq\"",
            ),
        ],
    );
    assert_said(
        OPENCODE_CONFIG,
        &[
            (
                r#"{"provider":{"groq":{"options":{"apiKey":"{env:A B}"}}}}"#,
                "refers to \"{env:A B}\"",
            ),
            (
                r#"{"provider":{"groq":{"options":{"apiKey":"{file:~/k; id}"}}}}"#,
                "refers to \"{file:~/k; id}\"",
            ),
            (
                r#"{"provider":{"groq":{"options":{"apiKey":"x{env:A}"}}}}"#,
                "composed",
            ),
            (
                r#"{"provider":{"groq":{"options":{"apiKey":7}}}}"#,
                "not a string",
            ),
        ],
    );
    assert_said(
        ".local/share/opencode/opencode.db",
        &[("x", "may hold logins of OpenCode that amika does not read")],
    );
    assert_said(".local/share/opencode/mcp-auth.json", &[("{}", "at MCP servers")]);
    // What is skipped is told from what is used, not from another entry that is skipped.
    let entry = r#"{"type":"api","key":"k"}"#;
    let content = format!(r#"{{"groq":{entry},"groq/":{entry},"Groq":{entry}}}"#);
    let said = Home::new(&[(OPENCODE, &content)]).said(true);
    assert_eq!(
        said.matches("the same secret as the entry \"groq\"").count(),
        2,
        "{said}"
    );
    // An empty entry is not reported.
    let empty = Home::new(&[
        (OPENCODE, "{\"groq\": null, \"xai\": {}, \"z\": {\n}}"),
        (
            OPENCODE_CONFIG,
            r#"{"provider":{"groq":{"options":{"apiKey":null}}}}"#,
        ),
    ]);
    assert_eq!(empty.said(true), "");
    // The database is only a detail if there is something else.
    let home = Home::new(&[
        (OPENCODE, GROQ),
        (".local/share/opencode/opencode.db", "x"),
        (CODEX, "{}"),
    ]);
    assert!(home.said(true).contains("opencode.db"));
}
