//! Shared steps of the delete commands: find, confirm, delete one by one, report each.

use std::collections::HashSet;

use serde_json::{Value, json};

use crate::api::{Api, ApiError, Repeat, SecretSummary, ServerText, check_id};
use crate::context::Context;
use crate::error::{Error, Kind, Result};
use crate::formats::escape::{count, escape, first_of};
use crate::formats::{shell, words};
use crate::provider::Provider;
use crate::secret::Scope;
use crate::ui::prompt::Confirmation;

/// A stored secret or credential.
pub(crate) struct Entry {
    pub(crate) id: ServerText,
    name: ServerText,
    scope: ServerText,
    shown_id: String,
    shown_scope: String,
    /// Such as `cred_1: Claude OAuth, oauth, user scope`.
    described: String,
}

impl Entry {
    fn new(api: &Api, [id, name, scope]: [&ServerText; 3], kind: Option<&ServerText>) -> Self {
        let [shown_id, shown_name, shown_scope] = [id, name, scope].map(|text| api.shown(text));
        let kind = kind
            .map(|kind| format!("{}, ", api.shown(kind)))
            .unwrap_or_default();
        Self {
            described: format!("{shown_id}: {shown_name}, {kind}{shown_scope} scope"),
            id: id.clone(),
            name: name.clone(),
            scope: scope.clone(),
            shown_id,
            shown_scope,
        }
    }

    /// Whether a misspelled name, or a name in place of an id, may have meant this.
    fn is_similar(&self, asked: &str) -> bool {
        let name = self.name.as_sent();
        self.id == *asked || name.eq_ignore_ascii_case(asked) || strsim::jaro_winkler(name, asked) > 0.9
    }
}

/// One kind of entry: the credentials of a provider, or else generic secrets.
pub(crate) struct Entries<'a> {
    pub(crate) api: &'a Api,
    pub(crate) provider: Option<&'a Provider>,
}

impl Entries<'_> {
    fn noun(&self) -> &'static str {
        self.provider.map_or("secret", |_| "credential")
    }

    async fn list(&self) -> std::result::Result<Vec<Entry>, ApiError> {
        let Some(provider) = self.provider else {
            let stored = self.api.list_secrets(Repeat::Safe).await?;
            return Ok(secrets(self.api, &stored));
        };
        let stored = self.api.list_credentials(provider).await?;
        let entries = stored
            .iter()
            .map(|one| Entry::new(self.api, [&one.id, &one.name, &one.scope], one.kind.as_ref()));
        Ok(entries.collect())
    }

    /// Finds the target with this name in the scope `by`, or else with this id.
    fn find(&self, asked: &str, by: Option<Scope>, stored: &[Entry]) -> Result<DeletionTarget> {
        let found = match by {
            Some(scope) => entry_named(asked, scope, stored, self.noun())?,
            None => stored.iter().find(|entry| entry.id == *asked),
        };
        Ok(match found {
            Some(entry) if by.is_some() && self.provider.is_none() => DeletionTarget {
                id: Some(entry.id.as_sent().to_owned()),
                ..DeletionTarget::by_id(asked, asked)
            },
            Some(entry) => DeletionTarget {
                label: entry.shown_id.clone(),
                ..DeletionTarget::by_id(entry.id.as_sent(), &entry.described)
            },
            None if by.is_some() && words::may_be_secret(asked) => DeletionTarget::absent(words::HIDDEN, &[]),
            None => DeletionTarget::absent(asked, stored),
        })
    }

    /// Deletes one entry. Returns whether it was there: a server that does not know it is believed if its
    /// list does not have it either.
    async fn delete_if_there(&self, id: &str) -> std::result::Result<bool, ApiError> {
        match self.delete(id).await {
            Err(error) if error.is_not_found() => match self.list().await {
                Ok(stored) if stored.iter().all(|entry| entry.id != *id) => Ok(false),
                _ => Err(error),
            },
            deleted => deleted.map(|()| true),
        }
    }

    async fn delete(&self, id: &str) -> std::result::Result<(), ApiError> {
        match self.provider {
            Some(provider) => self.api.delete_credential(provider, id).await,
            None => self.api.delete_secret(id).await,
        }
    }

    /// A server without the endpoint responds as to any unknown path or method.
    fn explain(&self, error: ApiError) -> Error {
        if self.provider.is_none() && error.is_missing_endpoint() && !error.in_doubt {
            return Error::new(Kind::Refused, "this server cannot delete generic secrets")
                .hint("delete it in the web UI, under Secrets");
        }
        Error::from(error)
    }
}

