//! The result and errors of a credential's push.

use serde_json::json;

use crate::api::NewCredential;
use crate::context::Context;
use crate::credentials::recovery::{self, Kept};
use crate::credentials::replace::{Ending, Outcome};
use crate::error::{Error, Kind, Result};
use crate::formats::escape;
use crate::provider::Provider;
use crate::secret::Scope;
use crate::ui::printer::OnWriteFailure;

/// What stopped the push: the signal, or the request that failed.
fn reason(outcome: &Outcome) -> Error {
    match (outcome.signal, &outcome.failure) {
        (Some(signal), _) => Error::new(signal, "interrupted"),
        (None, Some(failure)) => Error::from(failure.clone()),
        (None, None) => Error::new(Kind::Unreachable, "the API did not answer in time"),
    }
}

pub(super) fn report_stored(
    provider: &Provider,
    new: &NewCredential,
    outcome: Outcome,
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
            let hint = format!("'amika secret {} list' shows what is stored", provider.id);
            Err(changed(why, message, Some(hint)))
        }
    }
}

/// The error if there is another credential in place of the new one. `by_server` is ` (409)` if the
/// server reported the conflict.
pub(super) fn taken(
    provider: &Provider,
    name: &str,
    scope: Scope,
    by_server: &str,
    what_there_is: &str,
) -> Error {
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
pub(super) struct Replaced<'a> {
    pub(super) provider: &'a Provider,
    pub(super) name: String,
    pub(super) id: String,
    /// The backup of its value on this machine.
    pub(super) kept: Option<Kept>,
}

impl Replaced<'_> {
    pub(super) fn report(self, new: &NewCredential, outcome: Outcome, context: &Context) -> Result<()> {
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
        self.kept.into_iter().for_each(Kept::remove);
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
                format!("if 'amika secret {} list' no longer shows it: ", provider.id),
            ),
            Ending::TakenByOther => (
                format!("{name} was deleted, and someone else stored another one in the meantime"),
                String::new(),
            ),
            Ending::Unknown => (
                format!("{name} was deleted, and the new credential may or may not be stored"),
                format!(
                    "if 'amika secret {} list' shows no other in its place: ",
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
                "the old value was saved in {}; {hint}restore it with: {command}",
                escape::path(kept.path())
            )
        });
        let message = format!("{message} ({})", why.message);
        changed(why, message, hint)
    }
}

pub(crate) fn report_success(new: &NewCredential, id: &str, status: &str, context: &Context) -> Result<()> {
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
