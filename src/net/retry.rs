//! The retry policy of the program: which errors are transient, the number of attempts, the pauses and
//! the time limits.

use std::time::Duration;

use jiff::Timestamp;
use jiff::fmt::rfc2822;
use tokio::time::Instant;

/// Maximum number of attempts of one request.
pub(crate) const MAX_TRIES: u32 = 3;
/// Maximum duration of a batch, even if it makes progress.
pub(crate) const BATCH_LIMIT: Duration = Duration::from_secs(3600);
/// Maximum number of failures of one write of a batch while other writes succeed.
pub(crate) const MAX_FAILURES_PER_WRITE: u32 = 5;
/// Maximum wait requested by a `Retry-After` header that is waited out.
pub(crate) const MAX_RETRY_AFTER: Duration = Duration::from_secs(60);
const FIRST_BACKOFF: Duration = Duration::from_millis(100);
/// Maximum number of doublings of the first back-off, for 1.6 s before jitter.
const MAX_DOUBLINGS: u32 = 4;

/// The limits of the attempts of one call. Each attempt is limited by the timeout of its request.
#[derive(Debug, Clone, Copy)]
pub(crate) struct TryLimits {
    pub(crate) tries: u32,
    /// Time from the first attempt within which the last one must start, without the waits that the
    /// server asked for.
    pub(crate) starts_within: Duration,
}

/// One call to the API. With requests of at most 30 s, it takes at most a minute.
pub(crate) const API_CALL: TryLimits = TryLimits {
    tries: MAX_TRIES,
    starts_within: Duration::from_secs(30),
};

/// One exchange with the identity provider, which repeats its response for 30 seconds:
/// <https://workos.com/docs/authkit/sessions>. With requests of at most 8 s, it takes at most 29 s.
pub(crate) const TOKEN_EXCHANGE: TryLimits = TryLimits {
    tries: 4,
    starts_within: Duration::from_secs(21),
};

/// The attempts of one call.
#[derive(Debug)]
pub(crate) struct Tries {
    failed: u32,
    limits: TryLimits,
    /// The latest time at which an attempt may start.
    last_start: Instant,
}

impl Tries {
    pub(crate) fn new(limits: TryLimits) -> Self {
        Self {
            failed: 0,
            limits,
            last_start: Instant::now() + limits.starts_within,
        }
    }

    /// Counts a failed attempt, and returns the wait before the next one: the one that the server
    /// asked for, or the back-off. `None` if there is no further attempt.
    pub(crate) fn next(&mut self, asked: Option<Duration>) -> Option<Duration> {
        self.failed += 1;
        if let Some(asked) = asked {
            self.last_start += asked;
        }
        let wait = asked.unwrap_or_else(|| backoff(self.failed));
        (self.failed < self.limits.tries && Instant::now() + wait <= self.last_start).then_some(wait)
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

/// Parses a `Retry-After` header: seconds, or a date, which is compared with the `Date` of the same
/// response or else with `now`. `None` if it is invalid or in the past.
pub(crate) fn retry_after(header: &str, date: Option<&str>, now: Timestamp) -> Option<Duration> {
    const A_YEAR: Duration = Duration::from_secs(365 * 24 * 3600);
    let parse = |date: &str| rfc2822::DateTimeParser::new().parse_timestamp(date).ok();
    let header = header.trim();
    let wait = if let Ok(seconds) = header.parse() {
        Duration::from_secs(seconds)
    } else {
        let now = date.and_then(parse).unwrap_or(now);
        Duration::try_from(parse(header)?.duration_since(now)).ok()?
    };
    (!wait.is_zero()).then(|| wait.min(A_YEAR))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// R112, R156: an attempt starts within the limit of the call, in which the waits that the server
    /// asked for do not count.
    #[tokio::test(start_paused = true)]
    async fn a_call_ends_within_its_limit() {
        let second = Duration::from_secs(1);
        for limits in [API_CALL, TOKEN_EXCHANGE] {
            let mut tries = Tries::new(limits);
            tokio::time::advance(limits.starts_within.saturating_sub(second)).await;
            assert!(tries.next(None).is_some());
            assert_eq!(tries.next(Some(30 * second)), Some(30 * second));
            tokio::time::advance(30 * second).await;
            assert_eq!(
                Tries::new(limits).next(Some(MAX_RETRY_AFTER)),
                Some(MAX_RETRY_AFTER)
            );
            let mut tries = Tries::new(limits);
            tokio::time::advance(limits.starts_within).await;
            assert_eq!(tries.next(None), None);
            let mut tries = Tries::new(limits);
            let retries = std::iter::from_fn(|| tries.next(None)).count();
            assert_eq!(retries, limits.tries as usize - 1);
        }
        assert!(API_CALL.starts_within + 30 * second < 120 * second);
        assert!(TOKEN_EXCHANGE.starts_within + 8 * second < 30 * second);
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

    /// R70: seconds and dates are understood; anything else is ignored.
    #[test]
    fn retry_after_is_read_in_every_form() {
        let now: Timestamp = "1994-11-06T08:49:00Z".parse().unwrap();
        let seconds = |n| Some(Duration::from_secs(n));
        for (header, expected) in [
            ("3", seconds(3)),
            (" 7 ", seconds(7)),
            ("0", None),
            ("-5", None),
            ("86400", seconds(86400)),
            ("18446744073709551615", seconds(365 * 24 * 3600)),
            ("99999999999999999999999", None),
            ("Sun, 06 Nov 1994 08:49:37 GMT", seconds(37)),
            ("Sun, 06 Nov 1994 09:49:37 GMT", seconds(3637)),
            ("Sun, 06 Nov 1994 08:48:37 GMT", None),
            ("soon", None),
            ("", None),
        ] {
            assert_eq!(retry_after(header, None, now), expected, "{header}");
        }
        // The clock of the server is ten minutes ahead.
        let header = "Sun, 06 Nov 1994 08:59:20 GMT";
        let date = Some("Sun, 06 Nov 1994 08:59:00 GMT");
        assert_eq!(retry_after(header, date, now), seconds(20));
        assert_eq!(retry_after(header, Some("yesterday"), now), seconds(620));
    }
}
