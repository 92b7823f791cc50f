//! Tables of homes and what is found in them. The expectations come from running the tools, not from
//! this program.

use std::fs;

use tempfile::TempDir;

use super::credential::ProviderName;
use super::*;
use crate::formats::jwt::tests::token;
use crate::secret::SecretName;
use crate::system::env::Platform;
use crate::system::keychain::tests::MemoryKeychain;
use crate::ui::notices::Level;

pub(super) const CLAUDE: &str = ".claude/.credentials.json";
pub(super) const CLAUDE_SETTINGS: &str = ".claude/settings.json";
pub(super) const CLAUDE_CONFIG: &str = ".claude.json";
pub(super) const CODEX: &str = ".codex/auth.json";
pub(super) const CODEX_CONFIG: &str = ".codex/config.toml";
pub(super) const OPENCODE: &str = ".local/share/opencode/auth.json";
pub(super) const OPENCODE_CONFIG: &str = ".config/opencode/opencode.json";
pub(super) const AMP: &str = ".local/share/amp/secrets.json";
pub(super) const AMP_SETTINGS: &str = ".config/amp/settings.json";

pub(super) const LOGIN: &str = r#"{"claudeAiOauth":{"accessToken":"sk-ant-oat01-item","refreshToken":"r","expiresAt":1826984857063,"scopes":["user:inference"]}}"#;
pub(super) const CODEX_KEY: &str = r#"{"OPENAI_API_KEY":"sk-proj-k"}"#;
pub(super) const GROQ: &str = r#"{"groq":{"type":"api","key":"gsk_1"}}"#;
pub(super) const AMP_KEY: &str = r#"{"apiKey@https://ampcode.com/":"sgamp_1"}"#;
pub(super) const CLAUDE_USED: &str = "claude_oauth sk-ant-oat01-item chosen claude used";
pub(super) const CODEX_USED: &str = "codex sk-proj-k chosen secret used";
pub(super) const GROQ_USED: &str = "opencode gsk_1 chosen secret used";
pub(super) const AMP_USED: &str = "amp_secrets sgamp_1 chosen secret used";
const ALL_USED: [&str; 4] = [CLAUDE_USED, CODEX_USED, GROQ_USED, AMP_USED];

pub(super) type Pairs<'a> = &'a [(&'a str, &'a str)];

/// A home directory with files of the tools, and what else discovery depends on.
pub(super) struct Home {
    pub(super) root: TempDir,
    variables: Vec<(String, String)>,
    platform: Platform,
}

impl Home {
    pub(super) fn on(platform: Platform) -> Self {
        Self {
            root: TempDir::new().unwrap(),
            variables: vec![("USER".to_owned(), "fix".to_owned())],
            platform,
        }
    }

    pub(super) fn new(files: Pairs<'_>) -> Self {
        Self::on(Platform::Unix).with(files)
    }

    pub(super) fn with(self, files: Pairs<'_>) -> Self {
        for (path, content) in files {
            let path = self.root.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, content).unwrap();
        }
        self
    }

    /// Sets variables, in which `~` stands for this home.
    pub(super) fn set(mut self, variables: Pairs<'_>) -> Self {
        for (name, value) in variables {
            let value = value.replace('~', self.root.path().to_str().unwrap());
            self.variables.push(((*name).to_owned(), value));
        }
        self
    }

    pub(super) fn discover(&self) -> Report {
        self.discover_with(None)
    }

    pub(super) fn discover_with(&self, keychain: Option<&dyn Keychain>) -> Report {
        let variables = self.variables.iter().map(|(n, v)| (n.as_str(), v.as_str()));
        let variables: Vec<_> = variables.collect();
        let env = Env::fake(self.root.path(), &variables, self.platform);
        discover(&env, keychain, Filter::ANY)
    }

    /// Every message, with `~` for this home.
    pub(super) fn said(&self, all: bool) -> String {
        let report = self.discover();
        let messages = report.messages(&report.credentials, Some(self.root.path()), all);
        let lines = messages.iter().map(|(_, text)| text.replace('\\', "/"));
        lines.collect::<Vec<_>>().join("\n")
    }
}

/// `source value state pushed_as used @server` of each credential; `-` if it is not pushed.
pub(super) fn rows(report: &Report) -> Vec<String> {
    let row = |found: &LocalCredential| {
        let form = match found.pushed_as() {
            None => "-",
            Some(PushedAs::Secret) => "secret",
            Some(PushedAs::Login(provider)) => provider.id,
        };
        let (value, state) = (found.value.expose_secret(), found.state.as_str());
        let used = if found.in_use { " used" } else { "" };
        let server = found.server.as_ref().map(|host| format!(" @{host}"));
        let server = server.unwrap_or_default();
        format!("{} {value} {state} {form}{used}{server}", found.source.id)
    };
    report.credentials.iter().map(row).collect()
}

