//! The commands, one file each.

pub(crate) mod auth;
pub(crate) mod completions;
pub(crate) mod credential;
pub(crate) mod deletion;
pub(crate) mod man;
pub(crate) mod secret;
pub(crate) mod variables;
mod version;

use clap::Subcommand;

use self::auth::AuthCommand;
use self::completions::CompletionsArgs;
use self::man::ManArgs;
use self::secret::SecretCommand;
use crate::context::connected;
use crate::error::{Error, Kind, Result};
use crate::system::env::Env;
use crate::system::keychain::SystemKeychain;
use crate::ui::options::GlobalOptions;
use crate::ui::printer::Printer;

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Push, list and delete secrets
    #[command(
        subcommand,
        alias = "secrets",
        arg_required_else_help = true,
        after_help = "Example:\n  amika secret push --from-env DATABASE_URL,REDIS_URL --yes"
    )]
    Secret(SecretCommand),
    /// Log in, log out and show which credential is used
    #[command(
        subcommand,
        arg_required_else_help = true,
        after_help = "Example:\n  amika auth login"
    )]
    Auth(AuthCommand),
    /// Print a shell completion script
    #[command(
        alias = "completion",
        after_help = "Examples:
  amika completions bash > ~/.local/share/bash-completion/completions/amika
  amika completions fish > ~/.config/fish/completions/amika.fish
  amika completions zsh > \"${fpath[1]}/_amika\"
  source <(amika completions zsh)
  amika completions powershell > amika.ps1  then '. ./amika.ps1' in $PROFILE"
    )]
    Completions(CompletionsArgs),
    /// Print a manual page, or write all of them to a directory
    #[command(after_help = "Examples:
  amika man | man -l -
  amika man secret push | man -l -
  amika man --out ~/.local/share/man/man1")]
    Man(ManArgs),
    /// Print the version, commit, date and target of this build
    #[command(after_help = "Example:\n  amika version -o json")]
    Version,
    /// Open a page in the browser; login starts this without secrets in its environment
    #[command(
        hide = true,
        after_help = "Example:\n  amika open-browser https://app.amika.dev"
    )]
    OpenBrowser { url: String },
}

/// Runs the command. `tree` builds the definition of the command line, from which help, manual pages
/// and completions are made.
pub(crate) fn run(
    command: Command,
    env: Env,
    options: GlobalOptions,
    printer: Printer,
    tree: fn() -> clap::Command,
) -> Result<()> {
    // A wrong setting is an error even if the command does not need the keychain.
    if matches!(command, Command::Secret(_) | Command::Auth(_)) {
        SystemKeychain::check_setting(&env)?;
    }
    match command {
        Command::Secret(command) => secret::run(command, env, options, printer),
        Command::Auth(command) => connected(env, options, printer, async |context| {
            auth::run(&command, context).await
        }),
        Command::Completions(args) => printer.raw(&completions::script(args.shell)?),
        Command::Man(args) => man::run(&args, tree(), printer),
        Command::Version => version::run(printer),
        Command::OpenBrowser { url } => {
            opener::open_browser(url).map_err(|_| Error::new(Kind::Refused, "no browser could be opened"))
        }
    }
}
