//! Commands whose definition is built only if they are used, so that the start-up of a command does
//! not build the options of the others.

use clap::builder::Resettable;
use clap::{ArgMatches, Args, Command, Error, FromArgMatches, Subcommand};

/// The arguments or subcommands `T` of a command. Properties of the command itself, such as its
/// description, are always built, because the help of its parent shows them.
#[derive(Debug)]
pub(crate) struct Deferred<T>(pub(crate) T);

/// Applies `define`, but drops the description that clap takes from the doc comment of `T`.
fn keeping_description(command: Command, define: fn(Command) -> Command) -> Command {
    let [short, long] =
        [command.get_about(), command.get_long_about()].map(|text| Resettable::from(text.cloned()));
    define(command).about(short).long_about(long)
}

impl<T: Args> Args for Deferred<T> {
    fn augment_args(command: Command) -> Command {
        command.defer(|command| keeping_description(command, T::augment_args))
    }

    fn augment_args_for_update(command: Command) -> Command {
        Self::augment_args(command)
    }
}

impl<T: Subcommand> Subcommand for Deferred<T> {
    fn augment_subcommands(command: Command) -> Command {
        command.defer(|command| keeping_description(command, T::augment_subcommands))
    }

    fn augment_subcommands_for_update(command: Command) -> Command {
        Self::augment_subcommands(command)
    }

    fn has_subcommand(name: &str) -> bool {
        T::has_subcommand(name)
    }
}

impl<T: FromArgMatches> FromArgMatches for Deferred<T> {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, Error> {
        T::from_arg_matches(matches).map(Self)
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), Error> {
        self.0.update_from_arg_matches(matches)
    }
}
