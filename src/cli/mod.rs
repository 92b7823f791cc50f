//! The top of the command line: the commands, and the layout of the help.
//!
//! No value that could be a secret has a parser that may fail, because clap quotes what it refuses.

pub(crate) mod suggestions;
pub(crate) mod usage;

use clap::{Parser, Subcommand};

use crate::commands::auth::AuthCommand;
use crate::commands::completions::CompletionsArgs;
use crate::commands::help::HelpArgs;
use crate::commands::man::ManArgs;
use crate::commands::secret::SecretCommand;
use crate::error::Kind;
use crate::ui::options::GlobalOptions;

/// The variables that every command reads, for the manual and the help.
pub(crate) const VARIABLES: &[(&str, &str)] = &[
    ("AMIKA_API_KEY", "API key to use instead of the stored credential"),
    ("AMIKA_API_URL", "API origin [default: https://app.amika.dev]"),
    ("AMIKA_STATE_DIRECTORY", "Directory for stored credentials"),
    ("AMIKA_WORKOS_CLIENT_ID", "WorkOS client ID to log in with"),
    ("AMIKA_HTTP_TIMEOUT", "Timeout of one request in seconds, 1 to 30"),
    ("AMIKA_KEYCHAIN", "Set to off to never use the keychain"),
    (
        "HTTPS_PROXY, NO_PROXY",
        "Proxy to use, and hosts to reach without it",
    ),
    ("SSL_CERT_FILE", "PEM file of certificate authorities to trust"),
    ("NO_COLOR", "Disable colours"),
    (
        "CI",
        "If set, nothing is asked: a command that needs a confirmation exits with 2",
    ),
];

/// Put secrets into a hosted vault, safely and fast
#[derive(Debug, Parser)]
#[command(
    name = "amika",
    version,
    arg_required_else_help = true,
    disable_help_subcommand = true,
    max_term_width = 120,
    after_help = after_help(),
    after_long_help = after_long_help()
)]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) options: GlobalOptions,
    #[command(subcommand)]
    pub(crate) command: Command,
}

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
        visible_alias = "completion",
        after_help = "Examples:
  amika completions bash > ~/.local/share/bash-completion/completions/amika
  amika completions fish > ~/.config/fish/completions/amika.fish
  source <(amika completions zsh)"
    )]
    Completions(CompletionsArgs),
    /// Print a manual page, or write all of them to a directory
    #[command(after_help = "Examples:
  amika man | man -l -
  amika man secret push | man -l -
  amika man --out ~/.local/share/man/man1")]
    Man(ManArgs),
    /// Print help for a command
    #[command(after_help = "Example:\n  amika help secret push")]
    Help(HelpArgs),
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

const EXAMPLES: &str = "Examples:
  amika auth login
  amika secret push --from-file .env
  amika help secret push";

fn after_help() -> String {
    format!("{EXAMPLES}\n\nSee 'amika --help' for environment variables and exit codes.")
}

fn after_long_help() -> String {
    let variables = VARIABLES
        .iter()
        .map(|(name, meaning)| format!("  {name:<23} {meaning}"));
    let codes = Kind::ALL
        .iter()
        .map(|kind| format!("  {:<4} {}", kind.exit_code(), kind.meaning()));
    format!(
        "{EXAMPLES}\n\nEnvironment variables:\n{}\n\nExit codes:\n  0    Success\n{}",
        variables.collect::<Vec<_>>().join("\n"),
        codes.collect::<Vec<_>>().join("\n")
    )
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_clap_definition_is_valid() {
        Cli::command().debug_assert();
    }

    #[test]
    fn every_command_has_an_example() {
        fn check(command: &clap::Command) {
            let help = command.get_after_help().map(ToString::to_string);
            assert!(
                help.is_some_and(|help| help.contains("Example")),
                "{}",
                command.get_name()
            );
            command.get_subcommands().for_each(check);
        }
        check(&Cli::command());
    }
}
