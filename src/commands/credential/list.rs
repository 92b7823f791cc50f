//! `amika secret claude|codex list`: the stored credentials of a provider, without their values.

use serde::Serialize;

use crate::api::{Api, CredentialSummary};
use crate::context::Context;
use crate::error::Result;
use crate::provider::Provider;
use crate::ui::table::{Text, table};

/// The listed fields of a credential.
#[derive(Serialize)]
struct CredentialRow {
    id: String,
    name: String,
    #[serde(rename = "type")]
    kind: String,
    scope: String,
}

impl CredentialRow {
    fn new(credential: &CredentialSummary, api: &Api) -> Self {
        Self {
            id: api.shown(&credential.id),
            name: api.shown(&credential.name),
            kind: credential
                .kind
                .as_ref()
                .map(|kind| api.shown(kind))
                .unwrap_or_default(),
            scope: api.shown(&credential.scope),
        }
    }
}

pub(crate) async fn run(provider: &Provider, context: &Context) -> Result<()> {
    let api = context.api().await?;
    let credentials = context.reply(api.list_credentials(provider)).await?;
    let rows: Vec<_> = credentials
        .iter()
        .map(|credential| CredentialRow::new(credential, &api))
        .collect();
    context.printer.data(&rows, || {
        if rows.is_empty() {
            format!("No {} credentials found", provider.title).into()
        } else {
            as_table(&rows)
        }
    })
}

fn as_table(rows: &[CredentialRow]) -> Text {
    let rows = rows.iter().map(|row| {
        [&row.id, &row.name, &row.kind, &row.scope]
            .map(String::clone)
            .to_vec()
    });
    table(&["ID", "NAME", "TYPE", "SCOPE"], rows)
}

/// Summarises the stored credentials for a hint.
pub(super) fn describe_all(provider: &Provider, credentials: &[CredentialSummary], api: &Api) -> String {
    if credentials.is_empty() {
        return format!("no {} credential is stored", provider.title);
    }
    let each = credentials.iter().map(|credential| {
        let CredentialSummary { id, name, scope, .. } = credential;
        let [id, name, scope] = [id, name, scope].map(|text| api.shown(text));
        format!("{name} ({id}, {scope} scope)")
    });
    format!("stored: {}", each.collect::<Vec<_>>().join(", "))
}
