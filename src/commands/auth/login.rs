//! `amika auth login`: a login on another device, or an API key from a file.

use std::path::PathBuf;

use clap::Args;

use crate::auth::backend::CredentialBackend;
use std::path::Path;

use jiff::Timestamp;
use serde_json::json;

use crate::auth::backend::OutOfReach;
use crate::auth::device_flow;
use crate::auth::resolve::{ApiCredential, check_characters};
use crate::auth::session::{self, LiveSession, is_usable};
use crate::auth::store::{Session, Store};
use crate::auth::workos::{DeviceCode, Failure, Workos};
use crate::context::Context;
use crate::error::{Error, Kind, Result};
use crate::formats::escape;
use crate::net::origin::{self, Origin};
use crate::secret::SecretValue;
use crate::system::browser;
use crate::system::file;
use crate::ui::printer::OnWriteFailure;
use crate::ui::prompt;

#[derive(Debug, Args)]
pub(crate) struct LoginArgs {
    /// Store the API key in this file instead of logging in; - is standard input
    #[arg(long, value_name = "FILE", value_hint = clap::ValueHint::FilePath)]
    pub(crate) api_key_file: Option<PathBuf>,
    /// Print the address and the code without opening a browser
    #[arg(long, conflicts_with = "api_key_file")]
    pub(crate) no_browser: bool,
    /// Choose where to store the secret part
    #[arg(long, value_enum, default_value_t = CredentialBackend::File)]
    pub(crate) store: CredentialBackend,
}

/// The largest key file read, in bytes.
const MAX_KEY: u64 = 64 * 1024;

pub(crate) async fn run(args: &LoginArgs, context: &Context) -> Result<()> {
    let origin = Origin::from_env(&context.env)?;
    let store = Store::require(&context.env)?;
    if context.env.path("AMIKA_API_KEY").is_some() {
        context
            .printer
            .warning("AMIKA_API_KEY is set, and is used before anything that is stored");
    }
    match &args.api_key_file {
        Some(path) => store_key(path, args, &origin, &store, context).await,
        None => log_in(args, &origin, &store, context).await,
    }
}

async fn store_key(
    path: &Path,
    args: &LoginArgs,
    origin: &Origin,
    store: &Store,
    context: &Context,
) -> Result<()> {
    let Context {
        env,
        printer,
        interrupt,
        ..
    } = context;
    let key = interrupt.or(read_key(path, context)).await?;
    refuse_stored_key(store, context)?;
    if store.session().is_ok_and(|session| session.is_some()) {
        printer.warning("the API key is used before the login session that is also stored");
    }
    let lock = interrupt.or(store.lock()).await?;
    let fallback = store.save_api_key(&lock, &key, &origin.to_string(), (env.now)(), args.store)?;
    if let Some(fallback) = fallback {
        printer.warning(&fallback);
    }
    let value = json!({ "status": "stored", "method": "stored_api_key" });
    printer.data(OnWriteFailure::RepeatOnStderr, &value, || {
        format!("Stored API key for {origin}")
    })
}

async fn read_key(path: &Path, context: &Context) -> Result<SecretValue> {
    let from_stdin = file::is_stdin(path);
    if from_stdin && context.env.terminals.stdin {
        let typed = prompt::ask_secret(&context.options, &context.env, "API key").await?;
        return checked(&typed, "prompt");
    }
    let place = if from_stdin {
        "standard input".to_owned()
    } else {
        escape::path(path)
    };
    let bytes = if from_stdin {
        context.env.read_stdin(MAX_KEY).await
    } else {
        file::read_bounded(&context.env.expand_home(path), MAX_KEY)
    };
    let bytes = bytes.map_err(|reason| {
        Error::input(format!("reading the API key from {place}"))
            .because(reason)
            .hint("--api-key-file takes a file that holds the key alone, or - for standard input")
    })?;
    let text = std::str::from_utf8(&bytes).unwrap_or("\u{fffd}");
    checked(&SecretValue::new(text.to_owned()), &place)
}

fn checked(typed: &SecretValue, place: &str) -> Result<SecretValue> {
    let key = SecretValue::new(typed.expose_secret().trim().to_owned());
    if key.is_empty() {
        return Err(Error::input(format!("{place} holds no key")).hint("was it copied whole?"));
    }
    check_characters(&key, place).map_err(|error| error.with_kind(Kind::Input))
}

/// A stored key that works would be lost, or would be used instead of what comes now.
fn refuse_stored_key(store: &Store, context: &Context) -> Result<()> {
    match store.api_key() {
        Ok(Some(stored)) if !stored.key.is_empty() => Err(already("a stored API key")),
        Ok(_) => Ok(()),
        Err(reason) if reason.is::<OutOfReach>() => Err(locked_away("an API key", &reason)),
        Err(reason) => {
            context
                .printer
                .warning(&format!("the stored API key file is unreadable ({reason:#})"));
            Ok(())
        }
    }
}

