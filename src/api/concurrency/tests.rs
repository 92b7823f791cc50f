use super::*;

/// A server that accepts a request only if the last accepted one is `interval` ago.
fn accepted_in(seconds: u64, interval: Duration) -> u32 {
    let pace = Concurrency::new();
    let start = Instant::now();
    let (mut last, mut taken) = (None, 0);
    let mut now = start;
    while now < start + Duration::from_secs(seconds) {
        now = now.max(pace.next_slot()) + Duration::from_micros(200);
        pace.sent(now);
        if last.is_none_or(|last| now >= last + interval) {
            last = Some(now);
            taken += 1;
            pace.accepted(now, Duration::ZERO);
        } else {
            pace.refused(now, Duration::ZERO, None);
        }
    }
    taken
}

/// R135: at least 1 / 1.6 of the requests that a strict limit allows are accepted, at any rate.
#[test]
fn the_rate_finds_what_a_strict_limit_allows() {
    for (seconds, interval) in [(5, 5), (5, 1), (10, 20), (30, 200)] {
        let taken = accepted_in(seconds, Duration::from_millis(interval));
        let allowed = seconds * 1000 / interval;
        assert!(
            u64::from(taken) * 16 >= allowed * 10,
            "{taken} of {allowed} at {interval} ms"
        );
    }
}

#[test]
fn the_limit_grows_to_64_and_every_tenth_refusal_does_not_lower_it() {
    let pace = Concurrency::new();
    let mut now = Instant::now();
    for n in 0..1000 {
        now += Duration::from_millis(1);
        if n % 10 == 0 {
            pace.refused(now, Duration::ZERO, None);
        } else {
            pace.accepted(now, Duration::ZERO);
        }
    }
    assert_eq!((pace.limit(), pace.is_slowed_down()), (64, false));
}

#[test]
fn retry_after_delays_every_request() {
    let pace = Concurrency::new();
    let now = Instant::now();
    pace.refused(now, Duration::ZERO, Some(Duration::from_secs(3)));
    assert_eq!(pace.next_slot(), now + Duration::from_secs(3));
}

const MS: Duration = Duration::from_millis(1);

/// A limiter and the start of its first window.
fn fresh() -> (Concurrency, Instant) {
    let pace = Concurrency::new();
    let start = pace.rate.borrow().window.start;
    (pace, start)
}

/// A limited rate, with the time to the next slot.
fn learned(per_second: f64, ceiling: Option<f64>, now: Instant, slot: Duration) -> Rate {
    Rate {
        per_second: Some(per_second),
        ceiling,
        clean: 0,
        next_slot: now + slot,
        window: Window::starting(now),
        closed: 0,
    }
}

/// R135: the rate after a window of responses.
#[test]
fn the_rate_adapts_to_accepted_requests() {
    // The rate, its ceiling, the share of refusals, the accepted requests per second, the new rate.
    let table = [
        (None, None, 0.4, 50.0, None),
        (None, None, 0.41, 50.0, Some(50.0)),
        (None, None, 0.41, 0.5, Some(1.0)),
        (Some(100.0), None, 0.5, 50.0, Some(80.0)),
        (Some(100.0), None, 0.4, 60.0, Some(100.0)),
        (Some(100.0), None, 0.11, 89.0, Some(100.0)),
        (Some(100.0), None, 0.1, 90.0, Some(200.0)),
        (Some(100.0), None, 0.0, 49.0, Some(100.0)),
        (Some(100.0), None, 0.0, 50.0, Some(200.0)),
        (Some(12.0), Some(10.0), 0.0, 12.0, Some(13.8)),
        (Some(11.0), Some(10.0), 0.0, 11.0, Some(11.44)),
        (Some(8.0), Some(10.0), 0.0, 8.0, Some(8.32)),
        (Some(7.5), Some(10.0), 0.0, 7.5, Some(15.0)),
        (Some(4000.0), None, 0.0, 4000.0, None),
        (Some(5000.0), None, 0.2, 4000.0, None),
        (Some(0.2), None, 1.0, 0.0, Some(0.2)),
    ];
    for (per_second, ceiling, refused_share, accepted_rate, expected) in table {
        let case = (per_second, ceiling, refused_share, accepted_rate);
        let mut rate = learned(1.0, ceiling, Instant::now(), Duration::ZERO);
        rate.per_second = per_second;
        rate.adapt(refused_share, accepted_rate);
        let same = match (rate.per_second, expected) {
            (Some(actual), Some(expected)) => (actual - expected).abs() < 1e-9,
            (actual, expected) => actual == expected,
        };
        assert!(same, "{case:?}: {:?}", rate.per_second);
    }
    let mut rate = learned(100.0, None, Instant::now(), Duration::ZERO);
    rate.adapt(0.5, 50.0);
    assert_eq!(rate.ceiling, Some(100.0));
}

/// R135: after three windows with few refusals, the last rate that was too high no longer slows growth
/// down.
#[test]
fn a_ceiling_is_forgotten_if_the_server_accepts_more() {
    let mut rate = learned(80.0, Some(100.0), Instant::now(), Duration::ZERO);
    for (refused_share, expected) in [
        (0.0, 83.2),
        (0.2, 83.2),
        (0.1, 86.528),
        (0.0, 89.98912),
        (0.0, 179.97824),
    ] {
        rate.adapt(refused_share, 80.0);
        let actual = rate.per_second.unwrap();
        assert!((actual - expected).abs() < 1e-9, "{actual}, not {expected}");
    }
}

