//! Chooses among the credentials for the same secrets.

use std::cmp::Reverse;

use jiff::Timestamp;

use super::types::{LocalCredential, Place, State};
use crate::secret::SecretName;

/// Maximum priority of a credential that only older versions of its tool read, so that it ranks below
/// those that the current version uses.
const MAX_LEGACY_PRIORITY: u16 = 399;

fn priority(credential: &LocalCredential) -> u16 {
    if credential.legacy {
        credential.source.priority.min(MAX_LEGACY_PRIORITY)
    } else {
        credential.source.priority
    }
}

/// Sorts by priority, keeping the order within a source, and sets the states: of the credentials for
/// the same secrets, the first that has not expired is chosen.
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
