//! Rate and concurrency of a batch: the number of requests in flight and per second.
//!
//! The rate is unlimited until the server refuses some of the requests. From then on it adapts: it
//! falls with the share of refused requests, and rises while none are refused.

use std::cell::{Cell, RefCell};
use std::time::Duration;

use tokio::time::Instant;

use crate::net::retry::backoff;

/// Initial and maximum number of requests in flight.
const FIRST_LIMIT: usize = 8;
const MAX_LIMIT: usize = 64;
/// Minimum length of a window, the period over which outcomes are evaluated.
const WINDOW: Duration = Duration::from_millis(100);
/// Minimum number of outcomes in a window of less than a second.
const WINDOW_OUTCOMES: u32 = 8;
/// Number of refusals that end a window early.
const MANY_REFUSALS: u32 = 20;
/// Maximum share of refusals that does not lower the rate: at any rate, a limit without a burst
/// refuses requests that jitter has moved together.
const TOLERATED_SHARE: f64 = 0.4;
/// Maximum share of refusals at which the rate grows.
const FEW_REFUSALS_SHARE: f64 = 0.1;
/// Part of its time slot that a refused request returns, because it did not count towards the server's
/// limit.
const RETURNED_SLOT: f64 = 0.7;
/// Minimum and maximum of a limited rate, in requests per second.
const RATES: std::ops::RangeInclusive<f64> = 0.2..=5000.0;
/// Growth per window without refusals, as in CUBIC: fast far below the last rate that was too high,
/// slow near it, faster again above it.
const FAST_GROWTH: f64 = 2.0;
const SLOW_GROWTH: f64 = 1.04;
const PROBING_GROWTH: f64 = 1.15;
/// Number of consecutive windows with few or no refusals after which the last rate that was too high is
/// forgotten. It may have been set by requests that were sent before the rate was limited.
const CLEAN_WINDOWS: u32 = 3;

/// Concurrency and send rate of a batch, adapted to the server's responses.
pub(crate) struct Concurrency {
    limit: Cell<usize>,
    rate: RefCell<Rate>,
}

/// The send rate, with requests evenly spaced.
struct Rate {
    per_second: Option<f64>,
    /// The last rate that was too high.
    ceiling: Option<f64>,
    /// Number of consecutive windows with few or no refusals.
    clean: u32,
    next_slot: Instant,
    window: Window,
    /// Number of consecutive windows in which nothing was accepted.
    closed: u32,
}

struct Window {
    start: Instant,
    accepted: u32,
    refused: u32,
}

impl Window {
    fn starting(start: Instant) -> Self {
        Self {
            start,
            accepted: 0,
            refused: 0,
        }
    }

    /// Counts a response, unless it arrives before the start of the window.
    fn count(&mut self, now: Instant, counter: impl FnOnce(&mut Self) -> &mut u32) {
        if now >= self.start {
            *counter(self) += 1;
        }
    }
}

impl Concurrency {
    pub(crate) fn new() -> Self {
        let now = Instant::now();
        Self {
            limit: Cell::new(FIRST_LIMIT),
            rate: RefCell::new(Rate {
                per_second: None,
                ceiling: None,
                clean: 0,
                next_slot: now,
                window: Window::starting(now),
                closed: 0,
            }),
        }
    }

    /// Maximum number of requests in flight now.
    pub(crate) fn limit(&self) -> usize {
        self.limit.get()
    }

    /// Whether the server has been seen to limit the rate.
    pub(crate) fn is_slowed_down(&self) -> bool {
        self.rate.borrow().per_second.is_some()
    }

    /// The earliest time for the next request.
    pub(crate) fn next_slot(&self) -> Instant {
        self.rate.borrow().next_slot
    }

    /// Records that a request is sent.
    pub(crate) fn sent(&self, now: Instant) {
        let mut rate = self.rate.borrow_mut();
        // A missed slot is not made up for, because the server would refuse two requests at once.
        rate.next_slot = rate.next_slot.max(now) + rate.interval();
    }

    /// Records that the server accepted a request after `latency`.
    pub(crate) fn accepted(&self, now: Instant, latency: Duration) {
        self.change_limit(self.limit.get() + 1);
        self.rate
            .borrow_mut()
            .window
            .count(now, |window| &mut window.accepted);
        self.evaluate_window(now, latency);
    }

