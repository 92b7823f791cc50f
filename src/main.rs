//! `amika` puts secrets into a hosted vault.
//!
//! To follow the data, read `commands/push.rs` first, then the modules in the order in which it
//! uses them: `collect`, `api`, `plan`, `confirm`, `apply`, `report`.

mod api;
mod apply;
mod auth;
mod cli;
mod collect;
mod commands;
mod confirm;
mod credential;
mod discover;
mod error;
mod formats;
mod net;
mod plan;
mod provider;
mod replace;
mod report;
mod secret;
mod system;
mod usage;

use std::process::ExitCode;

use clap::Parser;

use crate::cli::Cli;
use crate::report::Report;
use crate::system::env::Env;

fn main() -> ExitCode {
    system::hardening::apply();
    let env = Env::system();
    let (report, result) = match Cli::try_parse_from(&env.arguments) {
        Ok(cli) => {
            let report = Report::new(&cli.global, &env);
            (report, commands::run(cli, env, report))
        }
        Err(refused) => {
            let report = Report::new(&usage::global_options(&env.arguments), &env);
            (report, usage::answer(&refused, report))
        }
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            report.error(&error);
            ExitCode::from(error.kind.exit_code())
        }
    }
}
