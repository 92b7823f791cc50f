//! What every connection has in common, whether to the API or to the identity provider.

pub mod client;
pub mod origin;
pub mod redact;
pub mod retry;
