//! The last part of a credential's push: store it, or replace the existing one, and report.

use serde_json::json;

use super::describe_all;
use crate::api::{Api, ApiError, CredentialSummary, NewCredential};
use crate::context::Context;
use crate::credentials::recovery::{self, Kept};
use crate::credentials::replace::{Ending, Old, Outcome, find_existing, store};
use crate::credentials::validate;
use crate::error::{Error, Kind, Result};
use crate::formats::escape;
use crate::net::origin::Origin;
use crate::provider::{CredentialKind, Provider};
use crate::secret::Scope;
use crate::ui::printer::OnWriteFailure;
use crate::ui::prompt::Confirmation;

/// The existing credential that a new one of this name and scope would replace; exit 1 when there
/// is one and `replace` is not set.
pub(crate) async fn existing(
    provider: &Provider,
    name: &str,
    scope: Scope,
    replace: bool,
    api: &Api,
    context: &Context,
) -> Result<Option<CredentialSummary>> {
    let listed = async { Ok(api.list_credentials(provider).await?) };
    let stored = context.interrupt.or(listed).await?;
    match find_existing(&stored, name, scope) {
        Some(_) if !replace => Err(taken(provider, name, scope, "", &describe_all(provider, &stored))),
        existing => Ok(existing.cloned()),
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
    let Some(old) = old else {
        let outcome = store(api, provider, new, None, interrupt, || ()).await;
        return report_stored(provider, new, outcome, context);
    };
    let backup = interrupt.or(fetch_backup(provider, old, api, context)).await?;
    if let Some(backup) = &backup
        && backup.name == new.name
        && backup.kind == new.kind
        && backup.value == new.value
    {
        context.printer.notice("this value is stored already");
        return done(new, &old.id, "updated", context);
    }
    let kept = match &backup {
        Some(backup) => {
            let origin = Origin::from_env(&context.env)?.to_string();
            let saved = Kept::save(&context.env, provider, &old.id, &origin, backup);
            Some(interrupt.or(saved).await?)
        }
        None => None,
    };
    let on_signal = || {
        let message = "interrupted; making sure that the old credential is not lost (this cannot be stopped)";
        context.printer.warning(message);
    };
    let replaced = Old {
        id: &old.id,
        backup: backup.as_ref(),
    };
    let outcome = store(api, provider, new, Some(replaced), interrupt, on_signal).await;
    report_replaced(provider, old, kept, new, outcome, context)
}

/// `by_server` is ` (409)` where a server said so.
fn taken(provider: &Provider, name: &str, scope: Scope, by_server: &str, what_there_is: &str) -> Error {
    let title = provider.title;
    let message = match scope {
        Scope::User => format!("you already have a {title} credential named \"{name}\""),
        Scope::Org => format!("the organisation can have one {title} credential, and you already have it"),
    };
    Error::new(
        Kind::Refused,
        format!("{message}{by_server}; nothing was changed"),
    )
    .hint(format!(
        "add --force to replace it, or choose another --name or --scope; {what_there_is}"
    ))
}

/// Fetches the old value, so that it can be put back, and asks where a person must confirm.
/// Nothing may be deleted when this fails.
async fn fetch_backup(
    provider: &Provider,
    old: &CredentialSummary,
    api: &Api,
    context: &Context,
) -> Result<Option<NewCredential>> {
    let confirmation = Confirmation::at_terminal_only(&context.options, &context.env);
    let ask = async |question: String| confirmation.ask(&context.env, &question, |_| ()).await;
    let value = match api.reveal_credential(provider, &old.id).await {
        Ok(value) => value,
        Err(error) => {
            check_reveal_is_refused(old, &error)?;
            context.printer.warning(&format!(
                "the old credential {} ({}) cannot be fetched, so it could not be put back: {}",
                old.name,
                old.id,
                error.message()
            ));
            if confirmation == Confirmation::NotNeeded && !context.options.yes {
                let message = "the old credential cannot be fetched; nothing was changed";
                return Err(Error::new(Kind::Refused, message).hint("add --yes to replace it nevertheless"));
            }
            ask(format!("Delete {} without a way back?", old.name)).await?;
            return Ok(None);
        }
    };
    let kind = match old.kind.as_str() {
        "" => Some(validate::infer(value.expose_secret())),
        kind => CredentialKind::named(kind),
    };
    let (Some(kind), Some(scope)) = (kind, Scope::named(&old.scope)) else {
        let message = format!(
            "{} is of type {}, which cannot be put back; nothing was changed",
            old.name, old.kind
        );
        return Err(Error::new(Kind::Refused, message).hint(format!(
            "delete it with 'amika secret {} delete {}' first",
            provider.id, old.id
        )));
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
        value,
    }))
}

