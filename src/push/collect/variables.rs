//! `--from-env`: environment variables by name or by pattern.

use std::ffi::OsStr;

use super::collected::Collected;
use super::pattern::Pattern;
use crate::error::{Error, Result};
use crate::formats::words;
use crate::push::candidate::{Origin, is_own_setting};
use crate::secret::{SecretName, SecretValue};
use crate::system::env::Env;

/// Adds the variables that `--from-env` names.
pub(super) fn read(env: &Env, collected: &mut Collected<'_>) {
    for pattern in &collected.sources.from_env {
        if pattern.has_wildcard() {
            read_matching(pattern, env, collected);
        } else {
            add(pattern.as_str(), env, collected);
        }
    }
}

fn add(name: &str, env: &Env, collected: &mut Collected<'_>) {
    if let Some((name, value)) = collected.problems.check(variable(name, env))
        && collected.selects(name.as_str())
    {
        let origin = Origin::Variable(name.to_string());
        collected.add(name, value, origin);
    }
}

/// Adds the variables that match a pattern, except settings of this program and empty ones.
fn read_matching(pattern: &Pattern, env: &Env, collected: &mut Collected<'_>) {
    let names = env.variable_names();
    let mut names: Vec<_> = names
        .filter(|name| pattern.matches(name) && SecretName::is_environment(name))
        .collect();
    names.sort_unstable();
    if names.is_empty() {
        let shown = words::quoted(pattern.as_str(), "a pattern of --from-env");
        let error = Error::input(format!("no environment variable matches {shown}"));
        collected
            .problems
            .push(error.hint("check that they are exported"));
    }
    names.retain(|name| collected.selects(name));
    for name in names {
        if is_own_setting(name) {
            collected.notices.warn(format!(
                "{name} is a setting of amika and was skipped; to push it, name it: --from-env {name}"
            ));
        } else if !env.variable(name).is_some_and(OsStr::is_empty) {
            add(name, env, collected);
        } else {
            collected.notices.warn(format!(
                "environment variable \"{name}\" is empty and was skipped"
            ));
        }
    }
}

fn variable(name: &str, env: &Env) -> Result<(SecretName, SecretValue)> {
    let valid = SecretName::environment(name).filter(|_| !words::may_be_secret(name));
    let name = valid.ok_or_else(|| bad_name(name))?;
    let place = format!("environment variable \"{name}\"");
    let value = env.variable(name.as_str()).ok_or_else(|| {
        Error::input(format!("{place} is not set")).hint("export it, or check the spelling")
    })?;
    let value = value.to_str().ok_or_else(|| {
        Error::input(format!("{place} is not valid UTF-8")).hint("encode the value, for example with base64")
    })?;
    Ok((name, SecretValue::new(value.to_owned())))
}

/// Text that is not a valid name may be a value given by mistake.
fn bad_name(item: &str) -> Error {
    let shown = words::quoted(item, "an item of --from-env");
    Error::input(format!("{shown} is not a valid variable name")).hint(
        "use letters, digits and '_', not starting with a digit, or a quoted pattern: \
         --from-env DATABASE_URL,'APP_*'; for the entries of a file, use --from-file",
    )
}
