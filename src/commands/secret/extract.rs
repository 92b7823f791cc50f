//! `amika secret extract`: discover → select → print or push.

use std::path::PathBuf;

use clap::Args;

use super::push::{self, Manner};
use crate::context::{Context, connected};
use crate::discover::report as view;
use crate::discover::report::Row;
use crate::discover::{Discovery, Filter, LocalCredential, State, discover};
use crate::error::{Error, Kind, Result};
use crate::formats::escape;
use crate::provider::{CredentialKind, Provider};
use crate::push::candidate::{Candidate, Origin};
use crate::push::collect::pattern::Pattern;
use crate::push::collect::problems::Problems;
use crate::push::outcome::Outcomes;
use crate::push::plan::{Inventory, Plan, Policy};
use crate::push::report as push_view;
use crate::secret::{Scope, SecretName};
use crate::system::env::Env;
use crate::system::keychain::{Access, NoKeychain, SystemKeychain};
use crate::ui::notices::Notices;
use crate::ui::options::GlobalOptions;
use crate::ui::printer::{OnWriteFailure, Printer};
use crate::ui::prompt::Confirmation;
use crate::ui::table::Text;

pub(crate) const EXTRACT_EXAMPLES: &str = "\
Examples:
  amika secret extract                                 show what was found, masked
  amika secret extract --all                           include what is overridden
  amika secret extract --push                          push it, after a confirmation
  amika secret extract --push --only OPENAI_API_KEY --yes
  eval \"$(amika secret extract --export)\"             into this shell

Reads the credential stores of Claude Code, Codex, OpenCode and Amp by the rules that each tool
follows. Without --push nothing is sent. No token is refreshed, and no credential helper is run.";

#[derive(Debug, Args)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of the command line")]
pub(crate) struct ExtractArgs {
    /// Include overridden credentials, and show what overrides them
    #[arg(long)]
    pub(crate) all: bool,
    /// Keep only these names; quoted patterns are allowed (comma-separated, repeatable)
    #[arg(long, value_name = "NAMES", value_hint = clap::ValueHint::Other)]
    pub(crate) only: Vec<String>,
    /// Skip OAuth access tokens, which expire within hours
    #[arg(long)]
    pub(crate) no_oauth: bool,
    /// Scan this home directory; variables and keychains are ignored
    #[arg(long, value_name = "DIR", value_hint = clap::ValueHint::DirPath)]
    pub(crate) homedir: Option<PathBuf>,
    /// Print `export NAME='value'` lines with real values, for eval
    #[arg(long, conflicts_with_all = ["push", "all"])]
    pub(crate) export: bool,
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

impl ExtractArgs {
    /// The names to keep; `None` is all of them.
    fn patterns(&self) -> Result<Option<Vec<Pattern>>> {
        let patterns = Pattern::list(&self.only);
        match (self.only.is_empty(), patterns.is_empty()) {
            (true, _) => Ok(None),
            (false, true) => {
                Err(Error::usage("--only has no names").hint("leave out --only to keep everything"))
            }
            (false, false) => Ok(Some(patterns)),
        }
    }
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

/// The discovered credentials, and which of them to show or push.
struct Extraction {
    discovery: Discovery,
    confirmation: Confirmation,
    /// The names to keep; `None` is all of them.
    only: Option<Vec<Pattern>>,
    /// The home that `~` stands for.
    home: Option<std::path::PathBuf>,
}

/// Runs the discovery and reports stores that could not be read.
fn find(args: &ExtractArgs, global: &GlobalOptions, env: &Env, printer: Printer) -> Result<Extraction> {
    if args.export && printer.is_json() {
        return Err(Error::usage("--export prints lines for a shell, not JSON")
            .hint("leave out --export or --output"));
    }
    if args.export && printer.terminals.stdout && !global.yes {
        return Err(
            Error::usage("--export prints real values, and standard output is a terminal")
                .hint("use it as eval \"$(amika secret extract --export)\", or add --yes"),
        );
    }
    let only = args.patterns()?;
    let confirmation = Confirmation::decide(global, env, args.push && !args.dry_run)?;
    let filter = if args.no_oauth {
        Filter::kind(CredentialKind::ApiKey)
    } else {
        Filter::ANY
    };
    let discovery = match &args.homedir {
        None => discover(env, &SystemKeychain::new(Access::from_env(env)), filter),
        Some(home) if home.is_dir() => discover(&env.elsewhere(home), &NoKeychain, filter),
        Some(home) => {
            return Err(Error::input(format!(
                "{} is not a directory",
                escape::argument(&escape::path(home))
            ))
            .hint("--homedir takes the home directory to scan"));
        }
    };
    let home = env.home.clone().filter(|_| args.homedir.is_none());
    view::print_problems(&discovery, home.as_deref(), printer);
    Ok(Extraction {
        discovery,
        confirmation,
        only,
        home,
    })
}

impl Extraction {
    /// Prints the credentials as a table, as JSON, or as lines for a shell.
    fn show(&self, args: &ExtractArgs, printer: Printer) -> Result<()> {
        let rows = self.rows(args);
        self.report_tokens(&rows, printer);
        let nothing = rows.is_empty().then(|| self.nothing());
        if args.export {
            if let Some(nothing) = nothing {
                printer.preview(nothing);
            }
            let mut notices = Notices::default();
            let lines = view::exports(&rows, &mut notices);
            printer.notices(&notices);
            printer.raw(lines.trim_end_matches('\n'))?;
        } else {
            self.warn_of_missing(&rows, printer);
            let at_terminal = printer.terminals.stdout;
            printer.data(OnWriteFailure::Fail, &view::as_json(&rows, at_terminal), || {
                nothing.map_or_else(
                    || view::as_table(&rows, args.all, at_terminal, self.home.as_deref()),
                    Text::from,
                )
            })?;
        }
        self.unread(args)
    }

