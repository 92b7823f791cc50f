//! `amika secret claude|codex …`: the same commands for each provider.

mod delete;
mod kept;
mod list;
mod new_login;
mod push;
mod source;
mod store;

use clap::{ArgMatches, Command, FromArgMatches, Subcommand};

use self::delete::DeleteCredentialArgs;
use self::push::PushCredentialArgs;
use crate::context::connected;
use crate::error::Result;
use crate::provider::{CLAUDE, CredentialKind, PROVIDERS, Provider};
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
    let key = provider.key_prefixes[0];
    let has_setup_token = *id == CLAUDE.id;
    let setup_token = if has_setup_token {
        format!("  amika secret {id} push --setup-token    a token for the sandbox alone\n")
    } else {
        String::new()
    };
    let [login, key_name] =
        [CredentialKind::OAuth, CredentialKind::ApiKey].map(|kind| provider.default_name(kind));
    let name = format!("Name to store it under [default: \"{login}\" or \"{key_name}\"]");
    CredentialCommand::augment_subcommands(command)
        .mut_subcommand("push", |push| {
            let push = push.mut_arg("setup_token", |arg| arg.hide(!has_setup_token));
            push.mut_arg("name", |arg| arg.help(name)).after_help(format!(
                "Examples:
  amika secret {id} push                  choose among what was found here
  amika secret {id} push --new-login      make a login for the sandbox
{setup_token}  amika secret {id} push --type oauth     share the login of this machine
  amika secret {id} push --type api_key   {variable}, else a stored key
  amika secret {id} push --from-file {login_file}
  amika secret {id} push --type api_key --value - < key.txt
  amika secret {id} push --type api_key --value {key}... --scope org --force

A login is pushed whole. Without --type, a JSON object or a token of the tool is a login, and \
anything else is an API key. A credential that is replaced is fetched first, and put back if the new \
one cannot be stored.",
                variable = provider.variables[0]
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
    let (local, pushed) = match &command.command {
        CredentialCommand::Push(args) => (
            source::find_local(provider, &args.source, &env, printer),
            args.source.from_file.as_deref(),
        ),
        _ => (Vec::new(), None),
    };
    connected(env, options, printer, async |context| {
        kept::warn_of_left_behind(provider, pushed, context);
        match &command.command {
            CredentialCommand::Push(args) => {
                args.check(provider, &context.env)?;
                if let Some(kept) = args.source.kept_value(&context.env) {
                    kept::push(provider, kept, args, context).await
                } else if args.source.new_login {
                    new_login::run(provider, args, context).await
                } else {
                    push::run(provider, args, local, context).await
                }
            }
            CredentialCommand::List => list::run(provider, context).await,
            CredentialCommand::Delete(args) => delete::run(provider, args, context).await,
        }
    })
}
