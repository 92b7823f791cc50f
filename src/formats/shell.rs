//! Quotes words of commands that a person copies into a shell.

use std::fmt::Write;
use std::path::Path;

use zeroize::Zeroizing;

use crate::formats::escape::is_hostile;

/// The shells whose quotes differ.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Shell {
    /// sh, bash, zsh, fish
    Posix,
    /// PowerShell
    #[value(name = "powershell")]
    PowerShell,
}

impl Shell {
    /// The shell of this system's terminals.
    const HERE: Self = if cfg!(windows) {
        Self::PowerShell
    } else {
        Self::Posix
    };

    /// Quotes `text` as one word.
    pub(crate) fn quoted(self, text: &str) -> Zeroizing<String> {
        let quote = match self {
            Self::Posix => r"'\''",
            Self::PowerShell => "''",
        };
        Zeroizing::new(format!("'{}'", text.replace('\'', quote)))
    }

    /// `text` as a word of a printed command, quoted only if this shell needs it.
    fn word(self, text: &str) -> String {
        let punctuation = match self {
            Self::Posix => "_-+./:@%,=",
            Self::PowerShell => "_-+./:\\=",
        };
        let is_plain = |c: char| c.is_alphanumeric() || punctuation.contains(c);
        // A backtick ends the command in a message.
        let is_spelled_out = |c| is_hostile(c) || c == '`';
        // `=x` is a path in zsh.
        if !text.is_empty() && !text.starts_with('=') && text.chars().all(is_plain) {
            text.to_owned()
        } else if self == Self::Posix && text.contains(is_spelled_out) {
            let mut word = String::from("$'");
            for c in text.chars() {
                match c {
                    '\'' | '\\' => word.extend(['\\', c]),
                    c if is_spelled_out(c) => {
                        for byte in c.encode_utf8(&mut [0; 4]).bytes() {
                            let _ = write!(word, "\\x{byte:02x}");
                        }
                    }
                    c => word.push(c),
                }
            }
            word + "'"
        } else if text.contains('`') {
            // PowerShell cannot spell it out in a word.
            format!("({})", self.quoted(text).replace('`', "' + [char]96 + '"))
        } else {
            self.quoted(text).to_string()
        }
    }

    fn path(self, path: &Path, home: Option<&Path>) -> String {
        let below_home = home.and_then(|home| path.strip_prefix(home).ok());
        match below_home.filter(|rest| !rest.as_os_str().is_empty()) {
            // `~` is expanded only outside of quotes.
            Some(rest) => format!("~/{}", self.word(&rest.to_string_lossy())),
            None => match path.to_string_lossy() {
                // A name that begins with `-` would be an option.
                option if option.starts_with('-') => self.word(&format!("./{option}")),
                path => self.word(&path),
            },
        }
    }
}

/// `text` as a word of a command, quoted only if the shell of this system needs it. What could control
/// a terminal is spelled out.
pub(crate) fn word(text: &str) -> String {
    Shell::HERE.word(text)
}

/// As [`word`], for a path, with `~` for the home directory if that is given.
pub(crate) fn path(path: &Path, home: Option<&Path>) -> String {
    Shell::HERE.path(path, home)
}

/// `command`, run with an environment variable.
pub(crate) fn with_variable(name: &str, value: &str, command: &str) -> String {
    match Shell::HERE {
        Shell::Posix => format!("{name}={} {command}", word(value)),
        Shell::PowerShell => format!("$env:{name} = {}; {command}", *Shell::PowerShell.quoted(value)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[cfg(unix)]
    const HOSTILE: &[&str] = &[
        "x; touch PWNED #",
        "$(touch PWNED)",
        "`touch PWNED`",
        "it's",
        "a b",
        "a\nb",
        "\u{1b}[2J\\",
        "\u{202e}gpj",
        "~root",
        "*",
        "-rf",
        "=ls",
        "!!",
        "a\"b",
        "",
        "grün & ☃",
        "{a,b}",
        "it's\r\\'",
    ];

    /// R155: every shell reads a quoted word as exactly the text, and nothing is run.
    #[cfg(unix)]
    #[test]
    fn a_quoted_word_is_read_as_the_text() {
        let run = |shell: &str, line: &str| {
            let output = std::process::Command::new(shell)
                .args(["-c", line])
                .current_dir(std::env::temp_dir())
                .output();
            output.map(|output| String::from_utf8(output.stdout).unwrap())
        };
        let mut tried = 0;
        for shell in ["bash", "zsh"] {
            for text in HOSTILE {
                let word = word(text);
                assert!(!word.contains(|c| is_hostile(c) || c == '`'), "{word}");
                if let Ok(read) = run(shell, &format!("printf '[%s]' {word}")) {
                    assert_eq!(read, format!("[{text}]"), "{shell}: {word}");
                    tried += 1;
                }
            }
        }
        assert!(tried >= HOSTILE.len(), "no shell was found");
    }

    #[test]
    fn only_what_needs_quotes_is_quoted() {
        assert_eq!(Shell::Posix.word("FROM=a-b_c.d/e:f@g%h"), "FROM=a-b_c.d/e:f@g%h");
        assert_eq!(Shell::Posix.word(r"C:\x"), r"'C:\x'");
        assert_eq!(Shell::PowerShell.word(r"C:\it's $x"), r"'C:\it''s $x'");
        assert_eq!(Shell::PowerShell.word(r"C:\x"), r"C:\x");
        assert_eq!(Shell::PowerShell.word("A,B"), "'A,B'");
        assert_eq!(Shell::PowerShell.word("a`b"), "('a' + [char]96 + 'b')");
        assert_eq!(*Shell::Posix.quoted("it's"), r"'it'\''s'");
    }

    #[test]
    fn paths() {
        let home = Some(Path::new("/home/me"));
        for (path, shown) in [
            ("/home/me/.env", "~/.env"),
            ("/home/me/my file", "~/'my file'"),
            ("/home/men/x", "/home/men/x"),
            ("/home/me", "/home/me"),
            ("--yes", "./--yes"),
            ("~/x", "'~/x'"),
        ] {
            assert_eq!(Shell::Posix.path(Path::new(path), home), shown);
        }
    }
}
