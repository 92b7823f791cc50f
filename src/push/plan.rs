//! Computes what a push would do, without side effects, so that the plan can be shown and then written.

use std::collections::HashMap;

use crate::error::{Error, Kind};
use crate::formats::escape;
use crate::provider::Provider;
use crate::push::candidate::{Candidate, Form};
use crate::secret::Scope;

/// A generic secret that the vault already has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Stored {
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) scope: Scope,
}

/// What the vault already has.
#[derive(Debug, Clone, Default)]
pub(crate) struct Inventory {
    pub(crate) secrets: Vec<Stored>,
    /// The providers with a login in user scope.
    pub(crate) logins: Vec<&'static str>,
}

impl Inventory {
    /// Why a login is not written; `None` if it is.
    pub(crate) fn why_login_kept(&self, provider: &Provider, intent: Intent) -> Option<WhyKept> {
        if intent.scope() == Scope::Org {
            Some(WhyKept::Personal)
        } else {
            let is_stored = self.logins.contains(&provider.id);
            is_stored.then_some(WhyKept::LoginStored)
        }
    }
}

/// How a push treats what the vault already has.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Intent {
    /// The scope on the command line; without one, user scope.
    pub(crate) scope: Option<Scope>,
    /// Whether existing secrets stay unchanged, for `--if-missing`.
    pub(crate) keeps_existing: bool,
}

/// The action for one secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Action {
    Create,
    /// Create in user scope what org scope has under the same name.
    CreateBeside,
    Update {
        id: String,
    },
    /// Not written.
    Keep(WhyKept),
    /// A conflict: only the other scope has the name, where writing it would shadow it or be shadowed.
    Elsewhere,
    /// A conflict: several secrets have the name in the scope; their ids.
    Ambiguous(Vec<String>),
    /// A conflict: the secret has the same id as the one with this other name.
    SharedId {
        id: String,
        other: String,
    },
}

/// Why something is not written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum WhyKept {
    /// This scope has the name, and existing secrets stay unchanged.
    Stored(Scope),
    /// User scope has a login of this provider, and a login never replaces another.
    LoginStored,
    /// The login of one person is not for org scope.
    Personal,
}

#[derive(Debug)]
pub(crate) struct Step {
    pub(crate) candidate: Candidate,
    pub(crate) action: Action,
}

pub(crate) struct Plan {
    pub(crate) scope: Scope,
    /// Whether a name that turns out to be taken stays unchanged.
    pub(crate) keeps_existing: bool,
    /// In the candidates' order.
    pub(crate) steps: Vec<Step>,
}

impl Plan {
    /// One step per candidate. Identity is name and scope.
    pub(crate) fn new(candidates: Vec<Candidate>, stored: &Inventory, intent: Intent) -> Self {
        let mut by_name: HashMap<&str, Vec<&Stored>> = HashMap::new();
        let mut by_id: HashMap<&str, Vec<&Stored>> = HashMap::new();
        for secret in &stored.secrets {
            for same in [
                by_name.entry(&secret.name).or_default(),
                by_id.entry(&secret.id).or_default(),
            ] {
                // A secret that is listed twice is one secret.
                if !same.contains(&secret) {
                    same.push(secret);
                }
            }
        }
        let decide = |candidate: &Candidate| match candidate.form {
            Form::Login(provider) => stored
                .why_login_kept(provider, intent)
                .map_or(Action::Create, Action::Keep),
            Form::Secret => {
                let same = by_name.get(candidate.name.as_str());
                intent.action(same.map_or(&[], Vec::as_slice), &by_id)
            }
        };
        let steps = candidates.into_iter().map(|candidate| Step {
            action: decide(&candidate),
            candidate,
        });
        Self {
            scope: intent.scope(),
            keeps_existing: intent.keeps_existing,
            steps: steps.collect(),
        }
    }

    /// The number of secrets to create and to update.
    pub(crate) fn writes(&self) -> (usize, usize) {
        let count = |matches: fn(&Action) -> bool| {
            let actions = self.steps.iter().map(|step| &step.action);
            actions.filter(|action| matches(action)).count()
        };
        (
            count(|action| matches!(action, Action::Create | Action::CreateBeside)),
            count(|action| matches!(action, Action::Update { .. })),
        )
    }

