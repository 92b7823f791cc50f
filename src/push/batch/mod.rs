//! The state of a push's writes: waiting, in flight, or in doubt.
//!
//! A create that may have been carried out, or whose name turns out to be taken, is not repeated
//! before the vault has been listed. One list serves all writes that wait for it.

mod outage;
mod write;

use std::collections::{HashMap, VecDeque};

use tokio::time::{Duration, Instant};

use self::outage::Outage;
use self::write::{Next, Write};
use crate::api::{Api, ApiError, SecretSummary};
use crate::net::retry::{BATCH_LIMIT, MAX_CONSECUTIVE_FAILURES, MAX_TRIES, backoff};
use crate::push::outcome::{Event, Outcome};
use crate::push::plan::Plan;

/// Shorter waits are not announced.
const SILENT_WAIT: Duration = Duration::from_secs(1);

/// What to send next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Job {
    Write(usize),
    List,
}

/// How a request of a batch ended, and how long it took.
pub(super) enum Finished {
    /// The id of the written secret.
    Write(usize, Result<String, ApiError>, Duration),
    List(Result<Vec<SecretSummary>, ApiError>),
}

pub(super) struct Batch<'a> {
    api: &'a Api,
    plan: &'a Plan,
    writes: Vec<Write>,
    outcomes: Vec<Option<Outcome>>,
    ready: VecDeque<usize>,
    /// Writes that wait for a list.
    unlisted: Vec<usize>,
    listing: bool,
    outage: Outage,
    /// No request is sent before this time.
    not_before: Instant,
    /// When the batch gives up unless a write is stored earlier.
    give_up_at: Instant,
    deadline: Instant,
    stored: usize,
    consecutive_failures: u32,
    stopped: bool,
    rate_announced: bool,
    pub(super) in_flight: usize,
}

impl<'a> Batch<'a> {
    pub(super) fn new(api: &'a Api, plan: &'a Plan) -> Self {
        let now = Instant::now();
        Self {
            api,
            plan,
            writes: plan.steps.iter().map(|step| Write::new(&step.action)).collect(),
            outcomes: plan.steps.iter().map(|_| None).collect(),
            ready: (0..plan.steps.len()).collect(),
            unlisted: Vec::new(),
            listing: false,
            outage: Outage::default(),
            not_before: now,
            give_up_at: now + api.timeout(),
            deadline: now + BATCH_LIMIT,
            stored: 0,
            consecutive_failures: 0,
            stopped: false,
            rate_announced: false,
            in_flight: 0,
        }
    }

    /// The id that a write updates; `None` for a create.
    pub(super) fn existing(&self, index: usize) -> Option<String> {
        self.writes[index].existing.clone()
    }

    /// The next request that may be sent now, if any.
    pub(super) fn next_job(&mut self) -> Option<Job> {
        if self.wake_at()? > Instant::now() {
            return None;
        }
        let must_list = self.stopped || self.ready.is_empty() || (self.outage.is_on() && !self.outage.listed);
        let job = if must_list && self.in_flight == 0 && !self.unlisted.is_empty() {
            self.listing = true;
            Job::List
        } else {
            Job::Write(self.ready.pop_front()?)
        };
        self.outage.sent();
        self.in_flight += 1;
        self.api.concurrency().sent(Instant::now());
        Some(job)
    }

    /// When the next request may be sent; `None` if that depends on one in flight or no write is left.
    pub(super) fn wake_at(&self) -> Option<Instant> {
        let limit = self.api.concurrency().limit();
        let limit = limit.min(self.outage.limit(self.in_flight));
        let may_write = !self.stopped && !self.ready.is_empty();
        let may_list = self.in_flight == 0 && !self.unlisted.is_empty();
        if self.listing || self.in_flight >= limit || !(may_write || may_list) {
            return None;
        }
        if self.stopped {
            return Some(self.not_before.min(Instant::now()));
        }
        Some(self.not_before.max(self.api.concurrency().next_slot()))
    }

    /// Records the end of a request.
    pub(super) fn finish(&mut self, finished: Finished, on_event: &mut impl FnMut(Event)) {
        self.in_flight -= 1;
        match finished {
            Finished::Write(index, Ok(id), latency) => self.stored(index, id, latency, on_event),
            Finished::Write(index, Err(error), latency) => self.failed(index, error, latency, on_event),
            Finished::List(Ok(list)) => self.listed(&list, on_event),
            Finished::List(Err(error)) => self.not_listed(&error, on_event),
        }
        if let Some(pause) = self.outage.next_probe(self.in_flight) {
            self.not_before = Instant::now() + pause;
        }
        let now = Instant::now();
        let next = self.not_before.max(self.api.concurrency().next_slot());
        let must_wait = next > now;
        if now >= self.deadline || (must_wait && next >= self.give_up_at) {
            self.stopped = true;
        }
        self.announce(next.saturating_duration_since(now), on_event);
    }

