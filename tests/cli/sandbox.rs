//! An isolated environment for each test: a home, a vault, cleared variables.

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};

use tempfile::TempDir;

use crate::support::idp::TOKEN_MARK;
use crate::support::idp::now;
use crate::support::vault::{API_KEY, Vault};

/// Part of every secret value in these tests; output that contains it is a leak.
pub(crate) const CANARY: &str = "c4n4ry";

/// The variable with the home directory.
pub(crate) const HOME: &str = if cfg!(windows) { "USERPROFILE" } else { "HOME" };

pub(crate) const KEY_FILE: &str = ".local/state/amika/api-key.json";
pub(crate) const SESSION_FILE: &str = ".local/state/amika/workos-session.json";

pub(crate) struct Sandbox {
    root: TempDir,
    pub(crate) vault: Vault,
}

impl Sandbox {
    pub(crate) fn new() -> Self {
        Self {
            root: TempDir::new().unwrap(),
            vault: Vault::start(),
        }
    }

    /// The home and working directory of the commands.
    pub(crate) fn home(&self) -> &Path {
        self.root.path()
    }

    /// A file of the home; on Windows, the files of two tools are in `AppData`.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        let name = if cfg!(windows) {
            name.replace(".config/gh/", "AppData/Roaming/GitHub CLI/")
                .replace(".config/anthropic/", "AppData/Roaming/Anthropic/")
        } else {
            name.to_owned()
        };
        native(self.home().join(name))
    }

    pub(crate) fn write(&self, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, content).unwrap();
        path
    }

    /// Every file below the home.
    pub(crate) fn files(&self) -> Vec<PathBuf> {
        fn below(directory: &Path) -> Vec<PathBuf> {
            let paths = fs::read_dir(directory)
                .unwrap()
                .map(|entry| entry.unwrap().path());
            paths
                .flat_map(|path| if path.is_dir() { below(&path) } else { vec![path] })
                .collect()
        }
        below(self.home())
    }

    /// A command with a cleared environment, the vault and its API key.
    pub(crate) fn command<S: AsRef<OsStr>>(&self, arguments: impl IntoIterator<Item = S>) -> Command {
        let mut command = self.bare_command(arguments);
        command.env("AMIKA_API_KEY", API_KEY);
        command
    }

    /// As [`command`](Self::command), without an API key.
    #[expect(
        clippy::disallowed_methods,
        reason = "variables that every process needs on Windows"
    )]
    pub(crate) fn bare_command<S: AsRef<OsStr>>(&self, arguments: impl IntoIterator<Item = S>) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_amika"));
        command
            .args(arguments)
            .env_clear()
            .env(HOME, self.home())
            .env("AMIKA_API_URL", self.vault.origin())
            .env("AMIKA_WORKOS_URL", self.vault.origin())
            .env("AMIKA_KEYCHAIN", "off")
            .current_dir(self.home())
            .stdin(Stdio::null());
        // Windows cannot open a socket without it.
        if let Some(root) = std::env::var_os("SYSTEMROOT") {
            command.env("SYSTEMROOT", root);
            command.env("APPDATA", self.path("AppData/Roaming"));
        }
        command
    }

    /// A shell with the environment of [`command`](Self::command), which runs `script`.
    #[cfg(unix)]
    pub(crate) fn shell(&self, shell: &str, script: &str) -> Command {
        around(&self.command([""; 0]), shell, &["-c", script])
    }

    /// Runs a command line, split at spaces.
    pub(crate) fn run(&self, line: &str) -> Ran {
        ran(self.command(line.split_whitespace()).output().unwrap())
    }

    /// As [`run`](Self::run), with `input` as standard input.
    pub(crate) fn run_with(&self, line: &str, input: impl AsRef<[u8]>) -> Ran {
        feed(&mut self.command(line.split_whitespace()), input)
    }
}

/// For tests with a credential stored in the home.
impl Sandbox {
    /// Writes a session file as another program by Amika would, with a token that expires in
    /// `seconds`. Returns the refresh token.
    pub(crate) fn log_in(&self, seconds: i64) -> String {
        let (access_token, refresh_token) = self.vault.log_in();
        let session = serde_json::json!({
            "access_token": access_token,
            "refresh_token": refresh_token,
            "user_id": "user_1",
            "email": "person@example.invalid",
            "organization_id": "org_1",
            "expires_at": jiff::Timestamp::from_second(now() + seconds).unwrap().to_string(),
            "api_url": self.vault.origin(),
            "theirs": { "kept": true },
        });
        self.write(SESSION_FILE, session.to_string());
        refresh_token
    }

