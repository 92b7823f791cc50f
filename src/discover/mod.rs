//! Finds the local credentials of Claude Code, Codex, OpenCode, Amp and other tools by Amika.
//!
//! One module per tool follows the rules of that tool and returns what it found; a failure in one
//! does not affect the others. Discovery never runs a helper, refreshes a token or contacts a server:
//! a refresh token works once, and using it would log its owner out. It opens nothing in the
//! repository of the working directory, which may be a stranger's.

mod credential;
mod layers;
mod messages;
mod overrides;
mod reader;
mod report;
mod tools;

use std::cmp::Reverse;
use std::collections::HashMap;

use jiff::Timestamp;

pub(crate) use self::credential::{Filter, LocalCredential, Place, PushedAs, State};
use self::reader::Reader;
pub(crate) use self::report::Report;
use self::tools::SCANS;
use crate::system::env::Env;
use crate::system::keychain::Keychain;

/// Finds the credentials that `filter` asks for. If it names a provider, only notes about the provider's own
/// tool are kept.
pub(crate) fn discover(env: &Env, keychain: Option<&dyn Keychain>, filter: Filter) -> Report {
    let reader = Reader { env, keychain };
    let is_asked_for = |about: Filter| about.includes(filter.provider, filter.kind);
    let mut report = Report::default();
    for (finds, scan) in SCANS.iter().filter(|(finds, _)| is_asked_for(*finds)) {
        let mut found = Report {
            about: *finds,
            ..Report::default()
        };
        scan(&reader, &mut found);
        if filter.provider.is_some() && finds.provider != filter.provider {
            found.notes.clear();
            found.overrides.clear();
        }
        report.append(found);
    }
    report
        .credentials
        .retain(|found| filter.includes(Some(found.provider.as_str()), Some(found.kind)));
    report.problems.retain(|problem| is_asked_for(problem.about));
    rank(&mut report.credentials, (env.now)());
    report
}

/// Sorts by priority, keeping the order within a source, and sets the states: the first of a provider
/// that works is chosen. A key for another server than the vendor's does not compete with the others.
pub(crate) fn rank(credentials: &mut [LocalCredential], now: Timestamp) {
    credentials.sort_by_key(|found| Reverse(found.source.priority));
    let mut chosen: HashMap<_, Place> = HashMap::new();
    for found in credentials.iter_mut().filter(|found| !found.is_unusable()) {
        found.state = if found.expires_at.is_some_and(|at| at <= now) {
            State::Expired
        } else if found.server.is_some() {
            State::Chosen
        } else if let Some(place) = chosen.get(&found.provider) {
            State::Outranked(place.clone())
        } else {
            chosen.insert(found.provider.clone(), found.place.clone());
            State::Chosen
        };
    }
}

#[cfg(test)]
mod tests;
