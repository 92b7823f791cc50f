//! Carries out a plan: many writes at once, and an outcome for every secret whatever happens.

use std::collections::VecDeque;

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use tokio::task::yield_now;
use tokio::time::sleep;

use crate::api::{Api, ApiError, Effect, SecretSummary};
use crate::error::{Error, Kind};
use crate::formats::escape;
use crate::net::retry::backoff;
use crate::push::candidate::Candidate;
use crate::push::plan::{Action, Plan, Step};
use crate::secret::Scope;
use crate::system::signals::Interrupt;

/// How often a create whose effect is unknown is looked after before it is given up.
const TRIES: u32 = 3;
/// After this many troubles in a row, none of them a refusal, the rest is not attempted.
const HOPELESS: u32 = 3;
const AGAIN: &str = "the same command again carries on from what is stored";

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
    /// The write was sent, and nobody can say whether it was carried out.
    Unknown {
        why: String,
    },
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
        let unknown = self.count(|outcome| matches!(outcome, Outcome::Unknown { .. }));
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
        if stored > 0 || unknown > 0 {
            return Some(Error::new(Kind::Partial, message).hint(AGAIN));
        }
        let failures = self.outcomes.iter().filter_map(|(_, outcome)| match outcome {
            Outcome::Failed(error) => Some(error),
            _ => None,
        });
        // The failure that made the others pointless says most.
        let cause = failures.max_by_key(|error| error.is_fatal());
        Some(cause.map_or_else(
            || Error::new(Kind::Refused, &message),
            |cause| {
                let cause = Error::from(cause.clone());
                Error {
                    message: format!("{message}: {}", cause.message),
                    ..cause
                }
            },
        ))
    }
}

impl Outcome {
    pub(crate) fn is_stored(&self) -> bool {
        matches!(self, Self::Created { .. } | Self::Updated { .. })
    }
}

/// Writes every step of a plan that holds no conflict. `on_done` hears of each finished step.
pub(crate) async fn apply(api: &Api, plan: &Plan, interrupt: &Interrupt, on_done: impl Fn()) -> Applied {
    let mut outcomes: Vec<Option<Outcome>> = plan.steps.iter().map(|_| None).collect();
    let mut waiting: VecDeque<usize> = (0..plan.steps.len()).collect();
    let mut in_flight = FuturesUnordered::new();
    // Steps that the API was too busy for. They come back as long as others get through.
    let mut postponed = Vec::new();
    let mut stored_since_postponed = false;
    // Troubles in a row; once there are too many, a late success changes nothing.
    let mut troubles = 0;
    let mut stopped_by = None;

    loop {
        while in_flight.len() < api.concurrency().limit() && troubles < HOPELESS {
            let Some(index) = waiting.pop_front() else { break };
            outcomes[index] = Some(Outcome::Unknown {
                why: "stopped while it was written".to_owned(),
            });
            let step = &plan.steps[index];
            in_flight.push(async move { (index, write(api, step, plan.scope).await) });
        }
        let (index, outcome) = tokio::select! {
            kind = interrupt.wait() => {
                stopped_by = Some(kind);
                break;
            }
            finished = in_flight.next() => match finished {
                Some(finished) => finished,
                None if stored_since_postponed && !postponed.is_empty() => {
                    waiting.extend(postponed.drain(..));
                    stored_since_postponed = false;
                    continue;
                }
                None => break,
            },
        };
        match &outcome {
            Outcome::Created { .. } | Outcome::Updated { .. } => {
                stored_since_postponed = true;
                troubles = if troubles < HOPELESS { 0 } else { troubles };
            }
            Outcome::Failed(error) if error.is_fatal() => troubles = HOPELESS,
            Outcome::Failed(error) if error.kind == Kind::Refused => {}
            Outcome::Failed(error) if error.is_throttle() => {
                postponed.push(index);
                troubles += 1;
            }
            _ => troubles += 1,
        }
        outcomes[index] = Some(outcome);
        on_done();
        // Lets the connection go back to the pool before the next write looks for one.
        yield_now().await;
    }
    let names = plan.steps.iter().map(|step| step.candidate.name.to_string());
    let outcomes = outcomes
        .into_iter()
        .map(|outcome| outcome.unwrap_or(Outcome::NotAttempted));
    Applied {
        scope: plan.scope,
        outcomes: names.zip(outcomes).collect(),
        unchanged: plan
            .unchanged
            .iter()
            .map(|candidate| candidate.name.to_string())
            .collect(),
        stopped_by,
    }
}

/// Writes one secret until it is certain that it is stored, or that it is not.
///
/// A create is never simply repeated: when its effect is unknown, or the name turns out to be
/// taken, the vault is listed and the write goes on from what is there.
async fn write(api: &Api, step: &Step, scope: Scope) -> Outcome {
    let Candidate { name, value, .. } = &step.candidate;
    let mut existing = match &step.action {
        Action::Update { id } => Some(id.clone()),
        Action::Create => None,
    };
    // Whether a create of ours may be what put the secret there.
    let mut maybe_ours = false;
    let mut tries = 0;
    loop {
        tries += 1;
        let creating = existing.is_none();
        let (error, doubtful) = if let Some(id) = existing {
            match api.update_secret(&id, value).await {
                Ok(()) if maybe_ours => return Outcome::Created { id },
                Ok(()) => return Outcome::Updated { id },
                // Deleted by somebody since it was listed.
                Err(error) if error.status == Some(404) => (error, false),
                Err(error) if error.effect == Effect::Unknown => return unknown(&error),
                Err(error) => return Outcome::Failed(error),
            }
        } else {
            match api.create_secret(name, value, scope).await {
                Ok(id) => return Outcome::Created { id },
                Err(error) if error.effect == Effect::Unknown => (error, true),
                Err(error) if error.status == Some(409) => (error, false),
                Err(error) => return Outcome::Failed(error),
            }
        };
        existing = match api.list_secrets().await {
            Ok(list) => find(&list, name.as_str(), scope),
            Err(_) if doubtful => return unknown(&error),
            Err(_) => return Outcome::Failed(error),
        };
        maybe_ours |= doubtful && existing.is_some();
        // What a create put there, or found there, is updated however many tries it took.
        if creating && existing.is_some() {
            continue;
        }
        // What is not there after all was not stored: say so, unless another try may help. A
        // name that is taken but not to be seen, and a side that is not the API, stay so.
        let pointless = creating && (error.status == Some(409) || error.kind == Kind::Contract);
        if tries >= TRIES || pointless {
            return Outcome::Failed(ApiError {
                effect: Effect::None,
                ..error
            });
        }
        if doubtful {
            sleep(backoff(tries)).await;
        }
    }
}

fn unknown(error: &ApiError) -> Outcome {
    Outcome::Unknown {
        why: error.message.clone(),
    }
}

fn find(list: &[SecretSummary], name: &str, scope: Scope) -> Option<String> {
    let same = |stored: &&SecretSummary| stored.name == name && stored.scope == scope.as_str();
    list.iter().find(same).map(|stored| stored.id.clone())
}
