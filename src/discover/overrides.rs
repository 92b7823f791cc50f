//! What a tool may use in place of its stored credentials: variables and settings, classified by the
//! words in their names.
//!
//! Every release of a tool adds names (the program of Claude Code 2.1.332 holds more than a thousand
//! with its prefix), so a table of them would soon be wrong. What is not known to be harmless makes
//! it unknown whether a stored credential is in use.

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use url::Url;

use super::credential::Place;
use super::layers::{Layers, Node};
use super::report::Overrides;
use crate::system::env::Env;

pub(super) const ANTHROPIC: &[&str] = &["anthropic.com", "claude.ai", "claude.com"];
pub(super) const OPENAI: &[&str] = &["openai.com", "chatgpt.com"];

/// The facts about a tool that its overrides depend on.
pub(super) struct Tool {
    pub(super) title: &'static str,
    /// Beginnings of the names of its variables.
    pub(super) prefixes: &'static [&'static str],
    /// Variables and settings that its scan follows.
    pub(super) followed: &'static [&'static str],
    /// Domains of its vendor.
    pub(super) domains: &'static [&'static str],
    /// The domain of the settings that an administrator can enforce on macOS.
    pub(super) preferences: Option<&'static str>,
    /// Its settings files in a project, which are never opened: a repository may be a stranger's.
    pub(super) project_files: &'static [&'static str],
}

/// A name that holds one of these may select another credential or another server.
const NAMED: &str = "KEY TOKEN AUTH CRED SECRET HEADER URL HOST SOCKET PROXY HELPER PROVIDER PROFILE IDENTITY \
                     FEDERATION SPIFFE USE_ GATEWAY ORGANIZATION ACCOUNT REMOTE MANAGED SIMPLE";
/// Further words for settings, such as `forced_chatgpt_workspace_id` of Codex.
const NAMED_MEMBER: &str = "LOGIN CHATGPT";
/// Parts of harmless names, unless they hold a word from [`NAMED`].
const HARMLESS: &str = "MODEL LOG TELEMETRY TIMEOUT ENTRYPOINT MS DIR PATH PID PORT";
/// The same if another part follows.
const HARMLESS_BEFORE: &str = "MAX DISABLE ENABLE";
/// Variables that are harmless whichever words their names hold: Codex 0.171 does not sign in with
/// `OPENAI_API_KEY` unless a model provider names it, and the socket is a local service that nothing uses
/// without the other SPIFFE variables.
const HARMLESS_NAMES: &str = "OPENAI_API_KEY OPENAI_ORG_ID CODEX_HOME SPIFFE_ENDPOINT_SOCKET";
/// Names that look harmless and are not: OpenCode uses the stored logins of some providers through its default
/// plugins, and sends the stored key of a provider to the server in its file of models (1.18.33, run); Claude
/// Code applies fewer of the administrator's variables, among them keys (2.1.332, read).
const UNKNOWN_NAMES: &str = "OPENCODE_DISABLE_DEFAULT_PLUGINS OPENCODE_MODELS_PATH \
                             CLAUDE_CODE_DISABLE_ADMIN_ENV_UNION";
/// Words in the names of Codex's variables that count even if their value is blank (Codex 0.171).
const COUNT_WHEN_BLANK: &str = "OPENAI_IDENTITY OPENAI_FEDERATION SPIFFE_";

/// What the name of a variable says about its effect.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Class {
    /// It may select another credential or another server.
    Named,
    Harmless,
    Unknown,
}

/// Classifies a variable with the prefix of a tool.
pub(super) fn class_of_variable(name: &str) -> Class {
    let name = name.to_ascii_uppercase();
    let parts: Vec<&str> = name.split('_').collect();
    let has_part = |words: &str, parts: &[&str]| parts.iter().any(|part| is_one_of(part, words));
    let limits_tokens = has_part("MAX", &parts) && name.ends_with("_TOKENS");
    if is_one_of(&name, HARMLESS_NAMES)
        || name.starts_with("CODEX_SANDBOX")
        || name.ends_with("_TTL_MS")
        || limits_tokens
    {
        Class::Harmless
    } else if holds(&name, NAMED) {
        Class::Named
    } else if !is_one_of(&name, UNKNOWN_NAMES)
        && (has_part(HARMLESS, &parts) || has_part(HARMLESS_BEFORE, &parts[..parts.len() - 1]))
    {
        Class::Harmless
    } else {
        Class::Unknown
    }
}

/// Whether a name is one of several words.
fn is_one_of(name: &str, words: &str) -> bool {
    words.split_whitespace().any(|word| word == name)
}

/// Whether a name holds one of several words.
fn holds(name: &str, words: &str) -> bool {
    words.split_whitespace().any(|word| name.contains(word))
}

