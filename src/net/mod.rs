//! Shared by the connections to the API and to the identity provider.

pub(crate) mod client;
pub(crate) mod origin;
pub(crate) mod proxy;
pub(crate) mod retry;
mod tls;
pub(crate) mod withhold;
