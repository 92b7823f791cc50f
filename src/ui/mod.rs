//! Terminal output and prompts.

pub(crate) mod guard;
mod hidden;
mod keyboard;
pub(crate) mod lines;
pub(crate) mod notices;
pub(crate) mod options;
pub(crate) mod printer;
pub(crate) mod prompt;
pub(crate) mod table;
mod time;
