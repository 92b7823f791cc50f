//! `amika secret extract`: discover → select → print or push.

use std::collections::HashSet;
use std::path::PathBuf;

use clap::Args;

use super::extracted::{self, ExtractedRow};
use super::push::{self, Manner};
use crate::context::{Context, connected};
use crate::credentials::validate;
use crate::discover::{Filter, LocalCredential, PushedAs, Report, State, discover, rank};
use crate::error::{Error, Kind, Result};
use crate::formats::shell::Shell;
use crate::formats::{escape, words};
use crate::provider::{CredentialKind, Provider};
use crate::push::candidate::{Candidate, Origin};
use crate::push::collect::pattern::Pattern;
use crate::push::collect::problems::Problems;
use crate::push::outcome::Outcomes;
use crate::push::plan::{Inventory, Plan};
use crate::push::report as push_view;
use crate::secret::{Scope, SecretName};
use crate::system::env::Env;
use crate::system::keychain::SystemKeychain;
use crate::ui::options::GlobalOptions;
use crate::ui::printer::Printer;
use crate::ui::prompt::Confirmation;
use crate::ui::table::Text;

pub(crate) const EXTRACT_EXAMPLES: &str = "\
Examples:
  amika secret extract                          show what was found, masked
  amika secret extract --all                    include what is overridden
  amika secret extract --push                   push it, after a confirmation
  amika secret extract --push --only OPENAI_API_KEY --yes
  eval \"$(amika secret extract --export)\"       set the keys in this shell

Reads the credential stores of Claude Code, Codex, OpenCode and Amp by the rules of each tool, but \
nothing in the repository of the working directory. Without --push nothing is sent. No token is \
refreshed, and no credential helper is run.

--push stores a key as a secret, and a login of Claude Code or Codex as that tool's credential, if \
there is none yet. Other logins work only in their own tool and stay here.";

#[derive(Debug, Args)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of the command line")]
pub(crate) struct ExtractArgs {
    /// Include credentials that are not chosen, with the reason, and every notice
    #[arg(long)]
    pub(crate) all: bool,
    /// Keep only these names; quoted patterns are allowed (comma-separated, repeatable)
    #[arg(long, value_name = "NAMES", value_hint = clap::ValueHint::Other)]
    pub(crate) only: Vec<String>,
    /// Skip logins, so that a key of lower priority is chosen
    #[arg(long)]
    pub(crate) no_oauth: bool,
    /// Scan this home directory; variables and keychains are ignored
    #[arg(long, value_name = "DIR", value_hint = clap::ValueHint::DirPath)]
    pub(crate) homedir: Option<PathBuf>,
    /// Print `export NAME='value'` lines with the real values of keys, for eval
    #[arg(long, value_enum, value_name = "SHELL", num_args = 0..=1, require_equals = true,
          default_missing_value = "posix", conflicts_with_all = ["push", "all"])]
    pub(crate) export: Option<Shell>,
    /// Ignore credential stores that cannot be read
    #[arg(long)]
    pub(crate) skip_unreadable: bool,
    /// Push what was found
    #[arg(long)]
    pub(crate) push: bool,
    /// Who can use the pushed secrets [default: user]
    #[arg(long, value_enum, requires = "push")]
    pub(crate) scope: Option<Scope>,
    /// With --push, show the plan without writing anything
    #[arg(long, requires = "push")]
    pub(crate) dry_run: bool,
}

pub(crate) fn run(args: &ExtractArgs, env: Env, options: GlobalOptions, printer: Printer) -> Result<()> {
    let extraction = find(args, &options, &env, printer)?;
    if args.push {
        connected(env, options, printer, async |context| {
            extraction.push(args, context).await
        })
    } else {
        extraction.show(args, printer)
    }
}

/// What was found, and which of it to show or push.
struct Extraction {
    report: Report,
    confirmation: Confirmation,
    /// The names to keep; without any, all of them.
    only: Vec<Pattern>,
    /// The names of everything that was found, for a filter that matches none of it.
    names: Vec<String>,
    /// The home that `~` stands for.
    home: Option<PathBuf>,
}

