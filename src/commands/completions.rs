//! `amika completions SHELL`: a script that lets the shell ask this program for completions.

use std::ffi::OsStr;
use std::path::Path;

use clap::{Args, Command, ValueEnum};
use clap_complete::CompleteEnv;
use clap_complete::engine::CompletionCandidate;
use clap_complete::env::Shells;

use crate::error::{Error, Kind, Result};
use crate::system::env::Env;

/// The variable that the script sets to the shell's name to request completions.
const VARIABLE: &str = "AMIKA_COMPLETE";
const PROGRAM: &str = "amika";

#[derive(Debug, Args)]
pub(crate) struct CompletionsArgs {
    /// Shell to print the script for
    #[arg(value_enum, value_name = "SHELL")]
    pub(crate) shell: Shell,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Shell {
    Bash,
    Elvish,
    Fish,
    Powershell,
    Zsh,
}

impl Shell {
    fn name(self) -> &'static str {
        match self {
            Self::Bash => "bash",
            Self::Elvish => "elvish",
            Self::Fish => "fish",
            Self::Powershell => "powershell",
            Self::Zsh => "zsh",
        }
    }
}

/// The script for one shell.
pub(crate) fn script(shell: Shell) -> Result<String> {
    let failed = || Error::new(Kind::Output, "failed to write the completion script");
    let mut script = Vec::new();
    Shells::builtins()
        .completer(shell.name())
        .ok_or_else(failed)?
        .write_registration(VARIABLE, PROGRAM, PROGRAM, PROGRAM, &mut script)
        .map_err(|error| failed().because(error))?;
    String::from_utf8(script).map_err(|error| failed().because(error))
}

/// Answers a completion request of the script; returns `false` if this is not one.
pub(crate) fn answer(env: &Env, tree: fn() -> Command) -> bool {
    if env.path(VARIABLE).is_none() {
        return false;
    }
    let complete = CompleteEnv::with_factory(|| visible_commands(&tree()))
        .var(VARIABLE)
        .bin(PROGRAM);
    // On an error, the shell offers no completion; a message would appear in the prompt.
    complete
        .try_complete(env.arguments.iter().cloned(), Some(Path::new(".")))
        .unwrap_or(true)
}

/// The command line without hidden commands, which would be offered if nothing else matches.
fn visible_commands(all: &Command) -> Command {
    let visible = all.get_subcommands().filter(|command| !command.is_hide_set());
    Command::new(PROGRAM)
        .disable_help_subcommand(true)
        .version(env!("CARGO_PKG_VERSION"))
        .args(all.get_arguments())
        .subcommands(visible)
}

/// Completes the last name of a comma-separated list with the variables that are set.
pub(crate) fn variable_names(typed: &OsStr) -> Vec<CompletionCandidate> {
    let Some(typed) = typed.to_str() else {
        return Vec::new();
    };
    let (before, last) = typed.split_at(typed.rfind(',').map_or(0, |comma| comma + 1));
    let env = Env::system();
    let mut names: Vec<_> = env
        .variable_names()
        .filter(|name| name.starts_with(last))
        .collect();
    names.sort_unstable();
    let complete = names.into_iter().map(|name| format!("{before}{name}"));
    complete.map(CompletionCandidate::new).collect()
}
