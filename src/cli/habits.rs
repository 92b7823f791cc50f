//! Answers to commands and options that people know from other programs, or from earlier clients.

use crate::error::Error;

/// What to use here in place of some words.
struct Habit {
    /// The end of the command's full name, below which the words are tried; empty is any command.
    after: &'static str,
    words: &'static [&'static str],
    /// A hint, in which `{}` is the full name of the command.
    hint: &'static str,
}

const fn habit(after: &'static str, words: &'static [&'static str], hint: &'static str) -> Habit {
    Habit { after, words, hint }
}

const WRITE: &[&str] = &[
    "push", "set", "add", "create", "put", "import", "new", "update", "upload",
];
const READ: &[&str] = &["get", "show", "read", "cat", "reveal", "view"];
const REMOVE: &[&str] = &["delete", "rm", "remove", "del", "unset"];
const FIND: &[&str] = &["extract", "scan", "discover", "find"];
const NO_VALUES: &str = "no command prints a stored value; `amika secret list` shows the names, and `amika secret push NAME` replaces a value";

/// The first that matches answers.
const HABITS: &[Habit] = &[
    habit("amika", &["login", "signin"], "use `amika auth login`"),
    habit("amika", &["logout", "signout"], "use `amika auth logout`"),
    habit("amika", &["status", "whoami"], "use `amika auth status`"),
    habit("amika", WRITE, "use `amika secret push NAME`"),
    habit("amika", &["list", "ls"], "use `amika secret list`"),
    habit("amika", REMOVE, "use `amika secret delete NAME`"),
    habit("amika", &["check"], "use `amika secret check`"),
    habit("amika", FIND, "use `amika secret extract`"),
    habit("amika", &["claude"], "use `amika secret claude push`"),
    habit("amika", &["codex"], "use `amika secret codex push`"),
    habit(
        "amika",
        &["sandbox", "sandboxes", "scp", "ssh", "ssh-key", "ssh-keys"],
        "sandboxes, their files and SSH keys are not part of this client; it stores secrets for them",
    ),
    habit("auth", FIND, "use `amika secret extract`"),
    habit("auth", &["signin", "token"], "use `amika auth login`"),
    habit("auth", &["signout"], "use `amika auth logout`"),
    habit("auth", &["whoami", "show"], "use `amika auth status`"),
    habit("secret", WRITE, "use `amika secret push NAME`"),
    habit("secret", FIND, "use `amika secret extract`"),
    habit("secret", REMOVE, "use `amika secret delete NAME`"),
    habit(
        "secret",
        &["rename", "mv", "describe"],
        "use `amika secret edit NAME`",
    ),
    habit("claude", WRITE, "use `amika secret claude push`"),
    habit("codex", WRITE, "use `amika secret codex push`"),
    habit("claude", REMOVE, "use `amika secret claude delete ID`"),
    habit("codex", REMOVE, "use `amika secret codex delete ID`"),
    habit(
        "claude",
        READ,
        "no command prints a stored credential; `amika secret claude list` shows what is stored",
    ),
    habit(
        "codex",
        READ,
        "no command prints a stored credential; `amika secret codex list` shows what is stored",
    ),
    habit("", READ, NO_VALUES),
    habit("", &["--version", "-V"], "use `amika version`"),
    habit("", &["--json"], "use '-o json'"),
    habit("", &["--org"], "use '--scope org'"),
    habit(
        "",
        &["--with-token"],
        "use `amika auth login --api-key-file -`, which reads a key from standard input",
    ),
    habit("auth login", &["-f", "--file"], "use `{} --api-key-file FILE`"),
    habit(
        "push",
        &["-f", "--file", "--env-file"],
        "use `{} --from-file FILE`",
    ),
    habit(
        "secret push",
        &["--force", "--overwrite"],
        "a push replaces what is stored; --yes skips the question",
    ),
    habit(
        "secret push",
        &["--new-login"],
        "use `amika secret claude push --new-login` or `amika secret codex push --new-login`",
    ),
    habit(
        "secret push",
        &["--setup-token"],
        "use `amika secret claude push --setup-token`",
    ),
    habit("push", &["--overwrite"], "use `{} --force`"),
    habit("secret push", &["--skip-existing"], "use `{} --if-missing`"),
    habit(
        "secret push",
        &["--body", "--value"],
        "`{} NAME` asks for the value, `{} NAME --yes < FILE` reads it, and NAME=VALUE is seen by other processes",
    ),
    habit("push", &["--body"], "use `{} --value - < FILE`"),
    habit(
        "delete",
        &["-f", "--force"],
        "use `{} --yes`, which skips the question",
    ),
];

/// The answer to an unknown command or option `word` below the command with the full name `path`.
pub(super) fn answer(path: &str, word: &str) -> Option<Error> {
    let habit = HABITS
        .iter()
        .find(|habit| path.ends_with(habit.after) && habit.words.contains(&word))?;
    let kind = if word.starts_with('-') {
        "option"
    } else {
        "command"
    };
    let error = Error::usage(format!("`{path}` has no {kind} {word}"));
    Some(error.hint(habit.hint.replace("{}", path)))
}
