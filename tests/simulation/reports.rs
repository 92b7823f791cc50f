//! Compares the program's reports with the vault's log.

use serde_json::Value;

use crate::events::Event;
use crate::invariants::{Violation, doomed};
use crate::process::Ran;
use crate::vault::{Author, Change, Done, Vault};
use crate::world::{CLAUDE_LOGIN, Command, Credential, Entry, World};

/// The report for one secret.
struct Row {
    name: String,
    status: String,
    id: Option<String>,
}

pub(crate) fn error_code(world: &World, code: i32, ran: &Ran, broken: &mut Vec<Violation>) {
    let name = match code {
        1 if is_full(world) => return,
        1 if matches!(world.command, Command::Check(_)) && !ran.stdout.is_empty() => "missing",
        1 => "refused",
        2 => "usage",
        3 => "credential",
        4 => "input",
        5 => "partial",
        6 => "unreachable",
        7 => "contract",
        8 => "state",
        130 => "interrupted",
        143 => "terminated",
        _ => "?",
    };
    let lines = ran
        .stderr
        .lines()
        .filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let said = lines
        .filter_map(|line| line["error"]["code"].as_str().map(str::to_owned))
        .next_back();
    if said.as_deref() != Some(name) {
        broken.push((
            "I4 exit code",
            format!("exit {code}, but stderr has {said:?}: {}", ran.stderr),
        ));
    }
}

pub(crate) fn batch(world: &World, vault: &Vault, ran: &Ran, code: i32, broken: &mut Vec<Violation>) {
    let Some(rows) = rows(world, ran, broken) else {
        return;
    };
    let wanted = world.wanted();
    for row in &rows {
        let value = wanted
            .iter()
            .find(|(name, _)| *name == row.name)
            .map(|(_, value)| value);
        let (family, scope) = world.place(&row.name);
        let is_login = row.name == CLAUDE_LOGIN;
        let about = |done: &&Done| {
            let is_named = is_login || done.entry.name == row.name;
            is_named && done.entry.scope == scope && done.entry.family == family
        };
        let ours = vault
            .log
            .iter()
            .filter(about)
            .filter(|done| done.by == Author::Us);
        match row.status.as_str() {
            "created" | "updated" => {
                let written = ours.clone().any(|done| {
                    Some(&done.entry.value) == value && row.id.as_ref().is_none_or(|id| *id == done.entry.id)
                });
                let last = vault.log.iter().rfind(about);
                let stands = last.is_some_and(|done| {
                    done.by == Author::Other
                        || (Some(&done.entry.value) == value && done.change != Change::Deleted)
                });
                if !written || !stands {
                    broken.push((
                        "I1 as reported",
                        format!("{} is reported as {}, which is wrong", row.name, row.status),
                    ));
                }
            }
            "failed" | "not attempted" => {
                if let Some(done) = ours.clone().next() {
                    broken.push((
                        "I2 unchanged",
                        format!("{} {}, but {done:?}", row.name, row.status),
                    ));
                }
            }
            "unchanged" => {
                let is_named = |entry: &Entry| entry.family == family && (is_login || entry.name == row.name);
                let existed = vault.versions.iter().flatten().any(is_named);
                let is_kept = world.if_missing || is_login;
                let is_personal = is_login && world.scope == "org";
                // The program believes a server that says that the name is taken.
                let was_told = world.events.iter().any(Event::says_taken);
                if !is_kept || !(existed || is_personal || was_told) || ours.clone().next().is_some() {
                    broken.push(("I1 as reported", format!("{} is not unchanged", row.name)));
                }
            }
            "unknown" if world.events.is_empty() && world.twin.is_none() => broken.push((
                "I1 as reported",
                format!("{} unknown in a world without events", row.name),
            )),
            _ => {}
        }
    }
    let has_lag = world
        .events
        .iter()
        .any(|event| matches!(event, Event::Lag { .. }));
    for (at, done) in vault.log.iter().enumerate() {
        let is_login = done.entry.family == "claude" && done.by == Author::Us;
        let was_there = |entry: &Entry| {
            entry.family == "claude" && entry.scope == done.entry.scope && entry.kind == "oauth"
        };
        // The version before this change.
        let is_second = vault.versions[at].iter().any(was_there) && !has_lag;
        if is_login && (done.change != Change::Created || done.entry.scope != "user" || is_second) {
            broken.push(("I9 never overwritten", format!("{done:?}")));
        }
    }
    let overwritten = |done: &&Done| done.by == Author::Us && done.change == Change::Updated;
    if let Some(done) = vault.log.iter().find(overwritten).filter(|_| world.if_missing) {
        broken.push(("I9 never overwritten", format!("{done:?}")));
    }
    let count = |status: &str| rows.iter().filter(|row| row.status == status).count();
    let stored = count("created") + count("updated");
    let missing = rows.len() - stored - count("unchanged");
    let fits = match (missing, stored + count("unknown")) {
        _ if matches!(code, 130 | 143) => vault.signalled,
        (0, _) => code == 0,
        (_, 0) => matches!(code, 1 | 3 | 6 | 7 | 8),
        _ => code == 5,
    };
    if !fits {
        broken.push((
            "I4 exit code",
            format!("exit {code} with {stored} of {} stored", rows.len()),
        ));
    }
}

