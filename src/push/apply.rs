//! Carries out a plan: many writes at once, and an outcome for every secret whatever happens.

use std::collections::HashSet;
use std::time::Duration;

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use tokio::task::yield_now;
use tokio::time::{Instant, sleep_until};

use crate::api::{Api, ApiError};
use crate::error::{Error, Kind};
use crate::formats::escape;
use crate::push::batch::{Batch, Finished, Job};
use crate::push::candidate::Candidate;
use crate::push::plan::Plan;
use crate::secret::Scope;
use crate::system::signals::Interrupt;

const AGAIN: &str = "run the same command again to continue";

/// What became of one secret.
#[derive(Debug, Clone)]
pub(crate) enum Outcome {
    Created {
        id: String,
    },
    Updated {
        id: String,
    },
    /// Not stored: the API said no, or could not be reached.
    Failed(ApiError),
    /// The write was sent and may have been carried out. Without an error, a signal stopped it.
    Unknown(Option<ApiError>),
    NotAttempted,
}

/// What became of the whole plan.
pub(crate) struct Applied {
    pub(crate) scope: Scope,
    /// Name and outcome, in the plan's order.
    pub(crate) outcomes: Vec<(String, Outcome)>,
    /// Names that the vault had already, and that were not written.
    pub(crate) unchanged: Vec<String>,
    /// The signal that cut it short.
    pub(crate) stopped_by: Option<Kind>,
}

impl Applied {
    pub(crate) fn count(&self, matches: impl Fn(&Outcome) -> bool) -> usize {
        self.outcomes
            .iter()
            .filter(|(_, outcome)| matches(outcome))
            .count()
    }

    /// Why the command did not succeed, `None` when every secret is stored.
    pub(crate) fn error(&self) -> Option<Error> {
        let stored = self.count(Outcome::is_stored);
        let unknown = self.count(|outcome| matches!(outcome, Outcome::Unknown(_)));
        let missing = self.outcomes.len() - stored;
        if let Some(kind) = self.stopped_by {
            let message = format!(
                "stopped; {stored} stored, {unknown} unknown, {} not",
                missing - unknown
            );
            return Some(Error::new(kind, message).hint(AGAIN));
        }
        if missing == 0 {
            return None;
        }
        let message = format!(
            "{missing} of {} not stored",
            escape::count(self.outcomes.len(), "secret")
        );
        let errors = || self.outcomes.iter().filter_map(|(_, outcome)| outcome.error());
        let is_the_api = errors().any(|error| error.kind() != Kind::Contract);
        if stored > 0 || (unknown > 0 && is_the_api) {
            return Some(Error::new(Kind::Partial, message).hint(AGAIN));
        }
        // The failure that made the others pointless says most.
        let cause = errors().max_by_key(|error| error.is_fatal());
        Some(cause.map_or_else(
            || Error::new(Kind::Refused, &message),
            |cause| Error::from(cause.clone()).context(&message),
        ))
    }
}

impl Outcome {
    pub(crate) fn is_stored(&self) -> bool {
        matches!(self, Self::Created { .. } | Self::Updated { .. })
    }

    /// The error that the secret is not stored for, or not for certain.
    pub(crate) fn error(&self) -> Option<&ApiError> {
        match self {
            Self::Failed(error) => Some(error),
            Self::Unknown(error) => error.as_ref(),
            _ => None,
        }
    }
}

/// What happens while a plan is carried out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Event {
    /// A secret has its outcome.
    Finished,
    /// The API does not answer, or asked to wait.
    Waiting { at_most: Duration },
    /// It takes writes again.
    Resumed,
    /// It takes only so many writes a second.
    SlowedDown,
}

/// Writes every step of a plan that holds no conflict.
pub(crate) async fn apply(
    api: &Api,
    plan: &Plan,
    interrupt: &Interrupt,
    mut on_event: impl FnMut(Event),
) -> Applied {
    let mut batch = Batch::new(api, plan);
    let mut running = FuturesUnordered::new();
    let mut writing = HashSet::new();
    let mut stopped_by = None;
    loop {
        while let Some(job) = batch.next_job() {
            if let Job::Write(index) = job {
                writing.insert(index);
            }
            running.push(run(api, plan, job, &batch));
        }
        let wake_at = batch.wake_at();
        if batch.in_flight == 0 && wake_at.is_none() {
            break;
        }
        tokio::select! {
            kind = interrupt.wait() => {
                batch.interrupt(writing);
                stopped_by = Some(kind);
                break;
            }
            Some(finished) = running.next() => {
                if let Finished::Write(index, ..) = &finished {
                    writing.remove(index);
                }
                batch.finish(finished, &mut on_event);
            }
            () = sleep_until(wake_at.unwrap_or_else(Instant::now)), if wake_at.is_some() => {}
        }
        // Lets the connection go back to the pool before the next write looks for one.
        yield_now().await;
    }
    let names = plan.steps.iter().map(|step| step.candidate.name.to_string());
    Applied {
        scope: plan.scope,
        outcomes: names.zip(batch.into_outcomes()).collect(),
        unchanged: plan
            .unchanged
            .iter()
            .map(|candidate| candidate.name.to_string())
            .collect(),
        stopped_by,
    }
}

/// Sends one request of the batch.
fn run<'a>(
    api: &'a Api,
    plan: &'a Plan,
    job: Job,
    batch: &Batch<'_>,
) -> impl Future<Output = Finished> + use<'a> {
    let existing = match job {
        Job::Write(index) => batch.existing(index),
        Job::List => None,
    };
    async move {
        let index = match job {
            Job::Write(index) => index,
            Job::List => return Finished::List(api.list_secrets_once().await),
        };
        let Candidate { name, value, .. } = &plan.steps[index].candidate;
        let started = Instant::now();
        let result = match existing {
            Some(id) => api
                .update_secret(&id, value)
                .await
                .map(|()| api.without_secrets(&id)),
            None => api.create_secret(name, value, plan.scope).await,
        };
        Finished::Write(index, result, started.elapsed())
    }
}
