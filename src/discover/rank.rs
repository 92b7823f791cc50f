//! Which of several credentials of one provider is chosen. Pure: nothing is read here.

use std::cmp::Reverse;

use jiff::Timestamp;

use super::types::{LocalCredential, Place, State};
use crate::secret::SecretName;

/// The highest priority of a credential that the current version of its tool does not read, so
/// that it never wins over one that the tool uses.
const MAX_LEGACY_PRIORITY: u16 = 399;

fn priority(credential: &LocalCredential) -> u16 {
    if credential.legacy {
        credential.source.priority.min(MAX_LEGACY_PRIORITY)
    } else {
        credential.source.priority
    }
}

/// Sorts by priority and sets each state: of the credentials that become the same secrets, the first
/// that has not expired is chosen.
/// Within a source the order stays as it was found.
pub(super) fn rank(credentials: &mut [LocalCredential], now: Timestamp) {
    credentials.sort_by_key(|credential| Reverse(priority(credential)));
    let mut chosen: Vec<(Vec<SecretName>, Place)> = Vec::new();
    for credential in credentials {
        let secrets = credential.secret_names();
        let winner = chosen.iter().find(|(other, _)| *other == secrets);
        credential.state = if credential.expires_at.is_some_and(|at| at <= now) {
            State::Expired
        } else if let Some((_, place)) = winner {
            credential.overridden_by.get_or_insert_with(|| place.clone());
            State::Outranked
        } else {
            chosen.push((secrets, credential.place.clone()));
            State::Chosen
        };
    }
}
