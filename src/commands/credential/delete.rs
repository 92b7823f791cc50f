//! `amika secret claude|codex delete`: by id, or by name within a scope.

use clap::Args;
use serde_json::json;

use super::describe_all;
use crate::api::{Api, ApiError, check_id};
use crate::commands::secret::delete::{Deletion, Target};
use crate::context::Context;
use crate::error::{Error, Kind, Result};
use crate::provider::Provider;
use crate::secret::Scope;
use crate::ui::prompt::Confirmation;

#[derive(Debug, Args)]
pub(crate) struct DeleteCredentialArgs {
    /// Delete the credentials with these ids
    #[arg(value_name = "ID", value_hint = clap::ValueHint::Other, required_unless_present = "name")]
    pub(crate) ids: Vec<String>,
    /// Delete by name instead of by id
    #[arg(long, conflicts_with = "ids", value_hint = clap::ValueHint::Other)]
    pub(crate) name: Option<String>,
    /// Look for the name in this scope
    #[arg(long, value_enum, default_value_t = Scope::User)]
    pub(crate) scope: Scope,
}

pub(crate) async fn run(provider: &Provider, args: &DeleteCredentialArgs, context: &Context) -> Result<()> {
    let confirmation = Confirmation::at_terminal_only(&context.options, &context.env);
    args.ids.iter().try_for_each(|id| check_id(id))?;
    let api = context.api(None)?;
    let targets = context.interrupt.or(find_targets(provider, args, &api)).await?;
    let deletion = Deletion {
        noun: "credential",
        as_text: |target| format!("Deleted credential {}", target.id),
        as_json: |target| json!({ "name": target.id, "status": "deleted" }),
    };
    let erase = async |target: &Target| api.delete_credential(provider, &target.id).await;
    let explain = async |target: &Target, error| explain(provider, &api, target, error).await;
    deletion.run(targets, confirmation, context, erase, explain).await
}

async fn find_targets(provider: &Provider, args: &DeleteCredentialArgs, api: &Api) -> Result<Vec<Target>> {
    let Some(name) = &args.name else {
        return Ok(args.ids.iter().map(|id| Target::by_id(id)).collect());
    };
    let stored = api.list_credentials(provider).await?;
    let mut same = stored.iter();
    let found = same.find(|held| held.name == *name && held.scope == args.scope.as_str());
    let found = found.ok_or_else(|| {
        let message = format!("no {} credential {name} in {} scope", provider.title, args.scope);
        Error::new(Kind::Refused, message).hint(describe_all(provider, &stored))
    })?;
    Ok(vec![Target {
        id: found.id.clone(),
        label: found.name.clone(),
    }])
}

/// A credential that is not there: what is?
async fn explain(provider: &Provider, api: &Api, target: &Target, error: ApiError) -> Error {
    if error.status != Some(404) {
        return Error::from(error);
    }
    let stored = api.list_credentials(provider).await;
    let message = format!("no {} credential {} (404)", provider.title, target.id);
    let hint = stored.map_or_else(
        |_| format!("'amika secret {} list' shows what there is", provider.id),
        |stored| describe_all(provider, &stored),
    );
    Error::new(Kind::Refused, message).hint(hint)
}
