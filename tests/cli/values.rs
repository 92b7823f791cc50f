//! Values that are not a secret yet, files of one value, and the program's own settings: R138 to R141, R146,
//! R147.

use crate::sandbox::{CANARY, Ran, Sandbox, ran};

/// Pushes a value under `NAME` from each kind of source: a file in three formats, a variable, an
/// argument, standard input and a file of one value.
fn push_everywhere(name: &str, value: &str, options: &str) -> Vec<Ran> {
    let sandbox = Sandbox::new();
    sandbox.write("docker.env", format!("{name}={value}\n"));
    sandbox.write("x.json", serde_json::json!({ name: value }).to_string());
    sandbox.write("value", value);
    let run = |arguments: &[&str]| {
        let mut command = sandbox.command(["secret", "push", "--yes"]);
        command
            .args(arguments)
            .args(options.split_whitespace())
            .env(name, value);
        ran(command.output().unwrap())
    };
    let mut all = vec![
        run(&["--from-file", "x.json", "--env-format", "json"]),
        run(&["--from-env", name]),
        run(&[&format!("{name}={value}")]),
        run(&["--value-file", &format!("{name}=value")]),
        sandbox.run_with(&format!("secret push {name} --yes {options}"), value),
    ];
    if !value.contains('\n') {
        all.push(run(&["--from-file", "docker.env", "--env-format", "docker"]));
        sandbox.write("dot.env", format!("{name}='{value}'\n"));
        if !value.contains(['\'', '\\']) {
            all.push(run(&["--from-file", "dot.env"]));
        }
    }
    let stored = sandbox.vault.value(name, "user");
    assert_eq!(stored.is_some(), all.iter().all(|run| run.code == 0), "{all:?}");
    if let Some(stored) = stored {
        assert_eq!(stored, value);
    }
    all
}

/// One value of each kind of R139, what is said, and the command that works instead.
const KINDS: &[(&str, &str, &str)] = &[
    ("op://vault/c4n4ry/field", "a reference to 1Password", "op read"),
    (
        "op://My Vault/c4n4ry item/section/field",
        "a reference to 1Password",
        "op read",
    ),
    (
        "{{ op://vault/c4n4ry/field }}",
        "a reference to 1Password",
        "op read",
    ),
    ("bw://c4n4ry", "a reference to Bitwarden", "bw get"),
    (
        "aws-sm://prod/c4n4ry",
        "a reference to AWS Secrets Manager",
        "aws secretsmanager",
    ),
    (
        "gcp-sm://projects/p/secrets/c4n4ry",
        "a reference to Google Secret Manager",
        "gcloud secrets",
    ),
    ("infisical://c4n4ry", "a reference to Infisical", "infisical"),
    (
        "ref+vault://secret/c4n4ry#/key",
        "a reference for vals",
        "vals get",
    ),
    ("ref+awsssm://c4n4ry", "a reference for vals", "vals get"),
    (
        "vault://secret/c4n4ry",
        "a reference to HashiCorp Vault",
        "vault kv get",
    ),
    (
        "vault:secret/data/c4n4ry#password",
        "a reference to HashiCorp Vault",
        "vault kv get",
    ),
    (
        "vault:v1:c4n4ryAAAA",
        "ciphertext of HashiCorp Vault",
        "transit/decrypt",
    ),
    (
        "ENC[AES256_GCM,data:c4n4ry==,iv:x=,tag:y=,type:str]",
        "ciphertext of SOPS",
        "sops -d",
    ),
    (
        "encrypted:BDc4n4ryYlj3nyQVUVrTN3oT1uQd3qI4cZHUCjzC2c4n4ry1234567890ab==",
        "ciphertext of dotenvx",
        "dotenvx get",
    ),
    (
        "$ANSIBLE_VAULT;1.1;AES256\n6338c4n4ry\n",
        "ciphertext of Ansible Vault",
        "ansible-vault view",
    ),
    (
        "-----BEGIN AGE ENCRYPTED FILE-----\nc4n4ry\n-----END AGE ENCRYPTED FILE-----\n",
        "a file that is encrypted with age",
        "age -d",
    ),
    (
        "exec('op read \"op://v/c4n4ry/f\"')",
        "a command to run",
        "COMMAND |",
    ),
    (
        "${{ secrets.c4n4ry }}",
        "an expression of GitHub Actions",
        "--from-env",
    ),
];

