//! Finds the local credentials of Claude Code, Codex, OpenCode, Amp and other tools by Amika.
//!
//! One module per tool follows the rules of that tool. A failure in one source does not affect the
//! others. Discovery never runs a helper, refreshes a token or contacts a server: a refresh token
//! works once, and using it would log its owner out.

mod amika;
mod amp;
mod claude;
mod codex;
mod label;
mod opencode;
mod rank;
pub(crate) mod report;
mod scan;
pub(crate) mod sources;
mod types;

use self::scan::Scan;
use self::sources::{SOURCES, Scanner};
pub(crate) use self::types::{Discovery, Filter, LocalCredential, State};
use crate::system::env::Env;
use crate::system::keychain::Keychain;

/// Reads every source that may have credentials for `filter`. Other sources are not opened.
pub(crate) fn discover(env: &Env, keychain: &dyn Keychain, filter: Filter) -> Discovery {
    let mut discovery = Discovery::default();
    let selected = |scanner: &&Scanner| scanner.source.provides.overlaps(filter);
    for Scanner { source, scan } in SOURCES.iter().filter(selected) {
        scan(&mut Scan::new(env, keychain, source, filter, &mut discovery));
    }
    discovery.found.retain(|found| filter.includes(found));
    rank::rank(&mut discovery.found, (env.now)());
    discovery
}

#[cfg(test)]
mod tests;
