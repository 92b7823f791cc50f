//! Writes the secrets of a plan, several at a time, at the pace that the API allows.
//!
//! A create that may have been carried out, or whose name turns out to be taken, is not repeated
//! before the vault has been listed. One list serves all writes that wait for it.

use std::collections::{HashMap, VecDeque};

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use tokio::task::yield_now;
use tokio::time::{Duration, Instant, sleep_until};

use crate::api::{Api, ApiError, Repeat};
use crate::error::Kind;
use crate::net::retry::{BATCH_LIMIT, MAX_FAILURES_PER_WRITE, MAX_TRIES};
use crate::push::candidate::{Candidate, Form};
use crate::push::outcome::{Outcome, Progress};
use crate::push::pace::Pace;
use crate::push::plan::{Action, Plan, Step};
use crate::push::write::{Followup, Write};
use crate::system::signals::Interrupt;

/// Shorter waits are not announced.
const SILENT_WAIT: Duration = Duration::from_secs(2);
/// Number of rounds of failures that are not announced.
const SILENT_FAILURES: u32 = 3;

/// A request of a batch.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Task {
    /// The step of the plan, and the id to update; without one the secret is created.
    Write(usize, Option<String>),
    List,
}

/// The reply to a request that succeeded.
enum Done {
    /// The id of the written secret.
    Stored(String),
    /// The ids of the secrets in the plan's scope, by name.
    Listed(HashMap<String, String>),
}

type Answer = Result<Done, ApiError>;

/// Writes every secret of a plan without conflicts. Returns the outcome of each step, and the signal
/// that interrupted the batch. The outcome of a login is left open.
pub(crate) async fn write(
    api: &Api,
    plan: &Plan,
    interrupt: &Interrupt,
    on_event: impl FnMut(Progress),
) -> (Vec<Outcome>, Option<Kind>) {
    let send = async |request: Task| match request {
        Task::Write(step, existing) => {
            let Candidate { name, value, .. } = &plan.steps[step].candidate;
            let Some(id) = existing else {
                return api.create_secret(name, value, plan.scope).await.map(Done::Stored);
            };
            let updated = api.update_secret(&id, name, value, plan.scope).await;
            updated.map(|()| Done::Stored(api.known_secrets.show(&id, None)))
        }
        Task::List => {
            let list = api.list_secrets(Repeat::Never).await?;
            let in_scope = list.iter().filter(|stored| stored.scope == *plan.scope.as_str());
            let ids = in_scope.map(|stored| (stored.name.as_sent(), stored.id.as_sent()));
            let ids = ids.map(|(name, id)| (name.to_owned(), id.to_owned()));
            Ok(Done::Listed(ids.collect()))
        }
    };
    drive(plan, api.timeout, interrupt, send, on_event).await
}

/// Sends requests until every write has an outcome. `patience` is how long it goes on without a
/// success.
async fn drive(
    plan: &Plan,
    patience: Duration,
    interrupt: &Interrupt,
    send: impl AsyncFn(Task) -> Answer,
    mut on_event: impl FnMut(Progress),
) -> (Vec<Outcome>, Option<Kind>) {
    let mut batch = Batch::new(plan, patience, Instant::now());
    let mut running = FuturesUnordered::new();
    let mut stopped_by = None;
    loop {
        while let Some(request) = batch.next_request()
            && batch.next_send() <= Instant::now()
        {
            let sent_at = Instant::now();
            batch.sent(&request, sent_at);
            let send = &send;
            running.push(async move { (request.clone(), sent_at, send(request).await) });
        }
        let wake_at = batch.next_request().map(|_| batch.next_send());
        if running.is_empty() && wake_at.is_none() {
            break;
        }
        tokio::select! {
            kind = interrupt.wait() => {
                stopped_by = Some(kind);
                break;
            }
            Some((request, sent_at, answer)) = running.next() => {
                batch.finish(&request, sent_at, answer);
                batch.events.drain(..).for_each(&mut on_event);
            }
            () = sleep_until(wake_at.unwrap_or_else(Instant::now)), if wake_at.is_some() => {}
        }
        // Lets the connection return to the pool before the next write needs one.
        yield_now().await;
    }
    (batch.into_outcomes(), stopped_by)
}

