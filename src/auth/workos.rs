//! The identity provider, `WorkOS`. The program is a public client without a client secret.

use std::time::Duration;

use bytes::Bytes;
use reqwest::StatusCode;
use reqwest::header::{ACCEPT, CONTENT_TYPE};
use serde::Deserialize;
use tokio::time::sleep;
use url::{Url, form_urlencoded};
use zeroize::Zeroizing;

use crate::error::{Error, Kind, Result};
use crate::formats::json::{Object, lenient};
use crate::net::client::{self, Broken, ClientSettings, Stage};
use crate::net::origin::{self, ServerOrigin};
use crate::net::retry::{TOKEN_EXCHANGE, Tries};
use crate::net::withhold::KnownSecrets;
use crate::secret::SecretValue;
use crate::system::env::Env;

const BASE: &str = "https://api.workos.com";
const CLIENT_ID: &str = "client_01KHA495MJS1KT6QBRTYJ239DY";
const AUTHENTICATE: &str = "/user_management/authenticate";
const AUTHORIZE_DEVICE: &str = "/user_management/authorize/device";
const DEVICE_GRANT: &str = "urn:ietf:params:oauth:grant-type:device_code";
/// Maximum size of a response, in bytes.
const MAX_ANSWER: usize = 1024 * 1024;
/// Maximum length of a displayed URL, in bytes.
const MAX_ADDRESS: usize = 2048;
/// Timeout of one attempt. Repeating an exchange within ten seconds returns the same tokens, so an
/// attempt without a reply must end early enough for a retry.
const TRY_TIMEOUT: Duration = Duration::from_secs(8);

/// An error of a request to the provider.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ProviderError {
    /// The details are empty, or a colon and the provider's message.
    #[error("the identity provider refused ({code}){details}")]
    Refused { code: String, details: String },
    /// The provider could not be reached, or its response was invalid. A retry may help.
    #[error("{0}")]
    Unavailable(String),
    /// A retry would not help: the client could not be set up, TLS failed, a proxy refused, or the
    /// response did not come from the identity provider.
    #[error(transparent)]
    Final(#[from] Error),
}

impl ProviderError {
    /// Whether a refresh token is not accepted any more.
    pub(crate) fn is_invalid_grant(&self) -> bool {
        matches!(self, Self::Refused { code, .. } if code == "invalid_grant")
    }
}

impl From<Broken> for ProviderError {
    fn from(Broken { stage, message, hint }: Broken) -> Self {
        if stage == Stage::Handshake {
            let error = Error::new(Kind::Unreachable, message);
            return Self::Final(error.maybe_hint(hint.map(str::to_owned)));
        }
        Self::Unavailable(message)
    }
}

impl From<ProviderError> for Error {
    fn from(error: ProviderError) -> Self {
        match error {
            ProviderError::Refused { ref code, .. } => explain(code, &error),
            ProviderError::Unavailable(reason) => {
                Self::new(Kind::Unreachable, reason).hint("check the network, or use --api-key-file")
            }
            ProviderError::Final(error) => error,
        }
    }
}

/// Explains a refusal. The codes are those of RFC 8628 and of `WorkOS`.
fn explain(code: &str, error: &ProviderError) -> Error {
    let what = match code {
        "expired_token" => "the code was not entered in time",
        "access_denied" => "the login was denied in the browser",
        "organization_selection_required" => "the login requires choosing an organisation in the browser",
        "sso_required" => "your organisation requires its single sign-on in the browser",
        "mfa_challenge" => "the login requires a second factor in the browser",
        "mfa_enrollment" => "your organisation requires a second factor, and none is set up",
        "email_verification_required" => {
            "your e-mail address is not verified yet: follow the link in the mail"
        }
        _ => {
            return Error::new(Kind::Credential, error.to_string())
                .hint("run `amika auth login` again, or use --api-key-file");
        }
    };
    Error::new(Kind::Credential, format!("{what} ({code})")).hint("run `amika auth login` again")
}

type ProviderResult<T> = std::result::Result<T, ProviderError>;

/// The result of an exchange. The provider may omit unchanged members.
#[derive(Default)]
pub(crate) struct Tokens {
    pub(crate) access_token: Option<SecretValue>,
    pub(crate) refresh_token: Option<SecretValue>,
    pub(crate) user_id: Option<String>,
    pub(crate) email: Option<String>,
    pub(crate) organization_id: Option<String>,
}

