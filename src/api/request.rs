//! A request: whether it may be retried, its response, and what is reported about it.

use bytes::Bytes;
use reqwest::{Method, StatusCode};
use zeroize::Zeroizing;

use crate::net::withhold::Carried;
use crate::secret::Scope;

/// What a client reports while it works.
pub(crate) enum ApiEvent<'a> {
    /// A setting for the connection is ignored.
    Ignored(&'a str),
    /// The client waits for this.
    Waiting(&'a str),
    /// A request was answered or failed. The line has no secrets.
    Request(&'a dyn Fn() -> String),
}

/// A request to the API.
pub(super) struct ApiRequest<'a> {
    pub(super) method: Method,
    pub(super) path: &'a str,
    pub(super) body: Option<Bytes>,
    pub(super) repeat: Repeat,
    /// Whether it changes something, so that it is in doubt without an answer.
    pub(super) is_write: bool,
    /// What the answer to a write must be about, where it says so.
    pub(super) id: Option<&'a str>,
    pub(super) name: Option<&'a str>,
    pub(super) scope: Option<Scope>,
    /// The secret in the body, which the answer must not quote.
    pub(super) carried: Option<Carried<'a>>,
}

impl<'a> ApiRequest<'a> {
    /// A request without a body. One with another method than GET is a write.
    pub(super) fn new(method: Method, path: &'a str) -> Self {
        Self {
            is_write: method != Method::GET,
            method,
            path,
            body: None,
            repeat: Repeat::Safe,
            id: None,
            name: None,
            scope: None,
            carried: None,
        }
    }
}

/// Which failed requests are retried.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Repeat {
    /// After every transient failure: to carry out the request twice does no harm.
    Safe,
    /// After a transient failure that leaves no doubt: the request was not carried out.
    Unsent,
    /// Never: the caller decides.
    Never,
}

/// A response that was read completely.
pub(crate) struct ApiAnswer {
    pub(crate) status: StatusCode,
    pub(crate) is_json: bool,
    pub(super) body: Zeroizing<Vec<u8>>,
    /// Whether the request may have changed something even if the body does not confirm it.
    pub(super) in_doubt: bool,
    /// As it may be shown.
    pub(super) trace_id: Option<String>,
}
