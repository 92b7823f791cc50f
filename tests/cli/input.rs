//! Input and its validation: R1–R20.

use crate::sandbox::{CANARY, Ran, Sandbox, feed, ran};

/// Pushes a file with this content.
fn push_file(sandbox: &Sandbox, content: impl AsRef<[u8]>) -> Ran {
    sandbox.write("x.env", content);
    sandbox.run("secret push --from-file x.env --yes")
}

/// Whether nothing but lists was requested.
fn nothing_written(sandbox: &Sandbox) -> bool {
    sandbox.vault.writes() == 0
}

/// R1: a byte order mark is not part of the first name.
#[test]
fn a_byte_order_mark_is_removed_from_the_first_name() {
    let sandbox = Sandbox::new();
    push_file(&sandbox, "\u{feff}KEY=1\n").exits(0);
    assert_eq!(sandbox.vault.value("KEY", "user").as_deref(), Some("1"));
}

/// R2: CRLF is read as LF, and a lone carriage return is refused.
#[test]
fn crlf_is_read_as_lf_and_a_lone_cr_is_refused() {
    let sandbox = Sandbox::new();
    push_file(&sandbox, "A=1\r\nB='x\r\ny'\r\n").exits(0);
    assert_eq!(sandbox.vault.value("A", "user").as_deref(), Some("1"));
    assert_eq!(sandbox.vault.value("B", "user").as_deref(), Some("x\ny"));
    push_file(&sandbox, "A=1\nB=x\ry\n")
        .exits(4)
        .stderr_contains("x.env:2: the value of B contains a carriage return");
}

/// R134: a value with a carriage return can be pushed as the hint says, in every format.
#[test]
fn the_hint_about_a_carriage_return_works() {
    let sandbox = Sandbox::new();
    sandbox.write("x.env", "B=x\ry\n");
    for format in ["dotenv", "docker"] {
        sandbox
            .run(&format!(
                "secret push --from-file x.env --env-format {format} --yes"
            ))
            .exits(4)
            .stderr_contains("with `amika secret push --value-file NAME=FILE`");
    }
    sandbox.write("value", "x\ry\n");
    sandbox.run("secret push --value-file B=value --yes").exits(0);
    assert_eq!(sandbox.vault.value("B", "user").as_deref(), Some("x\ry"));
}

/// R3, R4, R5: values and names with invalid bytes are refused.
#[test]
fn control_characters_and_invalid_utf8_are_refused() {
    let sandbox = Sandbox::new();
    for (content, said) in [
        (
            format!("A=1\nB={CANARY}\0x\n").into_bytes(),
            "x.env:2: the value of B contains a NUL byte",
        ),
        (
            [format!("A=1\n\nB={CANARY}").as_bytes(), b"\xff\n"].concat(),
            "x.env:3: not valid UTF-8",
        ),
        (b"\xff=1\n".to_vec(), "x.env:1: not valid UTF-8"),
        (b"A\x07B=1\n".to_vec(), "x.env:1: invalid line"),
        (
            b"# a comment\0\n".to_vec(),
            "x.env:1: the line contains a NUL byte",
        ),
    ] {
        push_file(&sandbox, content).exits(4).stderr_contains(said);
    }
    sandbox
        .run_with("secret push A --yes", b"\xff")
        .exits(4)
        .stderr_contains("not valid UTF-8");
    sandbox
        .run_with("secret push A --yes", b"a\0b")
        .exits(4)
        .stderr_contains("NUL");
    assert!(nothing_written(&sandbox));
}

/// R6: values up to the limit are accepted.
#[test]
fn long_values_work_up_to_the_limit() {
    let sandbox = Sandbox::new();
    let long = CANARY.repeat(12_000);
    push_file(&sandbox, format!("A='{long}'\n")).exits(0);
    assert_eq!(sandbox.vault.value("A", "user"), Some(long));
    let too_long = CANARY.repeat(200_000);
    push_file(&sandbox, format!("OK=1\nA={too_long}\n"))
        .exits(4)
        .stderr_contains("x.env:2: the value of A is larger than 1 MiB");
}

