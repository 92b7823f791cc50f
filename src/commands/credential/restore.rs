//! `push --from-file` of a value that an interrupted replacement left on this machine. It is restored
//! byte for byte under its old name, type and scope, without the checks for new credentials.

use zeroize::Zeroizing;

use super::store::{Vault, report_success, store};
use crate::api::NewCredential;
use crate::context::Context;
use crate::credentials::recovery::{Description, Kept};
use crate::error::{Error, Result};
use crate::formats::escape;
use crate::provider::{CredentialKind, Provider};
use crate::secret::SecretValue;
use crate::system::file;

/// Maximum size of an API response in bytes, so no value fetched from the API is larger.
const MAX_KEPT_VALUE: u64 = 4 * 1024 * 1024;

/// The options that override the description of the backup.
pub(super) struct Changes {
    pub(super) name: Option<String>,
    pub(super) kind: Option<CredentialKind>,
    /// Whether to replace an existing credential in its place.
    pub(super) force: bool,
}

pub(super) async fn run(
    provider: &Provider,
    (kept, description): (Kept, Description),
    changes: Changes,
    context: &Context,
) -> Result<()> {
    if description.provider != provider.id {
        let message = format!("the file contains a credential of {}", description.provider);
        let hint = format!("use 'amika secret {} push' instead", description.provider);
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
        name: changes.name.unwrap_or(description.name),
        kind: changes.kind.unwrap_or(description.kind),
        scope: description.scope,
        value: SecretValue::new(Zeroizing::new(text.to_owned())),
    };
    let vault = Vault::open(provider, context).await?;
    let api = &vault.api;
    api.keep_secret(&new.value);
    let found = vault.existing(&new.name, new.scope);
    if let Some(found) = found {
        let revealed = async { Ok(api.reveal_credential(provider, found.id.as_sent()).await) };
        let revealed = context.interrupt.or(revealed).await?;
        if found.name == *new.name && revealed.is_ok_and(|value| value == new.value) {
            context.printer.notice("this value is already stored");
            kept.remove();
            return report_success(&new, &api.shown(&found.id), "updated", context);
        }
        if !changes.force {
            return Err(vault.taken(provider, &new.name, new.scope));
        }
    }
    store(provider, &new, found, api, context).await?;
    kept.remove();
    Ok(())
}
