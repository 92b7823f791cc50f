//! Decides whether a text of a server may be shown: whole, or not at all, because it may quote a secret.
//!
//! Text and secrets are compared without anything but letters and digits and without case, so it does
//! not matter how an encoder broke, indented or quoted the secret. A text is withheld if it shares a run
//! of eight with what its own request carried, or of sixteen with any other secret of the process.

use std::collections::HashSet;
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
/// Minimum length of a run that a text shares with a secret of its own request, or with another secret.
const OWN_RUN: usize = 8;
const OTHER_RUN: usize = 16;
/// Minimum length of a secret; it must have a letter and a digit, unless it is long enough for a run.
const MIN_WORD: usize = 4;
/// One window of this length in each `STRIDE` positions of a secret is indexed. Every run of
/// [`OTHER_RUN`] contains one.
const SAMPLE: usize = 8;
const STRIDE: usize = OTHER_RUN - SAMPLE + 1;
/// Maximum number of bytes of secrets that are compared exactly after a sample was found in a text. From
/// then on the sample is enough to withhold it, which keeps the time linear.
const MAX_COMPARED: usize = 64 * 1024 * 1024;
/// Minimum length of a string of a JSON document that counts as a secret, in characters.
const MIN_JSON_STRING: usize = 16;
/// Starts of keys that documentation and messages mention, and that are long enough for a run.
const PUBLIC_PREFIXES: [&str; 10] = [
    "sk-ant-api03-",
    "sk-ant-admin01-",
    "sk-ant-oat01-",
    "sk-ant-ort01-",
    "sk-svcacct-",
    "github_pat_",
    "AGE-SECRET-KEY-1",
    "ATATT3xFfGF0",
    "vercel_blob_rw_",
    "DefaultEndpointsProtocol=https;AccountName=",
];

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
        self.lock().add_credential(credential.expose_secret());
    }

    /// Adds a value, which only its own request carries.
    pub(crate) fn add_value(&self, value: &SecretValue) {
        self.lock().add_value(value);
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

/// What is compared is kept as hashes, so that no further copies of secrets stay in memory.
#[derive(Default)]
struct Known {
    hasher: RandomState,
    /// The runs of all credentials, sorted.
    runs: Vec<u64>,
    /// Secrets that are too short for a run.
    words: HashSet<u64>,
    values: Vec<SecretValue>,
    /// The hashes of `values`.
    seen: HashSet<u64>,
    /// The samples of the first `sampled` values, sorted. They are only taken when a text is shown.
    samples: Vec<u64>,
    sampled: usize,
    compared: usize,
}

impl Known {
    fn add_credential(&mut self, credential: &str) {
        for form in forms(credential, "", OWN_RUN) {
            if form.is_word {
                self.words.insert(self.hasher.hash_one(form.letters.as_slice()));
            } else {
                let runs = form.letters.windows(OWN_RUN).map(|run| self.hasher.hash_one(run));
                self.runs.extend(runs);
            }
        }
        self.runs.sort_unstable();
    }

    fn add_value(&mut self, value: &SecretValue) {
        if self.seen.insert(self.hash(value.expose_secret().as_bytes())) {
            self.values.push(value.clone());
        }
    }

    #[expect(
        clippy::stable_sort_primitive,
        reason = "it is linear if only a few samples are new"
    )]
    fn take_samples(&mut self) {
        if self.sampled == self.values.len() {
            return;
        }
        for value in &self.values[self.sampled..] {
            for form in forms(value.expose_secret(), "", OTHER_RUN) {
                if form.is_word {
                    self.words.insert(self.hasher.hash_one(form.letters.as_slice()));
                } else {
                    let samples = form.letters.windows(SAMPLE).step_by(STRIDE);
                    self.samples
                        .extend(samples.map(|sample| self.hasher.hash_one(sample)));
                }
            }
        }
        self.sampled = self.values.len();
        self.samples.sort();
    }

    fn are_quoted_in(&mut self, text: &str, carried: Option<Carried<'_>>) -> bool {
        self.take_samples();
        let readings = readings(text);
        let words = readings.iter().flat_map(Reading::words);
        let words: HashSet<u64> = words.map(|word| self.hash(word)).collect();
        let runs = self.sorted_runs(&readings, OWN_RUN);
        if !self.words.is_disjoint(&words) || runs.iter().any(|run| self.runs.binary_search(run).is_ok()) {
            return true;
        }
        let is_carried = |Carried { value, name }: Carried<'_>| {
            forms(value.expose_secret(), name, OWN_RUN).iter().any(|form| {
                if form.is_word {
                    words.contains(&self.hash(&form.letters))
                } else {
                    self.shares(form, OWN_RUN, &runs)
                }
            })
        };
        if carried.is_some_and(is_carried) {
            return true;
        }
        let samples = self.sorted_runs(&readings, SAMPLE);
        if !samples
            .iter()
            .any(|sample| self.samples.binary_search(sample).is_ok())
        {
            return false;
        }
        self.compared += self
            .values
            .iter()
            .map(|value| value.expose_secret().len())
            .sum::<usize>();
        let runs = self.sorted_runs(&readings, OTHER_RUN);
        self.compared > MAX_COMPARED
            || self.values.iter().any(|value| {
                let mut forms = forms(value.expose_secret(), "", OTHER_RUN).into_iter();
                forms.any(|form| !form.is_word && self.shares(&form, OTHER_RUN, &runs))
            })
    }

    fn hash(&self, letters: &[u8]) -> u64 {
        self.hasher.hash_one(letters)
    }

    fn sorted_runs(&self, readings: &[Reading], length: usize) -> Vec<u64> {
        let windows = readings
            .iter()
            .flat_map(|reading| reading.letters.windows(length));
        let mut runs: Vec<_> = windows.map(|window| self.hash(window)).collect();
        runs.sort_unstable();
        runs
    }

    /// Whether one of the sorted runs is in a form of a secret.
    fn shares(&self, form: &Form, length: usize, runs: &[u64]) -> bool {
        let mut windows = form.letters.windows(length);
        !runs.is_empty() && windows.any(|window| runs.binary_search(&self.hash(window)).is_ok())
    }
}

