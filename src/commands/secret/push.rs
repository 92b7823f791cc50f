//! `amika secret push`: collect → list → plan → confirm → write → report.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::{Args, ValueHint};
use clap_complete::engine::ArgValueCompleter;
use indicatif::ProgressBar;

use crate::api::{Api, CredentialSummary, NewCredential};
use crate::commands::completions::variable_names;
use crate::context::Context;
use crate::credentials::replace::{Ending, create_or_replace};
use crate::error::{Error, Result};
use crate::formats::escape;
use crate::provider::CredentialKind;
use crate::push::batch;
use crate::push::candidate::{Candidate, Form};
use crate::push::collect::pattern::Pattern;
use crate::push::collect::problems::Problems;
use crate::push::collect::{Collected, EnvFormat, Sources, collect};
use crate::push::outcome::{Outcome, Outcomes, Progress};
use crate::push::plan::{Action, Inventory, Plan, WhyKept};
use crate::push::report as view;
use crate::secret::Scope;
use crate::system::signals::Interrupt;
use crate::ui::notices::Notices;
use crate::ui::printer::Printer;
use crate::ui::prompt::{self, Confirmation};

pub(crate) const PUSH_EXAMPLES: &str = "\
Examples:
  amika secret push OPENAI_API_KEY                     ask for the value
  amika secret push TLS_KEY --yes < key.pem            from standard input
  amika secret push --from-env DATABASE_URL,REDIS_URL  from variables, as in CI
  amika secret push --from-file .env --dry-run         show what would happen
  amika secret push DATABASE_URL=postgres://...        inline
  amika secret push --referenced --from-file .env      what the repository needs

A value given inline is visible to other processes (/proc/PID/cmdline) and stays in the shell's \
history. NAME alone, --from-env and --from-file avoid both. When a name comes from several sources, \
--from-env wins over inline and standard input, and these win over --from-file.";

#[derive(Debug, Args)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of the command line")]
pub(crate) struct PushArgs {
    /// Secret to push; without =VALUE, the value is read from standard input or prompted for without echo
    #[arg(value_name = "NAME[=VALUE]", value_hint = ValueHint::Other)]
    pub(crate) secrets: Vec<OsString>,
    /// Push this file as one value (repeatable)
    #[arg(long, value_name = "NAME=PATH", value_hint = ValueHint::Other)]
    pub(crate) value_file: Vec<OsString>,
    /// Push these environment variables, or those that match 'APP_*'
    ///
    /// Comma-separated, repeatable. Quote a pattern, so that the shell does not expand it.
    #[arg(long, value_name = "NAMES", add = ArgValueCompleter::new(variable_names))]
    pub(crate) from_env: Vec<String>,
    /// Push every entry of this file; - reads standard input (repeatable)
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(crate) from_file: Vec<PathBuf>,
    /// Format of the files
    #[arg(long, value_enum, value_name = "FORMAT", default_value_t = EnvFormat::Dotenv)]
    pub(crate) env_format: EnvFormat,
    /// Push only these names; patterns such as 'DB_*' are allowed
    ///
    /// Comma-separated, repeatable. Quote a pattern, so that the shell does not expand it.
    #[arg(long, value_name = "NAMES", value_hint = ValueHint::Other)]
    pub(crate) only: Vec<String>,
    /// Skip these names; patterns are allowed
    ///
    /// Comma-separated, repeatable. Quote a pattern, so that the shell does not expand it.
    #[arg(long, value_name = "NAMES", value_hint = ValueHint::Other)]
    pub(crate) exclude: Vec<String>,
    /// Treat warnings as errors, such as a placeholder or a '$' that is not expanded
    #[arg(long)]
    pub(crate) strict: bool,
    /// Create missing secrets only; existing ones stay unchanged
    #[arg(long)]
    pub(crate) if_missing: bool,
    /// Push what .amika/config.toml references, under the secrets' names
    #[arg(long)]
    pub(crate) referenced: bool,
    /// Push values as they are, even if they do not look like secrets
    ///
    /// References to a vault, ciphertext, tokens of the wrong kind, placeholders, and NAME=@FILE and
    /// NAME=- of other tools are pushed as they are.
    #[arg(long)]
    pub(crate) literal: bool,
    /// Who can use the secrets [default: user]
    #[arg(long, value_enum)]
    pub(crate) scope: Option<Scope>,
    /// Show the plan without writing anything
    #[arg(long)]
    pub(crate) dry_run: bool,
}

impl PushArgs {
    fn sources(&self) -> Sources<'_> {
        Sources {
            secrets: &self.secrets,
            value_files: &self.value_file,
            from_env: Pattern::list(&self.from_env),
            from_file: &self.from_file,
            format: self.env_format,
            only: Pattern::list(&self.only),
            exclude: Pattern::list(&self.exclude),
            literal: self.literal,
            referenced: self.referenced,
        }
    }
}