/// R136: the time of an outage does not count for the rate after it.
#[test]
fn the_time_of_an_outage_does_not_count() {
    let (pace, start) = fresh();
    pace.refused(start, Duration::ZERO, None);
    let over = start + 5000 * MS;
    pace.restart(over);
    for _ in 0..4 {
        pace.accepted(over + 100 * MS, Duration::ZERO);
        pace.refused(over + 100 * MS, Duration::ZERO, None);
    }
    // 40 per second.
    pace.sent(over + 100 * MS);
    assert_eq!(pace.next_slot(), over + 125 * MS);
}

/// R135: a refused request returns most of its slot, unless the next slot is the end of a pause.
#[test]
fn a_refused_request_returns_its_slot() {
    let now = Instant::now();
    for (slot, expected) in [(100, 30), (199, 129), (200, 200), (20, 0)] {
        let mut rate = learned(10.0, None, now, slot * MS);
        rate.return_slot(now);
        assert_eq!(rate.next_slot - now, expected * MS, "{slot} ms");
    }
}

/// R135: each request moves the next slot by one interval, and a missed slot is not made up for.
#[test]
fn requests_are_evenly_spaced() {
    let now = Instant::now();
    for (slot, expected) in [(30, 130), (0, 100)] {
        let (pace, _) = fresh();
        *pace.rate.borrow_mut() = learned(10.0, None, now, slot * MS);
        pace.sent(now);
        assert_eq!(pace.next_slot() - now, expected * MS);
    }
    let (pace, start) = fresh();
    pace.sent(start + MS);
    pace.sent(start + 9 * MS);
    assert_eq!(pace.next_slot(), start + 9 * MS);
}

/// R135: a window is complete if it is long enough and has enough responses, or many refusals.
#[test]
fn a_window_is_evaluated_when_it_is_complete() {
    // The number of accepted and of refused requests, and their time and latency in milliseconds.
    let table = [
        (7, 0, 100, 0, false),
        (8, 0, 99, 0, false),
        (8, 0, 100, 0, true),
        (4, 4, 100, 0, true),
        (8, 0, 100, 51, false),
        (8, 0, 100, 50, true),
        (1, 0, 999, 0, false),
        (1, 0, 1000, 0, true),
        (19, 20, 25, 0, true),
        (19, 20, 24, 0, false),
        (20, 20, 25, 0, false),
        (0, 19, 25, 0, false),
    ];
    for (accepted, refused, at, latency, evaluated) in table {
        let (pace, start) = fresh();
        let now = start + at * MS;
        for _ in 0..accepted {
            pace.accepted(now, latency * MS);
        }
        for _ in 0..refused {
            pace.refused(now, latency * MS, None);
        }
        let case = (accepted, refused, at, latency);
        let window = &pace.rate.borrow().window;
        let next = if evaluated { now + latency * MS } else { start };
        assert_eq!(window.start, next, "{case:?}");
        assert_eq!(window.accepted + window.refused == 0, evaluated, "{case:?}");
    }
}

/// R135: if more than 40 % are refused, the limit is halved and the rate set to that of the accepted
/// ones.
#[test]
fn many_refusals_slow_a_batch_down() {
    let (pace, start) = fresh();
    for _ in 0..6 {
        pace.accepted(start + 99 * MS, Duration::ZERO);
    }
    for at in [99, 99, 99, 100] {
        pace.refused(start + at * MS, Duration::ZERO, None);
    }
    assert_eq!((pace.limit(), pace.is_slowed_down()), (14, false));

    let (pace, start) = fresh();
    for _ in 0..4 {
        pace.accepted(start + 100 * MS, Duration::ZERO);
    }
    for _ in 0..4 {
        pace.refused(start + 100 * MS, Duration::ZERO, None);
    }
    assert_eq!((pace.limit(), pace.is_slowed_down()), (6, true));
    // 40 per second.
    pace.sent(start + 100 * MS);
    assert_eq!(pace.next_slot(), start + 125 * MS);
}

/// R135: a window without accepted requests causes a pause, each longer than the last, and sets no
/// rate.
#[test]
fn a_window_without_accepted_requests_is_a_pause() {
    let (pace, mut now) = fresh();
    for (closed, limit, shortest) in [(1, 4, 50), (2, 2, 100), (3, 1, 200), (4, 1, 400)] {
        now += 100 * MS;
        for _ in 0..8 {
            pace.refused(now, Duration::ZERO, None);
        }
        let pause = pace.next_slot() - now;
        assert!((shortest * MS..3 * shortest * MS).contains(&pause), "{pause:?}");
        assert_eq!((pace.limit(), pace.is_slowed_down()), (limit, false));
        assert_eq!(pace.rate.borrow().closed, closed);
        now = pace.next_slot();
        // Responses to requests sent before the pause do not count.
        pace.refused(now - MS, Duration::ZERO, None);
        assert_eq!(pace.rate.borrow().window.refused, 0);
    }
    now += 1000 * MS;
    pace.accepted(now, Duration::ZERO);
    assert_eq!(pace.rate.borrow().closed, 0);
    for _ in 0..100 {
        pace.accepted(now, Duration::ZERO);
    }
    pace.restart(now);
    assert_eq!(pace.limit(), 8);
}

/// A response at the start of a window counts, and a pause of zero length does not end a window.
#[test]
fn responses_at_the_start_of_a_window_count() {
    let (pace, start) = fresh();
    pace.accepted(start, Duration::ZERO);
    pace.pause_until(pace.next_slot());
    assert_eq!(pace.rate.borrow().window.accepted, 1);
    pace.pause_until(start + 5 * MS);
    assert_eq!(pace.rate.borrow().window.start, start + 5 * MS);
    assert_eq!(pace.next_slot(), start + 5 * MS);
    pace.pause_until(start + 4 * MS);
    assert_eq!(pace.next_slot(), start + 5 * MS);
}
