//! `amika secret claude|codex push`: find or read → check → ask → store or replace → report.

use clap::Args;
use serde_json::json;

use super::restore::{self, Changes};
use super::source::{PushSource, SourceArgs, pick};
use super::store::{Vault, store};
use crate::api::{CredentialSummary, NewCredential};
use crate::context::Context;
use crate::credentials::validate::{self, Checked};
use crate::error::{Error, Result};
use crate::formats::escape;
use crate::provider::{CLAUDE, CredentialKind, Provider};
use crate::secret::Scope;
use crate::ui::printer::OnWriteFailure;
use crate::ui::prompt::{self, Confirmation};

#[derive(Debug, Args)]
pub(crate) struct PushCredentialArgs {
    #[command(flatten)]
    pub(crate) source: SourceArgs,
    /// Name to store it under
    #[arg(long, value_hint = clap::ValueHint::Other)]
    pub(crate) name: Option<String>,
    /// Who can use it
    #[arg(long, value_enum, default_value_t = Scope::User)]
    pub(crate) scope: Scope,
    /// Replace the existing credential: the one with this name, or in org scope the only one
    #[arg(long)]
    pub(crate) force: bool,
    /// Show what would be pushed without sending anything
    #[arg(long)]
    pub(crate) dry_run: bool,
}

impl PushCredentialArgs {
    /// The options that change how a backup is restored.
    fn changes(&self) -> Changes {
        Changes {
            name: self.name.clone(),
            kind: self.source.kind,
            force: self.force,
        }
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
    if let Some(kept) = args.source.kept_value(env) {
        return restore::run(provider, kept, args.changes(), context).await;
    }
    args.source.check(provider)?;
    if let Some(name) = &args.name {
        check_name(name)?;
    }
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
    let now = (env.now)();
    let checked = if args.source.setup_token {
        validate::check_token(provider, &value, &place, now)
    } else {
        validate::check(provider, source.kind, value, &place, args.source.literal, now)
    };
    let checked = checked?;
    let push = Push {
        provider,
        args,
        checked,
        place,
        is_shared: true,
        consent,
    };
    push.announce(context);
    let names = is_list && consent == Confirmation::Terminal && args.name.is_none();
    push.finish(vault, chosen, names, context).await
}

/// A credential that passed every check, on its way to the vault.
struct Push<'a> {
    provider: &'static Provider,
    args: &'a PushCredentialArgs,
    checked: Checked,
    /// Where it is from, for messages.
    place: String,
    /// Whether a login is also that of another machine.
    is_shared: bool,
    consent: Confirmation,
}

