//! Formats a push's plan and its outcomes, as text and as JSON.

use serde::Serialize;

use crate::api::ApiError;
use crate::provider::Provider;
use crate::push::candidate::Form;
use crate::push::outcome::{Outcome, Outcomes};
use crate::push::plan::{Action, Plan, Step, WhyKept};
use crate::secret::Scope;
use crate::ui::table::{Cell, Text, table};

/// A table of a plan.
pub(crate) fn plan_text(plan: &Plan, at_terminal: bool) -> Text {
    let cells = plan.steps.iter().map(|Step { candidate, action }| {
        vec![
            candidate.name.to_string().into(),
            candidate.origin.to_string().into(),
            candidate.masked(at_terminal).into(),
            described(action),
        ]
    });
    table(&["NAME", "SOURCE", "VALUE", "ACTION"], cells)
}

fn described(action: &Action) -> Cell {
    match action {
        Action::Create => Cell::from("create").good(),
        Action::CreateBeside => Cell::from("create, beside the one in org scope").attention(),
        Action::Update { .. } => Cell::from("update").attention(),
        Action::Keep(kept) => kept_as(*kept).into(),
        Action::Elsewhere | Action::Ambiguous(_) | Action::SharedId { .. } => Cell::from("conflict").bad(),
    }
}

fn kept_as(kept: WhyKept) -> String {
    match kept {
        WhyKept::Stored(scope) => format!("unchanged in {scope} scope"),
        WhyKept::LoginStored => "already there".to_owned(),
        WhyKept::Personal => "not pushed".to_owned(),
    }
}

/// Why a login is not written, and what to do about it.
pub(crate) fn login_notices(plan: &Plan) -> impl Iterator<Item = String> {
    plan.steps.iter().filter_map(|Step { candidate, action }| {
        let (Form::Login(provider), Action::Keep(kept)) = (candidate.form, action) else {
            return None;
        };
        let Provider { title, id, .. } = provider;
        let (why, way) = match kept {
            WhyKept::LoginStored => ("already there", "--force` replaces it"),
            WhyKept::Personal => ("not pushed to org scope", "--type oauth --scope org` does that"),
            WhyKept::Stored(_) => return None,
        };
        Some(format!(
            "the {title} login is {why}; `amika secret {id} push {way}"
        ))
    })
}

/// What will be written, such as `Create 2, update 1 in user scope of dana@example.com`.
pub(crate) fn tasks(plan: &Plan, vault: &str) -> String {
    let (creates, updates) = plan.writes();
    let counts = [("create", creates), ("update", updates)];
    in_vault(counts, vault).unwrap_or_else(|| format!("Write nothing in {vault}"))
}

/// Counts that are not zero, with the first word capitalised and the vault at the end.
fn in_vault<const N: usize>(counts: [(&str, usize); N], vault: &str) -> Option<String> {
    let counts = counts.into_iter().filter(|(_, count)| *count > 0);
    let counts: Vec<_> = counts.map(|(word, count)| format!("{word} {count}")).collect();
    let counts = counts.join(", ");
    let first = counts.get(..1)?.to_uppercase();
    Some(format!("{first}{} in {vault}", &counts[1..]))
}

/// The plan for `--dry-run`: the table, whose vault it is for, and that nothing was written.
pub(crate) fn dry_run_text(plan: &Plan, vault: &str, at_terminal: bool) -> Text {
    let total = format!("{}\nNothing was written.", tasks(plan, vault));
    plan_text(plan, at_terminal).then(&total)
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

/// As [`dry_run_text`], for `-o json`.
pub(crate) fn plan_json(plan: &Plan, at_terminal: bool) -> PlanJson<'_> {
    let steps = plan.steps.iter().map(|Step { candidate, action }| StepJson {
        name: candidate.name.as_str(),
        source: candidate.origin.to_string(),
        masked: candidate.masked(at_terminal),
        action: action.as_str(),
    });
    PlanJson {
        scope: plan.scope,
        dry_run: true,
        plan: steps.collect(),
    }
}

/// The total, below a table of the outcomes: of all secrets, or of those that went wrong.
pub(crate) fn outcomes_text(outcomes: &Outcomes<'_>, only_problems: bool) -> Text {
    let shown = outcomes
        .rows()
        .filter(|(_, outcome)| !(only_problems && outcome.is_good()));
    let rows: Vec<_> = shown
        .map(|(step, outcome)| {
            let status = outcome.as_str();
            let said = reason(outcome).map_or(status.to_owned(), |reason| format!("{status}: {reason}"));
            let said = match outcome {
                Outcome::Created { .. } | Outcome::Updated { .. } => Cell::from(said).good(),
                Outcome::Unchanged(kept) => kept_as(*kept).into(),
                Outcome::Failed(_) => Cell::from(said).bad(),
                Outcome::Unknown(_) | Outcome::NotAttempted => Cell::from(said).attention(),
            };
            vec![step.candidate.name.to_string().into(), said]
        })
        .collect();
    match total(outcomes) {
        None => "Nothing to push".into(),
        Some(total) if rows.is_empty() => total.into(),
        Some(total) => table(&["NAME", "RESULT"], rows).then(&total),
    }
}

/// The counts that are not zero, such as `Created 2, updated 1 in user scope`.
fn total(outcomes: &Outcomes<'_>) -> Option<String> {
    let words = [
        "created",
        "updated",
        "failed",
        "unknown",
        "not attempted",
        "unchanged",
    ];
    let counts = words.map(|word| (word, outcomes.count(word)));
    in_vault(counts, &format!("{} scope", outcomes.plan.scope))
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
    kind: &'static str,
    scope: Scope,
    status: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<&'a str>,
}

pub(crate) fn outcomes_json<'a>(outcomes: &'a Outcomes<'_>) -> OutcomesJson<'a> {
    let scope = outcomes.plan.scope;
    let results = outcomes.rows().map(|(step, outcome)| OutcomeJson {
        name: step.candidate.name.as_str(),
        kind: step.candidate.form.as_str(),
        scope: match outcome {
            Outcome::Unchanged(WhyKept::Stored(scope)) => *scope,
            _ => scope,
        },
        status: outcome.as_str(),
        id: match outcome {
            Outcome::Created { id } | Outcome::Updated { id } => Some(id),
            _ => None,
        },
        error: reason(outcome),
    });
    OutcomesJson {
        scope,
        results: results.collect(),
        created: outcomes.count("created"),
        updated: outcomes.count("updated"),
        unchanged: outcomes.count("unchanged"),
        failed: outcomes.count("failed"),
        unknown: outcomes.count("unknown"),
        not_attempted: outcomes.count("not attempted"),
    }
}

/// Why a secret is not stored, or may not be.
fn reason(outcome: &Outcome) -> Option<&str> {
    match outcome {
        Outcome::Unknown(None) => Some("interrupted while it was being written"),
        _ => outcome.error().map(ApiError::message),
    }
}
