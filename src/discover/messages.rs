//! The messages about what discovery found, for a command to print above the table.

use std::path::Path;

use super::credential::{LocalCredential, Place, State};
use super::report::{Remark, RemarkLevel, Report};
use crate::formats::{escape, words};
use crate::provider::{CredentialKind, Provider};
use crate::ui::notices::Notices;

/// Maximum length of an entry's name in a message, in characters; longer ones may be keys.
const MAX_SHOWN: usize = 64;

impl Report {
    /// The warnings and notices about what was found. With `all`, each notice has a line of its own; otherwise
    /// there are at most three: what tools may use instead, what is not pushed, and how many more there are.
    /// `shown` are the credentials in the table.
    pub(crate) fn messages(&self, shown: &[LocalCredential], home: Option<&Path>, all: bool) -> Notices {
        let mut notices = Notices::default();
        for problem in &self.problems {
            notices.warn(problem.shown(home));
        }
        let (mut main, mut more) = (Vec::new(), Vec::new());
        for Remark { place, text, level } in &self.notes {
            let text = format!("{}: {text}", place.shown(home));
            match level {
                RemarkLevel::Warning => notices.warn(text),
                RemarkLevel::Main => main.push(text),
                RemarkLevel::Detail => more.push(text),
            }
        }
        let overrides = &self.overrides;
        let named = overrides.iter().filter_map(|of| {
            let text = format!("{} may use something else", of.tool);
            listed(&text, &of.named, home)
        });
        let unknown = overrides.iter().filter_map(|of| {
            let text = format!("it is not known whether these change the sign-in of {}", of.tool);
            listed(&text, &of.unknown, home)
        });
        let (named, unknown): (Vec<_>, Vec<_>) = (named.collect(), unknown.collect());
        let unpushed = shown.iter().filter_map(|found| why_not_pushed(found, home));
        let unpushed: Vec<_> = unpushed.collect();
        let lines = if all {
            let unpushed = unpushed.iter().map(|why| format!("not pushed: {why}"));
            [named, main, unpushed.collect(), more, unknown].concat()
        } else {
            if !unpushed.is_empty() {
                main.push(format!("not pushed: {}", escape::first_of(&unpushed)));
            }
            // A single notice is as short as a line that counts it.
            if more.len() > 1 || !unknown.is_empty() {
                more = vec![format!("{} more: --all", more.len() + unknown.len())];
            }
            vec![named.join("; "), main.join("; "), more.concat()]
        };
        for line in lines.into_iter().filter(|line| !line.is_empty()) {
            notices.notice(line);
        }
        notices
    }
}

/// A notice that lists places; `None` without any.
fn listed(text: &str, places: &[Place], home: Option<&Path>) -> Option<String> {
    let shown: Vec<_> = places.iter().map(|place| place.shown(home)).collect();
    (!shown.is_empty()).then(|| format!("{text}: {}", escape::first_of(&shown)))
}

/// The credential and the reason why it is not pushed; `None` if it is pushed, or if another one is instead.
fn why_not_pushed(found: &LocalCredential, home: Option<&Path>) -> Option<String> {
    let why = match &found.state {
        State::Outranked(_) => return None,
        State::Unusable(reason) => reason.clone(),
        State::Expired => match found.login_of().filter(|_| found.renewable) {
            Some(Provider { id, .. }) => format!("expired; `amika secret {id} push --type oauth` pushes it"),
            None => "expired".to_owned(),
        },
        State::Chosen if found.pushed_as().is_some() => return None,
        State::Chosen => match &found.server {
            Some(server) => format!("it belongs to {}", escape::escape(server)),
            None => "only its own tool can use it".to_owned(),
        },
    };
    let (provider, place) = (found.provider.as_str(), found.place.shown(home));
    let noun = match found.kind {
        CredentialKind::ApiKey => "key",
        CredentialKind::OAuth => "login",
    };
    Some(format!("the {noun} of {provider} in {place} ({why})"))
}

/// A text from a file in quotes, or `(not shown)` if it may be a secret.
pub(super) fn quoted(text: &str) -> String {
    if may_be_secret(text) {
        "(not shown)".to_owned()
    } else {
        format!("\"{}\"", escape::escape(text))
    }
}

/// The name of an entry in quotes, or its position if the name may be a secret.
pub(super) fn entry(name: &str, index: usize) -> String {
    if may_be_secret(name) || name.is_empty() {
        format!("entry {}", index + 1)
    } else {
        format!("the entry {}", quoted(name))
    }
}

/// Whether a name in a file may be a secret in the wrong place. The address of a server without user
/// information is not.
fn may_be_secret(name: &str) -> bool {
    let is_address = name.contains("://") && !name.contains('@');
    name.chars().count() > MAX_SHOWN
        || words::key_prefixes().any(|prefix| name.starts_with(prefix))
        || !is_address && words::may_be_secret(name)
}
