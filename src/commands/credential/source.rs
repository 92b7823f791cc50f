//! Finds the value to push: on the command line, or among the credentials on this machine.

use std::cmp::Reverse;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::context::Context;
use crate::credentials::recovery::{Description, KeptValue};
use crate::discover::{Filter, LocalCredential, State, discover};
use crate::error::{Error, Result};
use crate::provider::{CLAUDE, CredentialKind, Provider};
use crate::secret::{MAX_VALUE, SecretValue};
use crate::system::env::Env;
use crate::system::given::Given;
use crate::system::keychain::SystemKeychain;
use crate::ui::printer::Printer;
use crate::ui::prompt::{self, Choice};
use clap::Args;

/// The options that select the value to push.
#[derive(Debug, Args)]
pub(crate) struct SourceArgs {
    /// Type of the credential to find on this machine
    ///
    /// The type of a given value is inferred: a JSON object, or a token that the tool accepts in place of a
    /// login, is a login; anything else is an API key.
    #[arg(long = "type", value_enum, value_name = "TYPE")]
    pub(super) kind: Option<CredentialKind>,
    /// Credential to push, visible to other processes; - reads standard input
    ///
    /// It is visible in /proc/PID/cmdline and in the shell's history. At a terminal, - asks for it without
    /// echo.
    #[arg(
        long,
        value_name = "VALUE",
        group = "given",
        allow_hyphen_values = true,
        value_hint = clap::ValueHint::Other
    )]
    value: Option<OsString>,
    /// Push the contents of this file; - reads standard input
    #[arg(long, value_name = "FILE", group = "given", value_hint = clap::ValueHint::FilePath)]
    pub(super) from_file: Option<PathBuf>,
    /// Push what 'claude setup-token' printed, a token valid for one year
    ///
    /// It is read from standard input or the variable `CLAUDE_CODE_OAUTH_TOKEN`, or asked for without echo.
    /// Only the sandbox uses it, so neither side logs the other out.
    #[arg(long, group = "given")]
    pub(super) setup_token: bool,
    /// Log in again with the tool, for the sandbox alone, and push that login
    ///
    /// Runs the tool's own login in a separate directory. The login of this machine stays as it is and is
    /// not shared. Needs a terminal.
    #[arg(long, group = "given")]
    pub(super) new_login: bool,
    /// Store the value even if it is of the wrong kind or not a secret
    #[arg(long)]
    pub(super) literal: bool,
}

/// The variable from which Claude Code takes a setup token.
const SETUP_TOKEN_VARIABLE: &str = "CLAUDE_CODE_OAUTH_TOKEN";
/// How long to wait for standard input if the variable has a setup token, too.
const SETUP_TOKEN_WAIT: Duration = Duration::from_secs(2);

impl SourceArgs {
    /// Whether the person chooses among the local credentials.
    pub(super) fn is_empty(&self) -> bool {
        self.kind.is_none() && !self.gives_value()
    }

    /// Refuses options that contradict each other or do not exist for this provider.
    pub(super) fn check(&self, provider: &Provider, env: &Env) -> Result<()> {
        let is_option = |value: &&OsString| value.as_encoded_bytes().starts_with(b"-") && *value != "-";
        if let Some(value) = self.value.as_ref().filter(is_option)
            && env.arguments.contains(value)
        {
            return Err(
                Error::usage("--value has no value, or one that begins with a dash")
                    .hint("write a value that begins with a dash as --value=-x"),
            );
        }
        if self.setup_token && provider.id != CLAUDE.id {
            let message = format!(
                "--setup-token is for Claude; {} has no setup tokens",
                provider.tool
            );
            return Err(
                Error::usage(message).hint(format!("use `amika secret {} push --new-login`", provider.id))
            );
        }
        if (self.setup_token || self.new_login) && self.kind == Some(CredentialKind::ApiKey) {
            return Err(Error::usage("this is a login: leave out --type api_key"));
        }
        Ok(())
    }

    fn gives_value(&self) -> bool {
        self.value.is_some() || self.from_file.is_some() || self.setup_token || self.new_login
    }

    /// Whether [`pick`] will ask a question or for a value.
    pub(super) fn asks(&self, local: &[PushSource], env: &Env) -> bool {
        let prompts = env.terminals.stdin && self.value.as_ref().is_some_and(|value| value == "-")
            || env.terminals.stdin && self.setup_token && setup_token_variable(env).is_none();
        prompts || self.is_empty() && local.len() > 1
    }

    /// The value that an earlier command kept, if `--from-file` is one.
    pub(super) fn kept_value(&self, env: &Env) -> Option<(KeptValue, Description)> {
        KeptValue::at(&env.expand_home(self.from_file.as_ref()?), env)
    }
}

