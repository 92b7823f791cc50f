//! `amika completions SHELL`: a script that lets the shell ask this program for completions.

use std::ffi::{OsStr, OsString};
use std::path::Path;

use clap::{Args, Command, ValueEnum};
use clap_complete::aot::Shell;
use clap_complete::engine::{CompletionCandidate, complete};
use clap_complete::env::Shells;

use crate::error::{Error, Kind, Result};
use crate::formats::escape::is_hostile;
use crate::system::env::Env;
use crate::ui::options::GlobalOptions;

/// The variable that the script sets to the shell's name to request completions.
const VARIABLE: &str = "AMIKA_COMPLETE";
/// The variable with the position of the word to complete; without it, that is the last one.
const INDEX: &str = "_CLAP_COMPLETE_INDEX";
const PROGRAM: &str = "amika";

#[derive(Debug, Args)]
pub(crate) struct CompletionsArgs {
    /// Shell to print the script for
    #[arg(value_enum, value_name = "SHELL")]
    pub(crate) shell: Shell,
}

/// Unlike the script of clap 4.6, this escapes blanks and completes `--from-file=x`, which bash splits.
const BASH: &str = r#"_amika() {
    local words=() count=0 joined= quoted= before= word i
    for ((i = 0; i <= COMP_CWORD; i++)); do
        word=${COMP_WORDS[i]}
        if ((count > 1)) && [[ $joined || $word == = ]]; then
            words[count - 1]+=$word
            joined=
            [[ $word == = ]] && joined=1
        else
            words[count++]=$word
        fi
    done
    word=${words[count - 1]}
    [[ $word == *[\"\']* ]] && quoted=1
    word=${word//[\\\"\']/}
    [[ $word == --*=* ]] && before=${word%%=*}=
    words[count - 1]=$word
    COMPREPLY=()
    while IFS= read -r word; do
        word=${word#"$before"}
        if [[ ! $quoted ]]; then
            case $word in
                "~/"*) printf -v word '~/%q' "${word#??}" ;;
                *) printf -v word %q "$word" ;;
            esac
        fi
        COMPREPLY+=("$word")
    done < <(_CLAP_COMPLETE_INDEX=$((count - 1)) AMIKA_COMPLETE=bash amika -- "${words[@]}" 2>/dev/null)
    if [[ ${#COMPREPLY[@]} == 1 && ${COMPREPLY[0]} == *[=/] ]]; then
        compopt -o nospace 2>/dev/null
    fi
}
complete -o nosort -F _amika amika 2>/dev/null || complete -F _amika amika"#;

/// Unlike the script of clap 4.6, this completes at the first TAB where it was loaded as a function from
/// a file of `fpath`, and waits for `compinit` where it was sourced before.
const ZSH: &str = r#"#compdef amika
_amika() {
    local -a found files others
    local item
    found=("${(@f)$(_CLAP_COMPLETE_INDEX=$((CURRENT - 1)) AMIKA_COMPLETE=zsh \
        amika -- "${(@Q)words[1,CURRENT]}" 2>/dev/null)}")
    for item in $found; do
        [[ -n $item ]] || continue
        if [[ ${item%%:*} == *[=/] ]]; then
            files+=("$item")
        else
            others+=("$item")
        fi
    done
    (($#files)) && _describe -V values files -S ''
    (($#others)) && _describe -V values others
}
_amika_register() {
    (($+functions[compdef])) || return 0
    compdef _amika amika
    add-zsh-hook -d precmd _amika_register
}
if [[ $funcstack[1] == _amika ]]; then
    _amika "$@"
else
    autoload -Uz add-zsh-hook
    add-zsh-hook precmd _amika_register
    _amika_register
fi"#;

/// A candidate as the script of this shell reads it, on one line.
fn line(shell: Shell, candidate: &CompletionCandidate) -> String {
    let value = candidate.get_value().to_string_lossy();
    let help = candidate.get_help().map(ToString::to_string).unwrap_or_default();
    match (shell, help.lines().next().unwrap_or_default()) {
        (Shell::Zsh, help) => {
            let [value, help] = [&value, help].map(|text| text.replace('\\', r"\\"));
            format!("{}:{help}", value.replace(':', r"\:"))
                .trim_end_matches(':')
                .to_owned()
        }
        (Shell::Bash | Shell::Elvish, _) | (_, "") => value.into_owned(),
        (_, help) => format!("{value}\t{help}"),
    }
}

/// The script for one shell.
pub(crate) fn script(shell: Shell) -> Result<String> {
    let failed = || Error::new(Kind::Output, "failed to write the completion script");
    match shell {
        Shell::Bash => return Ok(BASH.to_owned()),
        Shell::Zsh => return Ok(ZSH.to_owned()),
        _ => {}
    }
    let mut script = Vec::new();
    Shells::builtins()
        .completer(&shell.to_string())
        .ok_or_else(failed)?
        .write_registration(VARIABLE, PROGRAM, PROGRAM, PROGRAM, &mut script)
        .map_err(|error| failed().because(error))?;
    String::from_utf8(script).map_err(|error| failed().because(error))
}

/// The completions that a script requests, as lines; `None` if this is not its request.
pub(crate) fn answer(env: &Env, tree: fn() -> Command) -> Option<String> {
    let shell = env.variable(VARIABLE)?.to_str()?;
    let shell = Shell::from_str(shell, false).ok()?;
    let [_, separator, words @ ..] = &env.arguments[..] else {
        return None;
    };
    if separator != "--" {
        return None;
    }
    let index = env.variable(INDEX).and_then(|index| index.to_str()?.parse().ok());
    let index = index.unwrap_or(words.len().saturating_sub(1));
    let mut words = words.to_vec();
    // zsh leaves out an empty word at the end.
    words.resize(words.len().max(index + 1), OsString::new());
    let word = words[index].to_string_lossy().into_owned();
    let (option, file) = word.split_at(word.find('=').map_or(0, |end| end + 1));
    let home = env
        .home
        .as_deref()
        .and_then(Path::to_str)
        .filter(|_| file.starts_with("~/"));
    if let Some(home) = home {
        words[index] = format!("{option}{home}{}", &file[1..]).into();
    }
    // Without candidates, the shell offers nothing; a message would appear in its prompt.
    let found = complete(&mut tree(), words, index, Some(Path::new("."))).unwrap_or_default();
    let is_shown = |candidate: &&CompletionCandidate| {
        let tag = candidate.get_tag().map(ToString::to_string);
        let is_global = tag.as_deref() == Some(GlobalOptions::HEADING);
        let value = candidate.get_value().to_str();
        !candidate.is_hide_set()
            && (!is_global || word.starts_with('-'))
            && value.is_some_and(|value| !value.contains(is_hostile))
    };
    let lines = found.iter().filter(is_shown).map(|candidate| {
        let line = line(shell, candidate);
        match home {
            Some(home) => line.replacen(&format!("{option}{home}/"), &format!("{option}~/"), 1),
            None => line,
        }
    });
    Some(lines.map(|line| line + "\n").collect())
}

/// Completes the last name of a comma-separated list with the variables that are set.
pub(crate) fn variable_names(typed: &OsStr) -> Vec<CompletionCandidate> {
    let Some(typed) = typed.to_str() else {
        return Vec::new();
    };
    let (before, last) = typed.split_at(typed.rfind(',').map_or(0, |comma| comma + 1));
    let env = Env::system();
    let mut names: Vec<_> = env
        .variable_names()
        .filter(|name| name.starts_with(last))
        .collect();
    names.sort_unstable();
    let complete = names.into_iter().map(|name| format!("{before}{name}"));
    complete.map(CompletionCandidate::new).collect()
}
