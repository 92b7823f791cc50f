//! `--from-env`: environment variables by name or by pattern.

use std::ffi::OsStr;

use super::arguments::{is_file, push_entries};
use super::entry::checked;
use super::pattern::Pattern;
use super::problems::Problems;
use super::sources::Sources;
use crate::error::{Error, Result};
use crate::push::candidate::{Candidate, Origin};
use crate::secret::{SecretName, SecretValue};
use crate::system::env::Env;
use crate::ui::notices::Notices;

/// Reads the variables that match the patterns of `--from-env`.
pub(super) fn read_variables(
    sources: &Sources<'_>,
    env: &Env,
    problems: &mut Problems,
    notices: &mut Notices,
) -> Vec<Candidate> {
    let mut candidates = Vec::new();
    for pattern in &sources.from_env {
        if pattern.has_wildcard() {
            match_variables(pattern, sources, env, problems, notices, &mut candidates);
        } else if let Some(candidate) = problems.check(read_variable(pattern.as_str(), env)) {
            candidates.push(candidate);
        }
    }
    candidates
}

fn match_variables(
    pattern: &Pattern,
    sources: &Sources<'_>,
    env: &Env,
    problems: &mut Problems,
    notices: &mut Notices,
    candidates: &mut Vec<Candidate>,
) {
    let names = env.variable_names();
    let mut names: Vec<_> = names.filter(|name| pattern.matches(name)).collect();
    names.sort_unstable();
    if names.is_empty() {
        let message = if pattern
            .as_str()
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || "_*?".contains(c))
        {
            format!("no environment variable matches \"{}\"", pattern.as_str())
        } else {
            "no environment variable matches a pattern of --from-env".to_owned()
        };
        problems.push(Error::input(message).hint("check that they are exported"));
    }
    for name in names {
        if env.variable(name).is_some_and(OsStr::is_empty) {
            if sources.selects(name) {
                notices.warn(format!(
                    "environment variable \"{name}\" is empty and was skipped"
                ));
            }
        } else if SecretName::is_environment(name) {
            candidates.extend(problems.check(read_variable(name, env)));
        }
    }
}

fn read_variable(name: &str, env: &Env) -> Result<Candidate> {
    let name = SecretName::environment(name).ok_or_else(|| bad_variable(name, env))?;
    let place = format!("environment variable \"{name}\"");
    let value = env.variable(name.as_str()).ok_or_else(|| {
        Error::input(format!("{place} is not set")).hint("export it, or check the spelling")
    })?;
    let value = value
        .to_str()
        .ok_or_else(|| Error::input(format!("{place} is not valid UTF-8")))?;
    let value = SecretValue::new(value.to_owned());
    checked(&value).map_err(|(problem, hint)| Error::input(format!("{place} {problem}")).hint(hint))?;
    let origin = Origin::Variable(name.to_string());
    Ok(Candidate::secret(name, value, origin))
}

/// Text that is not a valid name may be a value given by mistake, so the error repeats it only if it
/// looks like a name.
fn bad_variable(item: &str, env: &Env) -> Error {
    if is_file(item, env) {
        return Error::input(format!("\"{item}\" is not a valid variable name")).hint(push_entries(item));
    }
    let like_a_name = |c: char| c.is_ascii_uppercase() || matches!(c, '_' | '-' | '.');
    let shown = if item.len() <= 40 && item.chars().all(like_a_name) {
        format!("\"{item}\"")
    } else {
        "an item of --from-env".to_owned()
    };
    Error::input(format!("{shown} is not a valid variable name")).hint(
        "use letters, digits and '_', not starting with a digit, or a quoted pattern: \
         --from-env DATABASE_URL,'APP_*'",
    )
}
