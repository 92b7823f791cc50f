//! What the scan of one tool returns, and how it is put together.

use std::collections::HashSet;
use std::fmt::Display;
use std::path::Path;
use std::rc::Rc;

use super::credential::{Filter, LocalCredential, Problem};
use super::note::{Note, Reason};
use super::place::Place;
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
    pub(crate) problems: Vec<Problem>,
    pub(crate) notes: Vec<Note>,
    /// Every location of a credential that was looked at, whether or not it exists.
    pub(crate) searched: Vec<Place>,
}

impl Report {
    /// Adds the result of another scan.
    pub(super) fn append(&mut self, other: Self) {
        self.credentials.extend(other.credentials);
        self.problems.extend(other.problems);
        self.notes.extend(other.notes);
        let seen: HashSet<_> = self.searched.iter().cloned().collect();
        let new = other.searched.into_iter().filter(|place| !seen.contains(place));
        self.searched.extend(new);
    }

    /// The document of a store of credentials; what is there instead becomes a problem or a note.
    pub(super) fn store(&mut self, lookup: Lookup, about: Filter) -> Option<Rc<Document>> {
        let Lookup { place, content } = lookup;
        if !self.searched.contains(&place) {
            self.searched.push(place.clone());
        }
        match content {
            Content::Absent => None,
            Content::Document(document) => Some(document),
            Content::Instead(what) => {
                self.note(Note::Instead { place, what });
                None
            }
            Content::Unreadable(reason) => {
                self.problem(&place, about, reason);
                None
            }
        }
    }

    /// The document of a settings file. A link to nothing sets nothing.
    pub(super) fn settings(&mut self, lookup: Lookup, about: Filter) -> Option<Rc<Document>> {
        match lookup.content {
            Content::Absent => None,
            Content::Document(document) => Some(document),
            Content::Instead(_) if !is_directory(&lookup.place) => None,
            Content::Instead(what) => {
                self.problem(&lookup.place, about, format!("is {what}"));
                None
            }
            Content::Unreadable(reason) => {
                self.problem(&lookup.place, about, reason);
                None
            }
        }
    }

    /// The JSON object of a document; `null` counts as empty, anything else is a problem.
    pub(super) fn object<'d>(&mut self, document: &'d Document, about: Filter) -> Option<Object<'d>> {
        self.usable(&document.place, about, Object::parse(document.body()))
    }

    /// The value of a result; an error is a problem of the store.
    pub(super) fn usable<T>(
        &mut self,
        place: &Place,
        about: Filter,
        result: Result<Option<T>, impl Display>,
    ) -> Option<T> {
        result.unwrap_or_else(|reason| {
            self.problem(place, about, reason);
            None
        })
    }

    /// Adds an existing store that cannot be read, once for each reason.
    pub(super) fn problem(&mut self, place: &Place, about: Filter, reason: impl Display) {
        let problem = Problem {
            place: place.clone(),
            reason: reason.to_string(),
            about,
        };
        if !self.problems.contains(&problem) {
            self.problems.push(problem);
        }
    }

    pub(super) fn note(&mut self, note: Note) {
        self.notes.push(note);
    }

    /// Adds an entry of a store that cannot be used. `entry` must not quote its value.
    pub(super) fn skip(&mut self, place: &Place, entry: impl Into<String>, reason: Reason) {
        self.note(Note::Skipped {
            place: place.clone(),
            entry: entry.into(),
            reason,
        });
    }

    /// Adds a credential without the blanks around its value, unless nothing can use the value.
    pub(super) fn add(&mut self, mut credential: LocalCredential) {
        let trimmed = credential.value.expose_secret().trim();
        if trimmed.len() < credential.value.expose_secret().len() {
            credential.value = SecretValue::new(trimmed.to_owned());
        }
        let value = credential.value.expose_secret();
        if value.is_empty() {
            return;
        }
        if let Some(reason) = unsendable(value) {
            let entry = format!("the credential for {}", credential.provider.as_str());
            return self.skip(&credential.place.clone(), entry, reason);
        }
        let token = token::recognise(value).filter(|token| !token.is_api_key());
        if let Some(token) = token.filter(|_| credential.kind == CredentialKind::ApiKey) {
            credential
                .unusable
                .get_or_insert(Reason::Token(token.description()));
        }
        self.credentials.push(credential);
    }

    /// As [`add`](Self::add), for an access token, whose expiry is read if it is a JWT.
    pub(super) fn add_token(&mut self, credential: LocalCredential) {
        let expires_at = match jwt::expiry(credential.value.expose_secret()) {
            Expiry::At(at) => Some(at),
            Expiry::Never | Expiry::NotAJwt => None,
            Expiry::Invalid => {
                return self.skip(&credential.place.clone(), "the access token", Reason::TokenExpiry);
            }
        };
        self.add(LocalCredential {
            expires_at,
            ..credential
        });
    }
}

fn is_directory(place: &Place) -> bool {
    matches!(place, Place::File(path) if path.is_dir())
}

/// Why a value cannot be sent anywhere.
fn unsendable(value: &str) -> Option<Reason> {
    if value.contains('\u{fffd}') {
        Some(Reason::NotUtf8)
    } else if value.chars().any(escape::is_hostile) {
        Some(Reason::Unprintable)
    } else if value.len() > MAX_VALUE {
        Some(Reason::TooLarge)
    } else {
        None
    }
}

/// The path of a store that amika does not read, if it exists.
pub(super) fn existing(path: &Path) -> Option<Place> {
    path.is_file().then(|| Place::File(path.to_owned()))
}
