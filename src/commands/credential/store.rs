//! Stores a credential in the vault, or replaces the existing one, and reports what became of both.

use serde_json::json;

use super::list::describe_all;
use crate::api::{Api, ApiError, CredentialSummary, NewCredential, ServerText};
use crate::context::Context;
use crate::credentials::recovery::{self, KeptValue};
use crate::credentials::replace::{Ending, Old, ReplaceOutcome, create_or_replace, find_existing};
use crate::credentials::validate;
use crate::error::{Error, Kind, Result};
use crate::formats::escape;
use crate::net::origin::ServerOrigin;
use crate::provider::{CredentialKind, Provider};
use crate::secret::Scope;
use crate::ui::prompt::Confirmation;

/// The provider's stored credentials, listed before anything is asked.
pub(super) struct Vault {
    pub(super) api: Api,
    stored: Vec<CredentialSummary>,
}

impl Vault {
    pub(super) async fn open(provider: &Provider, context: &Context) -> Result<Self> {
        let api = context.api().await?;
        let stored = context.reply(api.list_credentials(provider)).await?;
        Ok(Self { api, stored })
    }

    /// The credential that a new one of this name and scope would replace.
    pub(super) fn existing(&self, name: &str, scope: Scope) -> Option<&CredentialSummary> {
        find_existing(&self.stored, name, scope)
    }

    /// The error if it must not be replaced.
    pub(super) fn taken(&self, provider: &Provider, name: &str, scope: Scope) -> Error {
        let stored = describe_all(provider, &self.stored, &self.api);
        taken(provider, name, scope, "", &stored)
    }
}

/// Stores the credential, replacing the `old` one if there is one.
pub(super) async fn store(
    provider: &Provider,
    new: &NewCredential,
    old: Option<&CredentialSummary>,
    api: &Api,
    context: &Context,
) -> Result<()> {
    let interrupt = &context.interrupt;
    let Some(old) = old else {
        let outcome = create_or_replace(api, provider, new, None, interrupt, || ()).await;
        return report_stored(provider, new, outcome, context);
    };
    let backup = interrupt
        .or(fetch_backup(provider, new, old, api, context))
        .await?;
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
            let origin = ServerOrigin::from_env(&context.env)?.to_string();
            let saved = KeptValue::save(&context.env, provider, old.id.as_sent(), &origin, backup);
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
    let outcome = create_or_replace(api, provider, new, Some(existing), interrupt, on_signal).await;
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
    new: &NewCredential,
    old: &CredentialSummary,
    api: &Api,
    context: &Context,
) -> Result<Option<NewCredential>> {
    let confirmation = Confirmation::at_terminal_only(&context.options, &context.env);
    let ask = async |question: String| confirmation.ask(&context.env, context.printer, &question).await;
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
            let vault = context.vault_of(new.scope);
            ask(format!("Delete {name} from {vault} without a backup?")).await?;
            return Ok(None);
        }
    };
    let kind = match old.kind.as_ref().map(ServerText::as_sent) {
        None | Some("") => Some(validate::infer(provider, value.expose_secret())),
        Some(kind) => CredentialKind::parse(kind),
    };
    let (Some(kind), Some(scope)) = (kind, Scope::parse(old.scope.as_sent())) else {
        let message = format!("{name} has a type that cannot be restored; nothing was changed");
        return Err(Error::new(Kind::Refused, message).hint(format!(
            "delete it with `amika secret {} delete {id}` first",
            provider.id
        )));
    };
    if !validate::has_form(kind, &value) {
        let message = format!(
            "the API returned something else than the value of {name}, so it could not be restored; nothing \
             was deleted"
        );
        return Err(Error::new(Kind::Contract, message).hint(format!(
            "if it is not needed, delete it with `amika secret {} delete {id}`, then push again",
            provider.id
        )));
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

/// What stopped the push: the signal, or the request that failed.
fn reason(outcome: &ReplaceOutcome) -> Error {
    match (outcome.signal, &outcome.failure) {
        (Some(signal), _) => Error::new(signal, "interrupted"),
        (None, Some(failure)) => Error::from(failure.clone()),
        (None, None) => Error::new(Kind::Unreachable, "the API did not answer in time"),
    }
}

fn report_stored(
    provider: &Provider,
    new: &NewCredential,
    outcome: ReplaceOutcome,
    context: &Context,
) -> Result<()> {
    let why = reason(&outcome);
    let words = why.message.clone();
    match outcome.ending {
        Ending::Stored(id) => {
            let printed = report_success(new, &id, "created", context);
            outcome.signal.map_or(printed, |kind| {
                Err(Error::new(kind, "interrupted; the credential is stored"))
            })
        }
        Ending::Taken => Err(taken(
            provider,
            &new.name,
            new.scope,
            " (409)",
            "it was stored just now",
        )),
        Ending::TakenByOther => {
            let message = format!(
                "someone else stored \"{}\" in the meantime; yours was not stored ({words})",
                new.name
            );
            Err(changed(why, message, None))
        }
        Ending::NotStored => Err(why),
        _ => {
            let message = format!("{words}; the credential may or may not be stored");
            let hint = format!("`amika secret {} list` shows what is stored", provider.id);
            Err(changed(why, message, Some(hint)))
        }
    }
}

/// The error if there is another credential in place of the new one. `by_server` is ` (409)` if the
/// server reported the conflict.
fn taken(provider: &Provider, name: &str, scope: Scope, by_server: &str, what_there_is: &str) -> Error {
    let title = provider.title;
    let choose = match scope {
        Scope::User => "choose another --name",
        Scope::Org => "push to --scope user",
    };
    let message = match scope {
        Scope::User => format!("you already have a {title} credential named \"{name}\""),
        Scope::Org => {
            format!("you already have an organisation credential for {title}, and there can be only one")
        }
    };
    Error::new(
        Kind::Refused,
        format!("{message}{by_server}; nothing was changed"),
    )
    .hint(format!("add --force to replace it, or {choose}; {what_there_is}"))
}

/// An error after something may have changed: exit 5, or the signal's exit code.
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

/// A credential to be replaced, as shown in messages.
struct Replaced<'a> {
    provider: &'a Provider,
    name: String,
    id: String,
    /// The backup of its value on this machine.
    kept: Option<KeptValue>,
}

