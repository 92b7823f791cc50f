//! A vault to try the CLI against: `cargo run --example dev_vault [PORT]`, 0 for any free port.
#![expect(clippy::print_stdout, reason = "its output is what a shell evaluates")]

#[path = "../tests/support/mod.rs"]
mod support;

use std::env;
use std::thread;

use support::vault::{API_KEY, Vault};

const DEFAULT_PORT: u16 = 4011;

fn main() {
    let port = env::args()
        .nth(1)
        .map_or(DEFAULT_PORT, |port| port.parse().expect("the port is a number"));
    let vault = Vault::start_on(port);
    println!(
        "export AMIKA_API_URL={0} AMIKA_WORKOS_URL={0} AMIKA_API_KEY={API_KEY}",
        vault.origin()
    );
    println!("# To try 'amika auth login', unset AMIKA_API_KEY.");
    println!("# The vault is up and forgets everything when it ends; press Ctrl-C to end it.");
    loop {
        thread::park();
    }
}
