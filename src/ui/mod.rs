//! What the person sees and is asked.

pub(crate) mod notices;
pub(crate) mod options;
pub(crate) mod printer;
pub(crate) mod prompt;
pub(crate) mod table;
