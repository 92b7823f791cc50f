//! The words of discovery: puts them together for a command to print above what was found.

use std::path::Path;

use super::credential::{LocalCredential, OWN_NAME, Place, State};
use super::report::{Overrides, Remark, Report};
use crate::formats::{escape, words};
use crate::provider::CredentialKind;
use crate::ui::notices::Notices;

/// Maximum length of an entry's name in a message, in characters; longer ones may be keys.
const MAX_SHOWN: usize = 64;

impl Report {
    /// The warnings and notices about what was found, of which `shown` is in the table: a line for each if
    /// `all`, or else at most three beside the warnings: what tools may use instead, what is not pushed,
    /// how much more there is.
    pub(crate) fn messages(&self, shown: &[&LocalCredential], home: Option<&Path>, all: bool) -> Notices {
        let mut notices = Notices::default();
        for problem in &self.problems {
            notices.warn(problem.shown(home));
        }
        let (mut not_read, mut more) = (Vec::new(), Vec::new());
        for Remark { place, text, is_all } in &self.notes {
            let text = format!("{}: {text}", place.shown(home));
            if text.ends_with(OWN_NAME) {
                // Pushing it by mistake would hurt.
                notices.warn(text);
            } else if *is_all {
                not_read.push(text);
            } else {
                more.push(text);
            }
        }
        let overrides = self.overrides.iter();
        let named: Vec<_> = overrides.clone().filter_map(|tool| tool.named(home)).collect();
        let details: Vec<_> = overrides.flat_map(|tool| tool.details(home)).collect();
        let unpushed = shown.iter().filter_map(|found| why_not_pushed(found, home));
        let unpushed: Vec<_> = unpushed.collect();
        let lines = if all {
            let unpushed = unpushed.iter().map(|why| format!("not pushed: {why}"));
            [named, not_read, unpushed.collect(), more, details].concat()
        } else {
            if !unpushed.is_empty() {
                not_read.push(format!("not pushed: {}", escape::first_of(&unpushed)));
            }
            // One message is as short as its count.
            if more.len() > 1 || !details.is_empty() {
                more = vec![format!("{} more: --all", more.len() + details.len())];
            }
            vec![named.join("; "), not_read.join("; "), more.concat()]
        };
        for line in lines.into_iter().filter(|line| !line.is_empty()) {
            notices.notice(line);
        }
        notices
    }
}

impl Overrides {
    /// The notice about what is named, with `~` for `home`.
    pub(super) fn named(&self, home: Option<&Path>) -> Option<String> {
        let named = list(&self.named, home);
        (!self.named.is_empty()).then(|| format!("{} may use something else: {named}", self.tool))
    }

    /// The notices about the rest.
    pub(super) fn details(&self, home: Option<&Path>) -> Vec<String> {
        let (tool, mut lines) = (self.tool, Vec::new());
        if !self.unknown.is_empty() {
            let unknown = list(&self.unknown, home);
            lines.push(format!(
                "it is not known whether these change the sign-in of {tool}: {unknown}"
            ));
        }
        if !self.project.is_empty() {
            let project = list(&self.project, home);
            lines.push(format!(
                "{tool} also reads settings of this project, which amika does not open: {project}"
            ));
        }
        lines
    }
}

fn list(places: &[Place], home: Option<&Path>) -> String {
    escape::first_of(&places.iter().map(|place| place.shown(home)).collect::<Vec<_>>())
}

/// What it is and why it is not pushed, if it is shown but not pushed.
fn why_not_pushed(found: &LocalCredential, home: Option<&Path>) -> Option<String> {
    if found.pushed_as().is_some() || found.state == State::Outranked {
        return None;
    }
    let login_of = found.login_of();
    let what = match (login_of, found.kind) {
        (Some(provider), _) => format!("the {} login", provider.title),
        (None, CredentialKind::ApiKey) => format!("the key of {}", found.provider.as_str()),
        (None, CredentialKind::OAuth) => format!("the login of {}", found.provider.as_str()),
    };
    let why = match (
        &found.unusable,
        login_of.filter(|_| found.renewable),
        &found.server,
    ) {
        (Some(reason), ..) => reason.clone(),
        (None, Some(provider), _) if found.state == State::Expired => {
            let id = provider.id;
            format!("expired; `amika secret {id} push --type oauth` pushes it")
        }
        _ if found.state == State::Expired => "expired".to_owned(),
        (.., Some(server)) => format!("it belongs to {}", escape::escape(server)),
        _ => "only its own tool can use it".to_owned(),
    };
    Some(format!("{what} in {} ({why})", found.place.shown(home)))
}

/// A text of a file in quotes, or a word in its place if it may be a secret.
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

/// Whether a name in a file may be a secret in the wrong place. The address of a server is none, without
/// user information.
fn may_be_secret(name: &str) -> bool {
    let is_address = name.contains("://") && !name.contains('@');
    name.chars().count() > MAX_SHOWN
        || words::key_prefixes().any(|prefix| name.starts_with(prefix))
        || !is_address && words::may_be_secret(name)
}
