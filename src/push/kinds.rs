//! Values that are not a secret yet: references to a vault, ciphertext, placeholders, and tokens under a
//! name where they cannot work.

use crate::formats::{shell, token, words};
use crate::provider::PROVIDERS;

/// A kind of value that another program turns into a secret.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Unresolved {
    /// Completes `the value of A is …`.
    pub(crate) what: &'static str,
    /// The command that prints the secret of one value.
    read: &'static str,
    /// The command that prints the entries of a `FILE` with such values; empty if there is none.
    read_file: &'static str,
    starts: &'static [&'static str],
}

/// How whole values of each kind begin. `docs/recipes.md` has the same table.
const KINDS: &[Unresolved] = &[
    kind(
        "a reference to 1Password",
        &["op://", "{{ op://", "{{op://"],
        "op read REFERENCE",
    )
    .file("op inject -i FILE"),
    kind("a reference to Bitwarden", &["bw://"], "bw get password ITEM"),
    kind("a reference to AWS Secrets Manager", &["aws-sm://"], AWS),
    kind(
        "a reference to Google Secret Manager",
        &["gcp-sm://"],
        "gcloud secrets versions access latest --secret=ID",
    ),
    kind(
        "a reference to Infisical",
        &["infisical://"],
        "infisical secrets get NAME --plain --silent",
    )
    .file("infisical export --format=dotenv"),
    kind("a reference to HashiCorp Vault", &["vault://"], VAULT),
    kind(
        "ciphertext of HashiCorp Vault's transit engine",
        &["vault:v"],
        TRANSIT,
    ),
    kind("a reference to HashiCorp Vault", &["vault:"], VAULT),
    kind("a reference for vals", &["ref+"], "vals get REFERENCE"),
    kind("ciphertext of SOPS", &[SOPS], "sops -d FILE").file("sops -d --output-type dotenv FILE"),
    kind("ciphertext of dotenvx", &["encrypted:"], "dotenvx get NAME")
        .file("dotenvx decrypt --stdout -f FILE"),
    kind(
        "ciphertext of Ansible Vault",
        &["$ANSIBLE_VAULT;"],
        "ansible-vault view FILE",
    )
    .file("ansible-vault view FILE"),
    kind("a file that is encrypted with age", AGE, "age -d -i KEY FILE").file("age -d -i KEY FILE"),
    kind("a command to run", &["exec('", "exec(\""], "COMMAND").file("varlock load --format env"),
    kind("an expression of GitHub Actions", &["${{"], ""),
];
const SOPS: &str = "ENC[AES256_GCM,";
const AWS: &str = "aws secretsmanager get-secret-value --secret-id ID --query SecretString --output text";
const VAULT: &str = "vault kv get -field=KEY PATH";
const TRANSIT: &str = "vault write -field=plaintext transit/decrypt/KEY ciphertext=VALUE | base64 -d";
const AGE: &[&str] = &["age-encryption.org/v1", "-----BEGIN AGE ENCRYPTED FILE-----"];

const fn kind(what: &'static str, starts: &'static [&'static str], read: &'static str) -> Unresolved {
    Unresolved {
        what,
        starts,
        read,
        read_file: "",
    }
}

/// The kind of a whole value that is not a secret yet.
pub(crate) fn of(value: &str) -> Option<&'static Unresolved> {
    let value = value.trim();
    KINDS.iter().find(|kind| {
        let rest = kind.starts.iter().find_map(|start| value.strip_prefix(start));
        rest.is_some_and(|rest| kind.completes(rest))
    })
}

/// The kind of a whole file that has no entries before it is decrypted.
pub(crate) fn of_file(text: &str) -> Option<&'static Unresolved> {
    let start = text.trim_start();
    let is_whole = |kind: &&Unresolved| {
        kind.read == kind.read_file && kind.starts.iter().any(|prefix| start.starts_with(prefix))
    };
    // SOPS adds entries of its own to a `.env` file, and an object to JSON and YAML.
    let entries = || text.lines().filter(|line| line.starts_with("sops_"));
    let has_entries = || entries().count() > 1 && entries().any(|line| line.starts_with("sops_mac="));
    let has_object = || text.contains("\"sops\":") || text.contains("\nsops:");
    let is_sops =
        |kind: &&Unresolved| kind.starts == [SOPS] && (has_entries() || text.contains(SOPS) && has_object());
    KINDS.iter().find(|kind| is_whole(kind) || is_sops(kind))
}

impl Unresolved {
    const fn file(self, read_file: &'static str) -> Self {
        Self { read_file, ..self }
    }

