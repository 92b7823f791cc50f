//! Stores a credential in the vault, or replaces the existing one, and reports what became of both.

use serde_json::json;

use crate::api::{Api, CredentialSummary, NewCredential, ServerText};
use crate::context::Context;
use crate::credentials::recovery::{Description, KeptValue};
use crate::credentials::replace::{Ending, Old, ReplaceOutcome, create_or_replace, is_in_place};
use crate::credentials::validate;
use crate::error::{Error, Kind, Result};
use crate::formats::{escape, shell};
use crate::net::origin::ServerOrigin;
use crate::provider::{CredentialKind, Provider};
use crate::secret::{Scope, SecretValue};
use crate::ui::prompt::Confirmation;

/// The provider's stored credentials, listed before anything is asked.
pub(super) struct Vault {
    pub(super) api: Api,
    pub(super) stored: Vec<CredentialSummary>,
}

impl Vault {
    pub(super) async fn open(provider: &Provider, context: &Context) -> Result<Self> {
        let api = context.api().await?;
        let stored = context.reply(api.list_credentials(provider)).await?;
        Ok(Self { api, stored })
    }

    /// The credential that a new one of this name and scope would replace.
    pub(super) fn existing(&self, name: &str, scope: Scope) -> Option<&CredentialSummary> {
        self.stored.iter().find(|entry| is_in_place(entry, name, scope))
    }

    /// What is stored, for a hint.
    pub(super) fn described(&self) -> String {
        let each = self.stored.iter().map(|credential| {
            let CredentialSummary { id, name, scope, .. } = credential;
            let [id, name, scope] = [id, name, scope].map(|text| self.api.shown(text));
            format!("{name} ({id}, {scope} scope)")
        });
        format!("stored: {}", each.collect::<Vec<_>>().join(", "))
    }
}

/// What is pushed, but for its value, and how.
pub(super) struct Push {
    pub(super) provider: &'static Provider,
    pub(super) name: String,
    pub(super) kind: CredentialKind,
    pub(super) scope: Scope,
    /// Whether to replace an existing credential without a question.
    pub(super) force: bool,
    pub(super) consent: Confirmation,
    /// Whether a login is also that of this machine.
    pub(super) is_shared: bool,
}

/// A credential that is being replaced, as shown in messages.
#[derive(Default)]
struct Replaced {
    name: String,
    id: String,
    /// Its value on this machine.
    kept: Option<KeptValue>,
}

impl Push {
    /// Stores the value, in place of the `old` credential if there is one.
    pub(super) async fn store(
        &self,
        value: SecretValue,
        old: Option<&CredentialSummary>,
        vault: &Vault,
        context: &Context,
    ) -> Result<()> {
        let (api, interrupt, provider) = (&vault.api, &context.interrupt, self.provider);
        let new = NewCredential {
            name: self.name.clone(),
            kind: self.kind,
            scope: self.scope,
            value,
        };
        let Some(old) = old else {
            let outcome = create_or_replace(api, provider, &new, None, interrupt, || ()).await;
            return self.report(None, outcome, context);
        };
        let (name, id) = (api.shown(&old.name), api.shown(&old.id));
        let backup = interrupt.or(self.fetch_backup(old, api, context)).await?;
        if backup.as_ref() == Some(&new) {
            return self.report_already_stored(&id, context);
        }
        let kept = match &backup {
            Some(backup) => {
                let description = Description {
                    name: backup.name.clone(),
                    kind: backup.kind,
                    ..self.description(old.id.as_sent().to_owned(), context)?
                };
                let kept = KeptValue::create(&context.env, provider, description, Some(&backup.value));
                let failed = |error: Error| error.with_kind(Kind::State).consequence("nothing was deleted");
                Some(interrupt.or(async { kept.await.map_err(failed) }).await?)
            }
            None => None,
        };
        let on_signal = || {
            let message = "interrupted; finishing the replacement so that no credential is lost";
            context.printer.warning(message);
        };
        let old = Old {
            id: old.id.as_sent(),
            backup: backup.as_ref(),
        };
        let outcome = create_or_replace(api, provider, &new, Some(old), interrupt, on_signal).await;
        self.report(Some(Replaced { name, id, kept }), outcome, context)
    }

    /// Describes the value for [`KeptValue`]; without an id, it is a new login.
    pub(super) fn description(&self, id: String, context: &Context) -> Result<Description> {
        Ok(Description {
            provider: self.provider.id.to_owned(),
            id,
            name: self.name.clone(),
            kind: self.kind,
            scope: self.scope,
            api_url: ServerOrigin::from_env(&context.env)?.to_string(),
        })
    }

