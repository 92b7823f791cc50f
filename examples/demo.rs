//! The everyday story, told by the real program on a vault that lives inside this process:
//! `cargo run --example demo`.
#![expect(clippy::print_stdout, clippy::disallowed_methods, reason = "it tells a story")]

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

#[path = "../tests/support/mod.rs"]
mod support;

use support::vault::{API_KEY, Vault};

const ENV_FILE: &str = "\
# what the application needs
export DATABASE_URL=\"postgres://app:s3cret@db.example/app\"
GREETING='hello world'
BCRYPT_HASH='$2a$10$TWov/x'
";

/// As Claude Code keeps it on Linux; the tokens are made up.
const CLAUDE_LOGIN: &str = r#"{"claudeAiOauth":{"accessToken":"sk-ant-oat01-made-up","refreshToken":"sk-ant-ort01-made-up","expiresAt":4102444800000,"scopes":["user:inference"]}}"#;
const CODEX_LOGIN: &str = r#"{"auth_mode":"apikey","OPENAI_API_KEY":"sk-proj-made-up"}"#;

fn main() {
    let binary = build();
    let vault = Vault::start();
    let directory = tempfile::tempdir().expect("a temporary directory");
    fs::write(directory.path().join(".env"), ENV_FILE).expect("a file can be written");
    let story = Story {
        binary: &binary,
        vault: &vault,
        directory: directory.path(),
    };

    println!("# A vault is running on {}; here is a .env file:", vault.origin());
    println!("{ENV_FILE}");
    story.run(
        "Look first: nothing is written.",
        "amika secret push --from-file .env --dry-run",
    );
    story.run("Push it.", "amika secret push --from-file .env --yes");
    story.run(
        "From the environment, as in CI.",
        "REDIS_URL=redis://cache amika secret push --from-env REDIS_URL --yes -o json",
    );
    story.run(
        "From standard input, for the whole organisation.",
        "printf 'key material' | amika secret push TLS_KEY --scope org --yes",
    );
    story.run("What is there?", "amika secret list");
    story.run(
        "The same name in the other scope is never touched by accident.",
        "amika secret push TLS_KEY=x --yes",
    );
    story.run("Away with one.", "amika secret delete GREETING --yes");

    println!("# Give your sandbox your Claude login. Claude Code and Codex are logged in here:\n");
    for (file, login) in [
        (".claude/.credentials.json", CLAUDE_LOGIN),
        (".codex/auth.json", CODEX_LOGIN),
    ] {
        let path = directory.path().join(file);
        fs::create_dir_all(path.parent().expect("it has a parent")).expect("a directory can be made");
        fs::write(path, login).expect("a file can be written");
    }
    story.run("What is on this laptop?", "amika secret extract");
    story.run(
        "The whole login, so that it can be renewed.",
        "amika secret claude push --type oauth",
    );
    story.run(
        "The key of Codex, as it is.",
        "amika secret codex push --type api_key",
    );
    story.run(
        "Once more? Only on purpose; the old one comes back if the new one cannot be stored.",
        "amika secret claude push --type oauth --force",
    );
    story.run("What will a sandbox be given?", "amika secret claude list");

    println!("# So far with AMIKA_API_KEY. Now with a login; the provider is played by the vault, too.\n");
    story.run(
        "The code would be entered in a browser.",
        "env -u AMIKA_API_KEY amika auth login",
    );
    story.run("Who am I?", "env -u AMIKA_API_KEY amika auth status --check");
    story.run("And out again.", "env -u AMIKA_API_KEY amika auth logout");

    println!("# What the vault holds now, byte for byte:");
    for family in ["generic", "claude", "codex"] {
        for stored in vault.stored(family) {
            println!("{} ({}) = {}", stored.name, stored.scope, stored.value);
        }
    }
}

struct Story<'a> {
    binary: &'a Path,
    vault: &'a Vault,
    directory: &'a Path,
}

impl Story<'_> {
    /// Shows a command line, and runs it with nothing of this machine's environment but the path.
    fn run(&self, title: &str, line: &str) {
        println!("# {title}\n$ {line}");
        let place = self.binary.parent().expect("the binary is in a directory");
        let path = format!(
            "{}:{}",
            place.display(),
            std::env::var("PATH").unwrap_or_default()
        );
        let status = Command::new("sh")
            .args(["-c", &format!("exec 2>&1; {line}")])
            .current_dir(self.directory)
            .env_clear()
            .envs([("PATH", path.as_str()), ("AMIKA_API_KEY", API_KEY)])
            .env("HOME", self.directory)
            .env("AMIKA_API_URL", self.vault.origin())
            .env("AMIKA_WORKOS_URL", self.vault.origin())
            .stdin(Stdio::null())
            .status()
            .expect("a shell is there");
        println!("(exit {})\n", status.code().unwrap_or(-1));
    }
}

/// Builds the program and gives its path: an example does not come with its package's binary.
fn build() -> std::path::PathBuf {
    let example = std::env::current_exe().expect("this program has a path");
    let target = example
        .ancestors()
        .nth(2)
        .expect("examples lie in target/PROFILE/examples");
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = Command::new(cargo);
    command
        .args(["build", "--quiet", "--locked", "--bin", "amika"])
        .current_dir(env!("CARGO_MANIFEST_DIR"));
    if target.ends_with("release") {
        command.arg("--release");
    }
    assert!(
        command.status().is_ok_and(|status| status.success()),
        "amika builds"
    );
    target.join(format!("amika{}", std::env::consts::EXE_SUFFIX))
}
