//! Tables of homes and what is found in them. The expectations come from running the tools, not from
//! this program.
#![expect(clippy::too_many_lines, reason = "tables of cases")]

use std::fs;

use tempfile::TempDir;

use super::credential::ProviderName;
use super::*;
use crate::formats::jwt::tests::token;
use crate::secret::SecretName;
use crate::system::env::Platform;
use crate::system::keychain::tests::MemoryKeychain;
use crate::ui::notices::Level;

const CLAUDE: &str = ".claude/.credentials.json";
const CLAUDE_SETTINGS: &str = ".claude/settings.json";
const CLAUDE_CONFIG: &str = ".claude.json";
const CODEX: &str = ".codex/auth.json";
const CODEX_CONFIG: &str = ".codex/config.toml";
const OPENCODE: &str = ".local/share/opencode/auth.json";
const OPENCODE_CONFIG: &str = ".config/opencode/opencode.json";
const AMP: &str = ".local/share/amp/secrets.json";
const AMP_SETTINGS: &str = ".config/amp/settings.json";

const LOGIN: &str = r#"{"claudeAiOauth":{"accessToken":"sk-ant-oat01-item","refreshToken":"r","expiresAt":1826984857063,"scopes":["user:inference"]}}"#;
const CODEX_KEY: &str = r#"{"OPENAI_API_KEY":"sk-proj-k"}"#;
const GROQ: &str = r#"{"groq":{"type":"api","key":"gsk_1"}}"#;
const AMP_KEY: &str = r#"{"apiKey@https://ampcode.com/":"sgamp_1"}"#;
const CLAUDE_USED: &str = "claude_oauth sk-ant-oat01-item chosen claude used";
const CODEX_USED: &str = "codex sk-proj-k chosen secret used";
const GROQ_USED: &str = "opencode gsk_1 chosen secret used";
const AMP_USED: &str = "amp_secrets sgamp_1 chosen secret used";

type Pairs<'a> = &'a [(&'a str, &'a str)];

struct Home {
    root: TempDir,
    variables: Vec<(String, String)>,
    platform: Platform,
}

impl Home {
    fn on(platform: Platform) -> Self {
        Self {
            root: TempDir::new().unwrap(),
            variables: vec![("USER".to_owned(), "fix".to_owned())],
            platform,
        }
    }

    fn new(files: Pairs<'_>) -> Self {
        Self::on(Platform::Unix).with(files)
    }

    fn with(self, files: Pairs<'_>) -> Self {
        for (path, content) in files {
            let path = self.root.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, content).unwrap();
        }
        self
    }

    /// Sets variables, in which `~` stands for this home.
    fn set(mut self, variables: Pairs<'_>) -> Self {
        for (name, value) in variables {
            let value = value.replace('~', self.root.path().to_str().unwrap());
            self.variables.push(((*name).to_owned(), value));
        }
        self
    }

    fn discover(&self) -> Report {
        self.discover_with(None)
    }

    fn discover_with(&self, keychain: Option<&dyn Keychain>) -> Report {
        let variables: Vec<_> = self
            .variables
            .iter()
            .map(|(n, v)| (n.as_str(), v.as_str()))
            .collect();
        discover(
            &Env::fake(self.root.path(), &variables, self.platform),
            keychain,
            Filter::ANY,
        )
    }

    /// Every message, with `~` for this home.
    fn said(&self, all: bool) -> String {
        let report = self.discover();
        let messages = report.messages(&report.credentials, Some(self.root.path()), all);
        let lines = messages.iter().map(|(_, text)| text.replace('\\', "/"));
        lines.collect::<Vec<_>>().join("\n")
    }
}

/// `source value state pushed_as used @server` of each credential; `-` if it is not pushed.
fn rows(report: &Report) -> Vec<String> {
    let row = |found: &LocalCredential| {
        let form = match found.pushed_as() {
            None => "-",
            Some(PushedAs::Secret) => "secret",
            Some(PushedAs::Login(provider)) => provider.id,
        };
        let (value, state) = (found.value.expose_secret(), found.state.as_str());
        let used = if found.in_use { " used" } else { "" };
        let server = found
            .server
            .as_ref()
            .map_or_else(String::new, |host| format!(" @{host}"));
        format!("{} {value} {state} {form}{used}{server}", found.source.id)
    };
    report.credentials.iter().map(row).collect()
}

#[track_caller]
fn assert_rows(home: &Home, expected: &[&str]) {
    let report = home.discover();
    assert_eq!(
        rows(&report),
        expected,
        "{:?} {:?}",
        report.problems,
        report.notes
    );
}

/// All tools are signed in.
const LAPTOP: Pairs<'_> = &[
    (CLAUDE, LOGIN),
    (CODEX, CODEX_KEY),
    (OPENCODE, GROQ),
    (AMP, AMP_KEY),
];

