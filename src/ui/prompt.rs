//! Every question to the person: at a terminal, through a pipe, or not at all.

use std::io;

use dialoguer::{Input, Password, Select};

use crate::error::{Error, Kind, Result};
use crate::formats::escape;
use crate::secret::SecretValue;
use crate::system::env::{Env, TerminalState, blocking};
use crate::ui::options::{GlobalOptions, OutputFormat};

/// How a confirmation will be answered, decided before anything is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Confirmation {
    /// `--yes`, or nothing will be written.
    NotNeeded,
    /// A person at a terminal.
    Terminal,
    /// A line of standard input: `yes | amika …`.
    Piped,
}

impl Confirmation {
    /// Exit 2 where nobody could answer: JSON output, CI, or a question nobody would see.
    pub(crate) fn decide(global: &GlobalOptions, env: &Env, writes: bool) -> Result<Self> {
        if global.yes || !writes {
            return Ok(Self::NotNeeded);
        }
        if let Some(why) = nobody_to_ask(global, env) {
            return Err(Error::usage(format!("this needs a confirmation, and {why}"))
                .hint("add --yes to confirm it on the command line"));
        }
        Ok(if env.terminals.stdin {
            Self::Terminal
        } else {
            Self::Piped
        })
    }

    /// For what the command line has said clearly: asks a person at a terminal, and nobody else.
    pub(crate) fn at_terminal_only(global: &GlobalOptions, env: &Env) -> Self {
        if !global.yes && env.terminals.stdin && nobody_to_ask(global, env).is_none() {
            Self::Terminal
        } else {
            Self::NotNeeded
        }
    }

    /// Asks; anything but yes is exit 1, no answer at all is exit 2. `show_question` prints it
    /// where the prompt does not do so itself.
    pub(crate) async fn ask(self, env: &Env, question: &str, show_question: impl FnOnce(&str)) -> Result<()> {
        let answer = match self {
            Self::NotNeeded => return Ok(()),
            Self::Terminal => {
                let prompt = format!("{} [y/N]", escape::escape(question));
                at_terminal(move || {
                    Input::<String>::new()
                        .with_prompt(prompt)
                        .allow_empty(true)
                        .interact_text()
                })
                .await?
            }
            Self::Piped => {
                show_question(question);
                env.read_stdin_line()
                    .await
                    .map_err(|error| Error::usage("reading the answer").because(error))?
                    .ok_or_else(|| {
                        Error::usage("this needs a confirmation, and standard input is at its end")
                            .hint("add --yes to confirm it on the command line")
                    })?
            }
        };
        if matches!(answer.trim().to_lowercase().as_str(), "y" | "yes") {
            Ok(())
        } else {
            Err(Error::new(Kind::Refused, "declined; nothing was changed"))
        }
    }
}

/// Why a question would find nobody, if so.
fn nobody_to_ask(global: &GlobalOptions, env: &Env) -> Option<&'static str> {
    if global.output != OutputFormat::Text {
        Some("nothing is asked with --output json")
    } else if env.variable("CI").is_some_and(|ci| !ci.is_empty()) {
        Some("CI is set, so nobody is there to answer")
    } else if env.terminals.stdin && !env.terminals.stderr {
        Some("standard error is no terminal to ask on")
    } else {
        None
    }
}

/// Asks for a value that is not shown while it is typed.
pub(crate) async fn ask_secret(global: &GlobalOptions, env: &Env, prompt: &str) -> Result<SecretValue> {
    if let Some(why) = nobody_to_ask(global, env) {
        return Err(Error::usage(format!("a value is missing, and {why}"))
            .hint("pipe the value in, or use --from-env or --from-file"));
    }
    let prompt = prompt.to_owned();
    let typed = at_terminal(move || {
        Password::new()
            .with_prompt(prompt)
            .allow_empty_password(true)
            .interact()
    })
    .await?;
    Ok(SecretValue::new(typed))
}

/// Lets the person choose one of `items`, at a terminal with the arrow keys, else by a number on
/// standard input below a list that `show` prints. Exit 2 where nobody could choose.
pub(crate) async fn choose(
    global: &GlobalOptions,
    env: &Env,
    prompt: &str,
    items: Vec<String>,
    show: impl FnOnce(&str),
) -> Result<usize> {
    let instead = "say what is meant, for example with --type";
    if let Some(why) = nobody_to_ask(global, env) {
        return Err(Error::usage(format!("this needs a choice, and {why}")).hint(instead));
    }
    let prompt = escape::escape(prompt).into_owned();
    let items: Vec<_> = items
        .iter()
        .map(|item| escape::escape(item).into_owned())
        .collect();
    if env.terminals.stdin {
        return at_terminal(move || {
            Select::new()
                .with_prompt(prompt)
                .items(&items)
                .default(0)
                .interact()
        })
        .await;
    }
    let lines = items.iter().enumerate();
    let lines: Vec<_> = lines
        .map(|(index, item)| format!("  {}) {item}", index + 1))
        .collect();
    show(&format!("{prompt}\n{}\nNumber?", lines.join("\n")));
    let answer = env.read_stdin_line().await;
    let answer = answer
        .map_err(|error| Error::usage("reading the answer").because(error))?
        .ok_or_else(|| Error::usage("this needs a choice, and standard input is at its end").hint(instead))?;
    let number = answer.trim().parse::<usize>().ok();
    number
        .filter(|number| (1..=items.len()).contains(number))
        .map(|number| number - 1)
        .ok_or_else(|| {
            Error::usage(format!("the answer is not a number from 1 to {}", items.len())).hint(instead)
        })
}

/// Asks for a line at the terminal, with an answer for those who just press Enter.
pub(crate) async fn ask_line(prompt: &str, default: &str) -> Result<String> {
    let (prompt, default) = (prompt.to_owned(), default.to_owned());
    at_terminal(move || {
        Input::<String>::new()
            .with_prompt(prompt)
            .default(default)
            .interact_text()
    })
    .await
}

/// Runs a prompt beside the rest of the program. When Ctrl-C makes the caller drop this future,
/// the terminal is put back as it was, because a hidden prompt has switched its echo off.
async fn at_terminal<T: Send + 'static>(
    prompt: impl FnOnce() -> dialoguer::Result<T> + Send + 'static,
) -> Result<T> {
    let _restored_on_drop = TerminalState::save();
    blocking(prompt).await.map_err(|dialoguer::Error::IO(error)| {
        // A prompt that reads single keys reports Ctrl-C as an interrupted read.
        if error.kind() == io::ErrorKind::Interrupted {
            Error::new(Kind::Interrupted, "stopped; nothing was changed")
        } else {
            Error::usage("asking at the terminal").because(error)
        }
    })
}
