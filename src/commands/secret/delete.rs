//! `amika secret delete`: by name within a scope, or by id.

use clap::Args;

use crate::api::{Api, ApiError, Effect, Repeat, SecretSummary};
use crate::commands::deletion::{self, Entries, Entry, Wanted};
use crate::context::Context;
use crate::error::{Error, Kind, Result};
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
    let wanted = match args.ids[..] {
        [] => Wanted::Names(&args.names, args.scope),
        _ => Wanted::Ids(&args.ids),
    };
    deletion::run(wanted, confirmation, context, Secrets(&api)).await
}

pub(super) fn entries(api: &Api, stored: &[SecretSummary]) -> Vec<Entry> {
    let entry = |secret: &SecretSummary| Entry::new(api, [&secret.id, &secret.name, &secret.scope], None);
    stored.iter().map(entry).collect()
}

struct Secrets<'a>(&'a Api);

impl Entries for Secrets<'_> {
    const NOUN: &'static str = "secret";
    const DELETED: &'static str = "Deleted";
    const SHOWS_IDS: bool = false;

    async fn list(&self) -> std::result::Result<Vec<Entry>, ApiError> {
        Ok(entries(self.0, &self.0.list_secrets(Repeat::Safe).await?))
    }

    async fn delete(&self, id: &str) -> std::result::Result<(), ApiError> {
        self.0.delete_secret(id).await
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
