//! Provider credentials: whether a text is one, and how a stored one is replaced.

mod decide;
pub(crate) mod recovery;
pub(crate) mod replace;
pub(crate) mod validate;
