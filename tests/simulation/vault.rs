//! The vault of a world: its contents, its log and its replies.

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use serde_json::{Value, json};

use crate::events::{Effect, Event, Reply, Request, Signal};
use crate::idp::Idp;
use crate::replies::summary;
use crate::world::{Entry, World};

pub(crate) const API_KEY: &str = "amk_sim_0f8e7d6c5b4a39281706";
/// The key of the second push of a world.
pub(crate) const TWIN_KEY: &str = "amk_sim_91a2b3c4d5e6f7081920";

/// Who made a change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Author {
    Us,
    Other,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Change {
    Created,
    Updated,
    Deleted,
}

/// A change that was carried out, with the entry after it, or before it was deleted.
#[derive(Debug, Clone)]
pub(crate) struct Done {
    pub(crate) by: Author,
    pub(crate) change: Change,
    pub(crate) entry: Entry,
}

/// The operation of a request.
#[derive(Debug, Clone)]
pub(crate) enum Op {
    List(&'static str),
    Create {
        family: &'static str,
        name: String,
        scope: &'static str,
        value: String,
        kind: String,
    },
    Update {
        id: String,
        value: String,
    },
    Delete {
        family: &'static str,
        id: String,
    },
    Reveal {
        family: &'static str,
        id: String,
    },
    Refresh(String),
}

/// How to reply to a request.
pub(crate) struct Verdict {
    pub(crate) reply: Reply,
    pub(crate) status: u16,
    pub(crate) body: Value,
    pub(crate) signal: Option<Signal>,
    /// How long to refuse connections afterwards.
    pub(crate) down: Option<Duration>,
    /// Every value that client and server have sent so far.
    pub(crate) told: Vec<String>,
    /// Id, name and scope that an honest reply has.
    pub(crate) asked: [String; 3],
}

#[expect(clippy::struct_excessive_bools, reason = "independent properties of a server")]
pub(crate) struct Vault {
    pub(crate) entries: Vec<Entry>,
    pub(crate) log: Vec<Done>,
    pub(crate) requests: u32,
    pub(crate) signalled: bool,
    /// One line per request, for the report.
    pub(crate) trace: Vec<String>,
    pub(crate) idp: Idp,
    /// The contents after each change.
    pub(crate) versions: Vec<Vec<Entry>>,
    events: Vec<Event>,
    lenient: bool,
    types_hidden: bool,
    reveals_deleted: bool,
    late: Vec<(u32, Op, Author)>,
    seen: HashMap<(Request, Option<String>), u32>,
    names: HashMap<String, String>,
    told: HashSet<String>,
    family: &'static str,
    scope: &'static str,
    last_id: u32,
}

impl Vault {
    pub(crate) fn new(world: &World) -> Self {
        let names = world
            .stored
            .iter()
            .map(|entry| (entry.id.clone(), entry.name.clone()));
        let told = match &world.login {
            None => Some(API_KEY.to_owned()),
            Some(login) => Some(login.access_token.clone()).filter(|_| !login.expired),
        };
        Self {
            entries: world.stored.clone(),
            log: Vec::new(),
            requests: 0,
            signalled: false,
            trace: Vec::new(),
            idp: Idp::new(world),
            versions: vec![world.stored.clone()],
            events: world.events.clone(),
            lenient: world.lenient,
            types_hidden: world.types_hidden,
            reveals_deleted: world.reveals_deleted,
            late: Vec::new(),
            seen: HashMap::new(),
            names: names.collect(),
            told: told.into_iter().collect(),
            family: world.family(),
            scope: world.scope,
            last_id: 0,
        }
    }

    /// Carries out delayed operations and removes all events.
    pub(crate) fn finish_pending(&mut self) {
        self.events.clear();
        for (_, op, by) in std::mem::take(&mut self.late) {
            self.trace.push(format!("late at the end: {by:?} {op:?}"));
            self.perform(&op, by);
        }
    }

    /// Whose key or token this is; `None` if the API does not accept it.
    pub(crate) fn author(&self, bearer: &str) -> Option<Author> {
        if bearer == TWIN_KEY {
            return Some(Author::Other);
        }
        (bearer == API_KEY || self.idp.accepts(bearer)).then_some(Author::Us)
    }

