//! Small formats: JSON with errors that do not quote it, JWT claims, keys, tokens and login files,
//! escaping for terminals, and quoting for shells.

pub(crate) mod escape;
pub(crate) mod json;
pub(crate) mod jwt;
pub(crate) mod login;
pub(crate) mod shell;
pub(crate) mod token;
pub(crate) mod words;
