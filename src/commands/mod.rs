//! One file per command: each reads as the path of its data.

pub(crate) mod auth;
pub(crate) mod completions;
pub(crate) mod credential;
pub(crate) mod deletion;
#[cfg(test)]
mod docs;
pub(crate) mod help;
pub(crate) mod man;
pub(crate) mod secret;
mod version;

use crate::cli::{Cli, Command};
use crate::context::connected;
use crate::error::{Error, Kind, Result};
use crate::system::env::Env;
use crate::ui::printer::Printer;

/// Runs the command.
pub(crate) fn run(cli: Cli, env: Env, printer: Printer) -> Result<()> {
    let Cli { options, command } = cli;
    match command {
        Command::Secret(command) => secret::run(command, env, options, printer),
        Command::Auth(command) => connected(env, options, printer, async |context| {
            auth::run(&command, context).await
        }),
        Command::Completions(args) => printer.raw(&completions::script(args.shell)?),
        Command::Man(args) => man::run(&args, printer),
        Command::Help(args) => help::run(&args, printer),
        Command::Version => version::run(printer),
        Command::OpenBrowser { url } => {
            opener::open_browser(url).map_err(|_| Error::new(Kind::Refused, "no browser could be opened"))
        }
    }
}