/// R6: the limit is exactly 1 MiB, in every format and on standard input.
#[test]
fn a_value_may_have_1_mib_and_no_more() {
    const MIB: usize = 1024 * 1024;
    for (length, code) in [(MIB, 0), (MIB + 1, 4)] {
        let value = "v".repeat(length);
        for (format, content) in [
            ("dotenv", format!("A='{value}'\n")),
            ("docker", format!("A={value}\n")),
            ("json", format!("{{\"A\":\"{value}\"}}")),
        ] {
            let sandbox = Sandbox::new();
            sandbox.write("x.env", content);
            sandbox
                .run(&format!(
                    "secret push --from-file x.env --env-format {format} --yes"
                ))
                .exits(code);
            assert_eq!(sandbox.vault.value("A", "user").is_some(), code == 0, "{format}");
        }
        let sandbox = Sandbox::new();
        sandbox.run_with("secret push A --yes", &value).exits(code);
        sandbox
            .run_with("secret claude push --type api_key --value -", &value)
            .exits(code);
    }
}

/// R7, R8: a line is never quoted.
#[test]
fn a_line_is_never_quoted() {
    let sandbox = Sandbox::new();
    for content in [
        format!("A=1\n{CANARY}\n"),
        format!("A=1\nKEY{CANARY}Abcdefghij0=\n"),
        format!("A=1\nB=\"{CANARY}\n"),
        format!("A=1\nB={CANARY}#more\n"),
    ] {
        push_file(&sandbox, content)
            .exits(4)
            .stderr_contains("x.env:2: invalid line");
    }
    assert!(nothing_written(&sandbox));
}

