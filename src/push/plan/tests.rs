use super::*;
use crate::provider::CLAUDE;
use crate::push::candidate::Origin;
use crate::secret::{SecretName, SecretValue};
use proptest::prelude::*;

fn candidate(name: &str) -> Candidate {
    let name = SecretName::environment(name).unwrap();
    Candidate::secret(name, SecretValue::new("v".to_owned()), Origin::Prompt)
}

fn actions(plan: &Plan) -> Vec<(&str, &Action)> {
    let steps = plan.steps.iter();
    steps
        .map(|step| (step.candidate.name.as_str(), &step.action))
        .collect()
}

fn stored(id: &str, name: &str, scope: Scope) -> SecretSummary {
    serde_json::from_value(serde_json::json!({ "id": id, "name": name, "scope": scope })).unwrap()
}

proptest! {
    /// R81, R144: identity is name and scope. A name that only another scope has is a conflict,
    /// unless user scope was asked for.
    #[test]
    fn a_plan_is_made_by_name_and_scope(
        names in proptest::collection::hash_set("[A-D]", 0..4),
        held in proptest::collection::hash_set(("[A-D]", any::<bool>()), 0..8),
        scope in prop_oneof![Just(None), Just(Some(Scope::User)), Just(Some(Scope::Org))],
    ) {
        let secrets = held.iter().map(|(name, org)| {
            let scope = if *org { Scope::Org } else { Scope::User };
            stored(&format!("{name}-{scope}"), name, scope)
        });
        let inventory = Inventory { secrets: secrets.collect(), ..Inventory::default() };
        let is_org = scope == Some(Scope::Org);
        let make = |inventory: &Inventory, if_missing| {
            Plan::new(names.iter().map(|name| candidate(name)), inventory, scope, if_missing)
        };
        let plan = make(&inventory, false);
        prop_assert_eq!(plan.steps.len(), names.len());
        for (name, action) in actions(&plan) {
            let here = held.contains(&(name.to_owned(), is_org));
            let there = held.contains(&(name.to_owned(), !is_org));
            let word = match (here, there, scope) {
                (true, ..) => "update",
                (false, false, _) | (_, _, Some(Scope::User)) => "create",
                _ => "conflict",
            };
            prop_assert_eq!(action.as_str(), word);
            if let Action::Update { id } = action {
                prop_assert_eq!(id, &format!("{name}-{}", plan.scope));
            }
        }
        prop_assert_eq!(plan.conflicts(str::to_owned).is_empty(), actions(&plan).iter().all(|(_, action)| action.as_str() != "conflict"));

        // R84: when every step has been carried out, the same push only updates.
        let mut after = inventory.clone();
        for (name, action) in actions(&plan) {
            if action.as_str() == "create" {
                after.secrets.push(stored(&format!("{name}-new"), name, plan.scope));
            }
        }
        let again = make(&after, false);
        prop_assert!(actions(&again).iter().all(|(_, action)| action.as_str() != "create"));

        // `--if-missing` plans contain no conflicts and no updates.
        let gaps = make(&inventory, true);
        let fine = |action: &Action| matches!(action, Action::Create | Action::Keep(WhyKept::Stored(_)));
        prop_assert!(actions(&gaps).iter().all(|(_, action)| fine(action)));
    }
}

/// R145: what an update would change must be certain.
#[test]
fn an_ambiguous_secret_is_a_conflict_with_both_ids() {
    let twice = [stored("id-1", "A", Scope::User), stored("id-2", "A", Scope::User)];
    let shared = [stored("id-3", "A", Scope::User), stored("id-3", "B", Scope::User)];
    let repeated = [stored("id-4", "A", Scope::User), stored("id-4", "A", Scope::User)];
    for (secrets, said) in [(twice, "id-1, id-2"), (shared, "A and B with the same id, id-3")] {
        let inventory = Inventory {
            secrets: secrets.to_vec(),
            ..Inventory::default()
        };
        let plan = Plan::new([candidate("A"), candidate("C")], &inventory, None, false);
        let conflicts = plan.conflicts(str::to_owned);
        assert_eq!(conflicts.len(), 1);
        assert!(conflicts[0].message.contains(said), "{}", conflicts[0].message);
        let plan = Plan::new([candidate("A")], &inventory, None, true);
        assert_eq!(plan.steps[0].action, Action::Keep(WhyKept::Stored(Scope::User)));
    }
    let inventory = Inventory {
        secrets: repeated.to_vec(),
        ..Inventory::default()
    };
    let plan = Plan::new([candidate("A")], &inventory, None, false);
    assert_eq!(plan.steps[0].action.as_str(), "update");
}

/// R142: a login is created only in user scope, and only where there is none.
#[test]
fn a_login_never_replaces_another() {
    let login = || {
        let value = SecretValue::new("{}".to_owned());
        vec![Candidate::login(&CLAUDE, value, Origin::Prompt)]
    };
    for (scope, logins, action) in [
        (None, vec![], Action::Create),
        (Some(Scope::User), vec!["codex"], Action::Create),
        (None, vec!["claude"], Action::Keep(WhyKept::LoginStored)),
        (Some(Scope::Org), vec![], Action::Keep(WhyKept::Personal)),
    ] {
        let inventory = Inventory {
            secrets: vec![stored("id", "Claude login", Scope::User)],
            logins,
        };
        let plan = Plan::new(login(), &inventory, scope, false);
        assert_eq!(plan.steps[0].action, action);
        assert_eq!(plan.steps[0].candidate.form.as_str(), "claude");
    }
}
