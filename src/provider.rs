//! The providers whose credentials the vault can use to log in a sandbox. To add a provider, add an
//! entry to [`PROVIDERS`].

use std::fmt;

use serde::{Deserialize, Serialize};

/// The type of a credential.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "snake_case")]
#[value(rename_all = "snake_case")]
pub(crate) enum CredentialKind {
    /// A login: the tool's whole JSON, with its refresh token
    #[value(name = "oauth")]
    #[serde(rename = "oauth")]
    OAuth,
    /// A long-lived API key
    #[value(alias = "api-key")]
    ApiKey,
}

impl CredentialKind {
    pub(crate) const ALL: [Self; 2] = [Self::OAuth, Self::ApiKey];

    /// Parses the API's name of a type; `None` if it is unknown.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == text)
    }

    /// The API's name of the type.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::OAuth => "oauth",
            Self::ApiKey => "api_key",
        }
    }
}

/// For messages.
impl fmt::Display for CredentialKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::OAuth => "login",
            Self::ApiKey => "API key",
        })
    }
}

/// A provider of coding tools.
#[derive(Debug)]
pub(crate) struct Provider {
    /// Name on the command line and in API paths.
    pub(crate) id: &'static str,
    pub(crate) title: &'static str,
    /// The program that uses its logins.
    pub(crate) tool: &'static str,
    /// The three words of its login command, then settings that make it store the login in a file.
    pub(crate) login_command: &'static [&'static str],
    /// The variable with its directory.
    pub(crate) home_variable: &'static str,
    /// Name in the sources of discovery.
    pub(crate) discovered_as: &'static str,
    /// Names of the secrets that `extract` makes of its API key.
    pub(crate) secret_names: &'static [&'static str],
    /// Environment variables for the API key, in order of precedence.
    pub(crate) variables: &'static [&'static str],
    /// Member of the login file that holds the tokens, and in it the member with the access token. The
    /// refresh token and the expiry are next to that.
    pub(crate) access_token: (&'static str, &'static str),
    pub(crate) refresh_token: &'static str,
    /// Members next to the login that contain other secrets.
    pub(crate) other_secrets: &'static [&'static str],
    /// Prefixes of its API keys.
    pub(crate) key_prefixes: &'static [&'static str],
    /// File in which the tool stores the login, for examples.
    pub(crate) login_file: &'static str,
}

pub(crate) const PROVIDERS: [Provider; 2] = [CLAUDE, CODEX];

pub(crate) const CLAUDE: Provider = Provider {
    id: "claude",
    title: "Claude",
    tool: "Claude Code",
    login_command: &["claude", "auth", "login"],
    home_variable: "CLAUDE_CONFIG_DIR",
    discovered_as: "anthropic",
    secret_names: &["ANTHROPIC_API_KEY", "CLAUDE_API_KEY"],
    variables: &["ANTHROPIC_API_KEY"],
    access_token: ("claudeAiOauth", "accessToken"),
    refresh_token: "refreshToken",
    other_secrets: &[
        "mcpOAuth",
        "mcpOAuthClientConfig",
        "mcpXaaIdp",
        "mcpXaaIdpConfig",
        "pluginSecrets",
        "trustedDeviceToken",
        "enterpriseGateway",
        "designOauth",
        "cloudSessionsOauth",
        "hybridOauth",
        "hybridGatewayAuth",
        "hybridGatewayIdp",
        "slackTag",
        "coworkRemoteDevice",
    ],
    key_prefixes: &["sk-ant-"],
    login_file: "~/.claude/.credentials.json",
};

pub(crate) const CODEX: Provider = Provider {
    id: "codex",
    title: "Codex",
    tool: "Codex",
    login_command: &[
        "codex",
        "login",
        "--device-auth",
        "-c",
        r#"cli_auth_credentials_store="file""#,
    ],
    home_variable: "CODEX_HOME",
    discovered_as: "openai",
    secret_names: &["OPENAI_API_KEY", "CODEX_API_KEY"],
    variables: &["CODEX_API_KEY", "OPENAI_API_KEY"],
    access_token: ("tokens", "access_token"),
    refresh_token: "refresh_token",
    other_secrets: &[
        "OPENAI_API_KEY",
        "personal_access_token",
        "agent_identity",
        "bedrock_api_key",
        "bedrock_access_keys",
    ],
    key_prefixes: &["sk-proj-", "sk-svcacct-"],
    login_file: "~/.codex/auth.json",
};

impl Provider {
    /// Default name of a credential, such as `Claude API Key`.
    pub(crate) fn default_name(&self, kind: CredentialKind) -> String {
        let kind = match kind {
            CredentialKind::OAuth => "OAuth",
            CredentialKind::ApiKey => "API Key",
        };
        format!("{} {kind}", self.title)
    }

    /// What it means to share a renewable login, and how to avoid it.
    pub(crate) fn sharing(&self) -> String {
        let id = self.id;
        let setup_token = if id == CLAUDE.id {
            format!("`amika secret {id} push --setup-token` or ")
        } else {
            String::new()
        };
        format!(
            "this machine and the sandbox will share one login: whichever renews it first, or logs out, ends it \
             for the other; {setup_token}`amika secret {id} push --new-login` gives the sandbox its own"
        )
    }

    /// Finds the provider by its name on the command line.
    pub(crate) fn with_id(id: &str) -> Option<&'static Self> {
        PROVIDERS.iter().find(|provider| provider.id == id)
    }

    /// The name of the file in which the tool stores the login.
    pub(crate) fn login_file_name(&self) -> &'static str {
        self.login_file.rsplit('/').next().unwrap_or_default()
    }

    /// Finds another provider by the name of its tool.
    pub(crate) fn other_with_tool(&self, tool: &str) -> Option<&'static Self> {
        PROVIDERS
            .iter()
            .find(|other| other.tool == tool && other.id != self.id)
    }

    /// Finds the provider by its name in the sources of discovery.
    pub(crate) fn discovered(name: &str) -> Option<&'static Self> {
        PROVIDERS.iter().find(|provider| provider.discovered_as == name)
    }
}