/// The generic secrets of a list.
pub(crate) fn secrets(api: &Api, stored: &[SecretSummary]) -> Vec<Entry> {
    let entry = |secret: &SecretSummary| Entry::new(api, [&secret.id, &secret.name, &secret.scope], None);
    stored.iter().map(entry).collect()
}

struct DeletionTarget {
    /// What the result calls it.
    label: String,
    /// What the question calls it.
    described: String,
    /// `None` if it is already gone.
    id: Option<String>,
    /// Descriptions of stored entries that may have been meant instead.
    similar: Vec<String>,
}

/// The outcome of each target.
#[derive(Default)]
struct DeletionReport {
    /// With whether it was deleted now.
    gone: Vec<(DeletionTarget, bool)>,
    /// What was not deleted, and why.
    failed: Vec<Error>,
    in_doubt: bool,
}

/// Confirms, then deletes the entries one by one: those with these names in the scope `by`, or else with
/// these ids. Continues after a refusal, and stops at a failure that would affect every other request.
pub(crate) async fn run(
    asked: &[String],
    by: Option<Scope>,
    confirmation: Confirmation,
    context: &Context,
    entries: Entries<'_>,
) -> Result<()> {
    if by.is_none() {
        asked.iter().try_for_each(|id| check_id(id))?;
    }
    let mut seen = HashSet::new();
    let asked = asked.iter().filter(|asked| seen.insert(*asked));
    let targets: Vec<_> = if by.is_none() && confirmation == Confirmation::NotNeeded {
        asked.map(|id| DeletionTarget::by_id(id, id)).collect()
    } else {
        let stored = context.reply(entries.list()).await?;
        let targets = asked.map(|asked| entries.find(asked, by, &stored));
        targets.collect::<Result<_>>()?
    };
    confirm(&targets, entries.noun(), by, confirmation, context).await?;
    let report = delete_all(targets, context, &entries).await;
    let printed = if report.gone.is_empty() {
        Ok(())
    } else {
        let json: Value = report.gone.iter().map(as_json).collect();
        let verb = entries.provider.map_or("Deleted", |_| "Deleted credential");
        let text = || {
            let lines: Vec<_> = report.gone.iter().map(|gone| as_text(gone, verb)).collect();
            lines.join("\n")
        };
        context.printer.done(&json, text)
    };
    report.error().map_or(printed, Err)
}

impl DeletionTarget {
    fn by_id(id: &str, described: &str) -> Self {
        Self {
            label: id.to_owned(),
            described: described.to_owned(),
            id: Some(id.to_owned()),
            similar: Vec::new(),
        }
    }

    fn absent(asked: &str, stored: &[Entry]) -> Self {
        let similar = stored.iter().filter(|entry| entry.is_similar(asked));
        Self {
            label: asked.to_owned(),
            described: String::new(),
            id: None,
            similar: similar.map(|entry| entry.described.clone()).collect(),
        }
    }
}

/// The one entry with this name in this scope; `None` if no scope has the name. One that only the other
/// scope has, or that is there twice, is exit 1; a pattern is exit 2.
pub(crate) fn entry_named<'e>(
    name: &str,
    scope: Scope,
    stored: &'e [Entry],
    noun: &str,
) -> Result<Option<&'e Entry>> {
    let named = || stored.iter().filter(|entry| entry.name == *name);
    let found: Vec<_> = named().filter(|entry| entry.scope == *scope.as_str()).collect();
    let refuse = |message: String| Error::new(Kind::Refused, format!("{message}; nothing was changed"));
    match (&found[..], named().next()) {
        ([one], _) => Ok(Some(one)),
        ([], None) if name.contains(['*', '?']) => {
            let shown = words::quoted(name, words::HIDDEN);
            Err(Error::usage(format!("{shown} is a pattern, not the name of a {noun}")).hint("name each one"))
        }
        ([], None) => Ok(None),
        ([], Some(Entry { shown_scope, .. })) => Err(refuse(format!(
            "{name} is in {shown_scope} scope only"
        ))
        .hint(format!(
            "to choose it there, add --scope {}",
            shell::word(shown_scope)
        ))),
        (several, _) => {
            let ids: Vec<_> = several.iter().map(|entry| entry.shown_id.as_str()).collect();
            let count = ids.len();
            let message = format!(
                "there are {count} {noun}s {name} in {scope} scope ({})",
                ids.join(", ")
            );
            let how = if noun == "secret" {
                "choose one with --id"
            } else {
                "choose one by its ID"
            };
            Err(refuse(message).hint(how))
        }
    }
}

