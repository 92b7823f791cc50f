//! aider (`--also aider`): keys in `.aider.conf.yml` and `.env`.
//!
//! Facts from its documentation (aider.chat/docs/config/api-keys.html, dotenv.html) and source
//! (`aider/main.py`): both files are read in the home directory, at the root of the repository and
//! in the working directory, and later ones win; `~/.aider/oauth-keys.env` has the keys of its own
//! sign-in. `api-key` is a list of `PROVIDER=KEY`.

use std::path::PathBuf;

use super::label::Claimed;
use super::scan::{Document, Scan};
use super::types::{Place, ProviderName};
use crate::formats::yaml;
use crate::secret::SecretValue;

pub(crate) fn keys(scan: &mut Scan<'_>) {
    let directories = directories(scan);
    let mut found: Vec<(Place, ProviderName, SecretValue)> = Vec::new();
    for directory in &directories {
        if let Some(document) = scan.file(&directory.join(".aider.conf.yml")) {
            for (provider, key) in configured(scan, &document) {
                found.push((document.place.clone(), provider, key));
            }
        }
    }
    let files = directories.iter().map(|directory| directory.join(".env"));
    let own = scan.below_home(".aider/oauth-keys.env");
    for path in files.chain(own).collect::<Vec<_>>() {
        if let Some(document) = scan.file(&path) {
            for (name, key) in variables(scan, &document) {
                let name = name.strip_prefix("AIDER_").unwrap_or(&name);
                if let Some(provider) = name.strip_suffix("_API_KEY").and_then(ProviderName::from_tool) {
                    found.push((document.place.clone(), provider, key));
                }
            }
        }
    }
    let mut claimed = Claimed::default();
    for (place, provider, key) in found {
        let what = place.shown(scan.tilde());
        match claimed.by(&provider, &what) {
            None => {
                scan.add_key(&place, provider, key);
            }
            Some(first) => {
                let what = format!("the key for {}", provider.as_str());
                scan.skip(&place, &what, &format!("is overridden by the one in {first}"));
            }
        }
    }
}

/// The directories that aider searches, the strongest first.
fn directories(scan: &Scan<'_>) -> Vec<PathBuf> {
    let mut directories: Vec<PathBuf> = scan.env.directory.clone().into_iter().collect();
    let ancestors = scan
        .env
        .directory
        .iter()
        .flat_map(|directory| directory.ancestors());
    directories.extend(
        ancestors
            .map(PathBuf::from)
            .find(|directory| directory.join(".git").exists()),
    );
    directories.extend(scan.env.home.clone());
    directories.dedup();
    directories
}

fn configured(scan: &mut Scan<'_>, document: &Document) -> Vec<(ProviderName, SecretValue)> {
    let entries = yaml::entries(document.body()).map(Some);
    let mut keys = Vec::new();
    for entry in scan.usable(&document.place, entries).unwrap_or_default() {
        let path: Vec<&str> = entry.path.iter().map(String::as_str).collect();
        let (provider, key) = match path.as_slice() {
            ["openai-api-key"] => ("openai", entry.value),
            ["anthropic-api-key"] => ("anthropic", entry.value),
            ["api-key"] => {
                let Some((provider, key)) = entry.value.expose_secret().split_once('=') else {
                    let what = format!("line {}", entry.line);
                    scan.skip(&document.place, &what, "is not PROVIDER=KEY");
                    continue;
                };
                (provider, SecretValue::new(key.to_owned()))
            }
            _ => continue,
        };
        if let Some(provider) = ProviderName::from_tool(provider) {
            keys.push((provider, key));
        } else {
            let what = format!("line {}", entry.line);
            scan.skip(&document.place, &what, "has an invalid provider name");
        }
    }
    keys
}

/// The variables of a `.env` file whose names end in `_API_KEY`. A value that dotenv readers may
/// interpret differently is reported and skipped.
pub(super) fn variables(scan: &mut Scan<'_>, document: &Document) -> Vec<(String, SecretValue)> {
    let mut variables = Vec::new();
    for (index, line) in document.body().lines().enumerate() {
        let line = line.trim();
        let Some((name, value)) = line.strip_prefix("export ").unwrap_or(line).split_once('=') else {
            continue;
        };
        let name = name.trim();
        if line.starts_with('#') || !name.ends_with("_API_KEY") || value.trim().is_empty() {
            continue;
        }
        if let Some(value) = plain_value(value.trim()) {
            variables.push((name.to_owned(), SecretValue::new(value.to_owned())));
        } else {
            let what = format!("line {}", index + 1);
            scan.skip(&document.place, &what, "has a value that is not a plain string");
        }
    }
    variables
}

/// The value without quotes; `None` if readers may interpret it differently.
fn plain_value(value: &str) -> Option<&str> {
    let quoted = |quote| value.strip_prefix(quote)?.strip_suffix(quote);
    let inner = quoted('"').or_else(|| quoted('\'')).unwrap_or(value);
    let is_special = |c: char| c.is_whitespace() || matches!(c, '"' | '\'' | '\\' | '$' | '#' | '`');
    (!inner.contains(is_special)).then_some(inner)
}