    /// Pushes the credentials that still work.
    async fn push(self, args: &ExtractArgs, context: &Context) -> Result<()> {
        let printer = context.printer;
        let policy = Policy {
            scope: args.scope,
            keeps_existing: false,
        };
        let rows = self.rows(args);
        if rows.is_empty() {
            if self.only.is_some() {
                return Err(Error::input(NO_MATCH).hint(self.what_was_found()));
            }
            let none = Outcomes {
                plan: &Plan::new(Vec::new(), &Inventory::default(), policy),
                each: Vec::new(),
                stopped_by: None,
            };
            let nothing = self.nothing();
            printer.data(OnWriteFailure::Fail, &push_view::outcomes_json(&none), || nothing)?;
            return self.unread(args);
        }
        self.warn_of_missing(&rows, printer);
        self.report_tokens(&rows, printer);
        let unseen = self.confirmation != Confirmation::Terminal && !args.dry_run;
        if unseen && let Err(error) = self.unread(args) {
            return Err(error.consequence("nothing was pushed"));
        }
        let candidates: Vec<Candidate> = rows
            .iter()
            .filter(|row| row.found.state == State::Chosen)
            .map(|row| self.candidate(row))
            .collect();
        if candidates.is_empty() {
            return Err(
                Error::input("all credentials that were found have expired; nothing was pushed")
                    .hint("run the tool once to renew its login"),
            );
        }
        let manner = Manner {
            policy,
            confirmation: self.confirmation,
            dry_run: args.dry_run,
            strict: false,
        };
        push::push(candidates, Problems::default(), None, manner, context).await?;
        self.unread(args)
    }

    fn candidate(&self, row: &Row<'_>) -> Candidate {
        let origin = Origin::Store(row.found.place.shown(self.home.as_deref()));
        Candidate::secret(row.name.clone(), row.found.value.clone(), origin)
    }

    /// One row per name of each credential to show, sorted by name.
    fn rows(&self, args: &ExtractArgs) -> Vec<Row<'_>> {
        let shown = |found: &&LocalCredential| args.all || !matches!(found.state, State::Outranked);
        let found = self.discovery.found.iter().filter(shown);
        let mut rows: Vec<Row<'_>> = found.flat_map(rows_of).collect();
        rows.retain(|row| self.keeps(&row.name));
        rows.sort_by(|a, b| a.name.cmp(&b.name));
        rows
    }

