//! `push --missing`: what a repository references and the vault lacks.

use std::collections::{HashMap, HashSet};

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
    for Reference { variable, secret } in references {
        if present.contains(secret.as_str()) || !done.insert(secret) {
            continue;
        }
        if let Some(candidate) = by_name.remove(secret) {
            selected.push(candidate);
        } else if let Some(name) = SecretName::inline(secret)
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
    selected
}
