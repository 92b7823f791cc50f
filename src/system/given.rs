//! Reads what a person names on the command line: a file, a pipe such as `<(sops -d x)`, or `-`.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::time::timeout;
use zeroize::Zeroizing;

use crate::error::{Error, Result};
use crate::formats::{escape, shell, words};
use crate::system::env::Env;
use crate::system::file::{self, FileError, is_stdin};

/// How long the parts of a stream may take.
#[derive(Clone, Copy)]
struct Patience {
    /// After this time without a byte, a message says what is waited for.
    quiet: Duration,
    /// How much longer the first byte may take.
    first: Duration,
    /// How long any later byte may take.
    later: Duration,
}

/// The program at the other end of a pipe may ask for a passphrase or a fingerprint first.
const PIPE: Patience = Patience {
    quiet: Duration::from_secs(2),
    first: Duration::from_secs(108),
    later: Duration::from_secs(10),
};
/// A person may be typing.
const STDIN: Patience = Patience {
    first: Duration::MAX,
    later: Duration::MAX,
    ..PIPE
};

type ReadResult = std::result::Result<Zeroizing<Vec<u8>>, FileError>;

/// What was read, and its name for messages.
pub(crate) struct Given {
    pub(crate) bytes: Zeroizing<Vec<u8>>,
    pub(crate) place: String,
    /// The path as a word of a command; `FILE` for what can be read only once.
    pub(crate) word: String,
}

/// The name of a path of the command line for messages.
pub(crate) fn place(path: &Path) -> String {
    if is_stdin(path) {
        "standard input".to_owned()
    } else {
        escape::path(path)
    }
}

/// As [`place`], for a path that cannot be used. One that does not exist may be a secret.
pub(crate) fn unused_place(path: &Path, is_missing: bool) -> String {
    if is_missing {
        words::missing_path(path).unwrap_or_else(|| words::HIDDEN.to_owned())
    } else {
        place(path)
    }
}

impl Env {
    /// Reads a path, or standard input, to its end, if it has at most `limit` bytes. An error begins with
    /// `failed`, such as `failed opening env file`. `say` reports what is waited for.
    pub(crate) async fn read_given(
        &self,
        path: &Path,
        failed: &str,
        limit: u64,
        say: &dyn Fn(&str),
    ) -> Result<Given> {
        let path = self.expand_home(path);
        let place = place(&path);
        let word = if is_stdin(&path) || is_pipe(&path) {
            "FILE".to_owned()
        } else {
            shell::path(&path, self.tilde())
        };
        let read = if is_stdin(&path) {
            let waiting = || say("waiting for standard input");
            receive(chunks(|| Ok(io::stdin())), limit, STDIN, waiting).await
        } else if is_pipe(&path) {
            let waiting =
                format!("waiting for {place}, whose program may ask for a passphrase or a fingerprint");
            let pipe = path.clone();
            // Opening a pipe waits for its writer.
            receive(chunks(move || File::open(pipe)), limit, PIPE, || say(&waiting)).await
        } else {
            file::read_bounded(&path, limit)
        };
        match read {
            Ok(bytes) => Ok(Given { bytes, place, word }),
            Err(reason) => Err(self.unreadable(&path, failed, reason)),
        }
    }

    /// The error for a path that cannot be read.
    fn unreadable(&self, path: &Path, failed: &str, reason: FileError) -> Error {
        let shown = unused_place(path, reason.is_missing());
        let hint = match &self.directory {
            _ if matches!(reason, FileError::Directory) => Some("specify a file in it".to_owned()),
            Some(directory) if reason.is_missing() && shown != words::HIDDEN && path.is_relative() => {
                let directory = escape::home_path(directory, self.home.as_deref());
                Some(format!("the path is relative to {directory}"))
            }
            _ => None,
        };
        let error = Error::input(format!("{failed} {shown}"));
        error.because(reason).maybe_hint(hint)
    }
}

/// Starts a thread that reads a stream in parts. The thread is not joined, so that Ctrl-C and the time
/// limits also end a wait in the system; it ends with the process.
fn chunks<R: Read>(open: impl FnOnce() -> io::Result<R> + Send + 'static) -> mpsc::Receiver<ReadResult> {
    let (sender, receiver) = mpsc::channel(1);
    std::thread::spawn(move || {
        let copy = || -> io::Result<()> {
            let mut stream = open()?;
            loop {
                let mut chunk = Zeroizing::new(vec![0; 64 * 1024]);
                match stream.read(&mut chunk) {
                    Ok(0) => return Ok(()),
                    Ok(length) => chunk.truncate(length),
                    Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                    Err(error) => return Err(error),
                }
                if sender.blocking_send(Ok(chunk)).is_err() {
                    return Ok(());
                }
            }
        };
        if let Err(error) = copy() {
            let _ = sender.blocking_send(Err(error.into()));
        }
    });
    receiver
}

/// Puts the parts of a stream together. `waiting` is called if the first part takes long.
async fn receive(
    mut chunks: mpsc::Receiver<ReadResult>,
    limit: u64,
    patience: Patience,
    waiting: impl Fn(),
) -> ReadResult {
    let mut bytes = Zeroizing::new(Vec::new());
    let mut chunk = if let Ok(chunk) = timeout(patience.quiet, chunks.recv()).await {
        chunk
    } else {
        waiting();
        let silent = FileError::Silent(patience.quiet.saturating_add(patience.first));
        timeout(patience.first, chunks.recv()).await.map_err(|_| silent)?
    };
    while let Some(part) = chunk {
        bytes.extend_from_slice(&part?);
        if bytes.len() as u64 > limit {
            return Err(FileError::TooLarge(limit));
        }
        let silent = FileError::Silent(patience.later);
        chunk = timeout(patience.later, chunks.recv()).await.map_err(|_| silent)?;
    }
    Ok(bytes)
}

#[cfg(unix)]
fn is_pipe(path: &Path) -> bool {
    use std::os::unix::fs::FileTypeExt;
    path.metadata()
        .is_ok_and(|metadata| metadata.file_type().is_fifo())
}

#[cfg(not(unix))]
fn is_pipe(_: &Path) -> bool {
    false
}

#[cfg(test)]
mod tests;
