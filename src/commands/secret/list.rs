//! `amika secret list`: the generic secrets that the caller may see.

use clap::Args;
use serde::Serialize;

use crate::api::{Api, SecretSummary};
use crate::context::Context;
use crate::error::Result;
use crate::secret::Scope;
use crate::ui::table::{Cell, Text, table};

#[derive(Debug, Args)]
pub(crate) struct ListArgs {
    /// List only secrets of this scope
    #[arg(long, value_enum)]
    pub(crate) scope: Option<Scope>,
}

/// The listed fields of a secret.
#[derive(Serialize)]
pub(super) struct SecretRow {
    id: String,
    pub(super) name: String,
    scope: String,
    pub(super) description: Option<String>,
    pub(super) updated_at: Option<String>,
}

impl SecretRow {
    pub(super) fn new(secret: &SecretSummary, api: &Api) -> Self {
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
    let mut secrets: Vec<_> = secrets
        .iter()
        .map(|secret| SecretRow::new(secret, &api))
        .collect();
    secrets.sort_by(|a, b| (&a.name, &a.scope).cmp(&(&b.name, &b.scope)));
    context.printer.data(&secrets, || as_table(&secrets))
}

pub(super) fn as_table(secrets: &[SecretRow]) -> Text {
    if secrets.is_empty() {
        return "No secrets".to_owned().into();
    }
    let mut header = vec!["NAME", "SCOPE", "UPDATED", "ID"];
    let is_described = secrets.iter().any(|secret| secret.description.is_some());
    if is_described {
        header.push("DESCRIPTION");
    }
    let row = |secret: &SecretRow| {
        let mut cells = vec![
            secret.name.clone().into(),
            secret.scope.clone().into(),
            Cell::time(secret.updated_at.clone().unwrap_or_default()),
            secret.id.clone().into(),
        ];
        if is_described {
            cells.push(secret.description.clone().unwrap_or_default().into());
        }
        cells
    };
    table(&header, secrets.iter().map(row))
}
