//! What must hold in every world, checked against what the vault did, not against what was said.

use std::path::Path;

use serde_json::Value;

use crate::process::{LONGEST_RUN, Ran};
use crate::reports;
use crate::spellings;
use crate::vault::{API_KEY, By, Change, Done, Vault};
use crate::world::{Command, Entry, Event, Reply, Request, World};

/// From a signal to the end, except while an old credential is being put back.
const LONGEST_AFTER_SIGNAL: std::time::Duration = std::time::Duration::from_secs(5);

/// A broken invariant: its number, and what was seen.
pub(crate) type Violation = (&'static str, String);

/// Checks the run that went through everything that could go wrong.
pub(crate) fn check(world: &World, vault: &Vault, ran: &Ran, home: &Path) -> Vec<Violation> {
    let mut broken = Vec::new();
    if ran.overdue {
        broken.push(("I8 bounded", format!("still running after {LONGEST_RUN:?}")));
        return broken;
    }
    leaks(world, ran, &mut broken);
    nothing_lost(world, vault, home, &mut broken);
    duplicates(vault, &mut broken);
    let Some(code) = ran.code else {
        if !world
            .events
            .iter()
            .any(|event| matches!(event, Event::Signal { .. }))
        {
            broken.push(("I8 bounded", "a signal ended it that nobody sent".to_owned()));
        }
        return broken;
    };
    if let Some(time) = ran.after_signal
        && !matches!(world.command, Command::Replace { .. })
        && time > LONGEST_AFTER_SIGNAL
    {
        broken.push(("I8 bounded", format!("ended {time:?} after the signal")));
    }
    if matches!(code, 130 | 143) && !vault.signalled {
        broken.push(("I4 exit code", format!("{code} without a signal")));
    }
    let ours: Vec<&Done> = vault.log.iter().filter(|done| done.by == By::Us).collect();
    // These codes, and these words, say that nothing was changed.
    let denied = matches!(code, 1 | 2 | 3 | 4 | 6 | 8)
        || [
            "nothing was changed",
            "is untouched",
            "was not changed",
            "nothing was deleted",
        ]
        .iter()
        .any(|words| ran.stderr.contains(words));
    if denied && !ours.is_empty() {
        broken.push(("I2 unchanged", format!("exit {code}, and yet {ours:?}")));
    }
    if world.events.is_empty() && code != 0 && !refused(world) {
        broken.push(("I7 converges", format!("exit {code} in a healthy world")));
    }
    if world.json && code != 0 {
        reports::error_code(code, ran, &mut broken);
    }
    match &world.command {
        Command::Push(_) | Command::Extract(_) => reports::batch(world, vault, ran, code, &mut broken),
        Command::Replace { .. } => reports::replaced(world, vault, ran, code, &mut broken),
        Command::Delete(_) | Command::DeleteCredentials { .. } => {
            reports::deleted(world, vault, ran, code, &mut broken);
        }
    }
    broken
}

/// Checks the same command again, with nothing wrong any more.
pub(crate) fn check_again(world: &World, vault: &Vault, ran: &Ran) -> Vec<Violation> {
    let mut broken = Vec::new();
    leaks(world, ran, &mut broken);
    let missing = world.wanted().into_iter().find(|(name, value)| {
        let same = |entry: &&Entry| {
            entry.family == world.family() && entry.scope == world.scope && entry.name == *name
        };
        !vault
            .entries
            .iter()
            .filter(same)
            .any(|entry| entry.value == *value)
    });
    let left = doomed(world)
        .into_iter()
        .find(|gone| vault.entries.iter().any(|entry| entry.id == gone.id));
    if !refused(world) && (ran.code != Some(0) || missing.is_some() || left.is_some()) {
        broken.push((
            "I7 converges",
            format!(
                "again: exit {:?}, missing {missing:?}, left {left:?}\n{}\n{}",
                ran.code, ran.stdout, ran.stderr
            ),
        ));
    }
    duplicates(vault, &mut broken);
    broken
}

/// The program is right to refuse: replacing what cannot be fetched again needs `--yes`.
fn refused(world: &World) -> bool {
    // A name that exists only in the other scope is a conflict.
    let conflict = |name: &str| {
        world
            .stored
            .iter()
            .any(|entry| entry.family == "generic" && entry.name == name && entry.scope != world.scope)
    };
    matches!(&world.command, Command::Push(pairs) if pairs.iter().any(|(name, _)| conflict(name)))
}

/// The entries that the command is to delete, among those that were there before.
pub(crate) fn doomed(world: &World) -> Vec<Entry> {
    let doomed = |entry: &&Entry| match &world.command {
        Command::Delete(names) => entry.scope == world.scope && names.contains(&entry.name),
        Command::DeleteCredentials { ids, .. } => ids.contains(&entry.id),
        _ => false,
    };
    world.stored.iter().filter(doomed).cloned().collect()
}

fn leaks(world: &World, ran: &Ran, broken: &mut Vec<Violation>) {
    let old = world.stored.iter().map(|entry| entry.value.clone());
    let new = world.wanted().into_iter().map(|(_, value)| value);
    for value in old.chain(new).chain([API_KEY.to_owned()]) {
        for (stream, text) in [("stdout", &ran.stdout), ("stderr", &ran.stderr)] {
            if let Some(spelling) = spellings::leaked(text, &value) {
                broken.push((
                    "I6 secrecy",
                    format!("{stream} shows {value} as {spelling}: {text}"),
                ));
            }
        }
    }
}

fn duplicates(vault: &Vault, broken: &mut Vec<Violation>) {
    for (index, entry) in vault.entries.iter().enumerate() {
        let same = |other: &Entry| {
            (other.family, &other.name, other.scope) == (entry.family, &entry.name, entry.scope)
        };
        if vault.entries[index + 1..].iter().any(same) {
            broken.push(("I3 no duplicates", format!("two of {}", entry.name)));
        }
    }
}

/// What was deleted on our behalf is still somewhere, or its successor is.
fn nothing_lost(world: &World, vault: &Vault, home: &Path, broken: &mut Vec<Violation>) {
    let Command::Replace { value: new, .. } = &world.command else {
        return;
    };
    let definite = |event: &Event| {
        matches!(
            event,
            Event::Fault {
                request: Request::Reveal,
                reply: Reply::Status(403 | 404 | 405 | 501, _),
                ..
            } | Event::Outage {
                reply: Reply::Status(403 | 404 | 405 | 501, _),
                ..
            }
        )
    };
    if world.yes && world.events.iter().any(definite) {
        return;
    }
    for (at, done) in vault.log.iter().enumerate() {
        let value = &done.entry.value;
        if done.by == By::Other || done.change != Change::Deleted || value == new {
            continue;
        }
        let taken_by_others = vault.log[at..]
            .iter()
            .any(|later| later.by == By::Other && later.entry.scope == done.entry.scope);
        let held = vault
            .entries
            .iter()
            .any(|entry| entry.family == done.entry.family && (entry.value == *value || entry.value == *new));
        if !held && !taken_by_others && !kept(&home.join("state"), value) {
            broken.push((
                "I5 never lost",
                format!("{} ({}) is nowhere", done.entry.name, done.entry.id),
            ));
        }
    }
}

/// Whether a file below `directory` holds the value, as it is or inside JSON.
fn kept(directory: &Path, value: &str) -> bool {
    let Ok(files) = std::fs::read_dir(directory) else {
        return false;
    };
    let quoted = Value::from(value).to_string();
    files.flatten().any(|file| {
        let text = std::fs::read_to_string(file.path()).unwrap_or_default();
        text.contains(value) || text.contains(&quoted[1..quoted.len() - 1]) || kept(&file.path(), value)
    })
}
