//! `.env` files of 19 frameworks, and the hints for refused lines.

use std::collections::BTreeMap;

use crate::sandbox::Sandbox;

/// The text of each file in `tests/fixtures/env` by name, and the values that node's dotenv,
/// python-dotenv and compose-go read from it, recorded with `tests/fixtures/env_readers.py`.
const READINGS: &str = include_str!("../fixtures/env/readings.jsonl");

type Values = BTreeMap<String, String>;

/// A refused line, the line that its hint suggests, and the intended value.
struct Fix {
    file: &'static str,
    said: &'static str,
    line: &'static str,
    fixed: &'static str,
    value: &'static str,
}

const FIXES: [Fix; 7] = [
    Fix {
        file: "astro",
        said: ":1: invalid line: the value of TITLE begins with a backtick",
        line: "TITLE=`My Astro Site`",
        fixed: "TITLE='My Astro Site'",
        value: "My Astro Site",
    },
    Fix {
        file: "firebase",
        said: ":2: invalid line: the value of FIREBASE_SERVICE_ACCOUNT has \\\\ in single quotes",
        line: "FIREBASE_SERVICE_ACCOUNT='{\"type\": \"service_account\", \"private_key\": \"-----BEGIN\\\\nc4n4ry\\\\n\"}'",
        fixed: "FIREBASE_SERVICE_ACCOUNT={\"type\": \"service_account\", \"private_key\": \"-----BEGIN\\nc4n4ry\\n\"}",
        value: "{\"type\": \"service_account\", \"private_key\": \"-----BEGIN\\nc4n4ry\\n\"}",
    },
    Fix {
        file: "prisma",
        said: ":2: invalid line: the value of SHADOW_DATABASE_URL has a '#' at its start or without a space before it",
        line: "SHADOW_DATABASE_URL= # set in CI",
        fixed: "SHADOW_DATABASE_URL='# set in CI'",
        value: "# set in CI",
    },
    Fix {
        file: "strapi",
        said: ":4: invalid line: the value of API_TOKEN_SALT has a '#' at its start or without a space before it",
        line: "API_TOKEN_SALT=tobemodified\t# change me",
        fixed: "API_TOKEN_SALT=tobemodified # change me",
        value: "tobemodified",
    },
    Fix {
        file: "strapi",
        said: ":5: invalid line: the value of MOTTO has \\\" in double quotes",
        line: "MOTTO=\"say \\\"hello\\\"\"",
        fixed: "MOTTO='say \"hello\"'",
        value: "say \"hello\"",
    },
    Fix {
        file: "supabase",
        said: ":5: invalid line: the value of DASHBOARD_PASSWORD has a '#' at its start or without a space before it",
        line: "DASHBOARD_PASSWORD=this_password_is_insecure#1",
        fixed: "DASHBOARD_PASSWORD='this_password_is_insecure#1'",
        value: "this_password_is_insecure#1",
    },
    Fix {
        file: "wordpress",
        said: ":2: invalid line: text follows the closing quote of DB_PASSWORD",
        line: "DB_PASSWORD='c4n4ry''s'",
        fixed: "DB_PASSWORD=\"c4n4ry's\"",
        value: "c4n4ry's",
    },
];

/// The name and text of each file with the values of all readers.
fn files() -> Vec<(String, String, Vec<Option<Values>>)> {
    let directory = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/env");
    let entries = std::fs::read_dir(directory).unwrap();
    let paths = entries.map(|entry| entry.unwrap().path());
    let paths = paths.filter(|path| path.extension().is_some_and(|extension| extension == "env"));
    let files = paths.map(|path| {
        let text = std::fs::read_to_string(&path).unwrap();
        let mut rows = READINGS
            .lines()
            .map(|line| serde_json::from_str::<Vec<serde_json::Value>>(line).unwrap());
        let mut row = rows
            .find(|row| row[0] == *text)
            .expect("the readings are out of date");
        let readings = row.split_off(1).into_iter();
        let readings = readings.map(|reading| serde_json::from_value(reading).unwrap());
        let name = path.file_stem().unwrap().to_string_lossy().into_owned();
        (name, text, readings.collect())
    });
    files.collect()
}

/// Pushes `text` into an empty vault. Returns the exit code, standard error and the stored values.
fn push(text: &str) -> (i32, String, Values) {
    let sandbox = Sandbox::new();
    sandbox.write(".env", text);
    let ran = sandbox.run("secret push --from-file .env --yes");
    let stored = sandbox.vault.stored("generic").into_iter();
    let stored = stored.map(|secret| (secret.name.clone(), secret.value.clone()));
    (ran.code, ran.stderr, stored.collect())
}

/// R122: a file is accepted, with the values that the readers read, if and only if they all agree.
#[test]
fn files_of_frameworks_are_read_where_all_readers_agree() {
    let files = files();
    assert_eq!(files.len(), 19);
    for (name, text, readings) in files {
        let agreed = readings.windows(2).all(|pair| pair[0] == pair[1]);
        let (code, stderr, stored) = push(&text);
        if agreed {
            let mut expected = readings[0].clone().unwrap();
            expected.retain(|_, value| !value.is_empty());
            assert_eq!((code, stored), (0, expected), "{name}: {stderr}");
        } else {
            assert_eq!((code, stored), (4, Values::new()), "{name}");
            assert!(FIXES.iter().any(|fix| fix.file == name), "{name}: {stderr}");
        }
    }
}

/// R134: after following the hint for each refused line, the vault has the intended values.
#[test]
fn the_hint_of_each_refused_line_leads_to_the_right_value() {
    for (name, text, _) in files() {
        let fixes: Vec<_> = FIXES.iter().filter(|fix| fix.file == name).collect();
        let (_, stderr, _) = push(&text);
        let mut corrected = text;
        for fix in &fixes {
            assert!(stderr.contains(fix.said), "{name}: {stderr}");
            assert!(corrected.contains(fix.line), "{name}: {}", fix.line);
            corrected = corrected.replace(fix.line, fix.fixed);
        }
        let (code, stderr, stored) = push(&corrected);
        assert_eq!(code, 0, "{name}: {stderr}");
        for fix in fixes {
            let variable = fix.line.split('=').next().unwrap();
            assert_eq!(stored[variable], fix.value, "{name}");
        }
    }
}
