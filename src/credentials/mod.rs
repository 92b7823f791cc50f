//! Provider credentials: validation, and replacing a stored one.

mod decide;
pub(crate) mod recovery;
pub(crate) mod replace;
pub(crate) mod validate;
