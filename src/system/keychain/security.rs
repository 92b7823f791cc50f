//! `/usr/bin/security` of macOS, with which Claude Code writes its items: reading them with the
//! same program opens no dialog (Claude Code 2.1.330, the shipped program).

use std::io::Read;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use zeroize::Zeroizing;

use super::item::text;
use super::{ItemResult, KeychainError};
use crate::secret::SecretValue;

const SECURITY: &str = "/usr/bin/security";
/// Interval between checks whether the program has ended.
const POLL: Duration = Duration::from_millis(10);

/// Reads an item, killing the program after `limit`.
pub(super) fn read(service: &str, account: &str, home: Option<&Path>, limit: Duration) -> ItemResult {
    let child = Command::new(SECURITY)
        .args(["find-generic-password", "-a", account, "-w", "-s", service])
        .env_clear()
        .envs(home.map(|home| ("HOME", home)))
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn();
    let Ok(mut child) = child else {
        return Err(KeychainError::Security("/usr/bin/security does not start"));
    };
    let stdout = child.stdout.take();
    let reader = std::thread::spawn(move || {
        let mut output = Zeroizing::new(Vec::new());
        stdout?.read_to_end(&mut output).ok()?;
        Some(output)
    });
    let Some(status) = wait(&mut child, limit) else {
        return Err(KeychainError::TimedOut);
    };
    match reader.join() {
        Ok(Some(output)) if status.success() => printed(&output),
        _ => failed(status.code()),
    }
}

/// Waits for the program, and kills it when the time is up.
fn wait(child: &mut Child, limit: Duration) -> Option<ExitStatus> {
    let deadline = Instant::now() + limit;
    loop {
        if let Ok(Some(status)) = child.try_wait() {
            return Some(status);
        }
        if Instant::now() >= deadline {
            // Killing fails only if the program has just exited.
            let _ = child.kill();
            let _ = child.wait();
            return None;
        }
        std::thread::sleep(POLL);
    }
}

/// Interprets an exit code: the lowest byte of a status code from `SecBase.h`.
fn failed(code: Option<i32>) -> ItemResult {
    let problem = match code {
        // errSecItemNotFound, -25300
        Some(44) => return Ok(None),
        // errSecInteractionNotAllowed, -25308
        Some(36) => "the Keychain is locked, and no dialog can be shown here",
        // errSecUserCanceled, -128
        Some(128) => "the dialog of the Keychain was cancelled",
        // errSecAuthFailed, -25293
        Some(51) => "access was denied",
        // errSecNoSuchKeychain, -25294
        Some(50) => "there is no such Keychain",
        _ => return Err(KeychainError::Failed),
    };
    Err(KeychainError::Security(problem))
}

/// Decodes the output: the secret and a line break, in lower-case hex if a byte is not printable ASCII.
fn printed(output: &[u8]) -> ItemResult {
    let printed = std::str::from_utf8(output).map_err(|_| KeychainError::NotText)?;
    let printed = printed.strip_suffix('\n').unwrap_or(printed);
    let is_upper = |c: char| c.is_ascii_uppercase();
    match hex::decode(printed) {
        Ok(bytes) if !bytes.is_empty() && !printed.contains(is_upper) => text(bytes),
        _ => Ok(Some(SecretValue::new(printed.to_owned()))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(lookup: ItemResult) -> String {
        match lookup {
            Ok(Some(secret)) => secret.expose_secret().to_owned(),
            Ok(None) => "absent".to_owned(),
            Err(error) => format!("unreadable: {error}"),
        }
    }

    #[test]
    fn the_output_of_security_is_parsed() {
        assert_eq!(found(printed(b"sk-ant-api03-x\n")), "sk-ant-api03-x");
        assert_eq!(found(printed(b"{\"a\":1}\n")), "{\"a\":1}");
        let hex = "{\"a\":\"ü\"}"
            .bytes()
            .fold(String::new(), |hex, byte| format!("{hex}{byte:02x}"));
        assert_eq!(found(printed(format!("{hex}\n").as_bytes())), "{\"a\":\"ü\"}");
        assert_eq!(found(printed(b"ff\n")), "unreadable: it is not text");
        assert_eq!(found(printed(b"FF\n")), "FF");
        assert_eq!(found(printed(b"\n")), "");
    }

    /// R132: absent, locked, cancelled and denied are told apart.
    #[test]
    fn exit_codes_are_told_apart() {
        assert_eq!(found(failed(Some(44))), "absent");
        for (code, word) in [
            (Some(36), "locked"),
            (Some(128), "cancelled"),
            (Some(51), "denied"),
            (Some(50), "no such"),
            (Some(1), "failed"),
            (None, "failed"),
        ] {
            let said = found(failed(code));
            assert!(
                said.starts_with("unreadable: ") && said.contains(word),
                "{code:?}: {said}"
            );
        }
    }

    /// R132: a program that hangs is killed.
    #[cfg(unix)]
    #[test]
    fn a_program_that_hangs_is_ended() {
        let mut child = Command::new("sleep").arg("600").spawn().unwrap();
        assert!(wait(&mut child, Duration::from_millis(30)).is_none());
        assert!(child.try_wait().unwrap().is_some(), "it is still running");
    }
}