    /// Reads the session file.
    pub(crate) fn session(&self) -> serde_json::Value {
        serde_json::from_slice(&fs::read(self.home().join(SESSION_FILE)).unwrap()).unwrap()
    }

    /// Writes a key file.
    pub(crate) fn store_key(&self, key: &str, origin: &str) {
        let content = serde_json::json!({
            "key": key, "stored_at": "2026-01-01T00:00:00Z", "api_url": origin, "theirs": 1,
        });
        self.write(KEY_FILE, content.to_string());
    }

    /// Runs without an API key in the environment, with the stored credential.
    pub(crate) fn run_stored(&self, line: &str) -> Ran {
        ran(self.bare_command(line.split_whitespace()).output().unwrap())
    }
}

/// A port that refuses connections: bound without listening, so that no other program can take it.
pub(crate) struct ClosedPort(socket2::Socket);

impl ClosedPort {
    pub(crate) fn new() -> Self {
        let socket = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None).unwrap();
        let any_port = std::net::SocketAddr::from(([127, 0, 0, 1], 0));
        socket.bind(&any_port.into()).unwrap();
        Self(socket)
    }

    pub(crate) fn address(&self) -> std::net::SocketAddr {
        self.0.local_addr().unwrap().as_socket().unwrap()
    }
}

/// Runs `command` with `input` as standard input.
pub(crate) fn feed(command: &mut Command, input: impl AsRef<[u8]>) -> Ran {
    use std::io::Write;
    let mut child = start(command.stdin(Stdio::piped()));
    // A command that does not read its input breaks the pipe.
    let _ = child.stdin.take().unwrap().write_all(input.as_ref());
    ran(child.wait_with_output().unwrap())
}

/// Starts `command` with both outputs captured.
pub(crate) fn start(command: &mut Command) -> Child {
    command
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap()
}

/// `program` with these arguments and then the path and arguments of `command`, so that it can run it. It has the
/// environment and directory of `command`, and `amika` and the system's tools in its `PATH`.
#[cfg(unix)]
pub(crate) fn around(command: &Command, program: &str, arguments: &[&str]) -> Command {
    let amika = Path::new(command.get_program()).parent().unwrap();
    let path = format!("{}:/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin", amika.display());
    let mut outer = Command::new(program);
    outer
        .args(arguments)
        .arg(command.get_program())
        .args(command.get_args())
        .env_clear()
        .env("PATH", path)
        .envs(
            command
                .get_envs()
                .filter_map(|(name, value)| Some((name, value?))),
        );
    outer.current_dir(command.get_current_dir().unwrap());
    outer
}

/// Runs a command with the sandbox's `etc` in place of `/etc`, in a mount namespace. Prints a message
/// and returns `None` if that is not permitted.
#[cfg(target_os = "linux")]
pub(crate) fn with_etc(sandbox: &Sandbox, command: &Command) -> Option<Ran> {
    let mount = "mount --bind \"$ETC\" /etc && exec \"$0\" \"$@\"";
    let mut inside = around(command, "unshare", &["-rm", "sh", "-c", mount]);
    inside.env("ETC", sandbox.home().join("etc"));
    match inside.output().map(ran) {
        Ok(run) if !run.stderr.contains("unshare:") && !run.stderr.contains("mount:") => Some(run),
        _ => {
            skip("no mount namespace is permitted here");
            None
        }
    }
}

/// Whether the tools that a test needs are installed. If not, the test is skipped, or fails in CI.
#[cfg(target_os = "linux")]
#[track_caller]
#[expect(clippy::disallowed_methods, reason = "the tools of this machine")]
pub(crate) fn has_tools(tools: &[&str]) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    // Debian has servers in a directory that is often missing in `PATH`.
    let directories: Vec<_> = std::env::split_paths(&path)
        .chain([PathBuf::from("/usr/sbin")])
        .collect();
    let installed = |tool: &str| directories.iter().any(|directory| directory.join(tool).is_file());
    let missing = tools.iter().find(|tool| !installed(tool));
    if let Some(tool) = missing {
        skip(&format!("{tool} is not installed"));
    }
    missing.is_none()
}

