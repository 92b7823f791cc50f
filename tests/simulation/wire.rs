//! Reads and writes HTTP/1.1 requests and replies on a stream.

use std::io::{BufRead, Write};
use std::net::TcpStream;

use serde_json::Value;

use crate::vault::Op;

/// The status and headers of a reply, except for its length.
pub(crate) struct Head<'a> {
    pub(crate) status: u16,
    pub(crate) content_type: &'a str,
    pub(crate) trace_id: &'a str,
    pub(crate) location: Option<&'a str>,
}

impl Head<'_> {
    pub(crate) fn json(status: u16) -> Self {
        Self {
            status,
            content_type: "application/json",
            trace_id: "trace",
            location: None,
        }
    }

    pub(crate) fn write(&self, mut stream: &TcpStream, body: &str) -> std::io::Result<()> {
        let Self {
            status,
            content_type,
            trace_id,
            location,
        } = self;
        let location = location.map_or_else(String::new, |to| format!("location: {to}\r\n"));
        let length = if *status == 204 {
            String::new()
        } else {
            format!("content-length: {}\r\n", body.len())
        };
        let head =
            format!("HTTP/1.1 {status} X\r\ncontent-type: {content_type}\r\nx-trace-id: {trace_id}\r\n");
        stream.write_all(format!("{head}{location}{length}\r\n{body}").as_bytes())
    }
}

/// Reads a request and its bearer token; `None` at the end of the connection.
pub(crate) fn read_request(reader: &mut impl BufRead) -> std::io::Result<Option<(Option<Op>, String)>> {
    let mut first = String::new();
    if reader.read_line(&mut first)? == 0 {
        return Ok(None);
    }
    let (mut length, mut bearer) = (0, String::new());
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line)? <= 2 {
            break;
        }
        let (name, value) = line.split_once(':').unwrap_or_default();
        match name.to_ascii_lowercase().as_str() {
            "content-length" => length = value.trim().parse().unwrap_or(0),
            "authorization" => value.trim().trim_start_matches("Bearer ").clone_into(&mut bearer),
            _ => {}
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body)?;
    let mut words = first.split_whitespace();
    let (method, path) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
    Ok(Some((parse(method, path, &body), bearer)))
}

fn parse(method: &str, path: &str, body: &[u8]) -> Option<Op> {
    if path == "/user_management/authenticate" {
        let mut fields = url::form_urlencoded::parse(body);
        let token = fields.find(|(name, _)| name == "refresh_token")?.1;
        return Some(Op::Refresh(token.into_owned()));
    }
    let rest = path.strip_prefix("/api/v0beta1/secrets")?.trim_start_matches('/');
    let (family, rest) = match rest.split_once('/').unwrap_or((rest, "")) {
        ("claude", rest) => ("claude", rest),
        ("codex", rest) => ("codex", rest),
        _ => ("generic", rest),
    };
    let body: Value = serde_json::from_slice(body).unwrap_or_default();
    let text = |name: &str| body[name].as_str().map(str::to_owned);
    let (id, tail) = rest.split_once('/').unwrap_or((rest, ""));
    let id = id.to_owned();
    Some(match (method, id.as_str(), tail) {
        ("GET", "", "") => Op::List(family),
        ("POST", "", "") => Op::Create {
            family,
            name: text("name")?,
            value: text("value")?,
            scope: if text("scope").as_deref() == Some("org") {
                "org"
            } else {
                "user"
            },
            kind: text("type").unwrap_or_default(),
        },
        ("PUT", _, "") => Op::Update {
            id,
            value: text("value")?,
        },
        ("DELETE", _, "") => Op::Delete { family, id },
        ("POST", _, "reveal") => Op::Reveal { family, id },
        _ => return None,
    })
}