/// R139: each kind is refused from every source with the pipe that works, before any request, and
/// `--literal` stores it as it is.
#[test]
fn what_is_not_a_secret_yet_is_refused_from_every_source() {
    for (value, said, instead) in KINDS {
        for run in push_everywhere("SOME_NAME", value, "") {
            let run = run.exits(4).stderr_contains(said);
            // A file of such values has a pipe of its own.
            let pipes = [
                instead,
                "dot.env | amika secret push --from-file - --yes",
                "dotenv | amika",
                "env | amika",
            ];
            assert!(pipes.iter().any(|pipe| run.stderr.contains(pipe)), "{run:?}");
            assert!(run.stderr.contains("SOME_NAME"), "{run:?}");
        }
        for run in push_everywhere("SOME_NAME", value, "--literal") {
            run.exits(0);
        }
    }
}

/// R139: one message for all values of one kind in a file, with the pipe for the file.
#[test]
fn a_file_of_references_is_one_problem() {
    let sandbox = Sandbox::new();
    sandbox.write(
        "my app.env",
        "X=1\nA=op://v/c4n4ry/a\nB=op://v/c4n4ry/b\nC=op://v/c4n4ry/c\n",
    );
    let mut command = sandbox.command(["secret", "push", "--yes", "--from-file", "my app.env"]);
    let run = ran(command.output().unwrap()).exits(4).stderr_contains(
        "error: my app.env:2: the value of A is a reference to 1Password, not a secret; the same for B, C\n  \
         hint: push what it stands for with `op inject -i 'my app.env' | amika secret push --from-file - --yes`; \
         --literal pushes it as it is\n",
    );
    assert_eq!(run.stderr.matches("error:").count(), 1, "{run:?}");
    assert_eq!(sandbox.vault.writes(), 0);
    // What is left out is no problem.
    sandbox
        .run_with(
            "secret push --from-file - --only X --yes",
            "X=1\nA=op://v/c4n4ry/a\n",
        )
        .exits(0);
}

/// R139: a reference with a `#` is reported as a reference; with `--literal`, its `#` is what is refused.
#[test]
fn a_reference_with_a_hash_is_reported_as_a_reference() {
    let sandbox = Sandbox::new();
    sandbox.write(
        "x.env",
        "A=vault:secret/data/c4n4ry#key\nB=ref+vault://secret/c4n4ry#/key\n",
    );
    sandbox
        .run("secret push --from-file x.env --yes")
        .exits(4)
        .stderr_contains("x.env:1: the value of A is a reference to HashiCorp Vault, not a secret")
        .stderr_contains("x.env:2: the value of B is a reference for vals, not a secret");
    sandbox
        .run("secret push --from-file x.env --literal --yes")
        .exits(4)
        .stderr_contains(
            "x.env:1: invalid line: the value of A has a '#' at its start or without a space before it",
        );
}

/// R139: a file that SOPS encrypted is refused as a whole, once; so are files of age and Ansible Vault.
#[test]
fn an_encrypted_file_is_one_problem() {
    let dotenv = "DB=ENC[AES256_GCM,data:c4n4ry,iv:a=,tag:b=,type:str]\nPLAIN=1\nsops_version=3.9.0\nsops_mac=ENC[AES256_GCM,data:c4n4ry,iv:a=,tag:b=,type:str]\nsops_age__list_0__map_recipient=age1c4n4ry\n";
    let json = r#"{"DB": "ENC[AES256_GCM,data:c4n4ry,type:str]", "sops": {"mac": "ENC[AES256_GCM,data:c4n4ry,type:str]"}}"#;
    let yaml =
        "DB: ENC[AES256_GCM,data:c4n4ry,type:str]\nsops:\n    mac: ENC[AES256_GCM,data:c4n4ry,type:str]\n";
    let ansible = "$ANSIBLE_VAULT;1.1;AES256\n3236c4n4ry\n";
    let age = "-----BEGIN AGE ENCRYPTED FILE-----\nc4n4ry\n-----END AGE ENCRYPTED FILE-----\n";
    for (text, options, said) in [
        (
            dotenv,
            "",
            "sops -d --output-type dotenv x.env | amika secret push --from-file - --yes",
        ),
        (
            dotenv,
            "--strict",
            "sops -d --output-type dotenv x.env | amika secret push --from-file - --yes",
        ),
        (
            json,
            "--env-format json",
            "sops -d --output-type dotenv x.env | amika secret push --from-file - --yes",
        ),
        (
            json,
            "",
            "sops -d --output-type dotenv x.env | amika secret push --from-file - --yes",
        ),
        (
            yaml,
            "",
            "sops -d --output-type dotenv x.env | amika secret push --from-file - --yes",
        ),
        (ansible, "", "ansible-vault view x.env | amika"),
        (age, "", "age -d -i KEY x.env | amika"),
    ] {
        let sandbox = Sandbox::new();
        sandbox.write("x.env", text);
        let run = sandbox
            .run(&format!("secret push --from-file x.env --yes {options}"))
            .exits(4)
            .stderr_contains(said);
        assert_eq!(run.stderr.matches("error:").count(), 1, "{run:?}");
        assert_eq!(sandbox.vault.writes(), 0);
    }
    let sandbox = Sandbox::new();
    sandbox.write("x.env", b"age-encryption.org/v1\n-> X25519 \xff\xfe\n");
    sandbox
        .run("secret push --from-file x.env --yes")
        .exits(4)
        .stderr_contains("encrypted with age");
    sandbox
        .run("secret push --value-file A=x.env --yes")
        .exits(4)
        .stderr_contains("encrypted with age");
}

