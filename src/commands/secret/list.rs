//! `amika secret list`: the generic secrets that the caller may see.

use clap::Args;

use crate::api::SecretSummary;
use crate::context::Context;
use crate::error::Result;
use crate::secret::Scope;
use crate::ui::printer::OnWriteFailure;
use crate::ui::table::{Text, table};

#[derive(Debug, Args)]
pub(crate) struct ListArgs {
    /// List only the secrets of this scope
    #[arg(long, value_enum)]
    pub(crate) scope: Option<Scope>,
}

pub(crate) async fn run(args: &ListArgs, context: &Context) -> Result<()> {
    let api = context.api(None)?;
    let mut secrets = context
        .interrupt
        .or(async { Ok(api.list_secrets().await?) })
        .await?;
    secrets.retain(|secret| args.scope.is_none_or(|scope| scope.as_str() == secret.scope));
    for secret in &mut secrets {
        let optional = [&mut secret.description, &mut secret.updated_at];
        let texts = [&mut secret.id, &mut secret.name, &mut secret.scope];
        for text in texts.into_iter().chain(optional.into_iter().flatten()) {
            *text = api.without_secrets(text);
        }
    }
    secrets.sort_by(|a, b| (&a.name, &a.scope).cmp(&(&b.name, &b.scope)));
    context
        .printer
        .data(OnWriteFailure::Fail, &secrets, || as_table(&secrets))
}

fn as_table(secrets: &[SecretSummary]) -> Text {
    if secrets.is_empty() {
        return "No secrets".to_owned().into();
    }
    let row = |secret: &SecretSummary| {
        let updated = secret.updated_at.clone().unwrap_or_default();
        vec![
            secret.name.clone(),
            secret.scope.clone(),
            updated,
            secret.id.clone(),
        ]
    };
    table(&["NAME", "SCOPE", "UPDATED", "ID"], secrets.iter().map(row))
}
