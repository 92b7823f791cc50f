//! `amika secret delete`: resolve the names, confirm, delete each.

use clap::Args;

use crate::api::{Api, ApiError, Effect, SecretSummary, check_id};
use crate::commands::deletion::{Deletion, OtherScope, Requests, Target};
use crate::context::Context;
use crate::error::{Error, Kind, Result};
use crate::formats::escape;
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
    args.ids.iter().try_for_each(|id| check_id(id))?;
    let api = context.api().await?;
    let targets = context.interrupt.or(find_targets(args, &api)).await?;
    let deletion = Deletion {
        noun: "secret",
        as_text: |target| format!("Deleted {}", escape::escape(&target.label)),
    };
    deletion
        .run(targets, confirmation, context, SecretRequests(&api))
        .await
}

async fn find_targets(args: &DeleteArgs, api: &Api) -> Result<Vec<Target>> {
    if !args.ids.is_empty() {
        return Ok(args.ids.iter().map(|id| Target::by_id(id)).collect());
    }
    let stored = api.list_secrets().await?;
    let resolve = |name: &String| resolve(name, args.scope, &stored, api);
    args.names.iter().map(resolve).collect()
}

/// The secret with this name; exit 1 if there are several.
fn resolve(name: &str, scope: Scope, stored: &[SecretSummary], api: &Api) -> Result<Target> {
    let same_name = || stored.iter().filter(|secret| secret.name == *name);
    let found: Vec<_> = same_name()
        .filter(|secret| secret.scope == *scope.as_str())
        .map(|secret| &secret.id)
        .collect();
    if found.len() > 1 {
        let ids: Vec<_> = found.iter().map(|id| api.shown(id)).collect();
        let message = format!(
            "there are {} secrets {name} in {scope} scope ({}); nothing was deleted",
            found.len(),
            ids.join(", ")
        );
        return Err(Error::new(Kind::Refused, message).hint("choose one with --id"));
    }
    if let Some(id) = found.first() {
        return Ok(Target {
            shown_id: Some(api.shown(id)),
            label: name.to_owned(),
            ..Target::by_id(id.as_sent())
        });
    }
    let other_scope = same_name().next().map(|secret| OtherScope {
        requested: scope,
        actual: api.shown(&secret.scope),
    });
    let in_scope = stored.iter().filter(|secret| secret.scope == *scope.as_str());
    let similar = in_scope
        .map(|secret| api.shown(&secret.name))
        .find(|other| is_similar(other, name));
    let is_id = stored.iter().any(|secret| secret.id == *name);
    Ok(Target {
        meant: if is_id {
            Some(format!("--id {name}"))
        } else {
            similar
        },
        ..Target::absent(name, other_scope)
    })
}

/// Whether a name may be a misspelling of the other.
fn is_similar(one: &str, other: &str) -> bool {
    one.eq_ignore_ascii_case(other) || strsim::jaro_winkler(one, other) > 0.9
}

struct SecretRequests<'a>(&'a Api);

impl Requests for SecretRequests<'_> {
    async fn delete(&self, id: &str) -> std::result::Result<(), ApiError> {
        self.0.delete_secret(id).await
    }

    async fn is_listed(&self, id: &str) -> std::result::Result<bool, ApiError> {
        Ok(self.0.list_secrets().await?.iter().any(|secret| secret.id == *id))
    }

    /// A server without the endpoint responds as to any unknown path or method.
    fn explain(&self, error: ApiError) -> Error {
        if error.is_missing_endpoint() && error.effect() == Effect::None {
            return Error::new(Kind::Refused, "this server cannot delete generic secrets")
                .hint("delete it in the web UI, under Secrets");
        }
        Error::from(error)
    }
}