pub(crate) async fn run(args: &PushArgs, context: &Context) -> Result<()> {
    let (env, options, printer) = (&context.env, &context.options, context.printer);
    let confirmation = Confirmation::decide(options, env, !args.dry_run);
    let needs_answer = confirmation
        .as_ref()
        .is_ok_and(|it| *it != Confirmation::NotNeeded);
    let sources = args.sources();
    let say = |text: &str| printer.notice(text);
    let collected = async { Ok(collect(&sources, env, needs_answer, &say).await) };
    let mut collected = context.interrupt.or(collected).await?;
    let confirmation = collected.problems.check(confirmation);
    let report_collected = |collected: &mut Collected<'_>| {
        let (notices, problems) = (&mut collected.notices, &mut collected.problems);
        report(notices, problems, args.strict, printer);
    };
    report_collected(&mut collected);
    if !collected.problems.has_usage() && env.terminals.stdin && !prompt::is_at_terminal(options, env) {
        // Fails if there is anything to ask.
        collected.ask(options, env, |_| false, args.if_missing).await?;
    }
    let Some(confirmation) = confirmation.filter(|_| !collected.problems.has_usage()) else {
        return collected.problems.into_result();
    };
    let (api, vault) = match open_vault(&[], context).await {
        Err(error) if collected.problems.is_empty() || error.kind.is_signal() => return Err(error),
        Err(_) => return collected.problems.into_result(),
        Ok(opened) => opened,
    };
    if collected.problems.is_empty() {
        let is_stored = |name: &str| vault.secrets.iter().any(|stored| stored.name == *name);
        let asked = collected.ask(options, env, is_stored, args.if_missing);
        context.interrupt.or(asked).await?;
        report_collected(&mut collected);
    }
    let manner = Manner {
        scope: args.scope,
        if_missing: args.if_missing,
        confirmation,
        dry_run: args.dry_run,
        strict: args.strict,
    };
    let secrets = collected.secrets.into_iter();
    push(
        secrets.map(|(name, (value, origin))| Candidate::secret(name, value, origin)),
        collected.problems,
        &api,
        &vault,
        manner,
        context,
    )
    .await
}

/// Prints the notices so far. With `strict`, warnings become problems.
fn report(notices: &mut Notices, problems: &mut Problems, strict: bool, printer: Printer) {
    if strict {
        let warnings: Vec<_> = notices.take_warnings().collect();
        let hint = match warnings.len() {
            1 => "this is a warning without --strict",
            _ => "these are warnings without --strict",
        };
        for warning in warnings {
            problems.push(Error::input(warning).hint(hint));
        }
    }
    printer.notices(&std::mem::take(notices));
}

/// How collected secrets are pushed.
#[derive(Clone, Copy)]
pub(crate) struct Manner {
    /// The scope on the command line; without one, user scope.
    pub(crate) scope: Option<Scope>,
    /// Whether existing secrets stay unchanged.
    pub(crate) if_missing: bool,
    pub(crate) confirmation: Confirmation,
    /// Whether the plan is only shown.
    pub(crate) dry_run: bool,
    /// Whether warnings are errors.
    pub(crate) strict: bool,
}

/// Pushes the collected secrets, if there are no problems. Conflicts with the vault are reported
/// together with the problems.
pub(crate) async fn push(
    candidates: impl IntoIterator<Item = Candidate>,
    mut problems: Problems,
    api: &Api,
    stored: &Inventory,
    manner: Manner,
    context: &Context,
) -> Result<()> {
    let printer = context.printer;
    let plan = Plan::new(candidates, stored, manner.scope, manner.if_missing);
    for step in &plan.steps {
        api.known_secrets.add_value(&step.candidate.value);
    }
    report(&mut plan_notices(&plan), &mut problems, manner.strict, printer);
    if plan.steps.is_empty() && !problems.is_empty() {
        return problems.into_result();
    }
    let vault = context.vault_of(plan.scope);
    if manner.dry_run {
        let at_terminal = printer.terminals.stdout;
        printer.data(&view::plan_json(&plan, at_terminal), || {
            view::dry_run_text(&plan, &vault, at_terminal)
        })?;
    }
    for conflict in plan.conflicts(|text| api.known_secrets.show(text, None)) {
        problems.push(conflict);
    }
    problems.into_result()?;
    if manner.dry_run {
        return Ok(());
    }
    if plan.writes() != (0, 0) && manner.confirmation != Confirmation::NotNeeded {
        printer.preview(view::plan_text(&plan, printer.terminals.stderr));
        let question = format!("{}?", view::tasks(&plan, &vault));
        let asked = manner.confirmation.ask(&context.env, printer, &question);
        context.interrupt.or(asked).await?;
    }
    write(&plan, api, context).await
}

