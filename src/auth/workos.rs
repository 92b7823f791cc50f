//! The identity provider: `WorkOS`, as a public client without a secret of its own.

use std::time::Duration;

use bytes::Bytes;
use reqwest::StatusCode;
use reqwest::header::{ACCEPT, CONTENT_TYPE};
use url::form_urlencoded;
use zeroize::Zeroizing;

use crate::error::{Error, Kind, Result};
use crate::formats::json::Object;
use crate::net::client::{self, BadBody, Broken, ClientSettings};
use crate::net::origin::Origin;
use crate::net::redact::Redactor;
use crate::net::retry::{TOKEN_EXCHANGE, Tries};
use crate::secret::SecretValue;
use crate::system::env::Env;

const BASE: &str = "https://api.workos.com";
const CLIENT_ID: &str = "client_01KHA495MJS1KT6QBRTYJ239DY";
const AUTHENTICATE: &str = "/user_management/authenticate";
const AUTHORIZE_DEVICE: &str = "/user_management/authorize/device";
const DEVICE_GRANT: &str = "urn:ietf:params:oauth:grant-type:device_code";
/// The largest answer read, in bytes.
const MAX_ANSWER: usize = 1024 * 1024;
/// How long one try may take. Within ten seconds of an exchange its repetition gives the same
/// tokens, so a try that got no answer must give up in time for another.
const ONE_TRY: Duration = Duration::from_secs(8);

/// Why the provider did not do what it was asked to.
#[derive(Debug)]
pub(crate) enum Failure {
    /// It said no, with a code of its own.
    Refused { code: String, message: String },
    /// It could not be reached, or answered nonsense: trying again may help.
    Trouble(String),
    /// It is not the provider.
    Stranger(Error),
}

/// What an exchange brought. The provider may leave out what did not change.
pub(crate) struct Tokens {
    pub(crate) access_token: Option<SecretValue>,
    pub(crate) refresh_token: Option<SecretValue>,
    pub(crate) user_id: Option<String>,
    pub(crate) email: Option<String>,
    pub(crate) organization_id: Option<String>,
}

/// The start of a login on another device.
pub(crate) struct DeviceCode {
    /// Stands for the login until it is done.
    pub(crate) secret: SecretValue,
    pub(crate) user_code: String,
    pub(crate) verification_uri: String,
    /// The same with the code filled in.
    pub(crate) verification_uri_complete: Option<String>,
    pub(crate) expires_in: Option<f64>,
    pub(crate) interval: Option<f64>,
}

/// The provider, not yet connected to.
#[derive(Debug, Clone)]
pub(crate) struct Workos {
    base: Origin,
    client_id: String,
    settings: ClientSettings,
}

impl Workos {
    /// `AMIKA_WORKOS_URL` may move it, within this machine only: who answers there gets tokens.
    pub(crate) fn from_env(env: &Env) -> Result<Self> {
        let base = match env.setting("AMIKA_WORKOS_URL")? {
            None => Origin::parse("AMIKA_WORKOS_URL", BASE)?,
            Some(text) => {
                let moved = Origin::parse("AMIKA_WORKOS_URL", text)?;
                if !moved.is_loopback() {
                    return Err(Error::usage("AMIKA_WORKOS_URL may only name this machine")
                        .hint("it is for tests; unset it"));
                }
                moved
            }
        };
        let client_id = env.setting("AMIKA_WORKOS_CLIENT_ID")?.unwrap_or(CLIENT_ID);
        Ok(Self {
            base,
            client_id: client_id.to_owned(),
            settings: ClientSettings::from_env(env)?.at_most(ONE_TRY),
        })
    }

    /// Exchanges a refresh token, trying the same one again while that may help: a repetition
    /// within ten seconds gives the same tokens.
    pub(crate) async fn refresh(&self, refresh_token: &SecretValue) -> std::result::Result<Tokens, Failure> {
        let http = self.client()?;
        let fields = [
            ("grant_type", "refresh_token"),
            ("refresh_token", refresh_token.expose_secret()),
        ];
        let mut tries = Tries::new(TOKEN_EXCHANGE);
        let mut trouble = format!("{} did not answer in time", self.base);
        loop {
            match tries.run(self.post(&http, AUTHENTICATE, &fields)).await {
                Some(Err(Failure::Trouble(reason))) => trouble = reason,
                Some(decided) => return decided.map(|answer| tokens(&answer)),
                None => return Err(Failure::Trouble(trouble)),
            }
            if !tries.pause(None).await {
                return Err(Failure::Trouble(trouble));
            }
        }
    }

