//! A list at the terminal from which the person chooses one entry.

use std::io;

use console::{Term, style, truncate_str};

use crate::ui::keyboard::{Key, Keys};

/// A list on the terminal with one entry selected.
pub(crate) struct Chooser<'a> {
    prompt: &'a str,
    items: &'a [String],
    selected: usize,
    /// The digits typed so far, for lists whose numbers have more than one digit.
    typed: usize,
    /// Whether the last key was not a valid choice.
    invalid_key: bool,
}

/// What one key did.
enum Step {
    Redraw,
    Chosen(usize),
    Cancelled,
}

impl<'a> Chooser<'a> {
    pub(crate) fn new(prompt: &'a str, items: &'a [String]) -> Self {
        Self {
            prompt,
            items,
            selected: 0,
            typed: 0,
            invalid_key: false,
        }
    }

    /// Shows the list until an entry is chosen; `None` when the person cancels.
    pub(crate) fn run(mut self, keys: &mut impl Keys, term: &Term) -> io::Result<Option<usize>> {
        term.write_line(self.prompt)?;
        loop {
            let lines = self.draw(term)?;
            let key = keys.next()?;
            if matches!(key, Key::Resumed) {
                term.write_line(self.prompt)?;
                continue;
            }
            let step = self.press(&key);
            if matches!(step, Step::Chosen(_)) {
                // An Enter right after a digit belongs to the digit, not to the next question.
                keys.discard_typed()?;
            }
            term.clear_last_lines(lines)?;
            match step {
                Step::Redraw => {}
                Step::Chosen(index) => {
                    term.write_line(&format!("> {}", self.items[index]))?;
                    return Ok(Some(index));
                }
                Step::Cancelled => return Ok(None),
            }
        }
    }

    /// Draws the entries and the key line, and returns the number of lines drawn.
    fn draw(&self, term: &Term) -> io::Result<usize> {
        let width = usize::from(term.size().1).max(20) - 1;
        for (index, item) in self.items.iter().enumerate() {
            let marker = if index == self.selected { ">" } else { " " };
            let line = format!("{marker} {}) {item}", index + 1);
            let line = truncate_str(&line, width, "…").into_owned();
            let line = if index == self.selected {
                style(line).for_stderr().cyan().to_string()
            } else {
                line
            };
            term.write_line(&line)?;
        }
        let keys = format!(
            "1-{} or ↑ ↓ Enter to choose, Esc or q to cancel",
            self.items.len()
        );
        let keys = match (self.invalid_key, self.typed) {
            (true, _) => format!("not a choice: {keys}"),
            (false, 0) => keys,
            (false, typed) => format!("{typed}_  {keys}"),
        };
        term.write_line(
            &style(truncate_str(&keys, width, "…"))
                .for_stderr()
                .dim()
                .to_string(),
        )?;
        Ok(self.items.len() + 1)
    }

    fn press(&mut self, key: &Key) -> Step {
        let count = self.items.len();
        self.invalid_key = false;
        match key {
            Key::Enter if self.typed > 0 => return self.take_typed(),
            Key::Enter | Key::Char(' ') => return Step::Chosen(self.selected),
            Key::Down | Key::Char('j' | '\t') => self.selected = (self.selected + 1) % count,
            Key::Up | Key::Char('k') => self.selected = (self.selected + count - 1) % count,
            Key::Escape | Key::EndOfInput | Key::Char('q') => return Step::Cancelled,
            Key::Backspace => self.typed /= 10,
            Key::Char(c) if c.is_ascii_digit() => {
                let digit = c.to_digit(10).map_or(0, |digit| digit as usize);
                self.typed = self.typed * 10 + digit;
                // Another digit would make it larger than the last entry.
                if self.typed == 0 || self.typed * 10 > count {
                    return self.take_typed();
                }
            }
            _ => self.invalid_key = true,
        }
        Step::Redraw
    }

    /// Chooses the entry with the typed number, if there is one.
    fn take_typed(&mut self) -> Step {
        match std::mem::take(&mut self.typed) {
            number if (1..=self.items.len()).contains(&number) => Step::Chosen(number - 1),
            _ => {
                self.invalid_key = true;
                Step::Redraw
            }
        }
    }
}

#[cfg(all(test, unix))]
mod tests;
