//! Decides whether a text of a server may be shown: whole, or not at all, because it may quote a secret.
//!
//! Text and secrets are compared without anything but letters and digits and without case, so it does
//! not matter how an encoder broke, indented or quoted the secret. A text is withheld if it shares a run
//! of eight with what its own request carried, or of sixteen with any other secret of the process.

use std::collections::HashSet;
use std::fmt::Write;
use std::hash::{BuildHasher, RandomState};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use base64::Engine;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use percent_encoding::percent_decode_str;
use zeroize::Zeroizing;

use crate::formats::escape;
use crate::secret::SecretValue;

pub(crate) const WITHHELD: &str = "(withheld: it may quote a secret)";
/// Maximum length of a text in a message, in characters.
const MAX_LINE: usize = 300;
/// Length of the runs that a text must not share with what its request carried.
const OWN_RUN: usize = 8;
/// Length and distance of the runs of other secrets that are known. Every run of sixteen contains one.
const OTHER_RUN: usize = 12;
const OTHER_STEP: usize = 5;
/// Minimum length of a secret that is too short for a run; it must have a letter and a digit.
const MIN_WORD: usize = 4;
/// Minimum length of a string of a JSON document that counts as a secret, in bytes.
const MIN_JSON_STRING: usize = 16;
/// Starts of keys that messages mention, and that are long enough for a run.
const PUBLIC_PREFIXES: &str = "sk-ant-api03- sk-ant-oat01- sk-ant-ort01- sk-svcacct- github_pat_ AGE-SECRET-KEY- \
    DefaultEndpointsProtocol=https;AccountName=";

/// What a request carried besides its credential.
#[derive(Clone, Copy)]
pub(crate) struct Carried<'a> {
    pub(crate) value: &'a SecretValue,
    /// The name that was sent, which is not secret even if the value contains it.
    pub(crate) name: &'a str,
}

/// The secrets that this process has handled so far, shared by all HTTP clients.
#[derive(Clone, Default)]
pub(crate) struct KnownSecrets(Arc<Mutex<Known>>);

impl KnownSecrets {
    /// Adds a credential, which requests carry.
    pub(crate) fn add(&self, credential: &SecretValue) {
        self.lock().learn(credential, OWN_RUN, 1);
    }

    /// Adds a value, which only its own request carries.
    pub(crate) fn add_value(&self, value: &SecretValue) {
        let mut known = self.lock();
        let hash = known.hasher.hash_one(value.expose_secret());
        if known.seen.insert(hash) {
            known.new_values.push(value.clone());
        }
    }

    /// Returns the text, or [`WITHHELD`].
    pub(crate) fn show(&self, text: &str, carried: Option<Carried<'_>>) -> String {
        if self.lock().are_quoted_in(text, carried) {
            WITHHELD.to_owned()
        } else {
            text.to_owned()
        }
    }

    /// As [`show`](Self::show), for the start of the text, escaped for printing on one line.
    pub(crate) fn show_line(&self, text: &str, carried: Option<Carried<'_>>) -> String {
        let words = text.split_whitespace().flat_map(|word| [" ", word]).skip(1);
        let line: String = words.flat_map(str::chars).take(MAX_LINE + 1).collect();
        let shown = self.show(&line, carried);
        let escaped = escape::escape(&shown);
        if escaped.chars().count() <= MAX_LINE {
            return escaped.into_owned();
        }
        escaped.chars().take(MAX_LINE - 1).chain(['…']).collect()
    }

    fn lock(&self) -> MutexGuard<'_, Known> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[derive(Default)]
struct Known {
    hasher: RandomState,
    /// The hashes of runs, and of secrets that are too short for one.
    hashes: HashSet<u64>,
    /// Values whose runs are not known yet: few commands show a text of a server.
    new_values: Vec<SecretValue>,
    /// The hashes of all values.
    seen: HashSet<u64>,
}

impl Known {
    fn learn(&mut self, secret: &SecretValue, run: usize, step: usize) {
        for form in forms(secret.expose_secret(), "", run) {
            let runs = runs(&form, run).step_by(step);
            self.hashes.extend(runs.map(|run| self.hasher.hash_one(run)));
        }
    }

