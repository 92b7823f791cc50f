//! Small formats: JSON read without quoting it, the claims of a JWT, text escaped for a terminal.

pub mod escape;
pub mod json;
pub mod jwt;
