use proptest::prelude::*;

use super::*;

/// Whether a text in the response to a request with this value and name is shown.
fn is_shown(text: &str, value: &str, name: &str) -> bool {
    let value = SecretValue::new(value.to_owned());
    let carried = Carried { value: &value, name };
    let shown = KnownSecrets::default().show(text, Some(carried));
    assert!(shown == text || shown == WITHHELD, "{shown}");
    shown == text
}

/// Whether a text in the response to another request is shown.
fn is_shown_elsewhere(text: &str, values: &[&str]) -> bool {
    let known = KnownSecrets::default();
    for value in values {
        known.add_value(&SecretValue::new((*value).to_owned()));
    }
    known.show(text, None) == text
}

fn written(bytes: &[u8], write: impl Fn(u8) -> String) -> String {
    bytes.iter().map(|byte| write(*byte)).collect()
}

/// Base64 by its definition in RFC 4648, with the last two characters of the alphabet.
fn base64(bytes: &[u8], last: [char; 2]) -> String {
    let alphabet: Vec<char> = ('A'..='Z')
        .chain('a'..='z')
        .chain('0'..='9')
        .chain(last)
        .collect();
    let bits: String = written(bytes, |byte| format!("{byte:08b}"));
    let digits = bits.as_bytes().chunks(6).map(|six| {
        let padded = format!("{:0<6}", std::str::from_utf8(six).unwrap());
        alphabet[usize::from_str_radix(&padded, 2).unwrap()]
    });
    digits.collect()
}

fn cut(text: &str, length: usize) -> String {
    text.chars().take(length).collect()
}

fn wrapped(text: &str, width: usize, between: &str) -> String {
    let characters: Vec<char> = text.chars().collect();
    let lines = characters
        .chunks(width)
        .map(|line| line.iter().collect::<String>());
    lines.collect::<Vec<_>>().join(between)
}

/// The value as servers, proxies and validators write it.
fn echoes(value: &str) -> Vec<String> {
    let bytes = value.as_bytes();
    let is_plain = |c: char| c.is_ascii_alphanumeric();
    let of_characters = |write: &dyn Fn(char) -> String| value.chars().map(write).collect::<String>();
    let utf16 = |c: char| {
        let units: Vec<_> = c
            .to_string()
            .encode_utf16()
            .map(|unit| format!("\\u{unit:04X}"))
            .collect();
        units.concat()
    };
    let quoted = format!("{value:?}");
    let json = serde_json::Value::from(value).to_string();
    vec![
        format!("bad value {value}!"),
        format!("value '{}' is not allowed", value.to_uppercase()),
        wrapped(value, 5, "\n"),
        wrapped(value, 7, "\r\n      | "),
        wrapped(value, 3, " "),
        value.replace('\n', "\r\n"),
        value.replace('\n', ""),
        value.replace('\n', "\\n"),
        format!("{}...", cut(value, 64)),
        format!("\u{1b}[31m{value}\u{1b}[0m"),
        written(bytes, |byte| format!("{byte:02x}")),
        written(bytes, |byte| format!("{byte:02X}:")),
        written(bytes, |byte| format!("0x{byte:02x}, ")),
        written(bytes, |byte| format!("\\x{byte:02x}")),
        written(bytes, |byte| format!("{byte},")),
        written(bytes, |byte| format!("%{byte:02X}")),
        written(bytes, |byte| match byte {
            b' ' => "+".to_owned(),
            byte if byte.is_ascii_alphanumeric() => char::from(byte).to_string(),
            byte => format!("%{byte:02x}"),
        }),
        written(bytes, |byte| match byte {
            b'!'..=b'~' if byte != b'=' => char::from(byte).to_string(),
            byte => format!("={byte:02X}"),
        }),
        of_characters(&|c| format!("&#{};", u32::from(c))),
        of_characters(&|c| format!("&#x{:x};", u32::from(c))),
        of_characters(&|c| {
            if is_plain(c) {
                c.to_string()
            } else {
                format!("&#{};", u32::from(c))
            }
        }),
        value
            .replace('&', "&amp;")
            .replace('<', "&lt;")
            .replace('"', "&quot;")
            .replace('ä', "&auml;"),
        of_characters(&utf16),
        of_characters(&|c| if is_plain(c) { c.to_string() } else { utf16(c) }),
        of_characters(&|c| format!("\\u{{{:x}}}", u32::from(c))),
        json.clone(),
        quoted,
        serde_json::Value::from(json).to_string(),
        base64(bytes, ['+', '/']),
        base64(bytes, ['-', '_']),
        wrapped(&base64(bytes, ['+', '/']), 16, "\r\n "),
        base64(&[b"x", bytes].concat(), ['+', '/']),
        base64(&[b"ab", bytes, b"tail"].concat(), ['-', '_']),
        cut(&base64(bytes, ['+', '/']), 56),
    ]
}

const PEM: &str = "-----BEGIN PRIVATE KEY-----\nMIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgPSyh4KnmhsJ8tBaq\n\
    kk1PZ6cU7V0dWm9vYyB1bHRyYSBzZWNyZXQgYnl0ZXMgaGVyZSBhbmQgdGhlcmUh\nq8Zr1xTn\n-----END PRIVATE KEY-----\n";

