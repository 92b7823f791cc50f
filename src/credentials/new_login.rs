//! A login of the sandbox's own: the tool's own login, in a directory of its own, so that the login of
//! this machine stays as it is.
//!
//! As seen with Claude Code 2.1.332 and Codex 0.171.0: both keep the login in the directory that one variable
//! names, and other variables move the login or sign in without a person; Claude Code exits with 0 after
//! Ctrl-C. On macOS, as read from its program, Claude Code has a Keychain item for each directory.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use tokio::process::{Child, Command};
use tokio::time::timeout;

use super::recovery::{Description, KeptValue};
use crate::discover::{Filter, Place, discover};
use crate::error::{Error, Kind, Result};
use crate::formats::escape;
use crate::provider::{CredentialKind, Provider};
use crate::secret::{MAX_VALUE, SecretValue};
use crate::system::env::Env;
use crate::system::file;
use crate::system::keychain::{Keychain, SystemKeychain};
use crate::system::private::write_private;
use crate::system::signals::Interrupt;
use crate::ui::guard::TerminalGuard;

/// Prefixes of the variables that the tools or this program read.
const OWN_VARIABLES: &[&str] = &["AMIKA_", "ANTHROPIC_", "CLAUDE", "CODEX_", "OPENAI_", "SPIFFE_"];
/// How long the tool may take to end after a signal.
const END_TIMEOUT: Duration = Duration::from_secs(3);
/// How long a signal that also ended the tool may take to arrive.
const SIGNAL_DELAY: Duration = Duration::from_millis(200);

/// A tool that is about to log in.
pub(crate) struct NewLogin {
    provider: &'static Provider,
    program: PathBuf,
}

impl NewLogin {
    /// Finds the tool; exit 4 if it is missing.
    pub(crate) fn prepare(provider: &'static Provider, env: &Env) -> Result<Self> {
        let (tool, program) = (provider.tool, provider.login_command[0]);
        let missing = || {
            let message = format!("{tool} is not installed: there is no '{program}' in PATH");
            let hint = format!("install {tool} on this machine, or push a login with --from-file FILE");
            Error::input(message).hint(hint)
        };
        let program = env.find_program(program).ok_or_else(missing)?;
        Ok(Self { provider, program })
    }

    /// The command without its settings, for messages.
    pub(crate) fn command(&self) -> String {
        self.provider.login_command[..3].join(" ")
    }

    /// Runs the tool until it ends or a signal arrives. What counts is what it has stored, not how it
    /// ended. Returns the login and the directory that keeps it, with the signal if there was one.
    pub(crate) async fn run(
        self,
        description: Description,
        env: &Env,
        interrupt: &Interrupt,
    ) -> Result<(SecretValue, KeptValue, Option<Kind>)> {
        let kept = KeptValue::create(env, self.provider, description, None).await?;
        let tool_env = env.of_tool(OWN_VARIABLES, self.provider.home_variable, kept.directory());
        let ended = self.run_tool(&tool_env, kept.directory(), interrupt).await;
        let stored = self.stored(&tool_env, &kept.path, &SystemKeychain::from_env(env));
        let signal = match (ended, stored) {
            (Ok(signal), Ok(Some(login))) => return Ok((login, kept, signal)),
            (ended, stored) => {
                kept.remove();
                stored?;
                ended?
            }
        };
        let signal = match signal {
            None => timeout(SIGNAL_DELAY, interrupt.wait()).await.ok(),
            signal => signal,
        };
        if let Some(kind) = signal {
            return Err(Error::new(kind, "interrupted; nothing was pushed"));
        }
        let message = format!("`{}` ended without a login; nothing was pushed", self.command());
        Err(Error::input(message))
    }

    async fn run_tool(&self, env: &Env, directory: &Path, interrupt: &Interrupt) -> Result<Option<Kind>> {
        let _restored_on_drop = TerminalGuard::new();
        let started = stderr_as_stdout().and_then(|stdout| {
            Command::new(&self.program)
                .args(&self.provider.login_command[1..])
                .env_clear()
                .envs(&env.variables)
                .current_dir(directory)
                .stdout(stdout)
                .kill_on_drop(true)
                .spawn()
        });
        let mut tool = started.map_err(|error| {
            Error::input(format!("failed to start {}", escape::path(&self.program))).because(error)
        })?;
        tokio::select! {
            biased;
            kind = interrupt.wait() => {
                end(&mut tool).await;
                Ok(Some(kind))
            }
            // A prompt that reads key by key takes Ctrl-C as a key; Claude Code exits with 130 then.
            status = tool.wait() => {
                let is_interrupted = status.is_ok_and(|status| status.code() == Some(130));
                Ok(is_interrupted.then_some(Kind::Interrupted))
            }
        }
    }

