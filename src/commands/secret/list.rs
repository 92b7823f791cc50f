//! `amika secret list`: the generic secrets that the caller may see.

use clap::Args;
use serde::Serialize;

use crate::api::{Api, SecretSummary};
use crate::context::Context;
use crate::error::Result;
use crate::secret::Scope;
use crate::ui::printer::OnWriteFailure;
use crate::ui::table::{Cell, Text, table};

#[derive(Debug, Args)]
pub(crate) struct ListArgs {
    /// List only secrets of this scope
    #[arg(long, value_enum)]
    pub(crate) scope: Option<Scope>,
}

/// The listed fields of a secret.
#[derive(Serialize)]
struct Row {
    id: String,
    name: String,
    scope: String,
    description: Option<String>,
    updated_at: Option<String>,
}

impl Row {
    fn new(secret: &SecretSummary, api: &Api) -> Self {
        Self {
            id: api.shown(&secret.id),
            name: api.shown(&secret.name),
            scope: api.shown(&secret.scope),
            description: secret.description.as_ref().map(|text| api.shown(text)),
            updated_at: secret.updated_at.as_ref().map(|time| api.shown(time)),
        }
    }
}

pub(crate) async fn run(args: &ListArgs, context: &Context) -> Result<()> {
    let (api, mut secrets) = context.connect().await?;
    secrets.retain(|secret| args.scope.is_none_or(|scope| secret.scope == *scope.as_str()));
    let mut secrets: Vec<_> = secrets.iter().map(|secret| Row::new(secret, &api)).collect();
    secrets.sort_by(|a, b| (&a.name, &a.scope).cmp(&(&b.name, &b.scope)));
    context
        .printer
        .data(OnWriteFailure::Fail, &secrets, || as_table(&secrets))
}

fn as_table(secrets: &[Row]) -> Text {
    if secrets.is_empty() {
        return "No secrets".to_owned().into();
    }
    let row = |secret: &Row| {
        let updated = secret.updated_at.clone().unwrap_or_default();
        vec![
            secret.name.clone().into(),
            secret.scope.clone().into(),
            Cell::time(updated),
            secret.id.clone().into(),
        ]
    };
    table(&["NAME", "SCOPE", "UPDATED", "ID"], secrets.iter().map(row))
}
