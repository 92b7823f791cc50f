//! Batches through a real nginx over TLS, with HTTP/1.1 and HTTP/2: R135, R136. Skipped with a message
//! if nginx is not installed.

use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU16, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use crate::sandbox::{Ran, Sandbox, has_tools, ran, send_signal};
use crate::tls::certificate;

const PROTOCOLS: [&str; 2] = ["ssl", "ssl http2"];

/// nginx as a proxy in front of a sandbox's vault.
struct Nginx {
    child: Child,
    port: u16,
    home: PathBuf,
}

/// The first port to try, below the ephemeral ports of the system; ports in use are skipped.
fn next_port() -> u16 {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    let offset = u32::from(NEXT.fetch_add(1, Ordering::Relaxed)) + std::process::id() * 64;
    20_000 + u16::try_from(offset % 10_000).unwrap()
}

/// On Debian, nginx is in a directory that is often missing in `PATH`.
fn command() -> Command {
    let debian = std::path::Path::new("/usr/sbin/nginx");
    Command::new(if debian.exists() { debian } else { "nginx".as_ref() })
}

fn installed() -> bool {
    has_tools(&["nginx"])
}

impl Nginx {
    /// Starts nginx with these directives for the server and the location.
    fn start(sandbox: &Sandbox, protocol: &str, server: &str, location: &str) -> Self {
        let (certificate, key) = certificate(&["localhost"]);
        sandbox.write("certificate.pem", certificate.pem());
        sandbox.write("key.pem", key.serialize_pem());
        loop {
            let port = next_port();
            let home = sandbox.home().to_owned();
            let vault = sandbox.vault.origin();
            let upstream = vault.trim_start_matches("http://");
            sandbox.write(
                "nginx.conf",
                format!(
                    "user root; worker_processes 1; daemon off; pid nginx.pid; error_log error.log;
                    events {{ worker_connections 1024; }}
                    http {{
                      access_log off; client_body_temp_path body; proxy_temp_path proxy;
                      fastcgi_temp_path f; uwsgi_temp_path u; scgi_temp_path s;
                      limit_req_zone $server_name zone=r20:1m rate=20r/s;
                      limit_req_zone $server_name zone=r50:1m rate=50r/s;
                      limit_req_zone $server_name zone=r200:1m rate=200r/s;
                      upstream vault {{ server {upstream}; keepalive 64; }}
                      server {{
                        listen 127.0.0.1:{port} {protocol}; server_name localhost;
                        ssl_certificate certificate.pem; ssl_certificate_key key.pem;
                        {server}
                        location / {{
                          proxy_pass http://vault; proxy_http_version 1.1;
                          proxy_set_header Connection \"\";
                          {location}
                        }}
                      }}
                    }}"
                ),
            );
            let mut nginx = Self {
                child: spawn(&home),
                port,
                home,
            };
            if nginx.is_up() {
                return nginx;
            }
        }
    }

