//! The steps of a bulk push: collect, plan, write, report.

pub(crate) mod batch;
pub(crate) mod candidate;
pub(crate) mod collect;
pub(crate) mod kinds;
pub(crate) mod outcome;
mod pace;
pub(crate) mod plan;
pub(crate) mod references;
pub(crate) mod report;
mod write;
