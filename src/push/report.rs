//! How a push's plan and its outcomes look.

use serde_json::{Value, json};

use crate::push::apply::{Applied, Outcome};
use crate::push::plan::{Action, Plan, Step};
use crate::ui::table::table;

pub(crate) fn plan_text(plan: &Plan, at_terminal: bool) -> String {
    table(
        &["NAME", "SOURCE", "VALUE", "ACTION"],
        plan.steps.iter().map(|step| {
            let candidate = &step.candidate;
            vec![
                candidate.name.to_string(),
                candidate.origin.to_string(),
                candidate.value.masked(at_terminal),
                action(step).to_owned(),
            ]
        }),
    )
}

pub(crate) fn plan_json(plan: &Plan, at_terminal: bool) -> Value {
    let steps = plan.steps.iter().map(|step| {
        let candidate = &step.candidate;
        json!({
            "name": candidate.name.as_str(),
            "source": candidate.origin.to_string(),
            "masked": candidate.value.masked(at_terminal),
            "action": action(step),
        })
    });
    json!({ "scope": plan.scope, "dry_run": true, "plan": steps.collect::<Vec<_>>() })
}

fn action(step: &Step) -> &'static str {
    match step.action {
        Action::Create => "create",
        Action::Update { .. } => "update",
        Action::Conflict => "conflict",
    }
}

pub(crate) fn outcomes_text(applied: &Applied) -> String {
    let rows = applied.outcomes.iter().map(|(name, outcome)| {
        let said = match outcome {
            Outcome::Failed(error) => format!("failed: {}", error.message),
            Outcome::Unknown { why } => format!("unknown: {why}"),
            _ => status(outcome).to_owned(),
        };
        vec![name.clone(), said]
    });
    format!("{}\n\n{}", table(&["NAME", "RESULT"], rows), total(applied))
}

/// `Created 2, Updated 1 in user scope`, naming only what there was.
fn total(applied: &Applied) -> String {
    let labels = ["Created", "Updated", "Failed", "Unknown", "Not attempted"];
    let counts = labels.into_iter().filter_map(|label| {
        let same = |outcome: &Outcome| status(outcome).eq_ignore_ascii_case(label);
        let count = applied.count(same);
        (count > 0).then(|| format!("{label} {count}"))
    });
    format!(
        "{} in {} scope",
        counts.collect::<Vec<_>>().join(", "),
        applied.scope
    )
}

pub(crate) fn outcomes_json(applied: &Applied) -> Value {
    let results = applied.outcomes.iter().map(|(name, outcome)| {
        let mut result = json!({ "name": name, "status": status(outcome) });
        match outcome {
            Outcome::Created { id } | Outcome::Updated { id } => result["id"] = json!(id),
            Outcome::Failed(error) => result["error"] = json!(error.message),
            Outcome::Unknown { why } => result["error"] = json!(why),
            Outcome::NotAttempted => {}
        }
        result
    });
    let count = |label| applied.count(|outcome| status(outcome) == label);
    json!({
        "scope": applied.scope,
        "results": results.collect::<Vec<_>>(),
        "created": count("created"),
        "updated": count("updated"),
        "failed": applied.count(|outcome| !outcome.is_stored()),
    })
}

fn status(outcome: &Outcome) -> &'static str {
    match outcome {
        Outcome::Created { .. } => "created",
        Outcome::Updated { .. } => "updated",
        Outcome::Failed(_) => "failed",
        Outcome::Unknown { .. } => "unknown",
        Outcome::NotAttempted => "not attempted",
    }
}
