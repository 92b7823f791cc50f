//! Marked values in every command, against servers that repeat them in every spelling and in every
//! place of an answer: no stream and no file shows them.

use std::fs;
use std::path::Path;

use serde_json::json;

use crate::sandbox::Sandbox;
use crate::support::faults::Fault;
use crate::support::spellings::{leaked, spellings};
use crate::support::vault::API_KEY;

/// Every encoder spells it differently.
const VALUE: &str = "mk7Q/2ä9 z+X4\"w8&L1<5%pR'=\\3vT0";
/// As [`VALUE`], fit for an API key.
const KEY: &str = "sk-K4/7q+W2\"x9&H6<1%bM'=8yJ3";

/// The commands of the sweep, with the request that a server answers badly.
const COMMANDS: [(&str, &str, &str); 9] = [
    ("secret push --from-file x.env --yes", "GET", "/secrets"),
    ("secret push --from-file x.env --yes", "POST", "/secrets"),
    (
        "secret push --from-file x.env --yes --scope org",
        "PUT",
        "/secrets/held",
    ),
    ("secret list", "GET", "/secrets"),
    ("secret delete HELD --scope org --yes", "DELETE", "/secrets/held"),
    (
        "secret claude push --from-file key --type api_key",
        "POST",
        "/claude",
    ),
    (
        "secret claude push --from-file key --type api_key --name Old --force --yes",
        "POST",
        "/claude",
    ),
    ("secret codex list", "GET", "/codex"),
    ("auth status --check", "GET", "/secrets"),
];

/// R76, R95, R113: whatever a server quotes, in whatever spelling, no value is shown.
#[test]
fn no_spelling_of_a_value_reaches_a_stream() {
    for (index, (name, _)) in spellings(VALUE).into_iter().enumerate() {
        for (turn, (line, method, path)) in COMMANDS.into_iter().enumerate() {
            // Each spelling meets a third of the commands, and each command every kind of answer.
            if (turn + index) % 3 == 0 {
                sweep(line, method, path, index, name);
            }
        }
    }
}

fn sweep(line: &str, method: &'static str, path: &str, index: usize, name: &str) {
    let sandbox = Sandbox::new();
    sandbox.write("x.env", format!("HELD='{}'\n", VALUE.replace('\'', "")));
    sandbox.write("key", KEY);
    sandbox.vault.seed_with_id("held", "HELD", "old", "org");
    sandbox
        .vault
        .seed_credential("claude", "Old", "api_key", "user", "sk-old-value");
    let sent = VALUE.replace('\'', "");
    let said: Vec<String> = [&sent, KEY, API_KEY]
        .into_iter()
        .map(|value| spellings(value).swap_remove(index).1)
        .collect();
    let said = said.join(" ");
    let status = [400, 403, 500, 409][index % 4];
    let body = json!({ "type": "error", "error_code": said, "message": format!("refused {said}"), "trace_id": said });
    let fault = Fault::on(method, path).json(status, &body.to_string());
    let traced = [KEY, API_KEY]
        .map(|value| spellings(value).swap_remove(index).1)
        .join(",");
    sandbox.vault.fault(fault.header("x-trace-id", &traced).always());
    for output in ["text", "json"] {
        let line = format!("{line} -o {output} -vv");
        let ran = sandbox.run(&line);
        // A server can only repeat what it was told.
        let secrets: &[&str] = match line {
            _ if method == "GET" => &[API_KEY],
            ref line if line.contains("x.env") => &[&sent, API_KEY],
            ref line if line.contains("from-file key") => &[KEY, API_KEY],
            _ => &[API_KEY],
        };
        for secret in secrets {
            for stream in [&ran.stdout, &ran.stderr] {
                let shown = leaked(stream, secret);
                assert_eq!(shown, None, "{name}: {secret} in {line}: {stream}");
            }
        }
    }
    for path in files(sandbox.home()) {
        let text = String::from_utf8_lossy(&fs::read(&path).unwrap()).into_owned();
        let ours = path.ends_with("x.env")
            || path.ends_with("key")
            || path.components().any(|part| part.as_os_str() == "amika");
        assert!(
            ours || leaked(&text, &sent).is_none(),
            "{name}: {}",
            path.display()
        );
    }
}

/// R75, R113: a value that a server's text is cut in does not show its first part.
#[test]
fn a_text_that_is_cut_inside_a_value_shows_no_part_of_it() {
    for before in (240..=300).step_by(4) {
        for (name, spelled) in spellings(KEY) {
            let sandbox = Sandbox::new();
            sandbox.write("key", KEY);
            let message = format!("{}{spelled}", ". ".repeat(before / 2));
            let body = json!({ "type": "error", "code": "bad", "message": message });
            sandbox
                .vault
                .fault(Fault::on("POST", "/claude").json(400, &body.to_string()).always());
            let ran = sandbox
                .run("secret claude push --from-file key --type api_key")
                .exits(1);
            assert_eq!(
                leaked(&ran.stderr, KEY),
                None,
                "{name} after {before}: {}",
                ran.stderr
            );
            if before % 3 > 0 {
                break;
            }
        }
    }
}

/// R18, R102: the command line of a running push holds none of the values of its files.
#[cfg(target_os = "linux")]
#[test]
fn values_of_files_are_in_no_command_line() {
    use crate::sandbox::{ran, start};
    use crate::support::faults::Behaviour;

    let sandbox = Sandbox::new();
    let value = KEY.replace('\'', "");
    sandbox.write("x.env", format!("A='{value}'\n"));
    sandbox
        .vault
        .fault(Fault::on("POST", "/secrets").does(Behaviour::Hold));
    let words = "secret push --from-file x.env --yes".split_whitespace();
    let child = start(&mut sandbox.command(words));
    sandbox.vault.wait_for("POST", 1);
    let line = fs::read_to_string(format!("/proc/{}/cmdline", child.id())).unwrap();
    assert!(line.contains("from-file"), "{line}");
    assert_eq!(leaked(&line, &value), None);
    sandbox.vault.release();
    ran(child.wait_with_output().unwrap()).exits(0);
}

fn files(folder: &Path) -> Vec<std::path::PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files(&path));
        } else {
            found.push(path);
        }
    }
    found
}

#[test]
fn the_oracle_encodes_as_the_standards_say() {
    let of = |name: &str, value: &str| {
        let mut all = spellings(value).into_iter();
        all.find(|(own, _)| *own == name)
            .map(|(_, spelled)| spelled)
            .unwrap()
    };
    assert_eq!(of("base64", "Man"), "TWFu");
    assert_eq!(of("base64", "Ma"), "TWE=");
    assert_eq!(of("hex", "AZ"), "415a");
    assert_eq!(of("percent", "a b/ä"), "a%20b%2F%C3%A4");
    assert_eq!(of("form", "a b&"), "a+b%26");
    assert_eq!(of("json ascii", "\"ä"), "\\\"\\u00e4");
    assert_eq!(of("html", "a<\"&"), "a&lt;&quot;&amp;");
}

#[test]
fn the_oracle_notices_part_of_a_value() {
    let value = "0123456789abcdef+/\"0123";
    for (name, spelled) in spellings(value) {
        let start: String = spelled
            .chars()
            .skip(3)
            .take(spelled.chars().count() * 3 / 4)
            .collect();
        assert!(leaked(&format!("said {start}"), value).is_some(), "{name}");
    }
    assert_eq!(leaked("said nothing of 0123456789", value), None);
}
