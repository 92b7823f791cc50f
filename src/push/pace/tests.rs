use std::time::Duration;

use tokio::time::Instant;

use super::*;

fn milliseconds(number: u64) -> Duration {
    Duration::from_millis(number)
}

/// R135: without a refusal nothing is delayed, and up to 64 requests are in flight.
#[tokio::test(start_paused = true)]
async fn without_a_refusal_there_is_no_pace() {
    let start = Instant::now();
    let mut pace = Pace::new(start);
    assert_eq!(pace.limit, 8);
    for sent in 0..100 {
        let now = start + milliseconds(sent);
        pace.sent(now);
        assert!(pace.next_send() <= now);
        pace.accepted(now + milliseconds(5), now, 1000);
    }
    assert_eq!(pace.limit, 64);
    assert!(!pace.is_limited());
}

/// R70, R135: the first refusal of a round sets the interval; the others only prolong the wait.
#[tokio::test(start_paused = true)]
async fn a_round_of_refusals_is_one_refusal() {
    let start = Instant::now();
    let mut pace = Pace::new(start);
    pace.sent(start);
    let now = start + milliseconds(5);
    pace.refused(now, start, Duration::from_secs(1));
    assert_eq!(pace.next_send(), now + Duration::from_secs(1));
    let later = now + milliseconds(1);
    for _ in 0..63 {
        pace.refused(later, start, Duration::from_secs(2));
    }
    assert_eq!(pace.next_send(), later + Duration::from_secs(2));
    assert_eq!((pace.failures, pace.limit), (1, 8));
    let next = later + Duration::from_secs(2);
    pace.sent(next);
    assert_eq!(pace.next_send(), next + milliseconds(100));
}

/// R136: during an outage at most four requests a second are sent, the interval stays, and afterwards
/// the number in flight grows again.
#[tokio::test(start_paused = true)]
async fn an_outage_is_probed_gently() {
    fastrand::seed(7);
    let start = Instant::now();
    for interval in [0.0, 0.02] {
        let mut pace = Pace::new(start);
        pace.interval = interval;
        pace.limit = 64;
        let mut now = start;
        let mut sent = Vec::new();
        while now < start + Duration::from_secs(12) {
            now = pace.next_send().max(now);
            pace.sent(now);
            sent.push(now - start);
            pace.failed(now + milliseconds(1), now);
            now += milliseconds(1);
        }
        for second in 1..12 {
            let begin = Duration::from_secs(second);
            let end = begin + Duration::from_secs(1);
            let count = sent.iter().filter(|sent| (begin..end).contains(*sent)).count();
            assert!(count <= 4, "{count} in second {second}");
        }
        assert!((pace.interval - interval).abs() < 1e-9);
        assert_eq!(pace.limit, 8);
        for _ in 0..56 {
            now += milliseconds(5);
            pace.accepted(now, now, 0);
        }
        assert_eq!((pace.limit, pace.failures), (64, 0));
    }
}

/// R135: a server that refuses everything says nothing about its rate.
#[tokio::test(start_paused = true)]
async fn refusals_during_an_outage_do_not_change_the_interval_again() {
    fastrand::seed(7);
    let mut now = Instant::now();
    let mut pace = Pace::new(now);
    pace.interval = 0.02;
    for _ in 0..20 {
        now = pace.next_send().max(now);
        pace.sent(now);
        pace.refused(now + milliseconds(1), now, Duration::ZERO);
        now += milliseconds(1);
    }
    assert!(pace.interval <= 0.02 * DEEPEST, "{}", pace.interval);
}

/// R135: the pace grows only while a refusal would cost less than the rest takes.
#[tokio::test(start_paused = true)]
async fn the_pace_stays_for_the_last_writes() {
    let now = Instant::now();
    for (left, grows) in [(1000, true), (51, true), (49, false), (0, false)] {
        let mut pace = Pace::new(now);
        (pace.interval, pace.wait) = (0.02, 1.0);
        pace.accepted(now, now, left);
        assert_eq!(pace.interval < 0.02, grows, "{left}");
    }
}

/// R135: a request waits for a late reply, for a sixteenth of the last `Retry-After`, if there was one.
#[tokio::test(start_paused = true)]
async fn requests_wait_for_late_replies() {
    let start = Instant::now();
    for (wait, latency, unanswered, spacing) in [
        (1.0, 5, 1, 62),
        (1.0, 15, 1, 10),
        (1.0, 15, 2, 62),
        (2.0, 15, 2, 125),
        (0.0, 15, 2, 10),
    ] {
        let mut pace = Pace::new(start);
        (pace.interval, pace.wait) = (0.01, wait);
        pace.ended(start + milliseconds(latency), start);
        let now = start + milliseconds(100);
        for _ in 0..unanswered {
            pace.sent(now);
        }
        let spaced = (pace.next_send() - now).as_millis();
        assert_eq!(spaced, spacing, "{wait} {latency} {unanswered}");
    }
}