#[test]
fn the_credential_of_each_tool_is_found() {
    let all = [CLAUDE_USED, CODEX_USED, GROQ_USED, AMP_USED];
    let laptop = Home::new(LAPTOP);
    assert_rows(&laptop, &all);
    assert_eq!(laptop.said(true), "");
    assert_eq!(
        laptop.discover().credentials[0]
            .document
            .as_ref()
            .unwrap()
            .expose_secret(),
        LOGIN
    );
    let cases: &[(Pairs<'_>, &[&str])] = &[
        (
            &[(CLAUDE_CONFIG, r#"{"primaryApiKey":" sk-ant-1\n"}"#)],
            &["claude_api sk-ant-1 chosen secret used"],
        ),
        // The login of Claude Code goes before its key, but the key has the higher priority.
        (
            &[
                (CLAUDE, LOGIN),
                (CLAUDE_CONFIG, r#"{"primaryApiKey":"sk-ant-1"}"#),
            ],
            &[
                "claude_api sk-ant-1 chosen secret",
                "claude_oauth sk-ant-oat01-item outranked - used",
            ],
        ),
        // Leftovers of older versions rank below what is used.
        (
            &[(CLAUDE, LOGIN), (".claude.json.api", r#"{"apiKey":"sk-ant-1"}"#)],
            &[CLAUDE_USED, "claude_api sk-ant-1 outranked -"],
        ),
        (
            &[(".claude.json.api", r#"{"apiKey":"sk-ant-1"}"#)],
            &["claude_api sk-ant-1 chosen secret"],
        ),
        (&[(CLAUDE_CONFIG, r#"{"apiKey":"other"}"#)], &[]),
        (
            &[(CLAUDE_CONFIG, r#"{"primaryApiKey":"gateway"}"#)],
            &["claude_api gateway chosen secret used"],
        ),
        (
            &[(".claude-oauth-credentials.json", LOGIN)],
            &["claude_oauth sk-ant-oat01-item chosen claude"],
        ),
        (
            &[(CODEX, r#"{"personal_access_token":"at-1"}"#)],
            &["codex at-1 chosen codex used"],
        ),
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
        (
            &[(
                ".amp/config.json",
                r#"{"apiKey":"sgamp_2","auth":{"token":"sk-ant-2"}}"#,
            )],
            &["amp sgamp_2 chosen secret", "amp sk-ant-2 chosen secret"],
        ),
        (
            &[
                (
                    ".cache/amika/env-cache.json",
                    r#"{"groq_Api_key":" a ","PORT":"1"}"#,
                ),
                (".local/share/amika/keychain.json", r#"{"GROQ_API_KEY":"b"}"#),
                (".local/state/amika/oauth.json", r#"{"CLAUDE_API_KEY":"c"}"#),
            ],
            &[
                "amika_env_cache a chosen secret",
                "amika_keychain b outranked -",
                "amika_oauth c chosen -",
            ],
        ),
        // A token of a login is not a key, whatever its entry says.
        (
            &[(OPENCODE, r#"{"anthropic":{"type":"api","key":"sk-ant-oat01-x"}}"#)],
            &["opencode sk-ant-oat01-x unusable -"],
        ),
    ];
    for (files, expected) in cases {
        assert_rows(&Home::new(files), expected);
        let is_key_of_login = expected.len() == 2 && expected[0] == "claude_api sk-ant-1 chosen secret";
        let said = Home::new(files).said(false);
        assert_eq!(
            said.contains("uses its login, not this key"),
            is_key_of_login,
            "{said}"
        );
    }
}

/// R123: what may go before a stored credential is named, wherever it is set, and the credential is
/// not said to be in use.
#[test]
fn what_may_go_before_a_credential_is_named() {
    for variable in [
        "ANTHROPIC_AUTH_TOKEN",
        "CLAUDE_CODE_OAUTH_TOKEN",
        "ANTHROPIC_CUSTOM_HEADERS",
        "ANTHROPIC_BASE_URL",
        "CLAUDE_CODE_USE_BEDROCK",
        "ANTHROPIC_PROFILE",
        "ANTHROPIC_FEDERATION_RULE_ID",
        "CLAUDE_CODE_SIMPLE",
    ] {
        let tail = format!("Claude Code may use something else: ${variable}");
        let home = Home::new(&[(CLAUDE, LOGIN)]).set(&[(variable, "1")]);
        assert_rows(&home, &["claude_oauth sk-ant-oat01-item chosen claude"]);
        assert_eq!(home.said(false), tail);
        for file in [
            CLAUDE_SETTINGS,
            ".claude/remote-settings.json",
            "root/etc/claude-code/managed-settings.json",
            "root/etc/claude-code/managed-settings.d/10.json",
        ] {
            let settings = format!(r#"{{"env":{{"{variable}":"1"}}}}"#);
            let home = Home::new(&[(CLAUDE, LOGIN), (file, &settings)]);
            assert_rows(&home, &["claude_oauth sk-ant-oat01-item chosen claude"]);
            let said = home.said(false);
            assert!(
                said.contains(&format!("else: env.{variable} in ~/{file}")),
                "{said}"
            );
        }
    }
    for member in ["apiKeyHelper", "forceLoginMethod", "awsAuthRefresh"] {
        let home = Home::new(&[
            (CLAUDE, LOGIN),
            (CLAUDE_SETTINGS, &format!(r#"{{"{member}":"false"}}"#)),
        ]);
        assert_rows(&home, &["claude_oauth sk-ant-oat01-item chosen claude"]);
        assert!(home.said(false).contains(member), "{member}");
    }
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
    let home = Home::new(&[(OPENCODE, GROQ), (AMP, AMP_KEY)]);
    let home = home.set(&[("OPENCODE_CONSOLE_TOKEN", "1"), ("AMP_API_KEY", "1")]);
    assert_rows(
        &home,
        &[
            "opencode gsk_1 chosen secret",
            "amp_secrets sgamp_1 chosen secret",
        ],
    );
    let said = home.said(false);
    assert_eq!(
        said,
        "OpenCode may use something else: $OPENCODE_CONSOLE_TOKEN; Amp may use something else: $AMP_API_KEY"
    );
}

/// R123: names of the tools' own settings that nobody knows make it unknown what is in use, and are only
/// said if everything is asked for.
#[test]
fn unknown_variables_make_it_unknown_what_is_in_use() {
    let unknown = [
        ("CLAUDE_CODE_WHATEVER", "1"),
        ("CODEX_WHATEVER", "1"),
        ("OPENCODE_WHATEVER", "1"),
        ("AMP_WHATEVER", "1"),
    ];
    let home = Home::new(LAPTOP).set(&unknown);
    let expected = [CLAUDE_USED, CODEX_USED, GROQ_USED, AMP_USED].map(|row| row.trim_end_matches(" used"));
    assert_rows(&home, &expected);
    assert_eq!(home.said(false), "4 more: --all");
    for (variable, _) in unknown {
        assert!(home.said(true).contains(&format!("${variable}")));
    }
}

/// R123: on an ordinary machine nothing is said, and every credential is in use.
#[test]
fn an_ordinary_machine_is_quiet() {
    let home = Home::new(LAPTOP)
        .with(&[
            (
                CLAUDE_SETTINGS,
                r#"{"env":{"ANTHROPIC_MODEL":"opus","CLAUDE_CODE_MAX_OUTPUT_TOKENS":64000,"HTTPS_PROXY":"http://p","ANTHROPIC_API_KEY":""},
                    "model":"opus","permissions":{"allow":["Bash"]},"includeCoAuthoredBy":false,"apiKeyHelper":"","hooks":{}}"#,
            ),
            (
                CODEX_CONFIG,
                "model = \"o\"\nmodel_provider = \"openai\"\ncli_auth_credentials_store = \"file\"\nopenai_base_url = \"\"\n\
                 [mcp_servers.x]\ncommand = \"y\"\n[model_providers.z]\nbase_url = \"https://z.example\"\n",
            ),
            (".codex/.env", "CODEX_ACCESS_TOKEN=x\nDATABASE_URL=y\n"),
            (OPENCODE_CONFIG, r#"{"$schema":"s","model":"m","provider":{"groq":{"models":{}}}}"#),
            (AMP_SETTINGS, r#"{"amp.url":"https://ampcode.com","amp.mcpServers":{}}"#),
        ])
        .set(&[
            ("ANTHROPIC_MODEL", "m"),
            ("ANTHROPIC_BASE_URL", "https://api.anthropic.com"),
            ("ANTHROPIC_AUTH_TOKEN", " "),
            ("CLAUDE_CODE_USE_BEDROCK", "0"),
            ("CLAUDE_CODE_ENABLE_TELEMETRY", "1"),
            ("CLAUDE_CODE_ENTRYPOINT", "cli"),
            ("CLAUDE_CODE_SSE_PORT", "1"),
            ("CLAUDE_CODE_API_KEY_HELPER_TTL_MS", "1"),
            ("CLAUDE_CODE_MAX_OUTPUT_TOKENS", "1"),
            ("OPENAI_API_KEY", "k"),
            ("OPENAI_ORG_ID", "o"),
            ("CODEX_API_KEY", ""),
            ("CODEX_SANDBOX_NETWORK_DISABLED", "1"),
            ("CODEX_LOG", "1"),
            ("SPIFFE_ENDPOINT_SOCKET", "unix:///x"),
            ("CODEX_HOME", "~/.codex"),
            ("OPENCODE_DISABLE_AUTOUPDATE", "1"),
            ("OPENCODE_PID", "1"),
            ("AMP_LOG_LEVEL", "x"),
            ("AMP_URL", "https://ampcode.com"),
            ("GEMINI_API_KEY", "x"),
        ]);
    assert_rows(&home, &[CLAUDE_USED, CODEX_USED, GROQ_USED, AMP_USED]);
    assert_eq!(home.said(true), "");
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
    let key = (CLAUDE_CONFIG, r#"{"primaryApiKey":"k"}"#);
    let elsewhere = "claude_api k chosen - @g.example:8080";
    let url = ("ANTHROPIC_BASE_URL", "https://user:pass@g.example:8080/v1");
    let home = Home::new(&[key]).set(&[url]);
    assert_rows(&home, &[elsewhere]);
    assert!(home.said(false).contains("belongs to g.example:8080"));
    // It does not stand in the way of a key that can be pushed.
    let groq = r#"{"anthropic":{"type":"api","key":"sk-ant-2"}}"#;
    let both = Home::new(&[key, (OPENCODE, groq)]).set(&[url]);
    assert_rows(&both, &[elsewhere, "opencode sk-ant-2 chosen secret used"]);
    // A login stays Anthropic's.
    let login = Home::new(&[(CLAUDE, LOGIN)]).set(&[url]);
    assert_rows(&login, &["claude_oauth sk-ant-oat01-item chosen claude"]);
    // The settings go before the environment, and a blank value unsets it.
    let blank = r#"{"env":{"ANTHROPIC_BASE_URL":""}}"#;
    let unset = Home::new(&[key, (CLAUDE_SETTINGS, blank)]).set(&[url]);
    assert_rows(&unset, &["claude_api k chosen secret used"]);

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

    let config = r#"{"provider":{"openai":{"options":{"baseURL":"https://x.example"}}}}"#;
    let home = Home::new(&[
        (OPENCODE, &GROQ.replace("groq", "openai")),
        (OPENCODE_CONFIG, config),
    ]);
    assert_rows(&home, &["opencode gsk_1 chosen - used @x.example"]);
    let amp =
        Home::new(&[(AMP, r#"{"apiKey@http://amp.example":"k"}"#)]).set(&[("AMP_URL", "http://amp.example")]);
    assert_rows(&amp, &["amp_secrets k chosen - used @amp.example"]);
}

/// R124, R137: settings of the working directory's repository are named and not opened.
#[test]
fn settings_of_a_project_are_named_and_not_opened() {
    for file in [
        "project/.claude/settings.json",
        "project/.claude/settings.local.json",
        "project/.codex/config.toml",
        "project/opencode.json",
        "project/.opencode/opencode.jsonc",
        "project/.amp/settings.json",
    ] {
        let hostile = r#"{"env":{"ANTHROPIC_API_KEY":"no"},"provider":{"groq":{"options":{"apiKey":"no"}}}}"#;
        let home = Home::new(LAPTOP).with(&[(file, hostile)]);
        let report = home.discover();
        assert!(report.problems.is_empty(), "{:?}", report.problems);
        let unused: Vec<_> = rows(&report)
            .into_iter()
            .filter(|row| !row.ends_with(" used"))
            .collect();
        assert_eq!(
            (report.credentials.len(), unused.len()),
            (4, 1),
            "{file}: {unused:?}"
        );
        assert_eq!(home.said(false), "1 more: --all", "{file}");
        let said = home.said(true);
        assert!(
            said.contains("not known whether these change") && said.ends_with(&format!(": ~/{file}")),
            "{said}"
        );
    }
    // Above the root of a repository, and in the home directory, are no project's settings.
    let inside = Home::new(LAPTOP).with(&[
        ("project/.git/HEAD", ""),
        ("opencode.json", "{}"),
        (".git/HEAD", ""),
    ]);
    assert_rows(&inside, &[CLAUDE_USED, CODEX_USED, GROQ_USED, AMP_USED]);
    // An empty variable means the working directory to Claude Code, where nothing is read.
    let home = Home::new(&[
        (CLAUDE, LOGIN),
        ("project/.credentials.json", &LOGIN.replace("item", "no")),
    ]);
    let home = home.set(&[("CLAUDE_CONFIG_DIR", "")]);
    assert_rows(&home, &["claude_oauth sk-ant-oat01-item chosen claude"]);
}

/// R125: a login that its tool would not use is shown as unusable, with the reason, and not pushed.
#[test]
fn a_login_that_its_tool_does_not_use_is_unusable() {
    let codex = |members: &str| format!(r#"{{"tokens":{{"access_token":"t"{members}}}}}"#);
    let (id, refresh) = (r#","id_token":"e30.e30.c2ln""#, r#","refresh_token":"r""#);
    let ended = r#""refreshTokenExpiresAt":1700000000000,"scopes""#;
    for (path, content, reason) in [
        (CLAUDE, format!("\u{feff}{LOGIN}"), "byte order mark"),
        (
            CLAUDE,
            LOGIN.replace("user:inference", "user:profile"),
            "user:inference",
        ),
        (CLAUDE, LOGIN.replace("\"scopes\"", "\"other\""), "user:inference"),
        (
            CLAUDE,
            LOGIN.replace("\"scopes\"", ended),
            "refresh token expired",
        ),
        (
            CLAUDE,
            LOGIN.replace("}}", "},\"keychainOverflow\":{\"slot\":\"a\"}}"),
            "split",
        ),
        (CODEX, codex(refresh), "id_token"),
        (CODEX, codex(&format!("{refresh},\"id_token\":\"x\"")), "id_token"),
        (CODEX, codex(id), "refresh_token"),
        (CODEX, format!("\u{feff}{CODEX_KEY}"), "byte order mark"),
        (
            OPENCODE,
            r#"{"groq":{"type":"oauth","access":"t","expires":0}}"#.to_owned(),
            "`refresh`",
        ),
        (
            OPENCODE,
            r#"{"groq":{"type":"oauth","access":"t","refresh":"r"}}"#.to_owned(),
            "`expires`",
        ),
        (OPENCODE, format!("\u{feff}{GROQ}"), "byte order mark"),
        (AMP, format!("\u{feff}{AMP_KEY}"), "byte order mark"),
    ] {
        let home = Home::new(&[(path, &content)]);
        let report = home.discover();
        assert!(report.problems.is_empty(), "{content}");
        assert_eq!(report.credentials.len(), 1, "{content}");
        assert!(
            rows(&report)[0].ends_with(" unusable -"),
            "{content}: {:?}",
            rows(&report)
        );
        let said = home.said(false);
        assert!(
            said.starts_with("not pushed: ") && said.contains(reason),
            "{content}: {said}"
        );
    }
    assert_rows(
        &Home::new(&[(CODEX, &codex(&format!("{id}{refresh}")))]),
        &["codex t chosen codex used"],
    );
}

/// R25: a directory or a link to nothing is an absent file, with a notice; an ended login says so.
#[test]
fn absent_is_absent() {
    for (path, expected) in [
        (CLAUDE, CODEX_USED),
        (CODEX, CLAUDE_USED),
        (OPENCODE, CLAUDE_USED),
        (AMP, CLAUDE_USED),
    ] {
        let both: Vec<_> = [(CLAUDE, LOGIN), (CODEX, CODEX_KEY)]
            .into_iter()
            .filter(|(file, _)| *file != path)
            .collect();
        let home = Home::new(&both);
        fs::create_dir_all(home.root.path().join(path)).unwrap();
        let report = home.discover();
        assert!(
            report.problems.is_empty() && rows(&report).iter().any(|row| row == expected),
            "{path}"
        );
        assert!(home.said(false).contains("is a directory"), "{path}");
    }
    #[cfg(unix)]
    for path in [CLAUDE, CODEX, CODEX_CONFIG, CLAUDE_SETTINGS] {
        let home = Home::new(&[(AMP, AMP_KEY)]);
        let path = home.root.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::os::unix::fs::symlink("nowhere", path).unwrap();
        assert_rows(&home, &[AMP_USED]);
        assert!(home.discover().problems.is_empty());
    }
    let ended =
        r#"{"claudeAiOauth":{"accessToken":"","refreshToken":"","expiresAt":0,"loginEnded":"time_limit"}}"#;
    let home = Home::new(&[(CLAUDE, ended)]);
    assert_rows(&home, &[]);
    assert!(home.said(false).contains("has ended (\"time_limit\")"));
}

/// R124: of several layers, the strongest selects Codex's store.
#[test]
fn the_strongest_layer_selects_the_store() {
    let setting = |store: &str| format!("cli_auth_credentials_store = \"{store}\"\n");
    for (system, user, managed, found) in [
        ("ephemeral", "", "", false),
        ("ephemeral", "file", "", true),
        ("", "ephemeral", "file", true),
        ("", "file", "ephemeral", false),
        ("", "", "", true),
    ] {
        let layers = [
            ("root/etc/codex/config.toml", system),
            (CODEX_CONFIG, user),
            ("root/etc/codex/managed_config.toml", managed),
        ];
        let layers = layers.map(|(file, store)| {
            (
                file,
                if store.is_empty() {
                    String::new()
                } else {
                    setting(store)
                },
            )
        });
        let files: Vec<_> = layers
            .iter()
            .map(|(file, content)| (*file, content.as_str()))
            .collect();
        let home = Home::new(&[(CODEX, CODEX_KEY)]).with(&files);
        let expected: &[&str] = if found { &[CODEX_USED] } else { &[] };
        assert_rows(&home, expected);
        assert_eq!(
            home.said(true).contains("does not use this file"),
            !found,
            "{layers:?}"
        );
    }
}

/// R124: settings that an administrator enforces on macOS are named, because their format is not read.
#[test]
fn managed_preferences_are_named() {
    for (domain, used) in [
        ("com.anthropic.claudecode", CLAUDE_USED),
        ("com.openai.codex", CODEX_USED),
        ("ai.opencode.managed", GROQ_USED),
    ] {
        for directory in ["", "fix/"] {
            let file = format!("root/Library/Managed Preferences/{directory}{domain}.plist");
            let home = Home::on(Platform::MacOs)
                .with(LAPTOP)
                .with(&[(&file, "bplist00")]);
            let all = [CLAUDE_USED, CODEX_USED, GROQ_USED, AMP_USED];
            assert_rows(
                &home,
                &all.map(|row| {
                    if row == used {
                        row.trim_end_matches(" used")
                    } else {
                        row
                    }
                }),
            );
            assert!(
                home.said(false)
                    .ends_with(&format!("may use something else: ~/{file}"))
            );
        }
    }
}

/// R124: of the addresses that select Amp's key, the machine's goes before the variable, and that before the
/// person's (run with Amp 0.0.1790142911).
#[test]
fn the_strongest_address_selects_amps_key() {
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

/// R124: OpenCode's layers, the weakest first; each goes before the ones in front of it.
#[test]
fn the_strongest_layer_has_opencodes_key() {
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

/// R128: whatever is not listed is said, with its key, and never with a value.
#[test]
fn nothing_is_dropped_without_a_word() {
    for (path, content, word) in [
        (
            OPENCODE,
            r#"{"groq":{"type":"later","key":"VALUE"}}"#,
            "the entry \"groq\", which has an unknown type",
        ),
        (
            OPENCODE,
            r#"{"groq":"VALUE"}"#,
            "\"groq\", which is not an object",
        ),
        (
            OPENCODE,
            r#"{"größe":{"type":"api","key":"VALUE"}}"#,
            "größe\", which has an invalid provider name",
        ),
        (OPENCODE, r#"{"sk-or-1":{"type":"api","key":"$"}}"#, ""),
        (OPENCODE, r#"{"groq":{"type":"api"}}"#, "has no `key`"),
        (
            OPENCODE,
            r#"{"groq":{"type":"oauth","access":"VALUE","refresh":"r","expires":-1}}"#,
            "that is no number of milliseconds since 1970",
        ),
        (
            OPENCODE,
            r#"{"https://x.example":{"type":"wellknown","key":"X","token":"VALUE"}}"#,
            "uses as the variable \"X\"",
        ),
        (
            OPENCODE,
            r#"{"groq":{"type":"api","key":"a"},"groq/":{"type":"api","key":"VALUE"}}"#,
            "the entry \"groq/\", which maps to the same secret as the entry \"groq\"",
        ),
        (
            OPENCODE_CONFIG,
            r#"{"provider":{"groq":{"options":{"apiKey":"{env:A B}"}}}}"#,
            "refers to \"{env:A B}\"",
        ),
        (
            OPENCODE_CONFIG,
            r#"{"provider":{"groq":{"options":{"apiKey":"{file:~/k; id}"}}}}"#,
            "refers to \"{file:~/k; id}\"",
        ),
        (
            OPENCODE_CONFIG,
            r#"{"provider":{"groq":{"options":{"apiKey":"x{env:A}"}}}}"#,
            "composed",
        ),
        (
            OPENCODE_CONFIG,
            r#"{"provider":{"groq":{"options":{"apiKey":7}}}}"#,
            "not a string",
        ),
        (
            ".local/share/opencode/opencode.db",
            "x",
            "may hold logins of OpenCode that amika does not read",
        ),
        (".local/share/opencode/mcp-auth.json", "{}", "at MCP servers"),
        (
            AMP,
            r#"{"apiKey@https://x.example/":"VALUE"}"#,
            "is not the key that Amp uses",
        ),
        (
            AMP,
            r#"{"oauth-refresh-token@https://ampcode.com/":"VALUE"}"#,
            "without its key",
        ),
        (AMP, r#"{"mcp-oauth-token@x":"VALUE"}"#, "for an MCP server"),
        (
            AMP,
            r#"{"later":"VALUE"}"#,
            "\"later\", which has an unknown type",
        ),
        (".amp/config.json", r#"{"later":"VALUE"}"#, "\"later\""),
        (
            ".cache/amika/env-cache.json",
            r#"{"PORT":"VALUE"}"#,
            "not keys: the entry \"PORT\"",
        ),
        (
            CLAUDE,
            r#"{"mcpOAuth":{"a":"VALUE"}}"#,
            "only other secrets: mcpOAuth",
        ),
        (
            ".config/anthropic/credentials/work.json",
            "VALUE",
            "Anthropic Console",
        ),
        (
            CODEX,
            r#"{"bedrock_api_key":{"api_key":"VALUE"}}"#,
            "\"bedrockApiKey\"",
        ),
        (
            CODEX,
            r#"{"auth_mode":"agentIdentity","agent_identity":"VALUE"}"#,
            "\"agentIdentity\"",
        ),
        (
            CODEX,
            r#"{"auth_mode":"later","OPENAI_API_KEY":"VALUE"}"#,
            "\"later\"",
        ),
        (CODEX, r#"{"auth_mode":"apikey"}"#, "no `OPENAI_API_KEY`"),
        (CODEX, r#"{"auth_mode":"chatgpt"}"#, "no `tokens.access_token`"),
        (
            CODEX,
            r#"{"auth_mode":"chatgpt","tokens":{"access_token":"","refresh_token":"VALUE"}}"#,
            "no `tokens.access_token`",
        ),
        (
            CODEX_CONFIG,
            "[model_providers.a]\nexperimental_bearer_token = \"VALUE\"",
            "contains a token for a model",
        ),
        (
            CODEX_CONFIG,
            "cli_auth_credentials_store = \"ephemeral\"",
            "in memory only",
        ),
        (".codex/gateway_oauth.json", "VALUE", "other logins of Codex"),
        (".codex/secrets/codex_auth.age", "VALUE", "is encrypted"),
    ] {
        let home = Home::new(&[(path, content)]);
        let said = home.said(true);
        assert!(said.contains(word), "{content}: {said}");
        assert!(!said.contains("VALUE"), "{said}");
        if !word.is_empty() {
            assert_eq!(home.said(false), said, "one message is not counted");
        }
        let unlisted = |report: &Report| {
            report
                .credentials
                .iter()
                .all(|found| !found.value.expose_secret().contains("VALUE"))
        };
        assert!(unlisted(&home.discover()), "{content}");
    }
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

/// R138: no name that this program reads comes from a store, and that is a warning.
#[test]
fn names_of_this_program_are_never_produced() {
    let entry = r#"{"type":"api","key":"k"}"#;
    for (path, content) in [
        (OPENCODE, format!(r#"{{"amika":{entry}}}"#)),
        (OPENCODE, format!(r#"{{"Amika/workos":{entry}}}"#)),
        (
            OPENCODE_CONFIG,
            r#"{"provider":{"amika":{"options":{"apiKey":"k"}}}}"#.to_owned(),
        ),
        (
            ".cache/amika/env-cache.json",
            r#"{"AMIKA_API_KEY":"k"}"#.to_owned(),
        ),
        (
            ".local/share/amika/keychain.json",
            r#"{"amika_api_key":"k"}"#.to_owned(),
        ),
        (
            ".local/state/amika/oauth.json",
            r#"{"AMIKA_API_URL":"k"}"#.to_owned(),
        ),
    ] {
        let home = Home::new(&[(path, &content)]);
        assert_rows(&home, &[]);
        let messages = home.discover().messages(&[], None, false);
        let messages: Vec<_> = messages.iter().collect();
        assert_eq!(messages[0].0, Level::Warning, "{content}");
        assert!(messages[0].1.contains("amika itself reads"), "{content}");
    }
}

/// R17, R30: provider names become variable names, or are refused. A key never becomes one.
#[test]
fn provider_names_become_variable_names() {
    for (name, secret) in [
        ("openrouter", "OPENROUTER_API_KEY"),
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
    }
    let long = "a".repeat(65);
    for bad in [
        "",
        "-",
        "_",
        "a\nb",
        "a\u{1b}[2J",
        "größe",
        // A Kelvin sign, whose lower case is a plain k.
        "ami\u{212a}a",
        "a$(id)",
        "a'b",
        "https://x",
        "ghp_abcdefghijklmnopqrstuvwxyz0123456789",
        "c4n4ryAbcdefghijKLMNO",
        "d41d8cd98f00b204e9800998ecf8427e",
        &long,
    ] {
        assert_eq!(
            ProviderName::from_tool(bad),
            Err("has an invalid provider name"),
            "{bad:?}"
        );
    }
}

/// R29: a value with a control character is refused, and the others are found.
#[test]
fn values_that_no_server_takes_are_skipped() {
    for bad in ["a\\u0000", "a\\u001b[2J", "a\\nb", "a\u{202e}", "a\u{9b}"] {
        let content =
            format!(r#"{{"xai":{{"type":"api","key":"{bad}x"}},"groq":{{"type":"api","key":"gsk_1"}}}}"#);
        assert_rows(&Home::new(&[(OPENCODE, &content)]), &[GROQ_USED]);
        let content = format!(r#"{{"XAI_API_KEY":"{bad}x","GROQ_API_KEY":"b"}}"#);
        let home = Home::new(&[(".cache/amika/env-cache.json", &content)]);
        assert_rows(&home, &["amika_env_cache b chosen secret"]);
        assert!(home.said(true).contains("skipped "), "{bad}");
    }
}

/// R22: whatever cannot be read is a problem, and makes it unknown what is in use.
#[test]
fn a_broken_setting_makes_it_unknown_what_is_in_use() {
    for (credential, settings, content) in [
        ((CLAUDE, LOGIN), CLAUDE_SETTINGS, "{"),
        (
            (CLAUDE, LOGIN),
            "root/etc/claude-code/managed-settings.json",
            "[]",
        ),
        ((CODEX, CODEX_KEY), CODEX_CONFIG, "x ="),
        (
            (CODEX, CODEX_KEY),
            CODEX_CONFIG,
            "cli_auth_credentials_store = \"File\"",
        ),
        ((OPENCODE, GROQ), OPENCODE_CONFIG, "{\"provider\":"),
        ((AMP, AMP_KEY), AMP_SETTINGS, "[1]"),
    ] {
        let home = Home::new(&[credential, (settings, content)]);
        let report = home.discover();
        assert_eq!(
            (report.problems.len(), report.credentials.len()),
            (1, 1),
            "{settings}"
        );
        assert!(!report.credentials[0].in_use, "{settings}");
    }
    // A login that is unreadable, or has a time that only its tool understands, leaves open whether the
    // key is used.
    for login in ["{", &LOGIN.replace("1826984857063", "1826984857")] {
        let home = Home::new(&[(CLAUDE, login), (CLAUDE_CONFIG, r#"{"primaryApiKey":"k"}"#)]);
        assert_rows(&home, &["claude_api k chosen secret"]);
    }
}

#[test]
fn on_macos_the_keychain_comes_before_the_files() {
    let home = Home::on(Platform::MacOs).with(&[
        (CLAUDE, &LOGIN.replace("item", "file")),
        (CLAUDE_CONFIG, r#"{"primaryApiKey":"sk-ant-api03-file"}"#),
    ]);
    let keychain = MemoryKeychain::default()
        .with("Claude Code-credentials", "fix", LOGIN)
        .with("Claude Code-credentials", "unknown", r#"{"mcpOAuth":{}}"#)
        .with("Claude Code", "fix", "sk-ant-api03-item");
    let report = home.discover_with(Some(&keychain));
    assert_eq!(
        rows(&report),
        [
            "claude_api sk-ant-api03-item chosen secret",
            "claude_api sk-ant-api03-file outranked -",
            "claude_oauth sk-ant-oat01-item outranked - used",
            "claude_oauth sk-ant-oat01-file outranked -",
        ]
    );
    let mut reads = keychain.reads.borrow().clone();
    reads.sort();
    assert_eq!(
        reads,
        ["Claude Code-credentials/fix", "Claude Code/fix"],
        "each item is read once, and no other account's if the user's own exists"
    );
    assert!(report.problems.is_empty());
}

/// R124: Claude Code on Windows has its login in the file, or in the Credential Manager if a feature flag or
/// a variable says so; a login that is split there is not dropped silently.
#[test]
fn the_credential_manager_is_used_if_it_is_selected() {
    const SERVICE: &str = "Claude Code-credentials";
    let keychain = MemoryKeychain::default().with(SERVICE, "claude-code-user", LOGIN);
    let flag = |on: &str| format!(r#"{{"cachedGrowthBookFeatures":{{"tengu_windows_credman":{on}}}}}"#);
    let home = |config: &str| {
        let file = LOGIN.replace("item", "file");
        Home::on(Platform::Windows).with(&[(CLAUDE, &file), (CLAUDE_CONFIG, config)])
    };
    let variable = |value: &str| home("{}").set(&[("CLAUDE_CODE_FORCE_WINDOWS_CREDMAN", value)]);
    let file = "claude_oauth sk-ant-oat01-file";
    for home in [
        home("{}"),
        home("{"),
        home(&flag("false")),
        home(&flag("1")),
        variable("0"),
    ] {
        let report = home.discover_with(Some(&keychain));
        assert_eq!(rows(&report)[0], format!("{file} chosen claude used"));
        assert!(keychain.reads.borrow().is_empty());
    }
    let both = [CLAUDE_USED.to_owned(), format!("{file} outranked -")];
    for home in [home(&flag("true")), variable("1")] {
        assert_eq!(rows(&home.discover_with(Some(&keychain))), both);
    }
    let split = MemoryKeychain::default().with(SERVICE, "claude-code-user#m", r#"{"n":2,"l":9}"#);
    let report = variable("1").discover_with(Some(&split));
    assert_eq!(rows(&report), [format!("{file} chosen claude")]);
    assert!(report.problems[0].shown(None).contains("is split"));
}

/// R124: Claude Code does not read its file while the Keychain has an item, whatever the item contains.
#[test]
fn a_keychain_item_without_a_login_hides_the_file() {
    let config = (CLAUDE_CONFIG, r#"{"primaryApiKey":"k"}"#);
    let home = Home::on(Platform::MacOs).with(&[(CLAUDE, LOGIN), config]);
    for (item, uses_file) in [
        ("null", true),
        ("{}", false),
        (r#"{"mcpOAuth":{}}"#, false),
        (r#"{"claudeAiOauth":{"accessToken":""}}"#, false),
        (r#"{"claudeAiOauth":{"accessToken":"t","scopes":[]}}"#, false),
    ] {
        let keychain = MemoryKeychain::default().with("Claude Code-credentials", "fix", item);
        let rows = rows(&home.discover_with(Some(&keychain)));
        let (login, key) = if uses_file { (" used", "") } else { ("", " used") };
        assert_eq!(rows[0], format!("claude_api k chosen secret{key}"), "{item}");
        assert_eq!(
            rows.last().unwrap(),
            &format!("claude_oauth sk-ant-oat01-item outranked -{login}"),
            "{item}"
        );
    }
}

#[test]
fn other_keychain_accounts_are_searched_only_when_the_own_one_is_empty() {
    let keychain = MemoryKeychain::default()
        .with("Claude Code-credentials", "unknown", r#"{"mcpOAuth":{"a":1}}"#)
        .with("Claude Code-credentials", "default", LOGIN);
    let report = Home::on(Platform::MacOs).discover_with(Some(&keychain));
    assert_eq!(rows(&report), ["claude_oauth sk-ant-oat01-item chosen claude"]);
    let place = report.credentials[0].place.shown(None);
    assert_eq!(place, "keychain item Claude Code-credentials (default)");
}

#[test]
fn a_moved_directory_has_its_own_keychain_items() {
    let home = Home::on(Platform::MacOs).set(&[("CLAUDE_CONFIG_DIR", "C:/cfg2/")]);
    let keychain = MemoryKeychain::default()
        .with("Claude Code-credentials", "fix", &LOGIN.replace("item", "other"))
        .with("Claude Code-credentials-9a02e4b9", "fix", LOGIN);
    assert_eq!(rows(&home.discover_with(Some(&keychain))), [CLAUDE_USED]);
}

/// R132: a locked keychain is unreadable, not empty.
#[test]
fn a_locked_keychain_is_unreadable() {
    let home = Home::on(Platform::MacOs).with(&[(CLAUDE, LOGIN)]);
    let keychain = MemoryKeychain::default().locked("Claude Code-credentials", "fix");
    let report = home.discover_with(Some(&keychain));
    assert_eq!(
        rows(&report),
        ["claude_oauth sk-ant-oat01-item chosen claude"],
        "the file is read"
    );
    assert_eq!(
        report.problems[0].shown(None),
        "failed to read keychain item Claude Code-credentials (fix): it is locked, or access was refused"
    );
}

#[test]
fn no_keychain_is_read_if_no_source_needs_one() {
    let keychain = MemoryKeychain::default().with("Codex Auth", "any", "{}");
    Home::new(LAPTOP).discover_with(Some(&keychain));
    assert!(keychain.reads.borrow().is_empty());
}

#[test]
fn codex_uses_the_configured_store() {
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
        let hash = crate::system::keychain::hex_start(real.to_str().unwrap().as_bytes(), 16);
        let item = r#"{"OPENAI_API_KEY":"item"}"#;
        let keychain = MemoryKeychain::default().with("Codex Auth", &format!("cli|{hash}"), item);
        let report = home.discover_with(Some(&keychain));
        let values: Vec<_> = report
            .credentials
            .iter()
            .map(|found| found.value.expose_secret())
            .collect();
        assert_eq!(values, expected, "{store} {features}");
        assert_eq!(
            report.problems.len(),
            usize::from(store == "unheard-of"),
            "{store}"
        );
    }
}

#[test]
fn codex_uses_the_login_of_its_mode() {
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
        let whole = found
            .document
            .as_ref()
            .map(|document| document.expose_secret().to_owned());
        assert_eq!(whole, (expected == &login).then_some(content));
        assert_eq!(found.expires_at.is_some(), expected == &login);
    }
}

#[test]
fn amp_uses_the_keyring_where_its_settings_say_so() {
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

/// R22: a token of the wrong type is a problem, and does not mean that the login has ended.
#[test]
fn a_token_of_the_wrong_type_is_no_ended_login() {
    let said =
        |token: &str| Home::new(&[(CLAUDE, &LOGIN.replace("\"sk-ant-oat01-item\"", token))]).said(true);
    assert!(said("\"\"").ends_with("the login has ended; log in again with its tool"));
    assert!(said("7").ends_with("`claudeAiOauth.accessToken` is not a string"));
}

/// R31: a login whose token has no valid expiry is skipped with the reason, and the others are found.
#[test]
fn a_token_with_an_invalid_expiry_is_skipped() {
    let jwt = token(r#"{"exp":"soon"}"#);
    let tokens = format!(r#"{{"tokens":{{"id_token":"{jwt}","access_token":"{jwt}","refresh_token":"r"}}}}"#);
    let amp = AMP_KEY.replace("sgamp_1", &jwt);
    // A store that says when its token expires decides.
    let own =
        format!(r#"{{"xai":{{"type":"oauth","access":"{jwt}","refresh":"r","expires":1826984857063}}}}"#);
    assert_rows(
        &Home::new(&[(OPENCODE, &own)]),
        &[&format!("opencode {jwt} chosen - used")],
    );
    for (path, content) in [(CODEX, &tokens), (AMP, &amp)] {
        let home = Home::new(&[(path, content), (OPENCODE, GROQ)]);
        assert_rows(&home, &[GROQ_USED]);
        let said = home.said(false);
        assert!(
            said.contains("skipped the access token, which has an `exp` that is not a time"),
            "{said}"
        );
    }
}

/// R35: an expired login stays visible, and the next credential is chosen.
#[test]
fn an_expired_login_gives_way() {
    let expired = LOGIN.replace("1826984857063", "1700000000000");
    let home = Home::new(&[
        (CLAUDE, &expired),
        (OPENCODE, r#"{"anthropic":{"type":"api","key":"sk-ant-k"}}"#),
    ]);
    assert_rows(
        &home,
        &[
            "claude_oauth sk-ant-oat01-item expired - used",
            "opencode sk-ant-k chosen secret used",
        ],
    );
    assert!(
        home.said(false)
            .contains("`amika secret claude push --type oauth`")
    );
}

/// R23: deep nesting does not overflow the stack, and does not matter where it is ignored.
#[test]
fn deep_nesting_does_not_overflow_the_stack() {
    let deep = format!("{}1{}", "[".repeat(200_000), "]".repeat(200_000));
    let json = format!("{{\"a\":{deep}}}");
    let home = Home::new(LAPTOP).with(&[
        (AMP_SETTINGS, &json),
        (OPENCODE_CONFIG, &json),
        (CLAUDE_SETTINGS, &json),
        (CODEX_CONFIG, &format!("a = {deep}")),
    ]);
    let report = home.discover();
    assert_eq!(report.credentials.len(), 4);
    let broken: Vec<_> = report
        .problems
        .iter()
        .map(|problem| problem.place.shown(Some(home.root.path())))
        .collect();
    assert!(
        !broken.iter().any(|place| place.contains(".claude")),
        "{broken:?}"
    );
}

/// R115: thousands of entries in any store or configuration take linear time.
#[test]
fn thousands_of_entries_take_linear_time() {
    let time = |count: usize| {
        let entries = |entry: fn(usize) -> String| {
            let entries: Vec<_> = (0..count).map(entry).collect();
            format!("{{{}}}", entries.join(","))
        };
        let options = entries(|n| format!(r#""p{n}":{{"options":{{"apiKey":"k"}}}}"#));
        let settings = entries(|n| format!(r#""CLAUDE_{n}":"k""#));
        let keys = entries(|n| format!(r#""p{n}":{{"type":"api","key":"k"}}"#));
        let cached = entries(|n| format!(r#""P{n}_API_KEY":"k""#));
        let home = Home::new(&[
            (OPENCODE, &keys),
            (OPENCODE_CONFIG, &format!("{{\"provider\":{options}}}")),
            (CLAUDE_SETTINGS, &format!("{{\"env\":{settings}}}")),
            (AMP, &entries(|n| format!(r#""later{n}":"k""#))),
            (".cache/amika/env-cache.json", &cached),
        ]);
        let started = std::time::Instant::now();
        let report = home.discover();
        assert_eq!(report.credentials.len(), 3 * count);
        report.messages(&report.credentials, None, true);
        started.elapsed()
    };
    // Eight times as many entries: comparing each with each would take 64 times as long.
    let (few, many) = (time(1_500), time(12_000));
    assert!(many < 32 * few, "{few:?}, {many:?}");
}
