//! The last part of a credential's push: store it, or replace the one that stands in its place.

use serde_json::json;

use super::in_words;
use crate::api::{Api, CredentialSummary, Effect, NewCredential};
use crate::auth::store::Store;
use crate::context::Context;
use crate::credentials::replace::{Replaced, occupant, replace, store};
use crate::error::{Error, Kind, Result};
use crate::formats::escape::{self, shell_quoted};
use crate::provider::{CredentialKind, Provider};
use crate::secret::Scope;
use crate::ui::printer::OnWriteFailure;
use crate::ui::prompt::Confirmation;

/// The credential that stands in the place of the new one, if there is one and it may be replaced.
pub(crate) async fn standing(
    provider: &Provider,
    name: &str,
    scope: Scope,
    force: bool,
    api: &Api,
    context: &Context,
) -> Result<Option<CredentialSummary>> {
    let listed = async { Ok(api.list_credentials(provider).await?) };
    let stored = context.interrupt.or(listed).await?;
    match occupant(&stored, name, scope) {
        Some(_) if !force => Err(taken(provider, name, scope, &in_words(provider, &stored))),
        occupant => Ok(occupant.cloned()),
    }
}

/// Stores the credential, in the place of the `old` one where there is one.
pub(crate) async fn put(
    provider: &Provider,
    new: &NewCredential,
    old: Option<&CredentialSummary>,
    api: &Api,
    context: &Context,
) -> Result<()> {
    let interrupt = &context.interrupt;
    if let Some(old) = old {
        let backup = interrupt.or(back_up(provider, old, api, context)).await?;
        let ended = replace(api, provider, old, backup.as_ref(), new, interrupt).await;
        return report_replacement(provider, old, backup.as_ref(), new, ended, context).await;
    }
    match interrupt.or(async { Ok(store(api, provider, new).await) }).await {
        Ok(Ok(id)) => done(new, &id, "created", context),
        Ok(Err(error)) if error.status == Some(409) => {
            let meanwhile = "it was stored a moment ago";
            Err(taken(provider, &new.name, new.scope, meanwhile))
        }
        Ok(Err(error)) if error.effect == Effect::Unknown => Err(Error::from(error)
            .consequence("the credential may or may not be stored")
            .with_kind(Kind::Partial)
            .hint(format!("'amika secret {} list' shows what there is", provider.id))),
        Ok(Err(error)) => Err(error.into()),
        Err(stopped) => Err(Error {
            message: "stopped while it was written; it may or may not be stored".to_owned(),
            ..stopped
        }),
    }
}

fn taken(provider: &Provider, name: &str, scope: Scope, what_there_is: &str) -> Error {
    let title = provider.title;
    let message = match scope {
        Scope::User => format!("you already have a {title} credential named \"{name}\""),
        Scope::Org => format!("the organisation can have one {title} credential, and you already have it"),
    };
    Error::new(Kind::Refused, format!("{message} (409); nothing was changed")).hint(format!(
        "add --force to replace it, or choose another --name or --scope; {what_there_is}"
    ))
}

/// Fetches the old value, so that it can be put back, and has the person confirm what is special.
async fn back_up(
    provider: &Provider,
    old: &CredentialSummary,
    api: &Api,
    context: &Context,
) -> Result<Option<NewCredential>> {
    let kind = CredentialKind::named(&old.kind);
    let scope = Scope::named(&old.scope);
    let fetched = api.reveal_credential(provider, &old.id).await;
    let confirmation = Confirmation::at_terminal_only(&context.options, &context.env);
    let ask = async |question: String| confirmation.ask(&context.env, &question, |_| ()).await;
    let (Some(kind), Some(scope), Ok(value)) = (kind, scope, &fetched) else {
        let why = fetched
            .err()
            .map_or("its type is unknown".to_owned(), |error| error.message);
        context.printer.warning(&format!(
            "the old credential {} ({}) cannot be fetched, so it could not be put back: {why}",
            old.name, old.id
        ));
        if confirmation == Confirmation::NotNeeded && !context.options.yes {
            return Err(Error::new(
                Kind::Refused,
                "the old credential cannot be fetched; nothing was changed",
            )
            .hint("add --yes to replace it nevertheless"));
        }
        ask(format!("Delete {} without a way back?", old.name)).await?;
        return Ok(None);
    };
    if scope == Scope::Org {
        let title = provider.title;
        ask(format!(
            "Replace the organisation's {title} credential {}?",
            old.name
        ))
        .await?;
    }
    Ok(Some(NewCredential {
        name: old.name.clone(),
        kind,
        scope,
        value: value.clone(),
    }))
}

async fn report_replacement(
    provider: &Provider,
    old: &CredentialSummary,
    backup: Option<&NewCredential>,
    new: &NewCredential,
    ended: Replaced,
    context: &Context,
) -> Result<()> {
    let old_name = &old.name;
    let partial = |why: Error, message: String| {
        let kind = if why.kind.exit_code() < 128 {
            Kind::Partial
        } else {
            why.kind
        };
        Err(Error {
            kind,
            message: format!("{message} ({})", why.message),
            ..why
        })
    };
    match ended {
        Replaced::Done { id } => {
            let printer = context.printer;
            printer.notice(&format!("replaced {old_name} ({})", old.id));
            done(new, &id, "updated", context)
        }
        Replaced::Kept { why } => Err(Error {
            message: format!("{}; the old credential {old_name} is untouched", why.message),
            ..why
        }),
        Replaced::Restored { id, why } => {
            let message =
                format!("the new credential was not stored; the old one, {old_name}, was put back as {id}");
            partial(why, message)
        }
        Replaced::Overtaken { why } => partial(
            why,
            format!("{old_name} was deleted, and somebody else has stored another meanwhile"),
        ),
        Replaced::Lost { certainly, why } => {
            let lost = if certainly {
                format!("{old_name} was deleted, and neither the new nor the old credential could be stored")
            } else {
                format!("{old_name} may have been deleted, and the vault does not say")
            };
            let hint = match (backup, Store::locate(&context.env)) {
                (Some(backup), Some(store)) => Some(rescue(provider, old, backup, &store).await),
                _ => why.hint.clone(),
            };
            partial(Error { hint, ..why }, lost)
        }
    }
}

/// Keeps a value that perhaps no vault has any more on this machine, and says how it gets back.
async fn rescue(
    provider: &Provider,
    old: &CredentialSummary,
    backup: &NewCredential,
    store: &Store,
) -> String {
    let id: String = old.id.chars().filter(char::is_ascii_alphanumeric).collect();
    let name = format!("rescued-{}-{id}", provider.id);
    let path = match store.rescue(&name, &backup.value).await {
        Ok(path) => path,
        Err(error) => return format!("nor could the old one be kept on this machine: {error}"),
    };
    let path = escape::path(&path);
    format!(
        "the old one is kept in {path}; put it back with: amika secret {} push --type {} --scope {} --name {} \
         --from-file {}; and then delete the file",
        provider.id,
        backup.kind.as_str(),
        backup.scope,
        *shell_quoted(&backup.name),
        *shell_quoted(&path),
    )
}

fn done(new: &NewCredential, id: &str, status: &str, context: &Context) -> Result<()> {
    let NewCredential {
        name, kind, scope, ..
    } = new;
    let value = json!({ "status": status, "id": id, "name": name, "scope": scope, "type": kind });
    context.printer.data(OnWriteFailure::RepeatOnStderr, &value, || {
        let verb = if status == "created" { "Created" } else { "Updated" };
        format!(
            "{verb} {} in {scope} scope ({})",
            escape::escape(name),
            escape::escape(id)
        )
    })
}
