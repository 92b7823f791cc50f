//! Inline values, files of one value, and names alone, whose value comes from standard input or a
//! hidden prompt.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use super::collected::Collected;
use super::sources::{MAX_FILE, Sources};
use super::text;
use crate::error::{Error, Result};
use crate::formats::{shell, words};
use crate::push::candidate::Origin;
use crate::secret::{SecretName, SecretValue};
use crate::system::env::Env;
use crate::system::file::is_stdin;
use crate::system::given::Given;

/// An argument with a valid name.
pub(super) struct Argument {
    position: usize,
    name: SecretName,
    /// `None` when only the name was given.
    value: Option<SecretValue>,
}

/// A file that is the value of one secret.
pub(super) struct ValueFile {
    name: SecretName,
    path: PathBuf,
}

/// Parses the positional arguments.
pub(super) fn parse(env: &Env, collected: &mut Collected<'_>) -> Vec<Argument> {
    let Sources { secrets, literal, .. } = *collected.sources;
    let numbered = (1..).zip(secrets);
    let parsed = numbered.map(|(position, argument)| {
        let argument = argument_at(position, argument, env)?;
        refuse_file(argument, literal, env)
    });
    parsed
        .filter_map(|argument| collected.problems.check(argument))
        .collect()
}

/// Errors give an argument's position, because text without `=` may be a value typed by mistake.
fn argument_at(position: usize, argument: &OsStr, env: &Env) -> Result<Argument> {
    let text = argument.to_str().ok_or_else(|| {
        Error::input(format!("argument {position} is not valid UTF-8"))
            .hint("encode the value, for example with base64")
    })?;
    let expected = |what: &str| Error::usage(format!("argument {position}: expected KEY=VALUE{what}"));
    let is_value = !text.trim_end_matches('=').contains('=') && words::may_be_secret(text);
    if text == "=" {
        return Err(expected(" without spaces around '='"));
    } else if is_value {
        return Err(
            expected(", or NAME alone; this looks like a value without a name")
                .hint("`amika secret push NAME` asks for the value without showing it"),
        );
    }
    let argument = |name, value: Option<&str>| Argument {
        position,
        name,
        value: value.map(|value| SecretValue::new(value.to_owned())),
    };
    let Some((name, value)) = text.split_once('=') else {
        // A word after another argument is a value without its `=`, unless it is written as a variable.
        let named = SecretName::inline(text).filter(|_| position == 1 || words::is_constant(text));
        let name = named.ok_or_else(|| {
            let hint = if is_file(text, env) {
                push_entries(text)
            } else {
                "write NAME=VALUE in one argument; after another argument, a name alone must be in capitals"
                    .to_owned()
            };
            expected(", or NAME alone to be asked for the value").hint(hint)
        })?;
        return Ok(argument(name, None));
    };
    let valid = SecretName::inline(name).filter(|_| !words::has_key_prefix(name));
    let name = valid.ok_or_else(|| {
        Error::input(format!(
            "the name in argument {position} is not a valid secret name"
        ))
        .hint("use letters, digits, '_', '-' and '.', starting with a letter, a digit or '_'")
    })?;
    Ok(argument(name, Some(value)))
}

/// `NAME=@PATH` and `NAME=-` read a file in other tools.
fn refuse_file(argument: Argument, literal: bool, env: &Env) -> Result<Argument> {
    let Argument { name, value, .. } = &argument;
    let value = value.as_ref().map_or("", SecretValue::expose_secret);
    let means_file = value
        .strip_prefix('@')
        .is_some_and(|path| env.expand_home(Path::new(path)).is_file());
    let means_stdin = value == "-" && env.stdin_is_piped();
    if literal || !(means_file || means_stdin) {
        return Ok(argument);
    }
    let what = if means_file {
        "an @ and the path of a file"
    } else {
        "a single -"
    };
    Err(Error::input(format!(
        "the value of {name} (argument {}) is {what}",
        argument.position
    ))
    .hint(format!(
        "to push a file, use --value-file {name}=FILE or `amika secret push {name} --yes < FILE`; to push \
             the value as it is, add --literal"
    )))
}

/// Parses `--value-file`.
pub(super) fn value_files(collected: &mut Collected<'_>) -> Vec<ValueFile> {
    let numbered = (1..).zip(collected.sources.value_files);
    let parsed = numbered.map(|(position, item)| value_file(position, item));
    parsed.filter_map(|file| collected.problems.check(file)).collect()
}

