//! The first step of a push: every secret the person named, read from where it is and checked.
//!
//! Nothing leaves this module until all of it is valid, so that no request is made for a batch
//! that could not be completed.

mod docker;
mod dotenv;
mod json;
mod lines;

use std::collections::HashMap;
use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};

use crate::error::{Error, Result};
use crate::secret::{MAX_VALUE, SecretName, SecretValue};
use crate::system::env::Env;
use crate::system::file::{self, is_stdin};
use clap::ValueEnum;

use crate::push::candidate::{Candidate, Origin, shown};
use crate::ui::notices::Notices;
use crate::ui::options::GlobalOptions;
use crate::ui::prompt::{self, Confirmation};

use self::lines::{clean, utf8};

/// The largest file or standard input accepted, in bytes.
const MAX_FILE: u64 = 10 * 1024 * 1024;

/// Where the person said that the secrets are.
pub(crate) struct Sources<'a> {
    /// `NAME=VALUE`, or a name alone.
    pub(crate) secrets: &'a [OsString],
    /// The names of environment variables.
    pub(crate) from_env: &'a [OsString],
    pub(crate) from_file: &'a [PathBuf],
    pub(crate) format: EnvFormat,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum EnvFormat {
    /// Quotes are removed, `export ` and comments are allowed, `$` is literal
    Dotenv,
    /// As `docker run --env-file`: everything after the first `=`, verbatim
    Docker,
    /// One object of string values
    Json,
}

/// Everything that was collected, and what the person should know about it.
#[derive(Default)]
pub(crate) struct Collected {
    pub(crate) candidates: Vec<Candidate>,
    pub(crate) notices: Notices,
}

/// Reads all sources, from the weakest to the strongest: files, then inline values, standard
/// input and prompts, then environment variables.
pub(crate) async fn collect(
    sources: &Sources<'_>,
    global: &GlobalOptions,
    env: &Env,
    confirmation: Confirmation,
) -> Result<Collected> {
    check_stdin_use(sources, env, confirmation)?;
    let mut collected = Collected::default();
    let mut found = vec![Vec::new()];
    for path in sources.from_file {
        let entries = read_file(path, sources.format, env, &mut collected.notices).await?;
        found[0].extend(entries);
    }
    found.push(read_arguments(sources.secrets, global, env, &mut collected.notices).await?);
    found.push(read_variables(sources.from_env, env)?);

    let nothing_named =
        sources.secrets.is_empty() && sources.from_env.is_empty() && sources.from_file.is_empty();
    if nothing_named {
        return Err(Error::usage("no secrets provided")
            .hint("name one, as in 'amika secret push NAME', or use --from-env or --from-file"));
    }
    merge(found, &mut collected);
    if collected.candidates.is_empty() {
        return Err(Error::input("no secrets provided: every source was empty"));
    }
    Ok(collected)
}

/// Keeps the strongest value of each name, in order of first appearance. Within one source the
/// last wins, and the person hears of both places.
fn merge(sources: Vec<Vec<Candidate>>, collected: &mut Collected) {
    let mut position: HashMap<SecretName, usize> = HashMap::new();
    for source in sources {
        let mut seen_here: HashMap<SecretName, Origin> = HashMap::new();
        for candidate in source {
            let name = candidate.name.clone();
            if let Some(earlier) = seen_here.insert(name.clone(), candidate.origin.clone()) {
                collected.notices.warn(format!(
                    "{name} is given twice, at {earlier} and {}; the last wins",
                    candidate.origin
                ));
            }
            if let Some(&at) = position.get(&name) {
                collected.candidates[at] = candidate;
            } else {
                position.insert(name, collected.candidates.len());
                collected.candidates.push(candidate);
            }
        }
    }
}

/// Standard input can be read once, and cannot also answer the confirmation.
fn check_stdin_use(sources: &Sources<'_>, env: &Env, confirmation: Confirmation) -> Result<()> {
    let bare = sources.secrets.iter().position(|text| !has_equals(text));
    let file = sources.from_file.iter().filter(|path| is_stdin(path)).count();
    let piped_values = if env.terminals.stdin {
        0
    } else {
        sources.secrets.iter().filter(|text| !has_equals(text)).count()
    };
    if file + piped_values > 1 {
        return Err(
            Error::usage("standard input can give one value or one file, not several")
                .hint("use --from-env, --from-file PATH, or one 'amika secret push' for each"),
        );
    }
    if file + piped_values == 1 && confirmation != Confirmation::NotNeeded {
        let message = match bare {
            Some(index) if piped_values == 1 => format!(
                "argument {} has no '=' (expected KEY=VALUE), so its value is read from standard input, \
                 which cannot also answer the confirmation",
                index + 1
            ),
            _ => "secrets from standard input cannot be confirmed from it too".to_owned(),
        };
        return Err(Error::usage(message).hint("add --yes, or --dry-run to look first"));
    }
    Ok(())
}

