//! Every encoding in which a server may echo a value, written without the encoders that the product
//! uses, and a search that also finds part of an encoded value.

#![expect(clippy::format_collect, reason = "the texts are short")]

use std::collections::HashSet;
use std::fmt::Write;

/// Minimum length of a part of a value that counts as a leak, in bytes.
const WINDOW: usize = 12;
/// Length of the pieces of an encoded value in the index of a text, in bytes.
const GRAM: usize = 8;

const BASE64: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/// Returns the name of each encoding and the encoded value.
pub(crate) fn encodings(value: &str) -> Vec<(&'static str, String)> {
    let mut all = vec![
        ("raw", value.to_owned()),
        ("json", json(value, false, "x")),
        ("json with slashes", json(value, false, "x").replace('/', "\\/")),
        ("json ascii", json(value, true, "x")),
        ("json ascii upper case", json(value, true, "X")),
        ("json all", utf16(value, "x")),
        ("json all upper case", utf16(value, "X")),
        ("hex", hex(value, false)),
        ("hex upper case", hex(value, true)),
        (
            "percent",
            percent(value, |b| b.is_ascii_alphanumeric() || b"-._~".contains(&b), true),
        ),
        (
            "percent lower case",
            percent(
                value,
                |b| b.is_ascii_alphanumeric() || b"-._~".contains(&b),
                false,
            ),
        ),
        (
            "percent of a path",
            percent(
                value,
                |b| b.is_ascii_alphanumeric() || b"-._~/:@!$&'()*+,;=".contains(&b),
                true,
            ),
        ),
        (
            "percent of controls",
            percent(value, |b| b.is_ascii_graphic(), true),
        ),
        ("percent all", percent(value, |_| false, true)),
        (
            "form",
            percent(
                value,
                |b| b.is_ascii_alphanumeric() || b"*-._ ".contains(&b),
                true,
            )
            .replace(' ', "+"),
        ),
        (
            "form lower case",
            percent(
                value,
                |b| b.is_ascii_alphanumeric() || b"*-._ ".contains(&b),
                false,
            )
            .replace(' ', "+"),
        ),
        ("html", html(value)),
        (
            "html decimal",
            value.chars().map(|c| format!("&#{};", u32::from(c))).collect(),
        ),
        (
            "html hexadecimal",
            value.chars().map(|c| format!("&#x{:x};", u32::from(c))).collect(),
        ),
        (
            "html hexadecimal upper case",
            value.chars().map(|c| format!("&#X{:X};", u32::from(c))).collect(),
        ),
    ];
    for (name, before) in [
        ("base64", ""),
        ("base64 after one byte", "x"),
        ("base64 after two bytes", "xy"),
    ] {
        all.push((name, base64(&[before, value].concat())));
    }
    let url = base64(value).replace('+', "-").replace('/', "_");
    all.push(("base64url", url.trim_end_matches('=').to_owned()));
    all
}

/// Returns the name of an encoding if `text` contains part of the value in it.
pub(crate) fn leaked(text: &str, value: &str) -> Option<&'static str> {
    // JSON output doubles the backslashes of a server's text.
    let texts = [text.to_owned(), text.replace("\\\\", "\\")];
    let grams: HashSet<&[u8]> = texts
        .iter()
        .flat_map(|text| text.as_bytes().windows(GRAM))
        .collect();
    encodings(value).into_iter().find_map(|(name, spelled)| {
        // The first and last characters of base64 depend on the text around the value.
        let spelled = match spelled.trim_end_matches('=').get(3..) {
            Some(inside) if name.starts_with("base64") => inside.to_owned(),
            _ => spelled,
        };
        // The length of `WINDOW` bytes of the value in this encoding.
        let window = (WINDOW * spelled.len())
            .div_ceil(value.len())
            .clamp(1, spelled.len().max(1));
        shows_part(&texts, &grams, spelled.as_bytes(), window).then_some(name)
    })
}

/// Whether a text contains `window` consecutive bytes of an encoded value. Only parts whose pieces
/// all occur in `grams`, the index of the texts, are searched for.
fn shows_part(texts: &[String], grams: &HashSet<&[u8]>, spelled: &[u8], window: usize) -> bool {
    let mut known = 0;
    for (at, gram) in spelled.windows(GRAM.min(window)).enumerate() {
        known = if gram.len() < GRAM || grams.contains(gram) {
            known + 1
        } else {
            0
        };
        let Some(start) = (at + gram.len()).checked_sub(window) else {
            continue;
        };
        let part = &spelled[start..start + window];
        let holds = |text: &String| text.as_bytes().windows(window).any(|own| own == part);
        if known > window - gram.len() && texts.iter().any(holds) {
            return true;
        }
    }
    false
}

fn base64(text: &str) -> String {
    let mut out = String::new();
    for chunk in text.as_bytes().chunks(3) {
        let bits = chunk
            .iter()
            .fold(0_u32, |bits, byte| bits << 8 | u32::from(*byte))
            << (8 * (3 - chunk.len()));
        for place in 0..4 {
            let sextet = (bits >> (18 - 6 * place)) & 63;
            out.push(if place <= chunk.len() {
                char::from(BASE64[sextet as usize])
            } else {
                '='
            });
        }
    }
    out
}

fn hex(text: &str, upper: bool) -> String {
    text.bytes()
        .map(|b| {
            if upper {
                format!("{b:02X}")
            } else {
                format!("{b:02x}")
            }
        })
        .collect()
}

fn percent(text: &str, plain: impl Fn(u8) -> bool, upper: bool) -> String {
    let mut out = String::new();
    for byte in text.bytes() {
        let _ = match (plain(byte), upper) {
            (true, _) => write!(out, "{}", char::from(byte)),
            (false, true) => write!(out, "%{byte:02X}"),
            (false, false) => write!(out, "%{byte:02x}"),
        };
    }
    out
}

/// The content of a JSON string; `ascii` escapes all non-ASCII characters.
fn json(text: &str, ascii: bool, case: &str) -> String {
    let mut out = String::new();
    for c in text.chars() {
        match c {
            '"' | '\\' => out.extend(['\\', c]),
            c if c < ' ' || (ascii && !c.is_ascii()) => {
                out.push_str(&utf16(c.encode_utf8(&mut [0; 4]), case));
            }
            c => out.push(c),
        }
    }
    out
}

fn utf16(text: &str, case: &str) -> String {
    let unit = |unit: u16| {
        if case == "X" {
            format!("\\u{unit:04X}")
        } else {
            format!("\\u{unit:04x}")
        }
    };
    text.encode_utf16().map(unit).collect()
}

fn html(text: &str) -> String {
    let text = text
        .replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;");
    text.replace('"', "&quot;").replace('\'', "&#39;")
}