/// Whether a member of a settings file, such as `apiKeyHelper`, may select another credential or server:
/// whether one of the words in its name is listed.
pub(super) fn is_named_member(name: &str) -> bool {
    let mut words = String::new();
    for c in name.chars() {
        if c.is_ascii_uppercase() && !words.ends_with(|before: char| before.is_ascii_uppercase()) {
            words.push(' ');
        }
        words.push(c);
    }
    let words = words.to_ascii_uppercase();
    let named = NAMED.replace('_', "");
    let mut words = words.split(|c: char| !c.is_ascii_alphanumeric());
    words.any(|word| is_one_of(word, &named) || is_one_of(word, NAMED_MEMBER))
}

/// The host of an address that is not the vendor's own. An address without a host counts as another server.
pub(super) fn other_server(address: &str, domains: &[&str]) -> Option<String> {
    let address = address.trim();
    if address.is_empty() {
        return None;
    }
    let url = Url::parse(address).ok();
    let Some(host) = url.as_ref().and_then(Url::host_str) else {
        return Some("an unknown server".to_owned());
    };
    let is_own = |domain: &&str| {
        let before = host.trim_end_matches('.').strip_suffix(*domain);
        before.is_some_and(|before| before.is_empty() || before.ends_with('.'))
    };
    if domains.iter().any(is_own) {
        return None;
    }
    let port = url.as_ref().and_then(Url::port);
    Some(port.map_or_else(|| host.to_owned(), |port| format!("{host}:{port}")))
}

/// Finds what a tool may use instead: in the environment, its settings, managed preferences and the project.
pub(super) fn find(tool: &Tool, env: &Env, layers: &Layers) -> Overrides {
    let (mut named, mut unknown) = (Vec::new(), Vec::new());
    let has_prefix = |name: &&str| {
        let name = name.to_ascii_uppercase();
        tool.prefixes.iter().any(|prefix| name.starts_with(prefix))
    };
    let mut of_process: Vec<_> = env.variable_names().filter(has_prefix).collect();
    of_process.sort_unstable();
    let of_process = of_process.into_iter().filter_map(|name| {
        let value = env.variable(name)?.to_string_lossy();
        Some((name, value, Place::Variable(name.to_owned())))
    });
    let providers = layers.objects(&["model_providers"]);
    let providers = providers.flat_map(|(providers, _)| providers.values());
    let keys: HashSet<_> = providers
        .filter_map(|provider| provider.get("env_key")?.text())
        .collect();
    let mut seen = HashSet::new();
    for (name, value, place) in layers.variables().chain(of_process) {
        if !has_prefix(&name) || !seen.insert(name.to_owned()) || !tool.minds(name, &value) {
            continue;
        }
        match class_of_variable(name) {
            Class::Unknown => unknown.push(place),
            Class::Harmless if !keys.contains(name) => {}
            Class::Named | Class::Harmless => named.push(place),
        }
    }
    for (name, value, place) in layers.members() {
        let is_first = seen.insert(format!(".{name}"));
        let is_on = !matches!(value, Node::Flag(false)) && tool.minds(name, &value.as_variable());
        if is_first && is_on && is_named_member(name) {
            named.push(place);
        }
    }
    named.extend(managed_preferences(tool, env));
    unknown.extend(project_files(tool, env, &layers.files));
    Overrides {
        tool: tool.title,
        named,
        unknown,
    }
}

impl Tool {
    /// Whether a variable or setting counts: its value is neither blank nor off nor the vendor's own address,
    /// and the scan does not follow it.
    fn minds(&self, name: &str, value: &str) -> bool {
        let (name, value) = (name.to_ascii_uppercase(), value.trim());
        let is_blank = value.is_empty() && !holds(&name, COUNT_WHEN_BLANK);
        // CLAUDE_CODE_USE_BEDROCK=0, for example, is off (Claude Code 2.1.331).
        let is_off = name.contains("_USE_") && is_one_of(&value.to_ascii_lowercase(), "0 false no off");
        let is_own_server = name.ends_with("BASE_URL") && other_server(value, self.domains).is_none();
        let mut followed = self.followed.iter();
        let is_followed = followed.any(|followed| followed.eq_ignore_ascii_case(&name));
        !is_blank && !is_off && !is_own_server && !is_followed
    }
}

/// The files of settings that an administrator enforces on macOS, for everybody or for this user. Their
/// format is not read.
fn managed_preferences(tool: &Tool, env: &Env) -> impl Iterator<Item = Place> {
    let directory = env.system_path("Library/Managed Preferences");
    let files = directory
        .into_iter()
        .zip(tool.preferences)
        .flat_map(|(directory, domain)| {
            let file = format!("{domain}.plist");
            [directory.join(env.user_name()).join(&file), directory.join(file)]
        });
    files.filter(|file| file.is_file()).map(Place::File)
}

