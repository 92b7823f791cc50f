//! The command line: its shape and its help, and nothing else.
//!
//! No value that could be a secret has a parser that may fail, because clap quotes what it refuses.

use std::ffi::OsString;

use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{Parser, Subcommand};

use crate::commands::auth::AuthCommand;
use crate::commands::secret::SecretCommand;
use crate::error::{Error, Result};
use crate::ui::options::{GlobalOptions, OutputFormat};
use crate::ui::printer::Printer;

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

/// The global options of a command line that could not be parsed: only whether errors should be
/// JSON matters then.
pub(crate) fn global_options(arguments: &[OsString]) -> GlobalOptions {
    let json = arguments.iter().filter_map(|text| text.to_str()).any(|text| {
        let value = text
            .strip_prefix("--output=")
            .or_else(|| text.strip_prefix("-o"))
            .unwrap_or(text);
        matches!(value, "json" | "json-pretty")
    });
    GlobalOptions {
        output: if json {
            OutputFormat::Json
        } else {
            OutputFormat::Text
        },
        yes: false,
        quiet: false,
        verbose: 0,
        color: clap::ColorChoice::Auto,
    }
}

/// Help and version are answers; everything else is an error.
pub(crate) fn answer(refused: &clap::Error, printer: Printer) -> Result<()> {
    match refused.kind() {
        ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => {
            printer.raw(refused.render().to_string().trim_end())
        }
        ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand => {
            printer.aside(refused.render().to_string().trim_end());
            Err(Error::usage("a command is missing").hint("add one of those above"))
        }
        _ => Err(explain(refused)),
    }
}

fn explain(error: &clap::Error) -> Error {
    let argument = || text(error, ContextKind::InvalidArg).unwrap_or_else(|| "an argument".to_owned());
    let message = match error.kind() {
        ErrorKind::InvalidSubcommand => "there is no such command".to_owned(),
        ErrorKind::UnknownArgument => "there is no such option or argument".to_owned(),
        ErrorKind::InvalidValue | ErrorKind::ValueValidation
            if text(error, ContextKind::InvalidValue).is_none() =>
        {
            format!("{} needs a value", argument())
        }
        ErrorKind::InvalidValue | ErrorKind::ValueValidation => {
            format!("{} does not take this value", argument())
        }
        ErrorKind::MissingRequiredArgument => format!("missing: {}", argument()),
        ErrorKind::ArgumentConflict => {
            let other = text(error, ContextKind::PriorArg);
            let other = other.unwrap_or_else(|| "the other options".to_owned());
            format!("{} cannot be used with {other}", argument())
        }
        ErrorKind::TooManyValues | ErrorKind::TooFewValues | ErrorKind::WrongNumberOfValues => {
            format!("{} has the wrong number of values", argument())
        }
        ErrorKind::InvalidUtf8 => "an argument is not valid UTF-8".to_owned(),
        _ => "the command line cannot be read".to_owned(),
    };
    let allowed = [
        (ContextKind::ValidValue, "possible values"),
        (ContextKind::SuggestedArg, "did you mean"),
        (ContextKind::SuggestedSubcommand, "did you mean"),
        (ContextKind::ValidSubcommand, "commands"),
    ];
    let suggestion = allowed
        .into_iter()
        .find_map(|(kind, label)| Some(format!("{label}: {}", text(error, kind)?)));
    Error::usage(message).hint(suggestion.unwrap_or_else(|| "see --help".to_owned()))
}

fn text(error: &clap::Error, kind: ContextKind) -> Option<String> {
    let text = match error.get(kind)? {
        ContextValue::String(text) => text.clone(),
        ContextValue::Strings(texts) => texts.join(", "),
        _ => return None,
    };
    Some(text).filter(|text| !text.is_empty())
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

    #[test]
    fn r17_nothing_typed_is_repeated() {
        for arguments in [
            vec!["secret", "TOKEN=hunter2"],
            vec!["hunter2"],
            vec!["secret", "push", "--hunter2"],
            vec!["secret", "push", "-hunter2"],
            vec!["secret", "push", "A=1", "--scope", "hunter2"],
            vec!["secret", "push", "A=1", "--jobs", "hunter2"],
            vec!["secret", "push", "--scope=hunter2"],
            vec!["secret", "list", "hunter2"],
            vec!["-o", "hunter2", "secret", "list"],
        ] {
            let error = Cli::try_parse_from([vec!["amika"], arguments].concat()).unwrap_err();
            let error = explain(&error);
            let said = format!("{error} {:?}", error.hint);
            assert!(!said.contains("hunter2"), "{said}");
            assert_eq!(error.kind.exit_code(), 2);
        }
    }
}