/// R139, R140: none of more than 300 values like those of real services is refused or warned about.
#[test]
fn ordinary_values_are_no_false_alarms() {
    let values: Vec<String> = serde_json::from_str(include_str!("../fixtures/values.json")).unwrap();
    assert!(values.len() >= 300);
    let named = values
        .iter()
        .enumerate()
        .map(|(index, value)| (format!("V_{index}"), value.as_str().into()));
    let sandbox = Sandbox::new();
    sandbox.write("x.json", serde_json::Value::Object(named.collect()).to_string());
    let run = sandbox
        .run("secret push --from-file x.json --env-format json --yes --strict --dry-run")
        .exits(0);
    assert!(run.stderr.is_empty(), "{run:?}");
}

/// R140: a placeholder is a warning, an error with `--strict`, and nothing with `--literal`.
#[test]
fn a_placeholder_is_a_warning() {
    for value in [
        "changeme",
        "CHANGE_ME",
        "your-api-key-here",
        "your_token",
        "YOUR_API_KEY",
        "<your token>",
        "<API_KEY>",
        "xxx",
        "XXXXXXXX",
        "xxxx-xxxx-xxxx",
        "TODO",
        "REPLACE_ME",
        "sk-...",
        "sk-xxxxxxxxxxxx",
        "ghp_xxxxxxxx",
        "...",
        "Your API key here",
    ] {
        for run in push_everywhere("SOME_NAME", value, "") {
            run.exits(0)
                .stderr_contains("warning: ")
                .stderr_contains("looks like a placeholder");
        }
        for run in push_everywhere("SOME_NAME", value, "--strict") {
            run.exits(4)
                .stderr_contains("error: ")
                .stderr_contains("looks like a placeholder");
        }
        for run in push_everywhere("SOME_NAME", value, "--literal --strict") {
            run.exits(0);
        }
    }
}

/// A JWT with this issuer.
fn jwt(issuer: &str) -> String {
    use base64::Engine;
    let part = |text: String| base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(text);
    format!(
        "{}.{}.c2ln",
        part("{}".to_owned()),
        part(serde_json::json!({ "iss": issuer, "sub": CANARY }).to_string())
    )
}

