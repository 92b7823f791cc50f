//! Shared steps of the delete commands: find, confirm, delete one by one, report each.

use std::collections::HashSet;

use serde_json::{Value, json};

use crate::api::{Api, ApiError, Effect, ServerText, check_id};
use crate::context::Context;
use crate::error::{Error, Kind, Result};
use crate::formats::escape::{count, escape, first_of};
use crate::secret::Scope;
use crate::ui::printer::OnWriteFailure;
use crate::ui::prompt::Confirmation;

/// A stored secret or credential.
pub(crate) struct Entry {
    pub(crate) id: ServerText,
    pub(crate) name: ServerText,
    pub(crate) scope: ServerText,
    /// Type and scope, such as `oauth, user scope`.
    pub(crate) kind: String,
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

    fn api(&self) -> &Api;
    async fn list(&self) -> std::result::Result<Vec<Entry>, ApiError>;
    async fn delete(&self, id: &str) -> std::result::Result<(), ApiError>;
    fn explain(&self, error: ApiError) -> Error;
}

struct Target {
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
struct Report {
    gone: Vec<(Target, Status)>,
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
        asked.map(|id| Target::by_id(id, id)).collect()
    } else {
        let stored = context.reply(entries.list()).await?;
        let find = |asked: &String| match by {
            Some(scope) => find_name(asked, scope, &stored, &entries),
            None => Ok(find_id(asked, &stored, &entries)),
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

impl Target {
    fn by_id(id: &str, described: &str) -> Self {
        Self {
            label: id.to_owned(),
            described: described.to_owned(),
            id: Some(id.to_owned()),
            similar: Vec::new(),
        }
    }

    fn absent(label: &str, similar: Vec<String>) -> Self {
        Self {
            label: label.to_owned(),
            described: String::new(),
            id: None,
            similar,
        }
    }
}

/// The one entry with this name in this scope. A name that only the other scope has, or that is there
/// twice, is exit 1; a pattern is exit 2.
fn find_name<E: Entries>(name: &str, scope: Scope, stored: &[Entry], entries: &E) -> Result<Target> {
    let shown = |text: &ServerText| entries.api().shown(text);
    let named: Vec<_> = stored.iter().filter(|entry| entry.name == *name).collect();
    let found: Vec<_> = named
        .iter()
        .filter(|entry| entry.scope == *scope.as_str())
        .collect();
    match (&found[..], &named[..]) {
        ([one], _) => {
            let id = shown(&one.id);
            let described = if E::SHOWS_IDS {
                format!("{id}: {name}, {}", one.kind)
            } else {
                name.to_owned()
            };
            Ok(Target {
                label: if E::SHOWS_IDS { id } else { name.to_owned() },
                ..Target::by_id(one.id.as_sent(), &described)
            })
        }
        ([], []) if name.contains(['*', '?']) => Err(Error::usage(format!(
            "{name} is a pattern, and patterns delete nothing"
        ))
        .hint("list the names")),
        ([], []) => Ok(Target::absent(name, similar(name, stored, entries))),
        ([], [elsewhere, ..]) => {
            let other = shown(&elsewhere.scope);
            let message = format!("{name} is in {other} scope only; nothing was deleted");
            Err(Error::new(Kind::Refused, message).hint(format!("to delete it there, add --scope {other}")))
        }
        (several, _) => {
            let ids: Vec<_> = several.iter().map(|entry| shown(&entry.id)).collect();
            let message = format!(
                "there are {} {}s {name} in {scope} scope ({}); nothing was deleted",
                ids.len(),
                E::NOUN,
                ids.join(", ")
            );
            let how = if E::SHOWS_IDS {
                "pass the ID of the one to delete"
            } else {
                "choose one with --id"
            };
            Err(Error::new(Kind::Refused, message).hint(how))
        }
    }
}

fn find_id<E: Entries>(id: &str, stored: &[Entry], entries: &E) -> Target {
    match stored.iter().find(|entry| entry.id == *id) {
        Some(entry) => Target::by_id(id, &describe(entry, entries)),
        None => Target::absent(id, similar(id, stored, entries)),
    }
}

fn describe<E: Entries>(entry: &Entry, entries: &E) -> String {
    let [id, name] = [&entry.id, &entry.name].map(|text| entries.api().shown(text));
    format!("{id}: {name}, {}", entry.kind)
}

/// The entries that a misspelled name, or a name in place of an id, may have meant.
fn similar<E: Entries>(asked: &str, stored: &[Entry], entries: &E) -> Vec<String> {
    let is_similar = |entry: &&Entry| {
        let name = entry.name.as_sent();
        entry.id == *asked || name.eq_ignore_ascii_case(asked) || strsim::jaro_winkler(name, asked) > 0.9
    };
    let similar = stored.iter().filter(is_similar);
    similar.map(|entry| describe(entry, entries)).collect()
}

/// Asks for confirmation of the targets that still exist.
async fn confirm<E: Entries>(
    targets: &[Target],
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
    let show = |question: &str| context.printer.question(question);
    let answer = confirmation.ask(&context.env, &question, show);
    context.interrupt.or(answer).await
}

fn as_text<E: Entries>((target, status): &(Target, Status)) -> String {
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
fn as_json((target, status): &(Target, Status)) -> Value {
    let status = match status {
        Status::Deleted => "deleted",
        Status::AlreadyDeleted => "already deleted",
    };
    json!({ "name": target.label, "status": status })
}

impl Report {
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

async fn delete_all(targets: Vec<Target>, context: &Context, entries: &impl Entries) -> Report {
    let mut report = Report::default();
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
