//! Tables for a person, laid out for the terminal that they are printed on.

use anstyle::{AnsiColor, Style};
use console::measure_text_width;
use jiff::Timestamp;

use crate::formats::escape::{count, escape, escape_lines};
use crate::ui::lines::{cut_middle, wrap};

/// On terminals narrower than this, in columns, each row is printed as a block of lines.
const MIN_TABLE_WIDTH: usize = 50;
/// Minimum width to which a column is narrowed to make a table fit. Less of a name or a path says little.
const MIN_COLUMN_WIDTH: usize = 12;
/// Number of spaces between two columns.
const GAP: usize = 2;

/// Text with tables in it.
pub(crate) struct Text(Vec<Part>);

enum Part {
    Lines(String),
    /// Rows, of which the first is the header.
    Table(Vec<Vec<Cell>>),
}

/// One entry of a table.
#[derive(Clone)]
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

    /// In the colour of success.
    pub(crate) fn good(self) -> Self {
        let color = Some(AnsiColor::Green);
        Self { color, ..self }
    }

    /// In the colour of a warning.
    pub(crate) fn attention(self) -> Self {
        let color = Some(AnsiColor::Yellow);
        Self { color, ..self }
    }

    /// In the colour of a failure.
    pub(crate) fn bad(self) -> Self {
        let color = Some(AnsiColor::Red);
        Self { color, ..self }
    }
}

/// Columns under a header.
pub(crate) fn table<C: Into<Cell>>(header: &[&str], rows: impl IntoIterator<Item = Vec<C>>) -> Text {
    let header = header.iter().map(|&name| Cell::from(name)).collect();
    let rows = rows.into_iter().map(|row| row.into_iter().map(C::into).collect());
    Text(vec![Part::Table(std::iter::once(header).chain(rows).collect())])
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

    /// The text with colours, and with every character that could control the terminal escaped. `width` is
    /// that of the terminal in columns; `None` for a file or a pipe.
    pub(crate) fn render(self, width: Option<usize>, now: Timestamp) -> String {
        let parts = self.0.into_iter().map(|part| match part {
            Part::Lines(lines) => wrap(&escape_lines(&lines), width.unwrap_or(usize::MAX)).join("\n"),
            Part::Table(rows) => aligned(rows, width, now).join("\n"),
        });
        parts.collect::<Vec<_>>().join("\n")
    }
}

/// The lines of a table.
fn aligned(mut rows: Vec<Vec<Cell>>, available: Option<usize>, now: Timestamp) -> Vec<String> {
    for cell in rows.iter_mut().flatten() {
        if cell.is_time && available.is_some() {
            cell.text = relative(&cell.text, now);
        }
        cell.text = escape(&cell.text).into_owned();
    }
    let mut widths = widths(&rows);
    if let Some(available) = available
        && rows.len() > 1
        && !narrow(&mut widths, &rows[0], available)
    {
        rows = as_blocks(&rows);
        widths = self::widths(&rows);
        let room = available.saturating_sub(widths[0] + GAP);
        widths[1] = widths[1].min(room.max(MIN_COLUMN_WIDTH));
    }
    rows.iter().flat_map(|row| lines(row, &widths)).collect()
}

/// The width of each column.
fn widths(rows: &[Vec<Cell>]) -> Vec<usize> {
    let width = |column| {
        let cells = rows.iter().filter_map(|row| row.get(column));
        cells.map(|cell: &Cell| measure_text_width(&cell.text)).max()
    };
    (0..).map_while(width).collect()
}

/// Narrows the widest columns first, until the table fits the terminal. Returns whether it does.
fn narrow(widths: &mut [usize], header: &[Cell], available: usize) -> bool {
    let room = available.saturating_sub(GAP * widths.len().saturating_sub(1));
    while widths.iter().sum::<usize>() > room {
        let columns = widths.iter_mut().zip(header);
        let Some((widest, name)) = columns.max_by_key(|(width, _)| **width) else {
            return false;
        };
        *widest -= 1;
        if *widest < MIN_COLUMN_WIDTH.max(name.text.len()) {
            return false;
        }
    }
    available >= MIN_TABLE_WIDTH
}

/// A table of two columns in which each row is a block: the names of the columns, and the cells. A row
/// without cells separates the blocks.
fn as_blocks(rows: &[Vec<Cell>]) -> Vec<Vec<Cell>> {
    let blocks = rows[1..].iter().map(|row| {
        let lines = rows[0].iter().zip(row);
        lines
            .map(|(name, cell)| vec![name.clone(), cell.clone()])
            .collect()
    });
    let blocks: Vec<Vec<_>> = blocks.collect();
    blocks.join(&Vec::new())
}

/// The lines of a row. The last cell, which holds reasons, is wrapped; other cells are cut in the middle.
fn lines(row: &[Cell], widths: &[usize]) -> Vec<String> {
    let cells = row.iter().zip(widths).enumerate().map(|(index, (cell, &width))| {
        let mut parts = vec![cell.text.clone()];
        if index + 1 == row.len() {
            parts = wrap(&cell.text, width);
        }
        parts.iter().map(|part| cut_middle(part, width)).collect()
    });
    let cells: Vec<Vec<String>> = cells.collect();
    // A row without cells is an empty line.
    let height = cells.iter().map(Vec::len).max().unwrap_or(1);
    let line = |index: usize| {
        let columns = row.iter().zip(&cells).zip(widths).map(|((cell, parts), width)| {
            let part = parts.get(index).map_or("", String::as_str);
            let style = Style::new().fg_color(cell.color.filter(|_| !part.is_empty()).map(Into::into));
            let padding = width.saturating_sub(measure_text_width(part)) + GAP;
            format!("{style}{part}{style:#}{:padding$}", "")
        });
        columns.collect::<String>().trim_end().to_owned()
    };
    (0..height).map(line).collect()
}

