//! Errors in the command line, and their format.

use crate::sandbox::{Sandbox, ran};

#[test]
fn a_misspelled_word_leads_to_the_one_that_was_meant() {
    let sandbox = Sandbox::new();
    for (line, said, hint) in [
        (
            "secret psuh",
            "unrecognized subcommand 'psuh'",
            "a similar subcommand exists: 'push'",
        ),
        (
            "help secret psh",
            "unrecognized subcommand 'psh'",
            "see `amika secret --help`",
        ),
        (
            "secret push --scop org",
            "unexpected argument '--scop' found",
            "a similar argument exists: '--scope'",
        ),
        (
            "secret push --dryrun",
            "unexpected argument '--dryrun' found",
            "a similar argument exists: '--dry-run'",
        ),
        (
            "sercet",
            "unrecognized subcommand 'sercet'",
            "hint: a similar subcommand exists: 'secret';",
        ),
        (
            "secret lst",
            "unrecognized subcommand 'lst'",
            "hint: a similar subcommand exists: 'list';",
        ),
        (
            "open-browse",
            "unrecognized subcommand 'open-browse'",
            "hint: see `amika --help`",
        ),
        (
            "secret push --new-login",
            "`amika secret push` has no option --new-login",
            "use `amika secret claude push` or `amika secret codex push`",
        ),
        (
            "secret edit A",
            "the following required arguments were not provided: <--rename <NEW>|--description <TEXT>>",
            "see `amika secret edit --help`",
        ),
        ("xyzzy", "unrecognized subcommand 'xyzzy'", "see `amika --help`"),
        (
            "secret push A=1 --scope organization",
            "invalid value 'organization' for '--scope <SCOPE>' [possible values: user, org]",
            "a similar value exists: 'org'",
        ),
        (
            "secret extract --scope org",
            "the following required arguments were not provided: --push",
            "Usage: amika secret extract --push --scope <SCOPE>",
        ),
        (
            "secret push A=1 --from-file",
            "a value is required for '--from-file <FILE>' but none was supplied",
            "see `amika secret push --help`",
        ),
        (
            "secret claude push --value a --from-file b",
            "the argument '--value <VALUE>' cannot be used with '--from-file <FILE>'",
            "Usage: amika secret claude push",
        ),
        (
            "secret list --yes=c4n4ry",
            "unexpected value '…' for '--yes' found; no more were expected",
            "see `amika secret list --help`",
        ),
        (
            "secret list c4n4ryX",
            "unexpected argument '…' found",
            "see `amika secret list --help`",
        ),
    ] {
        let ran = sandbox.run(line).exits(2);
        assert!(
            ran.stderr.starts_with(&format!("error: {said}\n  hint: ")),
            "{line}: {}",
            ran.stderr
        );
        assert!(ran.stderr.contains(hint), "{line}: {}", ran.stderr);
    }
    assert!(sandbox.vault.requests().is_empty());
}

