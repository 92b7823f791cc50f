//! Text and tables for a person, laid out for the terminal that they are printed on.

use anstyle::{AnsiColor, Style};
use console::{measure_text_width, truncate_str};
use jiff::Timestamp;

use crate::formats::escape::{escape, escape_lines};
use crate::ui::time;

/// On terminals narrower than this, in columns, each row is printed as a block of lines.
const MIN_TABLE_WIDTH: usize = 60;
/// Minimum width to which a column is narrowed to make a table fit.
const MIN_COLUMN_WIDTH: usize = 16;
/// Number of spaces between two columns.
const GAP: usize = 2;

/// Columns whose middle may be cut, because they hold paths.
const PATH_COLUMNS: &[&str] = &["SOURCE"];
/// Columns that may continue on the next line.
const PROSE_COLUMNS: &[&str] = &["RESULT", "STATE"];
/// Columns that hold a time, shown relative to now at a terminal.
const TIME_COLUMNS: &[&str] = &["UPDATED", "EXPIRES"];
/// Columns whose cells are coloured.
const STATUS_COLUMNS: &[&str] = &["ACTION", "RESULT", "STATUS", "STATE"];

/// Where a text will be printed.
#[derive(Clone, Copy)]
pub(crate) struct Layout {
    /// The width of the terminal in columns; `None` for a file or a pipe.
    pub(crate) width: Option<usize>,
    pub(crate) color: bool,
    pub(crate) now: Timestamp,
}

/// Text with tables in it.
pub(crate) struct Text(Vec<Part>);

enum Part {
    Lines(String),
    Table(Table),
}

struct Table {
    header: Vec<String>,
    rows: Vec<Vec<String>>,
}

/// Columns under a header.
pub(crate) fn table(header: &[&str], rows: impl IntoIterator<Item = Vec<String>>) -> Text {
    let header = header.iter().map(|&name| name.to_owned()).collect();
    let rows = rows.into_iter().collect();
    Text(vec![Part::Table(Table { header, rows })])
}

impl From<String> for Text {
    fn from(lines: String) -> Self {
        Self(vec![Part::Lines(lines)])
    }
}

impl From<&str> for Text {
    fn from(lines: &str) -> Self {
        lines.to_owned().into()
    }
}

impl Text {
    /// Appends an empty line and more text.
    pub(crate) fn then(mut self, lines: &str) -> Self {
        self.0.push(Part::Lines(format!("\n{lines}")));
        self
    }

    /// The text with every character that could control the terminal escaped.
    pub(crate) fn render(self, layout: Layout) -> String {
        let parts = self.0.into_iter().map(|part| match part {
            Part::Lines(lines) => escape_lines(&lines).into_owned(),
            Part::Table(table) => table.render(layout),
        });
        parts.collect::<Vec<_>>().join("\n")
    }
}

impl Table {
    fn render(mut self, layout: Layout) -> String {
        for row in &mut self.rows {
            for (cell, column) in row.iter_mut().zip(&self.header) {
                if layout.width.is_some() && TIME_COLUMNS.contains(&column.as_str()) {
                    *cell = time::short(cell, layout.now);
                }
                *cell = escape(cell).into_owned();
            }
        }
        let lines = match self.widths(layout.width) {
            Some(widths) => self.columns(&widths, layout.color),
            None => self.blocks(layout),
        };
        lines.join("\n")
    }

    /// The width of each column, or `None` if the table does not fit the terminal.
    fn widths(&self, available: Option<usize>) -> Option<Vec<usize>> {
        let widest = |index: usize| {
            let cells = self.rows.iter().filter_map(|row| row.get(index));
            let widths = cells
                .chain([&self.header[index]])
                .map(|cell| measure_text_width(cell));
            widths.max().unwrap_or_default()
        };
        let mut widths: Vec<usize> = (0..self.header.len()).map(widest).collect();
        let Some(available) = available else {
            return Some(widths);
        };
        let total = widths.iter().sum::<usize>() + GAP * widths.len().saturating_sub(1);
        let mut excess = total.saturating_sub(available);
        for columns in [PATH_COLUMNS, PROSE_COLUMNS] {
            for (width, column) in widths.iter_mut().zip(&self.header) {
                if columns.contains(&column.as_str()) {
                    let less = excess.min(width.saturating_sub(MIN_COLUMN_WIDTH));
                    *width -= less;
                    excess -= less;
                }
            }
        }
        (excess == 0 && available >= MIN_TABLE_WIDTH).then_some(widths)
    }