    /// The login that the tool has stored. One in the keychain is copied to `path`.
    fn stored(&self, env: &Env, path: &Path, keychain: &SystemKeychain) -> Result<Option<SecretValue>> {
        if let Ok(Some(bytes)) = file::read_if_there(path, MAX_VALUE as u64) {
            let text = std::str::from_utf8(&bytes);
            return Ok(text.ok().map(|text| SecretValue::new(text.to_owned())));
        }
        let Some((login, service, account)) = in_keychain(self.provider, env, keychain) else {
            return Ok(None);
        };
        write_private(path, login.expose_secret().as_bytes())
            .map_err(|error| Error::new(Kind::State, "the new login cannot be saved").because(error))?;
        // The copy is used from now on. An item that stays belongs to a directory that will be gone.
        let _ = keychain.set(&service, &account, None);
        Ok(Some(login))
    }
}

/// The login in the keychain item that belongs to the tool's directory, with its service and account.
fn in_keychain(
    provider: &Provider,
    env: &Env,
    keychain: &dyn Keychain,
) -> Option<(SecretValue, String, String)> {
    let filter = Filter::new(Some(provider.discovered_as), Some(CredentialKind::OAuth));
    let found = discover(env, Some(keychain), filter).credentials;
    found.into_iter().find_map(|found| match found.place {
        Place::Keychain { service, account } => Some((found.document?, service, account)),
        _ => None,
    })
}

/// Ends the tool. A signal from the terminal has reached it already, any other has not.
async fn end(tool: &mut Child) {
    #[cfg(unix)]
    if let Some(id) = tool
        .id()
        .and_then(|id| rustix::process::Pid::from_raw(id.cast_signed()))
    {
        // An error means that it has ended.
        let _ = rustix::process::kill_process(id, rustix::process::Signal::TERM);
    }
    if timeout(END_TIMEOUT, tool.wait()).await.is_err() {
        let _ = tool.kill().await;
    }
}

/// Standard error, because standard output is for the result of the command.
fn stderr_as_stdout() -> std::io::Result<Stdio> {
    #[cfg(unix)]
    let stderr = std::os::fd::AsFd::as_fd(&std::io::stderr()).try_clone_to_owned()?;
    #[cfg(windows)]
    let stderr = std::os::windows::io::AsHandle::as_handle(&std::io::stderr()).try_clone_to_owned()?;
    Ok(Stdio::from(stderr))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// R165: on macOS, Claude Code keeps the login in a Keychain item of the directory, whose name is a hash
    /// of the directory as it was seen with Claude Code 2.1.330, and not in that of this machine.
    #[test]
    fn on_macos_the_item_of_the_directory_is_read() {
        let login = r#"{"claudeAiOauth":{"accessToken":"new","scopes":["user:inference"]}}"#;
        let own = login.replace("new", "own");
        let home = Path::new("/Users/fix");
        let variables = [
            ("USER", "fix"),
            ("CLAUDE_CONFIG_DIR", "/elsewhere"),
            ("ANTHROPIC_API_KEY", "k"),
        ];
        let env = Env::fake(home, &variables, crate::system::env::Platform::MacOs);
        let tool_env = env.of_tool(OWN_VARIABLES, "CLAUDE_CONFIG_DIR", Path::new("C:/cfg2/"));
        let keychain = crate::system::keychain::tests::MemoryKeychain::default()
            .with("Claude Code-credentials", "fix", &own)
            .with("Claude Code-credentials-9a02e4b9", "fix", login);
        let (found, service, account) = in_keychain(&crate::provider::CLAUDE, &tool_env, &keychain).unwrap();
        assert_eq!(found.expose_secret(), login);
        assert_eq!(
            (service.as_str(), account.as_str()),
            ("Claude Code-credentials-9a02e4b9", "fix")
        );
    }
}
