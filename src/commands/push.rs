//! `amika secret push`: collect → plan → confirm → write → report.

use super::Context;
use crate::api::SecretSummary;
use crate::apply::apply;
use crate::cli::{PushArgs, WriteArgs};
use crate::collect::{Candidate, collect};
use crate::confirm::Confirmation;
use crate::error::{Error, Kind, Result};
use crate::formats::escape;
use crate::plan::{Plan, Stored};
use crate::report::{Worth, push as view};
use crate::secret::Scope;

pub async fn run(args: &PushArgs, context: &Context) -> Result<()> {
    let Context {
        env,
        report,
        interrupt,
        ..
    } = context;
    let confirmation = Confirmation::decide(&context.global, env, !args.write.dry_run)?;
    let collected = interrupt
        .or(collect(args, &context.global, env, confirmation))
        .await?;
    collected
        .warnings
        .iter()
        .for_each(|warning| report.warning(warning));
    collected.notices.iter().for_each(|notice| report.notice(notice));
    push(collected.candidates, &args.write, confirmation, context).await
}

/// Pushes what was collected, from wherever it came.
pub async fn push(
    candidates: Vec<Candidate>,
    args: &WriteArgs,
    confirmation: Confirmation,
    context: &Context,
) -> Result<()> {
    let Context {
        env,
        report,
        interrupt,
        ..
    } = context;
    let api = context.api(args.jobs)?;
    for candidate in &candidates {
        api.keep_secret(&candidate.value);
    }

    let listed = interrupt.or(async { Ok(api.list_secrets().await?) }).await?;
    let stored: Vec<Stored> = listed.into_iter().filter_map(known).collect();
    let plan = Plan::new(candidates, &stored, args.scope);

    if args.dry_run {
        let at_terminal = report.terminals.stdout;
        report.data(Worth::Repeatable, &view::plan_json(&plan, at_terminal), || {
            view::plan_text(&plan, at_terminal)
        })?;
    } else {
        report.aside(&view::plan_text(&plan, report.terminals.stderr));
    }
    refuse_conflicts(&plan)?;
    if args.dry_run {
        return Ok(());
    }

    let question = format!(
        "Push {} to {} scope?",
        escape::count(plan.steps.len(), "secret"),
        plan.scope
    );
    interrupt
        .or(confirmation.ask(env, &question, |question| report.question(question)))
        .await?;

    let progress = report.progress(plan.steps.len());
    let applied = apply(&api, &plan, interrupt, || progress.inc(1)).await;
    progress.finish_and_clear();
    let printed = report.data(Worth::Once, &view::outcomes_json(&applied), || {
        view::outcomes_text(&applied)
    });
    match applied.error() {
        Some(error) => Err(error),
        None => printed,
    }
}

/// A stored secret, if it is of a scope that we know.
fn known(summary: SecretSummary) -> Option<Stored> {
    Some(Stored {
        scope: Scope::named(&summary.scope)?,
        id: summary.id,
        name: summary.name,
    })
}

fn refuse_conflicts(plan: &Plan) -> Result<()> {
    let names = plan.conflicts();
    if names.is_empty() {
        return Ok(());
    }
    let other = plan.scope.other();
    Err(Error::new(
        Kind::Refused,
        format!(
            "already in {other} scope only: {}; nothing was changed",
            names.join(", ")
        ),
    )
    .hint(format!(
        "to update what is there, add --scope {other}; or push under another name"
    )))
}