/// The letters and digits of a text, in lower case, in UTF-8.
#[derive(Default)]
struct Reading {
    letters: Zeroizing<Vec<u8>>,
    /// Where words begin, and the end.
    bounds: Vec<usize>,
}

impl Reading {
    fn new(text: &str, is_letter: fn(char) -> bool) -> Self {
        let mut reading = Self {
            letters: Zeroizing::new(Vec::with_capacity(text.len())),
            bounds: vec![0],
        };
        for c in text.chars() {
            if is_letter(c) {
                for lower in c.to_lowercase() {
                    reading
                        .letters
                        .extend_from_slice(lower.encode_utf8(&mut [0; 4]).as_bytes());
                }
            } else {
                reading.end_word();
            }
        }
        reading.end_word();
        reading
    }

    fn end_word(&mut self) {
        if self.bounds.last() != Some(&self.letters.len()) {
            self.bounds.push(self.letters.len());
        }
    }

    /// Adjacent words that together are too short for a run: `us-east-1` is one of its words.
    fn words(&self) -> impl Iterator<Item = &[u8]> {
        self.bounds.iter().enumerate().flat_map(move |(first, start)| {
            let ends = self.bounds[first + 1..].iter();
            let ends = ends.take_while(move |end| **end - start < OTHER_RUN);
            ends.map(move |end| &self.letters[*start..*end])
        })
    }
}

/// The text as it is, and decoded once in each way that a server may have encoded it.
fn readings(text: &str) -> Vec<Reading> {
    let mut texts = vec![Zeroizing::new(text.to_owned())];
    if text.contains(['%', '=']) {
        // Quoted-printable text has `=` in place of `%`.
        let percent = Zeroizing::new(text.replace('=', "%"));
        let decoded = percent_decode_str(&percent).decode_utf8_lossy();
        texts.push(Zeroizing::new(decoded.into_owned()));
    }
    if text.contains('\\') {
        texts.push(unescape(text, '\\', backslash));
    }
    if text.contains('&') {
        texts.push(unescape(text, '&', entity));
    }
    texts.iter().flat_map(|text| both_alphabets(text)).collect()
}

