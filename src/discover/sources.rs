//! The table of sources: one row for each place that may hold credentials.

use super::scan::Scan;
use super::{Filter, aider, amika, amp, claude, codex, copilot, crush, gemini, gh, opencode};
use crate::provider::CredentialKind::{ApiKey, OAuth};

/// A place that may hold credentials.
#[derive(Debug)]
pub(crate) struct Source {
    /// The identifier in JSON output.
    pub(crate) id: &'static str,
    /// The source with the highest number is preferred for a provider.
    pub(crate) priority: u16,
    /// Which credentials it can hold.
    pub(super) provides: Filter,
    /// The secret that its credentials become; `None` where their provider decides.
    pub(super) secret: Option<&'static str>,
    /// Whether a value may hold line breaks, as PEM keys do.
    pub(super) multi_line: bool,
    /// The name that `--also` takes; `None` is a source that is always read.
    pub(crate) also: Option<&'static str>,
    pub(super) scan: fn(&mut Scan<'_>),
}

/// Every source, by priority.
#[rustfmt::skip]
pub(crate) const SOURCES: [Source; 14] = [
    single_line("claude_api", 500, Filter::exactly("anthropic", ApiKey), claude::api_key),
    single_line("claude_oauth", 400, Filter::exactly("anthropic", OAuth), claude::oauth),
    single_line("codex", 300, Filter::provider("openai"), codex::login),
    multi_line("amika_env_cache", 290, Filter::kind(ApiKey), amika::env_cache),
    multi_line("amika_keychain", 280, Filter::kind(ApiKey), amika::keychain),
    multi_line("amika_oauth", 270, Filter::kind(OAuth), amika::oauth),
    single_line("opencode", 200, Filter::ANY, opencode::logins),
    single_line("amp_secrets", 150, Filter::provider("amp"), amp::secrets),
    single_line("amp", 100, Filter::kind(ApiKey), amp::old_config),
    also("gh", 50, Filter::exactly("github", ApiKey), gh::token).becoming("GITHUB_TOKEN"),
    also("gemini", 40, Filter::exactly("gemini", ApiKey), gemini::api_key),
    also("copilot", 30, Filter::exactly("github-copilot", ApiKey), copilot::token).becoming("COPILOT_GITHUB_TOKEN"),
    also("crush", 20, Filter::kind(ApiKey), crush::keys),
    also("aider", 10, Filter::kind(ApiKey), aider::keys),
];

impl Source {
    /// A source whose credentials become this secret, whatever their provider is called.
    const fn becoming(self, secret: &'static str) -> Self {
        Self {
            secret: Some(secret),
            ..self
        }
    }

    /// Whether it is read, with `also` the names given to `--also`.
    pub(super) fn is_selected(&self, also: &[&str]) -> bool {
        self.also
            .is_none_or(|name| also.contains(&name) || also.contains(&"all"))
    }
}

const fn single_line(id: &'static str, priority: u16, provides: Filter, scan: fn(&mut Scan<'_>)) -> Source {
    Source {
        id,
        priority,
        provides,
        secret: None,
        multi_line: false,
        also: None,
        scan,
    }
}

const fn multi_line(id: &'static str, priority: u16, provides: Filter, scan: fn(&mut Scan<'_>)) -> Source {
    Source {
        multi_line: true,
        ..single_line(id, priority, provides, scan)
    }
}

/// A source that is read only if `--also` names it, by its id.
const fn also(id: &'static str, priority: u16, provides: Filter, scan: fn(&mut Scan<'_>)) -> Source {
    Source {
        also: Some(id),
        ..single_line(id, priority, provides, scan)
    }
}
