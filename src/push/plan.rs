//! Computes what a push would do, without side effects, so that the plan can be shown and then written.

use std::collections::{BTreeSet, HashMap};

use crate::api::SecretSummary;
use crate::error::{Error, Kind};
use crate::formats::escape;
use crate::provider::Provider;
use crate::push::candidate::{Candidate, Form};
use crate::secret::Scope;

/// What the vault already has.
#[derive(Clone, Default)]
pub(crate) struct Inventory {
    pub(crate) secrets: Vec<SecretSummary>,
    /// The providers with a login in user scope.
    pub(crate) logins: Vec<&'static str>,
}

impl Inventory {
    /// Why a login is not written to this scope; `None` if it is.
    pub(crate) fn why_login_kept(&self, provider: &Provider, scope: Option<Scope>) -> Option<WhyKept> {
        if scope.is_some_and(Scope::is_shared) {
            Some(WhyKept::Personal)
        } else {
            let is_stored = self.logins.contains(&provider.id);
            is_stored.then_some(WhyKept::LoginStored)
        }
    }
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
    /// A conflict: only the other scope has the name, and one of the two would shadow the other.
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
    /// Whether existing secrets stay unchanged, also one that another writer stores meanwhile.
    pub(crate) if_missing: bool,
    /// In the candidates' order.
    pub(crate) steps: Vec<Step>,
}

impl Plan {
    /// Plans one step for each candidate. Name and scope identify a secret. `asked` is the scope on the
    /// command line; without one, it is user scope.
    pub(crate) fn new(
        candidates: impl IntoIterator<Item = Candidate>,
        vault: &Inventory,
        asked: Option<Scope>,
        if_missing: bool,
    ) -> Self {
        // Sets, because a secret that is listed twice is one secret.
        let mut ids: HashMap<[&str; 2], BTreeSet<&str>> = HashMap::new();
        let mut owners: HashMap<&str, BTreeSet<[&str; 2]>> = HashMap::new();
        for secret in &vault.secrets {
            let identity = [secret.name.as_sent(), secret.scope.as_sent()];
            let id = secret.id.as_sent();
            ids.entry(identity).or_default().insert(id);
            owners.entry(id).or_default().insert(identity);
        }
        let scope = asked.unwrap_or(Scope::User);
        let other = scope.other();
        let decide = |name: &str| {
            let identity = [name, scope.as_str()];
            let here = ids.get(&identity).into_iter().flatten().copied();
            let is_elsewhere = ids.contains_key(&[name, other.as_str()]);
            match here.collect::<Vec<_>>()[..] {
                [] if !is_elsewhere => Action::Create,
                [] if if_missing => Action::Keep(WhyKept::Stored(other)),
                [] if asked == Some(Scope::User) => Action::CreateBeside,
                [] => Action::Elsewhere,
                _ if if_missing => Action::Keep(WhyKept::Stored(scope)),
                [id] => match owners[id].iter().find(|owner| **owner != identity) {
                    None => Action::Update { id: id.to_owned() },
                    Some([other, _]) => Action::SharedId {
                        id: id.to_owned(),
                        other: (*other).to_owned(),
                    },
                },
                ref several => Action::Ambiguous(several.iter().map(|id| (*id).to_owned()).collect()),
            }
        };
        let steps = candidates.into_iter().map(|candidate| Step {
            action: match candidate.form {
                Form::Secret => decide(candidate.name.as_str()),
                Form::Login(provider) => vault
                    .why_login_kept(provider, asked)
                    .map_or(Action::Create, Action::Keep),
            },
            candidate,
        });
        Self {
            scope,
            if_missing,
            steps: steps.collect(),
        }
    }

    /// The number of secrets to create and to update.
    pub(crate) fn writes(&self) -> (usize, usize) {
        let words = || self.steps.iter().map(|step| step.action.as_str());
        let count = |counted| words().filter(|word| *word == counted).count();
        (count("create"), count("update"))
    }

    /// The names with this action.
    pub(crate) fn names(&self, action: &Action) -> Vec<&str> {
        let steps = self.steps.iter().filter(|step| step.action == *action);
        steps.map(|step| step.candidate.name.as_str()).collect()
    }

    /// An error for each reason why nothing can be written. `shown` makes a server's text safe to print.
    pub(crate) fn conflicts(&self, shown: impl Fn(&str) -> String) -> Vec<Error> {
        let mut errors = Vec::from_iter(self.elsewhere());
        for Step { candidate, action } in &self.steps {
            let name = &candidate.name;
            let (message, hint) = match action {
                Action::Ambiguous(ids) => {
                    let count = ids.len();
                    let ids: Vec<_> = ids.iter().map(|id| shown(id)).collect();
                    (
                        format!(
                            "{} scope has {count} secrets named {name}: {}",
                            self.scope,
                            ids.join(", ")
                        ),
                        "keep one, and delete the others with `amika secret delete --id ID`",
                    )
                }
                Action::SharedId { id, other } => (
                    format!(
                        "the vault lists {name} and {} with the same id, {}, so an update could change either",
                        shown(other),
                        shown(id)
                    ),
                    "ask the operator of the API to repair this",
                ),
                _ => continue,
            };
            errors.push(refused(message).hint(hint));
        }
        errors
    }

    /// The error for names that only the other scope has.
    fn elsewhere(&self) -> Option<Error> {
        let names = self.names(&Action::Elsewhere);
        if names.is_empty() {
            return None;
        }
        let verb = if names.len() == 1 { "exists" } else { "exist" };
        let names = escape::first_of(&names);
        let other = self.scope.other();
        let way_out = if other.is_shared() {
            "--scope user to create another one for you alone"
        } else {
            "push under another name"
        };
        let error = refused(format!("{names} {verb} in {other} scope only"));
        Some(error.hint(format!("use --scope {other} to update there, or {way_out}")))
    }
}

fn refused(message: String) -> Error {
    Error::new(Kind::Refused, message).consequence("nothing was changed")
}

impl Action {
    /// Its name in JSON.
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
