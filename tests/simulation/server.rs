//! An HTTP/1.1 server on 127.0.0.1, one thread per connection, that can violate the protocol.

use std::io::{BufReader, ErrorKind, Read, Write};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use rustix::process::{Pid, kill_process};
use socket2::{Domain, SockRef, Socket, Type};

use crate::events::{Reply, Signal};
use crate::replies::{lied, scripted};
use crate::vault::{Author, Op, Vault, Verdict};
use crate::wire::{Head, read_request};
use crate::world::World;

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

/// The client process and the state of its connections.
#[derive(Default)]
struct Client {
    pid: Option<Pid>,
    connections: usize,
    signalled_at: Option<Instant>,
    listening: bool,
    down_until: Option<Instant>,
}

/// Reserves a port that refuses connections until it is listened on.
fn reserve() -> std::io::Result<Socket> {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None)?;
    socket.bind(&SocketAddr::from((Ipv4Addr::LOCALHOST, 0)).into())?;
    Ok(socket)
}

impl Server {
    pub(crate) fn start(world: &World) -> Self {
        let reserved = reserve().expect("a free port");
        let address = reserved.local_addr().expect("a bound socket has an address");
        let address = address.as_socket().expect("an Internet address");
        let shared = Arc::new(Shared {
            vault: Mutex::new(Vault::new(world)),
            client: Mutex::default(),
            changed: Condvar::new(),
            stopping: AtomicBool::new(false),
        });
        let serving = Arc::clone(&shared);
        let thread = std::thread::spawn(move || {
            accept(&reserved, &serving).expect("the reserved port can be listened on");
        });
        let server = Self {
            shared,
            address,
            thread: Some(thread),
        };
        drop(
            server
                .shared
                .wait(Duration::from_secs(30), |client| !client.listening),
        );
        server
    }

    pub(crate) fn origin(&self) -> String {
        format!("http://{}", self.address)
    }

    pub(crate) fn vault(&self) -> MutexGuard<'_, Vault> {
        self.shared.vault.lock().expect("no handler panics")
    }

    /// Sets the process that receives signals.
    pub(crate) fn started(&self, pid: u32) {
        self.shared.client().pid = Pid::from_raw(pid.cast_signed());
        self.shared.changed.notify_all();
    }

    /// Waits until the connections of the finished process are closed. Returns the time of the first
    /// signal.
    pub(crate) fn ended(&self) -> Option<Instant> {
        let mut client = self
            .shared
            .wait(Duration::from_secs(5), |client| client.connections > 0);
        client.pid = None;
        client.down_until = None;
        let signalled_at = client.signalled_at.take();
        drop(client);
        drop(
            self.shared
                .wait(Duration::from_secs(5), |client| !client.listening),
        );
        signalled_at
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.shared.stopping.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

impl Shared {
    fn client(&self) -> MutexGuard<'_, Client> {
        self.client.lock().expect("no handler panics")
    }

    /// Waits while the condition holds, at most for `limit`.
    fn wait(&self, limit: Duration, condition: impl Fn(&Client) -> bool) -> MutexGuard<'_, Client> {
        let waited = self
            .changed
            .wait_timeout_while(self.client(), limit, |client| condition(client));
        waited.expect("no handler panics").0
    }

    fn is_down(&self) -> bool {
        let until = self.client().down_until;
        until.is_some_and(|until| Instant::now() < until)
    }

    /// Closes the listener if the server is down, atomically with the change of `listening`.
    fn goes_down(&self, listener: &mut Option<TcpListener>) -> bool {
        let mut client = self.client();
        let down = client.down_until.is_some_and(|until| Instant::now() < until);
        if down {
            if let Some(listener) = listener.take() {
                // A process that is being started has a copy of the socket until its exec, which would
                // keep listening if only ours were closed.
                let _ = SockRef::from(&listener).shutdown(Shutdown::Both);
            }
            client.listening = false;
        }
        down
    }

    fn send(&self, signal: Signal) {
        let mut client = self.wait(Duration::from_secs(5), |client| client.pid.is_none());
        let signal = match signal {
            Signal::Interrupt => rustix::process::Signal::INT,
            Signal::Terminate => rustix::process::Signal::TERM,
            Signal::Hangup => rustix::process::Signal::HUP,
            Signal::Kill => rustix::process::Signal::KILL,
        };
        if let Some(pid) = client.pid {
            client.signalled_at.get_or_insert_with(Instant::now);
            let _ = kill_process(pid, signal);
        }
    }
}

/// Serves until it is told to stop. While the server is down, connections are refused and `reserved`
/// keeps the port.
fn accept(reserved: &Socket, shared: &Arc<Shared>) -> std::io::Result<()> {
    let address = reserved.local_addr()?;
    let mut listener = None;
    while !shared.stopping.load(Ordering::Relaxed) {
        if shared.goes_down(&mut listener) {
            // Connections are refused.
        } else if listener.is_none() {
            let socket = Socket::new(Domain::IPV4, Type::STREAM, None)?;
            socket.set_reuse_address(true)?;
            // The port is shared only here: otherwise the system could assign it to another world.
            reserved.set_reuse_address(true)?;
            socket.bind(&address)?;
            socket.listen(128)?;
            reserved.set_reuse_address(false)?;
            socket.set_nonblocking(true)?;
            listener = Some(TcpListener::from(socket));
            shared.client().listening = true;
            shared.changed.notify_all();
        }
        let accepted = listener.as_ref().and_then(|listener| listener.accept().ok());
        let Some((stream, _)) = accepted else {
            std::thread::sleep(Duration::from_millis(2));
            continue;
        };
        stream.set_nonblocking(false)?;
        shared.client().connections += 1;
        let shared = Arc::clone(shared);
        std::thread::spawn(move || {
            let _ = converse(&stream, &shared);
            shared.client().connections -= 1;
            shared.changed.notify_all();
        });
    }
    Ok(())
}

