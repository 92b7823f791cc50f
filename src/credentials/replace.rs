//! Puts a credential in the place of another, so that one of the two is there in the end.
//!
//! The API has no update and allows one credential per place, so the old one must go before the
//! new one can come. Whatever stops that in the middle, what is there is looked up, and the old one
//! is put back where nothing is.

use std::time::Duration;

use tokio::time::{sleep, timeout};

use crate::api::{Api, ApiError, CredentialSummary, Effect, NewCredential};
use crate::error::Error;
use crate::net::retry::backoff;
use crate::provider::Provider;
use crate::secret::Scope;
use crate::system::signals::Interrupt;

/// How often, and how long, to try to put the old one back.
const ROUNDS: u32 = 5;
const PATIENCE: Duration = Duration::from_secs(45);
const TRIES: u32 = 3;

/// How a replacement ended.
#[derive(Debug)]
pub(crate) enum Replaced {
    /// The new one is stored.
    Done { id: String },
    /// The old one was not touched, and why.
    Kept { why: Error },
    /// The old one was deleted and put back under another id, and why.
    Restored { id: String, why: Error },
    /// Somebody else's is there now, and why ours is not.
    Overtaken { why: Error },
    /// Neither could be stored; the old one is gone for certain, or perhaps.
    Lost { certainly: bool, why: Error },
}

/// The credential that stands where one of this name and scope would: in org scope the
/// provider's only one, whatever its name.
pub(crate) fn occupant<'a>(
    stored: &'a [CredentialSummary],
    name: &str,
    scope: Scope,
) -> Option<&'a CredentialSummary> {
    stored
        .iter()
        .find(|held| held.scope == scope.as_str() && (scope == Scope::Org || held.name == name))
}

/// Creates a credential where nothing stands. When the answer is lost, what is there decides.
pub(crate) async fn store(api: &Api, provider: &Provider, new: &NewCredential) -> Result<String, ApiError> {
    let mut tries = 0;
    loop {
        tries += 1;
        let error = match api.create_credential(provider, new).await {
            Err(error) if error.effect == Effect::Unknown => error,
            decided => return decided,
        };
        let Ok(stored) = api.list_credentials(provider).await else {
            return Err(error);
        };
        let held = occupant(&stored, &new.name, new.scope);
        if let Some(ours) = held.filter(|held| held.name == new.name) {
            return Ok(ours.id.clone());
        }
        if held.is_some() || tries >= TRIES {
            return Err(ApiError {
                effect: Effect::None,
                ..error
            });
        }
        sleep(backoff(tries)).await;
    }
}

/// Replaces `old` by `new`. `backup` is the old one with its value, where that could be fetched.
/// A signal stops the way forward, never the way back, and never the deletion: one that was cut
/// off may still be carried out after it was looked for.
pub(crate) async fn replace(
    api: &Api,
    provider: &Provider,
    old: &CredentialSummary,
    backup: Option<&NewCredential>,
    new: &NewCredential,
    interrupt: &Interrupt,
) -> Replaced {
    let mut progress = Progress::Deleted;
    let why = match api.delete_credential(provider, &old.id).await {
        Err(error) if error.effect == Effect::None => return Replaced::Kept { why: error.into() },
        Err(error) => {
            progress = Progress::MaybeDeleted;
            error.into()
        }
        Ok(()) => match interrupt.or(async { Ok(store(api, provider, new).await) }).await {
            Ok(Ok(id)) => return Replaced::Done { id },
            Ok(Err(error)) => {
                if error.effect == Effect::Unknown {
                    progress = Progress::MaybeCreated;
                }
                error.into()
            }
            Err(stopped) => {
                progress = Progress::MaybeCreated;
                stopped
            }
        },
    };
    let back = put_back(api, provider, old, backup, new, progress);
    match timeout(PATIENCE, back).await {
        Ok(Some(Standing::Old)) => Replaced::Kept { why },
        Ok(Some(Standing::PutBack(id))) => Replaced::Restored { id, why },
        Ok(Some(Standing::New(id))) => Replaced::Done { id },
        Ok(Some(Standing::Other)) => Replaced::Overtaken { why },
        Ok(None) | Err(_) => Replaced::Lost {
            certainly: progress != Progress::MaybeDeleted,
            why,
        },
    }
}

/// How far a replacement came that did not come to its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Progress {
    MaybeDeleted,
    Deleted,
    /// The new one may be there without our having been told so.
    MaybeCreated,
}

/// What stands in the place after all.
enum Standing {
    Old,
    PutBack(String),
    New(String),
    Other,
}

/// There is nothing that could be put back.
struct NoBackup;

async fn put_back(
    api: &Api,
    provider: &Provider,
    old: &CredentialSummary,
    backup: Option<&NewCredential>,
    new: &NewCredential,
    progress: Progress,
) -> Option<Standing> {
    for round in 1..=ROUNDS {
        let tried = async {
            let stored = api.list_credentials(provider).await?;
            Ok(Ok(match occupant(&stored, &new.name, new.scope) {
                // A deletion that got no answer may still be on its way: it is given some time.
                Some(held) if held.id == old.id => {
                    (progress != Progress::MaybeDeleted || round == ROUNDS).then_some(Standing::Old)
                }
                Some(held) if progress == Progress::MaybeCreated && held.name == new.name => {
                    Some(Standing::New(held.id.clone()))
                }
                Some(_) => Some(Standing::Other),
                None => match backup {
                    Some(backup) => Some(Standing::PutBack(store(api, provider, backup).await?)),
                    None => return Ok(Err(NoBackup)),
                },
            }))
        };
        match tried.await {
            Ok(Ok(None)) => sleep(backoff(round)).await,
            Ok(Ok(standing)) => return standing,
            // Nothing to put back; or a key that is no longer accepted, which stays so.
            Ok(Err(NoBackup))
            | Err(ApiError {
                status: Some(401), ..
            }) => return None,
            Err(_) => sleep(backoff(round)).await,
        }
    }
    None
}
