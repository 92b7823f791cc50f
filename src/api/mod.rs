//! The hosted secrets API: one method for each endpoint, over one transport.

mod client;
mod concurrency;
mod credentials;
mod error;
mod transport;
mod types;

pub(crate) use self::client::{Api, check_id};
pub(crate) use self::credentials::{CredentialSummary, NewCredential};
pub(crate) use self::error::{ApiError, Effect};
pub(crate) use self::transport::RequestLine;
pub(crate) use self::types::{SecretSummary, ServerText};
