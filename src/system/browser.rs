//! Opens a page in the browser without passing it secrets from the environment.

use std::ffi::OsStr;
use std::process::{Command, Stdio};

use crate::system::env::{Env, Platform};

/// The variables passed to a browser: those of the desktop session, which contain no secrets.
const VARIABLES: &str = "BROWSER DBUS_SESSION_BUS_ADDRESS DESKTOP_SESSION DISPLAY HOME KDE_FULL_SESSION \
    KDE_SESSION_VERSION LANG LOGNAME PATH TERM TMPDIR USER WAYLAND_DISPLAY WSL_DISTRO_NAME \
    WSL_INTEROP XAUTHORITY XDG_CACHE_HOME XDG_CONFIG_DIRS XDG_CONFIG_HOME XDG_CURRENT_DESKTOP \
    XDG_DATA_DIRS XDG_DATA_HOME XDG_RUNTIME_DIR XDG_SESSION_TYPE";

/// Variables that Windows sets for every program of a session. Registered browser commands refer to
/// some of them.
const WINDOWS_VARIABLES: &str = "ALLUSERSPROFILE APPDATA COMMONPROGRAMFILES COMMONPROGRAMFILES(X86) \
    COMMONPROGRAMW6432 COMPUTERNAME COMSPEC HOMEDRIVE HOMEPATH LOCALAPPDATA NUMBER_OF_PROCESSORS OS PATH PATHEXT \
    PROCESSOR_ARCHITECTURE PROGRAMDATA PROGRAMFILES PROGRAMFILES(X86) PROGRAMW6432 PUBLIC \
    SESSIONNAME SYSTEMDRIVE SYSTEMROOT TEMP TMP USERDOMAIN USERNAME USERPROFILE WINDIR";

/// Whether a browser can open on the screen of this machine: not over SSH or without a display.
pub(crate) fn can_open_locally(env: &Env) -> bool {
    let set = |name: &str| env.is_set(name);
    let remote = set("SSH_CONNECTION") || set("SSH_TTY") || set("SSH_CLIENT");
    let display = env.platform != Platform::Unix
        || ["DISPLAY", "WAYLAND_DISPLAY", "WSL_DISTRO_NAME"]
            .into_iter()
            .any(set);
    env.terminals.stderr && display && !remote
}

/// Opens only `https` URLs. The library starts the browser with the environment of its own process,
/// so it is called in a second process that has few variables.
pub(crate) fn open(env: &Env, url: &str) -> bool {
    let Some(program) = env.program.as_ref().filter(|_| url.starts_with("https://")) else {
        return false;
    };
    Command::new(program)
        .args(["open-browser", "--", url])
        .env_clear()
        .envs(environment(env))
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .is_ok()
}

/// The variables of this process that are passed to a browser.
fn environment(env: &Env) -> impl Iterator<Item = (&'static str, &OsStr)> {
    let names = match env.platform {
        Platform::Windows => WINDOWS_VARIABLES,
        Platform::Unix | Platform::MacOs => VARIABLES,
    };
    names
        .split(' ')
        .filter_map(|name| Some((name, env.variable(name)?)))
}

#[cfg(test)]
mod tests;
