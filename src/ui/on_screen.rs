//! A table that stays on the terminal while a command works, and whose last column is replaced when
//! the command is done.

use std::io;

use console::{Term, measure_text_width};

use crate::system::signals::Resumption;
use crate::ui::table::{CellPosition, painted};

/// A table on standard error, with the conditions for replacing its cells.
pub(crate) struct TableOnScreen {
    term: Term,
    /// Size of the terminal when the table was printed, in rows and columns.
    size: (u16, u16),
    /// Number of lines of the table.
    lines: usize,
    /// The cells of the last column and its labels.
    cells: Vec<CellPosition>,
    color: bool,
    resumption: Resumption,
}

impl TableOnScreen {
    /// `None` if the position of the table's lines is not known: the terminal has no size, or wraps a
    /// line.
    pub(crate) fn new(text: &str, cells: Vec<CellPosition>, color: bool) -> Option<Self> {
        let term = Term::buffered_stderr();
        let size = term.size_checked()?;
        let fits = |line: &str| measure_text_width(line) < usize::from(size.1);
        (text.lines().all(fits) && !cells.is_empty()).then(|| Self {
            term,
            size,
            lines: text.lines().count(),
            cells,
            color,
            resumption: Resumption::listen(),
        })
    }

    /// Replaces the cells of the last column. `below` is the number of lines written since. Returns
    /// `false` without writing if the terminal may show something other than the table and these
    /// lines: its size has changed, the program was suspended, or the table has scrolled out.
    pub(crate) fn replace_cells(mut self, below: usize, label: &str, cells: &[&str]) -> bool {
        let (rows, columns) = self.size;
        let mut cells = cells.iter();
        let texts = self.cells.iter().map(|position| {
            if position.is_label {
                Some(&label)
            } else {
                cells.next()
            }
        });
        let texts: Vec<_> = texts.map(|text| text.copied().unwrap_or_default()).collect();
        let fits = self
            .cells
            .iter()
            .zip(&texts)
            .all(|(position, text)| position.column + measure_text_width(text) < usize::from(columns));
        let is_as_it_was = self.term.size_checked() == Some(self.size)
            && self.lines + below < usize::from(rows)
            && !self.resumption.happened();
        is_as_it_was && fits && self.write(below, &texts).is_ok()
    }

    fn write(&self, below: usize, texts: &[&str]) -> io::Result<()> {
        // What was typed meanwhile has moved the cursor within its line.
        self.term.write_str("\r")?;
        for (position, text) in self.cells.iter().zip(texts) {
            let distance = self.lines - position.line + below;
            self.term.move_cursor_up(distance)?;
            self.term.move_cursor_right(position.column)?;
            self.term
                .write_str(&painted(text, self.color && !position.is_label))?;
            self.term.write_str("\r")?;
            self.term.move_cursor_down(distance)?;
        }
        self.term.flush()
    }
}
