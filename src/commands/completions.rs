//! `amika completions SHELL`: a completion script, generated from the command line's definition.

use clap::CommandFactory;

use crate::cli::Cli;

pub(crate) fn script(shell: clap_complete::Shell) -> String {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "amika", &mut script);
    String::from_utf8_lossy(&script).into_owned()
}
