//! `NAME=VALUE`, and `NAME` alone: its value comes from standard input or a hidden prompt.

use std::ffi::{OsStr, OsString};

use super::entry::checked;
use super::input::MAX_FILE;
use super::lines::utf8;
use super::problems::Problems;
use crate::error::{Error, Kind, Result};
use crate::push::candidate::{Candidate, Origin};
use crate::secret::{SecretName, SecretValue};
use crate::system::env::Env;
use crate::ui::notices::Notices;
use crate::ui::options::GlobalOptions;
use crate::ui::prompt;

/// An argument with a valid name.
struct Argument {
    position: usize,
    name: SecretName,
    /// `None` when only the name was given.
    value: Option<SecretValue>,
}

/// Reads the positional arguments. Does not prompt for values once there are problems to report.
pub(super) async fn read_arguments(
    arguments: &[OsString],
    global: &GlobalOptions,
    env: &Env,
    problems: &mut Problems,
    notices: &mut Notices,
) -> Result<Vec<Candidate>> {
    let parsed: Vec<_> = arguments
        .iter()
        .enumerate()
        .filter_map(|(index, argument)| problems.check(parse(index + 1, argument)))
        .collect();
    let mut candidates = Vec::new();
    let (given, bare): (Vec<_>, Vec<_>) = parsed.into_iter().partition(|argument| argument.value.is_some());
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
        let (value, origin) = if env.terminals.stdin {
            if !problems.is_empty() {
                break;
            }
            let from_file = format!("amika secret push {name} --yes < FILE");
            let value = prompt::ask_secret(global, env, &format!("Value of {name}"), &from_file).await;
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
        let value = problems.check(value);
        candidates.extend(value.and_then(|value| problems.check(candidate(name, value, origin))));
    }
    Ok(candidates)
}

/// Errors give an argument's position, because text without `=` may be a value typed by mistake.
fn parse(position: usize, argument: &OsStr) -> Result<Argument> {
    let text = argument.to_str().ok_or_else(|| {
        Error::input(format!("argument {position} is not valid UTF-8"))
            .hint("encode the value, for example with base64")
    })?;
    let (name, value) = match text.split_once('=') {
        Some((name, value)) => (name, Some(value)),
        None => (text, None),
    };
    let name = SecretName::inline(name).ok_or_else(|| bad_argument(position, value.is_some()))?;
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
    Ok(Candidate { name, value, origin })
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
        .map_err(|reason| Error::input("reading standard input").because(reason))?;
    let text = utf8(&bytes).map_err(|line| {
        Error::input(format!("standard input, line {line}: is not valid UTF-8"))
            .hint("encode the value, for example with base64")
    })?;
    let value = text.strip_suffix("\r\n").or_else(|| text.strip_suffix('\n'));
    if value.is_some() {
        notices.notice("removed one trailing newline from standard input");
    }
    Ok(SecretValue::new(value.unwrap_or(text).to_owned()))
}
