//! The command that was probably meant by an unknown word.

use crate::error::{Error, Result};

/// The command with this path, such as `["secret", "push"]`. Aliases count, hidden commands do not.
pub(crate) fn find<'a>(root: &'a clap::Command, words: &[String]) -> Result<&'a clap::Command> {
    words.iter().try_fold(root, |command, word| {
        let found = command.find_subcommand(word);
        found
            .filter(|found| !found.is_hide_set())
            .ok_or_else(|| unknown_command(command, word))
    })
}

/// Names the command that was probably meant.
pub(crate) fn unknown_command(parent: &clap::Command, word: &str) -> Error {
    let visible = parent.get_subcommands().filter(|command| !command.is_hide_set());
    let names: Vec<&str> = visible.map(clap::Command::get_name).collect();
    let other_words = OTHER_WORDS
        .iter()
        .filter(|other| other.parent == parent.get_name());
    let exact = other_words.clone().find(|other| other.words.contains(&word));
    let similar = || {
        let elsewhere = other_words
            .clone()
            .flat_map(|other| other.words.iter().map(move |word| (*word, other.meant)));
        let all = names.iter().map(|name| (*name, *name)).chain(elsewhere);
        all.map(|(name, meant)| (strsim::jaro_winkler(word, name), meant))
            .filter(|(similarity, _)| *similarity > 0.8)
            .max_by(|(a, _), (b, _)| a.total_cmp(b))
            .map(|(_, meant)| meant)
    };
    let meant = exact.map(|other| other.meant).or_else(similar);
    let unknown = format!("unknown command{}", quoted(word));
    let Some(meant) = meant else {
        return Error::usage(unknown).hint(format!("commands: {}", names.join(", ")));
    };
    let error = Error::usage(format!("{unknown}; did you mean \"{meant}\"?"));
    match exact.and_then(|other| other.note) {
        Some(note) => error.hint(note),
        None => error,
    }
}

/// Maximum length of a word that is repeated in an error, in characters.
const MAX_REPEATED: usize = 20;

/// ` "word"` if it is a plain word, a single letter or a small number, which cannot be a secret;
/// otherwise an empty text.
pub(crate) fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_ascii_lowercase() || matches!(c, '-' | '_');
    let is_word = word.len() <= MAX_REPEATED && word.chars().all(plain);
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
    note: Option<&'static str>,
}

const NOT_READABLE: Option<&str> =
    Some("the vault does not give values back; 'amika secret list' shows the names");

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
    OtherWords::new("amika", &["get", "show", "read", "cat"], "amika secret list").with(NOT_READABLE),
    OtherWords::new(
        "amika",
        &["delete", "rm", "remove", "unset"],
        "amika secret delete",
    ),
    OtherWords::new("amika", &["extract", "scan", "discover"], "amika secret extract"),
    OtherWords::new("amika", &["claude"], "amika secret claude"),
    OtherWords::new("amika", &["codex"], "amika secret codex"),
    OtherWords::new(
        "secret",
        &["set", "add", "create", "put", "import", "new", "update"],
        "push",
    ),
    OtherWords::new(
        "secret",
        &["get", "show", "read", "cat", "reveal", "view"],
        "list",
    )
    .with(NOT_READABLE),
    OtherWords::new("secret", &["remove", "del", "unset"], "delete"),
    OtherWords::new("secret", &["scan", "discover", "find"], "extract"),
    OtherWords::new("auth", &["signin", "token"], "login"),
    OtherWords::new("auth", &["signout"], "logout"),
    OtherWords::new("auth", &["whoami", "show"], "status"),
];

impl OtherWords {
    const fn new(parent: &'static str, words: &'static [&'static str], meant: &'static str) -> Self {
        Self {
            parent,
            words,
            meant,
            note: None,
        }
    }

    const fn with(self, note: Option<&'static str>) -> Self {
        Self { note, ..self }
    }
}
