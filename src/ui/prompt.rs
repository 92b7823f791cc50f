//! Every question to the person: at a terminal, through a pipe, or not at all.

use std::io;

use console::Term;

use crate::error::{Error, Kind, Result};
use crate::formats::escape;
use crate::secret::SecretValue;
use crate::system::env::{BracketedPaste, Env, Platform, TerminalState, blocking};
use crate::ui::chooser::Chooser;
use crate::ui::hidden::read_hidden;
use crate::ui::keyboard::{Key, Keyboard, Keys};
use crate::ui::options::{GlobalOptions, OutputFormat};

const ADD_YES: &str = "add --yes to confirm on the command line";
const SAY_TYPE: &str = "choose on the command line, for example with --type";

/// How a confirmation will be answered, decided before anything is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Confirmation {
    /// `--yes`, or nothing will be written.
    NotNeeded,
    /// A person at a terminal.
    Terminal,
    /// Lines of standard input: `yes | amika …`.
    Piped,
}

/// How many lines of a pipe are read for one answer, so that an endless pipe ends.
const MAX_PIPED_ANSWERS: u32 = 3;

impl Confirmation {
    /// Exit 2 where no answer is possible: JSON output, CI, or a question that would not be seen.
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

    /// For a command line that already says what is meant: asks at a terminal, and nowhere else.
    pub(crate) fn at_terminal_only(global: &GlobalOptions, env: &Env) -> Self {
        if !global.yes && env.terminals.stdin && cannot_ask(global, env).is_none() {
            Self::Terminal
        } else {
            Self::NotNeeded
        }
    }

    /// Asks until the answer is yes or no. No is exit 1, no answer at all is exit 2. `show_question`
    /// prints the question where the answer comes through a pipe.
    pub(crate) async fn ask(self, env: &Env, question: &str, show_question: impl Fn(&str)) -> Result<()> {
        let yes = match self {
            Self::NotNeeded => return Ok(()),
            Self::Terminal => {
                let question = escape::escape(question).into_owned();
                at_terminal(move || confirm(&question, &mut Keyboard::open()?, &Term::stderr())).await?
            }
            Self::Piped => {
                let mut answer = None;
                let mut left = MAX_PIPED_ANSWERS;
                while answer.is_none() {
                    if left == 0 {
                        let message = "the answer on standard input is neither yes nor no";
                        return Err(Error::usage(message).hint(ADD_YES));
                    }
                    left -= 1;
                    show_question(question);
                    answer = yes_or_no(&read_piped_line(env, ADD_YES).await?);
                }
                answer.unwrap_or(false)
            }
        };
        if yes { Ok(()) } else { Err(cancelled()) }
    }
}

fn cancelled() -> Error {
    Error::new(Kind::Refused, "cancelled; nothing was changed")
}

/// What an answer means; Enter alone is no, and `None` is neither.
fn yes_or_no(answer: &str) -> Option<bool> {
    match answer.trim().to_lowercase().as_str() {
        "y" | "yes" => Some(true),
        "" | "n" | "no" => Some(false),
        _ => None,
    }
}

/// Shows the question once and reads lines until one is yes or no.
fn confirm(question: &str, keys: &mut impl Keys, term: &Term) -> io::Result<bool> {
    term.write_str(&format!("{question} [y/N] "))?;
    loop {
        let Some(answer) = read_shown_line(keys, term)? else {
            return Ok(false);
        };
        if let Some(yes) = yes_or_no(&answer) {
            return Ok(yes);
        }
        term.write_str("Please answer y or n: ")?;
    }
}

/// Reads a line and shows it while it is typed; `None` when the person presses Esc or Ctrl-D.
fn read_shown_line(keys: &mut impl Keys, term: &Term) -> io::Result<Option<String>> {
    let mut line = String::new();
    loop {
        match keys.next()? {
            Key::Enter => break,
            Key::Char(c) if !escape::is_hostile(c) => {
                line.push(c);
                term.write_str(c.encode_utf8(&mut [0; 4]))?;
            }
            Key::Backspace if line.pop().is_some() => term.clear_chars(1)?,
            Key::ClearLine => term.clear_chars(std::mem::take(&mut line).chars().count())?,
            Key::Escape | Key::EndOfInput => {
                term.write_line("")?;
                return Ok(None);
            }
            // A pasted text is no answer: it is not shown, and the question is asked again.
            Key::Paste(_) => line.push('?'),
            _ => {}
        }
    }
    term.write_line("")?;
    Ok(Some(line))
}

async fn read_piped_line(env: &Env, hint: &str) -> Result<String> {
    env.read_stdin_line()
        .await
        .map_err(|error| Error::usage("reading the answer").because(error))?
        .ok_or_else(|| Error::usage("no answer on standard input").hint(hint))
}

