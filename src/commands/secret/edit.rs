//! `amika secret edit`: changes the name or the description of a secret, never its value.

use clap::{ArgGroup, Args};

use super::list::{SecretRow, as_table};
use crate::api::{SecretSummary, check_id};
use crate::commands::deletion::{entry_named, secrets};
use crate::context::Context;
use crate::error::{Error, Kind, Result};
use crate::formats::{shell, words};
use crate::secret::{Scope, SecretName};

#[derive(Debug, Args)]
#[command(group = ArgGroup::new("change").required(true).multiple(true))]
pub(crate) struct EditArgs {
    /// Name of the secret
    #[arg(value_name = "NAME", value_hint = clap::ValueHint::Other, required_unless_present = "id")]
    pub(crate) name: Option<String>,
    /// ID of the secret, instead of its name
    #[arg(long, value_name = "ID", value_hint = clap::ValueHint::Other, conflicts_with = "name")]
    pub(crate) id: Option<String>,
    /// New name
    #[arg(long, value_name = "NEW", value_hint = clap::ValueHint::Other, group = "change")]
    pub(crate) rename: Option<String>,
    /// New description; an empty one removes it
    #[arg(long, value_name = "TEXT", value_hint = clap::ValueHint::Other, group = "change")]
    pub(crate) description: Option<String>,
    /// Scope of the name
    #[arg(long, value_enum, default_value_t = Scope::User)]
    pub(crate) scope: Scope,
}

pub(crate) async fn run(args: &EditArgs, context: &Context) -> Result<()> {
    args.id.iter().try_for_each(|id| check_id(id))?;
    let name = args.rename.as_deref().map(|name| {
        let valid = SecretName::inline(name).filter(|_| !words::may_be_secret(name));
        valid.ok_or_else(|| {
            Error::input("the new name is not a valid secret name")
                .hint("use letters, digits, '_', '-' and '.', starting with a letter, a digit or '_'")
        })
    });
    let name = name.transpose()?;
    let (api, stored) = context.connect().await?;
    let entries = secrets(&api, &stored);
    let named = args
        .name
        .as_deref()
        .map(|name| entry_named(name, args.scope, &entries, "secret"));
    let named = named.transpose()?.flatten().map(|entry| entry.id.as_sent());
    let id = args.id.as_deref().or(named).unwrap_or_default();
    let old = stored.iter().find(|secret| secret.id == *id).ok_or_else(|| {
        let plain = args.name.as_deref().filter(|name| !words::may_be_secret(name));
        let what = plain.unwrap_or("of this name or ID");
        Error::new(
            Kind::Refused,
            format!("there is no secret {what}; nothing was changed"),
        )
        .hint("`amika secret list` shows names and IDs")
    })?;
    if let Some(name) = &name {
        let is_taken = |other: &&SecretSummary| other.name == *name.as_str() && other.scope == old.scope;
        if let Some(other) = stored.iter().filter(|other| other.id != old.id).find(is_taken) {
            let message = format!(
                "{name} exists already in {} scope; nothing was changed",
                api.shown(&old.scope)
            );
            let hint = format!("its ID is {}", shell::word(&api.shown(&other.id)));
            return Err(Error::new(Kind::Refused, message).hint(hint));
        }
    }
    let (name, description) = (name.as_ref().map(SecretName::as_str), args.description.as_deref());
    let edited = api.edit_secret(old.id.as_sent(), name, description);
    let edited = context.reply(edited).await?;
    let mut row = SecretRow::new(old, &api);
    row.name = name.map_or(row.name, str::to_owned);
    row.description = match description {
        Some(text) => Some(text.to_owned()).filter(|text| !text.is_empty()),
        None => row.description,
    };
    row.updated_at = edited.map(|time| api.shown(&time));
    let rows = [row];
    context.printer.done(&rows[0], || as_table(&rows))
}
