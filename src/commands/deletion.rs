//! Shared steps of the delete commands: find, confirm, delete one by one, report each.

use std::collections::HashSet;

use serde_json::{Value, json};

use crate::api::{Api, ApiError, Effect, ServerText, check_id};
use crate::context::Context;
use crate::error::{Error, Kind, Result};
use crate::formats::escape::{count, escape, first_of};
use crate::formats::words;
use crate::secret::Scope;
use crate::ui::printer::OnWriteFailure;
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
    pub(crate) fn new(api: &Api, [id, name, scope]: [&ServerText; 3], kind: Option<&ServerText>) -> Self {
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

/// What to delete: names within a scope, or ids.
pub(crate) enum Wanted<'a> {
    Names(&'a [String], Scope),
    Ids(&'a [String]),
}

/// One kind of entry.
pub(crate) trait Entries {
    /// What an entry is called, such as `secret`.
    const NOUN: &'static str;
    /// What is said of a deleted entry, before its name or id.
    const DELETED: &'static str;
    /// Whether a result names an entry by its id, even if it was found by name.
    const SHOWS_IDS: bool;

    async fn list(&self) -> std::result::Result<Vec<Entry>, ApiError>;
    async fn delete(&self, id: &str) -> std::result::Result<(), ApiError>;
    fn explain(&self, error: ApiError) -> Error;
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

#[derive(Clone, Copy, PartialEq, Eq)]
enum Status {
    Deleted,
    AlreadyDeleted,
}

/// The outcome of each target.
#[derive(Default)]
struct DeletionReport {
    gone: Vec<(DeletionTarget, Status)>,
    /// What was not deleted, and why.
    failed: Vec<Error>,
    in_doubt: bool,
}

/// Confirms, then deletes the entries one by one. Continues after a refusal, and stops at a failure that
/// would affect every other request.
pub(crate) async fn run<E: Entries>(
    wanted: Wanted<'_>,
    confirmation: Confirmation,
    context: &Context,
    entries: E,
) -> Result<()> {
    let (asked, by) = match wanted {
        Wanted::Names(names, scope) => (names, Some(scope)),
        Wanted::Ids(ids) => (ids, None),
    };
    if by.is_none() {
        asked.iter().try_for_each(|id| check_id(id))?;
    }
    let mut seen = HashSet::new();
    let asked = asked.iter().filter(|asked| seen.insert(*asked));
    let targets: Vec<_> = if by.is_none() && confirmation == Confirmation::NotNeeded {
        asked.map(|id| DeletionTarget::by_id(id, id)).collect()
    } else {
        let stored = context.reply(entries.list()).await?;
        let find = |asked: &String| {
            let found = match by {
                Some(scope) => entry_named(asked, scope, &stored, E::NOUN)?,
                None => stored.iter().find(|entry| entry.id == **asked),
            };
            Ok(match found {
                Some(entry) if by.is_some() && !E::SHOWS_IDS => DeletionTarget {
                    id: Some(entry.id.as_sent().to_owned()),
                    ..DeletionTarget::by_id(asked, asked)
                },
                Some(entry) => DeletionTarget {
                    label: entry.shown_id.clone(),
                    ..DeletionTarget::by_id(entry.id.as_sent(), &entry.described)
                },
                None if by.is_some() && words::may_be_secret(asked) => {
                    DeletionTarget::absent(words::HIDDEN, &[])
                }
                None => DeletionTarget::absent(asked, &stored),
            })
        };
        asked.map(find).collect::<Result<_>>()?
    };
    confirm::<E>(&targets, by, confirmation, context).await?;
    let report = delete_all(targets, context, &entries).await;
    let printed = if report.gone.is_empty() {
        Ok(())
    } else {
        let json: Value = report.gone.iter().map(as_json).collect();
        let text = || {
            report
                .gone
                .iter()
                .map(as_text::<E>)
                .collect::<Vec<_>>()
                .join("\n")
        };
        context.printer.data(OnWriteFailure::RepeatOnStderr, &json, text)
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
            Err(Error::usage(format!("{name} is a pattern, not the name of a {noun}")).hint("name each one"))
        }
        ([], None) => Ok(None),
        ([], Some(Entry { shown_scope, .. })) => {
            Err(refuse(format!("{name} is in {shown_scope} scope only"))
                .hint(format!("to choose it there, add --scope {shown_scope}")))
        }
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
async fn confirm<E: Entries>(
    targets: &[DeletionTarget],
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
        count(described.len(), E::NOUN),
        first_of(&described)
    );
    let answer = confirmation.ask(&context.env, context.printer, &question);
    context.interrupt.or(answer).await
}

fn as_text<E: Entries>((target, status): &(DeletionTarget, Status)) -> String {
    let label = escape(&target.label);
    match (status, &target.similar[..]) {
        (Status::Deleted, _) => format!("{} {label}", E::DELETED),
        (Status::AlreadyDeleted, []) => format!("{label}: already deleted, or never stored"),
        (Status::AlreadyDeleted, similar) => {
            let similar = first_of(similar);
            format!(
                "{label}: already deleted, or never stored; stored: {}",
                escape(&similar)
            )
        }
    }
}

/// `name` is the name of a secret, or an id.
fn as_json((target, status): &(DeletionTarget, Status)) -> Value {
    let status = match status {
        Status::Deleted => "deleted",
        Status::AlreadyDeleted => "already deleted",
    };
    json!({ "name": target.label, "status": status })
}

impl DeletionReport {
    fn error(mut self) -> Option<Error> {
        let first = (!self.failed.is_empty()).then(|| self.failed.remove(0))?;
        if first.kind.is_signal() {
            return Some(first);
        }
        let deleted = self.gone.iter().any(|(_, status)| *status == Status::Deleted);
        let signal = self
            .failed
            .iter()
            .map(|error| error.kind)
            .find(|kind| kind.is_signal());
        let add = |error: Error, other: &Error| error.consequence(format!("{other:#}"));
        let error = self.failed.iter().fold(first, add);
        Some(match signal {
            Some(signal) => error.with_kind(signal),
            None if deleted || self.in_doubt => error.with_kind(Kind::Partial),
            None => error,
        })
    }
}

/// Deletes one entry. A server that does not know it is believed if its list does not have it either.
async fn delete(id: &str, entries: &impl Entries) -> Result<std::result::Result<Status, (ApiError, bool)>> {
    Ok(match entries.delete(id).await {
        Ok(()) => Ok(Status::Deleted),
        Err(error) if error.is_not_found() => match entries.list().await {
            Ok(stored) if stored.iter().all(|entry| entry.id != *id) => Ok(Status::AlreadyDeleted),
            Ok(_) | Err(_) => Err((error, true)),
        },
        Err(error) => {
            let in_doubt = error.effect() == Effect::Unknown;
            Err((error, in_doubt))
        }
    })
}

async fn delete_all(
    targets: Vec<DeletionTarget>,
    context: &Context,
    entries: &impl Entries,
) -> DeletionReport {
    let mut report = DeletionReport::default();
    for target in targets {
        let Some(id) = &target.id else {
            report.gone.push((target, Status::AlreadyDeleted));
            continue;
        };
        let (error, in_doubt) = match context.interrupt.or(delete(id, entries)).await {
            Ok(Ok(status)) => {
                report.gone.push((target, status));
                continue;
            }
            Ok(Err(failed)) => failed,
            Err(signal) => {
                let doing = format!("interrupted while deleting {}", target.label);
                let error = Error::new(signal.kind, doing);
                report.failed.push(error.consequence(IN_DOUBT));
                break;
            }
        };
        let others_would_fail = error.is_fatal() || error.is_outage() || error.kind() == Kind::Unreachable;
        let error = entries
            .explain(error)
            .context(format!("deleting {}", target.label));
        report.in_doubt |= in_doubt;
        report.failed.push(if in_doubt {
            error.consequence(IN_DOUBT)
        } else {
            error
        });
        if others_would_fail {
            break;
        }
    }
    report
}

const IN_DOUBT: &str = "it may or may not have been deleted";