/// Only a definite refusal of `reveal` may be overridden: after a transient failure the value can
/// still be fetched later.
fn check_reveal_is_refused(old: &CredentialSummary, error: &ApiError) -> Result<()> {
    if matches!(error.status(), Some(403 | 404 | 405 | 501)) {
        return Ok(());
    }
    Err(Error::from(error.clone())
        .context(format!("fetching the old credential {}", old.name))
        .consequence("nothing was deleted"))
}

/// What stopped the push: the signal, or the request that failed.
fn reason(outcome: &Outcome) -> Error {
    match (outcome.signal, &outcome.failure) {
        (Some(signal), _) => Error::new(signal, "interrupted"),
        (None, Some(failure)) => Error::from(failure.clone()),
        (None, None) => Error::new(Kind::Unreachable, "the API did not answer in time"),
    }
}

fn report_stored(
    provider: &Provider,
    new: &NewCredential,
    outcome: Outcome,
    context: &Context,
) -> Result<()> {
    let why = reason(&outcome);
    let words = why.message.clone();
    match outcome.ending {
        Ending::Stored(id) => {
            let printed = done(new, &id, "created", context);
            outcome.signal.map_or(printed, |kind| {
                Err(Error::new(kind, "interrupted; the credential is stored"))
            })
        }
        Ending::Taken => Err(taken(
            provider,
            &new.name,
            new.scope,
            " (409)",
            "it was stored a moment ago",
        )),
        Ending::TakenByOther => {
            let message = format!(
                "somebody else stored \"{}\" meanwhile; yours is not stored ({words})",
                new.name
            );
            Err(changed(why, message, None))
        }
        Ending::NotStored => Err(why),
        _ => {
            let message = format!("{words}; the credential may or may not be stored");
            let hint = format!("'amika secret {} list' shows what there is", provider.id);
            Err(changed(why, message, Some(hint)))
        }
    }
}

/// An outcome that is not "nothing was changed": exit 5, or the signal's own code.
fn changed(why: Error, message: String, hint: Option<String>) -> Error {
    let kind = if why.kind.is_signal() {
        why.kind
    } else {
        Kind::Partial
    };
    Error::new(kind, message)
        .maybe_hint(hint.or(why.hint))
        .trace_id(why.trace_id)
}

fn report_replaced(
    provider: &Provider,
    old: &CredentialSummary,
    kept: Option<Kept>,
    new: &NewCredential,
    outcome: Outcome,
    context: &Context,
) -> Result<()> {
    let old_name = &old.name;
    let why = reason(&outcome);
    match outcome.ending {
        Ending::Stored(id) => {
            kept.into_iter().for_each(Kept::remove);
            context
                .printer
                .notice(&format!("replaced {old_name} ({})", old.id));
            let printed = done(new, &id, "updated", context);
            outcome.signal.map_or(printed, |kind| {
                Err(Error::new(kind, "interrupted; the new credential is stored"))
            })
        }
        Ending::Untouched => {
            kept.into_iter().for_each(Kept::remove);
            Err(why.consequence(format!("the old credential {old_name} is untouched")))
        }
        Ending::Restored(id) => {
            kept.into_iter().for_each(Kept::remove);
            let message = format!(
                "the new credential was not stored; the old one, {old_name}, was put back as {id} ({})",
                why.message
            );
            Err(changed(why, message, None))
        }
        ending => Err(maybe_lost(provider, old, kept.as_ref(), &ending, why)),
    }
}

/// An ending that may leave the old value nowhere but in its file, which stays and is named.
fn maybe_lost(
    provider: &Provider,
    old: &CredentialSummary,
    kept: Option<&Kept>,
    ending: &Ending,
    why: Error,
) -> Error {
    let old_name = &old.name;
    let (message, hint) = match ending {
        Ending::DeletionUnknown => (
            format!("{old_name} ({}) may or may not have been deleted", old.id),
            format!("if 'amika secret {} list' no longer shows it: ", provider.id),
        ),
        Ending::TakenByOther => (
            format!("{old_name} was deleted, and somebody else has stored another meanwhile"),
            String::new(),
        ),
        Ending::Unknown => (
            format!("{old_name} was deleted, and the new credential may or may not be stored"),
            format!(
                "if 'amika secret {} list' shows no other in its place: ",
                provider.id
            ),
        ),
        _ => (
            format!("{old_name} was deleted, and neither the new nor the old credential could be stored"),
            String::new(),
        ),
    };
    let hint = kept.map(|kept| {
        let command = recovery::command(provider, kept.path(), None);
        format!(
            "the old value is kept in {}; {hint}put it back with: {command}",
            escape::path(kept.path())
        )
    });
    let message = format!("{message} ({})", why.message);
    changed(why, message, hint)
}

pub(crate) fn done(new: &NewCredential, id: &str, status: &str, context: &Context) -> Result<()> {
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
