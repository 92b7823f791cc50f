//! A command line that clap refused, in words that repeat nothing: what was mistyped may be a
//! secret.

use clap::error::{ContextKind, ContextValue, ErrorKind};

use std::ffi::OsString;

use crate::cli::{Global, OutputFormat};
use crate::error::{Error, Result};
use crate::report::Report;

/// The global options of a command line that could not be parsed: only whether errors should be
/// JSON matters then.
pub fn global_options(arguments: &[OsString]) -> Global {
    let json = arguments.iter().filter_map(|text| text.to_str()).any(|text| {
        let value = text
            .strip_prefix("--output=")
            .or_else(|| text.strip_prefix("-o"))
            .unwrap_or(text);
        matches!(value, "json" | "json-pretty")
    });
    Global {
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
pub fn answer(refused: &clap::Error, report: Report) -> Result<()> {
    match refused.kind() {
        ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => {
            report.raw(refused.render().to_string().trim_end())
        }
        ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand => {
            report.aside(refused.render().to_string().trim_end());
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
    use crate::cli::Cli;
    use clap::Parser;

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
