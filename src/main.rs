//! `amika` puts secrets into a hosted vault.
//!
//! To follow the data, read `commands/push.rs` first, then the modules in the order in which it
//! uses them: `collect`, `api`, `plan`, `confirm`, `apply`, `report`.

mod api;
mod apply;
mod auth;
mod browser;
mod cli;
mod collect;
mod commands;
mod confirm;
mod credential;
mod discover;
mod env;
mod error;
mod files;
mod formats;
mod hardening;
mod http;
mod interrupt;
mod keychain;
mod origin;
mod plan;
mod provider;
mod redact;
mod replace;
mod report;
mod save;
mod secret;
mod usage;

use std::process::ExitCode;

use clap::Parser;

use crate::cli::Cli;
use crate::env::Env;
use crate::report::Report;

fn main() -> ExitCode {
    hardening::apply();
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
