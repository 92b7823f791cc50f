//! The top of the command line: the commands, the layout of the help, and usage errors.
//!
//! No value that could be a secret has a parser that may fail, because clap quotes what it refuses.

use std::ffi::OsString;

use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{CommandFactory, Parser, Subcommand, ValueEnum};

use crate::commands::auth::AuthCommand;
use crate::commands::completions::CompletionsArgs;
use crate::commands::help::HelpArgs;
use crate::commands::man::ManArgs;
use crate::commands::secret::SecretCommand;
use crate::error::{Error, Kind, Result};
use crate::ui::options::{GlobalOptions, OutputFormat};
use crate::ui::printer::Printer;

/// The variables that every command reads, for the manual and the help.
pub(crate) const VARIABLES: &[(&str, &str)] = &[
    (
        "AMIKA_API_KEY",
        "The API key to use; takes precedence over what login stored",
    ),
    (
        "AMIKA_API_URL",
        "The API to talk to [default: https://app.amika.dev]",
    ),
    ("AMIKA_STATE_DIRECTORY", "Where login stores credentials"),
    ("AMIKA_WORKOS_CLIENT_ID", "The client to log in as"),
    ("AMIKA_HTTP_TIMEOUT", "How long one request may take, in seconds"),
    ("AMIKA_KEYCHAIN", "off: never use the keychain"),
    (
        "HTTPS_PROXY, NO_PROXY",
        "The proxy to use, and the hosts to reach without it",
    ),
    ("SSL_CERT_FILE", "A file of certificate authorities to trust"),
    ("NO_COLOR", "Print without colour"),
    (
        "CI",
        "If set, never ask: a command that needs an answer fails and names --yes",
    ),
];

/// Put secrets into a hosted vault, safely and fast
#[derive(Debug, Parser)]
#[command(
    name = "amika",
    version,
    arg_required_else_help = true,
    disable_help_subcommand = true,
    max_term_width = 120,
    after_help = after_help()
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
        visible_alias = "completion",
        after_help = "Examples:
  amika completions bash > ~/.local/share/bash-completion/completions/amika
  amika completions fish > ~/.config/fish/completions/amika.fish
  source <(amika completions zsh)"
    )]
    Completions(CompletionsArgs),
    /// Print a manual page, or write all of them to a directory
    #[command(after_help = "Examples:
  amika man | man -l -
  amika man secret push | man -l -
  amika man --out ~/.local/share/man/man1")]
    Man(ManArgs),
    /// Print help for a command
    #[command(after_help = "Example:\n  amika help secret push")]
    Help(HelpArgs),
    /// Print the version, commit, date and target of this build
    #[command(after_help = "Example:\n  amika version -o json")]
    Version,
    /// Open a page; started by login as a process that knows nothing secret
    #[command(
        hide = true,
        after_help = "Example:\n  amika open-browser https://app.amika.dev"
    )]
    OpenBrowser { url: String },
}

fn after_help() -> String {
    let kinds = Kind::ALL
        .iter()
        .map(|kind| format!("  {:<4} {}", kind.exit_code(), kind.meaning()));
    format!(
        "Examples:\n  amika auth login\n  amika secret push --from-file .env\n  amika help secret push\n\n\
         Exit codes:\n  0    Success\n{}",
        kinds.collect::<Vec<_>>().join("\n")
    )
}

/// The global options of a command line that could not be parsed: only the output format matters
/// then, and only the value of `-o` and `--output` can choose it.
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

/// The value in `-ojson`, `-o=json` or `-qojson`; empty when it is the next argument.
fn short_output(text: &str) -> Option<&str> {
    let flags = text.strip_prefix('-').filter(|flags| !flags.starts_with('-'))?;
    let (before, value) = flags.split_once('o')?;
    let only_flags = before.chars().all(|flag| "yqv".contains(flag));
    only_flags.then(|| value.strip_prefix('=').unwrap_or(value))
}

/// Help and version are answers; everything else is an error.
pub(crate) fn answer(refused: &clap::Error, arguments: &[OsString], printer: Printer) -> Result<()> {
    match refused.kind() {
        ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => {
            printer.raw(printer.styled(&refused.render()).trim_end())
        }
        ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand | ErrorKind::MissingSubcommand => {
            let mut root = Cli::command();
            root.build();
            let help = named_command(&mut root, arguments).render_help();
            printer.help(printer.styled(&help).trim_end());
            Err(Error::usage("a command is missing").hint("add one of the commands above"))
        }
        _ => Err(explain(refused, arguments)),
    }
}

