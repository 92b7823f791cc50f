//! R122: the default format against the readers that it must agree with, line by line.

use std::collections::HashMap;

use super::dotenv;

type Reading = Option<HashMap<String, Option<String>>>;

/// What node's dotenv 18.0.10, python-dotenv 1.2.4 and compose-go v2 (e70e961) read, recorded with
/// `tests/fixtures/env_readers.py`.
const RECORDED: &str = include_str!("../fixtures/env_readers.jsonl");

/// What this program reads; `None` when it refuses the text.
fn read(text: &str) -> Reading {
    let text = super::text::with_line_feeds(text);
    let mut values = HashMap::new();
    for line in dotenv::parse(&text, "FILE", false) {
        let value = line.content.ok()?.0.expose_secret().to_owned();
        values.insert(line.name?.into_owned(), Some(value));
    }
    Some(values)
}

fn rows(text: &str) -> impl Iterator<Item = (String, Vec<Reading>)> {
    text.lines().map(|line| {
        let mut row: Vec<serde_json::Value> = serde_json::from_str(line).unwrap();
        let readings = row.split_off(1).into_iter();
        let readings = readings.map(|reading| serde_json::from_value(reading).unwrap());
        (row[0].as_str().unwrap().to_owned(), readings.collect())
    })
}

/// Asserts that every accepted text is read as all readers read it, and that at least `percent` of the
/// texts on which the readers agree are accepted.
fn compare(rows: impl Iterator<Item = (String, Vec<Reading>)>, percent: usize) {
    let (mut agreed, mut accepted, mut wrong) = (0, 0, Vec::new());
    for (text, readings) in rows {
        let ours = read(&text);
        let all_agree = readings.windows(2).all(|pair| pair[0] == pair[1])
            && readings[0]
                .as_ref()
                .is_some_and(|values| values.values().all(Option::is_some));
        if ours.is_some() && readings.iter().any(|reading| *reading != ours) {
            wrong.push(format!("{text:?}: {ours:?} instead of {readings:?}"));
        }
        if all_agree {
            agreed += 1;
            accepted += usize::from(ours.is_some());
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(agreed > 1000, "{agreed} lines agree");
    assert!(
        accepted * 100 >= agreed * percent,
        "{accepted} of {agreed} accepted"
    );
}

/// R122: the recorded readings of 3,000 generated texts.
#[test]
fn recorded_texts_are_read_as_all_readers_read_them() {
    compare(rows(RECORDED), 98);
}

/// A text of one assignment, from pieces that readers treat in different ways.
fn generate(random: &mut fastrand::Rng) -> String {
    const BEFORE: [&str; 9] = [
        "A=",
        "A=",
        "A=",
        "A =",
        "A= ",
        "export A=",
        "  A=",
        "A\t=\t",
        "A: ",
    ];
    const PLAIN: [&str; 38] = [
        "a", "b", "My", "App", "1", " ", " ", "  ", "\t", "#", " #", " # note", "\t#", "'", "\"", "\\",
        "\\n", "\\\\", "\\\"", "$", "${X}", "$Y", "`", "=", ":", "{", "}", "é", "\u{a0}", "\u{85}", "@", "/",
        "&", "%", "`x`", "\u{2028}", "\u{b}", "\u{200b}",
    ];
    const QUOTED: [&str; 17] = [
        "a", "b", " ", "#", " # ", "$", "\\n", "\\r", "\\q", "\\t", "\\\\", "\\", "'", "\"", "\n", "é",
        "\u{2028}",
    ];
    const AFTER: [&str; 10] = ["", "", "", " ", "#c", " # c", " y", "'", "\u{a0}", "\u{85}"];
    const END: [&str; 3] = ["\n", "\nZ=1\n", ""];
    let mut text = BEFORE[random.usize(..BEFORE.len())].to_owned();
    let pieces = random.usize(..6);
    if random.bool() {
        (0..pieces).for_each(|_| text.push_str(PLAIN[random.usize(..PLAIN.len())]));
    } else {
        let quote = if random.bool() { '\'' } else { '"' };
        text.push(quote);
        (0..pieces).for_each(|_| text.push_str(QUOTED[random.usize(..QUOTED.len())]));
        text.push(quote);
        text.push_str(AFTER[random.usize(..AFTER.len())]);
    }
    text.push_str(END[random.usize(..END.len())]);
    text
}

/// R122: 4,000 generated texts are compared with node's dotenv and python-dotenv, if `.ci/run` has
/// installed them. Texts on which these two agree may be refused because of compose.
#[test]
#[expect(clippy::disallowed_methods, reason = "the environment of the tests")]
fn generated_texts_are_read_as_the_installed_readers_read_them() {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
    let (python, node) = (
        root.join("target/tools/bin/python"),
        root.join("target/env-readers"),
    );
    if !node.exists() {
        let in_ci = cfg!(target_os = "linux") && std::env::var_os("CI").is_some();
        assert!(!in_ci, "the readers are not installed, and CI skips no test");
        return;
    }
    let seed = 20_261_125;
    let mut random = fastrand::Rng::with_seed(seed);
    let texts: Vec<_> = (0..4000).map(|_| generate(&mut random)).collect();
    let input = tempfile::NamedTempFile::new().unwrap();
    serde_json::to_writer(&input, &texts).unwrap();
    let output = std::process::Command::new(python)
        .arg(root.join("tests/fixtures/env_readers.py"))
        .current_dir(node)
        .stdin(input.reopen().unwrap())
        .output()
        .unwrap();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    compare(rows(std::str::from_utf8(&output.stdout).unwrap()), 85);
}
