//! Takes every known secret out of text that a server sent, before anyone sees it.

use base64::Engine;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use zeroize::Zeroizing;

use crate::secret::SecretValue;

/// Shorter values are left alone: taking out every `1` would destroy the message and hide nothing.
const SHORTEST: usize = 4;

/// Spellings of longer values are made when they are looked for, to keep memory small.
const LONG: usize = 16 * 1024;

/// The secrets this process has handled so far.
#[derive(Default)]
pub(crate) struct Redactor {
    spellings: Vec<Zeroizing<String>>,
    long: Vec<SecretValue>,
}

impl Redactor {
    pub(crate) fn learn(&mut self, secret: &SecretValue) {
        match secret.expose_secret().len() {
            ..SHORTEST => {}
            SHORTEST..LONG => self.spellings.extend(spellings(secret)),
            LONG.. => self.long.push(secret.clone()),
        }
    }

    /// `text` with every known secret replaced, whether raw, JSON-escaped, percent-encoded or
    /// base64 (inside a longer encoded text, too).
    pub(crate) fn clean(&self, text: &str) -> String {
        let long = self
            .long
            .iter()
            .filter(|secret| secret.expose_secret().len() <= text.len());
        let long: Vec<_> = long.flat_map(spellings).collect();
        let known = self
            .spellings
            .iter()
            .chain(&long)
            .map(|spelling| spelling.as_str());
        let mut found: Vec<&str> = known.filter(|spelling| text.contains(spelling)).collect();
        // The longest first, so that a secret inside another does not break up the other.
        found.sort_by_key(|spelling| std::cmp::Reverse(spelling.len()));
        found.iter().fold(text.to_owned(), |text, spelling| {
            text.replace(spelling, "[redacted]")
        })
    }
}

/// Every spelling of `secret` to look for.
fn spellings(secret: &SecretValue) -> Vec<Zeroizing<String>> {
    let raw = secret.expose_secret();
    let percent = utf8_percent_encode(raw, NON_ALPHANUMERIC).to_string();
    let mut spellings = vec![raw.to_owned(), percent.to_lowercase(), percent];
    if let Ok(json) = serde_json::to_string(raw) {
        spellings.push(json[1..json.len() - 1].to_owned());
    }
    // Base64 takes three bytes at a time, so the same text has three spellings, depending on what
    // stands before it. The characters that also depend on the neighbours are left out.
    for before in 0..3 {
        let shifted = Zeroizing::new([&vec![0; before], raw.as_bytes()].concat());
        let whole = shifted.len() / 3 * 4;
        let first = [0, 2, 3][before];
        for encoded in [STANDARD_NO_PAD.encode(&shifted), URL_SAFE_NO_PAD.encode(&shifted)] {
            spellings.push(encoded[first..whole.max(first)].to_owned());
        }
    }
    spellings.retain(|spelling| spelling.len() >= SHORTEST);
    spellings.into_iter().map(Zeroizing::new).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn knowing(secret: &str) -> Redactor {
        let mut redactor = Redactor::default();
        redactor.learn(&SecretValue::new(secret.to_owned()));
        redactor
    }

    proptest! {
        #[test]
        fn r76_no_spelling_survives(secret in "[ -~]{8,40}", before in "[a-z]{0,5}", after in "[a-z]{0,5}") {
            let redactor = knowing(&secret);
            let surrounded = format!("{before}{secret}{after}");
            for text in [
                surrounded.clone(),
                serde_json::to_string(&surrounded).unwrap(),
                utf8_percent_encode(&surrounded, NON_ALPHANUMERIC).to_string(),
                STANDARD_NO_PAD.encode(&surrounded),
                URL_SAFE_NO_PAD.encode(&surrounded),
            ] {
                prop_assert!(redactor.clean(&text).contains("[redacted]"), "{text}");
                prop_assert!(!redactor.clean(&text).contains(&secret));
            }
        }
    }

    #[test]
    fn a_long_value_is_taken_out_too() {
        let long = "0123456789".repeat(LONG / 5);
        assert_eq!(knowing(&long).clean(&format!("bad {long}!")), "bad [redacted]!");
    }

    #[test]
    fn a_short_value_does_not_eat_the_message() {
        assert_eq!(knowing("1").clean("error 1 of 1"), "error 1 of 1");
    }
}
