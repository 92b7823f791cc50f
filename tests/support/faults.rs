//! Scripted faults of the test vault.

use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::http::{HeaderValue, Response, StatusCode, header};
use futures_util::{StreamExt, stream};

/// A fault: which requests it affects, how often, and what happens to them.
#[derive(Clone)]
pub(crate) struct Fault {
    method: Option<&'static str>,
    path: String,
    /// The name of the secret in the body; `None` is any.
    name: Option<&'static str>,
    every: usize,
    skip: usize,
    left: Option<usize>,
    seen: usize,
    delay: Duration,
    behaviour: Behaviour,
}

/// The effect of a fault on a request.
#[derive(Clone)]
pub(crate) enum Behaviour {
    /// Handle the request after the delay.
    Handle,
    /// Send this reply without handling the request.
    Reply(Reply),
    /// Handle the request, but send this reply.
    ReplyAfter(Reply),
    /// Handle the request, and send the real reply with this content type.
    Mislabel(&'static str),
    /// Reset the connection without handling the request.
    ResetBefore,
    /// Handle the request, and reset the connection instead of replying.
    ResetAfter,
    /// Handle the request, and close the connection in the middle of the reply.
    Truncate,
    /// Never reply.
    Hang,
    /// Handle the request when the vault is told to release held requests.
    Hold,
    /// Send an endless reply with this status, one space at a time.
    Drip(u16),
    /// Send an empty JSON list padded to this many bytes, without a content length.
    Unannounced(usize),
}

/// A scripted reply.
#[derive(Clone, Default)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(&'static str, String)>,
    pub(crate) body: String,
}

impl Fault {
    /// Matches the next request with this method whose path ends in `path`; `*` is any method.
    pub(crate) fn on(method: &'static str, path: &str) -> Self {
        Self {
            method: (method != "*").then_some(method),
            path: path.to_owned(),
            name: None,
            every: 1,
            skip: 0,
            left: Some(1),
            seen: 0,
            delay: Duration::ZERO,
            behaviour: Behaviour::Handle,
        }
    }

    /// Affects only requests that create this secret.
    pub(crate) fn of(self, name: &'static str) -> Self {
        Self {
            name: Some(name),
            ..self
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

    /// Affects every n-th matching request, without a limit.
    pub(crate) fn every(self, every: usize) -> Self {
        Self {
            every,
            left: None,
            ..self
        }
    }

    /// Ignores the first `skip` matching requests.
    pub(crate) fn skip(self, skip: usize) -> Self {
        Self { skip, ..self }
    }

    pub(crate) fn delay(self, delay: Duration) -> Self {
        Self { delay, ..self }
    }

    pub(crate) fn does(self, behaviour: Behaviour) -> Self {
        Self { behaviour, ..self }
    }

    /// Replies with `status` and the API's error envelope.
    pub(crate) fn fails(self, status: u16, message: &str) -> Self {
        let body = serde_json::json!({ "type": "error", "error_code": "scripted", "message": message });
        let reply = Reply {
            status,
            body: body.to_string(),
            ..Reply::default()
        };
        self.does(Behaviour::Reply(reply.with("content-type", "application/json")))
    }

    /// Replies with an HTML page, like a captive portal or a proxy.
    pub(crate) fn html(self, status: u16) -> Self {
        let reply = Reply {
            status,
            body: "<html>Please sign in</html>".to_owned(),
            ..Reply::default()
        };
        self.does(Behaviour::Reply(reply.with("content-type", "text/html")))
    }

    /// Replies with JSON.
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

    /// Adds a header to a scripted reply.
    pub(crate) fn header(mut self, name: &'static str, value: &str) -> Self {
        if let Behaviour::Reply(reply) | Behaviour::ReplyAfter(reply) = &mut self.behaviour {
            reply.headers.push((name, value.to_owned()));
        }
        self
    }

    /// Handles the request before the scripted reply is sent.
    pub(crate) fn after_handling(mut self) -> Self {
        if let Behaviour::Reply(reply) = self.behaviour {
            self.behaviour = Behaviour::ReplyAfter(reply);
        }
        self
    }

    /// Returns the effect on this request, if any, and counts a matching request.
    pub(crate) fn applies_to(
        &mut self,
        method: &str,
        path: &str,
        body: &[u8],
    ) -> Option<(Duration, Behaviour)> {
        let is_named = |name| {
            let body: Option<serde_json::Value> = serde_json::from_slice(body).ok();
            body.is_some_and(|body| body["name"] == name)
        };
        let matches = self.method.is_none_or(|own| own == method)
            && path.ends_with(&self.path)
            && self.name.is_none_or(is_named);
        if !matches || self.left == Some(0) {
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
            .expect("a scripted reply is valid")
    }
}

/// An endless JSON reply, one byte every 50 ms.
pub(crate) fn drip(status: u16) -> Response<Body> {
    let pause = || tokio::time::sleep(Duration::from_millis(50));
    let mut response = streamed(stream::repeat(()).then(move |()| async move {
        pause().await;
        Bytes::from_static(b" ")
    }));
    *response.status_mut() = StatusCode::from_u16(status).expect("a scripted status is valid");
    response
}

/// An empty JSON list padded to `length` bytes, sent in chunks without a content length.
pub(crate) fn unannounced(length: usize) -> Response<Body> {
    let blank = Bytes::from(vec![b' '; 64 * 1024]);
    let (pieces, rest) = ((length - 2) / blank.len(), (length - 2) % blank.len());
    let end = Bytes::from(format!("{}[]", " ".repeat(rest)));
    streamed(stream::iter(std::iter::repeat_n(blank, pieces).chain([end])))
}

/// The first half of `response`, with the content length of the whole.
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
    // The pause lets the first half be sent before the error closes the connection.
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
        .expect("a valid response")
}
