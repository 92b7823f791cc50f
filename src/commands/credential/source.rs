//! Finds the value to push: on the command line, or among the credentials on this machine.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::Args;
use zeroize::Zeroizing;

use crate::context::Context;
use crate::credentials::recovery::{Description, Kept};
use crate::discover::report::print_problems;
use crate::discover::{Discovery, Filter, State, discover};
use crate::error::{Error, Result};
use crate::formats::escape;
use crate::provider::{CredentialKind, Provider};
use crate::secret::{MAX_VALUE, SecretValue};
use crate::system::env::Env;
use crate::system::file;
use crate::system::keychain::{Access, SystemKeychain};
use crate::ui::printer::Printer;
use crate::ui::prompt::{self, Choice};

/// The options that select the value to push.
#[derive(Debug, Args)]
pub(crate) struct SourceArgs {
    /// Type of the credential; without --value or --from-file, it is found on this machine
    #[arg(long = "type", value_enum, value_name = "TYPE")]
    pub(super) kind: Option<CredentialKind>,
    /// Credential to push; visible to other processes (/proc/PID/cmdline) and in the shell's
    /// history; - reads standard input, or asks without echo at a terminal
    #[arg(long, value_name = "VALUE", conflicts_with = "from_file", value_hint = clap::ValueHint::Other)]
    value: Option<OsString>,
    /// Push the contents of this file; - reads standard input
    #[arg(long, value_name = "FILE", value_hint = clap::ValueHint::FilePath)]
    pub(super) from_file: Option<PathBuf>,
}

impl SourceArgs {
    /// Whether to prompt for the local credential to push.
    pub(super) fn is_empty(&self) -> bool {
        self.kind.is_none() && self.value.is_none() && self.from_file.is_none()
    }

    /// The backup of an interrupted replacement, if `--from-file` is one.
    pub(super) fn kept_value(&self, env: &Env) -> Option<(Kept, Description)> {
        Kept::at(&env.expand_home(self.from_file.as_ref()?))
    }
}

/// A value that could be pushed.
pub(crate) struct PushSource {
    /// `None` until the value has been parsed.
    pub(crate) kind: Option<CredentialKind>,
    pub(crate) value: SecretValue,
    /// A description of the location.
    pub(crate) place: String,
    /// Whether the credential can be used: it has not expired, or it can be renewed.
    usable: bool,
    /// How likely the tool is to use this credential; higher ranks are listed first.
    rank: u8,
}

/// The credentials found on this machine.
#[derive(Default)]
pub(crate) struct LocalSources {
    sources: Vec<PushSource>,
    /// Whether the tool uses an API key although an OAuth login was requested.
    key_login: bool,
}

/// Finds the credentials on this machine, unless the command line gives a value. Runs before anything
/// else, because a keychain may block.
pub(crate) fn find_local(
    provider: &'static Provider,
    args: &SourceArgs,
    env: &Env,
    printer: Printer,
) -> LocalSources {
    let mut local = LocalSources::default();
    if args.value.is_some() || args.from_file.is_some() {
        return local;
    }
    if args.kind != Some(CredentialKind::OAuth) {
        local.sources.extend(variables(provider, env));
        if args.kind.is_some() && !local.sources.is_empty() {
            return local;
        }
    }
    let keychain = SystemKeychain::new(Access::from_env(env));
    let filter = |kind| Filter {
        provider: Some(provider.discovered_as),
        kind,
    };
    let discovery = discover(env, &keychain, filter(args.kind));
    print_problems(&discovery, env.home.as_deref(), printer);
    local.sources.extend(stored(discovery, env));
    if args.kind == Some(CredentialKind::OAuth) {
        // The sort is stable, so credentials of equal rank stay in order of discovery.
        local.sources.sort_by_key(|source| std::cmp::Reverse(source.rank));
        if local.sources.is_empty() {
            let keys = discover(env, &keychain, filter(Some(CredentialKind::ApiKey)));
            let is_own = |id: &str| id.starts_with(provider.id);
            local.key_login = keys.found.iter().any(|found| is_own(found.source.id));
        }
    }
    local
}

fn variables(provider: &Provider, env: &Env) -> impl Iterator<Item = PushSource> {
    let set = provider.variables.iter().filter_map(|name| {
        let value = env.variable(name)?.to_str()?;
        Some((name, value)).filter(|(_, value)| !value.trim().is_empty())
    });
    set.map(|(name, value)| PushSource {
        kind: Some(CredentialKind::ApiKey),
        value: SecretValue::new(value.to_owned()),
        place: format!("${name}"),
        usable: true,
        rank: 0,
    })
}

