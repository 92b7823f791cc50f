//! `amika auth …`: the CLI's own credential.

mod login;
mod logout;
mod status;

use super::Context;
use crate::cli::auth::AuthCommand;
use crate::error::Result;

pub async fn run(command: &AuthCommand, context: &Context) -> Result<()> {
    match command {
        AuthCommand::Login(args) => login::run(args, context).await,
        AuthCommand::Status(args) => status::run(args, context).await,
        AuthCommand::Logout => logout::run(context).await,
    }
}
