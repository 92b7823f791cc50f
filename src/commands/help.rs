//! `amika help [COMMAND…]`: the same help as `--help`.

use clap::{Args, CommandFactory};

use crate::cli::{Cli, unknown_command};
use crate::error::Result;
use crate::ui::printer::Printer;

#[derive(Debug, Args)]
pub(crate) struct HelpArgs {
    /// The command to describe, for example `secret push`
    #[arg(value_name = "COMMAND", value_hint = clap::ValueHint::Other)]
    pub(crate) command: Vec<String>,
}

pub(crate) fn run(args: &HelpArgs, printer: Printer) -> Result<()> {
    let mut root = Cli::command();
    root.build();
    let mut command = &mut root;
    for word in &args.command {
        if command
            .find_subcommand(word)
            .is_none_or(clap::Command::is_hide_set)
        {
            return Err(unknown_command(command, word));
        }
        command = command
            .find_subcommand_mut(word)
            .unwrap_or_else(|| unreachable!("it was found"));
    }
    printer.raw(printer.styled(&command.render_long_help()).trim_end())
}
