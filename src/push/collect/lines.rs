//! A file's bytes as the text that every format is read from, and the lines that errors name.

use zeroize::Zeroizing;

use super::Fault;

/// The text of a file: UTF-8, without a byte order mark, every line ending in `\n` alone.
pub(crate) fn clean(bytes: &[u8]) -> Result<Zeroizing<String>, Fault> {
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    let text = utf8(bytes).map_err(|line| {
        Fault::new(line, "is not valid UTF-8").hint("encode the value, for example with base64")
    })?;
    let text = Zeroizing::new(text.replace("\r\n", "\n"));
    let line_of = |c: char| text.find(c).map(|at| line_at(&text, at));
    if let Some(line) = line_of('\0') {
        return Err(Fault::new(line, "holds a NUL byte"));
    }
    if let Some(line) = line_of('\r') {
        return Err(Fault::new(line, "holds a carriage return that ends no line")
            .hint("in double quotes, write it as \\r"));
    }
    Ok(text)
}

/// `bytes` as text, or the line of the first byte that is not UTF-8.
pub(crate) fn utf8(bytes: &[u8]) -> Result<&str, usize> {
    std::str::from_utf8(bytes).map_err(|error| {
        let before = &bytes[..error.valid_up_to()];
        before.iter().filter(|&&byte| byte == b'\n').count() + 1
    })
}

/// The line, from 1, that holds byte `at` of `text`.
pub(crate) fn line_at(text: &str, at: usize) -> usize {
    text.as_bytes()[..at].iter().filter(|&&b| b == b'\n').count() + 1
}
