//! `amika secret push`: collect → plan → confirm → write → report.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::{Args, ValueHint};
use clap_complete::engine::ArgValueCompleter;

use crate::api::SecretSummary;
use crate::commands::completions::variable_names;
use crate::context::Context;
use crate::error::{Error, Kind, Result};
use crate::formats::escape;
use crate::push::apply::apply;
use crate::push::candidate::Candidate;
use crate::push::collect::pattern::Pattern;
use crate::push::collect::problems::Problems;
use crate::push::collect::{EnvFormat, Sources, collect};
use crate::push::plan::{Plan, Stored};
use crate::push::report as view;
use crate::secret::Scope;
use crate::ui::notices::Notices;
use crate::ui::printer::OnWriteFailure;
use crate::ui::prompt::Confirmation;

pub(crate) const PUSH_EXAMPLES: &str = "\
Examples:
  amika secret push OPENAI_API_KEY                     ask for the value without showing it
  amika secret push TLS_KEY --yes < key.pem            the value from standard input
  amika secret push --from-env DATABASE_URL,REDIS_URL  from variables, as in CI
  amika secret push --from-file .env --dry-run         show what would happen
  amika secret push DATABASE_URL=postgres://...        inline

A value given inline is visible to other processes (/proc/PID/cmdline) and stays in the shell's
history; NAME alone, --from-env and --from-file are not. When a name comes from several sources,
--from-env wins over inline and standard input, and these win over --from-file.";

#[derive(Debug, Args)]
pub(crate) struct PushArgs {
    /// Push this value; a name alone reads the value from standard input or a hidden prompt
    #[arg(value_name = "NAME[=VALUE]", value_hint = ValueHint::Other)]
    pub(crate) secrets: Vec<OsString>,
    /// Take these environment variables, or all that match a quoted pattern such as 'APP_*'
    /// (comma-separated; repeatable)
    #[arg(long, value_name = "NAMES", add = ArgValueCompleter::new(variable_names))]
    pub(crate) from_env: Vec<String>,
    /// Take every entry of this file; - is standard input (repeatable)
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(crate) from_file: Vec<PathBuf>,
    /// Read the files in this format
    #[arg(long, value_enum, value_name = "FORMAT", default_value_t = EnvFormat::Dotenv)]
    pub(crate) env_format: EnvFormat,
    /// Push only these names, or those that match a quoted pattern (comma-separated; repeatable)
    #[arg(long, value_name = "NAMES", value_hint = ValueHint::Other)]
    pub(crate) only: Vec<String>,
    /// Leave out these names, or those that match a quoted pattern (comma-separated; repeatable)
    #[arg(long, value_name = "NAMES", value_hint = ValueHint::Other)]
    pub(crate) exclude: Vec<String>,
    /// Fail on warnings, such as a '$' that is kept as it is or a name that is given twice
    #[arg(long)]
    pub(crate) strict: bool,
    #[command(flatten)]
    pub(crate) write: WriteArgs,
}

impl PushArgs {
    fn sources(&self) -> Sources<'_> {
        Sources {
            secrets: &self.secrets,
            from_env: Pattern::list(&self.from_env),
            from_file: &self.from_file,
            format: self.env_format,
            only: Pattern::list(&self.only),
            exclude: Pattern::list(&self.exclude),
        }
    }
}

/// What every command that writes generic secrets lets the person choose.
#[derive(Debug, Clone, Args)]
pub(crate) struct WriteArgs {
    /// Choose who may use the secrets
    #[arg(long, value_enum, default_value_t = Scope::User)]
    pub(crate) scope: Scope,
    /// Show the plan and write nothing
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// Keep exactly this many writes in flight [default: adapts, 8 to 64]
    #[arg(long, value_name = "N", value_parser = parse_jobs, value_hint = ValueHint::Other)]
    pub(crate) jobs: Option<u8>,
}

/// The number of writes in flight. The error does not repeat the text, which could be a secret.
fn parse_jobs(text: &str) -> std::result::Result<u8, &'static str> {
    let jobs = text.parse().ok().filter(|jobs| (1..=64).contains(jobs));
    jobs.ok_or("1 to 64")
}

pub(crate) async fn run(args: &PushArgs, context: &Context) -> Result<()> {
    let Context {
        env,
        printer,
        interrupt,
        ..
    } = context;
    let mut problems = Problems::default();
    let mut notices = Notices::default();
    let options = &context.options;
    let confirmation = problems.check(Confirmation::decide(options, env, !args.write.dry_run));
    let sources = args.sources();
    let collected = collect(&sources, options, env, confirmation, &mut problems, &mut notices);
    let candidates = interrupt.or(collected).await?;
    if args.strict {
        notices.take_warnings().for_each(|warning| {
            problems.push(Error::input(warning).hint("--strict makes this warning an error"));
        });
    }
    printer.notices(&notices);
    problems.into_result()?;
    let confirmation = Confirmation::decide(options, env, !args.write.dry_run)?;
    push(candidates, &args.write, confirmation, context).await
}

/// Pushes what was collected, from wherever it came.
pub(crate) async fn push(
    candidates: Vec<Candidate>,
    args: &WriteArgs,
    confirmation: Confirmation,
    context: &Context,
) -> Result<()> {
    let Context {
        env,
        printer,
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
        let at_terminal = printer.terminals.stdout;
        printer.data(OnWriteFailure::Fail, &view::plan_json(&plan, at_terminal), || {
            view::plan_text(&plan, at_terminal)
        })?;
    } else {
        printer.aside(&view::plan_text(&plan, printer.terminals.stderr));
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
        .or(confirmation.ask(env, &question, |question| printer.question(question)))
        .await?;

    let progress = printer.progress(plan.steps.len());
    let applied = apply(&api, &plan, interrupt, || progress.inc(1)).await;
    progress.finish_and_clear();
    let printed = printer.data(
        OnWriteFailure::RepeatOnStderr,
        &view::outcomes_json(&applied),
        || view::outcomes_text(&applied),
    );
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
