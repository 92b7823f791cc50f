//! Texts of a server that quote a secret: R76, R113, R115.

use serde_json::json;

use crate::sandbox::{Ran, Sandbox, ran};
use crate::support::faults::Fault;
use crate::support::idp::TOKEN_MARK;
use crate::support::vault::API_KEY;

const SECRET: &str = "pä/ss w0rd+\"&'%<tail>";
const WITHHELD: &str = "(withheld: it may quote a secret)";

fn written(bytes: impl IntoIterator<Item = u8>, write: impl Fn(u8) -> String) -> String {
    bytes.into_iter().map(write).collect()
}

/// The value in six encodings, and two parts of it.
fn echoes() -> [String; 8] {
    let form = written(SECRET.bytes(), |byte| match byte {
        b' ' => "+".to_owned(),
        byte if byte.is_ascii_alphanumeric() => char::from(byte).to_string(),
        byte => format!("%{byte:02x}"),
    });
    [
        SECRET.to_owned(),
        "\\u0070\\u00e4/ss w0rd\\u002b\\u0022&'%<tail\\u003e".to_owned(),
        written(SECRET.bytes(), |byte| format!("{byte:02X}")),
        form,
        SECRET
            .replace('&', "&amp;")
            .replace('<', "&lt;")
            .replace('>', "&gt;")
            .replace('"', "&quot;")
            .replace('ä', "&auml;"),
        // Base64 of the value, without padding.
        "cMOkL3NzIHcwcmQrIiYnJTx0YWlsPg".to_owned(),
        "w0rd+\"\n&'%<t\nail>".to_owned(),
        "ss W0RD +TA...".to_owned(),
    ]
}

fn push(sandbox: &Sandbox, output: &str) -> Ran {
    let mut command = sandbox.command([
        "secret",
        "push",
        "--from-env",
        "VALUE",
        "--yes",
        "-vvv",
        "-o",
        output,
    ]);
    ran(command.env("VALUE", SECRET).output().unwrap())
}

/// A secret in place of a file or a pattern is not shown.
#[test]
fn a_secret_in_the_place_of_another_argument_is_not_shown() {
    let sandbox = Sandbox::new();
    let key = "sk-ant-api03-AbCdEfGh0123456789";
    for (line, code) in [
        (format!("auth login --api-key-file {key}"), 4),
        (format!("secret push --from-file OPENAI_API_KEY={key} --yes"), 4),
        (format!("secret push --from-file {key} --yes"), 4),
        (format!("secret claude push --type api_key --from-file {key}"), 4),
        (format!("secret push --only A={key} X=1 --dry-run"), 4),
        (format!("secret extract --homedir {key}"), 4),
        (format!("secret check --file {key}"), 4),
        (format!("secret delete {key} --yes"), 0),
        (format!("secret delete --id {key} --yes"), 2),
        (format!("secret claude delete {key} --yes"), 2),
        (format!("secret claude delete --name {key} --yes"), 0),
        (format!("secret edit {key} --rename NEW"), 1),
        (format!("secret edit A --rename {key}"), 4),
        (format!("secret claude push --value x --name {key}"), 2),
    ] {
        // A key in the environment would make a login unnecessary.
        let is_login = line.starts_with("auth");
        let run = if is_login {
            sandbox.run_stored(&line)
        } else {
            sandbox.run(&line)
        };
        shows_none(&run.exits(code), key);
    }
}

fn shows_none(run: &Ran, echo: &str) {
    for stream in [&run.stdout, &run.stderr] {
        assert!(!stream.contains(echo), "{echo:?} in {stream}");
        assert!(!stream.contains("tail>"), "{stream}");
    }
}

/// R76, R113: a message that quotes the value is withheld whole; status, code and trace id stay.
#[test]
fn a_refusal_that_quotes_the_value_is_withheld() {
    for echo in echoes() {
        for output in ["text", "json"] {
            let sandbox = Sandbox::new();
            let body = json!({ "error_code": "bad_value", "message": format!("bad value {echo}!") });
            sandbox.vault.fault(
                Fault::on("POST", "/secrets")
                    .json(400, &body.to_string())
                    .header("x-trace-id", "trace-1"),
            );
            let run = push(&sandbox, output).exits(1);
            shows_none(&run, &echo);
            let text = format!("{}{}", run.stdout, run.stderr);
            assert!(
                text.contains(&format!("(400): bad_value: {WITHHELD}")),
                "{echo}: {text}"
            );
            assert!(
                text.contains("trace-1") && !text.contains("bad value"),
                "{echo}: {text}"
            );
        }
    }
    // A code and a trace id that quote it are withheld themselves.
    let sandbox = Sandbox::new();
    let body = json!({ "error_code": SECRET, "message": "the value is too short", "trace_id": SECRET });
    sandbox
        .vault
        .fault(Fault::on("POST", "/secrets").json(400, &body.to_string()));
    let run = push(&sandbox, "text").exits(1);
    shows_none(&run, SECRET);
    let text = format!("{}{}", run.stdout, run.stderr);
    assert!(text.contains("(400): the value is too short"), "{text}");
}