    fn columns(&self, widths: &[usize], color: bool) -> Vec<String> {
        let mut lines = Vec::new();
        for (index, row) in std::iter::once(&self.header).chain(&self.rows).enumerate() {
            let cells = row.iter().zip(widths).zip(&self.header);
            let cells: Vec<Vec<String>> = cells
                .map(|((cell, &width), column)| fit(cell, width, column))
                .collect();
            let height = cells.iter().map(Vec::len).max().unwrap_or_default();
            for line in 0..height {
                let mut text = String::new();
                for ((cell, &width), column) in cells.iter().zip(widths).zip(&self.header) {
                    let cell = cell.get(line).map_or("", String::as_str);
                    let padding = width.saturating_sub(measure_text_width(cell)) + GAP;
                    let color = color && index > 0 && STATUS_COLUMNS.contains(&column.as_str());
                    text.push_str(&painted(cell, color));
                    text.push_str(&" ".repeat(padding));
                }
                lines.push(text.trim_end().to_owned());
            }
        }
        lines
    }

    /// Prints each row as a block of lines, with the column's name before each cell.
    fn blocks(&self, layout: Layout) -> Vec<String> {
        let label = self.header.iter().map(String::len).max().unwrap_or_default();
        let room = layout
            .width
            .unwrap_or(usize::MAX)
            .saturating_sub(label + GAP)
            .max(MIN_COLUMN_WIDTH);
        let mut lines = Vec::new();
        for (index, row) in self.rows.iter().enumerate() {
            if index > 0 {
                lines.push(String::new());
            }
            for (cell, column) in row.iter().zip(&self.header) {
                let color = layout.color && STATUS_COLUMNS.contains(&column.as_str());
                for (line, part) in fit(cell, room, column).iter().enumerate() {
                    let name = if line == 0 { column } else { "" };
                    let part = painted(part, color);
                    lines.push(format!("{name:label$}  {part}").trim_end().to_owned());
                }
            }
        }
        lines
    }
}

/// The lines of a cell in a column of this width.
fn fit(cell: &str, width: usize, column: &str) -> Vec<String> {
    if measure_text_width(cell) <= width {
        vec![cell.to_owned()]
    } else if PATH_COLUMNS.contains(&column) {
        vec![cut_middle(cell, width)]
    } else if PROSE_COLUMNS.contains(&column) {
        wrap(cell, width)
    } else {
        vec![cell.to_owned()]
    }
}

/// Shortens `text` to `width` columns, replacing its middle with `…` so that the end of a path stays.
pub(crate) fn cut_middle(text: &str, width: usize) -> String {
    if measure_text_width(text) <= width {
        return text.to_owned();
    }
    let before = truncate_str(text, width.saturating_sub(1) / 3, "").into_owned();
    let room = width.saturating_sub(measure_text_width(&before) + 1);
    let tails = text.char_indices().map(|(start, _)| &text[start..]);
    let mut fitting = tails.skip_while(|tail| measure_text_width(tail) > room);
    format!("{before}…{}", fitting.next().unwrap_or_default())
}

/// Wraps `text` at spaces. A word that is longer than a line is not split.
fn wrap(text: &str, width: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in text.split(' ') {
        match lines.last_mut() {
            Some(line) if measure_text_width(line) + 1 + measure_text_width(word) <= width => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.to_owned()),
        }
    }
    lines
}

/// Colours a cell by its first word, if `color` is set.
pub(crate) fn painted(cell: &str, color: bool) -> String {
    let style = match cell.split([' ', ':']).next().unwrap_or_default() {
        "create" | "created" | "present" | "chosen" => AnsiColor::Green,
        "update" | "updated" | "unknown" | "not" | "expired" => AnsiColor::Yellow,
        "conflict" | "failed" | "missing" => AnsiColor::Red,
        _ => return cell.to_owned(),
    };
    if !color {
        return cell.to_owned();
    }
    let style = Style::new().fg_color(Some(style.into()));
    format!("{style}{cell}{style:#}")
}

#[cfg(test)]
mod tests;
