//! Files and standard input: what `--from-file` names, as entries with their lines.

use std::path::Path;
use std::rc::Rc;

use super::entry::{Entry, Fault, Parsed, Warning, bad_name, checked};
use super::format::EnvFormat;
use super::lines::clean;
use super::problems::Problems;
use super::sources::Sources;
use crate::error::{Error, Result};
use crate::formats::escape;
use crate::push::candidate::{Candidate, Origin, shown};
use crate::secret::SecretName;
use crate::system::env::Env;
use crate::system::file::{self, is_stdin};
use crate::ui::notices::Notices;

/// Maximum size of a file or of standard input, in bytes.
pub(super) const MAX_FILE: u64 = 10 * 1024 * 1024;
/// Maximum number of warnings shown for one file; the rest are only counted.
const MAX_WARNINGS: usize = 20;

/// Reads a file, adding its problems, and its warnings about selected names, to those of the other
/// sources.
pub(super) async fn read_file(
    path: &Path,
    sources: &Sources<'_>,
    env: &Env,
    problems: &mut Problems,
    notices: &mut Notices,
) -> Vec<Candidate> {
    let path: Rc<Path> = env.expand_home(path).into();
    let Some(mut parsed) = problems.check(parse(&path, sources.format, env).await) else {
        return Vec::new();
    };
    let mut candidates = Vec::with_capacity(parsed.entries.len());
    for Entry { line, name, value } in parsed.entries {
        let Some(name) = SecretName::environment(&name) else {
            parsed.faults.push(bad_name(line, &name));
            continue;
        };
        if value.is_empty() {
            parsed.warnings.push(Warning {
                line,
                message: format!("{name} is empty and was skipped"),
                name: name.to_string(),
            });
            continue;
        }
        if let Err((problem, hint)) = checked(&value) {
            let message = format!("the value of {name} {problem}");
            parsed.faults.push(Fault::new(line, message).hint(hint));
        } else {
            let path = Rc::clone(&path);
            let origin = Origin::File { path, line };
            candidates.push(Candidate::secret(name, value, origin));
        }
    }
    // Report one problem per line: later ones usually follow from the first.
    parsed.faults.sort_by_key(|fault| fault.line);
    parsed.faults.dedup_by_key(|fault| fault.line);
    for fault in parsed.faults {
        problems.push(fault.into_error(&path));
    }
    parsed.warnings.retain(|warning| sources.selects(&warning.name));
    parsed.warnings.sort_by_key(|warning| warning.line);
    let more = parsed.warnings.len().saturating_sub(MAX_WARNINGS);
    for Warning { line, message, .. } in parsed.warnings.into_iter().take(MAX_WARNINGS) {
        notices.warn(format!("{}:{line}: {message}", shown(&path)));
    }
    if more > 0 {
        notices.warn(format!("{}: {more} more warnings are not shown", shown(&path)));
    }
    candidates
}

async fn parse(path: &Path, format: EnvFormat, env: &Env) -> Result<Parsed> {
    let bytes = if is_stdin(path) {
        env.read_stdin(MAX_FILE).await
    } else {
        file::read_bounded(path, MAX_FILE)
    }
    .map_err(|reason| {
        let hint = env.file_hint(path, &reason);
        // Scripts match "opening env file".
        Error::input(format!(
            "failed opening env file {}",
            escape::argument(&shown(path))
        ))
        .because(reason)
        .maybe_hint(hint)
    })?;
    let (text, faults) = clean(&bytes).map_err(|fault| fault.into_error(path))?;
    let mut parsed = format.parse(&text);
    // The sort is stable, so these stay before the format's own warnings about the same line.
    parsed.faults.splice(0..0, faults);
    Ok(parsed)
}
