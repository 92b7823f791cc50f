//! Runs the program in a world and ends it after a time limit.

use std::fs;
use std::io::Read;
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::json;

use crate::events::Event;
use crate::server::Server;
use crate::vault::{API_KEY, TWIN_KEY};
use crate::world::{self, Credential, Login, World};

/// Maximum time of a run, with a request timeout of one second.
pub(crate) const LONGEST_RUN: Duration = Duration::from_secs(40);

/// The result of a run.
#[derive(Debug)]
pub(crate) struct Ran {
    /// `None` if a signal ended the process.
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
    /// Whether the process was killed after the time limit.
    pub(crate) overdue: bool,
    /// Time from the first signal to the exit.
    pub(crate) after_signal: Option<Duration>,
}

/// Runs the world's command; `without_events` leaves out the events that concern the process.
pub(crate) fn run(world: &World, server: &Server, home: &Path, without_events: bool) -> Ran {
    let events: &[Event] = if without_events { &[] } else { &world.events };
    let blocks = events.iter().find_map(|event| match event {
        Event::FileLimit(blocks) => Some(*blocks),
        _ => None,
    });
    let program = program();
    let mut command = match blocks {
        Some(blocks) => {
            let mut shell = Command::new("/bin/sh");
            shell.args(["-c", &format!("ulimit -f {blocks}; exec \"$0\" \"$@\"")]);
            shell.arg(program);
            shell
        }
        None => Command::new(program),
    };
    let state = if events.iter().any(|event| matches!(event, Event::NoState)) {
        // The parent of the state directory is a file.
        fs::write(home.join("file"), "").expect("the home is writable");
        home.join("file/state")
    } else {
        home.join("state")
    };
    // On a busy machine, a reply may take more than a second.
    let timeout = if events.is_empty() { "20" } else { "1" };
    let full = events.iter().any(|event| matches!(event, Event::FullOutput));
    let stdout = if full {
        let full = fs::OpenOptions::new().write(true).open("/dev/full");
        full.map_or_else(|_| Stdio::piped(), Stdio::from)
    } else {
        Stdio::piped()
    };
    command
        .args(arguments(world, home))
        .env_clear()
        .env("HOME", home)
        .env("AMIKA_API_URL", server.origin())
        .env("AMIKA_WORKOS_URL", server.origin())
        .env("AMIKA_KEYCHAIN", "off")
        .env("AMIKA_HTTP_TIMEOUT", timeout)
        .env("AMIKA_STATE_DIRECTORY", &state)
        .current_dir(home)
        .stdin(Stdio::null())
        .stdout(stdout)
        .stderr(Stdio::piped());
    match &world.login {
        Some(login) if !without_events => write_session(login, server, &state),
        Some(_) => {}
        None => {
            command.env("AMIKA_API_KEY", API_KEY);
        }
    }
    let twin = world.twin.as_ref().filter(|_| !without_events);
    let twin = twin.map(|pairs| start_twin(world, pairs, server, home));
    let mut child = command.spawn().expect("the program starts");
    server.started(child.id());
    let streams = [child.stdout.take().map(reader), child.stderr.take().map(reader)];
    let started = Instant::now();
    let mut overdue = false;
    let status = loop {
        if let Some(status) = child.try_wait().expect("the child can be waited for") {
            break status;
        }
        if started.elapsed() > LONGEST_RUN && !overdue {
            overdue = true;
            child.kill().expect("the child can be killed");
        }
        std::thread::sleep(Duration::from_millis(3));
    };
    let ended = Instant::now();
    if let Some(mut twin) = twin {
        let twin = twin.wait().expect("the child can be waited for");
        assert!(twin.signal().is_none() && twin.code() != Some(101), "{twin:?}");
    }
    let signalled = server.ended();
    let [stdout, stderr] = streams.map(|stream| {
        let text = stream.and_then(|thread| thread.join().ok()).unwrap_or_default();
        String::from_utf8_lossy(&text).into_owned()
    });
    Ran {
        code: status.signal().is_none().then(|| status.code()).flatten(),
        stdout,
        stderr,
        overdue,
        after_signal: signalled.map(|at| ended.saturating_duration_since(at)),
    }
}

/// Starts a push of the same names with other values and another key. Its changes are those of another
/// writer.
fn start_twin(
    world: &World,
    pairs: &[(String, String)],
    server: &Server,
    home: &Path,
) -> std::process::Child {
    let home = home.join("twin");
    fs::create_dir_all(&home).expect("the home is writable");
    let mut command = Command::new(program());
    command
        .args(["secret", "push", "--yes", "--scope", world.scope])
        .args(pairs.iter().map(|(name, value)| format!("{name}={value}")))
        .env_clear()
        .env("HOME", &home)
        .env("AMIKA_API_URL", server.origin())
        .env("AMIKA_API_KEY", TWIN_KEY)
        .env("AMIKA_KEYCHAIN", "off")
        .env("AMIKA_HTTP_TIMEOUT", "1")
        .current_dir(&home)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    command.spawn().expect("the program starts")
}

