//! `amika man`: the manual page, generated from the command line's definition.

use clap::CommandFactory;

use crate::cli::Cli;
use crate::error::{Error, Kind, Result};

pub(crate) fn page() -> Result<String> {
    let mut page = Vec::new();
    clap_mangen::Man::new(Cli::command())
        .render(&mut page)
        .map_err(|error| Error::new(Kind::Output, "writing the manual page").because(error))?;
    Ok(String::from_utf8_lossy(&page).into_owned())
}