/// The start of a login on another device.
#[derive(Deserialize)]
pub(crate) struct DeviceCode {
    /// Identifies the login in polls; never shown.
    #[serde(rename = "device_code")]
    pub(crate) secret: SecretValue,
    pub(crate) user_code: String,
    pub(crate) verification_uri: String,
    /// The URL that includes the code.
    #[serde(default, deserialize_with = "lenient")]
    pub(crate) verification_uri_complete: Option<String>,
    #[serde(default, deserialize_with = "lenient")]
    pub(crate) expires_in: Option<f64>,
    #[serde(default, deserialize_with = "lenient")]
    pub(crate) interval: Option<f64>,
}

/// The provider.
#[derive(Clone)]
pub(crate) struct Workos {
    base: ServerOrigin,
    client_id: String,
    /// The secrets that a text of a server must not quote, including all tokens so far.
    pub(crate) known_secrets: KnownSecrets,
    settings: ClientSettings,
}

impl Workos {
    /// `AMIKA_WORKOS_URL` must be a loopback URL, because the server receives tokens.
    pub(crate) fn from_env(env: &Env) -> Result<Self> {
        let moved = env.setting("AMIKA_WORKOS_URL")?;
        let base = ServerOrigin::parse("AMIKA_WORKOS_URL", moved.unwrap_or(BASE))?;
        if moved.is_some() && !base.is_loopback() {
            let error = Error::usage("AMIKA_WORKOS_URL must point to this machine");
            return Err(error.hint("it is for tests; unset it"));
        }
        let client_id = env.setting("AMIKA_WORKOS_CLIENT_ID")?.unwrap_or(CLIENT_ID);
        let mut settings = ClientSettings::from_env(env)?;
        settings.timeout = settings.timeout.min(TRY_TIMEOUT);
        Ok(Self {
            base,
            client_id: client_id.to_owned(),
            known_secrets: KnownSecrets::default(),
            settings,
        })
    }

    /// Exchanges a refresh token. If the reply is lost, the exchange is repeated with the same token;
    /// within ten seconds, the provider repeats its reply.
    pub(crate) async fn refresh(&self, refresh_token: &SecretValue) -> ProviderResult<Tokens> {
        self.known_secrets.add(refresh_token);
        let fields = [
            ("grant_type", "refresh_token"),
            ("refresh_token", refresh_token.expose_secret()),
        ];
        let mut tries = Tries::new(TOKEN_EXCHANGE);
        loop {
            match self.post(AUTHENTICATE, &fields).await {
                Err(ProviderError::Unavailable(reason)) => match tries.next(None) {
                    Some(wait) => sleep(wait).await,
                    None => return Err(ProviderError::Unavailable(reason)),
                },
                decided => return decided.map(|answer| self.tokens(&answer)),
            }
        }
    }

    /// Starts a login on another device.
    pub(crate) async fn authorize_device(&self) -> ProviderResult<DeviceCode> {
        let answer = self.post(AUTHORIZE_DEVICE, &[]).await?;
        let object = Object::parse(&answer).ok().flatten();
        let code = object.and_then(|object| object.read());
        let code = code.filter(|code: &DeviceCode| !code.secret.is_empty() && !code.user_code.is_empty());
        let Some(mut code) = code else {
            return Err(ProviderError::Unavailable(format!(
                "{} did not start a login",
                self.base
            )));
        };
        self.known_secrets.add(&code.secret);
        self.check_address(&code.verification_uri)?;
        if let Some(complete) = &code.verification_uri_complete {
            self.check_address(complete)?;
        }
        code.user_code = self.known_secrets.show_line(&code.user_code, None);
        code.verification_uri = self.known_secrets.show(&code.verification_uri, None);
        Ok(code)
    }

    /// Polls once for the result of a login.
    pub(crate) async fn poll_device(&self, device_code: &SecretValue) -> ProviderResult<Tokens> {
        let fields = [
            ("grant_type", DEVICE_GRANT),
            ("device_code", device_code.expose_secret()),
        ];
        let answer = self.post(AUTHENTICATE, &fields).await?;
        Ok(self.tokens(&answer))
    }

