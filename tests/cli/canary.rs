//! Canary values in every command, against servers that echo them in every encoding and in every
//! part of a response: no output and no file contains them.

use std::fs;

use serde_json::json;

use crate::sandbox::Sandbox;
use crate::support::encodings::{encodings, leaked};
use crate::support::faults::Fault;
use crate::support::vault::API_KEY;

/// A value that every encoding changes.
const VALUE: &str = "mk7Q/2ä9 z+X4\"w8&L1<5%pR=\\3vT0";
/// As [`VALUE`], but valid as an API key.
const KEY: &str = "sk-K4/7q+W2\"x9&H6<1%bM'=8yJ3";
const OLD: &str = "sk-old4Qz/8+n1\"V0&c6<3%tL'=5wB9";
const ACCESS: &str = "sk-ant-oat01-J6/2+r7\"Y4&d9<8%kP=1uC5";
const REFRESH: &str = "sk-ant-ort01-H3/9+e5\"S7&f1<6%gN=2iD8";
/// The device code of the test identity provider.
const DEVICE: &str = "device-t0k3n-m4rk";

const FORCE: &str = "secret claude push --from-file key --type api_key --name Old --force --yes";

/// A command, the request with a hostile response, and the secrets that the server was sent.
struct Case {
    line: &'static str,
    method: &'static str,
    path: &'static str,
    sent: &'static [&'static str],
}

const fn case(
    line: &'static str,
    method: &'static str,
    path: &'static str,
    sent: &'static [&'static str],
) -> Case {
    Case {
        line,
        method,
        path,
        sent,
    }
}

/// Every command that contacts a server, with each of its requests.
const CASES: [Case; 20] = [
    case(
        "secret push --from-file x.env --yes",
        "GET",
        "/secrets",
        &[API_KEY],
    ),
    case(
        "secret push --from-file x.env --yes",
        "POST",
        "/secrets",
        &[VALUE, API_KEY],
    ),
    case(
        "secret push --from-file x.env --yes --scope org",
        "PUT",
        "/held",
        &[VALUE, API_KEY],
    ),
    case("secret list", "GET", "/secrets", &[API_KEY]),
    case("secret check --file config.toml", "GET", "/secrets", &[API_KEY]),
    case(
        "secret delete HELD --scope org --yes",
        "GET",
        "/secrets",
        &[API_KEY],
    ),
    case(
        "secret delete HELD --scope org --yes",
        "DELETE",
        "/held",
        &[API_KEY],
    ),
    case("secret extract --push --yes", "POST", "/secrets", &[KEY, API_KEY]),
    case(
        "secret claude push --from-file key --type api_key",
        "GET",
        "/claude",
        &[API_KEY],
    ),
    case(
        "secret claude push --from-file key --type api_key",
        "POST",
        "/claude",
        &[KEY, API_KEY],
    ),
    case(
        "secret claude push --from-file login",
        "POST",
        "/claude",
        &[ACCESS, REFRESH, API_KEY],
    ),
    case(FORCE, "POST", "/claude", &[KEY, OLD, API_KEY]),
    case(FORCE, "POST", "/reveal", &[API_KEY]),
    case(FORCE, "DELETE", "/cred_0002", &[OLD, API_KEY]),
    case(
        "secret claude delete cred_0002",
        "DELETE",
        "/cred_0002",
        &[API_KEY],
    ),
    case("secret claude delete --name Old", "GET", "/claude", &[API_KEY]),
    case("secret codex list", "GET", "/codex", &[API_KEY]),
    case("auth status --check", "GET", "/secrets", &[API_KEY]),
    case("auth login --api-key-file key", "GET", "/secrets", &[KEY]),
    case("auth login --no-browser", "POST", "/authenticate", &[DEVICE]),
];

/// How the server echoes the secrets.
#[derive(Debug, Clone, Copy)]
enum Answer {
    Refusal(u16),
    /// A success with the secret in every text member.
    Success,
    Redirect,
}

/// R76, R95, R113: a value that a server quotes in a refusal, in any encoding, is not shown.
#[test]
fn no_encoding_of_a_value_in_a_refusal_is_shown() {
    check_all_encodings(|turn| Answer::Refusal([400, 403, 500, 409, 401, 404][turn % 6]));
}

/// R76, R95, R113: a value in the ids, names, types and times of a success is not shown.
#[test]
fn no_encoding_of_a_value_in_a_success_is_shown() {
    check_all_encodings(|_| Answer::Success);
}

/// R57, R113: a value in the target of a redirect is not shown.
#[test]
fn no_encoding_of_a_value_in_a_redirect_is_shown() {
    check_all_encodings(|_| Answer::Redirect);
}

/// Runs every case; each encoding is used in a quarter of the cases.
fn check_all_encodings(answer: impl Fn(usize) -> Answer) {
    for index in 0..encodings(VALUE).len() {
        for (turn, case) in CASES.iter().enumerate() {
            if (turn + index) % 4 == 0 {
                let output = if (turn + index) % 8 == 0 { "text" } else { "json" };
                check(case, answer(turn / 4 + index), index, output);
            }
        }
    }
}