    /// Waits until nginx has written its process id, which it does when it listens.
    fn is_up(&mut self) -> bool {
        let pid = self.home.join("nginx.pid");
        loop {
            if std::fs::read_to_string(&pid).is_ok_and(|text| text.ends_with('\n')) {
                return true;
            }
            if self.child.try_wait().unwrap().is_some() {
                return false;
            }
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    fn stop(&mut self) {
        send_signal(&self.child, "TERM");
        self.child.wait().unwrap();
        let _ = std::fs::remove_file(self.home.join("nginx.pid"));
    }

    fn start_again(&mut self) {
        loop {
            self.child = spawn(&self.home);
            if self.is_up() {
                return;
            }
        }
    }

    /// Pushes `count` secrets through this nginx.
    fn push(&self, sandbox: &Sandbox, count: usize) -> Command {
        let lines: Vec<_> = (0..count).map(|n| format!("NAME_{n}=v{n}\n")).collect();
        sandbox.write(".env", lines.concat());
        let mut command = sandbox.command(["secret", "push", "--yes", "--from-file", ".env"]);
        command
            .env("AMIKA_API_URL", format!("https://localhost:{}", self.port))
            .env("SSL_CERT_FILE", sandbox.home().join("certificate.pem"));
        command
    }
}

impl Drop for Nginx {
    fn drop(&mut self) {
        if self.child.try_wait().is_ok_and(|ended| ended.is_none()) {
            self.stop();
        }
    }
}

fn spawn(home: &std::path::Path) -> Child {
    command()
        .args(["-p", home.to_str().unwrap(), "-c", "nginx.conf"])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap()
}

/// Runs a command and reads its output concurrently, because a long plan would fill the pipe.
fn in_background(mut command: Command) -> JoinHandle<Ran> {
    std::thread::spawn(move || ran(command.output().unwrap()))
}

/// Checks that every secret is stored exactly once.
fn all_stored(ran: Ran, sandbox: &Sandbox, count: usize) -> Ran {
    let ran = ran
        .exits(0)
        .stdout_contains(&format!("Created {count} in user scope"));
    assert_eq!(sandbox.vault.stored("generic").len(), count);
    ran
}

/// R135: `limit_req` with nginx's own pages, without and with `Retry-After`: everything is stored, and
/// at most a third of the requests are refused. Tests in virtual time show how fast; `benches/bench.py limits`
/// measures it.
#[test]
fn a_rate_limit_of_nginx_slows_a_batch_down_and_loses_nothing() {
    const LIMITS: [(u32, u32, usize, u16, Option<u32>); 4] = [
        // rate, burst, secrets, status, Retry-After
        (20, 5, 65, 429, Some(1)),
        (50, 10, 210, 503, None),
        (200, 20, 820, 429, Some(0)),
        (200, 20, 820, 503, Some(1)),
    ];
    if !installed() {
        return;
    }
    let pushes = LIMITS.iter().zip(PROTOCOLS.iter().cycle());
    let pushes: Vec<_> = pushes
        .map(|(limit, protocol)| std::thread::spawn(move || push_through(*limit, protocol)))
        .collect();
    for push in pushes {
        push.join().unwrap();
    }
}

fn push_through(limit: (u32, u32, usize, u16, Option<u32>), protocol: &str) {
    let (rate, burst, count, status, wait) = limit;
    let sandbox = Sandbox::new();
    let header = wait.map(|wait| format!("add_header Retry-After {wait} always;"));
    let server = format!(
        "access_log requests.log; error_page {status} = @busy; location @busy {{ {} return {status}; }}",
        header.unwrap_or_default()
    );
    let location = format!("limit_req zone=r{rate} burst={burst} nodelay; limit_req_status {status};");
    let nginx = Nginx::start(&sandbox, protocol, &server, &location);
    let ran = ran(nginx.push(&sandbox, count).output().unwrap());
    all_stored(ran, &sandbox, count).stderr_contains("limits the rate");
    let log = std::fs::read_to_string(sandbox.home().join("requests.log")).unwrap();
    let refused = log.matches(&format!("\" {status} ")).count();
    assert!(
        refused > 0 && refused * 3 <= count,
        "{limit:?}: {refused} refused"
    );
}

/// R136: nginx is stopped in the middle of a batch, for longer than the three tries of a request take.
#[test]
fn a_batch_survives_a_stop_of_nginx() {
    if !installed() {
        return;
    }
    for protocol in PROTOCOLS {
        let sandbox = Sandbox::new();
        let mut nginx = Nginx::start(&sandbox, protocol, "", "");
        let push = in_background(nginx.push(&sandbox, 3000));
        sandbox.vault.wait_for("POST", 500);
        nginx.stop();
        std::thread::sleep(Duration::from_millis(1500));
        nginx.start_again();
        let ran = push.join().unwrap();
        all_stored(ran, &sandbox, 3000).stderr_contains("the API is unavailable");
        assert!(sandbox.vault.count("GET") <= 3);
    }
}

/// R136: connections end in the middle of a batch, with `GOAWAY` in HTTP/2, because of
/// `keepalive_requests` and because the configuration is reloaded.
#[test]
fn a_batch_survives_a_reload_and_short_connections() {
    if !installed() {
        return;
    }
    for protocol in PROTOCOLS {
        let sandbox = Sandbox::new();
        let nginx = Nginx::start(&sandbox, protocol, "keepalive_requests 50;", "");
        let push = in_background(nginx.push(&sandbox, 1000));
        for posts in [100, 300, 500] {
            sandbox.vault.wait_for("POST", posts);
            send_signal(&nginx.child, "HUP");
        }
        let ran = push.join().unwrap();
        all_stored(ran, &sandbox, 1000);
    }
}

/// R72: an nginx error page that refuses one body does not affect the other secrets.
#[test]
fn a_body_that_nginx_refuses_does_not_stop_the_batch() {
    if !installed() {
        return;
    }
    for protocol in PROTOCOLS {
        let sandbox = Sandbox::new();
        let nginx = Nginx::start(&sandbox, protocol, "client_max_body_size 1k;", "");
        let mut command = nginx.push(&sandbox, 20);
        command.arg(format!("LARGE={}", "x".repeat(4000)));
        ran(command.output().unwrap())
            .exits(5)
            .stdout_contains("failed: too large for the API (413)")
            .stdout_contains("Created 20, failed 1");
    }
}

/// R136: an nginx error page for an unreachable upstream is not a reply of the API.
#[test]
fn a_dead_upstream_leaves_the_rest_unattempted() {
    if !installed() {
        return;
    }
    let sandbox = Sandbox::new();
    let broken = "if ($request_method = POST) { return 502; }";
    let nginx = Nginx::start(&sandbox, PROTOCOLS[1], "", broken);
    let mut command = nginx.push(&sandbox, 50);
    command.env("AMIKA_HTTP_TIMEOUT", "2");
    ran(command.output().unwrap())
        .exits(5)
        .stdout_contains("unknown: the API failed (502)")
        .stdout_contains("not attempted");
    assert_eq!(sandbox.vault.count("POST"), 0);
}