/// A command line, a part of the hint, and the commands for scripts.
const HABITS: &[(&str, &str, &[&str])] = &[
    ("login", "use `amika auth login`", &["amika auth login"]),
    ("push A=1", "use `amika secret push NAME`", &[]),
    ("set A", "use `amika secret push NAME`", &[]),
    ("ls", "use `amika secret list`", &["amika secret list"]),
    ("check", "use `amika secret check`", &["amika secret check"]),
    ("rm A", "use `amika secret delete NAME`", &[]),
    (
        "auth extract",
        "use `amika secret extract`",
        &["amika secret extract"],
    ),
    ("sandbox list", "not part of this client", &[]),
    ("scp a b", "not part of this client", &[]),
    ("ssh-key add", "not part of this client", &[]),
    ("secret set A", "use `amika secret push NAME`", &[]),
    (
        "secret get A",
        "no command prints a stored value",
        &["amika secret list"],
    ),
    (
        "get A",
        "no command prints a stored value",
        &["amika secret list"],
    ),
    ("secret rename A B", "use `amika secret edit NAME`", &[]),
    ("secret remove A", "use `amika secret delete NAME`", &[]),
    (
        "secret codex add",
        "use `amika secret codex push`",
        &["amika secret codex push"],
    ),
    (
        "secret claude show",
        "`amika secret claude list`",
        &["amika secret claude list"],
    ),
    (
        "secret push -f .env",
        "use `amika secret push --from-file FILE`",
        &[],
    ),
    (
        "secret push --file .env",
        "use `amika secret push --from-file FILE`",
        &[],
    ),
    (
        "secrets push --env-file=.env",
        "use `amika secret push --from-file FILE`",
        &[],
    ),
    (
        "secret claude push --file x",
        "use `amika secret claude push --from-file FILE`",
        &[],
    ),
    (
        "auth login --file key",
        "use `amika auth login --api-key-file FILE`",
        &[],
    ),
    ("secret list --json", "use '-o json'", &[]),
    ("secret push A=1 --org", "use '--scope org'", &[]),
    (
        "secret push A=1 --force",
        "a push replaces what is stored; --yes",
        &[],
    ),
    (
        "secret push A=1 --overwrite",
        "a push replaces what is stored; --yes",
        &[],
    ),
    (
        "secret claude push --overwrite",
        "use `amika secret claude push --force`",
        &["amika secret claude push --force"],
    ),
    (
        "secret push A --body c4n4ry",
        "`amika secret push NAME --yes < FILE`",
        &[],
    ),
    (
        "secret push A --value=c4n4ry",
        "`amika secret push NAME --yes < FILE`",
        &[],
    ),
    (
        "secret codex push --body x",
        "use `amika secret codex push --value - < FILE`",
        &[],
    ),
    (
        "secret push A=1 --skip-existing",
        "use `amika secret push --if-missing`",
        &["amika secret push --if-missing"],
    ),
    (
        "auth login --with-token",
        "`amika auth login --api-key-file -`",
        &["amika auth login --api-key-file -"],
    ),
    (
        "secret delete -f A",
        "use `amika secret delete --yes`",
        &["amika secret delete --yes"],
    ),
    ("secret push --version", "use `amika version`", &["amika version"]),
];

/// Commands and options of other programs are answered with what to use here, also for scripts.
#[test]
fn commands_and_options_of_other_programs_are_answered() {
    let sandbox = Sandbox::new();
    for (line, hint, next) in HABITS {
        let ran = sandbox.run(line).exits(2).stderr_contains(hint);
        assert!(ran.stderr.contains(" has no "), "{line}: {}", ran.stderr);
        let ran = sandbox.run(&format!("-o json {line}")).exits(2);
        let error = ran.error();
        let commands = error["next"].as_array().cloned().unwrap_or_default();
        assert_eq!(commands, *next, "{line}: {}", ran.stderr);
    }
    assert!(sandbox.vault.requests().is_empty());
}

/// A file in place of an option with the file leads to the option.
#[test]
fn a_file_leads_to_the_option_that_takes_it() {
    let sandbox = Sandbox::new();
    sandbox.write("key.txt", "x");
    for (line, option) in [
        ("secret codex push", "--from-file"),
        ("auth login", "--api-key-file"),
        ("secret check", "--file"),
    ] {
        let said = format!("unexpected argument key.txt\n  hint: to read a file, use {option} key.txt");
        sandbox
            .run(&format!("{line} key.txt"))
            .exits(2)
            .stderr_contains(&said);
    }
}

/// A setting with fixed values refuses any other.
#[test]
fn a_setting_with_an_unknown_value_is_refused() {
    let sandbox = Sandbox::new();
    for (variable, value, line, code) in [
        ("AMIKA_KEYCHAIN", "of", "secret list", 2),
        ("AMIKA_KEYCHAIN", "0", "secret extract", 2),
        ("AMIKA_KEYCHAIN", "no", "auth status", 2),
        ("AMIKA_KEYCHAIN", "no", "secret list --help", 0),
        ("AMIKA_KEYCHAIN", "no", "version", 0),
        ("AMIKA_KEYCHAIN", "OFF", "secret list", 0),
        ("AMIKA_KEYCHAIN", "on", "version", 0),
        ("AMIKA_KEYCHAIN", "", "version", 0),
        ("AMIKA_HTTP_TIMEOUT", "31", "secret list", 2),
    ] {
        let mut command = sandbox.command(line.split_whitespace());
        let ran = ran(command.env(variable, value).output().unwrap()).exits(code);
        if code == 2 {
            let said = format!("error: {variable} must be ");
            assert!(
                ran.stderr.starts_with(&said),
                "{variable}={value}: {}",
                ran.stderr
            );
        }
    }
}

