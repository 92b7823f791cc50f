//! Formats a push's plan and its outcomes, as text and as JSON.

use serde::Serialize;

use crate::api::ApiError;
use crate::formats::escape;
use crate::push::candidate::Candidate;
use crate::push::outcome::{Applied, Outcome};
use crate::push::plan::{Action, Plan};
use crate::secret::Scope;
use crate::ui::table::{Cell, Text, table};

/// A table of a plan, or of the conflicts that prevent it.
pub(crate) fn plan_text<'a>(
    rows: impl Iterator<Item = (&'a Candidate, &'static str)>,
    at_terminal: bool,
) -> Text {
    let cells = rows.map(|(candidate, action)| {
        let action = match action {
            "create" => Cell::from(action).good(),
            "conflict" => Cell::from(action).bad(),
            _ => Cell::from(action).attention(),
        };
        vec![
            candidate.name.to_string().into(),
            candidate.origin.to_string().into(),
            candidate.value.masked(at_terminal).into(),
            action,
        ]
    });
    table(&["NAME", "SOURCE", "VALUE", "ACTION"], cells)
}

/// The confirmation question, such as `Overwrite 300 and create 2 in user scope?`.
pub(crate) fn question(plan: &Plan) -> String {
    let updates = plan
        .steps
        .iter()
        .filter(|step| matches!(step.action, Action::Update { .. }))
        .count();
    let creates = plan.steps.len() - updates;
    let what = match (updates, creates) {
        (0, creates) => format!("Create {}", escape::count(creates, "secret")),
        (updates, 0) => format!("Overwrite {}", escape::count(updates, "secret")),
        (updates, creates) => format!("Overwrite {updates} and create {creates}"),
    };
    format!("{what} in {} scope?", plan.scope)
}

/// A plan for `--dry-run -o json`. Typed, because a tree of JSON values needs five times the memory.
#[derive(Serialize)]
pub(crate) struct PlanJson<'a> {
    scope: Scope,
    dry_run: bool,
    plan: Vec<StepJson<'a>>,
}

#[derive(Serialize)]
struct StepJson<'a> {
    name: &'a str,
    source: String,
    masked: String,
    action: &'static str,
}

/// As [`plan_text`], for `--dry-run -o json`.
pub(crate) fn plan_json<'a>(
    rows: impl Iterator<Item = (&'a Candidate, &'static str)>,
    scope: Scope,
    at_terminal: bool,
) -> PlanJson<'a> {
    let steps = rows.map(|(candidate, action)| StepJson {
        name: candidate.name.as_str(),
        source: candidate.origin.to_string(),
        masked: candidate.value.masked(at_terminal),
        action,
    });
    PlanJson {
        scope,
        dry_run: true,
        plan: steps.collect(),
    }
}

/// A table of the outcomes. If the plan was printed above it at a terminal, the table lists only
/// secrets that are not stored.
pub(crate) fn outcomes_text(applied: &Applied, plan_is_shown: bool) -> Text {
    let shown = |outcome: &Outcome| !plan_is_shown || !outcome.is_stored();
    let outcomes = applied.outcomes.iter().filter(|(_, outcome)| shown(outcome));
    let rows = outcomes.map(|(name, outcome)| {
        let status = status(outcome);
        let said = reason(outcome).map(|reason| format!("{status}: {reason}"));
        let said = Cell::from(said.unwrap_or_else(|| status.to_owned()));
        let said = match outcome {
            Outcome::Created { .. } | Outcome::Updated { .. } => said.good(),
            Outcome::Failed(_) => said.bad(),
            Outcome::Unknown(_) | Outcome::NotAttempted => said.attention(),
        };
        vec![name.clone().into(), said]
    });
    let unchanged = applied.unchanged.iter().filter(|_| !plan_is_shown);
    let unchanged = unchanged.map(|name| vec![name.clone().into(), "unchanged".into()]);
    let rows: Vec<_> = rows.chain(unchanged).collect();
    if applied.outcomes.is_empty() && applied.unchanged.is_empty() {
        return "Nothing to push".to_owned().into();
    }
    if rows.is_empty() {
        return total(applied).into();
    }
    table(&["NAME", "RESULT"], rows).then(&total(applied))
}

/// Formats the totals, such as `Created 2, Updated 1 in user scope`, without those that are zero.
fn total(applied: &Applied) -> String {
    let labels = ["Created", "Updated", "Failed", "Unknown", "Not attempted"];
    let counts = labels.into_iter().filter_map(|label| {
        let same = |outcome: &Outcome| status(outcome).eq_ignore_ascii_case(label);
        let count = applied.count(same);
        (count > 0).then(|| format!("{label} {count}"))
    });
    let unchanged = applied.unchanged.len();
    let counts = counts.chain((unchanged > 0).then(|| format!("Unchanged {unchanged}")));
    format!(
        "{} in {} scope",
        counts.collect::<Vec<_>>().join(", "),
        applied.scope
    )
}

/// The outcomes for `-o json`.
#[derive(Serialize)]
pub(crate) struct OutcomesJson<'a> {
    scope: Scope,
    results: Vec<OutcomeJson<'a>>,
    created: usize,
    updated: usize,
    unchanged: usize,
    failed: usize,
    unknown: usize,
    not_attempted: usize,
}

#[derive(Serialize)]
struct OutcomeJson<'a> {
    name: &'a str,
    status: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<&'a str>,
}

pub(crate) fn outcomes_json(applied: &Applied) -> OutcomesJson<'_> {
    let results = applied.outcomes.iter().map(|(name, outcome)| OutcomeJson {
        name,
        status: status(outcome),
        id: match outcome {
            Outcome::Created { id } | Outcome::Updated { id } => Some(id),
            _ => None,
        },
        error: reason(outcome),
    });
    let unchanged = applied.unchanged.iter().map(|name| OutcomeJson {
        name,
        status: "unchanged",
        id: None,
        error: None,
    });
    let count = |label| applied.count(|outcome| status(outcome) == label);
    OutcomesJson {
        scope: applied.scope,
        results: results.chain(unchanged).collect(),
        created: count("created"),
        updated: count("updated"),
        unchanged: applied.unchanged.len(),
        failed: count("failed"),
        unknown: count("unknown"),
        not_attempted: count("not attempted"),
    }
}

/// Why a secret is not stored, or may not be.
fn reason(outcome: &Outcome) -> Option<&str> {
    match outcome {
        Outcome::Unknown(None) => Some("interrupted while it was being written"),
        _ => outcome.error().map(ApiError::message),
    }
}

fn status(outcome: &Outcome) -> &'static str {
    match outcome {
        Outcome::Created { .. } => "created",
        Outcome::Updated { .. } => "updated",
        Outcome::Failed(_) => "failed",
        Outcome::Unknown(_) => "unknown",
        Outcome::NotAttempted => "not attempted",
    }
}
