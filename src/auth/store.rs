//! The two files that hold the CLI's own credentials. Other programs of the same vendor read and
//! write them too, so their place, names and format are fixed.

use std::path::{Path, PathBuf};

use anyhow::anyhow;
use jiff::Timestamp;
use serde::Deserialize;

use crate::env::Env;
use crate::files;
use crate::save::save;
use crate::secret::SecretValue;
use crate::text;

/// The largest credential file read, in bytes.
const MAX_FILE: u64 = 1024 * 1024;

/// The directory of the credential files.
pub struct Store {
    directory: PathBuf,
}

/// A credential as it was stored.
pub struct Stored {
    /// The API key or access token.
    pub secret: SecretValue,
    /// The origin it was made for; files of other programs lack it.
    pub api_url: Option<String>,
    /// When the access token stops working; API keys do not say.
    pub expires_at: Option<Timestamp>,
}

#[derive(Deserialize)]
struct ApiKeyFile {
    key: SecretValue,
    api_url: Option<String>,
}

#[derive(Deserialize)]
struct SessionFile {
    access_token: SecretValue,
    expires_at: Timestamp,
    api_url: Option<String>,
}

impl Store {
    /// `$AMIKA_STATE_DIRECTORY`, else `$XDG_STATE_HOME/amika`, else `~/.local/state/amika`, on
    /// every platform.
    pub fn locate(env: &Env) -> Option<Self> {
        let directory = match env.path("AMIKA_STATE_DIRECTORY") {
            Some(path) => path,
            None => env.xdg_directory("XDG_STATE_HOME", ".local/state")?.join("amika"),
        };
        Some(Self { directory })
    }

    /// Keeps a value that has nowhere else to be any more, and says where.
    pub fn rescue(&self, name: &str, value: &SecretValue) -> anyhow::Result<PathBuf> {
        let path = self.directory.join(name);
        save(&path, value.expose().as_bytes()).map_err(|error| anyhow!(files::reason(&error)))?;
        Ok(path)
    }

    /// The stored API key, `None` when there is no such file.
    pub fn api_key(&self) -> anyhow::Result<Option<Stored>> {
        let file: Option<ApiKeyFile> = read(&self.directory.join("api-key.json"))?;
        let stored = file.map(|file| Stored {
            secret: SecretValue::new(file.key.expose().trim().to_owned()),
            api_url: file.api_url,
            expires_at: None,
        });
        stored.map(not_empty).transpose()
    }

    /// The login session, `None` when there is no such file.
    pub fn session(&self) -> anyhow::Result<Option<Stored>> {
        let file: Option<SessionFile> = read(&self.directory.join("workos-session.json"))?;
        let stored = file.map(|file| Stored {
            secret: file.access_token,
            api_url: file.api_url,
            expires_at: Some(file.expires_at),
        });
        stored.map(not_empty).transpose()
    }
}

fn not_empty(stored: Stored) -> anyhow::Result<Stored> {
    if stored.secret.is_empty() {
        return Err(anyhow!("it holds an empty credential"));
    }
    Ok(stored)
}

/// Reads a JSON object. serde's own errors quote what they refuse, so only the line is kept.
fn read<T: for<'de> Deserialize<'de>>(path: &Path) -> anyhow::Result<Option<T>> {
    let describe = |reason: String| anyhow!("{}: {reason}", text::path(path));
    let bytes = files::read_if_there(path, MAX_FILE).map_err(|reason| describe(format!("{reason:#}")))?;
    let Some(bytes) = bytes else { return Ok(None) };
    serde_json::from_slice(&bytes)
        .map(Some)
        .map_err(|error| describe(format!("line {} is not as expected", error.line())))
}