/// Parses the report from the JSON or the table; `None` if there is none.
fn rows(world: &World, ran: &Ran, broken: &mut Vec<Violation>) -> Option<Vec<Row>> {
    if world.json {
        let report: Value = serde_json::from_str(&ran.stdout).ok()?;
        let rows: Vec<Row> = report["results"]
            .as_array()?
            .iter()
            .map(|row| Row {
                name: row["name"].as_str().unwrap_or_default().to_owned(),
                status: row["status"].as_str().unwrap_or_default().to_owned(),
                id: row["id"].as_str().map(str::to_owned),
            })
            .collect();
        for (field, status) in [
            ("created", "created"),
            ("updated", "updated"),
            ("failed", "failed"),
            ("unknown", "unknown"),
            ("not_attempted", "not attempted"),
        ] {
            let counted = rows.iter().filter(|row| row.status == status).count();
            if report[field].as_u64().is_some_and(|said| said != counted as u64) {
                broken.push((
                    "I4 exit code",
                    format!("{field} is {}, but there are {counted}", report[field]),
                ));
            }
        }
        return Some(rows);
    }
    let names = world.wanted();
    let rows = ran.stdout.lines().filter_map(|line| {
        let names = world.wanted().into_iter();
        let mut found =
            names.filter_map(|(name, _)| Some((line.trim().strip_prefix(&name)?.to_owned(), name)));
        let (rest, name) = found.find(|(rest, _)| rest.starts_with(' '))?;
        let statuses = [
            "created",
            "updated",
            "unchanged",
            "already there",
            "not pushed",
            "failed",
            "unknown",
            "not attempted",
        ];
        let status = statuses
            .into_iter()
            .find(|status| rest.trim().starts_with(status))?;
        let status = match status {
            "already there" | "not pushed" => "unchanged",
            status => status,
        };
        Some(Row {
            name,
            status: status.to_owned(),
            id: None,
        })
    });
    let rows: Vec<Row> = rows.collect();
    (rows.len() == names.len()).then_some(rows)
}

pub(crate) fn stored(
    world: &World,
    credential: &Credential,
    vault: &Vault,
    ran: &Ran,
    code: i32,
    broken: &mut Vec<Violation>,
) {
    let Credential {
        provider,
        name,
        value,
        ..
    } = credential;
    let deleted = |done: &&Done| done.by == Author::Us && done.change == Change::Deleted;
    for done in vault.log.iter().filter(deleted) {
        let may_be_replaced = matches!(world.command, Command::Replace(_))
            && done.entry.family == *provider
            && done.entry.scope == world.scope
            && (world.scope == "org" || done.entry.name == *name);
        if !may_be_replaced {
            broken.push((
                "I5 never lost",
                format!("deleted something else: {:?}", done.entry),
            ));
        }
    }
    let says_so = [
        "Created",
        "Updated",
        "\"status\":\"created\"",
        "\"status\":\"updated\"",
    ];
    // A result that cannot be written to standard output is repeated on standard error.
    let said = format!("{}{}", ran.stdout, if is_full(world) { &ran.stderr } else { "" });
    let says_so = says_so.iter().any(|words| said.contains(words));
    if code == 0 && !says_so {
        broken.push(("I4 exit code", format!("exit 0 without a report: {}", ran.stdout)));
    }
    if !says_so {
        return;
    }
    // Another writer may have stored the same value.
    let created = vault.log.iter().rposition(|done| {
        done.change == Change::Created && done.entry.value == *value && said.contains(&done.entry.id)
    });
    let was_there = world
        .stored
        .iter()
        .any(|entry| entry.value == *value && said.contains(&entry.id));
    let stands = created.is_some_and(|at| {
        let id = &vault.log[at].entry.id;
        !vault.log[at..]
            .iter()
            .any(|later| later.change == Change::Deleted && later.entry.id == *id && later.by == Author::Us)
    });
    if !stands && !was_there {
        broken.push(("I1 as reported", format!("wrongly reported as stored: {said}")));
    }
}

fn is_full(world: &World) -> bool {
    world
        .events
        .iter()
        .any(|event| matches!(event, Event::FullOutput))
}

