//! What a push would do: pure, so that it can be shown, tested and then carried out unchanged.

use std::collections::HashMap;

use crate::push::candidate::Candidate;
use crate::secret::Scope;

/// A secret that the vault already holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Stored {
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) scope: Scope,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Action {
    Create,
    Update {
        id: String,
    },
    /// The name exists, but only in the other scope: writing it here would shadow or be shadowed.
    Conflict,
}

pub(crate) struct Step {
    pub(crate) candidate: Candidate,
    pub(crate) action: Action,
}

pub(crate) struct Plan {
    pub(crate) scope: Scope,
    pub(crate) steps: Vec<Step>,
}

impl Plan {
    /// One step per candidate, in the candidates' order. Identity is (name, scope).
    pub(crate) fn new(candidates: Vec<Candidate>, stored: &[Stored], scope: Scope) -> Self {
        let by_identity: HashMap<(&str, Scope), &Stored> = stored
            .iter()
            .map(|stored| ((stored.name.as_str(), stored.scope), stored))
            .collect();
        let steps = candidates.into_iter().map(|candidate| {
            let find = |scope| by_identity.get(&(candidate.name.as_str(), scope));
            let action = match (find(scope), find(scope.other())) {
                (Some(stored), _) => Action::Update {
                    id: stored.id.clone(),
                },
                (None, Some(_)) => Action::Conflict,
                (None, None) => Action::Create,
            };
            Step { candidate, action }
        });
        Self {
            scope,
            steps: steps.collect(),
        }
    }

    /// The names that exist only in the other scope.
    pub(crate) fn conflicts(&self) -> Vec<&str> {
        let conflicting = |step: &&Step| step.action == Action::Conflict;
        let names = self.steps.iter().filter(conflicting);
        names.map(|step| step.candidate.name.as_str()).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::push::candidate::Origin;
    use crate::secret::{SecretName, SecretValue};
    use proptest::prelude::*;

    fn candidate(name: &str) -> Candidate {
        Candidate {
            name: SecretName::environment(name).unwrap(),
            value: SecretValue::new("v".to_owned()),
            origin: Origin::Stdin,
        }
    }

    fn scope() -> impl Strategy<Value = Scope> {
        prop_oneof![Just(Scope::User), Just(Scope::Org)]
    }

    proptest! {
        #[test]
        fn r81_identity_is_name_and_scope(
            names in proptest::collection::hash_set("[A-D]", 0..4),
            held in proptest::collection::hash_set(("[A-D]", any::<bool>()), 0..8),
            scope in scope(),
        ) {
            let stored: Vec<Stored> = held.iter().map(|(name, org)| {
                let scope = if *org { Scope::Org } else { Scope::User };
                Stored { id: format!("{name}-{scope}"), name: name.clone(), scope }
            }).collect();
            let holds = |name: &str, scope| stored.iter().any(|s| s.name == name && s.scope == scope);
            let plan = Plan::new(names.iter().map(|name| candidate(name)).collect(), &stored, scope);

            prop_assert_eq!(plan.steps.len(), names.len());
            for step in &plan.steps {
                let name = step.candidate.name.as_str();
                let expected = if holds(name, scope) {
                    Action::Update { id: format!("{name}-{scope}") }
                } else if holds(name, scope.other()) {
                    Action::Conflict
                } else {
                    Action::Create
                };
                prop_assert_eq!(&step.action, &expected);
            }

            // R84: when every step has been carried out, the same push only updates.
            if plan.conflicts().is_empty() {
                let mut after = stored.clone();
                for step in plan.steps.iter().filter(|step| step.action == Action::Create) {
                    after.push(Stored { id: "new".into(), name: step.candidate.name.to_string(), scope });
                }
                let again = Plan::new(names.iter().map(|name| candidate(name)).collect(), &after, scope);
                let all_update = again.steps.iter().all(|step| matches!(step.action, Action::Update { .. }));
                prop_assert!(all_update);
            }
        }
    }
}
