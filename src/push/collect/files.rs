//! `--from-file`: the entries of files, pipes and standard input.

use std::path::Path;
use std::rc::Rc;

use zeroize::Zeroizing;

use super::collected::Collected;
use super::line::{Line, Oddity};
use super::sources::{MAX_FILE, Sources};
use super::text::{utf8, with_line_feeds};
use crate::error::{Error, Result};
use crate::push::candidate::{Origin, is_own_setting};
use crate::push::kinds;
use crate::secret::SecretName;
use crate::system::env::Env;
use crate::system::file::is_stdin;
use crate::system::given::Given;

/// Adds the entries of all files.
pub(super) async fn read(may_read_stdin: bool, env: &Env, collected: &mut Collected<'_>, say: &dyn Fn(&str)) {
    for path in collected.sources.from_file {
        if may_read_stdin || !is_stdin(path) {
            let read = read_file(path, env, collected, say).await;
            collected.problems.check(read);
        }
    }
}

async fn read_file(path: &Path, env: &Env, collected: &mut Collected<'_>, say: &dyn Fn(&str)) -> Result<()> {
    // Scripts match "opening env file".
    let given = env.read_given(path, "failed opening env file", MAX_FILE, say);
    let given = given.await?;
    let text = Zeroizing::new(with_line_feeds(utf8(&given)?).into_owned());
    let Given {
        place, word: file, ..
    } = &given;
    if let Some(kind) = kinds::of_file(&text).filter(|_| !collected.sources.literal) {
        let error = Error::input(format!("{place} holds {}, not secrets", kind.what));
        return Err(error.hint(kind.file_hint(file)));
    }
    let path: Rc<Path> = env.expand_home(path).into();
    // A line without a name may continue the value before it.
    let mut is_selected = true;
    let Sources { format, literal, .. } = *collected.sources;
    for line in format.parse(&text, file, literal) {
        if let Some(name) = &line.name {
            is_selected = collected.selects(name);
        }
        if is_selected {
            add_line(line, &path, file, collected);
        }
    }
    Ok(())
}

fn add_line(line: Line<'_>, path: &Rc<Path>, file: &str, collected: &mut Collected<'_>) {
    let origin = Origin::File {
        path: Rc::clone(path),
        line: line.number,
    };
    let (value, oddity) = match line.content {
        Ok(content) => content,
        Err(fault) => {
            let error = || Error::input(format!("{origin}: {}", fault.message)).hint(fault.hint);
            return collected.problems.push_kind(fault.kind, error);
        }
    };
    let Some(name) = line.name.as_deref().and_then(SecretName::environment) else {
        return;
    };
    if value.is_empty() {
        collected.secrets.swap_remove(name.as_str());
        let message = format!("{origin}: {name} is empty and was skipped");
        return collected.record("empty", &origin, name.as_str(), message, None);
    }
    let mut warn = |kind, message: String| collected.record(kind, &origin, name.as_str(), message, None);
    if is_own_setting(name.as_str()) {
        let skipped = "is a setting of amika and was skipped; to push it, use --from-env";
        return warn("own", format!("{origin}: {name} {skipped} {name}"));
    }
    match oddity {
        Some(Oddity::Variable) => {
            // The shell's `.` looks for a name without a slash in PATH.
            let here = if file.contains('/') { "" } else { "./" };
            let message = format!(
                "{origin}: '$' in {name} is kept literally; variables are not expanded (to expand them: \
                 set -a; . {here}{file}; set +a, and then --from-env)"
            );
            warn("variable", message);
        }
        Some(Oddity::Quotes) => warn(
            "quotes",
            format!(
                "{origin}: the quotes around the value of {name} are part of the value in this format; \
                 --env-format dotenv removes them"
            ),
        ),
        None => {}
    }
    collected.add(name, value, origin);
}
