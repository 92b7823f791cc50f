//! Formats what `amika secret extract` found: as a table, as JSON, as lines for a shell.

use std::path::Path;

use serde_json::{Value, json};
use zeroize::Zeroizing;

use crate::discover::{LocalCredential, PushedAs, State};
use crate::formats::shell::Shell;
use crate::provider::CredentialKind;
use crate::secret::SecretName;
use crate::ui::table::{Cell, Text, table};

/// A credential under one of its names.
pub(super) struct ExtractedRow<'a> {
    pub(super) name: String,
    pub(super) found: &'a LocalCredential,
}

/// Formats the table, with `~` for `home`; `with_state` adds a column with the state.
pub(super) fn as_table(
    rows: &[ExtractedRow<'_>],
    with_state: bool,
    at_terminal: bool,
    home: Option<&Path>,
) -> Text {
    let mut header = vec!["SECRET", "VALUE", "TYPE", "SOURCE", "EXPIRES"];
    if with_state {
        header.push("STATE");
    }
    let cells = rows.iter().map(|ExtractedRow { name, found }| {
        let kind = match found.kind {
            CredentialKind::ApiKey => "api key",
            CredentialKind::OAuth => "login",
        };
        let masked = found.value.masked(at_terminal);
        let mut cells = vec![
            name.clone().into(),
            masked.into(),
            kind.into(),
            found.shown_place(home).into(),
            expires(found),
        ];
        if with_state {
            cells.push(match &found.state {
                State::Outranked(place) => format!("overridden by {}", place.shown(home)).into(),
                State::Chosen => Cell::from("chosen").good(),
                state => Cell::from(state.as_str()).attention(),
            });
        }
        cells
    });
    table(&header, cells)
}

fn expires(found: &LocalCredential) -> Cell {
    let Some(at) = found.expires_at else {
        return "-".into();
    };
    if found.state != State::Expired {
        return Cell::time(format!("{at:.0}"));
    }
    match found.login_of().filter(|_| found.renewable) {
        Some(provider) => Cell::from(format!("expired: {} push --type oauth", provider.id)).attention(),
        None => Cell::time(format!("expired {at:.0}")).attention(),
    }
}

pub(super) fn as_json(rows: &[ExtractedRow<'_>], at_terminal: bool) -> Value {
    let rows = rows.iter().map(|ExtractedRow { name, found }| {
        let instead = match &found.state {
            State::Outranked(place) => Some(place),
            _ => found.overridden_by.as_ref(),
        };
        json!({
            "name": name,
            "provider": found.provider.as_str(),
            "type": found.kind.as_str(),
            "source": found.source.id,
            "origin": found.place.shown(None),
            "expires_at": found.expires_at.map(|at| at.to_string()),
            "state": found.state.as_str(),
            "pushed_as": found.pushed_as().map(|form| match form {
                PushedAs::Secret => "secret",
                PushedAs::Login(provider) => provider.id,
            }),
            "server": found.server,
            "masked": found.value.masked(at_terminal),
            "in_use": found.in_use.then_some(true),
            "overridden_by": instead.map(|place| place.shown(None)),
        })
    });
    rows.collect()
}

/// A line for each key that would be pushed, and the names that are left out: of logins, and those that
/// no variable can have.
pub(super) fn exports<'r>(rows: &'r [ExtractedRow<'_>], shell: Shell) -> (Zeroizing<String>, Vec<&'r str>) {
    let mut lines = Zeroizing::new(String::new());
    let mut left_out = Vec::new();
    for ExtractedRow { name, found } in rows {
        let value = found.value.expose_secret();
        match found.pushed_as() {
            Some(PushedAs::Secret) if SecretName::is_environment(name) => {
                let (before, between) = match shell {
                    Shell::Posix => ("export ", "="),
                    Shell::PowerShell => ("$env:", " = "),
                };
                lines.extend([before, name, between, &shell.quoted(value), "\n"]);
            }
            _ => left_out.push(name.as_str()),
        }
    }
    (lines, left_out)
}