/// Asks for confirmation of the targets that still exist.
async fn confirm(
    targets: &[DeletionTarget],
    noun: &str,
    by: Option<Scope>,
    confirmation: Confirmation,
    context: &Context,
) -> Result<()> {
    let there = targets.iter().filter(|target| target.id.is_some());
    let described: Vec<_> = there.map(|target| target.described.clone()).collect();
    if described.is_empty() {
        return Ok(());
    }
    let place = match by {
        Some(scope) => format!("in {}", context.vault_of(scope)),
        None => format!("of {}", context.account()),
    };
    let question = format!(
        "Delete {} ({}) {place}?",
        count(described.len(), noun),
        first_of(&described)
    );
    let answer = confirmation.ask(&context.env, context.printer, &question);
    context.interrupt.or(answer).await
}

fn as_text((target, is_new): &(DeletionTarget, bool), verb: &str) -> String {
    let label = escape(&target.label);
    if *is_new {
        return format!("{verb} {label}");
    }
    let stored = match &target.similar[..] {
        [] => String::new(),
        similar => format!("; stored: {}", escape(&first_of(similar))),
    };
    format!("{label}: already deleted, or never stored{stored}")
}

/// `name` is the name of a secret, or an id.
fn as_json((target, is_new): &(DeletionTarget, bool)) -> Value {
    let status = if *is_new { "deleted" } else { "already deleted" };
    json!({ "name": target.label, "status": status })
}

impl DeletionReport {
    fn error(self) -> Option<Error> {
        let is_changed = self.in_doubt || self.gone.iter().any(|(_, is_new)| *is_new);
        let mut kinds = self.failed.iter().map(|error| error.kind);
        let signal = kinds.find(|kind| kind.is_signal());
        let mut failed = self.failed.into_iter();
        let add = |error: Error, other: Error| error.consequence(format!("{other:#}"));
        let error = failed.next().map(|first| failed.fold(first, add))?;
        let kind = signal.or(is_changed.then_some(Kind::Partial));
        let own = error.kind;
        Some(error.with_kind(kind.unwrap_or(own)))
    }
}

async fn delete_all(
    targets: Vec<DeletionTarget>,
    context: &Context,
    entries: &Entries<'_>,
) -> DeletionReport {
    let mut report = DeletionReport::default();
    for target in targets {
        let Some(id) = &target.id else {
            report.gone.push((target, false));
            continue;
        };
        let deleted = async { Ok(entries.delete_if_there(id).await) };
        let (error, is_in_doubt, others_would_fail) = match context.interrupt.or(deleted).await {
            Ok(Ok(is_new)) => {
                report.gone.push((target, is_new));
                continue;
            }
            Ok(Err(error)) => {
                let is_in_doubt = error.is_not_found() || error.in_doubt;
                let others_would_fail =
                    error.is_fatal() || error.is_outage() || error.kind() == Kind::Unreachable;
                let error = entries.explain(error);
                let error = error.context(format!("deleting {}", target.label));
                (error, is_in_doubt, others_would_fail)
            }
            Err(signal) => {
                let message = format!("interrupted while deleting {}", target.label);
                (Error::new(signal.kind, message), true, true)
            }
        };
        report.in_doubt |= is_in_doubt;
        report.failed.push(if is_in_doubt {
            error.consequence("it may or may not have been deleted")
        } else {
            error
        });
        if others_would_fail {
            break;
        }
    }
    report
}