#[test]
fn the_help_names_the_default_name_of_each_type() {
    let sandbox = Sandbox::new();
    for (provider, names) in [
        ("claude", ["\"Claude OAuth\"", "\"Claude API Key\""]),
        ("codex", ["\"Codex OAuth\"", "\"Codex API Key\""]),
    ] {
        let help = sandbox
            .run(&format!("secret {provider} push --help"))
            .exits(0)
            .stdout;
        let words = help.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(names.iter().all(|name| words.contains(name)), "{help}");
        // Global options come last, under a separate heading.
        let own = help.find("\nOptions:\n").unwrap();
        let global = help.find("\nGlobal options:\n").unwrap();
        assert!(own < global && !help[own..global].contains("--output"), "{help}");
    }
}

/// `-h` fits a screen and shows an example, `--help` explains everything.
#[test]
fn short_help_fits_a_screen() {
    let sandbox = Sandbox::new();
    let help = |command: &str, flag: &str, width: &str| {
        let mut command = sandbox.command(command.split_whitespace());
        ran(command.arg(flag).env("COLUMNS", width).output().unwrap())
            .exits(0)
            .stdout
    };
    let mut commands = vec![String::new()];
    while let Some(command) = commands.pop() {
        let short = help(&command, "-h", "100");
        assert!(short.lines().count() <= 32, "{command}: {short}");
        let global = short.lines().filter(|line| line.contains("-o json")).count();
        assert!(global >= 1 && short.contains("\nExample"), "{command}: {short}");
        let long = help(&command, "--help", "100");
        for width in ["50", "80"] {
            let [short, long] = ["-h", "--help"].map(|flag| help(&command, flag, width));
            let examples = short
                .split("\nExample")
                .nth(1)
                .unwrap()
                .split("\n\n")
                .next()
                .unwrap();
            let (_, rest) = long
                .split_once(examples)
                .expect("short help shows the first examples");
            let ends = ["\n\n", "\n  amika ", "\n  printf ", "\n  eval "];
            assert!(
                rest.trim().is_empty() || ends.iter().any(|end| rest.starts_with(end)),
                "{short}"
            );
            let is_wide = |line: &&str| width == "80" && line.chars().count() > 80;
            assert_eq!(short.lines().find(is_wide), None, "{command}");
            assert!(short.lines().last().unwrap().len() <= 50, "{short}");
        }
        for part in ["\nExample", "--output <OUTPUT>", "--color <WHEN>"] {
            assert!(long.contains(part), "{command}: {long}");
        }
        let below = short.split("Commands:\n").nth(1).unwrap_or_default();
        let names = below.lines().take_while(|line| !line.is_empty());
        let names = names.map(|line| line.split_whitespace().next().unwrap());
        commands.extend(
            names
                .filter(|name| *name != "help")
                .map(|name| format!("{command} {name}")),
        );
    }
}

/// R155: a hint for an unknown command does not name one that may change something else.
#[test]
fn no_hint_names_a_command_that_may_change_something_else() {
    let sandbox = Sandbox::new();
    for line in [
        "auth rm",
        "auth remove",
        "auth set",
        "secret claude rename",
        "secret codex login",
        "secret claude logout",
    ] {
        let run = sandbox.run(line).exits(2);
        assert!(run.stderr.contains("\n  hint: see `amika "), "{line}: {run:?}");
    }
}