/// R113: ids, names, times and trace ids that quote the API key are withheld, and so are the paths of
/// `-v`.
#[test]
fn ids_names_times_and_trace_ids_are_withheld() {
    let key_hex = written(API_KEY.bytes(), |byte| format!("{byte:02x}"));
    for echo in [API_KEY, &key_hex, &API_KEY[8..20]] {
        for output in ["text", "json"] {
            let sandbox = Sandbox::new();
            let summary = json!({
                "id": format!("id-{echo}"), "name": format!("n-{echo}"), "scope": "user",
                "type": echo, "description": echo, "updated_at": echo, "trace_id": echo,
            });
            for path in ["/secrets", "/secrets/claude"] {
                let list = json!([summary]).to_string();
                let fault = Fault::on("GET", path).json(200, &list);
                sandbox.vault.fault(fault.header("x-trace-id", echo).always());
            }
            for line in ["secret list", "secret claude list"] {
                let run = sandbox.run(&format!("{line} -vv -o {output}")).exits(0);
                let text = format!("{}{}", run.stdout, run.stderr);
                assert!(!text.contains(echo), "{line}: {text}");
                assert!(text.contains("(withheld"), "{line}: {text}");
            }
        }
    }
    let sandbox = Sandbox::new();
    let list = json!([{ "id": format!("id-{API_KEY}"), "name": "VALUE", "scope": "user" }]);
    sandbox
        .vault
        .fault(Fault::on("GET", "/secrets").json(200, &list.to_string()));
    let run = push(&sandbox, "json");
    let text = format!("{}{}", run.stdout, run.stderr);
    assert!(!text.contains(API_KEY) && text.contains("PUT"), "{text}");
}

/// R113: messages that quote the tokens of a login are withheld after a refresh, too, whether the API
/// or the provider sends them; others are shown.
#[test]
fn old_and_new_tokens_are_withheld() {
    let sandbox = Sandbox::new();
    let old_refresh_token = sandbox.log_in(-10);
    let old_access_token = sandbox.session()["access_token"].as_str().unwrap().to_owned();
    for token in [&old_refresh_token, &old_access_token] {
        let body = json!({ "message": format!("{token} is bad") });
        sandbox
            .vault
            .fault(Fault::on("GET", "/secrets").json(400, &body.to_string()));
        let run = sandbox
            .run_stored("secret list")
            .exits(1)
            .stderr_contains(WITHHELD);
        assert!(!run.stderr.contains(TOKEN_MARK));
    }
    for (word, shown) in [
        (Some(&old_refresh_token), WITHHELD),
        (Some(&old_access_token), WITHHELD),
        (None, "(invalid_request): the grant is bad"),
    ] {
        let sandbox = Sandbox::new();
        let refresh_token = sandbox.log_in(-10);
        let access_token = sandbox.session()["access_token"].as_str().unwrap().to_owned();
        let word = word.map(|old| {
            if *old == old_access_token {
                access_token
            } else {
                refresh_token
            }
        });
        let words = format!(
            "the grant {}is bad",
            word.map_or_else(String::new, |word| word + " ")
        );
        let body = json!({ "error": "invalid_request", "error_description": words });
        sandbox
            .vault
            .fault(Fault::on("POST", "/user_management/authenticate").json(400, &body.to_string()));
        sandbox.run_stored("secret list").exits(6).stderr_contains(shown);
    }
}

/// R113: a message that quotes a token of a login is withheld, also one of an MCP server stored with it.
#[test]
fn every_secret_inside_a_login_is_withheld() {
    let tokens = [
        "Zq8kT2mWxR5vYb7N",
        "Kc3Lp9Jd1Hf6Gs4A",
        "gho-r7Xc2Vb9Nm4Kq1",
        "gho-Lw8Ht5Pz3Ju6Yd",
    ];
    let login = json!({
        "claudeAiOauth": {
            "accessToken": format!("sk-ant-oat01-{}", tokens[0]),
            "refreshToken": format!("sk-ant-ort01-{}", tokens[1]),
            "expiresAt": 32_503_680_000_000_i64, "scopes": ["user:inference"],
        },
        "mcpOAuth": { "github|0a1b": { "accessToken": tokens[2], "client": { "secret": tokens[3] } } },
    });
    for (message, shown) in [
        (tokens[0], WITHHELD),
        (tokens[1], WITHHELD),
        (tokens[2], WITHHELD),
        (tokens[3], WITHHELD),
        (
            "claudeAiOauth.accessToken needs user:inference",
            "accessToken needs user:inference",
        ),
    ] {
        let sandbox = Sandbox::new();
        sandbox.write(".claude/.credentials.json", login.to_string());
        let body = json!({ "message": message });
        sandbox
            .vault
            .fault(Fault::on("POST", "/secrets/claude").json(400, &body.to_string()));
        sandbox
            .run("secret claude push --type oauth")
            .exits(1)
            .stderr_contains(shown);
    }
}

/// R75, R115: only the start of a large message is compared and shown.
#[test]
fn a_large_refusal_is_shown_quickly() {
    let sandbox = Sandbox::new();
    let body = json!({ "message": format!("bad {} {SECRET}", "x".repeat(1024 * 1024)) });
    let fault = Fault::on("POST", "/secrets").json(400, &body.to_string());
    sandbox.vault.fault(fault.always());
    let lines = (0..50).map(|n| format!("N{n}={SECRET}{n}"));
    let lines = lines.collect::<Vec<_>>().join("\n");
    let run = sandbox.run_with("secret push --from-file - --yes --env-format docker", &lines);
    assert_eq!(run.code, 1, "{}", run.stderr);
    assert!(run.stdout.contains("bad "), "{}", run.stdout);
    assert!(run.stdout.len() < 50 * 500, "{}", run.stdout.len());
}

/// R119: a response with a status that HTTP does not define for final responses is not from the API.
#[test]
fn an_undefined_status_is_not_the_api() {
    for status in [600, 999] {
        let sandbox = Sandbox::new();
        sandbox
            .vault
            .fault(Fault::on("GET", "/secrets").json(status, "[]").always());
        sandbox
            .run("secret list")
            .exits(7)
            .stderr_contains(&status.to_string());
    }
}
