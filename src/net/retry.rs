//! When a failed request is sent again: what counts as transient, how often, how long to wait, and
//! when to give up. Every retry of the program follows this file.

use std::time::Duration;

use jiff::Timestamp;
use jiff::fmt::rfc2822;
use tokio::time::{Instant, sleep, timeout_at};

/// How often one request is tried.
pub(crate) const MAX_TRIES: u32 = 3;
/// How long a batch may take in all, however slowly it advances.
pub(crate) const BATCH_LIMIT: Duration = Duration::from_secs(60 * 60);
/// How often a write of a batch may fail while other writes succeed, before it is given up.
pub(crate) const MAX_FAILURES_APART: u32 = 5;
/// Writes of a batch that may fail in a row with an error that no waiting cures.
pub(crate) const MAX_CONSECUTIVE_FAILURES: u32 = 3;
/// The longest wait that a `Retry-After` header can ask for.
const MAX_RETRY_AFTER: Duration = Duration::from_secs(60);
const FIRST_BACKOFF: Duration = Duration::from_millis(100);
/// Doublings of the first back-off: the longest is 1.6 s before jitter.
const MAX_DOUBLINGS: u32 = 4;

/// How often and how long one call may be tried.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Policy {
    pub(crate) tries: u32,
    /// For all tries and the pauses between them.
    pub(crate) limit: Duration,
}

/// One call to the API. Shorter than two minutes, after which a silent command looks dead.
pub(crate) const API_CALL: Policy = Policy {
    tries: MAX_TRIES,
    limit: Duration::from_secs(100),
};

/// One exchange with the identity provider, which repeats its answer for 30 seconds:
/// <https://workos.com/docs/authkit/sessions>.
pub(crate) const TOKEN_EXCHANGE: Policy = Policy {
    tries: 4,
    limit: Duration::from_secs(29),
};

/// The tries of one call, counted.
#[derive(Debug)]
pub(crate) struct Tries {
    policy: Policy,
    made: u32,
    deadline: Instant,
}

impl Tries {
    pub(crate) fn new(policy: Policy) -> Self {
        Self {
            policy,
            made: 0,
            deadline: Instant::now() + policy.limit,
        }
    }

    /// Runs one try; `None` when the time of the call is over before it ends.
    pub(crate) async fn run<T>(&mut self, work: impl Future<Output = T>) -> Option<T> {
        self.made += 1;
        timeout_at(self.deadline, work).await.ok()
    }

    /// Waits before the next try, for `wait` or for the back-off. `false` when there is no next try.
    pub(crate) async fn pause(&self, wait: Option<Duration>) -> bool {
        let wait = wait.unwrap_or_else(|| backoff(self.made));
        let goes_on = self.made < self.policy.tries && Instant::now() + wait < self.deadline;
        if goes_on {
            sleep(wait).await;
        }
        goes_on
    }
}

/// The pause after failed try number `attempt`, from 1: doubling, with jitter so that many
/// clients do not come back at once.
pub(crate) fn backoff(attempt: u32) -> Duration {
    let doublings = attempt.saturating_sub(1).min(MAX_DOUBLINGS);
    FIRST_BACKOFF * 2_u32.pow(doublings) * fastrand::u32(50..150) / 100
}

/// Whether a request that got this status may succeed a moment later.
pub(crate) fn is_transient(status: u16) -> bool {
    matches!(status, 408 | 429 | 500) || is_outage(status)
}

/// Whether a gateway says with this status that nothing behind it answers.
pub(crate) fn is_outage(status: u16) -> bool {
    matches!(status, 502..=504)
}

/// Whether this status can mean that requests come too fast. nginx's `limit_req` answers 503 unless
/// it is told otherwise: <https://nginx.org/en/docs/http/ngx_http_limit_req_module.html>.
pub(crate) fn is_rate_limit(status: u16) -> bool {
    matches!(status, 429 | 503)
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
    (!wait.is_zero()).then(|| wait.min(MAX_RETRY_AFTER))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// R112: no call takes more than two minutes, whatever the server does.
    #[tokio::test]
    async fn a_call_ends_within_its_limit() {
        for policy in [API_CALL, TOKEN_EXCHANGE] {
            assert!(policy.limit < Duration::from_secs(120));
        }
        let policy = Policy {
            tries: 3,
            limit: Duration::from_millis(20),
        };
        let mut tries = Tries::new(policy);
        assert!(tries.run(std::future::pending::<()>()).await.is_none());
        assert!(!tries.pause(None).await);
        let mut tries = Tries::new(policy);
        assert!(tries.run(async {}).await.is_some());
        assert!(!tries.pause(Some(MAX_RETRY_AFTER)).await);
    }

    /// R70: seconds and dates, capped at a minute; everything else is ignored.
    #[test]
    fn retry_after_is_read_in_every_form() {
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
}
