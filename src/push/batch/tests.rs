//! Batches against servers in virtual time, which are written down here and know nothing of the pace.

use std::cell::{Cell, RefCell};

use proptest::prelude::*;
use tokio::time::sleep;

use super::*;
use crate::push::candidate::Origin;
use crate::push::plan::Inventory;
use crate::secret::{SecretName, SecretValue};

/// What a server does with one request.
#[derive(Debug, Clone, Copy)]
enum Verdict {
    Accept,
    /// 429 with this `Retry-After` in seconds.
    Refuse(Option<u64>),
    /// An answer with this status.
    Status(u16),
    /// No answer.
    Silence,
}

/// A token bucket: `rate` a second, at most `burst` at once.
struct Bucket {
    rate: f64,
    burst: f64,
    tokens: Cell<f64>,
    at: Cell<f64>,
    retry_after: Option<u64>,
}

impl Bucket {
    fn new(rate: u32, burst: u32, retry_after: Option<u64>) -> Self {
        Self {
            rate: rate.into(),
            burst: burst.into(),
            tokens: Cell::new(burst.into()),
            at: Cell::new(0.0),
            retry_after,
        }
    }

    fn judge(&self, at: Duration) -> Verdict {
        let at = at.as_secs_f64();
        let gained = (at - self.at.replace(at)) * self.rate;
        self.tokens.set((self.tokens.get() + gained).min(self.burst));
        if self.tokens.get() < 1.0 - 1e-9 {
            return Verdict::Refuse(self.retry_after);
        }
        self.tokens.set(self.tokens.get() - 1.0);
        Verdict::Accept
    }
}

/// What happened to a batch.
struct Run {
    took: Duration,
    /// When each request was sent.
    sent: Vec<Duration>,
    refused: usize,
    outcomes: Vec<Outcome>,
}

impl Run {
    fn stored(&self) -> usize {
        self.outcomes.iter().filter(|outcome| outcome.is_stored()).count()
    }

    fn not_attempted(&self) -> usize {
        let outcomes = self.outcomes.iter();
        outcomes
            .filter(|outcome| matches!(outcome, Outcome::NotAttempted))
            .count()
    }
}

fn plan(count: usize) -> Plan {
    let candidates = (0..count).map(|number| {
        let name = SecretName::environment(&format!("N{number}")).unwrap();
        Candidate::secret(name, SecretValue::new("v".to_owned()), Origin::Prompt)
    });
    Plan::new(candidates, &Inventory::default(), None, false)
}

/// Pushes `count` secrets to a server with this latency. `judge` gets the time since the start at which
/// a request arrives, half the latency after it was sent.
async fn push(count: usize, latency: u64, judge: impl Fn(Duration) -> Verdict) -> Run {
    push_past_stalls(count, latency, |_| Duration::ZERO, judge).await
}

/// The same with a server that reads nothing for `stall` after a request arrived.
async fn push_past_stalls(
    count: usize,
    latency: u64,
    stall: impl Fn(Duration) -> Duration,
    judge: impl Fn(Duration) -> Verdict,
) -> Run {
    fastrand::seed(7);
    let plan = plan(count);
    let start = Instant::now();
    let sent = RefCell::new(Vec::new());
    let refused = Cell::new(0);
    let stored = RefCell::new(HashMap::new());
    let interrupt = Interrupt::listen();
    let half = Duration::from_millis(latency) / 2;
    let answer = async |task: Task| {
        sent.borrow_mut().push(start.elapsed());
        sleep(half).await;
        sleep(stall(start.elapsed())).await;
        let verdict = judge(start.elapsed());
        sleep(half).await;
        let error = match verdict {
            Verdict::Silence => {
                sleep(Duration::from_secs(30)).await;
                ApiError::silent()
            }
            Verdict::Status(status) => ApiError::of_status(status),
            Verdict::Refuse(wait) => {
                refused.set(refused.get() + 1);
                ApiError::busy(wait.map(Duration::from_secs))
            }
            Verdict::Accept => {
                return match task {
                    Task::List => Reply::List(Ok(stored.borrow().clone())),
                    Task::Write(index, _) => {
                        let id = format!("id-{index}");
                        stored.borrow_mut().insert(format!("N{index}"), id.clone());
                        Reply::Write(index, Ok(id))
                    }
                };
            }
        };
        match task {
            Task::Write(index, _) => Reply::Write(index, Err(error)),
            Task::List => Reply::List(Err(error)),
        }
    };
    let (outcomes, _) = drive(&plan, Duration::from_secs(30), &interrupt, answer, |_| ()).await;
    Run {
        took: start.elapsed(),
        sent: sent.into_inner(),
        refused: refused.get(),
        outcomes,
    }
}

