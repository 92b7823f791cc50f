//! Chooses among the credentials of the same provider.

use std::cmp::Reverse;
use std::collections::HashMap;

use jiff::Timestamp;

use super::credential::{LocalCredential, State};

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

/// Sorts by priority, keeping the order within a source, and sets the states: the first of a provider
/// that works is chosen. A key of another server than the vendor's stands for itself.
pub(crate) fn rank(credentials: &mut [LocalCredential], now: Timestamp) {
    credentials.sort_by_key(|credential| Reverse(priority(credential)));
    let mut chosen = HashMap::new();
    for credential in credentials {
        credential.outranked_by = None;
        credential.in_use &= credential.unusable.is_none();
        credential.state = if credential.unusable.is_some() {
            State::Unusable
        } else if credential.expires_at.is_some_and(|at| at <= now) {
            State::Expired
        } else if credential.server.is_some() {
            State::Chosen
        } else if let Some(place) = chosen.get(credential.provider.as_str()) {
            credential.outranked_by = Some(Clone::clone(place));
            State::Outranked
        } else {
            chosen.insert(credential.provider.as_str().to_owned(), credential.place.clone());
            State::Chosen
        };
    }
}
