//! Ctrl-C, SIGTERM and SIGHUP, heard from the start, so that a command can stop where it is safe.

use tokio::sync::watch;

use crate::error::{Error, Kind, Result};

/// Knows whether the person or the system asked the program to stop.
#[derive(Clone)]
pub(crate) struct Interrupt(watch::Receiver<Option<Kind>>);

impl Interrupt {
    /// Starts to listen; signals no longer end the process by themselves.
    pub(crate) fn listen() -> Self {
        ignore_file_size_signal();
        let (sender, receiver) = watch::channel(None);
        tokio::spawn(async move {
            let kind = signal().await;
            sender.send_replace(Some(kind));
            // Keeps the channel open: a closed one would look like a signal.
            std::future::pending::<()>().await;
        });
        Self(receiver)
    }

    /// Waits until the program shall stop, and says how.
    pub(crate) async fn wait(&self) -> Kind {
        let mut receiver = self.0.clone();
        let told = receiver.wait_for(Option::is_some).await;
        told.ok().and_then(|kind| *kind).unwrap_or(Kind::Interrupted)
    }

    /// Runs `work`, dropping it when the program shall stop first.
    pub(crate) async fn or<T>(&self, work: impl Future<Output = Result<T>>) -> Result<T> {
        tokio::select! {
            kind = self.wait() => Err(Error::new(kind, "interrupted; nothing was changed")),
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

#[cfg(unix)]
async fn signal() -> Kind {
    use tokio::signal::unix::{SignalKind, signal};
    let (Ok(mut interrupt), Ok(mut terminate), Ok(mut hangup)) = (
        signal(SignalKind::interrupt()),
        signal(SignalKind::terminate()),
        signal(SignalKind::hangup()),
    ) else {
        // Without handlers the signals keep their usual, deadly meaning.
        return std::future::pending().await;
    };
    tokio::select! {
        _ = interrupt.recv() => Kind::Interrupted,
        _ = terminate.recv() => Kind::Terminated,
        // The terminal was closed.
        _ = hangup.recv() => Kind::Terminated,
    }
}

#[cfg(not(unix))]
async fn signal() -> Kind {
    match tokio::signal::ctrl_c().await {
        Ok(()) => Kind::Interrupted,
        Err(_) => std::future::pending().await,
    }
}