    pub(crate) fn handle(&mut self, op: &Op, by: Author) -> Verdict {
        let number = self.requests;
        self.requests += 1;
        self.others(number);
        let (due, waiting) = std::mem::take(&mut self.late)
            .into_iter()
            .partition(|(at, ..)| *at <= number);
        self.late = waiting;
        for (_, op, by) in due {
            self.trace.push(format!("late: {by:?} {op:?}"));
            self.perform(&op, by);
        }
        if let Op::Create { value, .. } | Op::Update { value, .. } = op {
            self.told.insert(value.clone());
        }
        if let Op::Refresh(token) = op {
            self.told.insert(token.clone());
        }
        let (signal, hold) = self.signal(number);
        let (effect, reply) = self.fault(number, op);
        let (status, body) = match effect {
            Effect::No => (503, Value::Null),
            Effect::Yes => self.perform(op, by),
            Effect::Late(after) => {
                self.late.push((number + after, op.clone(), by));
                (503, Value::Null)
            }
            Effect::Twice => {
                let first = self.perform(op, by);
                self.perform(op, by);
                first
            }
        };
        let reply = if hold { Reply::Hang } else { reply };
        // A client can only withhold values that it was sent.
        if matches!(reply, Reply::Honest | Reply::Last) {
            let members = ["value", "access_token", "refresh_token"];
            let given = members.iter().filter_map(|name| body[*name].as_str());
            self.told.extend(given.map(str::to_owned));
        }
        self.trace.push(format!(
            "{number}: {by:?} {op:?} {effect:?} {reply:?} {status} {signal:?}"
        ));
        let mut told: Vec<_> = self.told.iter().cloned().collect();
        told.sort();
        Verdict {
            reply,
            status,
            body,
            signal,
            down: self.down(number),
            told,
            asked: self.asked(op),
        }
    }

    /// Id, name and scope of the entry that a request is about.
    fn asked(&self, op: &Op) -> [String; 3] {
        let id = match op {
            Op::Create { name, scope, .. } => {
                return [format!("new_{}", self.last_id), name.clone(), (*scope).to_owned()];
            }
            Op::Update { id, .. } | Op::Delete { id, .. } | Op::Reveal { id, .. } => id.clone(),
            Op::List(_) | Op::Refresh(_) => String::new(),
        };
        let name = self.names.get(&id).cloned().unwrap_or_default();
        [id, name, self.scope.to_owned()]
    }

    fn down(&self, number: u32) -> Option<Duration> {
        self.events.iter().find_map(|event| match event {
            Event::Down { after, milliseconds } if *after == number => {
                Some(Duration::from_millis(*milliseconds))
            }
            _ => None,
        })
    }

    fn others(&mut self, number: u32) {
        let due: Vec<_> = self
            .events
            .iter()
            .filter_map(|event| match event {
                Event::Writer { before, name, value } if *before == number => {
                    Some((name.clone(), value.clone()))
                }
                _ => None,
            })
            .collect();
        for (name, value) in due {
            let held = self
                .entries
                .iter()
                .find(|entry| entry.family == self.family && entry.scope == self.scope && entry.name == name)
                .map(|entry| entry.id.clone());
            let (family, scope) = (self.family, self.scope);
            let is_login = value.as_ref().is_some_and(|value| value.starts_with('{'));
            let kind = match family {
                "generic" => "",
                _ if is_login => "oauth",
                _ => "api_key",
            };
            self.trace.push(format!("somebody else: {name} {value:?}"));
            match (held, value) {
                (Some(id), Some(value)) if family == "generic" => {
                    self.perform(&Op::Update { id, value }, Author::Other);
                }
                (held, value) => {
                    if let Some(id) = held {
                        self.perform(&Op::Delete { family, id }, Author::Other);
                    }
                    if let Some(value) = value {
                        let kind = kind.to_owned();
                        let create = Op::Create {
                            family,
                            name,
                            scope,
                            value,
                            kind,
                        };
                        self.perform(&create, Author::Other);
                    }
                }
            }
        }
    }

    fn signal(&mut self, number: u32) -> (Option<Signal>, bool) {
        let due = self.events.iter().find_map(|event| match event {
            Event::Signal { at, signal, hold } if *at == number => Some((*signal, *hold)),
            _ => None,
        });
        self.signalled |= due.is_some();
        due.map_or((None, false), |(signal, hold)| (Some(signal), hold))
    }

