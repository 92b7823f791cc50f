//! `amika secret claude|codex delete`: by id, or by name within a scope.

use std::slice;

use clap::Args;

use crate::api::{Api, ApiError, CredentialSummary};
use crate::commands::deletion::{self, Entries, Entry, Wanted};
use crate::context::Context;
use crate::error::{Error, Result};
use crate::provider::Provider;
use crate::secret::Scope;
use crate::ui::prompt::Confirmation;

#[derive(Debug, Args)]
pub(crate) struct DeleteCredentialArgs {
    /// IDs of the credentials to delete
    #[arg(value_name = "ID", value_hint = clap::ValueHint::Other, required_unless_present = "name")]
    pub(crate) ids: Vec<String>,
    /// Delete by name instead of by ID
    #[arg(long, conflicts_with = "ids", value_hint = clap::ValueHint::Other)]
    pub(crate) name: Option<String>,
    /// Scope of the name
    #[arg(long, value_enum, default_value_t = Scope::User)]
    pub(crate) scope: Scope,
}

pub(crate) async fn run(provider: &Provider, args: &DeleteCredentialArgs, context: &Context) -> Result<()> {
    let confirmation = Confirmation::at_terminal_only(&context.options, &context.env);
    let api = context.api().await?;
    let wanted = match &args.name {
        Some(name) => Wanted::Names(slice::from_ref(name), args.scope),
        None => Wanted::Ids(&args.ids),
    };
    deletion::run(wanted, confirmation, context, Credentials { api: &api, provider }).await
}

struct Credentials<'a> {
    api: &'a Api,
    provider: &'a Provider,
}

impl Entries for Credentials<'_> {
    const NOUN: &'static str = "credential";
    const DELETED: &'static str = "Deleted credential";
    const SHOWS_IDS: bool = true;

    async fn list(&self) -> std::result::Result<Vec<Entry>, ApiError> {
        let stored = self.api.list_credentials(self.provider).await?;
        let entry = |one: &CredentialSummary| {
            Entry::new(self.api, [&one.id, &one.name, &one.scope], one.kind.as_ref())
        };
        Ok(stored.iter().map(entry).collect())
    }

    async fn delete(&self, id: &str) -> std::result::Result<(), ApiError> {
        self.api.delete_credential(self.provider, id).await
    }

    fn explain(&self, error: ApiError) -> Error {
        Error::from(error)
    }
}
