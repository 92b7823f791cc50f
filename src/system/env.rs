//! The process's environment as one value: arguments, variables, home, clock, terminals, standard input.
//! Other modules do not query the system for these, so that a test can replace them.

use std::collections::HashMap;
use std::ffi::{OsStr, OsString};
use std::io::{self, BufRead, IsTerminal, Read};
use std::path::{Path, PathBuf};
use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::oneshot;

use crate::error::{Error, Result};

/// Maximum length of an answer on standard input, in bytes.
const MAX_LINE: u64 = 4096;

/// The arguments, variables and streams of the process.
pub(crate) struct Env {
    /// The command line, starting with the program name.
    pub(crate) arguments: Vec<OsString>,
    /// The path of this program, used to start a second process.
    pub(crate) program: Option<PathBuf>,
    pub(crate) variables: HashMap<OsString, OsString>,
    pub(crate) home: Option<PathBuf>,
    /// Whether the home directory is that of the person who runs the program.
    is_own_home: bool,
    /// The working directory.
    pub(crate) directory: Option<PathBuf>,
    /// The root of the file system, used for machine-wide configuration; `None` if that is not to be
    /// read.
    root: Option<PathBuf>,
    pub(crate) platform: Platform,
    pub(crate) terminals: Terminals,
    pub(crate) now: fn() -> Timestamp,
}

/// The kind of system; programs keep their files in a different place on each.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Platform {
    /// Linux and every Unix except macOS.
    Unix,
    MacOs,
    Windows,
}

/// Which of the standard streams are a terminal.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Terminals {
    pub(crate) stdin: bool,
    pub(crate) stdout: bool,
    pub(crate) stderr: bool,
}

impl Env {
    /// The environment of this process.
    #[expect(clippy::disallowed_methods, reason = "other modules use Env")]
    pub(crate) fn system() -> Self {
        Self {
            arguments: std::env::args_os().collect(),
            program: std::env::current_exe().ok(),
            variables: std::env::vars_os()
                .map(|(name, value)| (key(&name), value))
                .collect(),
            home: home_directory(),
            is_own_home: true,
            directory: std::env::current_dir().ok(),
            root: Some(PathBuf::from(if cfg!(windows) { "C:\\" } else { "/" })),
            platform: if cfg!(target_os = "macos") {
                Platform::MacOs
            } else if cfg!(windows) {
                Platform::Windows
            } else {
                Platform::Unix
            },
            terminals: Terminals {
                stdin: io::stdin().is_terminal(),
                stdout: io::stdout().is_terminal(),
                stderr: io::stderr().is_terminal(),
            },
            now: Timestamp::now,
        }
    }

    /// An environment with this home directory only: without arguments, variables, working directory
    /// and machine-wide files.
    pub(crate) fn elsewhere(&self, home: &Path) -> Self {
        Self {
            arguments: Vec::new(),
            program: None,
            variables: HashMap::new(),
            home: Some(home.to_owned()),
            is_own_home: false,
            directory: None,
            root: None,
            ..*self
        }
    }

    /// The environment to run a tool in, with `variable` set to the `directory` for its files, and without
    /// variables whose names start with one of `prefixes`, in any case.
    pub(crate) fn of_tool(&self, prefixes: &[&str], variable: &str, directory: &Path) -> Self {
        let is_left = |name: &OsStr| {
            let name = name.to_string_lossy().to_uppercase();
            !prefixes.iter().any(|prefix| name.starts_with(prefix))
        };
        let mut variables = self.variables.clone();
        variables.retain(|name, _| is_left(name));
        variables.insert(key(OsStr::new(variable)), directory.into());
        Self {
            variables,
            root: self.root.clone(),
            ..self.elsewhere(directory)
        }
    }