/// The command that a command line names, as far as its words are commands.
fn named_command<'a>(root: &'a mut clap::Command, arguments: &[OsString]) -> &'a mut clap::Command {
    let mut command = root;
    for word in arguments.iter().skip(1) {
        if command.find_subcommand(word).is_some() {
            command = command
                .find_subcommand_mut(word)
                .unwrap_or_else(|| unreachable!("it was found"));
        }
    }
    command
}

fn explain(error: &clap::Error, arguments: &[OsString]) -> Error {
    let argument = text(error, ContextKind::InvalidArg).unwrap_or_else(|| "an argument".to_owned());
    let value = text(error, ContextKind::InvalidValue);
    let error = match error.kind() {
        ErrorKind::InvalidSubcommand => {
            let word = text(error, ContextKind::InvalidSubcommand).unwrap_or_default();
            let mut root = Cli::command();
            let parent = named_command(&mut root, arguments);
            unknown_command(parent, &word)
        }
        ErrorKind::UnknownArgument => unknown_argument(error, &argument),
        ErrorKind::InvalidValue | ErrorKind::ValueValidation => match value {
            None => missing_value(error, &argument),
            Some(value) => invalid_value(error, &argument, &value),
        },
        ErrorKind::MissingRequiredArgument => {
            Error::usage(format!("missing {}", argument.replace(['<', '>', '.'], "")))
        }
        ErrorKind::ArgumentConflict => {
            let other = text(error, ContextKind::PriorArg);
            let other = other.unwrap_or_else(|| "the other options".to_owned());
            Error::usage(if other == argument {
                format!("{argument} is given more than once")
            } else {
                format!("{argument} cannot be used with {other}")
            })
        }
        ErrorKind::TooManyValues | ErrorKind::TooFewValues | ErrorKind::WrongNumberOfValues => {
            Error::usage(format!("wrong number of values for {argument}"))
        }
        ErrorKind::InvalidUtf8 => Error::usage("an argument is not valid UTF-8"),
        _ => Error::usage("invalid command line"),
    };
    if error.hint.is_some() {
        return error;
    }
    let mut root = Cli::command();
    root.build();
    let command = named_command(&mut root, arguments);
    let name = command.get_bin_name().unwrap_or("amika");
    error.hint(format!("see '{name} --help'"))
}

/// Names the command that was probably meant.
pub(crate) fn unknown_command(parent: &clap::Command, word: &str) -> Error {
    let visible = parent.get_subcommands().filter(|command| !command.is_hide_set());
    let names: Vec<&str> = visible.map(clap::Command::get_name).collect();
    let other_words = OTHER_WORDS
        .iter()
        .filter(|other| other.parent == parent.get_name());
    let exact = other_words.clone().find(|other| other.words.contains(&word));
    let similar = || {
        let elsewhere = other_words
            .clone()
            .flat_map(|other| other.words.iter().map(move |word| (*word, other.meant)));
        let all = names.iter().map(|name| (*name, *name)).chain(elsewhere);
        all.map(|(name, meant)| (strsim::jaro_winkler(word, name), meant))
            .filter(|(similarity, _)| *similarity > 0.8)
            .max_by(|(a, _), (b, _)| a.total_cmp(b))
            .map(|(_, meant)| meant)
    };
    let meant = exact.map(|other| other.meant).or_else(similar);
    let unknown = format!("unknown command{}", quoted(word));
    let Some(meant) = meant else {
        return Error::usage(unknown).hint(format!("commands: {}", names.join(", ")));
    };
    let error = Error::usage(format!("{unknown}; did you mean \"{meant}\"?"));
    match exact.and_then(|other| other.note) {
        Some(note) => error.hint(note),
        None => error,
    }
}

/// Words that people try, and the command that does what they mean.
struct OtherWords {
    /// The command below which the words are tried.
    parent: &'static str,
    words: &'static [&'static str],
    meant: &'static str,
    note: Option<&'static str>,
}

const NOT_READABLE: Option<&str> =
    Some("the vault does not give values back; 'amika secret list' shows the names");