#[track_caller]
pub(super) fn assert_rows(home: &Home, expected: &[&str]) {
    let report = home.discover();
    let said = (&report.problems, &report.notes);
    assert_eq!(rows(&report), expected, "{said:?}");
}

/// All tools are signed in.
pub(super) const LAPTOP: Pairs<'_> = &[
    (CLAUDE, LOGIN),
    (CODEX, CODEX_KEY),
    (OPENCODE, GROQ),
    (AMP, AMP_KEY),
];

/// Each home has exactly these rows.
#[track_caller]
pub(super) fn assert_found(cases: &[(Pairs<'_>, &[&str])]) {
    for (files, expected) in cases {
        let home = Home::new(files);
        assert_rows(&home, expected);
        // Only a key beside a login that Claude Code uses has that notice.
        let is_key_of_login = expected.len() == 2 && expected[0] == "claude_api sk-ant-1 chosen secret";
        let said = home.said(false);
        let has_notice = said.contains("uses its login, not this key");
        assert_eq!(has_notice, is_key_of_login, "{said}");
    }
}

/// With each of these contents, the only credential in the file is unusable, for a reason with this word.
#[track_caller]
pub(super) fn assert_unusable(path: &str, cases: &[(String, &str)]) {
    for (content, reason) in cases {
        let home = Home::new(&[(path, content)]);
        let report = home.discover();
        assert!(report.problems.is_empty(), "{content}");
        assert_eq!(report.credentials.len(), 1, "{content}");
        let row = &rows(&report)[0];
        assert!(row.ends_with(" unusable -"), "{content}: {row}");
        let said = home.said(false);
        assert!(
            said.starts_with("not pushed: ") && said.contains(reason),
            "{content}: {said}"
        );
    }
}

/// With each of these contents of the file, the only message has this word, and a `VALUE` in it becomes neither
/// a credential nor a part of a message.
#[track_caller]
pub(super) fn assert_said(path: &str, cases: &[(&str, &str)]) {
    for (content, word) in cases {
        let home = Home::new(&[(path, content)]);
        let said = home.said(true);
        assert!(said.contains(word), "{content}: {said}");
        assert!(!said.contains("VALUE"), "{said}");
        if !word.is_empty() {
            assert_eq!(home.said(false), said, "one message is not counted");
        }
        let rows = rows(&home.discover());
        assert!(!rows.join("").contains("VALUE"), "{content}");
    }
}

#[test]
fn the_credential_of_each_tool_is_found() {
    let laptop = Home::new(LAPTOP);
    assert_rows(&laptop, &ALL_USED);
    assert_eq!(laptop.said(true), "");
    let whole = laptop.discover().credentials[0].document.clone();
    assert_eq!(whole.unwrap().expose_secret(), LOGIN);
}

/// R123: one message says what several tools may use instead.
#[test]
fn several_tools_share_one_message() {
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
    assert_rows(&home, &ALL_USED.map(|row| row.trim_end_matches(" used")));
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
            (CLAUDE_CONFIG, r#"{"oauthAccount":{},"customApiKeyResponses":{"approved":["x"]},"env":{"LANG":"C"}}"#),
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
    assert_rows(&home, &ALL_USED);
    assert_eq!(home.said(true), "");
    let home = Home::new(&[(CODEX, CODEX_KEY), (CODEX_CONFIG, "model_provider = \" \"")]);
    assert_rows(&home, &[CODEX_USED]);
    assert_eq!(home.said(true), "");
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
    assert_rows(&inside, &ALL_USED);
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
            let unused = used.trim_end_matches(" used");
            assert_rows(&home, &ALL_USED.map(|row| if row == used { unused } else { row }));
            let said = home.said(false);
            assert!(
                said.ends_with(&format!("may use something else: ~/{file}")),
                "{said}"
            );
        }
    }
}

/// R25: a directory or a dangling link is an absent file, with a notice.
#[test]
fn absent_is_absent() {
    for (path, expected) in [
        (CLAUDE, CODEX_USED),
        (CODEX, CLAUDE_USED),
        (OPENCODE, CLAUDE_USED),
        (AMP, CLAUDE_USED),
        (CLAUDE_CONFIG, CLAUDE_USED),
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
    // A login is pushed with its whole file.
    let large = LOGIN.replacen('{', &format!("{{\"x\":\"{}\",", "x".repeat(1024 * 1024)), 1);
    let home = Home::new(&[(CLAUDE, &large)]);
    assert_rows(&home, &[]);
    assert!(home.said(true).ends_with("which is larger than 1 MiB"));
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
}

#[test]
fn no_keychain_is_read_if_no_source_needs_one() {
    let keychain = MemoryKeychain::default().with("Codex Auth", "any", "{}");
    Home::new(LAPTOP).discover_with(Some(&keychain));
    assert!(keychain.reads.borrow().is_empty());
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
