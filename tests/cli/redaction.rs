//! Redaction of secrets that a server echoes: R76, R113, R115.

use serde_json::json;

use crate::sandbox::{Ran, Sandbox, ran};
use crate::support::faults::Fault;
use crate::support::idp::TOKEN_MARK;
use crate::support::vault::API_KEY;

const SECRET: &str = "pä/ss w0rd+\"&'%<tail>";

fn written(bytes: impl IntoIterator<Item = u8>, write: impl Fn(u8) -> String) -> String {
    bytes.into_iter().map(write).collect()
}

/// Six encodings of the value.
fn encodings() -> [String; 6] {
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
    ] {
        let run = sandbox.run_stored(&line).exits(code);
        shows_none(&run, key);
        run.stderr_contains("(not shown, because it may be a secret)");
    }
}

fn shows_none(run: &Ran, encoding: &str) {
    for stream in [&run.stdout, &run.stderr] {
        assert!(!stream.contains(encoding), "{encoding:?} in {stream}");
        assert!(!stream.contains("tail>"), "{stream}");
    }
}

/// R113: no encoding of a value that a server echoes in a refusal is shown.
#[test]
fn a_refusal_that_echoes_the_value_is_redacted() {
    for encoding in encodings() {
        for output in ["text", "json"] {
            let sandbox = Sandbox::new();
            let body = json!({ "error_code": "bad", "message": format!("bad value {encoding}!") });
            sandbox.vault.fault(
                Fault::on("POST", "/secrets")
                    .json(400, &body.to_string())
                    .header("x-trace-id", "trace-1"),
            );
            let run = push(&sandbox, output).exits(1);
            shows_none(&run, &encoding);
            let text = format!("{}{}", run.stdout, run.stderr);
            assert!(text.contains("bad value [redacted]!"), "{encoding}: {text}");
        }
    }
}

/// R113: ids, names, times and trace ids of a server are redacted, and so are the paths of `-v`.
#[test]
fn ids_names_times_and_trace_ids_are_redacted() {
    let key_hex = written(API_KEY.bytes(), |byte| format!("{byte:02x}"));
    for encoding in [API_KEY, &key_hex] {
        for output in ["text", "json"] {
            let sandbox = Sandbox::new();
            let summary = json!({
                "id": format!("id-{encoding}"), "name": format!("n-{encoding}"), "scope": "user",
                "type": encoding, "description": encoding, "updated_at": encoding, "trace_id": encoding,
            });
            for path in ["/secrets", "/secrets/claude"] {
                let list = json!([summary]).to_string();
                let fault = Fault::on("GET", path).json(200, &list);
                sandbox.vault.fault(fault.header("x-trace-id", encoding).always());
            }
            for line in ["secret list", "secret claude list"] {
                let run = sandbox.run(&format!("{line} -vv -o {output}")).exits(0);
                let text = format!("{}{}", run.stdout, run.stderr);
                assert!(!text.contains(encoding), "{line}: {text}");
                assert!(text.contains("[redacted]"), "{line}: {text}");
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

/// R113: the tokens of a login are still redacted after a refresh, in messages of the API and of the
/// provider; the names of the provider's parameters are not.
#[test]
fn old_and_new_tokens_are_redacted() {
    let sandbox = Sandbox::new();
    let old_refresh_token = sandbox.log_in(-10);
    let old_access_token = sandbox.session()["access_token"].as_str().unwrap().to_owned();
    let body = json!({ "message": format!("{old_refresh_token} {old_access_token} end") });
    sandbox
        .vault
        .fault(Fault::on("GET", "/secrets").json(400, &body.to_string()));
    let run = sandbox.run_stored("secret list").exits(1);
    assert!(!run.stderr.contains(TOKEN_MARK));
    assert!(run.stderr.contains("[redacted] [redacted] end"), "{}", run.stderr);

    let sandbox = Sandbox::new();
    let refresh_token = sandbox.log_in(-10);
    let access_token = sandbox.session()["access_token"].as_str().unwrap().to_owned();
    let words = format!("refresh_token {refresh_token} of {access_token} is bad");
    let body = json!({ "error": "invalid_request", "error_description": words });
    sandbox
        .vault
        .fault(Fault::on("POST", "/user_management/authenticate").json(400, &body.to_string()));
    let run = sandbox.run_stored("secret list").exits(6);
    assert!(
        run.stderr
            .contains("refresh_token [redacted] of [redacted] is bad"),
        "{}",
        run.stderr
    );
}

/// R113: the tokens inside a login are redacted, and those of MCP servers stored with it.
#[test]
fn every_secret_inside_a_login_is_redacted() {
    let sandbox = Sandbox::new();
    let login = json!({
        "claudeAiOauth": {
            "accessToken": "sk-ant-oat01-access", "refreshToken": "sk-ant-ort01-refresh",
            "expiresAt": 32_503_680_000_000_i64, "scopes": ["user:inference"],
        },
        "mcpOAuth": { "github|0a1b": { "accessToken": "gho-access", "client": { "secret": "gho-client" } } },
    });
    sandbox.write(".claude/.credentials.json", login.to_string());
    let body = json!({
        "message": "sk-ant-oat01-access sk-ant-ort01-refresh gho-access gho-client end",
    });
    sandbox
        .vault
        .fault(Fault::on("POST", "/secrets/claude").json(400, &body.to_string()));
    sandbox
        .run("secret claude push --type oauth")
        .exits(1)
        .stderr_contains("[redacted] [redacted] [redacted] [redacted] end");
}

/// R115: only the start of a large error is read and searched, and its message is still shown.
#[test]
fn a_large_refusal_is_redacted_quickly() {
    let sandbox = Sandbox::new();
    let body = json!({ "message": format!("bad {SECRET} {}", "x".repeat(4 * 1024 * 1024)) });
    let fault = Fault::on("POST", "/secrets").json(400, &body.to_string());
    sandbox.vault.fault(fault.always());
    let lines = (0..200).map(|n| format!("N{n}={SECRET}{n}"));
    let lines = lines.collect::<Vec<_>>().join("\n");
    let run = sandbox.run_with("secret push --from-file - --yes --env-format docker", &lines);
    assert_eq!(run.code, 1, "{}", run.stderr);
    assert!(run.stdout.contains("bad "), "{}", run.stdout);
    assert!(run.stdout.len() < 200 * 500, "{}", run.stdout.len());
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
