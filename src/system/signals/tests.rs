use std::future::{pending, ready};

use super::*;

/// R129: closing the window, Ctrl-Break, log-off and shutdown end a command like Ctrl-C; the first
/// signal counts.
#[tokio::test]
async fn every_signal_ends_the_command() {
    for (signal, code) in [
        (StopSignal::CtrlC, 130),
        (StopSignal::CtrlBackslashOrBreak, 130),
        (StopSignal::WindowClosed, 130),
        (StopSignal::LogOff, 130),
        (StopSignal::Shutdown, 130),
        (StopSignal::Terminate, 143),
        (StopSignal::Hangup, 143),
    ] {
        let never: Received = Box::pin(pending());
        let signals = [(StopSignal::Terminate, never), (signal, Box::pin(ready(())))];
        let interrupt = Interrupt::on(signals.into_iter());
        let error = interrupt.or(pending::<Result<()>>()).await.unwrap_err();
        assert_eq!(error.kind.exit_code(), code, "{signal:?}");
    }
    // Without handlers, no command is interrupted.
    let interrupt = Interrupt::on(std::iter::empty());
    assert!(interrupt.or(async { Ok(()) }).await.is_ok());
}
