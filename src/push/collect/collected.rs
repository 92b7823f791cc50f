//! What the sources of a push hold: secrets, questions, problems and notices.

use std::fmt::Write;

use indexmap::IndexMap;

use super::problems::Problems;
use super::sources::{EnvFormat, Sources};
use crate::error::{Error, Result};
use crate::formats::{escape, words};
use crate::push::candidate::Origin;
use crate::push::kinds::{self, Misfit};
use crate::push::references::{self, Mapping};
use crate::secret::{MAX_VALUE, SecretName, SecretValue};
use crate::system::env::Env;
use crate::ui::notices::Notices;
use crate::ui::options::GlobalOptions;
use crate::ui::prompt;

/// Maximum number of warnings shown about names that are given more than once.
const MAX_REPETITIONS: usize = 20;
/// Maximum number of names listed in one message.
const MAX_NAMES: usize = 10;

/// The secrets of all sources, in order of first appearance, with one value per name.
pub(crate) struct Collected<'a> {
    pub(super) sources: &'a Sources<'a>,
    pub(crate) secrets: IndexMap<SecretName, (SecretValue, Origin)>,
    /// Names whose values a person may be asked for, with [`ask`](Self::ask). The value is `true` for a name
    /// that is only referenced, so that no answer is needed.
    questions: IndexMap<SecretName, bool>,
    pub(crate) problems: Problems,
    pub(crate) notices: Notices,
    /// The first and the last place of each name that sources of one precedence give more than once.
    repetitions: IndexMap<SecretName, (Origin, Origin)>,
    findings: Vec<ValueProblem>,
    /// Whether each pattern of `--only` matched a name.
    matched: Vec<bool>,
}

/// A problem or a warning that several values of one source may have in common.
struct ValueProblem {
    kind: &'static str,
    origin: Origin,
    message: String,
    /// The hint of a problem; a warning has none.
    hint: Option<String>,
    others: Vec<String>,
    not_listed: usize,
}

impl<'a> Collected<'a> {
    pub(super) fn new(sources: &'a Sources<'a>) -> Self {
        Self {
            sources,
            secrets: IndexMap::new(),
            questions: IndexMap::new(),
            problems: Problems::default(),
            notices: Notices::default(),
            repetitions: IndexMap::new(),
            findings: Vec::new(),
            matched: vec![false; sources.only.len()],
        }
    }

    /// Whether `--only` and `--exclude` keep a name.
    pub(super) fn selects(&mut self, name: &str) -> bool {
        let mut kept = self.sources.only.is_empty();
        for (pattern, matched) in self.sources.only.iter().zip(&mut self.matched) {
            if pattern.matches(name) {
                *matched = true;
                kept = true;
            }
        }
        kept && !self.sources.exclude.iter().any(|pattern| pattern.matches(name))
    }

    /// Adds a selected secret, if its value can be pushed. It replaces the value of a source of lower
    /// precedence, and an earlier one of the same precedence with a warning.
    pub(super) fn add(&mut self, name: SecretName, value: SecretValue, origin: Origin) {
        if !self.is_usable(&name, value.expose_secret(), &origin) {
            return;
        }
        let earlier = self.secrets.insert(name.clone(), (value, origin.clone()));
        let earlier = earlier.map(|(_, origin)| origin);
        if let Some(first) = earlier.filter(|earlier| earlier.precedence() == origin.precedence()) {
            let places = self.repetitions.entry(name);
            let (_, last) = places.or_insert_with(|| (first, origin.clone()));
            *last = origin;
        }
    }

    /// Whether a value can be stored and looks like a secret. Records why not.
    fn is_usable(&mut self, name: &SecretName, text: &str, origin: &Origin) -> bool {
        let (problem, hint) = if text.is_empty() {
            (
                "is empty",
                "give it a value; `amika secret delete NAME` removes a secret",
            )
        } else if text.contains('\0') {
            ("contains a NUL byte", "encode the value, for example with base64")
        } else if text.len() > MAX_VALUE {
            ("is larger than 1 MiB", "store large data elsewhere")
        } else {
            // A command for a whole file prints it as `.env` lines.
            let is_dotenv = self.sources.format == EnvFormat::Dotenv;
            let file = || origin.file_word().filter(|_| is_dotenv);
            let misfit = kinds::judge(name.as_str(), text, file).filter(|_| !self.sources.literal);
            let Some(Misfit { kind, what, hint }) = misfit else {
                return true;
            };
            let is_warning = hint.is_none();
            let message = format!("{} {what}", origin.value_of(name));
            self.record(kind, origin, name.as_str(), message, hint);
            return is_warning;
        };
        let error = Error::input(format!("{} {problem}", origin.value_of(name)));
        self.problems.push(error.hint(hint));
        false
    }

