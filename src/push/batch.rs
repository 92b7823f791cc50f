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

/// The reply to it.
enum Reply {
    /// The step of the plan, and the id of the written secret.
    Write(usize, Result<String, ApiError>),
    /// The ids of the secrets in the plan's scope, by name.
    List(Result<HashMap<String, String>, ApiError>),
}

/// Writes every generic secret of a plan without conflicts. Returns the outcome of each step, and the signal
/// that interrupted the batch.
pub(crate) async fn write(
    api: &Api,
    plan: &Plan,
    interrupt: &Interrupt,
    on_event: impl FnMut(Progress),
) -> (Vec<Outcome>, Option<Kind>) {
    let write = async |step: usize, existing: Option<String>| {
        let Candidate { name, value, .. } = &plan.steps[step].candidate;
        let Some(id) = existing else {
            return api.create_secret(name, value, plan.scope).await;
        };
        api.update_secret(&id, name, value, plan.scope).await?;
        Ok(api.known_secrets.show(&id, None))
    };
    let list = async || {
        let list = api.list_secrets(Repeat::Never).await?;
        let in_scope = list.iter().filter(|stored| stored.scope == *plan.scope.as_str());
        let ids = in_scope.map(|stored| (stored.name.as_sent(), stored.id.as_sent()));
        Ok(ids.map(|(name, id)| (name.to_owned(), id.to_owned())).collect())
    };
    let send = async |task: Task| match task {
        Task::Write(step, existing) => Reply::Write(step, write(step, existing).await),
        Task::List => Reply::List(list().await),
    };
    drive(plan, api.timeout, interrupt, send, on_event).await
}

/// Sends requests until every write has an outcome. `patience` is how long it goes on without a
/// success.
async fn drive(
    plan: &Plan,
    patience: Duration,
    interrupt: &Interrupt,
    send: impl AsyncFn(Task) -> Reply,
    mut on_event: impl FnMut(Progress),
) -> (Vec<Outcome>, Option<Kind>) {
    let mut batch = Batch::new(plan, patience, Instant::now());
    let mut running = FuturesUnordered::new();
    let mut stopped_by = None;
    loop {
        while let Some(task) = batch.next_task(running.len())
            && batch.next_send() <= Instant::now()
        {
            let sent_at = Instant::now();
            batch.sent(&task, sent_at);
            let reply = send(task);
            running.push(async move { (sent_at, reply.await) });
        }
        let wake_at = batch.next_task(running.len()).map(|_| batch.next_send());
        if running.is_empty() && wake_at.is_none() {
            break;
        }
        tokio::select! {
            kind = interrupt.wait() => {
                stopped_by = Some(kind);
                break;
            }
            Some((sent_at, reply)) = running.next() => {
                batch.finish(sent_at, reply);
                batch.events.drain(..).for_each(&mut on_event);
            }
            () = sleep_until(wake_at.unwrap_or_else(Instant::now)), if wake_at.is_some() => {}
        }
        // Lets the connection return to the pool before the next write needs one.
        yield_now().await;
    }
    (
        batch.writes.into_iter().map(|write| write.outcome).collect(),
        stopped_by,
    )
}

/// The writes of a plan: waiting, in flight, or in doubt.
struct Batch<'a> {
    plan: &'a Plan,
    writes: Vec<Write>,
    ready: VecDeque<usize>,
    /// Writes that wait for a list.
    unlisted: Vec<usize>,
    /// Number of writes.
    total: u32,
    stored: u32,
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
    /// Whether the current outage or wait was announced.
    outage_announced: bool,
}

impl<'a> Batch<'a> {
    fn new(plan: &'a Plan, patience: Duration, now: Instant) -> Self {
        let kept_in = plan.if_missing.then_some(plan.scope);
        let new = |step: &Step| Write::new(&step.action, kept_in);
        let is_write = |(_, step): &(usize, &Step)| {
            matches!(step.candidate.form, Form::Secret) && !matches!(step.action, Action::Keep(_))
        };
        let steps = plan.steps.iter().enumerate().filter(is_write);
        let ready: VecDeque<_> = steps.map(|(index, _)| index).collect();
        Self {
            plan,
            writes: plan.steps.iter().map(new).collect(),
            total: u32::try_from(ready.len()).unwrap_or(u32::MAX),
            ready,
            unlisted: Vec::new(),
            stored: 0,
            pace: Pace::new(now),
            patience,
            give_up_at: now + patience,
            deadline: now + BATCH_LIMIT,
            waited: false,
            stopped: false,
            events: Vec::new(),
            outage_announced: false,
        }
    }