/// The settings files of the project around the working directory, up to the root of its repository
/// or to the home directory, except for the tool's `own` files.
fn project_files(tool: &Tool, env: &Env, own: &[PathBuf]) -> Vec<Place> {
    let real = |path: &Path| path.canonicalize().ok();
    let (directory, home) = (env.directory.as_deref(), env.home.as_deref().and_then(real));
    let mut files = Vec::new();
    for ancestor in directory.iter().flat_map(|directory| directory.ancestors()) {
        if Some(ancestor) != directory && real(ancestor) == home {
            break;
        }
        let there = tool.project_files.iter().map(|file| ancestor.join(file));
        let there = there.filter(|file| file.exists() && !own.iter().any(|own| real(own) == real(file)));
        files.extend(there.map(Place::File));
        if ancestor.join(".git").exists() {
            break;
        }
    }
    files
}

#[cfg(test)]
mod tests {
    use super::*;

    /// R123: the class of a name follows from the words in it.
    #[test]
    fn names_are_classified_by_their_words() {
        for named in [
            "ANTHROPIC_API_KEY",
            "CLAUDE_CODE_OAUTH_TOKEN",
            "ANTHROPIC_CUSTOM_HEADERS",
            "ANTHROPIC_BASE_URL",
            "CLAUDE_CODE_USE_BEDROCK",
            "OPENAI_SPIFFE_ID",
            "OPENAI_IDENTITY_TOKEN_SOURCE",
            "AMP_API_KEY",
            "CLAUDE_CODE_SIMPLE",
            "CLAUDE_CODE_DISABLE_AUTH",
            "OPENCODE_CONSOLE_TOKEN",
            "anthropic_profile",
            "ANTHROPIC_MODEL_PROVIDER",
            "CLAUDE_CODE_TOKEN_MS",
        ] {
            assert_eq!(class_of_variable(named), Class::Named, "{named}");
        }
        for harmless in [
            "ANTHROPIC_MODEL",
            "CODEX_LOG",
            "CLAUDE_CODE_ENABLE_TELEMETRY",
            "AMP_LOG_LEVEL",
            "CLAUDE_CONFIG_DIR",
            "CLAUDE_CODE_MAX_OUTPUT_TOKENS",
            "CLAUDE_CODE_API_KEY_HELPER_TTL_MS",
            "CLAUDE_CODE_ENTRYPOINT",
            "CODEX_SANDBOX_NETWORK_DISABLED",
            "OPENAI_API_KEY",
            "OPENAI_ORG_ID",
            "SPIFFE_ENDPOINT_SOCKET",
            "CLAUDE_CODE_SSE_PORT",
            "OPENCODE_PID",
            "OPENCODE_DISABLE_AUTOUPDATE",
            "CODEX_HOME",
            "CLAUDE_BASH_TIMEOUT",
        ] {
            assert_eq!(class_of_variable(harmless), Class::Harmless, "{harmless}");
        }
        for unknown in [
            "CLAUDECODE",
            "CLAUDE_CODE_LOGIN",
            "CODEX_CI",
            "AMP_HOME",
            "OPENCODE_MODELS",
            "OPENCODE_MODELS_PATH",
            "OPENCODE_DISABLE_DEFAULT_PLUGINS",
            "CLAUDE_CODE_DISABLE_ADMIN_ENV_UNION",
            "CODEX_DISABLE",
        ] {
            assert_eq!(class_of_variable(unknown), Class::Unknown, "{unknown}");
        }
    }

    /// R123: a member of a settings file counts by the whole words in its name.
    #[test]
    fn members_are_classified_by_whole_words() {
        for named in [
            "apiKeyHelper",
            "awsAuthRefresh",
            "proxyAuthHelper",
            "forceLoginMethod",
            "openai_base_url",
            "model_provider",
            "forced_login_method",
            "forced_chatgpt_workspace_id",
            "allowed_login_methods",
            "profile",
            "amp.proxy",
        ] {
            assert!(is_named_member(named), "{named}");
        }
        for harmless in [
            "model",
            "permissions",
            "includeCoAuthoredBy",
            "model_providers",
            "mcp_servers",
            "statusLine",
            "$schema",
            "profiles",
            "cleanupPeriodDays",
            "enabled_providers",
        ] {
            assert!(!is_named_member(harmless), "{harmless}");
        }
    }

    /// R123: only the host of an address decides whose server it is.
    #[test]
    fn the_vendors_own_servers_are_no_other_servers() {
        for own in [
            "",
            "  ",
            "https://api.anthropic.com",
            "https://API.anthropic.com./v1",
            "https://anthropic.com:443/",
        ] {
            assert_eq!(other_server(own, ANTHROPIC), None, "{own}");
        }
        for (other, host) in [
            ("https://gateway.example/v1?key=x", "gateway.example"),
            ("https://api.anthropic.com@evil.example/", "evil.example"),
            ("https://user:pass@evil.example:8443", "evil.example:8443"),
            ("https://notanthropic.com", "notanthropic.com"),
            ("https://anthropic.com.evil.example", "anthropic.com.evil.example"),
            ("gateway", "an unknown server"),
        ] {
            assert_eq!(other_server(other, ANTHROPIC).as_deref(), Some(host), "{other}");
        }
    }
}
