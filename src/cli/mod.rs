//! The command line: its shape and its help, and nothing else.
//!
//! No value that could be a secret has a parser that may fail, because clap quotes what it refuses.

pub mod auth;
pub mod credential;

use std::ffi::OsString;
use std::path::PathBuf;

use clap::{ArgAction, Args, ColorChoice, Parser, Subcommand, ValueEnum};

use self::auth::AuthCommand;
use self::credential::ProviderCommand;
use crate::secret::Scope;

/// Put secrets into a hosted vault, safely and fast
#[derive(Debug, Parser)]
#[command(
    name = "amika",
    version,
    propagate_version = true,
    arg_required_else_help = true,
    disable_help_subcommand = true,
    max_term_width = 100,
    after_help = "Example:\n  amika secret push --from-file .env\n\nExit codes: 0 done, 1 refused, 2 usage, 3 no credential, 4 bad local input, 5 partial,\n  6 unreachable, 7 not the API, 8 state not saved, 130/143 signal, 141 stdout closed"
)]
pub struct Cli {
    #[command(flatten)]
    pub global: Global,
    #[command(subcommand)]
    pub command: Command,
}

#[derive(Debug, Clone, Args)]
pub struct Global {
    /// How to print results
    #[arg(short, long, value_enum, global = true, default_value_t = OutputFormat::Text, help_heading = "Global options")]
    pub output: OutputFormat,
    /// Answer yes to the confirmation
    #[arg(short, long, global = true, help_heading = "Global options")]
    pub yes: bool,
    /// Print no plan, progress or notices
    #[arg(short, long, global = true, help_heading = "Global options")]
    pub quiet: bool,
    /// Print a line for each request (method, path, status, time, trace id)
    #[arg(short, long, action = ArgAction::Count, global = true, help_heading = "Global options")]
    pub verbose: u8,
    /// When to use colour
    #[arg(long, value_name = "WHEN", global = true, default_value_t = ColorChoice::Auto, help_heading = "Global options")]
    pub color: ColorChoice,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum OutputFormat {
    Text,
    Json,
    JsonPretty,
}

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Push, list and delete secrets
    #[command(
        subcommand,
        alias = "secrets",
        arg_required_else_help = true,
        after_help = "Example:\n  amika secret push --from-env DATABASE_URL,REDIS_URL --yes"
    )]
    Secret(SecretCommand),
    /// Log in, log out, show which credential is used
    #[command(
        subcommand,
        arg_required_else_help = true,
        after_help = "Example:\n  amika auth login"
    )]
    Auth(AuthCommand),
    /// Print a completion script for a shell
    #[command(
        after_help = "Example:\n  amika completions bash > ~/.local/share/bash-completion/completions/amika"
    )]
    Completions { shell: clap_complete::Shell },
    /// Print the manual page
    #[command(after_help = "Example:\n  amika man | man -l -")]
    Man,
    /// Open a page; started by login as a process that knows nothing secret
    #[command(
        hide = true,
        after_help = "Example:\n  amika open-browser https://app.amika.dev"
    )]
    OpenBrowser { url: String },
}

#[derive(Debug, Subcommand)]
pub enum SecretCommand {
    /// Create or update secrets
    #[command(after_help = PUSH_EXAMPLES)]
    Push(PushArgs),
    /// List the secrets that you can see (never their values)
    #[command(
        visible_alias = "ls",
        after_help = "Examples:\n  amika secret list\n  amika secret list --scope org -o json"
    )]
    List(ListArgs),
    /// Delete secrets
    #[command(
        visible_alias = "rm",
        after_help = "Examples:\n  amika secret delete DATABASE_URL\n  amika secret delete OLD_KEY --scope org --yes"
    )]
    Delete(DeleteArgs),
    /// Find the credentials that coding tools keep on this machine
    #[command(after_help = EXTRACT_EXAMPLES)]
    Extract(ExtractArgs),
    #[command(flatten)]
    Credential(ProviderCommand),
}

const PUSH_EXAMPLES: &str = "\
Examples:
  amika secret push OPENAI_API_KEY                     ask for the value, unseen
  amika secret push TLS_KEY --yes < key.pem            the value from standard input
  amika secret push --from-env DATABASE_URL,REDIS_URL  from variables, as in CI
  amika secret push --from-file .env --dry-run         show what would happen
  amika secret push DATABASE_URL=postgres://...        inline

