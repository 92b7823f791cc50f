//! What the tests, the examples and the benchmarks share. Each of them uses a part of it.
#![allow(dead_code, clippy::allow_attributes, reason = "each includer uses a part")]

pub(crate) mod faults;
pub(crate) mod idp;
pub(crate) mod spellings;
pub(crate) mod vault;
