//! `amika secret extract --also`: further tools, which are read only on request. The files have the
//! formats in each tool's source code or documentation (see the modules of `src/discover`).

#[cfg(target_os = "linux")]
use crate::keyring::{store, with_keyring};
use crate::sandbox::{CANARY, Sandbox, native, ran};

const HOSTS: &str = ".config/gh/hosts.yml";
const AIDER: &str = ".aider.conf.yml";

fn hosts() -> String {
    format!(
        "github.com:\n    users:\n        octo:\n            oauth_token: gho_{CANARY}\n    \
         git_protocol: https\n    oauth_token: gho_{CANARY}\n    user: octo\n\
         ghe.example:\n    user: octo\n"
    )
}

/// A laptop with every further tool.
fn laptop() -> Sandbox {
    let sandbox = Sandbox::new();
    sandbox.write(HOSTS, hosts());
    sandbox.write(".gemini/.env", format!("GEMINI_API_KEY=\"AIza{CANARY}\"\n"));
    sandbox.write(
        ".copilot/config.json",
        format!(
            "// Written by Copilot CLI\n{{\"copilot_tokens\":{{\"https://github.com:octo\":\"gho_{CANARY}\"}},\
             \"last_logged_in_user\":{{\"host\":\"https://github.com\",\"login\":\"octo\"}}}}"
        ),
    );
    sandbox.write(
        ".local/share/crush/crush.json",
        format!(r#"{{"providers":{{"xai":{{"api_key":"xai-{CANARY}"}}}}}}"#),
    );
    sandbox.write(
        AIDER,
        format!("model: sonnet\napi-key:\n  - deepseek=sk-{CANARY}\n"),
    );
    sandbox
}

fn names(sandbox: &Sandbox, line: &str) -> Vec<String> {
    let rows = sandbox.run(line).exits(0).json();
    let rows = rows.as_array().unwrap().iter();
    rows.map(|row| row["name"].as_str().unwrap().to_owned()).collect()
}

/// The main tools are read by default, further tools only if `--also` names them.
#[test]
fn further_tools_are_read_only_with_also() {
    let sandbox = laptop();
    let run = |also: &str| names(&sandbox, &format!("secret extract -o json {also}"));
    assert!(run("").is_empty());
    assert_eq!(run("--also gh"), ["GITHUB_TOKEN"]);
    assert_eq!(run("--also gemini,"), ["GEMINI_API_KEY"]);
    assert_eq!(run("--also copilot"), ["COPILOT_GITHUB_TOKEN"]);
    assert_eq!(
        run("--also crush --also aider"),
        ["DEEPSEEK_API_KEY", "XAI_API_KEY"]
    );
    let all = [
        "COPILOT_GITHUB_TOKEN",
        "DEEPSEEK_API_KEY",
        "GEMINI_API_KEY",
        "GITHUB_TOKEN",
        "XAI_API_KEY",
    ];
    assert_eq!(run("--also all"), all);
    sandbox
        .run("secret extract --also vim")
        .exits(2)
        .stderr_contains("gh, gemini, copilot, crush, aider");
    sandbox.run("secret extract --also all --push --yes").exits(0);
    assert_eq!(
        sandbox.vault.value("GITHUB_TOKEN", "user"),
        Some(format!("gho_{CANARY}"))
    );
    assert_eq!(
        sandbox.vault.value("DEEPSEEK_API_KEY", "user"),
        Some(format!("sk-{CANARY}"))
    );
}

/// R128: keys under their own names and keys in the list are read.
#[test]
fn every_form_of_an_aider_key_is_read() {
    let sandbox = Sandbox::new();
    let keys = format!(
        "openai-api-key: sk-1{CANARY}\nanthropic-api-key: sk-2{CANARY}\nmodel: x\n\
         api-key:\n  - groq=sk-3{CANARY}\n  - xai=sk-4{CANARY}\n"
    );
    sandbox.write(AIDER, keys);
    let found = names(&sandbox, "secret extract -o json --also aider --all");
    for name in [
        "ANTHROPIC_API_KEY",
        "OPENAI_API_KEY",
        "GROQ_API_KEY",
        "XAI_API_KEY",
    ] {
        assert!(found.iter().any(|found| found == name), "{name}: {found:?}");
    }
    sandbox.run("secret extract --push --also aider --yes").exits(0);
    for (name, n) in [
        ("ANTHROPIC_API_KEY", 2),
        ("OPENAI_API_KEY", 1),
        ("XAI_API_KEY", 4),
    ] {
        let pushed = sandbox.vault.value(name, "user");
        assert_eq!(pushed, Some(format!("sk-{n}{CANARY}")), "{name}");
    }
}

/// R123: a variable that overrides the stored token is named.
#[test]
fn a_variable_overrides_the_token_of_a_further_tool() {
    let sandbox = laptop();
    for (tool, variable) in [
        ("gh", "GH_TOKEN"),
        ("copilot", "GITHUB_TOKEN"),
        ("gemini", "GEMINI_API_KEY"),
    ] {
        let mut command = sandbox.command(["secret", "extract", "-o", "json", "--also", tool]);
        let run = ran(command.env(variable, CANARY).output().unwrap())
            .exits(0)
            .stderr_contains(&format!("amika secret push --from-env {variable}"));
        assert_eq!(run.json()[0]["in_use"], false, "{tool}");
        assert_eq!(run.json()[0]["overridden_by"], format!("${variable}"), "{tool}");
    }
}

/// R128: credentials of a further tool that cannot be pushed are reported.
#[test]
fn credentials_that_cannot_be_pushed_are_reported() {
    for (tool, path, content, named) in [
        ("gh", HOSTS, hosts(), "ghe.example"),
        (
            "gemini",
            ".gemini/gemini-credentials.json",
            "00:11:22".to_owned(),
            "encrypted",
        ),
        (
            "gemini",
            ".gemini/oauth_creds.json",
            "{}".to_owned(),
            "a Google login",
        ),
        (
            "crush",
            ".config/crush/crush.json",
            r#"{"providers":{"xai":{"api_key":"$XAI"}}}"#.to_owned(),
            "the entry \"xai\" refers to a variable",
        ),
        (
            "crush",
            ".local/share/crush/crush.json",
            format!(
                r#"{{"providers":{{"hyper":{{"api_key":"{CANARY}","oauth":{{"access_token":"{CANARY}"}}}}}}}}"#
            ),
            "is a login of Crush",
        ),
        (
            "crush",
            ".config/crush/crushrc",
            "provider add x".to_owned(),
            "is a script",
        ),
        (
            "aider",
            AIDER,
            format!("api-key: {CANARY}\n"),
            "line 1 is not PROVIDER=KEY",
        ),
        (
            "aider",
            ".env",
            format!("X_API_KEY=a ${CANARY}\n"),
            "line 1 has a value that is not a plain string",
        ),
    ] {
        let sandbox = Sandbox::new();
        sandbox.write(path, content);
        let run = sandbox.run(&format!("secret extract --also {tool}")).exits(0);
        run.stderr_contains(named);
    }
}

/// R21, R22: a malformed file is unreadable, and never quoted.
#[test]
fn a_broken_file_of_a_further_tool_is_unreadable() {
    for path in [HOSTS, AIDER] {
        let sandbox = Sandbox::new();
        sandbox.write(path, format!("a: 1\nb: &{CANARY} x\n"));
        sandbox
            .run("secret extract --also all")
            .exits(4)
            .stderr_contains("line 2 cannot be parsed");
    }
    for path in [".copilot/config.json", ".local/share/crush/crush.json"] {
        let sandbox = Sandbox::new();
        sandbox.write(path, format!("{{{CANARY}"));
        sandbox
            .run("secret extract --also all")
            .exits(4)
            .stderr_contains(&native(path).to_string_lossy());
    }
}

/// R126: tokens in the system keyring are read; a keyring that cannot be reached is unreadable.
#[cfg(target_os = "linux")]
#[test]
fn tokens_in_the_keyring_are_read() {
    let sandbox = Sandbox::new();
    sandbox.write(HOSTS, "github.com:\n    user: octo\n");
    sandbox
        .run("secret extract --also gh")
        .exits(4)
        .stderr_contains("gh:github.com");
    let script = store("gh:github.com", "octo", &format!("gho_{CANARY}"))
        + &store(
            "gemini-cli-api-key",
            "default-api-key",
            &format!("{{\"token\":{{\"accessToken\":\"AIza{CANARY}\"}}}}"),
        )
        + "exec \"$AMIKA\" secret extract --also gh,gemini -o json";
    if let Some(run) = with_keyring(&sandbox, &script) {
        let rows = run.exits(0).json();
        assert_eq!(
            rows[0]["origin"],
            "keychain item gemini-cli-api-key (default-api-key)"
        );
        assert_eq!(rows[1]["origin"], "keychain item gh:github.com (octo)");
    }
}
