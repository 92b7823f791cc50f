//! Provider credentials: whether a text is one, and how a stored one is replaced.

pub(crate) mod replace;
pub(crate) mod validate;
