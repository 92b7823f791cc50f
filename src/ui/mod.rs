//! Terminal output and prompts.

pub(crate) mod guard;
pub(crate) mod hidden;
pub(crate) mod lines;
pub(crate) mod notices;
pub(crate) mod options;
pub(crate) mod printer;
pub(crate) mod prompt;
pub(crate) mod table;
#[cfg_attr(unix, path = "typed_unix.rs")]
#[cfg_attr(not(unix), path = "typed_windows.rs")]
mod typed;
