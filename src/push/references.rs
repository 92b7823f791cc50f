//! The secrets that a repository's `.amika/config.toml` references.
//!
//! ```toml
//! [env]
//! DATABASE_URL = { secret = "database-url" }
//! ```

use std::path::{Path, PathBuf};

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use crate::error::{Error, Result};
use crate::formats::escape;
use crate::system::env::Env;
use crate::system::file::{self, FileError};

/// Path of the configuration, relative to the root of a repository.
const CONFIG: &str = ".amika/config.toml";
/// Maximum size of the configuration, in bytes.
const MAX_CONFIG: u64 = 1024 * 1024;

/// A variable of a sandbox and the secret that provides its value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Reference {
    pub(crate) variable: String,
    pub(crate) secret: String,
}

/// The references of one file.
#[derive(Debug)]
pub(crate) struct References {
    pub(crate) path: PathBuf,
    pub(crate) entries: Vec<Reference>,
}

/// Reads `file`, or else the nearest configuration upward from the working directory.
pub(crate) fn read(file: Option<&Path>, env: &Env) -> Result<References> {
    let path = match file {
        Some(file) => env.expand_home(file),
        None => nearest(env)?,
    };
    let shown = escape::path(&path);
    let bytes = file::read_bounded(&path, MAX_CONFIG).map_err(|reason| {
        let hint = match reason {
            FileError::NotRegular => None,
            _ => env.file_hint(&path, &reason),
        };
        Error::input(format!("failed to read {}", escape::argument(&shown)))
            .because(reason)
            .maybe_hint(hint)
    })?;
    let text = std::str::from_utf8(&bytes).map_err(|_| Error::input(format!("{shown}: not valid UTF-8")))?;
    let entries = parse(text).map_err(|fault| {
        let (line, column) = position(text, fault.at);
        Error::input(format!("{shown}:{line}:{column}: {}", fault.message))
            .hint("a reference is written NAME = { secret = \"some-name\" } below [env]")
    })?;
    Ok(References { path, entries })
}

fn nearest(env: &Env) -> Result<PathBuf> {
    let start = env.directory.as_deref().unwrap_or(Path::new("."));
    let mut candidates = start.ancestors().map(|directory| directory.join(CONFIG));
    candidates
        .find(|path| path.symlink_metadata().is_ok())
        .ok_or_else(|| {
            Error::input(format!("no {CONFIG} in this directory or its parents"))
                .hint("run it inside a repository that has this file")
        })
}

/// Describes what is wrong with a file without quoting it, and gives the byte offset of the problem.
struct Fault {
    at: usize,
    message: String,
}

fn parse(text: &str) -> std::result::Result<Vec<Reference>, Fault> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    // The crate's own message may quote the text.
    let document = DeTable::parse(text).map_err(|error| Fault {
        at: error.span().map_or(0, |span| span.start),
        message: "not valid TOML".to_owned(),
    })?;
    let Some(env) = document.get_ref().get("env") else {
        return Ok(Vec::new());
    };
    let wrong = |value: &Spanned<DeValue<'_>>, message: String| Fault {
        at: value.span().start,
        message,
    };
    let Some(entries) = env.get_ref().as_table() else {
        return Err(wrong(env, "[env] is not a table".to_owned()));
    };
    let mut references = Vec::new();
    for (name, value) in entries {
        let secret = value.get_ref().as_table().and_then(|table| table.get("secret"));
        let Some(secret) = secret else { continue };
        let variable = name.get_ref().to_string();
        let Some(secret) = secret.get_ref().as_str().filter(|secret| !secret.is_empty()) else {
            let message = format!("`secret` of {} is not a name", escape::escape(&variable));
            return Err(wrong(secret, message));
        };
        let start = name.span().start;
        let secret = secret.to_owned();
        references.push((start, Reference { variable, secret }));
    }
    references.sort_by_key(|(start, _)| *start);
    Ok(references.into_iter().map(|(_, reference)| reference).collect())
}

/// Line and column of the byte at offset `at`, both counted from 1. The column counts characters.
fn position(text: &str, at: usize) -> (usize, usize) {
    let before = text.get(..at).unwrap_or(text);
    let line = before.matches('\n').count() + 1;
    let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
    (line, column)
}
