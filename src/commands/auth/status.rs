//! `amika auth status`: which credential is in force, what it shadows, and what is wrong.

use clap::Args;

use jiff::Timestamp;
use serde::Serialize;

use crate::auth::resolve::{Usable, environment_key, stored_key, stored_session};
use crate::auth::session::is_usable;
use crate::auth::store::{Session, Store};
use crate::context::Context;
use crate::error::{Error, Kind, Result};
use crate::net::origin::Origin;
use crate::ui::printer::OnWriteFailure;

#[derive(Debug, Args)]
pub(crate) struct StatusArgs {
    /// Also ask the API whether it accepts the credential
    #[arg(long)]
    pub(crate) check: bool,
}

#[derive(Serialize)]
struct Status {
    authenticated: bool,
    method: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    email: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    org_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    expires_at: Option<Timestamp>,
    warnings: Vec<String>,
    /// What text output says besides the warnings.
    #[serde(skip)]
    lines: Vec<String>,
}

pub(crate) async fn run(args: &StatusArgs, context: &Context) -> Result<()> {
    let Context {
        env,
        printer,
        interrupt,
        ..
    } = context;
    let origin = Origin::from_env(env)?;
    let status = look(&origin, context)?;
    if args.check && status.authenticated {
        let api = context.api(None)?;
        interrupt.or(async { Ok(api.list_secrets().await?) }).await?;
    }
    if !printer.is_json() {
        status
            .warnings
            .iter()
            .for_each(|warning| printer.warning(warning));
    }
    printer.data(OnWriteFailure::Fail, &status, || {
        let mut lines = status.lines.clone();
        if args.check && status.authenticated {
            lines.push(format!("{origin} accepts it"));
        }
        lines.join("\n")
    })?;
    if status.authenticated {
        return Ok(());
    }
    Err(Error::new(Kind::Credential, "there is no usable credential")
        .hint("run 'amika auth login', or set AMIKA_API_KEY"))
}

fn look(origin: &Origin, context: &Context) -> Result<Status> {
    let env = &context.env;
    let mut status = Status {
        authenticated: false,
        method: "none",
        email: None,
        org_id: None,
        expires_at: None,
        warnings: Vec::new(),
        lines: Vec::new(),
    };
    if environment_key(env)?.is_some() {
        status.take(
            "env_api_key",
            "Authenticated via AMIKA_API_KEY environment variable",
        );
    }
    let Some(store) = Store::locate(env) else {
        return Ok(status.finish());
    };
    status.warnings.extend(store.exposed());
    let unreadable = |what: &str, reason: &str| {
        format!(
            "the stored {what} file is unreadable; 'amika auth logout' removes it (reading stored {what}: {reason})"
        )
    };
    let out_of_reach = |what: &str, reason: &str| {
        format!("the stored {what} cannot be had now; unlock the keyring ({reason})")
    };
    match stored_key(&store, origin) {
        Usable::Yes(_) => status.take_or_shadow("stored_api_key", "stored API key"),
        Usable::Absent => {}
        Usable::Foreign(foreign) => status.warnings.push(foreign),
        Usable::Unreadable(reason) => status.warnings.push(unreadable("API key", &reason)),
        Usable::OutOfReach(reason) => status.warnings.push(out_of_reach("API key", &reason)),
    }
    match stored_session(&store, origin) {
        Usable::Yes(session) => status.take_session(&session, (env.now)()),
        Usable::Absent => {}
        Usable::Foreign(foreign) => status.warnings.push(foreign),
        Usable::Unreadable(reason) => status.warnings.push(unreadable("session", &reason)),
        Usable::OutOfReach(reason) => status.warnings.push(out_of_reach("session", &reason)),
    }
    Ok(status.finish())
}

impl Status {
    fn take(&mut self, method: &'static str, line: &str) {
        self.authenticated = true;
        self.method = method;
        self.lines.push(line.to_owned());
    }

    /// The first that is found is used; it shadows the others.
    fn take_or_shadow(&mut self, method: &'static str, what: &str) {
        match self.method {
            "none" => self.take(method, &format!("Authenticated via {what}")),
            "env_api_key" => self.warnings.push(format!("AMIKA_API_KEY shadows {what}")),
            _ => self.warnings.push(format!("the stored API key shadows {what}")),
        }
    }

    fn take_session(&mut self, session: &Session, now: Timestamp) {
        let Session {
            email,
            organization_id,
            expires_at,
            ..
        } = session;
        if session.refresh_token.is_none() && !is_usable(session, None, now) {
            self.warnings
                .push(format!("the login session expired at {expires_at:.0}"));
            return;
        }
        if self.authenticated {
            return self.take_or_shadow("session", "the login session");
        }
        let who = email.as_deref().unwrap_or("somebody without an e-mail address");
        self.take("session", &format!("Logged in as {who}"));
        if let Some(organisation) = organization_id {
            self.lines.push(format!("Organisation {organisation}"));
        }
        self.lines.push(if session.refresh_token.is_some() {
            format!("Access token until {expires_at:.0}, renewed when needed")
        } else {
            format!("Access token until {expires_at:.0}, which cannot be renewed")
        });
        self.email.clone_from(email);
        self.org_id.clone_from(organization_id);
        self.expires_at = Some(*expires_at);
    }

    fn finish(mut self) -> Self {
        if !self.authenticated {
            self.lines.push("Not logged in".to_owned());
        }
        self
    }
}
