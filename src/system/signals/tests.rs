use std::future::{Pending, pending, ready};

use super::*;

/// R129: a signal ends the command, with the exit code of its kind.
#[tokio::test]
async fn every_signal_ends_the_command() {
    for (reason, code) in [(Kind::Interrupted, 130), (Kind::Terminated, 143)] {
        let interrupt = Interrupt::on(Some(ready(reason)));
        let error = interrupt.or(pending::<Result<()>>()).await.unwrap_err();
        assert_eq!(error.kind.exit_code(), code, "{reason:?}");
    }
    // Without handlers, no command is interrupted.
    let interrupt = Interrupt::on(None::<Pending<Kind>>);
    assert!(interrupt.or(async { Ok(()) }).await.is_ok());
}
