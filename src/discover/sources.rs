//! The table of sources: one row per kind of store.

use super::scan::Scan;
use super::types::{Filter, Source};
use super::{aider, amika, amp, claude, codex, copilot, crush, gemini, gh, opencode};
use crate::provider::CredentialKind::{ApiKey, OAuth};

/// A source, and how it is read.
pub(crate) struct Scanner {
    pub(crate) source: Source,
    pub(super) scan: fn(&mut Scan<'_>),
}

/// All sources, by priority.
#[rustfmt::skip]
pub(crate) const SOURCES: [Scanner; 14] = [
    single_line("claude_api", 500, Filter::exactly("anthropic", ApiKey), claude::api_key),
    single_line("claude_oauth", 400, Filter::exactly("anthropic", OAuth), claude::oauth),
    single_line("codex", 300, Filter::provider("openai"), codex::login),
    multi_line("amika_env_cache", 290, Filter::kind(ApiKey), amika::env_cache),
    multi_line("amika_keychain", 280, Filter::kind(ApiKey), amika::keychain),
    multi_line("amika_oauth", 270, Filter::kind(OAuth), amika::oauth),
    single_line("opencode", 200, Filter::ANY, opencode::logins),
    single_line("amp_secrets", 150, Filter::provider("amp"), amp::secrets),
    single_line("amp", 100, Filter::kind(ApiKey), amp::old_config),
    also("gh", 50, Filter::exactly("github", ApiKey), gh::token).pushed_as("GITHUB_TOKEN"),
    also("gemini", 40, Filter::exactly("gemini", ApiKey), gemini::api_key),
    also("copilot", 30, Filter::exactly("github-copilot", ApiKey), copilot::token).pushed_as("COPILOT_GITHUB_TOKEN"),
    also("crush", 20, Filter::kind(ApiKey), crush::keys),
    also("aider", 10, Filter::kind(ApiKey), aider::keys),
];

impl Scanner {
    /// A source whose credentials have this secret name, regardless of their provider.
    const fn pushed_as(mut self, secret: &'static str) -> Self {
        self.source.secret = Some(secret);
        self
    }
}

const fn single_line(id: &'static str, priority: u16, provides: Filter, scan: fn(&mut Scan<'_>)) -> Scanner {
    let source = Source {
        id,
        priority,
        provides,
        secret: None,
        multi_line: false,
        also: None,
    };
    Scanner { source, scan }
}

const fn multi_line(id: &'static str, priority: u16, provides: Filter, scan: fn(&mut Scan<'_>)) -> Scanner {
    let mut scanner = single_line(id, priority, provides, scan);
    scanner.source.multi_line = true;
    scanner
}

/// A source that is read only if its id is given to `--also`.
const fn also(id: &'static str, priority: u16, provides: Filter, scan: fn(&mut Scan<'_>)) -> Scanner {
    let mut scanner = single_line(id, priority, provides, scan);
    scanner.source.also = Some(id);
    scanner
}
