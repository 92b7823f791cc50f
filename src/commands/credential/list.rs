//! `amika secret claude|codex list`: the stored credentials of a provider, without their values.

use crate::api::CredentialSummary;
use crate::context::Context;
use crate::error::Result;
use crate::provider::Provider;
use crate::ui::printer::OnWriteFailure;
use crate::ui::table::{Text, table};

pub(crate) async fn run(provider: &Provider, context: &Context) -> Result<()> {
    let api = context.api(None)?;
    let listed = async { Ok(api.list_credentials(provider).await?) };
    let mut credentials = context.interrupt.or(listed).await?;
    for credential in &mut credentials {
        let CredentialSummary {
            id,
            name,
            kind,
            scope,
        } = credential;
        for text in [id, name, kind, scope] {
            *text = api.without_secrets(text);
        }
    }
    context.printer.data(OnWriteFailure::Fail, &credentials, || {
        if credentials.is_empty() {
            format!("No {} credentials", provider.title).into()
        } else {
            as_table(&credentials)
        }
    })
}

fn as_table(credentials: &[CredentialSummary]) -> Text {
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