/// Reports that a test is skipped, bypassing the test's output capture, and how many were skipped so far.
/// In CI, where `.ci/run` installs every tool, the test fails.
#[cfg(target_os = "linux")]
#[track_caller]
#[expect(clippy::disallowed_methods, reason = "the environment of the tests")]
pub(crate) fn skip(why: &str) {
    use std::sync::atomic::{AtomicUsize, Ordering};
    static SKIPPED: AtomicUsize = AtomicUsize::new(0);
    let in_ci = std::env::var_os("CI").is_some();
    assert!(!in_ci, "{why}, and CI skips no test");
    let count = SKIPPED.fetch_add(1, Ordering::Relaxed) + 1;
    let place = std::panic::Location::caller();
    let line = format!("SKIPPED {count}: {why} ({place})\n");
    std::io::Write::write_all(&mut std::io::stderr(), line.as_bytes()).unwrap();
}

/// Sends a signal, such as `INT`, to a running command.
#[cfg(unix)]
pub(crate) fn send_signal(child: &Child, signal: &str) {
    let sent = Command::new("kill")
        .args(["-s", signal, &child.id().to_string()])
        .status();
    assert!(sent.unwrap().success());
}

/// The result of a command.
#[derive(Debug)]
pub(crate) struct Ran {
    pub(crate) code: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

/// Converts the output to text and checks that it contains no secret value.
pub(crate) fn ran(output: Output) -> Ran {
    let ran = Ran {
        code: output.status.code().expect("the command exited without a signal"),
        stdout: String::from_utf8(output.stdout).unwrap(),
        stderr: String::from_utf8(output.stderr).unwrap(),
    };
    for stream in [&ran.stdout, &ran.stderr] {
        assert!(!stream.contains(CANARY), "a secret leaked: {ran:?}");
        assert!(!stream.contains(TOKEN_MARK), "a token leaked: {ran:?}");
        assert!(!stream.contains("YzRuNHJ5"), "a secret leaked in base64: {ran:?}");
    }
    ran
}

/// Runs a command that must end within this time.
pub(crate) fn ran_within(command: &mut Command, limit: std::time::Duration) -> Ran {
    let child = start(command);
    let id = child.id();
    let (sender, ended) = std::sync::mpsc::channel();
    std::thread::spawn(move || sender.send(child.wait_with_output().unwrap()));
    let Ok(output) = ended.recv_timeout(limit) else {
        let _ = Command::new("kill").arg(id.to_string()).status();
        panic!("it takes more than {limit:?}")
    };
    ran(output)
}

/// A path with the separators of this system.
pub(crate) fn native(path: impl AsRef<Path>) -> PathBuf {
    path.as_ref().components().collect()
}

/// Converts paths below the home to the form of this system.
fn as_shown(text: &str) -> String {
    let spelled = |word: &str| {
        if cfg!(windows) && word.contains("~/") {
            word.replace('/', "\\")
        } else {
            word.to_owned()
        }
    };
    text.split_inclusive(' ').map(spelled).collect()
}

impl Ran {
    /// Standard error without the notice that the keychain is off, which extract prints on macOS only.
    pub(crate) fn messages(&self) -> String {
        let lines = self.stderr.split_inclusive('\n');
        lines
            .filter(|line| !line.contains("AMIKA_KEYCHAIN is off"))
            .collect()
    }

    #[track_caller]
    pub(crate) fn exits(self, code: i32) -> Self {
        assert_eq!(
            self.code, code,
            "stdout: {}\nstderr: {}",
            self.stdout, self.stderr
        );
        self
    }

    #[track_caller]
    pub(crate) fn stdout_contains(self, part: &str) -> Self {
        let part = as_shown(part);
        assert!(
            self.stdout.contains(&part),
            "no {part:?} in stdout: {}\nstderr: {}",
            self.stdout,
            self.stderr
        );
        self
    }

    #[track_caller]
    pub(crate) fn stderr_contains(self, part: &str) -> Self {
        let part = as_shown(part);
        assert!(
            self.stderr.contains(&part),
            "no {part:?} in stderr: {}\nstdout: {}",
            self.stderr,
            self.stdout
        );
        self
    }

    /// The error of a command with JSON output.
    #[track_caller]
    pub(crate) fn error(&self) -> serde_json::Value {
        let whole: Option<serde_json::Value> = serde_json::from_str(&self.stderr).ok();
        let error = whole.and_then(|mut whole| Some(whole.get_mut("error")?.take()));
        error.unwrap_or_else(|| panic!("not one error in JSON: {}", self.stderr))
    }

    #[track_caller]
    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|_| panic!("not one JSON value: {}", self.stdout))
    }
}
