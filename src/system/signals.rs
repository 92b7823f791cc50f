//! Ctrl-C, Ctrl-\\, SIGTERM, SIGHUP and the console events of Windows. They are handled from the start, so that a
//! command can stop where it is safe.

use tokio::sync::watch;

use crate::error::{Error, Kind, Result};

/// Whether the program has been asked to stop.
#[derive(Clone)]
pub(crate) struct Interrupt(watch::Receiver<Option<Kind>>);

impl Interrupt {
    /// Installs the handlers, after which signals no longer end the process directly.
    pub(crate) fn listen() -> Self {
        ignore_file_size_signal();
        let (sender, receiver) = watch::channel(None);
        let signal = signal();
        tokio::spawn(async move {
            let kind = signal.await;
            sender.send_replace(Some(kind));
            // Keeps the channel open, because a closed one would look like a signal.
            std::future::pending::<()>().await;
        });
        Self(receiver)
    }

    /// Waits for a signal that asks the program to stop.
    pub(crate) async fn wait(&self) -> Kind {
        let mut receiver = self.0.clone();
        let kind = receiver.wait_for(Option::is_some).await;
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

/// Installs the handlers at once, and returns a future that waits for a signal.
#[cfg(unix)]
fn signal() -> impl Future<Output = Kind> {
    use tokio::signal::unix::{SignalKind, signal};
    let handlers = (
        signal(SignalKind::interrupt()),
        signal(SignalKind::quit()),
        signal(SignalKind::terminate()),
        signal(SignalKind::hangup()),
    );
    async {
        let (Ok(mut interrupt), Ok(mut quit), Ok(mut terminate), Ok(mut hangup)) = handlers else {
            // Without handlers the signals keep their usual meaning and end the process.
            return std::future::pending().await;
        };
        tokio::select! {
            _ = interrupt.recv() => Kind::Interrupted,
            // Ctrl-\, which would end the process with the echo off.
            _ = quit.recv() => Kind::Interrupted,
            _ = terminate.recv() => Kind::Terminated,
            // The terminal was closed.
            _ = hangup.recv() => Kind::Terminated,
        }
    }
}

/// Closing the window, Ctrl-Break, log-off and shutdown count as Ctrl-C.
#[cfg(windows)]
fn signal() -> impl Future<Output = Kind> {
    use tokio::signal::windows;
    let handlers = (
        windows::ctrl_c(),
        windows::ctrl_break(),
        windows::ctrl_close(),
        windows::ctrl_logoff(),
        windows::ctrl_shutdown(),
    );
    async {
        let (Ok(mut interrupt), Ok(mut stop), Ok(mut close), Ok(mut logoff), Ok(mut shutdown)) = handlers
        else {
            return std::future::pending().await;
        };
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = stop.recv() => {}
            _ = close.recv() => {}
            _ = logoff.recv() => {}
            _ = shutdown.recv() => {}
        }
        Kind::Interrupted
    }
}
