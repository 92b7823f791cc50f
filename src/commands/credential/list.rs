//! `amika secret claude|codex list`: the stored credentials of a provider, without their values.

use serde_json::{Value, json};

use super::store::Vault;
use crate::context::Context;
use crate::error::Result;
use crate::provider::Provider;
use crate::ui::table::table;

pub(crate) async fn run(provider: &Provider, context: &Context) -> Result<()> {
    let Vault { api, stored } = Vault::open(provider, context).await?;
    let rows = stored.iter().map(|credential| {
        let kind = credential.kind.as_ref().map(|kind| api.shown(kind));
        let [id, name, scope] =
            [&credential.id, &credential.name, &credential.scope].map(|text| api.shown(text));
        [id, name, kind.unwrap_or_default(), scope]
    });
    let rows: Vec<_> = rows.collect();
    let json = rows
        .iter()
        .map(|[id, name, kind, scope]| json!({ "id": id, "name": name, "type": kind, "scope": scope }));
    context.printer.data(&json.collect::<Value>(), || {
        if rows.is_empty() {
            return format!("No {} credentials found", provider.title).into();
        }
        let rows = rows.iter().map(|row| row.to_vec());
        table(&["ID", "NAME", "TYPE", "SCOPE"], rows)
    })
}
