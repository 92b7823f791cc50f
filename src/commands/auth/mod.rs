//! `amika auth …`: the CLI's own credential.

mod login;
mod logout;
mod status;

use clap::Subcommand;

use self::login::LoginArgs;
use self::status::StatusArgs;
use crate::context::Context;
use crate::error::Result;

#[derive(Debug, Subcommand)]
pub(crate) enum AuthCommand {
    /// Log in with a browser, or store an API key
    #[command(
        after_help = "Examples:\n  amika auth login\n  amika auth login --no-browser --store keyring\n  amika auth login --api-key-file key.txt\n  printf %s \"$KEY\" | amika auth login --api-key-file -"
    )]
    Login(LoginArgs),
    /// Show which credential is used, and what it shadows
    #[command(after_help = "Examples:\n  amika auth status\n  amika auth status --check -o json")]
    Status(StatusArgs),
    /// Remove the stored credentials
    #[command(after_help = "Example:\n  amika auth logout")]
    Logout,
}

pub(crate) async fn run(command: &AuthCommand, context: &Context) -> Result<()> {
    match command {
        AuthCommand::Login(args) => login::run(args, context).await,
        AuthCommand::Status(args) => status::run(args, context).await,
        AuthCommand::Logout => logout::run(context).await,
    }
}
