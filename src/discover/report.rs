//! What the scan of one tool returns, and how it is put together.

use std::collections::HashSet;
use std::fmt::Display;
use std::path::Path;

use super::credential::{Filter, LocalCredential, StoreProblem};
use super::note::{About, Flaw, Remark};
use super::overrides::Overrides;
use super::place::Place;
use super::reader::{Content, Document, Lookup, Reader};
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
    /// The credentials that may be missing because of the next problem.
    pub(super) about: Filter,
}

impl Report {
    /// Adds the result of another scan.
    pub(super) fn append(&mut self, other: Self) {
        self.credentials.extend(other.credentials);
        self.problems.extend(other.problems);
        self.notes.extend(other.notes);
        self.overrides.extend(other.overrides);
        let seen: HashSet<_> = self.searched.iter().cloned().collect();
        let new = other.searched.into_iter().filter(|place| !seen.contains(place));
        self.searched.extend(new);
    }

    /// The document of a store of credentials; what is there instead becomes a problem or a note.
    pub(super) fn store(&mut self, lookup: Lookup) -> Option<Document> {
        let Lookup { place, content } = lookup;
        if !self.searched.contains(&place) {
            self.searched.push(place.clone());
        }
        match content {
            Content::Absent => return None,
            Content::Document(document) => return Some(document),
            Content::Instead(what) => self.note(&place, About::Instead(what)),
            Content::Unreadable(reason) => self.problem(&place, reason),
        }
        None
    }

    /// The keychain item that a tool's settings select. Another home has none.
    pub(super) fn selected_item(
        &mut self,
        reader: &Reader<'_>,
        service: &str,
        account: &str,
    ) -> Option<Document> {
        let lookup = reader.selected_item(service, account);
        if reader.is_elsewhere() {
            self.note(&lookup.place, About::KeychainOfOtherHome);
            return None;
        }
        self.store(lookup)
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
        let problem = StoreProblem::new(place, self.about, reason);
        if !self.problems.contains(&problem) {
            self.problems.push(problem);
        }
    }

    pub(super) fn note(&mut self, place: &Place, about: About) {
        let place = place.clone();
        self.notes.push(Remark { place, about });
    }

    /// Notes a store that is not read, if it exists.
    pub(super) fn note_existing(&mut self, path: &Path, about: About) -> bool {
        let exists = path.is_file();
        if exists {
            self.note(&Place::File(path.to_owned()), about);
        }
        exists
    }

    /// Notes an entry of a store that cannot be used. `entry` must not quote its value.
    pub(super) fn skip(&mut self, place: &Place, entry: impl Into<String>, reason: Flaw) {
        self.note(place, About::Skipped(entry.into(), reason));
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
                .get_or_insert(Flaw::Token(token.description()));
        }
        self.credentials.push(credential);
    }

    /// As [`add`](Self::add); the expiry of a login is read if its token is a JWT.
    pub(super) fn add_token(&mut self, mut credential: LocalCredential) {
        if credential.kind == CredentialKind::OAuth {
            match jwt::expiry(credential.value.expose_secret()) {
                Expiry::At(at) => credential.expires_at = Some(at),
                Expiry::Never | Expiry::NotAJwt => {}
                Expiry::Invalid => {
                    return self.skip(&credential.place, "the access token", Flaw::TokenExpiry);
                }
            }
        }
        self.add(credential);
    }
}

/// Why a value cannot be sent anywhere.
fn unsendable(value: &str) -> Option<Flaw> {
    if value.contains('\u{fffd}') {
        Some(Flaw::NotUtf8)
    } else if value.chars().any(escape::is_hostile) {
        Some(Flaw::Unprintable)
    } else if value.len() > MAX_VALUE {
        Some(Flaw::TooLarge)
    } else {
        None
    }
}