/// R141: a token of a login is refused under the name of an API key, and accepted under another name.
#[test]
fn a_token_of_a_login_is_no_api_key() {
    let openai = jwt("https://auth.openai.com");
    for (value, command) in [
        (
            "sk-ant-oat01-c4n4ry-c4n4ry-c4n4ry",
            "amika secret claude push --setup-token",
        ),
        (&openai, "amika secret codex push"),
        ("at-c4n4ry0123456789abcdef", "amika secret codex push"),
    ] {
        for name in [
            "ANTHROPIC_API_KEY",
            "CLAUDE_API_KEY",
            "OPENAI_API_KEY",
            "CODEX_API_KEY",
        ] {
            for run in push_everywhere(name, value, "") {
                run.exits(4)
                    .stderr_contains("no API key")
                    .stderr_contains(command);
            }
        }
        for (name, options) in [
            ("CLAUDE_CODE_OAUTH_TOKEN", "--strict"),
            ("OPENAI_API_KEY", "--literal"),
        ] {
            for run in push_everywhere(name, value, options) {
                run.exits(0);
            }
        }
    }
    // Other tokens and keys are the user's own matter; gateways take keys of another vendor.
    for (name, value, warns) in [
        ("OPENAI_API_KEY", jwt("https://gateway.example"), false),
        (
            "ANTHROPIC_API_KEY",
            "sk-ant-api03-c4n4ry-c4n4ry".to_owned(),
            false,
        ),
        ("OPENAI_API_KEY", "sk-proj-c4n4ry-c4n4ry-c4n4ry".to_owned(), false),
        ("OPENAI_API_KEY", "at-home".to_owned(), false),
        ("ANTHROPIC_API_KEY", "sk-litellm-c4n4ry".to_owned(), false),
        ("OPENAI_API_KEY", "sk-ant-api03-c4n4ry-c4n4ry".to_owned(), true),
        (
            "ANTHROPIC_API_KEY",
            "sk-proj-c4n4ry-c4n4ry-c4n4ry".to_owned(),
            true,
        ),
    ] {
        for run in push_everywhere(name, &value, "") {
            let run = run.exits(0);
            assert_eq!(run.stderr.contains("warning: "), warns, "{run:?}");
        }
    }
}

/// R147: `--value-file` stores a file as one value, repeatable, with the limits of files.
#[test]
fn a_file_is_stored_as_one_value() {
    let sandbox = Sandbox::new();
    sandbox.write(
        "sa.json",
        format!("{{\n  \"type\": \"service_account\",\n  \"private_key\": \"{CANARY}\"\n}}\n"),
    );
    sandbox.write("my key", "line\r\n");
    let mut command = sandbox.command([
        "secret",
        "push",
        "--yes",
        "--value-file",
        "SA=sa.json",
        "--value-file",
    ]);
    ran(command.arg("my-key=my key").output().unwrap())
        .exits(0)
        .stderr_contains("removed one trailing newline from my key");
    let expected = std::fs::read_to_string(sandbox.path("sa.json")).unwrap();
    assert_eq!(sandbox.vault.value("SA", "user"), Some(expected));
    assert_eq!(sandbox.vault.value("my-key", "user").as_deref(), Some("line"));
    sandbox
        .run_with("secret push --value-file A=- --yes", "x\n")
        .exits(0);
    assert_eq!(sandbox.vault.value("A", "user").as_deref(), Some("x"));
    for (argument, code, said) in [
        ("A", 2, "--value-file (number 1): expected NAME=PATH"),
        ("A=", 2, "expected NAME=PATH"),
        ("=x", 2, "expected NAME=PATH"),
        ("sk-ant-c4n4ryc4n4ryc4n4ry=x", 2, "expected NAME=PATH"),
        (
            "A=missing.pem",
            4,
            "failed reading --value-file missing.pem: no such file",
        ),
        (
            "A=hunter2",
            4,
            "failed reading --value-file (not shown, because it may be a secret): no such file",
        ),
        ("A=.", 4, "is a directory"),
        #[cfg(unix)]
        ("A=/dev/zero", 4, "is not a regular file"),
    ] {
        let run = sandbox
            .run(&format!("secret push --yes --value-file {argument}"))
            .exits(code);
        assert!(
            run.stderr.contains(said) && !run.stderr.contains("hunter2"),
            "{said}: {run:?}"
        );
    }
    sandbox.write("empty", "\n");
    sandbox
        .run("secret push --yes --value-file A=empty")
        .exits(4)
        .stderr_contains("the value of A (empty) is empty");
    sandbox.write("bom", "\u{feff}x");
    sandbox
        .run("secret push --yes --value-file A=bom")
        .exits(0)
        .stderr_contains("removed the byte order mark from bom");
    assert_eq!(sandbox.vault.value("A", "user").as_deref(), Some("x"));
    let utf16: Vec<u8> = "\u{feff}x".encode_utf16().flat_map(u16::to_le_bytes).collect();
    sandbox
        .run_with("secret push A --yes", utf16)
        .exits(4)
        .stderr_contains("standard input: not valid UTF-8: it is encoded as UTF-16")
        .stderr_contains("`iconv -f UTF-16 -t UTF-8 FILE`");
}