async fn read_arguments(
    arguments: &[OsString],
    global: &GlobalOptions,
    env: &Env,
    notices: &mut Notices,
) -> Result<Vec<Candidate>> {
    let mut candidates = Vec::new();
    for (index, argument) in arguments.iter().enumerate() {
        let position = index + 1;
        // An argument is named by its position: one without '=' may be a value typed by mistake.
        let Some(text) = argument.to_str() else {
            return Err(Error::input(format!("argument {position} is not valid UTF-8"))
                .hint("encode the value, for example with base64"));
        };
        let (name, value) = match text.split_once('=') {
            Some((name, value)) => (name, Some(value)),
            None => (text, None),
        };
        let Some(name) = SecretName::inline(name) else {
            return Err(bad_argument(position, value.is_some()));
        };
        let (value, origin) = match value {
            Some(value) => (SecretValue::new(value.to_owned()), Origin::Argument(position)),
            None if env.terminals.stdin => {
                let value = prompt::ask_secret(global, env, &format!("Value of {name}")).await?;
                (value, Origin::Prompt)
            }
            None => (read_stdin_value(env, notices).await?, Origin::Stdin),
        };
        let place = format!("argument {position}");
        candidates.push(checked(name, value, origin, &place)?);
    }
    Ok(candidates)
}

fn bad_argument(position: usize, has_value: bool) -> Error {
    if has_value {
        Error::input(format!("the name in argument {position} is not a secret's name"))
            .hint("a name holds letters, digits, '_', '-' and '.', and starts with none of the last two")
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

fn read_variables(names: &[OsString], env: &Env) -> Result<Vec<Candidate>> {
    let mut candidates = Vec::new();
    for name in names {
        let valid = name.to_str().map(str::trim).and_then(SecretName::environment);
        let Some(name) = valid else {
            return Err(
                Error::input("--from-env names something that is no environment variable").hint(
                    "give names only, as in --from-env DATABASE_URL,REDIS_URL; a name holds \
                     letters, digits and '_' and does not start with a digit",
                ),
            );
        };
        let place = format!("environment variable \"{name}\"");
        let Some(value) = env.variable(name.as_str()) else {
            return Err(Error::input(format!("{place} is not set")).hint("is it exported to this process?"));
        };
        let Some(value) = value.to_str() else {
            return Err(Error::input(format!("{place} is not valid UTF-8")));
        };
        let origin = Origin::Variable(name.to_string());
        let value = SecretValue::new(value.to_owned());
        candidates.push(checked(name, value, origin, &place)?);
    }
    Ok(candidates)
}

/// The checks that hold for a value from any place. `place` names it in the error.
fn checked(name: SecretName, value: SecretValue, origin: Origin, place: &str) -> Result<Candidate> {
    let (problem, hint) = if value.is_empty() {
        (
            "is empty",
            "give it a value; 'amika secret delete' removes a secret",
        )
    } else if value.expose_secret().contains('\0') {
        ("holds a NUL byte", "encode the value, for example with base64")
    } else if value.expose_secret().len() > MAX_VALUE {
        (
            "is larger than 1 MiB",
            "a vault is for keys; keep large data elsewhere",
        )
    } else {
        return Ok(Candidate { name, value, origin });
    };
    Err(Error::input(format!("{place}: the value {problem}")).hint(hint))
}

/// An assignment found in a file, before its name and value were checked.
struct Entry {
    line: usize,
    name: String,
    value: SecretValue,
}

/// Why a file's text cannot be used: the line, and words that never quote it.
struct Fault {
    line: usize,
    message: String,
    hint: Option<&'static str>,
}

impl Fault {
    fn new(line: usize, message: impl Into<String>) -> Self {
        Self {
            line,
            message: message.into(),
            hint: None,
        }
    }

    fn hint(self, hint: &'static str) -> Self {
        Self {
            hint: Some(hint),
            ..self
        }
    }
}

/// The entries of a file, with warnings that are each about one line.
#[derive(Default)]
struct Parsed {
    entries: Vec<Entry>,
    warnings: Vec<(usize, String)>,
}

async fn read_file(
    path: &Path,
    format: EnvFormat,
    env: &Env,
    notices: &mut Notices,
) -> Result<Vec<Candidate>> {
    let bytes = if is_stdin(path) {
        env.read_stdin(MAX_FILE).await
    } else {
        file::read_bounded(path, MAX_FILE)
    }
    .map_err(|reason| {
        Error::input(format!("opening env file {}", shown(path)))
            .because(reason)
            .hint("--from-file takes a regular file of at most 10 MiB, or - for standard input")
    })?;
    let at = |line: usize| format!("{}:{line}", shown(path));
    let refuse = |fault: Fault| {
        let error = Error::input(format!("{}: {}", at(fault.line), fault.message));
        match fault.hint {
            Some(hint) => error.hint(hint),
            None => error,
        }
    };

    let text = clean(&bytes).map_err(refuse)?;
    let parsed = match format {
        EnvFormat::Dotenv => dotenv::parse(&text),
        EnvFormat::Docker => docker::parse(&text),
        EnvFormat::Json => json::parse(&text),
    }
    .map_err(refuse)?;

    let mut candidates = Vec::new();
    for (line, warning) in parsed.warnings {
        notices.warn(format!("{}: {warning}", at(line)));
    }
    for Entry { line, name, value } in parsed.entries {
        let Some(name) = SecretName::environment(&name) else {
            return Err(refuse(bad_name(line)));
        };
        if value.is_empty() {
            notices.warn(format!("{}: {name} is empty and was skipped", at(line)));
            continue;
        }
        let origin = Origin::File {
            path: path.to_owned(),
            line,
        };
        candidates.push(checked(name, value, origin, &at(line))?);
    }
    Ok(candidates)
}

fn bad_name(line: usize) -> Fault {
    Fault::new(line, "invalid line: the name before '=' is not a variable's name").hint(
        "a name holds letters, digits and '_' and does not start with a digit; a value that spans \
         lines must be quoted",
    )
}

fn has_equals(argument: &OsStr) -> bool {
    argument.as_encoded_bytes().contains(&b'=')
}
