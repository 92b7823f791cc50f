//! `amika help [COMMAND…]`: the same help as `--help`.

use clap::{Args, Command};

use crate::commands::suggestions;
use crate::error::Result;
use crate::ui::printer::Printer;

#[derive(Debug, Args)]
pub(crate) struct HelpArgs {
    /// Command to describe, such as `secret push`
    #[arg(value_name = "COMMAND", value_hint = clap::ValueHint::Other)]
    pub(crate) command: Vec<String>,
}

pub(crate) fn run(args: &HelpArgs, mut tree: Command, printer: Printer) -> Result<()> {
    tree.build();
    suggestions::find(&tree, &args.command)?;
    let words = args.command.iter().map(String::as_str);
    let line = ["amika"].into_iter().chain(words).chain(["--help"]);
    match tree.try_get_matches_from(line) {
        // clap gives the help of `--help` as an error.
        Err(help) => printer.raw(printer.styled(&help.render()).trim_end()),
        Ok(_) => Ok(()),
    }
}