    /// Finds a program in an absolute directory of `PATH`.
    pub(crate) fn find_program(&self, name: &str) -> Option<PathBuf> {
        let endings = if cfg!(windows) { ".exe .cmd .bat" } else { "" };
        let names = endings.split(' ').map(|ending| format!("{name}{ending}"));
        let directories = std::env::split_paths(self.variable("PATH")?);
        let mut paths = directories
            .filter(|directory| directory.is_absolute())
            .flat_map(|directory| names.clone().map(move |name| directory.join(name)));
        #[cfg(unix)]
        let may_run = |path: &Path| rustix::fs::access(path, rustix::fs::Access::EXEC_OK).is_ok();
        #[cfg(not(unix))]
        let may_run = |_: &Path| true;
        paths.find(|path| path.is_file() && may_run(path))
    }

    /// The path in a variable; an empty variable counts as unset.
    pub(crate) fn path(&self, variable: &str) -> Option<PathBuf> {
        self.variable(variable)
            .filter(|path| !path.is_empty())
            .map(PathBuf::from)
    }

    /// A machine-wide file; `path` is relative to the root of the file system.
    pub(crate) fn system_path(&self, path: &str) -> Option<PathBuf> {
        self.root.as_ref().map(|root| root.join(path))
    }

    /// The name of the user, from a variable or from the home directory.
    pub(crate) fn user_name(&self) -> &OsStr {
        let variable = ["USER", "LOGNAME"].iter().find_map(|name| self.variable(name));
        let home = || self.home.as_deref()?.file_name();
        variable.or_else(home).unwrap_or_default()
    }

    /// Whether a variable is set and not empty.
    pub(crate) fn is_set(&self, variable: &str) -> bool {
        self.path(variable).is_some()
    }

    /// Whether the program runs in a CI job, where nobody can answer a question.
    pub(crate) fn is_ci(&self) -> bool {
        let ci = self.variable("CI");
        ci.is_some_and(|ci| !["", "0", "false"].iter().any(|off| ci == *off))
    }

    /// The directory that `~` stands for in a message: this person's home directory.
    pub(crate) fn tilde(&self) -> Option<&Path> {
        self.home.as_deref().filter(|_| self.is_own_home)
    }

    /// Expands `~/…`, which shells leave unchanged in `--from-file=~/x`.
    pub(crate) fn expand_home(&self, path: &Path) -> PathBuf {
        match (path.strip_prefix("~"), &self.home) {
            (Ok(rest), Some(home)) => home.join(rest),
            _ => path.to_owned(),
        }
    }

    pub(crate) fn variable(&self, name: &str) -> Option<&OsStr> {
        self.variables
            .get(&key(OsStr::new(name)))
            .map(OsString::as_os_str)
    }

    /// The names of all variables, except names that are not UTF-8.
    pub(crate) fn variable_names(&self) -> impl Iterator<Item = &str> {
        self.variables.keys().filter_map(|name| name.to_str())
    }

    /// A setting: `None` when unset or empty, exit 2 when it is not UTF-8.
    pub(crate) fn setting(&self, name: &str) -> Result<Option<&str>> {
        match self.variable(name).map(OsStr::to_str) {
            Some(None) => Err(Error::usage(format!("{name} is not valid UTF-8"))),
            Some(Some("")) | None => Ok(None),
            Some(text) => Ok(text),
        }
    }

    /// A directory from a variable of the XDG specification, which says that a relative path
    /// must be ignored; without one, `fallback` below the home directory.
    pub(crate) fn xdg_directory(&self, variable: &str, fallback: &str) -> Option<PathBuf> {
        let named = self.variable(variable).map(PathBuf::from);
        named
            .filter(|path| path.is_absolute())
            .or_else(|| self.home.as_ref().map(|home| home.join(fallback)))
    }

    /// The directory in a variable, also if it is relative; without one, `fallback` below the home directory.
    pub(crate) fn directory_in(&self, variable: &str, fallback: &str) -> Option<PathBuf> {
        let named = self.path(variable);
        named.or_else(|| self.home.as_ref().map(|home| home.join(fallback)))
    }

