//! `push --new-login`: run the tool's own login in a directory of its own, and push what it stored.

use super::kept::warn_of;
use super::push::{FOR_EVERYONE, PushCredentialArgs};
use super::store::{Push, Vault};
use crate::context::Context;
use crate::credentials::new_login::NewLogin;
use crate::credentials::validate;
use crate::error::{Error, Result};
use crate::provider::{CLAUDE, CredentialKind, Provider};
use crate::ui::prompt;

pub(super) async fn run(
    provider: &'static Provider,
    args: &PushCredentialArgs,
    context: &Context,
) -> Result<()> {
    let push = Push::new(provider, CredentialKind::OAuth, args, context);
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
        let would = format!("it would run `{command}` in a directory of its own");
        context.printer.notice(&would);
        return push.report_dry_run(context).await;
    }
    let vault = Vault::open(provider, context).await?;
    let question = format!("Push a new {} login{FOR_EVERYONE}?", provider.title);
    let question = push.scope.is_shared().then_some(question);
    let old = push.agree(&vault, question, context).await?;
    context.printer.notice(&format!(
        "running `{command}` in a directory of its own; the login of this machine stays as it is"
    ));
    let description = push.description(String::new(), context)?;
    let (value, kept, signal) = login.run(description, &context.env, &context.interrupt).await?;
    let place = format!("`{command}`");
    let now = (context.env.now)();
    let checked = match validate::check(provider, Some(push.kind), value, &place, false, now) {
        Ok(checked) => checked,
        Err(unusable) => {
            kept.remove();
            return Err(unusable);
        }
    };
    push.announce(&place, &checked, context);
    let pushed = match signal {
        Some(kind) => Err(Error::new(kind, "interrupted; nothing was pushed")),
        None => push.store(checked.value, old, &vault, context).await,
    };
    match &pushed {
        Ok(()) => kept.remove(),
        Err(_) => warn_of(provider, &kept, context),
    }
    pushed
}
