//! The pace of a batch: how many requests may be in flight, and when the next one may be sent.
//!
//! There is no pace until the server refuses a request with 429 or 503. From then on requests are
//! evenly spaced: the interval is the time that a stored write has taken so far, pauses included, and
//! shrinks with every success by an amount that depends on what a refusal costs. A `Retry-After` holds
//! for all requests. After the first one, a request also waits for a reply that is late. While nothing
//! succeeds, single requests at growing intervals test whether the server is back.

use std::time::Duration;

use tokio::time::Instant;

use crate::net::retry::backoff;

/// Initial and maximum number of requests in flight.
const LIMITS: (usize, usize) = (8, 64);
/// The slowest first interval, in seconds.
const FIRST_INTERVAL: f64 = 0.1;
/// Growth of the rate per success until a rate was refused: from 10 to 1,000 a second in about two
/// seconds.
const FAST: f64 = 1.0 / 4.0;
/// Growth afterwards: so slow that less than a sixth of the time is spent waiting after refusals. Also the
/// part of the last `Retry-After` that a request waits for a late reply.
const SLOW: f64 = 1.0 / 16.0;
/// Maximum factor by which one refusal lengthens the interval.
const DEEPEST: f64 = 1.5;
/// Number of consecutive failures after which the gap stops growing, at 0.4 s before jitter.
const MAX_BACKOFF: u32 = 3;

pub(super) struct Pace {
    /// Maximum number of requests in flight.
    pub(super) limit: usize,
    /// Time between two requests, in seconds; 0 until the server refuses one.
    interval: f64,
    /// Whether no interval has been refused yet.
    fast: bool,
    /// The last `Retry-After`, in seconds.
    wait: f64,
    not_before: Instant,
    last_sent: Option<Instant>,
    /// Number of requests sent since the last one ended.
    unanswered: u32,
    /// How long that one took, in seconds.
    latency: f64,
    /// When a failure last changed the pace. Failures of requests sent earlier are no news.
    reacted_at: Instant,
    /// Minimum time between two requests while nothing succeeds.
    gap: Duration,
    /// Number of rounds of requests that failed since the last success.
    pub(super) failures: u32,
    /// Number of writes stored since `since`, the start or the last refusal.
    stored: u32,
    since: Instant,
}

impl Pace {
    pub(super) fn new(now: Instant) -> Self {
        Self {
            limit: LIMITS.0,
            interval: 0.0,
            fast: true,
            wait: 0.0,
            not_before: now,
            last_sent: None,
            unanswered: 0,
            latency: 0.0,
            reacted_at: now,
            gap: Duration::ZERO,
            failures: 0,
            stored: 0,
            since: now,
        }
    }

    /// Whether the server has refused requests as too frequent.
    fn is_limited(&self) -> bool {
        self.interval > 0.0
    }

    /// Whether the last success was the first one with an interval.
    pub(super) fn has_just_begun(&self) -> bool {
        self.is_limited() && self.fast && self.stored == 1
    }

    /// The earliest time for the next request.
    pub(super) fn next_send(&self) -> Instant {
        let mut spacing = self.interval;
        if f64::from(self.unanswered) * self.interval > self.latency {
            // A reply is late. A server that stalls would read the next request together with the ones
            // before it, and refuse it.
            spacing = spacing.max(self.wait * SLOW);
        }
        let spacing = self.gap.max(Duration::from_secs_f64(spacing));
        let spaced = self.last_sent.map(|sent| sent + spacing);
        spaced.map_or(self.not_before, |spaced| spaced.max(self.not_before))
    }

    pub(super) fn sent(&mut self, now: Instant) {
        self.last_sent = Some(now);
        self.unanswered += 1;
    }

    /// A request ended, in whatever way.
    pub(super) fn ended(&mut self, now: Instant, sent_at: Instant) {
        self.unanswered = 0;
        self.latency = (now - sent_at).as_secs_f64();
    }

    /// A write was stored; `left` is the number of writes that are not stored yet.
    pub(super) fn accepted(&mut self, now: Instant, sent_at: Instant, left: u32) {
        self.answered();
        self.limit = (self.limit + 1).min(LIMITS.1);
        self.stored += 1;
        if !self.is_limited() || sent_at < self.reacted_at {
            return;
        }
        // A refusal would cost more than the rest takes.
        if f64::from(left) * self.interval < self.wait {
            return;
        }
        let (growth, cost) = if self.fast {
            (FAST, FIRST_INTERVAL)
        } else {
            (SLOW, self.wait)
        };
        let cost = (now - sent_at).as_secs_f64().max(cost);
        self.interval -= growth * self.interval * self.interval / (self.interval + cost);
    }

    /// The server answered, even if it refused this one request.
    pub(super) fn answered(&mut self) {
        self.failures = 0;
        self.gap = Duration::ZERO;
    }

    /// The server refused a request as too frequent.
    pub(super) fn refused(&mut self, now: Instant, sent_at: Instant, retry_after: Duration) {
        self.not_before = self.not_before.max(now + retry_after);
        // A server that refuses everything says nothing about the rate that it allows.
        if !self.react(now, sent_at, 1) || self.failures > 1 {
            return;
        }
        self.wait = retry_after.as_secs_f64();
        let stored = f64::from(self.stored.max(1));
        if self.is_limited() {
            self.fast = false;
            let measured = (now - self.since).as_secs_f64() / stored;
            self.interval = measured.clamp(self.interval, self.interval * DEEPEST);
        } else {
            let measured = ((now - self.since).as_secs_f64() + self.wait) / stored;
            self.interval = measured.min(FIRST_INTERVAL);
        }
        self.stored = 0;
        self.since = now;
    }

    /// There was no answer, or only a gateway's.
    pub(super) fn failed(&mut self, now: Instant, sent_at: Instant) {
        self.react(now, sent_at, 0);
    }

    /// Reacts to the first failure of a round; `free` is the number of rounds without a gap. Returns
    /// `false` for the others.
    fn react(&mut self, now: Instant, sent_at: Instant, free: u32) -> bool {
        if sent_at < self.reacted_at {
            return false;
        }
        self.reacted_at = now;
        self.failures += 1;
        self.gap = backoff((self.failures - free).min(MAX_BACKOFF));
        if self.failures > 1 {
            self.limit = LIMITS.0;
        }
        true
    }
}

#[cfg(test)]
mod tests;
