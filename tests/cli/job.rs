//! A CI job: `CI` is set, there is no terminal, and bash stops at the first failure.

use crate::sandbox::{CANARY, ClosedPort, Ran, Sandbox, has_tools, ran};
use crate::support::faults::Fault;

/// Runs a script as a CI job; `None` if bash or jq is missing.
fn job(sandbox: &Sandbox, script: &str) -> Option<Ran> {
    if !has_tools(&["bash", "jq"]) {
        return None;
    }
    let mut command = sandbox.shell("bash", &format!("set -euo pipefail\n{script}"));
    command
        .env("CI", "true")
        .env("DATABASE_URL", format!("postgres://{CANARY}"))
        .env("REDIS_URL", format!("redis://{CANARY}"));
    Some(ran(command.output().unwrap()))
}

#[test]
fn a_job_pushes_and_checks() {
    let sandbox = Sandbox::new();
    sandbox.write(
        ".amika/config.toml",
        "[env]\nDATABASE_URL = { secret = \"DATABASE_URL\" }\nREDIS_URL = { secret = \"REDIS_URL\" }\n",
    );
    let script = "
        amika secret push --from-env DATABASE_URL,REDIS_URL --yes -o json | jq -e '.created == 2' > /dev/null
        amika secret check -o json | jq -e 'map(.status == \"present\") | all' > /dev/null
        amika secret list -o json | jq -r '.[].name'";
    let Some(ran) = job(&sandbox, script) else { return };
    assert_eq!(ran.exits(0).stdout, "DATABASE_URL\nREDIS_URL\n");
    assert_eq!(
        sandbox.vault.value("DATABASE_URL", "user"),
        Some(format!("postgres://{CANARY}"))
    );
}

/// Each failure ends the job with its exit code and a short log that lists each problem once.
#[test]
fn a_failing_job_reports_each_problem_once() {
    let closed = ClosedPort::new();
    let port = closed.address().port();
    let push = "amika secret push --from-env DATABASE_URL --yes";
    for (script, code, said) in [
        (format!("AMIKA_API_KEY=wrong {push}"), 3, vec!["(401)"]),
        (
            format!("AMIKA_API_URL=http://127.0.0.1:{port} {push}"),
            6,
            vec!["127.0.0.1"],
        ),
        (
            format!("AMIKA_API_URL=https://api.example.invalid HTTPS_PROXY=http://127.0.0.1:{port} {push}"),
            6,
            vec!["cannot connect to the proxy"],
        ),
        (
            "amika secret push --from-env DATABASE_URL,ONE_UNSET,TWO_UNSET --yes".to_owned(),
            4,
            vec![
                "environment variable \"ONE_UNSET\" is not set",
                "environment variable \"TWO_UNSET\" is not set",
            ],
        ),
        (
            "amika secret push --from-env DATABASE_URL".to_owned(),
            2,
            vec!["cannot ask for confirmation in CI"],
        ),
    ] {
        let sandbox = Sandbox::new();
        let Some(ran) = job(&sandbox, &format!("{script}; echo reached")) else {
            return;
        };
        let ran = ran.exits(code);
        assert_eq!(ran.stdout, "", "{script}");
        let log = &ran.stderr;
        assert!(log.lines().count() <= 8, "{script}: {log}");
        for part in said {
            assert_eq!(log.matches(part).count(), 1, "{script}: {part:?} in {log}");
        }
        assert!(sandbox.vault.stored("generic").is_empty());
    }
}

/// The fenced samples of docs/ci.md in this language.
fn samples(language: &str) -> Vec<String> {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/ci.md");
    let text = std::fs::read_to_string(path).unwrap();
    let fence = format!("```{language}\n");
    let blocks = text.split(&fence).skip(1);
    blocks
        .map(|block| block.split("```").next().unwrap().to_owned())
        .collect()
}

/// The commands of a sample's lists `before_script` and `script`, or of its multi-line `run`.
fn commands(yaml: &str) -> String {
    let mut commands = Vec::new();
    let mut inside = false;
    for line in yaml.lines() {
        let text = line.trim();
        match text {
            "before_script:" | "script:" | "- run: |" => inside = true,
            "env:" => inside = false,
            _ if inside => commands.push(text.trim_start_matches("- ")),
            _ => {}
        }
    }
    commands.join("\n")
}