/// Units of time, in seconds.
const UNITS: [(usize, &str); 5] = [
    (365 * 86_400, "year"),
    (30 * 86_400, "month"),
    (86_400, "day"),
    (3600, "hour"),
    (60, "minute"),
];

/// Replaces a time at the end of `text` with `2 days ago` or `in 3 hours`; other text is returned unchanged.
fn relative(text: &str, now: Timestamp) -> String {
    let start = text.rfind(' ').map_or(0, |blank| blank + 1);
    let Ok(time) = text[start..].parse::<Timestamp>() else {
        return text.to_owned();
    };
    let seconds = time.as_second() - now.as_second();
    let size = usize::try_from(seconds.abs()).unwrap_or_default();
    let unit = UNITS.iter().find(|(length, _)| size >= *length);
    let amount = unit.map(|(length, name)| count(size / length, name));
    let distance = match amount {
        None => "now".to_owned(),
        Some(amount) if seconds < 0 => format!("{amount} ago"),
        Some(amount) => format!("in {amount}"),
    };
    format!("{}{distance}", &text[..start])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn now() -> Timestamp {
        "2026-11-25T06:00:00Z".parse().unwrap()
    }

    /// Renders rows whose cells are separated by `|`.
    fn shown(header: &[&str], rows: &[&str], width: Option<usize>) -> String {
        let cells = |row: &&str| row.split('|').map(str::to_owned).collect::<Vec<_>>();
        table(header, rows.iter().map(cells)).render(width, now())
    }

    #[test]
    fn columns_are_as_wide_as_their_widest_cell() {
        let rows = ["A|created", "LONGER|failed: no"];
        let expected = "NAME    RESULT\nA       created\nLONGER  failed: no";
        assert_eq!(shown(&["NAME", "RESULT"], &rows, None), expected);
        assert_eq!(shown(&["NAME", "RESULT"], &rows, Some(60)), expected);
        let text = table(&["A"], [vec!["1"]]).then("and more\x1b");
        assert_eq!(text.render(None, now()), "A\n1\n\nand more\\u{1b}");
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
        // A table whose columns would have to be cut to less than is readable.
        let header = ["SECRET", "VALUE", "TYPE", "SOURCE", "EXPIRES"];
        let row = "CODEX_API_KEY|****1234|api key|~/.codex/auth.json|in 73 years";
        let blocks = shown(&header, &[row], Some(52));
        assert!(blocks.contains("SOURCE   ~/.codex/auth.json\n"), "{blocks}");
        assert_eq!(shown(&header, &[], Some(30)), header.join("  "));
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
        for (width, shown) in [(Some(80), "in 3 hours"), (None, time)] {
            let text = table(&["AT"], [vec![Cell::time(time)]]).render(width, now());
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
        for width in [None, Some(20)] {
            let text = table(&["x", "y", "z"], [cells()]).render(width, now());
            for cell in ["\x1b[32ma\x1b[0m", "\x1b[33mb\x1b[0m", "\x1b[31mc\x1b[0m"] {
                assert!(text.contains(cell), "{text:?}");
            }
        }
    }

    #[test]
    fn times_are_shown_relative_to_now() {
        for (time, shown) in [
            ("2026-11-25T09:30:00Z", "in 3 hours"),
            ("2026-11-23T05:00:00Z", "2 days ago"),
            ("2026-11-24T06:00:00+00:00", "1 day ago"),
            ("2026-11-25T05:59:30Z", "now"),
            ("2028-01-01T00:00:00Z", "in 1 year"),
            ("expired 2026-11-25T05:00:00Z", "expired 1 hour ago"),
            ("-", "-"),
            ("", ""),
            ("yesterday", "yesterday"),
        ] {
            assert_eq!(relative(time, now()), shown);
        }
    }

    #[test]
    fn each_unit_starts_at_one() {
        const DAYS: i64 = 86_400;
        for (seconds, shown) in [
            (59, "now"),
            (60, "in 1 minute"),
            (3599, "in 59 minutes"),
            (3600, "in 1 hour"),
            (86_399, "in 23 hours"),
            (DAYS, "in 1 day"),
            (30 * DAYS - 1, "in 29 days"),
            (30 * DAYS, "in 1 month"),
            (365 * DAYS - 1, "in 12 months"),
            (365 * DAYS, "in 1 year"),
            (730 * DAYS, "in 2 years"),
        ] {
            let after = |seconds| {
                relative(
                    &Timestamp::from_second(now().as_second() + seconds)
                        .unwrap()
                        .to_string(),
                    now(),
                )
            };
            assert_eq!(after(seconds), shown);
            let past = shown.strip_prefix("in ").map(|amount| format!("{amount} ago"));
            assert_eq!(after(-seconds), past.unwrap_or("now".to_owned()));
        }
    }
}
