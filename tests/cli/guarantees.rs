//! `docs/guarantees.md` lists the tests of each requirement. Its last column is generated from the
//! doc lines of the tests by `UPDATE_GUARANTEES=1 cargo test --test cli guarantees`.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

const NONE: &str = "no automatic test";

/// Every row of `docs/guarantees.md` lists all tests of its requirement, and at least one.
#[test]
#[expect(clippy::disallowed_methods, reason = "a variable selects writing the file")]
fn the_table_of_guarantees_names_the_tests_that_exist() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let path = root.join("docs/guarantees.md");
    let old = fs::read_to_string(&path).unwrap();
    let tests = tests_by_requirement(root);
    let new = with_tests(&old, &tests);
    if std::env::var_os("UPDATE_GUARANTEES").is_some() {
        fs::write(&path, &new).unwrap();
        return;
    }
    let rows: Vec<u32> = old.lines().filter_map(row).map(|(number, ..)| number).collect();
    let unknown: Vec<_> = tests
        .iter()
        .filter(|(number, _)| !rows.contains(number))
        .collect();
    assert!(unknown.is_empty(), "no row for {unknown:?}");
    assert!(!old.contains("| ? |"), "a row has neither a test nor a reason");
    let changed: Vec<_> = old
        .lines()
        .zip(new.lines())
        .filter(|(old, new)| old != new)
        .collect();
    assert!(
        changed.is_empty(),
        "run UPDATE_GUARANTEES=1 cargo test --test cli guarantees\n{changed:#?}"
    );
}

/// The requirement numbers at the start of a doc line are parsed.
#[test]
fn requirement_numbers_are_read_from_doc_lines() {
    assert_eq!(numbers("R68, R106: a lost reply"), [68, 106]);
    assert_eq!(numbers("R103 to R105: all"), [103, 104, 105]);
    assert_eq!(numbers("R3–R5 and R9. Something"), [3, 4, 5, 9]);
    assert!(numbers("Reads R68").is_empty());
}

/// The number, the sentence and the tests of a table row.
fn row(line: &str) -> Option<(u32, &str, &str)> {
    let mut cells = line.strip_prefix("| R")?.splitn(3, " | ");
    let number = cells.next()?.parse().ok()?;
    Some((number, cells.next()?, cells.next()?.trim_end_matches(" |")))
}

fn with_tests(old: &str, tests: &BTreeMap<u32, Vec<String>>) -> String {
    let mut new = String::new();
    for line in old.lines() {
        let Some((number, sentence, proof)) = row(line) else {
            let _ = writeln!(new, "{line}");
            continue;
        };
        let proof = match tests.get(&number) {
            Some(tests) => tests
                .iter()
                .map(|test| format!("`{test}`"))
                .collect::<Vec<_>>()
                .join(", "),
            None if proof.starts_with(NONE) => proof.to_owned(),
            None => "?".to_owned(),
        };
        let _ = writeln!(new, "| R{number} | {sentence} | {proof} |");
    }
    new
}

/// `file::test` for every test whose doc line starts with a requirement.
fn tests_by_requirement(root: &Path) -> BTreeMap<u32, Vec<String>> {
    let mut files = Vec::new();
    for folder in ["src", "tests"] {
        collect(&root.join(folder), &mut files);
    }
    files.sort();
    let mut tests = BTreeMap::<u32, Vec<String>>::new();
    for file in files {
        let shown = file
            .strip_prefix(root)
            .unwrap()
            .to_string_lossy()
            .replace('\\', "/");
        for (numbers, name) in tests_in(&fs::read_to_string(&file).unwrap()) {
            for number in numbers {
                tests.entry(number).or_default().push(format!("{shown}::{name}"));
            }
        }
    }
    tests
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            collect(&path, files);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
}

/// The tests of a file and their requirements.
fn tests_in(source: &str) -> Vec<(Vec<u32>, String)> {
    let mut found = Vec::new();
    let (mut required, mut is_test) = (Vec::new(), false);
    for line in source.lines().map(str::trim) {
        if let Some(doc) = line.strip_prefix("/// ") {
            required.extend(numbers(doc));
        } else if line.starts_with("#[") || line.ends_with(")]") || line.starts_with("reason =") {
            is_test |= line.starts_with("#[test]") || line.starts_with("#[tokio::test");
        } else if let Some(name) = line.trim_start_matches("async ").strip_prefix("fn ") {
            let name = name.split('(').next().unwrap_or_default().to_owned();
            required.sort_unstable();
            required.dedup();
            if is_test && !required.is_empty() {
                found.push((std::mem::take(&mut required), name));
            }
            (required, is_test) = (Vec::new(), false);
        } else if !line.starts_with("//") && !matches!(line, ")]" | "") {
            (required, is_test) = (Vec::new(), is_test && line.starts_with("clippy::"));
        }
    }
    found
}

/// `R68, R103 to R105` at the start of a doc line.
fn numbers(doc: &str) -> Vec<u32> {
    let mut found: Vec<u32> = Vec::new();
    let mut range = false;
    for word in doc.split_inclusive(['–', ' ', ',', ':', '.']) {
        let text = word.trim_end_matches(['–', ' ', ',', ':', '.']);
        let number = text.strip_prefix('R').and_then(|digits| digits.parse().ok());
        match (number, found.last()) {
            (Some(number), Some(&last)) if range => found.extend(last + 1..=number),
            (Some(number), _) => found.push(number),
            (None, _) if matches!(text, "to" | "and" | "") => {}
            (None, _) => break,
        }
        range = word.ends_with('–') || text == "to";
        if word.ends_with([':', '.']) {
            break;
        }
    }
    found
}
