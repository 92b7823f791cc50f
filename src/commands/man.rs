//! `amika man`: a manual page for each command, generated from the command line's definition.

use std::path::{Path, PathBuf};

use clap::{Args, Command, CommandFactory, ValueHint};
use clap_mangen::Man;
use clap_mangen::roff::{Roff, roman};

use crate::cli::{Cli, VARIABLES};
use crate::error::{Error, Kind, Result};
use crate::formats::escape;
use crate::ui::printer::{OnWriteFailure, Printer};

#[derive(Debug, Args)]
pub(crate) struct ManArgs {
    /// Write a page for every command into this directory
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub(crate) out: Option<PathBuf>,
    /// The command to describe, for example `secret push`
    #[arg(value_name = "COMMAND", value_hint = ValueHint::Other, conflicts_with = "out")]
    pub(crate) command: Vec<String>,
}

pub(crate) fn run(args: &ManArgs, printer: Printer) -> Result<()> {
    let pages = pages()?;
    if let Some(directory) = &args.out {
        return write_all(&pages, directory, printer);
    }
    let name = std::iter::once("amika").chain(args.command.iter().map(String::as_str));
    let name = format!("{}.1", name.collect::<Vec<_>>().join("-"));
    let page = pages
        .iter()
        .find(|page| page.file_name == name)
        .ok_or_else(|| Error::usage("no such command").hint("run 'amika help' to list the commands"))?;
    printer.raw(page.text.trim_end())
}

/// A manual page and the name of its file.
struct Page {
    file_name: String,
    text: String,
}

fn pages() -> Result<Vec<Page>> {
    let mut root = Cli::command().disable_help_subcommand(true);
    root.build();
    let mut pages = Vec::new();
    add(&root, "amika", &mut pages)
        .map_err(|error| Error::new(Kind::Output, "writing the manual pages").because(error))?;
    Ok(pages)
}

fn add(command: &Command, name: &str, pages: &mut Vec<Page>) -> std::io::Result<()> {
    let visible = |command: &&Command| !command.is_hide_set();
    // The version is shown on the first page only, as it is the same everywhere.
    let page = Man::new(command.clone().display_name(name.to_owned()))
        .title(name.to_uppercase())
        .source(concat!("amika ", env!("CARGO_PKG_VERSION")))
        .manual("amika manual");
    let mut text = Vec::new();
    page.render(&mut text)?;
    extra_sections().to_writer(&mut text)?;
    pages.push(Page {
        file_name: format!("{name}.1"),
        text: String::from_utf8_lossy(&text).into_owned(),
    });
    for below in command.get_subcommands().filter(visible) {
        add(below, &format!("{name}-{}", below.get_name()), pages)?;
    }
    Ok(())
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
    for kind in Kind::ALL {
        let code = kind.exit_code().to_string();
        roff.control("TP", [])
            .text([roman(code)])
            .text([roman(kind.meaning())]);
    }
    roff
}

fn write_all(pages: &[Page], directory: &Path, printer: Printer) -> Result<()> {
    let failed = |path: &Path, error: &std::io::Error| {
        Error::new(Kind::Output, format!("writing {}", escape::path(path)))
            .because(anyhow::anyhow!(crate::system::file::reason(error)))
    };
    std::fs::create_dir_all(directory).map_err(|error| failed(directory, &error))?;
    for page in pages {
        let path = directory.join(&page.file_name);
        std::fs::write(&path, &page.text).map_err(|error| failed(&path, &error))?;
    }
    let names: Vec<_> = pages.iter().map(|page| &page.file_name).collect();
    printer.data(OnWriteFailure::Fail, &names, || {
        let count = escape::count(pages.len(), "manual page");
        format!("Wrote {count} to {}", escape::path(directory))
    })
}