    /// The names that are created beside a secret in org scope.
    pub(crate) fn beside(&self) -> Vec<&str> {
        let beside = self
            .steps
            .iter()
            .filter(|step| step.action == Action::CreateBeside);
        beside.map(|step| step.candidate.name.as_str()).collect()
    }

    /// An error for each reason why nothing can be written. `shown` makes a text of the server fit to
    /// be printed.
    pub(crate) fn conflicts(&self, shown: impl Fn(&str) -> String) -> Vec<Error> {
        let mut errors = Vec::new();
        let mut elsewhere: Vec<&str> = Vec::new();
        for Step { candidate, action } in &self.steps {
            let name = &candidate.name;
            match action {
                Action::Elsewhere => elsewhere.push(name.as_str()),
                Action::Ambiguous(ids) => {
                    let count = ids.len();
                    let ids = ids.iter().map(|id| shown(id)).collect::<Vec<_>>().join(", ");
                    let message = format!("{} scope has {count} secrets named {name}: {ids}", self.scope);
                    errors.push(
                        refused(message)
                            .hint("keep one, and delete the others with `amika secret delete --id ID`"),
                    );
                }
                Action::SharedId { id, other } => {
                    let (id, other) = (shown(id), shown(other));
                    let message = format!(
                        "the vault lists {name} and {other} with the same id, {id}, so an update could \
                         change either"
                    );
                    errors.push(refused(message).hint("ask the operator of the API to repair this"));
                }
                Action::Create | Action::CreateBeside | Action::Update { .. } | Action::Keep(_) => {}
            }
        }
        if !elsewhere.is_empty() {
            errors.insert(0, self.elsewhere(&elsewhere));
        }
        errors
    }

    /// The error for names that only the other scope has.
    fn elsewhere(&self, names: &[&str]) -> Error {
        let (other, way_out) = match self.scope {
            Scope::User => (
                Scope::Org,
                ", or --scope user to create another one for you alone",
            ),
            Scope::Org => (Scope::User, ", or push under another name"),
        };
        let verb = if names.len() == 1 { "exists" } else { "exist" };
        refused(format!(
            "{} {verb} in {other} scope only",
            escape::first_of(names)
        ))
        .hint(format!("use --scope {other} to update there{way_out}"))
    }
}

fn refused(message: String) -> Error {
    Error::new(Kind::Refused, message).consequence("nothing was changed")
}

impl Intent {
    fn scope(self) -> Scope {
        self.scope.unwrap_or(Scope::User)
    }

    /// The action for a secret, of whose name the vault has `same`.
    fn action(self, same: &[&Stored], by_id: &HashMap<&str, Vec<&Stored>>) -> Action {
        let here: Vec<_> = same
            .iter()
            .filter(|stored| stored.scope == self.scope())
            .collect();
        match (here.as_slice(), same) {
            ([], []) => Action::Create,
            ([], [elsewhere, ..]) if self.keeps_existing => Action::Keep(WhyKept::Stored(elsewhere.scope)),
            ([], _) if self.scope == Some(Scope::User) => Action::CreateBeside,
            ([], _) => Action::Elsewhere,
            (_, _) if self.keeps_existing => Action::Keep(WhyKept::Stored(self.scope())),
            ([stored], _) => match by_id[stored.id.as_str()].iter().find(|other| *other != *stored) {
                None => Action::Update {
                    id: stored.id.clone(),
                },
                Some(other) => Action::SharedId {
                    id: stored.id.clone(),
                    other: other.name.clone(),
                },
            },
            (several, _) => Action::Ambiguous(several.iter().map(|stored| stored.id.clone()).collect()),
        }
    }
}

impl Action {
    /// The word for it in JSON.
    pub(crate) fn as_str(&self) -> &'static str {
        match self {
            Self::Create | Self::CreateBeside => "create",
            Self::Update { .. } => "update",
            Self::Keep(_) => "unchanged",
            Self::Elsewhere | Self::Ambiguous(_) | Self::SharedId { .. } => "conflict",
        }
    }
}

#[cfg(test)]
mod tests;
