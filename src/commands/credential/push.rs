//! `amika secret claude|codex push`: find or read → check → ask → store or replace → report.

use clap::Args;
use serde_json::json;

use super::source::{PushSource, SourceArgs, pick};
use super::store::{Push, Vault};
use crate::api::CredentialSummary;
use crate::context::Context;
use crate::credentials::validate::{self, Checked};
use crate::error::{Error, Result};
use crate::formats::{escape, words};
use crate::provider::{CredentialKind, Provider};
use crate::push::kinds;
use crate::secret::{Scope, SecretValue};
use crate::system::env::Env;
use crate::ui::prompt::{self, Confirmation};

#[derive(Debug, Args)]
pub(crate) struct PushCredentialArgs {
    #[command(flatten)]
    pub(crate) source: SourceArgs,
    /// Name to store it under
    #[arg(long, value_hint = clap::ValueHint::Other)]
    pub(crate) name: Option<String>,
    /// Who can use it [default: user]
    #[arg(long, value_enum)]
    pub(crate) scope: Option<Scope>,
    /// Replace the credential with this name, or in org scope the only one
    #[arg(long)]
    pub(crate) force: bool,
    /// Show what would be pushed without sending anything
    #[arg(long)]
    pub(crate) dry_run: bool,
}

impl PushCredentialArgs {
    /// Refuses what is wrong whatever is pushed.
    pub(super) fn check(&self, provider: &Provider, env: &Env) -> Result<()> {
        self.source.check(provider, env)?;
        self.name.as_deref().map_or(Ok(()), check_name)
    }
}

/// Maximum credential name length, in characters.
const LONGEST_NAME: usize = 200;

pub(crate) async fn run(
    provider: &'static Provider,
    args: &PushCredentialArgs,
    local: Vec<PushSource>,
    context: &Context,
) -> Result<()> {
    let Context { env, interrupt, .. } = context;
    let chosen = args.source.is_empty() && !local.is_empty();
    let is_list = chosen && local.len() > 1;
    let consent = if chosen && !is_list {
        Confirmation::decide(&context.options, env, !args.dry_run)?
    } else {
        Confirmation::at_terminal_only(&context.options, env)
    };
    // Login and connection are checked before anything is asked.
    let asks = args.source.asks(&local, env) && prompt::is_at_terminal(&context.options, env);
    let vault = if asks && !args.dry_run {
        Some(Vault::open(provider, context).await?)
    } else {
        None
    };
    let source = interrupt.or(pick(provider, &args.source, local, context)).await?;
    let PushSource { value, place, .. } = source;
    if !args.source.literal {
        check_is_secret(provider, &value, &place, context)?;
    }
    let now = (env.now)();
    let checked = if args.source.setup_token {
        validate::check_token(provider, &value, &place, now)
    } else {
        validate::check(provider, source.kind, value, &place, args.source.literal, now)
    };
    let checked = checked?;
    let mut push = Push {
        consent,
        is_shared: true,
        ..Push::new(provider, checked.kind, args, context)
    };
    push.announce(&place, &checked, context);
    if args.dry_run {
        return push.report_dry_run(context).await;
    }
    let vault = match vault {
        Some(vault) => vault,
        None => Vault::open(provider, context).await?,
    };
    if is_list && consent == Confirmation::Terminal && args.name.is_none() {
        let asked = prompt::ask_line("Name", &push.name, check_chosen_name);
        push.name = interrupt.or(asked).await?;
    }
    let question = push.question(&place, &checked, chosen);
    let old = push.agree(&vault, question, context).await?;
    push.store(checked.value, old, &vault, context).await
}

impl Push {
    /// As the command line says, asking at a terminal only.
    pub(super) fn new(
        provider: &'static Provider,
        kind: CredentialKind,
        args: &PushCredentialArgs,
        context: &Context,
    ) -> Self {
        let name = args.name.clone();
        Self {
            provider,
            name: name.unwrap_or_else(|| provider.default_name(kind)),
            kind,
            scope: args.scope.unwrap_or(Scope::User),
            force: args.force,
            consent: Confirmation::at_terminal_only(&context.options, &context.env),
            is_shared: false,
        }
    }

