//! `amika secret claude|codex push`: find or read → check → name → look up → confirm → store or replace → report.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::Args;
use zeroize::Zeroizing;

use super::put::{existing, put};
use super::restore;
use crate::api::NewCredential;
use crate::context::Context;
use crate::credentials::validate::{self, Credential};
use crate::discover::report::troubles;
use crate::discover::{Discovery, Filter, State, discover};
use crate::error::{Error, Result};
use crate::formats::escape;
use crate::provider::{CredentialKind, Provider};
use crate::secret::{MAX_VALUE, Scope, SecretValue};
use crate::system::env::Env;
use crate::system::file;
use crate::system::keychain::{Access, SystemKeychain};
use crate::ui::printer::Printer;
use crate::ui::prompt::{self, Confirmation};

#[derive(Debug, Args)]
pub(crate) struct PushCredentialArgs {
    /// Push a credential of this type; without --value or --from-file, the one on this machine
    #[arg(long = "type", value_enum, value_name = "TYPE")]
    pub(crate) kind: Option<CredentialKind>,
    /// Push this value; visible to other processes (/proc/PID/cmdline) and in the shell's
    /// history; - reads it from standard input, or asks for it at a terminal without showing it
    #[arg(long, value_name = "VALUE", conflicts_with = "from_file", value_hint = clap::ValueHint::Other)]
    pub(crate) value: Option<OsString>,
    /// Push the whole content of this file; - is standard input
    #[arg(long, value_name = "FILE", value_hint = clap::ValueHint::FilePath)]
    pub(crate) from_file: Option<PathBuf>,
    /// Store it under this name [default: as "Claude OAuth" or "Codex API Key"]
    #[arg(long, value_hint = clap::ValueHint::Other)]
    pub(crate) name: Option<String>,
    /// Choose who may use it
    #[arg(long, value_enum, default_value_t = Scope::User)]
    pub(crate) scope: Scope,
    /// Replace an existing credential: the one with this name, or in org scope the only one
    #[arg(long)]
    pub(crate) force: bool,
}

/// Maximum credential name length, in characters.
const LONGEST_NAME: usize = 200;

/// A value that could be pushed.
pub(crate) struct Offer {
    /// `None` until the value itself tells.
    kind: Option<CredentialKind>,
    value: SecretValue,
    /// Where it is, for a person.
    place: String,
    works: bool,
}

/// The credentials of this machine, as far as the command line does not bring its own. Runs before
/// anything else: a keychain may block.
pub(crate) fn look(
    provider: &'static Provider,
    args: &PushCredentialArgs,
    env: &Env,
    printer: Printer,
) -> Vec<Offer> {
    if args.value.is_some() || args.from_file.is_some() {
        return Vec::new();
    }
    let mut offers = Vec::new();
    if args.kind != Some(CredentialKind::OAuth) {
        offers.extend(variables(provider, env));
        if args.kind.is_some() && !offers.is_empty() {
            return offers;
        }
    }
    let filter = Filter {
        provider: Some(provider.discovered_as),
        kind: args.kind,
    };
    let discovery = discover(env, &SystemKeychain::new(Access::from_env(env)), filter, &[]);
    troubles(&discovery, printer);
    offers.extend(stored(discovery, env));
    offers
}

fn variables(provider: &Provider, env: &Env) -> impl Iterator<Item = Offer> {
    let set = provider.variables.iter().filter_map(|name| {
        let value = env.variable(name)?.to_str()?;
        Some((name, value)).filter(|(_, value)| !value.trim().is_empty())
    });
    set.map(|(name, value)| Offer {
        kind: Some(CredentialKind::ApiKey),
        value: SecretValue::new(value.to_owned()),
        place: format!("${name}"),
        works: true,
    })
}

/// What discovery found, as it would be uploaded: a key, or a tool's whole login.
fn stored(discovery: Discovery, env: &Env) -> impl Iterator<Item = Offer> {
    discovery.found.into_iter().filter_map(|found| {
        let value = match found.kind {
            CredentialKind::ApiKey => found.value,
            CredentialKind::OAuth => found.document?,
        };
        Some(Offer {
            kind: Some(found.kind),
            value,
            place: found.place.shown(env.home.as_deref()),
            works: found.state != State::Expired,
        })
    })
}