impl Push<'_> {
    /// Asks what has to be asked, and stores the credential. `chosen` tells whether the person chose it
    /// at a prompt, `names` whether to ask for its name.
    async fn finish(self, vault: Option<Vault>, chosen: bool, names: bool, context: &Context) -> Result<()> {
        let Self {
            provider,
            args,
            checked,
            ..
        } = &self;
        let interrupt = &context.interrupt;
        let mut name = args
            .name
            .clone()
            .unwrap_or_else(|| provider.default_name(checked.kind));
        if args.dry_run {
            context.api().await?;
            return self.report_dry_run(&name, context);
        }
        let vault = match vault {
            Some(vault) => vault,
            None => Vault::open(provider, context).await?,
        };
        checked.secrets().for_each(|secret| vault.api.keep_secret(secret));
        if names {
            name = interrupt
                .or(prompt::ask_line("Name", &name, check_chosen_name))
                .await?;
        }
        let old = interrupt
            .or(self.agree(&vault, &name, names, chosen, context))
            .await?
            .cloned();
        let new = NewCredential {
            name,
            kind: checked.kind,
            scope: args.scope,
            value: checked.value.clone(),
        };
        store(provider, &new, old.as_ref(), &vault.api, context).await
    }

    /// Asks whether to push and to replace, and returns the credential to replace.
    async fn agree<'v>(
        &self,
        vault: &'v Vault,
        name: &str,
        is_asked_name: bool,
        chosen: bool,
        context: &Context,
    ) -> Result<Option<&'v CredentialSummary>> {
        let Self {
            provider,
            args,
            checked,
            consent,
            ..
        } = self;
        let old = vault.existing(name, args.scope);
        let at_terminal = prompt::is_at_terminal(&context.options, &context.env);
        if old.is_some() && !args.force && !at_terminal {
            return Err(vault.taken(provider, name, args.scope));
        }
        let leaves = checked.kind == CredentialKind::OAuth && args.scope == Scope::Org;
        let pushes = chosen || (leaves || !checked.others.is_empty()) && *consent == Confirmation::Terminal;
        let replaces =
            old.filter(|_| !args.force || args.scope == Scope::Org && *consent == Confirmation::Terminal);
        if at_terminal && (pushes && *consent != Confirmation::NotNeeded || replaces.is_some()) {
            let vault = context.vault_of(args.scope);
            context
                .printer
                .without_quiet()
                .notice(&format!("it goes to {vault}, as \"{name}\""));
        }
        if pushes {
            let show = |question: &str| context.printer.question(question);
            let question = self.question(is_asked_name.then_some(name));
            consent.ask(&context.env, &question, show).await?;
        }
        if let Some(old) = replaces {
            // Only --force answers this; a pipe cannot, because the name was refused above.
            let question = match args.scope {
                Scope::User => format!("Replace \"{name}\"?"),
                Scope::Org => format!(
                    "Replace the organisation's {} credential {}?",
                    provider.title,
                    vault.api.shown(&old.name)
                ),
            };
            Confirmation::Terminal
                .ask(&context.env, &question, |_| ())
                .await?;
        }
        Ok(old)
    }

    /// The question whether to push it, with what should be known before, and the name if that was asked.
    fn question(&self, asked_name: Option<&str>) -> String {
        let Self {
            provider,
            args,
            checked,
            place,
            ..
        } = self;
        let mut facts = Vec::new();
        if self.is_shared && checked.is_renewable {
            facts.push("renewable, shared with this laptop".to_owned());
        } else if !checked.expiry.is_empty() {
            facts.push(checked.expiry.clone());
        }
        if args.scope == Scope::Org {
            facts.push("for everyone in the organisation".to_owned());
        }
        if !checked.others.is_empty() {
            facts.push(format!("with {}", checked.others.join(", ")));
        }
        let facts = if facts.is_empty() {
            String::new()
        } else {
            format!(" ({})", facts.join("; "))
        };
        let name = asked_name.map_or_else(String::new, |name| format!(", as \"{name}\""));
        format!(
            "Push the {} {} in {place}{facts}{name}?",
            provider.title,
            noun(checked.kind)
        )
    }

    /// Says what will be pushed, what else it contains, and who will share it.
    fn announce(&self, context: &Context) {
        let Self {
            provider,
            checked,
            place,
            ..
        } = self;
        let Provider { id, title, .. } = provider;
        let printer = context.printer;
        let expiry = match checked.expiry.as_str() {
            "" => String::new(),
            expiry => format!(" ({expiry})"),
        };
        printer.notice(&format!(
            "pushing the {title} {} from {place}{expiry}",
            noun(checked.kind)
        ));
        if !checked.others.is_empty() {
            printer.warning(&format!(
                "{place} contains other secrets that are pushed too: {}",
                checked.others.join(", ")
            ));
        }
        if !checked.is_renewable {
            return;
        }
        if self.is_shared {
            let setup_token = format!("'amika secret {id} push --setup-token' or ");
            let setup_token = if provider.id == CLAUDE.id {
                &setup_token
            } else {
                ""
            };
            let instead = format!("{setup_token}'amika secret {id} push --new-login'");
            printer.warning(&format!(
                "this machine and the sandbox will share one login: whichever renews it first, or logs out, \
                 ends it for the other; {instead} gives the sandbox its own"
            ));
        } else {
            printer.notice(
                "this login is not shared with this machine; sandboxes share it with each other, and logging \
                 out in one may end it for all",
            );
        }
    }

    fn report_dry_run(&self, name: &str, context: &Context) -> Result<()> {
        let (kind, scope) = (self.checked.kind, self.args.scope);
        let planned = json!({ "status": "dry_run", "name": name, "scope": scope, "type": kind });
        context.printer.data(OnWriteFailure::Fail, &planned, || {
            format!(
                "Would push {} to {}",
                escape::escape(name),
                escape::escape(&context.vault_of(scope))
            )
        })
    }
}

fn noun(kind: CredentialKind) -> &'static str {
    match kind {
        CredentialKind::OAuth => "login",
        CredentialKind::ApiKey => "API key",
    }
}

fn check_name(name: &str) -> Result<()> {
    let blank = name.trim().is_empty();
    if blank || name.chars().count() > LONGEST_NAME || name.contains(escape::is_hostile) {
        return Err(Error::usage(format!(
            "the name of a credential must have 1 to {LONGEST_NAME} printable characters"
        )));
    }
    Ok(())
}

/// Checks a name from a prompt, where an answer to another question may have been typed.
fn check_chosen_name(name: &str) -> Result<()> {
    let is_answer = matches!(name.trim().to_lowercase().as_str(), "y" | "yes" | "n" | "no");
    if is_answer || name.trim().parse::<u32>().is_ok() {
        return Err(Error::usage(
            "this is no name; press Enter for the one in brackets",
        ));
    }
    check_name(name)
}
