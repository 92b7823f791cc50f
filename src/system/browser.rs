//! Opens a page in the person's browser, from a process that was given nothing secret.

use std::process::{Command, Stdio};

use crate::system::env::{Env, Platform};

/// What a browser may know of our environment: where the person's desktop is, and no more.
const VARIABLES: [&str; 22] = [
    "APPDATA",
    "BROWSER",
    "DBUS_SESSION_BUS_ADDRESS",
    "DISPLAY",
    "HOME",
    "LANG",
    "LOCALAPPDATA",
    "LOGNAME",
    "PATH",
    "SYSTEMROOT",
    "TEMP",
    "TERM",
    "USER",
    "USERPROFILE",
    "WAYLAND_DISPLAY",
    "WSL_DISTRO_NAME",
    "WSL_INTEROP",
    "XAUTHORITY",
    "XDG_CURRENT_DESKTOP",
    "XDG_DATA_DIRS",
    "XDG_RUNTIME_DIR",
    "XDG_SESSION_TYPE",
];

/// Whether a browser would come up where the person is.
pub(crate) fn is_at_hand(env: &Env) -> bool {
    let set = |name: &str| env.path(name).is_some();
    let remote = set("SSH_CONNECTION") || set("SSH_TTY") || set("SSH_CLIENT");
    let display = env.platform != Platform::Unix
        || ["DISPLAY", "WAYLAND_DISPLAY", "WSL_DISTRO_NAME"]
            .into_iter()
            .any(set);
    env.terminals.stderr && display && !remote
}

/// Opens an https page, and nothing else. The library that knows how to starts the browser with
/// the environment it has, so it runs in a process of its own, which has little.
pub(crate) fn open(env: &Env, url: &str) -> bool {
    let Some(program) = env.program.as_ref().filter(|_| url.starts_with("https://")) else {
        return false;
    };
    let known = VARIABLES
        .iter()
        .filter_map(|name| Some((name, env.variable(name)?)));
    Command::new(program)
        .args(["open-browser", "--", url])
        .env_clear()
        .envs(known)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .is_ok()
}