/// R135: token buckets, with the time that the limit needs in brackets.
#[tokio::test(start_paused = true)]
async fn a_rate_limit_is_met_at_its_rate() {
    for (rate, burst, wait, count, latency, most_seconds, most_refused) in [
        (20, 5, Some(1), 200, 5, 15, 20),    // 9.75
        (200, 20, Some(0), 1000, 5, 6, 150), // 4.9
        (100, 10, None, 1000, 20, 11, 333),  // 9.9
    ] {
        let bucket = Bucket::new(rate, burst, wait);
        let run = push(count, latency, |at| bucket.judge(at)).await;
        let case = format!(
            "{rate}/s, {burst} at once: {:?}, {} refused",
            run.took, run.refused
        );
        assert_eq!(run.stored(), count, "{case}");
        assert!(run.took <= Duration::from_secs(most_seconds), "{case}");
        assert!(run.refused <= most_refused, "{case}");
    }
}

/// R70, R135: after a wait, requests are sent at the interval and not together.
#[tokio::test(start_paused = true)]
async fn requests_are_spaced_after_a_wait() {
    let bucket = Bucket::new(20, 5, Some(1));
    let run = push(200, 5, |at| bucket.judge(at)).await;
    let gaps = run.sent.windows(2).map(|pair| pair[1].saturating_sub(pair[0]));
    let after_the_first_wait = gaps.skip_while(|gap| *gap < Duration::from_millis(900)).skip(1);
    let shortest = after_the_first_wait.min().unwrap();
    assert!(shortest >= Duration::from_millis(20), "{shortest:?}");
}

/// R135: a server that stalls for 10 ms twice a second, and then reads all that arrived at once.
#[tokio::test(start_paused = true)]
async fn requests_do_not_pile_up_while_a_server_stalls() {
    let bucket = Bucket::new(400, 2, Some(1));
    let stall = |at: Duration| {
        let since = at.as_millis() % 500;
        Duration::from_millis(u64::try_from(10_u128.saturating_sub(since)).unwrap())
    };
    let run = push_past_stalls(4000, 2, stall, |at| bucket.judge(at)).await;
    assert_eq!(run.stored(), 4000);
    let case = format!("{:?}, {} refused", run.took, run.refused);
    assert!(run.took <= Duration::from_secs(17), "{case}"); // The limit needs 10.
}

/// R135: a window of 60 a minute that says how long it lasts.
#[tokio::test(start_paused = true)]
async fn a_window_is_waited_out() {
    let used = RefCell::new((0, 0));
    let run = push(150, 5, |at| {
        let shifted = at + Duration::from_millis(22_200);
        let window = shifted.as_secs() / 60;
        let mut used = used.borrow_mut();
        if used.0 != window {
            *used = (window, 0);
        }
        if used.1 >= 60 {
            return Verdict::Refuse(Some(60 - shifted.as_secs() % 60));
        }
        used.1 += 1;
        Verdict::Accept
    })
    .await;
    assert_eq!(run.stored(), 150);
    assert!(run.took <= Duration::from_secs(110), "{:?}", run.took);
}