    /// The next request, if the limit of requests in flight allows one.
    fn next_task(&self, in_flight: usize) -> Option<Task> {
        if in_flight >= self.pace.limit {
            return None;
        }
        match self.ready.front() {
            Some(&index) if !self.stopped => Some(Task::Write(index, self.writes[index].existing.clone())),
            _ => (in_flight == 0 && !self.unlisted.is_empty()).then_some(Task::List),
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

    fn sent(&mut self, task: &Task, now: Instant) {
        self.pace.sent(now);
        if let Task::Write(index, _) = task {
            self.ready.pop_front();
            self.writes[*index].sent();
        }
    }

    /// Records the end of a request.
    fn finish(&mut self, sent_at: Instant, reply: Reply) {
        let now = Instant::now();
        self.pace.ended(now, sent_at);
        if let Reply::Write(_, Err(error)) | Reply::List(Err(error)) = &reply {
            self.adapt(error, now, sent_at);
        }
        match reply {
            Reply::Write(index, Ok(id)) => {
                self.stored += 1;
                self.pace.accepted(now, sent_at, self.total - self.stored);
                self.give_up_at = self.give_up_at.max(now + self.patience);
                self.waited = false;
                self.outage_announced = false;
                self.writes[index].stored(id);
                self.events.push(Progress::Finished);
                if self.pace.has_just_begun() && self.stored < self.total {
                    self.events.push(Progress::SlowedDown);
                }
            }
            Reply::Write(index, Err(error)) => {
                let may_help = self.retry_may_help(index, &error);
                let next = self.writes[index].fail(error, may_help);
                self.proceed(index, next);
            }
            Reply::List(Ok(ids)) => {
                for index in std::mem::take(&mut self.unlisted) {
                    let name = self.plan.steps[index].candidate.name.as_str();
                    let next = self.writes[index].listed(ids.get(name).map(String::as_str));
                    self.proceed(index, next);
                }
            }
            Reply::List(Err(error)) => {
                let retry = !self.stopped && self.total > 1 && (error.is_outage() || error.is_transient());
                if !retry {
                    for index in std::mem::take(&mut self.unlisted) {
                        self.proceed(index, Followup::GiveUp);
                    }
                }
            }
        }
        let next = self.pace.next_send().max(now);
        self.stopped |= next >= self.give_up_at.min(self.deadline);
        let is_long = next - now >= SILENT_WAIT || self.pace.failures > SILENT_FAILURES;
        if is_long && !self.stopped && !std::mem::replace(&mut self.outage_announced, true) {
            let at_most = self.give_up_at - now;
            self.events.push(Progress::Waiting { at_most });
        }
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
        } else if may_pass(error) {
            self.pace.failed(now, sent_at);
        } else {
            self.pace.answered();
        }
    }

    fn proceed(&mut self, index: usize, next: Followup) {
        match next {
            Followup::List => self.unlisted.push(index),
            Followup::Retry => self.ready.push_back(index),
            Followup::GiveUp => self.events.push(Progress::Finished),
        }
    }

    /// Whether another try of a failed write could help; counts the failure.
    fn retry_may_help(&mut self, index: usize, error: &ApiError) -> bool {
        if error.is_fatal() {
            self.stopped = true;
            return false;
        }
        if self.total > 1 && error.is_rate_limit() {
            return true;
        }
        let (limit, others) = if self.total > 1 {
            (MAX_FAILURES_PER_WRITE, Some(self.stored))
        } else {
            (MAX_TRIES, None)
        };
        let write = &mut self.writes[index];
        (may_pass(error) || write.needs_list(error)) && write.count_failure(error, others) < limit
    }
}

/// Whether a failure may pass with time.
fn may_pass(error: &ApiError) -> bool {
    error.is_outage() || error.is_transient() || error.is_timeout()
}

#[cfg(test)]
mod tests;
