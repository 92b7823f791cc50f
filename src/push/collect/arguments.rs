//! `NAME=VALUE`, and `NAME` alone: its value comes from standard input or a hidden prompt.

use std::ffi::{OsStr, OsString};
use std::path::Path;

use super::entry::checked;
use super::input::MAX_FILE;
use super::lines::utf8;
use super::problems::Problems;
use crate::error::{Error, Kind, Result};
use crate::formats::shell;
use crate::push::candidate::{Candidate, Origin};
use crate::secret::{SecretName, SecretValue};
use crate::system::env::Env;
use crate::ui::notices::Notices;
use crate::ui::options::GlobalOptions;
use crate::ui::prompt;

/// An argument with a valid name.
pub(super) struct Argument {
    pub(super) position: usize,
    name: SecretName,
    /// `None` when only the name was given.
    value: Option<SecretValue>,
}

impl Argument {
    pub(super) fn has_value(&self) -> bool {
        self.value.is_some()
    }
}

/// Parses the positional arguments.
pub(super) fn parse_arguments(arguments: &[OsString], env: &Env, problems: &mut Problems) -> Vec<Argument> {
    let numbered = arguments.iter().enumerate();
    let parsed = numbered.filter_map(|(index, argument)| problems.check(parse(index + 1, argument, env)));
    parsed.collect()
}

/// Reads the values of the arguments that are a name alone. Does not prompt for values once there are
/// problems to report.
pub(super) async fn read_values(
    arguments: Vec<Argument>,
    global: &GlobalOptions,
    env: &Env,
    problems: &mut Problems,
    notices: &mut Notices,
) -> Result<Vec<Candidate>> {
    let mut candidates = Vec::new();
    let (given, bare): (Vec<_>, Vec<_>) = arguments.into_iter().partition(Argument::has_value);
    for argument in given {
        let Argument {
            position,
            name,
            value,
        } = argument;
        let Some(value) = value else { continue };
        candidates.extend(problems.check(candidate(name, value, Origin::Argument(position))));
    }
    for Argument { name, .. } in bare {
        // A valid name with a dot may also be intended as a file.
        let file_hint = name.as_str().contains('.') && is_file(name.as_str(), env);
        let file_hint = file_hint.then(|| push_entries(name.as_str()));
        let (value, origin) = if env.terminals.stdin {
            if !problems.is_empty() {
                break;
            }
            let from_file = format!("amika secret push {name} --yes < FILE");
            let note = file_hint.as_ref().map(|hint| format!(" ({hint})"));
            let prompt = format!("Value of {name}{}", note.unwrap_or_default());
            let value = prompt::ask_secret(global, env, &prompt, &from_file).await;
            (value, Origin::Prompt)
        } else {
            (read_stdin_value(env, notices).await, Origin::Stdin)
        };
        let value = match value {
            Err(error) if error.kind.is_signal() || error.kind == Kind::Usage && problems.is_empty() => {
                return Err(error);
            }
            value => value,
        };
        let checked = value.and_then(|value| candidate(name, value, origin));
        let checked = match file_hint {
            Some(hint) => checked.map_err(|error| error.hint(hint)),
            None => checked,
        };
        candidates.extend(problems.check(checked));
    }
    Ok(candidates)
}

/// Errors give an argument's position, because text without `=` may be a value typed by mistake.
fn parse(position: usize, argument: &OsStr, env: &Env) -> Result<Argument> {
    let text = argument.to_str().ok_or_else(|| {
        Error::input(format!("argument {position} is not valid UTF-8"))
            .hint("encode the value, for example with base64")
    })?;
    let (name, value) = match text.split_once('=') {
        Some((name, value)) => (name, Some(value)),
        None => (text, None),
    };
    if text == "=" {
        return Err(Error::usage(format!(
            "argument {position}: expected KEY=VALUE without spaces around '='"
        )));
    }
    let name = match SecretName::inline(name) {
        Some(name) => name,
        None if value.is_none() && is_file(name, env) => return Err(file_instead_of_name(name)),
        None => return Err(bad_argument(position, value.is_some())),
    };
    let value = value.map(|value| SecretValue::new(value.to_owned()));
    Ok(Argument {
        position,
        name,
        value,
    })
}

fn candidate(name: SecretName, value: SecretValue, origin: Origin) -> Result<Candidate> {
    checked(&value).map_err(|(problem, hint)| {
        Error::input(format!("the value of {name} ({origin}) {problem}")).hint(hint)
    })?;
    Ok(Candidate::secret(name, value, origin))
}

/// Whether `text` is the path of a file, or looks like that of a `.env` file, and therefore not a secret.
pub(super) fn is_file(text: &str, env: &Env) -> bool {
    let plain = |c: char| c.is_ascii_lowercase() || c == '.';
    let is_env_file = text.starts_with(".env") && text.len() <= 20 && text.chars().all(plain);
    is_env_file || env.expand_home(Path::new(text)).is_file()
}

fn file_instead_of_name(path: &str) -> Error {
    Error::usage(format!(
        "\"{path}\" is not a secret name; expected KEY=VALUE, or NAME alone to be asked for the value"
    ))
    .hint(push_entries(path))
}

pub(super) fn push_entries(path: &str) -> String {
    format!(
        "to push the entries of this file, use --from-file {}",
        shell::path(Path::new(path), None)
    )
}

fn bad_argument(position: usize, has_value: bool) -> Error {
    if has_value {
        Error::input(format!(
            "the name in argument {position} is not a valid secret name"
        ))
        .hint("use letters, digits, '_', '-' and '.', starting with a letter, a digit or '_'")
    } else {
        Error::usage(format!(
            "argument {position}: expected KEY=VALUE, or NAME alone to be asked for the value"
        ))
        .hint("see 'amika secret push --help'")
    }
}

async fn read_stdin_value(env: &Env, notices: &mut Notices) -> Result<SecretValue> {
    let bytes = env
        .read_stdin(MAX_FILE)
        .await
        .map_err(|reason| Error::input("failed to read standard input").because(reason))?;
    let text = utf8(&bytes).map_err(|line| {
        Error::input(format!("standard input, line {line}: not valid UTF-8"))
            .hint("encode the value, for example with base64")
    })?;
    let value = text.strip_suffix("\r\n").or_else(|| text.strip_suffix('\n'));
    if value.is_some() {
        notices.notice("removed one trailing newline from standard input");
    }
    Ok(SecretValue::new(value.unwrap_or(text).to_owned()))
}