    fn keeps(&self, name: &SecretName) -> bool {
        let only = self.only.as_ref();
        only.is_none_or(|only| only.iter().any(|pattern| pattern.matches(name.as_str())))
    }

    /// Warns about each `--only` name that was not found, unless no credential is left at all, which has
    /// its own message.
    fn warn_of_missing(&self, rows: &[Row<'_>], printer: Printer) {
        let only = self.only.iter().flatten().filter(|_| !rows.is_empty());
        for pattern in only.filter(|pattern| !rows.iter().any(|row| pattern.matches(row.name.as_str()))) {
            let pattern = escape::argument(pattern.as_str());
            printer.warning(&format!("--only {pattern} matches nothing"));
        }
    }

    /// The message for an empty result.
    fn nothing(&self) -> String {
        if self.only.is_some() {
            return format!("{NO_MATCH}\n{}", self.what_was_found());
        }
        let searched = self.discovery.searched.iter();
        let places: Vec<_> = searched.map(|place| place.shown(self.home.as_deref())).collect();
        format!("No secrets discovered. Looked at:\n  {}", places.join("\n  "))
    }

    /// The names of everything that was found, for a filter that matches none of it.
    fn what_was_found(&self) -> String {
        let rows = self.discovery.found.iter().flat_map(rows_of);
        let mut names: Vec<_> = rows.map(|row| row.name.to_string()).collect();
        names.sort();
        names.dedup();
        if names.is_empty() {
            return "no credentials were found on this machine".to_owned();
        }
        format!("found: {}", names.join(", "))
    }

    /// Explains each access token among the rows: that it expires within hours, how to push a login that
    /// can be renewed, and which API key it was preferred to.
    fn report_tokens(&self, rows: &[Row<'_>], printer: Printer) {
        for found in &self.discovery.found {
            let same = rows.iter().filter(|row| std::ptr::eq(row.found, found));
            let names: Vec<_> = same.map(|row| row.name.as_str()).collect();
            if found.kind != CredentialKind::OAuth || names.is_empty() {
                continue;
            }
            printer.notice(&self.describe_token(found, &names));
            let key = self.discovery.found.iter().find(|other| {
                other.kind == CredentialKind::ApiKey && other.secret_names() == found.secret_names()
            });
            if let Some(key) = key.filter(|_| found.state == State::Chosen) {
                printer.notice(&format!(
                    "{} taken from {} instead of the API key in {}; to take the key, add --no-oauth",
                    with_verb(&names),
                    found.place.shown(self.home.as_deref()),
                    key.place.shown(self.home.as_deref()),
                ));
            }
        }
    }

    fn describe_token(&self, found: &LocalCredential, names: &[&str]) -> String {
        let place = found.place.shown(self.home.as_deref());
        let provider = Provider::discovered(found.provider.as_str());
        match (found.state, found.renewable) {
            (State::Expired, Some(false)) => {
                format!("the login in {place} has expired and cannot be renewed; log in again with its tool")
            }
            (State::Expired, _) => format!(
                "the access token in {place} has expired; run its tool once to renew the login, \
                 or log in again"
            ),
            (_, Some(false)) if found.document.is_some() => format!(
                "the login in {place} cannot be renewed: its refresh token is missing or has expired; \
                 log in again with its tool"
            ),
            _ => match provider.filter(|_| found.document.is_some()) {
                None => format!(
                    "{} a short-lived token that its own tool renews",
                    with_verb(names)
                ),
                Some(provider) => format!(
                    "{} a short-lived token; 'amika secret {} push --type oauth' pushes the whole \
                     login, which stays renewable",
                    with_verb(names),
                    provider.id
                ),
            },
        }
    }

    /// Exit 4 if a store could not be read, so that a script notices.
    fn unread(&self, args: &ExtractArgs) -> Result<()> {
        let problems = self.discovery.problems.len();
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

fn rows_of(found: &LocalCredential) -> impl Iterator<Item = Row<'_>> {
    let names = found.secret_names();
    names.into_iter().map(move |name| Row { name, found })
}

/// Names with a verb: `A is`, `A and B are`.
fn with_verb(names: &[&str]) -> String {
    let verb = if names.len() == 1 { "is" } else { "are" };
    format!("{} {verb}", names.join(" and "))
}