    /// Records a problem, with a hint, or a warning about a value. Further ones of the same kind and
    /// source only add their name.
    pub(super) fn record(
        &mut self,
        kind: &'static str,
        origin: &Origin,
        name: &str,
        message: String,
        hint: Option<String>,
    ) {
        let mut known = self.findings.iter_mut();
        match known.find(|known| known.kind == kind && known.origin.is_same_source(origin)) {
            Some(known) if known.others.len() < MAX_NAMES => known.others.push(name.to_owned()),
            Some(known) => known.not_listed += 1,
            None => self.findings.push(ValueProblem {
                kind,
                origin: origin.clone(),
                message,
                hint,
                others: Vec::new(),
                not_listed: 0,
            }),
        }
    }

    /// Records a selected name whose value a person is asked for.
    pub(super) fn question(&mut self, name: SecretName) {
        self.questions.insert(name, false);
    }

    /// Completes the problems and warnings after all sources were read.
    pub(super) fn finish(&mut self) {
        // A variable goes before a prompt.
        let gives_way = |(_, origin): &(_, Origin)| origin.precedence() <= Origin::Prompt.precedence();
        self.questions
            .retain(|name, _| self.secrets.get(name).is_none_or(gives_way));
        self.report_values();
        let unmatched = self.sources.only.iter().zip(&self.matched);
        for (pattern, _) in unmatched.filter(|(_, matched)| !**matched) {
            let shown = words::quoted(pattern.as_str(), words::HIDDEN);
            self.notices.warn(format!("--only {shown} matches nothing"));
        }
        if self.secrets.is_empty() && self.questions.is_empty() && self.problems.is_empty() {
            self.problems.push(Error::input(
                "no secrets provided: every source is empty, or has nothing that --only, --exclude and \
                 --referenced select",
            ));
        }
    }

    /// Reports what is wrong with values, and names that are given more than once.
    fn report_values(&mut self) {
        let more = self.repetitions.len().saturating_sub(MAX_REPETITIONS);
        for (name, (first, last)) in self.repetitions.drain(..).take(MAX_REPETITIONS) {
            self.notices.warn(format!(
                "{name} is given more than once, first at {first} and last at {last}; the last wins"
            ));
        }
        if more > 0 {
            let message = format!("{more} more names are given more than once; the last of each wins");
            self.notices.warn(message);
        }
        for finding in self.findings.drain(..) {
            let mut message = finding.message;
            if !finding.others.is_empty() {
                message.push_str("; the same for ");
                message.push_str(&finding.others.join(", "));
            }
            if finding.not_listed > 0 {
                let _ = write!(message, " and {} more", finding.not_listed);
            }
            match finding.hint {
                Some(hint) => self.problems.push(Error::input(message).hint(hint)),
                None => self.notices.warn(message),
            }
        }
    }
}