/// The values of the tests with long echoes.
const VALUES: [&str; 8] = [
    "pä/ss w0rd+\"&'%<tail>\\ of \n two long lines and more",
    "postgres://dana:S3cr3t%2Fpass+word@db.example.com:5432/app?sslmode=require",
    "sk-ant-api03-Zq8_kT2mWx-R5vYb7Nc3Lp9Jd1Hf6Gs4Aa0Ee",
    "wJalrXUtnFEMI/K7MDENG/bPxRfiCYzzzzzzzKEY",
    "$2b$12$R9h/cIPz0gi.URNNX3kh2OPST9/PgBkqquzi.Ss7KIUgO2t0jWMUW",
    "correct horse battery staple",
    "пароль-очень-длинный-42",
    PEM,
];

/// R76, R113: no echo of a value is shown, whatever its encoder did.
#[test]
fn no_echo_of_a_value_is_shown() {
    for value in VALUES {
        for echo in echoes(value) {
            assert!(!is_shown(&echo, value, "NAME"), "{value}: {echo}");
            assert!(!is_shown_elsewhere(&echo, &["other", value]), "{value}: {echo}");
        }
    }
    for line in PEM
        .lines()
        .filter(|line| !line.starts_with("-----"))
        .filter(|line| line.len() > 8)
    {
        assert!(
            !is_shown(&format!("line {line:?} is too long"), PEM, "NAME"),
            "{line}"
        );
    }
    let ends = "it begins with 'sk-ant-api03-Zq8_kT2mWx' and ends with 's4Aa0Ee'";
    assert!(!is_shown(ends, VALUES[2], "NAME"));
}

proptest! {
    /// R76, R113: as above, for any value.
    #[test]
    fn no_echo_of_any_value_is_shown(value in "[ -~äß€]{0,9}[a-zA-Z0-9]{20}[ -~\n]{0,30}") {
        prop_assume!(!value.contains("://") && !value.contains("-----"));
        for echo in echoes(&value) {
            prop_assert!(!is_shown(&echo, &value, "NAME"), "{}", echo);
        }
    }

    /// R113: any part of eight letters and digits of the request's own value is found, of sixteen of
    /// another value, and nothing in a text that shares clearly less.
    #[test]
    fn a_run_is_found_wherever_it_is(
        value in "[a-m0-4]{40}",
        around in "[N-Z5-9 .:]{0,30}",
        start in 0_usize..24,
        between in "[-_ /.\n]{0,3}",
    ) {
        let echo = |length: usize| {
            let part: Vec<String> = value[start..start + length].chars().map(String::from).collect();
            format!("{around}{}{around}", part.join(&between))
        };
        prop_assert!(is_shown(&echo(7), &value, "NAME"));
        prop_assert!(!is_shown(&echo(8), &value, "NAME"));
        prop_assert!(is_shown_elsewhere(&echo(11), &[&value]));
        prop_assert!(!is_shown_elsewhere(&echo(16), &[&value]));
    }

    #[test]
    fn any_text_and_value_are_compared_without_panic(text in any::<String>(), value in any::<String>()) {
        is_shown(&text, &value, &text);
        is_shown_elsewhere(&text, &[&value]);
        is_shown(&format!("\\u{text}\\u{{{text}&#{text};&{text}%{text}={text}"), &value, "");
    }
}

/// R113: short secrets with letter and digit are found as a whole word only.
#[test]
fn a_short_secret_is_a_whole_word() {
    for (text, value, shown) in [
        ("value hunter2 is too short", "hunter2", false),
        ("value 'h-2.x' is too short", "h-2.x!9", true),
        ("value 'H-2.X!9' is too short", "h-2.x!9", false),
        ("hunter22 is not known", "hunter2", true),
        ("the user is disabled", "user", true),
        ("status 5432 of x7", "5432", true),
        ("status 5432 of x7", "x7", true),
        (
            "use postgres://app:p4ss@db.example.com",
            "postgres://app:p4ss@db.example.com",
            false,
        ),
        (
            "the password p4ss is weak",
            "postgres://app:p4ss@db.example.com",
            false,
        ),
    ] {
        assert_eq!(is_shown(text, value, "NAME"), shown, "{text}: {value}");
    }
    assert!(!is_shown_elsewhere(
        "it is set to hunter2hunter",
        &["hunter2hunter"]
    ));
    assert!(is_shown_elsewhere(
        "the database is unavailable",
        &["database", "unavailable"]
    ));
}

