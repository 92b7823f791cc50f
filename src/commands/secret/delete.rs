//! `amika secret delete`: resolve the names, confirm, delete each.

use clap::Args;

use serde_json::{Value, json};

use crate::api::{Api, ApiError, Effect, SecretSummary, check_id};
use crate::context::Context;
use crate::error::{Error, Kind, Result};
use crate::formats::escape;
use crate::secret::Scope;
use crate::ui::printer::OnWriteFailure;
use crate::ui::prompt::Confirmation;

#[derive(Debug, Args)]
pub(crate) struct DeleteArgs {
    /// Delete the secrets with these names
    #[arg(value_name = "NAME", value_hint = clap::ValueHint::Other, required_unless_present = "ids")]
    pub(crate) names: Vec<String>,
    /// Delete by id instead of by name (repeatable)
    #[arg(long = "id", value_name = "ID", value_hint = clap::ValueHint::Other, conflicts_with = "names")]
    pub(crate) ids: Vec<String>,
    /// Look for the names in this scope
    #[arg(long, value_enum, default_value_t = Scope::User)]
    pub(crate) scope: Scope,
}

/// What is to be deleted, under the name that the person gave it.
pub(crate) struct Target {
    pub(crate) id: String,
    pub(crate) label: String,
}

impl Target {
    pub(crate) fn by_id(id: &str) -> Self {
        Self {
            id: id.to_owned(),
            label: id.to_owned(),
        }
    }
}

pub(crate) async fn run(args: &DeleteArgs, context: &Context) -> Result<()> {
    let confirmation = Confirmation::decide(&context.options, &context.env, true)?;
    args.ids.iter().try_for_each(|id| check_id(id))?;
    let api = context.api(None)?;
    let targets = context.interrupt.or(find_targets(args, &api)).await?;
    let deletion = Deletion {
        noun: "secret",
        as_text: |target| format!("Deleted {}", escape::escape(&target.label)),
        as_json: |target| json!({ "name": target.label, "id": target.id, "status": "deleted" }),
    };
    let erase = async |target: &Target| api.delete_secret(&target.id).await;
    let explain = async |_: &Target, error| explain(error);
    deletion.run(targets, confirmation, context, erase, explain).await
}

/// How one kind of thing is deleted and reported.
pub(crate) struct Deletion {
    pub(crate) noun: &'static str,
    pub(crate) as_text: fn(&Target) -> String,
    pub(crate) as_json: fn(&Target) -> Value,
}

impl Deletion {
    /// Confirms, then deletes one after the other and stops at the first that fails.
    pub(crate) async fn run(
        self,
        targets: Vec<Target>,
        confirmation: Confirmation,
        context: &Context,
        erase: impl AsyncFn(&Target) -> std::result::Result<(), ApiError>,
        explain: impl AsyncFn(&Target, ApiError) -> Error,
    ) -> Result<()> {
        let Context {
            env,
            printer,
            interrupt,
            ..
        } = context;
        let asked = targets.len();
        let labels: Vec<_> = targets.iter().map(|target| target.label.as_str()).collect();
        let question = format!(
            "Delete {} ({})?",
            escape::count(targets.len(), self.noun),
            labels.join(", ")
        );
        interrupt
            .or(confirmation.ask(env, &question, |question| printer.question(question)))
            .await?;

        let mut deleted = Vec::new();
        let mut failure = None;
        for target in targets {
            match interrupt.or(async { Ok(erase(&target).await) }).await {
                Ok(Ok(())) => deleted.push(target),
                Ok(Err(error)) => {
                    let in_doubt = error.effect == Effect::Unknown;
                    let error = interrupt.or(async { Ok(explain(&target, error).await) }).await;
                    let error = error.unwrap_or_else(|stopped| stopped);
                    let in_doubt = in_doubt && error.kind != Kind::Refused;
                    let error = error.context(format!("deleting {}", target.label));
                    failure = Some(if in_doubt {
                        error
                            .consequence("it may or may not be gone")
                            .with_kind(Kind::Partial)
                    } else {
                        error
                    });
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
            printer.data(
                OnWriteFailure::RepeatOnStderr,
                &self.json(&deleted, asked),
                || self.text(&deleted),
            )
        };
        match failure {
            Some(error) if !deleted.is_empty() && !error.kind.is_signal() => {
                Err(error.with_kind(Kind::Partial))
            }
            Some(error) => Err(error),
            None => printed,
        }
    }

    fn text(&self, deleted: &[Target]) -> String {
        deleted.iter().map(self.as_text).collect::<Vec<_>>().join("\n")
    }

    /// An object when one was asked for, an array for several.
    fn json(&self, deleted: &[Target], asked: usize) -> Value {
        match deleted {
            [one] if asked == 1 => (self.as_json)(one),
            several => several.iter().map(self.as_json).collect(),
        }
    }
}

async fn find_targets(args: &DeleteArgs, api: &Api) -> Result<Vec<Target>> {
    if !args.ids.is_empty() {
        return Ok(args.ids.iter().map(|id| Target::by_id(id)).collect());
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
fn explain(error: ApiError) -> Error {
    let no_endpoint =
        matches!(error.status, Some(405 | 501)) || (error.status == Some(404) && !error.enveloped);
    if no_endpoint {
        return Error::new(Kind::Refused, "this server cannot delete generic secrets")
            .hint("delete it in the web UI, under Secrets");
    }
    Error::from(error)
}
