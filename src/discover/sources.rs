//! The table of sources.

use super::credential::{Filter, Source};
use crate::provider::CredentialKind::{ApiKey, OAuth};

pub(super) static CLAUDE_API: Source = source("claude_api", 500, Filter::exactly("anthropic", ApiKey));
pub(super) static CLAUDE_OAUTH: Source = source("claude_oauth", 400, Filter::exactly("anthropic", OAuth));
pub(super) static CODEX: Source = source("codex", 300, Filter::provider("openai"));
pub(super) static AMIKA_ENV_CACHE: Source = source("amika_env_cache", 290, Filter::kind(ApiKey));
pub(super) static AMIKA_KEYCHAIN: Source = source("amika_keychain", 280, Filter::kind(ApiKey));
pub(super) static AMIKA_OAUTH: Source = source("amika_oauth", 270, Filter::kind(OAuth));
pub(super) static OPENCODE: Source = source("opencode", 200, Filter::ANY);
pub(super) static AMP_SECRETS: Source = source("amp_secrets", 150, Filter::provider("amp"));
pub(super) static AMP: Source = source("amp", 100, Filter::kind(ApiKey));

const fn source(id: &'static str, priority: u16, holds: Filter) -> Source {
    Source { id, priority, holds }
}
