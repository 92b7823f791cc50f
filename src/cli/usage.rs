//! Usage errors, without repeating an argument that could be a secret.

use std::ffi::OsString;
use std::path::Path;

use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{CommandFactory, ValueEnum, ValueHint};

use super::Cli;
use crate::commands::suggestions::{is_similar, quoted, unknown_command};
use crate::error::{Error, Result};
use crate::formats::shell;
use crate::ui::options::{GlobalOptions, OutputFormat};
use crate::ui::printer::Printer;

/// The global options of a command line that could not be parsed. Only the output format is needed,
/// and only the value of `-o` or `--output` sets it.
pub(crate) fn global_options(arguments: &[OsString]) -> GlobalOptions {
    let mut output = OutputFormat::Text;
    let mut texts = arguments
        .iter()
        .skip(1)
        .map(|text| text.to_str().unwrap_or_default());
    while let Some(text) = texts.next() {
        let value = match text {
            "--" => break,
            "--output" => texts.next(),
            _ => text.strip_prefix("--output=").or_else(|| short_output(text)),
        };
        let value = if value == Some("") { texts.next() } else { value };
        if let Some(chosen) = value.and_then(|value| OutputFormat::from_str(value, false).ok()) {
            output = chosen;
        }
    }
    GlobalOptions {
        output,
        yes: false,
        quiet: false,
        verbose: 0,
        color: clap::ColorChoice::Auto,
    }
}

/// The value in `-ojson`, `-o=json` or `-qojson`; empty if it is the next argument.
fn short_output(text: &str) -> Option<&str> {
    let flags = text.strip_prefix('-').filter(|flags| !flags.starts_with('-'))?;
    let (before, value) = flags.split_once('o')?;
    let only_flags = before.chars().all(|flag| "yqv".contains(flag));
    only_flags.then(|| value.strip_prefix('=').unwrap_or(value))
}

/// Prints help or version; anything else is an error.
pub(crate) fn answer(refused: &clap::Error, arguments: &[OsString], printer: Printer) -> Result<()> {
    match refused.kind() {
        ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => {
            printer.raw(printer.styled(&refused.render()).trim_end())
        }
        ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand | ErrorKind::MissingSubcommand => {
            let root = built();
            let mut command = command_of(&root, arguments).clone();
            printer.help(printer.styled(&command.render_help()).trim_end());
            Err(Error::usage(format!("'{}' needs a command", name(&command))))
        }
        _ => Err(explain(refused, arguments)),
    }
}

/// The command tree, in which each command has its full name.
fn built() -> clap::Command {
    let mut root = Cli::command();
    root.build();
    root
}

/// Returns the command at the start of a command line.
fn command_of<'a>(root: &'a clap::Command, arguments: &[OsString]) -> &'a clap::Command {
    let words = arguments.iter().skip(1);
    words.fold(root, |command, word| {
        command.find_subcommand(word).unwrap_or(command)
    })
}

/// The full name of a command, such as `amika secret push`.
fn name(command: &clap::Command) -> &str {
    command.get_bin_name().unwrap_or("amika")
}

fn explain(error: &clap::Error, arguments: &[OsString]) -> Error {
    let root = built();
    let argument = text(error, ContextKind::InvalidArg).unwrap_or_else(|| "an argument".to_owned());
    let value = text(error, ContextKind::InvalidValue);
    let error = match error.kind() {
        ErrorKind::InvalidSubcommand => {
            let word = text(error, ContextKind::InvalidSubcommand).unwrap_or_default();
            let unknown = arguments.iter().position(|argument| *argument == *word);
            let known = &arguments[..unknown.unwrap_or(arguments.len())];
            unknown_command(command_of(&root, known), &word)
        }
        ErrorKind::UnknownArgument if argument.starts_with('-') => unknown_option(error, &argument),
        ErrorKind::UnknownArgument => unexpected_argument(&argument, command_of(&root, arguments)),
        ErrorKind::InvalidValue | ErrorKind::ValueValidation => match value {
            None => missing_value(error, &argument),
            Some(value) => invalid_value(error, &argument, &value),
        },
        ErrorKind::MissingRequiredArgument => missing_argument(error, &argument),
        ErrorKind::ArgumentConflict => {
            let other = text(error, ContextKind::PriorArg);
            let other = other.unwrap_or_else(|| "the other options".to_owned());
            Error::usage(if other == argument {
                format!("{} is given more than once", option(&argument))
            } else {
                format!("{} cannot be used with {}", option(&argument), option(&other))
            })
        }
        ErrorKind::TooManyValues | ErrorKind::TooFewValues | ErrorKind::WrongNumberOfValues => {
            Error::usage(format!("wrong number of values for {}", option(&argument)))
        }
        ErrorKind::InvalidUtf8 => Error::usage("an argument is not valid UTF-8"),
        _ => Error::usage("invalid command line"),
    };
    if error.hint.is_some() {
        return error;
    }
    error.hint(format!("see '{} --help'", name(command_of(&root, arguments))))
}

