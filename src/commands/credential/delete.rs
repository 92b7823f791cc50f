//! `amika secret claude|codex delete`: by id, or by name within a scope.

use super::list::describe_all;
use crate::api::{Api, ApiError, CredentialSummary, check_id};
use crate::commands::deletion::{Deletion, OtherScope, Requests, Target};
use crate::context::Context;
use crate::error::{Error, Kind, Result};
use crate::formats::{escape, shell};
use crate::provider::Provider;
use crate::secret::Scope;
use crate::ui::prompt::Confirmation;
use clap::Args;

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
    args.ids.iter().try_for_each(|id| check_id(id))?;
    let api = context.api().await?;
    let targets = find_targets(provider, args, confirmation, &api, context);
    let targets = context.interrupt.or(targets).await?;
    let deletion = Deletion {
        noun: "credential",
        as_text: |target| format!("Deleted credential {}", escape::escape(&target.label)),
    };
    let requests = CredentialRequests { api: &api, provider };
    deletion.run(targets, confirmation, context, requests).await
}

struct CredentialRequests<'a> {
    api: &'a Api,
    provider: &'a Provider,
}

impl Requests for CredentialRequests<'_> {
    async fn delete(&self, id: &str) -> std::result::Result<(), ApiError> {
        self.api.delete_credential(self.provider, id).await
    }

    async fn is_listed(&self, id: &str) -> std::result::Result<bool, ApiError> {
        let stored = self.api.list_credentials(self.provider).await?;
        Ok(stored.iter().any(|entry| entry.id == *id))
    }

    fn explain(&self, error: ApiError) -> Error {
        Error::from(error)
    }
}

async fn find_targets(
    provider: &Provider,
    args: &DeleteCredentialArgs,
    confirmation: Confirmation,
    api: &Api,
    context: &Context,
) -> Result<Vec<Target>> {
    let asks = confirmation == Confirmation::Terminal;
    let Some(name) = &args.name else {
        if !asks {
            return Ok(args.ids.iter().map(|id| Target::by_id(id)).collect());
        }
        let stored = api.list_credentials(provider).await?;
        return Ok(described_targets(provider, &args.ids, &stored, api, context));
    };
    let stored = api.list_credentials(provider).await?;
    let in_scope = |entry: &&CredentialSummary| entry.name == **name && entry.scope == *args.scope.as_str();
    let found: Vec<_> = stored.iter().filter(in_scope).collect();
    match found[..] {
        [] => {
            let elsewhere = stored.iter().find(|entry| entry.name == **name);
            let other_scope = elsewhere.map(|entry| OtherScope {
                requested: args.scope,
                actual: api.shown(&entry.scope),
            });
            if other_scope.is_none() && !stored.is_empty() {
                context.printer.notice(&describe_all(provider, &stored, api));
            }
            Ok(vec![Target::absent(name, other_scope)])
        }
        [one] => {
            if asks {
                show_target(one, api, context);
            }
            Ok(vec![Target {
                label: api.shown(&one.id),
                ..Target::by_id(one.id.as_sent())
            }])
        }
        _ => {
            let ids: Vec<_> = found.iter().map(|entry| api.shown(&entry.id)).collect();
            let message = format!(
                "there are {} {} credentials {name} in {} scope ({}); nothing was deleted",
                ids.len(),
                provider.title,
                args.scope,
                ids.join(", ")
            );
            Err(Error::new(Kind::Refused, message).hint("pass the ID of the one to delete"))
        }
    }
}

/// The targets with these ids. Those that are stored have a description for the confirmation; the others
/// are not part of it.
fn described_targets(
    provider: &Provider,
    ids: &[String],
    stored: &[CredentialSummary],
    api: &Api,
    context: &Context,
) -> Vec<Target> {
    let find = |id: &String| stored.iter().find(|entry| entry.id == **id);
    if ids.iter().any(|id| find(id).is_none()) && !stored.is_empty() {
        context.printer.notice(&describe_all(provider, stored, api));
    }
    let target = |id: &String| match find(id) {
        None => {
            let is_name = stored.iter().any(|entry| entry.name == **id);
            Target {
                meant: is_name.then(|| format!("--name {}", shell::word(id))),
                ..Target::absent(id, None)
            }
        }
        Some(entry) => {
            show_target(entry, api, context);
            Target::by_id(id)
        }
    };
    ids.iter().map(target).collect()
}

/// Describes a credential before the question whether to delete it.
fn show_target(entry: &CredentialSummary, api: &Api, context: &Context) {
    let kind = entry.kind.as_ref().map(|kind| format!("{}, ", api.shown(kind)));
    let [id, name, scope] = [&entry.id, &entry.name, &entry.scope].map(|text| api.shown(text));
    let line = format!("{id}: {name}, {}{scope} scope", kind.unwrap_or_default());
    context.printer.preview(escape::escape(&line).as_ref());
}
