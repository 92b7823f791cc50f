//! The top level of the command line, and the layout of its help.
//!
//! Values that could be secrets have no parser that can fail, because clap quotes refused values.

mod habits;
#[cfg(test)]
mod tests;
pub(crate) mod usage;

use std::fmt::Display;

use clap::Parser;

use crate::commands::Command;
use crate::commands::variables::VARIABLES;
use crate::error::Kind;
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

fn after_long_help() -> String {
    // clap breaks a long line so that it goes on below the start of its first word.
    let entry = |name: &dyn Display, meaning: &str| format!("\n  {name}\n          {meaning}");
    let variables = VARIABLES.iter().map(|(name, meaning)| entry(name, meaning));
    let codes = Kind::meanings().map(|(kind, meaning)| entry(&kind.exit_code(), &meaning));
    format!(
        "{EXAMPLES}\n\nEnvironment variables:{}\n\nExit codes:{}{}",
        variables.collect::<String>(),
        entry(&0, "Success"),
        codes.collect::<String>()
    )
}