/// Checks that a list shows exactly the contents of the vault at some time.
pub(crate) fn listed(world: &World, vault: &Vault, ran: &Ran, code: i32, broken: &mut Vec<Violation>) {
    if code != 0 {
        return;
    }
    let family = world.family();
    let shows = |version: &Vec<Entry>| {
        let entries: Vec<_> = version.iter().filter(|entry| entry.family == family).collect();
        if !world.json {
            let names = entries.iter().all(|entry| ran.stdout.contains(&entry.id));
            return names
                && ran.stdout.matches("old_").count() + ran.stdout.matches("new_").count() == entries.len();
        }
        let list: Value = serde_json::from_str(&ran.stdout).unwrap_or_default();
        let list = list.as_array().cloned().unwrap_or_default();
        let same = |entry: &&&Entry| {
            list.iter().any(|row| {
                row["id"] == entry.id.as_str()
                    && row["name"] == entry.name.as_str()
                    && row["scope"] == entry.scope
            })
        };
        list.len() == entries.len() && entries.iter().filter(same).count() == entries.len()
    };
    if !vault.versions.iter().any(shows) {
        broken.push(("I1 as reported", format!("never held: {}", ran.stdout)));
    }
}

/// Checks that the program found present exactly what the vault had at some time, and wrote nothing.
pub(crate) fn checked(
    world: &World,
    names: &[String],
    vault: &Vault,
    ran: &Ran,
    code: i32,
    broken: &mut Vec<Violation>,
) {
    if let Some(done) = vault.log.iter().find(|done| done.by == Author::Us) {
        broken.push(("I2 unchanged", format!("a check wrote {done:?}")));
    }
    // Without a table, the list was refused.
    if !matches!(code, 0 | 1) || ran.stdout.is_empty() {
        return;
    }
    let said: Vec<bool> = if world.json {
        let report: Value = serde_json::from_str(&ran.stdout).unwrap_or_default();
        let rows = report.as_array().cloned().unwrap_or_default();
        rows.iter().map(|row| row["status"] == "present").collect()
    } else {
        let rows = ran.stdout.lines().filter(|line| line.starts_with("VAR_"));
        rows.map(|row| row.ends_with("present")).collect()
    };
    let holds = |version: &Vec<Entry>| {
        let has = |name: &String| {
            let mut generic = version.iter().filter(|entry| entry.family == "generic");
            generic.any(|entry| entry.name == *name)
        };
        names.iter().map(has).collect::<Vec<_>>() == said
    };
    if !vault.versions.iter().any(holds) {
        broken.push(("I1 as reported", format!("never held: {}", ran.stdout)));
    }
    if (code == 0) != said.iter().all(|is_present| *is_present) {
        broken.push(("I4 exit code", format!("exit {code}: {}", ran.stdout)));
    }
}

pub(crate) fn deleted(world: &World, vault: &Vault, ran: &Ran, code: i32, broken: &mut Vec<Violation>) {
    let said: Vec<String> = if world.json {
        let report: Value = serde_json::from_str(&ran.stdout).unwrap_or_default();
        let rows = report.as_array().cloned().unwrap_or_default();
        rows.iter()
            .filter(|row| row["status"] == "deleted" || row["status"] == "already deleted")
            .filter_map(|row| row["name"].as_str().map(str::to_owned))
            .collect()
    } else {
        let lines = ran
            .stdout
            .lines()
            .filter_map(|line| line.strip_prefix("Deleted "));
        let already = ran
            .stdout
            .lines()
            .filter_map(|line| line.strip_suffix(": already deleted"));
        lines
            .map(|rest| rest.trim_start_matches("credential "))
            .chain(already)
            .map(str::to_owned)
            .collect()
    };
    for entry in doomed(world) {
        let label = if matches!(world.command, Command::Delete(_)) {
            &entry.name
        } else {
            &entry.id
        };
        let label = if said.contains(&entry.name) {
            &entry.name
        } else {
            label
        };
        let there = vault.entries.iter().any(|held| held.id == entry.id);
        if there && (code == 0 || said.contains(label)) {
            broken.push(("I1 as reported", format!("{label} was not deleted")));
        }
    }
    for done in vault.log.iter().filter(|done| done.by == Author::Us) {
        let named = match &world.command {
            Command::Delete(names) => names.contains(&done.entry.name) && done.entry.scope == world.scope,
            Command::DeleteCredentials { ids, .. } => ids.contains(&done.entry.id),
            Command::DeleteNamed { name, .. } => done.entry.name == *name && done.entry.scope == world.scope,
            _ => true,
        };
        if !named {
            broken.push((
                "I2 unchanged",
                format!("deleted something else: {:?}", done.entry),
            ));
        }
    }
}