/// R9: the accepted names depend on their source.
#[test]
fn names_are_checked_by_their_source() {
    let sandbox = Sandbox::new();
    sandbox.run("secret push my-claude-key=1 1.a=2 --yes").exits(0);
    sandbox
        .run("secret push KEY = value --yes")
        .exits(2)
        .stderr_contains("error: argument 2: expected KEY=VALUE without spaces around '='\n");
    sandbox
        .run("secret push a/b=1 --yes")
        .exits(4)
        .stderr_contains("argument 1");
    push_file(&sandbox, "A B=1\n")
        .exits(4)
        .stderr_contains("a name has letters, digits and '_'");
    for content in ["A=1\ndatabase-url=x\n", "A=1\nexport database-url = 'x' # c\n"] {
        push_file(&sandbox, content).exits(4).stderr_contains(
            "x.env:2: invalid line: \"database-url\" is not a valid variable name\n  hint: a name has letters,",
        );
    }
    sandbox.write("x.json", r#"{"database-url": "x", "A.B": "y"}"#);
    sandbox
        .run("secret push --from-file x.json --env-format json --yes")
        .exits(4)
        .stderr_contains("\"database-url\" is not a valid variable name");
    // Text that may be part of a value is not shown.
    for part in ["c4n4ry-Abc", "1c4n4ry-a", "c4n4ry-12345", "ab cd", "-c4n4ry"] {
        push_file(&sandbox, format!("A=1\n{part}=x\n"))
            .exits(4)
            .stderr_contains("x.env:2: invalid line: the name before '='");
    }
    sandbox.run("secret push --from-env A-B --yes").exits(4);
    // An item that is not a name, or is longer than 40 characters, may be a value and is not shown.
    for item in [
        "sk-c4n4ry",
        "C4N4RY-A",
        "hunter2!",
        "postgres://u:c4n4ry@h/d",
        &format!("{}-A", "K".repeat(39)),
    ] {
        let run = sandbox
            .run(&format!("secret push --from-env {item} --yes"))
            .exits(4)
            .stderr_contains("an item of --from-env is not a valid variable name");
        assert!(!run.stderr.contains(item), "{}", run.stderr);
    }
    sandbox
        .run("secret push --from-env my-key --yes")
        .exits(4)
        .stderr_contains("\"my-key\" is not a valid variable name");
}

/// For a file in place of a name, the error suggests the option to read it.
#[test]
fn a_file_in_place_of_a_name_suggests_from_file() {
    let sandbox = Sandbox::new();
    for file in [".env", "./prod.env", "prod.env", "conf/.env.local", "my file"] {
        sandbox.write(file, "A=1\n");
    }
    for (argument, code, shown) in [
        (".env", 2, ".env"),
        (".env.missing", 2, ".env.missing"),
        ("./prod.env", 2, "./prod.env"),
        ("conf/.env.local", 2, "conf/.env.local"),
        ("my file", 2, "'my file'"),
        // A valid name, whose value is read from standard input, which is empty here.
        ("prod.env", 4, "prod.env"),
    ] {
        for options in [vec!["--yes"], vec![]] {
            let valid_name = code == 4;
            if valid_name && options.is_empty() {
                continue;
            }
            let ran = ran(sandbox
                .command([vec!["secret", "push", argument], options].concat())
                .output()
                .unwrap())
            .exits(code)
            .stderr_contains(&format!(
                "to push the entries of this file, use --from-file {shown}\n"
            ))
            .stderr_contains(if valid_name {
                "notice: prod.env is also a file; "
            } else {
                "error: argument 1: expected KEY=VALUE, or NAME alone"
            });
            assert_eq!(ran.stderr.matches("error:").count(), 1, "{}", ran.stderr);
        }
    }
    assert!(nothing_written(&sandbox));
    sandbox
        .run("secret push --from-env ./prod.env --yes")
        .exits(4)
        .stderr_contains("an item of --from-env is not a valid variable name\n")
        .stderr_contains("for the entries of a file, use --from-file\n");
    // The command that the hint suggests.
    sandbox.run("secret push --from-file .env --yes").exits(0);
    assert_eq!(sandbox.vault.value("A", "user").as_deref(), Some("1"));
    // A secret whose name is also that of a file.
    sandbox.run_with("secret push prod.env --yes", "v").exits(0);
    assert_eq!(sandbox.vault.value("prod.env", "user").as_deref(), Some("v"));
}

/// R11: an empty value is refused; in a file, only its entry is skipped.
#[test]
fn empty_values_are_refused() {
    let sandbox = Sandbox::new();
    sandbox
        .run("secret push A= --yes")
        .exits(4)
        .stderr_contains("the value of A (argument 1) is empty");
    sandbox
        .run("secret push A --yes")
        .exits(4)
        .stderr_contains("empty");
    ran(sandbox
        .command(["secret", "push", "--from-env", "A", "--yes"])
        .env("A", "")
        .output()
        .unwrap())
    .exits(4)
    .stderr_contains("environment variable \"A\" is empty");
    assert!(nothing_written(&sandbox));
    push_file(&sandbox, "A=\nB=1\n")
        .exits(0)
        .stderr_contains("x.env:1: A is empty and was skipped");
    assert_eq!(sandbox.vault.stored("generic").len(), 1);
}

/// R10: the last line of a name wins, also when it is empty: no reader returns the value before it.
#[test]
fn an_empty_line_takes_back_the_value_before_it() {
    let sandbox = Sandbox::new();
    push_file(&sandbox, "A=old\nB=1\nA=\nC=\nC=2\n")
        .exits(0)
        .stderr_contains("x.env:3: A is empty and was skipped");
    assert_eq!(sandbox.vault.value("A", "user"), None);
    assert_eq!(sandbox.vault.value("B", "user").as_deref(), Some("1"));
    assert_eq!(sandbox.vault.value("C", "user").as_deref(), Some("2"));
}

/// R12: a file that cannot be opened is reported with the reason.
#[test]
fn a_file_that_cannot_be_opened_is_named_with_the_reason() {
    let sandbox = Sandbox::new();
    std::fs::create_dir(sandbox.home().join("dir")).unwrap();
    let absolute = sandbox.home().join("missing").display().to_string();
    for (path, reason) in [
        ("missing.env", "no such file\n  hint: the path is relative to "),
        (absolute.as_str(), "no such file\n"),
        ("dir", "is a directory\n  hint: specify a file in it\n"),
    ] {
        let ran = sandbox
            .run(&format!("secret push --from-file {path} --yes"))
            .exits(4)
            .stderr_contains(&format!("error: failed opening env file {path}: {reason}"));
        let has_hint = path != absolute;
        assert_eq!(ran.stderr.contains("hint:"), has_hint, "{}", ran.stderr);
    }
    sandbox
        .run("secret codex push --from-file missing.json")
        .exits(4)
        .stderr_contains(
            "failed reading credentials file missing.json: no such file\n  hint: the path is relative",
        );
    sandbox
        .run("secret check --file missing.toml")
        .exits(4)
        .stderr_contains("failed reading --file missing.toml: no such file\n  hint: the path is relative");
}

/// R13: a pipe given as a file is read to its end, and a device or socket is refused at once.
#[cfg(unix)]
#[test]
fn a_pipe_is_read_and_a_device_is_refused_at_once() {
    let sandbox = Sandbox::new();
    let push = |path: &str| {
        let line = format!("amika secret push --yes --from-file {path}");
        ran(sandbox.shell("bash", &line).output().unwrap())
    };
    push("<(printf 'A=1\\nB=2\\n')")
        .exits(0)
        .stdout_contains("Created 2");
    // The writer has ended before anything reads, and without a byte.
    push("<(true)")
        .exits(4)
        .stderr_contains("no secrets provided: every source is empty, or has nothing that");
    // A pipe cannot be read again, so no command of a hint names it.
    for (content, hint) in [
        ("A=caf\\351", "`iconv -f ISO-8859-1 -t UTF-8 FILE`"),
        ("{\"A\":1}", "use --value-file NAME=FILE;"),
        ("A=op://v/i/f", "`op read REFERENCE | amika secret push A --yes`"),
    ] {
        push(&format!("<(printf '{content}\\n')"))
            .exits(4)
            .stderr_contains(hint);
    }
    push("/dev/null --value-file A=- < .")
        .exits(4)
        .stderr_contains("failed reading standard input: is a directory");
    let made = std::process::Command::new("mkfifo")
        .arg(sandbox.path("fifo"))
        .status()
        .unwrap();
    assert!(made.success());
    push("fifo & printf 'C=3\\n' > fifo; wait").exits(0);
    assert_eq!(sandbox.vault.value("C", "user").as_deref(), Some("3"));
    push("<(head -c 11000000 /dev/zero)")
        .exits(4)
        .stderr_contains("is larger than 10 MiB");
    let _socket = std::os::unix::net::UnixListener::bind(sandbox.path("socket")).unwrap();
    for path in ["/dev/zero", "/dev/null", "./socket"] {
        let run = push(path).exits(4);
        let refused = ["not a regular file", "no such device or address"];
        assert!(
            refused.iter().any(|reason| run.stderr.contains(reason)),
            "{run:?}"
        );
    }
}

/// R14: a huge file is refused by its size.
#[test]
fn a_huge_file_is_refused_by_its_size() {
    let sandbox = Sandbox::new();
    let file = std::fs::File::create(sandbox.home().join("x.env")).unwrap();
    file.set_len(20 * 1024 * 1024 * 1024).unwrap();
    sandbox
        .run("secret push --from-file x.env --yes")
        .exits(4)
        .stderr_contains("is larger than 10 MiB");
}

/// R14: the limit is exactly 10 MiB, for a file and for standard input.
#[test]
fn ten_mebibytes_are_read_and_one_byte_more_is_refused() {
    for (length, code) in [(10 * 1024 * 1024, 0), (10 * 1024 * 1024 + 1, 4)] {
        let sandbox = Sandbox::new();
        let mut text = "A=1\n#".to_owned();
        text.push_str(&"x".repeat(length - text.len()));
        sandbox.write("x.env", &text);
        let line = "secret push --yes --from-file";
        for run in [
            sandbox.run(&format!("{line} x.env")),
            sandbox.run_with(&format!("{line} -"), &text),
        ] {
            let run = run.exits(code);
            assert_eq!(
                run.stderr.contains("larger than 10 MiB"),
                code == 4,
                "{}",
                run.stderr
            );
        }
    }
}

/// R15: standard input cannot also answer the confirmation.
#[test]
fn values_and_the_answer_cannot_both_come_from_stdin() {
    let sandbox = Sandbox::new();
    sandbox
        .run_with("secret push A", CANARY)
        .exits(2)
        .stderr_contains("--yes");
    sandbox
        .run_with("secret push --from-file -", format!("A={CANARY}"))
        .exits(2)
        .stderr_contains("--yes");
    sandbox
        .run_with("secret push A B --yes", CANARY)
        .exits(2)
        .stderr_contains("standard input");
    sandbox
        .run_with("secret push A --from-file - --yes", CANARY)
        .exits(2)
        .stderr_contains("standard input");
    assert!(nothing_written(&sandbox));
}

/// R17: a key in place of a name, or the end of a value that lost its quotes, is no name in any file.
#[test]
fn a_value_in_a_file_never_becomes_a_name() {
    let sandbox = Sandbox::new();
    let (key, tail) = (
        "ghp_abcdefghijklmnopqrstuvwxyz0123456789",
        "dGhpc2lzYXNlY3JldHZhbHVlMTIzNA",
    );
    for (format, line) in [
        ("dotenv", format!("{key}=x\n")),
        ("dotenv", format!("{key}=\n")),
        ("dotenv", format!("{tail}==\n")),
        ("docker", format!("{key}=x\n")),
        ("docker", format!("{tail}==\n")),
        ("docker", format!("{tail}=\n")),
        ("json", format!("{{\"{key}\": \"x\"}}")),
        ("json", format!("{{\"{key}\": 1}}")),
    ] {
        sandbox.write("f", &line);
        let run = sandbox
            .run(&format!("secret push --from-file f --env-format {format} --yes"))
            .exits(4)
            .stderr_contains("is not a valid variable name");
        assert!(
            !run.stderr.contains(key) && !run.stderr.contains(tail),
            "{line}: {run:?}"
        );
    }
    sandbox.run(&format!("secret push {key}=x --yes")).exits(4);
    assert!(nothing_written(&sandbox));
}

/// A hint that several problems have in common is printed once, even if other problems come in between.
#[test]
fn a_hint_is_not_repeated() {
    let sandbox = Sandbox::new();
    sandbox.write("f", "A=a#b\nno assignment\nC=c#d\nneither\n");
    let run = sandbox.run("secret push --from-file f --yes").exits(4);
    assert_eq!(run.stderr.matches("to keep the '#'").count(), 1, "{run:?}");
    assert_eq!(run.stderr.matches("must be quoted").count(), 1, "{run:?}");
    assert_eq!(run.stderr.matches("error: ").count(), 4, "{run:?}");
}

/// R16: everything is checked before the first write.
#[test]
fn everything_is_checked_before_the_first_write() {
    let sandbox = Sandbox::new();
    sandbox.write("good.env", "A=1\n");
    sandbox.write("bad.env", "B=1\nC\n");
    sandbox
        .run("secret push --from-file good.env --from-file bad.env D=1 --yes")
        .exits(4);
    sandbox.run("secret push A=1 --from-env UNSET --yes").exits(4);
    assert!(nothing_written(&sandbox));
}

/// R17: an argument without `=` is not repeated.
#[test]
fn an_argument_without_equals_is_not_repeated() {
    let sandbox = Sandbox::new();
    for argument in [CANARY.to_owned(), format!("{CANARY}/x"), format!("--{CANARY}")] {
        ran(sandbox.command(["secret", "push", &argument]).output().unwrap()).exits(2);
        ran(sandbox.command(["secret", &argument]).output().unwrap()).exits(2);
        ran(sandbox.command([&argument]).output().unwrap()).exits(2);
    }
    sandbox
        .run("secret push a/b")
        .exits(2)
        .stderr_contains("expected KEY=VALUE");
}

/// R18: the help says who can see an inline value.
#[test]
fn help_says_who_sees_an_inline_value() {
    Sandbox::new()
        .run("secret push --help")
        .exits(0)
        .stdout_contains("/proc/PID/cmdline");
}

/// R19: invalid values of `--scope` and `--type` are refused before any request.
#[test]
fn scopes_and_types_are_checked_before_any_request() {
    let sandbox = Sandbox::new();
    for (line, values) in [
        ("secret push A=1 --scope team --yes", "user, org"),
        ("secret claude push --type password --value x", "oauth, api_key"),
    ] {
        sandbox.run(line).exits(2).stderr_contains(values);
    }
    assert!(sandbox.vault.requests().is_empty());
}

/// R20: an unset variable is an error.
#[test]
fn an_unset_variable_is_an_error() {
    let sandbox = Sandbox::new();
    let mut command = sandbox.command(["secret", "push", "--from-env", "A,B", "--yes"]);
    ran(command.env("A", "1").output().unwrap())
        .exits(4)
        .stderr_contains("environment variable \"B\" is not set");
    assert!(nothing_written(&sandbox));
}

/// R99: an unknown command is exit 2.
#[test]
fn an_unknown_command_is_exit_2() {
    let sandbox = Sandbox::new();
    sandbox
        .run("secret pusj")
        .exits(2)
        .stderr_contains("a similar subcommand exists: 'push'");
    sandbox
        .run("secret push")
        .exits(2)
        .stderr_contains("no secrets provided");
    let ran = sandbox.run("secret pusj -o json").exits(2);
    let error = ran.error();
    assert_eq!(error["code"], "usage");
}

#[test]
fn standard_input_is_named_in_place_of_a_file() {
    let sandbox = Sandbox::new();
    feed(
        &mut sandbox.command(["secret", "push", "--from-file", "-", "--yes"]),
        "A=1\nB\n",
    )
    .exits(4)
    .stderr_contains("standard input:2: invalid line");
}

/// R7, R20: every invalid line of every file, every unset variable and the missing `--yes` are
/// reported together, and the usage error determines the exit code.
#[test]
fn all_problems_of_all_sources_are_reported_at_once() {
    let sandbox = Sandbox::new();
    sandbox.write(
        "a.env",
        format!("A={CANARY}\nB\nC='{CANARY}\nD=2\nE={CANARY}#x\n"),
    );
    sandbox.write("b.json", "{\"X\": 1}");
    let line = "secret push --from-file a.env --from-file missing.env --from-env NOT_SET,NEITHER,APP_* a/b=1";
    let said = [
        "a.env:2: invalid line: expected KEY=VALUE",
        "a.env:3: invalid line: the quote ' of C is never closed",
        "a.env:5: invalid line: the value of E has a '#' at its start or without a space before it",
        "opening env file missing.env: no such file",
        "environment variable \"NOT_SET\" is not set",
        "environment variable \"NEITHER\" is not set",
        "no environment variable matches \"APP_*\"",
        "argument 1",
    ];
    let ran = sandbox.run(&format!("{line} --yes")).exits(4);
    for part in said {
        assert!(ran.stderr.contains(part), "no {part:?} in {}", ran.stderr);
    }
    let ran = sandbox.run(&format!("{line} -o json")).exits(2);
    let error = ran.error();
    assert_eq!(error["code"], "usage");
    let problems = error["problems"].as_array().unwrap();
    assert_eq!(problems.len(), said.len() + 1);
    // Each problem is reported once, and the message is a summary.
    assert_eq!(error["message"], format!("found {} problems", problems.len()));
    assert_eq!(error["hint"], serde_json::Value::Null);
    assert!(problems.iter().all(|problem| problem["message"].is_string()));
    assert!(nothing_written(&sandbox));
}

/// R7: of many problems, the first twenty and the number of the others are reported.
#[test]
fn many_problems_are_counted() {
    let sandbox = Sandbox::new();
    let run = push_file(&sandbox, "A\n".repeat(23)).exits(4);
    assert_eq!(run.stderr.matches(": invalid line: ").count(), 20);
    run.stderr_contains("x.env:20: invalid line: ")
        .stderr_contains("3 more problems are not shown");
    let run = push_file(&sandbox, "A\n".repeat(20)).exits(4);
    assert!(!run.stderr.contains("not shown"), "{run:?}");
}

/// R115: 10 MiB of good or faulty lines need bounded memory, and 20 problems of a kind are shown.
#[cfg(target_os = "linux")]
#[test]
fn ten_mebibytes_of_lines_need_bounded_memory() {
    const SIZE: usize = 10 * 1024 * 1024;
    let sandbox = Sandbox::new();
    let closed = crate::sandbox::ClosedPort::new();
    let lines = |line: &dyn Fn(usize) -> String| {
        let mut text = String::with_capacity(SIZE);
        let mut index = 0;
        loop {
            let next = line(index);
            if text.len() + next.len() > SIZE - 16 {
                return text;
            }
            text.push_str(&next);
            index += 1;
        }
    };
    let members = |value: &str| format!("{{{}\"Z\":\"z\"}}", lines(&|n| format!("\"NAME_{n}\":{value},")));
    for (format, text, problems) in [
        ("dotenv", lines(&|n| format!("NAME_{n}=value-{n}-abcdef\n")), 0),
        ("json", members("\"value\""), 0),
        ("dotenv", lines(&|n| format!("NAME_{n}=a#b\n")), 20),
        ("json", members("5"), 20),
    ] {
        sandbox.write("x.env", text);
        let mut command = sandbox.command([
            "secret",
            "push",
            "--yes",
            "--from-file",
            "x.env",
            "--env-format",
            format,
        ]);
        command.env("AMIKA_API_URL", format!("http://{}", closed.address()));
        let mut child = crate::sandbox::start(&mut command);
        // The peak only grows, so the last reading is close to it.
        let mut peak = 0;
        while child.try_wait().unwrap().is_none() {
            let status = std::fs::read_to_string(format!("/proc/{}/status", child.id())).unwrap_or_default();
            let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
            let kib = line.and_then(|line| line.trim().strip_suffix(" kB")?.parse::<u64>().ok());
            peak = peak.max(kib.unwrap_or_default());
            std::thread::sleep(std::time::Duration::from_millis(5));
        }
        let run = ran(child.wait_with_output().unwrap()).exits(if problems > 0 { 4 } else { 6 });
        assert!(peak > 20 * 1024 && peak < 200 * 1024, "{format}: {peak} KiB");
        assert_eq!(run.stderr.matches("x.env:").count(), problems, "{format}");
    }
}

/// R134: a file in another format is recognised, and the suggested format works.
#[test]
fn a_file_in_another_format_is_recognised() {
    let sandbox = Sandbox::new();
    let utf16: Vec<u8> = format!("\u{feff}A={CANARY}\n")
        .encode_utf16()
        .flat_map(u16::to_le_bytes)
        .collect();
    let json = format!("{{\"A\": \"{CANARY} {{\"}}");
    for (content, said) in [
        (
            json.clone().into_bytes(),
            "x.env:1: invalid line: expected KEY=VALUE; this looks like JSON",
        ),
        (json.clone().into_bytes(), "use --env-format json with one object"),
        (
            format!("API_KEY: {CANARY}\n").into_bytes(),
            "x.env:1: invalid line: expected KEY=VALUE\n  hint: a name and its value are joined by '=', not by ':' as in YAML;",
        ),
        (utf16[2..].to_vec(), "UTF-16"),
        (utf16, "UTF-16"),
        (
            b"A=caf\xe9\n".to_vec(),
            "x.env:1: not valid UTF-8\n  hint: if it is text, save it as UTF-8, for example with `iconv -f ISO-8859-1 -t UTF-8 x.env`;",
        ),
        (
            format!("A={CANARY}\t# x\n").into_bytes(),
            "the value of A has a '#' at its start or without a space before it",
        ),
    ] {
        push_file(&sandbox, content).exits(4).stderr_contains(said);
    }
    assert!(nothing_written(&sandbox));
    sandbox
        .run("secret push --from-file x.env --env-format json --yes")
        .exits(4);
    push_file(&sandbox, "").exits(4);
    sandbox.write("x.json", &json);
    sandbox
        .run("secret push --from-file x.json --env-format json --yes")
        .exits(0);
    assert_eq!(sandbox.vault.value("A", "user"), Some(format!("{CANARY} {{")));
}

/// R134: the Docker format has no quotes that could make one value of several lines.
#[test]
fn quotes_are_not_suggested_for_several_lines() {
    let sandbox = Sandbox::new();
    sandbox.write("x.env", "A=x\nMIIEvQIBADANBgkqhkiG9w0B=\n");
    for format in ["dotenv", "docker"] {
        let ran = sandbox
            .run(&format!(
                "secret push --from-file x.env --env-format {format} --yes"
            ))
            .exits(4)
            .stderr_contains("for a value that spans lines, use --value-file NAME=FILE;");
        assert!(!ran.stderr.contains("quote"), "{}", ran.stderr);
    }
}

/// R134: the Docker format keeps quotes and warns about them.
#[test]
fn the_docker_format_warns_about_values_in_quotes() {
    let sandbox = Sandbox::new();
    sandbox.write("x.env", "A=\"x y\"\nB='z'\nC=it's\n");
    let ran = sandbox
        .run("secret push --from-file x.env --env-format docker --yes")
        .exits(0)
        .stderr_contains("x.env:1: the quotes around the value of A are part of the value")
        .stderr_contains("; the same for B\n");
    assert!(!ran.stderr.contains("of C"), "{}", ran.stderr);
    assert_eq!(sandbox.vault.value("A", "user").as_deref(), Some("\"x y\""));
    sandbox.run("secret push --from-file x.env --yes").exits(0);
    assert_eq!(sandbox.vault.value("A", "user").as_deref(), Some("x y"));
}

/// R131: `~` is the home directory, also after `=`, where shells do not expand it.
#[test]
fn a_tilde_stands_for_the_home_directory() {
    let sandbox = Sandbox::new();
    sandbox.write("conf/x.env", "A=1\n");
    sandbox.run("secret push --from-file=~/conf/x.env --yes").exits(0);
    assert_eq!(sandbox.vault.value("A", "user").as_deref(), Some("1"));
}