fn already(what: &str) -> Error {
    Error::new(
        Kind::Refused,
        format!("you already have {what}; nothing was changed"),
    )
    .hint("to replace it, run 'amika auth logout' first; 'amika auth status' shows what it is")
}

/// What cannot be read now may still be of use.
fn locked_away(what: &str, reason: &anyhow::Error) -> Error {
    let message = format!("you already have {what} that cannot be had now; nothing was changed ({reason:#})");
    Error::new(Kind::Refused, message).hint("unlock the keyring, or run 'amika auth logout' to forget it")
}

async fn log_in(args: &LoginArgs, origin: &Origin, store: &Store, context: &Context) -> Result<()> {
    let Context {
        env,
        printer,
        interrupt,
        ..
    } = context;
    let workos = Workos::from_env(env)?;
    refuse_stored_key(store, context)?;
    refuse_session(store, &workos, context).await?;
    // Better to hear now than after the login that it could not be kept.
    let lock = interrupt.or(store.lock()).await?;
    drop(store.prepare_session(&lock)?);
    drop(lock);

    let code = interrupt
        .or(async { workos.authorize_device().await.map_err(explain) })
        .await?;
    show(&code, args.no_browser, context);
    let tokens = interrupt.or(device_flow::wait(&workos, &code)).await?;

    let template = Session {
        access_token: SecretValue::new(String::new()),
        refresh_token: None,
        expires_at: Timestamp::UNIX_EPOCH,
        user_id: None,
        email: None,
        organization_id: None,
        api_url: Some(origin.to_string()),
        keeper: args.store,
    };
    let session = session::first(tokens, template, (env.now)())?;
    let lock = store.lock().await?;
    if let Some(fallback) = store.prepare_session(&lock)?.finish(&session)? {
        printer.warning(&fallback);
    }
    let value = json!({
        "status": "logged_in",
        "method": "session",
        "email": session.email,
        "org_id": session.organization_id,
        "expires_at": session.expires_at.to_string(),
    });
    printer.data(OnWriteFailure::RepeatOnStderr, &value, || {
        let who = session
            .email
            .as_deref()
            .unwrap_or("somebody without an e-mail address");
        format!("Logged in as {}", escape::escape(who))
    })
}

/// Refuses to put a new session in place of one that still works. One whose access token has ended
/// works if it can be renewed, so that is tried.
async fn refuse_session(store: &Store, workos: &Workos, context: &Context) -> Result<()> {
    let env = &context.env;
    let session = match store.session() {
        Ok(None) => return Ok(()),
        Ok(Some(session)) => session,
        Err(reason) if reason.is::<OutOfReach>() => return Err(locked_away("a login", &reason)),
        Err(reason) => {
            let message = format!("the stored session file is unreadable and will be replaced ({reason:#})");
            context.printer.warning(&message);
            return Ok(());
        }
    };
    let who = session.email.clone().unwrap_or_else(|| "somebody".to_owned());
    if is_usable(&session, None, (env.now)()) {
        return Err(already(&format!("a login as {who}")));
    }
    let made_for = session.api_url.as_deref().unwrap_or(origin::DEFAULT);
    let (Some(_), Ok(made_for)) = (&session.refresh_token, Origin::parse("api_url", made_for)) else {
        return Ok(());
    };
    let live = LiveSession::new(store.clone(), workos.clone(), made_for, env.now, session);
    // Renewed as for any command, so that what it brings is saved even when we are told to stop.
    let authority = context.adopt(ApiCredential::of(live));
    let renewed = context.interrupt.or(authority.bearer()).await;
    match renewed {
        Ok(_) => {
            context.settle().await?;
            Err(already(&format!("a login as {who}")))
        }
        Err(error) if error.kind == Kind::Credential => Ok(()),
        Err(error) => Err(error),
    }
}

fn explain(failure: Failure) -> Error {
    match failure {
        Failure::Refused { code, message } => device_flow::refused(&code, &message),
        Failure::Trouble(reason) => {
            Error::new(Kind::Unreachable, format!("the login cannot start: {reason}"))
                .hint("check the network, or use --api-key-file")
        }
        Failure::Stranger(error) => error,
    }
}

/// Tells the person what to do, and opens the page where that helps.
fn show(code: &DeviceCode, no_browser: bool, context: &Context) {
    let Context { env, printer, .. } = context;
    let page = code
        .verification_uri_complete
        .as_ref()
        .unwrap_or(&code.verification_uri);
    printer.instruct(&format!(
        "To log in, open {}\nand enter the code {}",
        escape::escape(&code.verification_uri),
        escape::escape(&code.user_code)
    ));
    if !no_browser && browser::is_at_hand(env) && browser::open(env, page) {
        printer.instruct("Your browser is being opened; waiting for you there.");
    }
}