/// R113: what is public is no part of a secret.
#[test]
fn public_parts_of_a_secret_are_shown() {
    let login = r#"{"claudeAiOauth":{"accessToken":"sk-ant-oat01-Zq8kT2mWxR5vYb7Nc3Lp9J","scopes":["user:inference"],
        "subscriptionType":"max","rateLimitTier":"default_claude"}}"#;
    for (text, value, name, shown) in [
        (
            "keys begin with sk-ant-api03-",
            "sk-ant-api03-Zq8kT2mWxR5vYb7N",
            "A",
            true,
        ),
        (
            "claudeAiOauth.accessToken: user:inference is missing",
            login,
            "A",
            true,
        ),
        ("claudeAiOauth.rateLimitTier is unknown", login, "A", true),
        ("sk-ant-oat01-Zq8kT2mWx… was revoked", login, "A", false),
        (
            "cannot reach postgres://db.example.com:5432",
            "postgres://u:S3cr3tpw@db.example.com:5432/app",
            "A",
            true,
        ),
        ("-----BEGIN PRIVATE KEY----- is expected", PEM, "A", true),
        (
            "DATABASE_URL is a reserved name",
            "see DATABASE_URL of staging",
            "DATABASE_URL",
            true,
        ),
        (
            "DATABASE_URL is a reserved name",
            "see DATABASE_URL of staging",
            "A",
            false,
        ),
        (
            "see DATABASE_URL of staging",
            "see DATABASE_URL of staging",
            "DATABASE_URL",
            false,
        ),
    ] {
        assert_eq!(is_shown(text, value, name), shown, "{text}: {value}");
    }
}

/// R113: the credential is part of every request.
#[test]
fn a_credential_is_withheld_from_every_text() {
    let known = KnownSecrets::default();
    known.add(&SecretValue::new("amk_live_5f1c0a7e9b3d4c2f8a6e".to_owned()));
    for (text, shown) in [
        ("keys begin with amk_live_ or amk_test_", true),
        ("key 5f1c-0a7e is not known", false),
        ("key b3d4c2f8… is not known", false),
        ("NWYxYzBhN2U5YjNk", false),
    ] {
        assert_eq!(known.show(text, None) == text, shown, "{text}");
    }
}

/// R75, R115: only the start of a text is shown, on one line, and only that part is compared.
#[test]
fn a_line_is_cut_and_escaped() {
    let value = SecretValue::new("Zq8kT2mWxR5vYb7Nc3Lp9J".to_owned());
    let carried = Carried {
        value: &value,
        name: "A",
    };
    let known = KnownSecrets::default();
    let line = known.show_line(
        &format!("a \n\t b\u{1b} {}{}", "x".repeat(400), value.expose_secret()),
        Some(carried),
    );
    assert!(
        line.starts_with("a b\\u{1b} xxx") && line.ends_with("xx…"),
        "{line}"
    );
    assert_eq!(line.chars().count(), 300);
    let line = known.show_line(
        &format!("{}{}", "x".repeat(280), value.expose_secret()),
        Some(carried),
    );
    assert_eq!(line, WITHHELD);
}

/// R115: with many values, time and memory are linear: nothing is compared with a text but the text.
#[test]
fn many_values_are_known_in_bounded_memory() {
    let known = KnownSecrets::default();
    let values: Vec<_> = (0..100_000)
        .map(|n| format!("{n:06}-common-words-{n:06}"))
        .collect();
    for value in &values {
        known.add_value(&SecretValue::new(value.clone()));
    }
    for n in 0..2000 {
        let text = format!("request {n} failed in {n} ms");
        assert_eq!(known.show(&text, None), text);
    }
    assert_eq!(known.show(&values[70_000], None), WITHHELD);
    let size: usize = values.iter().map(String::len).sum();
    assert!(known.lock().hashes.len() < 2 * size && known.lock().new_values.is_empty());
}

/// R113: usual messages are shown, whatever the value.
#[test]
fn usual_messages_are_shown() {
    let messages: Vec<_> = include_str!("usual_messages.txt").lines().collect();
    let values: Vec<_> = include_str!("usual_values.txt").lines().collect();
    assert_eq!((messages.len(), values.len()), (60, 60));
    let pairs = messages
        .iter()
        .flat_map(|message| values.iter().map(move |value| (*message, *value)));
    // A PEM has its line breaks as `\n` there.
    let unescaped = |value: &str| {
        if value.starts_with("-----") {
            value.replace("\\n", "\n")
        } else {
            value.to_owned()
        }
    };
    let withheld: Vec<_> = pairs
        .filter(|(message, value)| !is_shown(message, &unescaped(value), "DATABASE_URL"))
        .collect();
    assert!(withheld.len() <= 72, "{}: {withheld:#?}", withheld.len());
    let known = KnownSecrets::default();
    for value in &values {
        known.add_value(&SecretValue::new(unescaped(value)));
    }
    let elsewhere = messages
        .iter()
        .filter(|message| known.show(message, None) == WITHHELD);
    assert!(elsewhere.count() <= 1);
    let is_about_login = |message: &str| {
        ["login", "log in", "token", "OAuth", "session", "credential"]
            .iter()
            .any(|word| message.contains(word))
    };
    let about_logins: Vec<_> = withheld
        .iter()
        .filter(|(message, _)| is_about_login(message))
        .collect();
    assert!(about_logins.is_empty(), "{about_logins:#?}");
    assert!(messages.iter().filter(|message| is_about_login(message)).count() >= 20);
}
