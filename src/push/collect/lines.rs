//! Decodes a file's bytes into text, and finds the line numbers for errors.

use memchr::{memchr, memchr2};
use zeroize::Zeroizing;

use super::entry::Fault;
use crate::secret::SecretName;

/// Returns the text of a file without a byte order mark and with `\n` line breaks, and the numbers of
/// the lines with a NUL byte or a lone carriage return. `Err` if the file is not UTF-8.
pub(crate) fn clean(bytes: &[u8]) -> Result<(Zeroizing<String>, Vec<Fault>), Fault> {
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    if is_utf16(bytes) {
        return Err(
            Fault::new(1, "the file is not valid UTF-8: it is encoded as UTF-16")
                .hint("save it as UTF-8, for example with: iconv -f UTF-16 -t UTF-8 FILE"),
        );
    }
    let text = utf8(bytes).map_err(|line| not_utf8(bytes, line))?;
    let text = match memchr(b'\r', bytes) {
        None => Zeroizing::new(text.to_owned()),
        Some(_) => without_carriage_returns(text),
    };
    let mut faults = Vec::new();
    if memchr2(b'\0', b'\r', text.as_bytes()).is_some() {
        let lines = text.split('\n').enumerate();
        faults.extend(lines.filter_map(|(index, line)| forbidden_byte(index + 1, line)));
    }
    Ok((text, faults))
}

fn without_carriage_returns(text: &str) -> Zeroizing<String> {
    let mut text = Zeroizing::new(text.replace("\r\n", "\n"));
    // The file may end in the middle of a CRLF line break.
    if text.ends_with('\r') {
        text.pop();
    }
    text
}

fn forbidden_byte(number: usize, line: &str) -> Option<Fault> {
    let name = line.split_once('=').map(|(name, _)| name.trim());
    let name = name.and_then(SecretName::environment);
    let of_name = name.map_or_else(String::new, |name| format!(" ({name})"));
    if line.contains('\0') {
        let fault = Fault::new(number, format!("contains a NUL byte{of_name}"));
        Some(fault.hint("encode the value, for example with base64"))
    } else if line.contains('\r') {
        let message = format!("contains a carriage return inside the line{of_name}");
        Some(Fault::new(number, message).hint("in double quotes, write it as \\r"))
    } else {
        None
    }
}

/// Whether `bytes` look like UTF-16: a byte order mark, or a zero in every other byte.
fn is_utf16(bytes: &[u8]) -> bool {
    let zero_at = |offset: usize| {
        let mut pairs = bytes.chunks_exact(2).take(8);
        bytes.len() >= 8 && pairs.all(|pair| pair[offset] == 0 && pair[1 - offset] != 0)
    };
    bytes.starts_with(b"\xff\xfe") || bytes.starts_with(b"\xfe\xff") || zero_at(0) || zero_at(1)
}

/// Suggests Latin-1 if the invalid byte would be a letter in that encoding.
fn not_utf8(bytes: &[u8], line: usize) -> Fault {
    let at = std::str::from_utf8(bytes).map_or_else(|error| error.valid_up_to(), |_| bytes.len());
    let is_letter = bytes.get(at).is_some_and(|&byte| byte >= 0xc0 && byte != 0xff);
    if is_letter {
        Fault::new(
            line,
            "is not valid UTF-8; the file looks like Latin-1 (ISO 8859-1)",
        )
        .hint("save it as UTF-8, for example with: iconv -f ISO-8859-1 -t UTF-8 FILE")
    } else {
        Fault::new(line, "is not valid UTF-8").hint("encode the value, for example with base64")
    }
}

/// `bytes` as text, or the line of the first byte that is not UTF-8.
pub(crate) fn utf8(bytes: &[u8]) -> Result<&str, usize> {
    std::str::from_utf8(bytes).map_err(|error| {
        let before = &bytes[..error.valid_up_to()];
        before.iter().filter(|&&byte| byte == b'\n').count() + 1
    })
}

/// Converts ascending byte offsets to line numbers in one pass over the text.
pub(crate) struct LineCounter<'a> {
    text: &'a str,
    at: usize,
    line: usize,
}

impl<'a> LineCounter<'a> {
    pub(crate) fn new(text: &'a str) -> Self {
        Self { text, at: 0, line: 1 }
    }

    /// The line, counted from 1, that contains the byte at offset `at`.
    pub(crate) fn line_at(&mut self, at: usize) -> usize {
        let passed = &self.text.as_bytes()[self.at..at];
        self.line += passed.iter().filter(|&&byte| byte == b'\n').count();
        self.at = at;
        self.line
    }
}

/// The text up to the next line break.
pub(super) fn first_line(text: &str) -> &str {
    memchr(b'\n', text.as_bytes()).map_or(text, |at| &text[..at])
}

/// Number of bytes up to and including the next line break.
pub(super) fn end_of_line(text: &str) -> usize {
    memchr(b'\n', text.as_bytes()).map_or(text.len(), |at| at + 1)
}