/// Where no question can be answered, or `None` if one can.
fn cannot_ask(global: &GlobalOptions, env: &Env) -> Option<&'static str> {
    if global.output != OutputFormat::Text {
        Some("with --output json")
    } else if env.variable("CI").is_some_and(|ci| !ci.is_empty()) {
        Some("in CI")
    } else if env.terminals.stdin && !env.terminals.stderr {
        Some("because standard error is not a terminal")
    } else if env.terminals.stdin && is_pipe_of_terminal(env.platform) {
        // Its keys arrive through a pipe, and only when Enter is pressed.
        Some("in this terminal, which is a pipe (run it with winpty)")
    } else {
        None
    }
}

/// Whether standard error, a terminal, is the pipe that mintty (Git Bash) gives to a Windows program:
/// only a console has a size.
fn is_pipe_of_terminal(platform: Platform) -> bool {
    platform == Platform::Windows && Term::stderr().size_checked().is_none()
}

/// Asks for a value that is not shown while it is typed or pasted.
pub(crate) async fn ask_secret(global: &GlobalOptions, env: &Env, prompt: &str) -> Result<SecretValue> {
    if let Some(place) = cannot_ask(global, env) {
        return Err(Error::usage(format!("cannot ask for a value {place}"))
            .hint("pipe the value in, as in 'amika secret push NAME --yes < FILE', or use --from-env or --from-file"));
    }
    let prompt = escape::escape(prompt).into_owned();
    let _paste_off_on_drop = BracketedPaste::enable();
    let hidden = at_terminal(move || {
        // The echo is off before the prompt invites anyone to type.
        let mut keys = Keyboard::open()?;
        let term = Term::stderr();
        term.write_str(&format!("{prompt}: "))?;
        let hidden = read_hidden(&mut keys)?;
        match hidden.lines() {
            1 => term.write_line("")?,
            lines => term.write_line(&format!("(read {lines} lines)"))?,
        }
        Ok(hidden)
    })
    .await?;
    hidden.into_value()
}

/// Lets the person choose one of `items`: at a terminal from a list, else by a number on standard
/// input below a list that `show` prints. Exit 2 where no answer is possible.
pub(crate) async fn choose(
    global: &GlobalOptions,
    env: &Env,
    prompt: &str,
    items: Vec<String>,
    show: impl Fn(&str),
) -> Result<usize> {
    if let Some(place) = cannot_ask(global, env) {
        return Err(Error::usage(format!("cannot ask for a choice {place}")).hint(SAY_TYPE));
    }
    let prompt = escape::escape(prompt).into_owned();
    let items: Vec<_> = items
        .iter()
        .map(|item| escape::escape(item).into_owned())
        .collect();
    if env.terminals.stdin {
        let chosen = at_terminal(move || {
            let mut keys = Keyboard::open()?;
            Chooser::new(&prompt, &items).run(&mut keys, &Term::stderr())
        });
        return chosen.await?.ok_or_else(cancelled);
    }
    if let [only] = items.as_slice() {
        let question = format!("{prompt}: {only}\nPush it? [y/N]");
        loop {
            show(&question);
            let line = read_piped_line(env, SAY_TYPE).await?;
            let answer = if line.trim() == "1" {
                Some(true)
            } else {
                yes_or_no(&line)
            };
            match answer {
                Some(true) => return Ok(0),
                Some(false) => return Err(cancelled()),
                None => {}
            }
        }
    }
    let lines = items.iter().enumerate();
    let lines: Vec<_> = lines
        .map(|(index, item)| format!("  {}) {item}", index + 1))
        .collect();
    show(&format!(
        "{prompt}\n{}\nNumber [1-{}]?",
        lines.join("\n"),
        items.len()
    ));
    loop {
        let answer = read_piped_line(env, SAY_TYPE).await?;
        let number = answer.trim().parse::<usize>().ok();
        if let Some(number) = number.filter(|number| (1..=items.len()).contains(number)) {
            return Ok(number - 1);
        }
        show(&format!("Please answer with a number from 1 to {}.", items.len()));
    }
}

/// Asks for a line at the terminal, with an answer for those who just press Enter.
pub(crate) async fn ask_line(prompt: &str, default: &str) -> Result<String> {
    let (prompt, default) = (prompt.to_owned(), default.to_owned());
    let answer = at_terminal(move || {
        let mut keys = Keyboard::open()?;
        let term = Term::stderr();
        term.write_str(&format!("{prompt} [{default}]: "))?;
        let line = read_shown_line(&mut keys, &term)?;
        Ok(line.map(|line| if line.is_empty() { default } else { line }))
    });
    answer.await?.ok_or_else(cancelled)
}

/// Runs a prompt beside the rest of the program. When Ctrl-C makes the caller drop this future,
/// the terminal's settings are restored, because a prompt switches the echo off.
async fn at_terminal<T: Send + 'static>(
    prompt: impl FnOnce() -> io::Result<T> + Send + 'static,
) -> Result<T> {
    let _restored_on_drop = TerminalState::save();
    blocking(prompt).await.map_err(|error| {
        // A prompt that reads single keys reports Ctrl-C as an interrupted read.
        if error.kind() == io::ErrorKind::Interrupted {
            Error::new(Kind::Interrupted, "interrupted; nothing was changed")
        } else {
            Error::usage("reading from the terminal").because(error)
        }
    })
}
