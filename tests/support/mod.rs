//! Shared by the tests, examples and benchmarks.
#![allow(dead_code, clippy::allow_attributes, reason = "each user needs only a part")]

pub(crate) mod encodings;
pub(crate) mod faults;
pub(crate) mod idp;
pub(crate) mod vault;
