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

use self::credential::{CredentialCommand, ProviderCommand};
use self::secret::{SecretCommand, check, delete, extract, list, push};
use crate::cli::{Cli, Command};
use crate::context::connected;
use crate::error::{Error, Kind, Result};
use crate::system::env::Env;
use crate::ui::printer::Printer;

/// Runs the command; a runtime is started only for those that need the network.
pub(crate) fn run(cli: Cli, env: Env, printer: Printer) -> Result<()> {
    let Cli { options, command } = cli;
    let command = match command {
        Command::Secret(command) => command,
        Command::Auth(command) => {
            return connected(env, options, printer, async |c| auth::run(&command, c).await);
        }
        Command::Completions(args) => return printer.raw(&completions::script(args.shell)?),
        Command::Man(args) => return man::run(&args, printer),
        Command::Help(args) => return help::run(&args, printer),
        Command::Version => return version::run(printer),
        Command::OpenBrowser { url } => {
            return opener::open_browser(url)
                .map_err(|_| Error::new(Kind::Refused, "no browser could be opened"));
        }
    };
    match command {
        SecretCommand::Push(args) => connected(env, options, printer, async |c| push::run(&args, c).await),
        SecretCommand::List(args) => connected(env, options, printer, async |c| list::run(&args, c).await),
        SecretCommand::Check(args) => connected(env, options, printer, async |c| check::run(&args, c).await),
        SecretCommand::Delete(args) => {
            connected(env, options, printer, async |c| delete::run(&args, c).await)
        }
        SecretCommand::Credential(ProviderCommand { provider, command }) => match command {
            CredentialCommand::Push(args) => {
                let local = credential::find::find_local(provider, &args, &env, printer);
                connected(env, options, printer, async |c| {
                    credential::warn_of_left_behind(provider, args.from_file.as_deref(), c);
                    credential::push::run(provider, &args, local, c).await
                })
            }
            CredentialCommand::List => connected(env, options, printer, async |c| {
                credential::warn_of_left_behind(provider, None, c);
                credential::list::run(provider, c).await
            }),
            CredentialCommand::Delete(args) => connected(env, options, printer, async |c| {
                credential::warn_of_left_behind(provider, None, c);
                credential::delete::run(provider, &args, c).await
            }),
        },
        SecretCommand::Extract(args) => {
            let extraction = extract::find(&args, &options, &env, printer)?;
            if args.push {
                connected(env, options, printer, async |c| extraction.push(&args, c).await)
            } else {
                extraction.show(&args, printer)
            }
        }
    }
}
