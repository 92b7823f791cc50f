//! The writes of one push while they run: what waits, what is in flight, and what is in doubt.
//!
//! A create is never simply repeated. When it may have been carried out, or its name turns out to be
//! taken, the vault is listed first; one list serves every write that waits for one.

use std::collections::{HashMap, VecDeque};

use tokio::time::{Duration, Instant};

use crate::api::{Api, ApiError, Effect, SecretSummary};
use crate::net::retry::{BATCH_LIMIT, MAX_CONSECUTIVE_FAILURES, MAX_FAILURES_APART, MAX_TRIES, backoff};
use crate::push::apply::{Event, Outcome};
use crate::push::plan::{Action, Plan};

/// Writes sent at once to see whether an outage is over.
const PROBES_AT_ONCE: usize = 4;
/// A wait that is shorter than this is not announced.
const SILENT_WAIT: Duration = Duration::from_secs(1);

/// The back-off between probes stops growing after this many: 0.4 s before jitter.
const MAX_PROBE_BACKOFF: u32 = 3;

/// What to send next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Job {
    Write(usize),
    List,
}

/// How a request of a batch ended, and how long it took.
pub(super) enum Finished {
    /// The id of what was written.
    Write(usize, Result<String, ApiError>, Duration),
    List(Result<Vec<SecretSummary>, ApiError>),
}

/// One secret on its way.
struct Write {
    /// The id to update; without one the secret is created.
    existing: Option<String>,
    /// Whether a create of ours may have been carried out.
    in_doubt: bool,
    /// Whether that was so before the last failure.
    was_in_doubt: bool,
    /// Failures that count against this write.
    failures: u32,
    /// How many writes were stored when this one failed last.
    stored_at_failure: Option<usize>,
    /// No further try, unless a list shows that it is stored.
    given_up: bool,
    error: Option<ApiError>,
}

/// An outage of the API, or a wait that it asked for.
#[derive(Default)]
struct Outage {
    /// Failures since the last write that was stored.
    failures: u32,
    /// How often writes were sent to see whether it is over.
    probes: u32,
    /// How many of them may still be sent this time.
    probes_left: usize,
    /// Whether the vault was listed since it began.
    listed: bool,
    announced: bool,
    /// Whether the API asked to wait.
    waited: bool,
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
    /// Nothing is sent before this.
    not_before: Instant,
    /// When the batch ends unless a write is stored before.
    give_up_at: Instant,
    deadline: Instant,
    stored: usize,
    consecutive_failures: u32,
    stopped: bool,
    told_rate: bool,
    pub(super) in_flight: usize,
}

impl<'a> Batch<'a> {
    pub(super) fn new(api: &'a Api, plan: &'a Plan) -> Self {
        let now = Instant::now();
        let writes = plan.steps.iter().map(|step| Write {
            existing: match &step.action {
                Action::Update { id } => Some(id.clone()),
                Action::Create => None,
            },
            in_doubt: false,
            was_in_doubt: false,
            failures: 0,
            stored_at_failure: None,
            given_up: false,
            error: None,
        });
        Self {
            api,
            plan,
            writes: writes.collect(),
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
            told_rate: false,
            in_flight: 0,
        }
    }

    /// The id that a write updates, `None` when it creates.
    pub(super) fn existing(&self, index: usize) -> Option<String> {
        self.writes[index].existing.clone()
    }

    /// What may be sent now, if anything.
    pub(super) fn next_job(&mut self) -> Option<Job> {
        if self.wake_at()? > Instant::now() {
            return None;
        }
        let must_list = self.stopped || self.ready.is_empty() || (self.in_outage() && !self.outage.listed);
        let job = if must_list && self.in_flight == 0 && !self.unlisted.is_empty() {
            self.listing = true;
            Job::List
        } else {
            Job::Write(self.ready.pop_front()?)
        };
        self.outage.probes_left = self.outage.probes_left.saturating_sub(1);
        self.in_flight += 1;
        self.api.concurrency().sent(Instant::now());
        Some(job)
    }