A value given inline is visible to other processes (/proc/PID/cmdline) and stays in the shell's
history; NAME alone, --from-env and --from-file are not. When a name comes from several sources,
--from-env wins over inline and standard input, and these win over --from-file.";

#[derive(Debug, Args)]
pub struct PushArgs {
    /// A secret, or its name alone to read the value from standard input or a hidden prompt
    #[arg(value_name = "NAME[=VALUE]")]
    pub secrets: Vec<OsString>,
    /// Take these environment variables (comma-separated; repeatable)
    #[arg(long, value_name = "NAMES", value_delimiter = ',')]
    pub from_env: Vec<OsString>,
    /// Take every entry of this file; - is standard input (repeatable)
    #[arg(long, value_name = "FILE")]
    pub from_file: Vec<PathBuf>,
    /// How the files are written
    #[arg(long, value_enum, value_name = "FORMAT", default_value_t = EnvFormat::Dotenv)]
    pub env_format: EnvFormat,
    #[command(flatten)]
    pub write: WriteArgs,
}

/// What every command that writes generic secrets lets the person choose.
#[derive(Debug, Clone, Args)]
pub struct WriteArgs {
    /// Who may use the secrets
    #[arg(long, value_enum, default_value_t = Scope::User)]
    pub scope: Scope,
    /// Show the plan and write nothing
    #[arg(long)]
    pub dry_run: bool,
    /// Keep exactly this many writes in flight [default: adapts, 8 to 64]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u8).range(1..=64))]
    pub jobs: Option<u8>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum EnvFormat {
    /// Quotes are removed, `export ` and comments are allowed, `$` is literal
    Dotenv,
    /// As `docker run --env-file`: everything after the first `=`, verbatim
    Docker,
    /// One object of string values
    Json,
}

const EXTRACT_EXAMPLES: &str = "\
Examples:
  amika secret extract                                 show what is there, masked
  amika secret extract --all                           and what it outranks
  amika secret extract --push                          put it into the vault, after a confirmation
  amika secret extract --push --only OPENAI_API_KEY --yes
  eval \"$(amika secret extract --export)\"             into this shell

Looks where Claude Code, Codex, OpenCode and Amp keep their logins, by the rules that each tool
itself follows. Nothing is sent without --push, no token is refreshed, and no helper is run.";

#[derive(Debug, Args)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of the command line")]
pub struct ExtractArgs {
    /// Also show the credentials that are outranked, and by which
    #[arg(long)]
    pub all: bool,
    /// Keep only these names (comma-separated; repeatable)
    #[arg(long, value_name = "NAMES", value_delimiter = ',')]
    pub only: Vec<String>,
    /// Leave out access tokens, which work for hours at most
    #[arg(long)]
    pub no_oauth: bool,
    /// Look at another home, without this one's variables and keychain
    #[arg(long, value_name = "DIR")]
    pub homedir: Option<PathBuf>,
    /// Print `export NAME='value'` lines with the real values, for eval
    #[arg(long, conflicts_with_all = ["push", "all"])]
    pub export: bool,
    /// Go on, and exit with 0, when a credential store cannot be read
    #[arg(long)]
    pub skip_unreadable: bool,
    /// Push what is shown
    #[arg(long)]
    pub push: bool,
    #[command(flatten)]
    pub write: WriteArgs,
}

#[derive(Debug, Args)]
pub struct ListArgs {
    /// Only secrets of this scope
    #[arg(long, value_enum)]
    pub scope: Option<Scope>,
}

#[derive(Debug, Args)]
pub struct DeleteArgs {
    /// The secrets to delete
    #[arg(value_name = "NAME", required_unless_present = "ids")]
    pub names: Vec<String>,
    /// Delete by id instead of by name (repeatable)
    #[arg(long = "id", value_name = "ID", conflicts_with = "names")]
    pub ids: Vec<String>,
    /// Where to look for the names
    #[arg(long, value_enum, default_value_t = Scope::User)]
    pub scope: Scope,
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_tree_is_sound() {
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
