//! Help, and the errors of a command line that clap refuses. No value is repeated, because it could be
//! a secret in the wrong place.

use std::ffi::OsString;
use std::path::Path;

use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{CommandFactory, ValueEnum, ValueHint};
use indexmap::IndexSet;

use super::{Cli, habits};
use crate::error::{Error, Result};
use crate::formats::shell;
use crate::ui::options::{GlobalOptions, OutputFormat};
use crate::ui::printer::Printer;

/// The options of every command, for short help, which leaves out their own lines.
const GLOBAL_OPTIONS: &str = "Global options: -o json, -y, -q, -v, --color WHEN";
/// Number of examples in short help.
const MAX_EXAMPLES: usize = 3;
/// Commands that are never suggested for a similar word.
const DESTROYING: &[&str] = &["delete", "logout"];

/// The global options of a command line that could not be parsed. Only the output format is needed,
/// and only the value of `-o` or `--output` sets it.
pub(crate) fn global_options(arguments: &[OsString]) -> GlobalOptions {
    let texts = arguments
        .iter()
        .skip(1)
        .map(|text| text.to_str().unwrap_or_default());
    let texts: Vec<_> = texts.take_while(|text| *text != "--").collect();
    let values = texts.iter().enumerate().filter_map(|(index, text)| {
        let long = text.strip_prefix("--output");
        let short = || {
            text.strip_prefix('-')?
                .trim_start_matches(['q', 'v', 'y'])
                .strip_prefix('o')
        };
        match long.or_else(short)? {
            "" => texts.get(index + 1).copied(),
            value => Some(value.trim_start_matches('=')),
        }
    });
    let formats: Vec<_> = values
        .filter_map(|value| OutputFormat::from_str(value, false).ok())
        .collect();
    GlobalOptions {
        output: formats.last().copied().unwrap_or_default(),
        ..GlobalOptions::default()
    }
}

/// Prints help or version; anything else is an error.
pub(crate) fn answer(refused: clap::Error, arguments: &[OsString], printer: Printer) -> Result<()> {
    match refused.kind() {
        ErrorKind::DisplayVersion => printer.styled(refused.render().ansi().to_string().trim_end()),
        ErrorKind::DisplayHelp => {
            let help = refused.render().ansi().to_string();
            if help.contains(GlobalOptions::HEADING) {
                printer.styled(help.trim_end())
            } else {
                printer.styled(&short_help(&help))
            }
        }
        ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand | ErrorKind::MissingSubcommand => {
            let mut command = command_of(arguments);
            printer.help(&short_help(&command.render_help().ansi().to_string()));
            let path = path(&command);
            Err(Error::usage(format!("`{path}` needs a command")).hint(format!("see `{path} --help`")))
        }
        _ => Err(explain(refused, arguments)),
    }
}

/// Short help with the first examples and the global options in one line.
fn short_help(help: &str) -> String {
    let (options, examples) = help.split_once("\n\nExample").unwrap_or((help.trim_end(), ""));
    let examples = examples.split("\n\n").next().unwrap_or_default();
    let mut commands = examples.match_indices("\n  amika ").map(|(at, _)| at);
    let examples = commands
        .nth(MAX_EXAMPLES)
        .map_or(examples, |end| &examples[..end]);
    let start = if examples.is_empty() { "" } else { "\n\nExample" };
    format!("{options}{start}{}\n\n{GLOBAL_OPTIONS}", examples.trim_end())
}

/// The last command that a command line names.
fn command_of(arguments: &[OsString]) -> clap::Command {
    let mut root = Cli::command();
    root.build();
    let words = arguments.iter().skip(1).filter(|word| *word != "help");
    words.fold(root, |command, word| match command.find_subcommand(word) {
        Some(below) => below.clone(),
        None => command,
    })
}

/// The full name of a command, such as `amika secret push`.
fn path(command: &clap::Command) -> &str {
    command.get_bin_name().unwrap_or("amika")
}

fn explain(mut refused: clap::Error, arguments: &[OsString]) -> Error {
    let text = |kind| match refused.get(kind) {
        Some(ContextValue::String(text)) => Some(text.clone()),
        _ => None,
    };
    let word = text(ContextKind::InvalidSubcommand).or_else(|| text(ContextKind::InvalidArg));
    let position = word.as_ref().and_then(|word| {
        let is_it = |argument: &OsString| {
            argument
                .to_str()
                .is_some_and(|text| text.split('=').next() == Some(word))
        };
        arguments.iter().position(is_it)
    });
    let command = command_of(&arguments[..position.unwrap_or(arguments.len())]);
    let path = path(&command);
    if matches!(
        refused.kind(),
        ErrorKind::InvalidSubcommand | ErrorKind::UnknownArgument
    ) && let Some(answer) = word.and_then(|word| {
        habits::answer(&command_of(&[]), &command, &word).or_else(|| file_option(&command, &word))
    }) {
        return answer;
    }
    remove_values(&mut refused);
    suggest_by_name(&mut refused, &command);
    let rendered = refused.render().to_string();
    let mut parts = rendered.trim().split("\n\n").map(|part| {
        let words = part.split_whitespace();
        words.filter(|word| *word != "tip:").collect::<Vec<_>>().join(" ")
    });
    let message = parts.next().unwrap_or_default();
    let names_missing = matches!(
        refused.kind(),
        ErrorKind::MissingRequiredArgument | ErrorKind::ArgumentConflict
    );
    let is_useful = |part: &String| match part.split_once(' ') {
        Some(("Usage:", _)) => names_missing,
        Some(("For", _)) | None => false,
        Some(_) => true,
    };
    let mut hints: Vec<_> = parts.filter(is_useful).collect();
    hints.push(format!("see `{path} --help`"));
    Error::usage(message.trim_start_matches("error: ")).hint(hints.join("; "))
}