fn find(args: &ExtractArgs, global: &GlobalOptions, env: &Env, printer: Printer) -> Result<Extraction> {
    if args.export.is_some() && printer.is_json() {
        return Err(Error::usage("--export prints lines for a shell, not JSON")
            .hint("leave out --export or --output"));
    }
    if args.export.is_some() && printer.terminals.stdout && !global.yes {
        return Err(
            Error::usage("--export prints real values, and standard output is a terminal")
                .hint("use it as eval \"$(amika secret extract --export)\", or add --yes"),
        );
    }
    let only = Pattern::list(&args.only);
    if only.is_empty() && !args.only.is_empty() {
        return Err(Error::usage("--only has no names").hint("leave out --only to keep everything"));
    }
    let confirmation = Confirmation::decide(global, env, args.push && !args.dry_run)?;
    let filter = Filter::new(None, args.no_oauth.then_some(CredentialKind::ApiKey));
    let mut report = match &args.homedir {
        None => discover(env, Some(&SystemKeychain::from_env(env)), filter),
        Some(home) if home.is_dir() => discover(&env.elsewhere(home), None, filter),
        Some(home) => {
            let shown = words::missing_path(home).unwrap_or_else(|| "the path given to --homedir".to_owned());
            return Err(Error::input(format!("{shown} is not a directory"))
                .hint("--homedir takes the home directory to scan"));
        }
    };
    let found = report.credentials.iter();
    let mut names: Vec<_> = found.flat_map(LocalCredential::names).collect();
    names.sort();
    names.dedup();
    if !only.is_empty() {
        keep_only(&mut report.credentials, &only);
        rank(&mut report.credentials, (env.now)());
    }
    Ok(Extraction {
        report,
        confirmation,
        only,
        names,
        home: env.home.clone().filter(|_| args.homedir.is_none()),
    })
}

/// Keeps the credentials with these names. A login also answers to the names of its provider's keys, where
/// no key was found.
fn keep_only(credentials: &mut Vec<LocalCredential>, only: &[Pattern]) {
    let is_key = |found: &&LocalCredential| found.kind == CredentialKind::ApiKey && found.could_be_pushed();
    let with_key: HashSet<String> = credentials
        .iter()
        .filter(|found| is_key(found) && answers_to(found, only))
        .map(|found| found.provider.as_str().to_owned())
        .collect();
    credentials.retain(|found| {
        let mut names = found.names().into_iter();
        let by_own_name = found.login_of().is_some() && names.any(|name| matches_any(only, &name));
        let gives_way = found.kind == CredentialKind::OAuth && with_key.contains(found.provider.as_str());
        by_own_name || answers_to(found, only) && !gives_way
    });
}

fn answers_to(found: &LocalCredential, only: &[Pattern]) -> bool {
    let names = found.provider.secret_names();
    names.iter().any(|name| matches_any(only, name.as_str()))
}

fn matches_any(only: &[Pattern], name: &str) -> bool {
    only.iter().any(|pattern| pattern.matches(name))
}

impl Extraction {
    /// Prints what was found as a table, as JSON, or as lines for a shell.
    fn show(&self, args: &ExtractArgs, printer: Printer) -> Result<()> {
        let rows = self.rows(args);
        self.say(&rows, args, printer);
        let nothing = rows.is_empty().then(|| self.nothing());
        if let Some(shell) = args.export {
            if let Some(nothing) = nothing {
                printer.preview(nothing);
            }
            let (lines, left_out) = extracted::exports(&rows, shell);
            if !left_out.is_empty() {
                printer.notice(&format!(
                    "left out, because only keys are exported: {}",
                    left_out.join(", ")
                ));
            }
            printer.raw(lines.trim_end_matches('\n'))?;
        } else {
            let at_terminal = printer.terminals.stdout;
            printer.data(&extracted::as_json(&rows, at_terminal), || {
                nothing.map_or_else(
                    || extracted::as_table(&rows, args.all, at_terminal, self.home.as_deref()),
                    Text::from,
                )
            })?;
        }
        self.unread(args)
    }

    /// Pushes what works in a sandbox, in the form in which it works.
    async fn push(self, args: &ExtractArgs, context: &Context) -> Result<()> {
        let printer = context.printer;
        let rows = self.rows(args);
        self.say(&rows, args, printer);
        if rows.is_empty() {
            if !self.only.is_empty() {
                return Err(Error::input(NO_MATCH).hint(self.what_was_found()));
            }
            let none = Outcomes {
                plan: &Plan::new([], &Inventory::default(), args.scope, false),
                each: Vec::new(),
                stopped_by: None,
            };
            let nothing = self.nothing();
            printer.data(&push_view::outcomes_json(&none), || nothing)?;
            return self.unread(args);
        }
        let unseen = self.confirmation != Confirmation::Terminal && !args.dry_run;
        if unseen && let Err(error) = self.unread(args) {
            return Err(error.consequence("nothing was pushed"));
        }
        let candidates: Vec<Candidate> = rows.iter().filter_map(|row| self.candidate(row)).collect();
        if candidates.is_empty() {
            return Err(Error::input("none of what was found can be pushed")
                .hint("run the tool once to renew its login, or log in again; --all shows the reasons"));
        }
        let manner = Manner {
            scope: args.scope,
            if_missing: false,
            confirmation: self.confirmation,
            dry_run: args.dry_run,
            strict: false,
        };
        let (api, vault) = push::open_vault(&candidates, context).await?;
        for found in rows.iter().map(|row| row.found) {
            if let Some(PushedAs::Login(provider)) = found.pushed_as()
                && vault.why_login_kept(provider, args.scope).is_none()
            {
                self.warn_of_sharing(provider, found, printer);
            }
        }
        push::push(candidates, Problems::default(), &api, &vault, manner, context).await?;
        self.unread(args)
    }