fn value_file(position: u32, item: &OsStr) -> Result<ValueFile> {
    let parts = item.to_str().and_then(|item| item.split_once('='));
    let named = parts.and_then(|(name, path)| Some((SecretName::inline(name)?, path)));
    match named {
        Some((name, path)) if !path.is_empty() && !words::may_be_secret(name.as_str()) => {
            let path = PathBuf::from(path);
            Ok(ValueFile { name, path })
        }
        _ => Err(
            Error::usage(format!("--value-file (number {position}): expected NAME=PATH"))
                .hint("for example --value-file TLS_KEY=key.pem"),
        ),
    }
}

/// Standard input can be read only once, so it cannot also answer the confirmation.
pub(super) fn check_stdin_use(
    sources: &Sources<'_>,
    arguments: &[Argument],
    value_files: &[ValueFile],
    env: &Env,
    needs_answer: bool,
) -> Result<()> {
    let paths = sources
        .from_file
        .iter()
        .chain(value_files.iter().map(|file| &file.path));
    let files = paths.filter(|path| is_stdin(path)).count();
    let bare = arguments.iter().filter(|argument| argument.value.is_none());
    let piped_values = bare.filter(|_| !env.terminals.stdin).count();
    match files + piped_values {
        1 if needs_answer => Err(Error::usage(
            "standard input holds the secrets, so it cannot also confirm them (expected KEY=VALUE, or --yes)",
        )
        .hint("add --yes, or --dry-run to preview; an argument without '=' is a name, whose value is read")),
        0 | 1 => Ok(()),
        _ => Err(
            Error::usage("standard input can be used for one value or one file only")
                .hint("use --from-env, --from-file PATH, or run `amika secret push` once for each"),
        ),
    }
}

/// Adds the values of all arguments and files. Names alone become questions at a terminal.
pub(super) async fn read(
    arguments: Vec<Argument>,
    value_files: Vec<ValueFile>,
    env: &Env,
    collected: &mut Collected<'_>,
    say: &dyn Fn(&str),
) {
    let mut stdin = Vec::new();
    for Argument {
        position,
        name,
        value,
    } in arguments
    {
        if !collected.selects(name.as_str()) {
            continue;
        }
        if let Some(value) = value {
            collected.add(name, value, Origin::Argument(position));
            continue;
        }
        if name.as_str().contains('.') && is_file(name.as_str(), env) {
            let entries = push_entries(name.as_str());
            let notice = format!("{name} is also a file; {entries}");
            collected.notices.notice(notice);
        }
        if env.terminals.stdin {
            collected.question(name);
        } else {
            let path = PathBuf::from("-");
            stdin.push(ValueFile { name, path });
        }
    }
    for ValueFile { name, path } in stdin.into_iter().chain(value_files) {
        if !collected.selects(name.as_str()) {
            continue;
        }
        let read = read_value(&path, env, collected, say).await;
        if let Some((value, origin)) = collected.problems.check(read) {
            collected.add(name, value, origin);
        }
    }
}

/// Reads one value. A single line loses its line break; several lines are kept byte for byte.
async fn read_value(
    path: &Path,
    env: &Env,
    collected: &mut Collected<'_>,
    say: &dyn Fn(&str),
) -> Result<(SecretValue, Origin)> {
    let failed = if is_stdin(path) {
        "failed reading"
    } else {
        "failed reading --value-file"
    };
    let given = env.read_given(path, failed, MAX_FILE, say).await?;
    let text = text::utf8(&given)?;
    let Given { bytes, place, .. } = &given;
    if text.len() + 3 == bytes.len() {
        collected
            .notices
            .notice(format!("removed the byte order mark from {place}"));
    }
    let line = text.strip_suffix("\r\n").or_else(|| text.strip_suffix('\n'));
    let line = line.filter(|line| !line.contains('\n'));
    if line.is_some() {
        collected
            .notices
            .notice(format!("removed one trailing newline from {place}"));
    }
    let value = SecretValue::new(line.unwrap_or(text).to_owned());
    Ok((value, Origin::Place(given.place)))
}

/// Whether `text` is the path of a file, or looks like that of a `.env` file, and therefore not a secret.
fn is_file(text: &str, env: &Env) -> bool {
    let plain = |c: char| c.is_ascii_lowercase() || c == '.';
    let is_env_file = text.starts_with(".env") && text.len() <= 20 && text.chars().all(plain);
    is_env_file || env.expand_home(Path::new(text)).is_file()
}

fn push_entries(path: &str) -> String {
    let path = shell::path(Path::new(path), None);
    format!("to push the entries of this file, use --from-file {path}")
}
