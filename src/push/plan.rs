//! Computes what a push would do, without side effects, so that the plan can be shown and then applied.

use std::collections::HashMap;

use crate::push::candidate::Candidate;
use crate::secret::Scope;

/// A secret that the vault already has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Stored {
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) scope: Scope,
}

/// The action for one secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Action {
    Create,
    Update { id: String },
}

impl Action {
    /// The word shown in a plan.
    pub(crate) fn as_str(&self) -> &'static str {
        match self {
            Self::Create => "create",
            Self::Update { .. } => "update",
        }
    }
}

pub(crate) struct Step {
    pub(crate) candidate: Candidate,
    pub(crate) action: Action,
}

/// How to treat names that already exist in the vault.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Existing {
    Update,
    Keep,
}

pub(crate) struct Plan {
    pub(crate) scope: Scope,
    pub(crate) steps: Vec<Step>,
    /// Names that already exist in the vault and are not written.
    pub(crate) unchanged: Vec<Candidate>,
}

/// Why there is no plan: names that the vault has only in other scopes, where writing them would
/// shadow them or be shadowed.
pub(crate) struct Conflicts {
    scope: Scope,
    /// Every candidate with its action, or the scope that has it.
    entries: Vec<(Candidate, Result<Action, Scope>)>,
}

impl Plan {
    /// One step per candidate, in the candidates' order. Identity is (name, scope).
    pub(crate) fn new(
        candidates: Vec<Candidate>,
        stored: &[Stored],
        scope: Scope,
        existing: Existing,
    ) -> Result<Self, Conflicts> {
        let by_identity: HashMap<(&str, Scope), &Stored> = stored
            .iter()
            .map(|stored| ((stored.name.as_str(), stored.scope), stored))
            .collect();
        let mut unchanged = Vec::new();
        let mut entries = Vec::new();
        for candidate in candidates {
            let find = |scope| by_identity.get(&(candidate.name.as_str(), scope)).copied();
            let action = match find(scope).or_else(|| Scope::ALL.into_iter().find_map(find)) {
                None => Ok(Action::Create),
                Some(_) if existing == Existing::Keep => {
                    unchanged.push(candidate);
                    continue;
                }
                Some(stored) if stored.scope == scope => Ok(Action::Update {
                    id: stored.id.clone(),
                }),
                Some(stored) => Err(stored.scope),
            };
            entries.push((candidate, action));
        }
        if entries.iter().any(|(_, action)| action.is_err()) {
            return Err(Conflicts { scope, entries });
        }
        let steps = entries.into_iter().filter_map(|(candidate, action)| {
            let action = action.ok()?;
            Some(Step { candidate, action })
        });
        let steps = steps.collect();
        Ok(Self {
            scope,
            steps,
            unchanged,
        })
    }

    /// Every secret with the word for its action.
    pub(crate) fn rows(&self) -> impl Iterator<Item = (&Candidate, &'static str)> {
        let unchanged = self.unchanged.iter().map(|candidate| (candidate, "unchanged"));
        let steps = self.steps.iter();
        steps
            .map(|step| (&step.candidate, step.action.as_str()))
            .chain(unchanged)
    }
}

impl Conflicts {
    pub(crate) fn scope(&self) -> Scope {
        self.scope
    }

    /// Every secret with the word for its action, or for its conflict.
    pub(crate) fn rows(&self) -> impl Iterator<Item = (&Candidate, &'static str)> {
        let rows = self.entries.iter();
        rows.map(|(candidate, action)| (candidate, action.as_ref().map_or("conflict", Action::as_str)))
    }

    /// The names in conflict, with the scope that has them.
    pub(crate) fn names(&self) -> impl Iterator<Item = (&str, Scope)> {
        let conflicts = self.entries.iter();
        conflicts.filter_map(|(candidate, action)| {
            Some((candidate.name.as_str(), action.as_ref().err().copied()?))
        })
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
        /// R81: identity is name and scope; a name that only another scope has is a conflict.
        #[test]
        fn a_plan_is_made_by_name_and_scope(
            names in proptest::collection::hash_set("[A-D]", 0..4),
            held in proptest::collection::hash_set(("[A-D]", any::<bool>()), 0..8),
            scope in scope(),
        ) {
            let stored: Vec<Stored> = held.iter().map(|(name, org)| {
                let scope = if *org { Scope::Org } else { Scope::User };
                Stored { id: format!("{name}-{scope}"), name: name.clone(), scope }
            }).collect();
            let holds = |name: &str, scope| stored.iter().any(|s| s.name == name && s.scope == scope);
            let candidates = || names.iter().map(|name| candidate(name)).collect();
            let only_elsewhere = |name: &String| {
                !holds(name, scope) && (holds(name, Scope::User) || holds(name, Scope::Org))
            };
            let expected: Vec<&String> = names.iter().filter(|name| only_elsewhere(name)).collect();

            match Plan::new(candidates(), &stored, scope, Existing::Update) {
                Err(conflicts) => {
                    let found: Vec<_> = conflicts.names().map(|(name, _)| name.to_owned()).collect();
                    prop_assert!(!found.is_empty());
                    prop_assert_eq!(found.iter().collect::<Vec<_>>(), expected);
                }
                Ok(plan) => {
                    prop_assert!(expected.is_empty());
                    prop_assert_eq!(plan.steps.len(), names.len());
                    for step in &plan.steps {
                        let name = step.candidate.name.as_str();
                        let expected = if holds(name, scope) {
                            Action::Update { id: format!("{name}-{scope}") }
                        } else {
                            Action::Create
                        };
                        prop_assert_eq!(&step.action, &expected);
                    }
                    // R84: when every step has been carried out, the same push only updates.
                    let mut after = stored.clone();
                    for step in plan.steps.iter().filter(|step| step.action == Action::Create) {
                        after.push(Stored { id: "new".into(), name: step.candidate.name.to_string(), scope });
                    }
                    let again = Plan::new(candidates(), &after, scope, Existing::Update).ok().unwrap();
                    let all_update = again.steps.iter().all(|step| matches!(step.action, Action::Update { .. }));
                    prop_assert!(all_update);
                }
            }

            // `--if-missing` plans contain no conflicts and no updates.
            let gaps = Plan::new(candidates(), &stored, scope, Existing::Keep).ok().unwrap();
            let creates = gaps.steps.iter().all(|step| step.action == Action::Create);
            prop_assert!(creates);
        }
    }
}
