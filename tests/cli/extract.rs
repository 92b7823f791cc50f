//! `amika secret extract` with the files that each tool writes; `broken_stores.rs` has malformed ones.

use serde_json::json;

use crate::sandbox::{CANARY, Ran, Sandbox, feed, native, ran};
use crate::support::faults::Fault;

const CLAUDE: &str = ".claude/.credentials.json";
const CODEX: &str = ".codex/auth.json";
const OPENCODE: &str = ".local/share/opencode/auth.json";
const AMP: &str = ".local/share/amp/secrets.json";

/// Written as by Claude Code: one line without a newline.
fn claude_login(expires_at: &str) -> String {
    format!(
        r#"{{"claudeAiOauth":{{"accessToken":"sk-ant-oat01-{CANARY}","refreshToken":"sk-ant-ort01-{CANARY}","expiresAt":{expires_at},"scopes":["user:profile","user:inference"],"subscriptionType":"max","rateLimitTier":null}}}}"#
    )
}

/// A laptop on which all four tools are logged in.
fn laptop() -> Sandbox {
    let sandbox = Sandbox::new();
    sandbox.write(CLAUDE, claude_login("32503680000000"));
    sandbox.write(".claude.json", r#"{"oauthAccount":{"emailAddress":"a@b.c"}}"#);
    sandbox.write(
        CODEX,
        format!("{{\n  \"auth_mode\": \"apikey\",\n  \"OPENAI_API_KEY\": \"sk-proj-{CANARY}\"\n}}"),
    );
    sandbox.write(
        OPENCODE,
        format!(
            r#"{{"openrouter":{{"type":"api","key":"sk-or-{CANARY}"}},"anthropic":{{"type":"api","key":"sk-ant-api03-{CANARY}"}}}}"#
        ),
    );
    sandbox.write(
        AMP,
        format!(r#"{{"apiKey@https://ampcode.com/":"sgamp_user_{CANARY}"}}"#),
    );
    sandbox
}

/// `name`, `type`, `source`, `state` of every row.
fn rows(run: &Ran) -> Vec<[String; 4]> {
    let rows = run.json();
    let field = |row: &serde_json::Value, name: &str| row[name].as_str().unwrap().to_owned();
    let rows = rows.as_array().unwrap().iter();
    rows.map(|row| ["name", "type", "source", "state"].map(|name| field(row, name)))
        .collect()
}

#[track_caller]
fn assert_rows(run: &Ran, expected: &[[&str; 4]]) {
    assert_eq!(
        rows(run),
        expected
            .iter()
            .map(|row| row.map(str::to_owned))
            .collect::<Vec<_>>()
    );
}

#[test]
fn a_laptop_with_all_four_tools() {
    let sandbox = laptop();
    let run = sandbox.run("secret extract -o json").exits(0);
    assert_rows(
        &run,
        &[
            ["AMP_API_KEY", "api_key", "amp_secrets", "chosen"],
            ["CODEX_API_KEY", "api_key", "codex", "chosen"],
            ["Claude login", "oauth", "claude_oauth", "chosen"],
            ["OPENAI_API_KEY", "api_key", "codex", "chosen"],
            ["OPENROUTER_API_KEY", "api_key", "opencode", "chosen"],
        ],
    );
    let login = &run.json()[2];
    assert_eq!(login["expires_at"], "3000-01-01T00:00:00Z");
    assert_eq!(login["origin"], json!(sandbox.path(CLAUDE)));
    assert_eq!(login["masked"], "********");
    assert!(sandbox.vault.requests().is_empty());

    let text = sandbox.run("secret extract").exits(0);
    assert_eq!(text.stdout.lines().count(), 6, "{}", text.stdout);
    assert_eq!(text.messages(), "");
    text.stdout_contains("Claude login")
        .stdout_contains("login    ~/.claude/.credentials.json");
}

#[test]
fn all_shows_what_is_outranked_and_by_what() {
    let sandbox = laptop();
    let run = sandbox.run("secret extract --all -o json").exits(0);
    let outranked: Vec<_> = rows(&run)
        .into_iter()
        .filter(|row| row[3] == "outranked")
        .collect();
    assert_eq!(outranked.len(), 2);
    assert_eq!(outranked[0][2], "opencode");
    sandbox
        .run("secret extract --all")
        .exits(0)
        .stdout_contains("overridden by ~/.claude/.credentials.json");
}

#[test]
fn an_api_key_of_the_console_outranks_the_login() {
    let sandbox = laptop();
    let config = format!(
        r#"{{"customApiKeyResponses":{{"approved":["00-{CANARY}"]}},"primaryApiKey":"sk-ant-api03-{CANARY}"}}"#
    );
    sandbox.write(".claude.json", config);
    let run = sandbox
        .run("secret extract --only CLAUDE_API_KEY -o json")
        .exits(0);
    assert_rows(&run, &[["CLAUDE_API_KEY", "api_key", "claude_api", "chosen"]]);
}

/// R35: an expired login is listed as expired and not pushed.
#[test]
fn an_expired_login_is_shown_and_not_pushed() {
    let sandbox = Sandbox::new();
    sandbox.write(CLAUDE, claude_login("1700000000000"));
    sandbox
        .run("secret extract")
        .exits(0)
        .stdout_contains("expired: claude push --type oauth")
        .stderr_contains("`amika secret claude push --type oauth`");
    let run = sandbox.run("secret extract -o json").exits(0);
    assert_eq!(run.json()[0]["state"], "expired");
    sandbox
        .run("secret extract --push --yes")
        .exits(4)
        .stderr_contains("none of what was found can be pushed");
    assert_eq!(sandbox.vault.count("POST"), 0);
    assert_eq!(ran_raw(&sandbox, "secret extract --export").1, "");
}

#[test]
fn without_oauth_the_next_best_key_wins() {
    let sandbox = laptop();
    let run = sandbox
        .run("secret extract --no-oauth --only ANTHROPIC_API_KEY -o json")
        .exits(0);
    assert_rows(&run, &[["ANTHROPIC_API_KEY", "api_key", "opencode", "chosen"]]);
    // A store that provides only excluded secrets is not opened.
    sandbox.write(CLAUDE, "broken");
    sandbox.run("secret extract --no-oauth").exits(0);
}

#[test]
fn push_sends_exactly_the_names_of_only() {
    let sandbox = laptop();
    sandbox
        .run("secret extract --push --only ANTHROPIC_API_KEY,OPENAI_API_KEY --yes")
        .exits(0)
        .stdout_contains("Created 2 in user scope");
    let mut stored: Vec<_> = sandbox
        .vault
        .stored("generic")
        .into_iter()
        .map(|s| s.name)
        .collect();
    stored.sort();
    assert_eq!(stored, ["ANTHROPIC_API_KEY", "OPENAI_API_KEY"]);
    let key = format!("sk-proj-{CANARY}");
    assert_eq!(sandbox.vault.value("OPENAI_API_KEY", "user"), Some(key));
    sandbox
        .run("secret extract --push --only OPENAI_API_KEY --scope org --yes -o json")
        .exits(1);
    sandbox
        .run("secret extract --push --only OPENAI_API_KEY --dry-run")
        .exits(0)
        .stdout_contains("update");
    feed(&mut sandbox.command(["secret", "extract", "--push"]), "y\n").exits(0);
    sandbox
        .run("secret extract --push")
        .exits(2)
        .stderr_contains("--yes");
}

#[test]
fn only_warns_about_names_that_were_not_found() {
    let sandbox = laptop();
    sandbox
        .run("secret extract --only AMP_API_KEY,GROQ_API_KEY")
        .exits(0)
        .stderr_contains("--only \"GROQ_API_KEY\" matches nothing");
    let none = "No secrets match the --only filter.";
    sandbox
        .run("secret extract --only GROQ_API_KEY")
        .exits(0)
        .stdout_contains(none)
        .stdout_contains("AMP_API_KEY");
    let json = sandbox.run("secret extract --only GROQ_API_KEY -o json").exits(0);
    assert_eq!(json.json(), json!([]));
    sandbox
        .run("secret extract --only GROQ_API_KEY --push --yes")
        .exits(4)
        .stderr_contains(none)
        .stderr_contains("AMP_API_KEY");
}

#[test]
fn nothing_found_says_where_it_looked() {
    let sandbox = Sandbox::new();
    sandbox
        .run("secret extract")
        .exits(0)
        .stdout_contains("No secrets discovered")
        .stdout_contains("~/.codex/auth.json");
    assert_eq!(sandbox.run("secret extract -o json").exits(0).json(), json!([]));
    sandbox
        .run("secret extract --push --yes")
        .exits(0)
        .stdout_contains("No secrets discovered");
    let pushed = sandbox.run("secret extract --push --yes -o json").exits(0).json();
    assert_eq!(pushed["results"], json!([]));
    for empty in ["{}", "null"] {
        for path in [CLAUDE, CODEX, OPENCODE, AMP, ".claude.json", ".amp/config.json"] {
            sandbox.write(path, empty);
        }
        sandbox
            .run("secret extract")
            .exits(0)
            .stdout_contains("No secrets discovered");
    }
    assert!(sandbox.vault.requests().is_empty());
}

#[test]
fn homedir_searches_only_that_directory() {
    let sandbox = laptop();
    sandbox.write(
        "other/.codex/auth.json",
        format!(r#"{{"OPENAI_API_KEY":"{CANARY}"}}"#),
    );
    let run = sandbox
        .command(["secret", "extract", "--homedir", "other", "-o", "json"])
        .env("CODEX_HOME", sandbox.home().join(".codex"))
        .env("XDG_DATA_HOME", sandbox.home().join(".local/share"))
        .output();
    let run = ran(run.unwrap()).exits(0);
    assert_eq!(rows(&run).len(), 2);
    assert_eq!(run.json()[0]["origin"], json!(native("other/.codex/auth.json")));
    sandbox
        .run("secret extract --homedir missing")
        .exits(4)
        .stderr_contains("is not a directory");
}

#[test]
fn the_tools_own_variables_move_their_stores() {
    let sandbox = Sandbox::new();
    let at = |path: &str| sandbox.path(path);
    sandbox.write(
        "data/opencode/auth.json",
        format!(r#"{{"groq":{{"type":"api","key":"{CANARY}"}}}}"#),
    );
    sandbox.write(
        "data/amp/secrets.json",
        format!(r#"{{"apiKey@http://amp.example":"{CANARY}","apiKey@https://ampcode.com/":"x"}}"#),
    );
    sandbox.write("codex/auth.json", format!(r#"{{"OPENAI_API_KEY":"{CANARY}"}}"#));
    sandbox.write(
        "claude/.claude.json",
        format!(r#"{{"primaryApiKey":"sk-ant-{CANARY}"}}"#),
    );
    sandbox.write("secure/.credentials.json", claude_login("null"));
    sandbox.write(
        "cache/amika/env-cache.json",
        format!(r#"{{"MISTRAL_API_KEY":"{CANARY}","PORT":"1","N":7}}"#),
    );
    sandbox.write(
        "state/amika/oauth.json",
        format!(r#"{{"CLAUDE_API_KEY":"{CANARY}"}}"#),
    );
    let run = sandbox
        .command(["secret", "extract", "--all", "-o", "json"])
        .env("XDG_DATA_HOME", at("data"))
        .env("XDG_CACHE_HOME", at("cache"))
        .env("XDG_STATE_HOME", at("state"))
        .env("CODEX_HOME", at("codex"))
        .env("CLAUDE_CONFIG_DIR", at("claude"))
        .env("CLAUDE_SECURESTORAGE_CONFIG_DIR", at("secure"))
        .env("AMP_URL", "http://amp.example")
        .output();
    assert_rows(
        &ran(run.unwrap()).exits(0),
        &[
            ["AMP_API_KEY", "api_key", "amp_secrets", "chosen"],
            ["ANTHROPIC_API_KEY", "api_key", "claude_api", "chosen"],
            ["ANTHROPIC_API_KEY", "oauth", "amika_oauth", "outranked"],
            ["CLAUDE_API_KEY", "api_key", "claude_api", "chosen"],
            ["CLAUDE_API_KEY", "oauth", "amika_oauth", "outranked"],
            ["CODEX_API_KEY", "api_key", "codex", "chosen"],
            ["Claude login", "oauth", "claude_oauth", "outranked"],
            ["GROQ_API_KEY", "api_key", "opencode", "chosen"],
            ["MISTRAL_API_KEY", "api_key", "amika_env_cache", "chosen"],
            ["OPENAI_API_KEY", "api_key", "codex", "chosen"],
        ],
    );
}

/// R123: above the table are at most three lines: what tools may use instead, what is not pushed, and how
/// much more there is; with `--all` there is a line for each.
#[test]
fn notices_are_summarised() {
    let sandbox = Sandbox::new();
    sandbox.write(".codex/secrets/codex_auth.age", "age-encryption.org/v1");
    sandbox.write(".codex/gateway_oauth.json", "{}");
    sandbox.write(".local/share/opencode/mcp-auth.json", "{}");
    sandbox.write(
        OPENCODE,
        format!(r#"{{"groq":{{"type":"oauth","access":"{CANARY}","refresh":"r","expires":0}}}}"#),
    );
    sandbox.write(
        ".claude/settings.json",
        format!(r#"{{"apiKeyHelper":"touch {CANARY}","env":{{"ANTHROPIC_API_KEY":"{CANARY}"}}}}"#),
    );
    let mut command = sandbox.command(["secret", "extract"]);
    let run = ran(command.env("AMP_API_KEY", CANARY).output().unwrap()).exits(0);
    let lines: Vec<_> = run.stderr.lines().map(|line| line.replace('\\', "/")).collect();
    assert_eq!(
        lines,
        [
            "notice: Claude Code may use something else: env.ANTHROPIC_API_KEY in ~/.claude/settings.json, \
             apiKeyHelper in ~/.claude/settings.json; Amp may use something else: $AMP_API_KEY",
            "notice: not pushed: the login of groq in ~/.local/share/opencode/auth.json (only its own tool can use it)",
            // On macOS, one of them is about the keychain.
            if cfg!(target_os = "macos") {
                "notice: 4 more: --all"
            } else {
                "notice: 3 more: --all"
            },
        ]
    );
    let all = sandbox.run("secret extract --all").exits(0);
    assert_eq!(all.messages().lines().count(), 5, "{}", all.stderr);
    all.stderr_contains("codex login")
        .stderr_contains("at MCP servers");
    assert!(!sandbox.home().join(CANARY).exists(), "the helper ran");
}

/// The files that each tool wrote, with other secrets, and what is found in them.
#[test]
fn the_files_of_every_tool_are_read() {
    let fixtures = std::path::Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/tools"));
    for (case, name, form) in [
        ("claude-login", "Claude login", "claude"),
        ("claude-console-key", "ANTHROPIC_API_KEY", "secret"),
        ("codex-key", "OPENAI_API_KEY", "secret"),
        ("opencode-keys", "OPENROUTER_API_KEY", "secret"),
        ("amp-key", "AMP_API_KEY", "secret"),
    ] {
        let sandbox = Sandbox::new();
        copy(&fixtures.join(case), sandbox.home());
        let run = sandbox.run("secret extract -o json").exits(0);
        assert_eq!(run.messages(), "", "{case}");
        let rows = run.json();
        let row = rows.as_array().unwrap().iter().find(|row| row["name"] == name);
        let row = row.unwrap_or_else(|| panic!("{case}: {rows}"));
        // On macOS, the keychain, which is off here, may have what Claude Code uses.
        let is_known = !cfg!(target_os = "macos") || !case.starts_with("claude");
        let in_use = is_known.then_some(true);
        assert_eq!(
            (&row["pushed_as"], &row["in_use"]),
            (&json!(form), &json!(in_use)),
            "{case}"
        );
        assert_eq!(
            (&row["server"], &row["overridden_by"]),
            (&json!(null), &json!(null)),
            "{case}"
        );
    }
}

fn copy(from: &std::path::Path, to: &std::path::Path) {
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.path().is_dir() {
            std::fs::create_dir_all(&target).unwrap();
            copy(&entry.path(), &target);
        } else {
            std::fs::copy(entry.path(), target).unwrap();
        }
    }
}

/// Returns exit code, standard output and standard error, without the check for leaked values.
fn ran_raw(sandbox: &Sandbox, line: &str) -> (i32, String, String) {
    let output = sandbox.command(line.split_whitespace()).output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (
        output.status.code().unwrap(),
        text(output.stdout),
        text(output.stderr),
    )
}

#[cfg(unix)]
#[test]
fn an_export_is_read_back_by_every_shell() {
    let sandbox = Sandbox::new();
    let odd = "it's \"$HOME\" `id` \\ !  two ☃ $(id)";
    sandbox.write(
        ".cache/amika/env-cache.json",
        json!({ "ODD_API_KEY": odd, "1X_API_KEY": "x" }).to_string(),
    );
    let mut shells = 0;
    for shell in ["sh", "bash", "dash"] {
        let script = r#"eval "$(amika secret extract --export)"; printf %s "$ODD_API_KEY""#;
        // Shells that are not installed are skipped.
        if let Ok(run) = sandbox.shell(shell, script).output() {
            assert_eq!(String::from_utf8(run.stdout).unwrap(), odd, "{shell}");
            assert!(String::from_utf8(run.stderr).unwrap().contains("1X_API_KEY"));
            shells += 1;
        }
    }
    assert!(shells > 0);
    sandbox.run("secret extract --export -o json").exits(2);
}

/// `--only` accepts patterns and ignores whitespace and empty items; names not found are reported.
#[test]
fn only_takes_patterns_and_ignores_blanks() {
    let sandbox = laptop();
    let names = |only: &str| -> Vec<String> {
        let mut command = sandbox.command(["secret", "extract", "-o", "json", "--only", only]);
        let run = ran(command.output().unwrap()).exits(0);
        rows(&run).into_iter().map(|[name, ..]| name).collect()
    };
    assert_eq!(names("AMP_API_KEY,"), ["AMP_API_KEY"]);
    assert_eq!(names(" AMP_API_KEY , ,"), ["AMP_API_KEY"]);
    assert_eq!(names("*PEN*"), ["OPENAI_API_KEY", "OPENROUTER_API_KEY"]);
    assert_eq!(names("CODEX_API_KE?"), ["CODEX_API_KEY"]);
    sandbox
        .run("secret extract --only AMP*,GROQ_*")
        .exits(0)
        .stderr_contains("--only \"GROQ_*\" matches nothing");
    sandbox
        .run("secret extract --push --yes --only ,")
        .exits(2)
        .stderr_contains("--only has no names");
}

/// Push options without `--push` are exit 2.
#[test]
fn push_options_require_push() {
    let sandbox = laptop();
    for option in ["--dry-run", "--scope org"] {
        sandbox
            .run(&format!("secret extract {option}"))
            .exits(2)
            .stderr_contains("--push");
    }
}

/// R142: with `--only`, a key goes before a login of its provider, which answers only where no key was
/// found; `--export` prints keys only and names the logins.
#[test]
fn a_key_goes_before_a_login_for_its_name() {
    let sandbox = laptop();
    let only = |only: &str| {
        let run = sandbox
            .run(&format!("secret extract --only {only} -o json"))
            .exits(0);
        rows(&run)
            .into_iter()
            .map(|[name, kind, ..]| (name, kind))
            .collect::<Vec<_>>()
    };
    let row = |name: &str, kind: &str| (name.to_owned(), kind.to_owned());
    assert_eq!(only("CLAUDE_API_KEY"), [row("CLAUDE_API_KEY", "api_key")]);
    assert_eq!(only("*_API_KEY").len(), 6);
    sandbox.write(OPENCODE, "{}");
    assert_eq!(only("CLAUDE_API_KEY"), [row("Claude login", "oauth")]);
    let (code, stdout, stderr) = ran_raw(&sandbox, "secret extract --export");
    assert_eq!(code, 0);
    assert!(
        !stdout.contains("oat01") && stdout.contains("export CODEX_API_KEY='"),
        "{stdout}"
    );
    assert!(
        stderr.contains("only keys are exported: Claude login"),
        "{stderr}"
    );
    let (_, stdout, _) = ran_raw(
        &sandbox,
        "secret extract --export=powershell --only CODEX_API_KEY",
    );
    assert_eq!(stdout, format!("$env:CODEX_API_KEY = 'sk-proj-{CANARY}'\n"));
    // Without keys there is nothing to export.
    let (code, stdout, _) = ran_raw(&sandbox, "secret extract --export --only CLAUDE_API_KEY");
    assert_eq!((code, stdout.as_str()), (0, ""));
    // What only its own tool can use is not pushed.
    sandbox.write(
        OPENCODE,
        format!(r#"{{"groq":{{"type":"oauth","access":"{CANARY}","refresh":"r","expires":0}}}}"#),
    );
    sandbox
        .run("secret extract --push --only GROQ_API_KEY --yes")
        .exits(4);
    assert!(sandbox.vault.requests().is_empty());
}

/// R34, R142: keys become secrets and a login becomes the credential of its tool, whole, after it was said
/// what sharing it means; it never replaces one, and never goes to org scope.
#[test]
fn each_credential_is_pushed_in_the_form_that_works() {
    let sandbox = laptop();
    let run = sandbox.run("secret extract --push --yes -o json").exits(0);
    let kinds: Vec<_> = run.json()["results"]
        .as_array()
        .unwrap()
        .iter()
        .map(|row| (row["name"].clone(), row["kind"].clone(), row["status"].clone()))
        .collect();
    let row = |name: &str, kind: &str| (json!(name), json!(kind), json!("created"));
    assert_eq!(
        kinds,
        [
            row("AMP_API_KEY", "secret"),
            row("CODEX_API_KEY", "secret"),
            row("Claude login", "claude"),
            row("OPENAI_API_KEY", "secret"),
            row("OPENROUTER_API_KEY", "secret"),
        ]
    );
    run.stderr_contains("will share one login")
        .stderr_contains("--setup-token");
    let login = || -> Vec<_> {
        let stored = sandbox.vault.stored("claude").into_iter();
        stored.map(|stored| (stored.name, stored.value)).collect()
    };
    let first = [("Claude OAuth".to_owned(), claude_login("32503680000000"))];
    assert_eq!(login(), first);
    let secrets = sandbox.vault.stored("generic");
    assert!(
        secrets.iter().all(|secret| !secret.value.contains("oat01")),
        "an access token was pushed as a key"
    );
    // Again, with another login on this machine: the one in the vault stays.
    sandbox.write(CLAUDE, claude_login("32503680000001"));
    let run = sandbox.run("secret extract --push --yes").exits(0);
    let run = run
        .stdout_contains("already there")
        .stderr_contains("`amika secret claude push --force`");
    assert!(!run.stderr.contains("share one login"), "{}", run.stderr);
    assert_eq!(login(), first);
    let org = laptop();
    let run = org.run("secret extract --push --yes --scope org --only CODEX_API_KEY,Claude*");
    let run = run.exits(0).stdout_contains("not pushed");
    assert!(!run.stderr.contains("share one login"), "{}", run.stderr);
    assert!(org.vault.stored("claude").is_empty());
    assert_eq!(org.vault.stored("generic").len(), 1);
}

/// R142: a login is pushed if user scope has none of its provider and type, whatever its name.
#[test]
fn a_login_is_pushed_where_there_is_none() {
    let status = |sandbox: &Sandbox| {
        let line = "secret extract --push --yes --only Claude* -o json";
        let report = sandbox.run(line).exits(0).json();
        report["results"][0]["status"].as_str().unwrap().to_owned()
    };
    for (kind, scope, expected) in [
        ("oauth", "user", "unchanged"),
        ("api_key", "user", "created"),
        ("oauth", "org", "created"),
    ] {
        let sandbox = laptop();
        sandbox
            .vault
            .seed_credential("claude", "Work", kind, scope, CANARY);
        assert_eq!(status(&sandbox), expected, "{kind} {scope}");
    }
    // Another writer was faster.
    let sandbox = laptop();
    sandbox
        .vault
        .fault(Fault::on("POST", "/secrets/claude").fails(409, "taken"));
    assert_eq!(status(&sandbox), "unchanged");
}

/// A push for one provider does not report entries of other providers.
#[test]
fn a_provider_push_names_no_entry_of_another_provider() {
    let sandbox = Sandbox::new();
    sandbox.write(
        ".local/share/opencode/auth.json",
        r#"{"weird":{"type":"strange"},"well":{"type":"wellknown","key":"X","token":"c4n4ry"},
            "anthropic":{"type":"strange"},"openai":{"type":"oauth","access":"c4n4ry","expires":"c"}}"#,
    );
    sandbox.write(".local/share/opencode/mcp-auth.json", "{}");
    sandbox.write(".cache/amika/env-cache.json", r#"{"OTHER":"c4n4ry"}"#);
    sandbox.write(
        ".config/opencode/opencode.json",
        r#"{"provider":{"mistral":{"options":{"apiKey":"{env:MISTRAL}"}}}}"#,
    );
    let all = sandbox.run("secret extract --all").exits(0).stderr;
    for named in [
        "weird",
        "\"well\"",
        "anthropic",
        "openai",
        "mcp-auth",
        "OTHER",
        "mistral",
    ] {
        assert!(all.contains(named), "{named}: {all}");
    }
    for provider in ["claude", "codex"] {
        let ran = sandbox.run(&format!("secret {provider} push")).exits(4);
        let messages = ran.messages();
        let notices: Vec<_> = messages
            .lines()
            .filter(|line| !line.starts_with("error") && !line.starts_with("  "))
            .collect();
        assert!(notices.is_empty(), "{provider}: {}", ran.stderr);
    }
    // A store that cannot be read may have a credential of any provider.
    sandbox.write(".local/share/opencode/auth.json", "{");
    let ran = sandbox.run("secret claude push").exits(4);
    let problem = "warning: failed to parse credentials file ~/.local/share/opencode/auth.json: ";
    assert!(ran.stderr.replace('\\', "/").contains(problem), "{}", ran.stderr);
}

/// With `--homedir`, `~` would be another person's home, so every path is written in full.
#[test]
fn another_home_has_full_paths() {
    let sandbox = Sandbox::new();
    sandbox.write(
        "other/.local/share/opencode/auth.json",
        r#"{"weird":{"type":"strange"},"well":{"type":"wellknown","key":"X","token":"c4n4ry"}}"#,
    );
    sandbox.write("other/.claude/.credentials.json", "{");
    let ran = sandbox.run("secret extract --all --homedir other").exits(4);
    assert!(!ran.stderr.contains('~'), "{}", ran.stderr);
    assert_eq!(ran.stderr.matches("other").count(), 3, "{}", ran.stderr);
    let own = sandbox.run("secret extract").exits(0);
    assert!(!own.stderr.contains("other"), "{}", own.stderr);
}