    fn are_quoted_in(&mut self, text: &str, carried: Option<Carried<'_>>) -> bool {
        for value in std::mem::take(&mut self.new_values) {
            self.learn(&value, OTHER_RUN, OTHER_STEP);
        }
        let hash = |run: &[u8]| self.hasher.hash_one(run);
        let mut said = HashSet::new();
        for text in readings(text) {
            let words = text.split(|c: char| !c.is_alphanumeric());
            let words = words.chain(text.split_whitespace()).map(letters);
            said.extend(words.map(|word| hash(word.as_bytes())));
            let letters = letters(&text);
            let runs = [OWN_RUN, OTHER_RUN].map(|run| letters.as_bytes().windows(run));
            said.extend(runs.into_iter().flatten().map(hash));
        }
        let is_said = |form: &Zeroizing<String>| runs(form, OWN_RUN).any(|run| said.contains(&hash(run)));
        let is_carried = |Carried { value, name }: Carried<'_>| {
            let forms = forms(value.expose_secret(), name, OWN_RUN);
            forms.iter().any(is_said)
        };
        !said.is_disjoint(&self.hashes) || carried.is_some_and(is_carried)
    }
}

/// The letters and digits of a text, in lower case.
fn letters(text: &str) -> Zeroizing<String> {
    // A string that grows would leave parts of a secret behind that are not zeroed.
    let mut letters = Zeroizing::new(String::with_capacity(2 * text.len()));
    let all = text.chars().filter(|c| c.is_alphanumeric());
    letters.extend(all.flat_map(char::to_lowercase));
    letters
}

/// The runs of a form, or the whole form if it is shorter.
fn runs(form: &Zeroizing<String>, length: usize) -> std::slice::Windows<'_, u8> {
    form.as_bytes().windows(length.min(form.len()))
}

/// The text as it is, and decoded once in each way that a server may have encoded it.
fn readings(text: &str) -> Vec<Zeroizing<String>> {
    // Quoted-printable text has `=` in place of `%`, and strings of programming languages have `\x`.
    let percent = Zeroizing::new(text.replace('=', "%").replace("\\x", "%"));
    let percent = percent_decode_str(&percent).decode_utf8_lossy().into_owned();
    let hex = text.replace("0x", "");
    let mut readings = [text.to_owned(), hex, percent].map(Zeroizing::new).to_vec();
    readings.extend([unescape(text, '\\', backslash), unescape(text, '&', entity)]);
    readings.dedup();
    readings
}

/// Replaces the escapes after `mark` that `read` recognises; it returns the character and the length.
fn unescape(text: &str, mark: char, read: fn(&str) -> Option<(char, usize)>) -> Zeroizing<String> {
    let mut plain = Zeroizing::new(String::with_capacity(text.len()));
    let mut rest = text;
    while let Some((before, after)) = rest.split_once(mark) {
        let (c, length) = read(after).unwrap_or((mark, 0));
        plain.push_str(before);
        plain.push(c);
        rest = &after[length..];
    }
    plain.push_str(rest);
    plain
}

/// Reads an escape of JSON or of a programming language other than `\x`, without the backslash.
fn backslash(rest: &str) -> Option<(char, usize)> {
    let kind = rest.chars().next()?;
    match kind {
        'u' if rest.starts_with("u{") => {
            let (digits, _) = rest.get(2..rest.len().min(10))?.split_once('}')?;
            Some((character(digits, 16), digits.len() + 3))
        }
        'u' => Some((character(rest.get(1..5)?, 16), 5)),
        'n' | 'r' | 't' | 'b' | 'f' => Some((' ', 1)),
        other => Some((other, other.len_utf8())),
    }
}

/// Reads an HTML entity without the `&`. One with a name is a punctuation mark, or not in ASCII.
fn entity(rest: &str) -> Option<(char, usize)> {
    let length = rest.bytes().take(9).position(|byte| byte == b';')?;
    let c = rest[..length].strip_prefix('#').map_or(' ', |number| {
        let digits = number.strip_prefix(['x', 'X']);
        digits.map_or_else(|| character(number, 10), |digits| character(digits, 16))
    });
    Some((c, length + 1))
}

