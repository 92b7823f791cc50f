//! What a tool may use in place of its stored credentials: variables and settings, classified by the
//! words in their names.
//!
//! Every release of a tool adds names (the program of Claude Code 2.1.332 holds more than a thousand
//! with its prefix), so a table of them would soon be wrong. What is not known to be harmless makes
//! it unknown whether a stored credential is in use.

use std::collections::HashSet;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use url::Url;

use super::layers::{Layers, Node};
use super::note::Note;
use super::place::Place;
use crate::system::env::Env;

pub(super) const ANTHROPIC: &[&str] = &["anthropic.com", "claude.ai", "claude.com"];
pub(super) const OPENAI: &[&str] = &["openai.com", "chatgpt.com"];

/// What is needed to know about a tool.
pub(super) struct Tool {
    pub(super) title: &'static str,
    /// Beginnings of the names of its variables.
    pub(super) prefixes: &'static [&'static str],
    /// Variables and settings that its scan follows.
    pub(super) followed: &'static [&'static str],
    /// Domains of its vendor.
    pub(super) domains: &'static [&'static str],
    /// Its settings files in a project, which are never opened: a repository may be a stranger's.
    pub(super) project_files: &'static [&'static str],
}

/// A name that holds one of these may select another credential or another server.
const NAMED: [&str; 23] = [
    "KEY",
    "TOKEN",
    "AUTH",
    "CRED",
    "SECRET",
    "HEADER",
    "URL",
    "HOST",
    "SOCKET",
    "PROXY",
    "HELPER",
    "PROVIDER",
    "PROFILE",
    "IDENTITY",
    "FEDERATION",
    "SPIFFE",
    "USE_",
    "GATEWAY",
    "ORGANIZATION",
    "ACCOUNT",
    "REMOTE",
    "MANAGED",
    "SIMPLE",
];
/// The same for settings, in addition, such as `forced_chatgpt_workspace_id` of Codex.
const NAMED_MEMBER: [&str; 2] = ["LOGIN", "CHATGPT"];
/// Parts of harmless names, unless they hold a word from [`NAMED`].
const HARMLESS: [&str; 5] = ["MODEL", "LOG", "TELEMETRY", "TIMEOUT", "ENTRYPOINT"];
const HARMLESS_BEFORE: [&str; 3] = ["MAX", "DISABLE", "ENABLE"];
const HARMLESS_AFTER: [&str; 5] = ["MS", "DIR", "PATH", "PID", "PORT"];
/// Names of variables that are harmless although they hold a word, or hold none.
const HARMLESS_NAMES: [&str; 4] = [
    // Codex 0.169 does not sign in with it, unless a model provider names it.
    "OPENAI_API_KEY",
    "OPENAI_ORG_ID",
    "CODEX_HOME",
    // The address of a local service, without which the other SPIFFE variables do nothing.
    "SPIFFE_ENDPOINT_SOCKET",
];
/// Words in the names of Codex's variables that count even if their value is blank (Codex 0.171).
const COUNT_WHEN_BLANK: [&str; 3] = ["IDENTITY", "FEDERATION", "SPIFFE"];

/// What a name says.
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
    let is_part = |words: &[&str], parts: &[&str]| parts.iter().any(|part| words.contains(part));
    let limits_tokens = is_part(&["MAX"], &parts) && name.ends_with("_TOKENS");
    if HARMLESS_NAMES.contains(&name.as_str())
        || name.starts_with("CODEX_SANDBOX")
        || name.ends_with("_TTL_MS")
        || limits_tokens
    {
        Class::Harmless
    } else if NAMED.iter().any(|word| name.contains(word)) {
        Class::Named
    } else if is_part(&HARMLESS, &parts)
        || is_part(&HARMLESS_BEFORE, &parts[..parts.len() - 1])
        || is_part(&HARMLESS_AFTER, &parts[1..])
    {
        Class::Harmless
    } else {
        Class::Unknown
    }
}

/// Whether a member of a settings file, such as `apiKeyHelper`, may select another credential or server.
pub(super) fn is_named_member(name: &str) -> bool {
    let mut parts = vec![String::new()];
    let mut before = ' ';
    for c in name.chars() {
        let starts_part =
            !c.is_ascii_alphanumeric() || (c.is_ascii_uppercase() && !before.is_ascii_uppercase());
        if starts_part {
            parts.push(String::new());
        }
        if let Some(part) = parts.last_mut().filter(|_| c.is_ascii_alphanumeric()) {
            part.push(c.to_ascii_uppercase());
        }
        before = c;
    }
    let words = || NAMED.iter().chain(&NAMED_MEMBER);
    parts
        .iter()
        .any(|part| words().any(|word| word.trim_end_matches('_') == part))
}

/// The host of an address that is not the vendor's own. Without a host it is some other server.
pub(super) fn other_server(address: &str, domains: &[&str]) -> Option<String> {
    let address = address.trim();
    if address.is_empty() {
        return None;
    }
    let Some((host, port)) = Url::parse(address)
        .ok()
        .and_then(|url| Some((url.host_str()?.to_owned(), url.port())))
    else {
        return Some("an unknown server".to_owned());
    };
    let host = host.trim_end_matches('.');
    let is_own = |domain: &str| {
        let before = host.strip_suffix(domain);
        before.is_some_and(|before| before.is_empty() || before.ends_with('.'))
    };
    if domains.iter().any(|domain| is_own(domain)) {
        return None;
    }
    Some(port.map_or_else(|| host.to_owned(), |port| format!("{host}:{port}")))
}

