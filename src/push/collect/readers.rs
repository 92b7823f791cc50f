//! R122: the default format against the readers that it must agree with, line by line.

use std::collections::HashMap;

use super::dotenv;

type Reading = Option<HashMap<String, Option<String>>>;

/// What node's dotenv 18.0.10, python-dotenv 1.2.4 and compose-go v2 (e70e961) read, recorded with
/// `tests/fixtures/env_readers.py`.
const RECORDED: &str = include_str!("../../../tests/fixtures/env_readers.jsonl");

/// What this program reads; `None` when it refuses the text.
fn read(text: &str) -> Reading {
    let parsed = dotenv::parse(text);
    let pair = |entry: super::Entry| (entry.name, Some(entry.value.expose_secret().to_owned()));
    parsed
        .faults
        .is_empty()
        .then(|| parsed.entries.into_iter().map(pair).collect())
}

fn rows(text: &str) -> impl Iterator<Item = (String, Vec<Reading>)> {
    text.lines().map(|line| {
        let mut row: Vec<serde_json::Value> = serde_json::from_str(line).unwrap();
        let readings = row.split_off(1).into_iter();
        let readings = readings.map(|reading| serde_json::from_value(reading).unwrap());
        (row[0].as_str().unwrap().to_owned(), readings.collect())
    })
}

/// No text is read otherwise than all readers read it, and nearly all on which they agree are read.
fn compare(rows: impl Iterator<Item = (String, Vec<Reading>)>) {
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
    assert!(accepted * 100 >= agreed * 98, "{accepted} of {agreed} accepted");
}

/// R122: the recorded readings of 3,000 generated texts.
#[test]
fn recorded_texts_are_read_as_all_readers_read_them() {
    compare(rows(RECORDED));
}
