//! Small formats: JSON read without quoting it, the claims of a JWT, `SQLite` tables, text escaped
//! for a terminal.

pub(crate) mod decode;
pub(crate) mod escape;
pub(crate) mod json;
pub(crate) mod jwt;
pub(crate) mod sqlite;
pub(crate) mod yaml;
