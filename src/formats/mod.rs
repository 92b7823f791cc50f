//! Small formats: JSON with errors that do not quote it, JWT claims, escaping for terminals,
//! and quoting for shells.

pub(crate) mod decode;
pub(crate) mod escape;
pub(crate) mod json;
pub(crate) mod jwt;
pub(crate) mod shell;