/// The writes of a plan: waiting, in flight, or in doubt.
struct Batch<'a> {
    plan: &'a Plan,
    writes: Vec<Write>,
    outcomes: Vec<Option<Outcome>>,
    ready: VecDeque<usize>,
    /// Writes that wait for a list.
    unlisted: Vec<usize>,
    /// Number of writes.
    total: u32,
    stored: u32,
    in_flight: usize,
    pace: Pace,
    /// How long the batch goes on without a success.
    patience: Duration,
    /// When the batch gives up unless a write is stored earlier. Never becomes earlier.
    give_up_at: Instant,
    deadline: Instant,
    /// Whether the API has asked for a wait since the last success.
    waited: bool,
    stopped: bool,
    /// What happened since the last request ended.
    events: Vec<Progress>,
    told: Told,
}

/// What the person was told.
#[derive(Default)]
struct Told {
    /// Of the outage or wait that has not ended yet.
    outage: bool,
    /// Of the rate limit.
    limit: bool,
}

impl<'a> Batch<'a> {
    fn new(plan: &'a Plan, patience: Duration, now: Instant) -> Self {
        let kept_in = plan.keeps_existing.then_some(plan.scope);
        let mut writes = Vec::new();
        let mut outcomes = Vec::new();
        let mut ready = VecDeque::new();
        for (index, Step { candidate, action }) in plan.steps.iter().enumerate() {
            writes.push(Write::new(action, kept_in));
            outcomes.push(match action {
                Action::Keep(kept) => Some(Outcome::Unchanged(*kept)),
                _ => None,
            });
            if matches!(candidate.form, Form::Secret) && outcomes[index].is_none() {
                ready.push_back(index);
            }
        }
        Self {
            plan,
            writes,
            outcomes,
            total: u32::try_from(ready.len()).unwrap_or(u32::MAX),
            ready,
            unlisted: Vec::new(),
            stored: 0,
            in_flight: 0,
            pace: Pace::new(now),
            patience,
            give_up_at: now + patience,
            deadline: now + BATCH_LIMIT,
            waited: false,
            stopped: false,
            events: Vec::new(),
            told: Told::default(),
        }
    }

    /// The next request, as far as the limit of requests in flight allows one.
    fn next_request(&self) -> Option<Task> {
        if self.in_flight >= self.pace.limit {
            return None;
        }
        match self.ready.front() {
            Some(&index) if !self.stopped => Some(Task::Write(index, self.writes[index].existing.clone())),
            _ if self.in_flight == 0 && !self.unlisted.is_empty() => Some(Task::List),
            _ => None,
        }
    }

    /// The earliest time for the next request. The last list of a batch that stops does not wait.
    fn next_send(&self) -> Instant {
        if self.stopped {
            Instant::now()
        } else {
            self.pace.next_send()
        }
    }

    fn sent(&mut self, request: &Task, now: Instant) {
        self.pace.sent(now);
        self.in_flight += 1;
        if let Task::Write(index, _) = request {
            self.ready.pop_front();
            self.writes[*index].in_flight = true;
        }
    }

    /// Records the end of a request.
    fn finish(&mut self, request: &Task, sent_at: Instant, answer: Answer) {
        let now = Instant::now();
        self.in_flight -= 1;
        if let Err(error) = &answer {
            self.adapt(error, now, sent_at);
        }
        if let Task::Write(index, _) = request {
            self.writes[*index].in_flight = false;
        }
        match (request, answer) {
            (Task::Write(index, _), Ok(Done::Stored(id))) => self.stored(*index, id, now, sent_at),
            (Task::Write(index, _), Err(error)) => self.failed(*index, error),
            (Task::List, Ok(Done::Listed(ids))) => self.listed(&ids),
            (Task::List, Err(error)) => self.not_listed(&error),
            (Task::Write(..), Ok(Done::Listed(_))) | (Task::List, Ok(Done::Stored(_))) => {}
        }
        let next = self.pace.next_send().max(now);
        self.stopped |= next >= self.give_up_at.min(self.deadline);
        self.announce(next - now);
    }