/// The letters of all alphabets, and those of ASCII alone, because encoders differ in the others.
fn both_alphabets(text: &str) -> Vec<Reading> {
    let mut readings = vec![Reading::new(text, char::is_alphanumeric)];
    if !text.is_ascii() {
        readings.push(Reading::new(text, |c| c.is_ascii_alphanumeric()));
    }
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

/// Reads an escape of JSON or of a programming language, without the backslash.
fn backslash(rest: &str) -> Option<(char, usize)> {
    let kind = rest.chars().next()?;
    match kind {
        'u' if rest.starts_with("u{") => {
            let (digits, _) = rest.get(2..rest.len().min(10))?.split_once('}')?;
            Some((character(digits, 16), digits.len() + 3))
        }
        'u' => Some((character(rest.get(1..5)?, 16), 5)),
        'x' => Some((character(rest.get(1..3)?, 16), 3)),
        'n' | 'r' | 't' | 'b' | 'f' => Some((' ', 1)),
        other => Some((other, other.len_utf8())),
    }
}

/// Reads an HTML entity without the `&`. One with a name is a punctuation mark, or not in ASCII.
fn entity(rest: &str) -> Option<(char, usize)> {
    const MAX_NAME: usize = 9;
    let length = rest.bytes().take(MAX_NAME).position(|byte| byte == b';')?;
    let name = rest[..length].to_ascii_lowercase();
    let c = match name.strip_prefix('#') {
        None if name.bytes().all(|byte| byte.is_ascii_alphanumeric()) => ' ',
        None => return None,
        Some(number) => match number.strip_prefix('x') {
            Some(digits) => character(digits, 16),
            None => character(number, 10),
        },
    };
    Some((c, length + 1))
}

fn character(digits: &str, radix: u32) -> char {
    let number = u32::from_str_radix(digits, radix).ok();
    number
        .and_then(char::from_u32)
        .unwrap_or(char::REPLACEMENT_CHARACTER)
}

/// A form in which a text may quote a part of a secret.
struct Form {
    letters: Zeroizing<Vec<u8>>,
    /// It is too short for a run, and counts as a whole word.
    is_word: bool,
}

/// The forms of a secret for runs of this length, without `name`, if that is long enough for a run.
fn forms(secret: &str, name: &str, run: usize) -> Vec<Form> {
    let is_long_name = name.chars().filter(|c| c.is_alphanumeric()).count() >= run;
    let mut forms = Vec::new();
    for part in parts(secret) {
        if is_long_name {
            part.split(name).for_each(|part| add_forms(part, run, &mut forms));
        } else {
            add_forms(&part, run, &mut forms);
        }
    }
    forms
}

fn add_forms(part: &str, run: usize, forms: &mut Vec<Form>) {
    let before = forms.len();
    for Reading { letters, .. } in both_alphabets(part) {
        let has = |class: fn(&u8) -> bool| letters.iter().any(class);
        let is_mixed = has(u8::is_ascii_digit) && has(|byte| !byte.is_ascii_digit());
        let is_word = letters.len() < run;
        if !is_word || letters.len() >= MIN_WORD && is_mixed {
            forms.push(Form { letters, is_word });
        }
    }
    if forms.len() == before {
        return;
    }
    let bytes = part.as_bytes();
    let mut encoded = vec![Zeroizing::new(hex::encode(bytes))];
    // The first characters of Base64 also encode bytes before the secret, and the last one those after it.
    for (offset, shared) in [(0, 0), (1, 2), (2, 3)] {
        let padded = Zeroizing::new([&b"\0\0"[..offset], bytes].concat());
        let text = Zeroizing::new(STANDARD_NO_PAD.encode(&padded));
        let end = text.len() - usize::from(padded.len() % 3 != 0);
        encoded.push(Zeroizing::new(text[shared..end].to_owned()));
    }
    let readings = encoded
        .iter()
        .map(|text| Reading::new(text, |c| c.is_ascii_alphanumeric()));
    forms.extend(readings.map(|Reading { letters, .. }| Form {
        letters,
        is_word: false,
    }));
}

/// The parts of a secret that are secret themselves.
fn parts(secret: &str) -> Vec<Zeroizing<String>> {
    let secret = secret.trim_start_matches('\u{feff}').trim();
    let mut parts = Vec::new();
    if secret.starts_with(['{', '[']) && serde_json::from_str::<serde::de::IgnoredAny>(secret).is_ok() {
        for string in json_strings(secret) {
            add_parts(&string, &mut parts);
        }
    } else {
        add_parts(secret, &mut parts);
    }
    parts
}

/// The long strings of a JSON document, without the names of members and of what a login permits.
fn json_strings(document: &str) -> Vec<Zeroizing<String>> {
    let mut strings = Vec::new();
    let mut rest = document;
    while let Some((_, string)) = rest.split_once('"') {
        let mut is_escaped = false;
        let end = string.bytes().position(|byte| {
            let ends = byte == b'"' && !is_escaped;
            is_escaped = byte == b'\\' && !is_escaped;
            ends
        });
        let end = end.unwrap_or(string.len());
        rest = string.get(end + 1..).unwrap_or_default();
        let (string, is_name) = (&string[..end], rest.trim_start().starts_with(':'));
        if !is_name && !is_permission(string) && string.chars().count() >= MIN_JSON_STRING {
            strings.push(unescape(string, '\\', backslash));
        }
    }
    strings
}

/// Whether a string of a login is a scope of OAuth, such as `user:sessions:claude_code`.
fn is_permission(string: &str) -> bool {
    let is_plain = |byte: u8| byte.is_ascii_lowercase() || b":_".contains(&byte);
    string.contains(':') && string.bytes().all(is_plain)
}

/// Adds a text without the lines around PEM, without the scheme and host of a URL, and without the
/// public start of a key. The password of a URL is a part of its own, too.
fn add_parts(text: &str, parts: &mut Vec<Zeroizing<String>>) {
    let mut add = |part: &str| parts.push(Zeroizing::new(part.to_owned()));
    if text.contains("-----BEGIN ") {
        let is_mark = |line: &str| line.starts_with("BEGIN ") || line.starts_with("END ");
        text.split("-----").filter(|line| !is_mark(line)).for_each(add);
    } else if let Some((_, address)) = text.split_once("://").filter(|(scheme, _)| is_scheme(scheme)) {
        let (user, host) = address.rsplit_once('@').unwrap_or(("", address));
        add(user);
        add(user.split_once(':').map_or("", |(_, password)| password));
        add(&host[host.find(['/', '?', '#']).unwrap_or(host.len())..]);
    } else {
        let prefix = PUBLIC_PREFIXES
            .iter()
            .find_map(|prefix| text.strip_prefix(prefix));
        add(prefix.unwrap_or(text));
    }
}

fn is_scheme(text: &str) -> bool {
    text.bytes()
        .all(|byte| byte.is_ascii_alphanumeric() || b"+.-:".contains(&byte))
}

#[cfg(test)]
mod tests;
