//! `amika secret claude|codex push`: find or read → check → name → look up → confirm → store or replace → report.

use clap::Args;
use serde_json::json;

use super::restore::{self, Changes};
use super::source::{LocalSources, PushSource, SourceArgs, pick};
use super::store::{existing, store};
use crate::api::NewCredential;
use crate::context::Context;
use crate::credentials::validate::{self, Credential};
use crate::error::{Error, Result};
use crate::formats::escape;
use crate::provider::{CredentialKind, Provider};
use crate::secret::Scope;
use crate::system::env::Env;
use crate::ui::printer::{OnWriteFailure, Printer};
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
    local: LocalSources,
    context: &Context,
) -> Result<()> {
    let Context {
        env,
        printer,
        interrupt,
        ..
    } = context;
    if let Some(kept) = args.source.kept_value(env) {
        return restore::run(provider, kept, args.changes(), context).await;
    }
    if let Some(name) = &args.name {
        check_name(name)?;
    }
    let unattended = context.options.yes || args.dry_run;
    let source = interrupt
        .or(pick(provider, &args.source, local, unattended, context))
        .await?;
    let kind = source
        .kind
        .unwrap_or_else(|| validate::infer(source.value.expose_secret()));
    let checked = validate::check(provider, kind, &source.value, &source.place, (env.now)())?;

    let asks = asks(args, context);
    let name = match &args.name {
        Some(name) => name.clone(),
        None if asks => interrupt.or(ask_name(&provider.default_name(kind))).await?,
        None => provider.default_name(kind),
    };
    announce(provider, kind, &source, &checked, context);
    if args.dry_run {
        return report_dry_run(kind, args.scope, &name, *printer);
    }
    let api = context.api().await?;
    checked.secrets().for_each(|secret| api.keep_secret(secret));
    let old = existing(provider, &name, args.scope, args.force, &api, context).await?;
    if asks {
        interrupt
            .or(confirm(kind, &source.place, args.scope, &name, env))
            .await?;
    }
    let new = NewCredential {
        name,
        kind,
        scope: args.scope,
        value: checked.value,
    };
    store(provider, &new, old.as_ref(), &api, context).await?;
    if checked.has_refresh_token {
        printer.notice(
            "this machine and the sandbox now share one login; whichever renews it first logs the other out",
        );
    }
    Ok(())
}

/// Whether to prompt for the name and a confirmation: only at a terminal, and only if the credential
/// was also chosen at a prompt.
fn asks(args: &PushCredentialArgs, context: &Context) -> bool {
    let confirmation = Confirmation::at_terminal_only(&context.options, &context.env);
    args.source.is_empty() && confirmation == Confirmation::Terminal
}

fn report_dry_run(kind: CredentialKind, scope: Scope, name: &str, printer: Printer) -> Result<()> {
    let planned = json!({ "status": "dry_run", "name": name, "scope": scope, "type": kind });
    printer.data(OnWriteFailure::Fail, &planned, || {
        format!("Would push {} to {scope} scope", escape::escape(name))
    })
}

async fn confirm(kind: CredentialKind, place: &str, scope: Scope, name: &str, env: &Env) -> Result<()> {
    let noun = noun(kind);
    let question = format!("Push the {noun} from {place} to {scope} scope, as \"{name}\"?");
    let asked = Confirmation::Terminal.ask(env, &question, |_| ()).await;
    asked.map(drop)
}

async fn ask_name(default: &str) -> Result<String> {
    prompt::ask_line("Name", default, check_name).await
}

fn noun(kind: CredentialKind) -> &'static str {
    match kind {
        CredentialKind::OAuth => "login",
        CredentialKind::ApiKey => "API key",
    }
}

/// Shows the source, type and expiry of the credential to push, and what else it contains.
fn announce(
    provider: &Provider,
    kind: CredentialKind,
    source: &PushSource,
    credential: &Credential,
    context: &Context,
) {
    let expiry = match credential.expiry.as_str() {
        "" => String::new(),
        expiry => format!(" ({expiry})"),
    };
    let (title, place) = (provider.title, &source.place);
    let printer = context.printer;
    printer.notice(&format!(
        "pushing the {title} {} from {place}{expiry}",
        noun(kind)
    ));
    if !credential.others.is_empty() {
        printer.warning(&format!(
            "{place} contains other secrets that are pushed too: {}",
            credential.others.join(", ")
        ));
    }
    printer.notices(&credential.notices);
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
