//! `amika secret claude|codex …`: the same commands for each provider.

mod delete;
mod list;
mod push;
mod restore;
mod source;
mod store;

use std::path::Path;

use clap::{ArgMatches, Command, FromArgMatches, Subcommand};

use self::delete::DeleteCredentialArgs;
use self::push::PushCredentialArgs;
use crate::context::{Context, connected};
use crate::credentials::recovery;
use crate::error::Result;
use crate::formats::escape;
use crate::net::origin::Origin;
use crate::provider::{CredentialKind, PROVIDERS, Provider};
use crate::system::env::Env;
use crate::ui::options::GlobalOptions;
use crate::ui::printer::Printer;

/// A command and its provider.
#[derive(Debug)]
pub(crate) struct ProviderCommand {
    pub(crate) provider: &'static Provider,
    pub(crate) command: CredentialCommand,
}

#[derive(Debug, Subcommand)]
pub(crate) enum CredentialCommand {
    /// Push a login or an API key
    Push(PushCredentialArgs),
    /// List stored credentials, without their values
    #[command(visible_alias = "ls")]
    List,
    /// Delete stored credentials
    #[command(visible_alias = "rm")]
    Delete(DeleteCredentialArgs),
}

impl Subcommand for ProviderCommand {
    fn augment_subcommands(command: Command) -> Command {
        PROVIDERS
            .iter()
            .fold(command, |command, provider| command.subcommand(tree(provider)))
    }

    fn augment_subcommands_for_update(command: Command) -> Command {
        Self::augment_subcommands(command)
    }

    fn has_subcommand(name: &str) -> bool {
        Provider::with_id(name).is_some()
    }
}

impl FromArgMatches for ProviderCommand {
    fn from_arg_matches(matches: &ArgMatches) -> std::result::Result<Self, clap::Error> {
        let named = matches.subcommand();
        let found = named.and_then(|(name, matches)| Some((Provider::with_id(name)?, matches)));
        let (provider, matches) =
            found.ok_or_else(|| clap::Error::new(clap::error::ErrorKind::MissingSubcommand))?;
        let command = CredentialCommand::from_arg_matches(matches)?;
        Ok(Self { provider, command })
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> std::result::Result<(), clap::Error> {
        *self = Self::from_arg_matches(matches)?;
        Ok(())
    }
}

/// The command of one provider. Its subcommands are built only if it is used.
fn tree(provider: &'static Provider) -> Command {
    let Provider { id, title, .. } = provider;
    Command::new(*id)
        .about(format!("Push, list and delete {title} credentials"))
        .subcommand_required(true)
        .arg_required_else_help(true)
        .after_help(format!("Example:\n  amika secret {id} push --type oauth"))
        .defer(with_subcommands)
}

/// Adds the subcommands, with examples for the provider of the command.
fn with_subcommands(command: Command) -> Command {
    let Some(provider) = Provider::with_id(command.get_name()) else {
        return command;
    };
    let Provider { id, login_file, .. } = provider;
    let key = provider.key_prefixes.first().copied().unwrap_or_default();
    let names = format!(
        "Name to store it under [default: \"{}\" for a login, \"{}\" for a key]",
        provider.default_name(CredentialKind::OAuth),
        provider.default_name(CredentialKind::ApiKey)
    );
    CredentialCommand::augment_subcommands(command)
        .mut_subcommand("push", |push| {
            push.mut_arg("name", |name| name.help(names)).after_help(format!(
                "Examples:
  amika secret {id} push                     choose among what was found here
  amika secret {id} push --type oauth        the login of this machine
  amika secret {id} push --type api_key      {variable}, else a stored key
  amika secret {id} push --from-file {login_file}
  amika secret {id} push --type api_key --value - < key.txt
  amika secret {id} push --type api_key --value {key}... --scope org --force

A login is pushed whole, with its refresh token. Where the type is not given, a JSON object is a
login and anything else an API key. --force fetches the old credential first and puts it back if
the new one cannot be stored.",
                variable = provider.variables.first().copied().unwrap_or_default()
            ))
        })
        .mut_subcommand("list", |list| {
            list.after_help(format!("Example:\n  amika secret {id} list -o json"))
        })
        .mut_subcommand("delete", |delete| {
            delete.after_help(format!(
                "Examples:\n  amika secret {id} delete sec_123\n  amika secret {id} delete --name \"{}\" --yes",
                provider.default_name(CredentialKind::OAuth)
            ))
        })
}

/// Runs the command. Local credentials are read before a runtime is started, as a keychain may block.
pub(crate) fn run(
    command: &ProviderCommand,
    env: Env,
    options: GlobalOptions,
    printer: Printer,
) -> Result<()> {
    let provider = command.provider;
    match &command.command {
        CredentialCommand::Push(args) => {
            let local = source::find_local(provider, &args.source, &env, printer);
            connected(env, options, printer, async |context| {
                warn_of_left_behind(provider, args.source.from_file.as_deref(), context);
                push::run(provider, args, local, context).await
            })
        }
        CredentialCommand::List => connected(env, options, printer, async |context| {
            warn_of_left_behind(provider, None, context);
            list::run(provider, context).await
        }),
        CredentialCommand::Delete(args) => connected(env, options, printer, async |context| {
            warn_of_left_behind(provider, None, context);
            delete::run(provider, args, context).await
        }),
    }
}

/// Warns about old values that an earlier command could not restore, each with the command to restore
/// it. `except` is the value that this command restores.
fn warn_of_left_behind(provider: &Provider, except: Option<&Path>, context: &Context) {
    let origin = Origin::from_env(&context.env).map(|origin| origin.to_string());
    for (path, description) in recovery::left_behind(&context.env, provider) {
        if except.is_some_and(|except| is_same_file(except, &path)) {
            continue;
        }
        let (what, api_url) = match &description {
            Some(description) => (
                format!(
                    "the {} credential {} ({}, {} scope)",
                    provider.title, description.name, description.id, description.scope
                ),
                Some(description.api_url.as_str()),
            ),
            None => (format!("a {} credential", provider.title), None),
        };
        let other_api = api_url.filter(|url| origin.as_ref().is_ok_and(|origin| origin != url));
        let command = recovery::command(provider, &path, other_api);
        context.printer.warning(&format!(
            "an interrupted replacement left the value of {what} in {}; restore it with: {command}; \
             or delete the file if it is not needed",
            escape::path(&path)
        ));
    }
}

fn is_same_file(one: &Path, other: &Path) -> bool {
    match (one.canonicalize(), other.canonicalize()) {
        (Ok(one), Ok(other)) => one == other,
        _ => false,
    }
}