/// Converts a discovered credential to the value to upload: a key, or the tool's whole login.
fn stored(discovery: Discovery, env: &Env) -> impl Iterator<Item = PushSource> {
    discovery.found.into_iter().filter_map(|found| {
        let value = match found.kind {
            CredentialKind::ApiKey => found.value,
            CredentialKind::OAuth => found.document?,
        };
        Some(PushSource {
            kind: Some(found.kind),
            value,
            place: found.place.shown(env.home.as_deref()),
            usable: found.state != State::Expired || found.renewable == Some(true),
            // Prefer the credential in use, then renewable ones, then those that have not expired.
            rank: 4 * u8::from(found.in_use == Some(true))
                + 2 * u8::from(found.renewable == Some(true))
                + u8::from(found.state != State::Expired),
        })
    })
}

/// The value given on the command line, or the local credential that the person chooses. `unattended`
/// takes the only one without asking.
pub(crate) async fn pick(
    provider: &Provider,
    args: &SourceArgs,
    local: LocalSources,
    unattended: bool,
    context: &Context,
) -> Result<PushSource> {
    let LocalSources {
        mut sources,
        key_login,
    } = local;
    if let Some(given) = read_given(provider, args, context).await? {
        return Ok(given);
    }
    if sources.is_empty() {
        return Err(nothing_found(provider, args.kind, key_login));
    }
    let index = if args.kind.is_some() {
        // Use the first one that works. If none does, validation explains what is wrong with the first.
        sources.iter().position(|source| source.usable).unwrap_or(0)
    } else if sources.len() == 1 && unattended {
        0
    } else {
        let items = sources.iter().map(|source| {
            let kind = source.kind.map_or_else(String::new, |kind| kind.to_string());
            let expired = if source.usable { "" } else { " (expired)" };
            format!("{kind:<8} {}{expired}", source.place)
        });
        let choice = Choice {
            noun: &format!("{} credential", provider.title),
            items: items.collect(),
            hint: how_to_choose(&sources),
        };
        let show = |list: &str| context.printer.list(list);
        prompt::choose(&context.options, &context.env, choice, show).await?
    };
    Ok(sources.swap_remove(index))
}

/// The hint for choosing one of several credentials on the command line, or confirming the only one.
fn how_to_choose(sources: &[PushSource]) -> String {
    if sources.len() == 1 {
        return "add --yes to push it".to_owned();
    }
    let kinds = CredentialKind::ALL.iter().filter(|kind| {
        let mut kinds = sources.iter().filter_map(|source| source.kind);
        kinds.any(|found| found == **kind)
    });
    let types: Vec<_> = kinds.map(|kind| format!("--type {}", kind.as_str())).collect();
    if types.len() > 1 {
        format!("choose one with {}", types.join(" or "))
    } else {
        format!(
            "to push the first one, add {}; to push another, pass it with --value - < FILE",
            types.join("")
        )
    }
}

/// The value of `--value` or `--from-file`, read once.
async fn read_given(provider: &Provider, args: &SourceArgs, context: &Context) -> Result<Option<PushSource>> {
    let env = &context.env;
    if args.value.as_ref().is_some_and(|value| value == "-") && env.terminals.stdin {
        let prompt = format!("{} credential", provider.title);
        let from_file = format!("amika secret {} push --from-file FILE", provider.id);
        return Ok(Some(PushSource {
            kind: args.kind,
            value: prompt::ask_secret(&context.options, env, &prompt, &from_file).await?,
            place: "prompt".to_owned(),
            usable: true,
            rank: 0,
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
        let hint = args
            .from_file
            .as_ref()
            .and_then(|path| env.file_hint(path, &reason));
        // Scripts match "reading credentials file".
        let place = escape::argument(&place);
        Error::input(format!("failed reading credentials file {place}"))
            .because(reason)
            .maybe_hint(hint)
    })?;
    let text = std::str::from_utf8(&bytes).map_err(|_| {
        Error::input(format!(
            "failed to parse credentials file {place}: not valid UTF-8"
        ))
    })?;
    Ok(Some(PushSource {
        kind: args.kind,
        value: SecretValue::new(Zeroizing::new(text.to_owned())),
        place,
        usable: true,
        rank: 0,
    }))
}

fn nothing_found(provider: &Provider, kind: Option<CredentialKind>, key_login: bool) -> Error {
    let Provider {
        id, title, variables, ..
    } = provider;
    if key_login {
        let message = format!("No {title} credentials found: {title} is logged in with an API key");
        return Error::input(message).hint(format!(
            "push the key with 'amika secret {id} push --type api_key'"
        ));
    }
    let why = match kind {
        Some(CredentialKind::ApiKey) => {
            let unset = variables
                .iter()
                .map(|name| format!("the {name} environment variable is not set"));
            format!(
                ": {}, and no key is stored on this machine",
                unset.collect::<Vec<_>>().join(", ")
            )
        }
        Some(CredentialKind::OAuth) => format!(": {title} is not logged in on this machine"),
        None => String::new(),
    };
    let variable = variables.first().copied().unwrap_or_default();
    Error::input(format!("No {title} credentials found{why}")).hint(format!(
        "log in with {title}, set {variable}, or pass a file: 'amika secret {id} push --from-file FILE'"
    ))
}