fn program() -> std::ffi::OsString {
    let built = || env!("CARGO_BIN_EXE_amika").into();
    std::env::var_os("SIM_PROGRAM").unwrap_or_else(built)
}

/// Writes the session of an earlier login.
fn write_session(login: &Login, server: &Server, state: &Path) {
    use std::io::Write;
    use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
    let session = json!({
        "access_token": login.access_token,
        "refresh_token": login.refresh_token,
        "expires_at": if login.expired { "2001-01-01T00:00:00Z" } else { "2999-01-01T00:00:00Z" },
        "api_url": server.origin(),
    });
    let mut directory = fs::DirBuilder::new();
    directory.mode(0o700).create(state).expect("the home is writable");
    let mut file = fs::OpenOptions::new();
    let file = file
        .mode(0o600)
        .create_new(true)
        .write(true)
        .open(state.join("workos-session.json"));
    let mut file = file.expect("the home is writable");
    file.write_all(session.to_string().as_bytes())
        .expect("the home is writable");
}

fn reader(mut stream: impl Read + Send + 'static) -> std::thread::JoinHandle<Vec<u8>> {
    std::thread::spawn(move || {
        let mut bytes = Vec::new();
        let _ = stream.read_to_end(&mut bytes);
        bytes
    })
}

fn arguments(world: &World, home: &Path) -> Vec<String> {
    let mut line: Vec<String> = vec!["secret".to_owned()];
    let mut add = |words: &[&str]| line.extend(words.iter().map(|word| (*word).to_owned()));
    let family = world.family();
    match &world.command {
        world::Command::Push(pairs) => {
            add(&["push"]);
            for (name, value) in pairs {
                add(&[&format!("{name}={value}")]);
            }
            if world.if_missing {
                add(&["--if-missing"]);
            }
        }
        world::Command::Extract { key, login } => {
            if let Some(login) = login {
                fs::create_dir_all(home.join(".claude")).expect("the home is writable");
                fs::write(home.join(".claude/.credentials.json"), login).expect("the home is writable");
            }
            fs::create_dir_all(home.join(".codex")).expect("the home is writable");
            let file = json!({ "OPENAI_API_KEY": key }).to_string();
            fs::write(home.join(".codex/auth.json"), file).expect("the home is writable");
            add(&["extract", "--push"]);
        }
        world::Command::Check(names) => {
            let references = names
                .iter()
                .map(|name| format!("VAR_{name} = {{ secret = \"{name}\" }}\n"));
            let file = format!("[env]\n{}", references.collect::<String>());
            fs::create_dir_all(home.join(".amika")).expect("the home is writable");
            fs::write(home.join(".amika/config.toml"), file).expect("the home is writable");
            add(&["check"]);
        }
        world::Command::Replace(credential) => {
            push(credential, home, &mut add);
            add(&["--force"]);
        }
        world::Command::Store(credential) => push(credential, home, &mut add),
        world::Command::Delete(names) => {
            add(&["delete"]);
            for name in names {
                add(&[name]);
            }
        }
        world::Command::DeleteCredentials { ids, .. } => {
            add(&[family, "delete"]);
            for id in ids {
                add(&[id]);
            }
        }
        world::Command::DeleteNamed { name, .. } => add(&[family, "delete", "--name", name]),
        world::Command::List("generic") => add(&["list"]),
        world::Command::List(_) => add(&[family, "list"]),
    }
    let is_without = matches!(
        world.command,
        world::Command::DeleteCredentials { .. } | world::Command::List(_) | world::Command::Check(_)
    );
    let is_default = matches!(world.command, world::Command::Push(_)) && !world.scope_given;
    if !is_without && !is_default {
        add(&["--scope", world.scope]);
    }
    if world.json {
        add(&["-o", "json"]);
    }
    if world.verbose {
        add(&["-vv"]);
    }
    if world.yes || !matches!(world.command, world::Command::Replace(_)) {
        add(&["--yes"]);
    }
    line
}

fn push(credential: &Credential, home: &Path, add: &mut impl FnMut(&[&str])) {
    let Credential {
        provider,
        name,
        value,
        kind,
    } = credential;
    add(&[provider, "push", "--type", kind, "--name", name]);
    if *kind == "oauth" {
        fs::write(home.join("login.json"), value).expect("the home is writable");
        add(&["--from-file", "login.json"]);
    } else {
        add(&["--value", value]);
    }
}
