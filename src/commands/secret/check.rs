//! `amika secret check`: checks that the vault has every secret that the repository references.

use std::path::PathBuf;

use clap::Args;
use indexmap::IndexSet;
use serde::Serialize;

use crate::api::{Api, Repeat, SecretSummary};
use crate::context::Context;
use crate::error::{Error, Kind, Result};
use crate::formats::escape;
use crate::push::references::{self, Mapping};
use crate::secret::{Scope, SecretName};
use crate::ui::table::{Cell, Text, table};

pub(crate) const CHECK_EXAMPLES: &str = "\
Examples:
  amika secret check                        the repository's .amika/config.toml
  amika secret check --file deploy/config.toml
  amika secret push --referenced --if-missing --from-file .env
                                            push what is referenced and missing

A variable of a sandbox references a secret below [env] in .amika/config.toml:
  [env]
  DATABASE_URL = { secret = \"database-url\" }";

#[derive(Debug, Args)]
pub(crate) struct CheckArgs {
    /// Read this file instead of the repository's .amika/config.toml
    #[arg(long, value_name = "PATH", value_hint = clap::ValueHint::FilePath)]
    file: Option<PathBuf>,
}

/// A reference, and the stored secret that satisfies it.
#[derive(Serialize)]
struct ReferenceRow {
    name: String,
    secret: String,
    scope: Option<String>,
    updated_at: Option<String>,
    status: &'static str,
}

pub(crate) async fn run(args: &CheckArgs, context: &Context) -> Result<()> {
    let references = match &args.file {
        Some(file) => {
            let say = |text: &str| context.printer.notice(text);
            let read = references::of_file(file, &context.env, &say);
            context.interrupt.or(read).await?
        }
        None => references::of_repository(&context.env)?,
    };
    let api = context.api().await?;
    let stored = context.interrupt.or(async { list(&api).await }).await?;
    let rows = references.entries.iter().map(|entry| row(entry, &stored, &api));
    let rows: Vec<_> = rows.collect();
    context.printer.data(&rows, || {
        if rows.is_empty() {
            format!("No secrets are referenced in {}", references.place).into()
        } else {
            as_table(&rows)
        }
    })?;
    refuse_missing(&rows)
}

/// Lists the vault. A list that is refused has another exit code than a secret that is missing.
async fn list(api: &Api) -> Result<Vec<SecretSummary>> {
    api.list_secrets(Repeat::Safe).await.map_err(|error| {
        let error = Error::from(error);
        if error.kind == Kind::Refused {
            error.with_kind(Kind::Credential)
        } else {
            error
        }
    })
}

fn row(reference: &Mapping, stored: &[SecretSummary], api: &Api) -> ReferenceRow {
    let Mapping { variable, secret } = reference;
    // A secret in user scope takes precedence over one in org scope.
    let found = Scope::ALL.into_iter().find_map(|scope| {
        let mut same = stored.iter();
        same.find(|stored| stored.name == **secret && stored.scope == *scope.as_str())
    });
    let updated_at = found.and_then(|stored| stored.updated_at.as_ref());
    ReferenceRow {
        name: variable.clone(),
        secret: secret.clone(),
        scope: found.map(|stored| api.shown(&stored.scope)),
        updated_at: updated_at.map(|time| api.shown(time)),
        status: if found.is_some() { "present" } else { "missing" },
    }
}

fn as_table(rows: &[ReferenceRow]) -> Text {
    let cells = rows.iter().map(|row| {
        vec![
            row.name.clone().into(),
            row.secret.clone().into(),
            row.scope.clone().unwrap_or_default().into(),
            Cell::time(row.updated_at.clone().unwrap_or_default()),
            match row.status {
                "present" => Cell::from(row.status).good(),
                _ => Cell::from(row.status).bad(),
            },
        ]
    });
    table(&["NAME", "SECRET", "SCOPE", "UPDATED", "STATUS"], cells)
}

/// Exit 1 with the missing secrets and the command that adds them.
fn refuse_missing(rows: &[ReferenceRow]) -> Result<()> {
    let missing = rows.iter().filter(|row| row.status == "missing");
    let missing: IndexSet<&str> = missing.map(|row| row.secret.as_str()).collect();
    if missing.is_empty() {
        return Ok(());
    }
    let missing = Vec::from_iter(missing);
    let count = escape::count(missing.len(), "secret");
    let verb = if missing.len() == 1 { "is" } else { "are" };
    let names = missing.join(", ");
    let message = format!("{count} {verb} missing: {}", escape::escape(&names));
    let valid = missing.iter().filter(|name| SecretName::inline(name).is_some());
    // A command each, because a word after a name must be in capitals to be a name as well.
    let valid: Vec<_> = valid.map(|name| format!("`amika secret push {name}`")).collect();
    let add = format!("add with {}", valid.join(", "));
    let change = "names may only contain letters, digits, '_', '-' and '.': change the others in the file";
    let hint = match valid.len() {
        0 => change.to_owned(),
        all if all == missing.len() => add,
        _ => format!("{add}; {change}"),
    };
    Err(Error::new(Kind::Missing, message).hint(hint))
}
