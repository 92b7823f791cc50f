//! `amika auth login`: a login on another device, or an API key from a file.

use std::path::{Path, PathBuf};
use std::rc::Rc;

use clap::Args;

use serde_json::json;

use crate::api::Repeat;
use crate::auth::credential::ApiCredential;
use crate::auth::device_flow;
use crate::auth::source::{CredentialSource, check_characters};
use crate::auth::store::{ApiKey, CredentialBackend, Session, Store, StoredResult};
use crate::auth::workos::{DeviceCode, Workos};
use crate::context::Context;
use crate::error::{Error, Kind, Result};
use crate::formats::escape;
use crate::net::origin::{self, ServerOrigin};
use crate::secret::SecretValue;
use crate::system::browser;
use crate::system::file;
use crate::system::given::Given;
use crate::ui::notices::Notices;
use crate::ui::prompt;

#[derive(Debug, Args)]
pub(crate) struct LoginArgs {
    /// Store the API key read from this file instead of logging in; - reads standard input
    #[arg(long, value_name = "FILE", value_hint = clap::ValueHint::FilePath)]
    pub(crate) api_key_file: Option<PathBuf>,
    /// Print the URL and the code without opening a browser
    #[arg(long, conflicts_with = "api_key_file")]
    pub(crate) no_browser: bool,
    /// Store the API key without checking it with the API
    #[arg(long, requires = "api_key_file")]
    pub(crate) offline: bool,
    /// Where to store the secret part
    #[arg(long, value_enum, default_value_t = CredentialBackend::File)]
    pub(crate) store: CredentialBackend,
}

/// Maximum size of a key file, in bytes.
const MAX_KEY: u64 = 64 * 1024;

pub(crate) async fn run(args: &LoginArgs, context: &Context) -> Result<()> {
    let origin = ServerOrigin::from_env(&context.env)?;
    let store = Store::require(&context.env)?;
    if args.api_key_file.is_none() && context.printer.is_json() {
        return Err(
            Error::usage("a browser login is interactive and has no JSON output")
                .hint("use --api-key-file FILE, or leave out --output"),
        );
    }
    store.check_change()?;
    let mut notices = Notices::default();
    if context.env.is_set("AMIKA_API_KEY") {
        notices.warn("AMIKA_API_KEY is set and takes precedence over stored credentials");
    }
    let stored = store.clone();
    let stored = context.on_thread(move |_| Ok((stored.api_key(), stored.session())));
    let (key, session) = stored.await?;
    if readable(key, CredentialSource::StoredApiKey, &mut notices)?.is_some() {
        return Err(already("a stored API key"));
    }
    match &args.api_key_file {
        Some(path) => store_key(path, args, &origin, &store, session, notices, context).await,
        None => log_in(args, &origin, &store, session, notices, context).await,
    }
}

async fn store_key(
    path: &Path,
    args: &LoginArgs,
    origin: &ServerOrigin,
    store: &Store,
    session: StoredResult<Session>,
    mut notices: Notices,
    context: &Context,
) -> Result<()> {
    let key = context.interrupt.or(read_key(path, context)).await?;
    if !args.offline {
        context
            .interrupt
            .or(check_accepted(&key, origin, context))
            .await?;
    }
    if session.is_ok_and(|session| session.is_some()) {
        notices.warn("the API key takes precedence over the stored login session");
    }
    let lock = context.interrupt.or(store.lock()).await?;
    let file = store.prepare(CredentialSource::StoredApiKey, args.store, &lock)?;
    let api_url = Some(origin.to_string());
    file.save_api_key(&ApiKey { key, api_url }, (context.env.now)(), &lock)?;
    let warnings: Vec<_> = notices.iter().map(|(_, message)| message).collect();
    let result = json!({ "authenticated": true, "method": "stored_api_key", "warnings": warnings });
    if !context.printer.is_json() {
        context.printer.notices(&notices);
    }
    context.printer.done(&result, || {
        let checked = if args.offline { ", not checked" } else { "" };
        format!("Stored API key for {origin}{checked}")
    })
}

/// Asks the API whether it accepts the key, before anything is replaced.
async fn check_accepted(key: &SecretValue, origin: &ServerOrigin, context: &Context) -> Result<()> {
    let source = CredentialSource::NewApiKey;
    let credential = ApiCredential::from_key(source, source.to_string(), key.clone());
    let api = context.api_using(origin.clone(), Rc::new(credential))?;
    let listed = api.list_secrets(Repeat::Safe).await;
    listed.map(drop).map_err(|error| {
        let error = Error::from(error).context(format!("checking the API key with {origin}"));
        let rejected = error.kind == Kind::Credential;
        let error = error.consequence("nothing was stored");
        if rejected {
            return error;
        }
        error.hint("try again, or store the key unchecked with --offline")
    })
}

