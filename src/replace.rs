//! Puts a credential in the place of another, so that one of the two is there in the end.
//!
//! The API has no update and allows one credential per place, so the old one must go before the
//! new one can come. Whatever stops that in the middle, what is there is looked up, and the old one
//! is put back where nothing is.

use std::time::Duration;

use tokio::time::{sleep, timeout};

use crate::api::{Api, ApiError, CredentialSummary, Effect, NewCredential};
use crate::error::Error;
use crate::http::backoff;
use crate::interrupt::Interrupt;
use crate::provider::Provider;
use crate::secret::Scope;

/// How often, and how long, to try to put the old one back.
const ROUNDS: u32 = 5;
const PATIENCE: Duration = Duration::from_secs(45);
const TRIES: u32 = 3;

/// How a replacement ended.
#[derive(Debug)]
pub enum Replaced {
    /// The new one is stored.
    Done { id: String },
    /// The old one was not touched, and why.
    Kept { why: Error },
    /// The old one was deleted and put back under another id, and why.
    Restored { id: String, why: Error },
    /// Somebody else's is there now, and why ours is not.
    Overtaken { why: Error },
    /// Neither could be stored.
    Lost { why: Error },
}

/// The credential that stands where one of this name and scope would: in org scope the
/// provider's only one, whatever its name.
pub fn occupant<'a>(
    stored: &'a [CredentialSummary],
    name: &str,
    scope: Scope,
) -> Option<&'a CredentialSummary> {
    stored
        .iter()
        .find(|held| held.scope == scope.as_str() && (scope == Scope::Org || held.name == name))
}

/// Creates a credential where nothing stands. When the answer is lost, what is there decides.
pub async fn store(api: &Api, provider: &Provider, new: &NewCredential) -> Result<String, ApiError> {
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
        if let Some(ours) = occupant(&stored, &new.name, new.scope) {
            return Ok(ours.id.clone());
        }
        if tries >= TRIES {
            return Err(ApiError {
                effect: Effect::None,
                ..error
            });
        }
        sleep(backoff(tries)).await;
    }
}

/// Replaces `old` by `new`. `backup` is the old one with its value, where that could be fetched.
/// A signal stops the way forward, never the way back.
pub async fn replace(
    api: &Api,
    provider: &Provider,
    old: &CredentialSummary,
    backup: Option<&NewCredential>,
    new: &NewCredential,
    interrupt: &Interrupt,
) -> Replaced {
    // Whether the new one may be there without our having been told so.
    let mut maybe_created = false;
    let forward = interrupt.or(async {
        api.delete_credential(provider, &old.id).await?;
        maybe_created = true;
        let stored = store(api, provider, new).await;
        let refused = |error: &ApiError| error.effect == Effect::None;
        maybe_created = !stored.as_ref().is_err_and(refused);
        Ok(stored?)
    });
    let why = match forward.await {
        Ok(id) => return Replaced::Done { id },
        Err(why) => why,
    };
    let back = put_back(api, provider, old, backup, new, maybe_created);
    match timeout(PATIENCE, back).await {
        Ok(Some(Standing::Old)) => Replaced::Kept { why },
        Ok(Some(Standing::PutBack(id))) => Replaced::Restored { id, why },
        Ok(Some(Standing::New(id))) => Replaced::Done { id },
        Ok(Some(Standing::Other)) => Replaced::Overtaken { why },
        Ok(None) | Err(_) => Replaced::Lost { why },
    }
}

/// What stands in the place after all.
enum Standing {
    Old,
    PutBack(String),
    New(String),
    Other,
}

async fn put_back(
    api: &Api,
    provider: &Provider,
    old: &CredentialSummary,
    backup: Option<&NewCredential>,
    new: &NewCredential,
    maybe_created: bool,
) -> Option<Standing> {
    for round in 1..=ROUNDS {
        let tried = async {
            let stored = api.list_credentials(provider).await?;
            Ok(match occupant(&stored, &new.name, new.scope) {
                Some(held) if held.id == old.id => Some(Standing::Old),
                Some(held) if maybe_created && held.name == new.name => Some(Standing::New(held.id.clone())),
                Some(_) => Some(Standing::Other),
                None => match backup {
                    Some(backup) => Some(Standing::PutBack(store(api, provider, backup).await?)),
                    None => None,
                },
            })
        };
        match tried.await {
            Ok(standing) => return standing,
            // A key that is no longer accepted stays so.
            Err(ApiError {
                status: Some(401), ..
            }) => return None,
            Err(_) => sleep(backoff(round)).await,
        }
    }
    None
}
