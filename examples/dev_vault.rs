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

fn main() -> ExitCode {
    let port = match env::args().nth(1).map(|port| port.parse()) {
        None => DEFAULT_PORT,
        Some(Ok(port)) => port,
        Some(Err(_)) => {
            eprintln!(
                "error: the port must be a number from 0 to 65535\n  usage: cargo run --example dev_vault [PORT]"
            );
            return ExitCode::from(2);
        }
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
    if let Some(Ok(latency)) = env::args().nth(2).map(|latency| latency.parse()) {
        vault.latency(Duration::from_millis(latency));
    }
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