    /// Fetches the old value so that it can be restored, and asks for confirmation if needed. If this
    /// fails, nothing may be deleted.
    async fn fetch_backup(
        &self,
        old: &CredentialSummary,
        api: &Api,
        context: &Context,
    ) -> Result<Option<NewCredential>> {
        let (name, id) = (api.shown(&old.name), api.shown(&old.id));
        let value = match api.reveal_credential(self.provider, old.id.as_sent()).await {
            Ok(value) => value,
            // Only a definite refusal may be overridden: otherwise the value can still be fetched later.
            Err(error) if matches!(error.status(), Some(403 | 404 | 405 | 501)) => {
                let confirmation = Confirmation::at_terminal_only(&context.options, &context.env);
                let problem = format!(
                    "the old credential {name} ({id}) cannot be fetched, so it could not be restored: {}",
                    error.message()
                );
                if confirmation == Confirmation::NotNeeded && !context.options.yes {
                    let problem = Error::new(Kind::Refused, problem).consequence("nothing was changed");
                    return Err(problem.hint("add --yes to replace it anyway"));
                }
                context.printer.warning(&problem);
                let vault = context.vault_of(self.scope);
                let question = format!("Delete {name} from {vault} without a backup?");
                confirmation.ask(&context.env, context.printer, &question).await?;
                return Ok(None);
            }
            Err(error) => {
                let error = Error::from(error).context(format!("fetching the old credential {name}"));
                return Err(error.consequence("nothing was deleted"));
            }
        };
        let kind = match old.kind.as_ref().map(ServerText::as_sent) {
            None | Some("") => Some(validate::infer(self.provider, value.expose_secret())),
            Some(kind) => CredentialKind::parse(kind),
        };
        let Some(kind) = kind.filter(|kind| validate::has_form(*kind, &value)) else {
            let message = format!("the API returned no value of {name} that could be restored");
            let error = Error::new(Kind::Contract, message).consequence("nothing was deleted");
            let (provider, id) = (self.provider.id, shell::word(&id));
            return Err(error.hint(format!(
                "if it is not needed, delete it with `amika secret {provider} delete {id}`, then push again"
            )));
        };
        Ok(Some(NewCredential {
            name: old.name.as_sent().to_owned(),
            kind,
            scope: self.scope,
            value,
        }))
    }

    /// Reports what became of the new credential, and of the `old` one if there was one. The copy of the old
    /// value is removed once the vault certainly has one of both, and named otherwise.
    fn report(&self, old: Option<Replaced>, outcome: ReplaceOutcome, context: &Context) -> Result<()> {
        let (is_new, why) = (old.is_none(), outcome.reason());
        let Replaced { name, id, mut kept } = old.unwrap_or_default();
        if matches!(
            outcome.ending,
            Ending::Stored(_) | Ending::Unchanged | Ending::Restored(_)
        ) {
            kept.take().into_iter().for_each(KeptValue::remove);
        }
        let list = format!("`amika secret {} list`", self.provider.id);
        let restore = |when: &str| {
            let kept = kept.as_ref()?;
            let (path, command) = (
                escape::path(&kept.path),
                kept.push_command(self.provider, &context.env),
            );
            Some(format!(
                "the old value was saved in {path}; {when}restore it with: `{command}`"
            ))
        };
        let (message, hint) = match outcome.ending {
            Ending::Stored(new_id) => {
                if !is_new {
                    context.printer.notice(&format!("replaced {name} ({id})"));
                }
                let status = if is_new { "created" } else { "updated" };
                let printed = self.report_stored(&new_id, status, context);
                if why.kind.is_signal() {
                    return Err(Error::new(why.kind, "interrupted; the new credential is stored"));
                }
                return printed;
            }
            Ending::Unchanged if is_new => return Err(why),
            Ending::Unchanged => {
                return Err(why.consequence(format!("the old credential {name} is untouched")));
            }
            Ending::Taken => return Err(self.taken("it was stored just now (409)")),
            Ending::TakenByOther if is_new => {
                let name = &self.name;
                let message = format!("someone else stored \"{name}\" in the meantime; yours was not stored");
                (message, None)
            }
            Ending::Unknown if is_new => (
                "the credential may or may not be stored".to_owned(),
                Some(format!("{list} shows what is stored")),
            ),
            Ending::Restored(id) => {
                let message =
                    format!("the new credential was not stored; the old one, {name}, was restored as {id}");
                (message, None)
            }
            Ending::TakenByOther => (
                format!("{name} was deleted, and someone else stored another one in the meantime"),
                restore(""),
            ),
            Ending::DeletionUnknown => (
                format!("{name} ({id}) may or may not have been deleted"),
                restore(&format!("if {list} no longer shows it: ")),
            ),
            Ending::Unknown => (
                format!("{name} was deleted, and the new credential may or may not be stored"),
                restore(&format!("if {list} shows no other in its place: ")),
            ),
            Ending::Lost => (
                format!("{name} was deleted, and neither the new nor the old credential could be stored"),
                restore(""),
            ),
        };
        let kind = Some(why.kind).filter(|kind| kind.is_signal());
        Err(Error::new(
            kind.unwrap_or(Kind::Partial),
            format!("{message} ({})", why.message),
        )
        .maybe_hint(hint.or(why.hint))
        .trace_id(why.trace_id))
    }

    /// The error if there is another credential in place of the new one.
    pub(super) fn taken(&self, what_there_is: &str) -> Error {
        let (name, title) = (&self.name, self.provider.title);
        let (message, choose) = if self.scope.is_shared() {
            (
                format!("you already have an organisation credential for {title}, and there can be only one"),
                "push to --scope user",
            )
        } else {
            (
                format!("you already have a {title} credential named \"{name}\""),
                "choose another --name",
            )
        };
        Error::new(Kind::Refused, message)
            .consequence("nothing was changed")
            .hint(format!(
                "add --force to replace it, or {choose}; {}",
                escape::no_command(what_there_is)
            ))
    }

    pub(super) fn report_already_stored(&self, id: &str, context: &Context) -> Result<()> {
        context.printer.notice("this value is already stored");
        self.report_stored(id, "updated", context)
    }

    fn report_stored(&self, id: &str, status: &str, context: &Context) -> Result<()> {
        let Self {
            name, kind, scope, ..
        } = self;
        let value = json!({ "status": status, "id": id, "name": name, "scope": scope, "type": kind });
        context.printer.done(&value, || {
            let verb = if status == "created" { "Created" } else { "Updated" };
            format!(
                "{verb} {} in {scope} scope ({})",
                escape::escape(name),
                escape::escape(id)
            )
        })
    }
}
