//! Puts the messages of discovery together, for a command to print above what was found.

use std::path::Path;

use super::credential::{LocalCredential, State};
use super::note::{Note, Reason, gap};
use super::report::Report;
use crate::formats::escape;
use crate::provider::CredentialKind;
use crate::ui::notices::Notices;

/// How much to say.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Detail {
    /// At most three lines: what tools may use instead, what is not pushed, how much more there is.
    Summary,
    /// A line for each.
    All,
}

impl Report {
    /// The warnings and notices to print above what was found. `shown` are the credentials in the table.
    pub(crate) fn messages(
        &self,
        shown: &[&LocalCredential],
        home: Option<&Path>,
        detail: Detail,
    ) -> Notices {
        let mut notices = Notices::default();
        for problem in &self.problems {
            notices.warn(problem.shown(home));
        }
        for warning in self.notes.iter().filter(|note| note.is_warning()) {
            notices.warn(warning.words(home));
        }
        let notes = self.notes.iter().filter(|note| !note.is_warning());
        let (overrides, others): (Vec<_>, Vec<_>) =
            notes.partition(|note| matches!(note, Note::MayUse { .. }));
        let overrides = overrides.iter().map(|note| note.words(home));
        let unpushed = shown
            .iter()
            .filter_map(|credential| why_not_pushed(credential, home));
        let (plain, others): (Vec<_>, Vec<_>) = others.into_iter().partition(|note| note.is_unpushed());
        let plain = plain.iter().map(|note| note.words(home));
        let unpushed = plain.chain(unpushed.map(|why| format!("not pushed: {why}")));
        match detail {
            Detail::All => {
                let others = others.iter().map(|note| note.words(home));
                overrides
                    .chain(unpushed)
                    .chain(others)
                    .for_each(|line| notices.notice(line));
            }
            Detail::Summary => {
                let overrides: Vec<_> = overrides.collect();
                if !overrides.is_empty() {
                    notices.notice(overrides.join("; "));
                }
                let unpushed: Vec<_> = unpushed.collect();
                if !unpushed.is_empty() {
                    notices.notice(escape::first_of(&unpushed));
                }
                match others.as_slice() {
                    [] => {}
                    // One message is as short as its count.
                    [only] if !only.is_detail() => notices.notice(only.words(home)),
                    others => notices.notice(format!("{} more: --all", others.len())),
                }
            }
        }
        notices
    }
}

/// What it is and why it is not pushed, if it is shown but not pushed.
fn why_not_pushed(credential: &LocalCredential, home: Option<&Path>) -> Option<String> {
    if credential.pushed_as().is_some() || credential.state == State::Outranked {
        return None;
    }
    let own = credential.login_of();
    let what = match own {
        Some(provider) => format!("the {} login", provider.title),
        None => format!(
            "the {} of {}",
            noun(credential.kind),
            credential.provider.as_str()
        ),
    };
    let why = match (&credential.unusable, &credential.server) {
        (Some(reason @ Reason::Login(_)), _) => reason.to_string(),
        (Some(reason), _) => format!("it{}{reason}", gap(reason)),
        (None, _) if credential.state == State::Expired => match own.filter(|_| credential.renewable) {
            Some(provider) => format!(
                "expired; 'amika secret {} push --type oauth' pushes it",
                provider.id
            ),
            None => "expired".to_owned(),
        },
        (None, Some(server)) => format!("it belongs to {}", escape::escape(server)),
        (None, None) => "only its own tool can use it".to_owned(),
    };
    Some(format!("{what} in {} ({why})", credential.place.shown(home)))
}

fn noun(kind: CredentialKind) -> &'static str {
    match kind {
        CredentialKind::ApiKey => "key",
        CredentialKind::OAuth => "login",
    }
}
