//! Creates a credential, or replaces an old one, performing the steps that `decide.rs` returns.

use std::time::Duration;

use tokio::time::{Instant, sleep, timeout, timeout_at};

pub(crate) use super::decide::Ending;
use super::decide::{Decisions, Listed, NextStep, ReplaceStep, StepReply};
use crate::api::{Api, ApiError, CredentialSummary, NewCredential};
use crate::error::{Error, Kind};
use crate::net::retry::backoff;
use crate::provider::Provider;
use crate::secret::Scope;
use crate::system::signals::Interrupt;

/// Maximum time to delete the old credential and store the new one.
const REPLACE_TIMEOUT: Duration = Duration::from_secs(35);
/// Maximum time to restore the old credential or, without its value, to store the new one.
const RESTORE_TIMEOUT: Duration = Duration::from_secs(25);
/// How long to wait for a reply after a signal, if the step may stop.
const SIGNAL_GRACE: Duration = Duration::from_millis(500);

/// The credential to replace.
pub(crate) struct Old<'a> {
    pub(crate) id: &'a str,
    /// The old credential with its value, if that could be fetched.
    pub(crate) backup: Option<&'a NewCredential>,
}

/// The result of storing or replacing a credential.
pub(crate) struct ReplaceOutcome {
    pub(crate) ending: Ending,
    /// The last failure in storing the new credential.
    pub(crate) failure: Option<ApiError>,
    /// The signal received meanwhile.
    pub(crate) signal: Option<Kind>,
}

impl ReplaceOutcome {
    /// Why the new credential is not stored.
    pub(crate) fn reason(&self) -> Error {
        match (self.signal, &self.failure) {
            (Some(signal), _) => Error::new(signal, "interrupted"),
            (None, Some(failure)) => failure.clone().into(),
            (None, None) => Error::new(Kind::Unreachable, "the API did not answer in time"),
        }
    }
}

/// Whether a new credential with this name and scope would replace `entry`. In org scope, a provider has only
/// one, whatever its name.
pub(crate) fn is_in_place(entry: &CredentialSummary, name: &str, scope: Scope) -> bool {
    entry.scope == *scope.as_str() && (scope.is_shared() || entry.name == *name)
}

/// Creates `new`, in place of `old` if there is one. `on_signal` is called if a signal arrives while an
/// old credential is being replaced.
pub(crate) async fn create_or_replace(
    api: &Api,
    provider: &Provider,
    new: &NewCredential,
    old: Option<Old<'_>>,
    interrupt: &Interrupt,
    on_signal: impl Fn(),
) -> ReplaceOutcome {
    let (decisions, next) = match &old {
        Some(old) => Decisions::replace(old.backup.is_some()),
        None => Decisions::create_only(),
    };
    let mut replacement = Replacement {
        api,
        provider,
        new,
        old,
        decisions,
        failure: None,
        signal: None,
        deadline: Instant::now() + REPLACE_TIMEOUT,
    };
    let ending = replacement.run(next, interrupt, on_signal).await;
    ReplaceOutcome {
        ending,
        failure: replacement.failure,
        signal: replacement.signal,
    }
}

struct Replacement<'a> {
    api: &'a Api,
    provider: &'a Provider,
    new: &'a NewCredential,
    old: Option<Old<'a>>,
    decisions: Decisions,
    failure: Option<ApiError>,
    signal: Option<Kind>,
    deadline: Instant,
}

/// The result of a step.
enum StepResult {
    Replied(std::result::Result<String, ApiError>),
    Listed(Listed),
    /// There was no reply before the deadline, or soon enough after a signal.
    Unanswered,
}

