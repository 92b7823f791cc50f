//! The encoders are implemented here, independently of the redactor's decoders.

use std::fmt::Write;

use proptest::prelude::*;

use super::*;

fn knowing<'a>(secrets: impl IntoIterator<Item = &'a str>) -> KnownSecrets {
    let redactor = KnownSecrets::default();
    for secret in secrets {
        redactor.add(&SecretValue::new(secret.to_owned()));
    }
    redactor
}

fn bytes(text: &str, encode: impl Fn(u8) -> String) -> String {
    text.bytes().map(encode).collect()
}

fn chars(text: &str, encode: impl Fn(char) -> String) -> String {
    text.chars().map(encode).collect()
}

fn utf16(text: &str, encode: impl Fn(u16) -> String) -> String {
    text.encode_utf16().map(encode).collect()
}

fn base64(text: &[u8], last: &str) -> String {
    let alphabet = format!("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789{last}");
    let alphabet: Vec<char> = alphabet.chars().collect();
    let mut encoded = String::new();
    for chunk in text.chunks(3) {
        let bits = chunk
            .iter()
            .fold(0usize, |bits, byte| bits << 8 | usize::from(*byte))
            << (8 * (3 - chunk.len()));
        for digit in 0..=chunk.len() {
            encoded.push(alphabet[bits >> (18 - 6 * digit) & 63]);
        }
    }
    encoded
}

fn percent(text: &str, keep: &str, upper: bool) -> String {
    bytes(text, |byte| {
        let c = char::from(byte);
        if keep.contains(c) || keep.contains('A') && c.is_ascii_alphanumeric() {
            c.to_string()
        } else if upper {
            format!("%{byte:02X}")
        } else {
            format!("%{byte:02x}")
        }
    })
}

fn json(text: &str) -> String {
    let mut json = String::new();
    for c in text.chars() {
        match c {
            '"' | '\\' | '/' => {
                let _ = write!(json, "\\{c}");
            }
            '\n' => json.push_str("\\n"),
            '\t' => json.push_str("\\t"),
            ' '..='~' => json.push(c),
            _ => json.push_str(&utf16(&c.to_string(), |unit| format!("\\u{unit:04x}"))),
        }
    }
    json
}

fn html(text: &str) -> String {
    let escaped = text
        .replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;");
    escaped
        .replace('"', "&quot;")
        .replace('\'', "&#39;")
        .replace('ä', "&auml;")
        .replace('ÿ', "&yuml;")
}

fn encodings(text: &str) -> Vec<String> {
    let mut encodings = vec![
        text.to_owned(),
        json(text),
        utf16(text, |unit| format!("\\u{unit:04X}")),
        html(text),
        chars(text, |c| format!("&#{};", u32::from(c))),
        chars(text, |c| format!("&#x{:x};", u32::from(c))),
        bytes(text, |byte| format!("{byte:02x}")),
        bytes(text, |byte| format!("{byte:02X}")),
        bytes(text, |byte| format!("\\x{byte:02x}")),
        base64(text.as_bytes(), "+/"),
        base64(text.as_bytes(), "-_"),
    ];
    for upper in [true, false] {
        encodings.push(percent(text, "A-._~", upper));
        encodings.push(percent(text, "A-._*", upper).replace("%20", "+"));
        encodings.push(percent(text, "A-._~!*'();:@&=$,/?[]", upper));
        encodings.push(percent(text, "", upper));
    }
    encodings
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// R76, R113, R121: a known value is found in every encoding, also within a longer encoded text.
    #[test]
    fn a_value_is_found_in_every_encoding(
        secret in "[ -~äÿ☃😀\n]{8,70}",
        before in "[a-z{]{0,5}",
        after in "[a-z}]{0,5}",
    ) {
        let redactor = knowing([secret.as_str()]);
        for text in encodings(&format!("{before}{secret}{after}")) {
            let clean = redactor.clean(&text);
            prop_assert!(clean.contains("[redacted]"), "{text:?} became {clean:?}");
        }
    }

    /// R113: text around a value, or without a value, is unchanged.
    #[test]
    fn nothing_else_is_removed(text in "[ -~äÿ☃]{0,80}") {
        prop_assert_eq!(knowing(["kept-Secret-4711"]).clean(&text), text);
    }
}

/// R113: exactly the value is removed.
#[test]
fn exactly_the_value_is_replaced() {
    let secret = "p/w ä&\"1=";
    let redactor = knowing([secret]);
    for encoding in encodings(secret) {
        assert_eq!(
            redactor.clean(&format!("<{encoding}>")),
            "<[redacted]>",
            "{encoding}"
        );
    }
}