/// The samples of the documentation run as written; the programs that install are replaced by ones that do nothing,
/// and the first sample's inputs are given to the action.
#[test]
fn the_documented_jobs_run_as_written() {
    let yaml = samples("yaml");
    let [action, commands_only, gitlab] = &yaml[..] else {
        panic!("{yaml:?}");
    };
    let [script] = &samples("sh")[..] else {
        panic!("one script");
    };
    let variables = "export APP_KEY=app-key; ";
    for (sample, names) in [
        (commands(commands_only), vec!["APP_KEY", "DATABASE_URL"]),
        (commands(gitlab), vec!["APP_KEY", "DATABASE_URL"]),
        (script.clone(), vec!["DATABASE_URL", "REDIS_URL"]),
    ] {
        let sandbox = Sandbox::new();
        let amika = sandbox.command([""; 0]).get_program().to_owned();
        std::fs::create_dir_all(sandbox.home().join(".local/bin")).unwrap();
        std::os::unix::fs::symlink(&amika, sandbox.home().join(".local/bin/amika")).unwrap();
        for installer in ["curl", "apt-get"] {
            let path = sandbox.write(&format!("installers/{installer}"), "#!/bin/sh\n");
            std::fs::set_permissions(path, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
        }
        let line = "[env]\nDATABASE_URL = { secret = \"DATABASE_URL\" }\n";
        sandbox.write(".amika/config.toml", line);
        let line = format!("PATH=$PWD/installers:$PATH; AMIKA_VERSION=0; {variables}\n{sample}");
        let Some(ran) = job(&sandbox, &line) else { return };
        ran.exits(0);
        let stored = sandbox.vault.stored("generic");
        let mut stored: Vec<_> = stored.iter().map(|secret| secret.name.as_str()).collect();
        stored.sort_unstable();
        assert_eq!(stored, names, "{sample}");
    }
    let action: Vec<_> = action.lines().map(str::trim).collect();
    let names = action.iter().skip_while(|line| **line != "secrets: |").skip(1);
    let names: Vec<_> = names.take_while(|line| **line != "env:").copied().collect();
    assert_eq!(names, ["DATABASE_URL", "APP_*"]);
    let known = std::fs::read_to_string(std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("action.yml"));
    let known = known.unwrap();
    for input in ["scope", "strict", "secrets"] {
        assert!(known.contains(&format!("\n  {input}:\n")), "{input}");
    }
}

/// The documented script prints the name of each secret that was not stored.
#[test]
fn the_documented_script_names_what_was_not_stored() {
    let sandbox = Sandbox::new();
    let long_wait = Fault::on("POST", "/secrets").fails(429, "slow down");
    sandbox
        .vault
        .fault(long_wait.header("retry-after", "7200").always());
    let names: Vec<_> = (10..20).map(|n| format!("NAME_{n}")).collect();
    let variables = names.join("=1 ");
    let sample = samples("sh")[0].replace("DATABASE_URL,REDIS_URL", "'NAME_*'");
    let script = format!("curl() {{ true; }}; export {variables}=1\n{sample}");
    let Some(ran) = job(&sandbox, &script) else { return };
    let ran = ran.exits(6);
    let printed = ran.stdout.lines().map(|line| line.split(':').next().unwrap());
    assert_eq!(printed.collect::<Vec<_>>(), names);
}

/// Every command of the README has the options that it shows: with `--help` added, it is accepted.
#[test]
fn the_commands_of_the_readme_exist() {
    let readme = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("README.md");
    let readme = std::fs::read_to_string(readme).unwrap();
    let commands: Vec<_> = readme.lines().filter(|line| line.starts_with("amika ")).collect();
    assert!(commands.len() > 10, "{commands:?}");
    let helped = "amika() { command amika \"$@\" --help > /dev/null; }\n";
    let Some(ran) = job(&Sandbox::new(), &format!("{helped}{}", commands.join("\n"))) else {
        return;
    };
    assert_eq!(ran.exits(0).stderr, "");
}
