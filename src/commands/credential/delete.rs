//! `amika secret claude|codex delete`: by id, or by name within a scope.

use std::slice;

use clap::Args;

use crate::commands::deletion::{self, Entries};
use crate::context::Context;
use crate::error::Result;
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
    let (asked, by) = match &args.name {
        Some(name) => (slice::from_ref(name), Some(args.scope)),
        None => (&args.ids[..], None),
    };
    let entries = Entries {
        api: &api,
        provider: Some(provider),
    };
    deletion::run(asked, by, confirmation, context, entries).await
}