    /// The effect and reply of a request, from the first event that matches it.
    fn fault(&mut self, number: u32, op: &Op) -> (Effect, Reply) {
        let (request, name) = match op {
            Op::List(_) => (Request::List, None),
            Op::Create { name, .. } => (Request::Create, Some(name.clone())),
            Op::Update { id, .. } => (Request::Update, self.names.get(id).cloned()),
            Op::Delete { id, .. } => (Request::Delete, self.names.get(id).cloned()),
            Op::Reveal { id, .. } => (Request::Reveal, self.names.get(id).cloned()),
            Op::Refresh(_) => (Request::Refresh, None),
        };
        let mut count = |key| {
            let seen = self.seen.entry(key).or_insert(0);
            *seen += 1;
            *seen - 1
        };
        let any = count((request, None));
        let same = if name.is_some() {
            count((request, name.clone()))
        } else {
            any
        };
        let strikes = |event: &Event| match event {
            Event::Outage {
                from,
                requests,
                reply,
            } => (*from..from.saturating_add(*requests))
                .contains(&number)
                .then_some((Effect::No, *reply)),
            Event::Fault {
                request: own,
                name: only,
                nth,
                effect,
                reply,
            } if *own == request => {
                let hit = if only.is_none() {
                    any == *nth
                } else {
                    *only == name && same == *nth
                };
                hit.then_some((*effect, *reply))
            }
            _ => None,
        };
        self.events
            .iter()
            .find_map(strikes)
            .unwrap_or((Effect::Yes, Reply::Honest))
    }

    fn perform(&mut self, op: &Op, by: Author) -> (u16, Value) {
        let answer = self.attempt(op, by);
        answer.unwrap_or_else(|status| {
            (
                status,
                json!({ "type": "error", "error_code": "no", "message": "no" }),
            )
        })
    }

    fn attempt(&mut self, op: &Op, by: Author) -> Result<(u16, Value), u16> {
        match op {
            Op::List(family) => {
                let lists = self.seen.get(&(Request::List, None)).copied().unwrap_or(1);
                let lag = self.events.iter().find_map(|event| match event {
                    Event::Lag {
                        nth,
                        lists: count,
                        changes,
                    } if (nth + 1..=nth + count).contains(&lists) => Some(*changes),
                    _ => None,
                });
                let version = (self.versions.len() - 1).saturating_sub(lag.unwrap_or(0));
                let shown = self.versions[version]
                    .iter()
                    .filter(|entry| entry.family == *family);
                let shown = shown.map(|entry| summary(entry, self.types_hidden));
                Ok((200, shown.collect()))
            }
            Op::Create {
                family,
                name,
                scope,
                value,
                kind,
            } => {
                let taken = |entry: &&Entry| {
                    entry.family == *family
                        && entry.scope == *scope
                        && (entry.name == *name || (*family != "generic" && *scope == "org"))
                };
                let accepted = self.lenient && *family == "generic";
                if !accepted && self.entries.iter().any(|entry| taken(&entry)) {
                    return Err(409);
                }
                self.last_id += 1;
                let entry = Entry {
                    id: format!("new_{}", self.last_id),
                    family,
                    name: name.clone(),
                    scope,
                    value: value.clone(),
                    kind: kind.clone(),
                };
                self.names.insert(entry.id.clone(), name.clone());
                self.entries.push(entry.clone());
                Ok((201, summary(&self.changed(by, Change::Created, entry), false)))
            }
            Op::Update { id, value } => {
                let entry = self
                    .entries
                    .iter_mut()
                    .find(|entry| entry.id == *id && entry.family == "generic")
                    .ok_or(404_u16)?;
                entry.value.clone_from(value);
                let entry = entry.clone();
                Ok((200, summary(&self.changed(by, Change::Updated, entry), false)))
            }
            Op::Delete { family, id } => {
                let at = self
                    .entries
                    .iter()
                    .position(|entry| entry.id == *id && entry.family == *family)
                    .ok_or(404_u16)?;
                let entry = self.entries.remove(at);
                self.changed(by, Change::Deleted, entry);
                Ok((204, Value::Null))
            }
            Op::Reveal { family, id } => {
                let earlier = self.versions.iter().flatten();
                let earlier = earlier.filter(|_| self.reveals_deleted);
                let mut known = self.entries.iter().chain(earlier);
                let entry = known
                    .find(|entry| entry.id == *id && entry.family == *family)
                    .ok_or(404_u16)?;
                Ok((200, json!({ "value": entry.value })))
            }
            Op::Refresh(token) => Ok((200, self.idp.refresh(token)?)),
        }
    }

    fn changed(&mut self, by: Author, change: Change, entry: Entry) -> Entry {
        self.versions.push(self.entries.clone());
        self.log.push(Done {
            by,
            change,
            entry: entry.clone(),
        });
        entry
    }
}
