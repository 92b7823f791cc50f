//! `amika man`: a manual page for each command, generated from the command line's definition.

use std::path::{Path, PathBuf};

use clap::{Args, Command, ValueHint};
use clap_mangen::Man;
use clap_mangen::roff::{Roff, roman};

use crate::commands::variables::VARIABLES;
use crate::error::{Error, Kind, Result};
use crate::formats::{escape, words};
use crate::ui::printer::Printer;

#[derive(Debug, Args)]
pub(crate) struct ManArgs {
    /// Write a page for every command into this directory
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub(crate) out: Option<PathBuf>,
    /// Command to describe, such as 'secret push'
    #[arg(value_name = "COMMAND", value_hint = ValueHint::Other, conflicts_with = "out")]
    pub(crate) command: Vec<String>,
}

pub(crate) fn run(args: &ManArgs, tree: Command, printer: Printer) -> Result<()> {
    let mut root = tree.disable_help_subcommand(true);
    root.build();
    if let Some(directory) = &args.out {
        return write_all(&all_pages(&root)?, directory, printer);
    }
    let mut words = args.command.iter();
    let command = words.try_fold(&root, |command, word| {
        let below = command.find_subcommand(word);
        below.filter(|below| !below.is_hide_set())
    });
    let command = command.ok_or_else(|| {
        Error::usage("there is no such command").hint("`amika --help` and `amika secret --help` list them")
    })?;
    printer.raw(page(command)?.1.trim_end())
}

/// The name of its file and the text of a page for the command and each one below it.
fn all_pages(command: &Command) -> Result<Vec<(String, String)>> {
    let mut pages = vec![page(command)?];
    let shown = |below: &&Command| !below.is_hide_set() && below.get_name() != "help";
    for below in command.get_subcommands().filter(shown) {
        pages.extend(all_pages(below)?);
    }
    Ok(pages)
}

fn page(command: &Command) -> Result<(String, String)> {
    let failed = |error| Error::new(Kind::Output, "failed to write the manual page").because(error);
    let name = command.get_bin_name().unwrap_or("amika").replace(' ', "-");
    let man = Man::new(command.clone().display_name(name.clone()))
        .title(name.to_uppercase())
        .source(concat!("amika ", env!("CARGO_PKG_VERSION")))
        .manual("amika manual");
    let mut text = Vec::new();
    man.render(&mut text).map_err(failed)?;
    extra_sections().to_writer(&mut text).map_err(failed)?;
    Ok((format!("{name}.1"), String::from_utf8_lossy(&text).into_owned()))
}

/// The variables that every command reads, and the exit codes.
fn extra_sections() -> Roff {
    let mut roff = Roff::new();
    roff.control("SH", ["ENVIRONMENT"]);
    for (name, meaning) in VARIABLES {
        roff.control("TP", [])
            .text([roman(*name)])
            .text([roman(*meaning)]);
    }
    roff.control("SH", ["EXIT STATUS"]);
    for (kind, meaning) in Kind::meanings() {
        let code = kind.exit_code().to_string();
        roff.control("TP", []).text([roman(code)]).text([roman(meaning)]);
    }
    roff
}

fn write_all(pages: &[(String, String)], directory: &Path, printer: Printer) -> Result<()> {
    let place: PathBuf = Path::new(".").join(directory).components().collect();
    let shown = words::missing_path(&place).unwrap_or_else(|| "the path given to --out".to_owned());
    let failed = |error| Error::new(Kind::Output, format!("failed to write to {shown}")).because(error);
    std::fs::create_dir_all(directory).map_err(failed)?;
    for (name, text) in pages {
        std::fs::write(directory.join(name), text).map_err(failed)?;
    }
    let names: Vec<_> = pages.iter().map(|(name, _)| name).collect();
    printer.data(&names, || {
        let count = escape::count(pages.len(), "manual page");
        format!("Wrote {count} to {shown}")
    })
}