    /// Asks `question`, and whether to replace the existing credential, which is returned.
    pub(super) async fn agree<'v>(
        &self,
        vault: &'v Vault,
        question: Option<String>,
        context: &Context,
    ) -> Result<Option<&'v CredentialSummary>> {
        let Self {
            name, scope, consent, ..
        } = self;
        let old = vault.existing(name, *scope);
        if old.is_some() && !self.force && !prompt::is_at_terminal(&context.options, &context.env) {
            return Err(self.taken(&vault.described()));
        }
        let is_for_all = scope.is_shared() && *consent == Confirmation::Terminal;
        let replaced = old.filter(|_| !self.force || is_for_all);
        let question = question.filter(|_| *consent != Confirmation::NotNeeded);
        if question.is_some() || replaced.is_some() {
            let goes = format!("it goes to {}, as \"{name}\"", context.vault_of(*scope));
            context.printer.without_quiet().notice(&goes);
        }
        if let Some(question) = question {
            let asked = consent.ask(&context.env, context.printer, &question);
            context.interrupt.or(asked).await?;
        }
        if let Some(old) = replaced {
            let whose = if scope.is_shared() {
                "the organisation's credential "
            } else {
                ""
            };
            let question = format!("Replace {whose}\"{}\"?", vault.api.shown(&old.name));
            // Not answered by --yes, and never through a pipe.
            let asked = Confirmation::Terminal.ask(&context.env, context.printer, &question);
            context.interrupt.or(asked).await?;
        }
        Ok(old)
    }

    /// The question whether to push it; `None` if the command line says what is meant.
    fn question(&self, place: &str, checked: &Checked, chosen: bool) -> Option<String> {
        let leaves = self.kind == CredentialKind::OAuth && self.scope.is_shared();
        let is_asked_about = leaves || checked.others.is_some();
        if !(chosen || is_asked_about && self.consent == Confirmation::Terminal) {
            return None;
        }
        let mut facts = String::new();
        if self.is_shared && checked.is_renewable {
            facts.push_str(" (renewable, shared with this laptop)");
        }
        if leaves {
            facts.push_str(FOR_EVERYONE);
        }
        let (title, kind) = (self.provider.title, self.kind);
        Some(format!("Push the {title} {kind} in {place}{facts}?"))
    }

    /// Says what will be pushed, what else it contains, and who will share it.
    pub(super) fn announce(&self, place: &str, checked: &Checked, context: &Context) {
        let (title, kind, printer) = (self.provider.title, self.kind, context.printer);
        let expiry = match checked.expiry.as_str() {
            "" => String::new(),
            expiry => format!(" ({expiry})"),
        };
        printer.notice(&format!("pushing the {title} {kind} from {place}{expiry}"));
        if let Some(others) = &checked.others {
            printer.warning(others);
        }
        if checked.is_renewable && self.is_shared {
            printer.warning(&self.provider.sharing());
        } else if checked.is_renewable {
            printer.notice(
                "this login is not shared with this machine; sandboxes share it with each other, and logging \
                 out in one may end it for all",
            );
        }
    }

    /// Says what would be pushed to whose vault.
    pub(super) async fn report_dry_run(&self, context: &Context) -> Result<()> {
        let Self {
            name, kind, scope, ..
        } = self;
        context.api().await?;
        let planned = json!({ "status": "dry_run", "name": name, "scope": scope, "type": kind });
        let vault = context.vault_of(*scope);
        context.printer.data(&planned, || {
            format!(
                "Would push {} to {}",
                escape::escape(name),
                escape::escape(&vault)
            )
        })
    }
}

/// Said before a login goes to org scope.
pub(super) const FOR_EVERYONE: &str = " for everyone in the organisation";

/// Refuses a value that another program turns into a secret, and warns about a placeholder.
fn check_is_secret(provider: &Provider, value: &SecretValue, place: &str, context: &Context) -> Result<()> {
    let text = value.expose_secret();
    let command = format!("amika secret {} push --value -", provider.id);
    let (kind, hint) = match (kinds::of(text), kinds::of_file(text)) {
        (Some(kind), _) => (kind, kind.hint(&command)),
        (None, Some(kind)) => (
            kind,
            format!("decrypt it first, and pipe the result into `{command}`"),
        ),
        (None, None) => {
            if kinds::is_placeholder(text.trim()) {
                context
                    .printer
                    .warning(&format!("{place}: the value looks like a placeholder"));
            }
            return Ok(());
        }
    };
    Err(Error::input(format!("{place}: this is {}, not a secret", kind.what)).hint(hint))
}

fn check_name(name: &str) -> Result<()> {
    let blank = name.trim().is_empty();
    let is_unfit = name.contains(escape::is_hostile) || words::has_key_prefix(name);
    if blank || name.chars().count() > LONGEST_NAME || is_unfit {
        return Err(Error::usage(format!(
            "the name of a credential must have 1 to {LONGEST_NAME} printable characters and not be a key"
        )));
    }
    Ok(())
}

/// Checks a name from a prompt, where an answer to another question may have been typed.
fn check_chosen_name(name: &str) -> Result<()> {
    let is_answer = matches!(name.trim().to_lowercase().as_str(), "y" | "yes" | "n" | "no");
    if is_answer || name.trim().parse::<u32>().is_ok() {
        return Err(Error::usage(
            "this is not a name; press Enter for the one in brackets",
        ));
    }
    check_name(name)
}
