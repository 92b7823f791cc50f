//! Answers to commands and options that people know from other programs, or from earlier clients.

use clap::Command;

use crate::error::Error;

/// The names that other programs have for a command.
const SYNONYMS: &[(&str, &[&str])] = &[
    (
        "push",
        &["set", "add", "create", "put", "import", "new", "update", "upload"],
    ),
    ("delete", &["remove", "del", "unset"]),
    ("extract", &["scan", "discover", "find"]),
    ("edit", &["rename", "mv", "describe"]),
    ("login", &["signin"]),
    ("logout", &["signout"]),
    ("status", &["whoami"]),
];
const READ: &[&str] = &["get", "show", "read", "cat", "reveal", "view"];
const SANDBOXES: &[&str] = &["sandbox", "sandboxes", "scp", "ssh", "ssh-key", "ssh-keys"];

/// The end of a command's full name, options of other programs, and the hint, in which `{}` stands for the
/// full name. The first entry that matches is used.
const OPTIONS: &[(&str, &[&str], &str)] = &[
    ("", &["--version", "-V"], "use `amika version`"),
    ("", &["--json"], "use '-o json'"),
    ("", &["--org"], "use '--scope org'"),
    (
        "",
        &["--with-token"],
        "use `amika auth login --api-key-file -`, which reads a key from standard input",
    ),
    ("auth login", &["-f", "--file"], "use `{} --api-key-file FILE`"),
    (
        "push",
        &["-f", "--file", "--env-file"],
        "use `{} --from-file FILE`",
    ),
    (
        "secret push",
        &["--force", "--overwrite"],
        "a push replaces what is stored; --yes skips the question",
    ),
    ("push", &["--overwrite"], "use `{} --force`"),
    ("secret push", &["--skip-existing"], "use `{} --if-missing`"),
    (
        "secret push",
        &["--type", "--new-login", "--setup-token"],
        "use `amika secret claude push` or `amika secret codex push`, which store a tool's login",
    ),
    (
        "secret push",
        &["--body", "--value"],
        "`{} NAME` asks for the value, `{} NAME --yes < FILE` reads it, and NAME=VALUE is seen by other processes",
    ),
    ("push", &["--body"], "use `{} --value - < FILE`"),
    (
        "delete",
        &["-f", "--force"],
        "use `{} --yes`, which skips the question",
    ),
];

/// The answer to an unknown command or option `word` of `command`.
pub(super) fn answer(root: &Command, command: &Command, word: &str) -> Option<Error> {
    let path = command.get_bin_name().unwrap_or("amika");
    let (kind, hint) = if word.starts_with('-') {
        let mut options = OPTIONS.iter();
        let (_, _, hint) = options.find(|(end, words, _)| path.ends_with(end) && words.contains(&word))?;
        ("option", hint.replace("{}", path))
    } else {
        ("command", command_hint(root, command, word)?)
    };
    Some(Error::usage(format!("`{path}` has no {kind} {word}")).hint(hint))
}

/// The command that is meant: below this one, or else below `secret` or `auth`. One that changes
/// something is named only directly after `amika`: `auth rm` may mean the login, `claude logout` that of Claude.
fn command_hint(root: &Command, command: &Command, word: &str) -> Option<String> {
    if SANDBOXES.contains(&word) {
        let hint =
            "sandboxes, their files and SSH keys are not part of this client; it stores secrets for them";
        return Some(hint.to_owned());
    }
    let is_read = READ.contains(&word);
    let synonym = SYNONYMS.iter().find(|(_, words)| words.contains(&word));
    let name = if is_read {
        "list"
    } else {
        synonym.map_or(word, |(name, _)| name)
    };
    let below = |place: &Command| place.find_subcommand(name).cloned();
    let elsewhere = ["secret", "auth"]
        .into_iter()
        .filter_map(|group| below(root.find_subcommand(group)?));
    let is_safe = |found: &Command| matches!(found.get_name(), "check" | "extract" | "list" | "status");
    let mut elsewhere = elsewhere.filter(|found| is_safe(found) || command.get_name() == root.get_name());
    let found = below(command).or_else(|| elsewhere.next())?;
    let path = found.get_bin_name()?;
    if is_read {
        return Some(format!(
            "no command prints a stored value; `{path}` shows what is stored"
        ));
    }
    // The name of the value, without its optional part: `NAME` of `NAME[=VALUE]`.
    let value = found
        .get_positionals()
        .next()
        .and_then(|value| value.get_value_names()?.first());
    let value = value
        .and_then(|value| value.split('[').next())
        .unwrap_or_default();
    Some(format!("use `{}`", format!("{path} {value}").trim_end()))
}
