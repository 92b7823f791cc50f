//! Ctrl-C, Ctrl-\\, SIGTERM, SIGHUP and the console events of Windows. They are handled from the start,
//! so that a command can stop where it is safe.

use std::io;
use std::pin::Pin;
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
        // A signal without a handler keeps its usual meaning and ends the process.
        Self::on(signals().into_iter().flatten())
    }

    /// The first of these signals counts.
    fn on(signals: impl Iterator<Item = (Kind, Received)>) -> Self {
        let stopped = Arc::new(watch::Sender::new(None));
        for (reason, received) in signals {
            let stopped = Arc::clone(&stopped);
            tokio::spawn(async move {
                received.await;
                stopped.send_if_modified(|kind| {
                    let is_first = kind.is_none();
                    kind.get_or_insert(reason);
                    is_first
                });
            });
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

/// Ends when a signal is received.
type Received = Pin<Box<dyn Future<Output = ()> + Send>>;

/// Installs the handlers at once.
#[cfg(unix)]
fn signals() -> [io::Result<(Kind, Received)>; 4] {
    use tokio::signal::unix::{SignalKind, signal};
    [
        (Kind::Interrupted, SignalKind::interrupt()),
        // Ctrl-\\ would end the process with the echo off.
        (Kind::Interrupted, SignalKind::quit()),
        (Kind::Terminated, SignalKind::terminate()),
        // The terminal was closed.
        (Kind::Terminated, SignalKind::hangup()),
    ]
    .map(|(reason, kind)| {
        let mut stream = signal(kind)?;
        let received: Received = Box::pin(async move {
            stream.recv().await;
        });
        Ok((reason, received))
    })
}

#[cfg(windows)]
fn signals() -> [io::Result<(Kind, Received)>; 5] {
    use tokio::signal::windows;
    /// The streams of the events have different types.
    macro_rules! event {
        ($listen:ident) => {
            windows::$listen().map(|mut stream| {
                let received: Received = Box::pin(async move {
                    stream.recv().await;
                });
                (Kind::Interrupted, received)
            })
        };
    }
    [
        event!(ctrl_c),
        event!(ctrl_break),
        event!(ctrl_close),
        event!(ctrl_logoff),
        event!(ctrl_shutdown),
    ]
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
