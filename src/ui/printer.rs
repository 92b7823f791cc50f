//! The only place that prints. Data goes to standard output, everything for the person to
//! standard error; with JSON output both carry JSON.

use std::fmt::Write as _;
use std::io::{self, Write};
use std::time::Duration;

use anstream::AutoStream;
use anstyle::{AnsiColor, Style};
use clap::ColorChoice;
use console::Term;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use serde::Serialize;
use serde_json::json;

use crate::error::{Error, Kind, Result};
use crate::formats::escape::{escape, escape_lines, is_hostile};
use crate::system::env::{Env, Terminals};
use crate::ui::lines::wrap;
use crate::ui::notices::{Level, Notices};
use crate::ui::options::{GlobalOptions, OutputFormat};
use crate::ui::table::Text;

const RED: Style = AnsiColor::Red.on_default().bold();
const YELLOW: Style = AnsiColor::Yellow.on_default().bold();
const DIM: Style = Style::new().dimmed();
const PLAIN: Style = Style::new();

/// Minimum number of writes for a progress bar; fewer finish too quickly.
const FEW: usize = 5;

/// Formats and filters output according to the options.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Printer {
    format: OutputFormat,
    quiet: bool,
    verbose: bool,
    color: anstream::ColorChoice,
    now: fn() -> jiff::Timestamp,
    pub(crate) terminals: Terminals,
}

impl Printer {
    pub(crate) fn new(global: &GlobalOptions, env: &Env) -> Self {
        Self {
            format: global.output,
            quiet: global.quiet,
            verbose: global.verbose > 0,
            color: match global.color {
                ColorChoice::Always => anstream::ColorChoice::Always,
                ColorChoice::Never => anstream::ColorChoice::Never,
                ColorChoice::Auto => anstream::ColorChoice::Auto,
            },
            now: env.now,
            terminals: env.terminals,
        }
    }

    pub(crate) fn is_json(self) -> bool {
        self.format != OutputFormat::Text
    }

    /// Prints what a command found: `value` as one JSON value, or `text`.
    pub(crate) fn data<T: Into<Text>>(self, value: &impl Serialize, text: impl FnOnce() -> T) -> Result<()> {
        self.styled(&self.formatted(value, text))
    }

    /// Prints what a command has done, on standard error if standard output cannot be written to. Only JSON
    /// is printed with `--quiet`.
    pub(crate) fn done<T: Into<Text>>(self, value: &impl Serialize, text: impl FnOnce() -> T) -> Result<()> {
        if self.quiet && !self.is_json() {
            return Ok(());
        }
        let printed = self.formatted(value, text);
        self.styled(&printed)
            .inspect_err(|_| self.stderr(PLAIN, "", &printed))
    }

    fn formatted<T: Into<Text>>(self, value: &impl Serialize, text: impl FnOnce() -> T) -> String {
        match self.format {
            OutputFormat::Text => self.laid_out(text(), self.terminals.stdout, &Term::stdout()),
            OutputFormat::Json => exact_json(&serde_json::to_string(value).unwrap_or_default()),
            OutputFormat::JsonPretty => exact_json(&serde_json::to_string_pretty(value).unwrap_or_default()),
        }
    }

    /// A text for one of the standard streams.
    fn laid_out(self, text: impl Into<Text>, is_terminal: bool, term: &Term) -> String {
        let text = text.into().render(width(is_terminal, term), (self.now)());
        text.trim_end().to_owned()
    }

    /// The same printer without `--quiet`.
    pub(crate) fn without_quiet(self) -> Self {
        Self { quiet: false, ..self }
    }

    /// Prints text that needs no escaping, with styles if standard output supports them.
    pub(crate) fn styled(self, text: &str) -> Result<()> {
        print(AutoStream::new(io::stdout().lock(), self.color), text)
    }

    /// Prints text that needs no escaping, such as a script, byte for byte.
    #[expect(clippy::unused_self, reason = "all output goes through a Printer")]
    pub(crate) fn raw(self, text: &str) -> Result<()> {
        print(io::stdout().lock(), text)
    }

    /// Prints the collected warnings and notices.
    pub(crate) fn notices(self, notices: &Notices) {
        for (level, message) in notices.iter() {
            match level {
                Level::Notice => self.notice(message),
                Level::Warning => self.warning(message),
            }
        }
    }

    /// Prints a notice, except with `--quiet`.
    pub(crate) fn notice(self, message: &str) {
        if !self.quiet {
            self.message(DIM, "notice", message);
        }
    }

    /// Prints a warning.
    pub(crate) fn warning(self, message: &str) {
        self.message(YELLOW, "warning", message);
    }

    /// Prints the error that ends the command.
    pub(crate) fn error(self, error: &Error) {
        if error.kind == Kind::ClosedOutput {
            return;
        }
        if self.is_json() {
            let fields = error_json(error);
            json_line(&json!({ "error": fields }));
            return;
        }
        if error.kind == Kind::Interrupted && self.terminals.stderr {
            // Starts a new line after a prompt or the `^C` that the terminal echoes.
            self.stderr(PLAIN, "", "");
        }
        let mut problems = std::iter::once(error).chain(&error.others);
        while let Some(problem) = problems.next() {
            self.labelled(RED, "error: ", &format!("{problem:#}"));
            // A hint that several problems share is printed once, after the last of them.
            let comes_again = problems.clone().any(|later| later.hint == problem.hint);
            if let Some(hint) = problem.hint.as_ref().filter(|_| !comes_again) {
                self.labelled(DIM, "  hint: ", hint);
            }
            if let Some(trace_id) = &problem.trace_id {
                self.labelled(DIM, "  trace id: ", trace_id);
            }
        }
    }

