//! Puts the messages of discovery together, for a command to print above what was found.

use std::path::Path;

use super::credential::{LocalCredential, State};
use super::note::{About, Flaw, Remark};
use super::report::Report;
use crate::formats::escape;
use crate::provider::CredentialKind;
use crate::ui::notices::Notices;

impl Report {
    /// The warnings and notices about what was found, of which `shown` is in the table: a line for each if
    /// `all`, or else at most three beside the warnings: what tools may use instead, what is not pushed,
    /// how much more there is.
    pub(crate) fn messages(&self, shown: &[&LocalCredential], home: Option<&Path>, all: bool) -> Notices {
        let mut notices = Notices::default();
        for problem in &self.problems {
            notices.warn(problem.shown(home));
        }
        let (warnings, notes): (Vec<_>, Vec<_>) = self.notes.iter().partition(|note| is_warning(note));
        for warning in warnings {
            notices.warn(warning.words(home));
        }
        let named = self
            .overrides
            .iter()
            .filter_map(|overrides| overrides.named(home));
        let unpushed = shown.iter().filter_map(|found| why_not_pushed(found, home));
        let (plain, notes): (Vec<_>, Vec<_>) = notes.into_iter().partition(|note| is_all_there_is(note));
        let plain = plain.iter().map(|note| note.words(home));
        let notes: Vec<_> = notes.iter().map(|note| note.words(home)).collect();
        let details: Vec<_> = self
            .overrides
            .iter()
            .flat_map(|overrides| overrides.details(home))
            .collect();
        if all {
            let unpushed = unpushed.map(|why| format!("not pushed: {why}"));
            let lines = named.chain(plain).chain(unpushed).chain(notes).chain(details);
            lines.for_each(|line| notices.notice(line));
            return notices;
        }
        let named: Vec<_> = named.collect();
        let unpushed: Vec<_> = unpushed.collect();
        let unpushed = (!unpushed.is_empty()).then(|| format!("not pushed: {}", escape::first_of(&unpushed)));
        let unpushed: Vec<_> = plain.chain(unpushed).collect();
        let more = match (notes.as_slice(), details.len()) {
            ([], 0) => String::new(),
            // One message is as short as its count.
            ([only], 0) => only.clone(),
            (notes, details) => format!("{} more: --all", notes.len() + details),
        };
        let lines = [named.join("; "), unpushed.join("; "), more];
        lines
            .into_iter()
            .filter(|line| !line.is_empty())
            .for_each(|line| notices.notice(line));
        notices
    }
}

/// A name that this program reads is a warning, because pushing it by mistake would hurt.
fn is_warning(note: &Remark) -> bool {
    matches!(note.about, About::Skipped(_, Flaw::OwnName))
}

/// Whether it is about what may be all that there is of a tool.
fn is_all_there_is(note: &Remark) -> bool {
    matches!(note.about, About::OpenCodeDatabase(true))
}

/// What it is and why it is not pushed, if it is shown but not pushed.
fn why_not_pushed(found: &LocalCredential, home: Option<&Path>) -> Option<String> {
    if found.pushed_as().is_some() || found.state == State::Outranked {
        return None;
    }
    let what = match (found.login_of(), found.kind) {
        (Some(provider), _) => format!("the {} login", provider.title),
        (None, CredentialKind::ApiKey) => format!("the key of {}", found.provider.as_str()),
        (None, CredentialKind::OAuth) => format!("the login of {}", found.provider.as_str()),
    };
    let why = match (&found.unusable, found.login_of().filter(|_| found.renewable)) {
        (Some(Flaw::Login(reason)), _) => reason.to_string(),
        (Some(reason), _) => format!("it {reason}"),
        (None, Some(provider)) if found.state == State::Expired => {
            format!(
                "expired; 'amika secret {} push --type oauth' pushes it",
                provider.id
            )
        }
        _ if found.state == State::Expired => "expired".to_owned(),
        _ => match &found.server {
            Some(server) => format!("it belongs to {}", escape::escape(server)),
            None => "only its own tool can use it".to_owned(),
        },
    };
    Some(format!("{what} in {} ({why})", found.place.shown(home)))
}
