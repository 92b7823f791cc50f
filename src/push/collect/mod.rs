//! The first step of a push: every secret that the command line names, read and checked.
//!
//! The result holds the secrets, what is wrong with any source, and what a person should know. Problems
//! of all sources are reported together, and nothing is written while there is one.

mod arguments;
mod collected;
mod docker;
mod dotenv;
mod files;
mod json;
mod line;
pub(crate) mod pattern;
pub(crate) mod problems;
#[cfg(test)]
#[path = "../../../tests/support/env_readers.rs"]
mod readers;
mod sources;
mod text;
mod value;
mod variables;

pub(crate) use self::collected::Collected;
pub(crate) use self::sources::{EnvFormat, Sources};
use crate::error::Error;
use crate::system::env::Env;

/// Reads all sources in order of increasing precedence: files, then inline values, files of one value
/// and standard input, then environment variables. `needs_answer` is whether the command will ask for a
/// confirmation; `say` reports what is waited for.
pub(crate) async fn collect<'a>(
    sources: &'a Sources<'a>,
    env: &Env,
    needs_answer: bool,
    say: &dyn Fn(&str),
) -> Collected<'a> {
    let mut collected = Collected::new(sources);
    let may_be_asked = sources.referenced && env.terminals.stdin;
    if sources.is_empty() && !may_be_asked {
        let error = Error::usage("no secrets provided");
        collected.problems.push(error.hint(nothing_named(sources, env)));
        return collected;
    }
    let arguments = arguments::parse(env, &mut collected);
    let value_files = arguments::value_files(&mut collected);
    let may_read_stdin = arguments::check_stdin_use(sources, &arguments, &value_files, env, needs_answer);
    let may_read_stdin = collected.problems.check(may_read_stdin).is_some();
    files::read(may_read_stdin, env, &mut collected, say).await;
    if may_read_stdin {
        arguments::read(arguments, value_files, env, &mut collected, say).await;
    }
    variables::read(env, &mut collected);
    collected.refer(env);
    collected.finish();
    collected
}

/// What to do instead of a push without sources.
fn nothing_named(sources: &Sources<'_>, env: &Env) -> &'static str {
    if sources.referenced {
        "add a source: --from-file FILE, --from-env NAMES or NAME=VALUE"
    } else if env.stdin_is_piped() {
        "to push the entries of a file on standard input, use --from-file -; for one value, give its NAME"
    } else {
        "name one, as in `amika secret push NAME`, or use --from-env or --from-file"
    }
}
