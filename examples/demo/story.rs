//! The steps of the demo, and how they are run. The recording in the README shows some of them.

use std::fs;
use std::io::{Read, Write};
use std::path::PathBuf;
use std::process::{Command, Stdio};

use tempfile::TempDir;

use crate::support::vault::{API_KEY, Vault};

pub(crate) const ENV_FILE: &str = "\
# what the application needs
export DATABASE_URL=\"postgres://app:s3cret@db.example/app\"
GREETING='hello world'
BCRYPT_HASH='$2a$10$TWov/x'
";

/// Stored as by Claude Code on Linux; the tokens are made up.
const CLAUDE_LOGIN: &str = r#"{"claudeAiOauth":{"accessToken":"sk-ant-oat01-made-up","refreshToken":"sk-ant-ort01-made-up","expiresAt":4102444800000,"scopes":["user:inference"]}}"#;
const CODEX_LOGIN: &str = r#"{"auth_mode":"apikey","OPENAI_API_KEY":"sk-proj-made-up"}"#;

/// One command of the demo.
pub(crate) struct Step {
    /// The comment above the command.
    pub(crate) title: &'static str,
    /// The arguments, separated by spaces.
    arguments: &'static str,
    /// A variable that is set for this command only.
    variable: Option<(&'static str, &'static str)>,
    /// The standard input.
    input: Option<&'static str>,
    /// Whether `AMIKA_API_KEY` is set; without it, the stored login is used.
    has_api_key: bool,
}

impl Step {
    const fn new(title: &'static str, arguments: &'static str) -> Self {
        Self {
            title,
            arguments,
            variable: None,
            input: None,
            has_api_key: true,
        }
    }

    const fn with_variable(self, name: &'static str, value: &'static str) -> Self {
        Self {
            variable: Some((name, value)),
            ..self
        }
    }

    const fn with_input(self, input: &'static str) -> Self {
        Self {
            input: Some(input),
            ..self
        }
    }

    const fn with_stored_login(self) -> Self {
        Self {
            has_api_key: false,
            ..self
        }
    }

    /// The command as typed in a shell.
    pub(crate) fn line(&self) -> String {
        let input = self.input.map(|input| format!("printf '{input}' | "));
        let variable = self.variable.map(|(name, value)| format!("{name}={value} "));
        format!(
            "{}{}amika {}",
            input.unwrap_or_default(),
            variable.unwrap_or_default(),
            self.arguments
        )
    }
}

pub(crate) const STEPS: &[Step] = &[
    Step::new(
        "Preview the push; nothing is written.",
        "secret push --from-file .env --dry-run",
    ),
    Step::new("Push the file.", "secret push --from-file .env --yes"),
    Step::new(
        "Push a variable, as in CI.",
        "secret push --from-env REDIS_URL --yes -o json",
    )
    .with_variable("REDIS_URL", "redis://cache"),
    Step::new(
        "Push a value from standard input, for the whole organisation.",
        "secret push TLS_KEY --scope org --yes",
    )
    .with_input("key material"),
    Step::new("List the secrets.", "secret list"),
    Step::new(
        "A name that exists only in the other scope is a conflict.",
        "secret push TLS_KEY=x --yes",
    ),
    Step::new("Delete a secret.", "secret delete GREETING --yes"),
    Step::new(
        "Claude Code and Codex are logged in on this laptop. List their credentials.",
        "secret extract",
    ),
    Step::new(
        "Share the Claude login of this laptop with your sandbox.",
        "secret claude push --type oauth",
    ),
    Step::new("Push the API key of Codex.", "secret codex push --type api_key"),
    Step::new(
        "Replace it with --force; if the new one cannot be stored, the old one is restored.",
        "secret claude push --type oauth --force",
    ),
    Step::new("List the Claude credentials.", "secret claude list"),
    Step::new(
        "Log in without AMIKA_API_KEY. The demo vault approves the code that you would enter in a browser.",
        "auth login",
    )
    .with_stored_login(),
    Step::new("Show which credential is used.", "auth status --check").with_stored_login(),
    Step::new("Log out.", "auth logout").with_stored_login(),
];

/// The combined output of a command and its exit code.
pub(crate) struct Ran {
    pub(crate) output: String,
    pub(crate) code: i32,
}

/// A vault and the home in which the steps run.
pub(crate) struct Story {
    program: PathBuf,
    pub(crate) vault: Vault,
    home: TempDir,
}

impl Story {
    pub(crate) fn new(program: PathBuf) -> Self {
        let home = TempDir::new().expect("a temporary directory");
        for (name, content) in [
            (".env", ENV_FILE),
            (".claude/.credentials.json", CLAUDE_LOGIN),
            (".codex/auth.json", CODEX_LOGIN),
        ] {
            let path = home.path().join(name);
            let directory = path.parent().expect("the file is in the home");
            fs::create_dir_all(directory).expect("a directory can be made");
            fs::write(path, content).expect("a file can be written");
        }
        Self {
            program,
            vault: Vault::start(),
            home,
        }
    }

    /// Runs a step with a cleared environment.
    #[expect(
        clippy::disallowed_methods,
        reason = "programs on Windows cannot open a socket without SYSTEMROOT"
    )]
    pub(crate) fn run(&self, step: &Step) -> Ran {
        let (mut reader, writer) = std::io::pipe().expect("a pipe can be opened");
        let mut command = Command::new(&self.program);
        command
            .args(step.arguments.split_whitespace())
            .current_dir(self.home.path())
            .env_clear()
            .envs(std::env::var_os("SYSTEMROOT").map(|root| ("SYSTEMROOT", root)))
            .env("HOME", self.home.path())
            .env("USERPROFILE", self.home.path())
            .env("AMIKA_API_URL", self.vault.origin())
            .env("AMIKA_WORKOS_URL", self.vault.origin())
            .env("AMIKA_KEYCHAIN", "off")
            .envs(step.has_api_key.then_some(("AMIKA_API_KEY", API_KEY)))
            .envs(step.variable)
            .stdin(if step.input.is_some() {
                Stdio::piped()
            } else {
                Stdio::null()
            })
            .stdout(writer.try_clone().expect("a pipe can be cloned"))
            .stderr(writer);
        let mut child = command.spawn().expect("the program starts");
        // The command holds write ends of the pipe, which must be closed before it can end.
        drop(command);
        if let (Some(mut stdin), Some(input)) = (child.stdin.take(), step.input) {
            stdin
                .write_all(input.as_bytes())
                .expect("the program reads its input");
        }
        let mut output = String::new();
        reader
            .read_to_string(&mut output)
            .expect("the program prints text");
        let status = child.wait().expect("the program ends");
        Ran {
            output,
            code: status.code().unwrap_or(-1),
        }
    }
}
