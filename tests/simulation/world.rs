//! What happens in one world, made from its seed alone.

use fastrand::Rng;

/// One run of the program against a server, a disk and a person that misbehave as `events` say.
#[derive(Debug, Clone)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of the command line")]
pub(crate) struct World {
    pub(crate) seed: u64,
    pub(crate) command: Command,
    pub(crate) scope: &'static str,
    pub(crate) json: bool,
    pub(crate) verbose: bool,
    pub(crate) one_at_a_time: bool,
    pub(crate) yes: bool,
    /// What the vault holds before.
    pub(crate) stored: Vec<Entry>,
    pub(crate) events: Vec<Event>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Command {
    /// `secret push`: names and values.
    Push(Vec<(String, String)>),
    /// `secret extract --push`: the key that Codex keeps.
    Extract(String),
    /// `secret claude|codex push --force`.
    Replace {
        provider: &'static str,
        name: String,
        value: String,
    },
    /// `secret delete`.
    Delete(Vec<String>),
    /// `secret claude|codex delete`, by id.
    DeleteCredentials {
        provider: &'static str,
        ids: Vec<String>,
    },
}

/// Something that the vault holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Entry {
    pub(crate) id: String,
    /// `generic`, `claude` or `codex`.
    pub(crate) family: &'static str,
    pub(crate) name: String,
    pub(crate) scope: &'static str,
    pub(crate) value: String,
    /// `oauth` or `api_key`; empty for a generic secret.
    pub(crate) kind: String,
}

/// The kinds of request that a fault can strike.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Request {
    List,
    Create,
    Update,
    Delete,
    Reveal,
}

