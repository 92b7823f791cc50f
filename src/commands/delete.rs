//! `amika secret delete`: resolve the names, confirm, delete each.

use serde_json::{Value, json};

use super::Context;
use crate::api::{Api, ApiError, SecretSummary, check_id};
use crate::cli::DeleteArgs;
use crate::confirm::Confirmation;
use crate::error::{Error, Kind, Result};
use crate::report::Worth;
use crate::text;

/// What is to be deleted, under the name that the person gave it.
struct Target {
    id: String,
    label: String,
}

pub async fn run(args: &DeleteArgs, context: &Context) -> Result<()> {
    let Context {
        env,
        report,
        interrupt,
        ..
    } = context;
    let confirmation = Confirmation::decide(&context.global, env, true)?;
    args.ids.iter().try_for_each(|id| check_id(id))?;
    let api = context.api(None)?;

    let targets = interrupt.or(find_targets(args, &api)).await?;
    let labels: Vec<_> = targets.iter().map(|target| target.label.as_str()).collect();
    let question = format!(
        "Delete {} ({})?",
        text::count(targets.len(), "secret"),
        labels.join(", ")
    );
    interrupt
        .or(confirmation.ask(env, &question, |question| report.question(question)))
        .await?;

    let mut deleted = Vec::new();
    let mut failure = None;
    for target in targets {
        let attempt = interrupt
            .or(async { Ok(api.delete_secret(&target.id).await) })
            .await;
        match attempt {
            Ok(Ok(())) => deleted.push(target),
            Ok(Err(error)) => {
                failure = Some(explain(&target, error));
                break;
            }
            Err(stopped) => {
                let message = format!(
                    "stopped while deleting {}; it may or may not be gone",
                    target.label
                );
                failure = Some(Error { message, ..stopped });
                break;
            }
        }
    }
    let printed = if deleted.is_empty() {
        Ok(())
    } else {
        report.data(Worth::Once, &as_json(&deleted), || as_text(&deleted))
    };
    match failure {
        Some(error) if !deleted.is_empty() && error.kind.exit_code() < 128 => Err(Error {
            kind: Kind::Partial,
            ..error
        }),
        Some(error) => Err(error),
        None => printed,
    }
}

async fn find_targets(args: &DeleteArgs, api: &Api) -> Result<Vec<Target>> {
    if !args.ids.is_empty() {
        let by_id = |id: &String| Target {
            id: id.clone(),
            label: id.clone(),
        };
        return Ok(args.ids.iter().map(by_id).collect());
    }
    let stored = api.list_secrets().await?;
    let mut targets: Vec<Target> = Vec::new();
    for name in &args.names {
        let found = resolve(name, args, &stored)?;
        if targets.iter().all(|target| target.id != found.id) {
            targets.push(Target {
                id: found.id.clone(),
                label: name.clone(),
            });
        }
    }
    Ok(targets)
}

fn resolve<'a>(name: &str, args: &DeleteArgs, stored: &'a [SecretSummary]) -> Result<&'a SecretSummary> {
    let same_name = || stored.iter().filter(|secret| secret.name == name);
    if let Some(found) = same_name().find(|secret| secret.scope == args.scope.as_str()) {
        return Ok(found);
    }
    let error = Error::new(Kind::Refused, format!("no secret {name} in {} scope", args.scope));
    Err(match same_name().next() {
        Some(other) => error.hint(format!("there is one in {0} scope: add --scope {0}", other.scope)),
        None => error.hint("'amika secret list' shows what there is"),
    })
}

/// A server without the endpoint answers as for any unknown path or method.
fn explain(target: &Target, error: ApiError) -> Error {
    let no_endpoint =
        matches!(error.status, Some(405 | 501)) || (error.status == Some(404) && !error.enveloped);
    if no_endpoint {
        return Error::new(Kind::Refused, "this server cannot delete generic secrets")
            .hint("delete it in the web UI, under Secrets");
    }
    let error = Error::from(error);
    Error {
        message: format!("deleting {}: {}", target.label, error.message),
        ..error
    }
}

fn as_text(deleted: &[Target]) -> String {
    let lines = deleted
        .iter()
        .map(|target| format!("Deleted {}", text::escape(&target.label)));
    lines.collect::<Vec<_>>().join("\n")
}

fn as_json(deleted: &[Target]) -> Value {
    let mut results: Vec<_> = deleted
        .iter()
        .map(|target| json!({ "name": target.label, "id": target.id, "status": "deleted" }))
        .collect();
    if results.len() == 1 {
        results.remove(0)
    } else {
        Value::Array(results)
    }
}