/// R113: a value that was encoded twice is found.
#[test]
fn a_value_that_was_encoded_twice_is_found() {
    let secret = "postgres://u:pä ss@db/x?y=1";
    let redactor = knowing([secret]);
    for once in encodings(secret) {
        for twice in encodings(&once) {
            let clean = redactor.clean(&format!("bad value {twice} given"));
            assert_eq!(clean, "bad value [redacted] given", "{twice}");
        }
    }
}

/// R113: a long value is removed, also if the server has truncated it.
#[test]
fn a_long_value_is_found_whole_and_truncated() {
    let long = (0..20_000).map(|n| n.to_string()).collect::<Vec<_>>().join("-");
    let redactor = knowing([long.as_str()]);
    assert_eq!(redactor.clean(&format!("bad {}", &long)), "bad [redacted]");
    assert_eq!(
        redactor.clean(&format!("bad {}...", &long[..40])),
        "bad [redacted]..."
    );
    assert_eq!(
        redactor.clean(&format!("bad {}!", &long[..1000])),
        "bad [redacted]!"
    );
}

/// R115: a text is truncated before it is searched, and no part of a value is left at its end.
#[test]
fn a_truncated_text_shows_no_part_of_a_value() {
    let secret = "0123456789abcdefghijklmnopqrstuvwxyz";
    let redactor = knowing([secret]);
    for before in (3000..5000).step_by(7) {
        let clean = redactor.clean(&format!("{}{}{}", ".".repeat(before), secret, ".".repeat(9000)));
        assert!(!clean.contains("0123"), "{before}");
        assert!(clean.len() < 5000);
    }
}

/// A value within a longer one does not prevent the removal of the longer one.
#[test]
fn overlapping_values_leave_nothing() {
    let redactor = knowing(["abcdef", "xxabcdefyy", "efyyzz"]);
    assert_eq!(redactor.clean("-xxabcdefyyzz-"), "-[redacted]-");
}

/// A short value is not redacted, because that would make messages unreadable.
#[test]
fn a_short_value_is_left_alone() {
    assert_eq!(knowing(["1"]).clean("error 1 of 1"), "error 1 of 1");
}

/// R115: alternately adding and searching is fast, even for values with the same prefix.
#[test]
fn adding_and_searching_is_fast() {
    let redactor = KnownSecrets::default();
    let filler = "lorem ipsum/".repeat(400_000);
    let started = std::time::Instant::now();
    for n in 0..300 {
        redactor.add(&SecretValue::new(format!("postgres://user:{n}@host/database")));
        let text = format!("postgres://user:{n}@host/database {filler}");
        assert!(redactor.clean(&text).starts_with("[redacted] lorem"));
    }
    assert!(started.elapsed().as_secs() < 30, "{:?}", started.elapsed());
}

/// R115: alternating between learning and searching keeps the number of automata small.
#[test]
fn adding_and_searching_keeps_few_automata() {
    let redactor = KnownSecrets::default();
    for n in 0..1000 {
        redactor.add(&SecretValue::new(format!("value-{n}")));
        assert_eq!(redactor.clean("value"), "value");
        let automata = redactor.lock().indexes.len();
        assert!(automata <= 8, "{automata} after {n}");
    }
    for n in 0..1000 {
        assert_eq!(redactor.clean(&format!("value-{n}.")), "[redacted].");
    }
}

/// R115: many similar values are divided among several automata, and each is found.
#[test]
fn every_one_of_many_values_is_found() {
    let redactor = knowing([]);
    for n in 0..50_000 {
        redactor.add(&SecretValue::new(format!("value-{n}")));
    }
    for n in (0..50_000).step_by(997) {
        assert_eq!(redactor.clean(&format!("value-{n}.")), "[redacted].");
    }
    redactor.add(&SecretValue::new("another value".to_owned()));
    assert_eq!(
        redactor.clean("another value, value-49999"),
        "[redacted], [redacted]"
    );
}

/// R113: the end of a text that was cut shows no part of a value that begins before the cut, not even
/// when each byte takes 18 characters.
#[test]
fn a_value_at_the_cut_is_not_shown() {
    let secret = "0123456789abcdef";
    let twice = bytes(secret, |byte| {
        bytes(&format!("%{byte:02x}"), |byte| format!("\\u{byte:04x}"))
    });
    assert_eq!(twice.len(), 16 * 18);
    let redactor = knowing([secret]);
    for before in [4096 - 287, 4096 - 150, 4096 - 18, 4096] {
        let text = format!("{}{twice}{}", "x".repeat(before), "y".repeat(100));
        let clean = redactor.clean(&text);
        assert!(!clean.contains("u00"), "{before}: {}", &clean[clean.len() - 40..]);
        assert!(clean.len() <= 4096);
    }
    // A text of exactly the maximum length is shown completely.
    assert_eq!(redactor.clean(&"x".repeat(4096)), "x".repeat(4096));
    assert!(redactor.clean(&"x".repeat(4097)).len() >= 4096 - 300);
}