    fn stored(&mut self, index: usize, id: String, latency: Duration, on_event: &mut impl FnMut(Event)) {
        let now = Instant::now();
        let outage = std::mem::take(&mut self.outage);
        if outage.is_on() {
            self.api.concurrency().restart(now);
        }
        self.api.concurrency().accepted(now, latency);
        self.outcomes[index] = Some(self.writes[index].stored(id));
        self.stored += 1;
        self.give_up_at = now + self.api.timeout();
        self.consecutive_failures = 0;
        if outage.announced {
            on_event(Event::Resumed);
        }
        on_event(Event::Finished);
    }

    fn failed(&mut self, index: usize, error: ApiError, latency: Duration, on_event: &mut impl FnMut(Event)) {
        self.slow_down(&error, latency);
        let may_help = self.retry_may_help(index, &error);
        let next = self.writes[index].fail(error, may_help);
        self.proceed(index, next, on_event);
    }

    fn proceed(&mut self, index: usize, next: Next, on_event: &mut impl FnMut(Event)) {
        match next {
            Next::List => self.unlisted.push(index),
            Next::RetryFirst => self.ready.push_front(index),
            Next::Retry => self.ready.push_back(index),
            Next::GiveUp => self.give_up(index, on_event),
        }
    }

    /// Adapts the rate to a refusal, and waits as long as the API asks.
    fn slow_down(&mut self, error: &ApiError, latency: Duration) {
        if !error.is_rate_limit() {
            return;
        }
        let now = Instant::now();
        self.api.concurrency().refused(now, latency, error.retry_after());
        // The first wait requested by the API does not count as time without success.
        if let Some(wait) = error.retry_after()
            && !std::mem::replace(&mut self.outage.waited, true)
        {
            self.give_up_at = self.give_up_at.max(now + wait + self.api.timeout() / 2);
        }
    }

    /// Whether another try of a failed write could help; counts the failure.
    fn retry_may_help(&mut self, index: usize, error: &ApiError) -> bool {
        if error.is_fatal() {
            self.stopped = true;
            return false;
        }
        let is_batch = self.writes.len() > 1;
        let write = &mut self.writes[index];
        // A gateway's 503 may also mean an outage; the rate adapts to both.
        if is_batch && error.is_rate_limit() {
            return true;
        }
        if is_batch && error.is_outage() {
            self.outage.count_failure();
            return write.count_outage_failure(self.stored);
        }
        let failures = write.count_failure();
        let transient = error.is_outage() || error.is_transient() || error.is_timeout();
        if transient {
            self.not_before = Instant::now() + backoff(failures);
        }
        (transient || write.needs_list(error)) && failures < MAX_TRIES
    }

    /// Decides every write that waited for this list.
    fn listed(&mut self, list: &[SecretSummary], on_event: &mut impl FnMut(Event)) {
        self.listing = false;
        self.outage.listed = true;
        let plan = self.plan;
        let in_scope = list.iter().filter(|stored| stored.scope == *plan.scope.as_str());
        let ids: HashMap<_, _> = in_scope
            .map(|stored| (stored.name.as_sent(), stored.id.as_sent()))
            .collect();
        for index in std::mem::take(&mut self.unlisted) {
            let id = ids.get(plan.steps[index].candidate.name.as_str()).copied();
            let next = self.writes[index].listed(id);
            self.proceed(index, next, on_event);
        }
    }

    fn not_listed(&mut self, error: &ApiError, on_event: &mut impl FnMut(Event)) {
        self.listing = false;
        self.slow_down(error, Duration::ZERO);
        let transient = error.is_outage() || error.is_transient();
        if transient && !self.stopped && self.writes.len() > 1 {
            self.outage.count_failed_list();
            return;
        }
        for index in std::mem::take(&mut self.unlisted) {
            self.give_up(index, on_event);
        }
    }

    fn give_up(&mut self, index: usize, on_event: &mut impl FnMut(Event)) {
        if !self.writes[index].is_refused() {
            self.consecutive_failures += 1;
            self.stopped |= self.consecutive_failures >= MAX_CONSECUTIVE_FAILURES;
        }
        self.outcomes[index] = Some(self.writes[index].outcome());
        on_event(Event::Finished);
    }

    /// Announces a wait once per outage, and a rate limit once per batch.
    fn announce(&mut self, wait: Duration, on_event: &mut impl FnMut(Event)) {
        if self.stopped {
            return;
        }
        if (wait >= SILENT_WAIT || self.outage.is_long()) && !self.outage.announced {
            self.outage.announced = true;
            on_event(Event::Waiting {
                at_most: self.give_up_at.saturating_duration_since(Instant::now()),
            });
        }
        if self.api.concurrency().is_slowed_down() && !self.rate_announced {
            self.rate_announced = true;
            on_event(Event::SlowedDown);
        }
    }

    /// The outcome of every write.
    pub(super) fn into_outcomes(self) -> Vec<Outcome> {
        let ended = self.outcomes.into_iter().zip(&self.writes);
        ended
            .map(|(outcome, write)| outcome.unwrap_or_else(|| write.outcome()))
            .collect()
    }

    /// Marks the writes that are in flight when the batch is stopped.
    pub(super) fn interrupt(&mut self, in_flight: impl IntoIterator<Item = usize>) {
        for index in in_flight {
            self.outcomes[index] = Some(Outcome::Unknown(None));
        }
    }
}