async fn read_key(path: &Path, context: &Context) -> Result<SecretValue> {
    if file::is_stdin(path) && context.env.terminals.stdin {
        let from_file = "amika auth login --api-key-file FILE";
        let typed = prompt::ask_hidden(&context.options, &context.env, "API key", from_file).await?;
        return checked(&typed.into_value(from_file)?, "the prompt");
    }
    let failed = "failed to read the API key from";
    let say = |text: &str| context.printer.notice(text);
    let Given { bytes, place, .. } = context.env.read_given(path, failed, MAX_KEY, &say).await?;
    let text = std::str::from_utf8(&bytes).unwrap_or("\u{fffd}");
    checked(&SecretValue::new(text.to_owned()), &place)
}

fn checked(typed: &SecretValue, place: &str) -> Result<SecretValue> {
    let key = SecretValue::new(typed.expose_secret().trim().to_owned());
    if key.is_empty() {
        return Err(
            Error::input(format!("{place} contains no key")).hint("check that it was copied completely")
        );
    }
    check_characters(key, place).map_err(|error| error.with_kind(Kind::Input))
}

/// What is stored; nothing, with a warning, if it cannot be read. What cannot be read now may still be usable
/// later.
fn readable<T>(
    stored: StoredResult<T>,
    source: CredentialSource,
    notices: &mut Notices,
) -> Result<Option<T>> {
    let what = source.noun();
    match stored {
        Ok(stored) => Ok(stored),
        Err(error) if error.is_temporary() => {
            let message = format!(
                "you already have a stored {what}, which is not available now; nothing was changed ({error})"
            );
            Err(Error::new(Kind::Refused, message)
                .hint("unlock the keyring, or run `amika auth logout` to forget it"))
        }
        Err(error) => {
            notices.warn(format!("the stored {what} file is unreadable ({error})"));
            Ok(None)
        }
    }
}

fn already(what: &str) -> Error {
    Error::new(
        Kind::Refused,
        format!("you already have {what}; nothing was changed"),
    )
    .hint("to replace it, run `amika auth logout` first; `amika auth status` shows it")
}

async fn log_in(
    args: &LoginArgs,
    origin: &ServerOrigin,
    store: &Store,
    session: StoredResult<Session>,
    mut notices: Notices,
    context: &Context,
) -> Result<()> {
    let workos = Workos::from_env(&context.env)?;
    let session = readable(session, CredentialSource::Session, &mut notices);
    context.printer.notices(&notices);
    if let Some(session) = session? {
        refuse_usable(session, store, context).await?;
    }
    // Fail before the device flow starts if the session cannot be saved.
    let lock = context.interrupt.or(store.lock()).await?;
    drop(store.prepare(CredentialSource::Session, args.store, &lock)?);
    drop(lock);

    let started = async {
        let code = workos.authorize_device().await;
        code.map_err(|error| Error::from(error).context("cannot start the login"))
    };
    let code = context.interrupt.or(started).await?;
    show_device_code(&code, args.no_browser, context);
    let tokens = context.interrupt.or(device_flow::wait(&workos, &code)).await?;

    let session = Session::new(tokens, origin, args.store, (context.env.now)())?;
    let lock = context.interrupt.or(store.lock()).await?;
    let file = store.prepare(CredentialSource::Session, args.store, &lock)?;
    file.save_session(&session, &lock)?;
    let value = json!({
        "status": "logged_in",
        "method": "session",
        "email": session.email,
        "org_id": session.organization_id,
        "expires_at": session.expires_at.to_string(),
    });
    context
        .printer
        .done(&value, || format!("Logged in as {}", session.account()))
}

/// Refuses to replace a session that still works. If its access token has expired, a refresh is tried.
async fn refuse_usable(session: Session, store: &Store, context: &Context) -> Result<()> {
    let login = match &session.email {
        Some(email) => format!("a login as {email}"),
        None => "a login".to_owned(),
    };
    if session.is_usable(None, (context.env.now)()) {
        return Err(already(&login));
    }
    let made_for = session.api_url.as_deref().unwrap_or(origin::DEFAULT);
    let (Some(_), Ok(made_for)) = (&session.refresh_token, ServerOrigin::parse("api_url", made_for)) else {
        return Ok(());
    };
    let credential = ApiCredential::from_session(session, store.clone(), made_for, &context.env)?;
    // Registered so that the refreshed session is saved even after an interrupt.
    let credential = context.register(credential);
    match context.interrupt.or(credential.bearer(None)).await {
        Ok(_) => {
            context.finish_refresh(Ok(())).await?;
            Err(already(&login))
        }
        Err(error) if error.kind == Kind::Credential => Ok(()),
        Err(error) => Err(error),
    }
}

/// Prints the URL and the code, and opens the page if a browser is available.
fn show_device_code(code: &DeviceCode, no_browser: bool, context: &Context) {
    let Context { env, printer, .. } = context;
    let page = code
        .verification_uri_complete
        .as_ref()
        .unwrap_or(&code.verification_uri);
    let opens = !no_browser && browser::can_open_locally(env) && browser::open(env, page);
    printer.instruct(&format!(
        "To log in, open {}\nand enter the code {}\n{}",
        escape::escape(&code.verification_uri),
        escape::escape(&code.user_code),
        if opens {
            "Your browser opens. Waiting for the login..."
        } else {
            "Waiting for the login..."
        }
    ));
}
