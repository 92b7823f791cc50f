//! Formats the discovered credentials as a table, JSON or shell lines.

use std::path::Path;

use serde_json::{Value, json};
use zeroize::Zeroizing;

use crate::discover::types::{Discovery, LocalCredential, State};
use crate::formats::shell::Shell;
use crate::secret::SecretName;
use crate::ui::notices::Notices;
use crate::ui::printer::Printer;
use crate::ui::table::{Cell, Text, table};

/// A credential under one of its secret names.
pub(crate) struct Row<'a> {
    pub(crate) name: SecretName,
    pub(crate) found: &'a LocalCredential,
}

/// Prints the problems and notices of a discovery, with `~` for `home`.
pub(crate) fn print_problems(discovery: &Discovery, home: Option<&Path>, printer: Printer) {
    for problem in &discovery.problems {
        printer.warning(&problem.shown(home));
    }
    printer.notices(&discovery.notices);
}

/// Formats the table; `with_state` adds a column with the state of each credential.
pub(crate) fn as_table(rows: &[Row<'_>], with_state: bool, at_terminal: bool, home: Option<&Path>) -> Text {
    let mut header = vec!["SECRET", "VALUE", "TYPE", "SOURCE", "EXPIRES"];
    if with_state {
        header.push("STATE");
    }
    let cells = rows.iter().map(|Row { name, found }| {
        let mut cells = vec![
            name.to_string().into(),
            found.value.masked(at_terminal).into(),
            found.kind.to_string().into(),
            found.place.shown(home).into(),
            expires(found),
        ];
        if with_state {
            cells.push(match (&found.overridden_by, found.state) {
                (Some(place), State::Chosen | State::Outranked) => {
                    format!("overridden by {}", place.shown(home)).into()
                }
                (_, State::Chosen) => Cell::from("chosen").good(),
                (_, state) => Cell::from(state_name(state)).attention(),
            });
        }
        cells
    });
    table(&header, cells)
}

fn expires(found: &LocalCredential) -> Cell {
    match (found.expires_at, found.state) {
        (None, _) => "-".into(),
        (Some(at), State::Expired) => Cell::time(format!("expired {at:.0}")).attention(),
        (Some(at), _) => Cell::time(format!("{at:.0}")),
    }
}

pub(crate) fn as_json(rows: &[Row<'_>], at_terminal: bool) -> Value {
    let rows = rows.iter().map(|Row { name, found }| {
        json!({
            "name": name.as_str(),
            "provider": found.provider.as_str(),
            "type": found.kind.as_str(),
            "source": found.source.id,
            "origin": found.place.shown(None),
            "expires_at": found.expires_at.map(|at| at.to_string()),
            "state": state_name(found.state),
            "masked": found.value.masked(at_terminal),
            "in_use": found.in_use,
            "overridden_by": found.overridden_by.as_ref().map(|place| place.shown(None)),
        })
    });
    rows.collect()
}

fn state_name(state: State) -> &'static str {
    match state {
        State::Chosen => "chosen",
        State::Outranked => "outranked",
        State::Expired => "expired",
    }
}

/// Formats an `export` line for each chosen credential. Adds a warning to `notices` for a name that is
/// not valid for a shell variable.
pub(crate) fn exports(rows: &[Row<'_>], notices: &mut Notices) -> Zeroizing<String> {
    let mut lines = Zeroizing::new(String::new());
    for Row { name, found } in rows.iter().filter(|row| row.found.state == State::Chosen) {
        if !SecretName::is_environment(name.as_str()) {
            notices.warn(format!("{name} is not a valid shell variable and was skipped"));
            continue;
        }
        let value = Shell::Posix.quoted(found.value.expose_secret());
        for part in ["export ", name.as_str(), "=", &value, "\n"] {
            lines.push_str(part);
        }
    }
    lines
}
