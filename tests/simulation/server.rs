//! HTTP/1.1 on 127.0.0.1, one thread a connection, for a vault that may break every rule.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use rustix::process::{Pid, kill_process};
use serde_json::Value;

use crate::replies::scripted;
use crate::vault::{API_KEY, Op, Vault, Verdict};
use crate::world::{Reply, Signal, World};

/// A running server; it stops when dropped.
pub(crate) struct Server {
    shared: Arc<Shared>,
    address: SocketAddr,
    thread: Option<JoinHandle<()>>,
}

struct Shared {
    vault: Mutex<Vault>,
    client: Mutex<Client>,
    changed: Condvar,
    stopping: AtomicBool,
}

/// The process that talks to the server.
#[derive(Default)]
struct Client {
    pid: Option<Pid>,
    connections: usize,
    signalled_at: Option<Instant>,
}

impl Server {
    pub(crate) fn start(world: &World) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port is free");
        let address = listener.local_addr().expect("a bound socket has an address");
        let shared = Arc::new(Shared {
            vault: Mutex::new(Vault::new(world)),
            client: Mutex::default(),
            changed: Condvar::new(),
            stopping: AtomicBool::new(false),
        });
        let serving = Arc::clone(&shared);
        let thread = std::thread::spawn(move || accept(&listener, &serving));
        Self {
            shared,
            address,
            thread: Some(thread),
        }
    }

    pub(crate) fn origin(&self) -> String {
        format!("http://{}", self.address)
    }

    pub(crate) fn vault(&self) -> MutexGuard<'_, Vault> {
        self.shared.vault.lock().expect("no handler panics")
    }

    /// Tells which process signals go to.
    pub(crate) fn started(&self, pid: u32) {
        self.shared.client().pid = Pid::from_raw(pid.cast_signed());
        self.shared.changed.notify_all();
    }

    /// Waits until every request of the process that ended has been dealt with. Says when it was
    /// sent a signal.
    pub(crate) fn ended(&self) -> Option<Instant> {
        let busy = |client: &mut Client| client.connections > 0;
        let waited =
            self.shared
                .changed
                .wait_timeout_while(self.shared.client(), Duration::from_secs(5), busy);
        let (mut client, _) = waited.expect("no handler panics");
        client.pid = None;
        client.signalled_at.take()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.shared.stopping.store(true, Ordering::Relaxed);
        // Wakes up the thread that waits for connections.
        drop(TcpStream::connect(self.address));
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

impl Shared {
    fn client(&self) -> MutexGuard<'_, Client> {
        self.client.lock().expect("no handler panics")
    }

    fn send(&self, signal: Signal) {
        let unknown = |client: &mut Client| client.pid.is_none();
        let waited = self
            .changed
            .wait_timeout_while(self.client(), Duration::from_secs(5), unknown);
        let (mut client, _) = waited.expect("no handler panics");
        let signal = match signal {
            Signal::Interrupt => rustix::process::Signal::INT,
            Signal::Terminate => rustix::process::Signal::TERM,
            Signal::Kill => rustix::process::Signal::KILL,
        };
        if let Some(pid) = client.pid {
            client.signalled_at.get_or_insert_with(Instant::now);
            let _ = kill_process(pid, signal);
        }
    }
}

fn accept(listener: &TcpListener, shared: &Arc<Shared>) {
    for stream in listener.incoming() {
        if shared.stopping.load(Ordering::Relaxed) {
            return;
        }
        let Ok(stream) = stream else { continue };
        shared.client().connections += 1;
        let shared = Arc::clone(shared);
        std::thread::spawn(move || {
            let _ = converse(&stream, &shared);
            shared.client().connections -= 1;
            shared.changed.notify_all();
        });
    }
}

/// Answers the requests of one connection until it ends. A closed one is no error of the server.
fn converse(stream: &TcpStream, shared: &Shared) -> std::io::Result<()> {
    stream.set_nodelay(true)?;
    let mut reader = BufReader::new(stream);
    while let Some((op, accepted)) = read_request(&mut reader)? {
        let verdict = match (op, accepted) {
            (Some(op), true) => shared.vault.lock().expect("no handler panics").handle(&op),
            (_, accepted) => {
                write_reply(
                    stream,
                    if accepted { 404 } else { 401 },
                    "{\"message\":\"no\"}",
                    "application/json",
                    None,
                )?;
                continue;
            }
        };
        if let Some(signal) = verdict.signal {
            shared.send(signal);
        }
        if !answer(stream, &verdict, shared)? {
            if verdict.reply == Reply::Reset {
                socket2::SockRef::from(stream).set_linger(Some(Duration::ZERO))?;
            }
            return Ok(());
        }
    }
    Ok(())
}