/// Connects to the vault, and lists what it already has.
pub(crate) async fn open_vault(candidates: &[Candidate], context: &Context) -> Result<(Api, Inventory)> {
    let (api, secrets) = context.connect().await?;
    let mut logins = Vec::new();
    for candidate in candidates {
        let Form::Login(provider) = candidate.form else {
            continue;
        };
        let is_login = |stored: &CredentialSummary| {
            let kind = stored.kind.as_ref();
            stored.scope == *Scope::User.as_str()
                && kind.is_none_or(|kind| *kind == *CredentialKind::OAuth.as_str())
        };
        let stored = context.reply(api.list_credentials(provider)).await?;
        if stored.iter().any(is_login) {
            logins.push(provider.id);
        }
    }
    Ok((api, Inventory { secrets, logins }))
}

/// What a person should know about a plan.
fn plan_notices(plan: &Plan) -> Notices {
    let mut notices = Notices::default();
    let beside = plan.names(&Action::CreateBeside);
    if !beside.is_empty() {
        let verb = if beside.len() == 1 { "exists" } else { "exist" };
        let names = escape::first_of(&beside);
        notices.warn(format!(
            "{names} {verb} in org scope too; --scope user creates another one for you alone"
        ));
    }
    view::login_notices(plan).for_each(|notice| notices.notice(notice));
    notices
}

/// Writes a confirmed plan, and reports the outcome of every secret.
async fn write(plan: &Plan, api: &Api, context: &Context) -> Result<()> {
    let printer = context.printer;
    let (creates, updates) = plan.writes();
    let progress = printer.progress(creates + updates);
    let (each, stopped_by) = batch::write(api, plan, &context.interrupt, |event| {
        show(printer, &progress, event);
    })
    .await;
    let mut outcomes = Outcomes {
        plan,
        each,
        stopped_by,
    };
    write_logins(&mut outcomes, api, &context.interrupt).await;
    progress.finish_and_clear();
    let error = outcomes.error();
    // Failures are shown even with `--quiet`.
    let printer = if error.is_some() {
        printer.without_quiet()
    } else {
        printer
    };
    let written = printer.done(&view::outcomes_json(&outcomes), || {
        view::outcomes_text(&outcomes, printer.terminals.stdout)
    });
    error.map_or(written, Err)
}

/// Stores the logins of the plan, unless the batch before was stopped.
async fn write_logins(outcomes: &mut Outcomes<'_>, api: &Api, interrupt: &Interrupt) {
    let was_stopped = outcomes.rows().any(|(step, outcome)| {
        matches!(
            (step.candidate.form, outcome),
            (Form::Secret, Outcome::NotAttempted)
        )
    });
    for (index, step) in outcomes.plan.steps.iter().enumerate() {
        if was_stopped || outcomes.stopped_by.is_some() {
            return;
        }
        let (Form::Login(provider), Action::Create) = (step.candidate.form, &step.action) else {
            continue;
        };
        let new = NewCredential {
            name: provider.default_name(CredentialKind::OAuth),
            kind: CredentialKind::OAuth,
            scope: outcomes.plan.scope,
            value: step.candidate.value.clone(),
        };
        let stored = create_or_replace(api, provider, &new, None, interrupt, || ()).await;
        outcomes.stopped_by = stored.signal;
        outcomes.each[index] = match (stored.ending, stored.failure) {
            (Ending::Stored(id), _) => Outcome::Created { id },
            (Ending::Taken | Ending::TakenByOther, _) => Outcome::Unchanged(WhyKept::LoginStored),
            (Ending::Unchanged, Some(error)) => Outcome::Failed(error),
            (Ending::Unchanged, None) => Outcome::NotAttempted,
            (_, error) => Outcome::Unknown(error),
        };
    }
}

/// Shows the progress of a batch, in the progress bar and as notices.
fn show(printer: Printer, progress: &ProgressBar, event: Progress) {
    let notice = match event {
        Progress::Finished => {
            progress.set_message("");
            return progress.inc(1);
        }
        Progress::Waiting { at_most } => {
            progress.set_message("waiting for the API");
            let seconds = at_most.as_millis().div_ceil(1000);
            format!("the API is unavailable; waiting up to {seconds} s")
        }
        Progress::SlowedDown => {
            progress.set_message("slowed down by the API");
            "the API limits the rate; slowing down".to_owned()
        }
    };
    progress.suspend(|| printer.notice(&notice));
}
