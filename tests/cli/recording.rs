//! Checks that the recording in the README shows the current output of the program.
//! `UPDATE_RECORDING=1 cargo test --test cli recording` writes `docs/demo.svg`.

use std::fmt::Write;
use std::path::Path;

#[path = "../../examples/demo/story.rs"]
mod story;

use story::{STEPS, Story};

/// The demo steps in the recording.
const RECORDED: [&str; 4] = [
    "amika secret push --from-file .env --yes",
    "amika secret list",
    "amika secret extract",
    "amika secret claude push --type oauth",
];

/// The width of the terminal in the recording, in characters.
const COLUMNS: usize = 104;
/// Sizes in pixels.
const MARGIN: usize = 20;
const LINE_HEIGHT: usize = 19;
const WIDTH: usize = 916;
/// How long a command is shown without its output, and then with it, in milliseconds.
const TYPED: usize = 800;
const READ: usize = 2200;

const STYLE: &str = "\
text { font: 14px ui-monospace, SFMono-Regular, Menlo, Consolas, 'DejaVu Sans Mono', monospace; white-space: pre }
.paper { fill: #f6f8fa; stroke: #d1d9e0 }
.output { fill: #1f2328 }
.note { fill: #59636e }
.typed { fill: #0969da; font-weight: bold }
@media (prefers-color-scheme: dark) {
  .paper { fill: #0d1117; stroke: #3d444d }
  .output { fill: #f0f6fc }
  .note { fill: #9198a1 }
  .typed { fill: #79c0ff }
}
@keyframes appear { from { visibility: hidden } to { visibility: visible } }
@media (prefers-reduced-motion: no-preference) { text { animation: appear step-end both } }
";

#[test]
#[expect(clippy::disallowed_methods, reason = "a variable selects writing the file")]
fn the_recording_shows_what_the_program_prints() {
    let drawn = draw(&record());
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/demo.svg");
    if std::env::var_os("UPDATE_RECORDING").is_some() {
        std::fs::write(&path, &drawn).unwrap();
    }
    let shown = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        shown == drawn,
        "docs/demo.svg is out of date: run 'UPDATE_RECORDING=1 cargo test --test cli recording'"
    );
}

/// A line of the terminal and the time when it appears, in milliseconds.
struct Line {
    text: String,
    class: &'static str,
    time: usize,
}

/// Runs the steps and returns the lines that a terminal would show.
fn record() -> Vec<Line> {
    let story = Story::new(env!("CARGO_BIN_EXE_amika").into());
    let mut lines = Vec::new();
    for (number, line) in RECORDED.into_iter().enumerate() {
        let step = STEPS.iter().find(|step| step.line() == line).expect(line);
        let ran = story.run(step);
        assert_eq!(ran.code, 0, "{line}: {}", ran.output);
        let time = number * (TYPED + READ);
        let typed = [
            ("note", format!("# {}", step.title)),
            ("typed", format!("$ {line}")),
        ];
        lines.extend(typed.map(|(class, text)| Line { text, class, time }));
        for text in ran.output.lines().flat_map(wrap).chain([String::new()]) {
            lines.push(Line {
                text,
                class: "output",
                time: time + TYPED,
            });
        }
    }
    lines.pop();
    lines
}

/// Breaks a line at the width of the terminal.
fn wrap(line: &str) -> Vec<String> {
    let characters: Vec<_> = line.chars().collect();
    let rows = characters.chunks(COLUMNS).map(|row| row.iter().collect());
    rows.collect()
}

fn draw(lines: &[Line]) -> String {
    let height = 2 * MARGIN + lines.len() * LINE_HEIGHT;
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{WIDTH}\" height=\"{height}\" \
         viewBox=\"0 0 {WIDTH} {height}\" role=\"img\">\n\
         <title>amika pushes an .env file, lists the vault and shows the credentials of this laptop</title>\n\
         <style>\n{STYLE}</style>\n\
         <rect class=\"paper\" x=\"0.5\" y=\"0.5\" width=\"{}\" height=\"{}\" rx=\"8\"/>\n",
        WIDTH - 1,
        height - 1
    );
    for (number, line) in lines.iter().enumerate().filter(|(_, line)| !line.text.is_empty()) {
        let y = MARGIN + number * LINE_HEIGHT + 14;
        let text = line.text.replace('&', "&amp;").replace('<', "&lt;");
        writeln!(
            svg,
            "<text x=\"{MARGIN}\" y=\"{y}\" class=\"{}\" xml:space=\"preserve\" \
             style=\"animation-duration: {}ms\">{text}</text>",
            line.class, line.time
        )
        .unwrap();
    }
    svg + "</svg>\n"
}
