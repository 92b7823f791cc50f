//! `amika secret push`: collect → plan → confirm → write → report.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::{Args, ValueHint};
use clap_complete::engine::ArgValueCompleter;
use indicatif::ProgressBar;

use crate::api::{Api, SecretSummary};
use crate::commands::completions::variable_names;
use crate::context::Context;
use crate::error::{Error, Kind, Result};
use crate::push::apply::apply;
use crate::push::candidate::Candidate;
use crate::push::collect::pattern::Pattern;
use crate::push::collect::problems::Problems;
use crate::push::collect::{EnvFormat, Sources, collect};
use crate::push::missing;
use crate::push::outcome::Event;
use crate::push::plan::{Conflicts, Existing, Plan, Stored};
use crate::push::references::{self, References};
use crate::push::report as view;
use crate::secret::Scope;
use crate::ui::notices::Notices;
use crate::ui::printer::{OnWriteFailure, Printer};
use crate::ui::prompt::Confirmation;

pub(crate) const PUSH_EXAMPLES: &str = "\
Examples:
  amika secret push OPENAI_API_KEY                     ask for the value without showing it
  amika secret push TLS_KEY --yes < key.pem            the value from standard input
  amika secret push --from-env DATABASE_URL,REDIS_URL  from variables, as in CI
  amika secret push --from-file .env --dry-run         show what would happen
  amika secret push DATABASE_URL=postgres://...        inline
  amika secret push --missing --from-file .env         fill what the repository references

A value given inline is visible to other processes (/proc/PID/cmdline) and stays in the shell's
history; NAME alone, --from-env and --from-file are not. When a name comes from several sources,
--from-env wins over inline and standard input, and these win over --from-file.";

#[derive(Debug, Args)]
pub(crate) struct PushArgs {
    /// Secret to push; without =VALUE, the value is read from standard input or prompted for without echo
    #[arg(value_name = "NAME[=VALUE]", value_hint = ValueHint::Other)]
    pub(crate) secrets: Vec<OsString>,
    /// Push these environment variables; quoted patterns such as 'APP_*' are allowed
    /// (comma-separated, repeatable)
    #[arg(long, value_name = "NAMES", add = ArgValueCompleter::new(variable_names))]
    pub(crate) from_env: Vec<String>,
    /// Push every entry of this file; - reads standard input (repeatable)
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(crate) from_file: Vec<PathBuf>,
    /// Format of the files
    #[arg(long, value_enum, value_name = "FORMAT", default_value_t = EnvFormat::Dotenv)]
    pub(crate) env_format: EnvFormat,
    /// Push only these names; quoted patterns such as 'DB_*' are allowed (comma-separated, repeatable)
    #[arg(long, value_name = "NAMES", value_hint = ValueHint::Other)]
    pub(crate) only: Vec<String>,
    /// Skip these names; quoted patterns are allowed (comma-separated, repeatable)
    #[arg(long, value_name = "NAMES", value_hint = ValueHint::Other)]
    pub(crate) exclude: Vec<String>,
    /// Treat warnings as errors, such as a '$' that is not expanded or a name that is given twice
    #[arg(long)]
    pub(crate) strict: bool,
    /// Create missing secrets only; existing ones stay unchanged
    #[arg(long)]
    pub(crate) if_missing: bool,
    /// Push only what .amika/config.toml references and the vault lacks
    #[arg(long)]
    pub(crate) missing: bool,
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

/// Options of every command that writes generic secrets.
#[derive(Debug, Clone, Args)]
pub(crate) struct WriteArgs {
    /// Who can use the secrets
    #[arg(long, value_enum, default_value_t = Scope::User)]
    pub(crate) scope: Scope,
    /// Show the plan without writing anything
    #[arg(long)]
    pub(crate) dry_run: bool,
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
    let references = args.missing.then(|| references::read(None, env));
    let references = references.and_then(|read| problems.check(read));
    if args.strict {
        refuse_warnings(&mut notices, &mut problems);
    }
    printer.notices(&notices);
    problems.into_result()?;
    let confirmation = Confirmation::decide(options, env, !args.write.dry_run)?;
    let selection = if let Some(references) = references {
        Selection::Missing {
            references,
            strict: args.strict,
        }
    } else if args.if_missing {
        Selection::Lacking
    } else {
        Selection::All
    };
    push(candidates, selection, &args.write, confirmation, context).await
}

/// Turns the warnings into errors, for `--strict`.
fn refuse_warnings(notices: &mut Notices, problems: &mut Problems) {
    let warnings: Vec<_> = notices.take_warnings().collect();
    let hint = match warnings.len() {
        1 => "this is a warning without --strict",
        _ => "these are warnings without --strict",
    };
    for warning in warnings {
        problems.push(Error::input(warning).hint(hint));
    }
}

/// Which of the collected secrets to push, depending on the contents of the vault.
pub(crate) enum Selection {
    All,
    /// Secrets that the vault lacks; the others are reported as unchanged.
    Lacking,
    /// Secrets that the repository references and the vault lacks.
    /// With `strict`, a secret that no source has is an error.
    Missing {
        references: References,
        strict: bool,
    },
}

/// Pushes the collected secrets.
pub(crate) async fn push(
    mut candidates: Vec<Candidate>,
    selection: Selection,
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
    let api = context.api().await?;
    for candidate in &candidates {
        api.keep_secret(&candidate.value);
    }

    let listed = context.reply(api.list_secrets()).await?;
    let stored: Vec<Stored> = listed.iter().filter_map(known).collect();
    if let Selection::Missing { references, strict } = &selection {
        let mut notices = Notices::default();
        candidates = missing::select(candidates, &references.entries, &stored, &mut notices);
        let mut problems = Problems::default();
        if *strict {
            refuse_warnings(&mut notices, &mut problems);
        }
        printer.notices(&notices);
        problems.into_result()?;
    }
    let existing = match selection {
        Selection::All => Existing::Update,
        Selection::Lacking | Selection::Missing { .. } => Existing::Keep,
    };
    let plan = match Plan::new(candidates, &stored, args.scope, existing) {
        Ok(plan) => plan,
        Err(conflicts) => {
            show_plan(|| conflicts.rows(), conflicts.scope(), args, *printer)?;
            return Err(refusal(&conflicts));
        }
    };
    show_plan(|| plan.rows(), plan.scope, args, *printer)?;
    if args.dry_run {
        return Ok(());
    }
    if !plan.steps.is_empty() {
        let question = view::question(&plan);
        interrupt
            .or(confirmation.ask(env, &question, |question| printer.question(question)))
            .await?;
    }
    write(&plan, &api, context).await
}

/// Carries out a confirmed plan, and reports the outcome of every secret.
async fn write(plan: &Plan, api: &Api, context: &Context) -> Result<()> {
    let printer = context.printer;
    let progress = printer.progress(plan.steps.len());
    let applied = apply(api, plan, &context.interrupt, |event| {
        show(printer, &progress, event);
    })
    .await;
    progress.finish_and_clear();
    let error = applied.error();
    // Failures are shown even with `--quiet`.
    let printer = if error.is_some() {
        printer.without_quiet()
    } else {
        printer
    };
    let written = printer.data(
        OnWriteFailure::RepeatOnStderr,
        &view::outcomes_json(&applied),
        || view::outcomes_text(&applied, printer.shows_plan_and_result_together()),
    );
    error.map_or(written, Err)
}

/// Shows the plan: as the result of `--dry-run`, or before the confirmation.
fn show_plan<'a, R: Iterator<Item = (&'a Candidate, &'static str)>>(
    rows: impl Fn() -> R,
    scope: Scope,
    args: &WriteArgs,
    printer: Printer,
) -> Result<()> {
    if args.dry_run {
        let at_terminal = printer.terminals.stdout;
        let json = view::plan_json(rows(), scope, at_terminal);
        printer.data(OnWriteFailure::Fail, &json, || {
            view::plan_text(rows(), at_terminal)
        })?;
    } else if rows().next().is_some() {
        printer.preview(view::plan_text(rows(), printer.terminals.stderr));
    }
    Ok(())
}

