//! `amika auth …`: the CLI's own credential.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use crate::auth::keeper::Keeper;

#[derive(Debug, Subcommand)]
pub enum AuthCommand {
    /// Log in with a browser, or store an API key
    #[command(
        after_help = "Examples:\n  amika auth login\n  amika auth login --no-browser --store keyring\n  amika auth login --api-key-file key.txt\n  printf %s \"$KEY\" | amika auth login --api-key-file -"
    )]
    Login(LoginArgs),
    /// Show which credential is used, and what it shadows
    #[command(after_help = "Examples:\n  amika auth status\n  amika auth status --check -o json")]
    Status(StatusArgs),
    /// Remove what login has stored
    #[command(after_help = "Example:\n  amika auth logout")]
    Logout,
}

#[derive(Debug, Args)]
pub struct LoginArgs {
    /// Store the API key in this file instead of logging in; - is standard input
    #[arg(long, value_name = "FILE")]
    pub api_key_file: Option<PathBuf>,
    /// Only print the address and the code
    #[arg(long, conflicts_with = "api_key_file")]
    pub no_browser: bool,
    /// Where to keep the secret part
    #[arg(long, value_enum, default_value_t = Keeper::File)]
    pub store: Keeper,
}

#[derive(Debug, Args)]
pub struct StatusArgs {
    /// Also ask the API whether it accepts the credential
    #[arg(long)]
    pub check: bool,
}