/// R146: an SSH key works after it was pushed, from a file and from standard input.
#[cfg(target_os = "linux")]
#[test]
fn an_ssh_key_arrives_whole() {
    if !crate::sandbox::has_tools(&["ssh-keygen"]) {
        return;
    }
    let sandbox = Sandbox::new();
    let generated = std::process::Command::new("ssh-keygen")
        .args(["-q", "-t", "ed25519", "-N", "", "-f"])
        .arg(sandbox.path("id"))
        .status();
    assert!(generated.unwrap().success());
    let key = std::fs::read_to_string(sandbox.path("id")).unwrap();
    sandbox.run("secret push --value-file FILE_KEY=id --yes").exits(0);
    sandbox.run_with("secret push STDIN_KEY --yes", &key).exits(0);
    for name in ["FILE_KEY", "STDIN_KEY"] {
        use std::os::unix::fs::PermissionsExt;
        let arrived = sandbox.write("arrived", sandbox.vault.value(name, "user").unwrap());
        std::fs::set_permissions(&arrived, std::fs::Permissions::from_mode(0o600)).unwrap();
        let public = std::process::Command::new("ssh-keygen")
            .arg("-y")
            .arg("-f")
            .arg(&arrived)
            .output()
            .unwrap();
        assert!(
            public.status.success(),
            "{}",
            String::from_utf8_lossy(&public.stderr)
        );
        assert!(public.stdout.starts_with(b"ssh-ed25519 "));
    }
}

/// R147: a value that other tools take for the path of a file is refused with the options for files; any other is
/// stored as it is.
#[test]
fn an_inline_value_that_means_a_file_is_refused() {
    let sandbox = Sandbox::new();
    sandbox.write("key.pem", CANARY);
    sandbox
        .run("secret push TLS_KEY=@key.pem --yes")
        .exits(4)
        .stderr_contains("--value-file TLS_KEY=FILE")
        .stderr_contains("amika secret push TLS_KEY --yes < FILE")
        .stderr_contains("--literal");
    sandbox
        .run_with("secret push K=- --yes", CANARY)
        .exits(4)
        .stderr_contains("--value-file K=FILE");
    assert_eq!(sandbox.vault.writes(), 0);
    for (argument, value) in [
        ("A=@no-such-file", "@no-such-file"),
        ("B=@", "@"),
        // On Windows it is not known whether standard input is empty.
        #[cfg(unix)]
        ("C=-", "-"),
        ("D=-x", "-x"),
        ("E=~/x", "~/x"),
    ] {
        sandbox.run(&format!("secret push {argument} --yes")).exits(0);
        assert_eq!(
            sandbox.vault.value(&argument[..1], "user").as_deref(),
            Some(value)
        );
    }
    sandbox.run("secret push F=@key.pem --literal --yes").exits(0);
    assert_eq!(sandbox.vault.value("F", "user").as_deref(), Some("@key.pem"));
    sandbox.run_with("secret push G=- --literal --yes", "x").exits(0);
    assert_eq!(sandbox.vault.value("G", "user").as_deref(), Some("-"));
}

/// A file on standard input without a name is answered with the option for it.
#[test]
fn a_file_on_standard_input_is_answered_with_its_option() {
    let sandbox = Sandbox::new();
    sandbox
        .run_with("secret push --yes", "A=1\n")
        .exits(2)
        .stderr_contains("--from-file -");
    let nothing = sandbox.run("secret push --yes").exits(2);
    // On Windows it is not known whether standard input is empty.
    assert!(
        cfg!(windows) || !nothing.stderr.contains("--from-file -;"),
        "{nothing:?}"
    );
}

