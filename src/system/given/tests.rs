use super::*;
use std::cell::Cell;

const NOW: Duration = Duration::ZERO;
const EVER: Duration = Duration::MAX;

/// Receives these parts of a stream that then ends, or sends nothing more. Returns the result and
/// whether a wait was announced.
fn received(parts: &[&str], ends: bool, [quiet, first, later]: [Duration; 3]) -> (Result<Vec<u8>>, bool) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build()
        .unwrap();
    runtime.block_on(async {
        let (sender, chunks) = mpsc::channel(8);
        for part in parts {
            sender
                .send(Ok(Zeroizing::new(part.as_bytes().to_vec())))
                .await
                .unwrap();
        }
        let _open = (!ends).then_some(sender);
        let said = Cell::new(false);
        let patience = Patience { quiet, first, later };
        let read = receive(chunks, 8, patience, || said.set(true)).await;
        let read = read.map_err(|reason| Error::input(reason.to_string()));
        (read.map(|bytes| bytes.to_vec()), said.get())
    })
}

/// R13: a pipe is given 110 s for its first byte, announced after 2 s, and 10 s for any later one.
#[test]
fn a_pipe_is_waited_for_with_a_limit() {
    let (read, said) = received(&["ab", "cd"], true, [EVER; 3]);
    assert_eq!((read.unwrap().as_slice(), said), (b"abcd".as_slice(), false));
    let (read, said) = received(&[], false, [NOW, NOW, EVER]);
    assert_eq!(
        (read.unwrap_err().message.as_str(), said),
        ("sent nothing for 0 s", true)
    );
    let (read, said) = received(&["ab"], false, [EVER, EVER, NOW]);
    assert_eq!(
        (read.unwrap_err().message.as_str(), said),
        ("sent nothing for 0 s", false)
    );
    assert_eq!(
        (
            PIPE.quiet.as_secs(),
            (PIPE.quiet + PIPE.first).as_secs(),
            PIPE.later.as_secs()
        ),
        (2, 110, 10)
    );
}

/// R14: a stream is not read past the limit, and one that is as long is read.
#[test]
fn a_stream_over_the_limit_is_refused() {
    let (read, _) = received(&["1234", "56789"], false, [EVER; 3]);
    assert!(read.unwrap_err().message.contains("larger than"));
    assert_eq!(
        received(&["1234", "5678"], true, [EVER; 3]).0.unwrap(),
        b"12345678"
    );
}
