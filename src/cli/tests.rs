//! The command line's definition, and the documentation generated from it: `docs/commands.md` and
//! `docs/exit-codes.md`. `UPDATE_DOCS=1 cargo test docs` writes both.

use std::fmt::Write;
use std::path::Path;

use clap::{Command, CommandFactory};

use super::Cli;
use crate::error::Kind;

const GENERATED: &str = "<!-- Generated from the program: UPDATE_DOCS=1 cargo test docs -->\n";

fn commands() -> String {
    let mut root = Cli::command().term_width(100);
    root.build();
    let mut all = Vec::new();
    collect(&root, &mut all);
    let mut text = format!(
        "{GENERATED}# Commands\n\nEvery command with its help, as `amika help COMMAND` prints it.\n\n"
    );
    for command in &all {
        let name = command.get_bin_name().unwrap_or("amika");
        let about = command.get_about().map(ToString::to_string).unwrap_or_default();
        writeln!(text, "- [`{name}`](#{}): {about}", name.replace(' ', "-")).unwrap();
    }
    text.push_str("- [Global options](#global-options)\n");
    for command in &all {
        // The global options are shown once, below.
        let own = (*command).clone().mut_args(|argument| {
            let is_global = argument.is_global_set() || argument.get_id() == "help";
            argument.hide(is_global)
        });
        section(own.get_bin_name().unwrap_or("amika"), own.clone(), &mut text);
    }
    let options = root.get_arguments().filter(|argument| argument.is_global_set());
    let options = Command::new("amika").args(options).help_template("{options}");
    section("Global options", options, &mut text);
    text
}

/// The command and those below it, without hidden ones and the `help` of each.
fn collect<'a>(command: &'a Command, all: &mut Vec<&'a Command>) {
    all.push(command);
    for below in command.get_subcommands() {
        if !below.is_hide_set() && below.get_name() != "help" {
            collect(below, all);
        }
    }
}

fn section(title: &str, command: Command, text: &mut String) {
    let help = command.term_width(100).render_long_help().to_string();
    let help: Vec<_> = help.trim_end().lines().map(str::trim_end).collect();
    let title = if title.starts_with("amika") {
        format!("`{title}`")
    } else {
        title.to_owned()
    };
    write!(text, "\n## {title}\n\n```text\n{}\n```\n", help.join("\n")).unwrap();
}

fn exit_codes() -> String {
    let mut text = format!(
        "{GENERATED}# Exit codes\n\nWith `-o json` an error is also JSON on standard error, with a `code`:\n\
         `{{\"error\":{{\"code\",\"message\",\"hint\"?,\"next\"?,\"problems\"?,\"trace_id\"?}}}}`.\n\
         `next` has the commands of the hint, ready to run; `problems` has every error if there are several.\n\n\
         | exit code | `code` | meaning |\n|---|---|---|\n| 0 | | Success |\n"
    );
    for (kind, meaning) in Kind::meanings() {
        let code = serde_json::to_string(&kind).unwrap().replace('"', "`");
        writeln!(text, "| {} | {code} | {meaning} |", kind.exit_code()).unwrap();
    }
    text
}

/// Writes a file of `docs/`, or compares it with the program.
#[expect(clippy::disallowed_methods, reason = "a variable selects writing the files")]
fn check(name: &str, generated: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs").join(name);
    if std::env::var_os("UPDATE_DOCS").is_some() {
        std::fs::write(&path, generated).unwrap();
    }
    let written = std::fs::read_to_string(&path)
        .unwrap_or_default()
        .replace("\r\n", "\n");
    assert!(
        written == generated,
        "docs/{name} is out of date: run UPDATE_DOCS=1 cargo test docs"
    );
}

#[test]
fn the_command_reference_in_docs_matches_the_program() {
    check("commands.md", &commands());
}

#[test]
fn the_list_of_exit_codes_in_docs_matches_the_program() {
    check("exit-codes.md", &exit_codes());
}

#[test]
fn the_clap_definition_is_valid() {
    Cli::command().debug_assert();
}

#[test]
fn every_command_has_an_example_that_fits_80_columns() {
    fn check(command: &clap::Command) {
        let help = command.get_after_help().map(ToString::to_string);
        let help = help.unwrap_or_default();
        assert!(help.contains("Example"), "{}", command.get_name());
        let mut commands = help.lines().filter(|line| line.starts_with("  "));
        assert_eq!(commands.find(|line| line.len() > 80), None);
        let below = command
            .get_subcommands()
            .filter(|below| below.get_name() != "help");
        below.for_each(check);
    }
    let mut root = Cli::command();
    root.build();
    check(&root);
}