/// Shows the progress of a batch, in the progress bar and as notices.
fn show(printer: Printer, progress: &ProgressBar, event: Event) {
    let notice = match event {
        Event::Finished => return progress.inc(1),
        Event::Waiting { at_most } => {
            progress.set_message("waiting for the API");
            format!("the API is unavailable; waiting up to {} s", at_most.as_secs())
        }
        Event::Resumed => {
            progress.set_message("");
            "the API is available again".to_owned()
        }
        Event::SlowedDown => {
            progress.set_message("slowed down by the API");
            "the API limits the rate; slowing down".to_owned()
        }
    };
    progress.suspend(|| printer.notice(&notice));
}

/// Converts a stored secret; `None` if its scope is unknown.
fn known(summary: &SecretSummary) -> Option<Stored> {
    Some(Stored {
        scope: Scope::parse(summary.scope.as_sent())?,
        id: summary.id.as_sent().to_owned(),
        name: summary.name.as_sent().to_owned(),
    })
}

/// Formats the conflicts with the scope that has each name.
fn refusal(conflicts: &Conflicts) -> Error {
    let mut parts = Vec::new();
    let mut scopes = Vec::new();
    for scope in Scope::ALL {
        let names = conflicts.names().filter(|(_, other)| *other == scope);
        let names: Vec<_> = names.map(|(name, _)| name).collect();
        if !names.is_empty() {
            let verb = if names.len() == 1 { "exists" } else { "exist" };
            parts.push(format!("{} {verb} in {scope} scope only", names.join(", ")));
            scopes.push(format!("--scope {scope}"));
        }
    }
    let message = format!("{}; nothing was changed", parts.join("; "));
    let scopes = scopes.join(" or ");
    Error::new(Kind::Refused, message).hint(format!(
        "use {scopes} to update there, or push under another name"
    ))
}