fn character(digits: &str, radix: u32) -> char {
    let number = u32::from_str_radix(digits, radix).ok();
    number
        .and_then(char::from_u32)
        .unwrap_or(char::REPLACEMENT_CHARACTER)
}

/// The letters of each part of a secret, its bytes in hexadecimal and decimal, and Base64 at each of its
/// three offsets. `name` is no part of it. `run` is the length for which a part needs no digit.
fn forms(secret: &str, name: &str, run: usize) -> Vec<Zeroizing<String>> {
    let mut forms = Vec::new();
    let name = if name.len() < OWN_RUN { "\0" } else { name };
    for text in texts(secret) {
        for part in parts(text.expose_secret())
            .into_iter()
            .flat_map(|part| part.split(name))
        {
            let plain = letters(part);
            let has_digit = plain.contains(|c: char| c.is_ascii_digit());
            let is_mixed = has_digit && plain.contains(|c: char| !c.is_ascii_digit());
            if plain.len() < run && !(plain.len() >= MIN_WORD && is_mixed) {
                continue;
            }
            let mut decimal = Zeroizing::new(String::with_capacity(3 * part.len()));
            for byte in part.bytes() {
                let _ = write!(decimal, "{byte}");
            }
            forms.extend([plain, hex::encode(part).into(), decimal]);
            // The first characters also encode what comes before, and the last one what comes after.
            for (before, shared) in [("", 0), ("-", 2), ("--", 3)] {
                let padded = Zeroizing::new([before, part].concat());
                let text = Zeroizing::new(STANDARD_NO_PAD.encode(&*padded));
                let end = text.len() - usize::from(padded.len() % 3 != 0);
                forms.push(letters(&text[shared..end]));
            }
        }
    }
    forms.retain(|form| form.len() >= MIN_WORD);
    forms
}

/// The texts of a secret: itself, or the long strings of a JSON document, without the names of members
/// and the scopes of a login.
fn texts(secret: &str) -> Vec<SecretValue> {
    let secret = secret.trim_start_matches('\u{feff}').trim();
    let whole = || vec![SecretValue::new(secret.to_owned())];
    let is_json =
        secret.starts_with(['{', '[']) && serde_json::from_str::<serde::de::IgnoredAny>(secret).is_ok();
    if !is_json {
        return whole();
    }
    let mut texts = Vec::new();
    let mut rest = secret;
    while let Some(start) = rest.find('"') {
        let mut strings = serde_json::Deserializer::from_str(&rest[start..]).into_iter::<SecretValue>();
        let Some(Ok(string)) = strings.next() else {
            return whole();
        };
        rest = &rest[start + strings.byte_offset()..];
        let text = string.expose_secret();
        let is_name = rest.trim_start().starts_with(':');
        let is_scope =
            text.contains(':') && !text.contains(|c: char| !c.is_ascii_lowercase() && !":_".contains(c));
        if !is_name && !is_scope && text.len() >= MIN_JSON_STRING {
            texts.push(string);
        }
    }
    texts
}

/// The parts of a text that are secret themselves: the lines of a PEM without those around it, a URL
/// without scheme and host, a key without its public start.
fn parts(text: &str) -> Vec<&str> {
    let is_scheme = |text: &str| !text.contains(|c: char| !c.is_ascii_alphanumeric() && !"+.-:".contains(c));
    if text.contains("-----BEGIN ") {
        let lines = text.split("-----");
        lines
            .filter(|line| !line.starts_with("BEGIN ") && !line.starts_with("END "))
            .collect()
    } else if let Some((_, address)) = text.split_once("://").filter(|(scheme, _)| is_scheme(scheme)) {
        let (user, host) = address.rsplit_once('@').unwrap_or(("", address));
        let path = host.find(['/', '?', '#']).unwrap_or(host.len());
        user.split(':').chain([user, &host[path..]]).collect()
    } else {
        let mut prefixes = PUBLIC_PREFIXES.split(' ');
        let prefix = prefixes.find_map(|prefix| text.strip_prefix(prefix));
        vec![prefix.unwrap_or(text)]
    }
}

#[cfg(test)]
mod tests;