/// Replaces what was typed by `…`, unless it is a plain word, and drops suggestions that quote it.
fn remove_values(error: &mut clap::Error) {
    for kind in [
        ContextKind::InvalidValue,
        ContextKind::InvalidSubcommand,
        ContextKind::InvalidArg,
    ] {
        // clap names the argument itself in other errors, as in `--scope <SCOPE>`.
        let is_typed = kind != ContextKind::InvalidArg || error.kind() == ErrorKind::UnknownArgument;
        if let Some(ContextValue::String(text)) = error.get(kind)
            && is_typed
            && !is_plain_word(text)
        {
            error.insert(kind, ContextValue::String("…".to_owned()));
        }
    }
    error.remove(ContextKind::Suggested);
}

/// Replaces an alias among the similar commands by its command, and drops those that are hidden or destroy.
fn suggest_by_name(error: &mut clap::Error, command: &clap::Command) {
    let Some(ContextValue::Strings(similar)) = error.remove(ContextKind::SuggestedSubcommand) else {
        return;
    };
    let found = similar.iter().filter_map(|name| command.find_subcommand(name));
    let shown = found.filter(|found| !found.is_hide_set() && !DESTROYING.contains(&found.get_name()));
    let names: IndexSet<_> = shown.map(|found| found.get_name().to_owned()).collect();
    if !names.is_empty() {
        let names = ContextValue::Strings(names.into_iter().collect());
        error.insert(ContextKind::SuggestedSubcommand, names);
    }
}

/// Whether a text cannot be a secret: a short word in small letters, or nothing.
fn is_plain_word(text: &str) -> bool {
    text.len() <= 20 && text.chars().all(|c| c.is_ascii_lowercase() || c == '-')
}

/// The option that takes a file, for a file that was given without it.
fn file_option(command: &clap::Command, word: &str) -> Option<Error> {
    let takes_file = |option: &&clap::Arg| option.get_value_hint() == ValueHint::FilePath;
    let option = command.get_arguments().find(takes_file)?.get_long()?;
    let file = Path::new(word);
    let word = file.is_file().then(|| shell::path(file, None))?;
    let error = Error::usage(format!("unexpected argument {word}"));
    Some(error.hint(format!("to read a file, use --{option} {word}")))
}

#[cfg(test)]
mod tests {
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

    /// R17: no argument that could be a secret is in an error, whatever clap calls it.
    #[test]
    fn a_usage_error_repeats_no_possible_secret() {
        for line in [
            "secret TOKEN=hunter2",
            "hunter2",
            "hunter2 secret",
            "secret push --hunter2",
            "secret push --value=hunter2",
            "secret push --scop=hunter2",
            "secret push -hunter2",
            "secret push A=1 --scope hunter2",
            "secret push A=1 --strict=hunter2",
            "secret push --scope=hunter2",
            "secret list hunter2",
            "secret claude push --type hunter2",
            "secret claude push --value hunter2 --from-file hunter2",
            "secret claude delete --name hunter2 hunter2",
            "secret extract --scope hunter2",
            "help hunter2",
            "help secret push hunter2",
            "completions hunter2",
            "-o hunter2 secret list",
            "--color hunter2 secret list",
            "auth login --api-key-file x --no-browser hunter2",
            "auth login --store hunter2",
        ] {
            let words = std::iter::once("amika").chain(line.split(' '));
            let arguments: Vec<_> = words.map(OsString::from).collect();
            let refused = <Cli as clap::Parser>::try_parse_from(&arguments).unwrap_err();
            let error = explain(refused, &arguments);
            let said = format!("{error:#} {:?}", error.hint);
            assert!(!said.contains("hunter2"), "{said}");
            assert_eq!(error.kind.exit_code(), 2);
        }
    }

    /// R155: a word that resembles a command that destroys does not lead to it.
    #[test]
    fn no_suggestion_destroys() {
        let commands = ["", "secret", "secret claude", "auth"];
        let words = [
            "delet",
            "rename",
            "dele",
            "logou",
            "log-out",
            "rmm",
            "delete-all",
            "deletes",
        ];
        for line in commands
            .iter()
            .flat_map(|command| words.map(|word| format!("amika {command} {word}")))
        {
            let arguments: Vec<_> = line.split_whitespace().map(OsString::from).collect();
            let error = explain(
                <Cli as clap::Parser>::try_parse_from(&arguments).unwrap_err(),
                &arguments,
            );
            let said = format!("{error} {:?}", error.hint);
            for name in ["delete", "rm", "logout"] {
                let mut said = said.split(|c: char| !c.is_ascii_alphabetic() && c != '-');
                assert!(
                    said.all(|word| word != name || line.ends_with(name)),
                    "{line}: {error} {:?}",
                    error.hint
                );
            }
        }
    }
}