/// On a narrow terminal, wrapped lines of the lists below the options are indented.
#[test]
fn long_help_fits_a_narrow_terminal() {
    let sandbox = Sandbox::new();
    let mut command = sandbox.command(["--help"]);
    let help = ran(command.env("COLUMNS", "50").output().unwrap())
        .exits(0)
        .stdout;
    let (_, lists) = help.split_once("Environment variables:\n").unwrap();
    for line in lists.lines() {
        assert!(line.chars().count() <= 50, "{line}");
        let start = line.strip_prefix("  ").and_then(|line| line.chars().next());
        let is_entry = start.is_none_or(|c| c.is_ascii_uppercase() || c.is_ascii_digit());
        assert!(is_entry || line.starts_with("       "), "{help}");
    }
}

/// Only the value of `-o` makes errors JSON, not another argument `json`.
#[test]
fn only_the_output_option_makes_errors_json() {
    let sandbox = Sandbox::new();
    for line in [
        "psuh json",
        "secret push --env-format json --nonsense",
        "help json",
    ] {
        let ran = sandbox.run(line).exits(2);
        assert!(ran.stderr.starts_with("error: "), "{line}: {}", ran.stderr);
    }
    for line in [
        "psuh -o json",
        "-ojson psuh",
        "--output=json-pretty psuh",
        "-o json",
        "-vo json secret",
    ] {
        let ran = sandbox.run(line).exits(2);
        let error = ran.error();
        assert_eq!(error["code"], "usage", "{line}");
    }
}

/// R118: lines of `-v` are also JSON.
#[test]
fn with_json_output_every_line_of_stderr_is_json() {
    let sandbox = Sandbox::new();
    let ran = sandbox.run("-v secret push A=1 A=2 --yes -o json").exits(0);
    assert!(ran.stderr.lines().count() >= 3, "{}", ran.stderr);
    for line in ran.stderr.lines() {
        serde_json::from_str::<serde_json::Value>(line).unwrap_or_else(|_| panic!("not JSON: {line}"));
    }
    assert!(ran.stderr.contains(r#"{"request":{"#), "{}", ran.stderr);
}

/// R114: hostile characters are escaped in JSON, and none are dropped.
#[test]
fn json_output_is_exact() {
    let name = "a\u{7f}b\u{9b}c\u{202e}d\u{200b}e\u{1b}[2Jf\u{e0041}g";
    let sandbox = Sandbox::new();
    sandbox
        .vault
        .seed_credential("claude", name, "api_key", "user", "x");
    for format in ["json", "json-pretty"] {
        let ran = sandbox.run(&format!("secret claude list -o {format}")).exits(0);
        assert_eq!(ran.json()[0]["name"], name);
        assert!(
            ran.stdout
                .bytes()
                .all(|byte| byte == b'\n' || (b' '..0x7f).contains(&byte)),
            "{}",
            ran.stdout
        );
        assert!(
            ran.stdout.contains(r"\u202e") && ran.stdout.contains(r"\udb40\udc41"),
            "{}",
            ran.stdout
        );
    }
}

#[test]
fn help_and_version_are_commands_too() {
    let sandbox = Sandbox::new();
    sandbox
        .run("help secret push")
        .exits(0)
        .stdout_contains("Usage: amika secret push");
    sandbox.run("help").exits(0).stdout_contains("Exit codes:");
    let version = sandbox.run("version -o json").exits(0).json();
    for field in ["version", "commit", "date", "target"] {
        assert!(
            version[field].as_str().is_some_and(|text| !text.is_empty()),
            "{field}"
        );
    }
    sandbox.run("--version").exits(0).stdout_contains("amika ");
    sandbox.run("-v").exits(2).stderr_contains("Usage: amika");
    for words in ["", "secret", "secrets push", "secret claude delete"] {
        let with_option = sandbox.run(&format!("{words} --help")).exits(0);
        let with_command = sandbox.run(&format!("help {words}")).exits(0);
        assert_eq!(with_command.stdout, with_option.stdout, "{words}");
    }
    let page = sandbox.run("man secret push").exits(0).stdout;
    assert_eq!(sandbox.run("man secrets push").exits(0).stdout, page);
    sandbox
        .run("man secret psuh")
        .exits(2)
        .stderr_contains("no such command");
    let help = sandbox.run("--help").exits(0).stdout;
    assert!(!help.contains("open-browser"), "{help}");
}
