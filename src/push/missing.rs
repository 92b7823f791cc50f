//! `push --missing`: what a repository references and the vault lacks.

use std::collections::{HashMap, HashSet};

use crate::formats::escape;
use crate::push::candidate::Candidate;
use crate::push::plan::Stored;
use crate::push::references::Reference;
use crate::secret::SecretName;
use crate::ui::notices::Notices;

/// Keeps the candidates that are referenced and missing. A candidate named after the variable is
/// renamed to the secret that the variable references.
pub(crate) fn select(
    candidates: Vec<Candidate>,
    references: &[Reference],
    stored: &[Stored],
    notices: &mut Notices,
) -> Vec<Candidate> {
    let present: HashSet<&str> = stored.iter().map(|stored| stored.name.as_str()).collect();
    let mut by_name: HashMap<String, Candidate> = candidates
        .into_iter()
        .map(|candidate| (candidate.name.to_string(), candidate))
        .collect();
    let mut selected = Vec::new();
    let mut done = HashSet::new();
    for Reference { secret, .. } in references {
        if present.contains(secret.as_str()) || !done.insert(secret) {
            continue;
        }
        let variables = references.iter().filter(|other| other.secret == *secret);
        let mut variables = variables.map(|other| &other.variable);
        if let Some(candidate) = by_name.remove(secret) {
            selected.push(candidate);
        } else if let Some(name) = SecretName::inline(secret)
            && let Some(variable) = variables.find(|variable| by_name.contains_key(*variable))
            && let Some(candidate) = by_name.remove(variable)
        {
            notices.notice(format!(
                "pushing {variable} as {name}, its name in .amika/config.toml"
            ));
            selected.push(Candidate { name, ..candidate });
        } else {
            notices.warn(format!(
                "{secret} is missing from the vault and from the given sources"
            ));
        }
    }
    report_left_out(by_name.into_keys().collect(), references, notices);
    selected
}

/// Reports which of the given secrets are not pushed, and why.
fn report_left_out(mut names: Vec<String>, references: &[Reference], notices: &mut Notices) {
    names.sort_unstable();
    let is_referenced = |name: &String| {
        let mut all = references.iter();
        all.any(|reference| reference.variable == *name || reference.secret == *name)
    };
    let (stored, unknown): (Vec<_>, Vec<_>) = names.into_iter().partition(is_referenced);
    for (names, why) in [
        (unknown, "not referenced in .amika/config.toml"),
        (stored, "already in the vault"),
    ] {
        if !names.is_empty() {
            notices.notice(format!("skipped ({why}): {}", escape::first_of(&names)));
        }
    }
}
