//! Asks questions at a terminal or through a pipe, and decides when asking is impossible.

use std::io;

use console::Term;
use dialoguer::{Input, Select};

use crate::error::{Error, Kind, Result};
use crate::formats::escape;
use crate::system::env::{Env, Platform, blocking};
use crate::ui::guard::{MARK_PASTES, TerminalGuard, forget_typed_ahead};
use crate::ui::hidden::Hidden;
use crate::ui::lines::{cut_middle, wrap};
use crate::ui::options::{GlobalOptions, OutputFormat};
use crate::ui::printer::Printer;
use crate::ui::typed::read_typed;

const ADD_YES: &str = "add --yes to confirm on the command line";

/// How a confirmation will be answered, decided before anything is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Confirmation {
    /// Not needed: `--yes` was given or nothing will be written.
    NotNeeded,
    /// A person at a terminal.
    Terminal,
    /// Lines of standard input: `yes | amika …`.
    Piped,
}

/// Maximum number of lines read from a pipe for one answer, so that endless input such as `yes ?` ends.
const MAX_PIPED_ANSWERS: u32 = 3;

impl Confirmation {
    /// Fails with exit 2 if no answer is possible: JSON output, CI, or an invisible question.
    pub(crate) fn decide(global: &GlobalOptions, env: &Env, writes: bool) -> Result<Self> {
        if global.yes || !writes {
            return Ok(Self::NotNeeded);
        }
        if let Some(place) = cannot_ask(global, env) {
            return Err(Error::usage(format!("cannot ask for confirmation {place}")).hint(ADD_YES));
        }
        Ok(if env.terminals.stdin {
            Self::Terminal
        } else {
            Self::Piped
        })
    }

    /// For commands whose arguments already state the intent: asks at a terminal, and not otherwise.
    pub(crate) fn at_terminal_only(global: &GlobalOptions, env: &Env) -> Self {
        if !global.yes && is_at_terminal(global, env) {
            Self::Terminal
        } else {
            Self::NotNeeded
        }
    }

    /// Asks until the answer is yes or no. Answering no is exit 1, and giving no answer is exit 2.
    pub(crate) async fn ask(self, env: &Env, printer: Printer, question: &str) -> Result<()> {
        let yes = match self {
            Self::NotNeeded => true,
            Self::Terminal => confirm(env, question).await?,
            Self::Piped => {
                let refuse = |why: &str| Error::usage(why).hint(ADD_YES);
                let ask = || printer.instruct(&format!("{} [y/N]", escape::escape(question)));
                read_piped(env, refuse, ask, yes_or_no).await?
            }
        };
        if yes { Ok(()) } else { Err(cancelled()) }
    }
}

fn cancelled() -> Error {
    Error::new(Kind::Refused, "cancelled; nothing was changed")
}

/// Parses an answer. Enter alone is no; `None` if it is neither yes nor no.
fn yes_or_no(answer: &str) -> Option<bool> {
    match answer.trim().to_lowercase().as_str() {
        "y" | "yes" => Some(true),
        "" | "n" | "no" => Some(false),
        _ => None,
    }
}

/// Asks at the terminal until the answer is yes or no. The terminal stays as it is: it edits the line,
/// and Ctrl-Z and Ctrl-C do what they always do.
async fn confirm(env: &Env, question: &str) -> Result<bool> {
    let term = Term::stderr();
    let question = format!("{} [y/N]", escape::escape(question));
    let mut prompt = fitting(&question, &term) + " ";
    loop {
        forget_typed_ahead();
        term.write_str(&prompt).map_err(unreadable)?;
        let Some(answer) = env.read_stdin_line().await.map_err(unreadable)? else {
            term.write_line("").map_err(unreadable)?;
            return Ok(false);
        };
        if let Some(yes) = yes_or_no(&answer) {
            return Ok(yes);
        }
        prompt = String::from("Please answer y or n: ");
    }
}

