//! What the scan of one tool returns, and how it is put together.

use std::fmt::Display;
use std::path::Path;

use super::credential::{Filter, LocalCredential, Place, StoreProblem};
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

/// Something about a place that is worth a message. It holds no secret.
#[derive(Debug)]
pub(super) struct Remark {
    pub(super) place: Place,
    pub(super) text: String,
    /// Whether it is about what may be all that there is of a tool.
    pub(super) is_all: bool,
}

/// What a tool may use in place of its stored credentials.
#[derive(Debug)]
pub(super) struct Overrides {
    pub(super) tool: &'static str,
    pub(super) named: Vec<Place>,
    pub(super) unknown: Vec<Place>,
    pub(super) project: Vec<Place>,
}

impl Overrides {
    /// What is most likely used instead; `None` if the stored credentials are certainly used.
    pub(super) fn first(&self) -> Option<&Place> {
        self.named.iter().chain(&self.unknown).chain(&self.project).next()
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

    /// The document of a store of credentials; what is there instead becomes a problem or a note.
    pub(super) fn store(&mut self, lookup: Lookup) -> Option<Document> {
        let Lookup { place, content } = lookup;
        self.searched.push(place.clone());
        match content {
            Content::Absent => {}
            Content::Document(document) => return Some(document),
            Content::Instead(what) => {
                self.note(&place, format!("this is {what}, so there is no credential in it"));
            }
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
            let text = "the settings select this, and keychains are not read with --homedir";
            self.note(&lookup.place, text);
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

    /// Adds a message about a place.
    pub(super) fn note(&mut self, place: &Place, text: impl Into<String>) {
        self.notes.push(Remark {
            place: place.clone(),
            text: text.into(),
            is_all: false,
        });
    }

    /// Notes a store that is not read, if it exists.
    pub(super) fn note_existing(&mut self, path: &Path, text: &str) -> bool {
        let exists = path.is_file();
        if exists {
            self.note(&Place::File(path.to_owned()), text);
        }
        exists
    }

    /// Notes an entry of a store that cannot be used. `entry` must not quote its value.
    pub(super) fn skip(&mut self, place: &Place, entry: &str, reason: impl Display) {
        self.note(place, format!("skipped {entry}, which {reason}"));
    }

    /// Notes the entries of a store whose names are no provider's.
    pub(super) fn skip_others(&mut self, place: &Place, entries: &[String]) {
        if !entries.is_empty() {
            self.note(place, format!("skipped, not keys: {}", escape::first_of(entries)));
        }
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
            return self.skip(&credential.place, &entry, reason);
        }
        let token = token::recognise(value).filter(|token| !token.is_api_key());
        if let Some(token) = token.filter(|_| credential.kind == CredentialKind::ApiKey) {
            let reason = || format!("it is {}", token.description());
            credential.unusable.get_or_insert_with(reason);
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
                    return self.skip(
                        &credential.place,
                        "the access token",
                        "has an `exp` that is not a time",
                    );
                }
            }
        }
        self.add(credential);
    }
}

/// Why a value cannot be sent anywhere.
fn unsendable(value: &str) -> Option<&'static str> {
    if value.contains('\u{fffd}') {
        Some("is not valid UTF-8")
    } else if value.chars().any(escape::is_hostile) {
        Some("contains a line break or an unprintable character")
    } else if value.len() > MAX_VALUE {
        Some("is larger than 1 MiB")
    } else {
        None
    }
}