    /// Says what it means to push a login, and what else is in it.
    fn warn_of_sharing(&self, provider: &Provider, found: &LocalCredential, printer: Printer) {
        let Some(document) = &found.document else {
            return;
        };
        if found.renewable {
            printer.warning(&format!("{} login: {}", provider.title, provider.sharing()));
        }
        let place = found.place.shown(self.home.as_deref());
        if let Some(others) = validate::others_warning(provider, document.expose_secret(), &place) {
            printer.warning(&others);
        }
    }

    fn candidate(&self, row: &ExtractedRow<'_>) -> Option<Candidate> {
        let found = row.found;
        let origin = Origin::Place(found.place.shown(self.home.as_deref()));
        Some(match found.pushed_as()? {
            PushedAs::Secret => {
                Candidate::secret(SecretName::inline(&row.name)?, found.value.clone(), origin)
            }
            PushedAs::Login(provider) => Candidate::login(provider, found.document.clone()?, origin),
        })
    }

    /// One row per name of each credential to show, sorted by name.
    fn rows(&self, args: &ExtractArgs) -> Vec<ExtractedRow<'_>> {
        let mut rows = Vec::new();
        for found in &self.report.credentials {
            let is_login = found.login_of().is_some();
            if args.all || !matches!(found.state, State::Outranked(_)) {
                let mut names = found.names();
                names.retain(|name| is_login || self.only.is_empty() || matches_any(&self.only, name));
                rows.extend(names.into_iter().map(|name| ExtractedRow { name, found }));
            }
        }
        rows.sort_by(|a, b| a.name.cmp(&b.name));
        rows
    }

    /// Prints what there is to say about the stores, the rows and the `--only` names without one.
    fn say(&self, rows: &[ExtractedRow<'_>], args: &ExtractArgs, printer: Printer) {
        // The names that an export leaves out are said with it.
        let all = self.report.credentials.as_slice();
        let shown = if args.export.is_none() { all } else { &[] };
        printer.notices(&self.report.messages(shown, self.home.as_deref(), args.all));
        for pattern in self.only.iter().filter(|_| !rows.is_empty()) {
            let only = std::slice::from_ref(pattern);
            let mut rows = rows.iter();
            if !rows.any(|row| pattern.matches(&row.name) || answers_to(row.found, only)) {
                let shown = words::quoted(pattern.as_str(), words::HIDDEN);
                printer.warning(&format!("--only {shown} matches nothing"));
            }
        }
    }

    /// The message for an empty result.
    fn nothing(&self) -> String {
        if !self.only.is_empty() {
            return format!("{NO_MATCH}\n{}", self.what_was_found());
        }
        let searched = self.report.searched.iter();
        let places: Vec<_> = searched.map(|place| place.shown(self.home.as_deref())).collect();
        if places.is_empty() {
            return "No secrets discovered: there is no home directory to look in.".to_owned();
        }
        format!("No secrets discovered. Looked at:\n  {}", places.join("\n  "))
    }

    fn what_was_found(&self) -> String {
        if self.names.is_empty() {
            return "no credentials were found on this machine".to_owned();
        }
        format!("found: {}", self.names.join(", "))
    }

    /// Exit 4 if a store could not be read, so that a script notices.
    fn unread(&self, args: &ExtractArgs) -> Result<()> {
        let problems = self.report.problems.len();
        if problems == 0 || args.skip_unreadable {
            return Ok(());
        }
        let message = format!(
            "{} could not be read",
            escape::count(problems, "credential store")
        );
        Err(Error::new(Kind::Input, message)
            .hint("fix or remove the stores in the warnings, or add --skip-unreadable"))
    }
}

const NO_MATCH: &str = "No secrets match the --only filter.";
