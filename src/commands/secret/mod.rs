//! `amika secret …`: generic secrets.

pub(crate) mod check;
pub(crate) mod delete;
pub(crate) mod edit;
pub(crate) mod extract;
mod extracted;
pub(crate) mod list;
pub(crate) mod push;

use clap::Subcommand;

use self::check::{CHECK_EXAMPLES, CheckArgs};
use self::delete::DeleteArgs;
use self::edit::EditArgs;
use self::extract::{EXTRACT_EXAMPLES, ExtractArgs};
use self::list::ListArgs;
use self::push::{PUSH_EXAMPLES, PushArgs};
use super::credential::{self, ProviderCommand};
use crate::context::connected;
use crate::error::Result;
use crate::system::env::Env;
use crate::ui::options::GlobalOptions;
use crate::ui::printer::Printer;

#[derive(Debug, Subcommand)]
pub(crate) enum SecretCommand {
    /// Create or update secrets
    #[command(after_help = PUSH_EXAMPLES)]
    Push(PushArgs),
    /// List secrets, without their values
    #[command(
        visible_alias = "ls",
        after_help = "Examples:\n  amika secret list\n  amika secret list --scope org -o json"
    )]
    List(ListArgs),
    /// Change the name or the description of a secret
    #[command(
        after_help = "Examples:\n  amika secret edit DB_URL --rename DATABASE_URL\n  amika secret edit DATABASE_URL --description 'staging, read only'"
    )]
    Edit(EditArgs),
    /// Delete secrets
    #[command(
        visible_alias = "rm",
        after_help = "Examples:\n  amika secret delete DATABASE_URL\n  amika secret delete OLD_KEY --scope org --yes"
    )]
    Delete(DeleteArgs),
    /// Check that the vault has every secret that .amika/config.toml references
    #[command(after_help = CHECK_EXAMPLES)]
    Check(CheckArgs),
    /// Find credentials of coding tools on this machine
    #[command(after_help = EXTRACT_EXAMPLES)]
    Extract(ExtractArgs),
    #[command(flatten)]
    Credential(ProviderCommand),
}

/// Runs the command. Commands that only read local files do not start a runtime.
pub(crate) fn run(command: SecretCommand, env: Env, options: GlobalOptions, printer: Printer) -> Result<()> {
    match command {
        SecretCommand::Push(args) => connected(env, options, printer, async |c| push::run(&args, c).await),
        SecretCommand::List(args) => connected(env, options, printer, async |c| list::run(&args, c).await),
        SecretCommand::Check(args) => connected(env, options, printer, async |c| check::run(&args, c).await),
        SecretCommand::Edit(args) => connected(env, options, printer, async |c| edit::run(&args, c).await),
        SecretCommand::Delete(args) => {
            connected(env, options, printer, async |c| delete::run(&args, c).await)
        }
        SecretCommand::Extract(args) => extract::run(&args, env, options, printer),
        SecretCommand::Credential(command) => credential::run(&command, env, options, printer),
    }
}
