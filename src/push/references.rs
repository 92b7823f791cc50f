//! The secrets that a repository's `.amika/config.toml` references.
//!
//! ```toml
//! [env]
//! DATABASE_URL = { secret = "database-url" }
//! ```

use std::ops::Range;
use std::path::Path;

use toml::de::DeTable;

use crate::error::{Error, Result};
use crate::formats::{escape, words};
use crate::system::env::Env;
use crate::system::file;
use crate::system::given::Given;

/// Path of the configuration, relative to the root of a repository.
const CONFIG: &str = ".amika/config.toml";
/// Maximum size of the configuration, in bytes.
const MAX_CONFIG: u64 = 1024 * 1024;
const HINT: &str = "sandboxes skip all of [env] because of this; write NAME = \"value\" or \
                    NAME = { secret = \"some-name\" } there";

/// A variable of a sandbox and the secret that provides its value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Mapping {
    pub(crate) variable: String,
    pub(crate) secret: String,
}

/// The references of one file.
#[derive(Debug)]
pub(crate) struct References {
    /// The file, for messages.
    pub(crate) place: String,
    pub(crate) entries: Vec<Mapping>,
}

/// Reads the configuration of the repository of the working directory: in the root of the git
/// repository, or else in the working directory. The vendor reads no other.
pub(crate) fn of_repository(env: &Env) -> Result<References> {
    let here = env.directory.as_deref().unwrap_or(Path::new("."));
    let mut ancestors = here.ancestors();
    let root = ancestors
        .find(|directory| directory.join(".git").exists())
        .unwrap_or(here);
    let path = root.join(CONFIG);
    let shown = escape::home_path(&path, env.tilde());
    match file::read_if_there(&path, MAX_CONFIG) {
        Ok(Some(bytes)) => parse_file(&bytes, shown),
        Ok(None) => Err(Error::input(format!("no {shown}"))
            .hint("run it inside a repository that has this file, or name one with `amika secret check --file FILE`")),
        Err(reason) => Err(Error::input(format!("failed to read {shown}")).because(reason)),
    }
}

/// Reads the configuration in another file.
pub(crate) async fn of_file(file: &Path, env: &Env, say: &dyn Fn(&str)) -> Result<References> {
    let Given { bytes, place, .. } = env
        .read_given(file, "failed reading --file", MAX_CONFIG, say)
        .await?;
    parse_file(&bytes, place)
}

fn parse_file(bytes: &[u8], place: String) -> Result<References> {
    let text = std::str::from_utf8(bytes).map_err(|_| Error::input(format!("{place}: not valid UTF-8")))?;
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let entries = parse(text).map_err(|(at, message)| {
        let (line, column) = position(text, at);
        Error::input(format!("{place}:{line}:{column}: {message}")).hint(HINT)
    })?;
    Ok(References { place, entries })
}

/// Reads `[env]` as the vendor does, which skips the whole section if any entry is of another form. An
/// error has the byte offset of the problem, and does not quote the file.
fn parse(text: &str) -> std::result::Result<Vec<Mapping>, (usize, String)> {
    // The crate's own message may quote the text.
    let invalid = |at: Option<Range<usize>>| (at.map_or(0, |at| at.start), "not valid TOML".to_owned());
    let document = DeTable::parse(text).map_err(|error| invalid(error.span()))?;
    let Some(env) = document.get_ref().get("env") else {
        return Ok(Vec::new());
    };
    let Some(entries) = env.get_ref().as_table() else {
        return Err((env.span().start, "[env] is not a table".to_owned()));
    };
    let mut entries: Vec<_> = entries.iter().collect();
    entries.sort_by_key(|(name, _)| name.span().start);
    let mut references = Vec::new();
    for (name, value) in entries {
        let variable = name.get_ref().as_ref();
        if !words::is_constant(variable) {
            // It may be a secret in the wrong place.
            let shown = words::quoted(variable, "a name");
            let message = format!("{shown} does not consist of capital letters, digits and '_'");
            return Err((name.span().start, message));
        } else if value.get_ref().is_str() {
            continue;
        }
        let table = value.get_ref().as_table().filter(|table| table.len() == 1);
        let secret = table.and_then(|table| table.get("secret")?.get_ref().as_str());
        let Some(secret) = secret.filter(|name| !name.is_empty()) else {
            let form = "{ secret = \"some-name\" }";
            let is_not = if value.get_ref().is_table() {
                "is not of the form"
            } else {
                "is neither a string nor"
            };
            let message = format!("{variable} {is_not} {form}");
            return Err((value.span().start, message));
        };
        let (variable, secret) = (variable.to_owned(), secret.to_owned());
        references.push(Mapping { variable, secret });
    }
    Ok(references)
}

/// Line and column of the byte at offset `at`, both counted from 1. The column counts characters.
fn position(text: &str, at: usize) -> (usize, usize) {
    let before = text.get(..at).unwrap_or(text);
    let line = before.matches('\n').count() + 1;
    let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
    (line, column)
}