/// A value that could be pushed.
pub(crate) struct PushSource {
    /// `None` if it is to be inferred from the value.
    pub(crate) kind: Option<CredentialKind>,
    pub(crate) value: SecretValue,
    /// A description of the location.
    pub(crate) place: String,
    /// Whether the credential can be used: it has not expired, or it can be renewed.
    usable: bool,
}

impl PushSource {
    /// A value whose form decides whether it can be used.
    fn new(kind: Option<CredentialKind>, value: SecretValue, place: impl Into<String>) -> Self {
        Self {
            kind,
            value,
            place: place.into(),
            usable: true,
        }
    }

    /// The value of a variable, unless it is unset or blank.
    fn variable(kind: CredentialKind, name: &str, env: &Env) -> Option<Self> {
        let value = env
            .variable(name)?
            .to_str()
            .filter(|value| !value.trim().is_empty())?;
        let value = SecretValue::new(value.to_owned());
        Some(Self::new(Some(kind), value, format!("${name}")))
    }
}

/// Finds the credentials on this machine, unless the command line gives a value. Runs before anything
/// else, because a keychain may block.
pub(crate) fn find_local(
    provider: &'static Provider,
    args: &SourceArgs,
    env: &Env,
    printer: Printer,
) -> Vec<PushSource> {
    let mut local = Vec::new();
    if args.gives_value() {
        return local;
    }
    if args.kind != Some(CredentialKind::OAuth) {
        let names = provider.variables.iter();
        local.extend(names.filter_map(|name| PushSource::variable(CredentialKind::ApiKey, name, env)));
        if args.kind.is_some() && !local.is_empty() {
            return local;
        }
    }
    let filter = Filter {
        provider: Some(provider.discovered_as),
        kind: args.kind,
    };
    let mut discovery = discover(env, Some(&SystemKeychain::from_env(env)), filter);
    printer.notices(&discovery.messages(&[], env.home.as_deref(), true));
    if args.kind == Some(CredentialKind::OAuth) {
        // Prefer the login in use, then renewable ones, then those that have not expired.
        let likely = |found: &LocalCredential| (found.in_use, found.renewable, found.state != State::Expired);
        discovery.credentials.sort_by_key(|found| Reverse(likely(found)));
    }
    local.extend(
        discovery
            .credentials
            .into_iter()
            .filter_map(|found| stored(found, env)),
    );
    let has_login = local
        .iter()
        .any(|source| source.kind == Some(CredentialKind::OAuth));
    if !has_login && provider.id == CLAUDE.id && args.kind != Some(CredentialKind::ApiKey) {
        local.extend(setup_token_variable(env));
    }
    local
}

/// The setup token in its variable, which Claude Code uses in place of a stored login.
fn setup_token_variable(env: &Env) -> Option<PushSource> {
    PushSource::variable(CredentialKind::OAuth, SETUP_TOKEN_VARIABLE, env)
}

/// Converts a discovered credential to the value to upload: a key, or the tool's whole login.
fn stored(found: LocalCredential, env: &Env) -> Option<PushSource> {
    let place = found.shown_place(env.home.as_deref());
    let usable = match found.state {
        State::Unusable(_) => false,
        State::Expired => found.renewable,
        State::Chosen | State::Outranked(_) => true,
    };
    let value = match found.kind {
        CredentialKind::ApiKey => found.value,
        CredentialKind::OAuth => found.document?,
    };
    Some(PushSource {
        usable,
        ..PushSource::new(Some(found.kind), value, place)
    })
}

/// The value given on the command line, the only or most likely local credential, or the one that the
/// person chooses.
pub(crate) async fn pick(
    provider: &Provider,
    args: &SourceArgs,
    mut local: Vec<PushSource>,
    context: &Context,
) -> Result<PushSource> {
    if args.setup_token {
        return read_setup_token(context).await;
    }
    if let Some(given) = read_given(provider, args, context).await? {
        return Ok(given);
    }
    if local.is_empty() {
        return Err(nothing_found(provider, args.kind));
    }
    let index = if args.kind.is_some() || local.len() == 1 {
        // Use the first one that works. If none does, validation explains what is wrong with the first.
        local.iter().position(|source| source.usable).unwrap_or(0)
    } else {
        let items = local.iter().map(|source| {
            let kind = source.kind.map_or_else(String::new, |kind| kind.to_string());
            let note = if source.usable { "" } else { " (not usable)" };
            format!("{kind:<8} {}{note}", source.place)
        });
        let choice = Choice {
            noun: &format!("{} credential", provider.title),
            items: items.collect(),
            hint: how_to_choose(&local),
        };
        prompt::choose(&context.options, &context.env, context.printer, choice).await?
    };
    Ok(local.swap_remove(index))
}

