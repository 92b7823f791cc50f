//! The top level of the command line, and the layout of its help.
//!
//! Values that could be secrets have no parser that can fail, because clap quotes refused values.

mod habits;
#[cfg(test)]
mod tests;
pub(crate) mod usage;

use clap::Parser;

use crate::commands::Command;
use crate::commands::variables::VARIABLES;
use crate::error::Kind;
use crate::ui::lines::wrap;
use crate::ui::options::GlobalOptions;

/// Put secrets into a hosted vault, safely and fast
#[derive(Debug, Parser)]
#[command(
    name = "amika",
    bin_name = "amika",
    version,
    arg_required_else_help = true,
    max_term_width = 120,
    after_help = EXAMPLES,
    after_long_help = after_long_help()
)]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) options: GlobalOptions,
    #[command(subcommand)]
    pub(crate) command: Command,
}

const EXAMPLES: &str = "Examples:
  amika auth login
  amika secret push --from-file .env
  amika help secret push";

/// The width in columns for which the list of exit codes is made.
const NARROWEST: usize = 50;

fn after_long_help() -> String {
    // clap breaks a long line so that it goes on below the start of its first word.
    let variables = VARIABLES
        .iter()
        .map(|(name, meaning)| format!("  {name}\n          {meaning}"));
    let codes = Kind::meanings().map(|(kind, meaning)| {
        let meaning = wrap(&meaning, NARROWEST - 7).join("\n       ");
        format!("  {:<5}{meaning}", kind.exit_code())
    });
    format!(
        "{EXAMPLES}\n\nEnvironment variables:\n{}\n\nExit codes:\n  0    Success\n{}",
        variables.collect::<Vec<_>>().join("\n"),
        codes.collect::<Vec<_>>().join("\n")
    )
}
