//! `amika secret delete`: by name within a scope, or by id.

use clap::Args;

use crate::commands::deletion::{self, Entries};
use crate::context::Context;
use crate::error::Result;
use crate::secret::Scope;
use crate::ui::prompt::Confirmation;

#[derive(Debug, Args)]
pub(crate) struct DeleteArgs {
    /// Names of the secrets to delete
    #[arg(value_name = "NAME", value_hint = clap::ValueHint::Other, required_unless_present = "ids")]
    pub(crate) names: Vec<String>,
    /// Delete by ID instead of by name (repeatable)
    #[arg(long = "id", value_name = "ID", value_hint = clap::ValueHint::Other, conflicts_with = "names")]
    pub(crate) ids: Vec<String>,
    /// Scope of the secrets
    #[arg(long, value_enum, default_value_t = Scope::User)]
    pub(crate) scope: Scope,
}

pub(crate) async fn run(args: &DeleteArgs, context: &Context) -> Result<()> {
    let confirmation = Confirmation::decide(&context.options, &context.env, true)?;
    let api = context.api().await?;
    let (asked, by) = match args.ids[..] {
        [] => (&args.names, Some(args.scope)),
        _ => (&args.ids, None),
    };
    let entries = Entries {
        api: &api,
        provider: None,
    };
    deletion::run(asked, by, confirmation, context, entries).await
}
