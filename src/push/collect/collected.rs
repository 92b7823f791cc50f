//! What the sources of a push hold: secrets, questions, problems and notices.

use std::collections::{HashMap, HashSet};
use std::fmt::Write;
use std::hash::{BuildHasher, RandomState};

use hashbrown::HashTable;
use hashbrown::hash_table::Entry as Slot;

use super::problems::Problems;
use super::sources::{EnvFormat, Sources};
use crate::error::{Error, Result};
use crate::formats::{escape, words};
use crate::push::candidate::{Candidate, Origin};
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
    pub(crate) candidates: Vec<Candidate>,
    /// Names whose values a person may be asked for, with [`ask`](Self::ask).
    questions: Vec<Question>,
    pub(crate) problems: Problems,
    pub(crate) notices: Notices,
    /// The position of each name among the candidates.
    positions: HashTable<usize>,
    hasher: RandomState,
    /// The first positions hold values of sources of lower precedence, unless they are in `replaced`.
    lower: usize,
    replaced: HashSet<usize>,
    repetitions: HashMap<usize, Repetition>,
    findings: Vec<Finding>,
    /// Whether each pattern of `--only` matched a name.
    matched: Vec<bool>,
    /// Whether `--only` or `--exclude` left out a secret.
    left_out: bool,
}

/// A name without a value.
struct Question {
    name: SecretName,
    /// Added to the prompt.
    note: Option<String>,
    /// Whether the name is only referenced, so that no answer is needed.
    optional: bool,
}

/// A name that one source gives more than once.
struct Repetition {
    first: Origin,
    count: usize,
}