#[derive(Debug, Clone)]
pub(crate) enum Event {
    /// Strikes the `nth` request of this kind for this name, from 0.
    Fault {
        request: Request,
        name: Option<String>,
        nth: u32,
        effect: Effect,
        reply: Reply,
    },
    /// The `nth` list shows what was there this many changes ago.
    Lag { nth: u32, changes: usize },
    /// This many requests from that one on are answered so, without any effect.
    Outage { from: u32, requests: u32, reply: Reply },
    /// Somebody else stores, or deletes where there is no value, before this request.
    Writer {
        before: u32,
        name: String,
        value: Option<String>,
    },
    /// A signal arrives together with this request, whose reply may then never come.
    Signal { at: u32, signal: Signal, hold: bool },
    /// The process may write files of so many blocks of 512 bytes.
    FileLimit(u32),
    /// The state directory cannot be made.
    NoState,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Signal {
    Interrupt,
    Terminate,
    Kill,
}

/// Whether a request is carried out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Effect {
    No,
    Yes,
    /// After so many further requests, or when the command has ended.
    Late(u32),
    /// Twice, as by a proxy that repeats; the client sees the first answer.
    Twice,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reply {
    Honest,
    /// This status, with a body of the kind, and perhaps `Retry-After: 0`.
    Status(u16, Body),
    Reset,
    Close,
    Hang,
    Truncated,
    /// Status 200 without JSON.
    Html,
    Redirect,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Body {
    Envelope,
    /// An envelope that quotes every value of the conversation in the spelling of this number.
    Echo(usize),
    Html,
    Empty,
}

impl World {
    pub(crate) fn new(seed: u64) -> Self {
        let mut rng = Rng::with_seed(seed);
        let rng = &mut rng;
        let scope = if rng.u8(..4) == 0 { "org" } else { "user" };
        let names: Vec<String> = ["ALPHA", "BETA", "GAMMA", "DELTA", "EPSILON"]
            .map(str::to_owned)
            .to_vec();
        let mut stored = Vec::new();
        let mut entry = |rng: &mut Rng, family, name: &str, scope, kind: &str| {
            let value = if family == "generic" { value(rng) } else { key(rng) };
            stored.push(Entry {
                id: format!("old_{}", stored.len() + 1),
                family,
                name: name.to_owned(),
                scope,
                value,
                kind: kind.to_owned(),
            });
            stored
                .last()
                .map(|entry: &Entry| entry.id.clone())
                .unwrap_or_default()
        };
        let command = match rng.u8(..10) {
            0..=3 => {
                let count = rng.usize(1..=5);
                for name in names.iter().filter(|_| rng.bool()).collect::<Vec<_>>() {
                    entry(rng, "generic", name, scope, "");
                }
                Command::Push(
                    names
                        .iter()
                        .take(count)
                        .map(|name| (name.clone(), value(rng)))
                        .collect(),
                )
            }
            4 => {
                if rng.bool() {
                    entry(rng, "generic", "OPENAI_API_KEY", scope, "");
                }
                Command::Extract(key(rng))
            }
            5..=7 => {
                let provider = *rng.choice(&["claude", "codex"]).unwrap_or(&"claude");
                let name = "Work key".to_owned();
                if rng.u8(..8) > 0 {
                    let held = if scope == "org" && rng.bool() {
                        "Another key"
                    } else {
                        &name
                    };
                    entry(rng, provider, held, scope, "api_key");
                }
                entry(
                    rng,
                    provider,
                    "Somebody's",
                    if scope == "org" { "user" } else { "org" },
                    "api_key",
                );
                Command::Replace {
                    provider,
                    name,
                    value: key(rng),
                }
            }
            8 => {
                let count = rng.usize(1..=4);
                for name in names.iter().take(count) {
                    entry(rng, "generic", name, scope, "");
                }
                Command::Delete(names.iter().take(count).cloned().collect())
            }
            _ => {
                let provider = *rng.choice(&["claude", "codex"]).unwrap_or(&"claude");
                let ids = (0..rng.usize(1..=3)).map(|n| entry(rng, provider, &names[n], "user", "api_key"));
                Command::DeleteCredentials {
                    provider,
                    ids: ids.collect(),
                }
            }
        };
        let mut world = Self {
            seed,
            scope,
            json: rng.bool(),
            verbose: rng.u8(..4) == 0,
            one_at_a_time: rng.bool(),
            yes: rng.u8(..4) > 0,
            stored,
            events: Vec::new(),
            command,
        };
        world.events = events(&world, rng);
        world
    }

    /// The world for a person, one line an entry and an event.
    pub(crate) fn story(&self) -> String {
        let Self {
            command,
            scope,
            json,
            verbose,
            one_at_a_time,
            yes,
            ..
        } = self;
        let lines = self.stored.iter().map(|entry| format!("stored {entry:?}"));
        let lines = lines.chain(self.events.iter().map(|event| format!("event {event:?}")));
        let lines: String = lines.map(|line| line + "\n").collect();
        format!(
            "{command:?} scope={scope} json={json} verbose={verbose} one_at_a_time={one_at_a_time} yes={yes}\n{lines}"
        )
    }

    /// The family of secrets that the command is about.
    pub(crate) fn family(&self) -> &'static str {
        match self.command {
            Command::Replace { provider, .. } | Command::DeleteCredentials { provider, .. } => provider,
            _ => "generic",
        }
    }

    /// What the command stores: names and values.
    pub(crate) fn wanted(&self) -> Vec<(String, String)> {
        match &self.command {
            Command::Push(pairs) => pairs.clone(),
            Command::Extract(key) => ["OPENAI_API_KEY", "CODEX_API_KEY"]
                .map(|name| (name.to_owned(), key.clone()))
                .to_vec(),
            Command::Replace { name, value, .. } => vec![(name.clone(), value.clone())],
            Command::Delete(_) | Command::DeleteCredentials { .. } => Vec::new(),
        }
    }

    /// The names that requests of the command carry.
    fn names(&self) -> Vec<String> {
        match &self.command {
            Command::Delete(names) => names.clone(),
            Command::DeleteCredentials { .. } => self.stored.iter().map(|entry| entry.name.clone()).collect(),
            _ => self.wanted().into_iter().map(|(name, _)| name).collect(),
        }
    }
}

fn events(world: &World, rng: &mut Rng) -> Vec<Event> {
    let mut events = Vec::new();
    // A fifth of the worlds is healthy or nearly so.
    while rng.u8(..5) > 0 && events.len() < 8 {
        events.push(event(world, rng));
    }
    events
}

fn event(world: &World, rng: &mut Rng) -> Event {
    let names = world.names();
    let replaces = matches!(world.command, Command::Replace { .. });
    match rng.u8(..20) {
        11 | 12 => Event::Lag {
            nth: rng.u32(..4),
            changes: rng.usize(1..4),
        },
        13 => Event::Outage {
            from: rng.u32(..8),
            requests: [1, 2, 3, 5, 8, 1000][rng.usize(..6)],
            reply: harmless(rng),
        },
        14 | 15 => Event::Writer {
            before: rng.u32(1..8),
            name: names[rng.usize(..names.len())].clone(),
            value: rng.bool().then(|| key(rng)),
        },
        16 | 17 => Event::Signal {
            at: rng.u32(..8),
            signal: [Signal::Interrupt, Signal::Terminate, Signal::Kill][rng.usize(..3)],
            hold: rng.bool(),
        },
        18 if replaces => Event::FileLimit(rng.u32(..3)),
        19 if replaces => Event::NoState,
        _ => fault(world, rng),
    }
}

fn fault(world: &World, rng: &mut Rng) -> Event {
    let names = world.names();
    let requests: &[Request] = match world.command {
        Command::Push(_) | Command::Extract(_) => &[Request::List, Request::Create, Request::Update],
        Command::Replace { .. } => &[Request::List, Request::Create, Request::Delete, Request::Reveal],
        Command::Delete(_) => &[Request::List, Request::Delete],
        Command::DeleteCredentials { .. } => &[Request::Delete],
    };
    let request = requests[rng.usize(..requests.len())];
    let effect = match rng.u8(..8) {
        0..=2 => Effect::No,
        3..=5 => Effect::Yes,
        6 => Effect::Late(rng.u32(1..6)),
        _ => Effect::Twice,
    };
    let reply = match effect {
        Effect::No => harmless(rng),
        Effect::Twice => Reply::Honest,
        Effect::Yes | Effect::Late(_) => lost(rng),
    };
    let name = (request != Request::List && rng.bool()).then(|| names[rng.usize(..names.len())].clone());
    Event::Fault {
        request,
        name,
        nth: rng.u32(..3),
        effect,
        reply,
    }
}

/// A reply to a request that was not carried out: anything.
fn harmless(rng: &mut Rng) -> Reply {
    // No 404 for what is there: that would be a lie which no client can notice.
    const REFUSALS: [u16; 12] = [400, 401, 403, 405, 409, 413, 415, 422, 429, 429, 503, 501];
    if rng.bool() {
        Reply::Status(REFUSALS[rng.usize(..REFUSALS.len())], body(rng))
    } else if rng.u8(..6) == 0 {
        Reply::Redirect
    } else {
        lost(rng)
    }
}

/// A reply that does not say whether the request was carried out.
fn lost(rng: &mut Rng) -> Reply {
    match rng.u8(..16) {
        0..=6 => Reply::Status([408, 500, 502, 503, 504][rng.usize(..5)], body(rng)),
        7 | 8 => Reply::Reset,
        9 | 10 => Reply::Close,
        11 => Reply::Hang,
        12 | 13 => Reply::Truncated,
        14 => Reply::Status([299, 999][rng.usize(..2)], body(rng)),
        _ => Reply::Html,
    }
}

fn body(rng: &mut Rng) -> Body {
    match rng.u8(..6) {
        0 | 1 => Body::Envelope,
        2..=3 => Body::Echo(rng.usize(..64)),
        4 => Body::Html,
        _ => Body::Empty,
    }
}

/// A value that every encoder spells differently, any part of which tells it from every other.
fn value(rng: &mut Rng) -> String {
    mixed(rng, "/ä +\"&\\'<%=")
}

/// As [`value`], fit for an API key: printable ASCII without blanks.
fn key(rng: &mut Rng) -> String {
    mixed(rng, "/+&\"<%'=")
}

fn mixed(rng: &mut Rng, specials: &str) -> String {
    let parts = specials.chars().map(|c| format!("{:04x}{c}", rng.u16(..)));
    format!("zq{}{:04x}", parts.collect::<String>(), rng.u16(..))
}
