//! Recognises keys and tokens of Anthropic and `OpenAI` by their form.

use crate::formats::jwt;

/// A key or token that works in one place only.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Token {
    AnthropicKey,
    /// A setup token, or the access token of a Claude login: both have this form.
    ClaudeAccess,
    ClaudeRefresh,
    OpenAiKey,
    /// A token of a `ChatGPT` login.
    ChatGpt,
    /// A personal access token of Codex.
    CodexAccess,
}

/// Minimum length of a personal access token of Codex after `at-`.
const MIN_CODEX_ACCESS: usize = 20;
/// The issuer of the tokens of a `ChatGPT` login.
const CHATGPT_ISSUER: &str = "https://auth.openai.com";

/// How keys and tokens begin; the first match counts.
const PREFIXES: [(&str, Token); 6] = [
    ("sk-ant-oat", Token::ClaudeAccess),
    ("sk-ant-ort", Token::ClaudeRefresh),
    ("sk-ant-", Token::AnthropicKey),
    ("sk-proj-", Token::OpenAiKey),
    ("sk-svcacct-", Token::OpenAiKey),
    ("sk-admin-", Token::OpenAiKey),
];

/// Recognises a whole text; `None` if it has no known form, as keys of gateways have.
pub(crate) fn recognise(text: &str) -> Option<Token> {
    let known = PREFIXES.iter().find(|(prefix, _)| text.starts_with(prefix));
    if let Some((_, token)) = known {
        Some(*token)
    } else if text.strip_prefix("at-").is_some_and(is_codex_access) {
        Some(Token::CodexAccess)
    } else if jwt::issuer(text).is_some_and(|issuer| issuer.trim_end_matches('/') == CHATGPT_ISSUER) {
        Some(Token::ChatGpt)
    } else {
        None
    }
}

/// Whether the rest of a text that starts with `at-` completes a token.
fn is_codex_access(rest: &str) -> bool {
    let is_fine = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-');
    rest.len() >= MIN_CODEX_ACCESS && rest.chars().all(is_fine)
}

impl Token {
    /// The `id` of the provider that issues it.
    pub(crate) fn provider(self) -> &'static str {
        match self {
            Self::AnthropicKey | Self::ClaudeAccess | Self::ClaudeRefresh => "claude",
            Self::OpenAiKey | Self::ChatGpt | Self::CodexAccess => "codex",
        }
    }

    pub(crate) fn is_api_key(self) -> bool {
        matches!(self, Self::AnthropicKey | Self::OpenAiKey)
    }

    /// What it is, for a message.
    pub(crate) fn description(self) -> &'static str {
        match self {
            Self::AnthropicKey => "an API key of Anthropic",
            Self::ClaudeAccess => "a setup or access token of Claude Code, which is no API key",
            Self::ClaudeRefresh => "the refresh token of a Claude login, which is no API key",
            Self::OpenAiKey => "an API key of OpenAI",
            Self::ChatGpt => "a token of a ChatGPT login, which is no API key and expires soon",
            Self::CodexAccess => "a personal access token of Codex, which is no API key",
        }
    }

    /// The command that stores it, or the login that it belongs to, so that it works in a sandbox.
    pub(crate) fn command(self) -> &'static str {
        match self {
            Self::AnthropicKey => "amika secret claude push --type api_key --value -",
            Self::ClaudeAccess => "amika secret claude push --setup-token",
            Self::ClaudeRefresh => "amika secret claude push --type oauth",
            Self::OpenAiKey => "amika secret codex push --type api_key --value -",
            Self::ChatGpt => "amika secret codex push --type oauth",
            Self::CodexAccess => "amika secret codex push --type oauth --value -",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// R141: the forms of keys and tokens.
    #[test]
    fn keys_and_tokens_are_told_apart() {
        let chatgpt = jwt::tests::token(r#"{"iss":"https://auth.openai.com","exp":1900000000}"#);
        let other = jwt::tests::token(r#"{"iss":"https://auth.example.com"}"#);
        for (text, expected) in [
            ("sk-ant-api03-x", Some(Token::AnthropicKey)),
            ("sk-ant-oat01-x", Some(Token::ClaudeAccess)),
            ("sk-ant-ort01-x", Some(Token::ClaudeRefresh)),
            ("sk-proj-x", Some(Token::OpenAiKey)),
            ("sk-svcacct-x", Some(Token::OpenAiKey)),
            ("at-0123456789abcdefghij", Some(Token::CodexAccess)),
            ("at-0123456789abcdefghi", None),
            ("at-the-end-of-the-long-day yes", None),
            (&chatgpt, Some(Token::ChatGpt)),
            (&other, None),
            ("sk-0123456789", None),
            ("", None),
        ] {
            assert_eq!(recognise(text), expected, "{text}");
        }
    }
}
