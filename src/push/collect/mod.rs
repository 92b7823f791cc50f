//! The first step of a push: every secret that the command line names, read and checked.
//!
//! Returns secrets only if all of them are valid, so that no request is sent for a batch that cannot
//! be completed. The problems of all sources are reported together.

mod arguments;
mod docker;
mod dotenv;
mod entry;
mod format;
mod input;
mod json;
mod lines;
pub(crate) mod pattern;
pub(crate) mod problems;
#[cfg(test)]
mod readers;
mod sources;
mod value;
mod variables;

use std::collections::HashMap;
use std::collections::hash_map::Entry as Slot;

use self::arguments::{Argument, parse_arguments, read_values};
pub(crate) use self::format::EnvFormat;
use self::input::read_file;
use self::problems::Problems;
pub(crate) use self::sources::Sources;
use self::variables::read_variables;
use crate::error::{Error, Result};
use crate::formats::escape;
use crate::push::candidate::{Candidate, Origin};
use crate::secret::SecretName;
use crate::system::env::Env;
use crate::system::file::is_stdin;
use crate::ui::notices::Notices;
use crate::ui::options::GlobalOptions;
use crate::ui::prompt::Confirmation;

/// Maximum number of warnings shown about names that are given more than once.
const MAX_DUPLICATES: usize = 20;

/// Reads all sources in order of increasing precedence: files, then inline values, standard input
/// and prompts, then environment variables.
pub(crate) async fn collect(
    sources: &Sources<'_>,
    global: &GlobalOptions,
    env: &Env,
    confirmation: Option<Confirmation>,
    problems: &mut Problems,
    notices: &mut Notices,
) -> Result<Vec<Candidate>> {
    let nothing_named =
        sources.secrets.is_empty() && sources.from_env.is_empty() && sources.from_file.is_empty();
    if nothing_named {
        problems.push(
            Error::usage("no secrets provided")
                .hint("name one, as in 'amika secret push NAME', or use --from-env or --from-file"),
        );
        return Ok(Vec::new());
    }
    let arguments = parse_arguments(sources.secrets, env, problems);
    let may_read_stdin = problems
        .check(check_stdin_use(sources, &arguments, env, confirmation))
        .is_some();
    let mut files = Vec::new();
    for path in sources.from_file {
        if may_read_stdin || !is_stdin(path) {
            files.extend(read_file(path, sources, env, problems, notices).await);
        }
    }
    let variables = read_variables(sources, env, problems, notices);
    let arguments = if may_read_stdin {
        read_values(arguments, global, env, problems, notices).await?
    } else {
        Vec::new()
    };
    let mut candidates = merge([files, arguments, variables], sources, notices);
    let is_empty = candidates.is_empty();
    select(&mut candidates, sources, notices);
    if candidates.is_empty() && problems.is_empty() {
        problems.push(if is_empty {
            Error::input("no secrets provided: every source was empty")
        } else {
            Error::input("no secrets provided: --only and --exclude leave nothing to push")
        });
    }
    Ok(candidates)
}

/// Applies `--only` and `--exclude`.
fn select(candidates: &mut Vec<Candidate>, sources: &Sources<'_>, notices: &mut Notices) {
    for pattern in &sources.only {
        let matches = |candidate: &Candidate| pattern.matches(candidate.name.as_str());
        if !candidates.iter().any(matches) {
            notices.warn(format!(
                "--only {} matches nothing",
                escape::argument(pattern.as_str())
            ));
        }
    }
    candidates.retain(|candidate| sources.selects(candidate.name.as_str()));
}

/// A name that is given in more than one place.
struct Repetition {
    /// The position of the name among the merged candidates.
    at: usize,
    first: Origin,
    last: Origin,
    count: usize,
}

/// Keeps one value per name, in order of first appearance. A source of higher precedence wins;
/// between two of equal precedence the later one wins, with a warning that names both places if the
/// name is selected.
fn merge(candidates: [Vec<Candidate>; 3], sources: &Sources<'_>, notices: &mut Notices) -> Vec<Candidate> {
    let mut merged: Vec<Candidate> = Vec::new();
    let mut position: HashMap<SecretName, usize> = HashMap::new();
    let mut repetitions = Vec::new();
    for source in candidates {
        let mut seen_here = vec![false; merged.len()];
        // The last repetition of each name.
        let mut current: HashMap<usize, usize> = HashMap::new();
        for candidate in source {
            match position.entry(candidate.name.clone()) {
                Slot::Vacant(slot) => {
                    slot.insert(merged.len());
                    merged.push(candidate);
                    seen_here.push(true);
                }
                Slot::Occupied(slot) => {
                    let at = *slot.get();
                    if std::mem::replace(&mut seen_here[at], true) {
                        note_repetition(at, &merged[at], &candidate, &mut current, &mut repetitions);
                    }
                    merged[at] = candidate;
                }
            }
        }
    }
    repetitions.retain(|repetition| sources.selects(merged[repetition.at].name.as_str()));
    for repetition in repetitions.iter().take(MAX_DUPLICATES) {
        notices.warn(repetition.warning(&merged[repetition.at].name));
    }
    let more = repetitions.len().saturating_sub(MAX_DUPLICATES);
    if more > 0 {
        notices.warn(format!(
            "{more} more names are given more than once; the last of each wins"
        ));
    }
    merged
}

/// Records a repeated name, at most once per file even if many lines repeat it.
fn note_repetition(
    at: usize,
    earlier: &Candidate,
    later: &Candidate,
    current: &mut HashMap<usize, usize>,
    repetitions: &mut Vec<Repetition>,
) {
    if let Some(&index) = current.get(&at)
        && repetitions[index].last.is_same_file(&later.origin)
    {
        repetitions[index].last = later.origin.clone();
        repetitions[index].count += 1;
    } else {
        current.insert(at, repetitions.len());
        repetitions.push(Repetition {
            at,
            first: earlier.origin.clone(),
            last: later.origin.clone(),
            count: 2,
        });
    }
}

impl Repetition {
    fn warning(&self, name: &SecretName) -> String {
        let Self {
            first, last, count, ..
        } = self;
        if *count == 2 {
            format!("{name} is given twice, at {first} and {last}; the last wins")
        } else {
            format!("{name} is given {count} times, first at {first}, last at {last}; the last wins")
        }
    }
}

/// Standard input can be read only once, so it cannot also answer the confirmation.
fn check_stdin_use(
    sources: &Sources<'_>,
    arguments: &[Argument],
    env: &Env,
    confirmation: Option<Confirmation>,
) -> Result<()> {
    let file = sources.from_file.iter().filter(|path| is_stdin(path)).count();
    let mut bare = arguments.iter().filter(|argument| !argument.has_value());
    let piped_values = if env.terminals.stdin {
        0
    } else {
        bare.clone().count()
    };
    if file + piped_values > 1 {
        return Err(
            Error::usage("standard input can be used for one value or one file only")
                .hint("use --from-env, --from-file PATH, or run 'amika secret push' once for each"),
        );
    }
    let needs_answer = confirmation.is_some_and(|confirmation| confirmation != Confirmation::NotNeeded);
    if file + piped_values == 1 && needs_answer {
        let message = match bare.next() {
            Some(Argument { position, .. }) if piped_values == 1 => format!(
                "argument {position} has no '=' (expected KEY=VALUE), so its value is read from standard \
                 input, which cannot also be used to confirm"
            ),
            _ => "secrets read from standard input cannot be confirmed there".to_owned(),
        };
        return Err(Error::usage(message).hint("add --yes, or --dry-run to preview"));
    }
    Ok(())
}