    /// Prints text that helps with a decision, such as a plan. Not printed with `--quiet`.
    pub(crate) fn preview(self, text: impl Into<Text>) {
        if !self.quiet && !self.is_json() {
            self.stderr(
                PLAIN,
                "",
                &self.laid_out(text, self.terminals.stderr, &Term::stderr()),
            );
        }
    }

    /// Prints help because a command is missing. Not printed with JSON output.
    pub(crate) fn help(self, help: &str) {
        if !self.is_json() {
            self.stderr(PLAIN, "", help);
        }
    }

    /// Prints instructions or a question on several lines, even with `--quiet`.
    pub(crate) fn instruct(self, text: &str) {
        if self.is_json() {
            self.message(DIM, "notice", text);
        } else {
            self.labelled(PLAIN, "", text);
        }
    }

    /// Prints a line about one request, only with `--verbose`.
    pub(crate) fn request(self, line: &dyn Fn() -> String) {
        if !self.verbose {
            return;
        }
        if self.is_json() {
            json_line(&json!({ "request": { "message": line() } }));
        } else {
            self.stderr(DIM, "> ", &escape(&line()));
        }
    }

    /// Says at a terminal what the command waits for.
    pub(crate) fn waiting(self, what: &str) {
        if self.terminals.stderr {
            self.notice(&format!("waiting for {what}"));
        }
    }

    /// A progress bar for `total` writes, drawn only at a terminal and for batches that take a while.
    pub(crate) fn progress(self, total: usize) -> ProgressBar {
        let visible = self.terminals.stderr && !self.quiet && !self.verbose && !self.is_json() && total > FEW;
        if !visible {
            return ProgressBar::hidden();
        }
        let bar = ProgressBar::with_draw_target(Some(total as u64), ProgressDrawTarget::stderr());
        if let Ok(style) = ProgressStyle::with_template("{bar:40} {pos}/{len} {elapsed} {msg}") {
            bar.set_style(style);
        }
        // A background thread redraws the bar.
        bar.enable_steady_tick(Duration::from_millis(200));
        bar
    }

    fn message(self, style: Style, label: &str, message: &str) {
        if self.is_json() {
            json_line(&json!({ label: { "message": message } }));
        } else {
            self.labelled(style, &format!("{label}: "), message);
        }
    }

    /// Prints a message, at a terminal broken into lines that begin below its first word.
    fn labelled(self, style: Style, label: &str, message: &str) {
        let shown = if label.is_empty() {
            escape_lines(message)
        } else {
            escape(message)
        };
        let width = width(self.terminals.stderr, &Term::stderr()).unwrap_or(usize::MAX);
        let lines = wrap(&shown, width.saturating_sub(label.len()));
        self.stderr(style, label, &lines.join(&format!("\n{:1$}", "", label.len())));
    }

    /// Writes one text with a single call. Errors are ignored: there is no other place to report them.
    fn stderr(self, style: Style, label: &str, text: &str) {
        let mut stderr = AutoStream::new(io::stderr().lock(), self.color);
        let _ = writeln!(stderr, "{style}{label}{style:#}{text}");
    }
}

/// The width of a terminal in columns; `None` for a file or a pipe.
fn width(is_terminal: bool, term: &Term) -> Option<usize> {
    let size = is_terminal.then(|| term.size_checked()).flatten();
    size.map(|(_, columns)| usize::from(columns))
}

fn print(mut stdout: impl Write, text: &str) -> Result<()> {
    if text.is_empty() {
        return Ok(());
    }
    let written = writeln!(stdout, "{text}").and_then(|()| stdout.flush());
    written.map_err(|error| match error.kind() {
        io::ErrorKind::BrokenPipe => Error::new(Kind::ClosedOutput, "standard output was closed"),
        _ => Error::new(Kind::Output, "failed writing to standard output").because(error),
    })
}

/// JSON in which every character that could control a terminal is escaped as `\uXXXX`. These
/// characters occur only inside strings, so line breaks between values are kept.
fn exact_json(json: &str) -> String {
    let mut exact = String::with_capacity(json.len());
    for c in json.chars() {
        if is_hostile(c) && c != '\n' {
            let mut units = [0; 2];
            for unit in c.encode_utf16(&mut units) {
                // Writing to a string cannot fail.
                let _ = write!(exact, "\\u{unit:04x}");
            }
        } else {
            exact.push(c);
        }
    }
    exact
}

/// The fields of an error. Several errors are listed, and the message is their number.
fn error_json(error: &Error) -> serde_json::Value {
    let mut fields = json!({ "code": error.kind, "message": format!("{error:#}") });
    let problems = || std::iter::once(error).chain(&error.others);
    if error.others.is_empty() {
        add(&mut fields, "hint", error.hint.as_ref());
        add(&mut fields, "trace_id", error.trace_id.as_ref());
    } else {
        fields["message"] = json!(format!("found {} problems", error.others.len() + 1));
        fields["problems"] = problems()
            .map(|problem| {
                let mut fields = json!({ "message": format!("{problem:#}") });
                add(&mut fields, "hint", problem.hint.as_ref());
                fields
            })
            .collect();
    }
    let mut next: Vec<_> = problems().flat_map(Error::next).collect();
    next.dedup();
    add(&mut fields, "next", (!next.is_empty()).then_some(next));
    fields
}

/// Adds a member to a JSON object, if there is a value.
fn add(fields: &mut serde_json::Value, name: &str, value: Option<impl Serialize>) {
    if let Some(value) = value {
        fields[name] = json!(value);
    }
}

/// One JSON value on one line of standard error, without the filter for terminal output, which
/// drops characters.
fn json_line(value: &serde_json::Value) {
    // Ignore the error: if standard error is closed, there is no other place to report it.
    let _ = writeln!(io::stderr().lock(), "{}", exact_json(&value.to_string()));
}