const OTHER_WORDS: &[OtherWords] = &[
    OtherWords::new("amika", &["login", "signin"], "amika auth login"),
    OtherWords::new("amika", &["logout", "signout"], "amika auth logout"),
    OtherWords::new("amika", &["status", "whoami"], "amika auth status"),
    OtherWords::new(
        "amika",
        &["push", "set", "add", "create", "put", "import"],
        "amika secret push",
    ),
    OtherWords::new("amika", &["list", "ls"], "amika secret list"),
    OtherWords::new("amika", &["get", "show", "read", "cat"], "amika secret list").with(NOT_READABLE),
    OtherWords::new(
        "amika",
        &["delete", "rm", "remove", "unset"],
        "amika secret delete",
    ),
    OtherWords::new("amika", &["extract", "scan", "discover"], "amika secret extract"),
    OtherWords::new("amika", &["claude"], "amika secret claude"),
    OtherWords::new("amika", &["codex"], "amika secret codex"),
    OtherWords::new(
        "secret",
        &["set", "add", "create", "put", "import", "new", "update"],
        "push",
    ),
    OtherWords::new(
        "secret",
        &["get", "show", "read", "cat", "reveal", "view"],
        "list",
    )
    .with(NOT_READABLE),
    OtherWords::new("secret", &["remove", "del", "unset"], "delete"),
    OtherWords::new("secret", &["scan", "discover", "find"], "extract"),
    OtherWords::new("auth", &["signin", "token"], "login"),
    OtherWords::new("auth", &["signout"], "logout"),
    OtherWords::new("auth", &["whoami", "show"], "status"),
];

impl OtherWords {
    const fn new(parent: &'static str, words: &'static [&'static str], meant: &'static str) -> Self {
        Self {
            parent,
            words,
            meant,
            note: None,
        }
    }

    const fn with(self, note: Option<&'static str>) -> Self {
        Self { note, ..self }
    }
}

fn unknown_argument(error: &clap::Error, argument: &str) -> Error {
    let (kind, typed) = match argument.strip_prefix('-') {
        Some(_) => ("option", argument.split('=').next().unwrap_or_default()),
        None => ("argument", ""),
    };
    let unknown = format!("unknown {kind}{}", quoted(typed));
    let error = match text(error, ContextKind::SuggestedArg) {
        Some(meant) => Error::usage(format!("{unknown}; did you mean \"{meant}\"?")),
        None => Error::usage(unknown),
    };
    if matches!(typed, "--version" | "-V") {
        return error.hint("'amika --version' and 'amika version' print the version");
    }
    error
}

fn missing_value(error: &clap::Error, argument: &str) -> Error {
    Error::usage(match text(error, ContextKind::ValidValue) {
        Some(valid) => format!("{argument} needs a value ({valid})"),
        None => format!("{argument} needs a value"),
    })
}

fn invalid_value(error: &clap::Error, argument: &str, value: &str) -> Error {
    // "--scope <SCOPE>" as clap writes it.
    let name = argument
        .split(' ')
        .next()
        .unwrap_or(argument)
        .trim_matches(['<', '>']);
    // Our own parsers say what they expect, without the value.
    let expected = std::error::Error::source(error).map(ToString::to_string);
    let valid = text(error, ContextKind::ValidValue).or(expected);
    let valid = valid.map(|valid| format!(" ({valid})")).unwrap_or_default();
    let message = format!("invalid value{} for {name}{valid}", quoted(value));
    match text(error, ContextKind::SuggestedValue) {
        Some(meant) => Error::usage(format!("{message}; did you mean \"{meant}\"?")),
        None => Error::usage(message),
    }
}

/// The longest word that is repeated in an error, in characters.
const MAX_REPEATED: usize = 20;

/// ` "word"` if it is a plain word or a small number, which cannot be a secret; else nothing.
fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_ascii_lowercase() || matches!(c, '-' | '_');
    let is_word = word.len() <= MAX_REPEATED && word.chars().all(plain);
    let is_number = word.len() <= 5 && word.bytes().all(|byte| byte.is_ascii_digit());
    if !word.is_empty() && (is_word || is_number) {
        format!(" \"{word}\"")
    } else {
        String::new()
    }
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

    #[test]
    fn the_clap_definition_is_valid() {
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

    /// `-o json` in any spelling, and nothing else, makes errors JSON.
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

    /// R17: no value and no word that could be one is in an error.
    #[test]
    fn a_usage_error_repeats_no_possible_secret() {
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
            let error = explain(&error, &[]);
            let said = format!("{error} {:?}", error.hint);
            assert!(!said.contains("hunter2"), "{said}");
            assert_eq!(error.kind.exit_code(), 2);
        }
    }
}