/// Handles the requests of one connection until it ends.
fn converse(stream: &TcpStream, shared: &Shared) -> std::io::Result<()> {
    stream.set_nodelay(true)?;
    let mut reader = BufReader::new(stream);
    while let Some((op, bearer)) = read_request(&mut reader)? {
        let Some(op) = op else {
            Head::json(404).write(stream, "{\"message\":\"no\"}")?;
            continue;
        };
        let verdict = {
            let mut vault = shared.vault.lock().expect("no handler panics");
            // On a busy machine, a request may be read after the client has given up.
            if is_closed(stream)? {
                return Ok(());
            }
            let by = if matches!(op, Op::Refresh(_)) {
                Some(Author::Us)
            } else {
                vault.author(&bearer)
            };
            by.map(|by| vault.handle(&op, by))
        };
        let Some(verdict) = verdict else {
            Head::json(401).write(stream, "{\"message\":\"no\"}")?;
            continue;
        };
        if let Some(signal) = verdict.signal {
            shared.send(signal);
        }
        let goes_on = answer(stream, &verdict, shared)?;
        if let Some(time) = verdict.down {
            shared.client().down_until = Some(Instant::now() + time);
        }
        if verdict.reply == Reply::Reset {
            SockRef::from(stream).set_linger(Some(Duration::ZERO))?;
        }
        if !goes_on || shared.is_down() {
            return Ok(());
        }
    }
    Ok(())
}

/// Sends the reply; returns `false` if the connection must be closed.
fn answer(stream: &TcpStream, verdict: &Verdict, shared: &Shared) -> std::io::Result<bool> {
    let honest = if verdict.body.is_null() {
        String::new()
    } else {
        verdict.body.to_string()
    };
    match verdict.reply {
        Reply::Honest => Head::json(verdict.status).write(stream, &honest)?,
        Reply::Last => {
            Head::json(verdict.status).write(stream, &honest)?;
            return Ok(false);
        }
        Reply::Status(status, body) => {
            let scripted = scripted(body, &verdict.told);
            let head = Head {
                content_type: scripted.content_type,
                trace_id: &scripted.trace_id,
                ..Head::json(status)
            };
            head.write(stream, &scripted.body)?;
        }
        Reply::Html => {
            let head = Head {
                content_type: "text/html",
                ..Head::json(200)
            };
            head.write(stream, "<html>Please sign in</html>")?;
        }
        Reply::Lie(lie) => {
            let status = if verdict.status == 503 {
                200
            } else {
                verdict.status
            };
            Head::json(status).write(stream, &lied(lie, &verdict.asked))?;
        }
        Reply::EmptyObject => Head::json(200).write(stream, "{}")?,
        Reply::Redirect { echo } => {
            let host = verdict.told.last().filter(|_| echo).map(|value| hex(value));
            let location = format!("http://{}.example/", host.as_deref().unwrap_or("elsewhere"));
            let head = Head {
                location: Some(&location),
                ..Head::json(307)
            };
            head.write(stream, "")?;
        }
        Reply::Truncated => {
            let mut out = stream;
            let half = &honest[..honest.len() / 2];
            write!(
                out,
                "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{half}",
                honest.len() + 10
            )?;
            return Ok(false);
        }
        Reply::Reset | Reply::Close => return Ok(false),
        Reply::Hang => {
            wait_for_end(stream, shared)?;
            return Ok(false);
        }
    }
    Ok(true)
}

fn hex(text: &str) -> String {
    let all = crate::encodings::encodings(text).into_iter();
    all.filter(|(name, _)| *name == "hex")
        .map(|(_, spelled)| spelled)
        .collect()
}

/// Whether the client has closed the connection.
fn is_closed(stream: &TcpStream) -> std::io::Result<bool> {
    stream.set_nonblocking(true)?;
    let peeked = stream.peek(&mut [0]);
    stream.set_nonblocking(false)?;
    Ok(peeked.map_or_else(
        |error| error.kind() != ErrorKind::WouldBlock,
        |length| length == 0,
    ))
}

/// Waits until the client closes the connection or the server stops.
fn wait_for_end(mut stream: &TcpStream, shared: &Shared) -> std::io::Result<()> {
    stream.set_read_timeout(Some(Duration::from_millis(50)))?;
    let mut rest = [0; 64];
    while !shared.stopping.load(Ordering::Relaxed) {
        match stream.read(&mut rest) {
            Ok(0) => break,
            Err(error) if !matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => break,
            _ => {}
        }
    }
    Ok(())
}
