//! Tables for a person, laid out for the terminal that they are printed on.

use anstyle::{AnsiColor, Style};
use console::measure_text_width;
use jiff::Timestamp;

use crate::formats::escape::{escape, escape_lines};
use crate::ui::lines::{cut_middle, wrap};
use crate::ui::time;

/// On terminals narrower than this, in columns, each row is printed as a block of lines.
const MIN_TABLE_WIDTH: usize = 50;
/// Minimum width to which a column is narrowed to make a table fit.
const MIN_COLUMN_WIDTH: usize = 8;
/// Number of spaces between two columns.
const GAP: usize = 2;

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
    rows: Vec<Vec<Cell>>,
}

/// One entry of a table.
pub(crate) struct Cell {
    text: String,
    color: Option<AnsiColor>,
    /// Whether the text ends with a time, which is shown relative to now at a terminal.
    is_time: bool,
}

impl<T: Into<String>> From<T> for Cell {
    fn from(text: T) -> Self {
        Self {
            text: text.into(),
            color: None,
            is_time: false,
        }
    }
}

impl Cell {
    pub(crate) fn time(text: impl Into<String>) -> Self {
        Self {
            is_time: true,
            ..Self::from(text)
        }
    }

    /// In the colour of what is as it should be.
    pub(crate) fn good(self) -> Self {
        self.colored(AnsiColor::Green)
    }

    /// In the colour of what the person should look at.
    pub(crate) fn attention(self) -> Self {
        self.colored(AnsiColor::Yellow)
    }

    /// In the colour of what failed.
    pub(crate) fn bad(self) -> Self {
        self.colored(AnsiColor::Red)
    }

    fn colored(self, color: AnsiColor) -> Self {
        Self {
            color: Some(color),
            ..self
        }
    }

    fn painted(&self, part: &str, layout: Layout) -> String {
        match self.color.filter(|_| layout.color && !part.is_empty()) {
            Some(color) => {
                let style = Style::new().fg_color(Some(color.into()));
                format!("{style}{part}{style:#}")
            }
            None => part.to_owned(),
        }
    }
}

/// Columns under a header.
pub(crate) fn table<C: Into<Cell>>(header: &[&str], rows: impl IntoIterator<Item = Vec<C>>) -> Text {
    let header = header.iter().map(|&name| name.to_owned()).collect();
    let rows = rows.into_iter().map(|row| row.into_iter().map(C::into).collect());
    let rows = rows.collect();
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
            Part::Lines(lines) => wrap(&escape_lines(&lines), layout.width.unwrap_or(usize::MAX)).join("\n"),
            Part::Table(table) => table.render(layout),
        });
        parts.collect::<Vec<_>>().join("\n")
    }
}

impl Table {
    fn render(mut self, layout: Layout) -> String {
        for cell in self.rows.iter_mut().flatten() {
            if cell.is_time && layout.width.is_some() {
                cell.text = time::short(&cell.text, layout.now);
            }
            cell.text = escape(&cell.text).into_owned();
        }
        let lines = match self.widths(layout.width) {
            Some(widths) => self.columns(&widths, layout),
            None => self.blocks(layout),
        };
        lines.join("\n")
    }

    /// The width of each column, or `None` if the table does not fit the terminal. The widest columns
    /// are narrowed first.
    fn widths(&self, available: Option<usize>) -> Option<Vec<usize>> {
        let mut widths: Vec<usize> = self.header.iter().map(|name| measure_text_width(name)).collect();
        for row in &self.rows {
            for (width, cell) in widths.iter_mut().zip(row) {
                *width = (*width).max(measure_text_width(&cell.text));
            }
        }
        let Some(available) = available else {
            return Some(widths);
        };
        let room = available.saturating_sub(GAP * widths.len().saturating_sub(1));
        while widths.iter().sum::<usize>() > room {
            let (widest, name) = widths.iter_mut().zip(&self.header).max()?;
            *widest -= 1;
            if *widest < MIN_COLUMN_WIDTH.max(name.len()) {
                return None;
            }
        }
        (available >= MIN_TABLE_WIDTH).then_some(widths)
    }