pub(crate) async fn run(
    provider: &'static Provider,
    args: &PushCredentialArgs,
    offers: Vec<Offer>,
    context: &Context,
) -> Result<()> {
    let Context {
        env,
        printer,
        interrupt,
        ..
    } = context;
    if let Some(kept) = restore::kept(args, env) {
        return restore::run(provider, args, kept, context).await;
    }
    if let Some(name) = &args.name {
        check_name(name)?;
    }
    let offer = interrupt.or(pick(provider, args, offers, context)).await?;
    let kind = offer
        .kind
        .unwrap_or_else(|| validate::infer(offer.value.expose_secret()));
    let checked = validate::check(provider, kind, &offer.value, &offer.place, (env.now)())?;

    let interactive = args.kind.is_none() && args.value.is_none() && args.from_file.is_none();
    let confirmation = Confirmation::at_terminal_only(&context.options, env);
    let asks = interactive && confirmation == Confirmation::Terminal;
    let name = match &args.name {
        Some(name) => name.clone(),
        None if asks => {
            let default = provider.default_name(kind);
            let name = interrupt.or(prompt::ask_line("Name", &default)).await?;
            check_name(&name)?;
            name
        }
        None => provider.default_name(kind),
    };
    let Credential {
        value,
        inner,
        notices,
    } = checked;
    let api = context.api(None)?;
    for secret in inner.iter().chain([&value]) {
        api.keep_secret(secret);
    }
    let old = existing(provider, &name, args.scope, args.force, &api, context).await?;
    printer.notices(&notices);
    if asks {
        let what = match kind {
            CredentialKind::OAuth => "login",
            CredentialKind::ApiKey => "API key",
        };
        let question = format!(
            "Push the {what} from {} to {} scope, as \"{name}\"?",
            offer.place, args.scope
        );
        interrupt.or(confirmation.ask(env, &question, |_| ())).await?;
    }
    let new = NewCredential {
        name,
        kind,
        scope: args.scope,
        value,
    };
    put(provider, &new, old.as_ref(), &api, context).await
}

fn check_name(name: &str) -> Result<()> {
    let blank = name.trim().is_empty();
    if blank || name.chars().count() > LONGEST_NAME || name.contains(escape::is_hostile) {
        return Err(Error::usage(format!(
            "a credential's name has 1 to {LONGEST_NAME} printable characters"
        )));
    }
    Ok(())
}

/// The value that the command line names, or that the person chooses among the local ones.
async fn pick(
    provider: &Provider,
    args: &PushCredentialArgs,
    mut offers: Vec<Offer>,
    context: &Context,
) -> Result<Offer> {
    if let Some(given) = given(provider, args, context).await? {
        return Ok(given);
    }
    if offers.is_empty() {
        return Err(nothing_found(provider, args.kind));
    }
    let index = if args.kind.is_some() {
        // The first that works; among those that do not, the check says what is wrong with it.
        offers.iter().position(|offer| offer.works).unwrap_or(0)
    } else if offers.len() == 1 && context.options.yes {
        0
    } else {
        let items = offers.iter().map(|offer| {
            let kind = offer.kind.map_or_else(String::new, |kind| kind.to_string());
            let expired = if offer.works { "" } else { " (expired)" };
            format!("{kind:<8} {}{expired}", offer.place)
        });
        let prompt = format!("{} credential to push", provider.title);
        let show = |list: &str| context.printer.list(list);
        prompt::choose(&context.options, &context.env, &prompt, items.collect(), show).await?
    };
    Ok(offers.swap_remove(index))
}

/// The value of `--value` or `--from-file`, read once.
async fn given(provider: &Provider, args: &PushCredentialArgs, context: &Context) -> Result<Option<Offer>> {
    let env = &context.env;
    if args.value.as_ref().is_some_and(|value| value == "-") && env.terminals.stdin {
        let prompt = format!("{} credential", provider.title);
        return Ok(Some(Offer {
            kind: args.kind,
            value: prompt::ask_secret(&context.options, env, &prompt).await?,
            place: "prompt".to_owned(),
            works: true,
        }));
    }
    let (bytes, place) = match (&args.value, &args.from_file) {
        (None, None) => return Ok(None),
        (Some(value), _) if value != "-" => (
            Ok(Zeroizing::new(value.as_encoded_bytes().to_vec())),
            "--value".to_owned(),
        ),
        (None, Some(path)) if !file::is_stdin(path) => {
            let path = env.expand_home(path);
            (file::read_bounded(&path, MAX_VALUE as u64), escape::path(&path))
        }
        _ => (
            env.read_stdin(MAX_VALUE as u64).await,
            "standard input".to_owned(),
        ),
    };
    let bytes = bytes.map_err(|reason| {
        Error::input(format!("reading credentials file {place}"))
            .because(reason)
            .hint("it must be a regular file of at most 1 MiB, or - for standard input")
    })?;
    let text = std::str::from_utf8(&bytes).map_err(|_| {
        Error::input(format!(
            "failed to parse credentials file {place}: is not valid UTF-8"
        ))
    })?;
    Ok(Some(Offer {
        kind: args.kind,
        value: SecretValue::new(Zeroizing::new(text.to_owned())),
        place,
        works: true,
    }))
}

fn nothing_found(provider: &Provider, kind: Option<CredentialKind>) -> Error {
    let Provider {
        id,
        title,
        variables,
        login_file,
        ..
    } = provider;
    let variable = variables.first().copied().unwrap_or_default();
    let why = match kind {
        Some(CredentialKind::ApiKey) => {
            format!(": the {variable} environment variable is not set, and no local store has a key")
        }
        Some(CredentialKind::OAuth) => format!(": {title} is not logged in on this machine"),
        None => String::new(),
    };
    Error::input(format!("No {title} credentials found{why}")).hint(format!(
        "log in with {title}, set {variable}, or give a file: 'amika secret {id} push --from-file {login_file}'"
    ))
}
