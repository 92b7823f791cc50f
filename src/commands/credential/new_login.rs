//! `push --new-login`: run the tool's own login in a directory of its own, and push what it stored.

use super::kept::warn_of_kept;
use super::push::{FOR_EVERYONE, Push, PushCredentialArgs};
use super::store::Vault;
use crate::context::Context;
use crate::credentials::new_login::NewLogin;
use crate::credentials::recovery::Description;
use crate::credentials::validate;
use crate::error::{Error, Result};
use crate::net::origin::ServerOrigin;
use crate::provider::{CLAUDE, CredentialKind, Provider};
use crate::secret::Scope;
use crate::ui::prompt::{self, Confirmation};

pub(super) async fn run(
    provider: &'static Provider,
    args: &PushCredentialArgs,
    context: &Context,
) -> Result<()> {
    let kind = CredentialKind::OAuth;
    let name = args.name.clone().unwrap_or_else(|| provider.default_name(kind));
    let push = Push {
        provider,
        scope: args.scope,
        force: args.force,
        consent: Confirmation::at_terminal_only(&context.options, &context.env),
        is_shared: false,
    };
    if !args.dry_run && !prompt::is_at_terminal(&context.options, &context.env) {
        let instead = if provider.id == CLAUDE.id {
            "--setup-token"
        } else {
            "--from-file FILE"
        };
        return Err(
            Error::usage("--new-login needs a person at a terminal, and no JSON output")
                .hint(format!("use `amika secret {} push {instead}`", provider.id)),
        );
    }
    let login = NewLogin::prepare(provider, &context.env)?;
    let command = login.command();
    if args.dry_run {
        context.api().await?;
        context
            .printer
            .notice(&format!("it would run `{command}` in a directory of its own"));
        return push.report_dry_run(&name, kind, context);
    }
    let vault = Vault::open(provider, context).await?;
    let question = format!("Push a new {} login ({FOR_EVERYONE})?", provider.title);
    let question = (args.scope == Scope::Org).then_some(question);
    let old = push.agree(&vault, &name, question, context).await?;
    context.printer.notice(&format!(
        "running `{command}` in a directory of its own; the login of this machine stays as it is"
    ));
    let description = Description {
        provider: provider.id.to_owned(),
        id: String::new(),
        name: name.clone(),
        kind,
        scope: args.scope,
        api_url: ServerOrigin::from_env(&context.env)?.to_string(),
    };
    let (value, kept, signal) = login.run(&description, &context.env, &context.interrupt).await?;
    let place = format!("`{command}`");
    let checked = validate::check(provider, Some(kind), value, &place, false, (context.env.now)());
    let checked = match checked {
        Ok(checked) => checked,
        Err(unusable) => {
            kept.remove();
            return Err(unusable);
        }
    };
    push.announce(&place, &checked, context);
    let pushed = match signal {
        Some(kind) => Err(Error::new(kind, "interrupted; nothing was pushed")),
        None => push.store(&vault, name, checked, old, context).await,
    };
    match &pushed {
        Ok(()) => kept.remove(),
        Err(_) => warn_of_kept(provider, kept.path(), Some(&description), context),
    }
    pushed
}
