//! The options that every command takes.

use clap::{ArgAction, Args, ColorChoice, ValueEnum};

#[derive(Debug, Clone, Args)]
pub(crate) struct GlobalOptions {
    /// Output format
    #[arg(short, long, value_enum, global = true, default_value_t = OutputFormat::Text, help_heading = "Global options")]
    pub(crate) output: OutputFormat,
    /// Skip the confirmation
    #[arg(short, long, global = true, help_heading = "Global options")]
    pub(crate) yes: bool,
    /// Print no plan, progress, notices or success messages
    #[arg(short, long, global = true, help_heading = "Global options")]
    pub(crate) quiet: bool,
    /// Print method, path, status, time and trace ID of each request
    #[arg(short, long, action = ArgAction::Count, global = true, help_heading = "Global options")]
    pub(crate) verbose: u8,
    /// When to use colours
    #[arg(long, value_name = "WHEN", global = true, default_value_t = ColorChoice::Auto, help_heading = "Global options")]
    pub(crate) color: ColorChoice,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum OutputFormat {
    Text,
    Json,
    JsonPretty,
}