/// R138: the program's own settings are pushed only by their exact name, never from a file or by a pattern.
#[test]
fn own_settings_are_never_pushed_by_pattern_or_from_a_file() {
    let sandbox = Sandbox::new();
    let mut command = sandbox.command(["secret", "push", "--from-env", "*_KEY", "--scope", "org", "--yes"]);
    ran(command.env("APP_KEY", "1").output().unwrap())
        .exits(0)
        .stderr_contains("warning: AMIKA_API_KEY is a setting of amika and was skipped");
    // What is left out is no warning.
    let excluded = "secret push --from-env *_KEY --exclude AMIKA_* --scope org --strict --yes";
    let mut command = sandbox.command(excluded.split(' '));
    ran(command.env("APP_KEY", "1").output().unwrap()).exits(0);
    sandbox.write(
        ".env",
        format!("A=1\nAMIKA_API_KEY={CANARY}\nexport AMIKA_API_URL='{CANARY}'\n"),
    );
    sandbox.write(
        "x.json",
        format!("{{\"B\": \"1\", \"AMIKA_API_KEY\": \"{CANARY}\"}}"),
    );
    sandbox
        .run("secret push --from-file .env --yes")
        .exits(0)
        .stderr_contains("warning: .env:2: AMIKA_API_KEY is a setting of amika and was skipped")
        .stderr_contains("; the same for AMIKA_API_URL\n");
    sandbox
        .run("secret push --from-file x.json --env-format json --yes")
        .exits(0);
    sandbox
        .run("secret push --from-file .env --env-format docker --only AMIKA_* --yes")
        .exits(4);
    let names: Vec<_> = sandbox
        .vault
        .stored("generic")
        .into_iter()
        .map(|secret| secret.name)
        .collect();
    assert_eq!(names, ["APP_KEY", "A", "B"]);
    sandbox.run("secret push --from-env AMIKA_API_KEY --yes").exits(0);
    sandbox.run("secret push AMIKA_OTHER=x --yes").exits(0);
    assert_eq!(sandbox.vault.stored("generic").len(), 5);
}

/// R17: a word that looks like a value never becomes a name and is never repeated, in no mode.
#[test]
fn a_value_never_becomes_a_name() {
    let sandbox = Sandbox::new();
    for word in [
        "sk-ant-api03-Zm9vYmFyMTIzNDU2Nzg5",
        "sk-proj-abcdefghijklmnop1",
        "ghp_abcdefghijklmnopqrst0123456789abcdef",
        "AKIAIOSFODNN7EXAMPLE",
        "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
        "d41d8cd98f00b204e9800998ecf8427e",
        "postgres://u:hunter2@h/d",
        "dana@example.invalid",
        "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2ln",
        "c2VjcmV0Ym9keQ==",
        "c2VjcmV0Ym9keTE=",
        "abc=",
    ] {
        for line in [
            "push W --yes",
            "push W -o json",
            "push W --dry-run",
            "push W",
            "push KEY=x W --yes",
            "push KEY W --yes",
        ] {
            let arguments = ["secret"]
                .into_iter()
                .chain(line.split(' '))
                .map(|part| if part == "W" { word } else { part });
            let run = ran(sandbox.command(arguments).output().unwrap()).exits(2);
            assert!(
                run.stderr.contains("argument ") && !run.stderr.contains(word),
                "{run:?}"
            );
        }
        // Wherever else it is given by mistake.
        for line in [
            "push --from-file W --yes",
            "push --from-env W --yes",
            "push A=1 --only W --yes",
            "push --value-file A=W --yes",
            "check --file W",
            "claude push --from-file W",
            "extract --homedir W",
            "extract --only W",
        ] {
            let arguments = ["secret".to_owned()]
                .into_iter()
                .chain(line.split(' ').map(|part| part.replace('W', word)));
            let run = ran(sandbox.command(arguments).output().unwrap());
            assert!(
                !run.stderr.contains(word) && !run.stdout.contains(word),
                "{line}: {run:?}"
            );
        }
        let run = ran(sandbox
            .bare_command(["auth", "login", "--api-key-file", word])
            .output()
            .unwrap())
        .exits(4);
        assert!(!run.stderr.contains(word), "{run:?}");
    }
    // After another argument, only a word in capital letters is a name.
    for word in ["hunter2", "my-key", "Hunter"] {
        let run = sandbox
            .run(&format!("secret push KEY=x {word} --yes"))
            .exits(2)
            .stderr_contains("argument 2: expected KEY=VALUE")
            .stderr_contains("after another argument, a name alone must be in capitals");
        assert!(!run.stderr.contains(word), "{run:?}");
    }
    sandbox
        .run("secret push A B --yes")
        .exits(2)
        .stderr_contains("standard input can be used for one value");
    sandbox
        .run("secret push EMPTY= --yes")
        .exits(4)
        .stderr_contains("the value of EMPTY (argument 1) is empty");
    assert_eq!(sandbox.vault.writes(), 0);
    sandbox.run_with("secret push my-key --yes", "x").exits(0);
    sandbox.run_with("secret push KEY=x B --yes", "x").exits(0);
}
