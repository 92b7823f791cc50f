//! When a failed request is sent again.

use std::time::Duration;

const FIRST_BACKOFF: Duration = Duration::from_millis(100);

/// The pause after failed try number `attempt`, from 1: doubling, with jitter so that many
/// clients do not come back at once.
pub(crate) fn backoff(attempt: u32) -> Duration {
    FIRST_BACKOFF * 2_u32.pow(attempt.min(5) - 1) * fastrand::u32(50..150) / 100
}