/// `text`, broken between words, with room for an answer after it.
fn fitting(text: &str, term: &Term) -> String {
    wrap(text, usize::from(term.size().1).saturating_sub(5)).join("\n")
}

/// Reads lines of standard input until one is an answer. `refuse` returns the error if there is none.
async fn read_piped<T>(
    env: &Env,
    refuse: impl Fn(&str) -> Error,
    ask: impl Fn(),
    answer: impl Fn(&str) -> Option<T>,
) -> Result<T> {
    for _ in 0..MAX_PIPED_ANSWERS {
        ask();
        let line = env.read_stdin_line().await;
        let line = line.map_err(|error| Error::usage("failed to read the answer").because(error))?;
        let line = line.ok_or_else(|| refuse("no answer on standard input"))?;
        if let Some(answer) = answer(&line) {
            return Ok(answer);
        }
    }
    Err(refuse("no valid answer on standard input"))
}

/// Whether a person at a terminal can answer a question.
pub(crate) fn is_at_terminal(global: &GlobalOptions, env: &Env) -> bool {
    env.terminals.stdin && cannot_ask(global, env).is_none()
}

/// The reason why no question can be answered, or `None` if one can.
fn cannot_ask(global: &GlobalOptions, env: &Env) -> Option<&'static str> {
    let is_windows = env.platform == Platform::Windows;
    if global.output != OutputFormat::Text {
        Some("with --output json")
    } else if env.is_ci() {
        Some("in CI (the variable CI is set)")
    } else if env.terminals.stdin && !env.terminals.stderr {
        Some("because standard error is not a terminal")
    } else if env.terminals.stdin && is_windows && Term::stderr().size_checked().is_none() {
        // mintty (Git Bash) sends keys through a pipe, and only after Enter. Such a pipe counts as a
        // terminal, but only a console has a size.
        Some("in this terminal, which is a pipe (run it with winpty)")
    } else {
        None
    }
}

/// Asks for a value that is not shown while it is typed or pasted. `from_file` is the command that
/// takes it from a file instead.
pub(crate) async fn ask_hidden(
    global: &GlobalOptions,
    env: &Env,
    prompt: &str,
    from_file: &str,
) -> Result<Hidden> {
    if let Some(place) = cannot_ask(global, env) {
        return Err(Error::usage(format!("cannot ask for a value {place}"))
            .hint(format!("read the value from a file with `{from_file}`")));
    }
    let prompt = format!("{MARK_PASTES}{}: ", escape::escape(prompt));
    at_terminal(move || {
        let term = Term::stderr();
        let hidden = Hidden::new(&read_typed(|| term.write_str(&prompt))?);
        match hidden.lines() {
            1 => term.write_line("")?,
            lines => term.write_line(&format!("(read {lines} lines)"))?,
        }
        Ok(hidden)
    })
    .await
}

/// A list from which the person chooses one entry.
pub(crate) struct Choice<'a> {
    /// The kind of entry, such as `Claude credential`.
    pub(crate) noun: &'a str,
    pub(crate) items: Vec<String>,
    /// How to choose on the command line.
    pub(crate) hint: String,
}

impl Choice<'_> {
    /// The error if no answer is possible, with the entries.
    fn impossible(&self, why: &str) -> Error {
        let Self { noun, items, hint } = self;
        let words = |item: &String| item.split_whitespace().collect::<Vec<_>>().join(" ");
        let list = items.iter().map(words).collect::<Vec<_>>().join("; ");
        let found = escape::count(items.len(), noun);
        Error::usage(format!("{why}; found {found}: {list}")).hint(hint)
    }
}