    /// When the next request may be sent; `None` when it depends on one in flight, or there is none.
    pub(super) fn wake_at(&self) -> Option<Instant> {
        let mut limit = self.api.concurrency().limit();
        if self.in_outage() {
            limit = limit.min(self.in_flight + self.outage.probes_left);
        }
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

    fn in_outage(&self) -> bool {
        self.outage.failures > 1
    }

    /// Takes in the end of a request.
    pub(super) fn finish(&mut self, finished: Finished, on_event: &mut impl FnMut(Event)) {
        self.in_flight -= 1;
        match finished {
            Finished::Write(index, Ok(id), latency) => self.stored(index, id, latency, on_event),
            Finished::Write(index, Err(error), latency) => self.failed(index, error, latency, on_event),
            Finished::List(Ok(list)) => {
                self.listing = false;
                self.outage.listed = true;
                self.listed(&list, on_event);
            }
            Finished::List(Err(error)) => {
                self.listing = false;
                self.not_listed(&error, on_event);
            }
        }
        self.probe_again();
        let now = Instant::now();
        let next = self.not_before.max(self.api.concurrency().next_slot());
        let troubled = self.outage.failures > 0 || next > now;
        if now >= self.deadline || (troubled && next.max(now) >= self.give_up_at) {
            self.stopped = true;
        }
        self.announce(next.saturating_duration_since(now), on_event);
    }

    fn stored(&mut self, index: usize, id: String, latency: Duration, on_event: &mut impl FnMut(Event)) {
        let now = Instant::now();
        self.api.concurrency().accepted(now, latency);
        let write = &self.writes[index];
        let created = write.existing.is_none() || write.in_doubt;
        self.outcomes[index] = Some(if created {
            Outcome::Created { id }
        } else {
            Outcome::Updated { id }
        });
        self.stored += 1;
        self.give_up_at = now + self.api.timeout();
        self.consecutive_failures = 0;
        if self.in_outage() {
            self.api.concurrency().restart();
        }
        if std::mem::take(&mut self.outage).announced {
            on_event(Event::Resumed);
        }
        on_event(Event::Finished);
    }

    fn failed(
        &mut self,
        index: usize,
        mut error: ApiError,
        latency: Duration,
        on_event: &mut impl FnMut(Event),
    ) {
        let now = Instant::now();
        let write = &mut self.writes[index];
        let creating = write.existing.is_none();
        let earlier = write.error.as_ref().map(ApiError::effect);
        if !creating && error.status() != Some(404) && earlier == Some(Effect::Unknown) {
            // An earlier try may have updated it.
            error = error.with_effect(Effect::Unknown);
        }
        let lost = creating && error.effect() == Effect::Unknown;
        write.was_in_doubt = write.in_doubt;
        write.in_doubt |= lost;
        if error.is_rate_limit() {
            self.api.concurrency().refused(now, latency, error.retry_after());
            // The first wait that is asked for does not count as time without success.
            if let Some(wait) = error.retry_after()
                && !std::mem::replace(&mut self.outage.waited, true)
            {
                self.give_up_at = self.give_up_at.max(now + wait + self.api.timeout() / 2);
            }
        }
        let may_help = self.may_help(index, &error);
        let taken = creating && error.status() == Some(409);
        let gone = !creating && error.status() == Some(404);
        let write = &mut self.writes[index];
        if gone {
            write.existing = None;
        }
        write.given_up = !may_help && !gone || (taken && write.failures >= MAX_TRIES);
        write.error = Some(error);
        if lost || taken || (gone && may_help) {
            self.unlisted.push(index);
        } else if may_help
            && write
                .error
                .as_ref()
                .is_some_and(|error| error.status() == Some(429))
        {
            // It was not carried out: it goes before the writes that were never tried.
            self.ready.push_front(index);
        } else if may_help {
            self.ready.push_back(index);
        } else {
            self.give_up(index, on_event);
        }
    }

    /// Whether another try of a failed write could help; counts the failure.
    fn may_help(&mut self, index: usize, error: &ApiError) -> bool {
        let is_batch = self.writes.len() > 1;
        let write = &mut self.writes[index];
        let transient = error.is_outage() || error.is_transient() || error.is_timeout();
        if error.is_fatal() {
            self.stopped = true;
            return false;
        }
        if is_batch && error.status() == Some(429) {
            return true;
        }
        if is_batch && error.is_outage() {
            // Failures count against this write only while others succeed.
            if write.stored_at_failure.replace(self.stored) != Some(self.stored) {
                write.failures += 1;
            }
            if !error.is_rate_limit() || self.stored == 0 {
                self.outage_goes_on();
            }
            let limit = if error.is_rate_limit() {
                u32::MAX
            } else {
                MAX_FAILURES_APART
            };
            return self.writes[index].failures < limit;
        }
        write.failures += 1;
        let failures = write.failures;
        if transient {
            self.not_before = Instant::now() + backoff(failures);
        }
        let looked_up = match write.existing {
            Some(_) => error.status() == Some(404),
            None => error.status() == Some(409),
        };
        (transient || looked_up) && failures < MAX_TRIES
    }

    /// Counts a failure that all writes have in common.
    fn outage_goes_on(&mut self) {
        self.outage.failures += 1;
        self.outage.probes_left = 0;
    }

    /// Lets a few more requests see whether an outage is over, once the last ones have ended.
    fn probe_again(&mut self) {
        if self.in_outage() && self.in_flight == 0 && self.outage.probes_left == 0 {
            self.outage.probes += 1;
            self.outage.probes_left = PROBES_AT_ONCE;
            self.not_before = Instant::now() + backoff(self.outage.probes.min(MAX_PROBE_BACKOFF));
        }
    }

    /// Decides every write that waited for this list.
    fn listed(&mut self, list: &[SecretSummary], on_event: &mut impl FnMut(Event)) {
        let scope = self.plan.scope.as_str();
        let in_scope = list.iter().filter(|stored| stored.scope == scope);
        let ids: HashMap<_, _> = in_scope
            .map(|stored| (stored.name.as_str(), &stored.id))
            .collect();
        for index in std::mem::take(&mut self.unlisted) {
            let write = &mut self.writes[index];
            let taken = write
                .error
                .as_ref()
                .is_some_and(|error| error.status() == Some(409));
            if let Some(id) = ids.get(self.plan.steps[index].candidate.name.as_str()) {
                write.existing = Some((*id).clone());
                write.given_up = false;
                self.ready.push_back(index);
            } else if write.given_up || taken {
                // The list shows that the last try stored nothing. An earlier one still may have.
                write.in_doubt = write.was_in_doubt;
                write.error = write.error.take().map(|error| error.with_effect(Effect::None));
                self.give_up(index, on_event);
            } else {
                self.ready.push_back(index);
            }
        }
    }

    fn not_listed(&mut self, error: &ApiError, on_event: &mut impl FnMut(Event)) {
        if error.is_rate_limit() {
            let now = Instant::now();
            self.api
                .concurrency()
                .refused(now, Duration::ZERO, error.retry_after());
        }
        let transient = error.is_outage() || error.is_transient();
        if transient && !self.stopped && self.writes.len() > 1 {
            // At least two, so that it counts as an outage.
            self.outage_goes_on();
            self.outage.failures = self.outage.failures.max(2);
            return;
        }
        for index in std::mem::take(&mut self.unlisted) {
            self.give_up(index, on_event);
        }
    }

    fn give_up(&mut self, index: usize, on_event: &mut impl FnMut(Event)) {
        let refused = self.writes[index]
            .error
            .as_ref()
            .is_some_and(|error| error.kind() == crate::error::Kind::Refused);
        if !refused {
            self.consecutive_failures += 1;
            self.stopped |= self.consecutive_failures >= MAX_CONSECUTIVE_FAILURES;
        }
        self.outcomes[index] = Some(self.writes[index].outcome());
        on_event(Event::Finished);
    }

    /// Says that the batch waits, once for each outage, and that the rate is limited, once.
    fn announce(&mut self, wait: Duration, on_event: &mut impl FnMut(Event)) {
        if self.stopped {
            return;
        }
        let long = wait >= SILENT_WAIT || self.outage.probes > 2;
        if long && !self.outage.announced {
            self.outage.announced = true;
            on_event(Event::Waiting {
                at_most: self.give_up_at.saturating_duration_since(Instant::now()),
            });
        }
        if self.api.concurrency().is_slowed_down() && !self.told_rate {
            self.told_rate = true;
            on_event(Event::SlowedDown);
        }
    }

    /// What became of every write.
    pub(super) fn into_outcomes(self) -> Vec<Outcome> {
        let ended = self.outcomes.into_iter().zip(&self.writes);
        ended
            .map(|(outcome, write)| outcome.unwrap_or_else(|| write.outcome()))
            .collect()
    }

    /// Marks the writes that are in flight when the batch is stopped.
    pub(super) fn interrupt(&mut self, in_flight: impl IntoIterator<Item = usize>) {
        for index in in_flight {
            self.outcomes[index] = Some(Outcome::Unknown {
                why: "stopped while it was written".to_owned(),
            });
        }
    }
}

impl Write {
    /// What is known about a write that ended without being stored.
    fn outcome(&self) -> Outcome {
        match &self.error {
            None => Outcome::NotAttempted,
            Some(error) if self.in_doubt || error.effect() == Effect::Unknown => Outcome::Unknown {
                why: error.message().to_owned(),
            },
            Some(error) => Outcome::Failed(error.clone()),
        }
    }
}
