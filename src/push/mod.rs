//! The steps of a bulk push: collect, plan, apply, report.

pub(crate) mod apply;
mod batch;
pub(crate) mod candidate;
pub(crate) mod collect;
pub(crate) mod missing;
pub(crate) mod outcome;
pub(crate) mod plan;
pub(crate) mod references;
pub(crate) mod report;
