//! One file per command: each reads as the path of its data.

mod credential;
mod delete;
mod extract;
mod list;
mod push;

use clap::CommandFactory;

use crate::api::Api;
use crate::auth;
use crate::cli::credential::{CredentialCommand, ProviderCommand};
use crate::cli::{Cli, Command, Global, SecretCommand};
use crate::env::Env;
use crate::error::{Error, Kind, Result};
use crate::interrupt::Interrupt;
use crate::origin::Origin;
use crate::report::Report;

/// What every command is handed.
pub struct Context {
    pub env: Env,
    pub global: Global,
    pub report: Report,
    pub interrupt: Interrupt,
}

impl Context {
    /// A client for the configured API with the credential that is in force.
    pub fn api(&self, jobs: Option<u8>) -> Result<Api> {
        let origin = Origin::from_env(&self.env)?;
        let credential = auth::find(&self.env, &origin, |warning| self.report.warning(&warning))?;
        Api::new(
            &self.env,
            origin,
            credential,
            jobs,
            self.report.request_observer(),
        )
    }
}

/// Runs the command; a runtime is started only for those that need the network.
pub fn run(cli: Cli, env: Env, report: Report) -> Result<()> {
    let Cli { global, command } = cli;
    let command = match command {
        Command::Secret(command) => command,
        Command::Completions { shell } => return report.raw(&completions(shell)),
        Command::Man => return report.raw(&manual()?),
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
        };
        work(&context).await
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