/// What a tool may use in place of its stored credentials.
#[derive(Default)]
pub(super) struct Overrides {
    pub(super) named: Vec<Place>,
    pub(super) unknown: Vec<Place>,
    pub(super) project: Vec<Place>,
}

impl Overrides {
    /// Looks at the environment and the settings of a tool.
    pub(super) fn find(tool: &Tool, env: &Env, layers: &Layers) -> Self {
        let mut found = Self {
            project: project_files(tool, env, &layers.files),
            ..Self::default()
        };
        let of_layers = layers
            .variables()
            .map(|(name, value, place)| (name, value.as_variable().to_owned(), place));
        let mut of_process: Vec<_> = env.variable_names().collect();
        of_process.sort_unstable();
        let of_process = of_process.into_iter().filter_map(|name| {
            let value = env.variable(name)?.to_string_lossy().into_owned();
            Some((name, value, Place::Variable(name.to_owned())))
        });
        let mut seen = HashSet::new();
        for (name, value, place) in of_layers.chain(of_process) {
            if tool.is_prefix_of(name) && seen.insert(name.to_owned()) {
                found.variable(tool, name, &value, place, layers);
            }
        }
        for (name, value, place) in layers.members() {
            let is_set = seen.insert(format!(".{name}")) && !is_blank(value) && !tool.follows(name);
            if is_set && is_named_member(name) && !is_own_address(name, value.as_variable(), tool) {
                found.named.push(place);
            }
        }
        found
    }

    fn variable(&mut self, tool: &Tool, name: &str, value: &str, place: Place, layers: &Layers) {
        let upper = name.to_ascii_uppercase();
        let counts_when_blank = upper.starts_with("OPENAI_") || upper.starts_with("SPIFFE_");
        let counts_when_blank = counts_when_blank && COUNT_WHEN_BLANK.iter().any(|word| upper.contains(word));
        // A switch such as CLAUDE_CODE_USE_BEDROCK=0 is off (Claude Code 2.1.331).
        let is_off = upper.contains("_USE_")
            && ["0", "false", "no", "off"].contains(&value.trim().to_ascii_lowercase().as_str());
        if (value.trim().is_empty() && !counts_when_blank) || is_off || is_own_address(name, value, tool) {
            return;
        }
        let names_key = layers.objects(&["model_providers"]).any(|(providers, _)| {
            let mut keys = providers
                .values()
                .filter_map(|provider| provider.get("env_key")?.text());
            keys.any(|key| key == name)
        });
        match class_of_variable(name) {
            _ if tool.follows(name) => {}
            Class::Harmless if !names_key => {}
            Class::Unknown => self.unknown.push(place),
            Class::Named | Class::Harmless => self.named.push(place),
        }
    }

    /// What is most likely used instead; `None` if the stored credentials are certainly used.
    pub(super) fn first(&self) -> Option<&Place> {
        self.named.iter().chain(&self.unknown).chain(&self.project).next()
    }

    pub(super) fn into_notes(self, tool: &'static str) -> impl Iterator<Item = Note> {
        let named = Note::MayUse {
            tool,
            what: self.named,
        };
        let unknown = Note::UnknownSettings {
            tool,
            what: self.unknown,
        };
        let project = Note::ProjectFiles {
            tool,
            files: self.project,
        };
        [named, unknown, project]
            .into_iter()
            .filter(|note| !note.is_empty())
    }
}

impl Tool {
    fn is_prefix_of(&self, name: &str) -> bool {
        let starts = |prefix: &&&str| {
            name.get(..prefix.len())
                .is_some_and(|start| start.eq_ignore_ascii_case(prefix))
        };
        self.prefixes.iter().any(|prefix| starts(&prefix))
    }

    fn follows(&self, name: &str) -> bool {
        self.followed
            .iter()
            .any(|followed| followed.eq_ignore_ascii_case(name))
    }
}

fn is_blank(value: &Node) -> bool {
    matches!(value, Node::Text(text) if text.expose_secret().trim().is_empty())
        || matches!(value, Node::Plain(text) if text == "false")
}

/// Whether it is the address of the vendor's own server.
fn is_own_address(name: &str, value: &str, tool: &Tool) -> bool {
    name.to_ascii_uppercase().ends_with("BASE_URL") && other_server(value, tool.domains).is_none()
}

/// The settings files of the project around the working directory, up to the root of its repository
/// or to the home directory, except for the tool's `own` files.
fn project_files(tool: &Tool, env: &Env, own: &[PathBuf]) -> Vec<Place> {
    let Some(directory) = env.directory.as_deref() else {
        return Vec::new();
    };
    let mut files = Vec::new();
    for ancestor in directory.ancestors() {
        if ancestor != directory && env.home.as_deref() == Some(ancestor) {
            break;
        }
        let there = tool.project_files.iter().map(|file| ancestor.join(file));
        let there = there.filter(|file| file.exists() && !is_one_of(file, own));
        files.extend(there.map(Place::File));
        if ancestor.join(".git").exists() {
            break;
        }
    }
    files
}

fn is_one_of(file: &Path, own: &[PathBuf]) -> bool {
    own.iter().any(|own| own == file)
}

/// Whether a variable is set to nothing, which some tools take for the working directory.
pub(super) fn is_set_to_nothing(env: &Env, variable: &str) -> bool {
    env.variable(variable).is_some_and(OsStr::is_empty)
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