/// Lets the person choose one entry: from a list at a terminal, otherwise by a number on standard
/// input. Exit 2 if no answer is possible.
pub(crate) async fn choose(
    global: &GlobalOptions,
    env: &Env,
    printer: Printer,
    choice: Choice<'_>,
) -> Result<usize> {
    if let Some(place) = cannot_ask(global, env) {
        return Err(choice.impossible(&format!("cannot ask for a choice {place}")));
    }
    let prompt = escape::escape(&format!("{} to push", choice.noun)).into_owned();
    let escaped = |item: &String| escape::escape(item).into_owned();
    let items: Vec<_> = choice.items.iter().map(escaped).collect();
    if env.terminals.stdin {
        let prompt = format!("{prompt} (arrow keys and Enter; Esc cancels)");
        let chosen = at_terminal(move || select(&prompt, &items));
        return chosen.await?.ok_or_else(cancelled);
    }
    let number = |line: &str| {
        let number = line.trim().parse::<usize>().ok()?;
        (1..=items.len()).contains(&number).then(|| number - 1)
    };
    let lines = items.iter().enumerate();
    let lines = lines.map(|(index, item)| format!("  {}) {item}", index + 1));
    let list = lines.collect::<Vec<_>>().join("\n");
    let question = format!("{prompt}\n{list}\nNumber [1-{}]?", items.len());
    let ask = || {
        if !env.stdin_has_ended() {
            printer.instruct(&question);
        }
    };
    read_piped(env, |why| choice.impossible(why), ask, number).await
}

/// Shows a list until an entry is chosen; `None` if the person cancels.
fn select(prompt: &str, items: &[String]) -> io::Result<Option<usize>> {
    let term = Term::stderr();
    let columns = usize::from(term.size().1);
    // A line that the terminal wraps would stay when the list is redrawn. dialoguer 0.12 counts bytes.
    let cut = |item: &String| {
        let mut cut = (0..columns).rev().map(|width| cut_middle(item, width));
        let cut = cut.find(|text| text.len() + 2 < columns);
        cut.unwrap_or_default()
    };
    let items: Vec<_> = items.iter().map(cut).collect();
    term.write_line(&fitting(prompt, &term))?;
    let list = Select::new().items(&items).default(0);
    let chosen = list
        .interact_on_opt(&term)
        .map_err(|dialoguer::Error::IO(error)| error)?;
    if let Some(index) = chosen {
        term.write_line(&format!("> {}", items[index]))?;
    }
    Ok(chosen)
}

/// Asks for a line at the terminal until `check` accepts it. Enter alone is `default`.
pub(crate) async fn ask_line(
    prompt: &str,
    default: &str,
    check: impl Fn(&str) -> Result<()> + Send + 'static,
) -> Result<String> {
    let (prompt, default) = (prompt.to_owned(), default.to_owned());
    at_terminal(move || {
        let input = Input::<String>::new()
            .with_prompt(prompt)
            .default(default)
            .validate_with(move |line: &String| check(line));
        input.interact_text().map_err(|dialoguer::Error::IO(error)| error)
    })
    .await
}

/// Runs a prompt that switches the echo off on a thread of its own. The terminal is left as it was
/// found, also if a signal makes the caller drop this future.
async fn at_terminal<T: Send + 'static>(
    prompt: impl FnOnce() -> io::Result<T> + Send + 'static,
) -> Result<T> {
    let _restored_on_drop = TerminalGuard::new();
    blocking(prompt).await.map_err(unreadable)
}

fn unreadable(error: io::Error) -> Error {
    // A prompt that reads key by key reports Ctrl-C as an interrupted read.
    if error.kind() == io::ErrorKind::Interrupted {
        Error::new(Kind::Interrupted, "interrupted; nothing was changed")
    } else {
        Error::usage("failed to read from the terminal").because(error)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// R91: only y and yes are yes.
    #[test]
    fn a_question_is_answered_with_yes_or_no() {
        for (answer, yes) in [
            ("y", Some(true)),
            ("Yes", Some(true)),
            (" y ", Some(true)),
            ("n", Some(false)),
            ("No", Some(false)),
            ("", Some(false)),
            ("yse", None),
            ("1", None),
        ] {
            assert_eq!(yes_or_no(answer), yes, "{answer:?}");
        }
    }
}