/// What the repository references.
impl Collected<'_> {
    /// With `--referenced`, keeps what the repository references, under the names of the secrets.
    /// Otherwise says which names it maps to others.
    pub(super) fn refer(&mut self, env: &Env) {
        let read = references::of_repository(env);
        if self.sources.referenced {
            if let Some(references) = self.problems.check(read) {
                self.take_referenced(&references.entries);
            }
            return;
        }
        let entries = read.map(|references| references.entries).unwrap_or_default();
        let renamed = entries.iter().filter(|entry| entry.variable != entry.secret);
        for Mapping { variable, secret } in renamed {
            let variable = variable.as_str();
            if self.secrets.contains_key(variable) || self.questions.contains_key(variable) {
                let secret = escape::escape(secret);
                self.notices.notice(format!(
                    "{variable} gets its value from the secret \"{secret}\" in .amika/config.toml, not from one \
                     named {variable}; --referenced pushes it under that name"
                ));
            }
        }
    }

    fn take_referenced(&mut self, references: &[Mapping]) {
        let mut given = std::mem::take(&mut self.secrets);
        let mut asked = std::mem::take(&mut self.questions);
        // The names under which a source may have each secret, in order of precedence.
        let mut secrets: IndexMap<&str, Vec<&str>> = IndexMap::new();
        for Mapping { variable, secret } in references {
            secrets
                .entry(secret)
                .or_insert_with(|| vec![secret])
                .push(variable);
        }
        for (secret, names) in secrets {
            let Some(name) = SecretName::inline(secret) else {
                let shown = escape::escape(secret);
                self.notices.warn(format!(
                    "\"{shown}\" in .amika/config.toml is not a name of a secret"
                ));
                continue;
            };
            let mut to_ask = names.iter().filter_map(|name| asked.swap_remove_entry(*name));
            let mut found = names.iter().filter_map(|name| given.swap_remove_entry(*name));
            let (question, value) = (to_ask.next(), found.next());
            let used = question.as_ref().map(|(used, _)| used);
            let Some(used) = used.or(value.as_ref().map(|(used, _)| used)) else {
                if self.selects(secret) {
                    self.questions.insert(name, true);
                }
                continue;
            };
            let unused = to_ask.map(|(unused, _)| unused);
            for unused in unused.chain(found.map(|(unused, _)| unused)) {
                let message = format!("{name} gets the value of {used}, not that of {unused}");
                self.notices.warn(message);
            }
            if *used != name {
                let message = format!("pushing {used} as {name}, its name in .amika/config.toml");
                self.notices.notice(message);
            }
            if question.is_some() {
                self.question(name.clone());
            }
            if let Some((_, value)) = value {
                self.secrets.insert(name, value);
            }
        }
        let mut unknown: Vec<_> = given.into_keys().chain(asked.into_keys()).collect();
        unknown.sort_unstable();
        if !unknown.is_empty() {
            let names = escape::first_of(&unknown);
            self.notices
                .notice(format!("skipped (not referenced in .amika/config.toml): {names}"));
        }
    }
}

/// What a person is asked for.
impl Collected<'_> {
    /// Asks for the values that no source has, after the login and the connection were checked. What is
    /// only referenced may be skipped with Enter, and with `if_missing` is asked for only if the vault lacks
    /// it; where nobody can be asked, a warning names what the vault lacks.
    pub(crate) async fn ask(
        &mut self,
        options: &GlobalOptions,
        env: &Env,
        is_stored: impl Fn(&str) -> bool,
        if_missing: bool,
    ) -> Result<()> {
        for (name, optional) in std::mem::take(&mut self.questions) {
            let is_stored = is_stored(name.as_str());
            if optional && is_stored && (if_missing || !env.terminals.stdin) {
                continue;
            }
            let from_file = format!("amika secret push --value-file {name}=FILE");
            let prompt = match (optional, is_stored) {
                (true, true) => format!("New value of {name} (Enter keeps it)"),
                (true, false) => format!("Value of {name} (Enter skips it)"),
                (false, _) => format!("Value of {name}"),
            };
            let answer = if optional && !env.terminals.stdin {
                Ok(None)
            } else {
                let typed = prompt::ask_hidden(options, env, &prompt, &from_file).await?;
                let is_skipped = optional && typed.is_empty();
                (!is_skipped).then(|| typed.into_value(&from_file)).transpose()
            };
            match answer {
                Ok(Some(value)) => {
                    let value = complete_block(value, &mut self.notices);
                    self.add(name, value, Origin::Prompt);
                }
                Ok(None) if !is_stored => {
                    let message = format!("{name} is missing from the vault and from the given sources");
                    self.notices.warn(message);
                }
                Ok(None) => {}
                Err(error) => self.problems.push(error),
            }
        }
        self.report_values();
        Ok(())
    }
}

/// A pasted PEM block without its last line break gets one, without which OpenSSH cannot read it.
fn complete_block(value: SecretValue, notices: &mut Notices) -> SecretValue {
    let text = value.expose_secret();
    if !text.starts_with("-----BEGIN") || !text.contains('\n') || text.ends_with('\n') {
        return value;
    }
    notices.notice("added the line break at the end of the pasted block");
    SecretValue::new(format!("{text}\n"))
}
