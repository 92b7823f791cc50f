//! Decodes the bytes of a file or of standard input, and finds lines.

use std::borrow::Cow;

use memchr::{memchr, memchr2};

use super::line::{Fault, OR_FILE};
use crate::error::{Error, Result};
use crate::system::given::Given;

/// The text of a file without a byte order mark. The error names the file and the line that is not UTF-8.
pub(super) fn utf8(Given { bytes, place, word }: &Given) -> Result<&str> {
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    let convert =
        |from: &str| format!("save it as UTF-8, for example with `iconv -f {from} -t UTF-8 {word}`");
    if is_utf16(bytes) {
        let message = format!("{place}: not valid UTF-8: it is encoded as UTF-16");
        return Err(Error::input(message).hint(convert("UTF-16")));
    }
    std::str::from_utf8(bytes).map_err(|error| {
        let line = bytes[..error.valid_up_to()]
            .iter()
            .filter(|&&byte| byte == b'\n')
            .count()
            + 1;
        let (message, hint) = if bytes.starts_with(b"age-encryption.org/") {
            let hint = format!("decrypt it first with `age -d -i KEY {word}`");
            (format!("{place} is a file that is encrypted with age"), hint)
        } else {
            let text = convert("ISO-8859-1");
            let hint = format!("if it is text, {text}; encode other data, for example with base64");
            (format!("{place}:{line}: not valid UTF-8"), hint)
        };
        Error::input(message).hint(hint)
    })
}

/// Whether `bytes` look like UTF-16: a byte order mark, or a zero in every other byte.
fn is_utf16(bytes: &[u8]) -> bool {
    let zero_at = |offset: usize| {
        let mut pairs = bytes.chunks_exact(2).take(8);
        bytes.len() >= 8 && pairs.all(|pair| pair[offset] == 0 && pair[1 - offset] != 0)
    };
    bytes.starts_with(b"\xff\xfe") || bytes.starts_with(b"\xfe\xff") || zero_at(0) || zero_at(1)
}

/// Replaces CRLF line breaks. The text may end in the middle of one.
pub(super) fn with_line_feeds(text: &str) -> Cow<'_, str> {
    if memchr(b'\r', text.as_bytes()).is_none() {
        return Cow::Borrowed(text);
    }
    let mut text = text.replace("\r\n", "\n");
    if text.ends_with('\r') {
        text.pop();
    }
    Cow::Owned(text)
}

/// The fault of lines with a NUL byte or a lone carriage return, which readers treat differently or refuse.
pub(super) fn forbidden_byte(lines: &str, name: Option<&str>) -> Option<Fault> {
    let at = memchr2(b'\0', b'\r', lines.as_bytes())?;
    let what = name.map_or_else(|| "the line".to_owned(), |name| format!("the value of {name}"));
    Some(if lines.as_bytes()[at] == b'\0' {
        Fault::new(
            "nul",
            format!("{what} contains a NUL byte"),
            "encode the value, for example with base64",
        )
    } else {
        let message = format!("{what} contains a carriage return inside the line");
        Fault::new("cr", message, format!("remove it, {OR_FILE}"))
    })
}

/// The text up to the next line break.
pub(super) fn first_line(text: &str) -> &str {
    memchr(b'\n', text.as_bytes()).map_or(text, |at| &text[..at])
}

/// Number of bytes up to and including the next line break.
pub(super) fn end_of_line(text: &str) -> usize {
    memchr(b'\n', text.as_bytes()).map_or(text.len(), |at| at + 1)
}