/// The setup token from standard input, its variable or a prompt.
async fn read_setup_token(context: &Context) -> Result<PushSource> {
    let env = &context.env;
    let kind = Some(CredentialKind::OAuth);
    let variable = setup_token_variable(env);
    if !env.terminals.stdin && (variable.is_none() || env.stdin_begins_within(SETUP_TOKEN_WAIT).await) {
        let (value, place) = read(Path::new("-"), MAX_VALUE as u64, context).await?;
        if !value.expose_secret().trim().is_empty() {
            return Ok(PushSource::new(kind, value, place));
        }
    }
    if let Some(variable) = variable {
        return Ok(variable);
    }
    if !env.terminals.stdin {
        let message = format!("no setup token on standard input, and {SETUP_TOKEN_VARIABLE} is not set");
        return Err(Error::input(message).hint("pipe in what `claude setup-token` printed"));
    }
    let from_file = "amika secret claude push --setup-token < FILE";
    let prompt = "Token that `claude setup-token` printed";
    let value = prompt::ask_hidden(&context.options, env, prompt, from_file).await?;
    Ok(PushSource::new(kind, value.into_value(from_file)?, "the prompt"))
}

/// The hint for choosing one of several credentials on the command line.
fn how_to_choose(sources: &[PushSource]) -> String {
    let has = |kind: &&CredentialKind| sources.iter().any(|source| source.kind == Some(**kind));
    let types = CredentialKind::ALL.iter().filter(has);
    let types: Vec<_> = types.map(|kind| format!("--type {}", kind.as_str())).collect();
    format!(
        "choose the first with {}, or pass another with --value - < FILE",
        types.join(" or ")
    )
}

/// The value of `--value` or `--from-file`, read once.
async fn read_given(provider: &Provider, args: &SourceArgs, context: &Context) -> Result<Option<PushSource>> {
    let env = &context.env;
    let (value, place) = match (&args.value, &args.from_file) {
        (None, None) => return Ok(None),
        (Some(value), _) if value != "-" => {
            (text(value.as_encoded_bytes(), "--value")?, "--value".to_owned())
        }
        (Some(_), _) if env.terminals.stdin => {
            let prompt = format!("{} credential", provider.title);
            let from_file = format!("amika secret {} push --from-file FILE", provider.id);
            let value = prompt::ask_hidden(&context.options, env, &prompt, &from_file).await?;
            (value.into_value(&from_file)?, "the prompt".to_owned())
        }
        (_, path) => {
            let path = path.as_deref().unwrap_or(Path::new("-"));
            read(path, MAX_VALUE as u64, context).await?
        }
    };
    Ok(Some(PushSource::new(args.kind, value, place)))
}

/// Reads a path of the command line, or standard input. Returns the value and its name for messages.
pub(super) async fn read(path: &Path, limit: u64, context: &Context) -> Result<(SecretValue, String)> {
    // Scripts match "reading credentials file".
    let failed = "failed reading credentials file";
    let say = |text: &str| context.printer.notice(text);
    let Given { bytes, place, .. } = context.env.read_given(path, failed, limit, &say).await?;
    Ok((text(&bytes, &place)?, place))
}

fn text(bytes: &[u8], place: &str) -> Result<SecretValue> {
    let text = std::str::from_utf8(bytes);
    let text = text.map_err(|_| {
        Error::input(format!(
            "failed to parse credentials file {place}: not valid UTF-8"
        ))
    })?;
    Ok(SecretValue::new(text.to_owned()))
}

fn nothing_found(provider: &Provider, kind: Option<CredentialKind>) -> Error {
    let Provider {
        id,
        title,
        tool,
        variables,
        ..
    } = provider;
    let set = format!("set {}", variables[0]);
    let (why, other) = match kind {
        Some(CredentialKind::OAuth) => (
            format!(": {tool} is not logged in on this machine, or is logged in with an API key"),
            format!("push its key with `amika secret {id} push --type api_key`"),
        ),
        Some(CredentialKind::ApiKey) => {
            let unset = |name| format!("the {name} environment variable is not set");
            let unset: Vec<_> = variables.iter().map(unset).collect();
            (
                format!(": {}, and no key is stored on this machine", unset.join(", ")),
                set,
            )
        }
        None => (String::new(), set),
    };
    Error::input(format!("No {title} credentials found{why}")).hint(format!(
        "log in with {tool}, {other}, or pass a file: `amika secret {id} push --from-file FILE`"
    ))
}