    /// Whether standard input is a pipe or a file that has not ended. A terminal or `/dev/null` is not.
    pub(crate) fn stdin_is_piped(&self) -> bool {
        #[cfg(unix)]
        let is_stream = rustix::fs::fstat(rustix::stdio::stdin()).is_ok_and(|stat| {
            use rustix::fs::FileType;
            let kind = FileType::from_raw_mode(stat.st_mode);
            matches!(kind, FileType::Fifo | FileType::Socket | FileType::RegularFile)
        });
        #[cfg(not(unix))]
        let is_stream = !self.terminals.stdin;
        is_stream && !self.stdin_has_ended()
    }

    /// Whether standard input is known to have ended. Does not wait for input.
    #[expect(clippy::unused_self, reason = "standard input is part of the environment")]
    pub(crate) fn stdin_has_ended(&self) -> bool {
        stdin_is_ready() && io::stdin().lock().fill_buf().is_ok_and(<[u8]>::is_empty)
    }

    /// Whether standard input has something to read within this time.
    pub(crate) async fn stdin_begins_within(&self, limit: Duration) -> bool {
        let begins = blocking(|| io::stdin().lock().fill_buf().is_ok_and(|start| !start.is_empty()));
        tokio::time::timeout(limit, begins).await.unwrap_or(false)
    }

    /// One line of standard input without its line break, cut to 4 KiB; `None` at its end.
    pub(crate) async fn read_stdin_line(&self) -> io::Result<Option<String>> {
        blocking(|| {
            let mut line = String::new();
            let read = io::stdin().lock().take(MAX_LINE).read_line(&mut line)?;
            Ok((read > 0).then(|| line.trim_end().to_owned()))
        })
        .await
    }
}

/// The home directory as other programs find it: `HOME`, or the entry in the user database if that is
/// unset or empty.
#[cfg(not(windows))]
#[expect(clippy::disallowed_methods, reason = "other modules use Env")]
fn home_directory() -> Option<PathBuf> {
    dirs::home_dir()
}

/// The home directory as other programs find it: `USERPROFILE`, or the profile directory if that is
/// unset or empty. (`dirs` ignores the variable.)
#[cfg(windows)]
#[expect(clippy::disallowed_methods, reason = "other modules use Env")]
fn home_directory() -> Option<PathBuf> {
    std::env::home_dir()
}

/// The lookup key of a variable's name; names are case-insensitive on Windows.
fn key(name: &OsStr) -> OsString {
    if cfg!(windows) {
        name.to_ascii_uppercase()
    } else {
        name.to_owned()
    }
}

/// Whether standard input has something to read, or has ended.
#[cfg(unix)]
fn stdin_is_ready() -> bool {
    use rustix::event::{PollFd, PollFlags, Timespec, poll};
    let stdin = rustix::stdio::stdin();
    let mut stdin = [PollFd::new(&stdin, PollFlags::IN)];
    poll(&mut stdin, Some(&Timespec::default())).is_ok_and(|ready| ready > 0)
}

/// On other systems that is not known without waiting.
#[cfg(not(unix))]
fn stdin_is_ready() -> bool {
    false
}

/// Runs blocking input on its own thread, so that Ctrl-C is still handled. The thread is not joined: it
/// ends with the process.
pub(crate) async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    let (sender, receiver) = oneshot::channel();
    std::thread::spawn(move || {
        let _ = sender.send(work());
    });
    let Ok(answer) = receiver.await else {
        unreachable!("the thread always sends a result, and a panic ends the process")
    };
    answer
}

#[cfg(test)]
impl Env {
    /// An environment for a test.
    pub(crate) fn fake(home: &Path, variables: &[(&str, &str)], platform: Platform) -> Self {
        let pairs = variables
            .iter()
            .map(|(name, value)| (key(OsStr::new(name)), value.into()));
        Self {
            arguments: Vec::new(),
            program: None,
            variables: pairs.collect(),
            is_own_home: true,
            home: Some(home.to_owned()),
            directory: Some(home.join("project")),
            root: Some(home.join("root")),
            platform,
            terminals: Terminals {
                stdin: false,
                stdout: false,
                stderr: false,
            },
            now: || "2026-11-23T12:00:00Z".parse().unwrap(),
        }
    }
}

#[cfg(test)]
#[cfg(unix)]
mod tests;
