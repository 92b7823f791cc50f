use std::future::{pending, ready};

use super::*;

/// R129: the first signal ends the command, with the exit code of its kind.
#[tokio::test]
async fn every_signal_ends_the_command() {
    for (reason, code) in [(Kind::Interrupted, 130), (Kind::Terminated, 143)] {
        let never: Received = Box::pin(pending());
        let signals = [(Kind::Terminated, never), (reason, Box::pin(ready(())))];
        let interrupt = Interrupt::on(signals.into_iter());
        let error = interrupt.or(pending::<Result<()>>()).await.unwrap_err();
        assert_eq!(error.kind.exit_code(), code, "{reason:?}");
    }
    // Without handlers, no command is interrupted.
    let interrupt = Interrupt::on(std::iter::empty());
    assert!(interrupt.or(async { Ok(()) }).await.is_ok());
}
