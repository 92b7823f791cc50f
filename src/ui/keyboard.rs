//! Reads typed and pasted keys at the terminal, without echo.

mod keys;
#[cfg(unix)]
mod unix;
#[cfg(not(unix))]
mod windows;

pub(crate) use self::keys::{Key, Keys};
#[cfg(unix)]
pub(crate) use self::unix::Keyboard;
#[cfg(not(unix))]
pub(crate) use self::windows::Keyboard;
