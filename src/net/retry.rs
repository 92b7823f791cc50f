//! The retry policy of the program: which errors are transient, the number of attempts, the pauses and
//! the time limits.

use std::time::Duration;

use jiff::Timestamp;
use jiff::fmt::rfc2822;
use tokio::time::{Instant, sleep, timeout_at};

/// Maximum number of attempts of one request.
pub(crate) const MAX_TRIES: u32 = 3;
/// Maximum duration of a batch, even if it makes progress.
pub(crate) const BATCH_LIMIT: Duration = Duration::from_secs(3600);
/// Maximum number of failures of one write of a batch while other writes succeed.
pub(crate) const MAX_FAILURES_PER_WRITE: u32 = 5;
/// Maximum wait requested by a `Retry-After` header.
pub(crate) const MAX_RETRY_AFTER: Duration = Duration::from_secs(60);
const FIRST_BACKOFF: Duration = Duration::from_millis(100);
/// Maximum number of doublings of the first back-off, for 1.6 s before jitter.
const MAX_DOUBLINGS: u32 = 4;

/// The limits of the attempts of one call.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Policy {
    pub(crate) tries: u32,
    /// Time limit for all attempts and the pauses between them.
    pub(crate) limit: Duration,
}

/// One call to the API. Less than two minutes, after which a silent command seems to hang.
pub(crate) const API_CALL: Policy = Policy {
    tries: MAX_TRIES,
    limit: Duration::from_secs(100),
};

/// One exchange with the identity provider, which repeats its response for 30 seconds:
/// <https://workos.com/docs/authkit/sessions>.
pub(crate) const TOKEN_EXCHANGE: Policy = Policy {
    tries: 4,
    limit: Duration::from_secs(29),
};

/// The attempts of one call.
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

    /// Runs one attempt; `None` if the time limit of the call is reached.
    pub(crate) async fn run<T>(&mut self, work: impl Future<Output = T>) -> Option<T> {
        self.made += 1;
        timeout_at(self.deadline, work).await.ok()
    }

    /// Waits for `wait` or the back-off before the next attempt; returns `false` if there is none.
    pub(crate) async fn pause(&self, wait: Option<Duration>) -> bool {
        let wait = wait.unwrap_or_else(|| backoff(self.made));
        let goes_on = self.made < self.policy.tries && Instant::now() + wait < self.deadline;
        if goes_on {
            sleep(wait).await;
        }
        goes_on
    }
}

/// The pause after failed attempt number `attempt`, counted from 1. It doubles each time, with
/// jitter so that many clients do not retry at once. No pause for 0.
pub(crate) fn backoff(attempt: u32) -> Duration {
    let Some(doublings) = attempt.checked_sub(1) else {
        return Duration::ZERO;
    };
    let doublings = doublings.min(MAX_DOUBLINGS);
    FIRST_BACKOFF * 2_u32.pow(doublings) * fastrand::u32(50..150) / 100
}

/// Whether a request with this status may succeed if it is repeated.
pub(crate) fn is_transient(status: u16) -> bool {
    matches!(status, 408 | 429 | 500) || is_outage(status)
}

/// Whether this status means that a gateway cannot reach its upstream.
pub(crate) fn is_outage(status: u16) -> bool {
    matches!(status, 502..=504)
}

/// Whether this status can mean that requests are too frequent. nginx's `limit_req` responds with 503
/// by default: <https://nginx.org/en/docs/http/ngx_http_limit_req_module.html>.
pub(crate) fn is_rate_limit(status: u16) -> bool {
    matches!(status, 429 | 503)
}

/// Parses a `Retry-After` header: seconds or an HTTP date. `None` if it is invalid or in the past.
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

    /// R112: no call takes more than two minutes.
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

    /// R68: the back-off is 0.1 s, doubled up to 1.6 s, plus or minus up to 50 %.
    #[test]
    fn a_backoff_doubles_and_varies() {
        assert_eq!(backoff(0), Duration::ZERO);
        for (attempt, middle) in [
            (1, 100),
            (2, 200),
            (3, 400),
            (4, 800),
            (5, 1600),
            (6, 1600),
            (99, 1600),
        ] {
            let pauses: Vec<_> = (0..500).map(|_| backoff(attempt).as_millis()).collect();
            let (shortest, longest) = (pauses.iter().min().unwrap(), pauses.iter().max().unwrap());
            assert!(
                (middle / 2..middle * 7 / 10).contains(shortest),
                "{attempt}: {shortest}"
            );
            assert!(
                (middle * 13 / 10..middle * 3 / 2).contains(longest),
                "{attempt}: {longest}"
            );
        }
    }

    /// R70: seconds and dates are limited to a minute; anything else is ignored.
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
