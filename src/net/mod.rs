//! What every connection has in common, whether to the API or to the identity provider.

pub(crate) mod client;
pub(crate) mod origin;
pub(crate) mod proxy;
pub(crate) mod redact;
pub(crate) mod retry;
mod tls;
