//! Ways in which a server can misbehave, and when it shall.

use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::http::{HeaderValue, Response, StatusCode, header};
use futures_util::{StreamExt, stream};

/// A rule: which requests it meets, how often, and what happens to them.
#[derive(Clone)]
pub(crate) struct Fault {
    method: Option<&'static str>,
    path: String,
    every: usize,
    skip: usize,
    left: Option<usize>,
    seen: usize,
    delay: Duration,
    behaviour: Behaviour,
}

/// What happens to a request that a rule meets.
#[derive(Clone)]
pub(crate) enum Behaviour {
    /// Handle it, perhaps late.
    Handle,
    /// Do not handle it, and answer this.
    Reply(Reply),
    /// Handle it, and answer this instead of the truth.
    ReplyAfter(Reply),
    /// Handle it, and answer the truth under this content type.
    Mislabel(&'static str),
    /// Cut the connection, unhandled.
    ResetBefore,
    /// Handle it, and cut the connection instead of answering.
    ResetAfter,
    /// Handle it, and close in the middle of the answer.
    Truncate,
    /// Never answer.
    Hang,
    /// Handle it once the vault is told to release what it holds.
    Hold,
    /// Answer with one blank at a time, for ever.
    Drip,
    /// Answer with as much JSON as the client takes, up to 64 MiB.
    Unannounced(usize),
}

/// A scripted answer.
#[derive(Clone, Default)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(&'static str, String)>,
    pub(crate) body: String,
}

impl Fault {
    /// Meets the next request of this method whose path ends in `path`; `*` is any method.
    pub(crate) fn on(method: &'static str, path: &str) -> Self {
        Self {
            method: (method != "*").then_some(method),
            path: path.to_owned(),
            every: 1,
            skip: 0,
            left: Some(1),
            seen: 0,
            delay: Duration::ZERO,
            behaviour: Behaviour::Handle,
        }
    }

    pub(crate) fn times(self, times: usize) -> Self {
        Self {
            left: Some(times),
            ..self
        }
    }

    pub(crate) fn always(self) -> Self {
        Self { left: None, ..self }
    }

    /// Only every n-th request that it would meet, for ever.
    pub(crate) fn every(self, every: usize) -> Self {
        Self {
            every,
            left: None,
            ..self
        }
    }

    /// Lets the first `skip` requests pass.
    pub(crate) fn skip(self, skip: usize) -> Self {
        Self { skip, ..self }
    }

    pub(crate) fn delay(self, delay: Duration) -> Self {
        Self { delay, ..self }
    }

    pub(crate) fn does(self, behaviour: Behaviour) -> Self {
        Self { behaviour, ..self }
    }

    /// Answers `status` with the API's error envelope.
    pub(crate) fn fails(self, status: u16, message: &str) -> Self {
        let body = serde_json::json!({ "type": "error", "error_code": "scripted", "message": message });
        let reply = Reply {
            status,
            body: body.to_string(),
            ..Reply::default()
        };
        self.does(Behaviour::Reply(reply.with("content-type", "application/json")))
    }

    /// Answers with a web page, as a captive portal or a proxy would.
    pub(crate) fn html(self, status: u16) -> Self {
        let reply = Reply {
            status,
            body: "<html>Please sign in</html>".to_owned(),
            ..Reply::default()
        };
        self.does(Behaviour::Reply(reply.with("content-type", "text/html")))
    }

    /// Answers with JSON text.
    pub(crate) fn json(self, status: u16, body: &str) -> Self {
        let reply = Reply {
            status,
            body: body.to_owned(),
            ..Reply::default()
        };
        self.does(Behaviour::Reply(reply.with("content-type", "application/json")))
    }

    pub(crate) fn redirect(self, status: u16, location: &str) -> Self {
        let reply = Reply {
            status,
            ..Reply::default()
        };
        self.does(Behaviour::Reply(reply.with("location", location)))
    }

    /// Adds a header to a scripted answer.
    pub(crate) fn header(mut self, name: &'static str, value: &str) -> Self {
        if let Behaviour::Reply(reply) | Behaviour::ReplyAfter(reply) = &mut self.behaviour {
            reply.headers.push((name, value.to_owned()));
        }
        self
    }

    /// Handles the request before it gives the scripted answer.
    pub(crate) fn after_handling(mut self) -> Self {
        if let Behaviour::Reply(reply) = self.behaviour {
            self.behaviour = Behaviour::ReplyAfter(reply);
        }
        self
    }

    /// Whether the rule strikes this request; counts it either way.
    pub(crate) fn strikes(&mut self, method: &str, path: &str) -> Option<(Duration, Behaviour)> {
        let meets = self.method.is_none_or(|own| own == method) && path.ends_with(&self.path);
        if !meets || self.left == Some(0) {
            return None;
        }
        self.seen += 1;
        let due = self.seen > self.skip && (self.seen - self.skip).is_multiple_of(self.every);
        if !due {
            return None;
        }
        self.left = self.left.map(|left| left - 1);
        Some((self.delay, self.behaviour.clone()))
    }
}

impl Reply {
    fn with(mut self, name: &'static str, value: &str) -> Self {
        self.headers.push((name, value.to_owned()));
        self
    }

    pub(crate) fn response(self) -> Response<Body> {
        let mut response = Response::builder().status(self.status);
        for (name, value) in self.headers {
            response = response.header(name, value);
        }
        response
            .body(Body::from(self.body))
            .expect("a scripted answer is a valid one")
    }
}

/// A JSON answer that never ends, one byte each 50 ms.
pub(crate) fn drip() -> Response<Body> {
    let pause = || tokio::time::sleep(Duration::from_millis(50));
    streamed(stream::repeat(()).then(move |()| async move {
        pause().await;
        Bytes::from_static(b" ")
    }))
}

/// An empty JSON list of so many bytes, in pieces and without a word on its length.
pub(crate) fn unannounced(length: usize) -> Response<Body> {
    let blank = Bytes::from(vec![b' '; 64 * 1024]);
    let (pieces, rest) = ((length - 2) / blank.len(), (length - 2) % blank.len());
    let end = Bytes::from(format!("{}[]", " ".repeat(rest)));
    streamed(stream::iter(std::iter::repeat_n(blank, pieces).chain([end])))
}

/// The first half of `response`, under the length of the whole.
pub(crate) async fn truncate(response: Response<Body>) -> Response<Body> {
    let (mut parts, body) = response.into_parts();
    let whole = axum::body::to_bytes(body, usize::MAX)
        .await
        .expect("the body is in memory");
    parts
        .headers
        .insert(header::CONTENT_LENGTH, HeaderValue::from(whole.len()));
    let half = whole.slice(..whole.len() / 2);
    let broken = std::io::Error::other("closed in the middle");
    // The pause lets the first half go out before the error tears the connection down.
    let halves = stream::iter([Ok(half), Err(broken)]).then(async |part| {
        if part.is_err() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        part
    });
    Response::from_parts(parts, Body::from_stream(halves))
}

fn streamed(chunks: impl futures_util::Stream<Item = Bytes> + Send + 'static) -> Response<Body> {
    let chunks = chunks.map(Ok::<_, std::convert::Infallible>);
    Response::builder()
        .status(StatusCode::OK)
        .header(header::CONTENT_TYPE, "application/json")
        .body(Body::from_stream(chunks))
        .expect("a valid answer")
}
