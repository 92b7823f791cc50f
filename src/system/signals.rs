//! Ctrl-C, Ctrl-\\, SIGTERM, SIGHUP and the console events of Windows. They are handled from the start,
//! so that a command can stop where it is safe.

use std::io;
use std::sync::Arc;

use tokio::sync::watch;

use crate::error::{Error, Kind, Result};

/// Whether the program has been asked to stop.
#[derive(Clone)]
pub(crate) struct Interrupt(Arc<watch::Sender<Option<Kind>>>);

impl Interrupt {
    /// Installs the handlers, after which signals no longer end the process directly.
    pub(crate) fn listen() -> Self {
        ignore_file_size_signal();
        // Signals without a handler keep their usual meaning and end the process.
        Self::on(signals().ok())
    }

    fn on(signal: Option<impl Future<Output = Kind> + Send + 'static>) -> Self {
        let stopped = Arc::new(watch::Sender::new(None));
        if let Some(signal) = signal {
            let stopped = Arc::clone(&stopped);
            tokio::spawn(async move { stopped.send_replace(Some(signal.await)) });
        }
        Self(stopped)
    }

    /// Waits for a signal that asks the program to stop.
    pub(crate) async fn wait(&self) -> Kind {
        let mut stopped = self.0.subscribe();
        let kind = stopped.wait_for(Option::is_some).await;
        kind.ok().and_then(|kind| *kind).unwrap_or(Kind::Interrupted)
    }

    /// Runs `work`, and drops it if a signal arrives before it ends.
    pub(crate) async fn or<T>(&self, work: impl Future<Output = Result<T>>) -> Result<T> {
        tokio::select! {
            kind = self.wait() => Err(Error::new(kind, "interrupted; nothing was changed in the vault")),
            result = work => result,
        }
    }
}

/// Installs the handlers, and waits for the first signal.
#[cfg(unix)]
fn signals() -> io::Result<impl Future<Output = Kind>> {
    use tokio::signal::unix::{SignalKind, signal};
    let mut interrupt = signal(SignalKind::interrupt())?;
    // Ctrl-\\ would end the process with the echo off.
    let mut quit = signal(SignalKind::quit())?;
    let mut terminate = signal(SignalKind::terminate())?;
    // The terminal was closed.
    let mut hang_up = signal(SignalKind::hangup())?;
    Ok(async move {
        tokio::select! {
            _ = interrupt.recv() => Kind::Interrupted,
            _ = quit.recv() => Kind::Interrupted,
            _ = terminate.recv() => Kind::Terminated,
            _ = hang_up.recv() => Kind::Terminated,
        }
    })
}

#[cfg(windows)]
fn signals() -> io::Result<impl Future<Output = Kind>> {
    use tokio::signal::windows;
    let mut interrupt = windows::ctrl_c()?;
    let mut quit = windows::ctrl_break()?;
    let mut close = windows::ctrl_close()?;
    let mut log_off = windows::ctrl_logoff()?;
    let mut shut_down = windows::ctrl_shutdown()?;
    Ok(async move {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = quit.recv() => {}
            _ = close.recv() => {}
            _ = log_off.recv() => {}
            _ = shut_down.recv() => {}
        }
        Kind::Interrupted
    })
}

/// Makes a write beyond the file size limit (`ulimit -f`) fail with `EFBIG` instead of ending the
/// process with SIGXFSZ.
#[cfg(unix)]
fn ignore_file_size_signal() {
    use tokio::signal::unix::{SignalKind, signal};
    let number = rustix::process::Signal::XFSZ.as_raw();
    // The handler stays in place when its stream is dropped.
    drop(signal(SignalKind::from_raw(number)));
}

#[cfg(not(unix))]
fn ignore_file_size_signal() {}

#[cfg(test)]
mod tests;
