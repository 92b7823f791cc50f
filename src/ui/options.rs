//! The options that every command takes.

use clap::{ArgAction, Args, ColorChoice, ValueEnum};

#[derive(Debug, Clone, Default, Args)]
pub(crate) struct GlobalOptions {
    /// Output format
    #[arg(short, long, value_enum, global = true, default_value_t = OutputFormat::Text, hide_short_help = true, help_heading = Self::HEADING)]
    pub(crate) output: OutputFormat,
    /// Skip the confirmation
    #[arg(short, long, global = true, hide_short_help = true, help_heading = Self::HEADING)]
    pub(crate) yes: bool,
    /// Print no plan, progress, notices or success messages
    #[arg(short, long, global = true, hide_short_help = true, help_heading = Self::HEADING)]
    pub(crate) quiet: bool,
    /// Print method, path, status, time and trace ID of each request
    #[arg(short, long, action = ArgAction::Count, global = true, hide_short_help = true, help_heading = Self::HEADING)]
    pub(crate) verbose: u8,
    /// When to use colours
    #[arg(long, value_name = "WHEN", global = true, default_value_t = ColorChoice::Auto, hide_short_help = true, help_heading = Self::HEADING)]
    pub(crate) color: ColorChoice,
}

impl GlobalOptions {
    /// The heading of these options in long help.
    pub(crate) const HEADING: &str = "Global options";
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum OutputFormat {
    #[default]
    Text,
    Json,
    JsonPretty,
}
