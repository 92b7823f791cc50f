//! `amika auth status`: which credential is used, what it shadows, and what is wrong.

use std::rc::Rc;

use clap::Args;
use jiff::Timestamp;
use serde::Serialize;

use crate::api::Repeat;
use crate::auth::credential::{FoundCredential, Survey, UnusableReason};
use crate::auth::source::CredentialSource;
use crate::auth::store::Session;
use crate::context::Context;
use crate::error::{Error, Kind, Result};
use crate::formats::escape;
use crate::net::origin::ServerOrigin;
use crate::system::env::Env;

const NOT_LOGGED_IN: &str = "Not logged in";

#[derive(Debug, Args)]
pub(crate) struct StatusArgs {
    /// Ask the API whether it accepts the credential
    #[arg(long)]
    pub(crate) check: bool,
}

#[derive(Default, Serialize)]
struct AuthStatus {
    authenticated: bool,
    method: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    email: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    org_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    expires_at: Option<Timestamp>,
    /// With `--check`: whether the API accepts the credential.
    #[serde(skip_serializing_if = "Option::is_none")]
    accepted: Option<bool>,
    warnings: Vec<String>,
    /// What text output says besides the warnings.
    #[serde(skip)]
    lines: Vec<String>,
    /// The source in use.
    #[serde(skip)]
    source: Option<CredentialSource>,
    /// What to do if nothing can be used.
    #[serde(skip)]
    hint: &'static str,
}

pub(crate) async fn run(args: &StatusArgs, context: &Context) -> Result<()> {
    let printer = &context.printer;
    let origin = ServerOrigin::from_env(&context.env)?;
    let for_origin = origin.clone();
    let mut status = context
        .on_thread(move |env| AuthStatus::collect(&for_origin, env))
        .await?;
    let rejected = if args.check && status.authenticated {
        status.check(&origin, context).await?
    } else {
        None
    };
    if !printer.is_json() {
        status
            .warnings
            .iter()
            .for_each(|warning| printer.warning(warning));
    }
    if status.source.is_none() && !(printer.terminals.stdout && printer.terminals.stderr) {
        status.lines.push(NOT_LOGGED_IN.to_owned());
    }
    printer.data(&status, || status.lines.join("\n"))?;
    if let Some(rejected) = rejected {
        return Err(rejected);
    }
    if status.authenticated {
        return Ok(());
    }
    Err(Error::new(Kind::Credential, NOT_LOGGED_IN).hint(status.hint))
}

impl AuthStatus {
    fn collect(origin: &ServerOrigin, env: &Env) -> Result<Self> {
        let mut status = Self {
            method: "none",
            hint: "run `amika auth login`, or set AMIKA_API_KEY",
            ..Self::default()
        };
        let survey = Survey::new(env, origin)?;
        for (source, finding) in survey.findings() {
            let place = survey
                .place(source)
                .map_or_else(String::new, |place| format!(" ({place})"));
            let found = match (finding, status.source) {
                (Err(problem), _) => {
                    status.hint = problem.hint().unwrap_or(status.hint);
                    status.warnings.push(in_words(source, &problem));
                    continue;
                }
                (Ok(_), Some(used)) => {
                    status.warnings.push(shadowed(used, source, &place));
                    continue;
                }
                (Ok(found), None) => found,
            };
            status.authenticated = true;
            status.source = Some(source);
            match found {
                FoundCredential::Key(_) => status.use_key(source, &place),
                FoundCredential::Session(session) => status.use_session(&session, &place, (env.now)()),
            }
        }
        if status.source != Some(CredentialSource::Environment) {
            status.warnings.extend(survey.exposed());
        }
        match survey.untrusted {
            // A directory that is not trusted is an error only if a credential from it is needed.
            Some(untrusted) if status.authenticated => status.warnings.push(untrusted.with_hint()),
            Some(untrusted) => return Err(untrusted),
            None => {}
        }
        Ok(status)
    }

    /// Asks the API, and returns the error if it rejects the credential.
    async fn check(&mut self, origin: &ServerOrigin, context: &Context) -> Result<Option<Error>> {
        // The notices are dropped, because they repeat warnings that are already reported.
        let (credential, _) = context.find_credential(origin).await?;
        let api = context.api_using(origin.clone(), Rc::clone(context.register(credential)))?;
        let listed = async { Ok::<_, Error>(api.list_secrets(Repeat::Safe).await) };
        match context.interrupt.or(listed).await? {
            Ok(_) => {
                self.accepted = Some(true);
                self.lines.push(format!("Accepted by {origin}"));
                Ok(None)
            }
            Err(error) if error.kind() == Kind::Credential => {
                self.accepted = Some(false);
                self.authenticated = false;
                self.lines.push(format!("Rejected by {origin}"));
                Ok(Some(error.into()))
            }
            Err(error) => Err(error.into()),
        }
    }

    fn use_key(&mut self, source: CredentialSource, place: &str) {
        let (method, said) = match source {
            CredentialSource::Environment => ("env_api_key", "AMIKA_API_KEY environment variable"),
            _ => ("stored_api_key", "stored API key"),
        };
        self.method = method;
        self.lines.push(format!("Authenticated via {said}{place}"));
    }

    fn use_session(&mut self, session: &Session, place: &str, now: Timestamp) {
        self.method = "session";
        self.lines
            .push(format!("Logged in as {}{place}", session.account()));
        if let Some(organisation) = &session.organization_id {
            self.lines
                .push(format!("Organisation {}", escape::escape(organisation)));
        }
        let expires_at = session.expires_at;
        self.lines
            .push(match (expires_at > now, session.refresh_token.is_some()) {
                (true, true) => format!("Access token valid until {expires_at:.0}, refreshed automatically"),
                (true, false) => format!("Access token valid until {expires_at:.0}, cannot be refreshed"),
                (false, _) => format!("Access token ended {expires_at:.0}, refreshed by the next command"),
            });
        self.email.clone_from(&session.email);
        self.org_id.clone_from(&session.organization_id);
        self.expires_at = Some(expires_at);
    }
}

/// A usable credential that is not used, because `used` takes precedence.
fn shadowed(used: CredentialSource, source: CredentialSource, place: &str) -> String {
    let what = match source {
        CredentialSource::Session => "the login session",
        _ => "stored API key",
    };
    format!("{used} shadows {what}{place}")
}

/// Explains why the credential of a source is not used.
fn in_words(source: CredentialSource, problem: &UnusableReason) -> String {
    let what = source.noun();
    match problem {
        UnusableReason::Expired(at) => format!("the login session ended {at:.0}"),
        UnusableReason::OtherServer(error) => error.to_string(),
        UnusableReason::Stored(error) if error.is_temporary() => {
            format!("the stored {what} is not available now; unlock the keyring ({error})")
        }
        UnusableReason::Stored(error) => format!(
            "the stored {what} file is unreadable; `amika auth logout` removes it (reading stored {what}: {error})"
        ),
    }
}