fn check(case: &Case, answer: Answer, index: usize, output: &str) {
    let Case {
        line,
        method,
        path,
        sent,
    } = case;
    let sandbox = populated_sandbox();
    let encoded = |value: &&str| encodings(value).swap_remove(index);
    let name = encoded(&VALUE).0;
    let echoed: Vec<_> = sent.iter().map(|value| encoded(value).1).collect();
    let echoed = echoed.join(" ");
    let fault = Fault::on(method, path);
    let fault = match answer {
        Answer::Refusal(status) => {
            let body = json!({
                "type": "error", "error_code": echoed, "error": echoed, "trace_id": echoed,
                "message": format!("refused {echoed}"), "error_description": format!("refused {echoed}"),
            });
            fault.json(status, &body.to_string())
        }
        Answer::Success => {
            let texts = json!({
                "id": echoed, "name": echoed, "scope": "user", "type": echoed, "description": echoed,
                "updated_at": echoed, "created_at": echoed, "user": { "id": echoed, "email": echoed },
            });
            let list = *method == "GET";
            let body = if list { json!([texts, texts]) } else { texts };
            fault.json(200, &body.to_string())
        }
        Answer::Redirect => fault.redirect(307, &format!("https://{}/", echoed.replace(' ', "."))),
    };
    // A header value is one line of ASCII.
    let header = echoed.is_ascii() && !echoed.contains('\n');
    let fault = if header {
        fault.header("x-trace-id", &echoed)
    } else {
        fault
    };
    sandbox.vault.fault(fault.always());
    let line = format!("{line} -o {output} -vv");
    let ran = match *line.as_str() {
        _ if line.starts_with("auth login --api-key-file") => sandbox.run_stored(&line),
        _ if line.starts_with("auth login") => sandbox.run_stored(&line.replace("-o json", "-o text")),
        _ => sandbox.run(&line),
    };
    for secret in *sent {
        for stream in [&ran.stdout, &ran.stderr] {
            let shown = leaked(stream, secret);
            assert_eq!(shown, None, "{answer:?} {name}: {secret} in {line}: {stream}");
        }
    }
    nothing_is_written(&sandbox, name);
}

/// A home with a value, a key and a login to push, and a vault that already has entries.
fn populated_sandbox() -> Sandbox {
    let sandbox = Sandbox::new();
    let login = json!({ "claudeAiOauth": {
        "accessToken": ACCESS, "refreshToken": REFRESH,
        "expiresAt": 32_503_680_000_000_u64, "scopes": ["user:inference"],
    }});
    for (file, content) in [
        ("x.env", format!("HELD='{VALUE}'\n")),
        ("key", KEY.to_owned()),
        ("login", login.to_string()),
        (".codex/auth.json", json!({ "OPENAI_API_KEY": KEY }).to_string()),
        ("config.toml", "[env]\nHELD = { secret = \"HELD\" }\n".to_owned()),
    ] {
        sandbox.write(file, content);
    }
    sandbox.vault.seed_with_id("held", "HELD", "old", "org");
    sandbox
        .vault
        .seed_credential_with_id("cred_0002", "claude", "Old", "api_key", "user", OLD);
    sandbox
}

/// Checks that only the prepared files and the state directory contain a value.
fn nothing_is_written(sandbox: &Sandbox, name: &str) {
    const OURS: [&str; 5] = ["x.env", "key", "login", ".codex", "amika"];
    for path in sandbox.files() {
        let ours = |part: std::path::Component| OURS.iter().any(|own| part.as_os_str() == *own);
        if !path.strip_prefix(sandbox.home()).unwrap().components().any(ours) {
            let text = String::from_utf8_lossy(&fs::read(&path).unwrap()).into_owned();
            for secret in [VALUE, KEY, OLD, ACCESS, REFRESH] {
                assert_eq!(leaked(&text, secret), None, "{name}: {}", path.display());
            }
        }
    }
}

/// R75, R113: no part of a value is shown where a server's text is truncated.
#[test]
fn a_text_cut_inside_a_value_shows_no_part_of_it() {
    for before in (240..=300).step_by(4) {
        // The raw key at every length, and each of its encodings at a third of them.
        let count = if before % 12 == 0 { usize::MAX } else { 1 };
        for (name, encoded) in encodings(KEY).into_iter().take(count) {
            let sandbox = Sandbox::new();
            sandbox.write("key", KEY);
            let message = format!("{}{encoded}", ". ".repeat(before / 2));
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
        }
    }
}

/// R18, R102: the command line of a running push contains no value from its files.
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

#[test]
fn the_encodings_match_the_standards() {
    let of = |name: &str, value: &str| {
        let mut all = encodings(value).into_iter();
        all.find(|(own, _)| *own == name)
            .map(|(_, encoded)| encoded)
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
fn the_search_finds_part_of_a_value() {
    let value = "0123456789abcdef+/\"0123";
    for (name, encoded) in encodings(value) {
        let start: String = encoded
            .chars()
            .skip(3)
            .take(encoded.chars().count() * 3 / 4)
            .collect();
        assert!(leaked(&format!("echoed {start}"), value).is_some(), "{name}");
    }
    assert_eq!(leaked("echoed nothing of 0123456789", value), None);
}
