//! An outage of the API in the middle of a batch: when there is one, and how often it is probed.

use std::time::Duration;

use crate::net::retry::backoff;

/// Requests sent at once to see whether an outage is over.
const PROBES_AT_ONCE: usize = 4;
/// The pause between probes stops growing after this many: 0.4 s before jitter.
const MAX_PROBE_BACKOFF: u32 = 3;
/// Failed probes after which an outage is no longer a matter of a moment.
const MOMENTARY_PROBES: u32 = 2;

/// What is known about the failures since the last write that was stored.
#[derive(Default)]
pub(super) struct Outage {
    failures: u32,
    probes: u32,
    /// Requests of the current probe that were not sent yet.
    probes_left: usize,
    /// Whether the vault was listed since it began.
    pub(super) listed: bool,
    /// Whether the person was told.
    pub(super) announced: bool,
    /// Whether the API asked for a wait.
    pub(super) waited: bool,
}

impl Outage {
    /// A single failure may be chance; the second in a row is an outage.
    pub(super) fn is_on(&self) -> bool {
        self.failures > 1
    }

    pub(super) fn is_suspected(&self) -> bool {
        self.failures > 0
    }

    pub(super) fn is_long(&self) -> bool {
        self.probes > MOMENTARY_PROBES
    }

    /// Counts a failure that all requests have in common.
    pub(super) fn count_failure(&mut self) {
        self.failures += 1;
        self.probes_left = 0;
    }

    /// Counts the failure of a list, which nothing else is sent beside: an outage at once.
    pub(super) fn count_failed_list(&mut self) {
        self.count_failure();
        self.failures = self.failures.max(2);
    }

    /// How many requests may be in flight.
    pub(super) fn limit(&self, in_flight: usize) -> usize {
        if self.is_on() {
            in_flight + self.probes_left
        } else {
            usize::MAX
        }
    }

    pub(super) fn sent(&mut self) {
        self.probes_left = self.probes_left.saturating_sub(1);
    }

    /// The pause before the next probe, once every request of the last one has failed.
    pub(super) fn next_probe(&mut self, in_flight: usize) -> Option<Duration> {
        if !self.is_on() || in_flight > 0 || self.probes_left > 0 {
            return None;
        }
        self.probes += 1;
        self.probes_left = PROBES_AT_ONCE;
        Some(backoff(self.probes.min(MAX_PROBE_BACKOFF)))
    }
}
