//! The events of a world: faults, lag, other writers, signals.

use fastrand::Rng;

use crate::world::{Command, World, key};

/// The kinds of request that a fault can affect.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Request {
    List,
    Create,
    Update,
    Delete,
    Reveal,
    /// An exchange of a refresh token at the identity provider.
    Refresh,
}

#[derive(Debug, Clone)]
pub(crate) enum Event {
    /// Affects the `nth` request of this kind for this name, counted from 0.
    Fault {
        request: Request,
        name: Option<String>,
        nth: u32,
        effect: Effect,
        reply: Reply,
    },
    /// `lists` list requests, starting with the `nth`, return the state from `changes` changes ago.
    Lag { nth: u32, lists: u32, changes: usize },
    /// This many requests get this reply and are not carried out.
    Outage { from: u32, requests: u32, reply: Reply },
    /// After this request, connections are refused for this many milliseconds.
    Down { after: u32, milliseconds: u64 },
    /// Another writer stores this value, or deletes the entry if there is none, before this request.
    Writer {
        before: u32,
        name: String,
        value: Option<String>,
    },
    /// A signal is sent with this request; with `hold`, the request gets no reply.
    Signal { at: u32, signal: Signal, hold: bool },
    /// Files that the process writes are limited to this many blocks of 512 bytes.
    FileLimit(u32),
    /// The state directory cannot be created.
    NoState,
    /// Standard output is full.
    FullOutput,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Signal {
    Interrupt,
    Terminate,
    Hangup,
    Kill,
}

/// Whether a request is carried out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Effect {
    No,
    Yes,
    /// After this many further requests, or when the command has ended.
    Late(u32),
    /// Twice, as by a proxy that retries; the client gets the first reply.
    Twice,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reply {
    Honest,
    /// The real reply, after which the connection is closed without `Connection: close`.
    Last,
    /// This status and kind of body.
    Status(u16, Body),
    Reset,
    Close,
    Hang,
    Truncated,
    /// Status 200 without JSON.
    Html,
    /// Status 200 with an empty JSON object, which confirms nothing.
    EmptyObject,
    /// A success that contradicts the request.
    Lie(Lie),
    /// A redirect; with `echo`, to a host whose name is a known value in hexadecimal.
    Redirect {
        echo: bool,
    },
}

/// What a reply with status 200 or 201 says instead of the truth.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Lie {
    /// An error of the API.
    Error,
    /// An entry with another id.
    Id,
    /// An entry with another name.
    Name,
    /// An entry in the other scope.
    Scope,
    /// Nothing.
    Silence,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Body {
    Envelope,
    /// An envelope and a trace id that quote every value sent so far, in the encoding with this
    /// index.
    Echo(usize),
    Html,
    Empty,
}

impl Event {
    /// Whether the vault changes, or seems not to, without the client's knowledge.
    pub(crate) fn is_hidden(&self) -> bool {
        matches!(
            self,
            Self::Lag { .. }
                | Self::Writer { .. }
                | Self::Fault {
                    effect: Effect::Late(_) | Effect::Twice,
                    ..
                }
        )
    }

    /// Whether a reply says that a name is taken.
    pub(crate) fn says_taken(&self) -> bool {
        matches!(
            self,
            Self::Fault {
                reply: Reply::Status(409, _),
                ..
            } | Self::Outage {
                reply: Reply::Status(409, _),
                ..
            }
        )
    }

