//! `amika version`: which build this is.

use serde_json::json;

use crate::error::Result;
use crate::ui::printer::Printer;

const VERSION: &str = env!("CARGO_PKG_VERSION");
/// The commit, or `unknown` where it was built without git.
const COMMIT: &str = env!("AMIKA_BUILD_COMMIT");
/// The commit's date.
const DATE: &str = env!("AMIKA_BUILD_DATE");
const TARGET: &str = env!("AMIKA_BUILD_TARGET");

pub(crate) fn run(printer: Printer) -> Result<()> {
    let value = json!({ "version": VERSION, "commit": COMMIT, "date": DATE, "target": TARGET });
    printer.data(&value, || {
        format!("amika {VERSION}\ncommit: {COMMIT}\ndate: {DATE}\ntarget: {TARGET}")
    })
}