/// R136: an outage of 15 seconds in the middle is waited out, whatever the gateway answers.
#[tokio::test(start_paused = true)]
async fn an_outage_is_waited_out() {
    for verdict in [
        Verdict::Status(502),
        Verdict::Status(503),
        Verdict::Status(504),
        Verdict::Refuse(None),
    ] {
        let down = Duration::from_secs(1)..Duration::from_secs(16);
        let run = push(4000, 20, |at| {
            if down.contains(&at) {
                verdict
            } else {
                Verdict::Accept
            }
        })
        .await;
        assert_eq!(run.stored(), 4000, "{verdict:?}");
        let during = run.sent.iter().filter(|sent| (2..16).contains(&sent.as_secs()));
        assert!(during.count() <= 4 * 14, "{verdict:?}");
        assert!(run.took < Duration::from_secs(19), "{verdict:?}: {:?}", run.took);
    }
}

/// R112, R136: after 30 seconds without a success the rest is not attempted.
#[tokio::test(start_paused = true)]
async fn a_batch_gives_up_without_a_success() {
    let run = push(100, 5, |_| Verdict::Silence).await;
    assert_eq!((run.stored(), run.not_attempted()), (0, 92));
    assert!(run.took < Duration::from_secs(62), "{:?}", run.took);
    let run = push(100, 5, |at| {
        if at < Duration::from_millis(10) {
            Verdict::Accept
        } else {
            Verdict::Status(502)
        }
    });
    let run = run.await;
    assert!((1..100).contains(&run.stored()), "{}", run.stored());
    let seconds = Duration::from_secs(29)..Duration::from_secs(31);
    assert!(seconds.contains(&run.took), "{:?}", run.took);
}

/// R70: a success that arrives after the API asked for a wait does not end the wait.
#[tokio::test(start_paused = true)]
async fn a_late_success_does_not_shorten_a_wait() {
    let requests = Cell::new(0);
    let run = push(8, 100, |at| {
        requests.set(requests.get() + 1);
        match requests.get() {
            1..=3 => Verdict::Refuse(Some(45)),
            _ if at > Duration::from_secs(1) && at < Duration::from_secs(44) => panic!("sent at {at:?}"),
            _ => Verdict::Accept,
        }
    })
    .await;
    assert_eq!(run.stored(), 8);
    assert!(run.took > Duration::from_secs(45) && run.took < Duration::from_secs(47));
}

/// R70: a longer wait than a minute stops the batch at once.
#[tokio::test(start_paused = true)]
async fn a_wait_of_more_than_a_minute_is_not_made() {
    let run = push(20, 5, |_| Verdict::Refuse(Some(61))).await;
    assert_eq!((run.stored(), run.not_attempted()), (0, 12));
    assert!(run.took < Duration::from_secs(1), "{:?}", run.took);
    let error = run.outcomes[0].error().unwrap();
    assert_eq!(error.retry_after, Some(Duration::from_secs(61)));
}

/// R135: two batches that share a limit of 50 a second.
#[tokio::test(start_paused = true)]
async fn two_batches_share_a_limit() {
    let bucket = Bucket::new(50, 10, Some(1));
    let (one, other) = tokio::join!(
        push(200, 5, |at| bucket.judge(at)),
        push(200, 6, |at| bucket.judge(at)),
    );
    for run in [one, other] {
        assert_eq!(run.stored(), 200);
        assert!(run.took <= Duration::from_secs(13), "{:?}", run.took);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]

    /// R135: whatever the bucket and the latency, everything is stored.
    #[test]
    fn every_bucket_lets_everything_through(
        rate in 5_u32..1000,
        burst in 1_u32..100,
        wait in prop_oneof![Just(None), (0_u64..3).prop_map(Some)],
        latency in 1_u64..100,
        count in 1_usize..150,
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .start_paused(true)
            .build()
            .unwrap();
        let bucket = Bucket::new(rate, burst, wait);
        let run = runtime.block_on(push(count, latency, |at| bucket.judge(at)));
        prop_assert_eq!(run.stored(), count);
    }
}
