//! The values that an earlier command kept on this machine: an old one, or a new login. The next command
//! names them, and `push --from-file` stores one byte for byte under the name, type and scope that were meant,
//! without the checks for values of other origin.

use std::path::Path;

use super::push::PushCredentialArgs;
use super::source;
use super::store::{Push, Vault};
use crate::context::Context;
use crate::credentials::recovery::{self, Description, KeptValue};
use crate::error::{Error, Result};
use crate::formats::escape;
use crate::net::origin::ServerOrigin;
use crate::provider::Provider;

/// Maximum size of an API response in bytes, so no value fetched from the API is larger.
const MAX_KEPT_VALUE: u64 = 4 * 1024 * 1024;

pub(super) async fn push(
    provider: &'static Provider,
    (kept, description): (KeptValue, Description),
    args: &PushCredentialArgs,
    context: &Context,
) -> Result<()> {
    let id = &description.provider;
    if *id != *provider.id {
        let message = format!("the file contains a credential of {id}");
        return Err(Error::usage(message).hint(format!("use `amika secret {id} push` instead")));
    }
    let origin = ServerOrigin::from_env(&context.env)?.to_string();
    let made_for = &description.api_url;
    if *made_for != origin {
        let message = format!("the file contains a credential of {made_for}, not of {origin}");
        let command = kept.push_command(provider, &context.env);
        return Err(Error::usage(message).hint(format!("use `{command}`")));
    }
    let (value, _) = source::read(&kept.path, MAX_KEPT_VALUE, context).await?;
    let kind = args.source.kind.unwrap_or(description.kind);
    let mut push = Push::new(provider, kind, args, context);
    push.name = args.name.clone().unwrap_or(description.name);
    push.scope = args.scope.unwrap_or(description.scope);
    if args.dry_run {
        return push.report_dry_run(context).await;
    }
    let vault = Vault::open(provider, context).await?;
    vault.api.known_secrets.add_value(&value);
    if let Some(found) = vault.existing(&push.name, push.scope) {
        let revealed = async { Ok(vault.api.reveal_credential(provider, found.id.as_sent()).await) };
        let revealed = context.interrupt.or(revealed).await?;
        if found.name == *push.name && revealed.is_ok_and(|revealed| revealed == value) {
            kept.remove();
            return push.report_already_stored(&vault.api.shown(&found.id), context);
        }
    }
    let old = push.agree(&vault, None, context).await?;
    push.store(value, old, &vault, context).await?;
    kept.remove();
    Ok(())
}

/// Warns about the values that an earlier command could not store. `except` is the value that this command
/// pushes.
pub(super) fn warn_of_left_behind(provider: &Provider, except: Option<&Path>, context: &Context) {
    let except = except.and_then(|path| path.canonicalize().ok());
    for kept in recovery::left_behind(&context.env, provider) {
        if except.is_none() || except != kept.path.canonicalize().ok() {
            warn_of(provider, &kept, context);
        }
    }
}

/// Warns about a value that is kept on this machine, with the commands to push it and to remove it.
pub(super) fn warn_of(provider: &Provider, kept: &KeptValue, context: &Context) {
    let (title, shown) = (provider.title, escape::path(&kept.path));
    let (what, action) = match &kept.description {
        Some(new_login) if new_login.id.is_empty() => {
            let what = format!("a new {title} login that was not stored is kept in {shown}");
            (what, "push")
        }
        Some(Description { name, id, scope, .. }) => {
            let what = format!(
                "an interrupted replacement left the value of the {title} credential {name} ({id}, {scope} \
                 scope) in {shown}"
            );
            (what, "restore")
        }
        None => {
            let what = format!("an interrupted push left a {title} credential in {shown}");
            (what, "push")
        }
    };
    let (command, removal) = (kept.push_command(provider, &context.env), kept.removal_command());
    context.printer.warning(&format!(
        "{what}; {action} it with: `{command}`; or remove it with: `{removal}`"
    ));
}