/// The error for an unexpected argument. It is repeated only if it cannot be a secret.
fn unexpected_argument(word: &str, command: &clap::Command) -> Error {
    let is_file = Path::new(word).is_file();
    let shown = if is_file {
        format!(" \"{word}\"")
    } else {
        quoted(word)
    };
    let error = Error::usage(if shown.is_empty() {
        format!("unexpected argument after '{}'", name(command))
    } else {
        format!("unexpected argument{shown}")
    });
    let takes_file = |option: &&clap::Arg| option.get_value_hint() == ValueHint::FilePath;
    let option = command
        .get_arguments()
        .find(takes_file)
        .and_then(clap::Arg::get_long);
    match option.filter(|_| is_file) {
        Some(option) => error.hint(format!(
            "to read a file, use --{option} {}",
            shell::path(Path::new(word), None)
        )),
        None => error,
    }
}

fn unknown_option(error: &clap::Error, argument: &str) -> Error {
    let typed = argument.split('=').next().unwrap_or_default();
    let unknown = format!("unknown option{}", quoted(typed));
    if matches!(typed, "--version" | "-V") {
        return Error::usage(unknown).hint("'amika --version' and 'amika version' print the version");
    }
    let meant = text(error, ContextKind::SuggestedArg);
    let meant =
        meant.filter(|meant| is_similar(typed.trim_start_matches('-'), meant.trim_start_matches('-')));
    Error::usage(match meant {
        Some(meant) => format!("{unknown}; did you mean \"{meant}\"?"),
        None => unknown,
    })
}

/// Shows the usage for a missing argument, because an option may be required only with another one.
fn missing_argument(error: &clap::Error, argument: &str) -> Error {
    let missing = argument.replace(['<', '>', '.'], "");
    let error_without_usage = Error::usage(format!("missing {missing}"));
    match text(error, ContextKind::Usage) {
        Some(usage) => error_without_usage.hint(usage.replacen("Usage:", "usage:", 1)),
        None => error_without_usage,
    }
}

fn missing_value(error: &clap::Error, argument: &str) -> Error {
    let name = option(argument);
    Error::usage(match text(error, ContextKind::ValidValue) {
        Some(valid) => format!("{name} needs a value ({valid})"),
        None => format!("{name} needs a value"),
    })
}

fn invalid_value(error: &clap::Error, argument: &str, value: &str) -> Error {
    let name = option(argument);
    // The messages of our own parsers do not contain the value.
    let expected = std::error::Error::source(error).map(ToString::to_string);
    let valid = text(error, ContextKind::ValidValue).or(expected);
    let valid = valid.map(|valid| format!(" ({valid})")).unwrap_or_default();
    let message = format!("invalid value{} for {name}{valid}", quoted(value));
    match text(error, ContextKind::SuggestedValue) {
        Some(meant) => Error::usage(format!("{message}; did you mean \"{meant}\"?")),
        None => Error::usage(message),
    }
}

/// Extracts `--scope` from clap's `--scope <SCOPE>`, and `SHELL` from `<SHELL>`.
fn option(argument: &str) -> &str {
    let name = argument.split(' ').next().unwrap_or(argument);
    name.trim_matches(['<', '>', '[', ']', '.'])
}

fn text(error: &clap::Error, kind: ContextKind) -> Option<String> {
    let text = match error.get(kind)? {
        ContextValue::String(text) => text.clone(),
        ContextValue::Strings(texts) => texts.join(", "),
        ContextValue::StyledStr(text) => text.to_string(),
        _ => return None,
    };
    Some(text).filter(|text| !text.is_empty())
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    /// Only `-o json`, in any form, makes errors JSON.
    #[test]
    fn only_the_output_option_chooses_json() {
        let chosen = |line: &str| {
            let words = std::iter::once("amika").chain(line.split_whitespace());
            global_options(&words.map(OsString::from).collect::<Vec<_>>()).output
        };
        for line in [
            "psuh -o json",
            "-ojson psuh",
            "-o=json x",
            "--output=json x",
            "-vqo json x",
            "x --output json",
        ] {
            assert_eq!(chosen(line), OutputFormat::Json, "{line}");
        }
        for line in [
            "psuh json",
            "x --env-format json",
            "x -- -o json",
            "x --jsn=json",
            "-o text json",
            "x -njson",
        ] {
            assert_eq!(chosen(line), OutputFormat::Text, "{line}");
        }
    }

    /// R17: no argument that could be a secret is in an error.
    #[test]
    fn a_usage_error_repeats_no_possible_secret() {
        for arguments in [
            vec!["secret", "TOKEN=hunter2"],
            vec!["hunter2"],
            vec!["secret", "push", "--hunter2"],
            vec!["secret", "push", "-hunter2"],
            vec!["secret", "push", "A=1", "--scope", "hunter2"],
            vec!["secret", "push", "--scope=hunter2"],
            vec!["secret", "list", "hunter2"],
            vec!["-o", "hunter2", "secret", "list"],
        ] {
            let error = Cli::try_parse_from([vec!["amika"], arguments].concat()).unwrap_err();
            let error = explain(&error, &[]);
            let said = format!("{error} {:?}", error.hint);
            assert!(!said.contains("hunter2"), "{said}");
            assert_eq!(error.kind.exit_code(), 2);
        }
    }
}
