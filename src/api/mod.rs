//! The hosted secrets API: one method per endpoint, over a shared transport.

mod client;
mod credentials;
mod error;
mod request;
mod transport;
mod types;

pub(crate) use self::client::check_id;
pub(crate) use self::credentials::{CredentialSummary, NewCredential};
pub(crate) use self::error::ApiError;
pub(crate) use self::request::{ApiEvent, Repeat};
pub(crate) use self::transport::Api;
pub(crate) use self::types::{SecretSummary, ServerText};