    /// Starts a login on another device.
    pub(crate) async fn authorize_device(&self) -> std::result::Result<DeviceCode, Failure> {
        let http = self.client()?;
        let answer = self.post(&http, AUTHORIZE_DEVICE, &[]).await?;
        let incomplete = || Failure::Trouble(format!("{} started no login", self.base));
        let object = Object::parse(&answer).ok().flatten().ok_or_else(incomplete)?;
        let text = |name: &str| Some(object.string(name).ok()??.expose_secret().to_owned());
        Ok(DeviceCode {
            secret: object
                .string("device_code")
                .ok()
                .flatten()
                .ok_or_else(incomplete)?,
            user_code: text("user_code").ok_or_else(incomplete)?,
            verification_uri: text("verification_uri").ok_or_else(incomplete)?,
            verification_uri_complete: text("verification_uri_complete"),
            expires_in: object.number("expires_in"),
            interval: object.number("interval"),
        })
    }

    /// Asks once whether the login on the other device is done.
    pub(crate) async fn poll_device(
        &self,
        device_code: &SecretValue,
    ) -> std::result::Result<Tokens, Failure> {
        let http = self.client()?;
        let fields = [
            ("grant_type", DEVICE_GRANT),
            ("device_code", device_code.expose_secret()),
        ];
        let answer = self.post(&http, AUTHENTICATE, &fields).await?;
        Ok(tokens(&answer))
    }

    fn client(&self) -> std::result::Result<reqwest::Client, Failure> {
        client::client(&self.settings, &self.base).map_err(Failure::Stranger)
    }

    /// Posts a form with our client id, and gives the JSON of a 2xx answer.
    async fn post(
        &self,
        http: &reqwest::Client,
        path: &str,
        fields: &[(&str, &str)],
    ) -> std::result::Result<Zeroizing<String>, Failure> {
        let body = form(fields, &self.client_id);
        let response = http
            .post(self.base.at(path))
            .header(ACCEPT, "application/json")
            .header(CONTENT_TYPE, "application/x-www-form-urlencoded")
            .body(body)
            .send()
            .await
            .map_err(|error| Failure::Trouble(Broken::new(&error, &self.base).message))?;
        let status = response.status();
        let headers = response.headers().clone();
        if status.is_redirection() {
            let target = client::redirect_target(&headers, &self.base);
            let target = target.map_or_else(|| "elsewhere".to_owned(), |target| client::shorten(&target));
            let message = format!("{} redirects to {target}, which was not followed", self.base);
            return Err(Failure::Stranger(
                Error::new(Kind::Contract, message).hint("is there a proxy or login page in between?"),
            ));
        }
        let body = client::read_body(response, MAX_ANSWER, &self.base)
            .await
            .map_err(|bad| match bad {
                BadBody::Broken(broken) => Failure::Trouble(broken.message),
                BadBody::TooLarge => Failure::Trouble(format!("the answer of {} is too large", self.base)),
            })?;
        let text = std::str::from_utf8(&body).unwrap_or_default();
        let object = Object::parse(text)
            .ok()
            .flatten()
            .filter(|_| client::is_json(&headers));
        match object {
            Some(_) if status.is_success() => Ok(Zeroizing::new(text.to_owned())),
            Some(object) if is_refusal(status) => Err(refusal(&object, fields, status)),
            _ => {
                let status = status.as_u16();
                Err(Failure::Trouble(format!(
                    "{} answered {status} without a usable text",
                    self.base
                )))
            }
        }
    }
}

/// A form's body, whose memory is zeroed when its last copy is dropped.
fn form(fields: &[(&str, &str)], client_id: &str) -> Bytes {
    let mut form = form_urlencoded::Serializer::new(String::new());
    form.extend_pairs(fields).append_pair("client_id", client_id);
    Bytes::from_owner(Zeroizing::new(form.finish().into_bytes()))
}

/// Any 4xx that is no plea for patience.
fn is_refusal(status: StatusCode) -> bool {
    status.is_client_error() && !matches!(status.as_u16(), 408 | 429)
}

/// Errors come as `error` and `error_description`, or as `code` and `message`.
fn refusal(object: &Object<'_>, fields: &[(&str, &str)], status: StatusCode) -> Failure {
    let mut known = Redactor::default();
    for (_, value) in fields {
        known.learn(&SecretValue::new((*value).to_owned()));
    }
    let text = |names: [&str; 2]| {
        let found = names.iter().find_map(|name| object.string(name).ok().flatten());
        found.map(|text| client::shorten(&known.clean(text.expose_secret())))
    };
    Failure::Refused {
        code: text(["error", "code"]).unwrap_or_else(|| status.as_u16().to_string()),
        message: text(["error_description", "message"]).unwrap_or_default(),
    }
}

fn tokens(answer: &str) -> Tokens {
    let object = Object::parse(answer).ok().flatten();
    let string = |name: &str| object.as_ref()?.string(name).ok().flatten();
    let user = object
        .as_ref()
        .and_then(|object| object.object("user").ok().flatten());
    let of_user = |name: &str| Some(user.as_ref()?.string(name).ok()??.expose_secret().to_owned());
    Tokens {
        access_token: string("access_token"),
        refresh_token: string("refresh_token"),
        user_id: of_user("id"),
        email: of_user("email"),
        organization_id: string("organization_id").map(|id| id.expose_secret().to_owned()),
    }
}
