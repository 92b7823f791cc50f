//! A request: whether it may be retried, its response, and its line for `--verbose`.

use std::fmt;
use std::time::Duration;

use bytes::Bytes;
use reqwest::{Method, StatusCode};
use zeroize::Zeroizing;

use super::error::Effect;
use crate::net::withhold::Carried;

/// What a client reports while it works, for a person.
pub(crate) trait Observer {
    /// Whether [`request`](Self::request) shows anything.
    fn shows_requests(&self) -> bool;
    /// A request was answered or failed.
    fn request(&self, line: &RequestLine);
    /// Something in the environment is not used as the person may expect.
    fn warning(&self, warning: &str);
    /// The client waits for this.
    fn waiting(&self, what: &str);
}

/// The details of one request for `--verbose`, without secrets.
pub(crate) struct RequestLine {
    pub(crate) method: Method,
    pub(crate) path: String,
    /// The status, or the message of the error if there was none.
    pub(crate) outcome: String,
    pub(crate) elapsed: Duration,
    pub(crate) trace_id: Option<String>,
}

impl fmt::Display for RequestLine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let milliseconds = self.elapsed.as_millis();
        write!(
            f,
            "{} {} {} {milliseconds} ms",
            self.method, self.path, self.outcome
        )?;
        match &self.trace_id {
            Some(id) => write!(f, " trace {id}"),
            None => Ok(()),
        }
    }
}

/// A request to the API.
pub(super) struct Request<'a> {
    pub(super) method: Method,
    pub(super) path: &'a str,
    pub(super) body: Option<Bytes>,
    pub(super) repeat: Repeat,
    /// Whether it changes what is stored.
    pub(super) is_write: bool,
    /// The secret in the body.
    pub(super) carried: Option<Carried<'a>>,
}

impl<'a> Request<'a> {
    /// A request that changes nothing.
    pub(super) fn read(method: Method, path: &'a str) -> Self {
        Self {
            method,
            path,
            body: None,
            repeat: Repeat::Safe,
            is_write: false,
            carried: None,
        }
    }

    /// What it may have done if no answer tells.
    pub(super) fn possible_effect(&self) -> Effect {
        if self.is_write {
            Effect::Unknown
        } else {
            Effect::None
        }
    }

    pub(super) fn delete(path: &'a str) -> Self {
        Self {
            is_write: true,
            ..Self::read(Method::DELETE, path)
        }
    }

    /// A request that stores the carried value.
    pub(super) fn store(method: Method, path: &'a str, body: Bytes, carried: Carried<'a>) -> Self {
        Self {
            method,
            path,
            body: Some(body),
            repeat: Repeat::Never,
            is_write: true,
            carried: Some(carried),
        }
    }
}

/// Which failed requests are retried.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Repeat {
    /// After every transient failure, because the request may be carried out twice.
    Safe,
    /// Only if the request was certainly not carried out.
    Unsent,
    /// Never: the caller decides.
    Never,
}

/// A response that was read completely.
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) is_json: bool,
    pub(super) body: Zeroizing<Vec<u8>>,
    /// What the request may have done if the body does not confirm it.
    pub(super) unconfirmed: Effect,
    /// As it may be shown.
    pub(super) trace_id: Option<String>,
}

impl Answer {
    /// The response to a delete that was carried out.
    pub(super) fn no_content() -> Self {
        Self {
            status: StatusCode::NO_CONTENT,
            is_json: false,
            body: Zeroizing::default(),
            unconfirmed: Effect::Unknown,
            trace_id: None,
        }
    }
}
