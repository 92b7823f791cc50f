//! The table of sources.

use super::credential::{Filter, Source};
use crate::provider::CredentialKind::{self, ApiKey, OAuth};

pub(super) static CLAUDE_API: Source = source("claude_api", 500, Some("anthropic"), Some(ApiKey));
pub(super) static CLAUDE_OAUTH: Source = source("claude_oauth", 400, Some("anthropic"), Some(OAuth));
pub(super) static CODEX: Source = source("codex", 300, Some("openai"), None);
pub(super) static AMIKA_ENV_CACHE: Source = source("amika_env_cache", 290, None, Some(ApiKey));
pub(super) static AMIKA_KEYCHAIN: Source = source("amika_keychain", 280, None, Some(ApiKey));
pub(super) static AMIKA_OAUTH: Source = source("amika_oauth", 270, None, Some(OAuth));
pub(super) static OPENCODE: Source = source("opencode", 200, None, None);
pub(super) static AMP_SECRETS: Source = source("amp_secrets", 150, Some("amp"), None);
pub(super) static AMP: Source = source("amp", 100, None, Some(ApiKey));

const fn source(
    id: &'static str,
    priority: u16,
    provider: Option<&'static str>,
    kind: Option<CredentialKind>,
) -> Source {
    Source {
        id,
        priority,
        holds: Filter::new(provider, kind),
    }
}
