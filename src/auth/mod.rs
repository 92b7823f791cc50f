//! The credential of the CLI itself: storage, precedence, and refreshing a login.

pub(crate) mod credential;
pub(crate) mod device_flow;
pub(crate) mod session;
pub(crate) mod source;
pub(crate) mod store;
pub(crate) mod workos;
