//! The recipes of `docs/recipes.md`, run by a shell with the tools that are there.

use crate::sandbox::{CANARY, Ran, Sandbox, has_tools, ran};

fn bash(sandbox: &Sandbox, line: &str) -> Ran {
    ran(sandbox.shell("bash", line).output().unwrap())
}

/// The value of a secret of the user.
fn stored(sandbox: &Sandbox, name: &str) -> String {
    sandbox
        .vault
        .value(name, "user")
        .unwrap_or_else(|| panic!("{name} is not stored"))
}

#[test]
fn variables_are_expanded_by_the_shell() {
    let sandbox = Sandbox::new();
    sandbox.write(
        ".env",
        format!("HOST=db.example\nURL=postgres://{CANARY}@${{HOST}}/app\n"),
    );
    bash(
        &sandbox,
        "set -a; . ./.env; set +a; amika secret push --from-env HOST,URL --yes",
    )
    .exits(0);
    assert_eq!(
        stored(&sandbox, "URL"),
        format!("postgres://{CANARY}@db.example/app")
    );
    // The warning about it names this way.
    bash(&sandbox, "amika secret push --from-file .env --yes")
        .exits(0)
        .stderr_contains("set -a; . ./.env; set +a");
}

#[test]
fn an_age_file_is_decrypted_on_the_way() {
    if !has_tools(&["age", "age-keygen"]) {
        return;
    }
    let sandbox = Sandbox::new();
    sandbox.write("plain.env", format!("A={CANARY}\n"));
    let encrypt = "age-keygen -o key.txt 2>/dev/null && age -R <(age-keygen -y key.txt) -o env.age plain.env";
    bash(&sandbox, encrypt).exits(0);
    bash(&sandbox, "amika secret push --from-file env.age --yes")
        .exits(4)
        .stderr_contains("age -d -i KEY env.age");
    bash(
        &sandbox,
        "age -d -i key.txt env.age | amika secret push --from-file - --yes",
    )
    .exits(0);
    assert_eq!(stored(&sandbox, "A"), CANARY);
    bash(
        &sandbox,
        "amika secret push --from-file <(age -d -i key.txt env.age) --yes",
    )
    .exits(0);
    // The private key itself is a secret like any other.
    bash(
        &sandbox,
        "amika secret push SOPS_AGE_KEY=$(tail -n 1 key.txt) --strict --yes",
    )
    .exits(0);
    bash(&sandbox, "age -a -R <(age-keygen -y key.txt) -o armored.age plain.env; amika secret push --from-file armored.age --yes")
        .exits(4)
        .stderr_contains("age -d -i KEY armored.age | amika secret push --from-file - --yes");
}

#[test]
fn a_token_of_gh_is_piped() {
    if !has_tools(&["gh"]) {
        return;
    }
    let sandbox = Sandbox::new();
    let line = format!("GH_TOKEN=gho_{CANARY} gh auth token | amika secret push GITHUB_TOKEN --yes");
    bash(&sandbox, &line).exits(0);
    assert_eq!(stored(&sandbox, "GITHUB_TOKEN"), format!("gho_{CANARY}"));
}

#[test]
fn the_variables_of_direnv_are_taken_by_name() {
    if !has_tools(&["direnv"]) {
        return;
    }
    let sandbox = Sandbox::new();
    sandbox.write("repo/.envrc", format!("export DB_URL={CANARY}\nexport OTHER=1\n"));
    bash(
        &sandbox,
        "direnv allow repo && direnv exec repo amika secret push --from-env 'DB_*' --yes",
    )
    .exits(0);
    assert_eq!(stored(&sandbox, "DB_URL"), CANARY);
    assert_eq!(sandbox.vault.stored("generic").len(), 1);
}

#[test]
fn an_entry_of_pass_is_piped() {
    if !has_tools(&["pass", "gpg"]) {
        return;
    }
    let sandbox = Sandbox::new();
    let line = format!(
        "export GNUPGHOME=$HOME/g && mkdir -m 700 g && gpg --batch -q --passphrase '' --quick-gen-key t@example.invalid \
         2>/dev/null && pass init t@example.invalid >/dev/null && echo {CANARY} | pass insert -e db/url >/dev/null && \
         pass show db/url | amika secret push DATABASE_URL --yes; code=$?; gpgconf --kill all; exit $code"
    );
    bash(&sandbox, &line).exits(0);
    assert_eq!(stored(&sandbox, "DATABASE_URL"), CANARY);
}

#[test]
fn a_rotation_is_the_same_command_again() {
    let sandbox = Sandbox::new();
    for value in ["old", "new"] {
        bash(
            &sandbox,
            &format!("DATABASE_URL={value} amika secret push --from-env DATABASE_URL --strict --yes"),
        )
        .exits(0);
        assert_eq!(stored(&sandbox, "DATABASE_URL"), value);
    }
    assert_eq!(sandbox.vault.stored("generic").len(), 1);
}

#[test]
fn a_directory_of_its_own_is_a_second_account() {
    let sandbox = Sandbox::new();
    let line = "unset AMIKA_API_KEY; AMIKA_STATE_DIRECTORY=$HOME/work amika auth login --api-key-file key";
    sandbox.write("key", crate::support::vault::API_KEY);
    bash(&sandbox, line).exits(0);
    bash(
        &sandbox,
        "unset AMIKA_API_KEY; AMIKA_STATE_DIRECTORY=$HOME/work amika secret push A=1 --yes",
    )
    .exits(0);
    bash(&sandbox, "unset AMIKA_API_KEY; amika secret push A=1 --yes").exits(3);
}

/// Every kind of value that `push` refuses is in the table of the document.
#[test]
fn the_document_names_every_kind() {
    let document = include_str!("../../docs/recipes.md");
    for kind in [
        "op://",
        "bw://",
        "aws-sm://",
        "gcp-sm://",
        "infisical://",
        "vault://",
        "vault:v1:",
        "vault:PATH#KEY",
        "ref+",
        "ENC[AES256_GCM,",
        "encrypted:",
        "$ANSIBLE_VAULT;",
        "AGE ENCRYPTED FILE",
        "exec('",
        "${{",
        "sops_mac",
        "changeme",
        "sk-ant-oat",
        "auth.openai.com",
        "at-",
    ] {
        assert!(document.contains(kind), "{kind}");
    }
}