impl Replaced<'_> {
    fn report(self, new: &NewCredential, outcome: ReplaceOutcome, context: &Context) -> Result<()> {
        let why = reason(&outcome);
        let Self { name, id: old_id, .. } = &self;
        match outcome.ending {
            Ending::Stored(id) => {
                context.printer.notice(&format!("replaced {name} ({old_id})"));
                self.remove_copy();
                let printed = report_success(new, &id, "updated", context);
                outcome.signal.map_or(printed, |kind| {
                    Err(Error::new(kind, "interrupted; the new credential is stored"))
                })
            }
            Ending::Untouched => {
                let consequence = format!("the old credential {name} is untouched");
                self.remove_copy();
                Err(why.consequence(consequence))
            }
            Ending::Restored(id) => {
                let message = format!(
                    "the new credential was not stored; the old one, {name}, was restored as {id} ({})",
                    why.message
                );
                self.remove_copy();
                Err(changed(why, message, None))
            }
            ending => Err(self.maybe_lost(&ending, why)),
        }
    }

    fn remove_copy(self) {
        self.kept.into_iter().for_each(KeptValue::remove);
    }

    /// An error after which the old value may exist only in the backup, which is kept and named.
    fn maybe_lost(self, ending: &Ending, why: Error) -> Error {
        let Self {
            provider,
            name,
            id,
            kept,
        } = self;
        let (message, hint) = match ending {
            Ending::DeletionUnknown => (
                format!("{name} ({id}) may or may not have been deleted"),
                format!("if `amika secret {} list` no longer shows it: ", provider.id),
            ),
            Ending::TakenByOther => (
                format!("{name} was deleted, and someone else stored another one in the meantime"),
                String::new(),
            ),
            Ending::Unknown => (
                format!("{name} was deleted, and the new credential may or may not be stored"),
                format!(
                    "if `amika secret {} list` shows no other in its place: ",
                    provider.id
                ),
            ),
            _ => (
                format!("{name} was deleted, and neither the new nor the old credential could be stored"),
                String::new(),
            ),
        };
        let hint = kept.map(|kept| {
            let command = recovery::command(provider, kept.path(), None);
            format!(
                "the old value was saved in {}; {hint}restore it with: `{command}`",
                escape::path(kept.path())
            )
        });
        let message = format!("{message} ({})", why.message);
        changed(why, message, hint)
    }
}

pub(super) fn report_success(new: &NewCredential, id: &str, status: &str, context: &Context) -> Result<()> {
    let NewCredential {
        name, kind, scope, ..
    } = new;
    let value = json!({ "status": status, "id": id, "name": name, "scope": scope, "type": kind });
    context.printer.done(&value, || {
        let verb = if status == "created" { "Created" } else { "Updated" };
        format!(
            "{verb} {} in {scope} scope ({})",
            escape::escape(name),
            escape::escape(id)
        )
    })
}