    /// Whether `rest`, the text after the start, completes a value of this kind.
    fn completes(&self, rest: &str) -> bool {
        let is_word = |text: &str| !text.is_empty() && !text.contains(char::is_whitespace);
        let is_pair = |separator: &str| {
            let parts = rest.split_once(separator);
            parts.is_some_and(|(first, second)| is_word(first) && is_word(second))
        };
        match self.starts {
            // A path and a key, as in `vault:secret/data/app#KEY`.
            ["vault:"] => is_pair("#"),
            ["vault:v"] => rest.starts_with(|c: char| c.is_ascii_digit()) && is_pair(":"),
            ["ref+"] => is_pair("://"),
            ["encrypted:"] => {
                rest.len() >= 40
                    && rest
                        .bytes()
                        .all(|byte| byte.is_ascii_alphanumeric() || b"+/=".contains(&byte))
            }
            ["${{"] => rest.ends_with("}}"),
            _ => !rest.trim().is_empty(),
        }
    }

    /// How to push what such a value stands for. `command` reads it from standard input.
    pub(crate) fn hint(&self, command: &str) -> String {
        if self.read.is_empty() {
            return "only a workflow resolves it: set a variable with env: there, and use --from-env"
                .to_owned();
        }
        format!(
            "push what it stands for with `{} | {command}`{LITERAL}",
            self.read
        )
    }

    /// As [`hint`](Self::hint), for a whole file of such values.
    pub(crate) fn file_hint(&self, file: &str) -> String {
        let read = self.read_file.replace("FILE", file);
        format!("push what it stands for with `{read} | amika secret push --from-file - --yes`{LITERAL}")
    }
}

const LITERAL: &str = "; --literal pushes it as it is";

/// Why a value does not work as the secret of a name.
pub(crate) struct Misfit {
    /// The same for all values that one message is about.
    pub(crate) kind: &'static str,
    /// Completes `the value of A …`.
    pub(crate) what: String,
    /// What works instead, or `None` for a warning.
    pub(crate) hint: Option<String>,
}

/// Judges the value of a generic secret. `file` is the file of the value, if it has one, as a word of a
/// command.
pub(crate) fn judge(name: &str, value: &str, file: impl FnOnce() -> Option<String>) -> Option<Misfit> {
    let value = value.trim();
    let misfit = |kind, what, hint| Some(Misfit { kind, what, hint });
    if let Some(kind) = of(value) {
        let hint = match file().filter(|_| !kind.read_file.is_empty()) {
            Some(file) => kind.file_hint(&file),
            None => kind.hint(&format!("amika secret push {} --yes", shell::word(name))),
        };
        return misfit(kind.what, format!("is {}, not a secret", kind.what), Some(hint));
    }
    let mut providers = PROVIDERS.iter();
    let vendor = providers.find(|provider| provider.secret_names.contains(&name));
    if let (Some(vendor), Some(token)) = (vendor, token::recognise(value)) {
        let kind = token.description();
        if !token.is_api_key() {
            let hint = format!("push it so that it works with `{}`{LITERAL}", token.command());
            return misfit(kind, format!("is {kind}"), Some(hint));
        } else if token.provider() != vendor.id {
            return misfit(
                kind,
                format!("is {kind}, which only a gateway accepts there"),
                None,
            );
        }
    }
    if is_placeholder(value) {
        misfit("placeholder", "looks like a placeholder".to_owned(), None)
    } else {
        None
    }
}

const WHOLE: &str = "changeme,change_me,change-me,change this,todo,tbd,fixme,replaceme,replace_me,\
                     replace-me,placeholder,insert_here";

/// Whether a whole value is the text that an example file has in place of a secret.
pub(crate) fn is_placeholder(value: &str) -> bool {
    if value.len() > 80 || !value.is_ascii() {
        return false;
    }
    let text = value.to_ascii_lowercase();
    let is_word = |text: &str| {
        !text.is_empty()
            && text
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || b"_- .".contains(&b))
    };
    let frames = [
        ("your-", "-here"),
        ("your ", " here"),
        ("your_", ""),
        ("replace_with_", ""),
        ("<", ">"),
    ];
    let inside = |(start, end): (&str, &str)| text.strip_prefix(start)?.strip_suffix(end);
    // `sk-...`, `ghp_xxxxxxxx`, `xxxx-xxxx`
    let blanked = |text: &str| {
        let text = text.trim_matches(['-', '_']);
        text.len() >= 3
            && (text.bytes().all(|b| b == b'.') || text.bytes().all(|b| b == b'x' || b == b'-' || b == b'*'))
    };
    let after_prefix = text.rfind(['-', '_']).map_or("", |at| &text[at..]);
    WHOLE.split(',').any(|word| word == text)
        || frames.into_iter().filter_map(inside).any(is_word)
        || blanked(&text)
        || blanked(after_prefix) && words::key_prefixes().any(|prefix| value.starts_with(prefix))
}
