//! The program in its world: started, signalled by the server, ended within a bound.

use std::fs;
use std::io::Read;
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use crate::server::Server;
use crate::vault::API_KEY;
use crate::world::{self, Event, World};

/// No run may take longer, with requests limited to one second.
pub(crate) const LONGEST_RUN: Duration = Duration::from_secs(40);

/// How a run ended.
#[derive(Debug)]
pub(crate) struct Ran {
    /// `None` when a signal ended it.
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
    /// It had to be stopped.
    pub(crate) overdue: bool,
    /// From the first signal to the end.
    pub(crate) after_signal: Option<Duration>,
}

/// Runs the world's command; `calm` leaves out what is wrong with the disk.
pub(crate) fn run(world: &World, server: &Server, home: &Path, calm: bool) -> Ran {
    let events: &[Event] = if calm { &[] } else { &world.events };
    let blocks = events.iter().find_map(|event| match event {
        Event::FileLimit(blocks) => Some(*blocks),
        _ => None,
    });
    let program = env!("CARGO_BIN_EXE_amika");
    let mut command = match blocks {
        Some(blocks) => {
            let mut shell = Command::new("/bin/sh");
            shell.args(["-c", &format!("ulimit -f {blocks}; exec \"$0\" \"$@\""), program]);
            shell
        }
        None => Command::new(program),
    };
    let state = if events.iter().any(|event| matches!(event, Event::NoState)) {
        // Its parent is a file.
        fs::write(home.join("file"), "").expect("the home is writable");
        home.join("file/state")
    } else {
        home.join("state")
    };
    command
        .args(arguments(world, home))
        .env_clear()
        .env("HOME", home)
        .env("AMIKA_API_URL", server.origin())
        .env("AMIKA_API_KEY", API_KEY)
        .env("AMIKA_KEYCHAIN", "off")
        .env("AMIKA_HTTP_TIMEOUT", "1")
        .env("AMIKA_STATE_DIRECTORY", state)
        .current_dir(home)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let mut child = command.spawn().expect("the program starts");
    server.started(child.id());
    let streams = [child.stdout.take().map(reader), child.stderr.take().map(reader)];
    let started = Instant::now();
    let mut overdue = false;
    let status = loop {
        if let Some(status) = child.try_wait().expect("a child can be waited for") {
            break status;
        }
        if started.elapsed() > LONGEST_RUN && !overdue {
            overdue = true;
            child.kill().expect("a child can be ended");
        }
        std::thread::sleep(Duration::from_millis(3));
    };
    let ended = Instant::now();
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

fn reader(mut stream: impl Read + Send + 'static) -> std::thread::JoinHandle<Vec<u8>> {
    std::thread::spawn(move || {
        let mut bytes = Vec::new();
        let _ = stream.read_to_end(&mut bytes);
        bytes
    })
}

fn arguments(world: &World, home: &Path) -> Vec<String> {
    let provider = world.family();
    let mut arguments: Vec<String> = match &world.command {
        world::Command::Push(pairs) => {
            let pairs = pairs.iter().map(|(name, value)| format!("{name}={value}"));
            ["secret", "push"]
                .map(str::to_owned)
                .into_iter()
                .chain(pairs)
                .collect()
        }
        world::Command::Extract(key) => {
            fs::create_dir_all(home.join(".codex")).expect("the home is writable");
            let file = serde_json::json!({ "OPENAI_API_KEY": key }).to_string();
            fs::write(home.join(".codex/auth.json"), file).expect("the home is writable");
            ["secret", "extract", "--push"].map(str::to_owned).to_vec()
        }
        world::Command::Replace { name, value, .. } => [
            "secret", provider, "push", "--type", "api_key", "--force", "--name", name, "--value", value,
        ]
        .map(str::to_owned)
        .to_vec(),
        world::Command::Delete(names) => ["secret", "delete"]
            .map(str::to_owned)
            .into_iter()
            .chain(names.iter().cloned())
            .collect(),
        world::Command::DeleteCredentials { ids, .. } => ["secret", provider, "delete"]
            .map(str::to_owned)
            .into_iter()
            .chain(ids.iter().cloned())
            .collect(),
    };
    let mut add = |more: &[&str]| arguments.extend(more.iter().map(|word| (*word).to_owned()));
    if !matches!(world.command, world::Command::DeleteCredentials { .. }) {
        add(&["--scope", world.scope]);
    }
    if world.one_at_a_time
        && matches!(
            world.command,
            world::Command::Push(_) | world::Command::Extract(_)
        )
    {
        add(&["--jobs", "1"]);
    }
    if world.json {
        add(&["-o", "json"]);
    }
    if world.verbose {
        add(&["-vv"]);
    }
    if world.yes || !matches!(world.command, world::Command::Replace { .. }) {
        add(&["--yes"]);
    }
    arguments
}
