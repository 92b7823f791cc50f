//! The identity provider of the test vault: the device flow and single-use refresh tokens. Its
//! misbehaviour is scripted with [`Fault`].
//!
//! [`Fault`]: super::faults::Fault

use std::time::{SystemTime, UNIX_EPOCH};

use axum::Json;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

/// Part of every token; no output may contain it.
pub(crate) const TOKEN_MARK: &str = "t0k3n-m4rk";

/// The state and settings of the provider.
pub(crate) struct Idp {
    /// Lifetime of an access token, in seconds.
    pub(crate) lifetime: i64,
    /// Whether repeating an exchange returns the same tokens again.
    pub(crate) replays: bool,
    pub(crate) omits_refresh_token: bool,
    /// Whether access tokens contain no expiry.
    pub(crate) opaque: bool,
    /// Number of polls to answer with `authorization_pending`.
    pub(crate) pending: usize,
    /// Polling interval of the device flow; `None` omits it from the reply.
    pub(crate) interval: Option<f64>,
    pub(crate) verification_uri: String,
    pub(crate) user_code: String,
    /// Number of refresh tokens used.
    pub(crate) exchanges: usize,
    live_refresh_token: Option<String>,
    last: Option<(String, Value)>,
    serial: usize,
}

impl Default for Idp {
    fn default() -> Self {
        Self {
            lifetime: 3600,
            replays: true,
            omits_refresh_token: false,
            opaque: false,
            pending: 1,
            interval: Some(1.0),
            verification_uri: "https://auth.example/device".to_owned(),
            user_code: "WDJB-MJHT".to_owned(),
            exchanges: 0,
            live_refresh_token: None,
            last: None,
            serial: 0,
        }
    }
}

impl Idp {
    /// Starts a login and returns its access token and refresh token.
    pub(crate) fn log_in(&mut self) -> (String, String) {
        self.serial += 1;
        let refresh_token = format!("refresh-{TOKEN_MARK}-{}", self.serial);
        self.live_refresh_token = Some(refresh_token.clone());
        (self.access_token(), refresh_token)
    }

    /// Ends the login.
    pub(crate) fn revoke(&mut self) {
        self.live_refresh_token = None;
        self.last = None;
    }

    /// Whether the next exchange requires this token.
    pub(crate) fn is_live(&self, refresh_token: &str) -> bool {
        self.live_refresh_token.as_deref() == Some(refresh_token)
    }

    fn access_token(&self) -> String {
        if self.opaque {
            return format!("opaque-{TOKEN_MARK}-{}", self.serial);
        }
        let exp = now() + self.lifetime;
        let claims = URL_SAFE_NO_PAD.encode(json!({ "exp": exp, "serial": self.serial }).to_string());
        format!("e30.{claims}.{TOKEN_MARK}")
    }

    pub(crate) fn authorize_device(&self) -> Response {
        let uri = &self.verification_uri;
        let mut answer = json!({
            "device_code": format!("device-{TOKEN_MARK}"),
            "user_code": self.user_code,
            "verification_uri": uri,
            "verification_uri_complete": format!("{uri}?user_code={}", self.user_code),
            "expires_in": 300,
        });
        if let Some(interval) = self.interval {
            answer["interval"] = json!(interval);
        }
        Json(answer).into_response()
    }

    /// The token endpoint. Also returns a new access token, which the API must accept from now on.
    pub(crate) fn authenticate(&mut self, form: &[(String, String)]) -> (Response, Option<String>) {
        let field = |name: &str| {
            form.iter()
                .find(|(n, _)| n == name)
                .map(|(_, value)| value.as_str())
        };
        let refuse = |code: &str| {
            let body = json!({ "error": code, "error_description": "as scripted" });
            ((StatusCode::BAD_REQUEST, Json(body)).into_response(), None)
        };
        if field("client_id").is_none_or(str::is_empty) {
            return refuse("invalid_client");
        }
        match field("grant_type") {
            Some("refresh_token") => {
                let token = field("refresh_token").unwrap_or_default().to_owned();
                match &self.last {
                    Some((used, answer)) if self.replays && *used == token => {
                        return (Json(answer.clone()).into_response(), None);
                    }
                    _ if !self.is_live(&token) => return refuse("invalid_grant"),
                    _ => self.exchanges += 1,
                }
                let answer = self.tokens();
                self.last = Some((token, answer.clone()));
                let access_token = answer["access_token"].as_str().map(str::to_owned);
                (Json(answer).into_response(), access_token)
            }
            Some("urn:ietf:params:oauth:grant-type:device_code") => {
                if self.pending > 0 {
                    self.pending -= 1;
                    return refuse("authorization_pending");
                }
                let answer = self.tokens();
                let access_token = answer["access_token"].as_str().map(str::to_owned);
                (Json(answer).into_response(), access_token)
            }
            _ => refuse("unsupported_grant_type"),
        }
    }

    fn tokens(&mut self) -> Value {
        let kept = self.live_refresh_token.clone();
        let (access_token, refresh_token) = self.log_in();
        let mut answer = json!({
            "access_token": access_token,
            "refresh_token": refresh_token,
            "user": { "id": "user_1", "email": "person@example.invalid" },
            "organization_id": "org_1",
        });
        if self.omits_refresh_token {
            self.live_refresh_token = kept;
            answer.as_object_mut().expect("an object").remove("refresh_token");
        }
        answer
    }
}

/// Seconds since 1970.
#[expect(clippy::disallowed_methods, reason = "tokens expire by the real clock")]
pub(crate) fn now() -> i64 {
    let since = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .expect("the clock is past 1970");
    i64::try_from(since.as_secs()).expect("the time fits into an i64")
}
