//! A vault to try the CLI against: `cargo run --example dev_vault [PORT [LATENCY_MS]]`. Port 0 selects
//! a free port.
#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a shell evaluates its output"
)]

#[path = "../tests/support/mod.rs"]
mod support;

use std::env;
use std::net::TcpListener;
use std::process::ExitCode;
use std::thread;
use std::time::Duration;

use support::vault::{API_KEY, Vault};

const DEFAULT_PORT: u16 = 4011;

const USAGE: &str = "\
usage: cargo run --example dev_vault [PORT [LATENCY_MS]]

  PORT        port on 127.0.0.1; 0 is any free port [default: 4011]
  LATENCY_MS  time that the vault takes for each answer [default: 0]";

fn main() -> ExitCode {
    let arguments: Vec<_> = env::args().skip(1).collect();
    if arguments
        .iter()
        .any(|argument| argument == "--help" || argument == "-h")
    {
        println!("{USAGE}");
        return ExitCode::SUCCESS;
    }
    let Some((port, latency)) = parse(&arguments) else {
        eprintln!("error: expected a port from 0 to 65535 and a number of milliseconds\n{USAGE}");
        return ExitCode::from(2);
    };
    // This check only improves the error message; the vault binds the port itself.
    if let Err(error) = TcpListener::bind(("127.0.0.1", port)) {
        eprintln!(
            "error: port {port} cannot be used: {error}\n  \
             hint: choose another port, as in 'cargo run --example dev_vault 4012'; 0 selects a free port"
        );
        return ExitCode::FAILURE;
    }
    let vault = Vault::start_on(port);
    vault.latency(latency);
    println!(
        "export AMIKA_API_URL={0} AMIKA_WORKOS_URL={0} AMIKA_API_KEY={API_KEY}",
        vault.origin()
    );
    println!("# To try 'amika auth login', unset AMIKA_API_KEY.");
    println!("# The vault is running and keeps its contents in memory; press Ctrl-C to stop it.");
    loop {
        thread::park();
    }
}

fn parse(arguments: &[String]) -> Option<(u16, Duration)> {
    let port = match arguments.first() {
        Some(port) => port.parse().ok()?,
        None => DEFAULT_PORT,
    };
    let latency = match arguments.get(1) {
        Some(latency) => Duration::from_millis(latency.parse().ok()?),
        None => Duration::ZERO,
    };
    (arguments.len() <= 2).then_some((port, latency))
}
