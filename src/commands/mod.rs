//! One file per command: each reads as the path of its data.

mod auth;
mod credential;
mod delete;
mod extract;
mod list;
mod push;

use std::cell::OnceCell;
use std::rc::Rc;

use clap::CommandFactory;

use crate::api::Api;
use crate::auth::Authority;
use crate::cli::credential::{CredentialCommand, ProviderCommand};
use crate::cli::{Cli, Command, Global, SecretCommand};
use crate::error::{Error, Kind, Result};
use crate::net::origin::Origin;
use crate::report::Report;
use crate::system::env::Env;
use crate::system::signals::Interrupt;

/// What every command is handed.
pub struct Context {
    pub env: Env,
    pub global: Global,
    pub report: Report,
    pub interrupt: Interrupt,
    authority: OnceCell<Rc<Authority>>,
}

impl Context {
    /// A client for the configured API with the credential that is in force.
    pub fn api(&self, jobs: Option<u8>) -> Result<Api> {
        let origin = Origin::from_env(&self.env)?;
        let warn = |warning: String| self.report.warning(&warning);
        let authority = self.adopt(crate::auth::find(&self.env, &origin, warn)?);
        let observe = self.report.request_observer();
        Api::new(&self.env, origin, Rc::clone(authority), jobs, observe)
    }

    /// Takes care that what an authority has begun comes to its end. A command has one.
    pub fn adopt(&self, authority: Authority) -> &Rc<Authority> {
        self.authority.get_or_init(|| Rc::new(authority))
    }

    /// Lets a renewal of the login come to its end; exit 8 when it could not be saved.
    pub async fn settle(&self) -> Result<()> {
        let Some(authority) = self.authority.get() else {
            return Ok(());
        };
        let trouble = authority.settle().await;
        trouble
            .warnings
            .iter()
            .for_each(|warning| self.report.warning(warning));
        trouble.unsaved.map_or(Ok(()), Err)
    }
}

/// Runs the command; a runtime is started only for those that need the network.
pub fn run(cli: Cli, env: Env, report: Report) -> Result<()> {
    let Cli { global, command } = cli;
    let command = match command {
        Command::Secret(command) => command,
        Command::Auth(command) => {
            return connected(env, global, report, async |c| auth::run(&command, c).await);
        }
        Command::Completions { shell } => return report.raw(&completions(shell)),
        Command::Man => return report.raw(&manual()?),
        Command::OpenBrowser { url } => {
            return opener::open_browser(url)
                .map_err(|_| Error::new(Kind::Refused, "no browser could be opened"));
        }
    };
    match command {
        SecretCommand::Push(args) => connected(env, global, report, async |c| push::run(&args, c).await),
        SecretCommand::List(args) => connected(env, global, report, async |c| list::run(&args, c).await),
        SecretCommand::Delete(args) => connected(env, global, report, async |c| delete::run(&args, c).await),
        SecretCommand::Credential(ProviderCommand { provider, command }) => match command {
            CredentialCommand::Push(args) => {
                let offers = credential::push::look(provider, &args, &env, report);
                connected(env, global, report, async |c| {
                    credential::push::run(provider, &args, offers, c).await
                })
            }
            CredentialCommand::List => {
                connected(env, global, report, async |c| credential::list(provider, c).await)
            }
            CredentialCommand::Delete(args) => connected(env, global, report, async |c| {
                credential::delete(provider, &args, c).await
            }),
        },
        SecretCommand::Extract(args) => {
            let extraction = extract::find(&args, &global, &env, report)?;
            if args.push {
                connected(env, global, report, async |c| extraction.push(&args, c).await)
            } else {
                extraction.show(&args, report)
            }
        }
    }
}

/// Runs the part of a command that needs the network, and can be stopped by a signal.
fn connected(
    env: Env,
    global: Global,
    report: Report,
    work: impl AsyncFnOnce(&Context) -> Result<()>,
) -> Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| Error::new(Kind::State, "starting the runtime").because(error))?;
    let result = runtime.block_on(async {
        let context = Context {
            env,
            global,
            report,
            interrupt: Interrupt::listen(),
            authority: OnceCell::new(),
        };
        let result = work(&context).await;
        let settled = context.settle().await;
        match (result, settled) {
            (Err(error), Err(unsaved)) => {
                context.report.warning(&unsaved.to_string());
                Err(error)
            }
            (result, settled) => result.and(settled),
        }
    });
    // A thread may still wait for a name to resolve; nobody waits for it.
    runtime.shutdown_background();
    result
}

fn completions(shell: clap_complete::Shell) -> String {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "amika", &mut script);
    String::from_utf8_lossy(&script).into_owned()
}

fn manual() -> Result<String> {
    let mut page = Vec::new();
    clap_mangen::Man::new(Cli::command())
        .render(&mut page)
        .map_err(|error| Error::new(Kind::Output, "writing the manual page").because(error))?;
    Ok(String::from_utf8_lossy(&page).into_owned())
}
