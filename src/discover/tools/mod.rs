//! The rules of each tool.

mod amika;
mod amp;
mod claude;
mod codex;
mod opencode;
mod shared;

use super::credential::Filter;
use super::reader::Reader;
use super::report::Report;

/// Adds what one tool has.
type Scan = fn(&Reader<'_>, &mut Report);

/// The scan of each tool, and the credentials that it can find.
pub(super) const SCANS: [(Filter, Scan); 5] = [
    (Filter::new(Some("anthropic"), None), claude::scan),
    (Filter::new(Some("openai"), None), codex::scan),
    (Filter::ANY, amika::scan),
    (Filter::ANY, opencode::scan),
    (Filter::ANY, amp::scan),
];