    fn columns(&self, widths: &[usize], layout: Layout) -> Vec<String> {
        let mut lines = Vec::new();
        let header: Vec<_> = self.header.iter().map(Cell::from).collect();
        for row in std::iter::once(&header).chain(&self.rows) {
            let cells = row.iter().zip(widths).enumerate();
            let cells: Vec<Vec<String>> = cells
                .map(|(index, (cell, &width))| fit(&cell.text, width, index + 1 == widths.len()))
                .collect();
            let height = cells.iter().map(Vec::len).max().unwrap_or_default();
            for line in 0..height {
                let mut text = String::new();
                for ((cell, parts), &width) in row.iter().zip(&cells).zip(widths) {
                    let part = parts.get(line).map_or("", String::as_str);
                    let padding = width.saturating_sub(measure_text_width(part)) + GAP;
                    text.push_str(&cell.painted(part, layout));
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
        let room = layout.width.unwrap_or(usize::MAX).saturating_sub(label + GAP);
        let room = room.max(2 * MIN_COLUMN_WIDTH);
        let mut lines = Vec::new();
        for (index, row) in self.rows.iter().enumerate() {
            if index > 0 {
                lines.push(String::new());
            }
            for (column, (cell, name)) in row.iter().zip(&self.header).enumerate() {
                let parts = fit(&cell.text, room, column + 1 == self.header.len());
                for (line, part) in parts.iter().enumerate() {
                    let name = if line == 0 { name } else { "" };
                    let part = cell.painted(part, layout);
                    lines.push(format!("{name:label$}  {part}").trim_end().to_owned());
                }
            }
        }
        lines
    }
}

/// The lines of a cell in a column of this width. The last column, which holds the reasons, continues
/// on the next line; the middle of other cells is cut.
fn fit(cell: &str, width: usize, is_last: bool) -> Vec<String> {
    if is_last {
        let lines = wrap(cell, width);
        lines.iter().map(|line| cut_middle(line, width)).collect()
    } else {
        vec![cut_middle(cell, width)]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn render(text: Text, width: Option<usize>, color: bool) -> String {
        let now = "2026-11-25T06:00:00Z".parse().unwrap();
        text.render(Layout { width, color, now })
    }

    /// Renders rows whose cells are separated by `|`.
    fn shown(header: &[&str], rows: &[&str], width: Option<usize>) -> String {
        let cells = |row: &&str| row.split('|').map(str::to_owned).collect::<Vec<_>>();
        render(table(header, rows.iter().map(cells)), width, false)
    }

    #[test]
    fn columns_are_as_wide_as_their_widest_cell() {
        let rows = ["A|created", "LONGER|failed: no"];
        let expected = "NAME    RESULT\nA       created\nLONGER  failed: no";
        assert_eq!(shown(&["NAME", "RESULT"], &rows, None), expected);
        assert_eq!(shown(&["NAME", "RESULT"], &rows, Some(60)), expected);
        let text = table(&["A"], [vec!["1"]]).then("and more\x1b");
        assert_eq!(render(text, None, false), "A\n1\n\nand more\\u{1b}");
    }

    #[test]
    fn lines_fit_a_terminal_and_are_complete_in_a_file() {
        let path = "~/projects/with/a/long/path/to/the/settings/.env:12";
        let row = format!("DATABASE_URL|{path}|create");
        for width in [30, 49, 50, 60, 80, 200] {
            let text = shown(&["NAME", "SOURCE", "ACTION"], &[&row], Some(width));
            assert!(
                text.lines().all(|line| measure_text_width(line) <= width),
                "{width}: {text}"
            );
            assert!(
                text.contains("DATABASE_URL") && text.contains(".env:12"),
                "{text}"
            );
            let is_table = text.lines().next().unwrap().ends_with("ACTION");
            assert_eq!(is_table, width >= 50, "{width}: {text}");
            assert_eq!(text.contains(path), width == 80 || width == 200, "{text}");
        }
        assert!(shown(&["NAME", "SOURCE", "ACTION"], &[&row], None).contains(path));
    }

    /// One long name does not turn every row into lines of its own.
    #[test]
    fn the_widest_column_is_narrowed_first_and_the_last_one_continues() {
        let name = "N".repeat(300);
        let rows = [
            &format!("{name}|user"),
            "SHORT|failed: one two three four five six seven",
        ];
        let expected = format!(
            "NAME                        RESULT\n{}…{}  user\n{:26}  failed: one two three four\n{:26}  five six seven",
            &name[..8],
            &name[..17],
            "SHORT",
            ""
        );
        assert_eq!(shown(&["NAME", "RESULT"], &rows, Some(54)), expected);
    }

    /// Below 50 columns each row is a block of lines.
    #[test]
    fn narrow_terminals_get_blocks() {
        let rows = ["A|failed: one two three four five", "B|created"];
        let expected =
            "NAME    A\nRESULT  failed: one two three\n        four five\n\nNAME    B\nRESULT  created";
        assert_eq!(shown(&["NAME", "RESULT"], &rows, Some(30)), expected);
        // Many columns that cannot be narrowed any more.
        let wide = shown(
            &["A"; 8],
            &["0123456789|".repeat(8).trim_end_matches('|')],
            Some(60),
        );
        assert_eq!(wide.lines().count(), 8, "{wide}");
    }

    #[test]
    fn times_are_relative_at_a_terminal_only() {
        let time = "2026-11-25T09:00:00Z";
        for (width, shown) in [(Some(80), "in 3 h"), (None, time)] {
            let text = render(table(&["AT"], [vec![Cell::time(time)]]), width, false);
            assert_eq!(text, format!("AT\n{shown}"));
        }
    }

    #[test]
    fn a_cell_has_the_colour_of_its_caller() {
        let cells = || {
            vec![
                Cell::from("a").good(),
                Cell::from("b").attention(),
                Cell::from("c").bad(),
            ]
        };
        for (width, color) in [(None, true), (Some(20), true), (None, false)] {
            let text = render(table(&["x", "y", "z"], [cells()]), width, color);
            for cell in ["\x1b[32ma\x1b[0m", "\x1b[33mb\x1b[0m", "\x1b[31mc\x1b[0m"] {
                assert_eq!(text.contains(cell), color, "{text:?}");
            }
        }
    }
}