impl Replacement<'_> {
    async fn run(&mut self, mut next: NextStep, interrupt: &Interrupt, on_signal: impl Fn()) -> Ending {
        let mut goes_on = false;
        loop {
            let NextStep { wait, step } = next;
            if let ReplaceStep::Finish(ending) = step {
                return ending;
            }
            if self.decisions.must_go_on() && !goes_on {
                goes_on = true;
                self.deadline = Instant::now() + RESTORE_TIMEOUT;
            }
            if goes_on && Instant::now() >= self.deadline {
                return Ending::Unknown;
            }
            let (event, signal) = self.perform(wait, &step, interrupt, &on_signal).await;
            if let Some(kind) = signal {
                self.signal = Some(kind);
                self.decisions.interrupt();
            }
            next = self.decide(&step, event);
        }
    }

    /// Performs one step, and returns the signal received meanwhile. A signal shortens the wait for a
    /// reply, unless the step must go on.
    async fn perform(
        &self,
        wait: u32,
        step: &ReplaceStep,
        interrupt: &Interrupt,
        on_signal: &impl Fn(),
    ) -> (StepResult, Option<Kind>) {
        let work = async {
            sleep(backoff(wait)).await;
            self.request(step).await
        };
        let work = timeout_at(self.deadline, work);
        tokio::pin!(work);
        let mut signal = None;
        if self.signal.is_none() {
            let kind = tokio::select! {
                biased;
                kind = interrupt.wait() => kind,
                event = &mut work => return (event.unwrap_or(StepResult::Unanswered), None),
            };
            if self.old.is_some() {
                on_signal();
            }
            signal = Some(kind);
        }
        let answered = if self.decisions.must_go_on() {
            work.await
        } else {
            timeout(SIGNAL_GRACE, work).await.and_then(|answered| answered)
        };
        (answered.unwrap_or(StepResult::Unanswered), signal)
    }

    async fn request(&self, step: &ReplaceStep) -> StepResult {
        let Self {
            api, provider, new, ..
        } = self;
        match (step, &self.old) {
            (ReplaceStep::Delete, Some(old)) => {
                let deleted = api.delete_credential(provider, old.id).await;
                StepResult::Replied(deleted.map(|()| String::new()))
            }
            (
                ReplaceStep::Restore,
                Some(Old {
                    backup: Some(backup), ..
                }),
            ) => StepResult::Replied(api.create_credential(provider, backup).await),
            (ReplaceStep::Create, _) => StepResult::Replied(api.create_credential(provider, new).await),
            _ => StepResult::Listed(self.list().await),
        }
    }

    fn decide(&mut self, step: &ReplaceStep, event: StepResult) -> NextStep {
        match (event, step) {
            (StepResult::Listed(listed), _) => self.decisions.listed(listed),
            (StepResult::Unanswered, ReplaceStep::List) => self.decisions.listed(Listed::Unreadable),
            (StepResult::Unanswered, _) => self.decisions.replied(StepReply::Unknown),
            (StepResult::Replied(Ok(id)), _) => self.decisions.replied(StepReply::Done(id)),
            (StepResult::Replied(Err(error)), step) => {
                let reply = reply_of(step, &error);
                if *step != ReplaceStep::Restore {
                    self.failure = Some(error);
                }
                self.decisions.replied(reply)
            }
        }
    }

    /// Lists the credentials in the place of the new one. Most are distinguished by name and type;
    /// otherwise the values are compared.
    async fn list(&self) -> Listed {
        let Ok(stored) = self.api.list_credentials(self.provider).await else {
            return Listed::Unreadable;
        };
        let mut listed = Listed::Empty;
        for entry in &stored {
            if is_in_place(entry, &self.new.name, self.new.scope) {
                listed = more_significant(listed, self.examine(entry).await);
            }
        }
        listed
    }

    async fn examine(&self, entry: &CredentialSummary) -> Listed {
        let backup = self.old.as_ref().and_then(|old| old.backup);
        let is_old = self.old.as_ref().is_some_and(|old| entry.id == *old.id);
        let could_be = |credential: &NewCredential| {
            let kind = entry.kind.as_ref();
            entry.name == *credential.name && kind.is_none_or(|kind| *kind == *credential.kind.as_str())
        };
        let (could_be_new, could_be_old) = (could_be(self.new), backup.is_some_and(could_be));
        if !is_old && !could_be_new && !could_be_old {
            return Listed::Other;
        }
        let revealed = self.api.reveal_credential(self.provider, entry.id.as_sent());
        let value = match revealed.await {
            Err(error) if error.is_not_found() => return Listed::Empty,
            _ if is_old => return Listed::Old,
            Err(_) => return Listed::Undecided,
            Ok(value) => value,
        };
        if could_be_new && value == self.new.value {
            Listed::New(self.api.shown(&entry.id))
        } else if could_be_old && backup.is_some_and(|backup| backup.value == value) {
            Listed::Restored(self.api.shown(&entry.id))
        } else {
            Listed::Other
        }
    }
}

fn reply_of(step: &ReplaceStep, error: &ApiError) -> StepReply {
    // A delete that finds nothing: another writer may have deleted the credential.
    let perhaps_gone = *step == ReplaceStep::Delete && error.is_not_found();
    if error.in_doubt || perhaps_gone {
        StepReply::Unknown
    } else if error.status() == Some(409) {
        StepReply::Taken
    } else if error.is_transient() {
        StepReply::Busy
    } else {
        StepReply::Refused
    }
}

/// Returns the more significant of two credentials in the same place.
fn more_significant(one: Listed, other: Listed) -> Listed {
    let rank = |listed: &Listed| match listed {
        Listed::Empty | Listed::Unreadable => 0,
        Listed::Old => 1,
        Listed::Other => 2,
        Listed::Undecided => 3,
        Listed::Restored(_) => 4,
        Listed::New(_) => 5,
    };
    if rank(&other) > rank(&one) { other } else { one }
}
