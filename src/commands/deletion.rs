//! Shared steps of the delete commands: confirm, delete one by one, report each.

use serde_json::{Value, json};

use crate::api::{ApiError, Effect};
use crate::context::Context;
use crate::error::{Error, Kind, Result};
use crate::formats::escape;
use crate::secret::Scope;
use crate::ui::printer::OnWriteFailure;
use crate::ui::prompt::Confirmation;

/// A target of a delete command, with the name or id given on the command line.
#[derive(PartialEq, Eq)]
pub(crate) struct Target {
    pub(crate) label: String,
    /// `None` if the target is already gone.
    pub(crate) id: Option<String>,
    /// The id as it may be shown, if it comes from the server.
    pub(crate) shown_id: Option<String>,
    /// The other scope, if only that one has this name.
    pub(crate) other_scope: Option<OtherScope>,
    /// What was probably meant, such as a similar name, if nothing has this one.
    pub(crate) meant: Option<String>,
}

/// The scope that was requested, and the one that has the name.
#[derive(PartialEq, Eq)]
pub(crate) struct OtherScope {
    pub(crate) requested: Scope,
    pub(crate) actual: String,
}

impl Target {
    pub(crate) fn by_id(id: &str) -> Self {
        Self {
            label: id.to_owned(),
            id: Some(id.to_owned()),
            shown_id: None,
            other_scope: None,
            meant: None,
        }
    }

    /// A name that the requested scope does not have.
    pub(crate) fn absent(name: &str, other_scope: Option<OtherScope>) -> Self {
        Self {
            label: name.to_owned(),
            id: None,
            shown_id: None,
            other_scope,
            meant: None,
        }
    }

    /// The warning if another scope has the name.
    fn elsewhere(&self) -> Option<String> {
        let OtherScope { requested, actual } = self.other_scope.as_ref()?;
        Some(format!(
            "{} is not in {requested} scope; to delete it from {actual} scope, use --scope {actual}",
            self.label
        ))
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Status {
    Deleted,
    AlreadyDeleted,
}

impl Status {
    fn as_str(self) -> &'static str {
        match self {
            Self::Deleted => "deleted",
            Self::AlreadyDeleted => "already deleted",
        }
    }
}

/// How one kind of target is deleted and reported.
pub(crate) struct Deletion {
    pub(crate) noun: &'static str,
    pub(crate) as_text: fn(&Target) -> String,
}

/// The outcome of each target.
#[derive(Default)]
struct Report {
    gone: Vec<(Target, Status)>,
    /// What was not deleted, and why.
    failed: Vec<Error>,
    in_doubt: bool,
}

impl Deletion {
    /// Confirms, then deletes the targets one by one. Continues after a refusal, and stops at a failure
    /// that would affect every other request.
    pub(crate) async fn run(
        self,
        mut targets: Vec<Target>,
        confirmation: Confirmation,
        context: &Context,
        requests: impl Requests,
    ) -> Result<()> {
        let mut index = 0;
        while index < targets.len() {
            if targets[..index].contains(&targets[index]) {
                targets.remove(index);
            } else {
                index += 1;
            }
        }
        for warning in targets.iter().filter_map(Target::elsewhere) {
            context.printer.warning(&warning);
        }
        self.confirm(&targets, confirmation, context).await?;
        let report = delete_all(targets, context, requests).await;
        let printed = if report.gone.is_empty() {
            Ok(())
        } else {
            let value = || report.gone.iter().map(as_json).collect::<Value>();
            context
                .printer
                .data(OnWriteFailure::RepeatOnStderr, &value(), || {
                    self.text(&report.gone)
                })
        };
        report.error().map_or(printed, Err)
    }

