//! The values that an earlier command kept on this machine: an old one, or a new login. The next command
//! names them, and `push --from-file` stores one byte for byte under the name, type and scope that were meant,
//! without the checks for values of other origin.

use std::path::Path;

use zeroize::Zeroizing;

use super::push::{Push, PushCredentialArgs};
use super::store::{Vault, report_success, store};
use crate::api::NewCredential;
use crate::context::Context;
use crate::credentials::recovery::{self, Description, KeptValue};
use crate::error::{Error, Result};
use crate::formats::escape;
use crate::net::origin::ServerOrigin;
use crate::provider::Provider;
use crate::secret::SecretValue;
use crate::system::file;
use crate::ui::prompt::Confirmation;

/// Maximum size of an API response in bytes, so no value fetched from the API is larger.
const MAX_KEPT_VALUE: u64 = 4 * 1024 * 1024;

pub(super) async fn push(
    provider: &'static Provider,
    (kept, description): (KeptValue, Description),
    args: &PushCredentialArgs,
    context: &Context,
) -> Result<()> {
    if description.provider != provider.id {
        let message = format!("the file contains a credential of {}", description.provider);
        let hint = format!("use `amika secret {} push` instead", description.provider);
        return Err(Error::usage(message).hint(hint));
    }
    let unreadable = || {
        Error::input(format!(
            "failed reading credentials file {}",
            escape::path(kept.path())
        ))
    };
    let bytes =
        file::read_bounded(kept.path(), MAX_KEPT_VALUE).map_err(|reason| unreadable().because(reason))?;
    let text = std::str::from_utf8(&bytes).map_err(|_| unreadable().because("not valid UTF-8"))?;
    let new = NewCredential {
        name: args.name.clone().unwrap_or(description.name),
        kind: args.source.kind.unwrap_or(description.kind),
        scope: description.scope,
        value: SecretValue::new(Zeroizing::new(text.to_owned())),
    };
    let push = Push {
        provider,
        scope: new.scope,
        force: args.force,
        consent: Confirmation::at_terminal_only(&context.options, &context.env),
        is_shared: false,
    };
    if args.dry_run {
        context.api().await?;
        return push.report_dry_run(&new.name, new.kind, context);
    }
    let vault = Vault::open(provider, context).await?;
    let api = &vault.api;
    api.known_secrets.add_value(&new.value);
    let found = vault.existing(&new.name, new.scope);
    if let Some(found) = found {
        let revealed = async { Ok(api.reveal_credential(provider, found.id.as_sent()).await) };
        let revealed = context.interrupt.or(revealed).await?;
        if found.name == *new.name && revealed.is_ok_and(|value| value == new.value) {
            context.printer.notice("this value is already stored");
            kept.remove();
            return report_success(&new, &api.shown(&found.id), "updated", context);
        }
    }
    let old = push.agree(&vault, &new.name, None, context).await?;
    store(provider, &new, old, api, context).await?;
    kept.remove();
    Ok(())
}

/// Warns about the values that an earlier command could not store. `except` is the value that this command
/// pushes.
pub(super) fn warn_of_left_behind(provider: &Provider, except: Option<&Path>, context: &Context) {
    for (path, description) in recovery::left_behind(&context.env, provider) {
        if !except.is_some_and(|except| is_same_file(except, &path)) {
            warn_of_kept(provider, &path, description.as_ref(), context);
        }
    }
}

/// Warns about a value that is kept on this machine, with the commands to push it and to remove it.
pub(super) fn warn_of_kept(
    provider: &Provider,
    path: &Path,
    description: Option<&Description>,
    context: &Context,
) {
    let title = provider.title;
    let is_login = recovery::login_directory(path).is_some();
    let what = match description {
        Some(Description { name, id, scope, .. }) if !is_login => {
            format!("the {title} credential {name} ({id}, {scope} scope)")
        }
        _ => format!("a {title} credential"),
    };
    let origin = ServerOrigin::from_env(&context.env).map(|origin| origin.to_string());
    let api_url = description.map(|description| description.api_url.as_str());
    let other_api = api_url.filter(|url| origin.as_ref().is_ok_and(|origin| origin != url));
    let command = recovery::command(provider, path, other_api);
    let removal = recovery::removal(path);
    let shown = escape::path(path);
    context.printer.warning(&if is_login {
        format!(
            "a new {title} login that was not stored is kept in {shown}; push it with: `{command}`; or remove \
             it with: `{removal}`"
        )
    } else {
        format!(
            "an interrupted replacement left the value of {what} in {shown}; restore it with: `{command}`; or \
             remove it with: `{removal}`"
        )
    });
}

fn is_same_file(one: &Path, other: &Path) -> bool {
    let both = one.canonicalize().ok().zip(other.canonicalize().ok());
    both.is_some_and(|(one, other)| one == other)
}
