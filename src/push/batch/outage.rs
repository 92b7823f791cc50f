//! Detects an outage of the API during a batch, and decides when to probe whether it is over.

use std::time::Duration;

use crate::net::retry::backoff;

/// Number of requests sent together to probe whether an outage is over.
const PROBES_AT_ONCE: usize = 4;
/// Number of probes after which the pause stops growing, at 0.4 s before jitter.
const MAX_PROBE_BACKOFF: u32 = 3;
/// Number of failed probes after which an outage is no longer considered brief.
const MAX_BRIEF_PROBES: u32 = 2;

/// The failures since the last stored write.
#[derive(Default)]
pub(super) struct Outage {
    failures: u32,
    probes: u32,
    /// Requests of the current probe that have not been sent yet.
    probes_left: usize,
    /// Whether the vault has been listed since the outage began.
    pub(super) listed: bool,
    /// Whether the outage has been announced.
    pub(super) announced: bool,
    /// Whether the API asked for a wait.
    pub(super) waited: bool,
}

impl Outage {
    /// A single failure may be a coincidence; two in a row are an outage.
    pub(super) fn is_on(&self) -> bool {
        self.failures > 1
    }

    pub(super) fn is_long(&self) -> bool {
        self.probes > MAX_BRIEF_PROBES
    }

    /// Counts a failure that affects every request, such as a refused connection.
    pub(super) fn count_failure(&mut self) {
        self.failures += 1;
        self.probes_left = 0;
    }

    /// Counts a failed list as an outage at once, because no other request runs at the same time.
    pub(super) fn count_failed_list(&mut self) {
        self.count_failure();
        self.failures = self.failures.max(2);
    }

    /// Maximum number of requests in flight.
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

#[cfg(test)]
mod tests;
