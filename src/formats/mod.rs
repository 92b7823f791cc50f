//! Small formats: JSON with errors that do not quote it, JWT claims, and escaping for
//! terminals.

pub(crate) mod decode;
pub(crate) mod escape;
pub(crate) mod json;
pub(crate) mod jwt;
