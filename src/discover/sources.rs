//! The table of sources: one row per kind of store.

use super::scan::Scan;
use super::types::{Filter, Source};
use super::{amika, amp, claude, codex, opencode};
use crate::provider::CredentialKind::{ApiKey, OAuth};

/// A source, and how it is read.
pub(crate) struct Scanner {
    pub(crate) source: Source,
    pub(super) scan: fn(&mut Scan<'_>),
}

/// All sources, by priority.
#[rustfmt::skip]
pub(crate) const SOURCES: [Scanner; 9] = [
    single_line("claude_api", 500, Filter::exactly("anthropic", ApiKey), claude::api_key),
    single_line("claude_oauth", 400, Filter::exactly("anthropic", OAuth), claude::oauth),
    single_line("codex", 300, Filter::provider("openai"), codex::login),
    multi_line("amika_env_cache", 290, Filter::kind(ApiKey), amika::env_cache),
    multi_line("amika_keychain", 280, Filter::kind(ApiKey), amika::keychain),
    multi_line("amika_oauth", 270, Filter::kind(OAuth), amika::oauth),
    single_line("opencode", 200, Filter::ANY, opencode::logins),
    single_line("amp_secrets", 150, Filter::provider("amp"), amp::secrets),
    single_line("amp", 100, Filter::kind(ApiKey), amp::old_config),
];

const fn single_line(id: &'static str, priority: u16, provides: Filter, scan: fn(&mut Scan<'_>)) -> Scanner {
    let source = Source {
        id,
        priority,
        provides,
        multi_line: false,
    };
    Scanner { source, scan }
}

const fn multi_line(id: &'static str, priority: u16, provides: Filter, scan: fn(&mut Scan<'_>)) -> Scanner {
    let mut scanner = single_line(id, priority, provides, scan);
    scanner.source.multi_line = true;
    scanner
}