    /// Records that the server refused a request because of a rate limit.
    pub(crate) fn refused(&self, now: Instant, latency: Duration, retry_after: Option<Duration>) {
        self.rate
            .borrow_mut()
            .window
            .count(now, |window| &mut window.refused);
        self.evaluate_window(now, latency);
        self.rate.borrow_mut().return_slot(now);
        if let Some(wait) = retry_after {
            self.pause_until(now + wait);
        }
    }

    /// Sends nothing before `at`. The rate is kept.
    pub(crate) fn pause_until(&self, at: Instant) {
        let mut rate = self.rate.borrow_mut();
        if at > rate.next_slot {
            rate.next_slot = at;
            // Responses to requests already in flight do not count for the rate after the pause.
            rate.window = Window::starting(at);
        }
    }

    /// Resets the number of requests in flight, after an outage, whose duration does not count for the
    /// rate.
    pub(crate) fn restart(&self, now: Instant) {
        self.change_limit(FIRST_LIMIT);
        self.rate.borrow_mut().window = Window::starting(now);
    }

    /// Adapts rate and limit at the end of a window.
    fn evaluate_window(&self, now: Instant, latency: Duration) {
        let mut rate = self.rate.borrow_mut();
        let Window {
            start,
            accepted,
            refused,
        } = rate.window;
        let total = accepted + refused;
        let elapsed = now.saturating_duration_since(start);
        let complete = elapsed >= WINDOW.max(latency * 2)
            && (total >= WINDOW_OUTCOMES || elapsed >= Duration::from_secs(1));
        let flooded = refused >= MANY_REFUSALS && refused > accepted && elapsed >= WINDOW / 4;
        if !(complete || flooded) {
            return;
        }
        // Requests in flight were sent at the old rate.
        rate.window = Window::starting(now + latency);
        if accepted == 0 {
            // The server accepts nothing at the moment, which says nothing about the rate.
            rate.closed += 1;
            let pause = backoff(rate.closed);
            drop(rate);
            self.pause_until(now + pause);
            self.change_limit(self.limit.get() / 2);
            return;
        }
        rate.closed = 0;
        let refused_share = f64::from(refused) / f64::from(total);
        let accepted_rate = f64::from(accepted) / elapsed.as_secs_f64();
        rate.adapt(refused_share, accepted_rate);
        drop(rate);
        if refused_share > TOLERATED_SHARE {
            self.change_limit(self.limit.get() / 2);
        }
    }

    fn change_limit(&self, limit: usize) {
        self.limit.set(limit.clamp(1, MAX_LIMIT));
    }
}

impl Rate {
    /// The time between two requests.
    fn interval(&self) -> Duration {
        self.per_second.map_or(Duration::ZERO, |per_second| {
            Duration::from_secs_f64(1.0 / per_second)
        })
    }

    /// Moves the next request forward into the slot of a refused one.
    fn return_slot(&mut self, now: Instant) {
        let earlier = self.next_slot.checked_sub(self.interval().mul_f64(RETURNED_SLOT));
        // A later slot is the end of a pause.
        if self.next_slot < now + 2 * self.interval() {
            self.next_slot = earlier.map_or(now, |earlier| earlier.max(now));
        }
    }

    fn adapt(&mut self, refused_share: f64, accepted_rate: f64) {
        self.clean = if refused_share > FEW_REFUSALS_SHARE {
            0
        } else {
            self.clean + 1
        };
        if self.clean >= CLEAN_WINDOWS {
            self.ceiling = None;
        }
        self.per_second = match self.per_second {
            None if refused_share > TOLERATED_SHARE => Some(accepted_rate.max(1.0)),
            None => None,
            Some(rate) if refused_share > TOLERATED_SHARE => {
                self.ceiling = Some(rate);
                Some(rate * (1.0 - 0.4 * refused_share))
            }
            // A rate that is not fully used does not show whether a higher one would be accepted.
            Some(rate) if refused_share > FEW_REFUSALS_SHARE || accepted_rate < rate / 2.0 => Some(rate),
            Some(rate) => Some(match self.ceiling {
                Some(ceiling) if rate > ceiling * 1.1 => rate * PROBING_GROWTH,
                Some(ceiling) if rate > ceiling * 0.75 => rate * SLOW_GROWTH,
                _ => rate * FAST_GROWTH,
            }),
        };
        self.per_second = self
            .per_second
            .filter(|rate| rate < RATES.end())
            .map(|rate| rate.max(*RATES.start()));
    }
}

#[cfg(test)]
mod tests;
