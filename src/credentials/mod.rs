//! Provider credentials: validation, a login of the sandbox's own, and replacing a stored one.

mod decide;
pub(crate) mod new_login;
pub(crate) mod recovery;
pub(crate) mod replace;
pub(crate) mod validate;