    /// Asks for confirmation of the targets that still exist.
    async fn confirm(&self, targets: &[Target], confirmation: Confirmation, context: &Context) -> Result<()> {
        let there = targets.iter().filter(|target| target.id.is_some());
        let labels: Vec<_> = there.map(|target| target.label.as_str()).collect();
        if labels.is_empty() {
            return Ok(());
        }
        let question = format!(
            "Delete {} ({}) of {}?",
            escape::count(labels.len(), self.noun),
            labels.join(", "),
            context.account()
        );
        let show = |question: &str| context.printer.question(question);
        let answer = confirmation.ask(&context.env, &question, show);
        context.interrupt.or(answer).await
    }

    /// Formats one line per target, except for targets in another scope, which have a warning.
    fn text(&self, gone: &[(Target, Status)]) -> String {
        let said = gone.iter().filter(|(target, _)| target.other_scope.is_none());
        let lines = said.map(|(target, status)| match status {
            Status::Deleted => (self.as_text)(target),
            // A name or ID that is not found may be misspelled.
            Status::AlreadyDeleted => {
                let meant = target.meant.as_ref();
                let meant = meant
                    .map(|meant| format!("; did you mean {}?", escape::escape(meant)))
                    .unwrap_or_default();
                let label = escape::escape(&target.label);
                format!("{label}: already deleted, or never stored{meant}")
            }
        });
        lines.collect::<Vec<_>>().join("\n")
    }
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
        let error = self
            .failed
            .iter()
            .fold(first, |error, other| error.consequence(format!("{other:#}")));
        Some(match signal {
            Some(signal) => error.with_kind(signal),
            None if deleted || self.in_doubt => error.with_kind(Kind::Partial),
            None => error,
        })
    }
}

/// The requests for one kind of target.
pub(crate) trait Requests {
    async fn delete(&self, id: &str) -> std::result::Result<(), ApiError>;
    async fn is_listed(&self, id: &str) -> std::result::Result<bool, ApiError>;
    fn explain(&self, error: ApiError) -> Error;
}

enum Deleted {
    Yes(Status),
    No(ApiError),
    /// The server answers that the target does not exist, but its list does not confirm that.
    NotThere(ApiError),
}

async fn delete(id: &str, requests: &impl Requests) -> Result<Deleted> {
    Ok(match requests.delete(id).await {
        Ok(()) => Deleted::Yes(Status::Deleted),
        Err(error) if error.is_not_found() => match requests.is_listed(id).await {
            Ok(false) => Deleted::Yes(Status::AlreadyDeleted),
            Ok(true) | Err(_) => Deleted::NotThere(error),
        },
        Err(error) => Deleted::No(error),
    })
}

async fn delete_all(targets: Vec<Target>, context: &Context, requests: impl Requests) -> Report {
    let mut report = Report::default();
    for target in targets {
        let Some(id) = &target.id else {
            report.gone.push((target, Status::AlreadyDeleted));
            continue;
        };
        let mut not_there = false;
        let error = match context.interrupt.or(delete(id, &requests)).await {
            Ok(Deleted::Yes(status)) => {
                report.gone.push((target, status));
                continue;
            }
            Ok(Deleted::NotThere(error)) => {
                not_there = true;
                error
            }
            Ok(Deleted::No(error)) => error,
            Err(signal) => {
                let message = format!(
                    "interrupted while deleting {}; it may or may not have been deleted",
                    target.label
                );
                report.failed.push(Error::new(signal.kind, message));
                break;
            }
        };
        let others_would_fail = error.is_fatal() || error.is_outage() || error.kind() == Kind::Unreachable;
        let in_doubt = not_there || error.effect() == Effect::Unknown;
        let error = requests
            .explain(error)
            .context(format!("deleting {}", target.label));
        report.in_doubt |= in_doubt;
        report.failed.push(if in_doubt {
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

/// `name` is the argument: the name of a secret, or an id.
fn as_json((target, status): &(Target, Status)) -> Value {
    let mut value = json!({ "name": target.label, "status": status.as_str() });
    if let Some(id) = target.shown_id.as_ref().filter(|id| **id != target.label) {
        value["id"] = json!(id);
    }
    value
}
