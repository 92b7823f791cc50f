//! Carries out a plan with concurrent writes, and records an outcome for every secret.

use std::collections::HashSet;

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use tokio::task::{spawn_blocking, yield_now};
use tokio::time::{Duration, Instant, sleep_until};

use crate::api::Api;
use crate::push::batch::{Batch, Finished, Job};
use crate::push::candidate::Candidate;
use crate::push::outcome::{Applied, Event};
use crate::push::plan::Plan;
use crate::system::signals::Interrupt;

/// Shorter waits need a more exact timer than tokio's.
const SHORT_WAIT: Duration = Duration::from_millis(2);

/// Writes every step of a plan without conflicts.
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
            () = wait_until(wake_at.unwrap_or_else(Instant::now)), if wake_at.is_some() => {}
        }
        // Lets the connection return to the pool before the next write needs one.
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

/// Waits until `at`. Short waits are made on a thread, because the timers of tokio have a resolution of
/// a millisecond, which is the interval of 1,000 requests per second.
async fn wait_until(at: Instant) {
    let wait = at.saturating_duration_since(Instant::now());
    if wait < SHORT_WAIT {
        // Fails only if the runtime is shut down.
        let _ = spawn_blocking(move || std::thread::sleep(wait)).await;
    } else {
        sleep_until(at).await;
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