/// A problem or a warning that several values of one source may have in common.
struct Finding {
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
            candidates: Vec::new(),
            questions: Vec::new(),
            problems: Problems::default(),
            notices: Notices::default(),
            positions: HashTable::new(),
            hasher: RandomState::new(),
            lower: 0,
            replaced: HashSet::new(),
            repetitions: HashMap::new(),
            findings: Vec::new(),
            matched: vec![false; sources.only.len()],
            left_out: false,
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
        let kept = kept && !self.sources.exclude.iter().any(|pattern| pattern.matches(name));
        self.left_out |= !kept;
        kept
    }

    /// Adds a secret that is selected, if its value can be pushed. It replaces the value of a source of
    /// lower precedence, and an earlier one of the same source with a warning.
    pub(super) fn add(&mut self, candidate: Candidate) {
        if !self.selects(candidate.name.as_str()) || !self.is_usable(&candidate) {
            return;
        }
        let candidates = &mut self.candidates;
        let hash = |name: &SecretName| self.hasher.hash_one(name);
        let slot = self.positions.entry(
            hash(&candidate.name),
            |at| candidates[*at].name == candidate.name,
            |at| hash(&candidates[*at].name),
        );
        match slot {
            Slot::Vacant(slot) => {
                slot.insert(candidates.len());
                candidates.push(candidate);
            }
            Slot::Occupied(slot) => {
                let at = *slot.get();
                let earlier = std::mem::replace(&mut candidates[at], candidate);
                if at >= self.lower || !self.replaced.insert(at) {
                    let first = earlier.origin;
                    let repetition = self.repetitions.entry(at);
                    repetition.or_insert(Repetition { first, count: 1 }).count += 1;
                }
            }
        }
    }

    /// Whether a value can be stored and looks like a secret. Records why not.
    fn is_usable(&mut self, candidate: &Candidate) -> bool {
        let (name, origin) = (&candidate.name, &candidate.origin);
        let text = candidate.value.expose_secret();
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
            self.find(kind, origin, name.as_str(), message, hint);
            return is_warning;
        };
        let error = Error::input(format!("{} {problem}", origin.value_of(name)));
        self.problems.push(error.hint(hint));
        false
    }

    /// Records a problem, with a hint, or a warning about a value. Further ones of the same kind and
    /// source only add their name.
    pub(super) fn find(
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
            None => self.findings.push(Finding {
                kind,
                origin: origin.clone(),
                message,
                hint,
                others: Vec::new(),
                not_listed: 0,
            }),
        }
    }

    /// Records a name whose value a person may be asked for; with `optional` no answer is needed. A value of a source of lower precedence is
    /// not needed for it.
    pub(super) fn question(&mut self, name: SecretName, note: Option<String>, optional: bool) {
        if self.selects(name.as_str()) {
            self.questions.push(Question { name, note, optional });
        }
    }

    /// The sources read from now on have a higher precedence.
    pub(super) fn next_source(&mut self) {
        let mut repetitions: Vec<_> = self.repetitions.drain().collect();
        repetitions.sort_unstable_by_key(|(at, _)| *at);
        let more = repetitions.len().saturating_sub(MAX_REPETITIONS);
        for (at, Repetition { first, count }) in repetitions.into_iter().take(MAX_REPETITIONS) {
            let Candidate { name, origin, .. } = &self.candidates[at];
            self.notices.warn(match count {
                2 => format!("{name} is given twice, at {first} and {origin}; the last wins"),
                _ => format!(
                    "{name} is given {count} times, first at {first}, last at {origin}; the last wins"
                ),
            });
        }
        if more > 0 {
            let message = format!("{more} more names are given more than once; the last of each wins");
            self.notices.warn(message);
        }
        self.lower = self.candidates.len();
        self.replaced.clear();
    }

    /// Completes the problems and warnings after all sources were read.
    pub(super) fn finish(&mut self) {
        self.next_source();
        self.report_findings();
        let unmatched = self.sources.only.iter().zip(&self.matched);
        for (pattern, _) in unmatched.filter(|(_, matched)| !**matched) {
            let shown = words::quoted(pattern.as_str(), words::HIDDEN);
            self.notices.warn(format!("--only {shown} matches nothing"));
        }
        if self.candidates.is_empty() && self.questions.is_empty() && self.problems.is_empty() {
            self.problems.push(Error::input(if self.left_out {
                "no secrets provided: --only and --exclude leave nothing to push"
            } else if self.sources.referenced {
                "no secrets provided: no source has a secret that .amika/config.toml references"
            } else {
                "no secrets provided: every source was empty"
            }));
        }
    }

    fn report_findings(&mut self) {
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
        let secrets: HashMap<&str, &str> = entries
            .iter()
            .map(|entry| (entry.variable.as_str(), entry.secret.as_str()))
            .collect();
        for variable in self.candidates.iter().map(|candidate| candidate.name.as_str()) {
            let Some(secret) = secrets.get(variable).filter(|secret| **secret != variable) else {
                continue;
            };
            let secret = escape::escape(secret);
            self.notices.notice(format!(
                "{variable} gets its value from the secret \"{secret}\" in .amika/config.toml, not from one named \
                 {variable}; --referenced pushes it under that name"
            ));
        }
    }

    fn take_referenced(&mut self, references: &[Mapping]) {
        let given = std::mem::take(&mut self.candidates).into_iter();
        let mut given: HashMap<String, Candidate> = given
            .map(|candidate| (candidate.name.to_string(), candidate))
            .collect();
        // The names under which a source may have each secret, in order of precedence.
        let mut secrets: Vec<&str> = Vec::new();
        let mut names: HashMap<&str, Vec<&str>> = HashMap::new();
        for Mapping { variable, secret } in references {
            let of_secret = names.entry(secret).or_insert_with(|| {
                secrets.push(secret);
                vec![secret]
            });
            of_secret.push(variable);
        }
        for secret in secrets {
            let Some(name) = SecretName::inline(secret) else {
                let shown = escape::escape(secret);
                self.notices.warn(format!(
                    "\"{shown}\" in .amika/config.toml is not a name of a secret"
                ));
                continue;
            };
            let mut found = names[secret].iter().filter_map(|name| given.remove(*name));
            let Some(candidate) = found.next() else {
                self.question(name, None, true);
                continue;
            };
            let used = &candidate.name;
            for Candidate { name: unused, .. } in found {
                let message = format!("{name} gets the value of {used}, not that of {unused}");
                self.notices.warn(message);
            }
            if *used != name {
                let message = format!("pushing {used} as {name}, its name in .amika/config.toml");
                self.notices.notice(message);
            }
            self.candidates.push(Candidate { name, ..candidate });
        }
        let mut unknown: Vec<_> = given.into_keys().collect();
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
    /// only referenced may be skipped with Enter; where nobody can be asked, a warning names what the
    /// vault lacks. With `if_missing` only what the vault lacks is asked for.
    pub(crate) async fn ask(
        &mut self,
        options: &GlobalOptions,
        env: &Env,
        is_stored: impl Fn(&str) -> bool,
        if_missing: bool,
    ) -> Result<()> {
        for Question { name, note, optional } in std::mem::take(&mut self.questions) {
            let is_stored = is_stored(name.as_str());
            if optional && is_stored && (if_missing || !env.terminals.stdin) {
                continue;
            }
            let from_file = format!("amika secret push --value-file {name}=FILE");
            let prompt = match (&note, optional) {
                (_, true) if is_stored => format!("New value of {name} (Enter keeps it)"),
                (_, true) => format!("Value of {name} (Enter skips it)"),
                (Some(note), _) => format!("Value of {name} ({note})"),
                _ => format!("Value of {name}"),
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
                    self.add(Candidate::secret(name, value, Origin::Prompt));
                }
                Ok(None) if !is_stored => {
                    let message = format!("{name} is missing from the vault and from the given sources");
                    self.notices.warn(message);
                }
                Ok(None) => {}
                Err(error) => self.problems.push(error),
            }
        }
        self.next_source();
        self.report_findings();
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
