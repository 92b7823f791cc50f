//! `amika` puts secrets into a hosted vault.
//!
//! To follow the data, start with `commands/secret/push.rs`, then read the modules in the order in
//! which it uses them: `push/collect`, `api`, `push/plan`, `ui/prompt`, `push/batch`, `push/report`.

mod api;
mod auth;
mod cli;
mod commands;
mod context;
mod credentials;
mod discover;
mod error;
mod formats;
mod net;
#[cfg(test)]
#[path = "../tests/support/properties.rs"]
mod properties;
mod provider;
mod push;
mod secret;
mod system;
mod ui;

use std::io::Write;
use std::process::ExitCode;

use clap::{CommandFactory, Parser};

use crate::cli::Cli;
use crate::system::env::Env;
use crate::ui::printer::Printer;

fn main() -> ExitCode {
    system::hardening::apply();
    let env = Env::system();
    if let Some(completions) = commands::completions::answer(&env, Cli::command) {
        // The shell may have stopped reading.
        let _ = std::io::stdout().write_all(completions.as_bytes());
        return ExitCode::SUCCESS;
    }
    let (printer, result) = match Cli::try_parse_from(&env.arguments) {
        Ok(cli) => {
            let printer = Printer::new(&cli.options, &env);
            (
                printer,
                commands::run(cli.command, env, cli.options, printer, Cli::command),
            )
        }
        Err(refused) => {
            let printer = Printer::new(&cli::usage::global_options(&env.arguments), &env);
            (printer, cli::usage::answer(refused, &env.arguments, printer))
        }
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            printer.error(&error);
            ExitCode::from(error.kind.exit_code())
        }
    }
}
