//! How fast the API wants to be asked: how many requests at once, and not before when.

use std::cell::Cell;
use std::time::Duration;

use jiff::Timestamp;
use jiff::fmt::rfc2822;
use tokio::time::{Instant, sleep_until};

use crate::net::retry::backoff;

const FIRST: usize = 8;
const MOST: usize = 64;
/// A server that asks for more than this is not waited for any longer than this.
const LONGEST_WAIT: Duration = Duration::from_secs(60);

/// Starts with a few requests in flight, allows one more after each that went well (so the number
/// doubles every round), and halves when the server says 429 or 503.
pub(crate) struct Concurrency {
    limit: Cell<usize>,
    fixed: bool,
    not_before: Cell<Option<Instant>>,
    /// Complaints since the last request that went well.
    complaints: Cell<u32>,
}

impl Concurrency {
    pub(crate) fn new(jobs: Option<usize>) -> Self {
        Self {
            limit: Cell::new(jobs.unwrap_or(FIRST)),
            fixed: jobs.is_some(),
            not_before: Cell::new(None),
            complaints: Cell::new(0),
        }
    }

    /// How many requests may be in flight now.
    pub(crate) fn limit(&self) -> usize {
        self.limit.get()
    }

    pub(crate) fn went_well(&self) {
        self.complaints.set(0);
        self.change_limit(self.limit.get() + 1);
    }

    /// The server is overloaded. Every request waits as long as it asked for; where it did not
    /// say, and nothing else gets through either, they wait a little longer each time.
    pub(crate) fn throttled(&self, retry_after: Option<Duration>) {
        self.change_limit(self.limit.get() / 2);
        let complaints = self.complaints.get() + 1;
        self.complaints.set(complaints);
        let wait = retry_after.or_else(|| (complaints > 1).then(|| backoff(complaints)));
        if let Some(wait) = wait {
            self.not_before
                .set(self.not_before.get().max(Some(Instant::now() + wait)));
        }
    }

    fn change_limit(&self, limit: usize) {
        if !self.fixed {
            self.limit.set(limit.clamp(1, MOST));
        }
    }

    /// Waits until the server is ready to be asked.
    pub(crate) async fn ready(&self) {
        while let Some(at) = self.not_before.get().filter(|at| *at > Instant::now()) {
            sleep_until(at).await;
        }
    }
}

/// A `Retry-After` header: seconds or an HTTP date. `None` for what is neither or already past.
pub(crate) fn retry_after(header: &str, now: Timestamp) -> Option<Duration> {
    let header = header.trim();
    let wait = if let Ok(seconds) = header.parse() {
        Duration::from_secs(seconds)
    } else {
        let date = rfc2822::DateTimeParser::new().parse_timestamp(header).ok()?;
        Duration::try_from(date.duration_since(now)).ok()?
    };
    (!wait.is_zero()).then(|| wait.min(LONGEST_WAIT))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn r70_retry_after_in_every_form() {
        let now: Timestamp = "1994-11-06T08:49:00Z".parse().unwrap();
        let seconds = |n| Some(Duration::from_secs(n));
        for (header, expected) in [
            ("3", seconds(3)),
            (" 7 ", seconds(7)),
            ("0", None),
            ("-5", None),
            ("86400", seconds(60)),
            ("99999999999999999999999", None),
            ("Sun, 06 Nov 1994 08:49:37 GMT", seconds(37)),
            ("Sun, 06 Nov 1994 09:49:37 GMT", seconds(60)),
            ("Sun, 06 Nov 1994 08:48:37 GMT", None),
            ("soon", None),
            ("", None),
        ] {
            assert_eq!(retry_after(header, now), expected, "{header}");
        }
    }

    #[test]
    fn the_pace_doubles_to_64_and_halves_to_1() {
        let pace = Concurrency::new(None);
        for expected in [16, 32, 64, 64] {
            (0..pace.limit()).for_each(|_| pace.went_well());
            assert_eq!(pace.limit(), expected);
        }
        pace.throttled(None);
        assert_eq!(pace.limit(), 32);
        for _ in 0..10 {
            pace.throttled(None);
        }
        assert_eq!(pace.limit(), 1);
    }

    #[test]
    fn a_fixed_pace_stays() {
        let pace = Concurrency::new(Some(5));
        pace.throttled(None);
        (0..100).for_each(|_| pace.went_well());
        assert_eq!(pace.limit(), 5);
    }
}
