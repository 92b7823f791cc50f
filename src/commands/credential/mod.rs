//! `amika secret claude|codex …`: one implementation for every provider.

mod delete;
pub mod push;
mod put;

use super::Context;
use crate::api::CredentialSummary;
use crate::cli::credential::DeleteCredentialArgs;
use crate::error::Result;
use crate::provider::Provider;
use crate::report::{Worth, table};

pub async fn list(provider: &Provider, context: &Context) -> Result<()> {
    let api = context.api(None)?;
    let listed = async { Ok(api.list_credentials(provider).await?) };
    let credentials = context.interrupt.or(listed).await?;
    context.report.data(Worth::Repeatable, &credentials, || {
        if credentials.is_empty() {
            format!("No {} credentials", provider.title)
        } else {
            as_table(&credentials)
        }
    })
}

pub async fn delete(provider: &Provider, args: &DeleteCredentialArgs, context: &Context) -> Result<()> {
    delete::run(provider, args, context).await
}

fn as_table(credentials: &[CredentialSummary]) -> String {
    let rows = credentials.iter().map(|credential| {
        let CredentialSummary {
            id,
            name,
            kind,
            scope,
        } = credential.clone();
        vec![id, name, kind, scope]
    });
    table(&["ID", "NAME", "TYPE", "SCOPE"], rows)
}

/// What there is, in a few words for a hint.
fn in_words(provider: &Provider, credentials: &[CredentialSummary]) -> String {
    if credentials.is_empty() {
        return format!("there are no {} credentials", provider.title);
    }
    let each = credentials.iter().map(|credential| {
        let CredentialSummary { id, name, scope, .. } = credential;
        format!("{id} ({name}, {scope})")
    });
    format!("there is {}", each.collect::<Vec<_>>().join(", "))
}
