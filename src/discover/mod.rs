//! Finds the local credentials of Claude Code, Codex, OpenCode, Amp and other tools by Amika.
//!
//! One module per tool follows the rules of that tool and returns what it found; a failure in one
//! does not affect the others. Discovery never runs a helper, refreshes a token or contacts a server:
//! a refresh token works once, and using it would log its owner out. It opens nothing in the
//! repository of the working directory, which may be a stranger's.

mod credential;
mod layers;
mod messages;
mod note;
mod overrides;
mod place;
mod rank;
mod reader;
mod report;
mod sources;
mod tools;

pub(crate) use self::credential::{Filter, LocalCredential, PushedAs, State};
pub(crate) use self::place::Place;
pub(crate) use self::rank::rank;
use self::reader::Reader;
pub(crate) use self::report::Report;
use self::tools::{amika, amp, claude, codex, opencode};
use crate::system::env::Env;
use crate::system::keychain::Keychain;

type Scan = fn(&Reader<'_>) -> Report;

/// The scan of each tool, and the credentials that it can find.
const SCANS: [(Filter, Scan); 5] = [
    (Filter::new(Some("anthropic"), None), claude::scan),
    (Filter::new(Some("openai"), None), codex::scan),
    (Filter::ANY, amika::scan),
    (Filter::ANY, opencode::scan),
    (Filter::ANY, amp::scan),
];

/// Finds the credentials that `filter` asks for. With a provider, the notes are those of its own tool.
pub(crate) fn discover(env: &Env, keychain: &dyn Keychain, filter: Filter) -> Report {
    let reader = Reader::new(env, keychain);
    let mut report = Report::default();
    for (finds, scan) in SCANS.iter().filter(|(finds, _)| finds.overlaps(filter)) {
        let mut found = scan(&reader);
        if filter.provider.is_some() && finds.provider != filter.provider {
            found.notes.clear();
            found.overrides.clear();
        }
        report.append(found);
    }
    report.credentials.retain(|found| filter.includes(found));
    report.problems.retain(|problem| problem.about.overlaps(filter));
    rank(&mut report.credentials, (env.now)());
    report
}

#[cfg(test)]
mod tests;
