//! The invariants of every world, checked against the vault's log rather than the program's output.

use std::collections::HashSet;
use std::path::Path;
use std::time::Duration;

use serde_json::Value;

use crate::encodings;
use crate::events::{Event, Reply, Request};
use crate::process::{LONGEST_RUN, Ran};
use crate::reports;
use crate::vault::{API_KEY, Author, Change, Done, Vault};
use crate::world::{Command, Credential, Entry, World};

/// Maximum time from a signal to the exit on a busy machine, unless an old credential is being
/// restored.
const LONGEST_AFTER_SIGNAL: Duration = Duration::from_secs(5);

/// A violated invariant and a description.
pub(crate) type Violation = (&'static str, String);

/// Checks the run with the events of the world.
pub(crate) fn check(world: &World, vault: &Vault, ran: &Ran, home: &Path) -> Vec<Violation> {
    let mut broken = Vec::new();
    if ran.overdue {
        broken.push(("I8 bounded", format!("still running after {LONGEST_RUN:?}")));
        return broken;
    }
    leaks(world, vault, ran, &mut broken);
    nothing_lost(world, vault, home, &mut broken);
    session(world, vault, ran, home, &mut broken);
    duplicates(world, vault, &mut broken);
    let Some(code) = ran.code else {
        if !world
            .events
            .iter()
            .any(|event| matches!(event, Event::Signal { .. }))
        {
            broken.push(("I8 bounded", "ended by a signal that was not sent".to_owned()));
        }
        return broken;
    };
    let deletes = vault.log.iter().any(|done| done.change == Change::Deleted);
    if let Some(time) = ran.after_signal
        && !(deletes && matches!(world.command, Command::Replace(_)))
        && time > LONGEST_AFTER_SIGNAL
    {
        broken.push(("I8 bounded", format!("exited {time:?} after the signal")));
    }
    if matches!(code, 130 | 143) && !vault.signalled {
        broken.push(("I4 exit code", format!("{code} without a signal")));
    }
    let full = world
        .events
        .iter()
        .any(|event| matches!(event, Event::FullOutput));
    let ours: Vec<&Done> = vault.log.iter().filter(|done| done.by == Author::Us).collect();
    // These exit codes and messages claim that nothing was changed.
    let denied = matches!(code, 2 | 3 | 4 | 6)
        || code == 1 && !full
        || code == 8 && world.login.is_none()
        || [
            "nothing was changed",
            "is untouched",
            "was not changed",
            "nothing was deleted",
        ]
        .iter()
        .any(|words| ran.stderr.contains(words));
    if denied && !ours.is_empty() {
        broken.push(("I2 unchanged", format!("exit {code}, but {ours:?}")));
    }
    let is_answer = matches!(world.command, Command::Check(_)) && code == 1;
    if world.events.is_empty() && code != 0 && !refused(world) && !is_answer {
        broken.push(("I7 converges", format!("exit {code} in a world without events")));
    }
    if world.json && code != 0 {
        reports::error_code(world, code, ran, &mut broken);
    }
    match &world.command {
        Command::Push(_) | Command::Extract { .. } => reports::batch(world, vault, ran, code, &mut broken),
        Command::Replace(credential) | Command::Store(credential) => {
            reports::stored(world, credential, vault, ran, code, &mut broken);
        }
        Command::Delete(_) | Command::DeleteCredentials { .. } | Command::DeleteNamed { .. } => {
            reports::deleted(world, vault, ran, code, &mut broken);
        }
        Command::List(_) => reports::listed(world, vault, ran, code, &mut broken),
        Command::Check(names) => reports::checked(world, names, vault, ran, code, &mut broken),
    }
    if code == 0 && !kept_values(home).is_empty() {
        broken.push(("I5 never lost", "a backup is left after success".to_owned()));
    }
    broken
}

/// Checks the run of the same command again without events.
pub(crate) fn check_again(world: &World, vault: &Vault, ran: &Ran) -> Vec<Violation> {
    let mut broken = Vec::new();
    leaks(world, vault, ran, &mut broken);
    let missing = world.wanted().into_iter().find(|(name, value)| {
        let (family, scope) = world.place(name);
        if family == "claude" && matches!(world.command, Command::Extract { .. }) {
            // A login is not for org scope, and does not replace another.
            let is_there = |entry: &Entry| entry.family == family && entry.scope == scope;
            return world.scope == "user" && !vault.entries.iter().any(is_there);
        }
        let same = |entry: &&Entry| entry.family == family && entry.scope == scope && entry.name == *name;
        // Existing secrets stay as they are, in either scope.
        let exists = |entry: &Entry| entry.family == "generic" && entry.name == *name;
        let is_kept = world.if_missing && vault.entries.iter().any(exists);
        !is_kept
            && !vault
                .entries
                .iter()
                .filter(same)
                .any(|entry| entry.value == *value)
    });
    let left = doomed(world)
        .into_iter()
        .find(|gone| vault.entries.iter().any(|entry| entry.id == gone.id));
    // A push without `--force` may find the credential that its first run stored.
    let is_there = matches!(world.command, Command::Store(_)) && ran.stderr.contains("already have");
    let is_answer = matches!(world.command, Command::Check(_)) && matches!(ran.code, Some(0 | 1));
    let is_ambiguous =
        ran.code == Some(1) && ran.stderr.contains("secrets named") && is_twofold(world, vault);
    if !refused(world)
        && !is_there
        && !is_answer
        && !is_ambiguous
        && (ran.code != Some(0) || missing.is_some() || left.is_some())
    {
        broken.push((
            "I7 converges",
            format!(
                "again: exit {:?}, missing {missing:?}, left {left:?}\n{}\n{}",
                ran.code, ran.stdout, ran.stderr
            ),
        ));
    }
    duplicates(world, vault, &mut broken);
    broken
}

/// Whether the vault has two secrets of one name that the command writes.
fn is_twofold(world: &World, vault: &Vault) -> bool {
    let names = world.names();
    names.iter().any(|name| {
        let same = vault
            .entries
            .iter()
            .filter(|entry| entry.family == "generic" && entry.scope == world.scope && entry.name == *name);
        same.count() > 1
    })
}

/// Whether the program must refuse the command.
fn refused(world: &World) -> bool {
    if let Command::Store(credential) = &world.command {
        let in_place = |entry: &Entry| {
            entry.family == credential.provider
                && entry.scope == world.scope
                && (entry.name == credential.name || world.scope == "org")
        };
        return world.stored.iter().any(in_place);
    }
    // A name that exists only in the other scope is a conflict, unless user scope was asked for.
    if world.if_missing || (world.scope == "user" && world.scope_given) {
        return false;
    }
    let holds = |name: &str, here: bool| {
        world.stored.iter().any(|entry| {
            entry.family == "generic" && entry.name == name && (entry.scope == world.scope) == here
        })
    };
    let may_vanish = |name: &str| {
        let mut events = world.events.iter();
        events.any(|event| matches!(event, Event::Writer { name: own, value: None, .. } if own == name))
    };
    let conflict = |name: &str| holds(name, false) && (!holds(name, true) || may_vanish(name));
    matches!(&world.command, Command::Push(pairs) if pairs.iter().any(|(name, _)| conflict(name)))
}

/// The initial entries that the command must delete.
pub(crate) fn doomed(world: &World) -> Vec<Entry> {
    let doomed = |entry: &&Entry| match &world.command {
        Command::Delete(names) => entry.scope == world.scope && names.contains(&entry.name),
        Command::DeleteCredentials { ids, .. } => ids.contains(&entry.id),
        Command::DeleteNamed { name, .. } => entry.scope == world.scope && entry.name == *name,
        _ => false,
    };
    world.stored.iter().filter(doomed).cloned().collect()
}

fn leaks(world: &World, vault: &Vault, ran: &Ran, broken: &mut Vec<Violation>) {
    let text = format!("{}\n{}", ran.stdout, ran.stderr);
    let echoes = world.events.iter().any(Event::echoes);
    let tokens = vault.idp.given.iter().cloned();
    for value in world
        .secrets()
        .into_iter()
        .chain(tokens)
        .chain([API_KEY.to_owned()])
    {
        // Unless the server quotes values, they can only appear unencoded.
        let leaked = if echoes {
            encodings::leaked(&text, &value)
        } else {
            shows_part(&text, &value).then_some("raw")
        };
        if let Some(spelling) = leaked {
            broken.push(("I6 secrecy", format!("{value} is shown as {spelling}: {text}")));
        }
    }
}

/// Whether `text` contains part of the unencoded value.
fn shows_part(text: &str, value: &str) -> bool {
    let length = value.len().min(12);
    let parts: HashSet<&[u8]> = value.as_bytes().windows(length).collect();
    text.as_bytes().windows(length).any(|part| parts.contains(part))
}

/// Checks that the stored session is complete and can still be renewed, and that the new refresh
/// token was saved unless the reply was lost or a signal interrupted the save.
fn session(world: &World, vault: &Vault, ran: &Ran, home: &Path, broken: &mut Vec<Violation>) {
    if world.login.is_none() {
        return;
    }
    let text = std::fs::read_to_string(home.join("state/workos-session.json")).unwrap_or_default();
    let session: Value = serde_json::from_str(&text).unwrap_or_default();
    let token = session["refresh_token"].as_str().unwrap_or_default();
    if !vault.idp.is_usable(token) {
        broken.push(("I5 never lost", format!("the login cannot be renewed: {text:?}")));
    }
    let troubled = world.events.iter().any(|event| {
        let strikes = matches!(
            event,
            Event::Fault {
                request: Request::Refresh,
                ..
            }
        );
        strikes || matches!(event, Event::Down { .. } | Event::Signal { .. })
    });
    if !troubled && !vault.idp.is_next(token) {
        broken.push(("I5 never lost", "the new refresh token was not saved".to_owned()));
    }
    if ran.code == Some(8) && vault.idp.exchanges > 0 {
        broken.push((
            "I5 never lost",
            "a refresh token was used although nothing could be saved".to_owned(),
        ));
    }
}

/// Whether the client can avoid duplicates: the server rejects them, or its lists are up to date and
/// nothing changes the vault without the client's knowledge.
fn can_be_kept_unique(world: &World) -> bool {
    !world.lenient || (world.twin.is_none() && !world.events.iter().any(Event::is_hidden))
}

fn duplicates(world: &World, vault: &Vault, broken: &mut Vec<Violation>) {
    if !can_be_kept_unique(world) {
        return;
    }
    for (index, entry) in vault.entries.iter().enumerate() {
        let same = |other: &Entry| {
            (other.family, &other.name, other.scope) == (entry.family, &entry.name, entry.scope)
        };
        if vault.entries[index + 1..].iter().any(same) {
            broken.push(("I3 no duplicates", format!("two of {}", entry.name)));
        }
    }
}

/// Checks that every credential that the program deleted is in a backup, restored or replaced.
fn nothing_lost(world: &World, vault: &Vault, home: &Path, broken: &mut Vec<Violation>) {
    let Command::Replace(Credential { value: new, .. }) = &world.command else {
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
        if done.by == Author::Other || done.change != Change::Deleted || value == new {
            continue;
        }
        let taken_by_others = vault.log[at..]
            .iter()
            .any(|later| later.by == Author::Other && later.entry.scope == done.entry.scope);
        let held = vault
            .entries
            .iter()
            .any(|entry| entry.family == done.entry.family && (entry.value == *value || entry.value == *new));
        if !held && !taken_by_others && !kept_values(home).contains(value) {
            broken.push((
                "I5 never lost",
                format!("{} ({}) is nowhere", done.entry.name, done.entry.id),
            ));
        }
    }
}

/// The backups of old values on this machine.
fn kept_values(home: &Path) -> Vec<String> {
    let state = std::fs::read_dir(home.join("state"));
    let directories = state.into_iter().flatten().flatten();
    directories
        .filter_map(|directory| std::fs::read_to_string(directory.path().join("value")).ok())
        .collect()
}
