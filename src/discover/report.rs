//! What the scan of one tool returns, and how it is put together.

use std::fmt::Display;
use std::path::PathBuf;

use super::credential::{Filter, LocalCredential, Place, State, StoreProblem};
use super::reader::{Content, Document, Lookup};
use crate::formats::escape;
use crate::formats::json::Object;
use crate::formats::jwt::{self, Expiry};
use crate::formats::token;
use crate::provider::CredentialKind;
use crate::secret::{MAX_VALUE, SecretValue};

/// The result of discovery, or of the scan of one tool.
#[derive(Debug, Default)]
pub(crate) struct Report {
    pub(crate) credentials: Vec<LocalCredential>,
    pub(crate) problems: Vec<StoreProblem>,
    pub(super) notes: Vec<Remark>,
    /// What the tools may use in place of the credentials.
    pub(super) overrides: Vec<Overrides>,
    /// Every location of a credential that was looked at, whether or not it exists.
    pub(crate) searched: Vec<Place>,
    /// Whether there is an entry that is left out, although its tool may use it.
    pub(super) skipped: bool,
    /// The credentials that may be missing because of a problem that is added now.
    pub(super) about: Filter,
}

/// A message about a place. It contains no secret.
#[derive(Debug)]
pub(super) struct Remark {
    pub(super) place: Place,
    pub(super) text: String,
    pub(super) level: RemarkLevel,
}

/// How prominent a message is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum RemarkLevel {
    Warning,
    /// A notice that is always shown.
    Main,
    /// A notice that is only counted, unless `--all` is given.
    Detail,
}

/// What a tool may use in place of its stored credentials.
#[derive(Debug)]
pub(super) struct Overrides {
    pub(super) tool: &'static str,
    pub(super) named: Vec<Place>,
    /// Variables with unknown effects, and settings files of a project, which are not opened.
    pub(super) unknown: Vec<Place>,
}

impl Overrides {
    /// What is most likely used instead; `None` if the tool uses its stored credentials.
    pub(super) fn first(&self) -> Option<Place> {
        self.named.first().or(self.unknown.first()).cloned()
    }
}

impl Report {
    /// Adds the result of another scan.
    pub(super) fn append(&mut self, other: Self) {
        self.credentials.extend(other.credentials);
        self.problems.extend(other.problems);
        self.notes.extend(other.notes);
        self.overrides.extend(other.overrides);
        self.searched.extend(other.searched);
    }

    /// The document in a store of credentials. Anything else that is there becomes a problem or a note.
    pub(super) fn store(&mut self, lookup: Lookup) -> Option<Document> {
        let Lookup { place, content } = lookup;
        self.searched.push(place.clone());
        match content {
            Content::Absent => {}
            Content::Document(document) => return Some(document),
            Content::Directory => {
                self.note(&place, "this is a directory, so there is no credential in it");
            }
            Content::Nothing(why) => self.note(&place, why),
            Content::Unreadable(reason) => self.problem(&place, reason),
        }
        None
    }

    /// The JSON object of a document; `null` counts as empty, anything else is a problem.
    pub(super) fn object<'d>(&mut self, document: &'d Document) -> Option<Object<'d>> {
        self.usable(&document.place, Object::parse(document.body()))
    }

    /// The value of a result; an error is a problem of the store.
    pub(super) fn usable<T>(&mut self, place: &Place, result: Result<Option<T>, impl Display>) -> Option<T> {
        result.unwrap_or_else(|reason| {
            self.problem(place, reason);
            None
        })
    }

    /// Adds an existing store that cannot be read, once for each reason.
    pub(super) fn problem(&mut self, place: &Place, reason: impl Display) {
        let (place, reason, about) = (place.clone(), reason.to_string(), self.about);
        let is_same = |other: &StoreProblem| other.place == place && other.reason == reason;
        if !self.problems.iter().any(is_same) {
            self.problems.push(StoreProblem { place, reason, about });
        }
    }

    /// Adds a message about a place.
    pub(super) fn remark(&mut self, level: RemarkLevel, place: &Place, text: impl Into<String>) {
        let (place, text) = (place.clone(), text.into());
        self.notes.push(Remark { place, text, level });
    }

    pub(super) fn note(&mut self, place: &Place, text: impl Into<String>) {
        self.remark(RemarkLevel::Detail, place, text);
    }

    /// Notes a store that is not read, if it exists.
    pub(super) fn note_existing(&mut self, path: PathBuf, text: &str) {
        if path.is_file() {
            self.note(&Place::File(path), text);
        }
    }

    /// Notes an entry of a store that cannot be used. `entry` must not quote its value.
    pub(super) fn skip(&mut self, place: &Place, entry: &str, reason: impl Display) {
        self.skipped = true;
        self.note(place, format!("skipped {entry}, which {reason}"));
    }

    /// Returns whether an entry is named like a variable of this program, such as `AMIKA_API_KEY`, and warns
    /// of it: that key must not be pushed by mistake.
    pub(super) fn skips_own(&mut self, place: &Place, entry: &str, name: &str) -> bool {
        let first = name.split(['_', '-', ' ', '.', '/']).next().unwrap_or_default();
        let is_own = first.eq_ignore_ascii_case("amika");
        if is_own {
            let text = format!("skipped {entry}, which has a name that amika itself reads");
            self.remark(RemarkLevel::Warning, place, text);
        }
        is_own
    }

    /// Notes the entries of a store whose names are no provider's.
    pub(super) fn skip_others(&mut self, place: &Place, entries: &[String]) {
        if !entries.is_empty() {
            self.note(place, format!("skipped, not keys: {}", escape::first_of(entries)));
        }
    }

    /// Adds a credential, with its value trimmed, unless no server would accept the value. A login expires when
    /// its store says so, or else when its token does, if that is a JWT.
    pub(super) fn add(&mut self, mut credential: LocalCredential) {
        let value = credential.value.expose_secret().trim();
        if value.is_empty() {
            return;
        }
        let whole = credential
            .document
            .as_ref()
            .map_or(value, SecretValue::expose_secret);
        if let Some(reason) = unsendable(value, whole.len()) {
            let entry = format!("the credential for {}", credential.provider.as_str());
            return self.skip(&credential.place, &entry, reason);
        }
        let token = token::recognise(value).filter(|token| !token.is_api_key());
        match (credential.kind, token, jwt::expiry(value)) {
            (CredentialKind::ApiKey, Some(token), _) => {
                credential.state = State::Unusable(format!("it is {}", token.description()));
            }
            (CredentialKind::OAuth, _, Expiry::Invalid) if credential.expires_at.is_none() => {
                let reason = "has an `exp` that is not a time";
                return self.skip(&credential.place, "the access token", reason);
            }
            (CredentialKind::OAuth, _, Expiry::At(at)) => _ = credential.expires_at.get_or_insert(at),
            _ => {}
        }
        credential.value = SecretValue::new(value.to_owned());
        if credential.source.is_unused() {
            self.note(&credential.place, "Claude Code 2.1 does not use this credential");
        }
        self.credentials.push(credential);
    }
}

/// Why no server would accept a value as a key or token, or as a part of what is pushed, which has `length`.
fn unsendable(value: &str, length: usize) -> Option<&'static str> {
    if value.contains('\u{fffd}') {
        Some("is not valid UTF-8")
    } else if value.chars().any(escape::is_hostile) {
        Some("contains a line break or an unprintable character")
    } else if length > MAX_VALUE {
        Some("is larger than 1 MiB")
    } else {
        None
    }
}
