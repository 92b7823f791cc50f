//! The last part of a credential's push: store it, or replace the existing one.

use super::list::describe_all;
use super::outcome::{Replaced, report_stored, report_success, taken};
use crate::api::{Api, ApiError, CredentialSummary, NewCredential, ServerText};
use crate::context::Context;
use crate::credentials::recovery::Kept;
use crate::credentials::replace::{Old, find_existing, store};
use crate::credentials::validate;
use crate::error::{Error, Kind, Result};
use crate::net::origin::Origin;
use crate::provider::{CredentialKind, Provider};
use crate::secret::Scope;
use crate::ui::prompt::Confirmation;

/// The existing credential that a new one of this name and scope would replace; exit 1 if there is
/// one and `replace` is not set.
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
        Some(_) if !replace => Err(taken(
            provider,
            name,
            scope,
            "",
            &describe_all(provider, &stored, api),
        )),
        existing => Ok(existing.cloned()),
    }
}

/// Stores the credential, replacing the `old` one if there is one.
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
        context.printer.notice("this value is already stored");
        return report_success(new, &api.shown(&old.id), "updated", context);
    }
    let kept = match &backup {
        Some(backup) => {
            let origin = Origin::from_env(&context.env)?.to_string();
            let saved = Kept::save(&context.env, provider, old.id.as_sent(), &origin, backup);
            Some(interrupt.or(saved).await?)
        }
        None => None,
    };
    let on_signal = || {
        let message = "interrupted; finishing the replacement so that no credential is lost";
        context.printer.warning(message);
    };
    let existing = Old {
        id: old.id.as_sent(),
        backup: backup.as_ref(),
    };
    let outcome = store(api, provider, new, Some(existing), interrupt, on_signal).await;
    let replaced = Replaced {
        provider,
        name: api.shown(&old.name),
        id: api.shown(&old.id),
        kept,
    };
    replaced.report(new, outcome, context)
}

/// Fetches the old value so that it can be restored, and asks for confirmation if needed. If this
/// fails, nothing may be deleted.
async fn fetch_backup(
    provider: &Provider,
    old: &CredentialSummary,
    api: &Api,
    context: &Context,
) -> Result<Option<NewCredential>> {
    let confirmation = Confirmation::at_terminal_only(&context.options, &context.env);
    let ask = async |question: String| confirmation.ask(&context.env, &question, |_| ()).await;
    let (name, id) = (api.shown(&old.name), api.shown(&old.id));
    let value = match api.reveal_credential(provider, old.id.as_sent()).await {
        Ok(value) => value,
        Err(error) => {
            check_reveal_is_refused(&name, &error)?;
            context.printer.warning(&format!(
                "the old credential {name} ({id}) cannot be fetched, so it could not be restored: {}",
                error.message()
            ));
            if confirmation == Confirmation::NotNeeded && !context.options.yes {
                let message = "the old credential cannot be fetched; nothing was changed";
                return Err(Error::new(Kind::Refused, message).hint("add --yes to replace it anyway"));
            }
            ask(format!("Delete {name} without a backup?")).await?;
            return Ok(None);
        }
    };
    let kind = match old.kind.as_ref().map(ServerText::as_sent) {
        None | Some("") => Some(validate::infer(value.expose_secret())),
        Some(kind) => CredentialKind::parse(kind),
    };
    let (Some(kind), Some(scope)) = (kind, Scope::parse(old.scope.as_sent())) else {
        let message = format!("{name} has a type that cannot be restored; nothing was changed");
        return Err(Error::new(Kind::Refused, message).hint(format!(
            "delete it with 'amika secret {} delete {id}' first",
            provider.id
        )));
    };
    if scope == Scope::Org {
        let title = provider.title;
        ask(format!("Replace the organisation's {title} credential {name}?")).await?;
    }
    Ok(Some(NewCredential {
        name: old.name.as_sent().to_owned(),
        kind,
        scope,
        value,
    }))
}

/// Only a definite refusal of `reveal` may be overridden: after a transient failure, the value can
/// still be fetched later.
fn check_reveal_is_refused(name: &str, error: &ApiError) -> Result<()> {
    if matches!(error.status(), Some(403 | 404 | 405 | 501)) {
        return Ok(());
    }
    Err(Error::from(error.clone())
        .context(format!("fetching the old credential {name}"))
        .consequence("nothing was deleted"))
}