    /// Adapts the pace to a failure.
    fn adapt(&mut self, error: &ApiError, now: Instant, sent_at: Instant) {
        if error.is_rate_limit() {
            let wait = error.retry_after.unwrap_or_default();
            self.pace.refused(now, sent_at, wait);
            // The first wait that the API asks for does not count as time without success.
            if !wait.is_zero() && !std::mem::replace(&mut self.waited, true) {
                self.give_up_at = self.give_up_at.max(now + wait + self.patience / 2);
            }
        } else if error.is_outage() || error.is_timeout() || error.is_transient() {
            self.pace.failed(now, sent_at);
        } else {
            self.pace.answered();
        }
    }

    fn stored(&mut self, index: usize, id: String, now: Instant, sent_at: Instant) {
        self.stored += 1;
        self.pace.accepted(now, sent_at, self.total - self.stored);
        self.outcomes[index] = Some(self.writes[index].stored(id));
        self.give_up_at = self.give_up_at.max(now + self.patience);
        self.waited = false;
        self.told.outage = false;
        self.events.push(Progress::Finished);
    }

    fn failed(&mut self, index: usize, error: ApiError) {
        let may_help = self.retry_may_help(index, &error);
        let next = self.writes[index].fail(error, may_help);
        self.proceed(index, next);
    }

    fn proceed(&mut self, index: usize, next: Followup) {
        match next {
            Followup::List => self.unlisted.push(index),
            Followup::Retry => self.ready.push_back(index),
            Followup::GiveUp => self.give_up(index),
        }
    }

    /// Whether another try of a failed write could help; counts the failure.
    fn retry_may_help(&mut self, index: usize, error: &ApiError) -> bool {
        if error.is_fatal() {
            self.stopped = true;
            return false;
        }
        let write = &mut self.writes[index];
        let may_pass = error.is_outage() || error.is_transient() || error.is_timeout();
        if self.total > 1 && error.is_rate_limit() {
            return true;
        }
        let (limit, others) = if self.total > 1 {
            (MAX_FAILURES_PER_WRITE, Some(self.stored))
        } else {
            (MAX_TRIES, None)
        };
        (may_pass || write.needs_list(error)) && write.count_failure(error, others) < limit
    }

    /// Decides every write that waited for this list.
    fn listed(&mut self, ids: &HashMap<String, String>) {
        for index in std::mem::take(&mut self.unlisted) {
            let name = self.plan.steps[index].candidate.name.as_str();
            let next = self.writes[index].listed(ids.get(name).map(String::as_str));
            self.proceed(index, next);
        }
    }

    fn not_listed(&mut self, error: &ApiError) {
        let transient = error.is_outage() || error.is_transient();
        if transient && !self.stopped && self.total > 1 {
            return;
        }
        for index in std::mem::take(&mut self.unlisted) {
            self.give_up(index);
        }
    }

    fn give_up(&mut self, index: usize) {
        self.outcomes[index] = Some(self.writes[index].outcome());
        self.events.push(Progress::Finished);
    }

    /// Announces a wait once per outage, and a rate limit once per batch.
    fn announce(&mut self, wait: Duration) {
        if self.stopped {
            return;
        }
        let is_long = wait >= SILENT_WAIT || self.pace.failures > SILENT_FAILURES;
        if is_long && !std::mem::replace(&mut self.told.outage, true) {
            self.events.push(Progress::Waiting {
                at_most: self.give_up_at.saturating_duration_since(Instant::now()),
            });
        }
        let goes_on = self.pace.failures == 0 && self.stored < self.total;
        if self.pace.is_limited() && goes_on && !std::mem::replace(&mut self.told.limit, true) {
            self.events.push(Progress::SlowedDown);
        }
    }

    /// The outcome of every step.
    fn into_outcomes(self) -> Vec<Outcome> {
        let ended = self.outcomes.into_iter().zip(&self.writes);
        ended
            .map(|(outcome, write)| outcome.unwrap_or_else(|| write.outcome()))
            .collect()
    }
}

#[cfg(test)]
mod tests;
