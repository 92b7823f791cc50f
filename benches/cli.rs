//! Measures start-up and bulk pushes to a vault with latency. Nothing is asserted; compare the lines
//! of one run with each other.
#![expect(clippy::print_stdout, clippy::unwrap_used, reason = "it prints its results")]

use std::fmt::Write;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

#[path = "../tests/support/mod.rs"]
mod support;

use support::faults::Fault;
use support::vault::{API_KEY, Vault};

const ROUNDS: u32 = 50;
const SECRETS: usize = 1000;

fn main() {
    // `cargo test --benches` only checks that this builds and starts.
    if !std::env::args().any(|argument| argument == "--bench") {
        return;
    }
    println!("start-up, mean of {ROUNDS}");
    println!("  true             {:>8.2} ms", mean(|| Command::new("true")));
    println!("  amika --help     {:>8.2} ms", mean(|| amika(&["--help"])));
    println!(
        "  amika secret list, no key {:>8.2} ms",
        mean(|| amika(&["secret", "list"]))
    );
    let laptop = laptop();
    println!(
        "  amika secret extract, every source {:>8.2} ms",
        mean(|| {
            let mut extract = amika(&["secret", "extract", "-q"]);
            extract.env("HOME", laptop.path());
            extract
        })
    );
    println!("{SECRETS} secrets, 20 ms per request");
    bulk("all goes well", None);
    bulk(
        "every tenth 429",
        Some(Fault::on("POST", "/secrets").fails(429, "slow down").every(10)),
    );
}

/// A home in which every source has a credential.
fn laptop() -> tempfile::TempDir {
    let home = tempfile::tempdir().unwrap();
    for (path, content) in [
        (".claude.json", r#"{"primaryApiKey":"sk-ant-x"}"#),
        (
            ".claude/.credentials.json",
            r#"{"claudeAiOauth":{"accessToken":"x"}}"#,
        ),
        (".codex/auth.json", r#"{"OPENAI_API_KEY":"x"}"#),
        (".cache/amika/env-cache.json", r#"{"MISTRAL_API_KEY":"x"}"#),
        (".local/share/amika/keychain.json", r#"{"GROQ_API_KEY":"x"}"#),
        (".local/state/amika/oauth.json", r#"{"XAI_API_KEY":"x"}"#),
        (
            ".local/share/opencode/auth.json",
            r#"{"openrouter":{"type":"api","key":"x"}}"#,
        ),
        (
            ".local/share/amp/secrets.json",
            r#"{"apiKey@https://ampcode.com/":"x"}"#,
        ),
        (".amp/config.json", r#"{"apiKey":"x"}"#),
    ] {
        let path = home.path().join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, content).unwrap();
    }
    home
}

fn amika(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_amika"));
    command
        .args(arguments)
        .env_clear()
        .env("HOME", std::env::temp_dir());
    command
}

/// Mean wall time, in milliseconds.
fn mean(command: impl Fn() -> Command) -> f64 {
    let started = Instant::now();
    for _ in 0..ROUNDS {
        command()
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status()
            .unwrap();
    }
    started.elapsed().as_secs_f64() * 1000.0 / f64::from(ROUNDS)
}

fn bulk(label: &str, fault: Option<Fault>) {
    let vault = Vault::start();
    vault.latency(Duration::from_millis(20));
    if let Some(fault) = fault {
        vault.fault(fault);
    }
    let mut file = String::new();
    for n in 0..SECRETS {
        writeln!(file, "NAME_{n}=value-{n}").unwrap();
    }
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join(".env");
    std::fs::write(&path, file).unwrap();

    // GNU time, if it is installed, reports the peak memory.
    let timed = Command::new("/usr/bin/time").arg("--version").output().is_ok();
    let binary = env!("CARGO_BIN_EXE_amika");
    let mut command = Command::new(if timed { "/usr/bin/time" } else { binary });
    if timed {
        command.args(["-f", "%M KiB", binary]);
    }
    command
        .args(["secret", "push", "--yes", "-q", "--from-file"])
        .arg(&path)
        .env("AMIKA_API_URL", vault.origin())
        .env("AMIKA_API_KEY", API_KEY);
    let started = Instant::now();
    let output = command.output().unwrap();
    let elapsed = started.elapsed();
    println!(
        "  {label:<16} {:>8.0} ms, stored {}, peak {} connections, {} requests, memory {}",
        elapsed.as_secs_f64() * 1000.0,
        vault.stored("generic").len(),
        vault.peak_connections(),
        vault.requests().len(),
        if timed {
            String::from_utf8_lossy(&output.stderr).trim().to_owned()
        } else {
            "not measured".to_owned()
        },
    );
}
