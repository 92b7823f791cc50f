//! Removes every known secret from text that a server sent, before it is shown.
//!
//! The text is decoded in every way that a server may have encoded it, two layers deep, and each
//! result is searched for the raw values, so it does not matter which characters an encoder left
//! unchanged. Only the start of a long text is searched and shown, which bounds the time.

use std::collections::HashSet;
use std::hash::{BuildHasher, RandomState};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use aho_corasick::Input;
use aho_corasick::automaton::Automaton;
use aho_corasick::nfa::contiguous::NFA;

use crate::formats::decode::Decoded;
use crate::secret::SecretValue;

const REDACTED: &str = "[redacted]";
/// Minimum length of a secret to redact, in bytes: removing every `1` would make messages unreadable.
const MIN_SECRET: usize = 4;
/// Length of the prefix of a value that the automaton searches for, in bytes. The rest is compared at
/// each match, so memory does not grow with the length of the values.
const SEARCHED_PREFIX: usize = 16;
/// Minimum length of a redacted part at the start of a value, in bytes.
const MIN_PART: usize = 32;
/// Maximum number of secrets in one automaton. `aho-corasick` takes more than linear time to build one
/// for many similar values.
const MAX_INDEXED: usize = 16 * 1024;
/// Maximum length of the searched start of a text, in bytes.
const MAX_SEARCHED: usize = 4096;
/// Length at the end of a truncated text that is not shown, in bytes, because the prefix of a value
/// there may be truncated. A byte takes up to 18 bytes when encoded twice (`\u0025\u0034\u0031`).
const CUT_MARGIN: usize = 18 * SEARCHED_PREFIX;

/// The secrets that this process has handled so far, shared by all HTTP clients.
#[derive(Clone, Default)]
pub(crate) struct KnownSecrets(Arc<Mutex<Redactor>>);

impl KnownSecrets {
    /// Redacts this value in every text from now on.
    pub(crate) fn add(&self, secret: &SecretValue) {
        self.lock().add(secret);
    }

    /// Returns the start of `text` with every known secret replaced, in any encoding.
    pub(crate) fn clean(&self, text: &str) -> String {
        self.lock().clean(text)
    }

    fn lock(&self) -> MutexGuard<'_, Redactor> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[derive(Default)]
struct Redactor {
    hasher: RandomState,
    known: HashSet<u64>,
    /// Secrets added since the last search.
    pending: Vec<SecretValue>,
    /// Automata of decreasing size. Small ones are merged, so that alternately adding secrets and
    /// searching takes nearly linear time.
    indexes: Vec<Index>,
}

impl Redactor {
    fn add(&mut self, secret: &SecretValue) {
        let text = secret.expose_secret();
        if text.len() >= MIN_SECRET && self.known.insert(self.hasher.hash_one(text)) {
            self.pending.push(secret.clone());
        }
    }

    fn clean(&mut self, text: &str) -> String {
        let cut = &text[..boundary_before(text, MAX_SEARCHED)];
        let shown = if cut.len() < text.len() {
            boundary_before(cut, cut.len() - CUT_MARGIN)
        } else {
            cut.len()
        };
        let mut spans = self.find(cut);
        spans.sort_unstable();
        let mut clean = String::with_capacity(shown);
        let mut at = 0;
        for (start, end) in spans {
            let (start, end) = (boundary_before(cut, start), boundary_after(cut, end));
            if start >= at && start < shown {
                clean.push_str(&cut[at..start]);
                clean.push_str(REDACTED);
            }
            at = at.max(end);
        }
        if at < shown {
            clean.push_str(&cut[at..shown]);
        }
        clean
    }

    /// Returns the byte ranges of secrets in `text`.
    fn find(&mut self, text: &str) -> Vec<(usize, usize)> {
        self.index_pending();
        let mut spans = Vec::new();
        if self.indexes.is_empty() {
            return spans;
        }
        let plain = Decoded::plain(text);
        let once = plain.decodings();
        let twice: Vec<_> = once.iter().flat_map(Decoded::decodings).collect();
        for reading in once.iter().chain(&twice).chain([&plain]) {
            for index in &self.indexes {
                index.find(reading, &mut spans);
            }
        }
        spans
    }

    fn index_pending(&mut self) {
        let mut secrets = std::mem::take(&mut self.pending);
        if secrets.is_empty() {
            return;
        }
        while let Some(last) = self
            .indexes
            .pop_if(|last| last.secrets.len() <= (4 * secrets.len()).min(MAX_INDEXED / 2))
        {
            secrets.extend(last.secrets);
        }
        while !secrets.is_empty() {
            let indexed = secrets.split_off(secrets.len().saturating_sub(MAX_INDEXED));
            self.indexes.extend(Index::new(indexed));
        }
    }
}

/// Secrets and the automaton that finds their prefixes.
struct Index {
    /// Sorted, so that secrets with the same prefix are adjacent.
    secrets: Vec<SecretValue>,
    automaton: NFA,
    /// For each pattern of the automaton, the secrets with this prefix.
    groups: Vec<std::ops::Range<usize>>,
}

impl Index {
    fn new(mut secrets: Vec<SecretValue>) -> Option<Self> {
        secrets.sort_unstable_by(|a, b| a.expose_secret().cmp(b.expose_secret()));
        let mut groups: Vec<std::ops::Range<usize>> = Vec::new();
        for at in 0..secrets.len() {
            match groups.last_mut() {
                Some(group) if prefix(&secrets[group.start]) == prefix(&secrets[at]) => group.end = at + 1,
                _ => groups.push(at..at + 1),
            }
        }
        let patterns = groups.iter().map(|group| prefix(&secrets[group.start]));
        // Fails only if there are too many patterns.
        let automaton = NFA::new(patterns).ok()?;
        Some(Self {
            secrets,
            automaton,
            groups,
        })
    }

    fn find(&self, reading: &Decoded, spans: &mut Vec<(usize, usize)>) {
        let bytes = &reading.bytes;
        let found = self
            .automaton
            .try_find_overlapping_iter(Input::new(bytes.as_slice()));
        for found in found.into_iter().flatten() {
            let group = &self.secrets[self.groups[found.pattern().as_usize()].clone()];
            let rest = &bytes[found.start()..];
            let longest = group.iter().filter_map(|secret| matching(secret, rest)).max();
            if let Some(length) = longest {
                spans.push(reading.span(found.start(), found.start() + length));
            }
        }
    }
}

fn prefix(secret: &SecretValue) -> &[u8] {
    let bytes = secret.expose_secret().as_bytes();
    &bytes[..bytes.len().min(SEARCHED_PREFIX)]
}

/// Returns how many bytes at the start of `text` match the secret: all of it, at least [`MIN_PART`],
/// or up to the end of the text.
fn matching(secret: &SecretValue, text: &[u8]) -> Option<usize> {
    let secret = secret.expose_secret().as_bytes();
    let same = secret.iter().zip(text).take_while(|(a, b)| a == b).count();
    (same == secret.len() || same == text.len() || same >= MIN_PART).then_some(same)
}

fn boundary_before(text: &str, at: usize) -> usize {
    let at = at.min(text.len());
    (0..=at).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0)
}

fn boundary_after(text: &str, at: usize) -> usize {
    (at..text.len())
        .find(|at| text.is_char_boundary(*at))
        .unwrap_or(text.len())
}

#[cfg(test)]
mod tests;
