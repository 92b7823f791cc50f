//! The command that was probably meant by an unknown word.

use crate::error::{Error, Result};
use crate::provider::Provider;

/// The command with this path, such as `["secret", "push"]`. Aliases count, hidden commands do not.
pub(crate) fn find<'a>(root: &'a clap::Command, words: &[String]) -> Result<&'a clap::Command> {
    words.iter().try_fold(root, |command, word| {
        let found = command.find_subcommand(word);
        found
            .filter(|found| !found.is_hide_set())
            .ok_or_else(|| unknown_command(command, word))
    })
}

/// Minimum similarity of a word and the one that is suggested for it, from 0 to 1.
const MIN_SIMILARITY: f64 = 0.8;

/// Whether one word may be a misspelling of the other.
pub(crate) fn is_similar(word: &str, other: &str) -> bool {
    strsim::jaro_winkler(word, other) > MIN_SIMILARITY
}

/// Names the command that was probably meant.
pub(crate) fn unknown_command(parent: &clap::Command, word: &str) -> Error {
    let visible = parent.get_subcommands().filter(|command| !command.is_hide_set());
    let names: Vec<&str> = visible.map(clap::Command::get_name).collect();
    let unknown = format!("unknown command{}", quoted(word));
    if names.is_empty() {
        let name = parent.get_bin_name().unwrap_or("amika");
        return Error::usage(format!("'{name}' has no commands")).hint(format!("see '{name} --help'"));
    }
    let level = match Provider::with_id(parent.get_name()) {
        Some(_) => ANY_PROVIDER,
        None => parent.get_name(),
    };
    let other_words = OTHER_WORDS.iter().filter(|other| other.parent == level);
    let exact = other_words.clone().find(|other| other.words.contains(&word));
    if let Some(instead) = exact.and_then(|other| other.instead) {
        return Error::usage(format!("{unknown}; no command prints a stored value")).hint(instead);
    }
    let similar = || {
        let elsewhere = other_words
            .clone()
            .flat_map(|other| other.words.iter().map(move |word| (*word, other.meant)));
        let all = names.iter().map(|name| (*name, *name)).chain(elsewhere);
        all.map(|(name, meant)| (strsim::jaro_winkler(word, name), meant))
            .filter(|(similarity, _)| *similarity > MIN_SIMILARITY)
            .max_by(|(a, _), (b, _)| a.total_cmp(b))
            .map(|(_, meant)| meant)
    };
    match exact.map(|other| other.meant).or_else(similar) {
        Some(meant) => Error::usage(format!("{unknown}; did you mean \"{meant}\"?")),
        None => Error::usage(unknown).hint(format!("commands: {}", names.join(", "))),
    }
}

/// Maximum length of a word, and of a name in capital letters, that is repeated in an error, in
/// characters.
const MAX_REPEATED: usize = 20;
const MAX_REPEATED_NAME: usize = 40;

/// ` "word"` if it is a plain word, a name in capital letters, a single letter or a small number, which
/// cannot be a secret; otherwise an empty text.
pub(crate) fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_ascii_lowercase() || matches!(c, '-' | '_');
    let capital = |c: char| c.is_ascii_uppercase() || c == '_';
    let is_word = (word.len() <= MAX_REPEATED && word.chars().all(plain))
        || (word.len() <= MAX_REPEATED_NAME && word.chars().all(capital));
    let is_letter = word.len() <= 2 && word.starts_with('-');
    let is_number = word.len() <= 5 && word.bytes().all(|byte| byte.is_ascii_digit());
    if !word.is_empty() && (is_word || is_letter || is_number) {
        format!(" \"{word}\"")
    } else {
        String::new()
    }
}

/// Words that people try, and the command that does what they mean.
struct OtherWords {
    /// The command below which the words are tried.
    parent: &'static str,
    words: &'static [&'static str],
    meant: &'static str,
    /// What to do instead, if there is no command for the words.
    instead: Option<&'static str>,
}

/// Stands for the command of any provider, such as `claude`.
const ANY_PROVIDER: &str = "provider";

const OTHER_WORDS: &[OtherWords] = &[
    OtherWords::new("amika", &["login", "signin"], "amika auth login"),
    OtherWords::new("amika", &["logout", "signout"], "amika auth logout"),
    OtherWords::new("amika", &["status", "whoami"], "amika auth status"),
    OtherWords::new(
        "amika",
        &["push", "set", "add", "create", "put", "import"],
        "amika secret push",
    ),
    OtherWords::new("amika", &["list", "ls"], "amika secret list"),
    OtherWords::new("amika", READ_WORDS, "amika secret list").instead(LIST_SECRETS),
    OtherWords::new(
        "amika",
        &["delete", "rm", "remove", "unset"],
        "amika secret delete",
    ),
    OtherWords::new("amika", &["check"], "amika secret check"),
    OtherWords::new("amika", &["extract", "scan", "discover"], "amika secret extract"),
    OtherWords::new("amika", &["claude"], "amika secret claude"),
    OtherWords::new("amika", &["codex"], "amika secret codex"),
    OtherWords::new("secret", WRITE_WORDS, "push"),
    OtherWords::new("secret", READ_WORDS, "list").instead(LIST_SECRETS),
    OtherWords::new("secret", &["remove", "del", "unset"], "delete"),
    OtherWords::new("secret", &["scan", "discover", "find"], "extract"),
    OtherWords::new(ANY_PROVIDER, WRITE_WORDS, "push"),
    OtherWords::new(ANY_PROVIDER, READ_WORDS, "list")
        .instead("the list command shows which credentials are stored"),
    OtherWords::new(ANY_PROVIDER, &["remove", "del", "unset"], "delete"),
    OtherWords::new("auth", &["signin", "token"], "login"),
    OtherWords::new("auth", &["signout"], "logout"),
    OtherWords::new("auth", &["whoami", "show"], "status"),
];

const WRITE_WORDS: &[&str] = &["set", "add", "create", "put", "import", "new", "update", "upload"];
const READ_WORDS: &[&str] = &["get", "show", "read", "cat", "reveal", "view"];
const LIST_SECRETS: &str = "'amika secret list' shows the names; 'amika secret push NAME' replaces a value";

impl OtherWords {
    const fn new(parent: &'static str, words: &'static [&'static str], meant: &'static str) -> Self {
        Self {
            parent,
            words,
            meant,
            instead: None,
        }
    }

    const fn instead(self, instead: &'static str) -> Self {
        Self {
            instead: Some(instead),
            ..self
        }
    }
}