    /// Posts a form with our client id, and returns the JSON of a 2xx response.
    async fn post(&self, path: &str, fields: &[(&str, &str)]) -> ProviderResult<Zeroizing<String>> {
        let body = form(fields, &self.client_id);
        let response = client::client(&self.settings, &self.base)?
            .post(self.base.at(path))
            .header(ACCEPT, "application/json")
            .header(CONTENT_TYPE, "application/x-www-form-urlencoded")
            .body(body)
            .send()
            .await
            .map_err(|error| Broken::new(&error, &self.base))?;
        if let Some(message) = client::unexpected(&response, &self.base, &self.known_secrets, None) {
            let error = Error::new(Kind::Contract, message).hint("a proxy or login page may be in between");
            return Err(error.into());
        }
        let status = response.status();
        let headers = response.headers().clone();
        let body = client::read_body(response, MAX_ANSWER, &self.base).await?;
        let text = std::str::from_utf8(&body).unwrap_or_default();
        let object = Object::parse(text).ok().flatten();
        match object.filter(|_| client::is_json(&headers)) {
            Some(_) if status.is_success() => Ok(Zeroizing::new(text.to_owned())),
            Some(object) if status.is_client_error() && !matches!(status.as_u16(), 408 | 429) => {
                Err(self.refusal(&object, status))
            }
            _ => {
                let status = status.as_u16();
                let message = format!("{} answered {status} without usable JSON", self.base);
                Err(ProviderError::Unavailable(message))
            }
        }
    }

    /// Reads both formats of an error: `error` with `error_description`, or `code` with `message`.
    fn refusal(&self, object: &Object<'_>, status: StatusCode) -> ProviderError {
        let shown = |name, other| {
            let text = member(object, name).or_else(|| member(object, other))?;
            Some(self.known_secrets.show_line(text.expose_secret(), None))
        };
        ProviderError::Refused {
            code: shown("error", "code").unwrap_or_else(|| status.as_u16().to_string()),
            details: shown("error_description", "message")
                .map_or_else(String::new, |said| format!(": {said}")),
        }
    }

    /// Reads the tokens of a response, and registers them as known secrets.
    fn tokens(&self, answer: &str) -> Tokens {
        let Ok(Some(reply)) = Object::parse(answer) else {
            return Tokens::default();
        };
        let token = |name| member(&reply, name).inspect(|token| self.known_secrets.add(token));
        let (access_token, refresh_token) = (token("access_token"), token("refresh_token"));
        let user = reply.object("user").ok().flatten();
        let shown = |object: Option<&Object<'_>>, name| {
            let text = member(object?, name)?;
            Some(self.known_secrets.show(text.expose_secret(), None))
        };
        Tokens {
            access_token,
            refresh_token,
            user_id: shown(user.as_ref(), "id"),
            email: shown(user.as_ref(), "email"),
            organization_id: shown(Some(&reply), "organization_id"),
        }
    }

    /// Refuses a URL that is not safe to open.
    fn check_address(&self, address: &str) -> ProviderResult<()> {
        let url = Url::parse(address).ok().filter(|_| address.len() <= MAX_ADDRESS);
        let is_safe = url.is_some_and(|url| {
            let encrypted = url.scheme() == "https" || url.scheme() == "http" && origin::is_loopback(&url);
            encrypted && url.has_host() && url.username().is_empty() && url.password().is_none()
        });
        if is_safe {
            return Ok(());
        }
        let message = format!("{} sent a login URL that is not safe to open", self.base);
        let hint = "a proxy may be in between; `amika auth login --api-key-file FILE` needs no browser";
        Err(Error::new(Kind::Contract, message).hint(hint).into())
    }
}

/// A string member; `None` if it is missing, empty or something else.
fn member(object: &Object<'_>, name: &str) -> Option<SecretValue> {
    object.string(name).ok().flatten()
}

/// Builds the body of a form, whose memory is zeroed when the last clone is dropped.
fn form(fields: &[(&str, &str)], client_id: &str) -> Bytes {
    let mut form = form_urlencoded::Serializer::new(String::new());
    form.extend_pairs(fields).append_pair("client_id", client_id);
    Bytes::from_owner(Zeroizing::new(form.finish().into_bytes()))
}