/// Sends the reply; `false` when the connection is to be closed.
fn answer(stream: &TcpStream, verdict: &Verdict, shared: &Shared) -> std::io::Result<bool> {
    let honest = if verdict.body.is_null() {
        String::new()
    } else {
        verdict.body.to_string()
    };
    let json = "application/json";
    match verdict.reply {
        Reply::Honest => write_reply(stream, verdict.status, &honest, json, None)?,
        Reply::Status(status, body) => {
            let (body, kind) = scripted(body, &verdict.told);
            write_reply(stream, status, &body, kind, None)?;
        }
        Reply::Html => write_reply(stream, 200, "<html>Please sign in</html>", "text/html", None)?,
        Reply::Redirect => write_reply(
            stream,
            307,
            "",
            json,
            Some("location: http://127.0.0.1:9/elsewhere\r\n"),
        )?,
        Reply::Truncated => {
            let mut out = stream;
            let half = &honest[..honest.len() / 2];
            write!(
                out,
                "HTTP/1.1 200 OK\r\ncontent-type: {json}\r\ncontent-length: {}\r\n\r\n{half}",
                honest.len() + 10
            )?;
            return Ok(false);
        }
        Reply::Reset | Reply::Close => return Ok(false),
        Reply::Hang => {
            stream.set_read_timeout(Some(Duration::from_millis(50)))?;
            let mut rest = [0; 64];
            let mut input = stream;
            while !shared.stopping.load(Ordering::Relaxed) {
                match input.read(&mut rest) {
                    Ok(0) => break,
                    Err(error)
                        if !matches!(
                            error.kind(),
                            std::io::ErrorKind::WouldBlock | std::io::ErrorKind::TimedOut
                        ) =>
                    {
                        break;
                    }
                    _ => {}
                }
            }
            return Ok(false);
        }
    }
    Ok(true)
}

fn write_reply(
    mut stream: &TcpStream,
    status: u16,
    body: &str,
    kind: &str,
    more: Option<&str>,
) -> std::io::Result<()> {
    let length = if status == 204 {
        String::new()
    } else {
        format!("content-length: {}\r\n", body.len())
    };
    let more = more.unwrap_or_default();
    let reply = format!(
        "HTTP/1.1 {status} X\r\ncontent-type: {kind}\r\nx-trace-id: trace\r\n{more}{length}\r\n{body}"
    );
    stream.write_all(reply.as_bytes())
}

/// One request, and whether its key is right; `None` at the end of the connection.
fn read_request(reader: &mut impl BufRead) -> std::io::Result<Option<(Option<Op>, bool)>> {
    let mut first = String::new();
    if reader.read_line(&mut first)? == 0 {
        return Ok(None);
    }
    let (mut length, mut accepted) = (0, false);
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line)? <= 2 {
            break;
        }
        let (name, value) = line.split_once(':').unwrap_or_default();
        match name.to_ascii_lowercase().as_str() {
            "content-length" => length = value.trim().parse().unwrap_or(0),
            "authorization" => accepted = value.trim() == format!("Bearer {API_KEY}"),
            _ => {}
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body)?;
    let mut words = first.split_whitespace();
    let (method, path) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
    Ok(Some((parse(method, path, &body), accepted)))
}

fn parse(method: &str, path: &str, body: &[u8]) -> Option<Op> {
    let rest = path.strip_prefix("/api/v0beta1/secrets")?.trim_start_matches('/');
    let (family, rest) = match rest.split_once('/').unwrap_or((rest, "")) {
        ("claude", rest) => ("claude", rest),
        ("codex", rest) => ("codex", rest),
        _ => ("generic", rest),
    };
    let body: Value = serde_json::from_slice(body).unwrap_or_default();
    let text = |name: &str| body[name].as_str().map(str::to_owned);
    let (id, tail) = rest.split_once('/').unwrap_or((rest, ""));
    let id = id.to_owned();
    Some(match (method, id.as_str(), tail) {
        ("GET", "", "") => Op::List(family),
        ("POST", "", "") => Op::Create {
            family,
            name: text("name")?,
            value: text("value")?,
            scope: if text("scope").as_deref() == Some("org") {
                "org"
            } else {
                "user"
            },
            kind: text("type").unwrap_or_default(),
        },
        ("PUT", _, "") => Op::Update {
            id,
            value: text("value")?,
        },
        ("DELETE", _, "") => Op::Delete { family, id },
        ("POST", _, "reveal") => Op::Reveal { family, id },
        _ => return None,
    })
}