    /// Whether a reply quotes values sent earlier.
    pub(crate) fn echoes(&self) -> bool {
        let (Self::Fault { reply, .. } | Self::Outage { reply, .. }) = self else {
            return false;
        };
        matches!(
            reply,
            Reply::Status(_, Body::Echo(_)) | Reply::Redirect { echo: true }
        )
    }
}

/// Generates the events of `world`. One world in five has none.
pub(crate) fn events(world: &World, rng: &mut Rng) -> Vec<Event> {
    let mut events = Vec::new();
    while rng.u8(..5) > 0 && events.len() < 8 {
        events.push(event(world, rng));
    }
    if world.lenient && rng.bool() {
        // So that duplicates are the client's doing.
        events.retain(|event| !event.is_hidden());
    }
    events
}

fn event(world: &World, rng: &mut Rng) -> Event {
    let names = world.names();
    let has_state = world.login.is_some() || matches!(world.command, Command::Replace { .. });
    match rng.u8(..24) {
        0 | 1 => Event::Lag {
            nth: rng.u32(..4),
            lists: [1, 1, 2, 4, 9][rng.usize(..5)],
            changes: rng.usize(1..4),
        },
        2 => Event::Outage {
            from: rng.u32(..8),
            requests: [1, 2, 3, 5, 8, 1000][rng.usize(..6)],
            reply: match harmless(rng) {
                Reply::EmptyObject => Reply::Html,
                reply => reply,
            },
        },
        3 => Event::Down {
            after: rng.u32(..8),
            milliseconds: [50, 300, 900, 2500][rng.usize(..4)],
        },
        4 | 5 if !names.is_empty() => Event::Writer {
            before: rng.u32(1..8),
            name: names[rng.usize(..names.len())].clone(),
            value: rng.bool().then(|| written_by_others(world, rng)),
        },
        6 | 7 => Event::Signal {
            at: rng.u32(..8),
            signal: [Signal::Interrupt, Signal::Terminate, Signal::Hangup, Signal::Kill][rng.usize(..4)],
            hold: rng.bool(),
        },
        8 if has_state => Event::FileLimit(rng.u32(..3)),
        9 if has_state && world.login.is_none() => Event::NoState,
        10 => Event::FullOutput,
        _ => fault(world, rng),
    }
}

/// A value that another writer stores; sometimes the same one as the command's.
fn written_by_others(world: &World, rng: &mut Rng) -> String {
    let wanted = world.wanted();
    if rng.u8(..6) == 0 && !wanted.is_empty() {
        return wanted[rng.usize(..wanted.len())].1.clone();
    }
    key(rng)
}

fn fault(world: &World, rng: &mut Rng) -> Event {
    let names = world.names();
    let mut requests = match world.command {
        Command::Push(_) | Command::Extract { .. } => vec![Request::List, Request::Create, Request::Update],
        Command::Replace { .. } => {
            vec![Request::List, Request::Create, Request::Delete, Request::Reveal]
        }
        Command::Store { .. } => vec![Request::List, Request::Create, Request::Reveal],
        Command::Delete(_) | Command::DeleteNamed { .. } => vec![Request::List, Request::Delete],
        Command::DeleteCredentials { .. } => vec![Request::Delete],
        Command::List(_) | Command::Check(_) => vec![Request::List],
    };
    if world.login.is_some() {
        requests.push(Request::Refresh);
    }
    let request = requests[rng.usize(..requests.len())];
    let effect = match rng.u8(..8) {
        0..=2 => Effect::No,
        3..=5 => Effect::Yes,
        6 => Effect::Late(rng.u32(1..6)),
        _ => Effect::Twice,
    };
    let mut reply = match effect {
        Effect::No => harmless(rng),
        Effect::Twice => Reply::Honest,
        Effect::Yes if rng.u8(..8) == 0 => Reply::Last,
        Effect::Yes | Effect::Late(_) => lost(rng),
    };
    if matches!(request, Request::Update | Request::Delete) && reply == Reply::EmptyObject {
        // This would confirm a change that was not made, which no client can detect.
        reply = Reply::Html;
    }
    if matches!(request, Request::Create | Request::Update | Request::Delete)
        && matches!(effect, Effect::No | Effect::Yes)
        && rng.u8(..5) == 0
    {
        reply = Reply::Lie(lie(request, rng));
    }
    let is_of_one = !matches!(request, Request::List | Request::Refresh) && !names.is_empty();
    let name = (is_of_one && rng.bool()).then(|| names[rng.usize(..names.len())].clone());
    Event::Fault {
        request,
        name,
        // Most requests are made once.
        nth: rng.u32(..3) * rng.u32(..2),
        effect,
        reply,
    }
}

/// A lie that a client can see through.
fn lie(request: Request, rng: &mut Rng) -> Lie {
    let lies: &[Lie] = match request {
        // Only the reply to an update has an id that the client knows.
        Request::Update => &[Lie::Error, Lie::Id, Lie::Name, Lie::Scope, Lie::Silence],
        Request::Create => &[Lie::Error, Lie::Name, Lie::Scope, Lie::Silence],
        _ => &[Lie::Error],
    };
    lies[rng.usize(..lies.len())]
}

/// Any reply to a request that was not carried out.
fn harmless(rng: &mut Rng) -> Reply {
    // Without 404: for an existing entry it would be false, which no client can detect.
    const REFUSALS: [u16; 12] = [400, 401, 403, 405, 409, 413, 415, 422, 429, 429, 503, 501];
    if rng.bool() {
        Reply::Status(REFUSALS[rng.usize(..REFUSALS.len())], body(rng))
    } else if rng.u8(..6) == 0 {
        Reply::Redirect { echo: rng.bool() }
    } else {
        lost(rng)
    }
}

/// A reply that does not say whether the request was carried out.
fn lost(rng: &mut Rng) -> Reply {
    match rng.u8(..17) {
        0..=6 => Reply::Status([408, 500, 502, 503, 504][rng.usize(..5)], body(rng)),
        7 | 8 => Reply::Reset,
        9 | 10 => Reply::Close,
        11 => Reply::Hang,
        12 | 13 => Reply::Truncated,
        14 => Reply::Status([299, 999][rng.usize(..2)], body(rng)),
        15 => Reply::EmptyObject,
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
