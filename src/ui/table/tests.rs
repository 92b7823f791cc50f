use super::*;

fn rendered(width: Option<usize>) -> String {
    let row = vec![
        "DATABASE_URL".to_owned(),
        "~/projects/with/a/long/path/to/the/settings/.env:12".to_owned(),
        "create".to_owned(),
    ];
    let now = "2026-11-25T06:00:00Z".parse().unwrap();
    table(&["NAME", "SOURCE", "ACTION"], [row]).render(Layout {
        width,
        color: false,
        now,
    })
}

#[test]
fn the_middle_of_a_path_is_cut_to_fit() {
    assert_eq!(
        cut_middle("~/projects/amika/settings/.env:12", 20),
        "~/proj…tings/.env:12"
    );
    assert_eq!(
        measure_text_width(&cut_middle("~/projects/amika/settings/.env:12", 20)),
        20
    );
}

#[test]
fn lines_fit_a_terminal_and_are_complete_in_a_file() {
    for width in [30, 50, 60, 80, 200] {
        let text = rendered(Some(width));
        assert!(
            text.lines().all(|line| measure_text_width(line) <= width),
            "{width}: {text}"
        );
        assert!(
            text.contains("DATABASE_URL") && text.contains(".env:12"),
            "{text}"
        );
    }
    assert!(rendered(None).contains("~/projects/with/a/long/path/to/the/settings/.env:12"));
    assert!(rendered(Some(50)).starts_with("NAME    DATABASE_URL\nSOURCE  ~/proj"));
}

/// Renders rows whose cells are separated by `|`.
fn shown(header: &[&str], rows: &[&str], width: Option<usize>, color: bool) -> String {
    let cells = |row: &&str| row.split('|').map(str::to_owned).collect::<Vec<_>>();
    let now = "2026-11-25T06:00:00Z".parse().unwrap();
    table(header, rows.iter().map(cells)).render(Layout { width, color, now })
}

#[test]
fn columns_are_as_wide_as_their_widest_cell() {
    let rows = ["A|created", "LONGER|failed: no"];
    let expected = "NAME    RESULT\nA       created\nLONGER  failed: no";
    assert_eq!(shown(&["NAME", "RESULT"], &rows, None, false), expected);
    assert_eq!(shown(&["NAME", "RESULT"], &rows, Some(60), false), expected);
    let text = table(&["A"], [vec!["1".to_owned()]]).then("and more\x1b");
    let now = "2026-11-25T06:00:00Z".parse().unwrap();
    let layout = Layout {
        width: None,
        color: false,
        now,
    };
    assert_eq!(text.render(layout), "A\n1\n\nand more\\u{1b}");
}

/// The middle of a path is cut, down to 16 columns, before other text is wrapped.
#[test]
fn wide_columns_are_narrowed_to_fit() {
    let path = "/".to_owned() + &"p".repeat(54);
    let exact = shown(
        &["NAME", "SOURCE"],
        &[&format!("ABCD|{}", &path[..54])],
        Some(60),
        false,
    );
    assert!(exact.ends_with(&format!("\nABCD  {}", &path[..54])), "{exact}");
    let cut = shown(&["NAME", "SOURCE"], &[&format!("ABCD|{path}")], Some(60), false);
    let row = format!("ABCD  {}…{}", &path[..17], &path[19..]);
    assert_eq!(cut.lines().nth(1), Some(row.as_str()));

    // The longest name that leaves 16 columns for the path.
    let name = "N".repeat(42);
    let narrow = shown(&["NAME", "SOURCE"], &[&format!("{name}|{path}")], Some(60), false);
    let row = format!("{name}  {}…{}", &path[..5], &path[45..]);
    assert_eq!(narrow.lines().nth(1), Some(row.as_str()));
    let row = format!("N{name}|{path}");
    let block = shown(&["NAME", "SOURCE"], &[&row], Some(60), false);
    assert_eq!(block.lines().next(), Some(format!("NAME    N{name}").as_str()));

    let both = shown(
        &["NAME", "SOURCE", "RESULT"],
        &["ABCD|/0123456789012345678901234567890123/0123|one two three four five six seven eight n"],
        Some(60),
        false,
    );
    let expected = "NAME  SOURCE            RESULT\n\
                    ABCD  /0123…90123/0123  one two three four five six seven\n\
                    \x20                       eight n";
    assert_eq!(both, expected);
}

/// Below 60 columns each row is a block of lines.
#[test]
fn narrow_terminals_get_blocks() {
    let header = ["NAME", "RESULT"];
    let rows = ["A|failed: one two three four five", "B|created"];
    let expected =
        "NAME    A\nRESULT  failed: one two three\n        four five\n\nNAME    B\nRESULT  created";
    assert_eq!(shown(&header, &rows, Some(30), false), expected);
    // One column less than the first line needs, and the minimum width.
    assert_eq!(shown(&header, &rows, Some(29), false), expected);
    let narrowest = shown(&header, &rows[..1], Some(1), false);
    assert_eq!(
        narrowest,
        "NAME    A\nRESULT  failed: one two\n        three four five"
    );
    for (width, is_table) in [(60, true), (59, false)] {
        let text = shown(&header, &rows[1..], Some(width), false);
        assert_eq!(text.starts_with("NAME  RESULT"), is_table, "{width}: {text}");
    }
}

#[test]
fn times_are_relative_at_a_terminal_only() {
    for (width, time) in [(Some(80), "in 3 h"), (None, "2026-11-25T09:00:00Z")] {
        for column in ["UPDATED", "EXPIRES"] {
            let text = shown(&["NAME", column], &["A|2026-11-25T09:00:00Z"], width, false);
            assert_eq!(text.lines().nth(1), Some(format!("A     {time}").as_str()));
        }
    }
}

/// The first word of a status decides its colour; other columns, headers and plain output have none.
#[test]
fn statuses_have_colours() {
    for (cell, code) in [
        ("create", 32),
        ("created", 32),
        ("present", 32),
        ("chosen", 32),
        ("update", 33),
        ("updated", 33),
        ("unknown: lost", 33),
        ("not attempted", 33),
        ("expired 1 h ago", 33),
        ("conflict", 31),
        ("failed: no", 31),
        ("missing", 31),
    ] {
        let painted = format!("\x1b[{code}m{cell}\x1b[0m");
        for column in ["ACTION", "RESULT", "STATUS", "STATE"] {
            for width in [None, Some(20)] {
                let text = shown(&[column], &[cell], width, true);
                assert!(text.ends_with(&painted), "{column}: {text:?}");
                assert!(text.starts_with(column), "{column}: {text:?}");
                assert!(!shown(&[column], &[cell], width, false).contains('\x1b'));
            }
        }
        assert_eq!(shown(&["NAME"], &[cell], None, true), format!("NAME\n{cell}"));
    }
    assert_eq!(shown(&["STATUS"], &["fine"], None, true), "STATUS\nfine");
    // A header is never coloured, even if it reads like a status.
    assert_eq!(shown(&["created"], &["x"], None, true), "created\nx");
}
